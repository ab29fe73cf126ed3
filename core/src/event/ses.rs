//! Amazon SES's events and feedback notifications, as they stand inside an SNS message.
//!
//! A `Transient` bounce is SES's word for having given up for now: soft, and never counted against the address. A complaint
//! that lists several recipients lists everybody of that message at the complaining receiver, because the receiver did not
//! say who it was; each is a candidate, and none is suppressed for it: one bystander less is worth more than one
//! complainer, who complains again by himself the next time.

use super::{BounceTable, Enhanced, Event, EventKind, Evidence, MESSAGE_ID_NAME, RejectReason, WebhookError, json};
use crate::{id::MessageId, provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec::Vec};
use serde_json::Value;

/// The events of a message: one for each recipient it names.
pub(super) fn events(sns_id: &str, message: &str, now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    // SES greets a new topic with a sentence.
    let Ok(value) = serde_json::from_str::<Value>(message) else { return Ok(Vec::new()) };
    let Some(word) = json::text(&value, "/eventType").or_else(|| json::text(&value, "/notificationType")) else {
        return Ok(Vec::new());
    };
    let (mut kind, object, list) = match word {
        "Send" => (EventKind::Sent, "send", ""),
        "Delivery" => (EventKind::Delivered, "delivery", "recipients"),
        "Bounce" => (EventKind::Bounced, "bounce", "bouncedRecipients"),
        "Complaint" => (EventKind::Complained, "complaint", "complainedRecipients"),
        "Reject" => (EventKind::Rejected, "reject", ""),
        "Open" => (EventKind::Opened, "open", ""),
        "Click" => (EventKind::Clicked, "click", ""),
        "Rendering Failure" => (EventKind::Failed, "failure", ""),
        "DeliveryDelay" => (EventKind::Deferred, "deliveryDelay", "delayedRecipients"),
        "Subscription" => (kind_of_subscription(&value), "subscription", ""),
        _ => (EventKind::Unknown, "", ""),
    };
    if json::text(&value, "/complaint/complaintFeedbackType") == Some("not-spam") {
        kind = EventKind::Unknown;
    }
    let named = json::list(&value, &format!("/{object}/{list}"));
    let destination = json::list(&value, "/mail/destination");
    let everybody = if named.is_empty() { destination } else { named };
    let at = json::instant(&value, &format!("/{object}/timestamp"))
        .or_else(|| json::instant(&value, "/mail/timestamp"))
        .unwrap_or(now);
    let table = BounceTable::embedded();
    let one = |(n, recipient): (usize, &Value)| {
        let mut event = Event::new(ProviderKind::Ses, kind, format!("ses:{sns_id}:{n}"), at);
        event.recipient = address(recipient);
        event.provider_message_id = json::owned(&value, "/mail/messageId");
        event.message_id = our_id(&value);
        event.sender_domain = json::text(&value, "/mail/source").and_then(json::domain_of);
        event.ip = json::ip(&value, &format!("/{object}/ipAddress"))
            .or_else(|| json::ip(&value, &format!("/{object}/remoteMtaIp")));
        event.is_candidate = everybody.len() > 1 && (named.is_empty() || kind == EventKind::Complained);
        explain(&mut event, &value, recipient, &table);
        event
    };
    Ok(everybody.iter().take(MAX_RECIPIENTS).enumerate().map(one).collect())
}

fn explain(event: &mut Event, value: &Value, recipient: &Value, table: &BounceTable<'_>) {
    let text = |path| json::text(value, path).unwrap_or_default();
    let word = match event.kind {
        EventKind::Bounced => format!("{}/{}", text("/bounce/bounceType"), text("/bounce/bounceSubType")),
        EventKind::Deferred => format!("delay/{}", text("/deliveryDelay/delayType")),
        EventKind::Complained => {
            event.is_echo = text("/complaint/complaintSubType") == "OnAccountSuppressionList";
            return;
        }
        EventKind::Rejected => {
            event.reject = Some(RejectReason::Other);
            return;
        }
        EventKind::Queued
        | EventKind::Sent
        | EventKind::Failed
        | EventKind::Delivered
        | EventKind::Autoresponded
        | EventKind::Opened
        | EventKind::Clicked
        | EventKind::Unsubscribed
        | EventKind::Subscribed
        | EventKind::Inbound
        | EventKind::InboundFailed
        | EventKind::Unknown => return,
    };
    let evidence = Evidence {
        provider: ProviderKind::Ses.as_str(),
        word: Some(&word),
        enhanced: json::text(recipient, "/status").and_then(Enhanced::parse),
        smtp: None,
        text: json::text(recipient, "/diagnosticCode"),
    };
    let (mut bounce, is_echo) = table.classify(&evidence);
    bounce.counts &= event.kind == EventKind::Bounced && text("/bounce/bounceType") != "Transient";
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
}

fn kind_of_subscription(value: &Value) -> EventKind {
    if json::flag(value, "/subscription/newTopicPreferences/unsubscribeAll") {
        EventKind::Unsubscribed
    } else {
        EventKind::Unknown
    }
}

/// Recipients are addresses, or objects with one.
fn address(recipient: &Value) -> Option<String> {
    recipient.as_str().map(Into::into).or_else(|| json::owned(recipient, "/emailAddress"))
}

/// From the message's tags, or from a header of the message.
fn our_id(value: &Value) -> Option<MessageId> {
    json::our_id(value, &format!("/mail/tags/{MESSAGE_ID_NAME}/0")).or_else(|| {
        let headers = json::list(value, "/mail/headers");
        let is_ours = |header: &&Value| {
            json::text(header, "/name").is_some_and(|name| name.eq_ignore_ascii_case(super::mime::OUR_HEADER))
        };
        headers.iter().find(is_ours).and_then(|header| json::our_id(header, "/value"))
    })
}

/// SES takes at most 50 recipients a message.
const MAX_RECIPIENTS: usize = 50;
