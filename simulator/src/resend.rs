//! Resend's dialect: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Keys, Later, Manner, Refusal, Request, Sending, Usage},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Attachment, Header, Message},
    settings::Settings,
    window::Headroom,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Value, json};

/// Resend's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "resend",
    label: "Resend",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: dialect::takes_inactive,
    unverified: Some(unverified),
    keys: Some(Keys { replays: true, conflict: key_conflict, kept_ms: KEPT_MS, status: 200 }),
    taken,
    usage,
    show_room,
    id: dialect::uuid_of,
};

/// Lets a call with a User-Agent and a key that begins `re_` in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    if arrival.header("user-agent").is_none_or(str::is_empty) {
        let headers = vec![json::field("content-type", "text/plain; charset=UTF-8")];
        return Err(HttpResponse { status: 403, headers, body: b"error code: 1010".to_vec() });
    }
    match arrival.bearer() {
        Some(key) if key.starts_with("re_") => Ok(()),
        Some(_) => Err(refuse(&wrong_key())),
        None => Err(refuse(&Refusal::new(401, "missing_api_key", "Missing API key in the authorization header"))),
    }
}

/// Reads a call.
fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    match (arrival.method, rest) {
        ("POST", "/emails") => single(arrival).map(Request::Send),
        ("POST", "/emails/batch") => batch(arrival).map(Request::Send),
        ("GET", "/usage") => Ok(Request::Usage),
        ("GET", _) if rest.starts_with("/emails/") => Ok(Request::Lookup(rest.trim_start_matches("/emails/"))),
        (_, "/emails" | "/emails/batch") => {
            Err(Refusal::new(405, "method_not_allowed", "This endpoint does not support the method"))
        }
        _ => Err(not_found()),
    }
}

fn single<'a>(arrival: &Arrival<'a>) -> Result<Sending<'a>, Refusal> {
    let text = arrival.json().ok_or_else(not_json)?;
    let items = vec![item(text, false)];
    Ok(Sending { batch: false, all_or_nothing: true, key: key(arrival)?, items })
}

fn batch<'a>(arrival: &Arrival<'a>) -> Result<Sending<'a>, Refusal> {
    let all_or_nothing = match arrival.header("x-batch-validation") {
        None | Some("strict") => true,
        Some("permissive") => false,
        Some(_) => return Err(invalid("`x-batch-validation` must be strict or permissive")),
    };
    let texts =
        draft::array(arrival.json().ok_or_else(not_json)?).ok_or_else(|| invalid("The body must be an array"))?;
    if texts.is_empty() || texts.len() > MOST_BATCH {
        return Err(invalid(format!("A batch must hold from 1 to {MOST_BATCH} emails, got {}", texts.len())));
    }
    let items = texts.into_iter().map(|text| item(text, true)).collect();
    Ok(Sending { batch: true, all_or_nothing, key: key(arrival)?, items })
}

fn key<'a>(arrival: &Arrival<'a>) -> Result<Option<Cow<'a, str>>, Refusal> {
    match arrival.header("idempotency-key") {
        Some(key) if key.is_empty() || key.chars().count() > MOST_KEY => {
            Err(Refusal::new(400, "invalid_idempotency_key", "The idempotency key must be from 1 to 256 characters"))
        }
        key => Ok(key.map(Cow::Borrowed)),
    }
}

fn item(raw: &str, in_batch: bool) -> Item<'_> {
    draft::item(raw, not_json, |value| message(value, in_batch).map_err(|Wrong(refusal)| refusal))
}

fn message(value: &Value, in_batch: bool) -> Result<Message, Wrong> {
    let fields = Fields::of(value, "")?;
    let mut message = Message {
        from: required(&fields, "from")?.to_string(),
        to: draft::texts(fields.any("to"), "to")?,
        cc: draft::texts(fields.any("cc"), "cc")?,
        bcc: draft::texts(fields.any("bcc"), "bcc")?,
        reply_to: draft::texts(fields.any("reply_to"), "reply_to")?,
        subject: fields.text("subject")?.unwrap_or_default().to_string(),
        text_body: fields.text("text")?.map(String::from),
        html_body: fields.text("html")?.map(String::from),
        template: template(&fields)?,
        scheduled_at: fields.text("scheduled_at")?.map(String::from),
        ..Message::default()
    };
    if draft::addresses(&[message.from.clone()], "from").is_err() {
        return Err(Refusal::new(422, "invalid_from_address", "Invalid `from` field: not an address").into());
    }
    if message.to.is_empty() {
        return Err(missing("to").into());
    }
    if message.to.len() > MOST_TO {
        return Err(invalid(format!("At most {MOST_TO} recipients in `to`, got {}", message.to.len())).into());
    }
    for (field, mailboxes) in [("to", &message.to), ("cc", &message.cc), ("bcc", &message.bcc)] {
        message.recipients.extend(draft::addresses(mailboxes, field)?);
    }
    draft::addresses(&message.reply_to, "reply_to")?;
    contents(&fields, &mut message)?;
    if in_batch && (!message.attachments.is_empty() || message.scheduled_at.is_some()) {
        return Err(invalid("`attachments` and `scheduled_at` cannot be used in a batch").into());
    }
    Ok(message)
}

/// Everything but the addresses.
fn contents(fields: &Fields<'_>, message: &mut Message) -> Result<(), Wrong> {
    let has_body = message.text_body.is_some() || message.html_body.is_some();
    if message.template.is_none() && fields.any("subject").is_none() {
        return Err(missing("subject").into());
    }
    if message.template.is_some() == has_body {
        return Err(if has_body {
            invalid("`template` excludes `html` and `text`")
        } else {
            missing("html` or `text")
        }
        .into());
    }
    if let Some(headers) = fields.object("headers")? {
        message.headers = headers.members().map(|(name, value)| header(name, value)).collect::<Result<_, _>>()?;
    }
    for (index, tag) in fields.list("tags")?.unwrap_or_default().iter().enumerate() {
        let tag_fields = Fields::of(tag, &format!("tags[{index}]"))?;
        for name in ["name", "value"] {
            let text = tag_fields.text(name)?.unwrap_or_default();
            let may_be_empty = name == "value";
            if !is_tag(text, may_be_empty) {
                return Err(
                    invalid("Tags must hold only ASCII letters, numbers, underscores or dashes, at most 256").into()
                );
            }
        }
        message.tags.push(tag.clone());
    }
    for (index, file) in fields.list("attachments")?.unwrap_or_default().iter().enumerate() {
        message.attachments.push(attachment(&Fields::of(file, &format!("attachments[{index}]"))?)?);
    }
    Ok(())
}

fn header(name: &str, value: &Value) -> Result<Header, Wrong> {
    match value.as_str().filter(|value| draft::is_header(name, value)) {
        Some(value) => Ok(Header { name: name.to_string(), value: value.to_string() }),
        None => Err(invalid("`headers` must be an object of header fields").into()),
    }
}

fn attachment(fields: &Fields<'_>) -> Result<Attachment, Wrong> {
    let refused = |detail: &str| Refusal::new(422, "invalid_attachment", detail);
    let content = match (fields.text("content")?, fields.text("path")?) {
        (Some(text), _) => Some(draft::base64(text).ok_or_else(|| refused("The attachment is not valid base64"))?),
        (None, Some(_)) => None,
        (None, None) => return Err(refused("An attachment must have either a `content` or `path`").into()),
    };
    let filename = fields.text("filename")?.filter(|name| !name.is_empty());
    Ok(Attachment {
        filename: filename.ok_or_else(|| refused("An attachment must have a `filename`"))?.to_string(),
        content_type: fields.text("content_type")?.map(String::from),
        disposition: None,
        content_id: fields.text("content_id")?.map(String::from),
        content,
    })
}

fn template(fields: &Fields<'_>) -> Result<Option<Value>, Wrong> {
    let Some(template) = fields.object("template")? else { return Ok(None) };
    let id = required(&template, "id")?;
    let variables = template.object("variables")?;
    let all: Vec<_> = variables.iter().flat_map(Fields::members).collect();
    let fits = |(name, value): &(&str, &Value)| {
        let short = value.as_str().is_none_or(|text| text.chars().count() <= 2_000);
        name.chars().count() <= 50 && (value.is_string() || value.is_number()) && short
    };
    if all.len() > 50 || !all.iter().all(fits) {
        return Err(invalid("`template.variables` must be at most 50 strings of 2000 characters, or numbers").into());
    }
    Ok(Some(json!({ "id": id, "data": template.any("variables").cloned().unwrap_or_else(|| json!({})) })))
}

fn required<'a>(fields: &Fields<'a>, name: &str) -> Result<&'a str, Wrong> {
    fields.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(&fields.path(name)).into())
}

fn is_tag(text: &str, may_be_empty: bool) -> bool {
    (may_be_empty || !text.is_empty())
        && text.len() <= 256
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A refusal in Resend's words: the type keeps a bad field of another dialect from being told in them.
struct Wrong(Refusal);

impl From<BadField> for Wrong {
    fn from(bad: BadField) -> Self {
        Self(invalid(format!("Invalid `{}` field: it {}", bad.field, bad.detail)))
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal::new(422, "invalid_parameter", detail)
}

fn missing(field: &str) -> Refusal {
    Refusal::new(422, "missing_required_field", format!("Missing `{field}` field."))
}

fn not_json() -> Refusal {
    Refusal::new(400, "validation_error", "The body is not valid JSON")
}

fn not_found() -> Refusal {
    Refusal::new(404, "not_found", "The requested endpoint does not exist")
}

fn wrong_key() -> Refusal {
    Refusal::new(403, "invalid_api_key", "API key is invalid")
}

/// Recipients at the domains that the real Resend refuses, when that is set.
pub(crate) fn example_recipient(message: &Message) -> Option<Refusal> {
    let refused = |address: &String| {
        let domain = address.rsplit('@').next().unwrap_or_default();
        ["example.com", "test.com"].iter().any(|known| domain.eq_ignore_ascii_case(known))
    };
    message.recipients.iter().any(refused).then(|| invalid("Invalid `to` field: use a resend.dev address for testing"))
}

/// The daily or monthly quota is spent.
fn over_quota(daily: bool) -> Refusal {
    if daily {
        Refusal::new(429, "daily_quota_exceeded", "You have reached your daily email sending quota")
    } else {
        Refusal::new(429, "monthly_quota_exceeded", "You have reached your monthly email sending quota")
    }
}

/// The same key came with another body.
fn key_conflict() -> Refusal {
    Refusal::new(409, "invalid_idempotent_request", "This idempotency key has been used with another request body")
}

/// The sender's domain is not verified.
fn unverified() -> Refusal {
    Refusal::new(403, "validation_error", "The domain is not verified")
}

/// A call over the rate limit.
fn throttled(later: &Later) -> Refusal {
    too_fast(later.seconds)
}

fn too_fast(seconds: u64) -> Refusal {
    Refusal::new(429, "rate_limit_exceeded", "Too many requests").after(Some(seconds))
}

/// An injected fault in Resend's words.
fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast(seconds.unwrap_or(1))),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "internal_server_error", "Internal server error").after(seconds)),
        Fault::Unauthorized => Some(wrong_key()),
        Fault::Invalid => Some(invalid("Invalid `to` field: refused by an injected fault")),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// Resend's error body.
fn refuse(refusal: &Refusal) -> HttpResponse {
    let body = json!({ "statusCode": refusal.status, "name": refusal.code, "message": refusal.detail });
    json::answer(refusal.status, &body)
}

/// Resend's answer to a call that was carried out: the failed ones of a permissive batch are listed apart.
fn taken(done: &Done<'_>) -> HttpResponse {
    let ids: Vec<Value> = done.results.iter().flatten().map(|taken| json!({ "id": taken.id })).collect();
    let failed =
        done.results.iter().enumerate().filter_map(|(index, result)| result.as_ref().err().map(|r| (index, r)));
    let errors: Vec<Value> = failed.map(|(index, r)| json!({ "index": index, "message": r.detail })).collect();
    match (done.batch, ids.first()) {
        (false, Some(only)) => json::answer(200, only),
        _ if errors.is_empty() => json::answer(200, &json!({ "data": ids })),
        _ => json::answer(200, &json!({ "data": ids, "errors": errors })),
    }
}

/// Resend's answer to `GET /usage`: what is used, and of what.
fn usage(usage: &Usage<'_>) -> HttpResponse {
    let (daily, monthly) = (usage.settings.daily_quota, usage.settings.monthly_quota);
    let rate = usage.settings.windows.first();
    let body = json!({
        "object": "usage",
        "emails": {
            "daily": { "used": usage.day, "limit": daily, "sent": usage.day, "received": 0 },
            "monthly": { "used": usage.month, "limit": monthly, "sent": usage.month, "received": 0 },
        },
        "rate_limit": rate.map(|rate| json!({ "limit": rate.limit, "duration": format!("{}ms", rate.period_ms) })),
    });
    json::answer(200, &body)
}

/// Resend's answer to `GET /emails/{id}`.
pub(crate) fn looked_up(view: Option<&Value>) -> HttpResponse {
    let Some(view) = view else { return refuse(&Refusal::new(404, "not_found", "Email not found")) };
    let field = |name: &str| view.get(name).cloned().unwrap_or_default();
    let last_event = match view.get("fate").and_then(Value::as_str) {
        Some(word @ ("bounced" | "complained" | "suppressed")) => word,
        Some("soft_bounced") => "delivery_delayed",
        Some(_) | None => "delivered",
    };
    let created_at = view.get("at_ms").and_then(Value::as_u64).map(|at| UnixMillis::new(at).to_string());
    let body = json!({
        "object": "email", "id": field("id"), "to": field("to"), "from": field("from"), "created_at": created_at,
        "subject": field("subject"), "html": field("html_body"), "text": field("text_body"), "bcc": field("bcc"),
        "cc": field("cc"), "reply_to": field("reply_to"), "last_event": last_event,
        "scheduled_at": field("scheduled_at"), "tags": field("tags"),
    });
    json::answer(200, &body)
}

/// Resend's rate headers; the reset is in seconds from now.
fn show_room(response: &mut HttpResponse, room: &Headroom) {
    for (name, number) in [
        ("ratelimit-limit", room.limit),
        ("ratelimit-remaining", room.remaining),
        ("ratelimit-reset", room.reset_seconds),
    ] {
        response.headers.push(json::field(name, number.to_string()));
    }
}

/// Resend's documented bounds.
const MOST_TO: usize = 50;
const MOST_BATCH: usize = 100;
const MOST_KEY: usize = 256;
/// Resend keeps a key for 24 hours.
const KEPT_MS: u64 = 86_400_000;
