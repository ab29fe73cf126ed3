//! Cloudflare's events: messages of a queue of one's own account, so there is no signature to check.

use super::{BounceTable, Enhanced, Event, EventKind, Evidence, RejectReason, WebhookError, json};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::ToString, vec, vec::Vec};
use serde_json::Value;

/// The event of a queue's message.
pub(super) fn events(provider: ProviderKind, body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(word) = json::text(&value, "/type") else { return Err(WebhookError::shape()) };
    let kind = match word.strip_prefix("cf.email.sending.message.") {
        Some("delivered") => EventKind::Delivered,
        Some("deferred") => EventKind::Deferred,
        Some("bounced") => EventKind::Bounced,
        Some("failed") => EventKind::Failed,
        Some("rejected") => EventKind::Rejected,
        Some("complained") => EventKind::Complained,
        Some(_) | None => EventKind::Unknown,
    };
    let id = json::owned(&value, "/payload/eventId").unwrap_or_else(|| json::digest_of(&value));
    let at = json::instant(&value, "/metadata/eventTimestamp").unwrap_or(now);
    let mut event = Event::new(provider, kind, format!("cloudflare:{id}"), at);
    event.recipient = json::owned(&value, "/payload/recipient");
    event.provider_message_id = json::owned(&value, "/payload/messageId");
    event.sender_domain = json::text(&value, "/source/domain")
        .map(str::to_ascii_lowercase)
        .or_else(|| json::text(&value, "/payload/sender").and_then(json::domain_of));
    if matches!(kind, EventKind::Bounced | EventKind::Deferred) {
        refuse(&mut event, &value);
    }
    if kind == EventKind::Rejected {
        let reason = json::text(&value, "/payload/rejection/reason").unwrap_or_default().to_ascii_lowercase();
        event.is_echo = reason.contains("suppress");
        event.reject = Some(if event.is_echo { RejectReason::Bounced } else { RejectReason::Other });
    }
    Ok(vec![event])
}

fn refuse(event: &mut Event, value: &Value) {
    let word = json::text(value, "/payload/bounce/type").map(ToString::to_string);
    let evidence = Evidence {
        provider: ProviderKind::Cloudflare.as_str(),
        word: word.as_deref(),
        enhanced: json::text(value, "/payload/delivery/smtpEnhancedStatusCode").and_then(Enhanced::parse),
        smtp: json::smtp_code(value, "/payload/delivery/smtpStatusCode"),
        text: json::text(value, "/payload/delivery/smtpResponse"),
    };
    let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
}
