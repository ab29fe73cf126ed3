//! Mailgun's webhooks: one event a request, with an HMAC over a timestamp and a token in the body itself.
//!
//! The signature does not cover the event. So the token is the event's key, its digest is kept beside it, and the same
//! token with another event is a forgery: the journal refuses it. The secret is the HTTP webhook signing key.

use super::{
    BounceTable, Enhanced, Event, EventKind, Evidence, Incoming, MESSAGE_ID_NAME, RejectReason, Trust, WebhookError,
    json, proof,
    receive::{any_secret, fresh},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec, vec::Vec};
use serde_json::Value;

/// Verifies the signature and reads the event.
pub(super) fn receive(trust: &Trust, incoming: &Incoming<'_>, now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let body = json::parse(incoming.body)?;
    let part = |name: &str| json::text(&body, &format!("/signature/{name}")).ok_or(WebhookError::Unsigned);
    let (timestamp, token, signature) = (part("timestamp")?, part("token")?, part("signature")?);
    if token.len() > MAX_TOKEN {
        return Err(WebhookError::WrongSignature);
    }
    let tag = proof::from_hex(signature).ok_or(WebhookError::WrongSignature)?;
    any_secret(trust, |key| proof::is_hmac(key.as_bytes(), &[timestamp.as_bytes(), token.as_bytes()], &tag))?;
    let signed = json::decimal_seconds(timestamp).ok_or(WebhookError::Unsigned)?;
    fresh(signed, trust.tolerance_ms.unwrap_or(TOLERANCE_MS), now)?;
    let data = body.get("event-data").ok_or(WebhookError::shape())?;
    Ok(vec![event(token, data, now)])
}

fn event(token: &str, data: &Value, now: UnixMillis) -> Event {
    let word = json::text(data, "/event").unwrap_or_default();
    let kind = match (word, json::text(data, "/severity")) {
        ("accepted" | "stored", _) => EventKind::Queued,
        ("rejected", _) => EventKind::Rejected,
        ("delivered", _) => EventKind::Delivered,
        ("failed", Some("temporary")) => EventKind::Deferred,
        ("failed", _) => EventKind::Bounced,
        ("opened", _) => EventKind::Opened,
        ("clicked", _) => EventKind::Clicked,
        ("unsubscribed", _) => EventKind::Unsubscribed,
        ("complained", _) => EventKind::Complained,
        _ => EventKind::Unknown,
    };
    let at = json::seconds(data, "/timestamp").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Mailgun, kind, format!("mailgun:{token}"), at);
    event.digest = Some(json::digest_of(data));
    event.recipient = json::owned(data, "/recipient");
    event.provider_message_id = json::text(data, "/message/headers/message-id").map(bare);
    event.message_id = json::our_id(data, &format!("/user-variables/{MESSAGE_ID_NAME}"));
    event.sender_domain = json::text(data, "/domain/name").map(str::to_ascii_lowercase);
    event.ip = json::ip(data, "/ip");
    if matches!(kind, EventKind::Bounced | EventKind::Deferred) {
        refuse(&mut event, data);
    }
    if kind == EventKind::Rejected {
        event.reject = Some(RejectReason::Other);
    }
    event
}

fn refuse(event: &mut Event, data: &Value) {
    let code = json::scalar(data, "/delivery-status/code");
    let own_code = code.as_deref().filter(|code| matches!(*code, "605" | "606" | "607"));
    let evidence = Evidence {
        provider: ProviderKind::Mailgun.as_str(),
        // Mailgun's own codes for its own list, whatever the reason's word is.
        word: own_code.or_else(|| json::text(data, "/reason")),
        enhanced: json::text(data, "/delivery-status/enhanced-code").and_then(Enhanced::parse),
        smtp: json::smtp_code(data, "/delivery-status/code"),
        text: json::text(data, "/delivery-status/message").or_else(|| json::text(data, "/delivery-status/description")),
    };
    let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
    if is_echo {
        // Mailgun did not try: it is a rejection by its own list, whatever it calls it.
        event.kind = EventKind::Rejected;
        event.reject = Some(match (json::text(data, "/reason"), code.as_deref()) {
            (Some("suppress-complaint"), _) | (_, Some("607")) => RejectReason::Spam,
            (Some("suppress-unsubscribe"), _) | (_, Some("606")) => RejectReason::Unsubscribed,
            (Some(_) | None, _) => RejectReason::Bounced,
        });
    }
}

/// An event's message id has no angle brackets; the answer's has them, and is kept without.
fn bare(id: &str) -> String {
    id.trim_start_matches('<').trim_end_matches('>').into()
}

/// Tokens have 50 characters.
const MAX_TOKEN: usize = 200;
/// Mailgun repeats a post for about 8 hours, and does not say whether it signs the repeat anew; half a day leaves room
/// for late clocks. A replay within that time meets the journal, which knows the token.
const TOLERANCE_MS: u64 = 43_200_000;
