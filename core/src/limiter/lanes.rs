//! The short way through a decision.
//!
//! As long as `now` is before the state's edge nothing has drained and no window is over its limit, so every total is
//! the truth: units fit if they fit above each total, and charging them is an addition to each total and each tip. No
//! division, no time zone, no look at an older bucket, and for five windows one cache line.
//!
//! At the edge something may have to move on, mostly a bucket or two: [`Lanes::turn`] looks for what does, with
//! [`Wheels`]. Whatever is not that simple is left to the long way, which knows all the reasons.

use super::{
    bytes::u32_at,
    layout::{self, COUNT, COUNTS, Counts},
    log::Log,
    meter::{Clock, NONE},
    pace::Pace,
    period::Tally,
    ring::Ring,
    wheels::Wheels,
    window::MAX_WINDOWS,
};
use alloc::vec::Vec;

/// What the short way has to know of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lanes {
    /// A clock set back further than this moves the state's charges with it.
    pub(super) tolerance_ms: u64,
    /// The number of windows, or 0 when a pace or a limit above [`MOST_IN_LANE`] needs more looking.
    shape: usize,
    /// One for each window; a pace has none and stands here as the largest number.
    limits: Vec<u32>,
    /// The same at hand, without the way to a vector.
    most: [u32; MAX_WINDOWS],
    /// The smallest limit, and the first one.
    least: u32,
    first: u32,
    paces: Vec<Pace>,
    pub(super) wheels: Wheels,
}

/// What the short way found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Short {
    /// The units fit and were charged at the instant of the question.
    Charged,
    /// They do not fit; no byte has changed.
    Full,
    /// The long way has to look; no byte has changed.
    Unclear,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            tolerance_ms: u64::MAX,
            shape: 0,
            limits: Vec::new(),
            most: [u32::MAX; MAX_WINDOWS],
            least: u32::MAX,
            first: u32::MAX,
            paces: Vec::new(),
            wheels: Wheels::default(),
        }
    }

    /// A window that counts in sub-buckets.
    pub(super) fn add_ring(&mut self, ring: &Ring) {
        self.wheels.add_ring(self.limits.len(), ring);
        self.add(ring.limit);
    }

    /// A window of a calendar.
    pub(super) fn add_tally(&mut self, tally: &Tally) {
        self.wheels.add_tally();
        self.add(tally.limit);
    }

    /// A window that counts in total and tip.
    fn add(&mut self, limit: u32) {
        self.limits.push(limit);
        self.least = self.least.min(limit);
        self.first = self.limits.first().copied().unwrap_or(limit);
        for (most, limit) in self.most.iter_mut().zip(&self.limits) {
            *most = *limit;
        }
        let simple = self.limits.iter().all(|limit| *limit <= MOST_IN_LANE);
        self.shape = if simple { self.limits.len() } else { 0 };
    }

    /// A window that counts and keeps an entry for each unit.
    pub(super) fn add_log(&mut self, log: &Log) {
        self.wheels.add_log(self.limits.len(), log);
        self.add(log.limit);
    }

    /// A window with an arrival time.
    pub(super) fn add_pace(&mut self, pace: &Pace) {
        self.add(u32::MAX);
        self.paces.push(pace.clone());
    }

    /// The number of windows for which [`Lanes::admit`] is unrolled, or 0 for [`Lanes::admit_any`].
    pub(super) const fn shape(&self) -> usize {
        self.shape
    }

    /// Whether a window keeps an entry for each unit.
    pub(super) const fn is_logged(&self) -> bool {
        !self.wheels.logs.is_empty()
    }

    /// Charges units at `now`, which is not [`Lanes::is_unclear`], if they fit, but for [`Lanes::append`]. Unrolled for
    /// `N` windows, whose bodies begin at `BODIES`; `cost` is what is added to each word, so the units stand in both
    /// halves.
    ///
    /// No total is above its limit here (a state in which one is has no edge), no limit is above [`MOST_IN_LANE`] and
    /// [`Lanes::first_has_room`] for the cost, so no total carries into its tip. Counts are read and written in the same
    /// words: else a decision would wait until the one before it is written. A window in which units fit is a branch that
    /// is not taken: less to do than adding up what all windows say. Nothing here calls anything, so no register has to be
    /// saved.
    #[inline(always)]
    pub(super) fn admit<const N: usize, const BODIES: usize>(&self, cells: &mut [u8], cost: u64, now: u64) -> bool {
        let Some(head) = cells.first_chunk_mut::<BODIES>() else { return false };
        let (instants, counts) = head.split_at_mut(COUNTS);
        let Some(counts) = counts.as_chunks_mut::<COUNT>().0.first_chunk_mut::<N>() else { return false };
        let next = counts.map(|counts| u64::from_le_bytes(counts).wrapping_add(cost));
        let fit = self.all_fit(&next);
        if fit {
            *counts = next.map(u64::to_le_bytes);
            layout::put_last(instants, now);
        }
        fit
    }

    /// Whether the short way is none: something may have drained, the clock was set back, or nothing is asked.
    #[inline(always)]
    pub(super) fn is_unclear(&self, cells: &[u8], cost: u32, now: u64) -> bool {
        now >= layout::edge(cells) || now < layout::last(cells) || cost == 0
    }

    /// Whether units fit in the first window, before the edge. More than it ever admits do not.
    #[inline(always)]
    pub(super) fn first_has_room(&self, cells: &[u8], cost: u32) -> bool {
        has_room(self.first, Counts { total: u32_at(cells, COUNTS), tip: 0 }, cost)
    }

    /// As [`Lanes::admit`] at or after the edge, when something may have drained. Unclear if the clock was set back, a
    /// calendar period is over or a window is over its limit, as of fresh cells the first time.
    ///
    /// Units that fit above what was in use at the newest charge fit above what is left of it, and are written down at
    /// once. Else what has drained is taken from a copy of the counts first: only if the units fit anything is written.
    #[inline(always)]
    pub(super) fn turn<const N: usize, const BODIES: usize>(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        if N == 0 {
            return Short::Unclear;
        }
        let Some((head, bodies)) = cells.split_first_chunk_mut::<BODIES>() else { return Short::Unclear };
        let (last, edge) = (layout::last(head), layout::edge(head));
        let (instants, places) = head.split_at_mut(COUNTS);
        let Some(places) = places.as_chunks_mut::<COUNT>().0.first_chunk_mut::<N>() else { return Short::Unclear };
        let nothing_or_too_much = cost.wrapping_sub(1) >= self.least;
        if edge == NONE || now < last || nothing_or_too_much {
            return Short::Unclear;
        }
        let Some(end) = self.wheels.end(bodies).filter(|end| now < *end) else { return Short::Unclear };
        let clock = Clock { last, now, current: false };
        let next = with_cost(places.map(u64::from_le_bytes), cost);
        let edge = if self.all_fit(&next) {
            *places = next.map(u64::to_le_bytes);
            self.wheels.turn(bodies, places, clock, cost, end)
        } else {
            let Some(edge) = self.turn_tight(bodies, places, clock, cost, end) else { return Short::Full };
            edge
        };
        layout::put_last(instants, now);
        layout::put_edge(instants, edge);
        Short::Charged
    }

    /// The rest of [`Lanes::turn`] when units fit only above what has drained, if at all: returns the edge if they do.
    #[inline(never)]
    fn turn_tight(
        &self,
        bodies: &mut [u8],
        places: &mut [[u8; COUNT]],
        clock: Clock,
        cost: u32,
        end: u64,
    ) -> Option<u64> {
        let mut next = [0; MAX_WINDOWS];
        for (next, place) in next.iter_mut().zip(places.iter()) {
            *next = u64::from_le_bytes(*place);
        }
        self.wheels.drain(bodies, &mut next, clock);
        let next = with_cost(next, cost);
        if !self.all_fit(next.get(..places.len())?) {
            return None;
        }
        for place in places.iter_mut() {
            let [next] = with_cost([u64::from_le_bytes(*place)], cost);
            *place = next.to_le_bytes();
        }
        Some(self.wheels.turn(bodies, places, clock, cost, end))
    }

    /// As [`Lanes::admit`] for every policy. The counts of a pace stay 0.
    #[inline(never)]
    pub(super) fn admit_any(&self, cells: &mut [u8], cost: u32, now: u64) -> bool {
        let (counts, bodies) = layout::parts(cells, self.limits.len());
        let all = self.limits.iter().zip(counts).all(|(limit, counts)| has_room(*limit, counts, cost));
        if !all || !self.paces.iter().all(|pace| pace.fits(bodies, cost, now)) {
            return false;
        }
        let (places, bodies) = layout::parts_mut(cells, self.limits.len());
        self.paces.iter().for_each(|pace| pace.charge(bodies, cost, now));
        for (_, place) in self.limits.iter().zip(places).filter(|(limit, _)| **limit != u32::MAX) {
            let Counts { total, tip } = Counts::of(u64::from_le_bytes(*place));
            let next = Counts { total: total.wrapping_add(cost), tip: tip.wrapping_add(cost) };
            *place = next.word().to_le_bytes();
        }
        layout::put_last(cells, now);
        self.append(cells, cost, now);
        true
    }

    /// Whether units fit above every total, before the edge. Of a policy with a pace it never says so.
    #[inline]
    pub(super) fn fits(&self, cells: &[u8], cost: u32) -> bool {
        let (mut counts, _) = layout::parts(cells, self.limits.len());
        self.paces.is_empty()
            && self.limits.iter().all(|limit| counts.next().is_some_and(|counts| has_room(*limit, counts, cost)))
    }

    /// Whether no total in these words is above its limit: see [`Lanes::admit`].
    #[inline(always)]
    fn all_fit(&self, next: &[u64]) -> bool {
        self.most.iter().zip(next).all(|(most, next)| Counts::of(*next).total <= *most)
    }

    /// Writes down the instant of units that are already counted.
    #[inline(never)]
    pub(super) fn append(&self, cells: &mut [u8], cost: u32, at: u64) {
        for (window, log) in &self.wheels.logs {
            let Some(counts) = layout::parts(cells, self.limits.len()).0.nth(*window) else { continue };
            let edge = log.append(layout::parts_mut(cells, self.limits.len()).1, counts, cost, at);
            layout::put_edge(cells, layout::edge(cells).min(edge));
        }
    }
}

/// Whether units fit above a total that is not over its limit.
#[inline(always)]
const fn has_room(limit: u32, counts: Counts, cost: u32) -> bool {
    limit.wrapping_sub(counts.total) >= cost
}

/// Counts with a cost more in each total and tip.
#[inline(always)]
fn with_cost<const N: usize>(counts: [u64; N], cost: u32) -> [u64; N] {
    let cost = Counts { total: cost, tip: cost }.word();
    counts.map(|counts| counts.wrapping_add(cost))
}

/// A total and a cost of at most this do not carry into the other half of their word: a quarter of the range.
const MOST_IN_LANE: u32 = 1 << 30;
