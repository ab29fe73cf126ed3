//! A sliding window counted in sub-buckets.
//!
//! The period is cut into buckets of `width` ms, aligned to 1970, at most 15 to a period. A unit that left at `s`
//! stands in bucket `b = s / width` and counts until bucket `b + span` begins, where `span` is the number of buckets
//! a period touches plus one. So it counts at least until `s + period`: `s + period < (b + 1) * width +
//! (span - 1) * width`. It counts at most one bucket's width longer than it must, plus what rounding the width up
//! to whole milliseconds adds.
//!
//! Bytes: the running total is the window's head and the count of the newest bucket its tip; the body is a ring of 16
//! counters of 1, 2 or 4 bytes for the older buckets. The newest bucket's own place in the ring stays 0 until time
//! moves past it.

use super::{
    bytes::{put, u16_at, u32_at},
    meter::Clock,
    place::Place,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    pub(super) limit: u64,
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

/// How wide a bucket's counter is. The largest value of a counter marks a bucket that was charged past counting: it
/// is full until it drains, and takes no refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Counter {
    One,
    Two,
    Four,
}

impl Ring {
    pub(super) fn new(limit: u32, period_ms: u64, place: Place) -> Self {
        let width = Width::new(period_ms.div_ceil(MOST_BUCKETS_A_PERIOD));
        let span = period_ms.div_ceil(width.ms) + 1;
        Self { limit: u64::from(limit), width, span, counter: Counter::for_limit(limit), place }
    }

    pub(super) fn body_length(&self) -> usize {
        PLACES * self.counter.bytes()
    }

    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        let total = self.place.head(bytes);
        if clock.current {
            return total;
        }
        let (first, newest) = (self.width.bucket(clock.last), self.width.bucket(clock.now));
        if newest - first >= self.span {
            return 0;
        }
        let drained: u64 = self.drained(first, newest).map(|bucket| self.counter(bytes, bucket)).sum();
        total.saturating_sub(drained)
    }

    /// The first instant at which `units` of those in use at `clock.now` have drained.
    pub(super) fn drained_at(&self, bytes: &[u8], clock: Clock, units: u64) -> u64 {
        let (first, newest) = (self.width.bucket(clock.last), self.width.bucket(clock.now));
        let mut freed = 0;
        for bucket in (newest + 1).saturating_sub(self.span)..first {
            freed += self.counter(bytes, bucket);
            if freed >= units {
                return (bucket + self.span) * self.width.ms;
            }
        }
        (first + self.span) * self.width.ms
    }

    /// Adds units at `clock.now`, when `used` are in use; returns the instant from which the total may be stale, if
    /// that changed.
    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, used: u64, cost: u32) -> u64 {
        if !clock.current {
            self.roll(bytes, clock);
        }
        let before = self.place.tip(bytes);
        let after = before.saturating_add(cost).min(self.counter.most()).max(before);
        self.place.put_tip(bytes, after);
        self.place.put_head(bytes, used + u64::from(after - before));
        if clock.current { u64::MAX } else { self.edge(clock.now) }
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the bucket they still count in.
    pub(super) fn refund(&self, bytes: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let (bucket, first) = (self.width.bucket(charged_at), self.width.bucket(last));
        if first - bucket >= self.span {
            return;
        }
        let tip = self.place.tip(bytes);
        let before = if bucket == first { u64::from(tip) } else { self.counter(bytes, bucket) };
        if before >= u64::from(self.counter.most()) {
            return;
        }
        let back = before.min(u64::from(cost));
        if bucket == first {
            self.place.put_tip(bytes, tip.saturating_sub(cost));
        } else {
            self.put_counter(bytes, bucket, before - back);
        }
        let total = self.place.head(bytes).saturating_sub(back);
        self.place.put_head(bytes, total);
    }

    /// The first instant at which the newest bucket of a state last charged at `last` is over.
    pub(super) fn edge(&self, last: u64) -> u64 {
        (self.width.bucket(last) + 1) * self.width.ms
    }

    /// Whether total and counters agree, and the places of the newest bucket and of drained ones are empty.
    pub(super) fn is_sound(&self, bytes: &[u8], last: u64) -> bool {
        let first = self.width.bucket(last);
        let tip = self.place.tip(bytes);
        let older = (first + 1).saturating_sub(self.span)..first;
        let counted: u64 = older.map(|bucket| self.counter(bytes, bucket)).sum();
        let all: u64 = (0..PLACES as u64).map(|bucket| self.counter(bytes, bucket)).sum();
        tip <= self.counter.most() && counted == all && all + u64::from(tip) == self.place.head(bytes)
    }

    /// Moves the newest bucket into the ring and empties those whose time is over.
    fn roll(&self, bytes: &mut [u8], clock: Clock) {
        let (first, newest) = (self.width.bucket(clock.last), self.width.bucket(clock.now));
        if newest == first {
            return;
        }
        self.put_counter(bytes, first, u64::from(self.place.tip(bytes)));
        self.place.put_tip(bytes, 0);
        if newest - first >= self.span {
            (0..PLACES as u64).for_each(|bucket| self.put_counter(bytes, bucket, 0));
        } else {
            self.drained(first, newest).for_each(|bucket| self.put_counter(bytes, bucket, 0));
        }
    }

    /// The buckets that drain when the newest one changes from `first` to `newest`.
    fn drained(&self, first: u64, newest: u64) -> core::ops::Range<u64> {
        (first + 1).saturating_sub(self.span)..(newest + 1).saturating_sub(self.span)
    }

    fn counter(&self, bytes: &[u8], bucket: u64) -> u64 {
        let at = self.offset(bucket);
        match self.counter {
            Counter::One => u64::from(bytes.get(at).copied().unwrap_or_default()),
            Counter::Two => u64::from(u16_at(bytes, at)),
            Counter::Four => u64::from(u32_at(bytes, at)),
        }
    }

    fn put_counter(&self, bytes: &mut [u8], bucket: u64, count: u64) {
        let at = self.offset(bucket);
        match self.counter {
            Counter::One => put(bytes, at, [u8::try_from(count).unwrap_or(u8::MAX)]),
            Counter::Two => put(bytes, at, u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes()),
            Counter::Four => put(bytes, at, u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()),
        }
    }

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
    fn bucket(self, instant: u64) -> u64 {
        let product = u128::from(instant) * u128::from(self.reciprocal);
        let quotient = u64::try_from(product >> 64).unwrap_or_default();
        if instant - quotient * self.ms >= self.ms { quotient + 1 } else { quotient }
    }
}

impl Counter {
    /// Half of a counter's range stays free above the limit, so that what is charged past it is still counted exactly.
    const fn for_limit(limit: u32) -> Self {
        match limit {
            0..=0x7f => Self::One,
            0x80..=0x7fff => Self::Two,
            0x8000.. => Self::Four,
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
