//! Mail that comes back: a bounce, a complaint, a machine's answer or somebody's.

use super::{
    Event, EventKind, arf, auto_reply, dsn, json,
    mime::{self, Entity},
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{format, string::String, vec, vec::Vec};
use jiff::fmt::rfc2822::DateTimeParser;

/// What a mail that came back is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundKind {
    /// A delivery status notification (RFC 3464), of whatever outcome.
    Bounce,
    /// An abuse report (RFC 5965).
    Complaint,
    /// A machine's answer (RFC 3834).
    AutoReply,
    /// Anything else: somebody wrote it.
    Reply,
}

impl InboundKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Bounce, Self::Complaint, Self::AutoReply, Self::Reply];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Reply => "reply",
        }
    }
}

/// Reads a mail as RFC 5322 text. Total: whatever the bytes, it is one of the four.
#[must_use]
pub fn read_mail(mail: &[u8], now: UnixMillis) -> (InboundKind, Vec<Event>) {
    let text = String::from_utf8_lossy(mail);
    let entity = Entity::read(&text);
    let at = entity.header("date").and_then(date).map_or(now, |at| at.min(now));
    if let Some(report) = Entity::read(&text).report("delivery-status", MAX_DEPTH) {
        return (InboundKind::Bounce, dsn::events(&report, mail, at));
    }
    if let Some(report) = Entity::read(&text).report("feedback-report", MAX_DEPTH) {
        return (InboundKind::Complaint, arf::events(&report, mail, at));
    }
    let is_automatic = auto_reply::is_automatic(&entity);
    let (inbound, kind) = if is_automatic {
        (InboundKind::AutoReply, EventKind::Autoresponded)
    } else {
        (InboundKind::Reply, EventKind::Inbound)
    };
    let mut event = Event::new(ProviderKind::Smtp, kind, format!("smtp:{}", json::digest(mail)), at);
    event.recipient = entity.header("from").and_then(mime::address);
    event.message_id = ["in-reply-to", "references"].iter().find_map(|name| entity.header(name).and_then(mime::our_id));
    (inbound, vec![event])
}

fn date(value: &str) -> Option<UnixMillis> {
    let at = DateTimeParser::new().parse_timestamp(value).ok()?;
    u64::try_from(at.as_millisecond()).ok().map(UnixMillis::new)
}

/// A report inside a forwarded mail inside a list's wrapping.
const MAX_DEPTH: usize = 3;
