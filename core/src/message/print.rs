//! From a message to JSON.

use super::{Class, Disposition, Message};
use crate::{
    address::Mailbox,
    time::UnixMillis,
    wire::{Each, Pairs, Text, with_files},
};
use alloc::string::String;
use serde::Serialize;
use serde_json::{Map, Value};

/// Compact JSON that reads as the same message; what is absent is left out. `None` when a content is not base64.
pub(super) fn message(message: &Message) -> Option<String> {
    let printed = Printed {
        from: Text(&message.from),
        to: Each(&message.to, Text),
        cc: Each(&message.cc, Text),
        bcc: Each(&message.bcc, Text),
        reply_to: Each(&message.reply_to, Text),
        subject: &message.subject,
        text_body: message.text_body.as_deref(),
        html_body: message.html_body.as_deref(),
        headers: Each(&message.headers, |(name, value)| Header { name, value }),
        tags: &message.tags,
        metadata: Pairs(&message.metadata),
        class: message.class,
        send_at: message.send_at.as_ref().map(Text),
        expires_at: message.expires_at.as_ref().map(Text),
        template: message.template.as_ref().map(|template| Template { id: &template.id, data: &template.data }),
        tracking: Tracking { opens: message.tracking.opens, clicks: message.tracking.clicks },
        stream: message.stream.as_deref(),
        provider_options: &message.provider_options,
    };
    let files = message.attachments.iter().map(|file| {
        let head = File {
            filename: &file.filename,
            content_type: &file.content_type,
            disposition: file.disposition,
            content_id: file.content_id.as_deref(),
        };
        (head, &file.content)
    });
    with_files(&printed, ("attachments", "content"), files).and_then(|json| String::from_utf8(json).ok())
}

#[derive(Serialize)]
struct Printed<'a> {
    from: Text<'a, Mailbox>,
    to: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    reply_to: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Each<'a, (String, String), Header<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    metadata: Pairs<'a>,
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Text<'a, UnixMillis>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Text<'a, UnixMillis>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template<'a>>,
    #[serde(skip_serializing_if = "Tracking::is_empty")]
    tracking: Tracking,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    provider_options: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Template<'a> {
    id: &'a str,
    data: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Tracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<bool>,
}

impl Tracking {
    fn is_empty(&self) -> bool {
        self.opens.is_none() && self.clicks.is_none()
    }
}
