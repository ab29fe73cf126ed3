//! The operations of a seed. Nothing is decided here: what an operation refers to (what was charged last) every surface
//! knows by itself, so that one wrong answer leads to others.

use std::fmt::Write;

/// The trace of a seed with so many operations, as text.
#[must_use]
pub fn operations(seed: u64, count: usize) -> String {
    let mut random = Random(seed);
    let mut text = String::with_capacity(count * 26);
    text.push_str("sendgate-trace 1\n");
    for (place, (policy, ..)) in SINGLE.iter().enumerate() {
        let _ = writeln!(text, "limiter {place} {policy}");
    }
    for (place, (policy, ..)) in TABLES.iter().enumerate() {
        let _ = writeln!(text, "table {place} {KEYS} {policy}");
    }
    let mut clocks: Vec<Clock> =
        SINGLE.iter().chain(TABLES).map(|(_, now, gap_ms)| Clock { now: *now, gap_ms: *gap_ms }).collect();
    let (singles, tables) = clocks.split_at_mut(SINGLE.len());
    for _ in 0..count {
        // Three of five go to one of the limiters, the others to a table.
        let (is_single, among) = if random.below(5) < 3 { (true, &mut *singles) } else { (false, &mut *tables) };
        let place = random.place(among.len());
        let Some(clock) = among.get_mut(place) else { continue };
        clock.tick(&mut random);
        let now = clock.now;
        let _ = if is_single {
            single(&mut text, place, now, &mut random)
        } else {
            keyed(&mut text, place, now, &mut random)
        };
    }
    text
}

fn single(text: &mut String, place: usize, now: u64, random: &mut Random) -> std::fmt::Result {
    let cost = random.cost();
    match random.below(1000) {
        0..=649 => writeln!(text, "d {place} {cost} {now}"),
        650..=799 => writeln!(text, "p {place} {cost} {now}"),
        800..=879 => writeln!(text, "c {place} {cost} {now}"),
        880..=979 => writeln!(text, "r {place} {cost} {now}"),
        980..=998 => writeln!(text, "u {place} {now}"),
        _ => writeln!(text, "s {place}"),
    }
}

fn keyed(text: &mut String, place: usize, now: u64, random: &mut Random) -> std::fmt::Result {
    let (cost, key) = (random.cost(), random.key());
    match random.below(1000) {
        0..=649 => writeln!(text, "D {place} {key} {cost} {now}"),
        650..=799 => writeln!(text, "P {place} {key} {cost} {now}"),
        800..=929 => writeln!(text, "R {place} {cost} {now}"),
        930..=969 => {
            write!(text, "B {place} {cost} {now}")?;
            (0..8).try_for_each(|_| write!(text, " {}", random.key()))?;
            writeln!(text)
        }
        970..=995 => writeln!(text, "U {place} {key} {now}"),
        996..=998 => writeln!(text, "S {place} {key} {}", random.key()),
        _ => writeln!(text, "E {place} {now}"),
    }
}

/// How time passes for one limiter or one table.
struct Clock {
    now: u64,
    gap_ms: u64,
}

impl Clock {
    /// Time stands still, passes, passes by a lot, or is set back: by a little, or by a lot.
    fn tick(&mut self, random: &mut Random) {
        match random.below(1000) {
            0..=199 => {}
            200..=979 => self.now += random.below(2 * self.gap_ms),
            980..=989 => self.now += random.below(100 * self.gap_ms),
            990..=997 => self.now -= random.below(self.gap_ms),
            _ => self.now -= random.below(20 * self.gap_ms),
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
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

    fn place(&mut self, among: usize) -> usize {
        usize::try_from(self.below(among as u64)).unwrap_or_default()
    }

    /// One unit mostly; now and then more than a small window ever admits.
    fn cost(&mut self) -> u64 {
        match self.below(100) {
            0..=74 => 1,
            75..=97 => 1 + self.below(4),
            _ => self.below(60),
        }
    }

    /// A few keys are asked most of the time.
    fn key(&mut self) -> String {
        let among = if self.below(4) == 0 { KEYS } else { 20 };
        format!("k{}", self.below(among))
    }
}

/// Keys of a table: `k0` to `k299`.
pub(crate) const KEYS: u64 = 300;

/// A policy on one line, the first instant, and the milliseconds between two operations on average.
type Course = (&'static str, u64, u64);

/// 2026-12-01T10:00:00Z; for calendars 2026-03-27T10:00:00Z, two days before Rome's short day.
const SINGLE: &[Course] = &[
    (
        r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000},{"kind":"sliding","name":"minute","limit":100,"period_ms":60000},{"kind":"sliding","name":"hour","limit":1000,"period_ms":3600000},{"kind":"sliding","name":"day","limit":50000,"period_ms":86400000},{"kind":"calendar","name":"month","limit":1000000,"unit":"month","time_zone":"UTC"}]}"#,
        1_796_119_200_000,
        200,
    ),
    (
        r#"{"windows":[{"kind":"calendar","name":"rome","limit":40,"unit":"day","time_zone":"Europe/Rome"},{"kind":"calendar","name":"kolkata","limit":900,"unit":"month","time_zone":"Asia/Kolkata"},{"kind":"calendar","name":"new-york","limit":90000,"unit":"year","time_zone":"America/New_York"}]}"#,
        1_774_605_600_000,
        900_000,
    ),
    (
        r#"{"windows":[{"kind":"pace","name":"smooth","interval_ms":100,"burst":5},{"kind":"pace","name":"odd","interval_ms":37,"burst":9},{"kind":"sliding","name":"second","limit":20,"period_ms":1000}]}"#,
        1_796_119_200_000,
        110,
    ),
    (
        r#"{"windows":[{"kind":"sliding","name":"one-byte","limit":17,"period_ms":1009},{"kind":"sliding","name":"two-bytes","limit":255,"period_ms":32003},{"kind":"sliding","name":"four-bytes","limit":70000,"period_ms":432000007},{"kind":"sliding","name":"largest","limit":4294967294,"period_ms":316224000000}]}"#,
        1_796_119_200_000,
        90,
    ),
    (
        r#"{"windows":[{"kind":"sliding","name":"four-bytes","limit":9,"period_ms":4294967296},{"kind":"sliding","name":"eight-bytes","limit":16,"period_ms":10000000000}]}"#,
        1_796_119_200_000,
        50_000_000,
    ),
];

const TABLES: &[Course] = &[
    (
        r#"{"windows":[{"kind":"sliding","name":"second","limit":3,"period_ms":1000},{"kind":"sliding","name":"minute","limit":12,"period_ms":60000},{"kind":"calendar","name":"day","limit":500,"unit":"day","time_zone":"Europe/Rome"}]}"#,
        1_796_119_200_000,
        70,
    ),
    (
        r#"{"windows":[{"kind":"pace","name":"smooth","interval_ms":2000,"burst":4},{"kind":"sliding","name":"hour","limit":60,"period_ms":3600000}]}"#,
        1_796_119_200_000,
        150,
    ),
];
