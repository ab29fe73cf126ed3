//! SparkPost's webhooks: a list of events, each inside an object of its class; Basic authentication or a header.

use super::{BounceTable, Event, EventKind, Evidence, MESSAGE_ID_NAME, RejectReason, WebhookError, json};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, vec::Vec};
use serde_json::Value;

/// The events of a post; the test of a new webhook holds an empty one, which is none.
pub(super) fn events(body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    let Value::Array(list) = json::parse(body)? else { return Err(WebhookError::shape()) };
    let table = BounceTable::embedded();
    let inner = |value: &Value| value.get("msys").and_then(Value::as_object).and_then(|of| of.values().next().cloned());
    Ok(list.iter().filter_map(inner).map(|value| event(&value, &table, now)).collect())
}

fn event(value: &Value, table: &BounceTable<'_>, now: UnixMillis) -> Event {
    let word = json::text(value, "/type").unwrap_or_default();
    let class = json::scalar(value, "/bounce_class");
    let kind = match (word, class.as_deref()) {
        // An answer that came back by mail and is no bounce at all.
        ("bounce" | "out_of_band", Some("60" | "100")) => EventKind::Autoresponded,
        ("bounce" | "out_of_band", Some("80")) => EventKind::Subscribed,
        ("bounce" | "out_of_band", Some("90")) => EventKind::Unsubscribed,
        ("bounce" | "out_of_band", _) => EventKind::Bounced,
        ("injection", _) => EventKind::Queued,
        ("delivery", _) => EventKind::Delivered,
        ("delay", _) => EventKind::Deferred,
        ("policy_rejection" | "generation_rejection", _) => EventKind::Rejected,
        ("generation_failure", _) => EventKind::Failed,
        ("spam_complaint", _) => EventKind::Complained,
        ("list_unsubscribe" | "link_unsubscribe", _) => EventKind::Unsubscribed,
        ("open" | "initial_open" | "amp_open" | "amp_initial_open", _) => EventKind::Opened,
        ("click" | "amp_click", _) => EventKind::Clicked,
        _ => EventKind::Unknown,
    };
    let id = json::scalar(value, "/event_id").unwrap_or_else(|| json::digest_of(value));
    let at = json::seconds(value, "/timestamp").unwrap_or(now);
    let mut event = Event::new(ProviderKind::Sparkpost, kind, format!("sparkpost:{id}"), at);
    event.recipient = json::owned(value, "/raw_rcpt_to").or_else(|| json::owned(value, "/rcpt_to"));
    event.provider_message_id = json::scalar(value, "/transmission_id");
    event.message_id = json::our_id(value, &format!("/rcpt_meta/{MESSAGE_ID_NAME}"));
    event.sender_domain = json::text(value, "/friendly_from").and_then(json::domain_of);
    event.ip = json::ip(value, "/ip_address");
    if matches!(kind, EventKind::Bounced | EventKind::Deferred | EventKind::Rejected) {
        let evidence = Evidence {
            provider: ProviderKind::Sparkpost.as_str(),
            word: class.as_deref(),
            enhanced: None,
            smtp: json::smtp_code(value, "/error_code"),
            text: json::text(value, "/raw_reason").or_else(|| json::text(value, "/reason")),
        };
        let (bounce, is_echo) = table.classify(&evidence);
        event.bounce = Some(bounce);
        event.is_echo = is_echo;
    }
    if kind == EventKind::Rejected {
        // "554 5.7.1 recipient address suppressed due to customer policy", or "system policy": SparkPost did not try.
        let reason = json::text(value, "/raw_reason").or_else(|| json::text(value, "/reason")).unwrap_or_default();
        event.is_echo =
            reason.contains("recipient address suppressed") || reason.contains("recipient address was suppressed");
        event.reject = Some(if event.is_echo { RejectReason::Blocked } else { RejectReason::Other });
    }
    event
}
