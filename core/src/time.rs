//! Instants. The core never reads a clock: every instant is an argument.
//!
//! A clock that goes backwards is a normal input; what each decision does with it is stated where it decides.

use alloc::string::{String, ToString};
use core::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, at most [`UnixMillis::MAX`] (the end of the year 9999).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The largest instant there is: 9999-12-30T00:00:00Z.
    pub const MAX: Self = Self(MAX_MILLIS);

    /// An instant from milliseconds since 1970; anything past [`UnixMillis::MAX`] becomes it.
    #[must_use]
    pub const fn new(milliseconds: u64) -> Self {
        if milliseconds > MAX_MILLIS { Self(MAX_MILLIS) } else { Self(milliseconds) }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant as SQLite and JSON carry it.
    #[must_use]
    #[allow(clippy::cast_possible_wrap, reason = "MAX_MILLIS is far below i64::MAX")]
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }

    /// The instant `milliseconds` later, at most [`UnixMillis::MAX`].
    #[must_use]
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self::new(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this instant; 0 when `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole Unix seconds, rounded up: the first second that is not before this instant.
    #[must_use]
    pub const fn seconds_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// Reads an RFC 3339 instant with its offset, such as `2026-12-01T10:00:00Z`.
    ///
    /// Returns `None` for anything else, and for instants before 1970.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(instant.as_millisecond()).ok().map(Self::new)
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-12-01T10:00:00.000Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = match jiff::Timestamp::from_millisecond(self.as_i64()) {
            Ok(instant) => instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            Err(_) => return Err(fmt::Error),
        };
        f.write_str(&text)
    }
}

/// 9999-12-30T00:00:00Z: a day inside the range that jiff can print.
const MAX_MILLIS: u64 = 253_402_128_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rfc_3339_instant_reads_and_prints() {
        let instant = UnixMillis::parse_rfc3339("2026-12-01T12:00:00.250+02:00").unwrap();
        assert_eq!(instant.as_millis(), 1_796_119_200_250);
        assert_eq!(instant.to_string(), "2026-12-01T10:00:00.250Z");
        assert_eq!(UnixMillis::parse_rfc3339("2026-12-01 10:00"), None);
        assert_eq!(UnixMillis::parse_rfc3339("1969-12-31T23:59:59Z"), None);
    }

    #[test]
    fn the_last_instant_is_a_bound_and_prints() {
        assert_eq!(UnixMillis::new(u64::MAX), UnixMillis::MAX);
        assert_eq!(UnixMillis::MAX.plus(1), UnixMillis::MAX);
        assert_eq!(UnixMillis::MAX.to_string(), "9999-12-30T00:00:00.000Z");
    }

    #[test]
    fn seconds_round_up() {
        assert_eq!(UnixMillis::new(1_000).seconds_ceil(), 1);
        assert_eq!(UnixMillis::new(1_001).seconds_ceil(), 2);
    }
}
