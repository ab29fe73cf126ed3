//! Brevo's webhooks: one event a request and no signature; Basic authentication or a header with a secret.

use super::{BounceTable, Event, EventKind, Evidence, MESSAGE_ID_NAME, RejectReason, WebhookError, json};
use crate::{id::MessageId, provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec, vec::Vec};
use serde_json::Value;

/// The event of a post.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(word) = json::text(&value, "/event") else { return Err(WebhookError::shape()) };
    let kind = match word {
        "request" => EventKind::Queued,
        "delivered" => EventKind::Delivered,
        "hard_bounce" | "soft_bounce" | "invalid_email" => EventKind::Bounced,
        "blocked" => EventKind::Rejected,
        "error" => EventKind::Failed,
        "deferred" => EventKind::Deferred,
        "spam" | "complaint" => EventKind::Complained,
        "opened" | "unique_opened" | "proxy_open" | "unique_proxy_open" => EventKind::Opened,
        "click" => EventKind::Clicked,
        "unsubscribe" | "unsubscribed" => EventKind::Unsubscribed,
        "list_addition" => EventKind::Subscribed,
        _ => EventKind::Unknown,
    };
    // Only `ts_epoch`, in milliseconds, is in UTC for sure. An event has no id of its own; a repeat is the same bytes.
    let at = value.get("ts_epoch").and_then(Value::as_u64).map_or(now, UnixMillis::new);
    let mut event = Event::new(ProviderKind::Brevo, kind, format!("brevo:{}", json::digest_of(&value)), at);
    event.recipient = json::owned(&value, "/email");
    event.provider_message_id = json::owned(&value, "/message-id");
    event.message_id = our_id(&value);
    event.sender_domain = json::text(&value, "/sender_email").and_then(json::domain_of);
    event.ip = json::ip(&value, "/ip");
    if matches!(kind, EventKind::Bounced | EventKind::Deferred | EventKind::Rejected) {
        let evidence = Evidence {
            provider: ProviderKind::Brevo.as_str(),
            word: Some(word),
            text: json::text(&value, "/reason"),
            ..Evidence::default()
        };
        let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
        event.bounce = Some(bounce);
        event.is_echo = is_echo;
    }
    if kind == EventKind::Rejected {
        event.reject = Some(RejectReason::Blocked);
    }
    Ok(vec![event])
}

/// `X-Mailin-custom` is JSON in a text.
fn our_id(value: &Value) -> Option<MessageId> {
    let custom: Value = serde_json::from_str(json::text(value, "/X-Mailin-custom")?).ok()?;
    json::our_id(&custom, &format!("/{MESSAGE_ID_NAME}"))
}
