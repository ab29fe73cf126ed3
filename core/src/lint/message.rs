//! A message, and how it suits the provider it goes to.

use super::{Finding, Found, Severity, attachments, is_to_many};
use crate::{
    account::to_many,
    config::{AccountConfig, DomainStatus},
    message::{Disposition, FieldError, Message},
    provider::{self, ProviderKind},
};
use alloc::{format, string::String, vec::Vec};

/// What is worth a word in a message. The account and the provider say more where they are known; without a provider it is
/// the account's preferred one.
///
/// # Example: what does a newsletter without a way out get?
/// ```
/// use sendgate_core::{lint, message::Message};
///
/// let json = r#"{"from":"a@shop.example","to":"b@example.net","subject":"News","html_body":"<p>Hi","class":"bulk"}"#;
/// let found = lint::message(&Message::parse(json).unwrap(), None, None);
/// let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
/// assert_eq!(codes, ["missing_unsubscribe", "html_without_text", "no_postal_address_configured"]);
/// ```
#[must_use]
pub fn message(message: &Message, account: Option<&AccountConfig>, kind: Option<ProviderKind>) -> Vec<Finding> {
    let mut found = Found::default();
    let kind = kind.or_else(|| account.and_then(|account| account.senders().next()).map(|sender| sender.kind));
    bodies(message, &mut found);
    header_fields(message, &mut found);
    people(message, account, &mut found);
    if is_to_many(message) {
        way_out(message, &mut found);
        postal_address(message, account, &mut found);
    }
    if let Some(kind) = kind {
        suits(message, kind, &mut found);
        attachments::check(message, kind, &mut found);
    }
    found.sorted()
}

/// As [`message`], of a message's JSON; what reading it refuses is an error each, with the reader's own code.
#[must_use]
pub fn text(json: &str, account: Option<&AccountConfig>, kind: Option<ProviderKind>) -> Vec<Finding> {
    match Message::parse(json) {
        Ok(read) => message(&read, account, kind),
        Err(errors) => faults(errors),
    }
}

/// The errors of a message that cannot be read, as findings.
#[must_use]
pub fn faults(errors: Vec<FieldError>) -> Vec<Finding> {
    let told =
        |FieldError { field, code, detail }| Finding { code, severity: Severity::Error, field, detail, source: OWN };
    errors.into_iter().map(told).collect()
}

fn bodies(message: &Message, found: &mut Found) {
    let is_there = |body: &Option<String>| body.as_ref().is_some_and(|body| !body.is_empty());
    if is_there(&message.html_body) && !is_there(&message.text_body) {
        let detail = "give a text_body, too: readers and filters without HTML see nothing otherwise";
        found.add(Severity::Warning, "html_without_text", "text_body", detail, MULTIPART);
    }
    let longest = message.text_body.iter().flat_map(|text| text.lines()).map(str::len).max().unwrap_or(0);
    if longest > MAX_LINE {
        let detail = format!("a line has {longest} bytes; beyond {MAX_LINE} it has to be encoded on the way");
        found.add(Severity::Note, "line_too_long", "text_body", detail, LINES);
    }
    let html = message.html_body.as_deref().unwrap_or_default();
    for (place, file) in message.attachments.iter().enumerate() {
        let is_shown = |id: &String| html.contains(&format!("cid:{id}"));
        if file.disposition == Disposition::Inline && !file.content_id.as_ref().is_some_and(is_shown) {
            let field = format!("attachments[{place}].content_id");
            let detail = "no cid: in html_body names this inline file, so it is shown as an attachment, or not at all";
            found.add(Severity::Warning, "inline_image_unused", field, detail, INLINE);
        }
    }
}

fn header_fields(message: &Message, found: &mut Found) {
    if message.template.is_none() && message.subject.trim().is_empty() {
        let detail = "a subject of spaces is none; say what the mail is about";
        found.add(Severity::Warning, "subject_empty", "subject", detail, SUBJECT);
    }
    let line = SUBJECT_FIELD.saturating_add(message.subject.len());
    if line > RECOMMENDED_LINE {
        let detail =
            format!("its line has {line} bytes; beyond {RECOMMENDED_LINE} it is folded, and most clients cut it");
        found.add(Severity::Note, "subject_line_long", "subject", detail, LINES);
    }
    for (name, value) in &message.headers {
        let line = name.len().saturating_add(value.len()).saturating_add(SEPARATOR);
        let has_no_space = !value.contains(' ') && line > MAX_LINE;
        if has_no_space {
            let detail = format!("its line has {line} bytes and no space to fold it at; a line may have {MAX_LINE}");
            found.add(Severity::Error, "header_line_too_long", format!("headers.{name}"), detail, LINES);
        }
    }
}

fn people(message: &Message, account: Option<&AccountConfig>, found: &mut Found) {
    let shown = message.to.len().saturating_add(message.cc.len());
    if is_to_many(message) && shown > 1 {
        let detail = format!("{shown} recipients see each other; send a message to each, or use the bulk form");
        found.add(Severity::Warning, "many_recipients_shown", "to", detail, GMAIL);
    }
    let local = |address: &crate::address::Address| address.local().to_ascii_lowercase();
    let is_deaf = |text: String| matches!(text.as_str(), "noreply" | "no-reply" | "donotreply" | "do-not-reply");
    let replies = message.reply_to.first().unwrap_or(&message.from);
    if is_deaf(local(&replies.address)) {
        let field = if message.reply_to.is_empty() { "from" } else { "reply_to" };
        let detail = "replies go nowhere, and so do people's requests to leave; set a reply_to that somebody reads";
        found.add(Severity::Note, "reply_to_unreachable", field, detail, REPLIES);
    }
    let Some(domains) = account.and_then(|account| account.domains.as_ref()) else { return };
    match domains.iter().find(|own| own.name == message.from.address.domain()).map(|own| own.status) {
        Some(DomainStatus::Verified) => {}
        Some(DomainStatus::Pending) => {
            let detail = "the domain is not verified yet; its mail is refused until its records are found";
            found.add(Severity::Error, "from_domain_pending", "from", detail, OWN);
        }
        None => {
            let detail = "the domain is not one of the account's; its mail is refused";
            found.add(Severity::Error, "from_domain_unlisted", "from", detail, OWN);
        }
    }
}

/// RFC 8058's two fields. What is wrong between them, reading the message has refused.
fn way_out(message: &Message, found: &mut Found) {
    let value = |wanted: &str| {
        message.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    };
    let Some(list) = value("list-unsubscribe") else {
        let detail =
            "set List-Unsubscribe and List-Unsubscribe-Post: Gmail and Yahoo want both from whoever sends to many";
        return found.add(Severity::Error, "missing_unsubscribe", "headers", detail, GMAIL);
    };
    if value("list-unsubscribe-post").is_none() {
        let detail = "set List-Unsubscribe-Post: List-Unsubscribe=One-Click beside List-Unsubscribe";
        found.add(Severity::Error, "missing_one_click", "headers", detail, ONE_CLICK);
    }
    if list.to_ascii_lowercase().contains("<http://") {
        let detail = "List-Unsubscribe has an http address; one click needs https";
        found.add(Severity::Warning, "insecure_unsubscribe", "headers", detail, ONE_CLICK);
    }
}

fn postal_address(message: &Message, account: Option<&AccountConfig>, found: &mut Found) {
    let Some(address) = account.and_then(|account| account.postal_address.as_ref()) else {
        let detail = "name the account's postal_address, and it is looked for in every body";
        return found.add(Severity::Note, "no_postal_address_configured", "postal_address", detail, CAN_SPAM);
    };
    if let Some(field) = to_many::lacks_address(address, message) {
        let detail = "commercial mail has to show the sender's postal address, and this body does not";
        found.add(Severity::Error, "missing_postal_address", field, detail, CAN_SPAM);
    }
}

/// Whether the provider takes it.
fn suits(message: &Message, kind: ProviderKind, found: &mut Found) {
    for gap in provider::check(kind, message).err().into_iter().flatten() {
        let detail = format!("{gap}; another provider, or a message without it, is needed");
        found.add(Severity::Error, "unsupported_feature", "", detail, OWN);
    }
    let Some((most, source)) = attachments::most_bytes(kind) else { return };
    let size = message.size();
    if size > most {
        let detail = format!("it has {size} bytes after base64, and {} takes {most}", kind.as_str());
        found.add(Severity::Error, "size_over_provider", "", detail, source);
    }
}

/// RFC 5322 section 2.1.1: a line without its end.
const MAX_LINE: usize = 998;
/// The same: what a line should have at most.
const RECOMMENDED_LINE: usize = 78;
/// `Subject: `.
const SUBJECT_FIELD: usize = 9;
/// A colon and a space.
const SEPARATOR: usize = 2;

const LINES: &str = "RFC 5322 section 2.1.1";
const SUBJECT: &str = "RFC 5322 section 3.6.5";
const MULTIPART: &str = "RFC 2046 section 5.1.4";
const INLINE: &str = "RFC 2392";
const ONE_CLICK: &str = "RFC 8058 section 3";
const REPLIES: &str = "RFC 5322 section 3.6.2";
const GMAIL: &str = "https://support.google.com/a/answer/81126";
const CAN_SPAM: &str = "16 CFR 316, 15 U.S.C. 7704(a)(5); R055";
const OWN: &str = "what Sendgate itself refuses";
