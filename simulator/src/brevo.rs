//! Brevo's v3 dialect: `POST /v3/smtp/email`, alone or with `messageVersions`.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Keys, Later, Manner, Refusal, Request, Sending, Stamp},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Message, SharedFiles},
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

/// Brevo's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "brevo",
    label: "Brevo",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: dialect::takes_inactive,
    unverified: None,
    keys: Some(Keys { replays: false, conflict: key_conflict, kept_ms: KEPT_MS, status: 201 }),
    taken,
    usage: dialect::no_usage,
    show_room,
    id,
};

/// Lets a call with an `api-key` in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.header("api-key").map(str::trim) {
        Some(key) if !key.is_empty() => Ok(()),
        Some(_) | None => Err(refuse(&wrong_key())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    if rest != "/v3/smtp/email" {
        return Err(Refusal::new(404, "document_not_found", "Not Found"));
    }
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "method_not_allowed", "Method not allowed"));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let value: Value = serde_json::from_str(text).map_err(|_| not_json())?;
    let fields = Fields::of(&value, "").map_err(|bad| invalid(&bad))?;
    let items = items(text, &fields).map_err(|bad| invalid(&bad))?;
    let batch = fields.has("messageVersions");
    let key = key(&fields).map_err(|bad| invalid(&bad))?.map(Cow::Owned);
    Ok(Request::Send(Sending { batch, all_or_nothing: true, key, items }))
}

/// The idempotency key stands among the message's headers, and is a UUID.
fn key(fields: &Fields<'_>) -> Result<Option<String>, BadField> {
    let Some(headers) = fields.object("headers")? else { return Ok(None) };
    let Some(key) = headers.text("idempotencyKey")? else { return Ok(None) };
    let is_uuid = key.len() == 36 && key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_uuid { Ok(Some(key.to_string())) } else { Err(BadField::new("headers.idempotencyKey", "must be a UUID")) }
}

fn items<'a>(text: &'a str, fields: &Fields<'_>) -> Result<Vec<Item<'a>>, BadField> {
    let versions = fields.list("messageVersions")?;
    let files = draft::files(fields, "attachment", ("content", "name", "type", "contentId"))?;
    let Some(versions) = versions else {
        let message = Message { attachments: files, ..message(fields, fields)? };
        return Ok(vec![Item { raw: Cow::Borrowed(text), message: Ok(message) }]);
    };
    if versions.is_empty() || versions.len() > MOST_VERSIONS {
        let got = versions.len();
        return Err(BadField::new("messageVersions", format!("must hold from 1 to {MOST_VERSIONS}, got {got}")));
    }
    let files = SharedFiles::new(files, versions.len());
    let texts = draft::member_array(text, "messageVersions").unwrap_or_default();
    let mut items = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let own = Fields::of(version, &format!("messageVersions[{index}]"))?;
        let message = Message { attachments: files.of(index), ..message(fields, &own)? };
        let raw = if index == 0 { text } else { texts.get(index).copied().unwrap_or("null") };
        items.push(Item { raw: Cow::Borrowed(raw), message: Ok(message) });
    }
    Ok(items)
}

/// A message: `own` is its version, or the call itself.
fn message(fields: &Fields<'_>, own: &Fields<'_>) -> Result<Message, BadField> {
    let text = |name: &str| Ok::<_, BadField>(own.text(name)?.or(fields.text(name)?).map(String::from));
    let reply_to = own.any("replyTo").or(fields.any("replyTo"));
    let sender = fields.any("sender").ok_or_else(|| BadField::new("sender", "is missing"))?;
    let params = own.any("params").or(fields.any("params")).cloned();
    let template = fields.number("templateId", 1, u64::MAX)?;
    let mut message = Message {
        from: draft::person(sender, "sender")?,
        to: draft::people(own, "to")?,
        cc: draft::people(own, "cc")?,
        bcc: draft::people(own, "bcc")?,
        reply_to: reply_to.map(|one| draft::person(one, "replyTo")).transpose()?.into_iter().collect(),
        subject: text("subject")?.unwrap_or_default(),
        text_body: text("textContent")?,
        html_body: text("htmlContent")?,
        headers: draft::header_map(fields, "headers")?,
        tags: draft::texts(fields.any("tags"), "tags")?.into_iter().map(Value::from).collect(),
        template: template.map(|id| json!({ "id": id, "data": params.unwrap_or_else(|| json!({})) })),
        scheduled_at: text("scheduledAt")?,
        ..Message::default()
    };
    draft::recipients(&mut message, MOST_RECIPIENTS)?;
    if message.template.is_none() {
        if message.subject.is_empty() {
            return Err(BadField::new("subject", "is missing"));
        }
        if message.text_body.is_none() && message.html_body.is_none() {
            return Err(BadField::new("htmlContent", "or textContent is missing"));
        }
    }
    message.headers.retain(|header| header.name != "idempotencyKey");
    let sandbox = |name: &str, value: &str| name.eq_ignore_ascii_case("x-sib-sandbox") && value == "drop";
    message.test_mode = message.headers.iter().any(|header| sandbox(&header.name, &header.value));
    Ok(message)
}

fn invalid(bad: &BadField) -> Refusal {
    let missing = bad.detail.ends_with("is missing");
    Refusal::new(
        400,
        if missing { "missing_parameter" } else { "invalid_parameter" },
        format!("{} {}", bad.field, bad.detail),
    )
}

fn not_json() -> Refusal {
    Refusal::new(400, "bad_request", "Input must be a valid JSON object")
}

fn wrong_key() -> Refusal {
    Refusal::new(401, "unauthorized", "Key not found")
}

/// The key came before: Brevo does not look at what it comes with now.
fn key_conflict() -> Refusal {
    Refusal::new(400, "duplicate_parameter", "the idempotency key was used before")
}

fn throttled(_: &Later) -> Refusal {
    too_fast()
}

fn too_fast() -> Refusal {
    Refusal::new(429, "too_many_requests", "Too many requests")
}

fn over_quota(_: bool) -> Refusal {
    Refusal::new(402, "not_enough_credits", "not enough credits")
}

/// An injected fault in Brevo's words: it tells when there is room by `x-sib-ratelimit-reset`.
fn fault(fault: Fault, seconds: Option<u64>, now: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(Refusal { reset: Some(Later::in_seconds(seconds, now)), ..too_fast() }),
        Fault::QuotaExceeded => Some(over_quota(false).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "internal_error", "internal error").after(seconds)),
        Fault::Unauthorized => Some(wrong_key()),
        Fault::Invalid => Some(invalid(&BadField::new("to", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    let body = json!({ "code": refusal.code, "message": refusal.detail });
    let mut response = json::answer(refusal.status, &body);
    if let Some(reset) = refusal.reset {
        response.headers.push(json::field("x-sib-ratelimit-remaining", "0"));
        response.headers.push(json::field("x-sib-ratelimit-reset", reset.seconds.to_string()));
    }
    response
}

/// 201 with an id, or with an id for every version.
fn taken(done: &Done<'_>) -> HttpResponse {
    let ids: Vec<String> = done.results.iter().flatten().map(|taken| format!("<{}>", taken.id)).collect();
    match ids.first() {
        Some(id) if !done.batch => json::answer(201, &json!({ "messageId": id })),
        _ => json::answer(201, &json!({ "messageIds": ids })),
    }
}

/// Brevo's rate headers; the reset is in seconds from now.
fn show_room(response: &mut HttpResponse, room: &Headroom) {
    for (name, number) in [
        ("x-sib-ratelimit-limit", room.limit),
        ("x-sib-ratelimit-remaining", room.remaining),
        ("x-sib-ratelimit-reset", room.reset_seconds),
    ] {
        if response.header(name).is_none() {
            response.headers.push(json::field(name, number.to_string()));
        }
    }
}

fn id(stamp: &Stamp<'_>) -> String {
    let minute: String = stamp.now.to_string().chars().filter(char::is_ascii_digit).take(12).collect();
    format!("{minute}.{}@smtp-relay.mailin.fr", stamp.hex.get(..11).unwrap_or_default())
}

/// Brevo keeps a key for 30 minutes.
const KEPT_MS: u64 = 30 * 60_000;
/// Not published in the facts at hand: as many as any provider takes.
const MOST_VERSIONS: usize = 1_000;
const MOST_RECIPIENTS: usize = 1_000;
