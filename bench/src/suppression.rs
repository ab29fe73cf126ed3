//! The suppression list in memory: how large it is, and how long it takes to say that an address is not on it.

use crate::{
    harness::{Bench, Spread, progress, rounds},
    heap,
    random::Random,
    report::{Better, Row},
};
use std::{collections::HashSet, hint::black_box, time::Instant};

pub(crate) fn million(bench: &mut Bench<'_>) {
    measure(bench, 1_000_000, &MILLION);
}

pub(crate) fn ten_million(bench: &mut Bench<'_>) {
    measure(bench, 10_000_000, &TEN_MILLION);
}

/// Names of the rows: bytes, build, miss, hit.
pub(crate) type Names = [&'static str; 4];

fn measure(bench: &mut Bench<'_>, count: usize, names: &Names) {
    let [bytes, build, miss, hit] = *names;
    progress(&format!("writing {count} addresses"));
    let listed = Addresses::numbered((0..count).map(|number| number as u64));
    let mut random = Random::new(3);
    let hits = Addresses::numbered((0..QUESTIONS).map(|_| random.below(count) as u64));
    let misses = Addresses::numbered((0..QUESTIONS).map(|_| (count + random.below(count)) as u64));

    progress(bytes);
    let (rival, rival_bytes) = heap::measured(|| strings(&listed));
    let per_entry = |bytes: f64| Spread::exactly(bytes / count as f64);
    bench.row(Row {
        name: bytes,
        unit: "bytes an entry",
        better: Better::Less,
        ours: None,
        rival: Some((RIVAL, per_entry(rival_bytes))),
    });
    if bench.wants(build) {
        progress(build);
        let repeats = if bench.is_quick() { 1 } else { 3 };
        let rival = Spread::of((0..repeats).map(|_| seconds(|| strings(&listed))).collect());
        bench.row(Row { name: build, unit: "s", better: Better::Less, ours: None, rival: Some((RIVAL, rival)) });
    }
    for (name, questions, found) in [(miss, &misses, false), (hit, &hits, true)] {
        let questions: Vec<&str> = questions.iter().collect();
        let mut place = 0;
        let mut ask = |n: u64| {
            let mut answers = 0;
            rounds(n, &questions, &mut place, &mut |part, _| {
                answers += part.iter().map(|address| u64::from(rival.contains(*address))).sum::<u64>();
            });
            assert_eq!(answers, if found { n } else { 0 });
        };
        bench.rival_alone(name, (RIVAL, &mut ask));
    }
}

fn strings(addresses: &Addresses) -> HashSet<String> {
    addresses.iter().map(str::to_owned).collect()
}

fn seconds<T>(make: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    let made = black_box(make());
    let took = started.elapsed();
    drop(made);
    took.as_secs_f64()
}

/// Addresses one after the other in memory, so that reading a question costs next to nothing.
struct Addresses {
    text: String,
    ends: Vec<usize>,
}

impl Addresses {
    fn numbered(numbers: impl Iterator<Item = u64>) -> Self {
        let mut addresses = Self { text: String::new(), ends: vec![0] };
        for number in numbers {
            write_address(number, &mut addresses.text);
            addresses.ends.push(addresses.text.len());
        }
        addresses
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ends.windows(2).map(|ends| match ends {
            [start, end] => self.text.get(*start..*end).unwrap_or_default(),
            _ => "",
        })
    }
}

/// An address of its own for every number below 36^5, of 25.5 bytes on average.
fn write_address(number: u64, text: &mut String) {
    let mut scrambled = number * SPREAD % SPACE;
    text.push_str(one_of(&GIVEN, scrambled));
    text.push('.');
    for _ in 0..5 {
        text.push(one_of(&DIGITS, scrambled));
        scrambled /= 36;
    }
    text.push('@');
    text.push_str(one_of(&DOMAINS, number));
}

fn one_of<T: Copy + Default>(choices: &[T], number: u64) -> T {
    let place = number % choices.len() as u64;
    usize::try_from(place).ok().and_then(|place| choices.get(place).copied()).unwrap_or_default()
}

const RIVAL: &str = "HashSet<String>";

pub(crate) const MILLION: Names =
    ["suppression.million.bytes", "suppression.million.build", "suppression.million.miss", "suppression.million.hit"];
pub(crate) const TEN_MILLION: Names = [
    "suppression.ten_million.bytes",
    "suppression.ten_million.build",
    "suppression.ten_million.miss",
    "suppression.ten_million.hit",
];

/// Different addresses asked for: far more than any cache holds.
const QUESTIONS: usize = 1_000_000;

/// 36^5 numbers have five digits of base 36; the multiplier is a prime, so two numbers never become one.
const SPACE: u64 = 60_466_176;
const SPREAD: u64 = 48_271;

const DIGITS: [char; 36] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];
const GIVEN: [&str; 8] = ["ann", "orders", "jose", "marketing", "wei", "info", "fatima", "oleksandr"];
const DOMAINS: [&str; 8] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "yahoo.co.uk",
    "example.org",
    "mail.shop.example",
    "icloud.com",
    "corp.example.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_own_address() {
        let addresses = Addresses::numbered((0..50_000).chain(SPACE - 50_000..SPACE));
        assert_eq!(strings(&addresses).len(), 100_000);
    }
}
