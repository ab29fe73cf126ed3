//! The short way through a decision.
//!
//! As long as `now` is before the state's edge nothing has drained, so every total is the truth: units fit if they fit
//! above each total, and charging them is an addition to each. No division, no time zone, no look at an older bucket,
//! and for five windows one cache line. Whatever is not that simple is left to the long way, which knows all the
//! reasons.

use super::{
    layout::{self, TOTALS},
    log::Log,
    pace::Pace,
    window::MAX_WINDOWS,
};
use alloc::vec::Vec;

/// What the short way has to know of a policy: one entry for each window, zeros behind them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lanes {
    count: usize,
    /// A clock set back further than this moves the state's charges with it.
    pub(super) tolerance_ms: u64,
    limits: [u32; MAX_WINDOWS],
    /// All bits are set where units are added to the total, else none; the same for tips.
    totals: [u32; MAX_WINDOWS],
    tips: [u32; MAX_WINDOWS],
    extras: Vec<Extra>,
}

/// What a window needs beside an addition.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Extra {
    /// An entry for each unit, and a tip that counts them.
    Log(Log),
    /// An arrival time in the place of a count.
    Pace(Pace),
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
        let none = [0; MAX_WINDOWS];
        Self { count: 0, tolerance_ms: u64::MAX, limits: none, totals: none, tips: none, extras: Vec::new() }
    }

    /// A window that only counts.
    pub(super) fn add_tally(&mut self, limit: u32) {
        self.add(limit, u32::MAX, 0);
    }

    /// A window that counts, and counts its newest bucket in the tip.
    pub(super) fn add_ring(&mut self, limit: u32) {
        self.add(limit, u32::MAX, u32::MAX);
    }

    /// A window that counts and keeps an entry for each unit.
    pub(super) fn add_log(&mut self, log: &Log) {
        self.add(log.limit, u32::MAX, 0);
        self.extras.push(Extra::Log(log.clone()));
    }

    /// A window with an arrival time.
    pub(super) fn add_pace(&mut self, pace: &Pace) {
        self.add(u32::MAX, 0, 0);
        self.extras.push(Extra::Pace(pace.clone()));
    }

    fn add(&mut self, limit: u32, total: u32, tip: u32) {
        let lanes = [(&mut self.limits, limit), (&mut self.totals, total), (&mut self.tips, tip)];
        for (lane, value) in lanes {
            if let Some(place) = lane.get_mut(self.count) {
                *place = value;
            }
        }
        self.count += 1;
    }

    /// Charges `cost` units at `now` if that is simple.
    #[inline]
    pub(super) fn admit(&self, cells: &mut [u8], cost: u32, now: u64) -> Short {
        let (last, edge) = (layout::last(cells), layout::edge(cells));
        let at = now.max(last);
        if at >= edge || at - now > self.tolerance_ms || cost == 0 {
            return Short::Unclear;
        }
        match self.count {
            1 => self.admit_at::<1>(cells, cost, at),
            2 => self.admit_at::<2>(cells, cost, at),
            3 => self.admit_at::<3>(cells, cost, at),
            4 => self.admit_at::<4>(cells, cost, at),
            5 => self.admit_at::<5>(cells, cost, at),
            6 => self.admit_at::<6>(cells, cost, at),
            7 => self.admit_at::<7>(cells, cost, at),
            _ => self.admit_at::<8>(cells, cost, at),
        }
    }

    /// As [`Lanes::admit`], unrolled for a number of windows.
    #[inline]
    fn admit_at<const N: usize>(&self, cells: &mut [u8], cost: u32, at: u64) -> Short {
        if !self.extras.iter().all(|extra| extra.fits(cells, cost, at)) {
            return Short::Full;
        }
        let (Some(limits), Some(adds), Some(tip_adds)) =
            (self.limits.first_chunk::<N>(), self.totals.first_chunk::<N>(), self.tips.first_chunk::<N>())
        else {
            return Short::Unclear;
        };
        let Some(counts) = cells.get_mut(TOTALS..).map(|rest| rest.as_chunks_mut::<4>().0) else {
            return Short::Unclear;
        };
        let Some((totals, rest)) = counts.split_first_chunk_mut::<N>() else { return Short::Unclear };
        let Some((tips, _)) = rest.split_first_chunk_mut::<N>() else { return Short::Unclear };
        let over = limits.iter().zip(adds).zip(&*totals).fold(false, |over, ((limit, add), total)| {
            over | ((cost & add) > limit.saturating_sub(u32::from_le_bytes(*total)))
        });
        if over {
            return Short::Full;
        }
        for (total, add) in totals.iter_mut().zip(adds) {
            *total = u32::from_le_bytes(*total).wrapping_add(cost & add).to_le_bytes();
        }
        for (tip, add) in tips.iter_mut().zip(tip_adds) {
            *tip = u32::from_le_bytes(*tip).wrapping_add(cost & add).to_le_bytes();
        }
        for extra in &self.extras {
            extra.charge(cells, cost, at);
        }
        layout::put_last(cells, at);
        Short::Charged(at)
    }
}

impl Extra {
    /// Whether units fit an arrival time; those of a log are counted by its total.
    fn fits(&self, cells: &[u8], cost: u32, at: u64) -> bool {
        match self {
            Self::Log(_) => true,
            Self::Pace(pace) => pace.fits(cells, cost, at),
        }
    }

    /// Charges units that fit, at an instant before the edge.
    fn charge(&self, cells: &mut [u8], cost: u32, at: u64) {
        match self {
            Self::Log(log) => {
                let edge = log.append(cells, cost, at);
                layout::put_edge(cells, layout::edge(cells).min(edge));
            }
            Self::Pace(pace) => pace.charge(cells, cost, at),
        }
    }
}
