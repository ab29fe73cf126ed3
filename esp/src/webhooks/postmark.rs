//! Postmark's webhooks: one record a POST, told apart by `RecordType`.

use super::events::{Event, Kind, Post, number};
use serde_json::{Value, json};

/// One record; Postmark tells neither that it took a message nor that it refused one.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let letter = event.letter;
    let record = match event.kind {
        Kind::Processed | Kind::Suppressed => return None,
        Kind::Delivered => "Delivery",
        Kind::Bounced | Kind::Deferred => "Bounce",
        Kind::Complained => "SpamComplaint",
        Kind::Opened => "Open",
        Kind::Unsubscribed => "SubscriptionChange",
    };
    let mut payload = json!({
        "RecordType": record,
        "MessageID": letter.id,
        "MessageStream": letter.stream.as_deref().unwrap_or("outbound"),
        "ServerID": 1,
        "Tag": letter.tag_texts().into_iter().next().unwrap_or_default(),
        "Metadata": letter.metadata,
    });
    if let (Some(members), Value::Object(more)) = (payload.as_object_mut(), more(event)) {
        members.extend(more);
    }
    Some(Post { event: record.to_string(), payload: payload.to_string() })
}

fn more(event: &Event<'_>) -> Value {
    let at = event.at.to_string();
    match event.kind {
        Kind::Processed | Kind::Suppressed => Value::Null,
        Kind::Delivered => json!({ "Recipient": event.recipient, "DeliveredAt": at, "Details": "smtp;250 2.0.0 OK" }),
        Kind::Bounced => bounce(event, ("HardBounce", 1, "Hard bounce"), "smtp;550 5.1.1 No such user", true),
        Kind::Deferred => bounce(event, ("SoftBounce", 4_096, "Soft bounce"), "smtp;452 4.2.2 Mailbox full", false),
        Kind::Complained => bounce(event, ("SpamComplaint", 512, "Spam complaint"), "", true),
        Kind::Unsubscribed => json!({
            "Recipient": event.recipient, "ChangedAt": at, "Origin": "Recipient", "SuppressSending": true,
            "SuppressionReason": "ManualSuppression",
        }),
        Kind::Opened => json!({
            "Recipient": event.recipient, "ReceivedAt": at, "FirstOpen": true, "UserAgent": "Mozilla/5.0",
            "Client": {}, "OS": {}, "Geo": {}, "Platform": "Desktop",
        }),
    }
}

/// Type codes: Postmark's bounce types.
fn bounce(event: &Event<'_>, (kind, code, name): (&str, u16, &str), details: &str, inactive: bool) -> Value {
    json!({
        "ID": number(event.serial), "Type": kind, "TypeCode": code, "Name": name, "Email": event.recipient,
        "From": event.letter.sender(), "BouncedAt": event.at.to_string(), "Description": name, "Details": details,
        "Inactive": inactive, "CanActivate": kind != "SpamComplaint", "DumpAvailable": false,
        "Subject": event.letter.subject,
    })
}
