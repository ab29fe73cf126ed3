//! Five windows under a million random operations, against a log of everything that left.
//!
//! The log is kept here, apart from the limiter: queues of charges for each sliding window and a count for each
//! calendar day or month, with civil dates computed by hand. The clock is set back by anything; what left is judged in
//! true time. Rows R081, R083, R084, R085, R110.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Decision, Limiter, State, Window},
    time::UnixMillis,
};
use std::collections::VecDeque;

/// Charges in their order: each with the sum of all charges up to and including it.
#[derive(Default)]
struct Log {
    left: VecDeque<(u64, u64)>,
    sum: u64,
    forgotten: u64,
}

impl Log {
    fn push(&mut self, at: u64, cost: u64) {
        self.sum += cost;
        self.left.push_back((at, self.sum));
    }

    fn forget(&mut self, length: u64, now: u64) {
        while let Some((_, up_to)) = self.left.front().copied().filter(|(at, _)| at + length <= now) {
            self.forgotten = up_to;
            self.left.pop_front();
        }
    }

    /// The units that left in `(now - length, now]`.
    fn since(&self, length: u64, now: u64) -> u64 {
        let first = self.left.partition_point(|(at, _)| at + length <= now);
        self.sum - first.checked_sub(1).map_or(self.forgotten, |before| self.left[before].1)
    }
}

/// One window's own books. What left is written down in true time, which the clock's steps back do not move; what
/// may justify a denial in the clock's time, where everything in use moves with a clock that was set back far.
enum Book {
    Sliding { limit: u64, period: u64, resolution: u64, truth: Log, counted: Log },
    Calendar { limit: u64, unit: CalendarUnit, period: u64, count: u64 },
}

impl Book {
    fn of(window: &Window) -> Self {
        match window {
            Window::Sliding { limit, period_ms, .. } => {
                // What the limiter promises: exact up to 16 units, else sixteen buckets of a fifteenth of the period.
                let resolution = if *limit <= 16 { 0 } else { 16 * period_ms.div_ceil(15) - period_ms };
                let (truth, counted) = (Log::default(), Log::default());
                Self::Sliding { limit: u64::from(*limit), period: *period_ms, resolution, truth, counted }
            }
            Window::Calendar { limit, unit, .. } => {
                Self::Calendar { limit: u64::from(*limit), unit: *unit, period: 0, count: 0 }
            }
            Window::Pace { .. } => unreachable!("no pace among the five"),
        }
    }

    /// Writes down a charge, and fails if the period that ends with it carries more than the limit.
    fn charge(&mut self, true_now: u64, now: u64, cost: u64) {
        match self {
            Self::Sliding { limit, period, resolution, truth, counted } => {
                truth.push(true_now, cost);
                truth.forget(*period, true_now);
                counted.push(now, cost);
                counted.forget(*period + *resolution, now);
                assert!(truth.since(*period, true_now) <= *limit, "over the limit of {limit} at {true_now}");
            }
            Self::Calendar { limit, unit, period, count } => {
                let current = period_number(*unit, now);
                *count = cost + if current <= *period { *count } else { 0 };
                *period = current.max(*period);
                assert!(*count <= *limit, "over the limit of {limit} at {now}");
            }
        }
    }

    /// Dates everything that may be in use at `newest` at `now`.
    fn follow(&mut self, newest: u64, now: u64) {
        match self {
            Self::Sliding { period, resolution, counted, .. } => {
                let units = counted.since(*period + *resolution, newest);
                *counted = Log::default();
                counted.push(now, units);
            }
            Self::Calendar { unit, period, .. } => {
                // Back over one border, the later period goes on.
                let current = period_number(*unit, now);
                *period = if current + 1 >= period_number(*unit, newest) { current.max(*period) } else { current };
            }
        }
    }

    /// Whether the units that left within the period and the promised resolution leave no room.
    fn justifies_denial(&self, cost: u64, now: u64) -> bool {
        match self {
            Self::Sliding { limit, period, resolution, counted, .. } => {
                counted.since(period + resolution, now) + cost > *limit
            }
            Self::Calendar { limit, unit, period, count } => {
                *period >= period_number(*unit, now) && count + cost > *limit
            }
        }
    }
}

/// The number of the UTC day, or of the UTC month by the civil-from-days rule (400-year eras of 146,097 days).
fn period_number(unit: CalendarUnit, now: u64) -> u64 {
    let days = now / 86_400_000;
    match unit {
        CalendarUnit::Day => days,
        CalendarUnit::Month => {
            let shifted = days + 719_468;
            let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
            let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
            let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
            let month = (5 * day_of_year + 2) / 153;
            (era * 400 + year) * 12 + month
        }
        CalendarUnit::Year => unreachable!("no year among the five"),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

/// How far back a clock is waited for: a fifteenth of a period, a minute for a calendar.
fn tolerance(window: &Window) -> u64 {
    match window {
        Window::Sliding { period_ms, .. } => period_ms.div_ceil(15),
        Window::Calendar { .. } => 60_000,
        Window::Pace { .. } => unreachable!("no pace among the five"),
    }
}

fn calendar(name: &str, limit: u32, unit: CalendarUnit) -> Window {
    Window::Calendar { name: name.into(), limit, unit, time_zone: "UTC".into() }
}

struct Trace {
    limiter: Limiter,
    state: State,
    books: Vec<Book>,
    random: Random,
    clock: u64,
    /// How far the clock has been set back in all: true time is the clock and this.
    set_back: u64,
    tolerance: u64,
    newest: u64,
    allowed: u64,
    bound_by: Vec<u64>,
    proven: Option<(u32, UnixMillis, u64)>,
}

impl Trace {
    fn new(windows: Vec<Window>, seed: u64) -> Self {
        let books = windows.iter().map(Book::of).collect();
        let bound_by = vec![0; windows.len()];
        let tolerance = windows.iter().map(tolerance).min().unwrap();
        let limiter = Limiter::new(windows).unwrap();
        let state = limiter.fresh();
        Self {
            limiter,
            state,
            books,
            random: Random(seed),
            clock: 1_796_119_200_000, // 2026-12-01T10:00:00Z
            set_back: 0,
            tolerance,
            newest: 0,
            allowed: 0,
            bound_by,
            proven: None,
        }
    }

    /// Moves the clock: by a little, by nothing, now and then by a jump, and one time in 250 it is set back.
    fn tick(&mut self, rhythm: &Rhythm) {
        if self.random.below(rhythm.operations_a_jump) == 0 {
            self.clock += self.random.below(2 * rhythm.jump_ms);
            return;
        }
        match self.random.below(1_000) {
            0..=3 => {
                // Mostly by little; one time in 50 further than any window is long.
                let far = if self.random.below(50) == 0 { 40 * rhythm.jump_ms } else { 10 * rhythm.gap_ms };
                let step = self.random.below(far);
                self.clock -= step;
                self.set_back += step;
            }
            4..=250 => (),
            _ => self.clock += self.random.below(2 * rhythm.gap_ms),
        }
    }

    fn step(&mut self, rhythm: &Rhythm) {
        self.tick(rhythm);
        let followed = self.clock + self.tolerance < self.newest;
        if followed {
            self.books.iter_mut().for_each(|book| book.follow(self.newest, self.clock));
            self.newest = self.clock;
        }
        let now = self.clock.max(self.newest);
        let cost = if self.random.below(8) == 0 { 1 + self.random.below(6) } else { 1 };
        let before = self.state.clone();
        let asked = u32::try_from(cost).unwrap();
        match self.limiter.decide(&mut self.state, asked, UnixMillis::new(self.clock)) {
            Decision::Allow { charged_at } => {
                assert_eq!(charged_at.as_millis(), now, "charged now, or at the newest charge when the clock is back");
                self.newest = now;
                self.allowed += 1;
                for book in &mut self.books {
                    book.charge(self.clock + self.set_back, now, cost);
                }
            }
            Decision::Defer { retry_at, window } => {
                assert!(followed || before == self.state, "a denial changed the state");
                let justified = self.books.iter().any(|book| book.justifies_denial(cost, now));
                assert!(justified, "window {window} denied {cost} at {now} without a reason");
                self.bound_by[window] += 1;
                assert!(retry_at.as_millis() > now);
                // In an unchanged state the same promise need not be proven twice.
                let promise = Some((asked, retry_at, self.allowed));
                if self.proven != promise {
                    self.assert_tight(asked, retry_at);
                    self.proven = promise;
                }
            }
            Decision::Reject { window } => panic!("window {window} rejects {cost}"),
        }
    }

    fn assert_tight(&self, cost: u32, retry_at: UnixMillis) {
        let early = UnixMillis::new(retry_at.as_millis() - 1);
        assert_eq!(self.limiter.peek(&self.state, cost, retry_at), Decision::Allow { charged_at: retry_at });
        let earlier = self.limiter.peek(&self.state, cost, early);
        assert!(matches!(earlier, Decision::Defer { retry_at: same, .. } if same == retry_at), "{earlier:?}");
    }
}

/// How time passes: mean milliseconds between operations, and how often and far it jumps.
struct Rhythm {
    gap_ms: u64,
    operations_a_jump: u64,
    jump_ms: u64,
}

fn run(windows: Vec<Window>, seed: u64, rhythm: &Rhythm) -> Trace {
    let mut trace = Trace::new(windows, seed);
    for _ in 0..OPERATIONS {
        trace.step(rhythm);
    }
    trace
}

/// 10 a second, 500 a minute, 1,000 an hour, 50,000 a day, 1,000,000 a month. The hour allows 24,000 a day and 744,000
/// a month, so day and month cannot bind here; the scaled policies below make them.
#[test]
fn the_five_windows_are_never_over() {
    let windows = vec![
        sliding("second", 10, 1_000),
        sliding("minute", 500, 60_000),
        sliding("hour", 1_000, 3_600_000),
        sliding("day", 50_000, 86_400_000),
        calendar("month", 1_000_000, CalendarUnit::Month),
    ];
    let trace = run(windows, 1, &Rhythm { gap_ms: 60, operations_a_jump: 4_000, jump_ms: 2_400_000 });
    assert!(trace.bound_by[..3].iter().all(|bound| *bound > 1_000), "{:?}", trace.bound_by);
    assert!(trace.allowed > 20_000, "only {} sends were allowed", trace.allowed);
}

#[test]
fn scaled_windows_that_all_bind_are_never_over() {
    let windows = vec![
        sliding("second", 10, 1_000),
        sliding("minute", 100, 60_000),
        sliding("hour", 400, 3_600_000),
        sliding("day", 1_200, 86_400_000),
        calendar("month", 12_000, CalendarUnit::Month),
    ];
    let trace = run(windows, 2, &Rhythm { gap_ms: 200, operations_a_jump: 2_000, jump_ms: 10_800_000 });
    assert!(trace.bound_by.iter().all(|bound| *bound > 500), "{:?}", trace.bound_by);
}

/// Periods that no bucket width divides, and counters of one, two and four bytes.
#[test]
fn odd_windows_that_all_bind_are_never_over() {
    let windows = vec![
        sliding("instants", 7, 331),
        sliding("one-byte", 17, 1_009),
        sliding("two-bytes", 130, 16_001),
        sliding("four-bytes", 33_000, 432_000_007),
        calendar("day", 9_000, CalendarUnit::Day),
    ];
    let trace = run(windows, 3, &Rhythm { gap_ms: 80, operations_a_jump: 6_000, jump_ms: 14_400_000 });
    assert!(trace.bound_by.iter().all(|bound| *bound > 500), "{:?}", trace.bound_by);
}

/// For each of the three policies: together more than a million.
const OPERATIONS: u32 = 400_000;
