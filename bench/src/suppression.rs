//! The suppression list in memory: how large it is, and how long it takes to say that an address is not on it.

use crate::{
    harness::{Bench, Spread, progress, rounds, taken},
    heap,
    random::Random,
    report::{Better, Row},
};
use sendgate_core::suppression::SuppressionSet;
use std::{collections::HashSet, hint::black_box};

pub(crate) fn million(bench: &mut Bench<'_>) {
    measure(bench, 1_000_000, &MILLION);
}

pub(crate) fn ten_million(bench: &mut Bench<'_>) {
    measure(bench, 10_000_000, &TEN_MILLION);
}

/// Names of the rows: bytes, build, miss, hit, misses in batches.
pub(crate) type Names = [&'static str; 5];

fn measure(bench: &mut Bench<'_>, count: usize, names: &Names) {
    let [bytes, build, miss, hit, batched] = *names;
    progress(&format!("writing {count} addresses"));
    let listed = Addresses::numbered((0..count).map(|number| number as u64));
    let mut random = Random::new(3);
    let hits = Addresses::numbered((0..QUESTIONS).map(|_| random.below(count) as u64));
    let misses = Addresses::numbered((0..QUESTIONS).map(|_| (count + random.below(count)) as u64));

    // All of ours before any of the rival's: what frees ten million strings leaves work to whoever allocates next.
    progress(bytes);
    let (ours, our_bytes) = heap::measured(|| set(&listed));
    let our_builds = builds(bench, build, || set(&listed));
    let (rival, rival_bytes) = heap::measured(|| strings(&listed));
    let rival_builds = builds(bench, build, || strings(&listed));
    let per_entry = |bytes: f64| Spread::exactly(bytes / count as f64);
    bench.row(row(bytes, "bytes an entry", per_entry(our_bytes), per_entry(rival_bytes)));
    bench.row(row(build, "s", our_builds, rival_builds));
    for (name, questions, answer) in [(miss, &misses, false), (hit, &hits, true)] {
        let ours: Answers<'_> = &|part| part.iter().map(|address| u64::from(ours.contains(address))).sum();
        race(bench, name, &questions.iter().collect::<Vec<_>>(), answer, (ours, &rival));
    }
    let ours: Answers<'_> = &|part| {
        let answers = part.chunks(BATCH).map(|batch| ours.contains_many(batch));
        answers.map(|answers| answers.into_iter().map(u64::from).sum::<u64>()).sum()
    };
    race(bench, batched, &misses.iter().collect::<Vec<_>>(), false, (ours, &rival));
}

/// How many of these addresses are on the list.
type Answers<'a> = &'a dyn Fn(&[&str]) -> u64;

/// Asks both sides the same questions, all of which have one answer.
fn race(
    bench: &mut Bench<'_>,
    name: &'static str,
    questions: &[&str],
    answer: bool,
    (ours, rival): (Answers<'_>, &HashSet<String>),
) {
    let wanted = |n| if answer { n } else { 0 };
    let (mut our_place, mut rival_place) = (0, 0);
    let mut our_work = |n: u64| {
        let mut found = 0;
        rounds(n, questions, &mut our_place, &mut |part, _| found += ours(part));
        assert_eq!(found, wanted(n));
    };
    let mut rival_work = |n: u64| {
        let mut found = 0;
        rounds(n, questions, &mut rival_place, &mut |part, _| {
            found += part.iter().map(|address| u64::from(rival.contains(*address))).sum::<u64>();
        });
        assert_eq!(found, wanted(n));
    };
    bench.race(name, &mut our_work, (RIVAL, &mut rival_work));
}

fn row(name: &'static str, unit: &'static str, ours: Spread, rival: Spread) -> Row {
    Row { name, unit, better: Better::Less, ours: Some(ours), rival: Some((RIVAL, rival)) }
}

fn set(addresses: &Addresses) -> SuppressionSet {
    let addresses = addresses.iter();
    SuppressionSet::builder([7; 16]).expect(addresses.len()).with(addresses).build().expect("not too many")
}

fn strings(addresses: &Addresses) -> HashSet<String> {
    addresses.iter().map(str::to_owned).collect()
}

/// Seconds of the processor's time that making it takes.
fn builds<T>(bench: &Bench<'_>, name: &'static str, make: impl Fn() -> T) -> Spread {
    if !bench.wants(name) {
        return Spread::exactly(f64::NAN);
    }
    progress(name);
    let seconds = |_| {
        let mut made = None;
        let took = taken(|| made = Some(make()));
        drop(black_box(made));
        took.as_secs_f64()
    };
    Spread::of((0..if bench.is_quick() { 1 } else { BUILDS }).map(seconds).collect())
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

/// An address of its own for every number below 36^5, of 25 bytes on average.
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

pub(crate) const MILLION: Names = [
    "suppression.million.bytes",
    "suppression.million.build",
    "suppression.million.miss",
    "suppression.million.hit",
    "suppression.million.miss.batched",
];
pub(crate) const TEN_MILLION: Names = [
    "suppression.ten_million.bytes",
    "suppression.ten_million.build",
    "suppression.ten_million.miss",
    "suppression.ten_million.hit",
    "suppression.ten_million.miss.batched",
];

/// Half of the most messages that one request may hold.
const BATCH: usize = 256;

/// Odd, and few: the rival takes seconds for each.
const BUILDS: usize = 5;

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
        // 24.9: what the page calls 25.
        assert!((2_480_000..2_500_000).contains(&addresses.text.len()), "{}", addresses.text.len());
    }
}
