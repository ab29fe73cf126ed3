//! Units on hold, as they are stored with their message.

use crate::{calendar::CalendarUnit, time::UnixMillis};
use alloc::string::String;
use core::fmt;

/// Units taken from the quotas, to be committed or released later. Plain data: store it with the message, as
/// [`Reservation::to_string`](alloc::string::ToString::to_string) writes it and [`Reservation::parse`] reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// How many units.
    pub units: u64,
    /// When they were taken.
    pub reserved_at: UnixMillis,
    /// Which quotas they were taken from, a bit for each period.
    pub(super) periods: u8,
}

impl Reservation {
    /// Reads what a reservation prints: `2:1796119200000:dm`.
    ///
    /// Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (units, at, letters) = (parts.next()?, parts.next()?, parts.next()?);
        let mut periods = 0;
        for letter in letters.chars() {
            periods |= PERIODS.iter().find(|(_, written)| *written == letter).map(|(period, _)| bit(*period))?;
        }
        let reservation = Self { units: units.parse().ok()?, reserved_at: UnixMillis::new(at.parse().ok()?), periods };
        (alloc::format!("{reservation}") == text).then_some(reservation)
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = PERIODS.iter().filter(|(period, _)| self.periods & bit(*period) != 0);
        let letters: String = taken.map(|(_, letter)| letter).collect();
        write!(f, "{}:{}:{letters}", self.units, self.reserved_at.as_millis())
    }
}

/// The bit of a period in a reservation, and its number in the ledger's bytes.
pub(super) const fn bit(period: CalendarUnit) -> u8 {
    match period {
        CalendarUnit::Day => 1,
        CalendarUnit::Month => 2,
        CalendarUnit::Year => 4,
    }
}

/// The letters that stand for the periods in a printed reservation.
pub(super) const PERIODS: [(CalendarUnit, char); 3] =
    [(CalendarUnit::Day, 'd'), (CalendarUnit::Month, 'm'), (CalendarUnit::Year, 'y')];
