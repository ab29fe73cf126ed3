//! Keys and their cells, one slot after the other, in chunks that never move.

use super::super::bytes::{put, u64_at};
use alloc::{boxed::Box, vec, vec::Vec};

/// Slots of a key (u64) and its cells each.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    chunks: Vec<Box<[u8]>>,
    stride: usize,
    /// Slots that have been in use and are free again.
    free: Vec<u32>,
    /// Slots that have ever been in use.
    used: u32,
}

impl Slab {
    pub(super) fn new(cells: usize) -> Self {
        Self { chunks: Vec::new(), stride: KEY + cells, free: Vec::new(), used: 0 }
    }

    /// Slots in use.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.used).unwrap_or(usize::MAX) - self.free.len()
    }

    /// Slots that are or have been in use: numbers below this.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// A slot for a key, with fresh cells.
    pub(super) fn take(&mut self, key: u64) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.used.is_multiple_of(CHUNK) {
                self.chunks.push(vec![0; self.stride * usize::try_from(CHUNK).unwrap_or_default()].into_boxed_slice());
            }
            self.used += 1;
            self.used - 1
        });
        if let Some(bytes) = self.bytes_mut(slot) {
            put(bytes, 0, key.to_le_bytes());
        }
        slot
    }

    /// Frees a slot; its cells are fresh for whoever takes it next, its key is none of a table's while it is free.
    pub(super) fn give_back(&mut self, slot: u32) {
        if let Some(bytes) = self.bytes_mut(slot) {
            bytes.fill(0);
        }
        self.free.push(slot);
    }

    #[inline(always)]
    pub(super) fn key(&self, slot: u32) -> u64 {
        self.bytes(slot).map_or(0, |bytes| u64_at(bytes, 0))
    }

    #[inline(always)]
    pub(super) fn cells(&self, slot: u32) -> &[u8] {
        self.bytes(slot).and_then(|bytes| bytes.get(KEY..)).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn cells_mut(&mut self, slot: u32) -> &mut [u8] {
        self.bytes_mut(slot).and_then(|bytes| bytes.get_mut(KEY..)).unwrap_or_default()
    }

    /// Reads a byte of each cache line of a slot, so that it is at hand when it is asked for.
    #[inline(always)]
    pub(super) fn touch(&self, slot: u32) -> u8 {
        let bytes = self.bytes(slot).unwrap_or_default();
        let last = bytes.last().copied().unwrap_or_default();
        bytes.iter().step_by(LINE).fold(last, |sum, byte| sum ^ byte)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let chunk = self.stride * usize::try_from(CHUNK).unwrap_or_default();
        self.chunks.len() * chunk
            + self.chunks.capacity() * size_of::<Box<[u8]>>()
            + self.free.capacity() * size_of::<u32>()
    }

    #[inline(always)]
    fn bytes(&self, slot: u32) -> Option<&[u8]> {
        let (chunk, at) = self.place(slot);
        self.chunks.get(chunk)?.get(at..at + self.stride)
    }

    #[inline(always)]
    fn bytes_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        let (chunk, at) = self.place(slot);
        let stride = self.stride;
        self.chunks.get_mut(chunk)?.get_mut(at..at + stride)
    }

    #[inline(always)]
    fn place(&self, slot: u32) -> (usize, usize) {
        let (chunk, within) = (slot / CHUNK, slot % CHUNK);
        (usize::try_from(chunk).unwrap_or(usize::MAX), usize::try_from(within).unwrap_or_default() * self.stride)
    }
}

/// Bytes of a key.
const KEY: usize = 8;

/// Slots of a chunk: 48 KB of five-window states, so that a small table is small and a large one has few chunks.
const CHUNK: u32 = 256;

/// Bytes of a cache line.
const LINE: usize = 64;
