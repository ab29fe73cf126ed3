//! What providers report back: deliveries, bounces, complaints, verified and in one vocabulary.
//!
//! [`receive`] takes a request as it came, checks its signature on the raw bytes, and gives [`Event`]s. One file per
//! provider holds its signature's rules and the table of its words; [`BounceTable`] says what a bounce means, as data.
//! What follows from an event (suppression, the message's status, the counts) is decided where the store is: [`journal`].
//!
//! The words of [`EventKind`] are those of django-anymail, which most people who read provider events know. Its mapping is
//! not followed where a suppression list needs more: an echo of the provider's own list is no new evidence
//! ([`Event::is_echo`]), and a reputation block is not a dead address ([`BounceClass::Block`]).
//!
//! Clock and certificates are arguments. What has to be fetched comes back as [`Received::NeedsCertificate`] or
//! [`Received::Confirm`]; the host fetches it and asks again.
//!
//! Out of scope: reading the provider's suppression lists, and polling its event API.

mod arf;
mod auto_reply;
mod bounce;
mod brevo;
mod certificate;
mod cloudflare;
mod counts;
mod dsn;
mod inbound;
pub mod journal;
mod json;
mod kind;
mod mailersend;
mod mailgun;
mod mailtrap;
mod mime;
mod postmark;
mod proof;
mod receive;
mod resend;
mod sandbox;
mod sendgrid;
mod ses;
mod sns;
mod sparkpost;

pub use bounce::{BounceTable, Enhanced, Evidence};
pub use counts::{Count, counts};
pub use inbound::{InboundKind, read_mail};
pub use kind::{Bounce, BounceClass, EventKind, RejectReason};
pub use receive::{Certificate, Incoming, Received, Trust, WebhookError, receive, receive_mail, receive_queued};

use crate::{id::MessageId, provider::ProviderKind, time::UnixMillis};
use alloc::string::String;
use core::{fmt, net::IpAddr};

/// One thing that happened to one message and one recipient, as its provider tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Who tells it.
    pub provider: ProviderKind,
    /// What happened.
    pub kind: EventKind,
    /// The same for every delivery of the same event, and no other's: the provider's own id where there is one.
    pub key: String,
    /// When it happened, as the provider says; when it arrived, where the provider does not say.
    pub at: UnixMillis,
    /// The provider's id of the message, in the form in which the send call answered it.
    pub provider_message_id: Option<String>,
    /// Our id of the message, when tags, metadata or headers carry it.
    pub message_id: Option<MessageId>,
    /// The recipient's address, when one is named.
    pub recipient: Option<String>,
    /// The sending domain, when it is named.
    pub sender_domain: Option<String>,
    /// What the refusal means; for bounces, deferrals and rejections.
    pub bounce: Option<Bounce>,
    /// Why the provider did not send; for rejections.
    pub reject: Option<RejectReason>,
    /// The provider's own list refused the recipient: nothing new is known of the address.
    pub is_echo: bool,
    /// The event may be another recipient's: it names everybody whom it could be about, or nobody.
    pub is_candidate: bool,
    /// The reader's or the receiver's network address, of either version (R070).
    pub ip: Option<IpAddr>,
    /// A digest of the event, where the signature does not cover it: the same key with another digest is a forgery.
    pub digest: Option<String>,
}

impl Event {
    /// An event of which nothing more is known.
    #[must_use]
    pub fn new(provider: ProviderKind, kind: EventKind, key: String, at: UnixMillis) -> Self {
        Self {
            provider,
            kind,
            key,
            at,
            provider_message_id: None,
            message_id: None,
            recipient: None,
            sender_domain: None,
            bounce: None,
            reject: None,
            is_echo: false,
            is_candidate: false,
            ip: None,
            digest: None,
        }
    }
}

/// Shows what happened and never to whom.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({} {} at {}", self.provider.as_str(), self.kind.word(), self.at)?;
        if let Some(bounce) = &self.bounce {
            write!(f, ", {bounce:?}")?;
        }
        write!(f, ")")
    }
}

/// The name under which tags, metadata and headers carry our id of a message.
pub const MESSAGE_ID_NAME: &str = "sendgate_id";

#[cfg(test)]
mod tests;
