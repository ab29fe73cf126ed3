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

/// What [`Wheels::see`] found.
pub(super) struct Turning<const N: usize> {
    /// The first instant at which a calendar period or a ring's newest bucket is over.
    edge: u64,
    /// Entries of each log that are over.
    over: [u32; N],
    /// Behind so many rings none has to move on.
    rings: usize,
}

impl<const N: usize> Turning<N> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { edge: 0, over: [0; N], rings: 0 }
    }
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

    /// Takes what has drained at `clock.now` out of the counts. `false` when a calendar period is over, and nothing is
    /// known.
    #[inline(always)]
    pub(super) fn see<const N: usize>(
        &self,
        bodies: &[u8],
        counts: &mut [u64; N],
        clock: Clock,
        turning: &mut Turning<N>,
    ) -> bool {
        let ends = bodies.as_chunks().0.iter().take(self.ends);
        let mut edge = ends.fold(u64::MAX, |edge, end| edge.min(u64::from_le_bytes(*end)));
        if clock.now >= edge {
            return false;
        }
        for ((window, log), over) in self.logs.iter().zip(&mut turning.over) {
            let Some(word) = counts.get_mut(*window) else { return false };
            let Counts { total, tip } = Counts::of(*word);
            let (drained, entries) = log.drained(bodies, Counts { total, tip }, clock);
            *word = Counts { total: total - drained, tip: tip - entries }.word();
            *over = entries;
        }
        let mut still = false;
        for (index, wheel) in self.rings.iter().enumerate() {
            if still && wheel.coarser {
                continue;
            }
            let (from, to) = (wheel.ring.bucket(clock.last), wheel.ring.bucket(clock.now));
            edge = edge.min(wheel.ring.end(to));
            still = from == to;
            if !still {
                let Some(word) = counts.get_mut(wheel.window) else { return false };
                let total = Counts::of(*word).total.saturating_sub(wheel.ring.drained(bodies, from, to));
                *word = Counts { total, tip: 0 }.word();
                turning.rings = index + 1;
            }
        }
        turning.edge = edge;
        true
    }

    /// Moves the bodies on and writes down units that fit; `places` hold the counts before. Returns the edge.
    #[inline(always)]
    pub(super) fn turn<const N: usize>(
        &self,
        bodies: &mut [u8],
        places: &[[u8; COUNT]; N],
        turning: &Turning<N>,
        clock: Clock,
        cost: u32,
    ) -> u64 {
        let before = |window| Counts::of(places.get(window).map_or(0, |place| u64::from_le_bytes(*place)));
        let mut edge = turning.edge;
        for ((window, log), over) in self.logs.iter().zip(&turning.over) {
            edge = edge.min(log.turn(bodies, before(*window), *over, cost, clock));
        }
        for Wheel { ring, window, .. } in self.rings.iter().take(turning.rings) {
            let (from, to) = (ring.bucket(clock.last), ring.bucket(clock.now));
            if from != to {
                ring.turn(bodies, before(*window).tip, from, to);
            }
        }
        edge
    }
}
