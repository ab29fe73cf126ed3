//! The limiter's guarantees as properties, each against a log of what left. Rows R001, R081, R101, R110, R111.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, Window},
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;

/// An operation: milliseconds since the one before (negative when the clock is set back), units, and what to do.
type Operation = (i64, u32, u8);

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let gap = prop_oneof![3 => 0..5_i64, 3 => 0..80_i64, 2 => 0..1_200_i64, 1 => 0..70_000_i64, 1 => -3_000..0_i64];
    prop::collection::vec((gap, 1..9_u32, any::<u8>()), 1..300)
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

fn pace(interval_ms: u64, burst: u32) -> Window {
    Window::Pace { name: "pace".into(), interval_ms, burst }
}

fn day(limit: u32) -> Window {
    Window::Calendar { name: "day".into(), limit, unit: CalendarUnit::Day, time_zone: "Europe/Rome".into() }
}

/// Limits on both sides of the change from instants to sub-buckets, and periods that nothing divides.
fn windows() -> impl Strategy<Value = Vec<Window>> {
    let short = (1..40_u32, 1..3_000_u64).prop_map(|(limit, period)| sliding("short", limit, period));
    let long = (1..400_u32, 1_000..90_000_u64).prop_map(|(limit, period)| sliding("long", limit, period));
    let paced = (1..700_u64, 1..20_u32).prop_map(|(interval, burst)| pace(interval, burst));
    let daily = (1..300_u32).prop_map(day);
    (short, long, paced, daily).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

/// How far back a clock is waited for: a sub-bucket, an interval, a minute for a calendar.
fn tolerance(window: &Window) -> u64 {
    match window {
        Window::Sliding { period_ms, .. } => period_ms.div_ceil(15),
        Window::Pace { interval_ms, .. } => *interval_ms,
        Window::Calendar { .. } => 60_000,
    }
}

/// Whether any interval of the log carries more than the window says.
fn is_over(window: &Window, log: &[(u64, u64)]) -> bool {
    let sums = |most: &dyn Fn(u64) -> u64| {
        log.iter().enumerate().any(|(first, (start, _))| {
            let mut sum = 0;
            log[first..].iter().any(|(at, cost)| {
                sum += cost;
                sum > most(at - start)
            })
        })
    };
    match window {
        Window::Sliding { limit, period_ms, .. } => {
            sums(&|span| if span < *period_ms { u64::from(*limit) } else { u64::MAX })
        }
        Window::Pace { interval_ms, burst, .. } => sums(&|span| u64::from(*burst) + span / interval_ms),
        Window::Calendar { limit, .. } => {
            // Rome is an hour ahead of UTC on these December days.
            let day = |at: u64| (at + 3_600_000) / 86_400_000;
            log.iter().any(|(at, _)| {
                let of_day = log.iter().filter(|(other, _)| day(*other) == day(*at));
                of_day.map(|(_, cost)| cost).sum::<u64>() > u64::from(*limit)
            })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees 1, 3 and 4: never over in any window, with refunds in between; a denial changes nothing; the
    /// promised instant is exact over all windows; `peek` is `decide`. The log is in true time, which goes on while the
    /// clock is set back by up to 3 s.
    #[test]
    fn never_over_and_tight_with_refunds_and_a_clock_set_back(windows in windows(), operations in operations()) {
        let limiter = Limiter::new(windows).unwrap();
        let mut state = limiter.fresh();
        let tolerance = limiter.windows().iter().map(tolerance).min().unwrap();
        let (mut clock, mut set_back) = (START, 0);
        let mut newest = 0;
        let mut log: Vec<(u64, u64)> = Vec::new();
        let mut refundable: Vec<(usize, UnixMillis)> = Vec::new();
        for (gap, cost, choice) in operations {
            clock = clock.saturating_add_signed(gap);
            set_back += gap.min(0).unsigned_abs();
            if choice < 40 && !refundable.is_empty() {
                let (place, charged_at) = refundable.swap_remove(usize::from(choice) % refundable.len());
                let units = std::mem::take(&mut log[place].1);
                limiter.refund(&mut state, u32::try_from(units).unwrap(), charged_at, at(clock));
                continue;
            }
            let followed = clock + tolerance < newest;
            if followed {
                newest = clock;
                // A refund does not reach over a clock that was set back.
                refundable.clear();
            }
            let now = clock.max(newest);
            let before = state.clone();
            let peeked = limiter.peek(&state, cost, at(clock));
            let decided = limiter.decide(&mut state, cost, at(clock));
            prop_assert_eq!(peeked, decided);
            let allowed = matches!(decided, Decision::Allow { .. });
            prop_assert!(followed || allowed || state == before, "a denial changed the state");
            match decided {
                Decision::Allow { charged_at } => {
                    prop_assert_eq!(charged_at, at(now));
                    newest = now;
                    refundable.push((log.len(), charged_at));
                    log.push((clock + set_back, u64::from(cost)));
                }
                Decision::Defer { retry_at, window } => {
                    prop_assert!(retry_at > at(now) && window < 4);
                    prop_assert_eq!(limiter.peek(&state, cost, retry_at), Decision::Allow { charged_at: retry_at });
                    let early = at(retry_at.as_millis() - 1);
                    prop_assert_eq!(limiter.peek(&state, cost, early), Decision::Defer { retry_at, window });
                }
                Decision::Reject { window } => prop_assert!(cost > limiter.windows()[window].limit()),
            }
        }
        for window in limiter.windows() {
            prop_assert!(!is_over(window, &log), "{:?} is over: {:?}", window, log);
        }
    }

    /// Guarantee 2: a fresh window admits its whole limit at once, in one cost or in single units.
    #[test]
    fn a_fresh_window_admits_its_limit_at_once(limit in 1..500_u32, period in 1..100_000_u64, now in 0..START) {
        let limiter = Limiter::new(vec![sliding("window", limit, period)]).unwrap();
        let mut whole = limiter.fresh();
        prop_assert_eq!(limiter.decide(&mut whole, limit, at(now)), Decision::Allow { charged_at: at(now) });
        let mut single = limiter.fresh();
        for _ in 0..limit {
            prop_assert_eq!(limiter.decide(&mut single, 1, at(now)), Decision::Allow { charged_at: at(now) });
        }
        prop_assert!(whole == single);
        prop_assert!(matches!(limiter.decide(&mut single, 1, at(now)), Decision::Defer { .. }), "one more");
    }

    /// Guarantee 2: units count at most one sub-bucket, and what rounding it up to milliseconds adds, longer than the
    /// period; up to 16 units not a millisecond longer.
    #[test]
    fn units_drain_within_the_stated_resolution(limit in 1..500_u32, period in 1..100_000_u64, now in 0..START) {
        let limiter = Limiter::new(vec![sliding("window", limit, period)]).unwrap();
        let mut state = limiter.fresh();
        limiter.decide(&mut state, limit, at(now));
        let Decision::Defer { retry_at, .. } = limiter.peek(&state, 1, at(now)) else { panic!("the window is full") };
        let width = period.div_ceil(15);
        let longest = if limit <= 16 { period } else { (period.div_ceil(width) + 1) * width };
        prop_assert!(retry_at.as_millis() >= now + period);
        prop_assert!(retry_at.as_millis() <= now + longest);
    }

    /// Guarantee 5: charged, followed by anything, and refunded is the same bytes as never charged.
    #[test]
    fn a_refund_is_exact_to_the_byte(
        operations in operations(), short in 1..40_u32, long in 1..400_u32, cost in 1..9_u32,
    ) {
        let windows = vec![sliding("short", short, 1_000), sliding("long", long, 60_000), day(1_000_000)];
        let limiter = Limiter::new(windows).unwrap();
        let mut with = limiter.fresh();
        let mut clock = START;
        prop_assume!(cost <= short.min(long));
        let charged_at = limiter.charge(&mut with, cost, at(clock));
        let mut without = limiter.fresh();
        let mut followed = false;
        let mut newest = START;
        for (gap, cost, _) in operations {
            // Back by less than a sub-bucket of the second: the clock is waited for.
            clock = clock.saturating_add_signed(gap).max(newest - 60);
            if let Decision::Allow { charged_at } = limiter.decide(&mut with, cost, at(clock)) {
                limiter.charge(&mut without, cost, charged_at);
                newest = charged_at.as_millis();
                followed = true;
            }
        }
        prop_assume!(followed);
        limiter.refund(&mut with, cost, charged_at, at(clock));
        prop_assert_eq!(with.as_bytes(), without.as_bytes());
    }

    /// Guarantee 5 for a pace: when nothing was charged in between, a refund gives everything back.
    #[test]
    fn a_pace_is_refunded_in_full_when_nothing_followed(
        interval in 1..700_u64, burst in 2..20_u32, before in 0..20_u32, wait in 0..5_000_u64, later in 0..5_000_u64,
    ) {
        let limiter = Limiter::new(vec![pace(interval, burst)]).unwrap();
        let mut state = limiter.fresh();
        limiter.charge(&mut state, before.min(burst - 1), at(START));
        let (charge, end) = (at(START + wait), at(START + wait + later));
        let untouched = limiter.usage(&state, end);
        let charged_at = limiter.charge(&mut state, 1, charge);
        limiter.refund(&mut state, 1, charged_at, end);
        prop_assert_eq!(limiter.usage(&state, end), untouched);
    }

    /// What was charged past the limits blocks until it has drained, and then the whole limit is free again.
    #[test]
    fn a_charge_past_the_limit_drains(windows in windows(), cost in 1..u32::MAX, now in 0..START) {
        let limiter = Limiter::new(windows).unwrap();
        let mut state = limiter.fresh();
        prop_assert_eq!(limiter.charge(&mut state, cost, at(now)), at(now));
        for (usage, window) in limiter.usage(&state, at(now)).iter().zip(limiter.windows()) {
            prop_assert_eq!(usage.remaining, window.limit().saturating_sub(cost));
            let full = limiter.usage(&state, usage.full_at);
            let same = limiter.windows().iter().position(|other| other == window).unwrap();
            prop_assert_eq!((full[same].used, full[same].remaining), (0, window.limit()));
        }
    }

    /// `usage` and `decide` agree: exactly the smallest `remaining` fits, and at `next_at` more of a window does.
    #[test]
    fn usage_says_what_fits(windows in windows(), operations in operations()) {
        let limiter = Limiter::new(windows).unwrap();
        let mut state = limiter.fresh();
        let mut clock = START;
        for (gap, cost, choice) in operations {
            clock = clock.saturating_add_signed(gap);
            if choice == 0 {
                limiter.charge(&mut state, cost, at(clock));
            }
            limiter.decide(&mut state, cost, at(clock));
            let usage = limiter.usage(&state, at(clock));
            let least = usage.iter().map(|window| window.remaining).min().unwrap();
            let allowed = |cost| matches!(limiter.peek(&state, cost, at(clock)), Decision::Allow { .. });
            prop_assert!(allowed(least) && !allowed(least + 1));
            for (place, window) in usage.iter().enumerate().filter(|(_, window)| window.used > 0) {
                let then = |instant: u64| limiter.usage(&state, at(instant))[place];
                let next_at = window.next_at.as_millis();
                prop_assert_eq!(then(next_at - 1).remaining, window.remaining);
                prop_assert!(then(next_at).remaining > window.remaining);
                prop_assert_eq!(then(window.full_at.as_millis()).used, 0);
                prop_assert!(then(window.full_at.as_millis() - 1).used > 0);
            }
        }
    }

    /// Any instant, any cost, any order: no panic, and never an allowed cost past the limit.
    #[test]
    fn extremes_never_panic(
        windows in windows(),
        operations in prop::collection::vec((any::<u64>(), any::<u32>(), 0..5_u8), 1..60),
    ) {
        let limiter = Limiter::new(windows).unwrap();
        let mut state = limiter.fresh();
        for (number, cost, choice) in operations {
            let now = at(if choice == 4 { u64::MAX - number % 3 } else { number % (2 * START) });
            match choice {
                0 => limiter.refund(&mut state, cost, at(number % START), now),
                1 => prop_assert!(limiter.charge(&mut state, cost, now) >= now),
                2 => drop(limiter.usage(&state, now)),
                _ => {
                    let most = limiter.windows().iter().map(Window::limit).min().unwrap();
                    let decision = limiter.decide(&mut state, cost, now);
                    prop_assert!(cost <= most || matches!(decision, Decision::Reject { .. }), "never fits");
                }
            }
            prop_assert!(limiter.load(state.as_bytes()).is_ok());
        }
    }

    /// Loading what was stored is the same state; loading it damaged is an error or a state that works.
    #[test]
    fn damaged_bytes_never_panic(
        windows in windows(), operations in operations(), place in any::<usize>(), byte in any::<u8>(), cut in any::<usize>(),
    ) {
        let limiter = Limiter::new(windows).unwrap();
        let mut state = limiter.fresh();
        let mut clock = START;
        for (gap, cost, _) in operations {
            clock = clock.saturating_add_signed(gap);
            limiter.charge(&mut state, cost, at(clock));
        }
        let stored = state.as_bytes().to_vec();
        prop_assert!(limiter.load(&stored).unwrap() == state);
        prop_assert!(limiter.load(&stored[..cut % stored.len()]).is_err());
        let mut damaged = stored.clone();
        damaged[place % stored.len()] = byte;
        if let Ok(mut loaded) = limiter.load(&damaged) {
            limiter.refund(&mut loaded, u32::MAX, at(clock), at(clock));
            limiter.charge(&mut loaded, u32::MAX, at(clock));
            drop(limiter.usage(&loaded, at(u64::MAX)));
            limiter.decide(&mut loaded, 1, at(u64::MAX));
        }
    }

    /// Bytes from nowhere are an error.
    #[test]
    fn garbage_is_no_state(windows in windows(), garbage in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Limiter::new(windows).unwrap().load(&garbage).is_err());
    }
}
