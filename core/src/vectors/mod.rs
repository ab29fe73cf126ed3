//! The cases' operations, for runners that speak JSON.
//!
//! `tests/vectors/*.json` fixes the behaviour of every room. A runner reads a suite's file, hands each case to
//! [`evaluate`] as JSON text, and compares what comes back with what the case wants. The comparison is the runner's,
//! so that no room can grade itself.

mod address;
mod backoff;
mod calendar;
mod gate;
mod hold;
mod lease;
mod ledger;
mod limiter;
mod outcome;

use crate::time::UnixMillis;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// The suites [`evaluate`] knows, by the names of their files.
pub const SUITES: &[&str] =
    &["address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome"];

/// Performs a case's operations and returns, as JSON text, what came out in the shape of the case's `want`; for a
/// case with steps, an array with one element a step.
///
/// # Errors
/// [`VectorError::UnknownSuite`] for a suite that is not in [`SUITES`], and [`VectorError::BadCase`] for a case that is
/// not of the suite's format. Neither is a result to compare.
pub fn evaluate(suite: &str, case_json: &str) -> Result<String, VectorError> {
    let outcome = match suite {
        "address" => address::evaluate(case_json)?,
        "backoff" => backoff::evaluate(case_json)?,
        "calendar" => calendar::evaluate(case_json)?,
        "gate" => gate::evaluate(case_json)?,
        "hold" => hold::evaluate(case_json)?,
        "lease" => lease::evaluate(case_json)?,
        "ledger" => ledger::evaluate(case_json)?,
        "limiter" => limiter::evaluate(case_json)?,
        "outcome" => outcome::evaluate(case_json)?,
        unknown => return Err(VectorError::UnknownSuite { suite: unknown.to_string() }),
    };
    Ok(outcome.to_string())
}

/// A case that could not be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VectorError {
    /// No such suite.
    UnknownSuite {
        /// The name given.
        suite: String,
    },
    /// The case is not of the suite's format.
    BadCase {
        /// What the reader expected, and where.
        detail: String,
    },
}

impl VectorError {
    /// The stable word for this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSuite { .. } => "unknown_suite",
            Self::BadCase { .. } => "bad_case",
        }
    }
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSuite { suite } => write!(f, "suite must be one of {SUITES:?}, got {suite:?}"),
            Self::BadCase { detail } => write!(f, "not a case of this suite: {detail}"),
        }
    }
}

impl core::error::Error for VectorError {}

/// Reads a case; what it has beside the fields of `T` (id, comment, want) is the runner's.
fn read<'a, T: Deserialize<'a>>(case_json: &'a str) -> Result<T, VectorError> {
    serde_json::from_str(case_json).map_err(|error| VectorError::BadCase { detail: error.to_string() })
}

/// A number that may exceed what a JSON number carries exactly in every language: a number, or its decimal digits.
#[derive(Clone, Copy)]
struct Number(u64);

impl Number {
    fn instant(self) -> UnixMillis {
        UnixMillis::new(self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = value.as_u64().or_else(|| value.as_str().and_then(|digits| digits.parse().ok()));
        number.map(Self).ok_or_else(|| de::Error::custom("expected an unsigned 64-bit number or its decimal digits"))
    }
}

/// Bytes as lower-case hexadecimal digits.
fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(u32::from(half), 16))
        .collect()
}

/// The bytes of a step's `hex`.
fn bytes(digits: &str) -> Result<Vec<u8>, VectorError> {
    from_hex(digits).ok_or_else(|| VectorError::BadCase { detail: "hex must be pairs of hexadecimal digits".into() })
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let halves: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    halves?.chunks(2).map(|pair| if let [high, low] = pair { Some(high << 4 | low) } else { None }).collect()
}
