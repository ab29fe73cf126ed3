//! Windows together: what they decide, charge and say against the windows one by one, against a log of what left, and
//! against their own bytes. Guarantees 2, 4 and 6. Rows R081, R110.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, State, Window},
    time::UnixMillis,
};

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
