//! Brevo's webhooks: one event a POST, without an id of its own.

use super::events::{Event, Kind, Post, number};
use sendgate_core::time::UnixMillis;
use serde_json::{Value, json};

/// One event. What the message said in `X-Mailin-custom` comes back as it was.
pub(crate) fn post(event: &Event<'_>) -> Post {
    let letter = event.letter;
    let seconds = event.at.as_millis() / 1_000;
    let tags = letter.tag_texts();
    let mut payload = json!({
        "event": word(event.kind),
        "email": event.recipient,
        "id": number(event.serial),
        "date": date(event.at),
        "ts": seconds,
        "ts_event": seconds,
        "ts_epoch": event.at.as_millis(),
        "message-id": format!("<{}>", letter.message_id()),
        "subject": letter.subject,
        "sender_email": letter.sender(),
        "sending_ip": "192.0.2.1",
    });
    let Some(members) = payload.as_object_mut() else { return Post::new(word(event.kind), &payload) };
    if !tags.is_empty() {
        // Once as a list and once as the text of one.
        members.insert("tag".into(), Value::from(tags.clone()).to_string().into());
        members.insert("tags".into(), tags.into());
    }
    if let Some(custom) = letter.header("x-mailin-custom") {
        members.insert("X-Mailin-custom".into(), custom.into());
    }
    if let Some(reason) = reason(event.kind) {
        members.insert("reason".into(), reason.into());
    }
    if event.kind == Kind::Opened {
        members.insert("ip".into(), "192.0.2.1".into());
        members.insert("user_agent".into(), "Mozilla/5.0".into());
    }
    Post::new(word(event.kind), &payload)
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Processed => "request",
        Kind::Delivered => "delivered",
        Kind::Bounced => "hard_bounce",
        Kind::Deferred => "deferred",
        Kind::Complained => "spam",
        Kind::Opened => "opened",
        Kind::Unsubscribed => "unsubscribed",
        Kind::Suppressed => "blocked",
    }
}

const fn reason(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Bounced => Some("550 5.1.1 No such user"),
        Kind::Deferred => Some("452 4.2.2 Mailbox full"),
        Kind::Suppressed => Some("blocked : due to blacklist user"),
        Kind::Processed | Kind::Delivered | Kind::Complained | Kind::Opened | Kind::Unsubscribed => None,
    }
}

/// `2026-12-01 10:00:01`, in the account's time zone: here it is UTC.
fn date(at: UnixMillis) -> String {
    at.to_string().chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}
