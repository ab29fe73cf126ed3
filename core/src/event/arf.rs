//! Abuse reports (RFC 5965): what a receiver's feedback loop sends when somebody calls a mail spam.

use super::{
    Event, EventKind, json,
    mime::{self, Entity},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec::Vec};

/// The events of a report. A receiver that redacts the recipient leaves our id of the message in the original's header.
pub(super) fn events(report: &Entity<'_>, mail: &[u8], at: UnixMillis) -> Vec<Event> {
    let parts = report.parts();
    let Some(feedback) = parts.iter().find(|part| part.media_type() == "message/feedback-report") else {
        return Vec::new();
    };
    let content = feedback.content();
    let feedback = Entity::read(&content);
    let original = parts
        .iter()
        .find(|part| matches!(part.media_type().as_str(), "message/rfc822" | "text/rfc822-headers"))
        .map(Entity::content);
    let original = original.as_deref().map(Entity::read);
    let message_id = original.as_ref().and_then(|original| {
        [mime::OUR_HEADER, "message-id"].iter().find_map(|name| original.header(name).and_then(mime::our_id))
    });
    let sender = original.as_ref().and_then(|original| original.header("from")).and_then(mime::address);
    let named: Vec<String> = feedback.all("original-rcpt-to").filter_map(mime::address).take(MAX_RECIPIENTS).collect();
    let name = json::digest(mail);
    let one = |n: usize, recipient: Option<String>| {
        let kind = kind_of(feedback.header("feedback-type").unwrap_or_default());
        let mut event = Event::new(ProviderKind::Smtp, kind, format!("smtp:{name}:{n}"), at);
        event.recipient = recipient;
        event.message_id = message_id;
        event.sender_domain = sender.as_deref().and_then(json::domain_of);
        event.is_candidate = named.len() > 1;
        event.ip = feedback.header("source-ip").and_then(|ip| ip.trim_matches(['[', ']']).parse().ok());
        event
    };
    if named.is_empty() {
        return alloc::vec![one(0, None)];
    }
    named.iter().cloned().enumerate().map(|(n, recipient)| one(n, Some(recipient))).collect()
}

/// RFC 5965, section 7.3; `auth-failure` (RFC 6591) and `not-spam` (RFC 6430) are nobody's complaint.
fn kind_of(word: &str) -> EventKind {
    match word.to_ascii_lowercase().as_str() {
        "abuse" | "fraud" | "virus" | "other" => EventKind::Complained,
        _ => EventKind::Unknown,
    }
}

/// A message here has at most 1,000 recipients.
const MAX_RECIPIENTS: usize = 1_000;
