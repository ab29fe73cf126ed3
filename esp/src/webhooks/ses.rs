//! Amazon SES's events, published through SNS: the inner message of event publishing, and the envelope around it.

use super::events::{Event, Kind, Post};
use sendgate_core::time::UnixMillis;
use serde_json::{Map, Value, json};

/// One event as SES publishes it; who unsubscribes by mail, SES does not hear.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let letter = event.letter;
    let headers: Vec<Value> =
        letter.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let tags: Map<String, Value> = letter.tag_pairs().into_iter().map(|(name, value)| (name, json!([value]))).collect();
    let (word, member, body) = body(event)?;
    let mut payload = json!({
        "eventType": word,
        "mail": {
            "messageId": letter.id,
            "timestamp": letter.at.to_string(),
            "source": letter.from,
            "sendingAccountId": "123456789012",
            "destination": letter.recipients,
            "headersTruncated": false,
            "headers": headers,
            "commonHeaders": { "from": [letter.from], "to": letter.to, "subject": letter.subject, "messageId": letter.id },
            "tags": tags,
        },
    });
    if let Some(members) = payload.as_object_mut() {
        members.insert(member.to_string(), body);
    }
    Some(Post { event: word.to_string(), payload: payload.to_string() })
}

/// The event's word, the member that holds its details, and those.
fn body(event: &Event<'_>) -> Option<(&'static str, &'static str, Value)> {
    let at = event.at.to_string();
    let who = json!([{ "emailAddress": event.recipient }]);
    Some(match event.kind {
        Kind::Unsubscribed => return None,
        Kind::Processed => ("Send", "send", json!({})),
        Kind::Delivered => (
            "Delivery",
            "delivery",
            json!({ "timestamp": at, "processingTimeMillis": 100, "recipients": [event.recipient],
                    "smtpResponse": "250 2.0.0 OK", "reportingMTA": "simulator.sendgate.example" }),
        ),
        Kind::Bounced => ("Bounce", "bounce", bounce(event, "General", "5.1.1", "smtp; 550 5.1.1 No such user")),
        Kind::Suppressed => (
            "Bounce",
            "bounce",
            bounce(event, "OnAccountSuppressionList", "5.1.1", "Amazon SES did not send the message to this address"),
        ),
        Kind::Deferred => (
            "DeliveryDelay",
            "deliveryDelay",
            json!({ "timestamp": at, "delayType": "MailboxFull", "delayedRecipients": [{
                "emailAddress": event.recipient, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 Mailbox full" }] }),
        ),
        Kind::Complained => (
            "Complaint",
            "complaint",
            json!({ "timestamp": at, "feedbackId": event.serial, "complainedRecipients": who,
                    "complaintSubType": null, "complaintFeedbackType": "abuse", "userAgent": "Sendgate simulator",
                    "arrivalDate": at }),
        ),
        Kind::Opened => {
            ("Open", "open", json!({ "timestamp": at, "ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0" }))
        }
    })
}

fn bounce(event: &Event<'_>, kind: &str, status: &str, diagnostic: &str) -> Value {
    json!({
        "bounceType": "Permanent", "bounceSubType": kind, "feedbackId": event.serial, "timestamp": event.at.to_string(),
        "reportingMTA": "dns; simulator.sendgate.example",
        "bouncedRecipients": [{
            "emailAddress": event.recipient, "action": "failed", "status": status, "diagnosticCode": diagnostic,
        }],
    })
}

/// What an SNS message says of itself.
pub(crate) struct Envelope<'a> {
    /// `Notification` or `SubscriptionConfirmation`.
    pub(crate) kind: &'a str,
    /// A UUID.
    pub(crate) message_id: &'a str,
    /// The topic.
    pub(crate) topic: &'a str,
    /// What it carries.
    pub(crate) message: &'a str,
    /// When it was made.
    pub(crate) at: UnixMillis,
    /// The token and the URL of a confirmation.
    pub(crate) confirmation: Option<(&'a str, &'a str)>,
}

impl Envelope<'_> {
    /// The fields that are signed, in the order in which they are.
    pub(crate) fn signed(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("Message", self.message.to_string()), ("MessageId", self.message_id.to_string())];
        if let Some((_, url)) = self.confirmation {
            fields.push(("SubscribeURL", url.to_string()));
        }
        fields.push(("Timestamp", self.at.to_string()));
        if let Some((token, _)) = self.confirmation {
            fields.push(("Token", token.to_string()));
        }
        fields.push(("TopicArn", self.topic.to_string()));
        fields.push(("Type", self.kind.to_string()));
        fields
    }

    /// The text that is signed: each name and value on a line of its own.
    pub(crate) fn text(&self) -> String {
        self.signed().iter().map(|(name, value)| format!("{name}\n{value}\n")).collect()
    }
}
