//! What a provider's answer means: nine classes, the same for every provider.

use crate::time::UnixMillis;
use alloc::string::String;

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
    /// The provider may or may not have taken it.
    Unknown,
}

/// An outcome with what may be shown of the answer behind it: never an address, never free text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The class.
    pub outcome: Outcome,
    /// The HTTP status, or `None` when no answer came.
    pub status: Option<u16>,
    /// The provider's own stable word or number for it (`rate_limit_exceeded`, `406`), when it gave one.
    pub provider_code: Option<String>,
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
        Answer { outcome, status: None, provider_code: None }
    }
}
