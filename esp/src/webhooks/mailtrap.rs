//! Mailtrap's webhooks: a list of events in `events`.

use super::{
    events::{Event, Kind, Post},
    seal::uuid,
};
use serde_json::{Value, json};

/// One POST with all events of a message; Mailtrap does not tell that it took one.
pub(crate) fn post(events: &[Event<'_>]) -> Option<Post> {
    let (words, items): (Vec<&str>, Vec<Value>) =
        events.iter().filter_map(|event| Some((word(event.kind)?, item(event)?))).unzip();
    (!items.is_empty()).then(|| Post::new(&words.join(","), &json!({ "events": items })))
}

const fn word(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Processed => return None,
        Kind::Delivered => "delivery",
        Kind::Bounced => "bounce",
        Kind::Deferred => "soft bounce",
        Kind::Complained => "spam",
        Kind::Opened => "open",
        Kind::Unsubscribed => "unsubscribe",
        Kind::Suppressed => "reject",
    })
}

fn item(event: &Event<'_>) -> Option<Value> {
    let letter = event.letter;
    let sender = letter.sender();
    let mut item = json!({
        "event": word(event.kind)?,
        "message_id": letter.id,
        "sending_stream": letter.stream.as_deref().unwrap_or("transactional"),
        "sending_domain_name": sender.rsplit_once('@').map_or("", |(_, domain)| domain),
        "email": event.recipient,
        "timestamp": event.at.as_millis() / 1_000,
        "event_id": uuid(&format!("{:0<32}", event.serial)),
        "category": letter.tag_texts().into_iter().next(),
        "custom_variables": letter.metadata,
    });
    if let (Some(members), Value::Object(more)) = (item.as_object_mut(), more(event.kind)) {
        members.extend(more);
    }
    Some(item)
}

fn more(kind: Kind) -> Value {
    match kind {
        Kind::Bounced => {
            json!({ "response": "550 5.1.1 No such user", "response_code": 550, "bounce_category": "badmailbox" })
        }
        Kind::Deferred => {
            json!({ "response": "452 4.2.2 Mailbox full", "response_code": 452, "bounce_category": "quotaissues" })
        }
        Kind::Suppressed => json!({ "reason": "Recipient in suppression list. Reason: hard bounce" }),
        Kind::Opened | Kind::Unsubscribed => json!({ "ip": "192.0.2.1", "user_agent": "Mozilla/5.0" }),
        Kind::Processed | Kind::Delivered | Kind::Complained => Value::Null,
    }
}
