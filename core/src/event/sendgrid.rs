//! SendGrid's Event Webhook: a list of events, signed by ECDSA over P-256.
//!
//! The secret is the verification key as the settings show it: base64 of a DER SubjectPublicKeyInfo. A post mixes
//! messages; custom arguments stand among the event's own fields.

use super::{
    BounceTable, Event, EventKind, Evidence, Incoming, MESSAGE_ID_NAME, RejectReason, Trust, WebhookError, json, proof,
    receive::{any_secret, fresh},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec::Vec};
use p256::{
    ecdsa::{DerSignature, VerifyingKey, signature::DigestVerifier},
    pkcs8::DecodePublicKey,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The signature is over the timestamp's text and the body.
pub(super) fn verify(trust: &Trust, incoming: &Incoming<'_>, now: UnixMillis) -> Result<(), WebhookError> {
    let header = |name| incoming.header(name).ok_or(WebhookError::Unsigned);
    let (signature, timestamp) = (header(SIGNATURE)?, header(TIMESTAMP)?);
    let signature = proof::base64(signature).ok_or(WebhookError::WrongSignature)?;
    let signature = DerSignature::try_from(signature.as_slice()).map_err(|_| WebhookError::WrongSignature)?;
    let keys: Vec<VerifyingKey> = trust.secrets.iter().filter_map(|secret| key(secret)).collect();
    if keys.len() < trust.secrets.len() {
        return Err(WebhookError::Misconfigured { setting: "secret" });
    }
    let digest = Sha256::new_with_prefix(timestamp.as_bytes()).chain_update(incoming.body);
    any_secret(trust, |secret| key(secret).is_some_and(|key| key.verify_digest(digest.clone(), &signature).is_ok()))?;
    let signed = json::decimal_seconds(timestamp).ok_or(WebhookError::Unsigned)?;
    fresh(signed, trust.tolerance_ms.unwrap_or(TOLERANCE_MS), now)
}

fn key(secret: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_public_key_der(&proof::base64(secret)?).ok()
}

/// The events of a post.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let Value::Array(list) = json::parse(body)? else { return Err(WebhookError::shape()) };
    let table = BounceTable::embedded();
    Ok(list.iter().map(|value| event(value, &table, now)).collect())
}

fn event(value: &Value, table: &BounceTable<'_>, now: UnixMillis) -> Event {
    let word = json::text(value, "/event").unwrap_or_default();
    let id = json::owned(value, "/sg_event_id").unwrap_or_else(|| json::digest_of(value));
    let kind = kind_of(word);
    let at = json::seconds(value, "/timestamp").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Sendgrid, kind, format!("sendgrid:{id}"), at);
    event.recipient = json::owned(value, "/email");
    event.provider_message_id = json::text(value, "/sg_message_id").map(send_id);
    event.message_id = json::our_id(value, &format!("/{MESSAGE_ID_NAME}"));
    event.ip = json::ip(value, "/ip");
    let reason = json::text(value, "/reason").unwrap_or_default();
    match kind {
        EventKind::Bounced => refuse(&mut event, bounce_word(value), value, table),
        EventKind::Deferred => refuse(&mut event, None, value, table),
        EventKind::Rejected => {
            refuse(&mut event, Some(reason), value, table);
            event.reject = Some(reject_of(reason));
        }
        EventKind::Queued
        | EventKind::Sent
        | EventKind::Failed
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
    event
}

fn refuse(event: &mut Event, word: Option<&str>, value: &Value, table: &BounceTable<'_>) {
    let evidence = Evidence {
        provider: ProviderKind::Sendgrid.as_str(),
        word,
        enhanced: json::text(value, "/status").and_then(super::Enhanced::parse),
        smtp: None,
        text: json::text(value, "/reason").or_else(|| json::text(value, "/response")),
    };
    let (bounce, is_echo) = table.classify(&evidence);
    event.bounce = Some(bounce);
    event.is_echo = is_echo;
}

/// `type: blocked` is the sender's trouble whatever the classification says; else the classification is the finer word.
fn bounce_word(value: &Value) -> Option<&str> {
    json::text(value, "/type")
        .filter(|kind| kind.eq_ignore_ascii_case("blocked"))
        .or_else(|| json::text(value, "/bounce_classification"))
}

fn kind_of(word: &str) -> EventKind {
    match word {
        "processed" => EventKind::Queued,
        "dropped" => EventKind::Rejected,
        "delivered" => EventKind::Delivered,
        "deferred" => EventKind::Deferred,
        "bounce" | "blocked" => EventKind::Bounced,
        "open" => EventKind::Opened,
        "click" => EventKind::Clicked,
        "spamreport" => EventKind::Complained,
        "unsubscribe" | "group_unsubscribe" => EventKind::Unsubscribed,
        "group_resubscribe" => EventKind::Subscribed,
        _ => EventKind::Unknown,
    }
}

fn reject_of(reason: &str) -> RejectReason {
    let is = |word: &str| reason.eq_ignore_ascii_case(word);
    if is("invalid") {
        RejectReason::Invalid
    } else if is("bounce") || is("bounced address") {
        RejectReason::Bounced
    } else if is("unsubscribed address") {
        RejectReason::Unsubscribed
    } else if is("spam reporting address") || is("spam content") {
        RejectReason::Spam
    } else if is("blocked") {
        RejectReason::Blocked
    } else if is("expired") {
        RejectReason::TimedOut
    } else {
        RejectReason::Other
    }
}

/// `sg_message_id` is the id of the send call's answer, a dot, and more.
fn send_id(id: &str) -> String {
    id.split('.').next().unwrap_or(id).into()
}

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// A day and five minutes: SendGrid repeats a post for 24 hours after the event, and does not say whether it signs the
/// repeat anew. A replay within that time meets the journal, which knows the event's id.
const TOLERANCE_MS: u64 = 86_700_000;
