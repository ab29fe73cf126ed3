//! What limits are worth against a client that takes all it gets: on a clock that is counted, not read.

use crate::{
    harness::{Bench, Spread, progress},
    ours::{START, admit, sliding},
    report::{Better, Row},
    rivals::{Direct, quota},
};
use governor::{RateLimiter, clock::FakeRelativeClock};
use std::{collections::VecDeque, time::Duration};

/// The most that leaves in any interval, and how much leaves in the long run.
pub(crate) fn measure(bench: &mut Bench<'_>) {
    progress("greedy client");
    let periods = SETTLING + if bench.is_quick() { 16 } else { 160 };
    // Our buckets are aligned to the clock, so the client comes in sixteen phases of them; the worst counts.
    let phases = (0..16).map(|phase| ours(phase * 250, periods)).collect::<Vec<_>>();
    let worst = phases.iter().map(|log| log.worst).max().unwrap_or_default();
    let least = phases.iter().map(|log| log.sustained()).fold(f64::MAX, f64::min);
    let rival = governor(periods);
    let share = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(LIMIT);
    bench.row(Row {
        name: WORST,
        unit: "x limit",
        better: Better::Less,
        ours: Some(Spread::exactly(share(worst))),
        rival: Some(("governor", Spread::exactly(share(rival.worst)))),
    });
    bench.row(Row {
        name: SUSTAINED,
        unit: "x limit",
        better: Better::More,
        ours: Some(Spread::exactly(least)),
        rival: Some(("governor", Spread::exactly(rival.sustained()))),
    });
}

fn ours(phase: u64, periods: u64) -> Log {
    let limiter = sliding(&[(LIMIT, PERIOD_MS)]);
    let mut state = limiter.fresh();
    play(periods, |at| admit(&limiter, &mut state, START.plus(phase + at)))
}

fn governor(periods: u64) -> Log {
    let clock = FakeRelativeClock::default();
    let limiter: Direct<_> = RateLimiter::direct_with_clock(quota((LIMIT, PERIOD_MS)), clock.clone());
    let mut now = 0;
    play(periods, |at| {
        if at > now {
            clock.advance(Duration::from_millis(at - now));
            now = at;
        }
        limiter.check().is_ok()
    })
}

/// A client that asks every millisecond, and goes on asking in it as long as it is allowed.
fn play(periods: u64, mut allowed: impl FnMut(u64) -> bool) -> Log {
    let mut log = Log::default();
    for at in 0..periods * PERIOD_MS {
        while allowed(at) {
            log.write(at, PERIOD_MS);
        }
    }
    log.periods = periods;
    log
}

/// What left: the last period's instants, and sums.
#[derive(Default)]
struct Log {
    recent: VecDeque<u64>,
    worst: u64,
    settled: u64,
    periods: u64,
}

impl Log {
    fn write(&mut self, at: u64, period: u64) {
        while self.recent.front().is_some_and(|first| first + period <= at) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        self.worst = self.worst.max(self.recent.len() as u64);
        self.settled += u64::from(at >= SETTLING * period);
    }

    /// The share of the limit that left once the first burst was over.
    fn sustained(&self) -> f64 {
        self.settled as f64 / ((self.periods - SETTLING) * u64::from(LIMIT)) as f64
    }
}

pub(crate) const WORST: &str = "limiter.worst_interval";
pub(crate) const SUSTAINED: &str = "limiter.sustained";

/// 500 a minute.
const LIMIT: u32 = 500;
const PERIOD_MS: u64 = 60_000;

/// Periods that the first burst may take to be forgotten. Sixteen periods are fifteen rounds of our sixteen buckets.
const SETTLING: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_interval_is_half_open() {
        let mut log = Log::default();
        for at in [0, 0, 59_999, 60_000] {
            log.write(at, 60_000);
        }
        // Two at 0 and one at 59,999 are in one minute; what leaves at 60,000 is not in it any more.
        assert_eq!(log.worst, 3);
    }

    /// A full bucket of 500 and one more every 120 ms: 499 of them in the rest of the first minute.
    #[test]
    fn a_bucket_that_is_full_at_first_lets_nearly_twice_the_limit_through() {
        assert_eq!(governor(11).worst, 999);
        assert_eq!(ours(0, 11).worst, 500);
    }
}
