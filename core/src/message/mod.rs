//! A message as the API takes it: read strictly, kept whole, printed back without loss.
//!
//! [`Message::parse`] reports every fault at once, each with its path (`attachments[3].content`) and a stable code.
//! Attachment contents are checked as base64 but never decoded: they are copied once, from the request into the
//! [`Message`], and once more into the provider's request.
//!
//! Out of scope: what a provider lacks ([`crate::provider::check`]), and times relative to now
//! ([`Message::check_times`] is asked separately, because parsing is also done on messages that were stored long ago).

mod base64;
mod circular;
mod error;
mod header;
mod json;
mod limits;
mod nearest;
mod parse;
mod pattern;
mod print;
mod read;

pub(crate) use json::Json;
pub(crate) use nearest::nearest;

pub use circular::{Circular, Missing, Person};
pub use error::{CODES, FieldError};
pub use limits::{MAX_ATTACHMENTS, MAX_MESSAGE_BYTES, MAX_RECIPIENTS};

use crate::{address::Mailbox, time::UnixMillis};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message for one provider call.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The author.
    pub from: Mailbox,
    /// Recipients shown; at least one.
    pub to: Vec<Mailbox>,
    /// Recipients of a copy.
    pub cc: Vec<Mailbox>,
    /// Recipients not shown.
    pub bcc: Vec<Mailbox>,
    /// Where answers go, when not to `from`.
    pub reply_to: Vec<Mailbox>,
    /// The subject; empty only with a template.
    pub subject: String,
    /// The plain text body. Empty is not absent: some providers derive a text from the HTML unless one is given.
    pub text_body: Option<String>,
    /// The HTML body.
    pub html_body: Option<String>,
    /// Further header fields in order, name and value.
    pub headers: Vec<(String, String)>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Words to group messages by.
    pub tags: Vec<String>,
    /// Names and values that come back in events, in order.
    pub metadata: Vec<(String, String)>,
    /// What kind of mail it is.
    pub class: Class,
    /// Not to leave before.
    pub send_at: Option<UnixMillis>,
    /// Not to leave from then on.
    pub expires_at: Option<UnixMillis>,
    /// The provider's template in place of the bodies.
    pub template: Option<Template>,
    /// Tracking that differs from the provider account's setting.
    pub tracking: Tracking,
    /// The provider's stream or pool.
    pub stream: Option<String>,
    /// By provider name: an object merged into that provider's request.
    pub provider_options: Map<String, Value>,
    /// Bytes of contents that are not with the files: of a message that is judged and not sent. Everyone may name this
    /// field, so that a room can name all of them, and only the core makes one.
    pub held: HeldBytes,
}

/// How many bytes of a message are not with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeldBytes(pub(crate) usize);

/// A file sent with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// Its content in base64, as given.
    pub content: String,
    /// Whether it is shown in the body or beside it.
    pub disposition: Disposition,
    /// How the HTML names it (`cid:` and this); present exactly when it is inline.
    pub content_id: Option<String>,
}

/// Where a file is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Beside the body.
    #[default]
    Attachment,
    /// In the body.
    Inline,
}

/// The kind of a message: each has its own queue and its own presets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person waits for it.
    #[default]
    Transactional,
    /// Follows from what a person did.
    Lifecycle,
    /// One of a planned series.
    Drip,
    /// To many at once.
    Bulk,
}

/// A template that the provider keeps.
#[derive(Clone, PartialEq)]
pub struct Template {
    /// The provider's id or alias of it.
    pub id: String,
    /// What it is filled with. Numbers beyond 64 bits lose their last digits, as in any JSON reader's doubles.
    pub data: Map<String, Value>,
}

/// What the provider tracks in this message; `None` leaves it to the provider account's setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tracking {
    /// Opens.
    pub opens: Option<bool>,
    /// Clicks.
    pub clicks: Option<bool>,
}

impl Message {
    /// Reads a message object.
    ///
    /// Unknown fields and repeated ones are errors, `null` is the same as absent. Lists of mailboxes may be a single
    /// one.
    ///
    /// # Errors
    /// Every fault found, at most [`FieldError::MAX_REPORTED`]; never an empty list.
    ///
    /// # Example: what does the smallest message look like?
    /// ```
    /// use sendgate_core::message::Message;
    /// let json = r#"{"from":"a@shop.example","to":"b@example.net","subject":"Hi","text_body":"Hello"}"#;
    /// assert_eq!(Message::parse(json).unwrap().recipient_count(), 1);
    /// let json = r#"{"from":"a@shop.example","to":["b@"],"subject":"Hi","text":"Hello"}"#;
    /// let faults = Message::parse(json).unwrap_err();
    /// assert_eq!(faults[0].field, "text");
    /// assert_eq!(faults[1].field, "to[0]");
    /// ```
    pub fn parse(json: &str) -> Result<Self, Vec<FieldError>> {
        parse::message(json)
    }

    /// As [`Message::parse`], of a host's own values that serde can read: a dictionary of Python, say. They are copied once.
    ///
    /// # Errors
    /// As [`Message::parse`]; what the deserializer itself refuses has the code `invalid_json` and the deserializer's words.
    pub fn from_values<'a, D: serde::Deserializer<'a>>(values: D) -> Result<Self, Vec<FieldError>> {
        parse::from_values(values)
    }

    /// Prints the message such that [`Message::parse`] reads the same one again.
    ///
    /// A message that was put together by hand with a content that is not base64 prints as an empty text, which nothing
    /// reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        print::message(self).unwrap_or_default()
    }

    /// Faults of the times against now: a message that is already past its `expires_at`.
    ///
    /// # Errors
    /// One error with the code `expired`.
    pub fn check_times(&self, now: UnixMillis) -> Result<(), Vec<FieldError>> {
        limits::check_times(self, now)
    }

    /// The bytes of the message by the documented measure, which [`MAX_MESSAGE_BYTES`] bounds.
    ///
    /// The sum of the UTF-8 bytes of everything composed from it: subject; bodies; header names and values; every
    /// mailbox's display name and address; each attachment's file name, media type, content id and *base64* content;
    /// tags; metadata names and values; template id; and the compact JSON of template data and provider options.
    /// Boundaries, field names and transfer encoding of bodies are the provider's and do not count.
    #[must_use]
    pub fn size(&self) -> usize {
        limits::size(self)
    }

    /// Recipients over `to`, `cc` and `bcc`: what quotas and windows are charged for.
    #[must_use]
    pub fn recipient_count(&self) -> usize {
        self.to.len().saturating_add(self.cc.len()).saturating_add(self.bcc.len())
    }

    /// Every recipient, `to` first, then `cc`, then `bcc`.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

impl Class {
    /// Every class, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Transactional, Self::Lifecycle, Self::Drip, Self::Bulk];

    /// The word for it in JSON and in the trace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Lifecycle => "lifecycle",
            Self::Drip => "drip",
            Self::Bulk => "bulk",
        }
    }
}

/// Shows counts and the class only: the rest is personal.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recipients, files) = (self.recipient_count(), self.attachments.len());
        write!(f, "Message({} with {recipients} recipients, {files} attachments)", self.class.as_str())
    }
}

/// Shows the sizes only.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({:?}, {} base64 bytes)", self.disposition, self.content.len())
    }
}

/// Shows the number of values only.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} values)", self.data.len())
    }
}

#[cfg(test)]
mod tests;
