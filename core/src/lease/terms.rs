//! The terms of a lessor: how long, how much, how many.

use crate::{
    calendar::UnknownTimeZone,
    limiter::{Limiter, Window},
};
use alloc::string::{String, ToString};
use core::fmt;
use serde::Deserialize;

/// How a [`super::Lessor`] grants.
///
/// A grant is at most `(limit - used - outstanding) / (2 * holders)` of the tightest window, so that one holder's ask
/// leaves room for the others', but not less than `least_units` while there are any: a round trip for a single unit is
/// no better than no lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// How long a lease lives, in milliseconds, 500 to 3,600,000. It is cut to an eighth of the shortest sliding
    /// period, and before the end of a calendar period.
    pub ttl_ms: u64,
    /// How many holders are expected to ask, 1 to 1,000,000.
    pub holders: u32,
    /// Units that are worth a round trip, at least 1.
    pub least_units: u32,
    /// How many leases may be outstanding, 1 to 65,536. One more ask is denied until one of them settles.
    pub most_leases: u32,
}

impl Default for Terms {
    /// 5 seconds for 8 holders, from 16 units on, 1,024 leases: a window of a minute loses little to a lease of 5
    /// seconds, and 16 units make 0.06 round trips a unit.
    fn default() -> Self {
        Self { ttl_ms: 5_000, holders: 8, least_units: 16, most_leases: 1_024 }
    }
}

/// Windows that cannot be leased, or terms that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TermsError {
    /// A pace spaces units in time; a lease would let them leave together.
    PaceWindow {
        /// Its name.
        window: String,
    },
    /// A sliding window whose eighth is shorter than the shortest lease.
    PeriodTooShort {
        /// Its name.
        window: String,
        /// Its period.
        period_ms: u64,
        /// The shortest period that can be leased.
        least_ms: u64,
    },
    /// A number outside its bounds.
    OutOfRange {
        /// Which: `ttl_ms`, `holders`, `least_units` or `most_leases`.
        field: &'static str,
        /// The value given.
        value: u64,
        /// The least value allowed.
        least: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// A calendar window in a time zone that does not exist.
    UnknownTimeZone(UnknownTimeZone),
}

impl TermsError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PaceWindow { .. } => "pace_window",
            Self::PeriodTooShort { .. } => "period_too_short",
            Self::OutOfRange { .. } => "out_of_range",
            Self::UnknownTimeZone(unknown) => unknown.code(),
        }
    }

    /// Every word [`TermsError::code`] can give.
    pub const CODES: [&'static str; 4] = ["pace_window", "period_too_short", "out_of_range", "unknown_time_zone"];
}

impl fmt::Display for TermsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaceWindow { window } => write!(f, "window {window} is a pace, and a pace cannot be leased"),
            Self::PeriodTooShort { window, period_ms, least_ms } => {
                write!(f, "period_ms of leased window {window} must be at least {least_ms}, got {period_ms}")
            }
            Self::OutOfRange { field, value, least, most } => {
                write!(f, "{field} must be {least} to {most}, got {value}")
            }
            Self::UnknownTimeZone(unknown) => unknown.fmt(f),
        }
    }
}

impl core::error::Error for TermsError {}

impl Terms {
    /// Checks these terms for this limiter's windows; returns the time to live that all of them allow.
    pub(super) fn check(&self, limiter: &Limiter) -> Result<u64, TermsError> {
        within("ttl_ms", self.ttl_ms, LEAST_TTL_MS, MOST_TTL_MS)?;
        within("holders", u64::from(self.holders), 1, MOST_HOLDERS)?;
        within("least_units", u64::from(self.least_units), 1, u64::from(u32::MAX))?;
        within("most_leases", u64::from(self.most_leases), 1, MOST_LEASES)?;
        let mut ttl_ms = self.ttl_ms;
        for window in limiter.windows() {
            match window {
                Window::Sliding { name, period_ms, .. } => {
                    let least_ms = PERIOD_IN_TTLS * LEAST_TTL_MS;
                    if *period_ms < least_ms {
                        let (window, period_ms) = (name.to_string(), *period_ms);
                        return Err(TermsError::PeriodTooShort { window, period_ms, least_ms });
                    }
                    ttl_ms = ttl_ms.min(period_ms / PERIOD_IN_TTLS);
                }
                Window::Calendar { .. } => {}
                Window::Pace { name, .. } => return Err(TermsError::PaceWindow { window: name.to_string() }),
            }
        }
        Ok(ttl_ms)
    }
}

fn within(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), TermsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(TermsError::OutOfRange { field, value, least, most })
}

/// Two slow round trips (250 ms each): a shorter lease is over about when it arrives.
pub(super) const LEAST_TTL_MS: u64 = 500;

/// An hour: what a crashed holder can keep from the others.
const MOST_TTL_MS: u64 = 3_600_000;

/// A unit counts up to a time to live too long. At an eighth of the period that costs an eighth at worst; at a fifteenth
/// it is no more than a sub-bucket of the window itself.
const PERIOD_IN_TTLS: u64 = 8;

const MOST_HOLDERS: u64 = 1_000_000;

/// At 20 bytes a lease the state stays under 1.4 MB, below the 2 MB that a value may have in a Durable Object's SQLite.
pub(super) const MOST_LEASES: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Lessor;

    fn limiter(windows: &str) -> Limiter {
        Limiter::from_json(&alloc::format!(r#"{{"windows":[{windows}]}}"#)).unwrap()
    }

    const MINUTE: &str = r#"{"kind":"sliding","name":"minute","limit":500,"period_ms":60000}"#;

    #[test]
    fn a_pace_cannot_be_leased() {
        let pace = alloc::format!(r#"{MINUTE},{{"kind":"pace","name":"slow","interval_ms":100,"burst":5}}"#);
        let error = Lessor::new(limiter(&pace), Terms::default()).unwrap_err();
        assert_eq!(error.to_string(), "window slow is a pace, and a pace cannot be leased");
    }

    #[test]
    fn a_window_under_four_seconds_cannot_be_leased_and_one_of_four_can() {
        let window =
            |ms: u64| limiter(&alloc::format!(r#"{{"kind":"sliding","name":"short","limit":500,"period_ms":{ms}}}"#));
        let error = Lessor::new(window(3_999), Terms::default()).unwrap_err();
        assert_eq!(error.to_string(), "period_ms of leased window short must be at least 4000, got 3999");
        assert_eq!(Lessor::new(window(4_000), Terms::default()).unwrap().ttl_ms(), 500);
    }

    #[test]
    fn the_shortest_period_cuts_the_time_to_live_to_its_eighth() {
        let both = alloc::format!(r#"{MINUTE},{{"kind":"sliding","name":"ten","limit":100,"period_ms":10000}}"#);
        assert_eq!(Lessor::new(limiter(&both), Terms::default()).unwrap().ttl_ms(), 1_250);
        let long = Terms { ttl_ms: 20_000, ..Terms::default() };
        assert_eq!(Lessor::new(limiter(MINUTE), long).unwrap().ttl_ms(), 7_500);
        assert_eq!(Lessor::new(limiter(MINUTE), Terms::default()).unwrap().ttl_ms(), 5_000);
    }

    #[test]
    fn terms_outside_their_bounds_name_the_field_the_value_and_the_bounds() {
        let refused = |terms| Lessor::new(limiter(MINUTE), terms).unwrap_err().to_string();
        let terms = Terms::default();
        assert_eq!(refused(Terms { ttl_ms: 499, ..terms }), "ttl_ms must be 500 to 3600000, got 499");
        assert_eq!(refused(Terms { ttl_ms: 3_600_001, ..terms }), "ttl_ms must be 500 to 3600000, got 3600001");
        assert_eq!(refused(Terms { holders: 0, ..terms }), "holders must be 1 to 1000000, got 0");
        assert_eq!(refused(Terms { least_units: 0, ..terms }), "least_units must be 1 to 4294967295, got 0");
        assert_eq!(refused(Terms { most_leases: 65_537, ..terms }), "most_leases must be 1 to 65536, got 65537");
    }

    #[test]
    fn terms_are_read_with_defaults_and_without_unknown_fields() {
        let terms: Terms = serde_json::from_str(r#"{"ttl_ms":2000}"#).unwrap();
        assert_eq!(terms, Terms { ttl_ms: 2_000, ..Terms::default() });
        assert!(serde_json::from_str::<Terms>(r#"{"ttl":2000}"#).is_err());
    }

    #[test]
    fn every_error_has_its_own_code_from_the_list() {
        let window = String::new();
        let errors = [
            TermsError::PaceWindow { window: window.clone() },
            TermsError::PeriodTooShort { window, period_ms: 1, least_ms: 2 },
            TermsError::OutOfRange { field: "holders", value: 0, least: 1, most: 2 },
            TermsError::UnknownTimeZone(UnknownTimeZone { name: String::new() }),
        ];
        assert_eq!(errors.map(|error| error.code()), TermsError::CODES);
    }
}
