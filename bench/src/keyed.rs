//! Many keys, all of them present, in random order: the price of finding a state.

use crate::{
    direct::STEP_MS,
    harness::{Bench, Spread, progress, rounds},
    heap,
    ours::{START, Table, reference},
    random::{Random, distinct},
    report::{Better, Row},
    rivals::{Cheap, Five, Hashing, Keyed},
};
use governor::clock::FakeRelativeClock;
use sendgate_core::time::UnixMillis;
use std::{hash::RandomState, time::Duration};

pub(crate) fn thousand(bench: &mut Bench<'_>) {
    let crowd = Crowd::of(1_000);
    crowd.one_by_one(bench, THOUSAND, &mut crowd.ours(), &crowd.rivals::<RandomState>(DEFAULT));
}

pub(crate) fn hundred_thousand(bench: &mut Bench<'_>) {
    let crowd = Crowd::of(100_000);
    crowd.one_by_one(bench, HUNDRED_THOUSAND, &mut crowd.ours(), &crowd.rivals::<RandomState>(DEFAULT));
}

pub(crate) fn million(bench: &mut Bench<'_>) {
    let crowd = Crowd::of(1_000_000);
    let (mut ours, our_bytes) = heap::measured(|| crowd.ours());
    let (rivals, rival_bytes) = heap::measured(|| crowd.rivals::<RandomState>(DEFAULT));
    crowd.one_by_one(bench, MILLION, &mut ours, &rivals);
    crowd.batched(bench, BATCHED, &mut ours, &rivals);
    drop(rivals);
    if bench.wants(FAST_HASH) {
        let rivals = crowd.rivals::<Cheap>("5 governor DashMap, cheap hasher");
        crowd.one_by_one(bench, FAST_HASH, &mut ours, &rivals);
    }
    bench.row(Row {
        name: BYTES,
        unit: "bytes a key",
        better: Better::Less,
        ours: Some(Spread::exactly(our_bytes / crowd.asked.len() as f64)),
        rival: Some(("5 governor DashMap", Spread::exactly(rival_bytes / crowd.asked.len() as f64))),
    });
}

/// Keys in random order, with one unit for each.
struct Crowd {
    asked: Vec<(u64, u32)>,
}

/// Our side, with its instant.
struct Ours {
    table: Table,
    now: UnixMillis,
}

/// Asks for everybody in a part, and counts who was allowed.
type AdmitAll<'a> = &'a dyn Fn(&mut Ours, &[(u64, u32)]) -> u64;

/// The rival's side, with its clock.
struct Rivals<S: Hashing> {
    name: &'static str,
    clock: FakeRelativeClock,
    five: Five<Keyed<S>>,
}

impl Crowd {
    fn of(count: usize) -> Self {
        progress(&format!("filling tables with {count} keys"));
        let mut keys = distinct(count);
        Random::new(2).shuffle(&mut keys);
        Self { asked: keys.into_iter().map(|key| (key, 1)).collect() }
    }

    /// Our table after one decision for each key, made in another order than they are asked in later.
    fn ours(&self) -> Ours {
        let mut table = Table::new(reference());
        assert!(self.sorted().into_iter().all(|key| table.admit(key, START)));
        Ours { table, now: START }
    }

    fn rivals<S: Hashing>(&self, name: &'static str) -> Rivals<S> {
        let clock = FakeRelativeClock::default();
        let five = Five::<Keyed<S>>::reference(&clock);
        assert!(self.sorted().into_iter().all(|key| five.check(key)));
        Rivals { name, clock, five }
    }

    fn one_by_one<S: Hashing>(&self, bench: &mut Bench<'_>, name: &'static str, ours: &mut Ours, rivals: &Rivals<S>) {
        let all = |ours: &mut Ours, part: &[(u64, u32)]| {
            let Ours { table, now } = ours;
            part.iter().map(|(key, _)| u64::from(table.admit(*key, *now))).sum()
        };
        self.race(bench, name, (ours, &all), rivals);
    }

    fn batched<S: Hashing>(&self, bench: &mut Bench<'_>, name: &'static str, ours: &mut Ours, rivals: &Rivals<S>) {
        let all = |ours: &mut Ours, part: &[(u64, u32)]| {
            let Ours { table, now } = ours;
            part.chunks(BATCH).map(|batch| table.admit_many(batch, *now)).sum()
        };
        self.race(bench, name, (ours, &all), rivals);
    }

    /// The clock moves on by four seconds with each round through all keys, so no decision finds its buckets as the
    /// last one left them.
    fn race<S: Hashing>(
        &self,
        bench: &mut Bench<'_>,
        name: &'static str,
        (ours, all): (&mut Ours, AdmitAll<'_>),
        rivals: &Rivals<S>,
    ) {
        let step = Duration::from_millis(STEP_MS);
        ours.now = ours.now.plus(STEP_MS);
        rivals.clock.advance(step);
        let (mut our_place, mut rival_place) = (0, 0);
        let mut our_work = |n: u64| {
            let mut allowed = 0;
            rounds(n, &self.asked, &mut our_place, &mut |part, last| {
                allowed += all(ours, part);
                ours.now = if last { ours.now.plus(STEP_MS) } else { ours.now };
            });
            assert_eq!(allowed, n);
        };
        let mut rival_work = |n: u64| {
            let mut allowed = 0;
            rounds(n, &self.asked, &mut rival_place, &mut |part, last| {
                allowed += part.iter().map(|(key, _)| u64::from(rivals.five.check(*key))).sum::<u64>();
                rivals.clock.advance(if last { step } else { Duration::ZERO });
            });
            assert_eq!(allowed, n);
        };
        bench.race(name, &mut our_work, (rivals.name, &mut rival_work));
    }

    fn sorted(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.asked.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }
}

const DEFAULT: &str = "5 governor DashMap, fake clock";

pub(crate) const THOUSAND: &str = "limiter.five_windows.thousand_keys";
pub(crate) const HUNDRED_THOUSAND: &str = "limiter.five_windows.hundred_thousand_keys";
pub(crate) const MILLION: &str = "limiter.five_windows.million_keys";
pub(crate) const BATCHED: &str = "limiter.five_windows.million_keys.batched";
pub(crate) const FAST_HASH: &str = "limiter.five_windows.million_keys.fast_hash";
pub(crate) const BYTES: &str = "limiter.state_bytes";

/// Half of the most messages that one request may hold.
const BATCH: usize = 256;
