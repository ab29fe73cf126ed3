//! Where a key's slot is: open addressing in words of four bytes.
//!
//! A word is a slot and, in the bits that slots do not need, a piece of the key's hash, so that another key's slot is
//! looked at in vain only once in some hundred times. The key itself stands in the slot; the index never decides.

use alloc::vec::Vec;

/// Words by hash. Word 0 is no slot; else the slot's number plus 1 in the lower bits, a piece of the hash above.
#[derive(Clone, Debug)]
pub(super) struct Index {
    words: Vec<u32>,
    filled: usize,
    slot_bits: u32,
}

impl Index {
    pub(super) fn new() -> Self {
        Self::with_places(FEWEST_PLACES)
    }

    /// Where a search for this hash begins.
    #[inline(always)]
    pub(super) fn home(&self, hash: u64) -> usize {
        let product = u128::from(hash) * self.words.len() as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }

    /// The slot for which `is_it` says yes, among those that may be of this hash.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = self.home(hash);
        loop {
            let word = self.words.get(place).copied().unwrap_or_default();
            let slot = self.slot(word)?;
            if word >> self.slot_bits == self.piece(hash) && is_it(slot) {
                return Some(slot);
            }
            place = self.after(place);
        }
    }

    /// The first slot that may be of this hash, or one that is not there. It is nearly always the right one if there is
    /// one: whoever finds another key in it asks [`Index::find`].
    #[inline(always)]
    pub(super) fn likely(&self, hash: u64) -> u32 {
        let wanted = self.piece(hash) << self.slot_bits;
        let numbers = !(u32::MAX << self.slot_bits);
        // A search that goes on at the beginning of the words is rare, and left to `find`.
        for word in self.words.get(self.home(hash)..).unwrap_or_default() {
            let number = word ^ wanted;
            if *word == 0 {
                break;
            }
            if number <= numbers {
                return number.wrapping_sub(1);
            }
        }
        u32::MAX
    }

    /// Reads the word where a search begins, so that it is at hand when it is asked for.
    #[inline(always)]
    pub(super) fn touch(&self, hash: u64) -> u32 {
        self.words.get(self.home(hash)).copied().unwrap_or_default()
    }

    /// Whether one more slot makes searches too long.
    pub(super) fn is_crowded(&self) -> bool {
        self.filled * FULL_OF >= self.words.len() * FULL_AT
    }

    /// An index of a third more places, for the same slots.
    pub(super) fn grown(&self, hash_of: impl Fn(u32) -> u64) -> Self {
        let mut larger = Self::with_places(self.words.len() + self.words.len() / 3 + 1);
        for slot in self.words.iter().filter_map(|word| self.slot(*word)) {
            larger.insert(hash_of(slot), slot);
        }
        larger
    }

    /// Adds a slot that is not there. There is a free place: see [`Index::is_crowded`].
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        let word = self.piece(hash) << self.slot_bits | (slot + 1);
        let mut place = self.home(hash);
        loop {
            if let Some(free) = self.words.get_mut(place).filter(|word| **word == 0) {
                *free = word;
                self.filled += 1;
                return;
            }
            place = self.after(place);
        }
    }

    /// Takes a slot out and moves up those that had to pass its place.
    pub(super) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let mut hole = self.home(hash);
        while let Some(found) = self.words.get(hole).and_then(|word| self.slot(*word)) {
            if found == slot {
                break;
            }
            hole = self.after(hole);
        }
        let mut place = self.after(hole);
        while let Some((word, moved)) = self.words.get(place).and_then(|word| Some((*word, self.slot(*word)?))) {
            // It may move to the hole unless its search begins behind it.
            let home = self.home(hash_of(moved));
            if self.distance(home, place) >= self.distance(hole, place) {
                self.put(hole, word);
                hole = place;
            }
            place = self.after(place);
        }
        self.put(hole, 0);
        self.filled -= 1;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    fn with_places(places: usize) -> Self {
        let slot_bits = usize::BITS - places.leading_zeros();
        Self { words: alloc::vec![0; places], filled: 0, slot_bits }
    }

    #[inline(always)]
    fn slot(&self, word: u32) -> Option<u32> {
        (word & ((1 << self.slot_bits) - 1)).checked_sub(1)
    }

    /// The bits of a hash that stand beside a slot: its lowest, because its highest say where a search begins.
    #[inline(always)]
    fn piece(&self, hash: u64) -> u32 {
        let [a, b, c, d, ..] = hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) & (u32::MAX >> self.slot_bits)
    }

    #[inline(always)]
    fn after(&self, place: usize) -> usize {
        if place + 1 >= self.words.len() { 0 } else { place + 1 }
    }

    /// Steps from one place forward to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.words.len() - from }
    }

    fn put(&mut self, place: usize, word: u32) {
        if let Some(at) = self.words.get_mut(place) {
            *at = word;
        }
    }
}

/// The smallest index: 64 bytes.
const FEWEST_PLACES: usize = 16;

/// Four places in five are filled at most: then a search reads about three words, which share a cache line.
const FULL_AT: usize = 4;
const FULL_OF: usize = 5;
