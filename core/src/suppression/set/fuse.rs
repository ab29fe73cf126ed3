//! The quick part: a binary fuse filter, which lets most strangers go after three bytes.
//!
//! Graf and Lemire, *Binary Fuse Filters: Fast and Smaller Than Xor Filters* (2022), with three hashes and eight bits: a
//! tag of the set is always let in, a stranger once in 256 times, for 1.13 bytes an entry. It decides nothing by itself:
//! whoever it lets in is looked up in the table.
//!
//! It is written here and not taken from a crate because it is built from tags that are sorted already and stays
//! checkable against them: a tag's own top bits choose its first segment, so that building, rebuilding and the check at
//! load walk through memory in one direction, and a build keeps 32-bit places instead of 64-bit keys. There are no
//! floats in it: the paper's two logarithms are tables of its constants.

use super::{TAG_BITS, table::as_u64};
use alloc::{vec, vec::Vec};

/// A filter over tags.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Which of the attempts to build it succeeded.
    pub(super) seed: u64,
    /// A segment has two to this power of fingerprints.
    pub(super) segment_bits: u32,
    /// Segments a tag can begin in; there are two more.
    pub(super) segments: u32,
    /// One byte a slot.
    pub(super) fingerprints: Vec<u8>,
}

/// The three slots of a tag, and its fingerprint.
struct Places {
    slots: [usize; 3],
    fingerprint: u8,
}

impl Filter {
    /// A filter of these sorted, distinct tags. `None` when they are too few to be worth one, or when no attempt
    /// succeeds, which tags of a keyed hash do not bring about; the table then answers alone.
    pub(super) fn build(tags: &[u64]) -> Option<Self> {
        if tags.len() < FEWEST {
            return None;
        }
        let (segment_bits, segments) = geometry(tags.len());
        let slots = slots_of(segment_bits, segments)?;
        let mut peel = Peel::new(slots, tags.len());
        (0..ATTEMPTS).find_map(|seed| {
            let mut filter = Self { seed, segment_bits, segments, fingerprints: Vec::new() };
            peel.run(&filter, tags).then(|| {
                filter.fingerprints = vec![0; slots];
                filter.assign(&peel.order, tags);
                filter
            })
        })
    }

    /// A filter from its saved parts; `None` when they do not fit together.
    pub(super) fn from_parts(seed: u64, segment_bits: u32, segments: u32, fingerprints: Vec<u8>) -> Option<Self> {
        let fits = slots_of(segment_bits, segments) == Some(fingerprints.len());
        fits.then_some(Self { seed, segment_bits, segments, fingerprints })
    }

    /// `false` only when the tag is not of the set.
    #[inline]
    pub(super) fn lets_in(&self, tag: u64) -> bool {
        let Places { slots: [a, b, c], fingerprint } = self.places(tag);
        fingerprint == self.at(a) ^ self.at(b) ^ self.at(c)
    }

    fn assign(&mut self, order: &[u32], tags: &[u64]) {
        for entry in order.iter().rev() {
            let Some(tag) = tags.get(index(entry & PLACE)) else { continue };
            let Places { slots, fingerprint } = self.places(*tag);
            // The slot to set is still zero, so it may stand in the sum.
            let value = slots.iter().fold(fingerprint, |sum, slot| sum ^ self.at(*slot));
            if let Some(cell) =
                slots.get(index(entry >> PLACE_BITS)).and_then(|slot| self.fingerprints.get_mut(*slot))
            {
                *cell = value;
            }
        }
    }

    #[inline]
    fn at(&self, slot: usize) -> u8 {
        self.fingerprints.get(slot).copied().unwrap_or(0)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a slot is below 2^28, a fingerprint is a byte of the mix")]
    fn places(&self, tag: u64) -> Places {
        let mixed = mix(tag, self.seed);
        let starts = u64::from(self.segments) << self.segment_bits;
        let first = ((tag >> (TAG_BITS - 32)) * starts) >> 32;
        let length = 1u64 << self.segment_bits;
        let second = (first + length) ^ (mixed >> 46 & (length - 1));
        let third = (first + 2 * length) ^ (mixed >> 28 & (length - 1));
        Places { slots: [first as usize, second as usize, third as usize], fingerprint: (mixed >> 20) as u8 }
    }
}

/// The search for an order in which every tag has a slot of its own.
struct Peel {
    /// How many tags not yet taken out have this slot; [`CROWDED`] when too many to count.
    counts: Vec<u8>,
    /// The places of those tags in the list, all xored.
    places: Vec<u32>,
    /// The tags as they were taken out: the place in the list, and above it which of the three slots was its own.
    order: Vec<u32>,
    /// Slots that have one tag left.
    alone: Vec<usize>,
}

impl Peel {
    fn new(slots: usize, entries: usize) -> Self {
        let order = Vec::with_capacity(entries);
        Self { counts: vec![0; slots], places: vec![0; slots], order, alone: Vec::new() }
    }

    /// Whether every tag could be taken out.
    fn run(&mut self, filter: &Filter, tags: &[u64]) -> bool {
        self.counts.fill(0);
        self.places.fill(0);
        self.order.clear();
        for (place, tag) in (0u32..).zip(tags) {
            for slot in filter.places(*tag).slots {
                if self.change(slot, place, u8::saturating_add) == Some(CROWDED) {
                    return false;
                }
            }
        }
        for slot in 0..self.counts.len() {
            self.alone.push(slot);
            while let Some(slot) = self.alone.pop() {
                self.take_out(slot, filter, tags);
            }
        }
        self.order.len() == tags.len()
    }

    fn take_out(&mut self, slot: usize, filter: &Filter, tags: &[u64]) {
        let (Some(1), Some(place)) = (self.counts.get(slot), self.places.get(slot).copied()) else { return };
        let Some(tag) = tags.get(index(place)) else { return };
        let slots = filter.places(*tag).slots;
        for (which, of_tag) in (0u32..).zip(slots) {
            if of_tag == slot {
                self.order.push(which << PLACE_BITS | place);
            }
            if self.change(of_tag, place, u8::saturating_sub) == Some(1) {
                self.alone.push(of_tag);
            }
        }
    }

    /// Adds a tag to a slot or takes it from it; the slot's count then.
    fn change(&mut self, slot: usize, place: u32, by: fn(u8, u8) -> u8) -> Option<u8> {
        let (count, places) = (self.counts.get_mut(slot)?, self.places.get_mut(slot)?);
        *count = by(*count, 1);
        *places ^= place;
        Some(*count)
    }
}

/// Bits that depend on all of the tag's and on the seed. The tag is a keyed hash already; this keeps the second and third
/// slot and the fingerprint apart from the first slot, and gives another attempt other ones.
#[inline]
const fn mix(tag: u64, seed: u64) -> u64 {
    // The constants of SplitMix64.
    let tag = (tag ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (tag ^ tag >> 31).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// The segment's bits and the number of segments for so many tags, as the paper sets them.
fn geometry(entries: usize) -> (u32, u32) {
    let below = SEGMENT_STEPS.iter().take_while(|step| **step <= entries).count();
    let segment_bits = u32::try_from(below).unwrap_or(0).saturating_add(SMALLEST_SEGMENT_BITS - 1);
    let log = usize::try_from(entries.checked_ilog2().unwrap_or(0)).unwrap_or(0);
    let per_mille = SIZE_STEPS.get(log.saturating_sub(FIRST_SIZE_STEP)).copied().unwrap_or(LAST_SIZE_STEP);
    let wanted = as_u64(entries) * per_mille / 1000;
    let segments = wanted.div_ceil(1 << segment_bits).saturating_sub(2).max(1);
    (segment_bits, u32::try_from(segments).unwrap_or(u32::MAX))
}

/// Slots of a filter of this shape; `None` for one that is never built.
pub(super) fn slots_of(segment_bits: u32, segments: u32) -> Option<usize> {
    if segments == 0 || segment_bits > MAX_SEGMENT_BITS {
        return None;
    }
    let slots = u64::from(segments).checked_add(2)? << segment_bits;
    usize::try_from(slots).ok().filter(|_| slots <= MAX_SLOTS)
}

#[inline]
fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Below this a bucket is as quick as a filter.
const FEWEST: usize = 64;
/// An attempt over tags of a keyed hash fails once in a hundred times or less; then another seed is tried.
const ATTEMPTS: u64 = 32;
/// A slot has three tags on average. One that counts so many is no accident of a keyed hash.
const CROWDED: u8 = u8::MAX;
/// The bits of [`Peel::order`] that hold a tag's place: more than [`super::MAX_ENTRIES`] needs.
const PLACE_BITS: u32 = 30;
const PLACE: u32 = (1 << PLACE_BITS) - 1;
/// The fewest tags for segments of 5, 6, ... bits: where floor(ln n / ln 3.33 + 2.25) steps up.
const SEGMENT_STEPS: [usize; 14] = [
    28, 92, 304, 1_010, 3_362, 11_193, 37_273, 124_118, 413_310, 1_376_322, 4_583_150, 15_261_887, 50_822_082,
    169_237_530,
];
const SMALLEST_SEGMENT_BITS: u32 = 5;
/// Longer segments than this gain nothing (the paper's own bound).
const MAX_SEGMENT_BITS: u32 = 18;
/// Slots for a thousand tags when there are 2^6, 2^7, ... of them: 0.875 + 0.25 ln(10^6) / ln(n), rounded up; at least
/// 1.125.
const SIZE_STEPS: [u64; 14] =
    [1_706, 1_587, 1_498, 1_429, 1_374, 1_328, 1_291, 1_259, 1_231, 1_208, 1_187, 1_169, 1_152, 1_138];
const FIRST_SIZE_STEP: usize = 6;
const LAST_SIZE_STEP: u64 = 1_125;
/// More than the filter of [`super::MAX_ENTRIES`] has.
const MAX_SLOTS: u64 = 1 << 28;
