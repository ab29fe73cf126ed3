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
    layout::Counts,
    meter::{Clock, Seen},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    pub(super) burst: u32,
    interval_ms: u64,
    burst_ms: u64,
    /// Where the arrival time stands among the bodies.
    body: usize,
}

impl Pace {
    pub(super) fn new(interval_ms: u64, burst: u32, body: usize) -> Self {
        Self { burst, interval_ms, burst_ms: u64::from(burst).saturating_mul(interval_ms), body }
    }

    pub(super) const fn body_length(&self) -> usize {
        8
    }

    /// Whether units fit at `at`.
    pub(super) fn fits(&self, bodies: &[u8], cost: u32, at: u64) -> bool {
        self.after(bodies, cost, at) <= at + self.burst_ms
    }

    /// Units that do not fit at `clock.now`, partly drained ones counted whole.
    pub(super) fn see(&self, bodies: &[u8], clock: Clock) -> Seen {
        let used = self.arrival(bodies).saturating_sub(clock.now).div_ceil(self.interval_ms);
        Seen { used, from: self.arrival(bodies), ..Seen::default() }
    }

    /// The first instant at which all but `remaining` units have drained.
    pub(super) fn drained_to(&self, bodies: &[u8], clock: Clock, remaining: u64) -> u64 {
        let owed = remaining.saturating_mul(self.interval_ms);
        self.arrival(bodies).saturating_sub(owed).max(clock.now)
    }

    /// Takes up what was owed before the clock was set back.
    pub(super) fn owe(&self, bodies: &mut [u8], owed_ms: u64, at: u64) {
        if owed_ms > 0 {
            self.put_arrival(bodies, at.saturating_add(owed_ms));
        }
    }

    pub(super) fn charge(&self, bodies: &mut [u8], cost: u32, at: u64) {
        let next = self.after(bodies, cost, at);
        self.put_arrival(bodies, next);
    }

    /// Takes back units of a charge made at `charged_at`, at most `last`, as far as that is safe.
    pub(super) fn refund(&self, bodies: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let arrival = self.arrival(bodies);
        // u64::MAX marks a pace that was charged past counting.
        if arrival <= last || arrival == u64::MAX {
            return;
        }
        let span = u64::from(cost).saturating_mul(self.interval_ms);
        let back = span.saturating_sub(last - charged_at);
        let remaining = arrival.saturating_sub(back).max(last);
        self.put_arrival(bodies, remaining);
    }

    /// Any arrival time can be.
    pub(super) fn is_sound(counts: Counts) -> bool {
        counts == Counts::default()
    }

    fn after(&self, bodies: &[u8], cost: u32, at: u64) -> u64 {
        self.arrival(bodies).max(at).saturating_add(u64::from(cost).saturating_mul(self.interval_ms))
    }

    fn arrival(&self, bodies: &[u8]) -> u64 {
        u64_at(bodies, self.body)
    }

    fn put_arrival(&self, bodies: &mut [u8], arrival: u64) {
        put(bodies, self.body, arrival.to_le_bytes());
    }
}
