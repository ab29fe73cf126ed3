//! Mailgun's webhooks: one event a POST, in `event-data` (its event structure).

use super::events::{Event, Kind, Post, number};
use serde_json::{Value, json};

/// One event; its signature is put beside it when it is sealed.
pub(crate) fn post(event: &Event<'_>) -> Post {
    let letter = event.letter;
    let domain = letter.sender().rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut payload = json!({
        "event": word(event.kind),
        "id": event.serial,
        "timestamp": seconds(event),
        "recipient": event.recipient,
        "recipient-domain": event.recipient.rsplit_once('@').map_or("", |(_, domain)| domain),
        "tags": letter.tag_texts(),
        "user-variables": letter.metadata,
        "message": { "headers": {
            "message-id": letter.message_id(),
            "to": letter.to.join(", "),
            "from": letter.from,
            "subject": letter.subject,
        }, "attachments": [], "size": 512 + number(event.serial) % 512 },
        "domain": { "name": domain },
        "account": { "id": "simulator" },
        "log-level": if event.kind == Kind::Bounced { "error" } else { "info" },
    });
    if let Some(members) = payload.as_object_mut() {
        for (name, value) in more(event.kind) {
            members.insert(name.to_string(), value);
        }
    }
    Post { event: word(event.kind).to_string(), payload: payload.to_string() }
}

/// Seconds with milliseconds behind the point.
fn seconds(event: &Event<'_>) -> Value {
    let text = format!("{}.{:03}", event.at.as_millis() / 1000, event.at.as_millis() % 1000);
    text.parse::<f64>().ok().map_or(Value::Null, Value::from)
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Processed => "accepted",
        Kind::Delivered => "delivered",
        Kind::Bounced | Kind::Deferred | Kind::Suppressed => "failed",
        Kind::Complained => "complained",
        Kind::Opened => "opened",
        Kind::Unsubscribed => "unsubscribed",
    }
}

fn more(kind: Kind) -> Vec<(&'static str, Value)> {
    let status = |code: u16, enhanced: &str, text: &str| json!({ "code": code, "enhanced-code": enhanced, "message": text, "description": "", "attempt-no": 1 });
    let failed = |severity: &str, reason: &str, status: Value| {
        vec![
            ("severity", severity.into()),
            ("reason", reason.into()),
            ("delivery-status", status),
            ("flags", json!({ "is-delayed-bounce": false })),
        ]
    };
    match kind {
        Kind::Processed | Kind::Complained | Kind::Unsubscribed => Vec::new(),
        Kind::Delivered => vec![("delivery-status", status(250, "2.0.0", "OK"))],
        Kind::Bounced => failed("permanent", "bounce", status(550, "5.1.1", "No such user")),
        Kind::Deferred => failed("temporary", "generic", status(452, "4.2.2", "Mailbox full")),
        // 605: previously bounced.
        Kind::Suppressed => {
            failed("permanent", "suppress-bounce", status(605, "", "Not delivering to previously bounced address"))
        }
        Kind::Opened => vec![("client-info", json!({ "user-agent": "Mozilla/5.0" })), ("ip", "192.0.2.1".into())],
    }
}
