//! SparkPost's event webhooks: a list of events, each inside an object that names its class.

use super::events::{Event, Kind, Post, number};
use serde_json::{Map, Value, json};

/// One POST with all events of a message.
pub(crate) fn post(events: &[Event<'_>]) -> Option<Post> {
    let words: Vec<&str> = events.iter().map(|event| words(event.kind).1).collect();
    let items: Vec<Value> = events.iter().map(item).collect();
    (!items.is_empty()).then(|| Post::new(&words.join(","), &Value::Array(items)))
}

/// The class of an event and its word.
const fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Processed => ("message_event", "injection"),
        Kind::Delivered => ("message_event", "delivery"),
        Kind::Bounced => ("message_event", "bounce"),
        Kind::Deferred => ("message_event", "delay"),
        Kind::Complained => ("message_event", "spam_complaint"),
        Kind::Opened => ("track_event", "open"),
        Kind::Unsubscribed => ("unsubscribe_event", "list_unsubscribe"),
        // What becomes of a message to an address on its suppression list.
        Kind::Suppressed => ("gen_event", "generation_rejection"),
    }
}

/// Ids are numbers in texts, and so are an event's second and its codes.
fn item(event: &Event<'_>) -> Value {
    let letter = event.letter;
    let (class, word) = words(event.kind);
    let mut fields = json!({
        "type": word,
        "event_id": number(event.serial).to_string(),
        "timestamp": (event.at.as_millis() / 1_000).to_string(),
        "transmission_id": letter.id,
        "message_id": event.serial.get(..20),
        "customer_id": "1",
        "friendly_from": letter.sender(),
        "msg_from": letter.sender(),
        "subject": letter.subject,
        "rcpt_to": event.recipient.to_lowercase(),
        "raw_rcpt_to": event.recipient,
        "rcpt_meta": letter.metadata,
        "rcpt_tags": [],
    });
    if let (Some(members), Value::Object(more)) = (fields.as_object_mut(), more(event.kind)) {
        members.extend(more);
        members.extend(letter.tag_texts().into_iter().next().map(|tag| ("campaign_id".to_string(), tag.into())));
        members.extend(letter.stream.as_deref().map(|pool| ("ip_pool".to_string(), pool.into())));
    }
    json!({ "msys": Map::from_iter([(class.to_string(), fields)]) })
}

/// The bounce classes are SparkPost's: 10 is an invalid recipient, 22 a full mailbox. What it did not even generate has none.
fn more(kind: Kind) -> Value {
    let refused = |class: Option<&str>, code: &str, reason: &str| json!({ "bounce_class": class, "error_code": code, "raw_reason": reason, "reason": reason });
    match kind {
        Kind::Bounced => refused(Some("10"), "550", "550 5.1.1 No such user"),
        Kind::Deferred => refused(Some("22"), "452", "452 4.2.2 Mailbox full"),
        Kind::Suppressed => refused(None, "554", "554 5.7.1 recipient address suppressed due to customer policy"),
        Kind::Complained => json!({ "fbtype": "abuse", "report_by": "simulator.sendgate.example" }),
        Kind::Opened => json!({ "ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0" }),
        Kind::Processed | Kind::Delivered | Kind::Unsubscribed => json!({}),
    }
}
