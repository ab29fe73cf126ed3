//! A sliding window of at most [`MOST_UNITS`] units: it keeps the instants themselves and is exact to the
//! millisecond.
//!
//! Bytes: the units in use are the window's head, the number of entries its tip; the body has as many places for
//! entries as the limit has units, oldest first, then zeros. An entry is a u64: the instant in the upper 48 bits (the
//! year 9999 needs 48), the units that left at it in the lower 16.
//!
//! The places are enough for every trace that keeps to the limit. Past it the two oldest entries are taken as one of
//! the later instant: a window over its limit admits nothing before its limit's worth of newest units begins to
//! drain, so no decision changes.

use super::{
    bytes::{put, u64_at},
    hot::Hot,
    meter::Clock,
    place::Place,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Log {
    pub(super) limit: u64,
    period_ms: u64,
    places: usize,
    place: Place,
}

impl Log {
    /// Bytes of an entry.
    pub(super) const ENTRY: usize = 8;

    pub(super) fn new(limit: u32, period_ms: u64, place: Place) -> Self {
        let places = usize::try_from(limit.min(MOST_UNITS)).unwrap_or_default();
        Self { limit: u64::from(limit), period_ms, places, place }
    }

    pub(super) fn body_length(&self) -> usize {
        self.places * Self::ENTRY
    }

    /// Tells the short way about this window.
    pub(super) fn add_to(&self, hot: &mut Hot, bodies: usize) {
        hot.add_log(self.limit, self.period_ms, self.place.body - bodies);
    }

    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        let total = self.place.head(bytes);
        if clock.current {
            return total;
        }
        let drained: u64 = self.entries(bytes).take_while(|e| self.is_over(*e, clock.now)).map(units).sum();
        total.saturating_sub(drained)
    }

    /// The first instant at which `wanted` of the units in use at `clock.now` have drained.
    pub(super) fn drained_at(&self, bytes: &[u8], clock: Clock, wanted: u64) -> u64 {
        let mut freed = 0;
        let mut at = clock.now;
        for entry in self.entries(bytes).skip_while(|e| self.is_over(*e, clock.now)) {
            if freed >= wanted {
                break;
            }
            freed += units(entry);
            at = instant(entry) + self.period_ms;
        }
        at
    }

    /// Adds units at `clock.now`; returns the first instant at which one of the entries is over.
    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, cost: u32) -> u64 {
        if !clock.current {
            self.drop_over(bytes, clock.now);
        }
        if cost == 0 {
            return self.edge(bytes);
        }
        let newest = self.entries(bytes).last().filter(|entry| instant(*entry) == clock.now);
        let before = newest.map_or(0, units);
        let after = before.saturating_add(u64::from(cost)).min(MOST_COUNTED);
        if newest.is_none() && self.length(bytes) == self.places {
            self.join_oldest(bytes);
        }
        let place = self.length(bytes) - usize::from(newest.is_some());
        self.put_entry(bytes, place, entry(clock.now, after));
        self.put_length(bytes, place + 1);
        self.add_to_total(bytes, after, before);
        self.edge(bytes)
    }

    /// Takes units out of the entry of `charged_at`, if it is still there.
    pub(super) fn refund(&self, bytes: &mut [u8], charged_at: u64, cost: u32) {
        let Some(place) = self.entries(bytes).position(|entry| instant(entry) == charged_at) else {
            return;
        };
        let before = units(self.entry(bytes, place));
        if before >= MOST_COUNTED {
            return;
        }
        let after = before.saturating_sub(u64::from(cost));
        self.put_entry(bytes, place, entry(charged_at, after));
        if after == 0 {
            self.remove(bytes, place, 1);
        }
        self.add_to_total(bytes, after, before);
    }

    /// The first instant at which one of the entries is over.
    pub(super) fn edge(&self, bytes: &[u8]) -> u64 {
        self.entries(bytes).next().map_or(u64::MAX, |oldest| instant(oldest) + self.period_ms)
    }

    /// Whether the entries are in order, none is empty or later than `last`, and the total is theirs.
    pub(super) fn is_sound(&self, bytes: &[u8], last: u64) -> bool {
        let length = self.length(bytes);
        let ordered = self.entries(bytes).zip(self.entries(bytes).skip(1)).all(|(a, b)| instant(a) < instant(b));
        let filled = self.entries(bytes).all(|entry| units(entry) > 0 && instant(entry) <= last);
        let empty = (length..self.places).all(|place| self.entry(bytes, place) == 0);
        let total: u64 = self.entries(bytes).map(units).sum();
        let counted = u64::from(self.place.tip(bytes)) == length as u64;
        counted && ordered && filled && empty && total == self.place.head(bytes)
    }

    fn is_over(&self, entry: u64, now: u64) -> bool {
        instant(entry) + self.period_ms <= now
    }

    fn drop_over(&self, bytes: &mut [u8], now: u64) {
        let over = self.entries(bytes).take_while(|entry| self.is_over(*entry, now));
        let (count, drained) = over.fold((0, 0), |(count, sum), entry| (count + 1, sum + units(entry)));
        if count > 0 {
            self.remove(bytes, 0, count);
            self.add_to_total(bytes, 0, drained);
        }
    }

    /// Gives the oldest entry's units to the next one; with a single place, to the charge that takes it.
    fn join_oldest(&self, bytes: &mut [u8]) {
        let oldest = self.entry(bytes, 0);
        self.remove(bytes, 0, 1);
        if self.places == 1 {
            return self.add_to_total(bytes, 0, units(oldest));
        }
        let next = self.entry(bytes, 0);
        let sum = units(oldest) + units(next);
        let joined = sum.min(MOST_COUNTED);
        self.put_entry(bytes, 0, entry(instant(next), joined));
        self.add_to_total(bytes, joined, sum);
    }

    fn add_to_total(&self, bytes: &mut [u8], more: u64, less: u64) {
        let total = (self.place.head(bytes) + more).saturating_sub(less);
        self.place.put_head(bytes, total);
    }

    /// Takes `count` entries out, from `place` on; later ones move up.
    fn remove(&self, bytes: &mut [u8], place: usize, count: usize) {
        let length = self.length(bytes);
        for to in place..length {
            let moved = to + count;
            let entry = if moved < length { self.entry(bytes, moved) } else { 0 };
            self.put_entry(bytes, to, entry);
        }
        self.put_length(bytes, length.saturating_sub(count));
    }

    fn length(&self, bytes: &[u8]) -> usize {
        usize::try_from(self.place.tip(bytes)).unwrap_or_default().min(self.places)
    }

    fn put_length(&self, bytes: &mut [u8], length: usize) {
        self.place.put_tip(bytes, u32::try_from(length).unwrap_or_default());
    }

    fn entries<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = u64> + use<'a> {
        let body = self.place.body;
        (0..self.length(bytes)).map(move |place| u64_at(bytes, body + place * Self::ENTRY))
    }

    fn entry(&self, bytes: &[u8], place: usize) -> u64 {
        u64_at(bytes, self.place.body + place * Self::ENTRY)
    }

    fn put_entry(&self, bytes: &mut [u8], place: usize, entry: u64) {
        put(bytes, self.place.body + place * Self::ENTRY, entry.to_le_bytes());
    }
}

pub(super) const fn entry(instant: u64, units: u64) -> u64 {
    instant << UNIT_BITS | units
}

pub(super) const fn instant(entry: u64) -> u64 {
    entry >> UNIT_BITS
}

const fn units(entry: u64) -> u64 {
    entry & MOST_COUNTED
}

/// Up to this limit a list of instants is smaller than, or close to, a ring; above it the ring is smaller.
pub(super) const MOST_UNITS: u32 = 16;

/// What an instant leaves of a u64.
const UNIT_BITS: u32 = 16;

/// The largest count marks an instant that was charged past counting: full until it drains, and takes no refund.
const MOST_COUNTED: u64 = 0xffff;
