//! The sandbox provider's own dialect: `POST /messages`, and `POST /messages/batch` for a list of them.
//!
//! Fields that are not known are kept in the request as it came, and mean nothing: `provider_options` end up there.

use crate::{
    Arrival, address,
    dialect::{self, Done, Item, Keys, Later, Manner, Refusal, Request, Sending},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Attachment, Header, Message},
    settings::Settings,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Map, Value, json};

/// The sandbox provider's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "esp",
    label: "Sandbox",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: all_inactive,
    unverified: None,
    keys: Some(Keys { replays: true, conflict: key_conflict, kept_ms: KEPT_MS, status: 200 }),
    taken,
    usage: dialect::no_usage,
    show_room: dialect::no_room_shown,
    id: dialect::uuid_of,
};

/// Lets a call with a Bearer credential in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.bearer() {
        Some(_) => Ok(()),
        None => Err(refuse(&unauthorized())),
    }
}

/// Reads a call.
fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    if !matches!(rest, "/messages" | "/messages/batch") {
        return Err(Refusal::new(404, "not_found", "there is nothing at this path"));
    }
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "method_not_allowed", "this path takes POST only"));
    }
    let key = arrival.header("idempotency-key");
    if key.is_some_and(|key| key.is_empty() || key.chars().count() > MOST_KEY) {
        return Err(Refusal::new(400, "invalid_idempotency_key", "the key must be from 1 to 256 characters"));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let key = key.map(Cow::Borrowed);
    if rest == "/messages" {
        return Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key, items: vec![item(text)] }));
    }
    let texts = draft::array(text).ok_or_else(not_json)?;
    if texts.is_empty() || texts.len() > MOST_BATCH {
        let detail = format!("a call holds from 1 to {MOST_BATCH} messages, got {}", texts.len());
        return Err(Refusal::new(422, "invalid_message", detail));
    }
    let items = texts.into_iter().map(item).collect();
    Ok(Request::Send(Sending { batch: true, all_or_nothing: false, key, items }))
}

fn item(raw: &str) -> Item<'_> {
    draft::item(raw, not_json, |value| message(value).map_err(|bad| invalid(&bad)))
}

fn message(value: &Value) -> Result<Message, BadField> {
    let fields = Fields::of(value, "")?;
    let from = fields.any("from").ok_or_else(|| BadField::new("from", "must be given"))?;
    let mut message = Message {
        reference: fields.text("id")?.map(String::from),
        from: mailbox(from, "from")?,
        to: mailboxes(&fields, "to")?,
        cc: mailboxes(&fields, "cc")?,
        bcc: mailboxes(&fields, "bcc")?,
        reply_to: mailboxes(&fields, "reply_to")?,
        subject: fields.text("subject")?.unwrap_or_default().to_string(),
        text_body: fields.text("text_body")?.map(String::from),
        html_body: fields.text("html_body")?.map(String::from),
        headers: headers(&fields)?,
        tags: fields.list("tags")?.unwrap_or_default().to_vec(),
        metadata: map(&fields, "metadata")?,
        tracking: map(&fields, "tracking")?,
        stream: fields.text("stream")?.map(String::from),
        template: fields.object("template")?.and_then(|_| fields.any("template")).cloned(),
        ..Message::default()
    };
    draft::addresses(&[message.from.clone()], "from")?;
    for (field, mailboxes) in [("to", &message.to), ("cc", &message.cc), ("bcc", &message.bcc)] {
        message.recipients.extend(draft::addresses(mailboxes, field)?);
    }
    draft::addresses(&message.reply_to, "reply_to")?;
    if message.recipients.is_empty() || message.recipients.len() > MOST_RECIPIENTS {
        let got = message.recipients.len();
        return Err(BadField::new("to", format!("must name from 1 to {MOST_RECIPIENTS} recipients, got {got}")));
    }
    if message.text_body.is_none() && message.html_body.is_none() && message.template.is_none() {
        return Err(BadField::new("text_body", "or html_body or template must be given"));
    }
    for (index, file) in fields.list("attachments")?.unwrap_or_default().iter().enumerate() {
        message.attachments.push(attachment(&Fields::of(file, &format!("attachments[{index}]"))?)?);
    }
    Ok(message)
}

/// A mailbox given as one text, or as an object of `address` (or `email`) and `name`.
fn mailbox(value: &Value, path: &str) -> Result<String, BadField> {
    if let Value::String(text) = value {
        return Ok(text.clone());
    }
    let fields = Fields::of(value, path)?;
    fields.only(&["address", "email", "name"])?;
    let address = fields.text("address")?.or(fields.text("email")?);
    let address = address.ok_or_else(|| BadField::new(fields.path("address"), "must be given"))?;
    Ok(address::join(fields.text("name")?, address))
}

fn mailboxes(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, BadField> {
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| mailbox(item, &format!("{name}[{index}]"))).collect()
        }
        Some(one) => Ok(vec![mailbox(one, name)?]),
    }
}

fn headers(fields: &Fields<'_>) -> Result<Vec<Header>, BadField> {
    let mut headers = Vec::new();
    for (index, item) in fields.list("headers")?.unwrap_or_default().iter().enumerate() {
        let path = format!("headers[{index}]");
        let item = Fields::of(item, &path)?;
        let (name, value) = (item.text("name")?.unwrap_or_default(), item.text("value")?.unwrap_or_default());
        if !draft::is_header(name, value) {
            return Err(BadField::new(path, "must be a header field"));
        }
        headers.push(Header { name: name.to_string(), value: value.to_string() });
    }
    Ok(headers)
}

fn map(fields: &Fields<'_>, name: &str) -> Result<Map<String, Value>, BadField> {
    let members =
        fields.object(name)?.map(|members| members.members().map(|(n, v)| (n.to_string(), v.clone())).collect());
    Ok(members.unwrap_or_default())
}

fn attachment(fields: &Fields<'_>) -> Result<Attachment, BadField> {
    let filename = fields.text("filename")?.filter(|name| !name.is_empty());
    let content = fields.text("content")?.and_then(draft::base64);
    Ok(Attachment {
        filename: filename.ok_or_else(|| BadField::new(fields.path("filename"), "must be given"))?.to_string(),
        content_type: fields.text("content_type")?.map(String::from),
        disposition: fields.text("disposition")?.map(String::from),
        content_id: fields.text("content_id")?.map(String::from),
        content: Some(content.ok_or_else(|| BadField::new(fields.path("content"), "must be base64"))?),
    })
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(422, "invalid_message", format!("{} {}", bad.field, bad.detail))
}

fn not_json() -> Refusal {
    Refusal::new(400, "invalid_json", "the body must be JSON")
}

fn unauthorized() -> Refusal {
    Refusal::new(401, "unauthorized", "the credential is missing or wrong")
}

/// Every recipient is on the provider's own suppression list.
fn all_inactive(inactive: &[String], recipients: usize) -> Option<Refusal> {
    let detail = "every recipient is on the provider's own suppression list";
    (inactive.len() == recipients).then(|| Refusal::new(422, "recipient_suppressed", detail))
}

/// The quota is spent.
fn over_quota(_: bool) -> Refusal {
    Refusal::new(429, "quota_exceeded", "the quota is spent")
}

/// The same key came with another body.
fn key_conflict() -> Refusal {
    Refusal::new(409, "idempotency_conflict", "this idempotency key came with another body")
}

/// A call over a window.
fn throttled(later: &Later) -> Refusal {
    too_fast(later.seconds)
}

fn too_fast(seconds: u64) -> Refusal {
    Refusal::new(429, "rate_limited", "too many calls").after(Some(seconds))
}

/// An injected fault in the sandbox provider's words.
fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast(seconds.unwrap_or(1))),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "server_error", "the provider failed").after(seconds)),
        Fault::Unauthorized => Some(unauthorized()),
        Fault::Invalid => Some(invalid(&BadField::new("to", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// The sandbox provider's error body.
fn refuse(refusal: &Refusal) -> HttpResponse {
    json::answer(refusal.status, &json!({ "code": refusal.code, "detail": refusal.detail }))
}

/// The sandbox provider's answer to a call that was carried out: of a list, what each message would have got alone.
fn taken(done: &Done<'_>) -> HttpResponse {
    if !done.batch {
        let id = done.results.iter().flatten().next().map(|taken| taken.id.as_str());
        return json::answer(200, &json!({ "id": id }));
    }
    let each = done.results.iter().map(|result| match result {
        Ok(taken) => json!({ "id": taken.id }),
        Err(refusal) => json!({ "status": refusal.status, "code": refusal.code, "detail": refusal.detail }),
    });
    json::answer(200, &each.collect())
}

/// More than any provider that Sendgate speaks to.
const MOST_RECIPIENTS: usize = 1_000;
/// Messages of a call: the same as Resend's.
const MOST_BATCH: usize = 100;
/// The same as Resend's.
const MOST_KEY: usize = 256;
/// The same as Resend's.
const KEPT_MS: u64 = 86_400_000;
