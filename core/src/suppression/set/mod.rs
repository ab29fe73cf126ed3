//! An exact set of up to a hundred million suppressed addresses in memory, at seven to eight bytes an address.
//!
//! It is for a host that wants its answer without a store, in less than a microsecond: a process in Python or C, a Worker
//! isolate. The list in SQL stays the source of truth; see [`SuppressionIndex`](super::SuppressionIndex), which
//! keeps a set beside it.
//!
//! # How it is made
//! An address is hashed with SipHash-1-3 under a key of 16 bytes that the caller draws at random and keeps. The upper 60
//! bits of the hash are its *tag*. Tags are sorted; their top bits index a table of buckets and the rest of each is
//! stored in full. Two sketches of each bucket, a small one and a larger one behind it, let most strangers go after one
//! read of memory. They never decide: whoever they let in is looked up.
//!
//! # How exact it is
//! No listed address is ever missed. An address that is not listed is taken for a listed one only when all 60 bits of
//! the two are equal: n / 2^60 for each question, below 10^-11 in a set of ten million. Nobody can construct such a pair
//! without the key, which an unkeyed hash would allow. (Two *listed* addresses with one tag are one entry; removing one
//! removes both. That there is such a pair among ten million has a chance of 1 in 23,000.)
//!
//! # Privacy
//! No address is stored, in memory or when saved, and none can be read back. Who has the saved bytes *and* the key can
//! test a guess; who has the bytes alone cannot. Keep them apart.
//!
//! # What it is given
//! Every address is compared as it comes. The caller gives [`Address::key`](crate::address::Address::key), always:
//! `Ann@EXAMPLE.com` and `ann@example.com` are different addresses here.

mod build;
mod error;
mod load;
mod save;
mod table;

pub use build::{Progress, SetBuilder, Stage};
pub use error::{LOAD_CODES, LoadError, SavedPart, TooManyEntries};
pub use load::SetLoader;
pub use save::Pieces;

use alloc::vec::Vec;
use core::{
    fmt,
    hash::{BuildHasherDefault, Hasher},
    hint::black_box,
};
use hashbrown::HashSet;
use siphasher::sip::SipHasher13;
use table::Table;

/// A set of addresses: exact, small, without the addresses themselves.
///
/// # Example: is this address on the list?
/// ```
/// use sendgate_core::suppression::SuppressionSet;
/// let key = [7; 16]; // sixteen random bytes that the host keeps
/// let mut set = SuppressionSet::builder(key).with(["gone@example.com", "angry@example.net"]).build().unwrap();
/// assert!(set.contains("gone@example.com"));
/// assert!(!set.contains("ann@example.com"));
/// assert_eq!(set.add("ann@example.com"), Ok(true));
/// assert!(set.remove("gone@example.com"));
/// assert_eq!(set.contains_many(&["ann@example.com", "gone@example.com"]), [true, false]);
/// ```
#[derive(Clone)]
pub struct SuppressionSet {
    hasher: SipHasher13,
    table: Table,
    /// Tags added since the table was packed; none of them is in it.
    added: Tags,
    /// Tags of the table that were removed since.
    removed: Tags,
}

type Tags = HashSet<u64, BuildHasherDefault<Spread>>;

impl SuppressionSet {
    /// Starts a set. The key is 16 bytes from a random source, secret, the same for the life of the saved bytes.
    #[must_use]
    pub fn builder(key: [u8; 16]) -> SetBuilder<'static> {
        SetBuilder::new(key)
    }

    /// An empty set under this key.
    #[must_use]
    pub fn empty(key: [u8; 16]) -> Self {
        Self::of(hasher(key), Table::from_sorted(&[]))
    }

    /// Whether the address is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, address: &str) -> bool {
        self.contains_tag(self.tag(address))
    }

    /// Whether each of these addresses is in the set: the same answers as one by one, in the same order.
    ///
    /// The memory that sixteen addresses need is asked for before the first of them is decided, so that they wait for it
    /// together and not one after the other. In a set that is larger than the processor's caches this takes less than
    /// half the time for each address.
    #[must_use]
    pub fn contains_many<S: AsRef<str>>(&self, addresses: &[S]) -> Vec<bool> {
        let mut found = Vec::with_capacity(addresses.len());
        for group in addresses.chunks(GROUP) {
            let mut tags = [0; GROUP];
            for (tag, address) in tags.iter_mut().zip(group) {
                *tag = self.tag(address.as_ref());
            }
            let tags = tags.get(..group.len()).unwrap_or_default();
            self.contains_group(tags, &mut found);
        }
        found
    }

    /// Adds an address. Whether it was not there before.
    ///
    /// Changes are kept apart and packed with the rest when they are a 64th of it (at least 4,096), as
    /// [`SuppressionSet::compact`] does.
    ///
    /// # Errors
    /// [`TooManyEntries`]; nothing was added.
    pub fn add(&mut self, address: &str) -> Result<bool, TooManyEntries> {
        let tag = self.tag(address);
        if self.contains_tag(tag) {
            return Ok(false);
        }
        if self.len() >= MAX_ENTRIES {
            return Err(TooManyEntries);
        }
        if !self.removed.remove(&tag) {
            self.added.insert(tag);
        }
        self.compact_when_due();
        Ok(true)
    }

    /// Removes an address. Whether it was there.
    pub fn remove(&mut self, address: &str) -> bool {
        let tag = self.tag(address);
        if !self.contains_tag(tag) {
            return false;
        }
        if !self.added.remove(&tag) {
            self.removed.insert(tag);
        }
        self.compact_when_due();
        true
    }

    /// How many addresses are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.table.len() + self.added.len()).saturating_sub(self.removed.len())
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many changes wait for [`SuppressionSet::compact`].
    #[must_use]
    pub fn pending(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Packs the changes with the rest. A host that would rather choose the moment than meet it in an `add` calls this
    /// while it is idle.
    ///
    /// It takes some 0.03 seconds for a million entries, and at its peak 15 bytes an entry beside the set.
    pub fn compact(&mut self) {
        if self.pending() == 0 {
            return;
        }
        let mut tags = Vec::with_capacity(self.len());
        let mut added: Vec<u64> = self.added.drain().collect();
        added.sort_unstable();
        let mut added = added.into_iter().peekable();
        for tag in self.table.tags() {
            while let Some(earlier) = added.next_if(|other| *other < tag) {
                tags.push(earlier);
            }
            if !self.removed.contains(&tag) {
                tags.push(tag);
            }
        }
        tags.extend(added);
        *self = Self::of(self.hasher, Table::from_sorted(&tags));
    }

    /// Bytes the set takes: its table, its changes and itself.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let changes = self.added.allocation_size() + self.removed.allocation_size();
        size_of::<Self>() + self.table.memory_bytes() + changes
    }

    fn of(hasher: SipHasher13, table: Table) -> Self {
        Self { hasher, table, added: Tags::default(), removed: Tags::default() }
    }

    pub(super) fn tag(&self, address: &str) -> u64 {
        tag(&self.hasher, address)
    }

    #[inline]
    pub(super) fn contains_tag(&self, tag: u64) -> bool {
        self.with_changes(tag, self.table.contains(tag))
    }

    /// What the changes make of the packed part's answer.
    #[inline]
    fn with_changes(&self, tag: u64, packed: bool) -> bool {
        if packed {
            self.removed.is_empty() || !self.removed.contains(&tag)
        } else {
            !self.added.is_empty() && self.added.contains(&tag)
        }
    }

    fn contains_group(&self, tags: &[u64], found: &mut Vec<bool>) {
        let mut maybe = [false; GROUP];
        for (maybe, tag) in maybe.iter_mut().zip(tags) {
            *maybe = self.table.lets_in(*tag);
        }
        let let_in = tags.iter().zip(maybe).filter(|(_, maybe)| *maybe);
        black_box(let_in.fold(0, |sum, (tag, _)| sum ^ self.table.touch(*tag)));
        let decide = |(tag, maybe): (&u64, bool)| self.with_changes(*tag, maybe && self.table.finds(*tag));
        found.extend(tags.iter().zip(maybe).map(decide));
    }

    fn compact_when_due(&mut self) {
        if self.pending() >= (self.table.len() / PENDING_PART).max(FEWEST_PENDING) {
            self.compact();
        }
    }
}

/// Shows how many there are; there is nothing else that may be shown.
impl fmt::Debug for SuppressionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SuppressionSet({} addresses)", self.len())
    }
}

fn hasher(key: [u8; 16]) -> SipHasher13 {
    SipHasher13::new_with_key(&key)
}

#[inline]
fn tag(hasher: &SipHasher13, address: &str) -> u64 {
    hasher.hash(address.as_bytes()) >> (u64::BITS - TAG_BITS)
}

/// Tags are hashes already; a hash table that looks at both ends of a number needs its bits spread, no more.
#[derive(Clone, Copy, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, tag: u64) {
        self.0 = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The most addresses a set holds: ten times what it was made for, 700 to 800 MB. Places of entries stay below 2^27.
pub const MAX_ENTRIES: usize = 100_000_000;
/// Bits of a tag. A remainder of ten million entries then is five whole bytes beside 21 bits of prefix, and one more bit
/// of exactness would cost a byte an entry in sets of half that size.
const TAG_BITS: u32 = 60;
/// Addresses whose memory is asked for together: more than a core has misses under way at once.
const GROUP: usize = 16;
/// Changes are packed when they are this part of the table: at 24 bytes a change that is at most 0.4 bytes an entry, and
/// each change pays for 64 entries to be packed, some two microseconds.
const PENDING_PART: usize = 64;
/// Fewer changes than this are not worth packing.
const FEWEST_PENDING: usize = 4_096;

#[cfg(test)]
mod tests;
