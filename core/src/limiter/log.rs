//! A sliding window of at most [`MOST_UNITS`] units: it keeps the instant of each and is exact to the millisecond.
//!
//! Bytes: the units in use are the window's total, the number of entries its tip; the body has as many places for
//! entries as the limit has units, oldest first, then zeros up to a multiple of 4 bytes. An entry is one unit: the
//! lowest 2, 4 or 8 bytes of its instant, little-endian. They are enough to know it, because a unit that still counted
//! at the newest charge left less than a period before it.
//!
//! The places are enough for every trace that keeps to the limit. Past it the newest units keep their places and the
//! others, which are the total less the entries, count as of the oldest entry's instant: a window over its limit
//! admits nothing before its limit's worth of newest units begins to drain, so no decision changes. A total of
//! [`u32::MAX`] is past counting and takes no refund.

use super::{
    bytes::{put, u16_at, u32_at, u64_at},
    layout::Counts,
    meter::{Clock, Seen, edge_within},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Log {
    pub(super) limit: u32,
    period_ms: u64,
    places: usize,
    width: Width,
    /// Where the entries begin among the bodies.
    body: usize,
}

/// How much of an instant an entry keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Two,
    Four,
    Eight,
}

impl Log {
    pub(super) fn new(limit: u32, period_ms: u64, body: usize) -> Self {
        let places = usize::try_from(limit.min(MOST_UNITS)).unwrap_or_default();
        Self { limit, period_ms, places, width: Width::for_period(period_ms), body }
    }

    pub(super) fn body_length(&self) -> usize {
        (self.places * self.width.bytes()).next_multiple_of(ALIGNED)
    }

    /// Units in use at `clock.now`, with the number of entries that are over.
    #[inline(always)]
    pub(super) fn see(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Seen {
        let used = u64::from(counts.total);
        if clock.current {
            return Seen { used, from: 0, to: 0, counts };
        }
        let (drained, over) = self.drained(bodies, counts, clock);
        Seen { used: used.saturating_sub(u64::from(drained)), from: u64::from(over), to: 0, counts }
    }

    /// Units that have drained at `clock.now`, and how many entries are over.
    #[inline(always)]
    pub(super) fn drained(&self, bodies: &[u8], counts: Counts, clock: Clock) -> (u32, u32) {
        if clock.now - clock.last >= self.period_ms {
            return (counts.total, counts.tip);
        }
        let over = self.over(bodies, counts, clock);
        (if over == 0 { 0 } else { counts.total.saturating_sub(counts.tip).saturating_add(over) }, over)
    }

    /// How many of the oldest entries are over.
    #[inline(never)]
    fn over(&self, bodies: &[u8], counts: Counts, clock: Clock) -> u32 {
        let is_over = |place: &usize| self.ends_at(bodies, *place, clock.last) <= clock.now;
        let over = (0..self.entries(counts)).take_while(is_over).count();
        u32::try_from(over).unwrap_or(u32::MAX)
    }

    /// The first instant at which `wanted` of the units in use have drained.
    pub(super) fn drained_at(&self, bodies: &[u8], clock: Clock, seen: Seen, wanted: u64) -> u64 {
        let over = usize::try_from(seen.from).unwrap_or_default();
        let extra = if over == 0 { extra(seen.counts) } else { 0 };
        // The oldest entry drains with the extra units; every further unit is an entry of its own.
        let further = usize::try_from(wanted.saturating_sub(1 + extra)).unwrap_or(usize::MAX);
        let place = over.saturating_add(further);
        if place < self.entries(seen.counts) { self.ends_at(bodies, place, clock.last) } else { clock.now }
    }

    /// Adds units at `clock.now`; returns the counts and the first instant at which one of the entries is over.
    #[inline(always)]
    pub(super) fn charge(&self, bodies: &mut [u8], clock: Clock, seen: Seen, cost: u32) -> (Counts, u64) {
        let over = usize::try_from(seen.from).unwrap_or_default();
        let before = self.entries(seen.counts);
        let fresh = usize::try_from(cost).unwrap_or(usize::MAX).min(self.places);
        let kept = (before - over).min(self.places - fresh);
        self.renew(bodies, before, kept, fresh, clock.now);
        let total = u32::try_from(seen.used.saturating_add(u64::from(cost))).unwrap_or(u32::MAX);
        let tip = u32::try_from(kept + fresh).unwrap_or_default();
        let counts = Counts { total, tip };
        (counts, self.edge(bodies, counts, clock.now))
    }

    /// As [`Log::charge`], for units that fit, of `over` entries that are over; returns the first instant at which one of
    /// the entries is over. The counts are the caller's.
    #[inline(always)]
    pub(super) fn turn(&self, bodies: &mut [u8], counts: Counts, over: u32, cost: u32, clock: Clock) -> u64 {
        if (over, cost) == (counts.tip, 1) && over <= 1 {
            self.put_entry(bodies, 0, clock.now);
            return clock.now + self.period_ms;
        }
        self.turn_many(bodies, counts, over, cost, clock)
    }

    /// As [`Log::turn`], for more than one entry or unit.
    #[inline(never)]
    fn turn_many(&self, bodies: &mut [u8], counts: Counts, over: u32, cost: u32, clock: Clock) -> u64 {
        let before = self.entries(counts);
        let kept = before.saturating_sub(usize::try_from(over).unwrap_or(usize::MAX));
        let oldest =
            if kept > 0 { self.ends_at(bodies, before - kept, clock.last) } else { clock.now + self.period_ms };
        self.renew(bodies, before, kept, usize::try_from(cost).unwrap_or(usize::MAX), clock.now);
        oldest
    }

    /// Adds entries for units that are already counted; returns when they are over.
    pub(super) fn append(&self, bodies: &mut [u8], counts: Counts, cost: u32, at: u64) -> u64 {
        let after = self.entries(counts);
        let before = after.saturating_sub(usize::try_from(cost).unwrap_or(usize::MAX));
        for place in before..after {
            self.put_entry(bodies, place, at);
        }
        at + self.period_ms
    }

    /// Takes units out of the entries of `charged_at` that are still there.
    pub(super) fn refund(&self, bodies: &mut [u8], counts: Counts, last: u64, charged_at: u64, cost: u32) -> Counts {
        let count = self.entries(counts);
        let entries = || (0..count).map(|place| self.instant(bodies, place, last));
        let Some(first) = entries().position(|instant| instant == charged_at) else { return counts };
        if counts.total == u32::MAX {
            return counts;
        }
        let same = entries().filter(|instant| *instant == charged_at).count();
        let cost = u64::from(cost);
        let extra = if first == 0 { extra(counts).min(cost) } else { 0 };
        let own = usize::try_from(cost - extra).unwrap_or(usize::MAX).min(same);
        self.remove(bodies, count, first, own);
        let total = u32::try_from(u64::from(counts.total).saturating_sub(extra + own as u64)).unwrap_or(u32::MAX);
        Counts { total, tip: u32::try_from(count - own).unwrap_or_default() }
    }

    /// The first instant at which one of the entries is over; none over the limit.
    #[inline(always)]
    pub(super) fn edge(&self, bodies: &[u8], counts: Counts, last: u64) -> u64 {
        let stale_at = if counts.tip == 0 { u64::MAX } else { self.ends_at(bodies, 0, last) };
        edge_within(self.limit, counts.total, stale_at)
    }

    /// Whether the entries are in order and less than a period old, and the total has them all.
    pub(super) fn is_sound(&self, bodies: &[u8], counts: Counts, last: u64) -> bool {
        let count = self.entries(counts);
        let instants = || (0..count).map(|place| self.instant(bodies, place, last));
        let ordered = instants().zip(instants().skip(1)).all(|(a, b)| a <= b);
        let live = instants().all(|instant| last - instant < self.period_ms);
        let known = instants().enumerate().all(|(i, instant)| self.entry(bodies, i) == instant & self.width.mask());
        let (end, length) = (self.body + count * self.width.bytes(), self.body + self.body_length());
        let empty = bodies.get(end..length).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
        let counted = u64::from(counts.tip) == count as u64
            && counts.total >= counts.tip
            && (counts.tip > 0 || counts.total == 0);
        counted && ordered && live && known && empty
    }

    /// Keeps the newest `kept` of the entries and adds `fresh` ones behind them.
    #[inline(always)]
    fn renew(&self, bodies: &mut [u8], before: usize, kept: usize, fresh: usize, at: u64) {
        if kept > 0 {
            self.remove(bodies, before, 0, before - kept);
        }
        let [a, b, c, d, ..] = at.to_le_bytes();
        let body = bodies.get_mut(self.body..).unwrap_or_default();
        match self.width {
            Width::Two => write(body.as_chunks_mut().0, before, kept, fresh, [a, b]),
            Width::Four => write(body.as_chunks_mut().0, before, kept, fresh, [a, b, c, d]),
            Width::Eight => write(body.as_chunks_mut().0, before, kept, fresh, at.to_le_bytes()),
        }
    }

    /// Takes `fewer` of `count` entries out, from `place` on; later ones move up.
    fn remove(&self, bodies: &mut [u8], count: usize, place: usize, fewer: usize) {
        if fewer == 0 {
            return;
        }
        for to in place..count {
            let from = to + fewer;
            let entry = if from < count { self.entry(bodies, from) } else { 0 };
            self.put_entry(bodies, to, entry);
        }
    }

    /// When the unit at this place is over.
    #[inline(always)]
    fn ends_at(&self, bodies: &[u8], place: usize, last: u64) -> u64 {
        self.instant(bodies, place, last) + self.period_ms
    }

    /// The instant of an entry, at most `last`.
    #[inline(always)]
    fn instant(&self, bodies: &[u8], place: usize, last: u64) -> u64 {
        let age = last.wrapping_sub(self.entry(bodies, place)) & self.width.mask();
        last.saturating_sub(age)
    }

    /// How many entries there are.
    #[inline(always)]
    fn entries(&self, counts: Counts) -> usize {
        usize::try_from(counts.tip).unwrap_or_default().min(self.places)
    }

    #[inline(always)]
    fn entry(&self, bodies: &[u8], place: usize) -> u64 {
        let at = self.body + place * self.width.bytes();
        match self.width {
            Width::Two => u64::from(u16_at(bodies, at)),
            Width::Four => u64::from(u32_at(bodies, at)),
            Width::Eight => u64_at(bodies, at),
        }
    }

    #[inline(always)]
    fn put_entry(&self, bodies: &mut [u8], place: usize, instant: u64) {
        let at = self.body + place * self.width.bytes();
        let [a, b, c, d, ..] = instant.to_le_bytes();
        match self.width {
            Width::Two => put(bodies, at, [a, b]),
            Width::Four => put(bodies, at, [a, b, c, d]),
            Width::Eight => put(bodies, at, instant.to_le_bytes()),
        }
    }
}

/// Writes entries of one instant behind those that are kept, and zeros over what else there was before.
#[inline(always)]
fn write<const W: usize>(entries: &mut [[u8; W]], before: usize, kept: usize, fresh: usize, at: [u8; W]) {
    for entry in entries.iter_mut().skip(kept).take(fresh) {
        *entry = at;
    }
    for entry in entries.iter_mut().take(before).skip(kept + fresh) {
        *entry = [0; W];
    }
}

/// Units that have no entry of their own and count with the oldest one.
fn extra(counts: Counts) -> u64 {
    u64::from(counts.total.saturating_sub(counts.tip))
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

/// What comes behind entries stands at a multiple of this many bytes, as rings of 4-byte counters have to.
const ALIGNED: usize = 4;

/// Up to this limit a list of instants is about as small as a ring, and exact.
pub(super) const MOST_UNITS: u32 = 16;
