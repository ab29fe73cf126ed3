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
    bytes::{put, u16_at, u32_at},
    layout::Place,
    meter::{Clock, Seen},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    pub(super) limit: u32,
    width: Width,
    span: u64,
    counter: Counter,
    place: Place,
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
    pub(super) fn new(limit: u32, period_ms: u64, place: Place) -> Self {
        let width = Width::new(bucket_ms(period_ms));
        let span = period_ms.div_ceil(width.ms) + 1;
        Self { limit, width, span, counter: Counter::for_limit(limit), place }
    }

    pub(super) fn body_length(&self) -> usize {
        PLACES * self.counter.bytes()
    }

    /// Units in use at `clock.now`, with the newest bucket before and after.
    #[inline]
    pub(super) fn see(&self, cells: &[u8], clock: Clock) -> Seen {
        let total = u64::from(self.place.total(cells));
        let (from, to) = (self.width.bucket(clock.last), self.width.bucket(clock.now));
        if from == to {
            return Seen { used: total, from, to };
        }
        if to - from >= self.span {
            return Seen { used: 0, from, to };
        }
        let drained: u64 = self.drained(from, to).map(|bucket| u64::from(self.counter(cells, bucket))).sum();
        Seen { used: total.saturating_sub(drained), from, to }
    }

    /// The first instant at which `units` of those in use have drained.
    pub(super) fn drained_at(&self, cells: &[u8], seen: Seen, units: u64) -> u64 {
        let mut freed = 0;
        for bucket in (seen.to + 1).saturating_sub(self.span)..seen.from {
            freed += u64::from(self.counter(cells, bucket));
            if freed >= units {
                return (bucket + self.span) * self.width.ms;
            }
        }
        (seen.from + self.span) * self.width.ms
    }

    /// Adds units to the newest bucket; returns the instant at which it is over.
    #[inline]
    pub(super) fn charge(&self, cells: &mut [u8], seen: Seen, cost: u32) -> u64 {
        if seen.from != seen.to {
            self.roll(cells, seen);
        }
        let before = self.place.tip(cells);
        let after = before.saturating_add(cost).min(self.counter.most()).max(before);
        let total = seen.used + u64::from(after - before);
        match u32::try_from(total) {
            Ok(total) => {
                self.place.put_tip(cells, after);
                self.place.put_total(cells, total);
            }
            Err(_) => self.collapse(cells),
        }
        (seen.to + 1) * self.width.ms
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the bucket they still count in.
    pub(super) fn refund(&self, cells: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let (bucket, newest) = (self.width.bucket(charged_at), self.width.bucket(last));
        if newest - bucket >= self.span {
            return;
        }
        let before = if bucket == newest { self.place.tip(cells) } else { self.counter(cells, bucket) };
        if before >= self.counter.most() {
            return;
        }
        let back = before.min(cost);
        if bucket == newest {
            self.place.put_tip(cells, before - back);
        } else {
            self.put_counter(cells, bucket, before - back);
        }
        let total = self.place.total(cells).saturating_sub(back);
        self.place.put_total(cells, total);
    }

    /// The first instant at which the newest bucket of a state last charged at `last` is over.
    pub(super) fn edge(&self, last: u64) -> u64 {
        (self.width.bucket(last) + 1) * self.width.ms
    }

    /// Whether total and counters agree, and the places of the newest bucket and of drained ones are empty.
    pub(super) fn is_sound(&self, cells: &[u8], last: u64) -> bool {
        let newest = self.width.bucket(last);
        let tip = self.place.tip(cells);
        let count = |bucket| u64::from(self.counter(cells, bucket));
        let counted: u64 = ((newest + 1).saturating_sub(self.span)..newest).map(count).sum();
        let all: u64 = (0..PLACES as u64).map(count).sum();
        tip <= self.counter.most() && counted == all && all + u64::from(tip) == u64::from(self.place.total(cells))
    }

    /// Moves the newest bucket into the ring and empties those whose time is over.
    #[inline]
    fn roll(&self, cells: &mut [u8], seen: Seen) {
        if seen.to - seen.from >= self.span {
            self.clear(cells);
        } else {
            let tip = self.place.tip(cells);
            self.put_counter(cells, seen.from, tip);
            self.drained(seen.from, seen.to).for_each(|bucket| self.put_counter(cells, bucket, 0));
        }
        self.place.put_tip(cells, 0);
    }

    /// Everything in use counts in the newest bucket, which is past counting.
    #[cold]
    fn collapse(&self, cells: &mut [u8]) {
        self.clear(cells);
        self.place.put_tip(cells, self.counter.most());
        self.place.put_total(cells, self.counter.most());
    }

    fn clear(&self, cells: &mut [u8]) {
        let body = self.place.body;
        if let Some(ring) = cells.get_mut(body..body + self.body_length()) {
            ring.fill(0);
        }
    }

    /// The buckets that drain when the newest one changes from `from` to `to`.
    #[inline]
    fn drained(&self, from: u64, to: u64) -> core::ops::Range<u64> {
        (from + 1).saturating_sub(self.span)..(to + 1).saturating_sub(self.span)
    }

    #[inline]
    fn counter(&self, cells: &[u8], bucket: u64) -> u32 {
        let at = self.offset(bucket);
        match self.counter {
            Counter::One => u32::from(cells.get(at).copied().unwrap_or_default()),
            Counter::Two => u32::from(u16_at(cells, at)),
            Counter::Four => u32_at(cells, at),
        }
    }

    #[inline]
    fn put_counter(&self, cells: &mut [u8], bucket: u64, count: u32) {
        let at = self.offset(bucket);
        let [first, second, _, _] = count.to_le_bytes();
        match self.counter {
            Counter::One => put(cells, at, [first]),
            Counter::Two => put(cells, at, [first, second]),
            Counter::Four => put(cells, at, count.to_le_bytes()),
        }
    }

    #[inline]
    fn offset(&self, bucket: u64) -> usize {
        let place = usize::try_from(bucket % PLACES as u64).unwrap_or_default();
        self.place.body + place * self.counter.bytes()
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
    #[inline]
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
