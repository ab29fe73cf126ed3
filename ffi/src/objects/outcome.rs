//! What a provider's answer means.

use super::{
    event::Bounce,
    values::{Units, hidden},
};
use sendgate_core::{
    outcome::{self, Outcome, RefusedReason},
    time::UnixMillis,
};

/// The class of an answer.
#[uniffi::remote(Enum)]
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
    /// The credential or the provider account is wrong.
    CredentialsWrong,
    /// The provider does not let this sender's address or domain send.
    SenderRefused,
    /// The provider keeps every recipient of the message on its own suppression list.
    RecipientSuppressed,
    /// This message will never be taken.
    PermanentlyRefused,
    /// A call of several messages was refused as a whole: each of them is to be sent in a call of its own.
    Split,
    /// The provider may or may not have taken it.
    Unknown,
}

/// Why a recipient was refused alone.
#[uniffi::remote(Enum)]
pub enum RefusedReason {
    /// It is on the provider's own suppression list.
    Suppressed,
    /// It was refused for good.
    Permanent,
    /// It was not taken now.
    Transient,
}

/// An outcome with what may be shown of the answer behind it.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Answer {
    /// The class.
    pub outcome: Outcome,
    /// The HTTP status or the SMTP code; absent when no answer came.
    pub status: Option<Units>,
    /// The provider's own stable word or number for it, when it gave one.
    pub provider_code: Option<String>,
    /// Recipients that the provider refused alone.
    pub refused: Vec<Refused>,
}

/// A recipient that was refused alone.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Refused {
    /// The bare address, as the provider or the call names it.
    pub address: String,
    /// Why.
    pub reason: RefusedReason,
    /// What a refusal for good says of the address itself; absent where it says nothing new.
    pub bounce: Option<Bounce>,
}

hidden!(Refused);

impl From<outcome::Answer> for Answer {
    fn from(answer: outcome::Answer) -> Self {
        let outcome::Answer { outcome, status, provider_code, refused } = answer;
        let status = status.map(|status| Units(status.into()));
        Self { outcome, status, provider_code, refused: refused.into_iter().map(Refused::from).collect() }
    }
}

impl From<outcome::Refused> for Refused {
    fn from(refused: outcome::Refused) -> Self {
        let outcome::Refused { address, reason, bounce } = refused;
        Self { address, reason, bounce: bounce.map(Bounce::from) }
    }
}
