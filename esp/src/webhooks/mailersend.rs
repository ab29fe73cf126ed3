//! MailerSend's webhooks 2.0: one event a POST, what is special to it in `meta`.

use super::events::{Event, Kind, Post};
use serde_json::{Value, json};

/// One event; MailerSend tells in its answer whom it suppresses, and in no event.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let letter = event.letter;
    let (word, status) = words(event.kind)?;
    let word = format!("activity.{word}");
    let payload = json!({
        "type": word,
        "domain_id": "simulator",
        "created_at": event.at.to_string(),
        "webhook_id": "simulator",
        "data": {
            "object": "activity",
            "id": event.serial,
            "domain_id": "simulator",
            "message_id": letter.id,
            "email_id": letter.id.chars().rev().collect::<String>(),
            "type": status,
            "subject": letter.subject,
            "recipient": event.recipient,
            "tags": letter.tag_texts(),
            "meta": meta(event.kind),
        },
    });
    Some(Post::new(&word, &payload))
}

/// The event's word, and what the email has become.
const fn words(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::Suppressed => return None,
        Kind::Processed => ("sent", "sent"),
        Kind::Delivered => ("delivered", "delivered"),
        Kind::Bounced => ("hard_bounced", "rejected"),
        Kind::Deferred => ("deferred", "sent"),
        Kind::Complained => ("spam_complaint", "delivered"),
        Kind::Opened => ("opened", "delivered"),
        Kind::Unsubscribed => ("unsubscribed", "delivered"),
    })
}

/// An empty one is a list there.
fn meta(kind: Kind) -> Value {
    let bounce = |code: &str, reason: &str, kind: &str| json!({ "bounce_reason": reason, "bounce_code": code, "bounce_type": kind });
    match kind {
        Kind::Bounced => bounce("550", "550 5.1.1 No such user", "hard"),
        Kind::Deferred => bounce("452", "452 4.2.2 Mailbox full", "soft"),
        Kind::Opened => json!({ "ip": "192.0.2.1", "user_agent": "Mozilla/5.0", "device_type": "desktop" }),
        Kind::Processed | Kind::Delivered | Kind::Complained | Kind::Unsubscribed | Kind::Suppressed => json!([]),
    }
}
