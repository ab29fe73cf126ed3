//! What a provider's answer means: ten classes, the same for every provider.

use crate::{event::Bounce, time::UnixMillis};
use alloc::{string::String, vec::Vec};

/// The class of an answer. What each leads to is the Mailroom's decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The provider took the message.
    Accepted {
        /// The provider's own id for it, when the answer holds one.
        provider_message_id: Option<String>,
    },
    /// Too fast: the same request will do later.
    Throttled {
        /// The first instant the provider allows, when it said so.
        retry_at: Option<UnixMillis>,
    },
    /// The provider failed in a way that passes.
    Transient {
        /// The first instant the provider allows, when it said so.
        retry_at: Option<UnixMillis>,
    },
    /// The provider's quota is used up until a later period.
    QuotaSpent {
        /// When the next period begins, when the provider said so.
        retry_at: Option<UnixMillis>,
    },
    /// The credential or the provider account is wrong: no message can leave until its owner acts.
    CredentialsWrong,
    /// The provider does not let this sender's address or domain send: its owner has to verify it.
    SenderRefused,
    /// The provider keeps every recipient of the message on its own suppression list.
    RecipientSuppressed,
    /// This message will never be taken.
    PermanentlyRefused,
    /// The call carried several messages and was refused as a whole: nothing was taken, and each of them is to be sent in
    /// a call of its own, which tells the bad one from the others. Never the answer to a call of one message.
    Split,
    /// The provider may or may not have taken it.
    Unknown,
}

impl Outcome {
    /// The stable word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Throttled { .. } => "throttled",
            Self::Transient { .. } => "transient",
            Self::QuotaSpent { .. } => "quota_spent",
            Self::CredentialsWrong => "credentials_wrong",
            Self::SenderRefused => "sender_refused",
            Self::RecipientSuppressed => "recipient_suppressed",
            Self::PermanentlyRefused => "permanently_refused",
            Self::Split => "split",
            Self::Unknown => "unknown",
        }
    }

    /// The first instant at which the provider allows another attempt, when it said so.
    #[must_use]
    pub const fn retry_at(&self) -> Option<UnixMillis> {
        match self {
            Self::Throttled { retry_at } | Self::Transient { retry_at } | Self::QuotaSpent { retry_at } => *retry_at,
            Self::Accepted { .. }
            | Self::CredentialsWrong
            | Self::SenderRefused
            | Self::RecipientSuppressed
            | Self::PermanentlyRefused
            | Self::Split
            | Self::Unknown => None,
        }
    }
}

impl RefusedReason {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Permanent => "permanent",
            Self::Transient => "transient",
        }
    }
}

/// An outcome with what may be shown of the answer behind it: never an address, never free text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The class.
    pub outcome: Outcome,
    /// The HTTP status or the SMTP code, or `None` when no answer came.
    pub status: Option<u16>,
    /// The provider's own stable word or number for it (`rate_limit_exceeded`, `406`), when it gave one.
    pub provider_code: Option<String>,
    /// Recipients that the provider refused alone: while it took the message for the others, or for good while nobody was
    /// taken.
    pub refused: Vec<Refused>,
}

/// A recipient that was refused alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// The bare address, as the provider or the call names it.
    pub address: String,
    /// Why.
    pub reason: RefusedReason,
    /// What a refusal for good says of the address itself; `None` where it says nothing new.
    pub bounce: Option<Bounce>,
}

impl Refused {
    /// A recipient of whom the answer says nothing but that it was refused.
    #[must_use]
    pub const fn new(address: String, reason: RefusedReason) -> Self {
        Self { address, reason, bounce: None }
    }
}

/// Why a recipient was refused alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusedReason {
    /// It is on the provider's own suppression list.
    Suppressed,
    /// It was refused for good.
    Permanent,
    /// It was not taken now.
    Transient,
}

/// Shows the reason only.
impl core::fmt::Debug for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Refused({:?})", self.reason)
    }
}

impl Answer {
    /// An outcome without an answer behind it.
    #[must_use]
    pub const fn without_status(outcome: Outcome) -> Self {
        Self { outcome, status: None, provider_code: None, refused: Vec::new() }
    }

    /// An outcome with the status and the provider's code of the answer behind it.
    #[must_use]
    pub const fn new(outcome: Outcome, status: u16, provider_code: Option<String>) -> Self {
        Self { outcome, status: Some(status), provider_code, refused: Vec::new() }
    }
}

/// Why no answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransportFailure {
    /// The request surely did not reach the provider: refused connection, unknown host.
    NotSent,
    /// The request may have reached it: a time-out or a lost connection.
    MaybeSent,
}

impl TransportFailure {
    /// The outcome of having no answer.
    #[must_use]
    pub const fn answer(self) -> Answer {
        let outcome = match self {
            Self::NotSent => Outcome::Transient { retry_at: None },
            Self::MaybeSent => Outcome::Unknown,
        };
        Answer::without_status(outcome)
    }
}
