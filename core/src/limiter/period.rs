//! A calendar window: a count, and the end of the period it belongs to.
//!
//! Bytes: the count is the window's total and its tip; the body is the period's end (u64), kept so that the time zone is
//! asked once a period. The largest count is *past counting*: full until the period ends, and takes no refund.

use super::{
    bytes::{put, u64_at},
    layout::Counts,
    meter::{Clock, Seen, edge_within},
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
    /// Where the period's end stands among the bodies.
    body: usize,
}

impl Tally {
    pub(super) fn new(limit: u32, unit: CalendarUnit, zone: Zone, body: usize) -> Self {
        Self { limit, unit, zone, body }
    }

    pub(super) const fn body_length(&self) -> usize {
        8
    }

    /// Units in use at `clock.now`, with the end of the period that holds it.
    ///
    /// A count stays valid where the period of `now` overlaps the stored one: after a change of the time zone's rules,
    /// and at the end of time, where a period is empty.
    #[inline(always)]
    pub(super) fn see(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Seen {
        let end = self.end(bodies);
        let used = u64::from(counts.total);
        if clock.now < end { Seen { used, from: end, to: end, counts } } else { self.see_next(counts, end, clock) }
    }

    /// As [`Tally::see`], at or after the end of the stored period.
    #[cold]
    fn see_next(&self, counts: Counts, end: u64, clock: Clock) -> Seen {
        let period = self.zone.period(self.unit, UnixMillis::new(clock.now));
        let (start, next_end) = (period.start.as_millis(), period.end.as_millis());
        // Only the last instant begins a period that ends where it begins.
        let same_end_of_time = start == end && clock.last == start;
        let used = if start < end || same_end_of_time { u64::from(counts.total) } else { 0 };
        Seen { used, from: end, to: next_end, counts }
    }

    /// Adds units; returns the counts and the end of the period.
    #[inline(always)]
    pub(super) fn charge(&self, bodies: &mut [u8], seen: Seen, cost: u32) -> (Counts, u64) {
        let count = u32::try_from(seen.used.saturating_add(u64::from(cost))).unwrap_or(u32::MAX);
        if seen.from != seen.to {
            put(bodies, self.body, seen.to.to_le_bytes());
        }
        let edge = edge_within(self.limit, count, seen.to);
        (Counts { total: count, tip: count }, edge)
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the count, if they are in it.
    pub(super) fn refund(&self, counts: Counts, last: u64, charged_at: u64, cost: u32) -> Counts {
        let start = self.zone.period(self.unit, UnixMillis::new(last)).start.as_millis();
        if charged_at < start || counts.total == u32::MAX {
            return counts;
        }
        let left = counts.total.saturating_sub(cost);
        Counts { total: left, tip: left }
    }

    /// The end of the stored period; none over the limit.
    pub(super) fn edge(&self, bodies: &[u8], counts: Counts) -> u64 {
        edge_within(self.limit, counts.total, self.end(bodies))
    }

    /// Whether the last charge lies before the period's end, and both counts agree.
    pub(super) fn is_sound(&self, bodies: &[u8], counts: Counts, last: u64) -> bool {
        let end = self.end(bodies);
        counts.tip == counts.total && last <= end && end <= UnixMillis::MAX.as_millis()
    }

    /// The end of the period that goes on when the clock is set back from `clock.last`, in the period that ends at `end`, to
    /// `clock.now`. Over one border the later period goes on: its count must not end with the one before it, which
    /// is about to begin again. Further back the clock is taken at its word.
    pub(super) fn end_when_set_back(&self, end: u64, clock: Clock) -> u64 {
        let start = self.zone.period(self.unit, UnixMillis::new(clock.last)).start.as_millis();
        let earlier = self.zone.period(self.unit, UnixMillis::new(clock.now)).end.as_millis();
        if earlier >= start { end.max(earlier) } else { earlier }
    }

    /// The end of the stored period.
    #[inline(always)]
    pub(super) fn end(&self, bodies: &[u8]) -> u64 {
        u64_at(bodies, self.body)
    }
}
