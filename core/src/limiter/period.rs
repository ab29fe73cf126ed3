//! A calendar window: a count, and the bounds of the period it belongs to.
//!
//! Bytes: the count is the window's head; the body is the period's start and end (u64 each), kept so that the
//! time zone is asked once a period. The tip is 0.

use super::{
    bytes::{put, u64_at},
    meter::Clock,
    place::Place,
};
use crate::{
    calendar::{CalendarUnit, Zone},
    time::UnixMillis,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    pub(super) limit: u64,
    pub(super) unit: CalendarUnit,
    pub(super) zone: Zone,
    place: Place,
}

/// A period as the state sees it at an instant.
#[derive(Clone, Copy)]
struct Now {
    start: u64,
    end: u64,
    count: u64,
}

impl Tally {
    pub(super) fn new(limit: u32, unit: CalendarUnit, zone: Zone, place: Place) -> Self {
        Self { limit: u64::from(limit), unit, zone, place }
    }

    pub(super) fn body_length(&self) -> usize {
        2 * BOUND
    }

    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        if clock.current { self.place.head(bytes) } else { self.at(bytes, clock.now).count }
    }

    /// The first instant at which the units in use at `clock.now` have drained.
    pub(super) fn drained_at(&self, bytes: &[u8], clock: Clock) -> u64 {
        self.at(bytes, clock.now).end
    }

    /// Adds units at `clock.now`; returns the end of the period if it is another than before.
    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, cost: u32) -> u64 {
        let period = self.at(bytes, clock.now);
        let count = period.count.saturating_add(u64::from(cost)).min(MOST_COUNTED);
        self.place.put_head(bytes, count);
        if clock.current {
            return u64::MAX;
        }
        put(bytes, self.place.body, period.start.to_le_bytes());
        put(bytes, self.place.body + BOUND, period.end.to_le_bytes());
        period.end
    }

    /// Takes units of a charge made at `charged_at` out of the count, if they are in it.
    pub(super) fn refund(&self, bytes: &mut [u8], charged_at: u64, cost: u32) {
        let counted = self.place.head(bytes);
        if charged_at < u64_at(bytes, self.place.body) || counted >= MOST_COUNTED {
            return;
        }
        self.place.put_head(bytes, counted.saturating_sub(u64::from(cost)));
    }

    pub(super) fn edge(&self, bytes: &[u8]) -> u64 {
        u64_at(bytes, self.place.body + BOUND)
    }

    /// Whether the bounds are in order and the last charge lies within them.
    pub(super) fn is_sound(&self, bytes: &[u8], last: u64) -> bool {
        let (start, end) = (u64_at(bytes, self.place.body), self.edge(bytes));
        self.place.tip(bytes) == 0
            && self.place.head(bytes) <= MOST_COUNTED
            && start <= last
            && last <= end
            && end <= UnixMillis::MAX.as_millis()
    }

    /// The period that holds `now`, with the count that is still valid in it.
    ///
    /// A count stays valid where the new period overlaps the stored one: after a change of the time zone's rules, and
    /// at the end of time, where a period is empty.
    fn at(&self, bytes: &[u8], now: u64) -> Now {
        let (start, end) = (u64_at(bytes, self.place.body), self.edge(bytes));
        let count = self.place.head(bytes);
        if now < end {
            return Now { start, end, count };
        }
        let period = self.zone.period(self.unit, UnixMillis::new(now));
        let (next_start, next_end) = (period.start.as_millis(), period.end.as_millis());
        if next_start < end || next_start == start {
            return Now { start: start.min(next_start), end: next_end, count };
        }
        Now { start: next_start, end: next_end, count: 0 }
    }
}

/// Bytes of a bound.
const BOUND: usize = 8;

/// The largest count marks a period that was charged past counting: full until it ends, and takes no refund.
const MOST_COUNTED: u64 = u32::MAX as u64;
