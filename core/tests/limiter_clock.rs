//! A clock that is set back, by anything: it never frees budget and never locks out for long. Row R081.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    limiter::{Decision, Limiter, Window},
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;

fn sliding(limit: u32, period_ms: u64) -> Limiter {
    Limiter::new(vec![Window::Sliding { name: "window".into(), limit, period_ms }]).unwrap()
}

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A full window opens again at most 16 sub-buckets after the clock was set back, however far that was; a step of at
    /// most one sub-bucket is waited for and adds itself.
    #[test]
    fn a_clock_set_back_locks_out_for_at_most_sixteen_sub_buckets(
        limit in 1..500_u32, period in 1..100_000_000_u64, back in 1..START,
    ) {
        let limiter = sliding(limit, period);
        let mut state = limiter.fresh();
        prop_assert_eq!(limiter.decide(&mut state, limit, at(START)), Decision::Allow { charged_at: at(START) });
        let width = period.div_ceil(15);
        let now = START - back;
        let Decision::Defer { retry_at, .. } = limiter.decide(&mut state, limit, at(now)) else {
            panic!("a clock set back freed something")
        };
        let waited = if back <= width { back } else { 0 };
        prop_assert!(retry_at.as_millis() <= now + waited + 16 * width, "{} after {now}", retry_at.as_millis());
        prop_assert!(retry_at.as_millis() >= now + period, "too soon");
        prop_assert_eq!(limiter.decide(&mut state, limit, retry_at), Decision::Allow { charged_at: retry_at });
    }

    /// A greedy client under a clock that is set back at random still gets at most the limit in every true period.
    #[test]
    fn a_clock_set_back_again_and_again_mints_nothing(
        limit in 1..60_u32, period in 1..5_000_u64, steps in prop::collection::vec((0..700_u64, 0..9_000_u64), 1..200),
    ) {
        let limiter = sliding(limit, period);
        let mut state = limiter.fresh();
        let (mut truth, mut clock) = (START, START);
        let mut log: Vec<(u64, u32)> = Vec::new();
        for (forward, back) in steps {
            truth += forward;
            clock += forward;
            // Four times in five the clock stays as it is.
            clock -= back.saturating_sub(7_200);
            let granted = limiter.up_to(&state, limit, at(clock));
            prop_assert!(limiter.admit(&mut state, granted, at(clock)).is_some());
            prop_assert!(granted == limit || limiter.admit(&mut state, 1, at(clock)).is_none(), "up_to gave too little");
            log.push((truth, granted));
            let sum: u32 = log.iter().filter(|(left, _)| left + period > truth).map(|(_, units)| units).sum();
            prop_assert!(sum <= limit, "{sum} of {limit} within {period} ms");
        }
    }
}

/// A machine that boots in the year 2038 and is then told the time: its limits open again within their periods.
#[test]
fn a_year_of_wrong_time_is_forgotten_in_a_period() {
    let limiter = sliding(500, 60_000);
    let mut state = limiter.fresh();
    let wrong = at(2_147_483_648_000);
    assert!(limiter.admit(&mut state, 500, wrong).is_some());
    assert!(limiter.rebase(&mut state, at(START)));
    assert!(!limiter.rebase(&mut state, at(START)), "once");
    // The bucket from START is 4,000 ms wide, and START is a multiple of that.
    let expected = Decision::Defer { retry_at: at(START + 64_000), window: 0 };
    assert_eq!(limiter.decide(&mut state, 1, at(START)), expected);
    assert!(limiter.admit(&mut state, 500, at(START + 64_000)).is_some());
}
