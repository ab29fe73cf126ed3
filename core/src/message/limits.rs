//! The bounds of a message, and how its size is measured.

use super::{FieldError, Message};
use crate::{address::Mailbox, time::UnixMillis};
use alloc::{string::String, vec, vec::Vec};

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
    message.subject.len() + mailbox(&message.from) + mailboxes + bodies + pairs + tags + files + template + options
}

/// R231: a message with everything in it, 25 MB, counted in decimal megabytes after base64.
pub const MAX_MESSAGE_BYTES: usize = 25_000_000;
/// R232: files of a message.
pub const MAX_ATTACHMENTS: usize = 10;
/// Recipients of a message: the most that any provider takes in a call (SendGrid and Mailgun, 1,000).
pub const MAX_RECIPIENTS: usize = 1_000;
