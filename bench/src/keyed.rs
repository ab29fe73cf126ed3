//! Many keys, all of them present, in random order: the price of finding a state.

use crate::{
    direct::STEP_MS,
    harness::{Bench, Spread, progress, rounds},
    heap,
    ours::{START, Table, reference},
    random::{Random, distinct},
    report::{Better, Row},
    rivals::{Five, Keyed},
};
use governor::clock::FakeRelativeClock;
use std::time::Duration;

pub(crate) fn thousand(bench: &mut Bench<'_>) {
    measure(bench, 1_000, THOUSAND, None);
}

pub(crate) fn hundred_thousand(bench: &mut Bench<'_>) {
    measure(bench, 100_000, HUNDRED_THOUSAND, None);
}

pub(crate) fn million(bench: &mut Bench<'_>) {
    measure(bench, 1_000_000, MILLION, Some((BATCHED, BYTES)));
}

/// One decision for each key on both sides, then decisions in random order. The clock moves on by four seconds with
/// each round through all keys, so no decision finds its buckets as it left them.
fn measure(bench: &mut Bench<'_>, count: usize, single: &'static str, more: Option<(&'static str, &'static str)>) {
    progress(&format!("filling tables with {count} keys"));
    let mut keys = distinct(count);
    let (mut table, our_bytes) = heap::measured(|| filled(&keys));
    let clock = FakeRelativeClock::default();
    let (five, rival_bytes) = heap::measured(|| five_filled(&keys, &clock));
    Random::new(2).shuffle(&mut keys);
    let asked: Vec<(u64, u32)> = keys.into_iter().map(|key| (key, 1)).collect();

    let (mut our_place, mut now) = (0, START);
    let mut ours = |n: u64| {
        let mut allowed = 0;
        rounds(n, &asked, &mut our_place, &mut |part, last| {
            allowed += part.iter().map(|(key, _)| u64::from(table.admit(*key, now))).sum::<u64>();
            now = if last { now.plus(STEP_MS) } else { now };
        });
        assert_eq!(allowed, n);
    };
    let mut rival_place = 0;
    let mut rival = |n: u64| {
        let mut allowed = 0;
        rounds(n, &asked, &mut rival_place, &mut |part, last| {
            allowed += part.iter().map(|(key, _)| u64::from(five.check(*key))).sum::<u64>();
            if last {
                clock.advance(Duration::from_millis(STEP_MS));
            }
        });
        assert_eq!(allowed, n);
    };
    bench.race(single, &mut ours, ("5 governor DashMap, fake clock", &mut rival));

    let Some((batched, bytes)) = more else {
        return;
    };
    let mut ours = |n: u64| {
        let mut allowed = 0;
        rounds(n, &asked, &mut our_place, &mut |part, last| {
            allowed += part.chunks(BATCH).map(|batch| table.admit_many(batch, now)).sum::<u64>();
            now = if last { now.plus(STEP_MS) } else { now };
        });
        assert_eq!(allowed, n);
    };
    bench.race(batched, &mut ours, ("5 governor DashMap, fake clock, one by one", &mut rival));
    bench.row(Row {
        name: bytes,
        unit: "bytes a key",
        better: Better::Less,
        ours: Some(Spread::exactly(our_bytes / count as f64)),
        rival: Some(("5 governor DashMap", Spread::exactly(rival_bytes / count as f64))),
    });
}

fn filled(keys: &[u64]) -> Table {
    let mut table = Table::new(reference());
    assert!(keys.iter().all(|key| table.admit(*key, START)));
    table
}

fn five_filled(keys: &[u64], clock: &FakeRelativeClock) -> Five<Keyed> {
    let five = Five::<Keyed>::reference(clock);
    assert!(keys.iter().all(|key| five.check(*key)));
    clock.advance(Duration::from_millis(STEP_MS));
    five
}

pub(crate) const THOUSAND: &str = "limiter.five_windows.thousand_keys";
pub(crate) const HUNDRED_THOUSAND: &str = "limiter.five_windows.hundred_thousand_keys";
pub(crate) const MILLION: &str = "limiter.five_windows.million_keys";
pub(crate) const BATCHED: &str = "limiter.five_windows.million_keys.batched";
pub(crate) const BYTES: &str = "limiter.state_bytes";

/// Half of the most messages that one request may hold.
const BATCH: usize = 256;
