//! The verbs of a [`Limiter`] on a state's cells: what [`State`](super::State) and a table of keys share.

use super::{
    Decision, Limiter, State, Usage,
    lanes::Short,
    layout,
    meter::{Clock, Seen, narrow},
    window::MAX_WINDOWS,
};
use crate::time::UnixMillis;
use alloc::{borrow::Cow, vec::Vec};

/// Every window at an instant.
type Sight = [Seen; MAX_WINDOWS];

impl Limiter {
    #[inline]
    pub(super) fn decide_in(&self, cells: &mut [u8], cost: u32, now: u64) -> Decision {
        match self.lanes.admit(cells, cost, now) {
            Short::Charged(at) => Decision::Allow { charged_at: UnixMillis::new(at) },
            Short::Full | Short::Unclear => self.decide_at_length(cells, cost, now),
        }
    }

    #[inline]
    pub(super) fn admit_in(&self, cells: &mut [u8], cost: u32, now: u64) -> Option<UnixMillis> {
        match self.lanes.admit(cells, cost, now) {
            Short::Charged(at) => Some(UnixMillis::new(at)),
            Short::Full => None,
            Short::Unclear => self.admit_at_length(cells, cost, now).ok().map(UnixMillis::new),
        }
    }

    pub(super) fn peek_in(&self, cells: &[u8], cost: u32, now: u64) -> Decision {
        let clock = Clock::of(cells, now);
        let sight = self.see(cells, clock);
        if self.fits(&sight, cost) {
            return Decision::Allow { charged_at: UnixMillis::new(clock.now) };
        }
        self.denial(cells, clock, &sight, cost)
    }

    pub(super) fn free_in(&self, cells: &[u8], now: u64) -> u32 {
        let sight = self.see(cells, Clock::of(cells, now));
        let free = self.meters.iter().zip(&sight).map(|(meter, seen)| meter.limit().saturating_sub(seen.used));
        free.min().map_or(0, narrow)
    }

    pub(super) fn usage_in(&self, cells: &[u8], now: u64) -> Vec<Usage> {
        let clock = Clock::of(cells, now);
        self.meters.iter().map(|meter| meter.usage(cells, clock)).collect()
    }

    pub(super) fn charge_in(&self, cells: &mut [u8], cost: u32, now: u64) -> u64 {
        self.rebase_in(cells, now);
        let clock = Clock::of(cells, now);
        let sight = self.see(cells, clock);
        self.record(cells, clock, &sight, cost);
        clock.now
    }

    pub(super) fn refund_in(&self, cells: &mut [u8], cost: u32, charged_at: u64) {
        let last = layout::last(cells);
        if charged_at > last {
            return;
        }
        for meter in &self.meters {
            meter.refund(cells, last, charged_at, cost);
        }
        let edge = self.edge(cells, last);
        layout::put_edge(cells, edge);
    }

    pub(super) fn rebase_in(&self, cells: &mut [u8], now: u64) -> bool {
        let last = layout::last(cells);
        if last.saturating_sub(now) <= self.lanes.tolerance_ms {
            return false;
        }
        let used = self.see(cells, Clock::of(cells, last)).map(|seen| narrow(seen.used));
        cells.fill(0);
        self.charge_each(cells, used.into_iter(), now);
        true
    }

    /// The cells of a state as they are at `now`: rebased if the clock was set back.
    pub(super) fn at<'a>(&self, state: &'a State, now: UnixMillis) -> Cow<'a, [u8]> {
        let mut cells = Cow::Borrowed(state.cells());
        if layout::last(&cells).saturating_sub(now.as_millis()) > self.lanes.tolerance_ms {
            self.rebase_in(cells.to_mut(), now.as_millis());
        }
        cells
    }

    /// Charges fresh cells at `now`, each window for as many units as its turn gives.
    pub(super) fn charge_each(&self, cells: &mut [u8], units: impl Iterator<Item = u32>, now: u64) {
        let clock = Clock::of(cells, now);
        let sight = self.see(cells, clock);
        let mut edge = u64::MAX;
        for ((meter, seen), units) in self.meters.iter().zip(&sight).zip(units) {
            edge = edge.min(meter.charge(cells, clock, *seen, units));
        }
        layout::put_edge(cells, edge);
        layout::put_last(cells, clock.now);
    }

    /// The first instant at which a total may be stale.
    pub(super) fn edge(&self, cells: &[u8], last: u64) -> u64 {
        self.meters.iter().map(|meter| meter.edge(cells, last)).min().unwrap_or(u64::MAX)
    }

    #[inline(never)]
    fn decide_at_length(&self, cells: &mut [u8], cost: u32, now: u64) -> Decision {
        match self.admit_at_length(cells, cost, now) {
            Ok(at) => Decision::Allow { charged_at: UnixMillis::new(at) },
            Err((clock, sight)) => self.denial(cells, clock, &sight, cost),
        }
    }

    /// Charges units that fit and returns when; else what was seen.
    #[inline(never)]
    fn admit_at_length(&self, cells: &mut [u8], cost: u32, now: u64) -> Result<u64, (Clock, Sight)> {
        self.rebase_in(cells, now);
        let clock = Clock::of(cells, now);
        let sight = self.see(cells, clock);
        if !self.fits(&sight, cost) {
            return Err((clock, sight));
        }
        self.record(cells, clock, &sight, cost);
        Ok(clock.now)
    }

    #[inline]
    fn see(&self, cells: &[u8], clock: Clock) -> Sight {
        let mut sight = Sight::default();
        for (meter, seen) in self.meters.iter().zip(&mut sight) {
            *seen = meter.see(cells, clock);
        }
        sight
    }

    #[inline]
    fn fits(&self, sight: &Sight, cost: u32) -> bool {
        let cost = u64::from(cost);
        cost == 0 || self.meters.iter().zip(sight).all(|(meter, seen)| seen.used.saturating_add(cost) <= meter.limit())
    }

    /// Why units do not fit.
    fn denial(&self, cells: &[u8], clock: Clock, sight: &Sight, cost: u32) -> Decision {
        let cost = u64::from(cost);
        if let Some(window) = self.meters.iter().position(|meter| cost > meter.limit()) {
            return Decision::Reject { window };
        }
        let mut latest = (0, 0);
        for (window, (meter, seen)) in self.meters.iter().zip(sight).enumerate() {
            let at = meter.retry_at(cells, clock, *seen, cost);
            if at > latest.0 {
                latest = (at, window);
            }
        }
        Decision::Defer { retry_at: UnixMillis::new(latest.0), window: latest.1 }
    }

    /// Charges every window at `clock.now`.
    #[inline]
    fn record(&self, cells: &mut [u8], clock: Clock, sight: &Sight, cost: u32) {
        if cost == 0 {
            return;
        }
        let mut edge = u64::MAX;
        for (meter, seen) in self.meters.iter().zip(sight) {
            edge = edge.min(meter.charge(cells, clock, *seen, cost));
        }
        layout::put_edge(cells, edge);
        layout::put_last(cells, clock.now);
    }
}
