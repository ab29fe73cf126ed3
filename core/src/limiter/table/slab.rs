//! Keys and their cells, one slot after the other, in chunks that never move.
//!
//! Memory comes in lines of the cache, and a line that is not there is what a decision waits for. So chunks begin where a
//! line begins, and slots are whole lines long where that costs little: then a key and its counts, for up to five windows,
//! are one line, and what a decision mostly needs beside them is the next.

use super::super::bytes::{put, u64_at};
use alloc::{boxed::Box, vec, vec::Vec};
use core::hint::black_box;

/// Slots of a key (u64) and its cells each.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    chunks: Vec<Chunk>,
    /// Bytes of a slot.
    stride: usize,
    /// Those in use: the key and its cells.
    length: usize,
    /// Slots that have been in use and are free again.
    free: Vec<u32>,
    /// Slots that have ever been in use.
    used: u32,
}

/// Some slots, and where the first of them begins. (A copy's may begin elsewhere in a line: that is slower, no more.)
#[derive(Clone, Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    start: usize,
}

impl Slab {
    pub(super) fn new(cells: usize) -> Self {
        let length = KEY + cells;
        let lines = length.next_multiple_of(LINE);
        let stride = if (lines - length) * SLACK <= length { lines } else { length };
        Self { chunks: Vec::new(), stride, length, free: Vec::new(), used: 0 }
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
                self.chunks.push(Chunk::new(self.chunk_bytes()));
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

    /// The cells of a slot, if it says this key.
    #[inline(always)]
    pub(super) fn held_by(&mut self, slot: u32, key: u64) -> Option<&mut [u8]> {
        let bytes = self.bytes_mut(slot)?;
        // The slot's lines come together, not one when the one before has been read.
        black_box(needed(bytes));
        let (found, cells) = bytes.split_first_chunk_mut::<KEY>()?;
        (u64::from_le_bytes(*found) == key).then_some(cells)
    }

    #[inline(always)]
    pub(super) fn cells(&self, slot: u32) -> &[u8] {
        self.bytes(slot).and_then(|bytes| bytes.get(KEY..)).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn cells_mut(&mut self, slot: u32) -> &mut [u8] {
        self.bytes_mut(slot).and_then(|bytes| bytes.get_mut(KEY..)).unwrap_or_default()
    }

    /// Reads a byte of each line that a decision about a slot mostly needs, so that they are at hand when they are asked
    /// for: two of them, or three where slots are no whole lines.
    #[inline(always)]
    pub(super) fn touch(&self, slot: u32) -> u8 {
        let bytes = self.bytes(slot).unwrap_or_default();
        bytes.first().map_or(0, |first| first ^ needed(bytes))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn chunk_bytes(&self) -> usize {
        self.stride * usize::try_from(CHUNK).unwrap_or_default()
    }

    #[inline(always)]
    fn bytes(&self, slot: u32) -> Option<&[u8]> {
        let (chunk, at) = self.place(slot);
        let chunk = self.chunks.get(chunk)?;
        chunk.bytes.get(chunk.start + at..)?.get(..self.length)
    }

    #[inline(always)]
    fn bytes_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        let (chunk, at) = self.place(slot);
        let chunk = self.chunks.get_mut(chunk)?;
        chunk.bytes.get_mut(chunk.start + at..)?.get_mut(..self.length)
    }

    #[inline(always)]
    fn place(&self, slot: u32) -> (usize, usize) {
        let (chunk, within) = (slot / CHUNK, slot % CHUNK);
        (usize::try_from(chunk).unwrap_or(usize::MAX), usize::try_from(within).unwrap_or_default() * self.stride)
    }
}

impl Chunk {
    fn new(length: usize) -> Self {
        let bytes = vec![0; length + LINE - 1].into_boxed_slice();
        // What the allocator gave may begin anywhere in a line, and where it does not say the start is as good as another.
        let start = bytes.as_ptr().align_offset(LINE).min(LINE - 1);
        Self { bytes, start }
    }
}

/// A byte of the second line and one of the third, of those that [`Slab::touch`] reads.
#[inline(always)]
fn needed(bytes: &[u8]) -> u8 {
    let Some((head, [.., last])) = bytes.first_chunk::<NEEDED>().and_then(|needed| needed.split_first_chunk::<LINE>())
    else {
        return bytes.last().copied().unwrap_or_default();
    };
    let [.., middle] = head;
    middle ^ last
}

/// Bytes of a key.
const KEY: usize = 8;

/// Slots of a chunk: 48 KB of five-window states, so that a small table is small and a large one has few chunks.
const CHUNK: u32 = 256;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Slots are whole lines if no more than this part of what they hold is added: of a five-window state's 188 bytes, 4.
const SLACK: usize = 16;

/// What a decision mostly needs is in the first two lines. A byte less, so that a slot that begins late in a line has three.
const NEEDED: usize = 2 * LINE - 1;
