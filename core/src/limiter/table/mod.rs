//! One policy, many keys, in memory.
//!
//! [`Limiters`] is for a host that holds the states of its keys itself: a process in front of many accounts, an edge
//! with many visitors. A key is a `u64`; [`Limiters::key_of`] makes one of a name. Five windows cost less than 200 bytes
//! a key, everything included, and [`Limiters::evict`] forgets keys in whose windows nothing is in use any more: to
//! such a key a fresh state answers the same. If the clock is set back afterwards, what had drained stays drained: a count
//! of a calendar period that was over does not come back with it.
//!
//! A decision of many keys at once ([`Limiters::admit_many`], [`Limiters::decide_many`]) reads what it needs of all of
//! them before it decides the first, so that the memory's delays overlap.
//!
//! Out of scope: storing (a key's [`State`] can be taken out and put back), and threads: a table is its owner's.

mod index;
mod slab;

use super::{Decision, Limiter, State, StateError, Usage};
use crate::time::UnixMillis;
use alloc::vec::Vec;
use core::{hash::Hasher, hint::black_box};
use index::Index;
use siphasher::sip::SipHasher13;
use slab::Slab;

/// The states of many keys under one policy.
#[derive(Clone, Debug)]
pub struct Limiters {
    limiter: Limiter,
    index: Index,
    slab: Slab,
    seed: [u64; 2],
    most_keys: usize,
    /// Where the next sweep for keys to forget begins.
    sweep: u32,
}

impl Limiters {
    /// A table without keys. `seed` is chance from the host: it decides where keys stand, so that nobody can choose keys
    /// that stand in each other's way.
    ///
    /// # Example: what does a key's eleventh send of a second get?
    /// ```
    /// use sendgate_core::{limiter::{Decision, Limiter, Limiters}, time::UnixMillis};
    ///
    /// let policy = r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}]}"#;
    /// let mut limiters = Limiters::new(Limiter::from_json(policy).unwrap(), [1, 2]);
    /// let now = UnixMillis::new(1_800_000_000_000);
    /// let ann = limiters.key_of(b"ann");
    /// assert_eq!(limiters.admit(ann, 10, now), Some(now));
    /// assert_eq!(limiters.decide(ann, 1, now), Decision::Defer { retry_at: now.plus(1_000), window: 0 });
    /// assert_eq!(limiters.admit(limiters.key_of(b"bob"), 1, now), Some(now));
    /// assert_eq!(limiters.evict(usize::MAX, now.plus(1_000)), 2);
    /// ```
    #[must_use]
    pub fn new(limiter: Limiter, seed: [u64; 2]) -> Self {
        let slab = Slab::new(limiter.cells);
        Self { limiter, index: Index::new(), slab, seed, most_keys: MOST_KEYS, sweep: 0 }
    }

    /// Holds at most this many keys, and never more than 268,435,456. A further key is refused like a cost that never
    /// fits, until [`Limiters::evict`] has made room: nothing is forgotten that counts, and nothing fails open.
    #[must_use]
    pub fn at_most(self, keys: usize) -> Self {
        Self { most_keys: keys.min(MOST_KEYS), ..self }
    }

    /// The policy.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Keys that are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the table has taken, everything included but the policy.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.index.memory_bytes() + self.slab.memory_bytes()
    }

    /// The key of a name: SipHash-1-3 under the table's seed.
    ///
    /// Two names share a key, and so their limits, with a probability of 2^-64 for each pair (1 in 37 million for a
    /// million names), and nobody who does not know the seed can choose such names. Sharing never admits too much.
    #[must_use]
    pub fn key_of(&self, name: &[u8]) -> u64 {
        let [first, second] = self.seed;
        let mut hasher = SipHasher13::new_with_keys(first, second);
        hasher.write(name);
        hasher.finish()
    }

    /// As [`Limiter::decide`], for a key.
    pub fn decide(&mut self, key: u64, cost: u32, now: UnixMillis) -> Decision {
        match self.slab.held_by(self.index.likely(self.hash(key)), key) {
            Some(cells) => self.limiter.decide_in(cells, cost, now),
            None => self.decide_at_length(key, cost, now),
        }
    }

    /// As [`Limiter::admit`], for a key.
    pub fn admit(&mut self, key: u64, cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        match self.slab.held_by(self.index.likely(self.hash(key)), key) {
            Some(cells) => self.limiter.admit_in(cells, cost, now),
            None => self.admit_at_length(key, cost, now),
        }
    }

    /// [`Limiters::admit`] for many keys, in their order: adds whether each was admitted to `admitted`, and returns how
    /// many were.
    pub fn admit_many(&mut self, asks: &[Ask], admitted: &mut Vec<bool>, now: UnixMillis) -> usize {
        let before = admitted.len();
        admitted.reserve(asks.len());
        let mut batches = asks.chunks(BATCH).peekable();
        let mut hashes = self.hashes(batches.peek().copied());
        while let Some(batch) = batches.next() {
            let (slots, next) = self.likely(batch, hashes, batches.peek().copied());
            hashes = next;
            for ((key, cost), slot) in batch.iter().zip(slots) {
                let charged_at = match self.slab.held_by(slot, *key) {
                    Some(cells) => self.limiter.admit_in(cells, *cost, now),
                    None => self.admit_at_length(*key, *cost, now),
                };
                admitted.push(charged_at.is_some());
            }
        }
        admitted.iter().skip(before).filter(|admitted| **admitted).count()
    }

    /// [`Limiters::decide`] for many keys, in their order: adds the decisions to `decisions`.
    pub fn decide_many(&mut self, asks: &[Ask], decisions: &mut Vec<Decision>, now: UnixMillis) {
        decisions.reserve(asks.len());
        let mut batches = asks.chunks(BATCH).peekable();
        let mut hashes = self.hashes(batches.peek().copied());
        while let Some(batch) = batches.next() {
            let (slots, next) = self.likely(batch, hashes, batches.peek().copied());
            hashes = next;
            for ((key, cost), slot) in batch.iter().zip(slots) {
                decisions.push(match self.slab.held_by(slot, *key) {
                    Some(cells) => self.limiter.decide_in(cells, *cost, now),
                    None => self.decide_at_length(*key, *cost, now),
                });
            }
        }
    }

    /// As [`Limiter::peek`], for a key.
    #[must_use]
    pub fn peek(&self, key: u64, cost: u32, now: UnixMillis) -> Decision {
        self.limiter.peek(&self.state_of(key), cost, now)
    }

    /// As [`Limiter::up_to`], for a key.
    #[must_use]
    pub fn up_to(&self, key: u64, most: u32, now: UnixMillis) -> u32 {
        self.limiter.up_to(&self.state_of(key), most, now)
    }

    /// As [`Limiter::usage`], for a key.
    #[must_use]
    pub fn usage(&self, key: u64, now: UnixMillis) -> Vec<Usage> {
        self.limiter.usage(&self.state_of(key), now)
    }

    /// As [`Limiter::charge`], for a key; `None` when the table is full and does not hold it.
    pub fn charge(&mut self, key: u64, cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        let slot = match self.find(key) {
            Some(slot) => slot,
            None => {
                let slot = self.take(key)?;
                self.keep(slot, true);
                slot
            }
        };
        let charged_at = self.limiter.charge_in(self.slab.cells_mut(slot), cost, now.as_millis());
        Some(UnixMillis::new(charged_at))
    }

    /// As [`Limiter::refund`], for a key.
    pub fn refund(&mut self, key: u64, cost: u32, charged_at: UnixMillis, _now: UnixMillis) {
        if let Some(slot) = self.find(key) {
            self.limiter.refund_in(self.slab.cells_mut(slot), cost, charged_at.as_millis());
        }
    }

    /// A key's state, to store: fresh for a key that is not held.
    #[must_use]
    pub fn state_of(&self, key: u64) -> State {
        let mut state = self.limiter.fresh();
        if let Some(slot) = self.find(key) {
            state.cells_mut().copy_from_slice(self.slab.cells(slot));
        }
        state
    }

    /// Takes up a key's stored bytes in place of what is held of it; `false` when the table is full.
    ///
    /// # Errors
    /// As [`Limiter::load`]; what was held stays.
    pub fn put(&mut self, key: u64, bytes: &[u8]) -> Result<bool, StateError> {
        let state = self.limiter.load(bytes)?;
        let Some(slot) = self.find(key).or_else(|| {
            let slot = self.take(key)?;
            self.keep(slot, true);
            Some(slot)
        }) else {
            return Ok(false);
        };
        self.slab.cells_mut(slot).copy_from_slice(state.cells());
        Ok(true)
    }

    /// The keys that are held, in no order.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        (0..self.slab.used()).filter(|slot| self.is_held(*slot)).map(|slot| self.slab.key(slot))
    }

    /// Looks at the next `most` places of the table and forgets the keys in whose windows nothing is in use at `now`;
    /// returns how many. A host calls it now and then with a number that it has time for (some 100 ns each).
    pub fn evict(&mut self, most: usize, now: UnixMillis) -> usize {
        let used = self.slab.used();
        let looks = u32::try_from(most).unwrap_or(u32::MAX).min(used);
        let mut forgotten = 0;
        for _ in 0..looks {
            self.sweep = if self.sweep >= used { 0 } else { self.sweep };
            let slot = self.sweep;
            self.sweep += 1;
            if self.is_held(slot) && self.limiter.is_idle(self.slab.cells(slot), now.as_millis()) {
                self.forget(slot);
                forgotten += 1;
            }
        }
        forgotten
    }

    /// The same keys under another policy, each as [`Limiter::migrate`] takes it up.
    #[must_use]
    pub fn migrate(&self, limiter: Limiter, now: UnixMillis) -> Self {
        // Every key comes along, even if the table may not hold so many any more.
        let mut next = Self::new(limiter, self.seed);
        for key in self.keys() {
            let state = next.limiter.migrate(&self.limiter, &self.state_of(key), now);
            if let Some(slot) = next.take(key) {
                next.slab.cells_mut(slot).copy_from_slice(state.cells());
                next.keep(slot, true);
            }
        }
        next.at_most(self.most_keys)
    }

    /// As [`Limiters::decide`], for a key that is not in the likely slot.
    #[inline(never)]
    fn decide_at_length(&mut self, key: u64, cost: u32, now: UnixMillis) -> Decision {
        if let Some(slot) = self.find(key) {
            return self.limiter.decide_in(self.slab.cells_mut(slot), cost, now);
        }
        let Some(slot) = self.take(key) else { return Decision::Reject { window: 0 } };
        let decision = self.limiter.decide_in(self.slab.cells_mut(slot), cost, now);
        self.keep(slot, matches!(decision, Decision::Allow { .. }) && cost > 0);
        decision
    }

    /// As [`Limiters::admit`], for a key that is not in the likely slot.
    #[inline(never)]
    fn admit_at_length(&mut self, key: u64, cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        if let Some(slot) = self.find(key) {
            return self.limiter.admit_in(self.slab.cells_mut(slot), cost, now);
        }
        let slot = self.take(key)?;
        let charged_at = self.limiter.admit_in(self.slab.cells_mut(slot), cost, now);
        self.keep(slot, charged_at.is_some() && cost > 0);
        charged_at
    }

    fn find(&self, key: u64) -> Option<u32> {
        self.index.find(self.hash(key), |slot| self.slab.key(slot) == key)
    }

    /// A slot for a new key, which nobody finds before it is kept.
    fn take(&mut self, key: u64) -> Option<u32> {
        (self.len() < self.most_keys).then(|| self.slab.take(key))
    }

    /// Lets a new key's slot be found, or gives it back.
    fn keep(&mut self, slot: u32, keep: bool) {
        if !keep {
            return self.slab.give_back(slot);
        }
        if self.index.is_crowded() {
            self.index = self.index.grown(|slot| mixed(self.slab.key(slot), self.seed));
        }
        self.index.insert(self.hash(self.slab.key(slot)), slot);
    }

    fn forget(&mut self, slot: u32) {
        let (slab, seed) = (&self.slab, self.seed);
        self.index.remove(mixed(slab.key(slot), seed), slot, |slot| mixed(slab.key(slot), seed));
        self.slab.give_back(slot);
    }

    /// Whether a slot is in use: a free one is not found under the key it says.
    fn is_held(&self, slot: u32) -> bool {
        self.find(self.slab.key(slot)) == Some(slot)
    }

    /// The slots that are likely these keys', once what decisions about them will read has been asked for, and the hashes
    /// of the next keys, whose words of the index come meanwhile. A slot that says the key is the key's: a decision of a
    /// batch frees none.
    #[inline(always)]
    fn likely(&self, asks: &[Ask], hashes: [u64; BATCH], next: Option<&[Ask]>) -> ([u32; BATCH], [u64; BATCH]) {
        let (mut slots, mut bytes) = ([u32::MAX; BATCH], 0);
        for ((_, hash), slot) in asks.iter().zip(hashes).zip(&mut slots) {
            *slot = self.index.likely(hash);
            bytes ^= self.slab.touch(*slot);
        }
        black_box(bytes);
        (slots, self.hashes(next))
    }

    /// The hashes of these keys, once their words of the index have been asked for.
    #[inline(always)]
    fn hashes(&self, asks: Option<&[Ask]>) -> [u64; BATCH] {
        let (mut hashes, mut words) = ([0; BATCH], 0);
        for ((key, _), hash) in asks.unwrap_or_default().iter().zip(&mut hashes) {
            *hash = self.hash(*key);
            words ^= self.index.touch(*hash);
        }
        black_box(words);
        hashes
    }

    #[inline(always)]
    fn hash(&self, key: u64) -> u64 {
        mixed(key, self.seed)
    }
}

/// A key and a cost.
type Ask = (u64, u32);

/// Spreads a key over all bits: the finalizer of MurmurHash3 (Austin Appleby, public domain), seeded.
#[inline(always)]
const fn mixed(key: u64, [seed, _]: [u64; 2]) -> u64 {
    let hash = key ^ seed;
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// 2^28 keys leave three bits of a word for a piece of the hash; with five windows they would fill 50 GB.
const MOST_KEYS: usize = 1 << 28;

/// Keys whose lines are read ahead together. Processors keep ten to twenty reads under way, three or four a key, and
/// what was read must still be in the first-level cache when it is used: 32 keys are 6 KB.
const BATCH: usize = 32;
