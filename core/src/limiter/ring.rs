//! A sliding window counted in sub-buckets.
//!
//! The period is cut into buckets of `width` ms, aligned to 1970, at most 15 to a period. A unit that left at `s`
//! stands in bucket `b = s / width` and counts until bucket `b + slots` begins, where `slots` is the number of
//! buckets a period touches plus one. So it counts at least until `s + period`: `s + period < (b + 1) * width +
//! (slots - 1) * width`. It counts at most one bucket's width longer than it must, plus what rounding the width up
//! to whole milliseconds adds.
//!
//! Bytes: the running total is the window's head; the body is the count of the newest bucket (u32) and a ring of the
//! older ones. The newest bucket's place in the ring stays 0 until time moves past it.

use super::{
    bytes::{put, u16_at, u32_at, u64_at},
    meter::Clock,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    pub(super) limit: u64,
    width_ms: u64,
    slots: u64,
    counter: Counter,
    head: usize,
    body: usize,
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
    pub(super) fn new(limit: u32, period_ms: u64, head: usize, body: usize) -> Self {
        let width_ms = period_ms.div_ceil(MOST_BUCKETS_A_PERIOD);
        let slots = period_ms.div_ceil(width_ms) + 1;
        Self { limit: u64::from(limit), width_ms, slots, counter: Counter::for_limit(limit), head, body }
    }

    pub(super) fn body_length(&self) -> usize {
        RING + usize::try_from(self.slots).unwrap_or_default() * self.counter.bytes()
    }

    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        let total = u64_at(bytes, self.head);
        if clock.current {
            return total;
        }
        let (first, newest) = (clock.last / self.width_ms, clock.now / self.width_ms);
        if newest - first >= self.slots {
            return 0;
        }
        let drained: u64 = (first + 1..=newest).map(|bucket| self.slot(bytes, bucket)).sum();
        total.saturating_sub(drained)
    }

    /// The first instant at which `units` of those in use at `clock.now` have drained.
    pub(super) fn drained_at(&self, bytes: &[u8], clock: Clock, units: u64) -> u64 {
        let (first, newest) = (clock.last / self.width_ms, clock.now / self.width_ms);
        let oldest = newest.saturating_sub(self.slots - 1);
        let mut freed = 0;
        for bucket in oldest..first {
            freed += self.slot(bytes, bucket);
            if freed >= units {
                return (bucket + self.slots) * self.width_ms;
            }
        }
        (first + self.slots) * self.width_ms
    }

    /// Adds units at `clock.now`; returns the instant from which the total may be stale, if that changed.
    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, cost: u32) -> u64 {
        if !clock.current {
            self.roll(bytes, clock);
        }
        let before = u32_at(bytes, self.body);
        let after = before.saturating_add(cost).min(self.counter.most());
        put(bytes, self.body, after.to_le_bytes());
        let total = u64_at(bytes, self.head) + u64::from(after - before.min(after));
        put(bytes, self.head, total.to_le_bytes());
        if clock.current { u64::MAX } else { self.edge(clock.now) }
    }

    /// Takes units of a charge made at `charged_at`, at most `last`, out of the bucket they still count in.
    pub(super) fn refund(&self, bytes: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        let (bucket, first) = (charged_at / self.width_ms, last / self.width_ms);
        if first - bucket >= self.slots {
            return;
        }
        let before = if bucket == first { u64::from(u32_at(bytes, self.body)) } else { self.slot(bytes, bucket) };
        if before >= u64::from(self.counter.most()) {
            return;
        }
        let back = before.min(u64::from(cost));
        if bucket == first {
            let after = u32_at(bytes, self.body).saturating_sub(cost);
            put(bytes, self.body, after.to_le_bytes());
        } else {
            self.put_slot(bytes, bucket, before - back);
        }
        let total = u64_at(bytes, self.head).saturating_sub(back);
        put(bytes, self.head, total.to_le_bytes());
    }

    /// The first instant at which the newest bucket of a state last charged at `last` is over.
    pub(super) fn edge(&self, last: u64) -> u64 {
        (last / self.width_ms + 1) * self.width_ms
    }

    /// Whether total and counters agree, and the newest bucket's place is empty.
    pub(super) fn is_sound(&self, bytes: &[u8], last: u64) -> bool {
        let newest = u32_at(bytes, self.body);
        let older: u64 = (0..self.slots).map(|bucket| self.slot(bytes, bucket)).sum();
        newest <= self.counter.most()
            && self.slot(bytes, last / self.width_ms) == 0
            && older + u64::from(newest) == u64_at(bytes, self.head)
    }

    /// Moves the newest bucket into the ring and empties those whose time is over.
    fn roll(&self, bytes: &mut [u8], clock: Clock) {
        let (first, newest) = (clock.last / self.width_ms, clock.now / self.width_ms);
        if newest == first {
            return;
        }
        let total = self.used(bytes, clock);
        self.put_slot(bytes, first, u64::from(u32_at(bytes, self.body)));
        let passed = (newest - first).min(self.slots);
        for bucket in newest + 1 - passed..=newest {
            self.put_slot(bytes, bucket, 0);
        }
        put(bytes, self.body, [0; 4]);
        put(bytes, self.head, total.to_le_bytes());
    }

    fn slot(&self, bytes: &[u8], bucket: u64) -> u64 {
        let at = self.slot_offset(bucket);
        match self.counter {
            Counter::One => u64::from(bytes.get(at).copied().unwrap_or_default()),
            Counter::Two => u64::from(u16_at(bytes, at)),
            Counter::Four => u64::from(u32_at(bytes, at)),
        }
    }

    fn put_slot(&self, bytes: &mut [u8], bucket: u64, count: u64) {
        let at = self.slot_offset(bucket);
        match self.counter {
            Counter::One => put(bytes, at, [u8::try_from(count).unwrap_or(u8::MAX)]),
            Counter::Two => put(bytes, at, u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes()),
            Counter::Four => put(bytes, at, u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()),
        }
    }

    fn slot_offset(&self, bucket: u64) -> usize {
        self.body + RING + usize::try_from(bucket % self.slots).unwrap_or_default() * self.counter.bytes()
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

/// Where the ring begins in the body: after the newest bucket's count.
const RING: usize = 4;
