//! Mailtrap's sending dialect: `POST /api/send` and `POST /api/batch`.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Message, SharedFiles},
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

/// Mailtrap's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "mailtrap",
    label: "Mailtrap",
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
    id: dialect::uuid_of,
};

fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.bearer().or(arrival.header("api-token").filter(|token| !token.is_empty())) {
        Some(_) => Ok(()),
        None => Err(refuse(&unauthorized())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    let batch = match draft::segments(rest).as_slice() {
        ["api", "send"] | ["api", "send", _] => false,
        ["api", "batch"] | ["api", "batch", _] => true,
        _ => return Err(Refusal::new(404, "", "Not Found")),
    };
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "", "Method Not Allowed"));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let value: Value = serde_json::from_str(text).map_err(|_| not_json())?;
    let items = if batch { requests(text, &value).map_err(|bad| invalid(&bad))? } else { vec![item(text, &value)] };
    Ok(Request::Send(Sending { batch, all_or_nothing: !batch, key: None, items }))
}

fn item<'a>(text: &'a str, value: &Value) -> Item<'a> {
    let read = || {
        let fields = Fields::of(value, "")?;
        let files = draft::files(&fields, "attachments", FILE)?;
        Ok(Message { attachments: files, ..message(&fields)? })
    };
    Item { raw: Cow::Borrowed(text), message: read().map_err(|bad: BadField| invalid(&bad)) }
}

/// The requests of a batch: each says what the base does not, and its own word counts.
fn requests<'a>(text: &'a str, value: &Value) -> Result<Vec<Item<'a>>, BadField> {
    let fields = Fields::of(value, "")?;
    let base = fields.object("base")?;
    let requests = fields.list("requests")?.unwrap_or_default();
    if requests.is_empty() || requests.len() > MOST_BATCH {
        let got = requests.len();
        return Err(BadField::new("requests", format!("must hold from 1 to {MOST_BATCH} requests, got {got}")));
    }
    let files = base.as_ref().map(|base| draft::files(base, "attachments", FILE)).transpose()?.unwrap_or_default();
    let files = SharedFiles::new(files, requests.len());
    let shared: Map<String, Value> =
        base.iter().flat_map(Fields::owned).filter(|(name, _)| name != "attachments").collect();
    let texts = draft::member_array(text, "requests").unwrap_or_default();
    let item = |(index, request): (usize, &Value)| {
        let read = || {
            let own = Fields::of(request, &format!("requests[{index}]"))?;
            let mut merged = shared.clone();
            merged.extend(own.owned());
            let merged = Value::Object(merged);
            let merged = Fields::of(&merged, "")?;
            let message = message(&merged)?;
            let own = draft::files(&merged, "attachments", FILE)?;
            Ok(Message { attachments: if own.is_empty() { files.of(index) } else { own }, ..message })
        };
        let raw = texts.get(index).copied().unwrap_or("null");
        Item { raw: Cow::Borrowed(raw), message: read().map_err(|bad: BadField| invalid(&bad)) }
    };
    Ok(requests.iter().enumerate().map(item).collect())
}

fn message(fields: &Fields<'_>) -> Result<Message, BadField> {
    let from = fields.any("from").ok_or_else(|| BadField::new("from", "is required"))?;
    let template = fields.text("template_uuid")?;
    fields.object("template_variables")?;
    let mut message = Message {
        from: draft::person(from, "from")?,
        to: draft::people(fields, "to")?,
        cc: draft::people(fields, "cc")?,
        bcc: draft::people(fields, "bcc")?,
        reply_to: fields.any("reply_to").map(|one| draft::person(one, "reply_to")).transpose()?.into_iter().collect(),
        subject: fields.text("subject")?.unwrap_or_default().to_string(),
        text_body: fields.text("text")?.map(String::from),
        html_body: fields.text("html")?.map(String::from),
        headers: draft::header_map(fields, "headers")?,
        tags: fields.text("category")?.map(Value::from).into_iter().collect(),
        metadata: fields.object("custom_variables")?.iter().flat_map(Fields::owned).collect(),
        template: template.map(
            |id| json!({ "id": id, "data": fields.any("template_variables").cloned().unwrap_or_else(|| json!({})) }),
        ),
        ..Message::default()
    };
    draft::recipients(&mut message, MOST_RECIPIENTS)?;
    let has_body = message.text_body.is_some() || message.html_body.is_some();
    if message.template.is_some() && (has_body || !message.subject.is_empty()) {
        return Err(BadField::new("template_uuid", "excludes subject, text and html"));
    }
    if message.template.is_none() && message.subject.is_empty() {
        return Err(BadField::new("subject", "is required"));
    }
    if message.template.is_none() && !has_body {
        return Err(BadField::new("text", "or html must be specified"));
    }
    Ok(message)
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(400, "", format!("'{}' {}", bad.field, bad.detail))
}

fn not_json() -> Refusal {
    Refusal::new(400, "", "the body is not JSON")
}

fn unauthorized() -> Refusal {
    Refusal::new(401, "", "Unauthorized")
}

fn throttled(_: &Later) -> Refusal {
    too_fast()
}

fn too_fast() -> Refusal {
    Refusal::new(429, "", "too many requests")
}

fn over_quota(_: bool) -> Refusal {
    Refusal::new(429, "", "the sending limit is reached")
}

fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast().after(seconds)),
        Fault::QuotaExceeded => Some(over_quota(true).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "", "internal server error").after(seconds)),
        Fault::Unauthorized => Some(unauthorized()),
        Fault::Invalid => Some(invalid(&BadField::new("to", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    json::answer(refusal.status, &json!({ "success": false, "errors": [refusal.detail] }))
}

/// The id, or the requests' results in order.
fn taken(done: &Done<'_>) -> HttpResponse {
    let results: Vec<Value> = done
        .results
        .iter()
        .map(|result| match result {
            Ok(taken) => json!({ "success": true, "message_ids": [taken.id] }),
            Err(refusal) => json!({ "success": false, "errors": [refusal.detail] }),
        })
        .collect();
    match results.first() {
        Some(only) if !done.batch => json::answer(200, only),
        _ => json::answer(200, &json!({ "success": true, "responses": results })),
    }
}

const FILE: (&str, &str, &str, &str) = ("content", "filename", "type", "content_id");
const MOST_BATCH: usize = 500;
/// Not published in the facts at hand.
const MOST_RECIPIENTS: usize = 1_000;
