//! Holds: what was promised to a large request is kept, whatever small ones do meanwhile; and the time of a queue.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Hold, Limiter, Placing, Window},
    time::UnixMillis,
};

/// 2026-12-01T23:59:58Z: a day ends soon after.
const START: UnixMillis = UnixMillis::new(1_796_169_598_000);

/// One to three windows of every kind.
fn limiter() -> impl Strategy<Value = Limiter> {
    let sliding = (1u32..200, 100u64..5_000).prop_map(|(limit, period_ms)| ("sliding", limit, period_ms));
    let pace = (1u32..50, 10u64..300).prop_map(|(burst, interval_ms)| ("pace", burst, interval_ms));
    let day = (1u32..200).prop_map(|limit| ("day", limit, 0));
    prop::collection::vec(prop_oneof![3 => sliding, 1 => pace, 1 => day], 1..4).prop_map(|windows| {
        let windows = windows.into_iter().enumerate().map(|(index, (kind, limit, ms))| {
            let name = format!("{kind}-{index}");
            match kind {
                "sliding" => Window::Sliding { name, limit, period_ms: ms },
                "pace" => Window::Pace { name, interval_ms: ms, burst: limit },
                _ => Window::Calendar { name, limit, unit: CalendarUnit::Day, time_zone: "UTC".into() },
            }
        });
        Limiter::new(windows.collect()).unwrap()
    })
}

/// What happens: milliseconds to go on by, and units, both as parts of what is possible.
fn happenings() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((prop_oneof![Just(0u64), 0u64..20, 0u64..400], 1u32..20), 1..60)
}

/// The most that all windows together ever admit at once.
fn most(limiter: &Limiter) -> u32 {
    limiter.windows().iter().map(Window::limit).min().unwrap()
}

const OWNER: u64 = 1;
const OTHER: u64 = 2;

proptest! {
    /// Whatever others are allowed, the promised instant stands: refused up to it if nothing freed room, allowed at it.
    #[test]
    fn a_promise_never_moves_later_and_any_cost_is_served_by_it(
        limiter in limiter(), before in happenings(), after in happenings(), part in 1u32..=100, refund in any::<bool>(),
    ) {
        let (mut state, mut hold, mut now) = (limiter.fresh(), None, START);
        let mut charged = None;
        for (pause, cost) in before {
            now = now.plus(pause);
            if let Decision::Allow { charged_at } = limiter.decide(&mut state, cost, now) {
                charged = Some((cost, charged_at));
            }
        }
        let cost = (most(&limiter) * part).div_ceil(100);
        let placed = limiter.place_hold(&mut state, &mut hold, cost, OWNER, 10_000, now);
        let Placing::Held { promised_at, .. } = placed else {
            prop_assert_eq!(placed, Placing::Fits);
            return Ok(());
        };
        for (pause, cost_of_other) in after {
            now = now.plus(pause);
            if now >= promised_at {
                break;
            }
            if let Some((cost, charged_at)) = charged.take().filter(|_| refund) {
                limiter.refund(&mut state, cost, charged_at, now);
            }
            limiter.decide_beside(&mut state, &mut hold, cost_of_other, OTHER, now);
            match limiter.peek(&state, cost, now) {
                Decision::Allow { .. } => {}
                Decision::Defer { retry_at, .. } => prop_assert!(retry_at <= promised_at, "{retry_at} {promised_at}"),
                Decision::Reject { .. } => panic!("it was promised"),
            }
        }
        for late in [0, 1, 9_999] {
            let at = promised_at.plus(late);
            let refused = limiter.decide_beside(&mut state, &mut hold, 1, OTHER, at);
            let left = limiter.peek(&state, cost, at);
            prop_assert!(matches!(left, Decision::Allow { .. }), "after {refused:?}, {late} ms late: {left:?}");
        }
        let last = limiter.decide_beside(&mut state, &mut hold, cost, OWNER, promised_at.plus(9_999));
        prop_assert!(matches!(last, Decision::Allow { .. }), "{last:?}");
        prop_assert_eq!(hold, None);
    }

    /// The instant that another request is told is the first one at which it is allowed, if the hold is claimed at its
    /// promise and nothing else happens.
    #[test]
    fn who_waits_for_a_hold_is_told_the_exact_instant(
        limiter in limiter(), before in happenings(), part in 1u32..=100, other in 1u32..50,
    ) {
        let (mut state, mut hold, mut now) = (limiter.fresh(), None, START);
        for (pause, cost) in before {
            now = now.plus(pause);
            limiter.decide(&mut state, cost, now);
        }
        let cost = (most(&limiter) * part).div_ceil(100);
        let Placing::Held { promised_at, .. } = limiter.place_hold(&mut state, &mut hold, cost, OWNER, 10_000, now) else {
            return Ok(());
        };
        let Decision::Defer { retry_at, .. } = limiter.decide_beside(&mut state.clone(), &mut hold.clone(), other, OTHER, now)
        else {
            return Ok(());
        };
        let told = |at: UnixMillis| {
            let (mut state, mut hold) = (state.clone(), hold);
            if at >= promised_at {
                let claimed = limiter.decide_beside(&mut state, &mut hold, cost, OWNER, promised_at);
                assert!(matches!(claimed, Decision::Allow { .. }));
            }
            matches!(limiter.decide_beside(&mut state, &mut hold, other, OTHER, at), Decision::Allow { .. })
        };
        prop_assert!(told(retry_at));
        prop_assert!(!told(UnixMillis::new(retry_at.as_millis() - 1)));
    }

    /// Without a hold, and once it has ended, every decision is the limiter's own.
    #[test]
    fn without_a_hold_nothing_is_different(limiter in limiter(), happenings in happenings()) {
        let (mut plain, mut beside, mut hold, mut now) = (limiter.fresh(), limiter.fresh(), None, START);
        for (pause, cost) in happenings {
            now = now.plus(pause);
            let decision = limiter.decide_beside(&mut beside, &mut hold, cost, OTHER, now);
            prop_assert_eq!(decision, limiter.decide(&mut plain, cost, now));
        }
        prop_assert_eq!(plain, beside);
    }

    /// A queue that asks at the instants it was told is allowed at each of them, and not a millisecond before.
    #[test]
    fn the_time_of_a_queue_is_exact(limiter in limiter(), before in happenings(), costs in prop::collection::vec(1u32..60, 1..12)) {
        let (mut state, mut now) = (limiter.fresh(), START);
        for (pause, cost) in before {
            now = now.plus(pause);
            limiter.decide(&mut state, cost, now);
        }
        let turns = limiter.turns(&state, &costs, now);
        prop_assert_eq!(turns.len(), costs.len());
        for (cost, turn) in costs.iter().zip(turns) {
            let Some(turn) = turn else {
                prop_assert!(*cost > most(&limiter));
                continue;
            };
            prop_assert!(turn >= now, "the queue keeps its order");
            if turn > now {
                let early = UnixMillis::new(turn.as_millis() - 1);
                let refused = matches!(limiter.peek(&state, *cost, early), Decision::Defer { .. });
                prop_assert!(refused);
            }
            let decision = limiter.decide(&mut state, *cost, turn);
            prop_assert_eq!(decision, Decision::Allow { charged_at: turn });
            now = turn;
        }
    }

    #[test]
    fn a_hold_reads_as_it_is_written(part in 1u32..=100, ticket in any::<u64>(), grace in any::<u64>()) {
        let limiter = Limiter::new(vec![Window::Sliding { name: "s".into(), limit: 100, period_ms: 1_000 }]).unwrap();
        let (mut state, mut hold) = (limiter.fresh(), None);
        limiter.decide(&mut state, 100, START);
        limiter.place_hold(&mut state, &mut hold, part, ticket, grace, START);
        let hold = hold.unwrap();
        prop_assert_eq!(Hold::load(&hold.to_bytes()), Ok(hold));
    }
}

/// Forty small requests want a window of 100 for ever. Whoever needs 80 of it starves without a hold, and with one is
/// served within a period and a sub-bucket.
#[test]
fn a_large_request_is_starved_without_a_hold_and_served_with_one() {
    let window = Window::Sliding { name: "second".into(), limit: 100, period_ms: 1_000 };
    let limiter = Limiter::new(vec![window]).unwrap();
    let served = |held: bool| {
        let (mut state, mut hold) = (limiter.fresh(), None);
        (0..10_000).map(|ms| START.plus(ms)).find(|now| {
            limiter.decide_beside(&mut state, &mut hold, 1, OTHER, *now);
            if held && *now == START.plus(500) {
                limiter.place_hold(&mut state, &mut hold, 80, OWNER, 1_000, *now);
            }
            let late = *now > START.plus(500);
            late && matches!(limiter.decide_beside(&mut state, &mut hold, 80, OWNER, *now), Decision::Allow { .. })
        })
    };
    assert_eq!(served(false), None);
    // A sub-bucket has 67 ms; 500 + 1,000 + 67 is the latest.
    assert!(served(true).is_some_and(|at| at <= START.plus(1_567)), "{:?}", served(true));
}
