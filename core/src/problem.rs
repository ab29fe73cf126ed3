//! Every way the API says no: one table of codes, statuses and titles, rendered as RFC 9457 `problem+json`.

use crate::suppression::Summary;
use alloc::{boxed::Box, string::String, vec::Vec};
use serde::Serialize;

/// A stable word for each refusal. Codes are never renamed or reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// The request holds no message.
    MissingSendPayload,
    /// More messages than a request may hold.
    TooManyMessages,
    /// A field nobody knows, at the request's top level.
    UnknownField,
    /// A message of the request is malformed; `errors` names the fields.
    InvalidMessage,
    /// The message is larger than allowed.
    MessageTooLarge,
    /// More attachments than allowed.
    TooManyAttachments,
    /// The provider lacks a feature that the message asks for.
    UnsupportedFeature,
    /// The sender's domain is not one of the account's.
    FromNotAllowed,
    /// The sender's domain is the account's, and is not verified.
    DomainNotVerified,
    /// The body is larger than 50,000,000 bytes.
    BodyTooLarge,
    /// No key was given.
    MissingKey,
    /// The key is not one of this deployment's.
    InvalidKey,
    /// The key was revoked.
    KeyRevoked,
    /// The key has ended.
    KeyExpired,
    /// The key may not be used from where the request comes.
    IpNotAllowed,
    /// The key may not do this.
    ScopeMissing,
    /// There is no such delivery account.
    DeliveryAccountMissing,
    /// The account may not send.
    AccountSuspended,
    /// No such route or resource.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// A parameter of the query is malformed.
    InvalidParameter,
    /// The suppression entry is malformed.
    InvalidSuppression,
    /// The message left, or is leaving: nothing of it can be changed.
    MessageNotWaiting,
    /// The same idempotency key came with another request.
    IdempotencyConflict,
    /// The idempotency key is malformed.
    InvalidIdempotencyKey,
    /// Too many requests.
    RateLimited,
    /// The quota of the day is used up.
    QuotaDaily,
    /// The quota of the month is used up.
    QuotaMonthly,
    /// The quota of the year is used up.
    QuotaYearly,
    /// The request alone is larger than a whole period's quota, or the overdelivery that the account allows is used up.
    Overquota,
    /// A report's signature or secret is missing, wrong, stale or used before.
    InvalidSignature,
    /// A report is not what its provider sends.
    InvalidEvent,
    /// The provider has no such interface.
    NotSupported,
    /// The admin API has no token, and is off.
    AdminDisabled,
    /// The admin token is missing or wrong.
    InvalidAdminToken,
    /// An account's configuration is wrong; `errors` names the field.
    InvalidConfig,
    /// Something else has this name.
    AlreadyExists,
    /// It was changed since it was read.
    PreconditionFailed,
    /// The configuration of this deployment is wrong.
    Misconfigured,
    /// The store failed; nothing was accepted.
    StoreFailed,
    /// A defect of ours; nothing was answered for.
    InternalError,
}

impl Code {
    /// Every code, for documentation and tests.
    pub const ALL: [Self; 42] = [
        Self::InvalidJson,
        Self::MissingSendPayload,
        Self::TooManyMessages,
        Self::UnknownField,
        Self::InvalidMessage,
        Self::MessageTooLarge,
        Self::TooManyAttachments,
        Self::UnsupportedFeature,
        Self::FromNotAllowed,
        Self::DomainNotVerified,
        Self::BodyTooLarge,
        Self::MissingKey,
        Self::InvalidKey,
        Self::KeyRevoked,
        Self::KeyExpired,
        Self::IpNotAllowed,
        Self::ScopeMissing,
        Self::DeliveryAccountMissing,
        Self::AccountSuspended,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidParameter,
        Self::InvalidSuppression,
        Self::MessageNotWaiting,
        Self::IdempotencyConflict,
        Self::InvalidIdempotencyKey,
        Self::RateLimited,
        Self::QuotaDaily,
        Self::QuotaMonthly,
        Self::QuotaYearly,
        Self::Overquota,
        Self::InvalidSignature,
        Self::InvalidEvent,
        Self::NotSupported,
        Self::AdminDisabled,
        Self::InvalidAdminToken,
        Self::InvalidConfig,
        Self::AlreadyExists,
        Self::PreconditionFailed,
        Self::Misconfigured,
        Self::StoreFailed,
        Self::InternalError,
    ];

    /// The HTTP status, the word and the title of the code.
    #[must_use]
    pub const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidJson => (400, "invalid_json", "The body is not valid JSON"),
            Self::MissingSendPayload => (400, "missing_send_payload", "The request holds no message"),
            Self::TooManyMessages => (400, "too_many_messages", "The request holds too many messages"),
            Self::UnknownField => (400, "unknown_field", "The request has a field nobody knows"),
            Self::InvalidMessage => (400, "invalid_message", "The message is malformed"),
            Self::MessageTooLarge => (413, "message_too_large", "The message is too large"),
            Self::TooManyAttachments => (400, "too_many_attachments", "The message has too many attachments"),
            Self::UnsupportedFeature => (422, "unsupported_feature", "The provider lacks a feature of the message"),
            Self::FromNotAllowed => (403, "from_not_allowed", "The sender's domain is not one of the account's"),
            Self::DomainNotVerified => (403, "domain_not_verified", "The sender's domain is not verified"),
            Self::BodyTooLarge => (413, "body_too_large", "The body is too large"),
            Self::MissingKey => (401, "missing_key", "No API key was given"),
            Self::InvalidKey => (401, "invalid_key", "The API key is not valid here"),
            Self::KeyRevoked => (401, "key_revoked", "The API key was revoked"),
            Self::KeyExpired => (401, "key_expired", "The API key has ended"),
            Self::IpNotAllowed => (403, "ip_not_allowed", "The API key may not be used from here"),
            Self::ScopeMissing => (403, "scope_missing", "The API key may not do this"),
            Self::DeliveryAccountMissing => (403, "delivery_account_missing", "There is no such delivery account"),
            Self::AccountSuspended => (403, "account_suspended", "The delivery account is suspended"),
            Self::NotFound => (404, "not_found", "There is nothing here"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "The route does not know this method"),
            Self::InvalidParameter => (400, "invalid_parameter", "A parameter of the query is malformed"),
            Self::InvalidSuppression => (400, "invalid_suppression", "The suppression entry is malformed"),
            Self::MessageNotWaiting => (409, "message_not_waiting", "The message cannot be changed any more"),
            Self::IdempotencyConflict => {
                (409, "idempotency_conflict", "The idempotency key was used for another request")
            }
            Self::InvalidIdempotencyKey => (400, "invalid_idempotency_key", "The idempotency key is malformed"),
            Self::RateLimited => (429, "rate_limit_exceeded", "Too many requests"),
            Self::QuotaDaily => (429, "quota_daily", "The quota of the day is used up"),
            Self::QuotaMonthly => (429, "quota_monthly", "The quota of the month is used up"),
            Self::QuotaYearly => (429, "quota_yearly", "The quota of the year is used up"),
            Self::Overquota => (429, "overquota", "The request is over the quota"),
            Self::InvalidSignature => (401, "invalid_signature", "The report is not proved to be the provider's"),
            Self::InvalidEvent => (400, "invalid_event", "The report is not what the provider sends"),
            Self::NotSupported => (422, "not_supported", "The provider has no such interface"),
            Self::AdminDisabled => (403, "admin_disabled", "The admin API is off"),
            Self::InvalidAdminToken => (401, "invalid_admin_token", "The admin token is not valid"),
            Self::InvalidConfig => (422, "invalid_config", "The configuration is wrong"),
            Self::AlreadyExists => (409, "already_exists", "There is one of this name already"),
            Self::PreconditionFailed => (412, "precondition_failed", "It was changed since it was read"),
            Self::Misconfigured => (500, "misconfigured", "The deployment's configuration is wrong"),
            Self::StoreFailed => (503, "store_failed", "The store failed and nothing was accepted"),
            Self::InternalError => (500, "internal_error", "A defect of ours stopped the request"),
        }
    }

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().0
    }
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The path of the field: `messages[3].to[0]`.
    pub field: String,
    /// A stable word.
    pub code: &'static str,
    /// What is wrong and which bound it broke; never the value of an address or a body.
    pub detail: String,
}

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub code: Code,
    /// One sentence about this occurrence.
    pub detail: String,
    /// The limit that refused, by name, when one did.
    pub window: Option<String>,
    /// The fields that are wrong, when fields are.
    pub errors: Vec<Flaw>,
    /// What the suppression check said, when a send got that far.
    pub suppression_summary: Option<Box<Summary>>,
}

impl Problem {
    /// A refusal without fields or a window.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), window: None, errors: Vec::new(), suppression_summary: None }
    }

    /// The RFC 9457 body.
    #[must_use]
    pub fn to_json(&self, request_id: &str, retry_after: Option<u64>) -> Vec<u8> {
        let (status, code, title) = self.code.row();
        let body = Body {
            kind: "about:blank",
            title,
            status,
            code,
            detail: &self.detail,
            request_id,
            window: self.window.as_deref(),
            retry_after,
            errors: &self.errors,
            suppression_summary: self.suppression_summary.as_deref(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "<[Flaw]>::is_empty")]
    errors: &'a [Flaw],
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression_summary: Option<&'a Summary>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_code_has_its_own_word_and_an_error_status() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn a_problem_prints_only_what_it_has() {
        let json = Problem::new(Code::NotFound, "no message has this id").to_json("req_1", None);
        assert_eq!(
            core::str::from_utf8(&json).unwrap(),
            r#"{"type":"about:blank","title":"There is nothing here","status":404,"code":"not_found","detail":"no message has this id","request_id":"req_1"}"#
        );
    }
}
