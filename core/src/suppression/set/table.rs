//! The exact part: a prefix table over sorted tags.
//!
//! A tag's top bits name a bucket; the rest of its bits, the *remainder*, is kept in the bucket in whole bytes, sorted.
//! At ten million entries that is five bytes for an entry, and 0.84 for its share of the bucket starts.

use super::TAG_BITS;
use alloc::vec::Vec;

/// Sorted, distinct tags.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Bits of a tag that name its bucket.
    pub(super) prefix_bits: u32,
    /// Where each bucket starts, in entries; one more than there are buckets.
    pub(super) starts: Vec<u32>,
    /// The remainders, each in [`width`] bytes, little-endian.
    pub(super) remainders: Vec<u8>,
}

impl Table {
    /// Packs tags that are sorted and distinct, at most [`super::MAX_ENTRIES`] of them.
    pub(super) fn from_sorted(tags: &[u64]) -> Self {
        let prefix_bits = prefix_bits(tags.len());
        let width = width(prefix_bits);
        let shift = TAG_BITS - prefix_bits;
        let mut starts = Vec::with_capacity((1 << prefix_bits) + 1);
        let mut remainders = Vec::with_capacity(tags.len() * width);
        for (place, tag) in (0u32..).zip(tags) {
            while as_u64(starts.len()) <= tag >> shift {
                starts.push(place);
            }
            let bytes = (tag & low_bits(shift)).to_le_bytes();
            remainders.extend_from_slice(bytes.get(..width).unwrap_or(&bytes));
        }
        let end = u32::try_from(tags.len()).unwrap_or(u32::MAX);
        starts.resize((1 << prefix_bits) + 1, end);
        Self { prefix_bits, starts, remainders }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.remainders.len() / width(self.prefix_bits)
    }

    /// Whether the tag is an entry.
    #[inline]
    pub(super) fn contains(&self, tag: u64) -> bool {
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

    /// The tag's bucket start, so that its cache line is on its way.
    #[inline]
    pub(super) fn touch_start(&self, tag: u64) -> u32 {
        self.starts.get(self.prefix(tag)).copied().unwrap_or(0)
    }

    /// All tags in order.
    pub(super) fn tags(&self) -> impl Iterator<Item = u64> + '_ {
        let width = width(self.prefix_bits);
        let shift = TAG_BITS - self.prefix_bits;
        (0u64..).zip(self.starts.windows(2)).flat_map(move |(prefix, _)| {
            let bucket = self.bucket(usize::try_from(prefix).unwrap_or(usize::MAX));
            bucket.chunks_exact(width).map(move |bytes| prefix << shift | read(bytes))
        })
    }

    /// Whether the starts lead from nothing to the end without a step back, and every bucket is sorted, without repeats
    /// and within the remainder's bits.
    pub(super) fn is_ordered(&self) -> bool {
        let ends = self.starts.first() == Some(&0)
            && self.starts.last().copied().map(u64::from) == Some(as_u64(self.len()))
            && self.starts.is_sorted();
        ends && (0..self.starts.len().saturating_sub(1)).all(|prefix| {
            let mut remainders = self.bucket(prefix).chunks_exact(width(self.prefix_bits)).map(read).peekable();
            let mut ordered = true;
            while let Some(remainder) = remainders.next() {
                ordered &= remainder <= low_bits(TAG_BITS - self.prefix_bits);
                ordered &= remainders.peek().is_none_or(|next| remainder < *next);
            }
            ordered
        })
    }

    #[inline]
    fn prefix(&self, tag: u64) -> usize {
        usize::try_from(tag >> (TAG_BITS - self.prefix_bits)).unwrap_or(usize::MAX)
    }

    #[inline]
    fn bucket(&self, prefix: usize) -> &[u8] {
        let width = width(self.prefix_bits);
        match (self.starts.get(prefix), self.starts.get(prefix.saturating_add(1))) {
            (Some(start), Some(end)) => {
                self.remainders.get(as_usize(*start) * width..as_usize(*end) * width).unwrap_or_default()
            }
            (Some(_) | None, _) => &[],
        }
    }
}

#[inline]
fn find<const WIDTH: usize>(bucket: &[u8], remainder: [u8; 8]) -> bool {
    let Some(wanted) = remainder.first_chunk::<WIDTH>() else { return false };
    bucket.as_chunks::<WIDTH>().0.contains(wanted)
}

fn read(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Prefix bits for a table of so many entries: buckets of four to eight.
fn prefix_bits(entries: usize) -> u32 {
    (entries / SMALLEST_BUCKET).checked_ilog2().unwrap_or(0).min(MAX_PREFIX_BITS)
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

#[inline]
fn as_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Entries of a bucket, at least, on average. Four keeps a bucket within one or two cache lines; the starts then take
/// between half a byte and a byte for an entry.
const SMALLEST_BUCKET: usize = 4;
/// Sixteen million buckets: the most that a set of [`super::MAX_ENTRIES`] has.
pub(super) const MAX_PREFIX_BITS: u32 = 24;
