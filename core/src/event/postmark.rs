//! Postmark's webhooks: one record a request, and no signature. A secret in a header of one's choice, or Basic
//! authentication, is all there is, so an event is believed because its sender knows the secret.

use super::{BounceTable, Event, EventKind, Evidence, MESSAGE_ID_NAME, RejectReason, WebhookError, json};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec, vec::Vec};
use serde_json::Value;

/// The record of a post.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(record) = json::text(&value, "/RecordType") else { return Err(WebhookError::shape()) };
    let at = ["/DeliveredAt", "/BouncedAt", "/ReceivedAt", "/ChangedAt"]
        .iter()
        .find_map(|path| json::instant(&value, path))
        .unwrap_or(now);
    let recipient = json::owned(&value, "/Recipient").or_else(|| json::owned(&value, "/Email"));
    let bounce_type = json::text(&value, "/Type").unwrap_or_default();
    let kind = match record {
        "Delivery" => EventKind::Delivered,
        "Bounce" => kind_of_bounce(bounce_type),
        "SpamComplaint" => EventKind::Complained,
        "Open" => EventKind::Opened,
        "Click" => EventKind::Clicked,
        "SubscriptionChange" => kind_of_change(&value),
        "Inbound" => EventKind::Inbound,
        _ => EventKind::Unknown,
    };
    let mut event = Event::new(ProviderKind::Postmark, kind, key(record, &value, recipient.as_deref()), at);
    event.recipient = recipient;
    event.provider_message_id = json::owned(&value, "/MessageID");
    event.message_id = json::our_id(&value, &format!("/Metadata/{MESSAGE_ID_NAME}"));
    event.sender_domain = json::text(&value, "/From").and_then(json::domain_of);
    event.ip = json::ip(&value, "/Geo/IP");
    if record == "Bounce" {
        refuse(&mut event, bounce_type, &value);
    }
    if record == "SubscriptionChange" {
        // A bounce or a complaint changes the list as well, and is told as itself; what the customer's own side did is no
        // news either.
        let is_told = matches!(json::text(&value, "/SuppressionReason"), Some("HardBounce" | "SpamComplaint"));
        event.is_echo = is_told || json::text(&value, "/Origin") != Some("Recipient");
    }
    Ok(vec![event])
}

fn refuse(event: &mut Event, bounce_type: &str, value: &Value) {
    if !matches!(event.kind, EventKind::Bounced | EventKind::Deferred | EventKind::Rejected) {
        return;
    }
    let evidence = Evidence {
        provider: ProviderKind::Postmark.as_str(),
        word: Some(bounce_type),
        text: json::text(value, "/Details"),
        ..Evidence::default()
    };
    let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
    if event.kind == EventKind::Rejected {
        let reason = if bounce_type == "BadEmailAddress" { RejectReason::Invalid } else { RejectReason::Blocked };
        event.reject = Some(reason);
    }
}

/// django-anymail's table, but that a `SoftBounce` is soft in its class.
fn kind_of_bounce(word: &str) -> EventKind {
    match word {
        "HardBounce" | "SoftBounce" | "VirusNotification" => EventKind::Bounced,
        "Transient" | "DnsError" | "OpenRelayTest" => EventKind::Deferred,
        "Unsubscribe" | "ManualSuppression" => EventKind::Unsubscribed,
        "Subscribe" => EventKind::Subscribed,
        "AutoResponder" | "AddressChange" | "ChallengeVerification" => EventKind::Autoresponded,
        "SpamNotification" | "SpamComplaint" => EventKind::Complained,
        "BadEmailAddress" | "ManuallyDeactivated" | "Unconfirmed" | "Blocked" | "DMARCPolicy" => EventKind::Rejected,
        "SMTPApiError" | "TemplateRenderingFailed" => EventKind::Failed,
        "InboundError" => EventKind::InboundFailed,
        _ => EventKind::Unknown,
    }
}

fn kind_of_change(value: &Value) -> EventKind {
    if !json::flag(value, "/SuppressSending") {
        return EventKind::Subscribed;
    }
    match json::text(value, "/SuppressionReason") {
        Some("HardBounce") => EventKind::Bounced,
        Some("SpamComplaint") => EventKind::Complained,
        Some(_) | None => EventKind::Unsubscribed,
    }
}

/// Bounces and complaints have an id of their own; the others are told apart by all that names them.
fn key(record: &str, value: &Value, recipient: Option<&str>) -> String {
    if let Some(id) = json::scalar(value, "/ID") {
        return format!("postmark:{record}:{id}");
    }
    let parts = ["/MessageID", "/DeliveredAt", "/ReceivedAt", "/ChangedAt", "/OriginalLink", "/SuppressSending"];
    let named: Vec<String> = parts.iter().filter_map(|path| json::scalar(value, path)).collect();
    let name = format!("{record} {} {}", recipient.unwrap_or_default(), named.join(" "));
    format!("postmark:{record}:{}", json::digest(name.as_bytes()))
}
