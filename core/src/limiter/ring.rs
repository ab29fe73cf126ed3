//! A sliding window counted in sub-buckets.
//!
//! The period is cut into buckets of `width` ms, aligned to 1970, at most 15 to a period. A unit that left at `s`
//! stands in bucket `b = s / width` and counts until bucket `b + span` begins, where `span` is the number of buckets
//! a period touches plus one. So it counts at least until `s + period`: `s + period < (b + 1) * width +
//! (span - 1) * width`. It counts at most one bucket's width longer than it must, plus what rounding the width up
//! to whole milliseconds adds.
//!
//! Bytes: the units in use are the window's total and the count of the newest bucket its tip; the body is a ring of 16
//! counters of 1, 2 or 4 bytes for the older buckets. The newest bucket's own place in the ring stays 0 until time
//! moves past it.
//!
//! A count that no longer fits its counter is *past counting*: the counter says its largest value, is full until it
//! drains and takes no refund. If the total itself would not fit, everything in use counts as of now.

use super::{
    layout::Counts,
    meter::{Clock, NONE, Seen, edge_within, narrow},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    pub(super) limit: u32,
    width: Width,
    span: u64,
    counter: Counter,
    /// Where the ring begins among the bodies, counted in counters: it stands at a multiple of one.
    first: usize,
}

/// A divisor that is divided by often: the quotient by one multiplication and a shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Width {
    ms: u64,
    reciprocal: u64,
    shift: u32,
}

/// How wide a bucket's counter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Counter {
    One,
    Two,
    Four,
}

impl Ring {
    pub(super) fn new(limit: u32, period_ms: u64, body: usize) -> Self {
        let width = Width::new(bucket_ms(period_ms));
        let span = period_ms.div_ceil(width.ms) + 1;
        let counter = Counter::for_limit(limit);
        Self { limit, width, span, counter, first: body / counter.bytes() }
    }

    pub(super) fn body_length(&self) -> usize {
        PLACES * self.counter.bytes()
    }

    /// Units in use at `clock.now`, with the newest bucket before and after.
    #[inline(always)]
    pub(super) fn see(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Seen {
        let (from, to) = (self.bucket(clock.last), self.bucket(clock.now));
        let drained = u64::from(self.drained(bodies, from, to));
        Seen { used: u64::from(counts.total).saturating_sub(drained), from, to, counts }
    }

    /// The bucket that an instant lies in.
    #[inline(always)]
    pub(super) fn bucket(&self, instant: u64) -> u64 {
        self.width.bucket(instant)
    }

    /// The bucket that an instant lies in, and the instant at which it begins.
    #[inline(always)]
    pub(super) fn bucket_at(&self, instant: u64) -> (u64, u64) {
        let bucket = self.bucket(instant);
        (bucket, bucket * self.width.ms)
    }

    /// The bucket of an instant before the bucket that `begins` then: mostly the one before, which takes no division.
    #[inline(always)]
    pub(super) fn bucket_before(&self, bucket: u64, begins: u64, instant: u64) -> u64 {
        if begins - instant <= self.width.ms { bucket - 1 } else { self.bucket(instant) }
    }

    /// The instant at which a bucket is over.
    #[inline(always)]
    pub(super) fn end(&self, bucket: u64) -> u64 {
        (bucket + 1) * self.width.ms
    }

    /// Whether each of this ring's buckets begins where one of the other's begins.
    pub(super) fn is_coarser_than(&self, other: &Self) -> bool {
        self.width.ms.is_multiple_of(other.width.ms)
    }

    /// Units that drain when the newest bucket changes; the largest number for all of them.
    #[inline(always)]
    pub(super) fn drained(&self, bodies: &[u8], from: u64, to: u64) -> u32 {
        match to - from {
            0 => 0,
            1 => self.counter(bodies, to.wrapping_sub(self.span)),
            _ => self.sum_before(bodies, from, to),
        }
    }

    /// The first instant at which `units` of those in use have drained.
    pub(super) fn drained_at(&self, bodies: &[u8], seen: Seen, units: u64) -> u64 {
        let mut freed = 0;
        for bucket in self.oldest(seen.to)..seen.from {
            freed += u64::from(self.counter(bodies, bucket));
            if freed >= units {
                return (bucket + self.span) * self.width.ms;
            }
        }
        (seen.from + self.span) * self.width.ms
    }

    /// Adds units to the newest bucket; returns the counts and the instant at which that bucket is over.
    #[inline(always)]
    pub(super) fn charge(&self, bodies: &mut [u8], seen: Seen, cost: u32) -> (Counts, u64) {
        let before = if seen.to == seen.from { seen.counts.tip } else { 0 };
        if seen.to != seen.from {
            self.turn(bodies, seen.counts.tip, seen.from, seen.to);
        }
        let tip = before.saturating_add(cost).min(self.counter.most()).max(before);
        let Ok(total) = u32::try_from(seen.used + u64::from(tip - before)) else { return self.collapse(bodies) };
        let edge = edge_within(self.limit, total, self.end(seen.to));
        (Counts { total, tip }, edge)
    }

    /// Moves the newest bucket, of `tip` units, into the ring and empties those whose time is over.
    #[inline(always)]
    pub(super) fn turn(&self, bodies: &mut [u8], tip: u32, from: u64, to: u64) {
        if to - from == 1 {
            let (full, free) = (self.place(from), self.place(to.wrapping_sub(self.span)));
            let [a, b, c, d] = tip.to_le_bytes();
            match self.counter {
                Counter::One => fill(bodies, full, a, free),
                Counter::Two => fill(bodies.as_chunks_mut().0, full, [a, b], free),
                Counter::Four => fill(bodies.as_chunks_mut().0, full, [a, b, c, d], free),
            }
        } else {
            self.turn_far(bodies, tip, from, to);
        }
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the bucket they still count in.
    pub(super) fn refund(&self, bodies: &mut [u8], counts: Counts, last: u64, charged_at: u64, cost: u32) -> Counts {
        let (bucket, newest) = (self.bucket(charged_at), self.bucket(last));
        if newest - bucket >= self.span {
            return counts;
        }
        let before = if bucket == newest { counts.tip } else { self.counter(bodies, bucket) };
        if before >= self.counter.most() {
            return counts;
        }
        let back = before.min(cost);
        let total = counts.total.saturating_sub(back);
        if bucket == newest {
            return Counts { total, tip: before - back };
        }
        self.put_counter(bodies, bucket, before - back);
        Counts { total, ..counts }
    }

    /// The first instant at which the newest bucket of a state last charged at `last` is over; none over the limit.
    pub(super) fn edge(&self, counts: Counts, last: u64) -> u64 {
        edge_within(self.limit, counts.total, self.end(self.bucket(last)))
    }

    /// Whether total and counters agree, and the places of the newest bucket and of drained ones are empty.
    pub(super) fn is_sound(&self, bodies: &[u8], counts: Counts, last: u64) -> bool {
        let newest = self.bucket(last);
        let all = self.sum(bodies, 0..PLACES as u64);
        counts.tip <= self.counter.most()
            && self.sum(bodies, self.oldest(newest)..newest) == all
            && all + u64::from(counts.tip) == u64::from(counts.total)
    }

    /// Whether the counter of a bucket that still counts says its largest value.
    pub(super) fn is_past_counting(&self, bodies: &[u8], seen: Seen) -> bool {
        let most = self.counter.most();
        let newest_counts = seen.to - seen.from < self.span;
        newest_counts && seen.counts.tip >= most
            || (self.oldest(seen.to)..seen.from).any(|bucket| self.counter(bodies, bucket) >= most)
    }

    /// As [`Ring::drained`], when the newest bucket changes by more than one; all of them after a period.
    #[inline(never)]
    fn sum_before(&self, bodies: &[u8], from: u64, to: u64) -> u32 {
        if to - from >= self.span {
            return u32::MAX;
        }
        narrow(self.sum(bodies, self.oldest(from)..self.oldest(to)))
    }

    /// As [`Ring::turn`], when the newest bucket changes by more than one.
    #[inline(never)]
    fn turn_far(&self, bodies: &mut [u8], tip: u32, from: u64, to: u64) {
        if to - from >= self.span {
            self.clear(bodies);
        } else {
            self.put_counter(bodies, from, tip);
            for bucket in self.oldest(from)..self.oldest(to) {
                self.put_counter(bodies, bucket, 0);
            }
        }
    }

    /// Everything in use counts in the newest bucket, which is past counting.
    #[cold]
    fn collapse(&self, bodies: &mut [u8]) -> (Counts, u64) {
        self.clear(bodies);
        (Counts { total: self.counter.most(), tip: self.counter.most() }, NONE)
    }

    fn clear(&self, bodies: &mut [u8]) {
        let start = self.first * self.counter.bytes();
        if let Some(ring) = bodies.get_mut(start..start + self.body_length()) {
            ring.fill(0);
        }
    }

    /// The oldest bucket that counts when this one is the newest.
    #[inline(always)]
    fn oldest(&self, newest: u64) -> u64 {
        (newest + 1).saturating_sub(self.span)
    }

    fn sum(&self, bodies: &[u8], buckets: core::ops::Range<u64>) -> u64 {
        buckets.map(|bucket| u64::from(self.counter(bodies, bucket))).sum()
    }

    #[inline(always)]
    fn counter(&self, bodies: &[u8], bucket: u64) -> u32 {
        let place = self.place(bucket);
        match self.counter {
            Counter::One => bodies.get(place).map_or(0, |one| u32::from(*one)),
            Counter::Two => bodies.as_chunks().0.get(place).map_or(0, |two| u32::from(u16::from_le_bytes(*two))),
            Counter::Four => bodies.as_chunks().0.get(place).map_or(0, |four| u32::from_le_bytes(*four)),
        }
    }

    #[inline(always)]
    fn put_counter(&self, bodies: &mut [u8], bucket: u64, count: u32) {
        let (place, [a, b, c, d]) = (self.place(bucket), count.to_le_bytes());
        match self.counter {
            Counter::One => put(bodies, place, a),
            Counter::Two => put(bodies.as_chunks_mut().0, place, [a, b]),
            Counter::Four => put(bodies.as_chunks_mut().0, place, [a, b, c, d]),
        }
    }

    /// Where a bucket's counter stands among the bodies, counted in counters.
    #[inline(always)]
    fn place(&self, bucket: u64) -> usize {
        self.first + usize::try_from(bucket % PLACES as u64).unwrap_or_default()
    }
}

#[inline(always)]
fn put<T>(counters: &mut [T], place: usize, count: T) {
    if let Some(counter) = counters.get_mut(place) {
        *counter = count;
    }
}

/// Writes a count, and none where a bucket's time is over.
#[inline(always)]
fn fill<T: Default>(counters: &mut [T], full: usize, count: T, free: usize) {
    put(counters, full, count);
    put(counters, free, T::default());
}

impl Width {
    /// The reciprocal is the first whole number above 2^(63 + shift) / ms. As 2^shift is at most ms, it is at most 2^63 + 1.
    fn new(ms: u64) -> Self {
        let shift = ms.ilog2();
        let reciprocal = (1 << (63 + shift)) / u128::from(ms) + 1;
        Self { ms, reciprocal: u64::try_from(reciprocal).unwrap_or(u64::MAX), shift }
    }

    /// `instant / ms`.
    ///
    /// The reciprocal is at most 1 too large, so the quotient is too large by at most `instant / 2^(63 + shift)`. For
    /// instants below 2^48 that is less than the 1 / ms which is missing to the next whole number: ms < 2^(shift + 1).
    #[inline(always)]
    fn bucket(self, instant: u64) -> u64 {
        let product = u128::from(instant << 1) * u128::from(self.reciprocal);
        u64::try_from(product >> 64).unwrap_or_default() >> self.shift
    }
}

impl Counter {
    /// The largest value of a counter means past counting, so every limit is below it.
    const fn for_limit(limit: u32) -> Self {
        match limit {
            0..=0xfe => Self::One,
            0xff..=0xfffe => Self::Two,
            0xffff.. => Self::Four,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    const fn most(self) -> u32 {
        match self {
            Self::One => u8::MAX as u32,
            Self::Two => u16::MAX as u32,
            Self::Four => u32::MAX,
        }
    }
}

/// The width of a period's buckets.
pub(super) const fn bucket_ms(period_ms: u64) -> u64 {
    period_ms.div_ceil(MOST_BUCKETS_A_PERIOD)
}

/// Fifteen buckets to a period and one that is filling: 16 counters, and a greedy sender still gets 15/16 of the limit.
const MOST_BUCKETS_A_PERIOD: u64 = 15;

/// Counters in a ring.
const PLACES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reciprocal_divides_like_a_division() {
        let widths = [1, 2, 3, 7, 66, 67, 4_000, 240_000, 5_760_000, 21_081_600_000, (1 << 40) - 1];
        let instants = [0_u64, 1, 66, 67, 68, 1_796_119_200_000, 253_402_128_000_000, (1 << 48) - 1];
        for ms in widths {
            for instant in instants.into_iter().flat_map(|at| [at, at / ms * ms, (at / ms * ms).saturating_sub(1)]) {
                assert_eq!(Width::new(ms).bucket(instant), instant / ms, "{instant} / {ms}");
            }
        }
    }
}
