//! When to try again after a failure that passes: the server's word first, then exponential backoff with jitter.
//!
//! After the n-th failed attempt the exponential part is `d = min(base * 2^(n-1), cap)`.
//!
//! * [`Jitter::None`]: wait exactly `d`: 1, 2, 4, 8, 16 seconds with the defaults.
//! * [`Jitter::Full`]: wait `base + r`, `r` uniform in `[0, min(d, cap - base)]`.
//!
//! Two wishes pull apart here: full jitter may draw zero, yet a first retry must not come at once. So the random part
//! is full jitter over the whole exponential part, and the base delay stands under it as a floor: never sooner than
//! `base`, never later than `cap`, and already the first retry is spread over a whole base delay.
//!
//! A server's `Retry-After` wins over both ends: never before it, even past `cap`, and with jitter the same random
//! part is added on top, so that a cohort refused together does not come back in the same instant.
//!
//! The same attempts, hint, entropy and instant give the same answer on every platform: integers only, and the
//! caller brings the random number.
//!
//! Out of scope: retry budgets, and whether a failure is worth another attempt ([`crate::outcome`]).

use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// How retries are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Uniform over the whole exponential part.
    Full,
    /// Not at all: for tests and for schedules that must be read off a table.
    None,
}

/// A retry policy. Any values are accepted: a base above the cap counts as the cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// The least wait, in milliseconds.
    pub base_ms: u64,
    /// The longest wait, in milliseconds; only a server's hint can make it longer.
    pub cap_ms: u64,
    /// How many attempts may fail in all, the first one counted.
    pub max_attempts: u32,
    /// How retries are spread.
    pub jitter: Jitter,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Try again at this instant.
    At(UnixMillis),
    /// Give up: as many attempts failed as the policy allows.
    Exhausted {
        /// How many attempts failed.
        attempts: u32,
    },
}

impl Backoff {
    /// Decides after `attempts` failed attempts, the one that just failed included; 0 is taken as 1.
    ///
    /// `hint` is the first instant the server allows, when it named one. `entropy` is a fresh random number for each
    /// message and attempt.
    ///
    /// # Example: after the fifth failure of the default policy
    /// ```
    /// use sendgate_core::{backoff::{Backoff, Retry}, time::UnixMillis};
    ///
    /// let now = UnixMillis::new(1_000_000);
    /// assert_eq!(Backoff::default().next(1, None, 0, now), Retry::At(now.plus(1_000)));
    /// assert_eq!(Backoff::default().next(5, None, 0, now), Retry::Exhausted { attempts: 5 });
    /// ```
    #[must_use]
    pub fn next(&self, attempts: u32, hint: Option<UnixMillis>, entropy: u64, now: UnixMillis) -> Retry {
        if attempts >= self.max_attempts {
            return Retry::Exhausted { attempts };
        }
        let earliest = now.plus(self.floor_ms(attempts));
        let allowed = hint.map_or(earliest, |hint| hint.max(earliest));
        Retry::At(allowed.plus(self.spread_ms(attempts, entropy)))
    }

    /// The wait after `attempts` failed attempts when the server gave no hint, in milliseconds.
    ///
    /// This is the schedule alone: it goes on past `max_attempts`.
    #[must_use]
    pub fn delay_ms(&self, attempts: u32, entropy: u64) -> u64 {
        self.floor_ms(attempts).saturating_add(self.spread_ms(attempts, entropy))
    }

    fn floor_ms(&self, attempts: u32) -> u64 {
        match self.jitter {
            Jitter::Full => self.base_ms.min(self.cap_ms),
            Jitter::None => self.exponential_ms(attempts),
        }
    }

    fn spread_ms(&self, attempts: u32, entropy: u64) -> u64 {
        match self.jitter {
            Jitter::None => 0,
            Jitter::Full => {
                let room = self.cap_ms.saturating_sub(self.base_ms);
                uniform(self.exponential_ms(attempts).min(room), entropy)
            }
        }
    }

    fn exponential_ms(&self, attempts: u32) -> u64 {
        let doublings = attempts.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.base_ms.saturating_mul(factor).min(self.cap_ms)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: BASE_MS, cap_ms: CAP_MS, max_attempts: MAX_ATTEMPTS, jitter: Jitter::Full }
    }
}

/// Maps a random number evenly onto `0..=most`: the high half of the 128-bit product.
fn uniform(most: u64, entropy: u64) -> u64 {
    let product = u128::from(entropy) * (u128::from(most) + 1);
    u64::try_from(product >> 64).unwrap_or(most)
}

/// The source document's base delay (R103).
const BASE_MS: u64 = 1_000;

/// A minute: past the 16 s of the fifth retry, and short enough that a recovered provider is used soon.
const CAP_MS: u64 = 60_000;

/// The source document's `maxRetries` (R102): the fifth failure is the last.
const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// SplitMix64 from a fixed seed: the same thousand numbers on every machine.
    fn entropies() -> impl Iterator<Item = u64> {
        (1..=1_000_u64).map(|n| {
            let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    /// The most retries that fall into one bucket of 100 ms.
    fn fullest_bucket(policy: Backoff, hint: Option<UnixMillis>) -> usize {
        let now = UnixMillis::new(1_796_119_200_000);
        let mut buckets: Vec<u64> = entropies()
            .map(|entropy| match policy.next(1, hint, entropy, now) {
                Retry::At(at) => at.since(now) / 100,
                Retry::Exhausted { .. } => panic!("the first failure is not the last"),
            })
            .collect();
        buckets.sort_unstable();
        buckets.chunk_by(|a, b| a == b).map(<[u64]>::len).max().unwrap()
    }

    /// R103, R102: five waits in the table, four of them taken by five attempts.
    #[test]
    fn without_jitter_the_schedule_is_1_2_4_8_16_seconds() {
        let policy = Backoff { jitter: Jitter::None, ..Backoff::default() };
        let schedule: Vec<u64> = (1..=5).map(|attempts| policy.delay_ms(attempts, u64::MAX)).collect();
        assert_eq!(schedule, [1_000, 2_000, 4_000, 8_000, 16_000]);
        let now = UnixMillis::new(5);
        let taken = (1..).take_while(|attempts| matches!(policy.next(*attempts, None, 0, now), Retry::At(_)));
        assert_eq!(taken.count(), 4);
        assert_eq!(policy.next(5, None, 0, now), Retry::Exhausted { attempts: 5 });
    }

    /// R106. A thousand draws over the 1,001 instants of the first retry: 100 in each 100 ms on average, with a
    /// standard deviation of 9.5, so 150 is more than five of them away.
    #[test]
    fn a_thousand_simultaneous_429s_come_back_spread() {
        assert!(fullest_bucket(Backoff::default(), None) < 150);
        assert_eq!(fullest_bucket(Backoff { jitter: Jitter::None, ..Backoff::default() }, None), 1_000);
    }

    /// R106, for a cohort that was told the same instant.
    #[test]
    fn a_thousand_with_the_same_hint_come_back_spread() {
        let hint = Some(UnixMillis::new(1_796_119_230_000));
        assert!(fullest_bucket(Backoff::default(), hint) < 150);
        assert_eq!(fullest_bucket(Backoff { jitter: Jitter::None, ..Backoff::default() }, hint), 1_000);
    }

    /// R107: every wait of the range is drawn, and about evenly.
    #[test]
    fn the_random_part_is_uniform_over_its_whole_range() {
        assert_eq!(uniform(0, u64::MAX), 0);
        assert_eq!(uniform(u64::MAX, u64::MAX), u64::MAX);
        let sum: u64 = entropies().map(|entropy| uniform(1_000, entropy)).sum();
        // The mean of 1,000 draws has a standard deviation of 9.1 around 500.
        assert!((455_000..545_000).contains(&sum), "{sum}");
        let evenly = (0..=1_000_u64).map(|n| uniform(1_000, n * (u64::MAX / 1_000)));
        assert!(evenly.enumerate().all(|(n, draw)| draw.abs_diff(n as u64) <= 1));
    }
}
