//! Cloudflare Email Service over REST: `POST /accounts/{account_id}/email/sending/send`.
//!
//! Fields and bounds after cloudflare-docs (`email-service`, October 2026), the `cloudflare` SDK (PyPI 5.9.0) and
//! workers-types 5.20261117.1. It has no tags, metadata, templates, tracking, streams, schedule or idempotency key.
//! Header fields of the caller's own go through when their names begin with `X-`; Sendgate does not turn tags into them,
//! because receivers would see them. The binding ([`super::cloudflare_binding`]) lacks the same.

mod headers;

use super::{
    BuildError, Dialect, Dispatch, ProviderKind, Target, bearer,
    classify::{Class, by_status, json_object, readable_id, safe_name},
    http, options, post,
};
use crate::{
    address::Mailbox,
    event::{BounceTable, Evidence},
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Disposition, Message},
    outcome::{Answer, Outcome, Refused, RefusedReason},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, with_files},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

/// Cloudflare's file.
pub(super) struct Cloudflare;

impl Dialect for Cloudflare {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.cloudflare.com/client/v4")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(ProviderKind::Cloudflare, message, &COMPOSED)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        build(target, dispatch).map(Call::Http)
    }

    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        http(reply, |response| classify(response, now))
    }
}

/// What this message needs and Cloudflare lacks, by either way to it.
pub(super) fn gaps(kind: ProviderKind, message: &Message, composed: &[&str]) -> Vec<&'static str> {
    let found = [
        (message.recipient_count() > MAX_RECIPIENTS, "more than 50 recipients"),
        (message.reply_to.len() > 1, "more than one reply-to"),
        (!message.tags.is_empty(), "tags"),
        (!message.metadata.is_empty(), "metadata"),
        (message.template.is_some(), "templates"),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        (message.size() > MAX_SIZE, "messages over 5 MiB"),
        (options::collide(kind, message, composed), options::COLLISION),
    ];
    let found = found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature));
    found.chain(headers::gaps(&message.headers)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let account =
        target.account_id.filter(|id| is_account(id)).ok_or(BuildError::Incomplete { field: "account_id" })?;
    let message = dispatch.message;
    let email = Email {
        from: Named(&message.from),
        to: Each(dispatch.to, |mailbox| Named(mailbox)),
        cc: Each(dispatch.cc, |mailbox| Named(mailbox)),
        bcc: Each(dispatch.bcc, |mailbox| Named(mailbox)),
        reply_to: message.reply_to.first().map(Named),
        subject: &message.subject,
        text: message.text_body.as_deref(),
        html: message.html_body.as_deref(),
        headers: Pairs(&message.headers),
        options: options::of(ProviderKind::Cloudflare, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)?;
    let path = format!("/accounts/{account}/email/sending/send");
    Ok(post(target, &path, bearer(target), body))
}

/// The meaning of an answer: `{"success", "errors": [{"code", "message"}], "result"}`.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    let is_good = (200..300).contains(&status);
    if is_good && body.get("success") == Some(&Value::Bool(true)) {
        return taken(body.get("result").and_then(Value::as_object), status);
    }
    let error = body.get("errors").and_then(|errors| errors.get(0));
    let message = error.and_then(|error| error.get("message")).and_then(Value::as_str).unwrap_or_default();
    let word = message.strip_prefix(PREFIX).and_then(safe_name);
    let number = error.and_then(|error| error.get("code")).and_then(Value::as_u64).map(|code| code.to_string());
    let class = class_of(status, word, message);
    let outcome = class.outcome(retry_after::of_response(response, now));
    Answer::new(outcome, status, word.map(String::from).or(number))
}

/// Who was taken, and who was not.
fn taken(result: Option<&Map<String, Value>>, status: u16) -> Answer {
    let list = |field| {
        let list = result.and_then(|result| result.get(field)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    };
    let suppressed = list("suppressed_recipients").map(|one| Refused::new(one.into(), RefusedReason::Suppressed));
    let bounced = list(BOUNCED).map(|one| {
        let evidence =
            Evidence { provider: ProviderKind::Cloudflare.as_str(), word: Some(BOUNCED), ..Evidence::default() };
        let bounce = Some(BounceTable::embedded().classify(&evidence).0);
        Refused { bounce, ..Refused::new(one.into(), RefusedReason::Permanent) }
    });
    let refused: Vec<_> = suppressed.chain(bounced).collect();
    let id = result.and_then(|result| result.get("message_id")).and_then(Value::as_str).and_then(readable_id);
    let someone = list("delivered").chain(list("queued")).next().is_some();
    let outcome = if someone || (id.is_some() && refused.is_empty()) {
        Outcome::Accepted { provider_message_id: id }
    } else if refused.is_empty() {
        Outcome::Unknown
    } else if refused.iter().all(|refused| refused.reason == RefusedReason::Suppressed) {
        Outcome::RecipientSuppressed
    } else {
        Outcome::PermanentlyRefused
    };
    Answer { refused, ..Answer::new(outcome, status, None) }
}

/// By the message, not by the number: 10200 and 10202 changed places between two versions of the documentation.
fn class_of(status: u16, word: Option<&str>, message: &str) -> Class {
    if let Some((_, class)) = word.and_then(|word| ERRORS.iter().find(|(known, _)| *known == word)) {
        return *class;
    }
    // Neither has a documented word: that one suppressed recipient refuses the whole call is, and so is a daily limit.
    match by_status(status) {
        Class::Refused if message.contains("suppress") => Class::RecipientSuppressed,
        Class::Throttled if message.contains("daily") => Class::QuotaSpent,
        class @ (Class::Throttled
        | Class::Transient
        | Class::QuotaSpent
        | Class::CredentialsWrong
        | Class::SenderRefused
        | Class::RecipientSuppressed
        | Class::Refused
        | Class::Unknown) => class,
    }
}

/// Whether a text can be a part of the path.
fn is_account(id: &str) -> bool {
    (1..=MAX_ACCOUNT).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[derive(Serialize)]
struct Email<'a> {
    from: Named<'a>,
    to: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Named<'a>>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    headers: Pairs<'a>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

/// `{"address", "name"}`, or the bare address: the name is required in the object.
struct Named<'a>(&'a Mailbox);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(self.0, "address", serializer)
    }
}

/// An address and its name as an object, or the address alone.
pub(super) fn named<S: Serializer>(mailbox: &Mailbox, address: &'static str, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(name) = &mailbox.name else { return serializer.serialize_str(mailbox.address.as_str()) };
    let mut object = serializer.serialize_struct("Named", 2)?;
    object.serialize_field(address, mailbox.address.as_str())?;
    object.serialize_field("name", name)?;
    object.end()
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    #[serde(rename = "type")]
    content_type: &'a str,
    disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition } = file;
        Self { filename, content_type, disposition: *disposition, content_id: content_id.as_deref() }
    }
}

/// Every field of the body that Sendgate composes.
const COMPOSED: [&str; 10] =
    ["from", "to", "cc", "bcc", "reply_to", "subject", "text", "html", "headers", "attachments"];

/// What every message of an error begins with.
const PREFIX: &str = "email.sending.error.";
/// cloudflare-docs, `api/send-emails/rest-api.mdx` (015dc8c).
const ERRORS: &[(&str, Class)] = &[
    ("invalid_request_schema", Class::Refused),
    ("email.too_big", Class::Refused),
    ("email.no_content_length", Class::Refused),
    ("email.invalid", Class::Refused),
    ("authentication.unauthorized", Class::CredentialsWrong),
    ("authentication.bad_token_type", Class::CredentialsWrong),
    ("authentication.forbidden", Class::CredentialsWrong),
    ("authentication.not_entitled", Class::CredentialsWrong),
    ("email.sending_disabled", Class::CredentialsWrong),
    ("not_found", Class::Refused),
    ("throttled", Class::Throttled),
    ("internal_server", Class::Transient),
    ("not_implemented", Class::Refused),
    ("authentication.upstream", Class::Transient),
];
/// The field with those who bounced at once, and the bounce table's word for them.
const BOUNCED: &str = "permanent_bounces";
/// cloudflare-docs, `platform/limits.mdx`: recipients over to, cc and bcc.
const MAX_RECIPIENTS: usize = 50;
/// cloudflare-docs, `platform/limits.mdx`: the whole message, attachments included.
const MAX_SIZE: usize = 5 * 1024 * 1024;
/// Cloudflare's ids have 32 characters.
const MAX_ACCOUNT: usize = 64;

#[cfg(test)]
mod tests;
