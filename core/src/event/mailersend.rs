//! MailerSend's webhooks: one event a request, `Signature` the hexadecimal HMAC-SHA256 of the body.
//!
//! Two shapes are in use: the older one holds the recipient inside `data.email`.

use super::{
    BounceTable, Event, EventKind, Evidence, Incoming, RejectReason, Trust, WebhookError, json, proof,
    receive::any_secret,
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec, vec::Vec};

/// Verifies the signature. Nothing in it is dated: a replay meets the journal, which knows the event's id.
pub(super) fn verify(trust: &Trust, incoming: &Incoming<'_>) -> Result<(), WebhookError> {
    let tag = incoming.header("signature").ok_or(WebhookError::Unsigned)?;
    let tag = proof::from_hex(tag).ok_or(WebhookError::WrongSignature)?;
    any_secret(trust, |key| proof::is_hmac(key.as_bytes(), &[incoming.body], &tag))
}

/// The event of a post; the test of a new webhook holds none.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let value = json::parse(body)?;
    let Some(of) = json::text(&value, "/type") else { return Err(WebhookError::shape()) };
    if of == "webhook.test" {
        return Ok(Vec::new());
    }
    let word = of.strip_prefix("activity.").unwrap_or(of);
    let kind = match word {
        "sent" => EventKind::Sent,
        "delivered" => EventKind::Delivered,
        "soft_bounced" | "hard_bounced" => EventKind::Bounced,
        "deferred" => EventKind::Deferred,
        "opened" | "opened_unique" => EventKind::Opened,
        "clicked" | "clicked_unique" => EventKind::Clicked,
        "unsubscribed" => EventKind::Unsubscribed,
        "spam_complaint" | "spam_complaints" => EventKind::Complained,
        "suppressed" => EventKind::Rejected,
        _ => EventKind::Unknown,
    };
    let id = json::owned(&value, "/data/id").unwrap_or_else(|| json::digest_of(&value));
    let at = json::instant(&value, "/created_at").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Mailersend, kind, format!("mailersend:{word}:{id}"), at);
    event.recipient =
        json::owned(&value, "/data/recipient").or_else(|| json::owned(&value, "/data/email/recipient/email"));
    event.provider_message_id =
        json::owned(&value, "/data/message_id").or_else(|| json::owned(&value, "/data/email/message/id"));
    event.sender_domain =
        json::text(&value, "/data/from").or_else(|| json::text(&value, "/data/email/from")).and_then(json::domain_of);
    event.ip = json::ip(&value, "/data/meta/ip").or_else(|| json::ip(&value, "/data/morph/ip"));
    if matches!(kind, EventKind::Bounced | EventKind::Deferred) {
        let text = ["/data/meta/bounce_reason", "/data/morph/reason"].iter().find_map(|path| json::text(&value, path));
        let evidence = Evidence {
            provider: ProviderKind::Mailersend.as_str(),
            word: Some(word),
            enhanced: None,
            smtp: json::smtp_code(&value, "/data/meta/bounce_code"),
            text,
        };
        let (bounce, is_echo) = BounceTable::embedded().classify(&evidence);
        event.bounce = Some(bounce);
        event.is_echo = is_echo;
    }
    if kind == EventKind::Rejected {
        event.is_echo = true;
        event.reject = Some(RejectReason::Blocked);
    }
    Ok(vec![event])
}
