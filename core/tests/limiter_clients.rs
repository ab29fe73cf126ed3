//! What clients get out of a limiter on a virtual clock: greedy ones, bursty ones, ones that straddle the borders of
//! periods, random ones. Rows R001, R081, R083, R084, R110.
//!
//! Guarantee 1 as a figure (the worst interval carries 1.00 times the limit, never more), guarantee 2 as one (a client
//! that always asks gets at least 0.93 of the limit), guarantee 3 a million times in a release build, guarantees 4 and 6
//! against the windows one by one and against the bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, State, Window},
    time::UnixMillis,
};
use std::env;

/// 2026-12-01T10:00:00Z, a multiple of a minute's and of an hour's buckets.
const START: u64 = 1_796_119_200_000;

/// Limit, period in milliseconds, and the periods a client is watched for. The first four are those of the rows.
const LIMITS: [(u32, u64, u64); 9] = [
    (10, 1_000, 200),
    (500, 60_000, 40),
    (1_000, 3_600_000, 20),
    (50_000, 86_400_000, 2),
    (1, 1_000, 200),
    (16, 1_000, 200),
    (17, 1_000, 200),
    (100, 300_000, 40),
    (33_000, 432_000_007, 2),
];

/// Where in their buckets clients begin: at the border, one past it, and anywhere.
const PHASES: [u64; 3] = [0, 1, 1_234_567];

/// How a client asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Client {
    /// One unit after the other, at once; told to wait, it comes back on the millisecond.
    Greedy,
    /// All that there is, at once.
    Whole,
    /// The whole limit in one request, then silence for up to three periods.
    Bursty,
    /// All that there is in the last millisecond of a period of the calendar, and again in the next one.
    Straddling,
    /// Anything at any time.
    Random,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

fn limiter(limit: u32, period_ms: u64) -> Limiter {
    Limiter::new(vec![sliding("window", limit, period_ms)]).unwrap()
}

/// A border of a period that nothing in the limiter knows: multiples of the period since 1970.
fn next_border(now: u64, period: u64) -> u64 {
    (now / period + 1) * period
}

impl Client {
    /// What it asks for at `now`, and when it asks again if that is allowed.
    fn ask(
        self,
        limiter: &Limiter,
        state: &State,
        limit: u32,
        period: u64,
        now: u64,
        random: &mut Random,
    ) -> (u32, u64) {
        let all = limiter.up_to(state, limit, at(now)).max(1);
        match self {
            Self::Greedy => (1, now),
            Self::Whole => (all, now),
            Self::Bursty => (limit, now + random.below(3 * period)),
            Self::Straddling => {
                let last_millisecond = next_border(now, period) - 1;
                (all, if now == last_millisecond { now + 1 } else { last_millisecond })
            }
            Self::Random => {
                let most = u64::from(limit / 4 + 1);
                (1 + u32::try_from(random.below(most)).unwrap(), now + random.below(period / 2))
            }
        }
    }

    /// When it asks again after it was told to wait.
    fn come_back(self, now: u64, retry_at: u64, period: u64, random: &mut Random) -> u64 {
        match self {
            Self::Greedy | Self::Whole | Self::Bursty => retry_at,
            Self::Straddling => {
                let last_millisecond = next_border(now, period) - 1;
                if now == last_millisecond { now + 1 } else { last_millisecond }
            }
            Self::Random => now + 1 + random.below(2 * (retry_at - now)),
        }
    }

    /// Everything that left, with its instant.
    fn run(self, limit: u32, period: u64, periods: u64, start: u64) -> Vec<(u64, u64)> {
        let limiter = limiter(limit, period);
        let mut state = limiter.fresh();
        let mut random = Random(start);
        let mut log = Vec::new();
        let mut now = start;
        while now < start + periods * period {
            let (cost, next) = self.ask(&limiter, &state, limit, period, now, &mut random);
            match limiter.decide(&mut state, cost, at(now)) {
                Decision::Allow { .. } => {
                    log.push((now, u64::from(cost)));
                    now = next;
                }
                Decision::Defer { retry_at, .. } => {
                    now = self.come_back(now, retry_at.as_millis(), period, &mut random);
                }
                Decision::Reject { .. } => panic!("{cost} of {limit} is no more than the limit"),
            }
        }
        log
    }
}

/// The most units that any half-open interval of this length carries: the one that begins with some unit.
fn worst(log: &[(u64, u64)], period: u64) -> u64 {
    let (mut sum, mut first, mut worst) = (0, 0, 0);
    for (now, cost) in log {
        sum += cost;
        while log[first].0 + period <= *now {
            sum -= log[first].1;
            first += 1;
        }
        worst = worst.max(sum);
    }
    worst
}

/// Guarantee 1: the worst interval of every client carries at most 1.00 times the limit. Clients that take all there is
/// reach it exactly.
#[test]
fn the_worst_interval_carries_the_limit_exactly_and_never_more() {
    for (limit, period, periods) in LIMITS {
        for phase in PHASES {
            for client in [Client::Greedy, Client::Whole, Client::Bursty, Client::Straddling, Client::Random] {
                let log = client.run(limit, period, periods, START + phase);
                let worst = worst(&log, period);
                assert!(worst <= u64::from(limit), "{client:?} got {worst} of {limit} into {period} ms");
                assert!(client == Client::Random || worst == u64::from(limit), "{client:?}: {worst} of {limit}");
            }
        }
    }
}

/// Guarantee 2: a client that always asks gets at least 0.93 of the limit for ever: 15/16 with buckets, all of it with
/// up to 16 units. The first period's whole limit is not counted.
#[test]
fn a_saturating_client_gets_at_least_93_hundredths_of_the_limit() {
    for (limit, period, periods) in LIMITS {
        for client in [Client::Greedy, Client::Whole] {
            let periods = periods.max(12);
            let log = client.run(limit, period, periods, START);
            let sustained: u64 = log.iter().filter(|(left, _)| *left > START).map(|(_, cost)| cost).sum();
            let offered = u64::from(limit) * (periods - 1);
            assert!(sustained * 100 >= offered * 93, "{client:?}: {sustained} of {offered} ({limit} in {period} ms)");
            assert!(limit > 16 || sustained == offered, "{client:?}: {sustained} of {offered}");
        }
    }
}

/// Guarantee 2: nothing is held back from a client that has been silent.
#[test]
fn a_fresh_window_and_an_idle_one_admit_the_whole_limit_at_once() {
    for (limit, period, _) in LIMITS {
        for phase in PHASES {
            let (limiter, now) = (limiter(limit, period), START + phase);
            let mut state = limiter.fresh();
            assert_eq!(limiter.up_to(&state, u32::MAX, at(now)), limit);
            assert_eq!(limiter.decide(&mut state, limit, at(now)), Decision::Allow { charged_at: at(now) });
            assert_eq!(limiter.up_to(&state, 1, at(now)), 0);
            let later = at(now + 16 * period.div_ceil(15));
            assert_eq!(limiter.decide(&mut state, limit, later), Decision::Allow { charged_at: later });
        }
    }
}

/// Guarantee 1 for windows together: a greedy client under all five reaches the second's, the minute's and the hour's
/// limit, and exceeds none.
#[test]
fn a_greedy_client_under_five_windows_exceeds_none() {
    let limits = [(10, 1_000), (500, 60_000), (1_000, 3_600_000), (50_000, 86_400_000)];
    let names = ["second", "minute", "hour", "day"];
    let mut windows: Vec<Window> =
        names.iter().zip(limits).map(|(name, (limit, period))| sliding(name, limit, period)).collect();
    windows.push(Window::Calendar {
        name: "month".into(),
        limit: 1_000_000,
        unit: CalendarUnit::Month,
        time_zone: "UTC".into(),
    });
    let limiter = Limiter::new(windows).unwrap();
    let mut state = limiter.fresh();
    let (mut log, mut now) = (Vec::new(), START);
    while now < START + 2 * 86_400_000 {
        match limiter.decide(&mut state, 1, at(now)) {
            Decision::Allow { .. } => log.push((now, 1)),
            Decision::Defer { retry_at, .. } => now = retry_at.as_millis(),
            Decision::Reject { .. } => panic!("one unit fits"),
        }
    }
    let reached = limits.map(|(_, period)| worst(&log, period));
    assert_eq!(reached[..3], [10, 500, 1_000]);
    assert!(reached[3] <= 50_000, "{reached:?}");
}

/// Guarantee 3: denied one millisecond before `retry_at` with the same answer, allowed at it; 50,000 random denials over
/// five windows together, a million in a release build, or as many as `SENDGATE_DENIALS` says. Every window is the one in
/// the way many times.
#[test]
fn retry_at_is_tight_for_every_one_of_a_million_random_denials() {
    let usual = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
    let wanted: u64 = env::var("SENDGATE_DENIALS").map_or(usual, |count| count.parse().unwrap());
    let windows = vec![
        sliding("second", 10, 1_000),
        sliding("minute", 100, 60_000),
        sliding("hour", 400, 3_600_000),
        sliding("day", 1_200, 86_400_000),
        Window::Calendar { name: "month".into(), limit: 12_000, unit: CalendarUnit::Month, time_zone: "UTC".into() },
    ];
    let limiter = Limiter::new(windows).unwrap();
    let mut state = limiter.fresh();
    let (mut random, mut now) = (Random(3), START);
    let (mut denials, mut bound_by) = (0, [0_u64; 5]);
    while denials < wanted {
        let cost = 1 + u32::try_from(random.below(3) * random.below(3)).unwrap();
        match limiter.decide(&mut state, cost, at(now)) {
            Decision::Allow { .. } => now += random.below(2) * random.below(60),
            Decision::Defer { retry_at, window } => {
                let early = limiter.peek(&state, cost, at(retry_at.as_millis() - 1));
                assert_eq!(early, Decision::Defer { retry_at, window }, "{cost} at {now}");
                let due = limiter.peek(&state, cost, retry_at);
                assert_eq!(due, Decision::Allow { charged_at: retry_at }, "{cost} at {now}");
                denials += 1;
                bound_by[window] += 1;
                let wait = retry_at.as_millis() - now;
                now += if random.below(3) == 0 { wait } else { random.below(wait) };
            }
            Decision::Reject { .. } => panic!("{cost} is less than every limit"),
        }
    }
    println!("{denials} denials, by window: {bound_by:?}");
    assert!(bound_by.iter().all(|times| *times * 10_000 > denials), "{bound_by:?}");
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
