//! A provider's reports: verified, then read.

use super::values::{Millis, Units, hidden};
use sendgate_core::{
    event::{self, BounceClass, EventKind, RejectReason},
    provider::ProviderKind,
    time::UnixMillis,
};
use std::collections::HashMap;

/// What happened.
#[uniffi::remote(Enum)]
pub enum EventKind {
    /// The provider took it and has not sent it yet.
    Queued,
    /// The provider sent it; it does not know whether it arrived.
    Sent,
    /// The provider decided not to send it.
    Rejected,
    /// The provider could not send it.
    Failed,
    /// The receiver refused it for good.
    Bounced,
    /// The receiver refused it for now; the provider tries again.
    Deferred,
    /// The receiver took it.
    Delivered,
    /// A machine answered it.
    Autoresponded,
    /// Its picture was fetched.
    Opened,
    /// A link of it was followed.
    Clicked,
    /// Its recipient called it spam.
    Complained,
    /// Its recipient wants no more.
    Unsubscribed,
    /// Its recipient wants mail again.
    Subscribed,
    /// A mail came in.
    Inbound,
    /// A mail came in that the provider could not hand over.
    InboundFailed,
    /// The provider says something that this release does not know.
    Unknown,
}

/// What a refusal means for the address and for the sender.
#[uniffi::remote(Enum)]
pub enum BounceClass {
    /// There is no such address, and there will be none.
    Hard,
    /// It may work another time.
    Soft,
    /// The sender is not wanted. Says nothing of the address.
    Block,
    /// A rule of the receiver forbids this message. Says nothing of the address.
    Policy,
    /// The content was taken for spam. Says nothing of the address.
    Spam,
    /// The mailbox is full.
    Quota,
    /// The words fit several of the others.
    Ambiguous,
}

/// Why a provider did not send.
#[uniffi::remote(Enum)]
pub enum RejectReason {
    /// It is no address.
    Invalid,
    /// It bounced before.
    Bounced,
    /// It could not be sent in time.
    TimedOut,
    /// It is blocked.
    Blocked,
    /// Its owner complained before, or the content is spam.
    Spam,
    /// Its owner unsubscribed before.
    Unsubscribed,
    /// Another reason.
    Other,
}

/// A refusal with what it was classified by.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Bounce {
    /// What it means.
    pub class: BounceClass,
    /// No known code or word was in it: it is taken for soft.
    pub unclassified: bool,
    /// Whether it is counted against the address.
    pub counts: bool,
    /// The receiver's SMTP reply code.
    pub smtp: Option<Units>,
    /// The receiver's enhanced status code, such as `5.1.1`.
    pub enhanced: Option<String>,
}

/// One thing that happened to one message and one recipient.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Event {
    /// Who tells it.
    pub provider: ProviderKind,
    /// What happened.
    pub kind: EventKind,
    /// The same for every delivery of the same event, and no other's.
    pub key: String,
    /// When it happened.
    pub at: UnixMillis,
    /// The provider's id of the message, in the form in which the send call answered it.
    pub provider_message_id: Option<String>,
    /// The caller's id of the message, where the provider gives it back.
    pub message_id: Option<String>,
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
    /// The event may be another recipient's.
    pub is_candidate: bool,
    /// The reader's or the receiver's network address.
    pub ip: Option<String>,
    /// A digest of the event, where the signature does not cover it: the same key with another digest is a forgery.
    pub digest: Option<String>,
}

/// What a provider's reports are believed by.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Trust {
    /// The key that the provider signs with, or several while one is replaced.
    pub secrets: Vec<String>,
    /// The header that carries the secret, for providers that sign nothing; Basic credentials otherwise.
    #[uniffi(default = None)]
    pub header: Option<String>,
    /// How far the signed instant may lie from now; the provider's own figure when absent.
    #[uniffi(default = None)]
    pub tolerance: Option<Millis>,
    /// The SNS topics that are expected.
    #[uniffi(default = [])]
    pub topics: Vec<String>,
    /// Certificates in PEM that an SNS signing certificate must descend from.
    #[uniffi(default = None)]
    pub anchors: Option<String>,
}

/// A signing certificate that was fetched.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Certificate {
    /// Where from.
    pub url: String,
    /// PEM: the certificate itself first, perhaps followed by its issuers.
    pub pem: String,
}

/// What a request turned out to be.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Report {
    /// Verified events, perhaps none.
    Events {
        /// In their order.
        events: Vec<Event>,
    },
    /// Fetch this certificate and ask again with it (Amazon SES).
    NeedsCertificate {
        /// Where it is; its host and path were checked.
        url: String,
    },
    /// A verified request to confirm a subscription: fetch this URL (Amazon SES).
    Confirm {
        /// Where to; its host was checked.
        url: String,
    },
}

hidden!(Event, Trust);

impl From<event::Received> for Report {
    fn from(received: event::Received) -> Self {
        match received {
            event::Received::Events(events) => Self::Events { events: events.into_iter().map(Event::from).collect() },
            event::Received::NeedsCertificate { url } => Self::NeedsCertificate { url },
            event::Received::Confirm { url } => Self::Confirm { url },
        }
    }
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        let event::Event {
            provider,
            kind,
            key,
            at,
            provider_message_id,
            message_id,
            recipient,
            sender_domain,
            bounce,
            reject,
            is_echo,
            is_candidate,
            ip,
            digest,
        } = event;
        Self {
            provider,
            kind,
            key,
            at,
            provider_message_id,
            message_id: message_id.map(|id| id.to_string()),
            recipient,
            sender_domain,
            bounce: bounce.map(Bounce::from),
            reject,
            is_echo,
            is_candidate,
            ip: ip.map(|ip| ip.to_string()),
            digest,
        }
    }
}

impl From<event::Bounce> for Bounce {
    fn from(bounce: event::Bounce) -> Self {
        let event::Bounce { class, unclassified, counts, smtp, enhanced } = bounce;
        let smtp = smtp.map(|code| Units(code.into()));
        Self { class, unclassified, counts, smtp, enhanced: enhanced.map(|code| code.to_string()) }
    }
}

impl From<Trust> for event::Trust {
    fn from(trust: Trust) -> Self {
        let Trust { secrets, header, tolerance, topics, anchors } = trust;
        Self { secrets, header, tolerance_ms: tolerance.map(|tolerance| tolerance.0), topics, anchors }
    }
}

/// Header fields by name, as the core lists them.
pub(crate) fn pairs(headers: HashMap<String, String>) -> Vec<(String, String)> {
    headers.into_iter().collect()
}
