//! The short way through a decision.
//!
//! As long as `now` is before the state's edge nothing has drained and no window is over its limit, so every total is
//! the truth: units fit if they fit above each total, and charging them is an addition to each total and each tip. No division, no time zone, no look at an older bucket,
//! and for five windows one cache line. Whatever is not that simple is left to the long way, which knows all the
//! reasons.

use super::{
    bytes::u32_at,
    layout::{self, Counts, TOTALS},
    log::Log,
    pace::Pace,
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
    /// The same, two to a word, with [`MOST_IN_LANE`] where a word has one too few.
    pairs: [u64; MAX_WINDOWS / 2],
    /// The smallest limit, and the first.
    least: u32,
    first: u32,
    /// With the numbers of their windows.
    logs: Vec<(usize, Log)>,
    paces: Vec<Pace>,
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
        let pair = word(MOST_IN_LANE, MOST_IN_LANE);
        Self {
            tolerance_ms: u64::MAX,
            shape: 0,
            limits: Vec::new(),
            pairs: [pair; MAX_WINDOWS / 2],
            least: u32::MAX,
            first: u32::MAX,
            logs: Vec::new(),
            paces: Vec::new(),
        }
    }

    /// A window that counts in total and tip.
    pub(super) fn add(&mut self, limit: u32) {
        self.limits.push(limit);
        self.least = self.least.min(limit);
        self.first = self.limits.first().copied().unwrap_or(limit);
        for (pair, limits) in self.pairs.iter_mut().zip(self.limits.chunks(2)) {
            *pair = match limits {
                [first, second, ..] => word(*first, *second),
                [first] => word(*first, MOST_IN_LANE),
                [] => *pair,
            };
        }
        let simple = self.limits.iter().all(|limit| *limit <= MOST_IN_LANE);
        self.shape = if simple { self.limits.len() } else { 0 };
    }

    /// A window that counts and keeps an entry for each unit.
    pub(super) fn add_log(&mut self, log: &Log) {
        self.logs.push((self.limits.len(), log.clone()));
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

    /// Charges `cost` units at `now`, which is not [`Lanes::is_unclear`], if they fit. Unrolled for `N` windows, whose totals are in the first `PAIRS` words and whose bodies begin at
    /// `BODIES`.
    ///
    /// No total is above its limit here (a state in which one is has no edge), no limit is above [`MOST_IN_LANE`] and no
    /// cost above a limit. So no difference of two counts and no sum leaves its half of a word, and the top bit of a half,
    /// set before the cost is taken from what is free, is still set if it fits. Counts are read and written in the same
    /// words: else a decision would wait until the one before it is written.
    #[inline(always)]
    pub(super) fn admit<const N: usize, const PAIRS: usize, const BODIES: usize>(
        &self,
        cells: &mut [u8],
        cost: u32,
        now: u64,
    ) -> Short {
        let (Some(head), Some(pairs)) = (cells.first_chunk_mut::<BODIES>(), self.pairs.first_chunk::<PAIRS>()) else {
            return Short::Unclear;
        };
        let (instants, counts) = head.split_at_mut(TOTALS);
        let Some(words) = counts.as_chunks_mut::<8>().0.first_chunk_mut::<N>() else { return Short::Unclear };
        let costs = word(cost, cost);
        let fits = pairs.iter().zip(&*words).fold(TOP_BITS, |fits, (limits, counts)| {
            let free = limits.wrapping_sub(u64::from_le_bytes(*counts));
            fits & (free | TOP_BITS).wrapping_sub(costs)
        });
        if fits & TOP_BITS != TOP_BITS {
            return Short::Full;
        }
        for counts in words {
            *counts = u64::from_le_bytes(*counts).wrapping_add(costs).to_le_bytes();
        }
        layout::put_last(instants, now);
        if self.logs.is_empty() { Short::Charged } else { self.append(cells, cost, now) }
    }

    /// Whether the short way is none: something may have drained, the clock was set back, nothing is asked, or more than a
    /// window ever admits.
    #[inline(always)]
    pub(super) fn is_unclear(&self, cells: &[u8], cost: u32, now: u64) -> bool {
        now >= layout::edge(cells) || now < layout::last(cells) || cost.wrapping_sub(1) >= self.least
    }

    /// Whether units fit in the first window, before the edge.
    #[inline(always)]
    pub(super) fn first_has_room(&self, cells: &[u8], cost: u32) -> bool {
        has_room(self.first, Counts { total: u32_at(cells, TOTALS), tip: 0 }, cost)
    }

    /// As [`Lanes::admit`] for every policy. The counts of a pace stay 0.
    #[inline(never)]
    pub(super) fn admit_any(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        let (counts, bodies) = layout::parts(cells, self.limits.len());
        let all = self.limits.iter().zip(counts).all(|(limit, counts)| has_room(*limit, counts, cost));
        if !all || !self.paces.iter().all(|pace| pace.fits(bodies, cost, now)) {
            return Short::Full;
        }
        let (places, bodies) = layout::parts_mut(cells, self.limits.len());
        self.paces.iter().for_each(|pace| pace.charge(bodies, cost, now));
        for (_, (total, tip)) in self.limits.iter().zip(places).filter(|(limit, _)| **limit != u32::MAX) {
            *total = u32::from_le_bytes(*total).wrapping_add(cost).to_le_bytes();
            *tip = u32::from_le_bytes(*tip).wrapping_add(cost).to_le_bytes();
        }
        layout::put_last(cells, now);
        self.append(cells, cost, now)
    }

    /// Whether units fit above every total, before the edge. Of a policy with a pace it never says so.
    #[inline]
    pub(super) fn fits(&self, cells: &[u8], cost: u32) -> bool {
        let (mut counts, _) = layout::parts(cells, self.limits.len());
        self.paces.is_empty()
            && self.limits.iter().all(|limit| counts.next().is_some_and(|counts| has_room(*limit, counts, cost)))
    }

    /// Writes down the instant of units that are already counted.
    #[inline(never)]
    fn append(&self, cells: &mut [u8], cost: u32, at: u64) -> Short {
        for (window, log) in &self.logs {
            let Some(counts) = layout::parts(cells, self.limits.len()).0.nth(*window) else { continue };
            let edge = log.append(layout::parts_mut(cells, self.limits.len()).1, counts, cost, at);
            layout::put_edge(cells, layout::edge(cells).min(edge));
        }
        Short::Charged
    }
}

/// Whether units fit above a total that is not over its limit.
#[inline(always)]
const fn has_room(limit: u32, counts: Counts, cost: u32) -> bool {
    limit.wrapping_sub(counts.total) >= cost
}

/// Two counts as they stand in a state, the first in the lower half.
const fn word(first: u32, second: u32) -> u64 {
    (second as u64) << 32 | first as u64
}

/// Two counts and a cost of at most this leave the top bit of their half of a word alone: a quarter of the range.
const MOST_IN_LANE: u32 = 1 << 30;

/// The top bits of both halves.
const TOP_BITS: u64 = word(1 << 31, 1 << 31);
