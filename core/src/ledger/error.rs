//! What is wrong with a ledger's configuration or bytes.

use super::bytes::VERSION;
use crate::calendar::{CalendarUnit, UnknownTimeZone};
use core::fmt;

/// A ledger that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerError {
    /// Two quotas for the same period.
    DuplicatePeriod {
        /// The period.
        period: CalendarUnit,
    },
    /// No such time zone.
    UnknownTimeZone(UnknownTimeZone),
    /// Bytes that are no ledger's, or that contradict themselves.
    Damaged,
    /// Bytes of a version this build does not know.
    Version {
        /// The version found.
        found: u8,
    },
}

impl LedgerError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DuplicatePeriod { .. } => "duplicate_period",
            Self::UnknownTimeZone(unknown) => unknown.code(),
            Self::Damaged => "damaged_ledger",
            Self::Version { .. } => "ledger_version",
        }
    }

    /// Every word [`LedgerError::code`] can give.
    pub const CODES: [&'static str; 4] = ["duplicate_period", "unknown_time_zone", "damaged_ledger", "ledger_version"];
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicatePeriod { period } => write!(f, "two quotas per {}", period.as_str()),
            Self::UnknownTimeZone(unknown) => unknown.fmt(f),
            Self::Damaged => f.write_str("the bytes of the ledger contradict themselves"),
            Self::Version { found } => write!(f, "ledger version must be {VERSION}, got {found}"),
        }
    }
}

impl core::error::Error for LedgerError {}
