//! Mailtrap's webhooks: a list of events, `Mailtrap-Signature` the hexadecimal HMAC-SHA256 of the body.

use super::{
    BounceTable, Event, EventKind, Evidence, Incoming, MESSAGE_ID_NAME, RejectReason, Trust, WebhookError, json, proof,
    receive::any_secret,
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec::Vec};
use serde_json::Value;

/// Verifies the signature. Nothing in it is dated: a replay meets the journal, which knows the events' ids.
pub(super) fn verify(trust: &Trust, incoming: &Incoming<'_>) -> Result<(), WebhookError> {
    let tag = incoming.header("mailtrap-signature").ok_or(WebhookError::Unsigned)?;
    let tag = proof::from_hex(tag).ok_or(WebhookError::WrongSignature)?;
    any_secret(trust, |key| proof::is_hmac(key.as_bytes(), &[incoming.body], &tag))
}

/// The events of a post.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(list) = value.get("events").and_then(Value::as_array) else { return Err(WebhookError::shape()) };
    let table = BounceTable::embedded();
    Ok(list.iter().map(|value| event(value, &table, now)).collect())
}

fn event(value: &Value, table: &BounceTable<'_>, now: UnixMillis) -> Event {
    let word = json::text(value, "/event").unwrap_or_default();
    let kind = match word {
        "delivery" => EventKind::Delivered,
        "open" => EventKind::Opened,
        "click" => EventKind::Clicked,
        "bounce" => EventKind::Bounced,
        "soft bounce" | "suspension" => EventKind::Deferred,
        "spam" => EventKind::Complained,
        "unsubscribe" => EventKind::Unsubscribed,
        "reject" => EventKind::Rejected,
        _ => EventKind::Unknown,
    };
    let id = json::owned(value, "/event_id").unwrap_or_else(|| json::digest_of(value));
    let at = json::seconds(value, "/timestamp").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Mailtrap, kind, format!("mailtrap:{id}"), at);
    event.recipient = json::owned(value, "/email");
    event.provider_message_id = json::owned(value, "/message_id");
    event.message_id = json::our_id(value, &format!("/custom_variables/{MESSAGE_ID_NAME}"));
    event.ip = json::ip(value, "/ip");
    if matches!(kind, EventKind::Bounced | EventKind::Deferred) {
        let evidence = Evidence {
            provider: ProviderKind::Mailtrap.as_str(),
            // A bounce's own code says more than the word `bounce`.
            word: Some(word).filter(|word| *word != "bounce"),
            enhanced: None,
            smtp: json::smtp_code(value, "/response_code"),
            text: json::text(value, "/response").or_else(|| json::text(value, "/reason")),
        };
        let (bounce, is_echo) = table.classify(&evidence);
        event.bounce = Some(bounce);
        event.is_echo = is_echo;
    }
    if kind == EventKind::Rejected {
        let reason = json::text(value, "/reason").unwrap_or_default().to_ascii_lowercase();
        // "Recipient in suppression list. Reason: unsubscription": Mailtrap did not try, by its own list.
        event.is_echo = reason.contains("suppression list");
        let because = |word: &str| event.is_echo && reason.contains(word);
        event.reject = Some(if because("unsubscri") {
            RejectReason::Unsubscribed
        } else if because("spam") {
            RejectReason::Spam
        } else if because("bounce") {
            RejectReason::Bounced
        } else {
            RejectReason::Blocked
        });
    }
    event
}
