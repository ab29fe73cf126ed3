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
    meter::{Clock, NONE, Seen, edge_within},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    pub(super) limit: u32,
    width: Width,
    span: u64,
    counter: Counter,
    /// Where the ring begins among the bodies.
    body: usize,
}

/// A divisor that is divided by often: the quotient by one multiplication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Width {
    ms: u64,
    reciprocal: u64,
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
        Self { limit, width, span, counter: Counter::for_limit(limit), body }
    }

    pub(super) fn body_length(&self) -> usize {
        PLACES * self.counter.bytes()
    }

    /// Units in use at `clock.now`, with the newest bucket before and after.
    #[inline(always)]
    pub(super) fn see(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Seen {
        let (from, to) = (self.width.bucket(clock.last), self.width.bucket(clock.now));
        let drained = match to - from {
            0 => 0,
            1 => u64::from(self.counter(bodies, to.wrapping_sub(self.span))),
            _ => self.sum_before(bodies, from, to),
        };
        Seen { used: u64::from(counts.total).saturating_sub(drained), from, to, counts }
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
        let before = match seen.to - seen.from {
            0 => seen.counts.tip,
            1 => {
                self.put_counter(bodies, seen.from, seen.counts.tip);
                self.put_counter(bodies, seen.to.wrapping_sub(self.span), 0);
                0
            }
            _ => self.roll(bodies, seen),
        };
        let tip = before.saturating_add(cost).min(self.counter.most()).max(before);
        let Ok(total) = u32::try_from(seen.used + u64::from(tip - before)) else { return self.collapse(bodies) };
        let edge = edge_within(self.limit, total, (seen.to + 1) * self.width.ms);
        (Counts { total, tip }, edge)
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the bucket they still count in.
    pub(super) fn refund(&self, bodies: &mut [u8], counts: Counts, last: u64, charged_at: u64, cost: u32) -> Counts {
        let (bucket, newest) = (self.width.bucket(charged_at), self.width.bucket(last));
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
        edge_within(self.limit, counts.total, (self.width.bucket(last) + 1) * self.width.ms)
    }

    /// Whether total and counters agree, and the places of the newest bucket and of drained ones are empty.
    pub(super) fn is_sound(&self, bodies: &[u8], counts: Counts, last: u64) -> bool {
        let newest = self.width.bucket(last);
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

    /// Units that drain when the newest bucket changes by more than one; all of them after a period.
    #[inline(never)]
    fn sum_before(&self, bodies: &[u8], from: u64, to: u64) -> u64 {
        if to - from >= self.span {
            return u64::MAX;
        }
        self.sum(bodies, self.oldest(from)..self.oldest(to))
    }

    /// Moves the newest bucket into the ring and empties those whose time is over; returns the count of the new one.
    #[inline(never)]
    fn roll(&self, bodies: &mut [u8], seen: Seen) -> u32 {
        if seen.to - seen.from >= self.span {
            self.clear(bodies);
        } else {
            self.put_counter(bodies, seen.from, seen.counts.tip);
            for bucket in self.oldest(seen.from)..self.oldest(seen.to) {
                self.put_counter(bodies, bucket, 0);
            }
        }
        0
    }

    /// Everything in use counts in the newest bucket, which is past counting.
    #[cold]
    fn collapse(&self, bodies: &mut [u8]) -> (Counts, u64) {
        self.clear(bodies);
        (Counts { total: self.counter.most(), tip: self.counter.most() }, NONE)
    }

    fn clear(&self, bodies: &mut [u8]) {
        if let Some(ring) = bodies.get_mut(self.body..self.body + self.body_length()) {
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
        match self.counter {
            Counter::One => place::<1>(bodies, self.body, bucket).map_or(0, |[a]| u32::from(*a)),
            Counter::Two => place(bodies, self.body, bucket).map_or(0, |two| u32::from(u16::from_le_bytes(*two))),
            Counter::Four => place(bodies, self.body, bucket).map_or(0, |four| u32::from_le_bytes(*four)),
        }
    }

    #[inline(always)]
    fn put_counter(&self, bodies: &mut [u8], bucket: u64, count: u32) {
        let [a, b, c, d] = count.to_le_bytes();
        match self.counter {
            Counter::One => put_place(bodies, self.body, bucket, [a]),
            Counter::Two => put_place(bodies, self.body, bucket, [a, b]),
            Counter::Four => put_place(bodies, self.body, bucket, [a, b, c, d]),
        }
    }
}

/// The counter of a bucket, in a ring of `W`-byte counters that begins at `body`.
#[inline(always)]
fn place<const W: usize>(bodies: &[u8], body: usize, bucket: u64) -> Option<&[u8; W]> {
    let ring = bodies.get(body..)?.as_chunks::<W>().0.first_chunk::<PLACES>()?;
    ring.get(usize::try_from(bucket % PLACES as u64).unwrap_or_default())
}

#[inline(always)]
fn put_place<const W: usize>(bodies: &mut [u8], body: usize, bucket: u64, count: [u8; W]) {
    let ring = bodies.get_mut(body..).and_then(|rest| rest.as_chunks_mut::<W>().0.first_chunk_mut::<PLACES>());
    if let Some(place) = ring.and_then(|ring| ring.get_mut(usize::try_from(bucket % PLACES as u64).unwrap_or_default()))
    {
        *place = count;
    }
}

impl Width {
    const fn new(ms: u64) -> Self {
        Self { ms, reciprocal: u64::MAX / ms }
    }

    /// `instant / ms`.
    ///
    /// The reciprocal is less than 1 below 2^64 / ms, so for instants below 2^48 the product's high half is the
    /// quotient or one less than it.
    #[inline(always)]
    fn bucket(self, instant: u64) -> u64 {
        let product = u128::from(instant) * u128::from(self.reciprocal);
        let quotient = u64::try_from(product >> 64).unwrap_or_default();
        if instant - quotient * self.ms >= self.ms { quotient + 1 } else { quotient }
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
