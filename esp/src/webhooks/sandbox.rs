//! The sandbox provider's webhooks: a list of events in Sendgate's own words.

use super::events::{Event, Kind, Post};
use serde_json::{Value, json};

/// One POST with all events of a message.
pub(crate) fn post(events: &[Event<'_>]) -> Option<Post> {
    let words: Vec<&str> = events.iter().map(|event| word(event.kind)).collect();
    let items: Vec<Value> = events.iter().map(item).collect();
    (!items.is_empty()).then(|| Post::new(&words.join(","), &Value::Array(items)))
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Processed => "sent",
        Kind::Delivered => "delivered",
        Kind::Bounced => "bounced",
        Kind::Deferred => "deferred",
        Kind::Complained => "complained",
        Kind::Opened => "opened",
        Kind::Unsubscribed => "unsubscribed",
        Kind::Suppressed => "rejected",
    }
}

/// `sendgate_id` is the id that the message was given by its sender.
fn item(event: &Event<'_>) -> Value {
    let letter = event.letter;
    let mut item = json!({
        "id": event.serial,
        "event": word(event.kind),
        "at": event.at.to_string(),
        "message_id": letter.id,
        "recipient": event.recipient,
        "from": letter.sender(),
    });
    let refused = |status: &str, code: u16, text: &str| json!({ "status": status, "code": code, "text": text });
    let more = match event.kind {
        Kind::Bounced => refused("5.1.1", 550, "No such user"),
        Kind::Deferred => refused("4.2.2", 452, "Mailbox full"),
        Kind::Suppressed => json!({ "echo": true }),
        Kind::Processed | Kind::Delivered | Kind::Complained | Kind::Opened | Kind::Unsubscribed => json!({}),
    };
    if let (Some(members), Value::Object(more)) = (item.as_object_mut(), more) {
        members.extend(more);
        members.extend(letter.reference.as_deref().map(|id| ("sendgate_id".to_string(), id.into())));
    }
    item
}
