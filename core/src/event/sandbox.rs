//! The sandbox's webhooks: a list of events in this module's own words, signed by HMAC-SHA256 over instant and body.
//!
//! ```text
//! X-Sandbox-Timestamp: 1796119201
//! X-Sandbox-Signature: <hexadecimal HMAC-SHA256(secret, timestamp "." body)>
//!
//! [{"id": "e1", "event": "bounced", "at": "2026-12-01T10:00:01Z", "message_id": "esp-1", "sendgate_id": "msg_...",
//!   "recipient": "ann@example.com", "from": "orders@shop.example", "status": "5.1.1", "code": 550, "text": "no user",
//!   "echo": false}]
//! ```

use super::{
    BounceTable, Enhanced, Event, EventKind, Evidence, Incoming, MESSAGE_ID_NAME, RejectReason, Trust, WebhookError,
    json, proof,
    receive::{any_secret, fresh},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec::Vec};
use serde_json::Value;

/// Verifies the signature.
pub(super) fn verify(trust: &Trust, incoming: &Incoming<'_>, now: UnixMillis) -> Result<(), WebhookError> {
    let header = |name| incoming.header(name).ok_or(WebhookError::Unsigned);
    let (timestamp, signature) = (header("x-sandbox-timestamp")?, header("x-sandbox-signature")?);
    let tag = proof::from_hex(signature).ok_or(WebhookError::WrongSignature)?;
    any_secret(trust, |key| proof::is_hmac(key.as_bytes(), &[timestamp.as_bytes(), b".", incoming.body], &tag))?;
    let signed = json::decimal_seconds(timestamp).ok_or(WebhookError::Unsigned)?;
    fresh(signed, trust.tolerance_ms.unwrap_or(TOLERANCE_MS), now)
}

/// The events of a post.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let Value::Array(list) = json::parse(body)? else { return Err(WebhookError::shape()) };
    let table = BounceTable::embedded();
    Ok(list.iter().map(|value| event(value, &table, now)).collect())
}

fn event(value: &Value, table: &BounceTable<'_>, now: UnixMillis) -> Event {
    let kind = json::text(value, "/event").and_then(EventKind::from_word).unwrap_or(EventKind::Unknown);
    let id = json::owned(value, "/id").unwrap_or_else(|| json::digest_of(value));
    let at = json::instant(value, "/at").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Sandbox, kind, format!("sandbox:{id}"), at);
    event.recipient = json::owned(value, "/recipient");
    event.provider_message_id = json::owned(value, "/message_id");
    event.message_id = json::our_id(value, &format!("/{MESSAGE_ID_NAME}"));
    event.sender_domain = json::text(value, "/from").and_then(json::domain_of);
    event.is_echo = json::flag(value, "/echo");
    if matches!(kind, EventKind::Bounced | EventKind::Deferred | EventKind::Rejected) {
        let evidence = Evidence {
            provider: ProviderKind::Sandbox.as_str(),
            word: None,
            enhanced: json::text(value, "/status").and_then(Enhanced::parse),
            smtp: json::smtp_code(value, "/code"),
            text: json::text(value, "/text"),
        };
        event.bounce = Some(table.classify(&evidence).0);
    }
    if kind == EventKind::Rejected {
        event.reject = Some(RejectReason::Other);
    }
    event
}

/// Five minutes both ways, like most.
const TOLERANCE_MS: u64 = 300_000;
