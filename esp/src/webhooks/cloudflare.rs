//! Cloudflare's events: messages of a queue. There is no queue here, so each is posted as the JSON that its consumer gets.

use super::events::{Event, Kind, Post};
use serde_json::{Map, Value, json};

/// One message; Cloudflare tells neither that it took mail nor that a recipient opened it or wants no more.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let letter = event.letter;
    let (word, more) = words(event.kind)?;
    let word = format!("cf.email.sending.message.{word}");
    let sender = letter.sender();
    let mut payload = Map::from_iter([
        ("eventId".to_string(), Value::from(event.serial)),
        ("messageId".to_string(), letter.id.as_str().into()),
        ("sender".to_string(), sender.into()),
        ("recipient".to_string(), event.recipient.into()),
        ("terminal".to_string(), (event.kind != Kind::Deferred).into()),
    ]);
    if event.kind != Kind::Complained {
        payload.insert("subject".to_string(), letter.subject.as_str().into());
    }
    if let Value::Object(more) = more {
        payload.extend(more);
    }
    let message = json!({
        "type": word,
        "source": {
            "type": "email.sending",
            "zoneId": "simulator",
            "domain": sender.rsplit_once('@').map_or("", |(_, domain)| domain),
        },
        "payload": payload,
        "metadata": {
            "accountId": "simulator",
            "eventSubscriptionId": "simulator",
            "eventSchemaVersion": 1,
            "eventTimestamp": event.at.to_string(),
        },
    });
    Some(Post::new(&word, &message))
}

/// The event's word, and what only it tells.
fn words(kind: Kind) -> Option<(&'static str, Value)> {
    let delivery = |status: &str, code: &str, enhanced: &str, text: &str| {
        json!({ "status": status, "provider": "external_smtp", "deliveryTimeMs": 100, "smtpStatusCode": code,
                "smtpEnhancedStatusCode": enhanced, "smtpResponse": text })
    };
    Some(match kind {
        Kind::Processed | Kind::Opened | Kind::Unsubscribed => return None,
        Kind::Delivered => ("delivered", json!({ "delivery": delivery("delivered", "250", "2.0.0", "250 2.0.0 OK") })),
        Kind::Bounced => (
            "bounced",
            json!({ "delivery": delivery("bounced", "550", "5.1.1", "550 5.1.1 No such user"),
                    "bounce": { "type": "hard", "classification": "permanent_failure", "reason": "No such user" } }),
        ),
        Kind::Deferred => (
            "deferred",
            json!({ "delivery": delivery("deferred", "452", "4.2.2", "452 4.2.2 Mailbox full"),
                    "bounce": { "type": "soft", "classification": "transient_failure", "reason": "Mailbox full" } }),
        ),
        Kind::Complained => ("complained", json!({ "complaint": { "type": "abuse" } })),
        Kind::Suppressed => (
            "rejected",
            json!({ "rejection": { "reason": "recipient_suppressed", "party": "recipient",
                                   "detail": "The recipient is on the suppression list" } }),
        ),
    })
}
