//! The short way through a decision.
//!
//! As long as `now` is before the state's edge nothing has drained and no window is over its limit, so every total is
//! the truth: units fit if they fit above each total, and charging them is an addition to each total and each tip. No division, no time zone, no look at an older bucket,
//! and for five windows one cache line. Whatever is not that simple is left to the long way, which knows all the
//! reasons.

use super::{
    layout::{self, TOTALS},
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
    count: usize,
    /// The number of windows, or 0 when one of them is a pace.
    shape: usize,
    /// One for each window, zeros behind them; a pace has none and stands here as the largest number.
    limits: [u32; MAX_WINDOWS],
    /// With the numbers of their windows.
    logs: Vec<(usize, Log)>,
    paces: Vec<Pace>,
}

/// What the short way found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Short {
    /// The units fit and were charged at this instant.
    Charged(u64),
    /// They do not fit; no byte has changed.
    Full,
    /// The long way has to look; no byte has changed.
    Unclear,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            tolerance_ms: u64::MAX,
            count: 0,
            shape: 0,
            limits: [0; MAX_WINDOWS],
            logs: Vec::new(),
            paces: Vec::new(),
        }
    }

    /// A window that counts in total and tip.
    pub(super) fn add(&mut self, limit: u32) {
        if let Some(place) = self.limits.get_mut(self.count) {
            *place = limit;
        }
        self.count += 1;
        self.shape = if self.paces.is_empty() { self.count } else { 0 };
    }

    /// A window that counts and keeps an entry for each unit.
    pub(super) fn add_log(&mut self, log: &Log) {
        self.logs.push((self.count, log.clone()));
        self.add(log.limit);
    }

    /// A window with an arrival time.
    pub(super) fn add_pace(&mut self, pace: &Pace) {
        self.paces.push(pace.clone());
        self.add(u32::MAX);
    }

    /// Charges `cost` units at `now` if that is simple.
    #[inline(always)]
    pub(super) fn admit(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        match self.shape {
            1 => self.admit_at::<1, { layout::bodies(1) }>(cells, cost, now),
            2 => self.admit_at::<2, { layout::bodies(2) }>(cells, cost, now),
            3 => self.admit_at::<3, { layout::bodies(3) }>(cells, cost, now),
            4 => self.admit_at::<4, { layout::bodies(4) }>(cells, cost, now),
            5 => self.admit_at::<5, { layout::bodies(5) }>(cells, cost, now),
            6 => self.admit_at::<6, { layout::bodies(6) }>(cells, cost, now),
            7 => self.admit_at::<7, { layout::bodies(7) }>(cells, cost, now),
            8 => self.admit_at::<8, { layout::bodies(8) }>(cells, cost, now),
            _paced => self.admit_paced(cells, cost, now),
        }
    }

    /// As [`Lanes::admit`], unrolled for `N` windows, whose bodies begin at `BODIES`.
    ///
    /// No total is above its limit here: a state in which one is has no edge.
    #[inline(always)]
    fn admit_at<const N: usize, const BODIES: usize>(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        let (Some(head), Some(limits)) = (cells.first_chunk_mut::<BODIES>(), self.limits.first_chunk::<N>()) else {
            return Short::Unclear;
        };
        let at = now.max(layout::last(head));
        if self.is_unclear(head, cost, now, at) {
            return Short::Unclear;
        }
        let (instants, counts) = head.split_at_mut(TOTALS);
        // Two counts to a word, read and written in the same pieces: else a decision waits for the one before to be written.
        let Some(words) = counts.as_chunks_mut::<8>().0.first_chunk_mut::<N>() else { return Short::Unclear };
        let mut over = false;
        for (pair, word) in limits.chunks(2).zip(&*words) {
            let word = u64::from_le_bytes(*word);
            for (limit, total) in pair.iter().zip([low(word), low(word >> 32)]) {
                over |= limit.wrapping_sub(total) < cost;
            }
        }
        if over {
            return Short::Full;
        }
        let both = u64::from(cost) << 32 | u64::from(cost);
        for word in words {
            *word = u64::from_le_bytes(*word).wrapping_add(both).to_le_bytes();
        }
        layout::put_last(instants, at);
        if self.logs.is_empty() { Short::Charged(at) } else { self.append(cells, cost, at) }
    }

    /// Whether something has drained, the clock was set back further than it is waited for, or nothing is asked.
    #[inline(always)]
    fn is_unclear(&self, cells: &[u8], cost: u32, now: u64, at: u64) -> bool {
        at >= layout::edge(cells) || at - now > self.tolerance_ms || cost == 0
    }

    /// As [`Lanes::admit`] for a policy with a pace, whose counts stay 0.
    #[inline(never)]
    fn admit_paced(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        let at = now.max(layout::last(cells));
        if self.is_unclear(cells, cost, now, at) {
            return Short::Unclear;
        }
        let (counts, bodies) = layout::parts(cells, self.count);
        let all = self.limits.iter().zip(counts).all(|(limit, counts)| limit.wrapping_sub(counts.total) >= cost);
        if !all || !self.paces.iter().all(|pace| pace.fits(bodies, cost, at)) {
            return Short::Full;
        }
        let (places, bodies) = layout::parts_mut(cells, self.count);
        self.paces.iter().for_each(|pace| pace.charge(bodies, cost, at));
        for (_, (total, tip)) in self.limits.iter().zip(places).filter(|(limit, _)| **limit != u32::MAX) {
            *total = u32::from_le_bytes(*total).wrapping_add(cost).to_le_bytes();
            *tip = u32::from_le_bytes(*tip).wrapping_add(cost).to_le_bytes();
        }
        layout::put_last(cells, at);
        self.append(cells, cost, at)
    }

    /// Writes down the instant of units that are already counted.
    #[inline(never)]
    fn append(&self, cells: &mut [u8], cost: u32, at: u64) -> Short {
        for (window, log) in &self.logs {
            let Some(counts) = layout::parts(cells, self.count).0.nth(*window) else { continue };
            let edge = log.append(layout::parts_mut(cells, self.count).1, counts, cost, at);
            layout::put_edge(cells, layout::edge(cells).min(edge));
        }
        Short::Charged(at)
    }
}

/// The lower half of a word.
#[allow(clippy::cast_possible_truncation, reason = "the upper half is what is dropped")]
#[inline(always)]
const fn low(word: u64) -> u32 {
    word as u32
}
