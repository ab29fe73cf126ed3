//! Every error of this crate and of the core, as one value that crosses into any language with its word and its data.
//!
//! *Later* and *never* of a limiter are answers, not errors. A refused submission is an error, because nothing was
//! accepted, and says when the same one will do.

use crate::MailroomError;
use core::fmt;
use sendgate_core::{
    address::AddressError,
    event::WebhookError,
    limiter::{LimiterError, StateError},
    message::FieldError,
    provider::{BuildError, Unsupported},
    suppression::{LoadError, TooManyEntries},
    time::UnixMillis,
};
use serde::Deserialize;

/// Why something could not be done. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What kind of failure it is, and its data.
    pub kind: FailureKind,
    /// The stable word for why, the same in every language.
    pub code: String,
    /// A sentence for people, with the bound. Never an address, a body or a key.
    pub detail: String,
}

/// The kinds of failure: what a caller tells apart, as a number or a class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// An argument is none of the words, numbers or lists that it can be.
    InvalidArgument,
    /// A limiter's windows are malformed.
    InvalidPolicy,
    /// Stored bytes are malformed, or belong to another policy or key.
    InvalidState,
    /// An address is malformed.
    InvalidAddress,
    /// A configuration is wrong, or names a secret that is not there.
    InvalidConfig,
    /// A message cannot be read.
    InvalidMessage {
        /// Every fault of it.
        faults: Vec<FieldFault>,
    },
    /// The provider lacks what the message needs.
    UnsupportedFeature {
        /// What.
        feature: &'static str,
        /// Who.
        provider: &'static str,
    },
    /// No request can be built.
    CannotBuild,
    /// A report is not to be believed.
    WebhookRefused,
    /// A window admits no more for now.
    RateLimited {
        /// The first instant at which the same submission will do, when waiting helps.
        retry_at: Option<UnixMillis>,
        /// The window that is full.
        window: Option<String>,
    },
    /// A quota is used up.
    QuotaExceeded {
        /// When its next period begins, when waiting helps.
        retry_at: Option<UnixMillis>,
        /// `day`, `month` or `year`, when waiting helps.
        period: Option<&'static str>,
    },
    /// The idempotency key was used for other messages.
    IdempotencyConflict,
    /// The file cannot be used now.
    StoreFailed,
    /// Another refusal of the account's.
    Refused,
}

/// One fault of one field of a message.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct FieldFault {
    /// The path of the field, such as `attachments[3].content`; empty for the message itself.
    pub field: String,
    /// The stable word for the fault.
    pub code: String,
    /// A sentence for people, with the bound.
    pub detail: String,
}

/// A refusal's body (RFC 9457), as far as a failure tells of it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    errors: Vec<FieldFault>,
}

impl Failure {
    /// A failure of this kind.
    #[must_use]
    pub fn new(kind: FailureKind, code: &str, detail: &dyn fmt::Display) -> Self {
        Self { kind, code: code.into(), detail: detail.to_string() }
    }

    /// An argument that is none of what it can be.
    #[must_use]
    pub fn argument(code: &str, detail: &dyn fmt::Display) -> Self {
        Self::new(FailureKind::InvalidArgument, code, detail)
    }

    /// A refusal of the account's from its body, and the instant at which the same request will do.
    #[must_use]
    pub fn refused(body: &[u8], retry_at: Option<UnixMillis>) -> Self {
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else { return Self::unreadable() };
        let Problem { code, detail, window, errors } = problem;
        let kind = match code.as_str() {
            "rate_limit_exceeded" => FailureKind::RateLimited { retry_at, window },
            "quota_daily" | "quota_monthly" | "quota_yearly" | "overquota" => {
                let period = PERIODS.iter().find(|(known, _)| *known == code).map(|(_, period)| *period);
                FailureKind::QuotaExceeded { retry_at, period }
            }
            "idempotency_conflict" => FailureKind::IdempotencyConflict,
            "store_failed" => FailureKind::StoreFailed,
            _ if errors.is_empty() => FailureKind::Refused,
            _ => FailureKind::InvalidMessage { faults: errors },
        };
        let detail = match &kind {
            FailureKind::InvalidMessage { faults } => sentence(faults),
            FailureKind::InvalidArgument
            | FailureKind::InvalidPolicy
            | FailureKind::InvalidState
            | FailureKind::InvalidAddress
            | FailureKind::InvalidConfig
            | FailureKind::UnsupportedFeature { .. }
            | FailureKind::CannotBuild
            | FailureKind::WebhookRefused
            | FailureKind::RateLimited { .. }
            | FailureKind::QuotaExceeded { .. }
            | FailureKind::IdempotencyConflict
            | FailureKind::StoreFailed
            | FailureKind::Refused => detail,
        };
        Self { kind, code, detail }
    }

    /// An answer of the account's that has another shape than its contract.
    pub(crate) fn unreadable() -> Self {
        Self::new(FailureKind::StoreFailed, "store_failed", &"an answer cannot be read")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Failure {}

/// The faults as one sentence.
fn sentence(faults: &[FieldFault]) -> String {
    let each = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.detail));
    each.collect::<Vec<_>>().join("; ")
}

impl From<LimiterError> for Failure {
    fn from(error: LimiterError) -> Self {
        Self::new(FailureKind::InvalidPolicy, error.code(), &error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::new(FailureKind::InvalidState, error.code(), &error)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::new(FailureKind::InvalidState, error.code(), &error)
    }
}

impl From<TooManyEntries> for Failure {
    fn from(error: TooManyEntries) -> Self {
        Self::argument(error.code(), &error)
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        Self::new(FailureKind::InvalidAddress, error.code(), &error)
    }
}

/// The code of the first fault is the failure's.
impl From<Vec<FieldError>> for Failure {
    fn from(faults: Vec<FieldError>) -> Self {
        let code = faults.first().map_or("invalid_message", |fault| fault.code);
        let detail = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let of = |FieldError { field, code, detail }| FieldFault { field, code: code.into(), detail };
        let kind = FailureKind::InvalidMessage { faults: faults.into_iter().map(of).collect() };
        Self { kind, code: code.into(), detail }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let kind = match error {
            BuildError::Unsupported(Unsupported { feature, provider }) => {
                FailureKind::UnsupportedFeature { feature, provider }
            }
            BuildError::NoRecipient
            | BuildError::InvalidHeaderValue { .. }
            | BuildError::NotPrintable
            | BuildError::Incomplete { .. }
            | BuildError::NotTogether => FailureKind::CannotBuild,
        };
        Self::new(kind, error.code(), &error)
    }
}

impl From<WebhookError> for Failure {
    fn from(error: WebhookError) -> Self {
        Self::new(FailureKind::WebhookRefused, error.code(), &error)
    }
}

impl From<MailroomError> for Failure {
    fn from(error: MailroomError) -> Self {
        let kind = match error {
            MailroomError::Database(_) | MailroomError::Store(_) => FailureKind::StoreFailed,
            MailroomError::Config(_)
            | MailroomError::MissingCredential(_)
            | MailroomError::Carrier(_)
            | MailroomError::Forked => FailureKind::InvalidConfig,
        };
        Self::new(kind, error.code(), &error)
    }
}

/// The quota that a refusal speaks of.
const PERIODS: [(&str, &str); 3] = [("quota_daily", "day"), ("quota_monthly", "month"), ("quota_yearly", "year")];

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn a_refusal_keeps_its_word_and_its_data() {
        let body = br#"{"code":"rate_limit_exceeded","detail":"later","window":"minute"}"#;
        let failure = Failure::refused(body, Some(NOON));
        let kind = FailureKind::RateLimited { retry_at: Some(NOON), window: Some("minute".into()) };
        assert_eq!(
            (failure.kind, failure.code.as_str(), failure.detail.as_str()),
            (kind, "rate_limit_exceeded", "later")
        );

        let monthly = Failure::refused(br#"{"code":"quota_monthly"}"#, Some(NOON));
        assert_eq!(monthly.kind, FailureKind::QuotaExceeded { retry_at: Some(NOON), period: Some("month") });
        let never = Failure::refused(br#"{"code":"overquota"}"#, None);
        assert_eq!(never.kind, FailureKind::QuotaExceeded { retry_at: None, period: None });
    }

    #[test]
    fn faults_of_fields_make_an_invalid_message_and_no_body_makes_a_panic() {
        let body =
            br#"{"code":"invalid_message","errors":[{"field":"to","code":"required","detail":"must be there"}]}"#;
        let failure = Failure::refused(body, None);
        assert_eq!(failure.detail, "to: must be there");
        assert!(matches!(failure.kind, FailureKind::InvalidMessage { faults } if faults.len() == 1));
        assert_eq!(Failure::refused(b"{", None).kind, FailureKind::StoreFailed);
        assert_eq!(Failure::refused(br#"{"code":"account_suspended"}"#, None).kind, FailureKind::Refused);
    }

    #[test]
    fn an_unsupported_feature_names_it_and_its_provider() {
        let error = BuildError::Unsupported(Unsupported { feature: "more than one tag", provider: "postmark" });
        let failure = Failure::from(error);
        assert_eq!(failure.code, "unsupported_feature");
        let kind = FailureKind::UnsupportedFeature { feature: "more than one tag", provider: "postmark" };
        assert_eq!(failure.kind, kind);
    }
}
