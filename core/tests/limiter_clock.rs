//! A clock that is set back, by anything: it never frees budget and never locks out for long. Row R081.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, Placing, Window},
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

fn day(limit: u32) -> Limiter {
    let unit = CalendarUnit::Day;
    Limiter::new(vec![Window::Calendar { name: "day".into(), limit, unit, time_zone: "UTC".into() }]).unwrap()
}

/// 2026-12-01T00:00:00Z.
const MIDNIGHT: u64 = START - 10 * 3_600_000;

/// The clock is set back over midnight by 62 s: the new day has been used up, and does not begin again.
#[test]
fn a_midnight_that_comes_twice_does_not_give_twice() {
    let limiter = day(100);
    let mut state = limiter.fresh();
    assert!(limiter.admit(&mut state, 100, at(MIDNIGHT + 61_000)).is_some());
    let next = at(MIDNIGHT + 86_400_000);
    let full = Decision::Defer { retry_at: next, window: 0 };
    assert_eq!(limiter.decide(&mut state, 1, at(MIDNIGHT - 1_000)), full);
    assert_eq!(limiter.decide(&mut state, 1, at(MIDNIGHT)), full);
    assert_eq!(limiter.decide(&mut state, 100, next), Decision::Allow { charged_at: next });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A day's quota under a clock that is set back by up to an hour: never more than one limit in a true day, from the
    /// first midnight that the clock shows to the next day's.
    #[test]
    fn a_true_day_gives_its_quota_once(
        limit in 1..50_u32, steps in prop::collection::vec((0..40_000_000_u64, 0..36_000_000_u64), 1..60),
    ) {
        let limiter = day(limit);
        let mut state = limiter.fresh();
        let (mut clock, mut newest_day, mut sum) = (START, 0, 0);
        for (forward, back) in steps {
            clock += forward;
            clock -= back.saturating_sub(32_400_000);
            let granted = limiter.up_to(&state, limit, at(clock));
            limiter.admit(&mut state, granted, at(clock)).unwrap();
            if clock / 86_400_000 > newest_day {
                (newest_day, sum) = (clock / 86_400_000, 0);
            }
            sum += granted;
            prop_assert!(sum <= limit, "{sum} of {limit} since the clock first showed this day");
        }
    }
}

/// A pace owes as long as before, even more than units can be counted.
#[test]
fn a_pace_owes_the_same_time_after_the_clock_was_set_back() {
    let limiter = Limiter::new(vec![Window::Pace { name: "pace".into(), interval_ms: 1, burst: 5 }]).unwrap();
    let mut state = limiter.fresh();
    for _ in 0..3 {
        limiter.charge(&mut state, u32::MAX, at(START));
    }
    assert!(limiter.rebase(&mut state, at(START - 10)));
    let owed = 3 * u64::from(u32::MAX);
    assert_eq!(limiter.usage(&state, at(START - 10))[0].full_at, at(START - 10 + owed));
}

#[test]
fn nothing_asked_changes_nothing() {
    let limiter = sliding(10, 1_000);
    let mut state = limiter.fresh();
    limiter.charge(&mut state, 10, at(START));
    let before = state.clone();
    assert_eq!(limiter.decide(&mut state, 0, at(START - 100_000)), Decision::Allow { charged_at: at(START - 100_000) });
    assert_eq!(limiter.charge(&mut state, 0, at(START - 100_000)), at(START - 100_000));
    assert_eq!(state, before);
}

/// Holds and queue times follow the clock, too: ten units drain a second after the new now.
#[test]
fn holds_and_queues_follow_a_clock_that_was_set_back() {
    let limiter = sliding(10, 1_000);
    let (mut state, mut hold) = (limiter.fresh(), None);
    limiter.charge(&mut state, 10, at(START));
    let now = START - 100_000;
    assert_eq!(limiter.turns(&state, &[1], at(now)), [Some(at(now + 1_000))]);
    let promised_at = at(now + 1_000);
    let placed = limiter.place_hold(&mut state, &mut hold, 5, 1, 500, at(now));
    assert_eq!(placed, Placing::Held { promised_at, ends_at: at(now + 1_500) });
    assert!(matches!(limiter.decide_beside(&mut state, &mut hold, 5, 1, promised_at), Decision::Allow { .. }));

    // A hold that stands when the clock is set back does not keep others out for longer than the units do.
    limiter.charge(&mut state, 10, at(START));
    limiter.place_hold(&mut state, &mut hold, 5, 1, 500, at(START));
    let others = limiter.decide_beside(&mut state, &mut hold, 1, 2, at(now));
    assert_eq!(others, Decision::Defer { retry_at: at(now + 1_000), window: 0 });
    assert!(matches!(limiter.decide_beside(&mut state, &mut hold, 1, 2, at(now + 1_000)), Decision::Allow { .. }));
}
