//! Cloudflare's Email Sending over REST: `POST /client/v4/accounts/{id}/email/sending/send` and `/send_raw`.

use crate::{
    Arrival, address,
    dialect::{self, Done, Later, Manner, Refusal, Request, Sending},
    draft,
    fate::Fate,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Attachment, Header, Message},
    mime,
    settings::Settings,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Value, json};

/// Cloudflare's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "cloudflare",
    label: "Cloudflare",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive,
    unverified: Some(unverified),
    keys: None,
    taken,
    usage: dialect::no_usage,
    show_room: dialect::no_room_shown,
    id: dialect::uuid_of,
};

/// Lets a call with a Bearer token in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.bearer() {
        Some(_) => Ok(()),
        None => Err(refuse(&unauthorized())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    let raw = match draft::segments(rest).as_slice() {
        ["client", "v4", "accounts", account, "email", "sending", "send"] if !account.is_empty() => false,
        ["client", "v4", "accounts", account, "email", "sending", "send_raw"] if !account.is_empty() => true,
        _ => return Err(refusal(404, "10000", "not_found")),
    };
    if arrival.method != "POST" {
        return Err(refusal(404, "10000", "not_found"));
    }
    if arrival.body.len() > MOST_BODY_BYTES {
        return Err(too_big());
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let item = draft::item(text, not_json, |value| {
        let message = if raw { mail(value) } else { message(value) };
        message.map_err(|Wrong(refusal)| refusal)
    });
    Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key: None, items: vec![item] }))
}

fn message(value: &Value) -> Result<Message, Wrong> {
    let fields = Fields::of(value, "")?;
    fields.only(&KNOWN)?;
    let from = fields.any("from").ok_or_else(|| BadField::new("from", "is required"))?;
    let mut message = Message {
        from: mailbox(from, "from")?,
        to: mailboxes(&fields, "to")?,
        cc: mailboxes(&fields, "cc")?,
        bcc: mailboxes(&fields, "bcc")?,
        reply_to: mailboxes(&fields, "reply_to")?,
        subject: fields.text("subject")?.ok_or_else(|| BadField::new("subject", "is required"))?.to_string(),
        text_body: fields.text("text")?.map(String::from),
        html_body: fields.text("html")?.map(String::from),
        headers: headers(&fields)?,
        attachments: files(&fields)?,
        ..Message::default()
    };
    for list in [&message.to, &message.cc, &message.bcc] {
        message.recipients.extend(draft::addresses(list, "to").map_err(|bad| Wrong(invalid(&bad)))?);
    }
    bounded(&message.recipients)?;
    for (field, list) in [("from", &[message.from.clone()][..]), ("reply_to", &message.reply_to)] {
        draft::addresses(list, field).map_err(|bad| Wrong(invalid(&bad)))?;
    }
    if message.subject.chars().count() > MOST_SUBJECT || message.subject.chars().any(char::is_control) {
        return Err(invalid(&BadField::new("subject", "must be one line of at most 998 characters")).into());
    }
    if message.text_body.is_none() && message.html_body.is_none() {
        return Err(BadField::new("text", "or html is required").into());
    }
    let files = message.attachments.iter().filter_map(|file| file.content.as_ref()).map(Vec::len);
    let bodies = [&message.text_body, &message.html_body].into_iter().flatten().map(String::len);
    if files.chain(bodies).sum::<usize>() > MOST_MESSAGE_BYTES {
        return Err(too_big().into());
    }
    Ok(message)
}

/// A whole MIME message with its recipients beside it.
fn mail(value: &Value) -> Result<Message, Wrong> {
    let fields = Fields::of(value, "")?;
    fields.only(&["from", "recipients", "mime_message"])?;
    let source = fields.text("mime_message")?.ok_or_else(|| BadField::new("mime_message", "is required"))?;
    let from = fields.text("from")?.ok_or_else(|| BadField::new("from", "is required"))?;
    if source.len() > MOST_MESSAGE_BYTES {
        return Err(too_big().into());
    }
    let recipients = draft::texts(fields.any("recipients"), "recipients")?;
    let bad = |bad| Wrong(invalid(&bad));
    draft::addresses(&[from.to_string()], "from").map_err(bad)?;
    let recipients = draft::addresses(&recipients, "recipients").map_err(bad)?;
    bounded(&recipients)?;
    let read = mime::read(source.as_bytes()).filter(|message| !message.from.is_empty());
    let message = read.ok_or_else(|| invalid(&BadField::new("mime_message", "is not a MIME message")))?;
    Ok(Message { recipients, ..message })
}

/// A mailbox: a bare address, or `address` with a `name`.
fn mailbox(value: &Value, path: &str) -> Result<String, BadField> {
    if let Value::String(text) = value {
        return Ok(text.clone());
    }
    let fields = Fields::of(value, path)?;
    fields.only(&["address", "name"])?;
    let address = fields.text("address")?.ok_or_else(|| BadField::new(fields.path("address"), "is required"))?;
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

fn bounded(recipients: &[String]) -> Result<(), Wrong> {
    if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
        let got = recipients.len();
        let detail = format!("must name from 1 to {MOST_RECIPIENTS} recipients, got {got}");
        return Err(BadField::new("to", detail).into());
    }
    Ok(())
}

/// Only fields that the provider's list names, or that begin `X-`.
fn headers(fields: &Fields<'_>) -> Result<Vec<Header>, Wrong> {
    let Some(headers) = fields.object("headers")? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let (mut size, mut named) = (0_usize, 0_usize);
    for (name, value) in headers.members() {
        let value = value.as_str().ok_or_else(|| BadField::new(headers.path(name), "must be a string"))?;
        let own = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        let is_own = own && name.len() > 2 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let is_known = ALLOWED.iter().any(|known| name.eq_ignore_ascii_case(known));
        let sized = name.len() <= MOST_NAME_BYTES && (1..=MOST_VALUE_BYTES).contains(&value.len());
        if !(is_own || is_known) || !sized || !draft::is_header(name, value) || !fits(name, value) {
            return Err(invalid(&BadField::new(headers.path(name), "is not allowed")).into());
        }
        named += usize::from(!is_own);
        size += name.len() + value.len() + 4;
        all.push(Header { name: name.to_string(), value: value.to_string() });
    }
    if named > MOST_NAMED_HEADERS || size > MOST_HEADER_BYTES {
        return Err(invalid(&BadField::new("headers", "are too many or too long")).into());
    }
    Ok(all)
}

/// Whether the value is what a field of this name may hold.
fn fits(name: &str, value: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("List-Unsubscribe-Post") {
        return value == "List-Unsubscribe=One-Click";
    }
    if is("List-Unsubscribe") {
        let link = |part: &str| {
            let link = part.trim().strip_prefix('<').and_then(|part| part.strip_suffix('>'));
            link.is_some_and(|link| link.starts_with("https://") || link.starts_with("mailto:"))
        };
        return value.split(',').all(link);
    }
    !is("Precedence") || ["bulk", "list", "junk"].contains(&value)
}

fn files(fields: &Fields<'_>) -> Result<Vec<Attachment>, BadField> {
    let file = |(index, file): (usize, &Value)| {
        let file = Fields::of(file, &format!("attachments[{index}]"))?;
        file.only(&["content", "filename", "type", "disposition", "content_id"])?;
        let text = |name: &str| {
            let text = file.text(name)?.filter(|text| !text.is_empty());
            text.ok_or_else(|| BadField::new(file.path(name), "is required"))
        };
        let disposition = text("disposition")?;
        if disposition != "attachment" && disposition != "inline" {
            return Err(BadField::new(file.path("disposition"), "must be attachment or inline"));
        }
        let content = draft::base64(file.text("content")?.unwrap_or_default());
        Ok(Attachment {
            filename: text("filename")?.to_string(),
            content_type: Some(text("type")?.to_string()),
            disposition: Some(disposition.to_string()),
            content_id: file.text("content_id")?.map(String::from),
            content: Some(content.ok_or_else(|| BadField::new(file.path("content"), "must be base64"))?),
        })
    };
    fields.list("attachments")?.unwrap_or_default().iter().enumerate().map(file).collect()
}

/// A refusal in Cloudflare's words: a bad field breaks the schema unless it is told to be something else.
struct Wrong(Refusal);

impl From<BadField> for Wrong {
    fn from(bad: BadField) -> Self {
        Self(Refusal { field: Some(format!("{} {}", bad.field, bad.detail)), ..not_json() })
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// A refusal by the end of its word, which says more than its number: two numbers changed places between two versions
/// of the documentation.
fn refusal(status: u16, code: &'static str, word: &str) -> Refusal {
    Refusal::new(status, code, format!("email.sending.error.{word}"))
}

fn not_json() -> Refusal {
    refusal(400, "10001", "invalid_request_schema")
}

fn too_big() -> Refusal {
    refusal(400, "10200", "email.too_big")
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal { field: Some(format!("{} {}", bad.field, bad.detail)), ..refusal(400, "10202", "email.invalid") }
}

fn unauthorized() -> Refusal {
    refusal(401, "10101", "authentication.unauthorized")
}

/// The sender's domain may not send.
fn unverified() -> Refusal {
    refusal(403, "10203", "email.sending_disabled")
}

/// One suppressed recipient refuses the whole call. The documentation gives the status, and no code.
fn inactive(inactive: &[String], _: usize) -> Option<Refusal> {
    let refusal = refusal(400, "10202", "email.recipient_suppressed");
    (!inactive.is_empty()).then(|| Refusal { field: Some("a recipient is suppressed".into()), ..refusal })
}

fn throttled(_: &Later) -> Refusal {
    too_fast()
}

fn too_fast() -> Refusal {
    refusal(429, "10004", "throttled")
}

/// The documentation gives no code for a spent day.
fn over_quota(_: bool) -> Refusal {
    refusal(429, "10004", "throttled.daily_limit")
}

/// An injected fault in Cloudflare's words.
fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast().after(seconds)),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(refusal(500, "10002", "internal_server").after(seconds)),
        Fault::Unauthorized => Some(unauthorized()),
        Fault::Invalid => Some(refusal(400, "10202", "email.invalid")),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// Cloudflare's envelope. What is wrong stands in `messages`, for the reader of a test; the real one is silent there.
fn refuse(refusal: &Refusal) -> HttpResponse {
    let code = refusal.code.parse::<u32>().unwrap_or(10_002);
    let notes: Vec<Value> = refusal.field.iter().map(|note| json!({ "code": code, "message": note })).collect();
    let errors = [json!({ "code": code, "message": refusal.detail })];
    json::answer(refusal.status, &json!({ "success": false, "errors": errors, "messages": notes, "result": null }))
}

/// Every recipient in the list of what became of it.
fn taken(done: &Done<'_>) -> HttpResponse {
    let Some(taken) = done.results.iter().flatten().next() else { return refuse(&not_json()) };
    let of = |wanted: &[Fate]| -> Vec<&String> {
        let all = taken.message.recipients.iter().zip(&taken.message.fates);
        all.filter(|(_, fate)| wanted.contains(fate)).map(|(address, _)| address).collect()
    };
    let result = json!({
        "delivered": of(&[Fate::Delivered, Fate::Autoresponded, Fate::Complained, Fate::Unsubscribed, Fate::Discarded]),
        "permanent_bounces": of(&[Fate::Bounced]),
        "queued": of(&[Fate::SoftBounced]),
        "suppressed_recipients": of(&[Fate::Suppressed]),
        "message_id": taken.id,
    });
    json::answer(200, &json!({ "success": true, "errors": [], "messages": [], "result": result }))
}

const KNOWN: [&str; 10] = ["from", "to", "cc", "bcc", "reply_to", "subject", "text", "html", "headers", "attachments"];
/// The header fields that may be set beside `X-` ones.
const ALLOWED: [&str; 23] = [
    "In-Reply-To",
    "References",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "List-Archive",
    "List-Help",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "Precedence",
    "Auto-Submitted",
    "Content-Language",
    "Keywords",
    "Comments",
    "Importance",
    "Priority",
    "Sensitivity",
    "Organization",
    "Require-Recipient-Valid-Since",
    "Expires",
    "Reply-By",
    "Archived-At",
];
/// Cloudflare's documented bounds.
const MOST_RECIPIENTS: usize = 50;
const MOST_SUBJECT: usize = 998;
const MOST_MESSAGE_BYTES: usize = 5_242_880;
/// A message of that size in base64, with room for the JSON around it.
const MOST_BODY_BYTES: usize = 8_388_608;
const MOST_NAMED_HEADERS: usize = 20;
const MOST_NAME_BYTES: usize = 100;
const MOST_VALUE_BYTES: usize = 2_048;
const MOST_HEADER_BYTES: usize = 16_384;
