//! Building a set from any number of addresses, in any order.

use super::{MAX_ENTRIES, SuppressionSet, TooManyEntries, hasher, table::Table, tag};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use siphasher::sip::SipHasher13;

/// Collects the addresses of a set.
///
/// It keeps eight bytes for each address it is given, the repeated ones too, and never the address. While
/// [`SetBuilder::build`] runs, the set itself is added, some eight bytes an address: ten million need 160 MB at the peak.
/// Give their number with [`SetBuilder::expect`] when it is known: a list that grows by doubling has room for up to twice
/// as many, and holds three times as much while it moves.
pub struct SetBuilder<'a> {
    hasher: SipHasher13,
    tags: Vec<u64>,
    report: Option<Box<dyn FnMut(Progress) + 'a>>,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// While addresses come in, how many came; afterwards how many there are to do.
    pub entries: u64,
}

/// The stages of a build, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Addresses come in and are hashed: some 30 ns each.
    Collecting,
    /// Their tags are sorted, and repeated ones dropped.
    Sorting,
    /// The table is packed.
    Packing,
}

impl<'a> SetBuilder<'a> {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self { hasher: hasher(key), tags: Vec::new(), report: None }
    }

    /// Makes room for so many addresses.
    #[must_use]
    pub fn expect(mut self, addresses: usize) -> Self {
        self.tags.reserve_exact(addresses.min(MAX_ENTRIES));
        self
    }

    /// Reports how the build goes: every 65,536 addresses that come in, and the beginning of every later stage.
    #[must_use]
    pub fn on_progress(self, report: impl FnMut(Progress) + 'a) -> Self {
        Self { report: Some(Box::new(report)), ..self }
    }

    /// Takes addresses in: [`Address::key`](crate::address::Address::key) of each, repeated ones too.
    #[must_use]
    pub fn with<S: AsRef<str>>(mut self, addresses: impl IntoIterator<Item = S>) -> Self {
        addresses.into_iter().for_each(|address| self.push(address.as_ref()));
        self
    }

    /// Takes one address in.
    pub fn push(&mut self, address: &str) {
        self.tags.push(tag(&self.hasher, address));
        if self.tags.len() & (REPORT_EVERY - 1) == 0 {
            self.report(Stage::Collecting);
        }
    }

    /// The set of the addresses that were taken in.
    ///
    /// # Errors
    /// [`TooManyEntries`] when more than [`MAX_ENTRIES`] different ones were.
    pub fn build(mut self) -> Result<SuppressionSet, TooManyEntries> {
        self.report(Stage::Sorting);
        self.tags.sort_unstable();
        self.tags.dedup();
        if self.tags.len() > MAX_ENTRIES {
            return Err(TooManyEntries);
        }
        self.report(Stage::Packing);
        Ok(SuppressionSet::of(self.hasher, Table::from_sorted(&self.tags)))
    }

    fn report(&mut self, stage: Stage) {
        let entries = super::table::as_u64(self.tags.len());
        if let Some(report) = &mut self.report {
            report(Progress { stage, entries });
        }
    }
}

impl fmt::Debug for SetBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetBuilder({} addresses)", self.tags.len())
    }
}

/// Seldom enough to cost nothing, often enough for a bar: two milliseconds. A power of two.
const REPORT_EVERY: usize = 1 << 16;
