//! The verbs of a [`Limiter`] on a state's cells: what [`State`](super::State) and a table of keys share.

use super::{
    Decision, Limiter, State, Usage,
    lanes::{Lanes, Short},
    layout::{self, Counts},
    meter::{Clock, Meter, Seen, narrow},
    window::MAX_WINDOWS,
};
use crate::time::UnixMillis;
use alloc::{borrow::Cow, vec::Vec};

/// The functions that are made for a policy's number of windows, chosen once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// Whether so many units, in both halves of the word, were charged.
    admit: fn(&Lanes, &mut [u8], u64, UnixMillis) -> bool,
    /// Where it is unclear whether the short way is one.
    turn: fn(&Limiter, &mut [u8], u32, UnixMillis) -> Option<UnixMillis>,
}

impl Ways {
    /// For [`Lanes::shape`] and [`Lanes::is_logged`].
    pub(super) fn of(shape: usize, logged: bool) -> Self {
        match shape {
            1 => Self::unrolled::<1, { layout::bodies(1) }>(logged),
            2 => Self::unrolled::<2, { layout::bodies(2) }>(logged),
            3 => Self::unrolled::<3, { layout::bodies(3) }>(logged),
            4 => Self::unrolled::<4, { layout::bodies(4) }>(logged),
            5 => Self::unrolled::<5, { layout::bodies(5) }>(logged),
            6 => Self::unrolled::<6, { layout::bodies(6) }>(logged),
            7 => Self::unrolled::<7, { layout::bodies(7) }>(logged),
            8 => Self::unrolled::<8, { layout::bodies(8) }>(logged),
            _ => Self::unrolled::<0, 0>(logged),
        }
    }

    /// For `N` windows, whose bodies begin at `BODIES`.
    fn unrolled<const N: usize, const BODIES: usize>(logged: bool) -> Self {
        Self {
            admit: if logged { admit_shaped::<N, BODIES, true> } else { admit_shaped::<N, BODIES, false> },
            turn: Limiter::turn_shaped::<N, BODIES>,
        }
    }
}

/// Charges units that fit, for `N` windows: a function of its own for each number, and for policies that keep instants.
fn admit_shaped<const N: usize, const BODIES: usize, const LOGGED: bool>(
    lanes: &Lanes,
    cells: &mut [u8],
    cost: u64,
    now: UnixMillis,
) -> bool {
    let (units, now) = (Counts::of(cost).total, now.as_millis());
    if N == 0 {
        return lanes.admit_any(cells, units, now);
    }
    let fit = lanes.admit::<N, BODIES>(cells, cost, now);
    if LOGGED && fit {
        lanes.append(cells, units, now);
    }
    fit
}

/// Every window at an instant.
type Sight = [Seen; MAX_WINDOWS];

impl Limiter {
    #[inline(always)]
    pub(super) fn decide_in(&self, cells: &mut [u8], cost: u32, now: UnixMillis) -> Decision {
        match self.admit_in(cells, cost, now) {
            Some(charged_at) => Decision::Allow { charged_at },
            None => self.decide_at_length(cells, cost, now.as_millis()),
        }
    }

    #[inline(always)]
    pub(super) fn admit_in(&self, cells: &mut [u8], cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        if self.lanes.is_unclear(cells, cost, now.as_millis()) {
            return (self.ways.turn)(self, cells, cost, now);
        }
        // Whoever asks again and again is mostly denied by the first window, which a policy gives the shortest period.
        if !self.lanes.first_has_room(cells, cost) {
            return None;
        }
        (self.ways.admit)(&self.lanes, cells, Counts { total: cost, tip: cost }.word(), now).then_some(now)
    }

    pub(super) fn peek_in(&self, cells: &[u8], cost: u32, now: u64) -> Decision {
        let clock = Clock::of(cells, now);
        let mut sight = Sight::default();
        if clock.current && self.lanes.fits(cells, cost) || self.see(cells, clock, cost, &mut sight) {
            return Decision::Allow { charged_at: UnixMillis::new(clock.now) };
        }
        self.denial(cells, clock, &sight, cost)
    }

    pub(super) fn free_in(&self, cells: &[u8], now: u64) -> u32 {
        let mut sight = Sight::default();
        self.see(cells, Clock::of(cells, now), 0, &mut sight);
        let free = self.meters.iter().zip(&sight).map(|(meter, seen)| meter.limit().saturating_sub(seen.used));
        free.min().map_or(0, narrow)
    }

    pub(super) fn usage_in(&self, cells: &[u8], now: u64) -> Vec<Usage> {
        let clock = Clock::of(cells, now);
        let (counts, bodies) = layout::parts(cells, self.meters.len());
        self.meters.iter().zip(counts).map(|(meter, counts)| meter.usage(bodies, counts, clock)).collect()
    }

    /// Units in use in each window, for another policy: as many as there can be where they are past counting.
    pub(super) fn units_in(&self, cells: &[u8], now: u64) -> Vec<u32> {
        let clock = Clock::of(cells, now);
        let (counts, bodies) = layout::parts(cells, self.meters.len());
        let units = |(meter, counts): (&Meter, Counts)| meter.units(bodies, meter.see(bodies, counts, clock));
        self.meters.iter().zip(counts).map(units).collect()
    }

    pub(super) fn charge_in(&self, cells: &mut [u8], cost: u32, now: u64) -> u64 {
        if cost == 0 {
            return self.instant_of(cells, now);
        }
        self.rebase_in(cells, now);
        let clock = Clock::of(cells, now);
        let mut sight = Sight::default();
        self.see(cells, clock, cost, &mut sight);
        self.record(cells, clock, &sight, |_, _| cost);
        clock.now
    }

    pub(super) fn refund_in(&self, cells: &mut [u8], cost: u32, charged_at: u64) {
        let last = layout::last(cells);
        if charged_at > last {
            return;
        }
        let mut edge = u64::MAX;
        let (places, bodies) = layout::parts_mut(cells, self.meters.len());
        for (meter, place) in self.meters.iter().zip(places) {
            let counts = Counts::of(u64::from_le_bytes(*place));
            let left = meter.refund(bodies, counts, last, charged_at, cost);
            *place = left.word().to_le_bytes();
            edge = edge.min(meter.edge(bodies, left, last));
        }
        layout::put_edge(cells, edge);
    }

    #[cold]
    pub(super) fn rebase_in(&self, cells: &mut [u8], now: u64) -> bool {
        let last = layout::last(cells);
        if !self.is_set_back(last, now) {
            return false;
        }
        let (mut before, mut after) = (Sight::default(), Sight::default());
        self.see(cells, Clock::of(cells, last), 0, &mut before);
        cells.fill(0);
        let fresh = Clock::of(cells, now);
        self.see(cells, fresh, 0, &mut after);
        let clock = Clock { last, now, current: false };
        let mut units = [0; MAX_WINDOWS];
        let (_, bodies) = layout::parts_mut(cells, self.meters.len());
        for (((meter, before), after), units) in self.meters.iter().zip(before).zip(&mut after).zip(&mut units) {
            *units = meter.follow(bodies, before, after, clock);
        }
        self.record(cells, fresh, &after, |window, _| units.get(window).copied().unwrap_or_default());
        true
    }

    /// The cells of a state as they are at `now`: rebased if the clock was set back.
    pub(super) fn at<'a>(&self, state: &'a State, now: UnixMillis) -> Cow<'a, [u8]> {
        let mut cells = Cow::Borrowed(state.cells());
        if self.is_set_back(layout::last(&cells), now.as_millis()) {
            self.rebase_in(cells.to_mut(), now.as_millis());
        }
        cells
    }

    /// Charges fresh cells at `now`, each window for its own number of units.
    pub(super) fn charge_each(&self, cells: &mut [u8], units: impl Fn(usize) -> u32, now: u64) {
        let clock = Clock::of(cells, now);
        let mut sight = Sight::default();
        self.see(cells, clock, 0, &mut sight);
        self.record(cells, clock, &sight, |window, meter| meter.taken_up(units(window)));
    }

    /// Whether the clock was set back further than it is waited for.
    #[inline(always)]
    fn is_set_back(&self, last: u64, now: u64) -> bool {
        last.saturating_sub(now) > self.lanes.tolerance_ms
    }

    /// The instant that a charge at `now` would have.
    fn instant_of(&self, cells: &[u8], now: u64) -> u64 {
        let last = layout::last(cells);
        if self.is_set_back(last, now) { now } else { now.max(last) }
    }

    /// Whether nothing is in use at `now`, which is not before the newest charge: fresh cells answer the same.
    pub(super) fn is_idle(&self, cells: &[u8], now: u64) -> bool {
        let mut sight = Sight::default();
        self.see(cells, Clock::of(cells, now), 0, &mut sight);
        layout::last(cells) <= now && sight.iter().all(|seen| seen.used == 0)
    }

    /// Whether every number can be, and which window's cannot.
    pub(super) fn check(&self, cells: &[u8]) -> Result<(), Option<usize>> {
        let last = layout::last(cells);
        if last > UnixMillis::MAX.as_millis() {
            return Err(None);
        }
        let mut edge = u64::MAX;
        let (counts, bodies) = layout::parts(cells, self.meters.len());
        for (window, (meter, counts)) in self.meters.iter().zip(counts).enumerate() {
            if !meter.is_sound(bodies, counts, last) {
                return Err(Some(window));
            }
            edge = edge.min(meter.edge(bodies, counts, last));
        }
        if layout::edge(cells) > edge { Err(None) } else { Ok(()) }
    }

    /// As [`Limiter::admit_in`], at or after the edge, for `N` windows.
    fn turn_shaped<const N: usize, const BODIES: usize>(
        &self,
        cells: &mut [u8],
        cost: u32,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        match self.lanes.turn::<N, BODIES>(cells, cost, now.as_millis()) {
            Short::Charged => Some(now),
            Short::Full => None,
            Short::Unclear => self.admit_at_length(cells, cost, now.as_millis()),
        }
    }

    #[inline(never)]
    fn decide_at_length(&self, cells: &mut [u8], cost: u32, now: u64) -> Decision {
        let mut sight = Sight::default();
        match self.try_at_length(cells, cost, now, &mut sight) {
            Ok(at) => Decision::Allow { charged_at: UnixMillis::new(at) },
            Err(clock) => self.denial(cells, clock, &sight, cost),
        }
    }

    #[inline(never)]
    fn admit_at_length(&self, cells: &mut [u8], cost: u32, now: u64) -> Option<UnixMillis> {
        let mut sight = Sight::default();
        self.try_at_length(cells, cost, now, &mut sight).ok().map(UnixMillis::new)
    }

    /// Charges units that fit and returns when; else the instants, with what was seen in `sight`.
    #[inline(always)]
    fn try_at_length(&self, cells: &mut [u8], cost: u32, now: u64, sight: &mut Sight) -> Result<u64, Clock> {
        if cost == 0 {
            return Ok(self.instant_of(cells, now));
        }
        let mut clock = Clock::of(cells, now);
        if self.is_set_back(clock.last, now) {
            self.rebase_in(cells, now);
            clock = Clock::of(cells, now);
        }
        if !self.see(cells, clock, cost, sight) {
            return Err(clock);
        }
        self.record(cells, clock, sight, |_, _| cost);
        Ok(clock.now)
    }

    /// Looks at every window; returns whether units fit in all of them.
    #[inline(always)]
    fn see(&self, cells: &[u8], clock: Clock, cost: u32, sight: &mut Sight) -> bool {
        let (counts, bodies) = layout::parts(cells, self.meters.len());
        let mut over = false;
        for (((meter, limit), counts), place) in self.meters.iter().zip(&self.most).zip(counts).zip(sight) {
            let seen = meter.see(bodies, counts, clock);
            over |= seen.used.saturating_add(u64::from(cost)) > *limit;
            *place = seen;
        }
        !over || cost == 0
    }

    /// Why units do not fit.
    fn denial(&self, cells: &[u8], clock: Clock, sight: &Sight, cost: u32) -> Decision {
        let cost = u64::from(cost);
        if let Some(window) = self.meters.iter().position(|meter| cost > meter.limit()) {
            return Decision::Reject { window };
        }
        let (_, bodies) = layout::parts(cells, self.meters.len());
        let mut latest = (0, 0);
        for (window, (meter, seen)) in self.meters.iter().zip(sight).enumerate() {
            let at = meter.retry_at(bodies, clock, *seen, cost);
            if at > latest.0 {
                latest = (at, window);
            }
        }
        Decision::Defer { retry_at: UnixMillis::new(latest.0), window: latest.1 }
    }

    /// Charges every window at `clock.now` for its own number of units.
    #[inline(always)]
    fn record(&self, cells: &mut [u8], clock: Clock, sight: &Sight, units: impl Fn(usize, &Meter) -> u32) {
        let mut edge = u64::MAX;
        let (places, bodies) = layout::parts_mut(cells, self.meters.len());
        for (window, ((meter, seen), place)) in self.meters.iter().zip(sight).zip(places).enumerate() {
            let (counts, stale_at) = meter.charge(bodies, clock, *seen, units(window, meter));
            *place = counts.word().to_le_bytes();
            edge = edge.min(stale_at);
        }
        layout::put_edge(cells, edge);
        layout::put_last(cells, clock.now);
    }
}
