//! SendGrid's event webhook: an array of flat events (its event reference).

use super::events::{Event, Kind, Post};
use serde_json::{Map, Value, json};

/// One POST with all events of a message.
pub(crate) fn post(events: &[Event<'_>]) -> Option<Post> {
    let words: Vec<&str> = events.iter().map(|event| word(event.kind)).collect();
    let items: Vec<Value> = events.iter().map(|event| Value::Object(item(event))).collect();
    (!items.is_empty()).then(|| Post { event: words.join(","), payload: Value::Array(items).to_string() })
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Processed => "processed",
        Kind::Delivered => "delivered",
        Kind::Bounced => "bounce",
        Kind::Deferred => "deferred",
        Kind::Complained => "spamreport",
        Kind::Opened => "open",
        Kind::Unsubscribed => "unsubscribe",
        Kind::Suppressed => "dropped",
    }
}

/// Custom arguments stand at the top level; SendGrid's own fields win.
fn item(event: &Event<'_>) -> Map<String, Value> {
    let letter = event.letter;
    let mut item = letter.metadata.clone();
    let mut add = |name: &str, value: Value| {
        item.insert(name.to_string(), value);
    };
    add("email", event.recipient.into());
    add("timestamp", (event.at.as_millis() / 1000).into());
    add("event", word(event.kind).into());
    add("sg_event_id", event.serial.into());
    add("sg_message_id", format!("{}.recvd-simulator-0", letter.id).into());
    add("smtp-id", format!("<{}>", letter.message_id()).into());
    let categories = letter.tag_texts();
    if !categories.is_empty() {
        add("category", categories.into());
    }
    match event.kind {
        Kind::Processed | Kind::Complained | Kind::Unsubscribed => {}
        Kind::Delivered => add("response", "250 2.0.0 OK".into()),
        Kind::Bounced => {
            add("type", "bounce".into());
            add("reason", "550 5.1.1 No such user".into());
            add("status", "5.1.1".into());
            add("bounce_classification", "Invalid Address".into());
        }
        Kind::Deferred => {
            add("response", "452 4.2.2 Mailbox full".into());
            add("attempt", "1".into());
        }
        Kind::Opened => {
            add("useragent", "Mozilla/5.0".into());
            add("ip", "192.0.2.1".into());
            add("sg_machine_open", json!(false));
        }
        Kind::Suppressed => add("reason", "Bounced Address".into()),
    }
    item
}
