//! From JSON to a message.

use super::{
    Attachment, Class, Disposition, FieldError, HeldBytes, Message, Template, Tracking, base64,
    error::{Faults, Path},
    header,
    json::Json,
    limits, read,
    read::Object,
};
use crate::{address::Mailbox, provider::ProviderKind};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads a message: first each field on its own, and when all are right, what holds between them.
///
/// In that order, so that a misspelt body is not also reported as a missing one.
pub(super) fn message(json: &str) -> Result<Message, Vec<FieldError>> {
    checked(
        Json::read(json)
            .map_err(|error| format!("not readable as JSON at line {}, column {}", error.line(), error.column())),
    )
}

/// Reads a message of a host's own values; what the host cannot turn into JSON is its error's text.
pub(super) fn from_values<'a, D: Deserializer<'a>>(values: D) -> Result<Message, Vec<FieldError>> {
    checked(Json::deserialize(values).map_err(|error| error.to_string()))
}

fn checked(json: Result<Json<'_>, String>) -> Result<Message, Vec<FieldError>> {
    let mut faults = Faults::default();
    let message = match json {
        Ok(json) => fields(json, &mut faults),
        Err(detail) => {
            faults.add(&Path::Root, "invalid_json", detail);
            None
        }
    };
    match message {
        Some(message) if faults.0.is_empty() => limits::check(&message).map(|()| message),
        Some(_) | None => Err(faults.0),
    }
}

/// Reads each field on its own.
pub(super) fn fields(json: Json<'_>, faults: &mut Faults) -> Option<Message> {
    let mut object = Object::open(json, &Path::Root, &FIELDS, faults)?;
    let from = object.required("from", "missing_field", faults, read::mailbox);
    let to = object.required("to", "missing_recipient", faults, mailboxes);
    Some(Message {
        cc: object.optional("cc", faults, mailboxes).unwrap_or_default(),
        bcc: object.optional("bcc", faults, mailboxes).unwrap_or_default(),
        reply_to: object.optional("reply_to", faults, mailboxes).unwrap_or_default(),
        subject: object.optional("subject", faults, subject).unwrap_or_default(),
        text_body: object.optional("text_body", faults, read::body),
        html_body: object.optional("html_body", faults, read::body),
        headers: object.optional("headers", faults, header::list).unwrap_or_default(),
        attachments: object.optional("attachments", faults, attachments).unwrap_or_default(),
        tags: object.optional("tags", faults, tags).unwrap_or_default(),
        metadata: object.optional("metadata", faults, read::pairs).unwrap_or_default(),
        class: object.optional("class", faults, class).unwrap_or_default(),
        send_at: object.optional("send_at", faults, read::instant),
        expires_at: object.optional("expires_at", faults, read::instant),
        template: object.optional("template", faults, template),
        tracking: object.optional("tracking", faults, tracking).unwrap_or_default(),
        stream: object.optional("stream", faults, read::word),
        provider_options: object.optional("provider_options", faults, provider_options).unwrap_or_default(),
        held: HeldBytes(0),
        to: to?,
        from: from?,
    })
}

fn mailboxes(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Vec<Mailbox>> {
    bounded(&json, limits::MAX_RECIPIENTS, "too_many_recipients", path, faults)?;
    read::one_or_more(json, path, faults, read::mailbox)
}

pub(super) fn subject(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let subject = read::line(json, path, faults)?;
    if subject.chars().count() > limits::MAX_SUBJECT {
        faults.add(path, "invalid_value", format!("must have at most {} characters", limits::MAX_SUBJECT));
        return None;
    }
    Some(subject)
}

fn attachments(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Vec<Attachment>> {
    bounded(&json, limits::MAX_ATTACHMENTS, "too_many_attachments", path, faults)?;
    read::list(json, path, faults, attachment)
}

fn attachment(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Attachment> {
    let known = ["filename", "content_type", "content", "disposition", "content_id"];
    let mut object = Object::open(json, path, &known, faults)?;
    let named = object.has("content_id");
    let filename = object.required("filename", "missing_field", faults, read::word);
    let content_type = object.required("content_type", "missing_field", faults, header::media_type);
    let content = object.required("content", "missing_field", faults, content);
    let content_id = object.optional("content_id", faults, header::content_id);
    let disposition = match object.has("disposition") {
        true => object.optional("disposition", faults, disposition)?,
        false if named => Disposition::Inline,
        false => Disposition::Attachment,
    };
    match disposition {
        Disposition::Inline if !named => {
            faults.add(&path.field("content_id"), "missing_field", "must be given for an inline file");
            None
        }
        Disposition::Attachment if named => {
            faults.add(&path.field("content_id"), "conflicting_fields", "is for inline files only");
            None
        }
        Disposition::Inline | Disposition::Attachment => Some(Attachment {
            filename: filename?,
            content_type: content_type?,
            content: content?,
            disposition,
            content_id,
        }),
    }
}

fn content(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let content = read::text(json, path, faults)?;
    if content.is_empty() || !base64::is_canonical(&content) {
        faults.add(
            path,
            "invalid_base64",
            "must be padded base64 of the standard alphabet without line breaks, not empty",
        );
        return None;
    }
    Some(content.into_owned())
}

fn disposition(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Disposition> {
    [Disposition::Attachment, Disposition::Inline]
        .get(read::choice(json, path, faults, &["attachment", "inline"])?)
        .copied()
}

fn tags(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    read::one_or_more(json, path, faults, read::word)
}

fn class(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Class> {
    let words = Class::ALL.map(Class::as_str);
    Class::ALL.get(read::choice(json, path, faults, &words)?).copied()
}

fn template(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Template> {
    let mut object = Object::open(json, path, &["id", "data"], faults)?;
    let id = object.required("id", "missing_field", faults, read::word);
    let data = object.optional("data", faults, read::map).unwrap_or_default();
    Some(Template { id: id?, data })
}

fn tracking(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Tracking> {
    let mut object = Object::open(json, path, &["opens", "clicks"], faults)?;
    let opens = object.optional("opens", faults, read::flag);
    Some(Tracking { opens, clicks: object.optional("clicks", faults, read::flag) })
}

/// Options by provider: the names are known, what is in them is the provider's.
fn provider_options(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Map<String, Value>> {
    let mut object = Object::open(json, path, &ProviderKind::ALL.map(ProviderKind::as_str), faults)?;
    let mut options = Map::new();
    for name in ProviderKind::ALL.map(ProviderKind::as_str) {
        if let Some(map) = object.optional(name, faults, read::map) {
            options.insert(String::from(name), Value::Object(map));
        }
    }
    Some(options)
}

/// Refuses a list with more items than the bound before any of them is read.
fn bounded(json: &Json<'_>, bound: usize, code: &'static str, path: &Path<'_>, faults: &mut Faults) -> Option<()> {
    match json {
        Json::List(items) if items.len() > bound => {
            faults.add(path, code, format!("must have at most {bound} items, got {}", items.len()));
            None
        }
        Json::List(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => Some(()),
    }
}

/// Every field of a message, in the order of the documentation.
const FIELDS: [&str; 19] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "text_body",
    "html_body",
    "headers",
    "attachments",
    "tags",
    "metadata",
    "class",
    "send_at",
    "expires_at",
    "template",
    "tracking",
    "stream",
    "provider_options",
];
