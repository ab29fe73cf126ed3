//! A calendar window: a count, and the end of the period it belongs to.
//!
//! Bytes: the count is the window's total; the body is the period's end (u64), kept so that the time zone is asked once
//! a period. The tip is 0. The largest count is *past counting*: full until the period ends, and takes no refund.

use super::{
    bytes::{put, u64_at},
    layout::Place,
    meter::{Clock, Seen},
};
use crate::{
    calendar::{CalendarUnit, Zone},
    time::UnixMillis,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    pub(super) limit: u32,
    pub(super) unit: CalendarUnit,
    pub(super) zone: Zone,
    place: Place,
}

impl Tally {
    pub(super) fn new(limit: u32, unit: CalendarUnit, zone: Zone, place: Place) -> Self {
        Self { limit, unit, zone, place }
    }

    pub(super) const fn body_length(&self) -> usize {
        8
    }

    /// Units in use at `clock.now`, with the end of the period that holds it.
    ///
    /// A count stays valid where the period of `now` overlaps the stored one: after a change of the time zone's rules,
    /// and at the end of time, where a period is empty.
    #[inline]
    pub(super) fn see(&self, cells: &[u8], clock: Clock) -> Seen {
        let (used, end) = (u64::from(self.place.total(cells)), self.edge(cells));
        if clock.now < end {
            return Seen { used, from: end, to: end };
        }
        let period = self.zone.period(self.unit, UnixMillis::new(clock.now));
        let (start, next_end) = (period.start.as_millis(), period.end.as_millis());
        // Only the last instant begins a period that ends where it begins.
        let same_end_of_time = start == end && clock.last == start;
        let used = if start < end || same_end_of_time { used } else { 0 };
        Seen { used, from: end, to: next_end }
    }

    /// Adds units; returns the end of the period.
    pub(super) fn charge(&self, cells: &mut [u8], seen: Seen, cost: u32) -> u64 {
        let count = seen.used.saturating_add(u64::from(cost));
        self.place.put_total(cells, u32::try_from(count).unwrap_or(u32::MAX));
        if seen.from != seen.to {
            put(cells, self.place.body, seen.to.to_le_bytes());
        }
        seen.to
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the count, if they are in it.
    pub(super) fn refund(&self, cells: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let counted = self.place.total(cells);
        let start = self.zone.period(self.unit, UnixMillis::new(last)).start.as_millis();
        if charged_at < start || counted == u32::MAX {
            return;
        }
        self.place.put_total(cells, counted.saturating_sub(cost));
    }

    pub(super) fn edge(&self, cells: &[u8]) -> u64 {
        u64_at(cells, self.place.body)
    }

    /// Whether the last charge lies before the period's end.
    pub(super) fn is_sound(&self, cells: &[u8], last: u64) -> bool {
        let end = self.edge(cells);
        self.place.tip(cells) == 0 && last <= end && end <= UnixMillis::MAX.as_millis()
    }
}
