//! What may have to move on when a decision comes at or after the edge.
//!
//! A bucket of a ring is over only where one of a finer ring is over, if the coarser ring's buckets are a whole number of
//! the finer one's long, as those of an hour are of a minute's: so the rings are asked from the first on, and one that
//! stands still answers for the coarser ones behind it.

use super::{
    layout::{COUNT, Counts},
    log::Log,
    meter::Clock,
    ring::Ring,
};
use alloc::vec::Vec;

/// The windows of a policy but for its paces, by their kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Wheels {
    /// How many calendar periods' ends the bodies begin with.
    ends: usize,
    /// With the numbers of their windows.
    pub(super) logs: Vec<(usize, Log)>,
    rings: Vec<Wheel>,
}

/// A ring, the number of its window, and whether it stands still when the ring before does.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wheel {
    ring: Ring,
    window: usize,
    coarser: bool,
}

impl Wheels {
    pub(super) fn add_log(&mut self, window: usize, log: &Log) {
        self.logs.push((window, log.clone()));
    }

    pub(super) fn add_ring(&mut self, window: usize, ring: &Ring) {
        let coarser = self.rings.last().is_some_and(|finer| ring.is_coarser_than(&finer.ring));
        self.rings.push(Wheel { ring: ring.clone(), window, coarser });
    }

    pub(super) fn add_tally(&mut self) {
        self.ends += 1;
    }

    /// The first instant at which a calendar period is over; the largest number if there is none.
    #[inline(always)]
    pub(super) fn end(&self, bodies: &[u8]) -> Option<u64> {
        let ends = bodies.as_chunks().0.get(..self.ends)?;
        Some(ends.iter().fold(u64::MAX, |edge, end| edge.min(u64::from_le_bytes(*end))))
    }

    /// Takes what has drained at `clock.now`, before any calendar period is over, out of the totals.
    pub(super) fn drain(&self, bodies: &[u8], words: &mut [u64], clock: Clock) {
        for (window, log) in &self.logs {
            let Some(word) = words.get_mut(*window) else { continue };
            let counts = Counts::of(*word);
            let (drained, _) = log.drained(bodies, counts, clock);
            *word = Counts { total: counts.total.saturating_sub(drained), ..counts }.word();
        }
        for Wheel { ring, window, .. } in &self.rings {
            let Some(word) = words.get_mut(*window) else { continue };
            let counts = Counts::of(*word);
            let drained = ring.drained(bodies, ring.bucket(clock.last), ring.bucket(clock.now));
            *word = Counts { total: counts.total.saturating_sub(drained), ..counts }.word();
        }
    }

    /// Moves the bodies and the counts on to `clock.now`, which is before `end`, the first end of a calendar period, and
    /// writes down units that are already in the counts. Returns the edge.
    #[inline(always)]
    pub(super) fn turn(&self, bodies: &mut [u8], places: &mut [[u8; COUNT]], clock: Clock, cost: u32, end: u64) -> u64 {
        let mut edge = end;
        for (window, log) in &self.logs {
            let Some(place) = places.get_mut(*window) else { continue };
            let before = before(place, cost);
            let (drained, over) = log.drained(bodies, before, clock);
            edge = edge.min(log.turn(bodies, before, over, cost, clock));
            *place = after(before.total.saturating_sub(drained), before.tip - over, cost);
        }
        let mut still = false;
        for Wheel { ring, window, coarser } in &self.rings {
            if still && *coarser {
                continue;
            }
            let (to, begins) = ring.bucket_at(clock.now);
            edge = edge.min(ring.end(to));
            still = clock.last >= begins;
            if !still {
                let Some(place) = places.get_mut(*window) else { continue };
                let before = before(place, cost);
                let from = ring.bucket_before(to, begins, clock.last);
                let drained = ring.drained(bodies, from, to);
                ring.turn(bodies, before.tip, from, to);
                *place = after(before.total.saturating_sub(drained), 0, cost);
            }
        }
        edge
    }
}

/// The counts of a window before these units.
#[inline(always)]
const fn before(place: &[u8; COUNT], cost: u32) -> Counts {
    let Counts { total, tip } = Counts::of(u64::from_le_bytes(*place));
    Counts { total: total.wrapping_sub(cost), tip: tip.wrapping_sub(cost) }
}

/// The counts of a window with these units.
#[inline(always)]
const fn after(total: u32, tip: u32, cost: u32) -> [u8; COUNT] {
    Counts { total: total.wrapping_add(cost), tip: tip.wrapping_add(cost) }.word().to_le_bytes()
}
