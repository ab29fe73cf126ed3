//! What clients get out of a limiter on a virtual clock: greedy ones, bursty ones, ones that straddle the borders of
//! periods, random ones. Rows R001, R081, R083, R084, R110.
//!
//! Guarantee 1 as a figure (the worst interval carries 1.00 times the limit, never more), guarantee 2 as one (a client
//! that always asks gets at least 0.93 of the limit), guarantee 3 a million times in a release build.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

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
