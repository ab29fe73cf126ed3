//! Where numbers stand in a state's cells: its bytes without the header that names the policy.
//!
//! Two instants, then a total and a tip of each window; behind this head the windows' bodies. Calendar periods' ends and
//! arrival times come first among them, then entries, then rings: so what a decision mostly needs stands together, and
//! what is read as a whole number of so many bytes stands at a multiple of them (but for entries of 8 bytes).

use super::bytes::{put, u64_at};

/// The counts of one window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Units in use at the newest charge.
    pub(super) total: u32,
    /// Those among them that the short way may add to: of the newest bucket, entries, of the period.
    pub(super) tip: u32,
}

impl Counts {
    /// From a word of a state.
    #[inline(always)]
    pub(super) const fn of(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
        Self { total: u32::from_le_bytes([a, b, c, d]), tip: u32::from_le_bytes([e, f, g, h]) }
    }

    /// As a word of a state: the total in its lower half.
    #[inline(always)]
    pub(super) const fn word(self) -> u64 {
        (self.tip as u64) << 32 | self.total as u64
    }
}

/// The counts of every window, and their bodies; nothing of cells that are too short.
#[inline(always)]
pub(super) fn parts(cells: &[u8], windows: usize) -> (impl Iterator<Item = Counts>, &[u8]) {
    let (head, bodies) = cells.split_at_checked(bodies(windows)).unwrap_or_default();
    let words = head.get(COUNTS..).unwrap_or_default().as_chunks::<COUNT>().0;
    (words.iter().map(|word| Counts::of(u64::from_le_bytes(*word))), bodies)
}

/// As [`parts`], to write.
#[inline(always)]
pub(super) fn parts_mut(cells: &mut [u8], windows: usize) -> (impl Iterator<Item = &mut [u8; COUNT]>, &mut [u8]) {
    let (head, bodies) = cells.split_at_mut_checked(bodies(windows)).unwrap_or_default();
    (head.get_mut(COUNTS..).unwrap_or_default().as_chunks_mut::<COUNT>().0.iter_mut(), bodies)
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
    COUNTS + COUNT * windows
}

const LAST: usize = 0;
const EDGE: usize = 8;

/// Where the counts begin: after the two instants.
pub(super) const COUNTS: usize = 16;

/// Bytes of a total and its tip.
pub(super) const COUNT: usize = 8;
