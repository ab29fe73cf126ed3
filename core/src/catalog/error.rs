//! What is wrong with an entry: always with the path of the field and, for a number, its bounds.

use alloc::{format, string::String};
use core::fmt;

/// An entry that cannot be used, or that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CatalogError {
    /// The text is not an entry's JSON.
    Malformed {
        /// The entry: `plans.free`.
        path: String,
        /// What was expected, and where.
        detail: String,
    },
    /// A number outside its bounds.
    OutOfRange {
        /// The field: `plans.free.batch_max`.
        path: String,
        /// The value given.
        value: u64,
        /// The least value allowed.
        least: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// A field, or fields that contradict each other.
    Invalid {
        /// The field: `ramps.standard.stages[2]`.
        path: String,
        /// What must hold.
        detail: String,
    },
    /// No entry has this name.
    Unknown {
        /// What was looked for: `plan`.
        kind: &'static str,
        /// The names there are.
        known: String,
        /// The known name that was probably meant.
        nearest: Option<String>,
    },
}

impl CatalogError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_entry",
            Self::OutOfRange { .. } => "figure_out_of_range",
            Self::Invalid { .. } => "invalid_entry",
            Self::Unknown { .. } => "unknown_entry",
        }
    }

    /// Every word [`CatalogError::code`] can give.
    pub const CODES: [&'static str; 4] = ["malformed_entry", "figure_out_of_range", "invalid_entry", "unknown_entry"];
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { path, detail } | Self::Invalid { path, detail } => write!(f, "{path}: {detail}"),
            Self::OutOfRange { path, value, least, most } => {
                write!(f, "{path}: must be {least} to {most}, got {value}")
            }
            Self::Unknown { kind, known, nearest: Some(nearest) } => {
                write!(f, "no such {kind}; did you mean {nearest}? There are {known}")
            }
            Self::Unknown { kind, known, nearest: None } => write!(f, "no such {kind}; there are {known}"),
        }
    }
}

impl core::error::Error for CatalogError {}

pub(super) fn malformed(path: &str, error: &serde_json::Error) -> CatalogError {
    CatalogError::Malformed { path: path.into(), detail: format!("{error}") }
}

pub(super) fn unknown(kind: &'static str, name: &str, known: &[&str]) -> CatalogError {
    let nearest = crate::message::nearest(name, known).map(String::from);
    CatalogError::Unknown { kind, known: known.join(", "), nearest }
}

/// A number within its bounds, or the error that names them.
pub(super) fn within(path: &str, value: u64, least: u64, most: u64) -> Result<u64, CatalogError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(CatalogError::OutOfRange { path: path.into(), value, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_own_code_from_the_list() {
        let path = String::new();
        let errors = [
            CatalogError::Malformed { path: path.clone(), detail: String::new() },
            CatalogError::OutOfRange { path: path.clone(), value: 0, least: 1, most: 2 },
            CatalogError::Invalid { path, detail: String::new() },
            CatalogError::Unknown { kind: "plan", known: String::new(), nearest: None },
        ];
        assert_eq!(errors.map(|error| error.code()), CatalogError::CODES);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_known_one() {
        let error = unknown("plan", "hoby", &["free", "hobby"]);
        assert_eq!(format!("{error}"), "no such plan; did you mean hobby? There are free, hobby");
        assert_eq!(within("plans.x.batch_max", 501, 1, 500).unwrap_err().code(), "figure_out_of_range");
    }
}
