//! Limits that change under load: the counts go on. Row R027.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    limiter::{Decision, Limiter, Window},
    time::UnixMillis,
};

const PERIOD_MS: u64 = 1_000;

fn limiter(limit: u32) -> Limiter {
    Limiter::new(vec![Window::Sliding { name: "second".into(), limit, period_ms: PERIOD_MS }]).unwrap()
}

/// Operations: milliseconds to go on by, and a cost.
fn operations() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((0u64..400, 1u32..4), 1..80)
}

proptest! {
    /// After the change no interval that ends later carries more than the new limit, counting what left under the old one.
    #[test]
    fn no_interval_after_the_change_carries_more_than_the_new_limit(
        before in operations(), after in operations(), old in 4u32..60, new in 4u32..60,
    ) {
        let (old_limiter, new_limiter) = (limiter(old), limiter(new));
        let mut state = old_limiter.fresh();
        let mut now = UnixMillis::new(1_796_119_200_000);
        let mut left: Vec<(UnixMillis, u32)> = Vec::new();
        for (pause, cost) in before {
            now = now.plus(pause);
            if let Decision::Allow { .. } = old_limiter.decide(&mut state, cost, now) {
                left.push((now, cost));
            }
        }
        let mut state = new_limiter.migrate(&old_limiter, &state, now);
        for (pause, cost) in after {
            now = now.plus(pause);
            if let Decision::Allow { .. } = new_limiter.decide(&mut state, cost, now) {
                left.push((now, cost));
                let carried: u32 = left.iter().filter(|(at, _)| now.since(*at) < PERIOD_MS).map(|(_, cost)| cost).sum();
                prop_assert!(carried <= new, "{carried} of {new}");
            }
        }
    }
}

#[test]
fn a_raised_limit_has_its_room_at_once_and_a_lowered_one_drains() {
    let now = UnixMillis::new(1_796_119_200_000);
    let old = limiter(10);
    let mut state = old.fresh();
    assert_eq!(old.decide(&mut state, 10, now), Decision::Allow { charged_at: now });
    let raised = limiter(15);
    let mut more = raised.migrate(&old, &state, now);
    assert_eq!(raised.decide(&mut more, 5, now), Decision::Allow { charged_at: now });
    assert!(matches!(raised.decide(&mut more, 1, now), Decision::Defer { .. }));
    let lowered = limiter(4);
    let mut less = lowered.migrate(&old, &state, now);
    let Decision::Defer { retry_at, .. } = lowered.decide(&mut less, 1, now) else { panic!("it is over its limit") };
    assert!(matches!(lowered.decide(&mut less, 4, retry_at), Decision::Allow { .. }), "once drained it is whole again");
}

#[test]
fn a_window_with_a_new_name_begins_empty_and_the_others_keep_their_counts() {
    let now = UnixMillis::new(1_796_119_200_000);
    let old = limiter(10);
    let mut state = old.fresh();
    old.charge(&mut state, 7, now);
    let hour = Window::Sliding { name: "hour".into(), limit: 100, period_ms: 3_600_000 };
    let new =
        Limiter::new(vec![hour, Window::Sliding { name: "second".into(), limit: 10, period_ms: PERIOD_MS }]).unwrap();
    let used: Vec<u32> = new.usage(&new.migrate(&old, &state, now), now).iter().map(|usage| usage.used).collect();
    assert_eq!(used, [0, 7]);
}

/// A small window keeps the instants of units; one that has none in use must not keep an instant of none.
#[test]
fn a_small_window_that_has_drained_is_taken_up_as_bytes_that_load() {
    let windows = |limit: u32| {
        let second = Window::Sliding { name: "second".into(), limit, period_ms: PERIOD_MS };
        vec![second, Window::Sliding { name: "minute".into(), limit: 100, period_ms: 60_000 }]
    };
    let (old, new) = (Limiter::new(windows(10)).unwrap(), Limiter::new(windows(5)).unwrap());
    let now = UnixMillis::new(1_796_119_200_000);
    let mut state = old.fresh();
    old.charge(&mut state, 7, now);
    let migrated = new.migrate(&old, &state, now.plus(PERIOD_MS));
    assert_eq!(new.load(migrated.as_bytes()), Ok(migrated));
}

/// Three hundred units under a limit that counts to 255, then under a limit of three hundred again: still full.
#[test]
fn what_was_charged_past_counting_is_full_under_every_limit_until_it_drains() {
    let limiter =
        |limit: u32| Limiter::new(vec![Window::Sliding { name: "minute".into(), limit, period_ms: 60_000 }]).unwrap();
    let (low, high) = (limiter(100), limiter(300));
    // A multiple of 4,000: the bucket begins here, and the units count for 16 buckets.
    let now = UnixMillis::new(1_796_119_200_000);
    let mut state = high.fresh();
    high.charge(&mut state, 300, now);
    let lowered = low.migrate(&high, &state, now);
    assert_eq!(low.up_to(&lowered, 300, now), 0);
    let raised = high.migrate(&low, &lowered, now);
    assert_eq!(high.up_to(&raised, 300, now.plus(63_999)), 0);
    assert_eq!(high.up_to(&raised, 300, now.plus(64_000)), 300);
    // What was charged past a limit and can be counted is counted.
    let mut counted = low.fresh();
    low.charge(&mut counted, 250, now);
    assert_eq!(high.up_to(&high.migrate(&low, &counted, now), 300, now), 50);
}

/// What is past counting makes a pace full, and no more than that.
#[test]
fn a_pace_takes_up_what_is_past_counting_as_its_burst() {
    let old = Limiter::new(vec![Window::Sliding { name: "w".into(), limit: 254, period_ms: 1_000 }]).unwrap();
    let new = Limiter::new(vec![Window::Pace { name: "w".into(), interval_ms: 200, burst: 5 }]).unwrap();
    let now = UnixMillis::new(1_796_119_200_000);
    let mut state = old.fresh();
    old.charge(&mut state, 255, now);
    let usage = new.usage(&new.migrate(&old, &state, now), now);
    assert_eq!((usage[0].remaining, usage[0].full_at), (0, now.plus(1_000)));
}

/// A bucket that was past counting and has drained says nothing about those that count.
#[test]
fn what_is_past_counting_and_has_drained_is_forgotten() {
    let limiter = |period_ms| Limiter::new(vec![Window::Sliding { name: "w".into(), limit: 100, period_ms }]).unwrap();
    let (old, new) = (limiter(15_000), limiter(15_001));
    let now = UnixMillis::new(1_796_119_200_000);
    let mut state = old.fresh();
    old.charge(&mut state, 255, now);
    old.charge(&mut state, 3, now.plus(14_000));
    let later = now.plus(20_000);
    assert_eq!(old.up_to(&state, 100, later), 97);
    assert_eq!(new.up_to(&new.migrate(&old, &state, later), 100, later), 97);
}

#[test]
fn a_state_of_another_policy_is_taken_as_full() {
    let limiter = |limit| Limiter::new(vec![Window::Sliding { name: "w".into(), limit, period_ms: 1_000 }]).unwrap();
    let now = UnixMillis::new(1_796_119_200_000);
    let migrated = limiter(20).migrate(&limiter(30), &limiter(40).fresh(), now);
    assert_eq!(limiter(20).up_to(&migrated, 20, now), 0);
    assert_eq!(limiter(20).load(migrated.as_bytes()), Ok(migrated));
}
