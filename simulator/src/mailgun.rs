//! Mailgun's v3 dialect: `POST /v3/{domain}/messages` and `/messages.mime`, as a form of either kind.

use crate::{
    Arrival, address,
    dates::{mail_date, read_mail_date},
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending, Stamp},
    draft,
    faults::Fault,
    form::{self, Field},
    json::{self, BadField},
    messages::{Attachment, Header, Message},
    mime,
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

/// Mailgun's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "mailgun",
    label: "Mailgun",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: dialect::takes_inactive,
    unverified: None,
    keys: None,
    taken,
    usage: dialect::no_usage,
    show_room: dialect::no_room_shown,
    id,
};

/// Lets a call with Basic credentials of the user `api` in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    let basic = arrival.header("authorization").and_then(|value| value.split_once(' '));
    let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let pair = basic.and_then(|(_, text)| String::from_utf8(draft::base64(text.trim())?).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some(("api", key)) if !key.is_empty() => Ok(()),
        Some(_) | None => Err(refuse(&wrong_key())),
    }
}

fn read<'a>(
    rest: &'a str,
    arrival: &Arrival<'a>,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Request<'a>, Refusal> {
    let (domain, whole) = match draft::segments(rest).as_slice() {
        ["v3", domain, "messages"] => (*domain, false),
        ["v3", domain, "messages.mime"] => (*domain, true),
        _ => return Err(Refusal::new(200, TEXT, "Mailgun Magnificent API")),
    };
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "", "method not allowed"));
    }
    let known = settings.domains.as_ref().is_none_or(|known| known.contains(&domain.to_lowercase()));
    let is_domain = domain.contains('.') && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    if !known || !is_domain {
        return Err(Refusal::new(404, "", "Domain not found"));
    }
    if arrival.body.len() > MOST_BYTES {
        return Err(Refusal::new(413, "", "Request Entity Too Large"));
    }
    let fields = form::read(arrival).ok_or_else(|| Refusal::new(400, "", "the body is not a form"))?;
    let message = if whole { raw(&fields) } else { message(&fields, now) };
    let shown = json!({ "form": fields.iter().map(Field::show).collect::<Vec<_>>() });
    let item = Item { raw: Cow::Owned(shown.to_string()), message: message.map_err(|bad| invalid(&bad)) };
    Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key: None, items: vec![item] }))
}

/// A message that comes as MIME, with its recipients beside it.
fn raw(fields: &[Field<'_>]) -> Result<Message, BadField> {
    let source = fields.iter().find(|field| field.name == "message");
    let source = source.ok_or_else(|| BadField::new("message", "is missing"))?;
    let message = mime::read(&source.bytes).ok_or_else(|| BadField::new("message", "is not a MIME message"))?;
    let mut to = Vec::new();
    for field in fields.iter().filter(|field| field.name == "to") {
        to.extend(mailboxes(field)?);
    }
    let recipients = draft::addresses(&to, "to")?;
    bounded(&recipients)?;
    Ok(Message { recipients, ..message })
}

fn message(fields: &[Field<'_>], now: UnixMillis) -> Result<Message, BadField> {
    let mut message = Message::default();
    let mut option_bytes = 0_usize;
    for field in fields {
        let prefixed = ["o:", "h:", "v:", "t:"].iter().find_map(|prefix| field.name.strip_prefix(prefix));
        match prefixed {
            Some(name) => {
                option_bytes += field.name.len() + field.bytes.len();
                option(&mut message, &field.name, name, text(field)?, now)?;
            }
            None => plain(&mut message, field)?,
        }
    }
    message.template = message.template.filter(|template| template.get("id").is_some_and(Value::is_string));
    if option_bytes > MOST_OPTION_BYTES {
        return Err(BadField::new("o:", format!("h:, v: and t: together must be at most {MOST_OPTION_BYTES} bytes")));
    }
    if address::one(&message.from).is_none() {
        return Err(BadField::new("from", "is not a valid address"));
    }
    if message.to.is_empty() {
        return Err(BadField::new("to", "is missing"));
    }
    for (field, mailboxes) in [("to", &message.to), ("cc", &message.cc), ("bcc", &message.bcc)] {
        message.recipients.extend(draft::addresses(mailboxes, field)?);
    }
    bounded(&message.recipients)?;
    let amp = fields.iter().any(|field| field.name == "amp-html");
    if message.text_body.is_none() && message.html_body.is_none() && !amp && message.template.is_none() {
        return Err(BadField::new("text", "or html, amp-html or template must be given"));
    }
    let size: usize = fields.iter().map(|field| field.bytes.len()).sum();
    if size > MOST_MESSAGE_BYTES {
        return Err(BadField::new("message", format!("must be at most {MOST_MESSAGE_BYTES} bytes, got {size}")));
    }
    Ok(message)
}

/// A parameter without a prefix.
fn plain(message: &mut Message, field: &Field<'_>) -> Result<(), BadField> {
    match field.name.as_ref() {
        "from" => message.from = text(field)?.to_string(),
        "to" => message.to.extend(mailboxes(field)?),
        "cc" => message.cc.extend(mailboxes(field)?),
        "bcc" => message.bcc.extend(mailboxes(field)?),
        "subject" => message.subject = text(field)?.to_string(),
        "text" => message.text_body = Some(text(field)?.to_string()),
        "html" => message.html_body = Some(text(field)?.to_string()),
        "template" => set(&mut message.template, "id", Value::from(text(field)?)),
        "recipient-variables" => {
            let variables = object("recipient-variables", text(field)?)?;
            if variables.len() > MOST_RECIPIENTS || variables.values().any(|value| !value.is_object()) {
                let detail = format!("must hold at most {MOST_RECIPIENTS} objects by address");
                return Err(BadField::new("recipient-variables", detail));
            }
            message.recipient_variables = variables;
        }
        "attachment" | "inline" => message.attachments.push(file(field)?),
        _ => {}
    }
    Ok(())
}

/// A parameter whose prefix says what it is: `name` is without it, `full` with it.
fn option(message: &mut Message, full: &str, name: &str, value: &str, now: UnixMillis) -> Result<(), BadField> {
    match (full, full.get(..2)) {
        ("h:Reply-To" | "h:reply-to", _) => {
            message.reply_to.extend(address::split(value).iter().map(ToString::to_string))
        }
        (_, Some("h:")) if draft::is_header(name, value) => {
            message.headers.push(Header { name: name.to_string(), value: value.to_string() });
        }
        (_, Some("h:")) => return Err(BadField::new(full, "must be a header field")),
        (_, Some("v:")) => {
            message.metadata.insert(name.to_string(), Value::from(value));
        }
        ("t:variables", _) => set(&mut message.template, "data", Value::from(object(full, value)?)),
        ("t:version", _) => set(&mut message.template, "version", Value::from(value)),
        ("o:tag", _) => {
            if message.tags.len() >= MOST_TAGS || !value.is_ascii() || value.len() > MOST_TAG_BYTES {
                return Err(BadField::new(full, "may stand 3 times, each at most 128 ASCII characters"));
            }
            message.tags.push(Value::from(value));
        }
        ("o:tracking" | "o:tracking-opens" | "o:tracking-clicks", _) => {
            if !is_switch(full, value) {
                return Err(BadField::new(full, "must be yes, no, true, false or htmlonly"));
            }
            message.tracking.insert(name.to_string(), Value::from(value));
        }
        ("o:deliverytime", _) => {
            let at = read_mail_date(value).ok_or_else(|| BadField::new(full, "is not an RFC 2822 date"))?;
            if at.since(now) > MOST_AHEAD_MS {
                return Err(BadField::new(full, "is too far in the future"));
            }
            message.scheduled_at = Some(value.to_string());
        }
        ("o:testmode" | "o:dkim" | "o:require-tls" | "o:skip-verification", _) => {
            if !is_switch(full, value) {
                return Err(BadField::new(full, "must be yes, no, true or false"));
            }
            message.test_mode |= full == "o:testmode" && ["yes", "true"].contains(&value);
        }
        ("o:sending-ip-pool", _) => message.stream = Some(value.to_string()),
        _ => {}
    }
    Ok(())
}

/// Whether `value` switches the option `name`; clicks can be tracked in HTML only.
fn is_switch(name: &str, value: &str) -> bool {
    SWITCHES.contains(&value) || (value == "htmlonly" && ["o:tracking", "o:tracking-clicks"].contains(&name))
}

fn file(field: &Field<'_>) -> Result<Attachment, BadField> {
    let filename = field.filename.clone().filter(|name| !name.is_empty());
    let filename = filename.ok_or_else(|| BadField::new(field.name.as_ref(), "must be a file"))?;
    let inline = field.name == "inline";
    Ok(Attachment {
        content_type: field.content_type.clone(),
        disposition: Some(field.name.to_string()),
        content_id: inline.then(|| filename.clone()),
        content: Some(field.bytes.to_vec()),
        filename,
    })
}

fn text<'f>(field: &'f Field<'_>) -> Result<&'f str, BadField> {
    field.text().ok_or_else(|| BadField::new(field.name.as_ref(), "must be text in UTF-8"))
}

fn mailboxes(field: &Field<'_>) -> Result<Vec<String>, BadField> {
    let parts = address::split(text(field)?);
    Ok(parts.into_iter().filter(|part| !part.is_empty()).map(ToString::to_string).collect())
}

fn object(name: &str, text: &str) -> Result<Map<String, Value>, BadField> {
    serde_json::from_str(text).map_err(|_| BadField::new(name, "must be a JSON object"))
}

fn set(template: &mut Option<Value>, name: &str, value: Value) {
    let template = template.get_or_insert_with(|| json!({ "id": null, "data": {} }));
    if let Some(members) = template.as_object_mut() {
        members.insert(name.to_string(), value);
    }
}

fn bounded(recipients: &[String]) -> Result<(), BadField> {
    if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
        let got = recipients.len();
        return Err(BadField::new("to", format!("must name from 1 to {MOST_RECIPIENTS} recipients, got {got}")));
    }
    Ok(())
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(400, "", format!("'{}' parameter {}", bad.field, bad.detail))
}

fn wrong_key() -> Refusal {
    Refusal::new(401, TEXT, "Forbidden")
}

/// A call over the rate limit: when to come again is a date in the sentence.
fn throttled(later: &Later) -> Refusal {
    Refusal::new(429, "", format!("request limit exceeded, try again after {}", mail_date(later.at)))
}

/// The account's own limit of messages is spent.
fn over_quota(_: bool) -> Refusal {
    Refusal::new(402, "", "the account's message limit is spent")
}

/// An injected fault in Mailgun's words: it tells when there is room by a date in the body, never by `Retry-After`.
fn fault(fault: Fault, seconds: Option<u64>, now: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(throttled(&Later::in_seconds(seconds, now))),
        Fault::QuotaExceeded => Some(over_quota(false).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "", "Internal Server Error").after(seconds)),
        Fault::Unauthorized => Some(wrong_key()),
        Fault::Invalid => Some(invalid(&BadField::new("to", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// Mailgun's error body: JSON, or bare text for a bad credential.
fn refuse(refusal: &Refusal) -> HttpResponse {
    if refusal.code == TEXT {
        let headers = vec![json::field("content-type", "text/plain; charset=utf-8")];
        return HttpResponse { status: refusal.status, headers, body: refusal.detail.clone().into_bytes() };
    }
    json::answer(refusal.status, &json!({ "message": refusal.detail }))
}

/// The id stands in angle brackets in the answer, and without them in events and here.
fn taken(done: &Done<'_>) -> HttpResponse {
    let id = done.results.iter().flatten().next().map(|taken| format!("<{}>", taken.id));
    json::answer(200, &json!({ "id": id, "message": "Queued. Thank you." }))
}

fn id(stamp: &Stamp<'_>) -> String {
    let date: String = stamp.now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    let domain = draft::segments(stamp.rest).get(1).copied().unwrap_or_default().to_lowercase();
    format!("{date}.{}@{domain}", stamp.hex.get(..16).unwrap_or_default())
}

/// Marks a refusal whose body is bare text.
const TEXT: &str = "text";
const SWITCHES: [&str; 4] = ["yes", "no", "true", "false"];
/// Mailgun's documented bounds.
const MOST_RECIPIENTS: usize = 1_000;
const MOST_TAGS: usize = 3;
const MOST_TAG_BYTES: usize = 128;
const MOST_OPTION_BYTES: usize = 16_384;
const MOST_MESSAGE_BYTES: usize = 26_214_400;
const MOST_BYTES: usize = 52_400_000;
/// 7 days: what the largest plan allows.
const MOST_AHEAD_MS: u64 = 7 * 86_400_000;
