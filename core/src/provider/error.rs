//! Why a message cannot go to a provider.

use core::fmt;

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

/// Why no request can be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// Nobody is left in `to`: no provider takes a message of copies only.
    NoRecipient,
    /// The provider lacks a feature that the message uses; [`check`](super::check) lists all of them.
    Unsupported(Unsupported),
    /// A header value would not be plain printable ASCII.
    InvalidHeaderValue {
        /// Which: `credential` or `message id`.
        value: &'static str,
    },
    /// The message does not print as JSON.
    NotPrintable,
    /// The provider's configuration lacks something that its calls need.
    Incomplete {
        /// Which field: `domain`, `account_id`, `region`, `credential`, `base_url` or `compose`.
        field: &'static str,
    },
    /// These messages cannot go into one call.
    NotTogether,
}

impl BuildError {
    /// Every code there is.
    pub const CODES: [&'static str; 6] = [
        "no_recipient",
        "unsupported_feature",
        "invalid_header_value",
        "message_not_printable",
        "provider_incomplete",
        "not_together",
    ];

    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRecipient => "no_recipient",
            Self::Unsupported(_) => "unsupported_feature",
            Self::InvalidHeaderValue { .. } => "invalid_header_value",
            Self::NotPrintable => "message_not_printable",
            Self::Incomplete { .. } => "provider_incomplete",
            Self::NotTogether => "not_together",
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
            Self::Incomplete { field } => write!(f, "the provider's {field} is missing or malformed"),
            Self::NotTogether => f.write_str("the messages cannot go into one call"),
        }
    }
}

impl core::error::Error for BuildError {}
