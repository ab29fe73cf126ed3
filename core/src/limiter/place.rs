//! Where a window's numbers stand in the state.

use super::bytes::{put, u32_at, u64_at};

/// The offsets of one window: its head (u64), its tip (u32) and its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    head: usize,
    tip: usize,
    pub(super) body: usize,
}

impl Place {
    /// The place of window `index` of `windows`, with its body at `body`.
    pub(super) fn new(index: usize, windows: usize, body: usize) -> Self {
        Self { head: HEADS + index * HEAD, tip: HEADS + windows * HEAD + index * TIP, body }
    }

    pub(super) fn head(&self, bytes: &[u8]) -> u64 {
        u64_at(bytes, self.head)
    }

    pub(super) fn put_head(&self, bytes: &mut [u8], head: u64) {
        put(bytes, self.head, head.to_le_bytes());
    }

    pub(super) fn tip(&self, bytes: &[u8]) -> u32 {
        u32_at(bytes, self.tip)
    }

    pub(super) fn put_tip(&self, bytes: &mut [u8], tip: u32) {
        put(bytes, self.tip, tip.to_le_bytes());
    }
}

/// Where the bodies begin in a state of so many windows.
pub(super) const fn bodies(windows: usize) -> usize {
    HEADS + windows * (HEAD + TIP)
}

/// Where the heads begin: after the header.
pub(super) const HEADS: usize = 24;

/// Bytes of a head.
pub(super) const HEAD: usize = 8;

/// Bytes of a tip.
pub(super) const TIP: usize = 4;
