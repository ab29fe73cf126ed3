//! Days, months and years as people in a time zone count them.
//!
//! A quota "per day" means a local calendar day: 23 or 25 hours long when the clock changes, and a month has the days
//! it has. The time zone database is compiled in, so every platform answers alike.
//!
//! Periods of one unit and zone follow each other without gap or overlap, and every instant lies in exactly one. A
//! period begins at the first instant of its first day (local midnight, or the end of the gap when a clock change
//! skips midnight). Where a change shortly after midnight repeats the last hour of the day before, the period that
//! has begun goes on: time is never given back.
//!
//! Out of scope: weeks, billing anniversaries, calendars other than the Gregorian one.

use crate::time::UnixMillis;
use alloc::string::{String, ToString};
use core::fmt;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// The length of a calendar period.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarUnit {
    /// A local day: 24 hours, or 23 or 25 when the clock changes.
    Day,
    /// A local month of 28 to 31 days.
    Month,
    /// A local year of 365 or 366 days.
    Year,
}

impl CalendarUnit {
    /// The stable word for it: `day`, `month` or `year`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A period of a calendar: from `start` until just before `end`.
///
/// The period that holds [`UnixMillis::MAX`] ends there, because no later instant exists; one that began before 1970
/// starts at 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// The first instant of the period.
    pub start: UnixMillis,
    /// The first instant after the period.
    pub end: UnixMillis,
}

/// A time zone of the IANA database, such as `Europe/Rome`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Finds a time zone by its IANA name; letter case does not matter.
    ///
    /// # Errors
    /// [`UnknownTimeZone`] when the compiled-in database has no zone of this name.
    ///
    /// # Example: how long is the day when the clock goes forward?
    /// ```
    /// use sendgate_core::{calendar::{CalendarUnit, Zone}, time::UnixMillis};
    ///
    /// let noon = UnixMillis::parse_rfc3339("2026-03-29T12:00:00+02:00").unwrap();
    /// let day = Zone::parse("Europe/Rome").unwrap().period(CalendarUnit::Day, noon);
    /// assert_eq!(day.end.since(day.start), 23 * 3_600_000);
    /// ```
    pub fn parse(name: &str) -> Result<Self, UnknownTimeZone> {
        let unknown = || UnknownTimeZone { name: name.to_string() };
        let rules = TimeZone::get(name).map_err(|_| unknown())?;
        let name = rules.iana_name().filter(|_| !rules.is_unknown()).ok_or_else(unknown)?.to_string();
        Ok(Self { name, rules })
    }

    /// The zone's name as the database spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The period of this unit that holds `now`. Total: there is an answer for every instant.
    #[must_use]
    pub fn period(&self, unit: CalendarUnit, now: UnixMillis) -> Period {
        let instant = now.as_i64();
        let Some(mut first) = self.local_date(instant).map(|day| first_day(unit, day)) else {
            return EVERYTHING;
        };
        let mut end = self.end(unit, first);
        // The local date can be the day before although the period has begun: a clock set back over midnight.
        while let Some(next) = following(unit, first).filter(|_| end <= instant) {
            first = next;
            end = self.end(unit, first);
        }
        let start = self.first_instant(first);
        if start > instant {
            // A gap around midnight (no zone has had one since 1970, a rule may bring one): the period before goes on.
            let before = preceding(unit, first).map_or(0, |day| self.first_instant(day));
            return Period { start: clamped(before), end: clamped(start) };
        }
        Period { start: clamped(start), end: clamped(end) }
    }

    fn local_date(&self, instant: i64) -> Option<Date> {
        let instant = Timestamp::from_millisecond(instant).ok()?;
        Some(self.rules.to_datetime(instant).date())
    }

    /// The first instant after the period that begins with `first`.
    fn end(&self, unit: CalendarUnit, first: Date) -> i64 {
        following(unit, first).map_or(i64::MAX, |next| self.first_instant(next))
    }

    /// Local midnight of `day`; the end of the gap where midnight is skipped, the first of two midnights.
    fn first_instant(&self, day: Date) -> i64 {
        match day.to_zoned(self.rules.clone()) {
            Ok(midnight) => midnight.timestamp().as_millisecond(),
            Err(_past_the_year_9999) => i64::MAX,
        }
    }
}

/// A name that is no time zone of the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownTimeZone {
    /// The name as given.
    pub name: String,
}

impl UnknownTimeZone {
    /// The stable word for this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "unknown_time_zone"
    }
}

impl fmt::Display for UnknownTimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time zone must be a name of the IANA database, got {:?}", self.name)
    }
}

impl core::error::Error for UnknownTimeZone {}

/// An instant within what [`UnixMillis`] can say.
fn clamped(instant: i64) -> UnixMillis {
    u64::try_from(instant).map_or_else(|_before_1970| UnixMillis::default(), UnixMillis::new)
}

fn first_day(unit: CalendarUnit, day: Date) -> Date {
    match unit {
        CalendarUnit::Day => day,
        CalendarUnit::Month => day.first_of_month(),
        CalendarUnit::Year => day.first_of_year(),
    }
}

fn following(unit: CalendarUnit, first: Date) -> Option<Date> {
    match unit {
        CalendarUnit::Day => first.tomorrow().ok(),
        CalendarUnit::Month => first.checked_add(1.month()).ok(),
        CalendarUnit::Year => first.checked_add(1.year()).ok(),
    }
}

fn preceding(unit: CalendarUnit, first: Date) -> Option<Date> {
    match unit {
        CalendarUnit::Day => first.yesterday().ok(),
        CalendarUnit::Month => first.checked_sub(1.month()).ok(),
        CalendarUnit::Year => first.checked_sub(1.year()).ok(),
    }
}

/// What remains when an instant has no local date, which no instant up to [`UnixMillis::MAX`] lacks.
const EVERYTHING: Period = Period { start: UnixMillis::new(0), end: UnixMillis::MAX };
