//! The rates at which a receiver loses patience (document 001, R130 to R134; C02).
//!
//! A rate is a fraction of two counts. It is compared by multiplying, so a rate of exactly 0.3 % is at the line whatever
//! the counts are, and no mail sent means no rate.
//!
//! Out of scope: over which window the counts are taken, and what a host does at each line.

use super::{
    CatalogError, Provenance, entry,
    error::{malformed, unknown, within},
    names, provenance,
};
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// The lines of one rate, in thousandths; a line that is absent is never reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lines {
    /// Which rate: `complaint` or `bounce`.
    pub name: String,
    /// Where the lines come from.
    pub provenance: Provenance,
    lines: Permille,
}

/// How bad a rate is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Below every line.
    Ok,
    /// At the first line: growth stops.
    Warn,
    /// At the second: mail that can wait is slowed.
    Throttle,
    /// At the last: mail that can wait stops.
    Pause,
}

impl Lines {
    /// The lines of this name.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest known name.
    ///
    /// # Example: is one complaint in a thousand too many?
    /// ```
    /// use sendgate_core::catalog::{Lines, Severity};
    ///
    /// let complaints = Lines::named("complaint").unwrap();
    /// assert_eq!(complaints.severity(1, 1_001), Severity::Ok);
    /// assert_eq!(complaints.severity(1, 1_000), Severity::Warn);
    /// ```
    pub fn named(name: &str) -> Result<Self, CatalogError> {
        match entry(FILE, "reputation", name)? {
            Some(text) => Self::parse(name, text),
            None => Err(unknown("rate", name, &Self::names()?)),
        }
    }

    /// The names of the rates.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong; a test makes sure that it is not.
    pub fn names() -> Result<Vec<&'static str>, CatalogError> {
        names(FILE, "reputation")
    }

    /// Reads lines that a deployment writes itself, in the form of the embedded ones.
    ///
    /// # Errors
    /// A line of 0 or above 1,000 thousandths, or one below the line before it; by its path.
    pub fn parse(name: &str, text: &str) -> Result<Self, CatalogError> {
        let at = format!("reputation.{name}");
        let entry: Entry = serde_json::from_str(text).map_err(|error| malformed(&at, &error))?;
        let lines = entry.permille;
        let mut least = 1;
        for (field, line) in [("warn", lines.warn), ("throttle", lines.throttle), ("pause", lines.pause)] {
            if let Some(line) = line {
                least = within(&format!("{at}.permille.{field}"), line, least, 1_000)?;
            }
        }
        Ok(Self { name: name.into(), provenance: provenance(&at, &entry.as_of, &entry.source)?, lines })
    }

    /// How bad so many events of so many messages are; a rate of exactly a line is at it.
    #[must_use]
    pub fn severity(&self, events: u64, messages: u64) -> Severity {
        let reaches = |line: Option<u64>| {
            messages > 0
                && line.is_some_and(|line| u128::from(events) * 1_000 >= u128::from(messages) * u128::from(line))
        };
        if reaches(self.lines.pause) {
            Severity::Pause
        } else if reaches(self.lines.throttle) {
            Severity::Throttle
        } else if reaches(self.lines.warn) {
            Severity::Warn
        } else {
            Severity::Ok
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    as_of: String,
    source: String,
    permille: Permille,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Permille {
    warn: Option<u64>,
    throttle: Option<u64>,
    pause: Option<u64>,
}

const FILE: &str = include_str!("../../data/reputation.json");

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// C02: 0.1 % warns, 0.3 % throttles, 0.5 % pauses; one complaint fewer does not. R130, R131: 5.0 % and 10.0 %.
    #[test]
    fn a_rate_of_exactly_a_line_is_at_it_and_one_event_fewer_is_not() {
        let complaint = Lines::named("complaint").unwrap();
        let of = |events| complaint.severity(events, 100_000);
        assert_eq!([99, 100, 299].map(of), [Severity::Ok, Severity::Warn, Severity::Warn]);
        assert_eq!([300, 499, 500].map(of), [Severity::Throttle, Severity::Throttle, Severity::Pause]);
        let bounce = Lines::named("bounce").unwrap();
        let of = |events| bounce.severity(events, 1_000);
        assert_eq!([49, 50, 99, 100].map(of), [Severity::Ok, Severity::Warn, Severity::Warn, Severity::Pause]);
        assert_eq!((bounce.severity(7, 0), bounce.severity(0, 7)), (Severity::Ok, Severity::Ok));
        assert_eq!(complaint.severity(u64::MAX, u64::MAX), Severity::Pause);
    }

    #[test]
    fn lines_that_fall_are_refused_by_their_field() {
        let own = r#"{"as_of":"2026-01-01","source":"document 9","permille":{"warn":5,"throttle":4}}"#;
        let error = Lines::parse("own", own).unwrap_err().to_string();
        assert_eq!(error, "reputation.own.permille.throttle: must be 5 to 1000, got 4");
        for name in Lines::names().unwrap() {
            assert!(Lines::named(name).is_ok(), "{name}");
        }
    }
}
