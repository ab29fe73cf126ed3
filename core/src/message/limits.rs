//! The bounds of a message, and how its size is measured.

use super::{
    FieldError, Message,
    error::{Faults, Path},
    header,
};
use crate::{address::Mailbox, time::UnixMillis};
use alloc::{format, string::String, vec, vec::Vec};

/// What must hold between the fields of a message that are each right on their own.
pub(super) fn check(message: &Message) -> Result<(), Vec<FieldError>> {
    let mut faults = Faults::default();
    let mut add = |field, code, detail: &str| faults.add(&Path::Root.field(field), code, detail);
    let has_text = |body: &Option<String>| body.as_ref().is_some_and(|body| !body.is_empty());
    if message.to.is_empty() {
        add("to", "missing_recipient", "must hold at least one recipient");
    }
    if message.recipient_count() > MAX_RECIPIENTS {
        add("to", "too_many_recipients", &format!("to, cc and bcc may hold {MAX_RECIPIENTS} recipients together"));
    }
    if message.template.is_some() && (message.text_body.is_some() || message.html_body.is_some()) {
        add("template", "conflicting_fields", "a template stands in place of text_body and html_body");
    }
    if message.template.is_none() {
        if !has_text(&message.text_body) && !has_text(&message.html_body) {
            add("text_body", "missing_body", "one of text_body, html_body and template must be given");
        }
        if message.subject.is_empty() {
            add("subject", "missing_field", "must be given unless there is a template");
        }
    }
    if let Some(fault) = header::one_click_fault(&message.headers) {
        add("headers", "invalid_header", fault);
    }
    if let (Some(start), Some(end)) = (message.send_at, message.expires_at)
        && end <= start
    {
        add("expires_at", "expires_before_send", "must be later than send_at");
    }
    let size = size(message);
    if size > MAX_MESSAGE_BYTES {
        let detail = format!("the message must have at most {MAX_MESSAGE_BYTES} bytes after base64, got {size}");
        faults.add(&Path::Root, "message_too_large", detail);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
}

pub(super) fn check_times(message: &Message, now: UnixMillis) -> Result<(), Vec<FieldError>> {
    match message.expires_at {
        Some(end) if end <= now => Err(vec![FieldError {
            field: String::from("expires_at"),
            code: "expired",
            detail: String::from("must be later than now"),
        }]),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn size(message: &Message) -> usize {
    let mailbox =
        |mailbox: &Mailbox| mailbox.name.as_ref().map_or(0, String::len).saturating_add(mailbox.address.as_str().len());
    let pair = |(name, value): &(String, String)| name.len().saturating_add(value.len());
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let mailboxes: usize = message.recipients().chain(&message.reply_to).map(mailbox).sum();
    let pairs: usize = message.headers.iter().chain(&message.metadata).map(pair).sum();
    let tags: usize = message.tags.iter().map(String::len).sum();
    let files: usize = message
        .attachments
        .iter()
        .map(|file| file.filename.len() + file.content_type.len() + file.content.len() + text(&file.content_id))
        .sum();
    let json = |map| serde_json::to_string(map).map_or(0, |json| json.len());
    let template = message.template.as_ref().map_or(0, |template| template.id.len() + json(&template.data));
    let options = if message.provider_options.is_empty() { 0 } else { json(&message.provider_options) };
    let bodies = text(&message.text_body) + text(&message.html_body);
    message.subject.len()
        + mailbox(&message.from)
        + mailboxes
        + bodies
        + pairs
        + tags
        + files
        + template
        + options
        + message.held.0
}

/// R231: a message with everything in it, 25 MB, counted in decimal megabytes after base64.
pub const MAX_MESSAGE_BYTES: usize = 25_000_000;
/// R232: files of a message.
pub const MAX_ATTACHMENTS: usize = 10;
/// Recipients of a message: the most that any provider takes in a call (SendGrid and Mailgun, 1,000).
pub const MAX_RECIPIENTS: usize = 1_000;
/// Characters of a subject: RFC 5322 section 2.1.1's line, which is also Cloudflare's bound.
pub(super) const MAX_SUBJECT: usize = 998;
