//! Where numbers stand in a state's cells: its bytes without the header that names the policy.

use super::bytes::{put, u32_at, u64_at};

/// The offsets of one window: its total (u32), its tip (u32) and its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    total: usize,
    tip: usize,
    pub(super) body: usize,
}

impl Place {
    /// The place of window `index` of `windows`, with its body at `body`.
    pub(super) fn new(index: usize, windows: usize, body: usize) -> Self {
        Self { total: TOTALS + index * COUNT, tip: TOTALS + (windows + index) * COUNT, body }
    }

    #[inline]
    pub(super) fn total(&self, cells: &[u8]) -> u32 {
        u32_at(cells, self.total)
    }

    #[inline]
    pub(super) fn put_total(&self, cells: &mut [u8], total: u32) {
        put(cells, self.total, total.to_le_bytes());
    }

    #[inline]
    pub(super) fn tip(&self, cells: &[u8]) -> u32 {
        u32_at(cells, self.tip)
    }

    #[inline]
    pub(super) fn put_tip(&self, cells: &mut [u8], tip: u32) {
        put(cells, self.tip, tip.to_le_bytes());
    }
}

/// The instant of the newest charge.
#[inline]
pub(super) fn last(cells: &[u8]) -> u64 {
    u64_at(cells, LAST)
}

#[inline]
pub(super) fn put_last(cells: &mut [u8], last: u64) {
    put(cells, LAST, last.to_le_bytes());
}

/// Before this instant every total is up to date.
#[inline]
pub(super) fn edge(cells: &[u8]) -> u64 {
    u64_at(cells, EDGE)
}

#[inline]
pub(super) fn put_edge(cells: &mut [u8], edge: u64) {
    put(cells, EDGE, edge.to_le_bytes());
}

/// Where the bodies begin in the cells of so many windows.
pub(super) const fn bodies(windows: usize) -> usize {
    TOTALS + 2 * COUNT * windows
}

const LAST: usize = 0;
const EDGE: usize = 8;

/// Where the totals begin: after the two instants. The tips follow them.
pub(super) const TOTALS: usize = 16;

/// Bytes of a total and of a tip.
const COUNT: usize = 4;
