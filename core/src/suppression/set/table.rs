//! The packed part of a set: sorted tags behind a table of cells.
//!
//! A tag's top bits name its cell. The rest of its bits, the *remainder*, is kept in full beside the cell's other
//! remainders, sorted, in whole bytes. A cell is sixteen bytes: where its remainders start, and a *sketch* of them, 96 bits
//! of which each remainder sets six. In front of the cells stands the *sieve*, a word of 64 bits for each cell, of which
//! each remainder sets four. A stranger mostly meets a bit that is not set in the sieve, and goes after one read of
//! memory; most of the others go at the sketch. Neither decides anything else: whoever is let in is looked for among the
//! remainders.
//!
//! Why a sieve: a question costs the reads that miss the caches. The sieve of ten million entries is 8 MB, which the last
//! level of a cache often keeps beside everything else; their cells are 17 MB. It lets in 5 strangers in a hundred there,
//! and 17 where cells are fullest; of those the sketch stops most.
//!
//! Why no binary fuse filter, whose eight bits an entry let in fewer strangers than one sketch: it is read at three places,
//! this at one. A sketch also needs no search for a seed, and it is made anew from the remainders at every load, so that
//! no damage to it can hide an entry.

use super::TAG_BITS;
use alloc::{vec, vec::Vec};

/// Sorted, distinct tags.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Bits of a tag that name its cell.
    prefix_bits: u32,
    /// A short sketch of each cell's remainders.
    sieve: Vec<u64>,
    /// The cells, and one more whose start is the end.
    cells: Vec<Cell>,
    /// The remainders, each in [`width`] bytes, little-endian.
    remainders: Vec<u8>,
}

/// Where a cell's remainders start, in entries, and their sketch. Sixteen bytes, so that none lies in two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
struct Cell {
    start: u32,
    sketch: [u32; 3],
}

impl Table {
    /// Packs tags that are sorted and distinct, at most [`super::MAX_ENTRIES`] of them.
    pub(super) fn from_sorted(tags: &[u64]) -> Self {
        let prefix_bits = prefix_bits(tags.len());
        let (width, shift) = (width(prefix_bits), TAG_BITS - prefix_bits);
        let cells = (1usize << prefix_bits) + 1;
        let mut table = Self {
            prefix_bits,
            sieve: vec![0; cells - 1],
            cells: Vec::with_capacity(cells),
            remainders: Vec::with_capacity(tags.len() * width),
        };
        for (start, tag) in (0u32..).zip(tags) {
            while as_u64(table.cells.len()) <= tag >> shift {
                table.cells.push(Cell { start, sketch: [0; 3] });
            }
            table.note(*tag);
            let bytes = (tag & low_bits(shift)).to_le_bytes();
            table.remainders.extend_from_slice(bytes.get(..width).unwrap_or(&bytes));
        }
        let start = u32::try_from(tags.len()).unwrap_or(u32::MAX);
        table.cells.resize(cells, Cell { start, sketch: [0; 3] });
        table
    }

    /// A table from what was saved of one. `None` unless the starts lead from nothing to the end without a step back, and
    /// every cell's remainders are in order, without repeats and within their bits.
    pub(super) fn from_saved(prefix_bits: u32, starts: &[[u8; 4]], remainders: Vec<u8>) -> Option<Self> {
        let cell = |start: &[u8; 4]| Cell { start: u32::from_le_bytes(*start), sketch: [0; 3] };
        let sieve = vec![0; starts.len().saturating_sub(1)];
        let mut table = Self { prefix_bits, sieve, cells: starts.iter().map(cell).collect(), remainders };
        let first = table.cells.first()?.start;
        let end = table.cells.last()?.start;
        let sorted = table.cells.is_sorted_by_key(|cell| cell.start);
        if first != 0 || u64::from(end) != as_u64(table.len()) || !sorted {
            return None;
        }
        let mut tags = Vec::new();
        for prefix in 0..table.cells.len() - 1 {
            tags.clear();
            tags.extend(table.cell_tags(prefix));
            let of_cell = |tag: &u64| table.prefix(*tag) == prefix;
            if !tags.is_sorted_by(|one, next| one < next) || !tags.iter().all(of_cell) {
                return None;
            }
            tags.iter().for_each(|tag| table.note(*tag));
        }
        Some(table)
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.remainders.len() / width(self.prefix_bits)
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.sieve.capacity() * size_of::<u64>()
            + self.cells.capacity() * size_of::<Cell>()
            + self.remainders.capacity()
    }

    /// Bits of a tag that name its cell.
    pub(super) fn prefix_bits(&self) -> u32 {
        self.prefix_bits
    }

    /// Where each cell starts, and the end.
    pub(super) fn starts(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.cells.iter().map(|cell| cell.start)
    }

    /// The remainders of all cells.
    pub(super) fn remainders(&self) -> &[u8] {
        &self.remainders
    }

    /// Whether the tag is an entry.
    #[inline]
    pub(super) fn contains(&self, tag: u64) -> bool {
        self.lets_in(tag) && self.finds(tag)
    }

    /// `false` only when the tag is not an entry.
    #[inline]
    pub(super) fn lets_in(&self, tag: u64) -> bool {
        let (prefix, marks) = (self.prefix(tag), sieve_marks(tag));
        self.sieve.get(prefix).is_some_and(|bits| marks & !bits == 0)
            && self.cells.get(prefix).is_some_and(|cell| cell.lets_in(tag))
    }

    /// Puts an entry into the sieve and into the sketch of its cell.
    fn note(&mut self, tag: u64) {
        let prefix = self.prefix(tag);
        if let (Some(bits), Some(cell)) = (self.sieve.get_mut(prefix), self.cells.get_mut(prefix)) {
            *bits |= sieve_marks(tag);
            cell.note(tag);
        }
    }

    /// Whether the tag is an entry, whatever the sketch says.
    #[inline]
    pub(super) fn finds(&self, tag: u64) -> bool {
        let bucket = self.bucket(self.prefix(tag));
        let remainder = (tag & low_bits(TAG_BITS - self.prefix_bits)).to_le_bytes();
        match width(self.prefix_bits) {
            5 => find::<5>(bucket, remainder),
            6 => find::<6>(bucket, remainder),
            7 => find::<7>(bucket, remainder),
            _ => find::<8>(bucket, remainder),
        }
    }

    /// The first byte of the tag's bucket, so that its cache line is on its way.
    #[inline]
    pub(super) fn touch(&self, tag: u64) -> u8 {
        self.bucket(self.prefix(tag)).first().copied().unwrap_or(0)
    }

    /// All tags in order.
    pub(super) fn tags(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.cells.len() - 1).flat_map(|prefix| self.cell_tags(prefix))
    }

    fn cell_tags(&self, prefix: usize) -> impl Iterator<Item = u64> + '_ {
        let high = as_u64(prefix) << (TAG_BITS - self.prefix_bits);
        let bytes = self.bucket(prefix).chunks_exact(width(self.prefix_bits));
        // Added, not joined: a remainder that is too large must not pass for another.
        bytes.map(move |bytes| high.saturating_add(bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))))
    }

    #[inline]
    fn prefix(&self, tag: u64) -> usize {
        usize::try_from(tag >> (TAG_BITS - self.prefix_bits)).unwrap_or(usize::MAX)
    }

    /// The remainders of a cell.
    #[inline]
    fn bucket(&self, prefix: usize) -> &[u8] {
        let width = width(self.prefix_bits);
        let place = |prefix: usize| {
            self.cells.get(prefix).and_then(|cell| usize::try_from(cell.start).ok()).map(|start| start * width)
        };
        match (place(prefix), place(prefix.saturating_add(1))) {
            (Some(start), Some(end)) => self.remainders.get(start..end).unwrap_or_default(),
            (Some(_) | None, _) => &[],
        }
    }
}

impl Cell {
    fn note(&mut self, tag: u64) {
        for (bits, mark) in self.sketch.iter_mut().zip(marks(tag)) {
            *bits |= mark;
        }
    }

    #[inline]
    fn lets_in(&self, tag: u64) -> bool {
        let ([a, b, c], [x, y, z]) = (self.sketch, marks(tag));
        (x & !a) | (y & !b) | (z & !c) == 0
    }
}

/// The bits of a tag in its cell's sketch: two in each word.
#[inline]
fn marks(tag: u64) -> [u32; 3] {
    // The upper bits of a product depend on all bits of the tag.
    let mixed = tag.wrapping_mul(MIXER);
    let bit = |shift: u32| 1u32 << (mixed >> shift & 31);
    [bit(59) | bit(54), bit(49) | bit(44), bit(39) | bit(34)]
}

/// The bits of a tag in its cell's word of the sieve: four. They come of other bits of the product than [`marks`].
#[inline]
fn sieve_marks(tag: u64) -> u64 {
    let mixed = tag.wrapping_mul(MIXER);
    let bit = |shift: u32| 1u64 << (mixed >> shift & 63);
    bit(28) | bit(22) | bit(16) | bit(10)
}

#[inline]
fn find<const WIDTH: usize>(bucket: &[u8], remainder: [u8; 8]) -> bool {
    let Some(wanted) = remainder.first_chunk::<WIDTH>() else { return false };
    bucket.as_chunks::<WIDTH>().0.contains(wanted)
}

/// Prefix bits for a table of so many entries: cells of eight to sixteen.
fn prefix_bits(entries: usize) -> u32 {
    (entries / SMALLEST_CELL).checked_ilog2().unwrap_or(0).min(MAX_PREFIX_BITS)
}

/// Bytes of a remainder.
#[inline]
pub(super) const fn width(prefix_bits: u32) -> usize {
    (TAG_BITS - prefix_bits).div_ceil(8) as usize
}

#[inline]
const fn low_bits(bits: u32) -> u64 {
    (1 << bits) - 1
}

pub(super) fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Entries of a cell, at least, on average: sixteen bytes and eight of the sieve for so many entries or more are at most
/// three an entry.
const SMALLEST_CELL: usize = 8;
/// Sixteen million cells: the most that a set of [`super::MAX_ENTRIES`] has is half of it.
pub(super) const MAX_PREFIX_BITS: u32 = 24;
/// 2^64 divided by the golden ratio, odd (Knuth's multiplicative hashing).
const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
