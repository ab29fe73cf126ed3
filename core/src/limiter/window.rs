//! What a limiter is told: the kinds of window, their bounds and what is wrong with a policy.

use crate::calendar::CalendarUnit;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// One limit. A [`super::Limiter`] holds several and decides for all of them at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Window {
    /// At most `limit` units in *every* half-open interval of `period_ms` milliseconds.
    Sliding {
        /// What answers call it: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
        name: String,
        /// Units, 1 to 4,294,967,294.
        limit: u32,
        /// Milliseconds, 1 to 316,224,000,000 (ten years).
        period_ms: u64,
    },
    /// At most `limit` units in each local calendar period.
    Calendar {
        /// What answers call it: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
        name: String,
        /// Units, 1 to 4,294,967,294.
        limit: u32,
        /// Day, month or year.
        unit: CalendarUnit,
        /// An IANA name, such as `Europe/Rome`.
        time_zone: String,
    },
    /// At most `burst` units back to back, then one each `interval_ms`: GCRA with a burst tolerance.
    ///
    /// Any half-open interval of length `d` carries at most `burst + ceil(d / interval_ms) - 1` units.
    Pace {
        /// What answers call it: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
        name: String,
        /// The emission interval in milliseconds, at least 1.
        interval_ms: u64,
        /// Units that may leave at once, at least 1; `burst * interval_ms` is at most ten years.
        burst: u32,
    },
}

impl Window {
    /// What answers call this window.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Sliding { name, .. } | Self::Calendar { name, .. } | Self::Pace { name, .. } => name,
        }
    }

    /// The most units it ever admits at once: its limit, or the burst of a pace.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        match self {
            Self::Sliding { limit, .. } | Self::Calendar { limit, .. } => *limit,
            Self::Pace { burst, .. } => *burst,
        }
    }
}

/// A policy that is no policy. Found when a limiter is made, before anything is decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LimiterError {
    /// The text is not a policy's JSON.
    Malformed {
        /// What the reader expected, and where.
        detail: String,
    },
    /// Too few or too many windows.
    WindowCount {
        /// How many there are.
        count: usize,
    },
    /// A name of other characters or another length than a window's name has.
    BadName {
        /// Which window, counted from 0.
        window: usize,
    },
    /// Two windows of one name.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A number outside its bounds.
    OutOfRange {
        /// The window's name.
        window: String,
        /// Which number: `limit`, `period_ms`, `interval_ms`, `burst` or `burst * interval_ms`.
        field: &'static str,
        /// The value given.
        value: u64,
        /// The least value allowed.
        least: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// No such time zone.
    UnknownTimeZone {
        /// The window's name.
        window: String,
        /// The time zone given.
        time_zone: String,
    },
}

impl LimiterError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_policy",
            Self::WindowCount { .. } => "window_count",
            Self::BadName { .. } => "bad_window_name",
            Self::DuplicateName { .. } => "duplicate_window_name",
            Self::OutOfRange { .. } => "out_of_range",
            Self::UnknownTimeZone { .. } => "unknown_time_zone",
        }
    }

    /// Every word [`LimiterError::code`] can give.
    pub const CODES: [&'static str; 6] = [
        "malformed_policy",
        "window_count",
        "bad_window_name",
        "duplicate_window_name",
        "out_of_range",
        "unknown_time_zone",
    ];
}

impl fmt::Display for LimiterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { detail } => write!(f, "not a limiter policy: {detail}"),
            Self::WindowCount { count } => write!(f, "a limiter has 1 to {MAX_WINDOWS} windows, got {count}"),
            Self::BadName { window } => {
                write!(f, "the name of window {window} must be 1 to {MAX_NAME} of a-z, 0-9, _ and -")
            }
            Self::DuplicateName { name } => write!(f, "two windows are named {name}"),
            Self::OutOfRange { window, field, value, least, most } => {
                write!(f, "{field} of window {window} must be {least} to {most}, got {value}")
            }
            Self::UnknownTimeZone { window, time_zone } => {
                write!(f, "time zone of window {window} must be a name of the IANA database, got {time_zone:?}")
            }
        }
    }
}

impl core::error::Error for LimiterError {}

/// Checks everything about a policy but its time zones, which are looked up when it is compiled.
pub(super) fn check(windows: &[Window]) -> Result<(), LimiterError> {
    if windows.is_empty() || windows.len() > MAX_WINDOWS {
        return Err(LimiterError::WindowCount { count: windows.len() });
    }
    let mut names: Vec<&str> = Vec::with_capacity(windows.len());
    for (index, window) in windows.iter().enumerate() {
        let name = window.name();
        if !is_name(name) {
            return Err(LimiterError::BadName { window: index });
        }
        if names.contains(&name) {
            return Err(LimiterError::DuplicateName { name: name.to_string() });
        }
        names.push(name);
        check_numbers(window)?;
    }
    Ok(())
}

fn check_numbers(window: &Window) -> Result<(), LimiterError> {
    let within = |field: &'static str, value: u64, most: u64| {
        if (1..=most).contains(&value) {
            return Ok(());
        }
        Err(LimiterError::OutOfRange { window: window.name().to_string(), field, value, least: 1, most })
    };
    match window {
        Window::Sliding { limit, period_ms, .. } => {
            within("limit", u64::from(*limit), MAX_LIMIT)?;
            within("period_ms", *period_ms, MAX_PERIOD_MS)
        }
        Window::Calendar { limit, .. } => within("limit", u64::from(*limit), MAX_LIMIT),
        Window::Pace { interval_ms, burst, .. } => {
            within("interval_ms", *interval_ms, MAX_PERIOD_MS)?;
            within("burst", u64::from(*burst), MAX_LIMIT)?;
            within("burst * interval_ms", u64::from(*burst).saturating_mul(*interval_ms), MAX_PERIOD_MS)
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// Eight windows cover second, minute, hour, day, month and year with two to spare, and keep a state near one row.
pub(super) const MAX_WINDOWS: usize = 8;

/// Long enough for `recipient-domain-group-per-day`; names stand in headers and answers.
const MAX_NAME: usize = 32;

/// The largest counter value marks a sub-bucket that was charged past every limit, so no limit may reach it.
const MAX_LIMIT: u64 = u32::MAX as u64 - 1;

/// Ten years of 366 days. With instants below 2^48 no sum of the arithmetic comes near 2^64.
const MAX_PERIOD_MS: u64 = 10 * 366 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Limiter;

    #[test]
    fn an_error_names_the_window_the_field_the_value_and_the_bounds() {
        let policy = r#"{"windows":[{"kind":"sliding","name":"minute","limit":0,"period_ms":60000}]}"#;
        let error = Limiter::from_json(policy).unwrap_err();
        assert_eq!(error.to_string(), "limit of window minute must be 1 to 4294967294, got 0");
        let policy = r#"{"windows":[{"kind":"pace","name":"pace","interval_ms":316224000000,"burst":2}]}"#;
        let error = Limiter::from_json(policy).unwrap_err();
        assert_eq!(error.to_string(), "burst * interval_ms of window pace must be 1 to 316224000000, got 632448000000");
        let policy = r#"{"windows":[{"kind":"calendar","name":"day","limit":1,"unit":"day","time_zone":"Mars"}]}"#;
        let error = Limiter::from_json(policy).unwrap_err();
        assert_eq!(error.to_string(), "time zone of window day must be a name of the IANA database, got \"Mars\"");
    }

    #[test]
    fn every_error_has_its_own_code_from_the_list() {
        let window = String::new();
        let errors = [
            LimiterError::Malformed { detail: String::new() },
            LimiterError::WindowCount { count: 0 },
            LimiterError::BadName { window: 0 },
            LimiterError::DuplicateName { name: String::new() },
            LimiterError::OutOfRange { window, field: "limit", value: 0, least: 1, most: 2 },
            LimiterError::UnknownTimeZone { window: String::new(), time_zone: String::new() },
        ];
        assert_eq!(errors.map(|error| error.code()), LimiterError::CODES);
    }

    #[test]
    fn a_policy_reads_as_it_is_written() {
        let policy = r#"{"kind":"calendar","name":"month","limit":5,"unit":"month","time_zone":"Europe/Rome"}"#;
        let window: Window = serde_json::from_str(policy).unwrap();
        assert_eq!((window.name(), window.limit()), ("month", 5));
        assert_eq!(serde_json::to_string(&window).unwrap(), policy);
    }
}
