//! Where numbers stand in a state's cells: its bytes without the header that names the policy.
//!
//! Two instants, a total of each window, a tip of each window; behind this head the windows' bodies.

use super::bytes::{put, u64_at};

/// The counts of one window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Units in use at the newest charge.
    pub(super) total: u32,
    /// Those among them that the short way may add to: of the newest bucket, entries, of the period.
    pub(super) tip: u32,
}

/// The counts of every window, and their bodies; nothing of cells that are too short.
#[inline(always)]
pub(super) fn parts(cells: &[u8], windows: usize) -> (impl Iterator<Item = Counts>, &[u8]) {
    let (head, bodies) = cells.split_at_checked(bodies(windows)).unwrap_or_default();
    let counts = head.get(TOTALS..).unwrap_or_default().as_chunks::<COUNT>().0;
    let (totals, tips) = counts.split_at_checked(windows).unwrap_or_default();
    let counts = totals
        .iter()
        .zip(tips)
        .map(|(total, tip)| Counts { total: u32::from_le_bytes(*total), tip: u32::from_le_bytes(*tip) });
    (counts, bodies)
}

/// As [`parts`], to write: a total and a tip of every window, and the bodies.
#[inline(always)]
pub(super) fn parts_mut(
    cells: &mut [u8],
    windows: usize,
) -> (impl Iterator<Item = (&mut [u8; COUNT], &mut [u8; COUNT])>, &mut [u8]) {
    let (head, bodies) = cells.split_at_mut_checked(bodies(windows)).unwrap_or_default();
    let counts = head.get_mut(TOTALS..).unwrap_or_default().as_chunks_mut::<COUNT>().0;
    let (totals, tips) = counts.split_at_mut_checked(windows).unwrap_or_default();
    (totals.iter_mut().zip(tips), bodies)
}

/// The instant of the newest charge.
#[inline(always)]
pub(super) fn last(cells: &[u8]) -> u64 {
    u64_at(cells, LAST)
}

/// Before this instant every total is up to date and within its limit.
#[inline(always)]
pub(super) fn edge(cells: &[u8]) -> u64 {
    u64_at(cells, EDGE)
}

#[inline(always)]
pub(super) fn put_last(cells: &mut [u8], last: u64) {
    put(cells, LAST, last.to_le_bytes());
}

#[inline(always)]
pub(super) fn put_edge(cells: &mut [u8], edge: u64) {
    put(cells, EDGE, edge.to_le_bytes());
}

/// Where the bodies begin in the cells of so many windows.
#[inline(always)]
pub(super) const fn bodies(windows: usize) -> usize {
    TOTALS + 2 * COUNT * windows
}

const LAST: usize = 0;
const EDGE: usize = 8;

/// Where the totals begin: after the two instants. The tips follow them.
pub(super) const TOTALS: usize = 16;

/// Bytes of a total and of a tip.
const COUNT: usize = 4;
