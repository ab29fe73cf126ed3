//! A pace: GCRA, with all its state in one u64, the window's body. Total and tip are 0.
//!
//! The body is the *theoretical arrival time*: the first instant at which nothing is owed any more. A charge of `c`
//! units moves it from `max(tat, now)` by `c * interval`; it fits while the result is at most `now + burst * interval`.
//!
//! A refund may take back only what no later charge has built on. The units charged at `s` end at `s + c * interval`
//! at the earliest, and no later charge came after `last`, so taking back `s + c * interval - last` (at least 0, at
//! most `c * interval`) is always safe: the result is never before the arrival time that the remaining charges alone
//! would have. It is exact when nothing was charged after `s`.

use super::{
    bytes::{put, u64_at},
    layout::Place,
    meter::{Clock, Seen},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    pub(super) burst: u32,
    interval_ms: u64,
    burst_ms: u64,
    place: Place,
}

impl Pace {
    pub(super) fn new(interval_ms: u64, burst: u32, place: Place) -> Self {
        Self { burst, interval_ms, burst_ms: u64::from(burst).saturating_mul(interval_ms), place }
    }

    pub(super) const fn body_length(&self) -> usize {
        8
    }

    /// Whether units fit at `at`.
    pub(super) fn fits(&self, cells: &[u8], cost: u32, at: u64) -> bool {
        self.after(cells, cost, at) <= at + self.burst_ms
    }

    /// Units that do not fit at `clock.now`, partly drained ones counted whole.
    pub(super) fn see(&self, cells: &[u8], clock: Clock) -> Seen {
        Seen { used: self.arrival(cells).saturating_sub(clock.now).div_ceil(self.interval_ms), from: 0, to: 0 }
    }

    /// The first instant at which all but `remaining` units have drained.
    pub(super) fn drained_to(&self, cells: &[u8], clock: Clock, remaining: u64) -> u64 {
        let owed = remaining.saturating_mul(self.interval_ms);
        self.arrival(cells).saturating_sub(owed).max(clock.now)
    }

    pub(super) fn charge(&self, cells: &mut [u8], cost: u32, at: u64) {
        let next = self.after(cells, cost, at);
        self.put_arrival(cells, next);
    }

    /// Takes back units of a charge made at `charged_at`, at most `last`, as far as that is safe.
    pub(super) fn refund(&self, cells: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let arrival = self.arrival(cells);
        // u64::MAX marks a pace that was charged past counting.
        if arrival <= last || arrival == u64::MAX {
            return;
        }
        let span = u64::from(cost).saturating_mul(self.interval_ms);
        let back = span.saturating_sub(last - charged_at);
        let remaining = arrival.saturating_sub(back).max(last);
        self.put_arrival(cells, remaining);
    }

    /// Any arrival time can be.
    pub(super) fn is_sound(&self, cells: &[u8]) -> bool {
        self.place.total(cells) == 0 && self.place.tip(cells) == 0
    }

    fn after(&self, cells: &[u8], cost: u32, at: u64) -> u64 {
        self.arrival(cells).max(at).saturating_add(u64::from(cost).saturating_mul(self.interval_ms))
    }

    fn arrival(&self, cells: &[u8]) -> u64 {
        u64_at(cells, self.place.body)
    }

    fn put_arrival(&self, cells: &mut [u8], arrival: u64) {
        put(cells, self.place.body, arrival.to_le_bytes());
    }
}
