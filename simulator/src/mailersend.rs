//! MailerSend's dialect: `POST /v1/email`, `POST /v1/bulk-email`, `GET /v1/api-quota`.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending, Stamp, Usage},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::Message,
    settings::Settings,
    window::Headroom,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Map, Value, json};

/// MailerSend's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "mailersend",
    label: "MailerSend",
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
    usage,
    show_room,
    id,
};

fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.bearer() {
        Some(_) => Ok(()),
        None => Err(refuse(&unauthenticated())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, now: UnixMillis) -> Result<Request<'a>, Refusal> {
    let bulk = match (arrival.method, rest) {
        ("GET", "/v1/api-quota") => return Ok(Request::Usage),
        ("POST", "/v1/email") => false,
        ("POST", "/v1/bulk-email") => true,
        (_, "/v1/api-quota" | "/v1/email" | "/v1/bulk-email") => {
            return Err(Refusal::new(405, "", "The method is not supported for this route."));
        }
        _ => return Err(Refusal::new(404, "", "The route could not be found.")),
    };
    let text = arrival.json().ok_or_else(not_json)?;
    let texts = if bulk {
        draft::array(text).ok_or_else(|| invalid(&BadField::new("message", "must be an array")))?
    } else {
        vec![text]
    };
    if texts.is_empty() || texts.len() > MOST_BULK {
        return Err(invalid(&BadField::new("message", format!("must hold from 1 to {MOST_BULK} messages"))));
    }
    let item = |raw: &'a str| draft::item(raw, not_json, |value| message(value, now).map_err(|bad| invalid(&bad)));
    let items: Vec<Item<'a>> = texts.into_iter().map(item).collect();
    Ok(Request::Send(Sending { batch: bulk, all_or_nothing: !bulk, key: None, items }))
}

fn message(value: &Value, now: UnixMillis) -> Result<Message, BadField> {
    let fields = Fields::of(value, "")?;
    let from = fields.any("from").ok_or_else(|| BadField::new("from", "is required"))?;
    let settings = fields.object("settings")?;
    let mut message = Message {
        from: draft::person(from, "from")?,
        to: draft::people(&fields, "to")?,
        cc: draft::people(&fields, "cc")?,
        bcc: draft::people(&fields, "bcc")?,
        reply_to: fields.any("reply_to").map(|one| draft::person(one, "reply_to")).transpose()?.into_iter().collect(),
        subject: fields.text("subject")?.unwrap_or_default().to_string(),
        text_body: fields.text("text")?.map(String::from),
        html_body: fields.text("html")?.map(String::from),
        tags: draft::texts(fields.any("tags"), "tags")?.into_iter().map(Value::from).collect(),
        tracking: settings.iter().flat_map(Fields::owned).collect(),
        template: fields.text("template_id")?.map(|id| json!({ "id": id, "data": {} })),
        attachments: draft::files(&fields, "attachments", ("content", "filename", "type", "id"))?,
        ..Message::default()
    };
    for item in fields.list("headers")?.unwrap_or_default() {
        let item = Fields::of(item, "headers")?;
        let (name, value) = (item.text("name")?.unwrap_or_default(), item.text("value")?.unwrap_or_default());
        if !draft::is_header(name, value) {
            return Err(BadField::new("headers", "must be header fields"));
        }
        message.headers.push(crate::messages::Header { name: name.to_string(), value: value.to_string() });
    }
    if let Some(seconds) = fields.number("send_at", 0, MOST_SECONDS)? {
        let at = UnixMillis::new(seconds.saturating_mul(1000));
        if at.since(now) > MOST_AHEAD_MS {
            return Err(BadField::new("send_at", "must be at most 72 hours ahead"));
        }
        message.scheduled_at = Some(at.to_string());
    }
    draft::recipients(&mut message, MOST_RECIPIENTS)?;
    message.recipient_variables = personalization(&fields)?;
    if message.template.is_none() {
        if message.subject.is_empty() {
            return Err(BadField::new("subject", "is required unless a template is used"));
        }
        if message.text_body.is_none() && message.html_body.is_none() {
            return Err(BadField::new("text", "or html is required unless a template is used"));
        }
    }
    Ok(message)
}

fn personalization(fields: &Fields<'_>) -> Result<Map<String, Value>, BadField> {
    let mut all = Map::new();
    for (index, item) in fields.list("personalization")?.unwrap_or_default().iter().enumerate() {
        let item = Fields::of(item, &format!("personalization[{index}]"))?;
        let email = item.text("email")?.ok_or_else(|| BadField::new(item.path("email"), "is required"))?;
        item.object("data")?.ok_or_else(|| BadField::new(item.path("data"), "is required"))?;
        all.insert(email.to_string(), item.any("data").cloned().unwrap_or_default());
    }
    Ok(all)
}

fn invalid(bad: &BadField) -> Refusal {
    let field = bad.field.replace('[', ".").replace(']', "");
    Refusal::new(422, "", format!("The {field} field {}.", bad.detail)).at(field)
}

fn not_json() -> Refusal {
    Refusal::new(400, "", "The body is not JSON.")
}

fn unauthenticated() -> Refusal {
    Refusal::new(401, "", "Unauthenticated.")
}

fn throttled(later: &Later) -> Refusal {
    too_fast(later.seconds)
}

fn too_fast(seconds: u64) -> Refusal {
    Refusal::new(429, "MS42901", "Too Many Attempts. #MS42901").after(Some(seconds))
}

fn over_quota(_: bool) -> Refusal {
    Refusal::new(429, "MS42903", "The daily quota is spent. #MS42903")
}

fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast(seconds.unwrap_or(1))),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "", "Server Error").after(seconds)),
        Fault::Unauthorized => Some(unauthenticated()),
        Fault::Invalid => Some(invalid(&BadField::new("to[0].email", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// A sentence, and the fields at fault with theirs.
fn refuse(refusal: &Refusal) -> HttpResponse {
    let body = match &refusal.field {
        Some(field) => json!({ "message": refusal.detail, "errors": { field: [refusal.detail] } }),
        None => json!({ "message": refusal.detail }),
    };
    json::answer(refusal.status, &body)
}

/// 202 with the id in a header, or for a bulk call an id of its own.
fn taken(done: &Done<'_>) -> HttpResponse {
    let first = done.results.iter().flatten().next().map(|taken| taken.id.as_str());
    if done.batch {
        let id = first.unwrap_or("000000000000000000000000");
        return json::answer(202, &json!({ "message": "The bulk email is being processed.", "bulk_email_id": id }));
    }
    let id = first.map(|id| json::field("x-message-id", id));
    HttpResponse { status: 202, headers: id.into_iter().collect(), body: Vec::new() }
}

/// MailerSend's answer to `GET /v1/api-quota`.
fn usage(usage: &Usage<'_>) -> HttpResponse {
    let quota = usage.settings.daily_quota;
    let remaining = quota.map(|quota| quota.saturating_sub(usage.day));
    json::answer(200, &json!({ "quota": quota, "remaining": remaining }))
}

fn show_room(response: &mut HttpResponse, room: &Headroom) {
    response.headers.push(json::field("x-ratelimit-limit", room.limit.to_string()));
    response.headers.push(json::field("x-ratelimit-remaining", room.remaining.to_string()));
}

fn id(stamp: &Stamp<'_>) -> String {
    stamp.hex.get(..24).unwrap_or_default().to_string()
}

/// Not published in the facts at hand.
const MOST_BULK: usize = 500;
const MOST_RECIPIENTS: usize = 1_000;
const MOST_AHEAD_MS: u64 = 72 * 3_600_000;
/// The end of the year 9999.
const MOST_SECONDS: u64 = 253_402_300_799;
