//! Every error there is, with its stable word and its data. Later and never of a limiter are answers, not errors.

use sendgate_core::{
    address::AddressError,
    limiter::{LimiterError, StateError},
    message,
    time::UnixMillis,
};
use sendgate_embed::{Failure, FailureKind, MailroomError};
use std::fmt;

/// Why something could not be done. Nothing was changed. `code` is a stable word, the same in every language; `detail` is a
/// sentence for people, and holds no address, no body and no key.
#[allow(missing_docs, reason = "the enum and its variants say what their fields are")]
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Error)]
pub enum SendgateError {
    /// An argument is none of the words, numbers or lists that it can be.
    InvalidArgument { code: String, detail: String },
    /// A limiter's windows are malformed.
    InvalidPolicy { code: String, detail: String },
    /// Stored bytes are malformed, or belong to another policy or key.
    InvalidState { code: String, detail: String },
    /// An address is malformed.
    InvalidAddress { code: String, detail: String },
    /// A configuration is wrong, or names a secret that is not there.
    InvalidConfig { code: String, detail: String },
    /// A message cannot be read; `faults` has every fault of it.
    InvalidMessage { code: String, detail: String, faults: Vec<FieldFault> },
    /// The provider lacks the feature that the message needs.
    UnsupportedFeature { code: String, detail: String, feature: String, provider: String },
    /// No request can be built.
    CannotBuild { code: String, detail: String },
    /// A report is not to be believed.
    WebhookRefused { code: String, detail: String },
    /// A window admits no more for now; the same submission will do at `retry_at`, when waiting helps.
    RateLimited { code: String, detail: String, retry_at: Option<UnixMillis>, window: Option<String> },
    /// A quota is used up until its `period` (day, month or year) ends at `retry_at`; both are absent when waiting does not
    /// help.
    QuotaExceeded { code: String, detail: String, retry_at: Option<UnixMillis>, period: Option<String> },
    /// The idempotency key was used for other messages in the last 24 hours.
    IdempotencyConflict { code: String, detail: String },
    /// The file cannot be used now.
    StoreFailed { code: String, detail: String },
    /// Another refusal of the account's.
    Refused { code: String, detail: String },
}

/// One fault of one field of a message.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FieldFault {
    /// The path of the field, such as `attachments[3].content`; empty for the message itself.
    pub field: String,
    /// The stable word for the fault.
    pub code: String,
    /// A sentence for people, with the bound.
    pub detail: String,
}

impl fmt::Display for SendgateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::InvalidArgument { code, detail }
        | Self::InvalidPolicy { code, detail }
        | Self::InvalidState { code, detail }
        | Self::InvalidAddress { code, detail }
        | Self::InvalidConfig { code, detail }
        | Self::InvalidMessage { code, detail, .. }
        | Self::UnsupportedFeature { code, detail, .. }
        | Self::CannotBuild { code, detail }
        | Self::WebhookRefused { code, detail }
        | Self::RateLimited { code, detail, .. }
        | Self::QuotaExceeded { code, detail, .. }
        | Self::IdempotencyConflict { code, detail }
        | Self::StoreFailed { code, detail }
        | Self::Refused { code, detail }) = self;
        write!(f, "{code}: {detail}")
    }
}

impl std::error::Error for SendgateError {}

impl From<Failure> for SendgateError {
    fn from(failure: Failure) -> Self {
        let Failure { kind, code, detail } = failure;
        match kind {
            FailureKind::InvalidArgument => Self::InvalidArgument { code, detail },
            FailureKind::InvalidPolicy => Self::InvalidPolicy { code, detail },
            FailureKind::InvalidState => Self::InvalidState { code, detail },
            FailureKind::InvalidAddress => Self::InvalidAddress { code, detail },
            FailureKind::InvalidConfig => Self::InvalidConfig { code, detail },
            FailureKind::InvalidMessage { faults } => {
                Self::InvalidMessage { code, detail, faults: faults.into_iter().map(FieldFault::from).collect() }
            }
            FailureKind::UnsupportedFeature { feature, provider } => {
                Self::UnsupportedFeature { code, detail, feature: feature.into(), provider: provider.into() }
            }
            FailureKind::CannotBuild => Self::CannotBuild { code, detail },
            FailureKind::WebhookRefused => Self::WebhookRefused { code, detail },
            FailureKind::RateLimited { retry_at, window } => Self::RateLimited { code, detail, retry_at, window },
            FailureKind::QuotaExceeded { retry_at, period } => {
                Self::QuotaExceeded { code, detail, retry_at, period: period.map(str::to_owned) }
            }
            FailureKind::IdempotencyConflict => Self::IdempotencyConflict { code, detail },
            FailureKind::StoreFailed => Self::StoreFailed { code, detail },
            FailureKind::Refused => Self::Refused { code, detail },
        }
    }
}

impl From<sendgate_embed::FieldFault> for FieldFault {
    fn from(fault: sendgate_embed::FieldFault) -> Self {
        let sendgate_embed::FieldFault { field, code, detail } = fault;
        Self { field, code, detail }
    }
}

/// What the shared layer knows as a failure is one here.
macro_rules! failures {
    ($($error:ty),+) => {
        $(impl From<$error> for SendgateError {
            fn from(error: $error) -> Self {
                Failure::from(error).into()
            }
        })+
    };
}

failures!(LimiterError, StateError, AddressError, MailroomError, Vec<message::FieldError>);
