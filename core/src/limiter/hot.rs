//! The short way through a decision.
//!
//! As long as `now` is before the state's edge nothing has drained, so every head is the truth: units fit if they fit
//! above each head, and charging them is an addition to each. No division, no time zone, no look at an older bucket.
//! Whatever is not that simple (a stale head, a denial) is left to the long way, which knows all the reasons.

use super::{
    bytes::{put, u64_at},
    log::{self, Log},
    place::{HEAD, HEADS, TIP},
    state,
};
use alloc::vec::Vec;

/// What the short way has to know of a policy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Hot {
    lanes: Vec<Lane>,
    extras: Vec<(usize, Extra)>,
}

/// A window as additions see it: all bits of a mask are set where something is added, else none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lane {
    limit: u64,
    head: u64,
    tip: u32,
}

/// What a window needs beside an addition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extra {
    /// An entry for the instant.
    Log { period_ms: u64, body: usize },
    /// An arrival time in the place of a count.
    Pace { burst_ms: u64, interval_ms: u64 },
}

impl Hot {
    /// A window that only counts.
    pub(super) fn add_tally(&mut self, limit: u64) {
        self.lanes.push(Lane { limit, head: u64::MAX, tip: 0 });
    }

    /// A window that counts, and counts its newest bucket in the tip.
    pub(super) fn add_ring(&mut self, limit: u64) {
        self.lanes.push(Lane { limit, head: u64::MAX, tip: u32::MAX });
    }

    /// A window that counts and keeps entries at `body`, counted from the first body.
    pub(super) fn add_log(&mut self, limit: u64, period_ms: u64, body: usize) {
        self.extras.push((self.lanes.len(), Extra::Log { period_ms, body }));
        self.lanes.push(Lane { limit, head: u64::MAX, tip: 0 });
    }

    /// A window with an arrival time.
    pub(super) fn add_pace(&mut self, burst_ms: u64, interval_ms: u64) {
        self.extras.push((self.lanes.len(), Extra::Pace { burst_ms, interval_ms }));
        self.lanes.push(Lane { limit: u64::MAX, head: 0, tip: 0 });
    }

    /// Charges `cost` units, at least 1, at `now`, which is before the edge, if they fit every window. Returns whether
    /// it did; if not, no byte has changed.
    pub(super) fn admit(&self, bytes: &mut [u8], cost: u32, now: u64) -> bool {
        let count = self.lanes.len();
        let Some((header, rest)) = bytes.split_at_mut_checked(HEADS) else { return false };
        let Some((heads, rest)) = rest.split_at_mut_checked(count * HEAD) else { return false };
        let Some((tips, bodies)) = rest.split_at_mut_checked(count * TIP) else { return false };
        let (heads, tips) = (heads.as_chunks_mut::<HEAD>().0, tips.as_chunks_mut::<TIP>().0);
        if !self.fits(heads, u64::from(cost), now) {
            return false;
        }
        for ((lane, head), tip) in self.lanes.iter().zip(heads.iter_mut()).zip(tips.iter_mut()) {
            *head = u64::from_le_bytes(*head).wrapping_add(u64::from(cost) & lane.head).to_le_bytes();
            *tip = u32::from_le_bytes(*tip).wrapping_add(cost & lane.tip).to_le_bytes();
        }
        for (index, extra) in &self.extras {
            if let (Some(head), Some(tip)) = (heads.get_mut(*index), tips.get_mut(*index)) {
                extra.charge(header, head, tip, bodies, u64::from(cost), now);
            }
        }
        put(header, state::LAST, now.to_le_bytes());
        true
    }

    fn fits(&self, heads: &[[u8; HEAD]], cost: u64, now: u64) -> bool {
        let counts = self.lanes.iter().zip(heads);
        let fit = counts.fold(true, |fit, (lane, head)| {
            fit & (u64::from_le_bytes(*head).saturating_add(cost & lane.head) <= lane.limit)
        });
        fit && self.extras.iter().all(|(index, extra)| match (extra, heads.get(*index)) {
            (Extra::Log { .. }, _) | (Extra::Pace { .. }, None) => true,
            (Extra::Pace { burst_ms, interval_ms }, Some(head)) => {
                let arrival = u64::from_le_bytes(*head).max(now);
                arrival.saturating_add(cost.saturating_mul(*interval_ms)) <= now + burst_ms
            }
        })
    }
}

impl Extra {
    fn charge(
        self,
        header: &mut [u8],
        head: &mut [u8; HEAD],
        tip: &mut [u8; TIP],
        bodies: &mut [u8],
        cost: u64,
        now: u64,
    ) {
        match self {
            Self::Log { period_ms, body } => {
                append(bodies, body, tip, now, cost);
                let oldest = log::instant(u64_at(bodies, body)) + period_ms;
                put(header, state::EDGE, u64_at(header, state::EDGE).min(oldest).to_le_bytes());
            }
            Self::Pace { interval_ms, .. } => {
                *head = (u64::from_le_bytes(*head).max(now) + cost * interval_ms).to_le_bytes();
            }
        }
    }
}

/// Adds units to a log that has room for them.
fn append(bodies: &mut [u8], body: usize, tip: &mut [u8; TIP], now: u64, cost: u64) {
    let length = u32::from_le_bytes(*tip);
    let newest = (body + Log::ENTRY * usize::try_from(length).unwrap_or_default()).saturating_sub(Log::ENTRY);
    let entry = u64_at(bodies, newest);
    if length > 0 && log::instant(entry) == now {
        return put(bodies, newest, (entry + cost).to_le_bytes());
    }
    *tip = (length + 1).to_le_bytes();
    let next = if length == 0 { body } else { newest + Log::ENTRY };
    put(bodies, next, log::entry(now, cost).to_le_bytes());
}
