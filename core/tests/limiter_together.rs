//! Windows together: what they decide, charge and say against the windows one by one, against a log of what left, and
//! against their own bytes. Guarantees 2, 4 and 6. Rows R081, R110.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, State, Window},
    time::UnixMillis,
};

/// Where a state's edge stands among its bytes: behind the header and the instant of the newest charge.
const EDGE: std::ops::Range<usize> = 16..24;

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

/// A policy of one to five windows of any kind, and a trace that its limits are met in.
fn policies() -> impl Strategy<Value = Vec<Window>> {
    let window = prop_oneof![
        (1..40_u32, 1..3_000_u64).prop_map(|(limit, period)| sliding("w", limit, period)),
        (1..400_u32, 1_000..90_000_u64).prop_map(|(limit, period)| sliding("w", limit, period)),
        (1..300_u64, 1..20_u32).prop_map(|(interval_ms, burst)| Window::Pace { name: "w".into(), interval_ms, burst }),
        (1..300_u32).prop_map(|limit| Window::Calendar {
            name: "w".into(),
            limit,
            unit: CalendarUnit::Day,
            time_zone: "Europe/Rome".into(),
        }),
    ];
    prop::collection::vec(window, 1..6).prop_map(|windows| {
        let named = windows.into_iter().enumerate().map(|(index, window)| match window {
            Window::Sliding { limit, period_ms, .. } => sliding(&format!("w{index}"), limit, period_ms),
            Window::Pace { interval_ms, burst, .. } => Window::Pace { name: format!("w{index}"), interval_ms, burst },
            Window::Calendar { limit, unit, time_zone, .. } => {
                Window::Calendar { name: format!("w{index}"), limit, unit, time_zone }
            }
        });
        named.collect()
    })
}

fn asks() -> impl Strategy<Value = Vec<(u64, u32)>> {
    let gap = prop_oneof![3 => 0..5_u64, 3 => 0..80_u64, 2 => 0..1_200_u64, 1 => 0..70_000_u64];
    prop::collection::vec((gap, 1..9_u32), 1..200)
}

/// Policies whose windows move on at common instants, and at instants of their own.
fn turning_policies() -> impl Strategy<Value = Vec<Window>> {
    let period = prop_oneof![
        3 => prop::sample::select(vec![1_000_u64, 1_500, 6_000, 60_000, 3_600_000, 86_400_000]),
        1 => 1..100_000_u64,
    ];
    let zone = prop::sample::select(vec!["UTC", "Europe/Rome", "Asia/Kathmandu"]);
    let window = prop_oneof![
        1 => (1..17_u32, period.clone()).prop_map(|(limit, period)| sliding("w", limit, period)),
        3 => (17..70_000_u32, period).prop_map(|(limit, period)| sliding("w", limit, period)),
        1 => (1..90_000_u32, zone).prop_map(|(limit, zone)| Window::Calendar {
            name: "w".into(),
            limit,
            unit: CalendarUnit::Day,
            time_zone: zone.into(),
        }),
    ];
    prop::collection::vec(window, 1..9)
}

/// A cost, and how far the clock goes on: by so much, or to the next multiple of a number and a little past it.
fn turns() -> impl Strategy<Value = Vec<(u64, u64, u32)>> {
    let round = prop::sample::select(vec![1_u64, 100, 400, 4_000, 5_760_000, 86_400_000]);
    let gap = prop_oneof![2 => Just(0_u64), 1 => 0..3_u64, 3 => 0..5_000_u64, 1 => 0..100_000_000_u64];
    prop::collection::vec((round, gap, prop_oneof![3 => Just(1_u32), 1 => 1..600_u32]), 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantee 4: windows together decide as the windows one by one do. All of them are charged or none; the instant is
    /// the latest of theirs, and the window named is the first that says so.
    #[test]
    fn windows_together_are_their_parts(windows in policies(), asks in asks()) {
        let together = Limiter::new(windows.clone()).unwrap();
        let mut state = together.fresh();
        let parts: Vec<Limiter> = windows.into_iter().map(|window| Limiter::new(vec![window]).unwrap()).collect();
        let mut states: Vec<State> = parts.iter().map(Limiter::fresh).collect();
        let mut now = START;
        for (gap, cost) in asks {
            now += gap;
            let single = |(part, state): (&Limiter, &State)| part.peek(state, cost, at(now));
            let answers: Vec<Decision> = parts.iter().zip(&states).map(single).collect();
            let never = answers.iter().position(|answer| matches!(answer, Decision::Reject { .. }));
            let waits = answers.iter().enumerate().filter_map(|(window, answer)| match answer {
                Decision::Defer { retry_at, .. } => Some((*retry_at, window)),
                Decision::Allow { .. } | Decision::Reject { .. } => None,
            });
            let latest = waits.fold(None, |best: Option<(UnixMillis, usize)>, wait| match best {
                Some(best) if best.0 >= wait.0 => Some(best),
                Some(_) | None => Some(wait),
            });
            let wanted = match (never, latest) {
                (Some(window), _) => Decision::Reject { window },
                (None, Some((retry_at, window))) => Decision::Defer { retry_at, window },
                (None, None) => Decision::Allow { charged_at: at(now) },
            };
            prop_assert_eq!(together.decide(&mut state, cost, at(now)), wanted);
            if let Decision::Allow { charged_at } = wanted {
                for (part, state) in parts.iter().zip(&mut states) {
                    part.charge(state, cost, charged_at);
                }
            }
            let usage: Vec<_> = parts.iter().zip(&states).map(|(part, state)| part.usage(state, at(now))[0]).collect();
            prop_assert_eq!(together.usage(&state, at(now)), usage);
        }
    }

    /// `admit` is `decide` without the reason, and `peek` is it without the charge; `up_to` is the most that all of them
    /// allow. Also where units that left anyway have gone past a limit.
    #[test]
    fn admit_and_peek_say_what_decide_says_and_up_to_is_the_most(
        windows in policies(), asks in asks(), charged in prop::collection::vec(0..8_u8, 200),
    ) {
        let limiter = Limiter::new(windows).unwrap();
        let (mut decided, mut admitted) = (limiter.fresh(), limiter.fresh());
        let mut now = START;
        for ((gap, cost), charged) in asks.into_iter().zip(charged) {
            now += gap;
            if charged == 0 {
                limiter.charge(&mut decided, cost, at(now));
                limiter.charge(&mut admitted, cost, at(now));
            }
            let peeked = limiter.peek(&decided, cost, at(now));
            let most = limiter.up_to(&decided, u32::MAX, at(now));
            let decision = limiter.decide(&mut decided, cost, at(now));
            prop_assert_eq!(peeked, decision);
            let allowed = decision == Decision::Allow { charged_at: at(now) };
            prop_assert_eq!(limiter.admit(&mut admitted, cost, at(now)), allowed.then_some(at(now)));
            prop_assert_eq!(decided.as_bytes(), admitted.as_bytes());
            prop_assert_eq!(allowed, cost <= most, "{} of {}", cost, most);
        }
    }

    /// Ways that are quicker come to the same: a state without its edge, about which nothing may be assumed, is decided and
    /// written as the one that has it.
    #[test]
    fn a_state_without_its_edge_goes_the_same_way(windows in turning_policies(), turns in turns(), charged in 0..40_usize) {
        let windows = windows.into_iter().enumerate().map(|(index, window)| match window {
            Window::Sliding { limit, period_ms, .. } => sliding(&format!("w{index}"), limit, period_ms),
            Window::Calendar { limit, unit, time_zone, .. } => {
                Window::Calendar { name: format!("w{index}"), limit, unit, time_zone }
            }
            Window::Pace { .. } => window,
        });
        let limiter = Limiter::new(windows.collect()).unwrap();
        let mut state = limiter.fresh();
        let mut now = START;
        for (step, (round, gap, cost)) in turns.into_iter().enumerate() {
            now = now.next_multiple_of(round) + gap;
            if step == charged {
                limiter.charge(&mut state, 100 * cost, at(now));
            }
            let mut bytes = state.as_bytes().to_vec();
            bytes[EDGE].fill(0);
            let mut without = limiter.load(&bytes).unwrap();
            let wanted = limiter.admit(&mut without, cost, at(now));
            prop_assert_eq!(limiter.admit(&mut state, cost, at(now)), wanted);
            if wanted.is_some() {
                prop_assert_eq!(state.as_bytes(), without.as_bytes());
            }
        }
    }

    /// Guarantee 2: a denial is justified by what left within the period and the stated resolution, in some window; a pace
    /// by what its intervals owe, a day by what left in it.
    #[test]
    fn a_denial_is_justified_by_what_left(windows in policies(), asks in asks()) {
        let limiter = Limiter::new(windows.clone()).unwrap();
        let mut state = limiter.fresh();
        let mut log: Vec<(u64, u64)> = Vec::new();
        let mut now = START;
        for (gap, cost) in asks {
            now += gap;
            match limiter.decide(&mut state, cost, at(now)) {
                Decision::Allow { .. } => log.push((now, u64::from(cost))),
                Decision::Defer { window, .. } => {
                    prop_assert!(is_full(&windows[window], &log, u64::from(cost), now), "{:?} at {now}", windows[window]);
                }
                Decision::Reject { window } => prop_assert!(cost > windows[window].limit()),
            }
        }
    }

    /// Guarantee 6: a state that was stored and loaded, under other names, goes on as the one at hand, byte for byte.
    #[test]
    fn a_stored_state_goes_on_as_the_one_at_hand(windows in policies(), asks in asks(), stored_after in 0..200_usize) {
        let renamed = windows.clone().into_iter().enumerate().map(|(index, window)| match window {
            Window::Sliding { limit, period_ms, .. } => sliding(&format!("n{index}"), limit, period_ms),
            Window::Pace { .. } | Window::Calendar { .. } => window,
        });
        let (limiter, other) = (Limiter::new(windows.clone()).unwrap(), Limiter::new(renamed.collect()).unwrap());
        let mut state = limiter.fresh();
        let mut loaded = None;
        let mut now = START;
        for (step, (gap, cost)) in asks.into_iter().enumerate() {
            now += gap;
            if step == stored_after {
                loaded = Some(other.load(state.as_bytes()).unwrap());
            }
            let decision = limiter.decide(&mut state, cost, at(now));
            if let Some(loaded) = &mut loaded {
                prop_assert_eq!(other.decide(loaded, cost, at(now)), decision);
                prop_assert_eq!(loaded.as_bytes(), state.as_bytes());
            }
        }
    }
}

/// Counts far past the limit, of a bucket that is not the newest any more, still leave no room.
/// Added to a count, such costs come out small: less than the limit, if nobody looks.
#[test]
fn the_largest_costs_never_fit_whatever_is_in_use() {
    let month =
        Window::Calendar { name: "month".into(), limit: 70, unit: CalendarUnit::Month, time_zone: "UTC".into() };
    let policies = [
        vec![sliding("second", 10, 1_000)],
        vec![sliding("minute", 50, 60_000), month.clone()],
        vec![sliding("second", 10, 1_000), sliding("minute", 50, 60_000), sliding("hour", 60, 3_600_000), month],
        vec![sliding("minute", 1 << 30, 60_000), sliding("hour", 1 << 30, 3_600_000)],
        vec![sliding("minute", u32::MAX - 1, 60_000), sliding("hour", 60, 3_600_000)],
    ];
    for windows in policies {
        let limiter = Limiter::new(windows).unwrap();
        // At once, and when the newest bucket, the second, the minute and the hour are over.
        for later in [0, 100, 1_000, 60_000, 3_600_000] {
            let mut state = limiter.fresh();
            assert_eq!(limiter.admit(&mut state, 5, at(START)), Some(at(START)));
            let before = state.clone();
            for cost in [u32::MAX, u32::MAX - 4, u32::MAX - 5, u32::MAX - 60] {
                assert_eq!(limiter.admit(&mut state, cost, at(START + later)), None, "{cost} after {later}");
                let rejected = matches!(limiter.decide(&mut state, cost, at(START + later)), Decision::Reject { .. });
                assert!(rejected, "{cost} after {later}");
            }
            assert_eq!(state, before);
        }
    }
}

#[test]
fn far_past_a_limit_nothing_is_admitted() {
    let limiter = Limiter::new(vec![sliding("ring", 100_000, 15_000)]).unwrap();
    for far in [100_001, 1 << 31, (1 << 31) + 100_005, u32::MAX - 3, u32::MAX - 1, u32::MAX] {
        let mut state = limiter.fresh();
        limiter.charge(&mut state, far, at(START));
        limiter.charge(&mut state, 1, at(START + 1_000));
        for later in [1_000, 1_500, 2_000, 15_000] {
            for cost in [1, 3, 100_000] {
                let admitted = limiter.admit(&mut state, cost, at(START + later));
                assert_eq!(admitted, None, "{cost} above {far} units, {later} ms later");
            }
        }
    }
}

/// Whether `cost` more units at `now` are too many by the log, a unit counting as long as the limiter says it may.
fn is_full(window: &Window, log: &[(u64, u64)], cost: u64, now: u64) -> bool {
    let sum = |counts: &dyn Fn(u64) -> bool| -> u64 {
        log.iter().filter(|(left, _)| counts(*left)).map(|(_, cost)| cost).sum()
    };
    match window {
        Window::Sliding { limit, period_ms, .. } => {
            let width = period_ms.div_ceil(15);
            let longest = if *limit <= 16 { *period_ms } else { (period_ms.div_ceil(width) + 1) * width };
            sum(&|left| left + longest > now) + cost > u64::from(*limit)
        }
        Window::Pace { interval_ms, burst, .. } => {
            let owed = log.iter().fold(0, |arrival: u64, (left, cost)| arrival.max(*left) + cost * interval_ms);
            owed.max(now) + cost * interval_ms > now + u64::from(*burst) * interval_ms
        }
        Window::Calendar { limit, .. } => {
            // Rome is an hour ahead of UTC on these December days.
            let day = |at: u64| (at + 3_600_000) / 86_400_000;
            sum(&|left| day(left) == day(now)) + cost > u64::from(*limit)
        }
    }
}
