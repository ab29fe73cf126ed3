//! The words for what can happen, and for what a refusal means.

use super::Enhanced;

/// What happened. The words are django-anymail's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The provider took it and has not sent it yet.
    Queued,
    /// The provider sent it; it does not know whether it arrived.
    Sent,
    /// The provider decided not to send it.
    Rejected,
    /// The provider could not send it: a template, a fault of its own.
    Failed,
    /// The receiver refused it for good.
    Bounced,
    /// The receiver refused it for now; the provider tries again.
    Deferred,
    /// The receiver took it.
    Delivered,
    /// A machine answered it: an absence note, a change of address, a challenge.
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
    /// The provider says something that this release does not know. It is kept in the journal and nothing follows.
    Unknown,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Queued,
        Self::Sent,
        Self::Rejected,
        Self::Failed,
        Self::Bounced,
        Self::Deferred,
        Self::Delivered,
        Self::Autoresponded,
        Self::Opened,
        Self::Clicked,
        Self::Complained,
        Self::Unsubscribed,
        Self::Subscribed,
        Self::Inbound,
        Self::InboundFailed,
        Self::Unknown,
    ];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Autoresponded => "autoresponded",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
            Self::Subscribed => "subscribed",
            Self::Inbound => "inbound",
            Self::InboundFailed => "inbound_failed",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What a refusal means for the address and for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BounceClass {
    /// There is no such address, and there will be none: it is suppressed.
    Hard,
    /// It may work another time; many of them suppress.
    Soft,
    /// The sender, its network address or its domain is not wanted. Says nothing of the address.
    Block,
    /// A rule of the receiver forbids this message: authentication, size, attachments. Says nothing of the address.
    Policy,
    /// The content was taken for spam. Says nothing of the address.
    Spam,
    /// The mailbox is full: counts like a soft one.
    Quota,
    /// The words fit several of the others: counts like a soft one.
    Ambiguous,
}

impl BounceClass {
    /// Every class.
    pub const ALL: [Self; 7] =
        [Self::Hard, Self::Soft, Self::Block, Self::Policy, Self::Spam, Self::Quota, Self::Ambiguous];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Block => "block",
            Self::Policy => "policy",
            Self::Spam => "spam",
            Self::Quota => "quota",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// The class of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// Whether bounces of this class are counted against the address.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::Soft | Self::Quota | Self::Ambiguous => true,
            Self::Hard | Self::Block | Self::Policy | Self::Spam => false,
        }
    }
}

/// A refusal with what it was classified by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// What it means.
    pub class: BounceClass,
    /// No row of the table knew it: it is taken for soft (R045).
    pub unclassified: bool,
    /// Whether it is counted against the address.
    pub counts: bool,
    /// The receiver's SMTP reply code.
    pub smtp: Option<u16>,
    /// The receiver's enhanced status code.
    pub enhanced: Option<Enhanced>,
}

/// Why a provider did not send. The words are django-anymail's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 7] =
        [Self::Invalid, Self::Bounced, Self::TimedOut, Self::Blocked, Self::Spam, Self::Unsubscribed, Self::Other];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bounced => "bounced",
            Self::TimedOut => "timed_out",
            Self::Blocked => "blocked",
            Self::Spam => "spam",
            Self::Unsubscribed => "unsubscribed",
            Self::Other => "other",
        }
    }
}
