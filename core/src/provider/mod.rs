//! Email service providers: a message in, an HTTP request out; a response in, one [`Outcome`](crate::outcome::Outcome)
//! out.
//!
//! One file per provider. Each says what the provider lacks ([`check`]), builds the request ([`build`]) and holds the
//! table that its answers are classified by ([`classify`]). A feature that a provider lacks is refused, never left out
//! in silence.

mod classify;
mod options;
mod postmark;
mod resend;
mod sandbox;

use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::Message,
    outcome::Answer,
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A provider that Sendgate speaks to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Resend, `POST /emails`.
    Resend,
    /// Postmark, `POST /email`.
    Postmark,
    /// The simulator's own plain interface, `POST /messages`.
    Sandbox,
}

impl ProviderKind {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::Resend, Self::Postmark, Self::Sandbox];

    /// The word for it in JSON, in the trace and as a key of `provider_options`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Postmark => "postmark",
            Self::Sandbox => "sandbox",
        }
    }
}

/// A feature of a message that a provider lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsupported {
    /// The feature, in words that do not change: `more than one tag`.
    pub feature: &'static str,
    /// The provider's word.
    pub provider: &'static str,
}

impl Unsupported {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "unsupported_feature"
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not support: {}", self.provider, self.feature)
    }
}

impl core::error::Error for Unsupported {}

/// Where a request goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The API's base, without the path of the call; a trailing slash is allowed.
    pub base_url: &'a str,
    /// The provider's key or token.
    pub credential: &'a str,
}

/// Hides the credential.
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}

/// What is sent: a message to those of its recipients that are left after suppression.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// Sendgate's id of the message: the idempotency key where there is one.
    pub message_id: &'a str,
    /// The message; its own recipient lists are not used.
    pub message: &'a Message,
    /// Recipients shown; at least one.
    pub to: &'a [&'a Mailbox],
    /// Recipients of a copy.
    pub cc: &'a [&'a Mailbox],
    /// Recipients not shown.
    pub bcc: &'a [&'a Mailbox],
}

/// Why no request can be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// Nobody is left in `to`: no provider takes a message of copies only.
    NoRecipient,
    /// The provider lacks a feature that the message uses; [`check`] lists all of them.
    Unsupported(Unsupported),
    /// A header value would not be plain printable ASCII.
    InvalidHeaderValue {
        /// Which: `credential` or `message id`.
        value: &'static str,
    },
    /// The message does not print as JSON.
    NotPrintable,
}

impl BuildError {
    /// Every code there is.
    pub const CODES: [&'static str; 4] =
        ["no_recipient", "unsupported_feature", "invalid_header_value", "message_not_printable"];

    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRecipient => "no_recipient",
            Self::Unsupported(_) => "unsupported_feature",
            Self::InvalidHeaderValue { .. } => "invalid_header_value",
            Self::NotPrintable => "message_not_printable",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipient => f.write_str("no recipient is left in `to`"),
            Self::Unsupported(feature) => feature.fmt(f),
            Self::InvalidHeaderValue { value } => write!(f, "the {value} is empty, too long or not printable ASCII"),
            Self::NotPrintable => f.write_str("the message does not print as JSON"),
        }
    }
}

impl core::error::Error for BuildError {}

/// Whether the provider can send the message as it is; asked when the message is submitted.
///
/// # Errors
/// Every feature of the message that the provider lacks.
pub fn check(kind: ProviderKind, message: &Message) -> Result<(), Vec<Unsupported>> {
    let mut gaps = match kind {
        ProviderKind::Resend => resend::gaps(message),
        ProviderKind::Postmark => postmark::gaps(message),
        ProviderKind::Sandbox => sandbox::gaps(message),
    };
    gaps.dedup();
    if gaps.is_empty() {
        return Ok(());
    }
    Err(gaps.into_iter().map(|feature| Unsupported { feature, provider: kind.as_str() }).collect())
}

/// The request that hands the message to the provider.
///
/// The same arguments give the same bytes, so that a repeat under an idempotency key is the same request.
///
/// # Errors
/// [`BuildError`]; none of them passes with time.
pub fn build(kind: ProviderKind, target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    if dispatch.to.is_empty() {
        return Err(BuildError::NoRecipient);
    }
    if let Some(gap) = check(kind, dispatch.message).err().and_then(|gaps| gaps.into_iter().next()) {
        return Err(BuildError::Unsupported(gap));
    }
    if !is_header_value(target.credential, MAX_CREDENTIAL) {
        return Err(BuildError::InvalidHeaderValue { value: "credential" });
    }
    if !is_header_value(dispatch.message_id, MAX_MESSAGE_ID) {
        return Err(BuildError::InvalidHeaderValue { value: "message id" });
    }
    match kind {
        ProviderKind::Resend => resend::build(target, dispatch),
        ProviderKind::Postmark => postmark::build(target, dispatch),
        ProviderKind::Sandbox => sandbox::build(target, dispatch),
    }
}

/// What the provider's answer means. Total: any status with any body has a class.
#[must_use]
pub fn classify(kind: ProviderKind, response: &HttpResponse, now: UnixMillis) -> Answer {
    match kind {
        ProviderKind::Resend => resend::classify(response, now),
        ProviderKind::Postmark => postmark::classify(response, now),
        ProviderKind::Sandbox => sandbox::classify(response, now),
    }
}

/// Whether a credential can stand in a header field: not empty, visible characters only, no line break at its end.
#[must_use]
pub fn is_credential(credential: &str) -> bool {
    is_header_value(credential, MAX_CREDENTIAL)
}

/// Whether an answer says that the idempotency key was used before, for another body.
#[must_use]
pub fn says_key_was_used(answer: &Answer) -> bool {
    matches!(answer.provider_code.as_deref(), Some("invalid_idempotent_request" | "idempotency_conflict"))
}

/// Whether a repeated request cannot send twice, so that an unknown outcome may be asked again.
#[must_use]
pub const fn has_idempotency_key(kind: ProviderKind) -> bool {
    match kind {
        ProviderKind::Resend | ProviderKind::Sandbox => true,
        ProviderKind::Postmark => false,
    }
}

/// A `POST` of JSON with the header fields that every provider gets, and `more`.
fn post(target: &Target<'_>, path: &str, more: &[(&str, &str)], body: Vec<u8>) -> HttpRequest {
    let mut url = String::from(target.base_url.trim_end_matches('/'));
    url.push_str(path);
    let common = [("Content-Type", "application/json"), ("Accept", "application/json"), ("User-Agent", USER_AGENT)];
    let headers = common.iter().chain(more).map(|(name, value)| (name.to_string(), value.to_string())).collect();
    HttpRequest { method: "POST", url, headers, body }
}

/// Whether a value may stand in a header field: printable ASCII, nothing that ends the line.
fn is_header_value(value: &str, bound: usize) -> bool {
    (1..=bound).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Resend refuses requests without one (403, code 1010), and a Worker's `fetch` sets none.
const USER_AGENT: &str = concat!("sendgate/", env!("CARGO_PKG_VERSION"));
/// Resend's bound for an idempotency key, the tightest there is.
const MAX_MESSAGE_ID: usize = 256;
/// Far above any provider's key, below every server's header limit (8 KiB).
const MAX_CREDENTIAL: usize = 4096;

#[cfg(test)]
mod tests;
