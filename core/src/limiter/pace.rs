//! A pace: GCRA, with all its state in one u64, the window's head. The tip is 0.
//!
//! The head is the *theoretical arrival time*: the first instant at which nothing is owed any more. A charge of `c`
//! units moves it from `max(tat, now)` by `c * interval`; it fits while the result is at most `now + burst * interval`.
//!
//! A refund may take back only what no later charge has built on. The units charged at `s` end at `s + c * interval`
//! at the earliest, and no later charge came after `last`, so taking back `s + c * interval - last` (at least 0, at
//! most `c * interval`) is always safe: the result is never before the arrival time that the remaining charges alone
//! would have. It is exact when nothing was charged after `s`.

use super::{meter::Clock, place::Place};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    pub(super) burst: u64,
    pub(super) interval_ms: u64,
    place: Place,
}

impl Pace {
    pub(super) fn new(interval_ms: u64, burst: u32, place: Place) -> Self {
        Self { burst: u64::from(burst), interval_ms, place }
    }

    /// Units that do not fit at `clock.now`, partly drained ones counted whole.
    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        self.place.head(bytes).saturating_sub(clock.now).div_ceil(self.interval_ms)
    }

    /// The first instant at which all but `remaining` units have drained.
    pub(super) fn drained_to(&self, bytes: &[u8], clock: Clock, remaining: u64) -> u64 {
        let owed = remaining.saturating_mul(self.interval_ms);
        self.place.head(bytes).saturating_sub(owed).max(clock.now)
    }

    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, cost: u32) {
        let arrival = self.place.head(bytes).max(clock.now);
        let next = arrival.saturating_add(u64::from(cost).saturating_mul(self.interval_ms));
        self.place.put_head(bytes, next);
    }

    /// Takes back units of a charge made at `charged_at`, at most `last`, as far as that is safe.
    pub(super) fn refund(&self, bytes: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let arrival = self.place.head(bytes);
        // u64::MAX marks a pace that was charged past counting.
        if arrival <= last || arrival == u64::MAX {
            return;
        }
        let span = u64::from(cost).saturating_mul(self.interval_ms);
        let back = span.saturating_sub(last - charged_at);
        let remaining = arrival.saturating_sub(back).max(last);
        self.place.put_head(bytes, remaining);
    }

    /// Any arrival time can be.
    pub(super) fn is_sound(&self, bytes: &[u8]) -> bool {
        self.place.tip(bytes) == 0
    }
}
