//! A sliding window of at most [`MOST_UNITS`] units: it keeps the instant of each and is exact to the millisecond.
//!
//! Bytes: the units in use are the window's total, the number of entries its tip; the body has as many places for
//! entries as the limit has units, oldest first, then zeros. An entry is one unit: the lowest 2, 4 or 8 bytes of its
//! instant, little-endian. They are enough to know it, because a unit that still counted at the newest charge left
//! less than a period before it.
//!
//! The places are enough for every trace that keeps to the limit. Past it the newest units keep their places and the
//! others, which are the total less the entries, count as of the oldest entry's instant: a window over its limit
//! admits nothing before its limit's worth of newest units begins to drain, so no decision changes. A total of
//! [`u32::MAX`] is past counting and takes no refund.

use super::{
    bytes::{put, u16_at, u32_at, u64_at},
    layout::Place,
    meter::{Clock, Seen},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Log {
    pub(super) limit: u32,
    period_ms: u64,
    places: usize,
    width: Width,
    place: Place,
}

/// How much of an instant an entry keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Two,
    Four,
    Eight,
}

impl Log {
    pub(super) fn new(limit: u32, period_ms: u64, place: Place) -> Self {
        let places = usize::try_from(limit.min(MOST_UNITS)).unwrap_or_default();
        Self { limit, period_ms, places, width: Width::for_period(period_ms), place }
    }

    pub(super) fn body_length(&self) -> usize {
        self.places * self.width.bytes()
    }

    /// Units in use at `clock.now`, with the number of entries that are over.
    #[inline]
    pub(super) fn see(&self, cells: &[u8], clock: Clock) -> Seen {
        let total = self.place.total(cells);
        if clock.current {
            return Seen { used: u64::from(total), from: 0, to: 0 };
        }
        let count = self.count(cells);
        let over = if clock.now - clock.last >= self.period_ms {
            count
        } else {
            (0..count).take_while(|place| self.ends_at(cells, *place, clock.last) <= clock.now).count()
        };
        let drained = if over == 0 { 0 } else { over as u64 + self.extra(cells) };
        Seen { used: u64::from(total).saturating_sub(drained), from: over as u64, to: 0 }
    }

    /// The first instant at which `wanted` of the units in use have drained.
    pub(super) fn drained_at(&self, cells: &[u8], clock: Clock, seen: Seen, wanted: u64) -> u64 {
        let over = usize::try_from(seen.from).unwrap_or_default();
        let extra = if over == 0 { self.extra(cells) } else { 0 };
        // The oldest entry drains with the extra units; every further unit is an entry of its own.
        let further = usize::try_from(wanted.saturating_sub(1 + extra)).unwrap_or(usize::MAX);
        let place = over.saturating_add(further);
        if place < self.count(cells) { self.ends_at(cells, place, clock.last) } else { clock.now }
    }

    /// Adds units at `clock.now`; returns the first instant at which one of the entries is over.
    #[inline]
    pub(super) fn charge(&self, cells: &mut [u8], clock: Clock, seen: Seen, cost: u32) -> u64 {
        let over = usize::try_from(seen.from).unwrap_or_default();
        let left = self.count(cells) - over;
        let fresh = usize::try_from(cost).unwrap_or(usize::MAX).min(self.places);
        let kept = left.min(self.places - fresh);
        self.remove(cells, 0, over + left - kept);
        for place in kept..kept + fresh {
            self.put_entry(cells, place, clock.now);
        }
        self.put_count(cells, kept + fresh);
        let total = seen.used.saturating_add(u64::from(cost));
        self.place.put_total(cells, u32::try_from(total).unwrap_or(u32::MAX));
        self.edge(cells, clock.now)
    }

    /// Adds entries for units that fit and are already in the total; returns when the oldest of them is over.
    pub(super) fn append(&self, cells: &mut [u8], cost: u32, at: u64) -> u64 {
        let count = self.count(cells);
        let after = (count + usize::try_from(cost).unwrap_or_default()).min(self.places);
        for place in count..after {
            self.put_entry(cells, place, at);
        }
        self.put_count(cells, after);
        at + self.period_ms
    }

    /// Takes units out of the entries of `charged_at` that are still there.
    pub(super) fn refund(&self, cells: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let total = self.place.total(cells);
        let entries = || (0..self.count(cells)).map(|place| self.instant(cells, place, last));
        let Some(first) = entries().position(|instant| instant == charged_at) else { return };
        if total == u32::MAX {
            return;
        }
        let same = entries().filter(|instant| *instant == charged_at).count();
        let cost = u64::from(cost);
        let extra = if first == 0 { self.extra(cells).min(cost) } else { 0 };
        let own = usize::try_from(cost - extra).unwrap_or(usize::MAX).min(same);
        self.remove(cells, first, own);
        let left = u64::from(total).saturating_sub(extra + own as u64);
        self.place.put_total(cells, u32::try_from(left).unwrap_or(u32::MAX));
    }

    /// The first instant at which one of the entries is over.
    pub(super) fn edge(&self, cells: &[u8], last: u64) -> u64 {
        if self.count(cells) == 0 { u64::MAX } else { self.ends_at(cells, 0, last) }
    }

    /// Whether the entries are in order and less than a period old, and the total has them all.
    pub(super) fn is_sound(&self, cells: &[u8], last: u64) -> bool {
        let count = self.count(cells);
        let instants = || (0..count).map(|place| self.instant(cells, place, last));
        let ordered = instants().zip(instants().skip(1)).all(|(a, b)| a <= b);
        let live = instants().all(|instant| last - instant < self.period_ms);
        let known = instants().enumerate().all(|(i, instant)| self.entry(cells, i) == instant & self.width.mask());
        let empty = (count..self.places).all(|place| self.entry(cells, place) == 0);
        let total = usize::try_from(self.place.total(cells)).unwrap_or(usize::MAX);
        let counted =
            usize::try_from(self.place.tip(cells)) == Ok(count) && total >= count && (count > 0 || total == 0);
        counted && ordered && live && known && empty
    }

    /// Units that have no entry of their own and count with the oldest one.
    fn extra(&self, cells: &[u8]) -> u64 {
        u64::from(self.place.total(cells).saturating_sub(self.place.tip(cells)))
    }

    /// Takes `count` entries out, from `place` on; later ones move up.
    fn remove(&self, cells: &mut [u8], place: usize, count: usize) {
        if count == 0 {
            return;
        }
        let (length, width) = (self.count(cells), self.width.bytes());
        let count = count.min(length - place);
        if let Some(body) = cells.get_mut(self.place.body..self.place.body + length * width) {
            body.copy_within((place + count) * width.., place * width);
            let end = body.len() - count * width;
            body.iter_mut().skip(end).for_each(|byte| *byte = 0);
        }
        self.put_count(cells, length - count);
    }

    /// When the unit at this place is over.
    fn ends_at(&self, cells: &[u8], place: usize, last: u64) -> u64 {
        self.instant(cells, place, last) + self.period_ms
    }

    /// The instant of an entry, at most `last`.
    fn instant(&self, cells: &[u8], place: usize, last: u64) -> u64 {
        let age = last.wrapping_sub(self.entry(cells, place)) & self.width.mask();
        last.saturating_sub(age)
    }

    fn count(&self, cells: &[u8]) -> usize {
        usize::try_from(self.place.tip(cells)).unwrap_or_default().min(self.places)
    }

    fn put_count(&self, cells: &mut [u8], count: usize) {
        self.place.put_tip(cells, u32::try_from(count).unwrap_or_default());
    }

    fn entry(&self, cells: &[u8], place: usize) -> u64 {
        let at = self.place.body + place * self.width.bytes();
        match self.width {
            Width::Two => u64::from(u16_at(cells, at)),
            Width::Four => u64::from(u32_at(cells, at)),
            Width::Eight => u64_at(cells, at),
        }
    }

    fn put_entry(&self, cells: &mut [u8], place: usize, instant: u64) {
        let at = self.place.body + place * self.width.bytes();
        let [a, b, c, d, ..] = instant.to_le_bytes();
        match self.width {
            Width::Two => put(cells, at, [a, b]),
            Width::Four => put(cells, at, [a, b, c, d]),
            Width::Eight => put(cells, at, instant.to_le_bytes()),
        }
    }
}

impl Width {
    /// An age is less than a period, so it has to fit.
    const fn for_period(period_ms: u64) -> Self {
        match period_ms {
            0..=0x1_0000 => Self::Two,
            0x1_0001..=0x1_0000_0000 => Self::Four,
            0x1_0000_0001.. => Self::Eight,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    const fn mask(self) -> u64 {
        match self {
            Self::Two => 0xffff,
            Self::Four => 0xffff_ffff,
            Self::Eight => u64::MAX,
        }
    }
}

/// Up to this limit a list of instants is about as small as a ring, and exact.
pub(super) const MOST_UNITS: u32 = 16;
