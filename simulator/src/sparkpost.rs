//! SparkPost's dialect: `POST /api/v1/transmissions`.

use crate::{
    Arrival, address,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending, Stamp},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::Message,
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

/// SparkPost's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "sparkpost",
    label: "SparkPost",
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

/// Lets a call with a bare key in `Authorization` in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.header("authorization").map(str::trim) {
        Some(key) if !key.is_empty() && !key.contains(' ') => Ok(()),
        Some(_) | None => Err(refuse(&unauthorized())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    if rest.trim_end_matches('/') != "/api/v1/transmissions" {
        return Err(Refusal::new(404, "1600", "resource not found"));
    }
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "1400", "Method Not Allowed"));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let item: Item<'a> = draft::item(text, not_json, |value| message(value).map_err(|bad| invalid(&bad)));
    Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key: None, items: vec![item] }))
}

fn message(value: &Value) -> Result<Message, BadField> {
    let fields = Fields::of(value, "")?;
    let content = fields.object("content")?.ok_or_else(|| BadField::new("content", "is required"))?;
    let mut message = contents(&content)?;
    message.metadata = fields.object("metadata")?.iter().flat_map(Fields::owned).collect();
    message.tags = fields.text("campaign_id")?.map(Value::from).into_iter().collect();
    if let Some(options) = fields.object("options")? {
        message.test_mode = options.truth("sandbox")?.unwrap_or(false);
        message.scheduled_at = options.text("start_time")?.map(String::from);
        message.stream = options.text("ip_pool")?.map(String::from);
        for name in ["open_tracking", "click_tracking"] {
            if let Some(value) = options.truth(name)? {
                message.tracking.insert(name.to_string(), Value::from(value));
            }
        }
    }
    let substitution = fields.object("substitution_data")?.and(fields.any("substitution_data"));
    if let (Some(template), Some(data)) = (message.template.as_mut().and_then(Value::as_object_mut), substitution) {
        template.insert("data".to_string(), data.clone());
    }
    recipients(&fields, &mut message)?;
    Ok(message)
}

/// The recipients; one with a `header_to` is a copy for somebody else's message.
fn recipients(fields: &Fields<'_>, message: &mut Message) -> Result<(), BadField> {
    let items = fields.list("recipients")?.unwrap_or_default();
    if items.is_empty() || items.len() > MOST_RECIPIENTS {
        let got = items.len();
        return Err(BadField::new("recipients", format!("must hold from 1 to {MOST_RECIPIENTS}, got {got}")));
    }
    let cc = message.headers.iter().find(|header| header.name.eq_ignore_ascii_case("cc"));
    let cc = cc.map(|header| header.value.to_lowercase()).unwrap_or_default();
    message.headers.retain(|header| !header.name.eq_ignore_ascii_case("cc"));
    for (index, item) in items.iter().enumerate() {
        let item = Fields::of(item, &format!("recipients[{index}]"))?;
        let (mailbox, copy) = match item.any("address") {
            Some(Value::String(text)) => (text.clone(), false),
            Some(value) => {
                let copy = Fields::of(value, "address")?.text("header_to")?.is_some();
                (draft::person(value, &item.path("address"))?, copy)
            }
            None => return Err(BadField::new(item.path("address"), "is required")),
        };
        let wrong = || BadField::new(item.path("address"), "must be an address");
        let bare = address::one(&mailbox).ok_or_else(wrong)?.to_string();
        if let Some(data) = item.object("substitution_data")?.and(item.any("substitution_data")) {
            message.recipient_variables.insert(bare.clone(), data.clone());
        }
        let list = match (copy, cc.contains(&bare.to_lowercase())) {
            (false, _) => &mut message.to,
            (true, true) => &mut message.cc,
            (true, false) => &mut message.bcc,
        };
        list.push(mailbox);
        message.recipients.push(bare);
    }
    Ok(())
}

fn contents(content: &Fields<'_>) -> Result<Message, BadField> {
    if let Some(id) = content.text("template_id")? {
        return Ok(Message { template: Some(json!({ "id": id, "data": {} })), ..Message::default() });
    }
    if let Some(source) = content.text("email_rfc822")? {
        let read = mime::read(source.as_bytes());
        let message = read.ok_or_else(|| BadField::new("content.email_rfc822", "is not a MIME message"))?;
        return Ok(Message { to: Vec::new(), cc: Vec::new(), bcc: Vec::new(), ..message });
    }
    let from = match content.any("from") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => draft::person(value, "content.from")?,
        None => return Err(BadField::new("content.from", "is required")),
    };
    draft::addresses(core::slice::from_ref(&from), "content.from")?;
    let mut message = Message {
        from,
        reply_to: content.text("reply_to")?.map(String::from).into_iter().collect(),
        subject: content.text("subject")?.ok_or_else(|| BadField::new("content.subject", "is required"))?.to_string(),
        text_body: content.text("text")?.map(String::from),
        html_body: content.text("html")?.map(String::from),
        headers: draft::header_map(content, "headers")?,
        attachments: draft::files(content, "attachments", FILE)?,
        ..Message::default()
    };
    for mut image in draft::files(content, "inline_images", FILE)? {
        image.disposition = Some("inline".to_string());
        image.content_id = Some(image.filename.clone());
        message.attachments.push(image);
    }
    if message.text_body.is_none() && message.html_body.is_none() {
        return Err(BadField::new("content.text", "or content.html is required"));
    }
    Ok(message)
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(422, "1300", "invalid data format/type").at(format!("{} {}", bad.field, bad.detail))
}

fn not_json() -> Refusal {
    Refusal::new(422, "1300", "invalid data format/type").at("the body is not JSON")
}

fn unauthorized() -> Refusal {
    Refusal::new(401, "", "Unauthorized.")
}

fn throttled(_: &Later) -> Refusal {
    too_fast()
}

fn too_fast() -> Refusal {
    Refusal::new(429, "1950", "Too many requests")
}

fn over_quota(_: bool) -> Refusal {
    Refusal::new(420, "2102", "Exceed Sending Limit")
}

fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast().after(seconds)),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "", "internal server error").after(seconds)),
        Fault::Unauthorized => Some(unauthorized()),
        Fault::Invalid => Some(invalid(&BadField::new("recipients", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    let mut error = json!({ "message": refusal.detail });
    if let Some(members) = error.as_object_mut() {
        members.extend((!refusal.code.is_empty()).then(|| ("code".to_string(), Value::from(refusal.code))));
        members.extend(refusal.field.as_ref().map(|note| ("description".to_string(), Value::from(note.as_str()))));
    }
    json::answer(refusal.status, &json!({ "errors": [error] }))
}

fn taken(done: &Done<'_>) -> HttpResponse {
    let taken = done.results.iter().flatten().next();
    let results = json!({
        "total_rejected_recipients": 0,
        "total_accepted_recipients": taken.map_or(0, |taken| taken.message.recipients.len()),
        "id": taken.map(|taken| taken.id.as_str()),
    });
    json::answer(200, &json!({ "results": results }))
}

/// SparkPost's ids are decimal numbers.
fn id(stamp: &Stamp<'_>) -> String {
    let number = stamp.hex.get(..14).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    format!("{number:018}")
}

const FILE: (&str, &str, &str, &str) = ("data", "name", "type", "content_id");
/// Not published in the facts at hand.
const MOST_RECIPIENTS: usize = 10_000;
