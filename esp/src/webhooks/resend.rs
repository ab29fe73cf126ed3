//! Resend's webhooks: one event a POST.

use super::events::{Event, Kind, Post};
use serde_json::{Map, Value, json};

/// One event. It names every `to` of the message and not the recipient: Resend's does so, too.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let letter = event.letter;
    let tags: Map<String, Value> =
        letter.tag_pairs().into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let mut data = json!({
        "email_id": letter.id,
        "message_id": format!("<{}>", letter.message_id()),
        "created_at": letter.at.to_string(),
        "from": letter.from,
        "to": letter.to,
        "subject": letter.subject,
        "tags": tags,
    });
    if let (Some(members), Some((name, value))) = (data.as_object_mut(), more(event)) {
        members.insert(name.to_string(), value);
    }
    let word = word(event.kind)?;
    let payload = json!({ "type": word, "created_at": event.at.to_string(), "data": data });
    Some(Post { event: word.to_string(), payload: payload.to_string() })
}

const fn word(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Unsubscribed => return None,
        Kind::Processed => "email.sent",
        Kind::Delivered => "email.delivered",
        Kind::Bounced => "email.bounced",
        Kind::Deferred => "email.delivery_delayed",
        Kind::Complained => "email.complained",
        Kind::Opened => "email.opened",
        Kind::Suppressed => "email.suppressed",
    })
}

fn more(event: &Event<'_>) -> Option<(&'static str, Value)> {
    match event.kind {
        Kind::Processed | Kind::Delivered | Kind::Deferred | Kind::Complained | Kind::Unsubscribed => None,
        Kind::Bounced => Some((
            "bounce",
            json!({ "type": "Permanent", "subType": "General", "message": "The recipient's server refused the message",
                    "diagnosticCode": ["smtp; 550 5.1.1 No such user"] }),
        )),
        Kind::Opened => Some((
            "open",
            json!({ "ipAddress": "192.0.2.1", "timestamp": event.at.to_string(), "userAgent": "Mozilla/5.0" }),
        )),
        Kind::Suppressed => Some((
            "suppressed",
            json!({ "type": "OnAccountSuppressionList", "message": "The recipient is on the account's suppression list" }),
        )),
    }
}
