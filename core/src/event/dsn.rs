//! Delivery status notifications (RFC 3464): bounces, delays and deliveries that a mail server reports by mail.

use super::{
    BounceTable, Enhanced, Event, EventKind, Evidence, json,
    mime::{self, Entity},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{borrow::Cow, format, string::String, vec::Vec};

/// The events of a report: one for each recipient it speaks of.
pub(super) fn events(report: &Entity<'_>, mail: &[u8], at: UnixMillis) -> Vec<Event> {
    let parts = report.parts();
    let Some(status) = parts.iter().find(|part| part.media_type().starts_with("message/delivery-status")) else {
        return Vec::new();
    };
    let original = parts.iter().find(|part| is_original(part)).map(Entity::content);
    let original = original.as_deref().map(Entity::read);
    let text = status.content();
    let (of_message, mut rest) = mime::fields(&text);
    let envelope_id = field(&of_message, "original-envelope-id").and_then(mime::our_id);
    let of_original = original.as_ref().and_then(|original| {
        [mime::OUR_HEADER, "message-id"].iter().find_map(|name| original.header(name).and_then(mime::our_id))
    });
    let sender = original.as_ref().and_then(|original| original.header("from")).and_then(mime::address);
    let name = json::digest(mail);
    let table = BounceTable::embedded();
    let mut events = Vec::new();
    while !rest.is_empty() && events.len() < MAX_RECIPIENTS {
        let (fields, after) = mime::fields(rest);
        rest = after;
        let Some(action) = field(&fields, "action") else { continue };
        let mut event = event_of(action, &fields, format!("smtp:{name}:{}", events.len()), &table, at);
        event.message_id = envelope_id.or(of_original);
        event.sender_domain = sender.as_deref().and_then(json::domain_of);
        events.push(event);
    }
    events
}

fn event_of(
    action: &str,
    fields: &[(&str, Cow<'_, str>)],
    key: String,
    table: &BounceTable<'_>,
    at: UnixMillis,
) -> Event {
    let action = action.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let kind = match action.as_str() {
        "failed" => EventKind::Bounced,
        "delayed" => EventKind::Deferred,
        "delivered" => EventKind::Delivered,
        // It went on to somebody who reports nothing.
        "relayed" | "expanded" => EventKind::Sent,
        _ => EventKind::Unknown,
    };
    let mut event = Event::new(ProviderKind::Smtp, kind, key, at);
    // The original recipient is the one that was written to; the final one may be where its mail is forwarded.
    event.recipient = ["original-recipient", "final-recipient"]
        .iter()
        .find_map(|name| field(fields, name).map(of_type).and_then(mime::address));
    if matches!(kind, EventKind::Bounced | EventKind::Deferred) {
        let evidence = Evidence {
            provider: ProviderKind::Smtp.as_str(),
            word: None,
            enhanced: field(fields, "status").and_then(Enhanced::find),
            smtp: None,
            text: field(fields, "diagnostic-code").map(of_type),
        };
        event.bounce = Some(table.classify(&evidence).0);
    }
    event
}

fn is_original(part: &Entity<'_>) -> bool {
    matches!(
        part.media_type().as_str(),
        "message/rfc822"
            | "text/rfc822-headers"
            | "message/global"
            | "message/rfc822-headers"
            | "message/global-headers"
    )
}

/// What stands behind a type: `rfc822; ann@example.com`, `smtp; 550 no user`.
fn of_type(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, value)| value).trim()
}

fn field<'a>(fields: &'a [(&str, Cow<'_, str>)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
}

/// RFC 5321 promises 100 recipients a transaction; a message here has at most 1,000.
const MAX_RECIPIENTS: usize = 1_000;
