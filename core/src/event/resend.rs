//! Resend's webhooks, signed in the manner of Svix (Standard Webhooks): HMAC-SHA256 over id, instant and body.
//!
//! The secret is `whsec_` and base64. The header carries several signatures while a secret is replaced. The id stays the
//! same over repeats, the instant does not.

use super::{
    BounceTable, Event, EventKind, Evidence, Incoming, MESSAGE_ID_NAME, RejectReason, Trust, WebhookError, json, proof,
    receive::{any_secret, fresh},
};
use crate::{id::MessageId, provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec, vec::Vec};
use serde_json::Value;

/// Verifies the signature; returns the request's id.
pub(super) fn verify<'a>(trust: &Trust, incoming: &Incoming<'a>, now: UnixMillis) -> Result<&'a str, WebhookError> {
    let header =
        |svix, standard| incoming.header(svix).or_else(|| incoming.header(standard)).ok_or(WebhookError::Unsigned);
    let id = header("svix-id", "webhook-id")?;
    let timestamp = header("svix-timestamp", "webhook-timestamp")?;
    let signatures = header("svix-signature", "webhook-signature")?;
    if id.is_empty() || id.len() > MAX_ID {
        return Err(WebhookError::Unsigned);
    }
    let keys: Vec<Vec<u8>> = trust.secrets.iter().filter_map(|secret| key(secret)).collect();
    if keys.len() < trust.secrets.len() {
        return Err(WebhookError::Misconfigured { setting: "secret" });
    }
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", incoming.body];
    let tags: Vec<Vec<u8>> = signatures
        .split(' ')
        .take(MAX_SIGNATURES)
        .filter_map(|signature| proof::base64(signature.strip_prefix("v1,")?))
        .collect();
    any_secret(trust, |secret| {
        key(secret).is_some_and(|key| tags.iter().any(|tag| proof::is_hmac(&key, &parts, tag)))
    })?;
    let signed = json::decimal_seconds(timestamp).ok_or(WebhookError::Unsigned)?;
    fresh(signed, trust.tolerance_ms.unwrap_or(TOLERANCE_MS), now)?;
    Ok(id)
}

fn key(secret: &str) -> Option<Vec<u8>> {
    proof::base64(secret.strip_prefix("whsec_").unwrap_or(secret)).filter(|key| !key.is_empty())
}

/// The event of a post.
pub(super) fn events(id: &str, body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(word) = json::text(&value, "/type") else { return Err(WebhookError::shape()) };
    let kind = match word {
        "email.scheduled" => EventKind::Queued,
        "email.sent" => EventKind::Sent,
        "email.delivered" => EventKind::Delivered,
        "email.delivery_delayed" => EventKind::Deferred,
        "email.complained" => EventKind::Complained,
        "email.bounced" => EventKind::Bounced,
        "email.opened" => EventKind::Opened,
        "email.clicked" => EventKind::Clicked,
        "email.received" => EventKind::Inbound,
        "email.failed" => EventKind::Failed,
        "email.suppressed" => EventKind::Rejected,
        _ => EventKind::Unknown,
    };
    let at = json::instant(&value, "/created_at").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Resend, kind, format!("resend:{id}"), at);
    event.provider_message_id = json::owned(&value, "/data/email_id");
    event.message_id = our_id(&value);
    event.sender_domain = json::text(&value, "/data/from").and_then(json::domain_of);
    event.ip = json::ip(&value, "/data/click/ipAddress").or_else(|| json::ip(&value, "/data/open/ipAddress"));
    let recipients = json::list(&value, "/data/to");
    event.recipient = recipients.first().and_then(Value::as_str).map(Into::into);
    // The event names everybody that the message was for, and not whom it is about.
    event.is_candidate = recipients.len() > 1;
    match kind {
        EventKind::Bounced => refuse(&mut event, &value),
        EventKind::Rejected => {
            event.is_echo = true;
            event.reject = Some(RejectReason::Bounced);
        }
        EventKind::Queued
        | EventKind::Sent
        | EventKind::Failed
        | EventKind::Deferred
        | EventKind::Delivered
        | EventKind::Autoresponded
        | EventKind::Opened
        | EventKind::Clicked
        | EventKind::Complained
        | EventKind::Unsubscribed
        | EventKind::Subscribed
        | EventKind::Inbound
        | EventKind::InboundFailed
        | EventKind::Unknown => {}
    }
    Ok(vec![event])
}

fn refuse(event: &mut Event, value: &Value) {
    let kind = json::text(value, "/data/bounce/type").unwrap_or_default();
    let subtype = json::text(value, "/data/bounce/subType").unwrap_or_default();
    let both = format!("{kind}/{subtype}");
    let evidence = Evidence {
        provider: ProviderKind::Resend.as_str(),
        word: Some(&both),
        text: json::list(value, "/data/bounce/diagnosticCode").first().and_then(Value::as_str),
        ..Evidence::default()
    };
    let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
}

/// Tags are an object of names and values.
fn our_id(value: &Value) -> Option<MessageId> {
    json::our_id(value, &format!("/data/tags/{MESSAGE_ID_NAME}"))
}

/// Five minutes both ways, as Svix's own libraries have it.
const TOLERANCE_MS: u64 = 300_000;
/// Svix's ids have about 30 characters.
const MAX_ID: usize = 200;
/// Two are usual while a secret is replaced.
const MAX_SIGNATURES: usize = 8;
