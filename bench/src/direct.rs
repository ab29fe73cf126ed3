//! One key: the price of a decision when everything is at hand.

use crate::{
    harness::Bench,
    ours::{HUGE, START, admit, reference, sliding},
    rivals::{Direct, Five, quota},
};
use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock, FakeRelativeClock, Reference},
};
use sendgate_core::limiter::{Decision, Limiter};
use std::{
    hint::black_box,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// All allowed, at one instant.
pub(crate) fn hot(bench: &mut Bench<'_>) {
    let (one, five) = (sliding(&HUGE[..1]), sliding(&HUGE));
    let clock = FakeRelativeClock::default();
    bench.race(ONE, &mut |n| all_allowed(n, &one), ("governor, fake clock", &mut |n| one_allows(n, &clock)));
    bench.race(FIVE, &mut |n| all_allowed(n, &five), ("5 governor, fake clock", &mut |n| five_allow(n, &clock)));
    bench.race(DECIDE, &mut |n| all_decided(n, &five), ("5 governor, fake clock", &mut |n| five_allow(n, &clock)));
    bench.race(MUTEX, &mut |n| behind_a_mutex(n, &five), ("5 governor, fake clock", &mut |n| five_allow(n, &clock)));
}

/// All allowed, on a clock that is read.
pub(crate) fn with_clock(bench: &mut Bench<'_>) {
    let (one, five) = (sliding(&HUGE[..1]), sliding(&HUGE));
    let clock = DefaultClock::default();
    bench.race(
        ONE_CLOCK,
        &mut |n| on_the_clock(n, &one, &clock),
        ("governor, its clock", &mut |n| one_allows(n, &clock)),
    );
    bench.race(
        FIVE_CLOCK,
        &mut |n| on_the_clock(n, &five, &clock),
        ("5 governor, its clock", &mut |n| five_allow(n, &clock)),
    );
}

/// The reference plan, every decision four seconds after the one before: what was counted has to move on.
pub(crate) fn rolling(bench: &mut Bench<'_>) {
    let limiter = reference();
    let (mut state, mut now) = (limiter.fresh(), START);
    let clock = FakeRelativeClock::default();
    let five = Five::<Direct<_>>::reference(&clock);
    let mut ours = |n: u64| {
        let mut allowed = 0;
        for _ in 0..n {
            now = now.plus(STEP_MS);
            allowed += u64::from(admit(&limiter, black_box(&mut state), now));
        }
        assert_eq!(allowed, n);
    };
    let mut rival = |n: u64| {
        let mut allowed = 0;
        for _ in 0..n {
            clock.advance(Duration::from_millis(STEP_MS));
            allowed += u64::from(black_box(&five).check().is_ok());
        }
        assert_eq!(allowed, n);
    };
    bench.race(ROLLING, &mut ours, ("5 governor, fake clock", &mut rival));
}

/// The reference plan with its first window full.
pub(crate) fn deny(bench: &mut Bench<'_>) {
    let limiter = reference();
    let mut state = limiter.fresh();
    let clock = FakeRelativeClock::default();
    let five = Five::<Direct<_>>::reference(&clock);
    for _ in 0..10 {
        assert!(admit(&limiter, &mut state, START) && five.check().is_ok());
    }
    let mut denied = state.clone();
    let mut ours = |n: u64| {
        let now = black_box(START);
        let allowed: u64 = (0..n).map(|_| u64::from(admit(&limiter, black_box(&mut denied), now))).sum();
        assert_eq!(allowed, 0);
    };
    let mut rival = |n: u64| {
        let allowed: u64 = (0..n).map(|_| u64::from(black_box(&five).check().is_ok())).sum();
        assert_eq!(allowed, 0);
    };
    bench.race(DENY, &mut ours, ("5 governor, fake clock", &mut rival));

    // Ten left at one instant, so the first fits a second later.
    let retry_at = START.plus(1_000).as_millis();
    let mut ours = |n: u64| {
        let now = black_box(START);
        let told: u64 = (0..n).map(|_| retry(limiter.decide(black_box(&mut state), 1, now))).sum();
        assert_eq!(told, n * retry_at);
    };
    let mut rival = |n: u64| {
        let told: u128 = (0..n).map(|_| wait(&five, &clock)).sum();
        // governor's bucket refills one unit every 100 ms.
        assert_eq!(told, u128::from(n) * 100);
    };
    bench.race(RETRY, &mut ours, ("5 governor, fake clock, the first's wait", &mut rival));
}

fn all_allowed(n: u64, limiter: &Limiter) {
    let (mut state, now) = (limiter.fresh(), black_box(START));
    let allowed: u64 = (0..n).map(|_| u64::from(admit(limiter, black_box(&mut state), now))).sum();
    assert_eq!(allowed, n);
}

fn all_decided(n: u64, limiter: &Limiter) {
    let (mut state, now) = (limiter.fresh(), black_box(START));
    let decide = |_| u64::from(matches!(limiter.decide(black_box(&mut state), 1, now), Decision::Allow { .. }));
    assert_eq!((0..n).map(decide).sum::<u64>(), n);
}

/// Shared between threads, as governor's limiters can be.
fn behind_a_mutex(n: u64, limiter: &Limiter) {
    let (state, now) = (Mutex::new(limiter.fresh()), black_box(START));
    let decide = |_| {
        let mut state = black_box(&state).lock().unwrap_or_else(PoisonError::into_inner);
        u64::from(admit(limiter, &mut state, now))
    };
    assert_eq!((0..n).map(decide).sum::<u64>(), n);
}

/// With governor's own clock read for every decision, once for all windows.
fn on_the_clock(n: u64, limiter: &Limiter, clock: &DefaultClock) {
    let (mut state, started) = (limiter.fresh(), clock.now());
    let decide = |_| {
        let elapsed_ms = clock.now().duration_since(started).as_u64() / 1_000_000;
        u64::from(admit(limiter, black_box(&mut state), START.plus(elapsed_ms)))
    };
    assert_eq!((0..n).map(decide).sum::<u64>(), n);
}

fn one_allows<C: Clock + Clone>(n: u64, clock: &C) {
    let limiter: Direct<C> = RateLimiter::direct_with_clock(quota(HUGE[0]), clock.clone());
    let allowed: u64 = (0..n).map(|_| u64::from(black_box(&limiter).check().is_ok())).sum();
    assert_eq!(allowed, n);
}

fn five_allow<C: Clock + Clone>(n: u64, clock: &C) {
    let five = Five::<Direct<C>>::huge(clock);
    let allowed: u64 = (0..n).map(|_| u64::from(black_box(&five).check().is_ok())).sum();
    assert_eq!(allowed, n);
}

/// When the denied one may try again.
fn retry(decision: Decision) -> u64 {
    match decision {
        Decision::Defer { retry_at, window: _ } => retry_at.as_millis(),
        Decision::Allow { .. } | Decision::Reject { .. } => panic!("the window is full"),
    }
}

/// Milliseconds until the limiter that denied would allow it.
fn wait(five: &Five<Direct<FakeRelativeClock>>, clock: &FakeRelativeClock) -> u128 {
    let denied = black_box(five).check().expect_err("the window is full");
    denied.wait_time_from(clock.now()).as_millis()
}

pub(crate) const ONE: &str = "limiter.one_window.one_key";
pub(crate) const ONE_CLOCK: &str = "limiter.one_window.one_key.with_clock";
pub(crate) const FIVE: &str = "limiter.five_windows.one_key";
pub(crate) const DECIDE: &str = "limiter.five_windows.one_key.decide";
pub(crate) const MUTEX: &str = "limiter.five_windows.one_key.mutex";
pub(crate) const FIVE_CLOCK: &str = "limiter.five_windows.one_key.with_clock";
pub(crate) const ROLLING: &str = "limiter.five_windows.one_key.rolling";
pub(crate) const DENY: &str = "limiter.five_windows.deny";
pub(crate) const RETRY: &str = "limiter.five_windows.deny_with_retry_at";

/// Fifteen a minute and 900 an hour: always inside the reference plan, and in another sub-bucket of the minute each
/// time.
pub(crate) const STEP_MS: u64 = 4_000;
