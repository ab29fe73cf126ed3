//! The table of keys against a map of states: the same answers and the same bytes, whatever is forgotten in between.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    limiter::{Decision, Limiter, Limiters, State},
    time::UnixMillis,
};
use std::collections::BTreeMap;

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

fn limiter(limit: u32) -> Limiter {
    let policy = format!(
        r#"{{"windows":[
            {{"kind":"sliding","name":"second","limit":10,"period_ms":1000}},
            {{"kind":"sliding","name":"minute","limit":{limit},"period_ms":60000}},
            {{"kind":"calendar","name":"day","limit":1000,"unit":"day","time_zone":"UTC"}}]}}"#
    );
    Limiter::from_json(&policy).unwrap()
}

/// Five windows as an account has them.
fn plan() -> Limiter {
    let policy = r#"{"windows":[
        {"kind":"sliding","name":"second","limit":10,"period_ms":1000},
        {"kind":"sliding","name":"minute","limit":500,"period_ms":60000},
        {"kind":"sliding","name":"hour","limit":1000,"period_ms":3600000},
        {"kind":"sliding","name":"day","limit":50000,"period_ms":86400000},
        {"kind":"calendar","name":"month","limit":1000000,"unit":"month","time_zone":"UTC"}]}"#;
    Limiter::from_json(policy).unwrap()
}

/// Milliseconds since the operation before, a key, units, and what to do.
type Operation = (i64, u64, u32, u8);

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let gap = prop_oneof![4 => 0..30_i64, 2 => 0..2_000_i64, 1 => 0..70_000_i64, 1 => -3_000..0_i64];
    // Few keys that come again, and some from all over.
    let key = prop_oneof![8 => 0..40_u64, 1 => any::<u64>()];
    prop::collection::vec((gap, key, 0..13_u32, any::<u8>()), 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_answers_like_a_state_for_each_key(operations in operations(), seed in any::<[u64; 2]>()) {
        let alone = limiter(30);
        let mut table = Limiters::new(limiter(30), seed);
        let mut states: BTreeMap<u64, State> = BTreeMap::new();
        let mut clock = START;
        for (gap, key, cost, choice) in operations {
            clock = clock.saturating_add_signed(gap);
            let now = at(clock);
            let state = states.entry(key).or_insert_with(|| alone.fresh());
            prop_assert_eq!(table.peek(key, cost, now), alone.peek(state, cost, now));
            prop_assert_eq!(table.usage(key, now), alone.usage(state, now));
            match choice {
                0..=99 => prop_assert_eq!(table.decide(key, cost, now), alone.decide(state, cost, now)),
                100..=179 => prop_assert_eq!(table.admit(key, cost, now), alone.admit(state, cost, now)),
                180..=199 => {
                    prop_assert_eq!(table.charge(key, cost, now), Some(alone.charge(state, cost, now)));
                }
                200..=219 => {
                    table.refund(key, cost, now, now);
                    alone.refund(state, cost, now, now);
                }
                220..=239 => {
                    table.evict(usize::from(choice) - 210, now);
                    // Nothing is in use of a key that was forgotten, and that stays so if the clock is set back.
                    for (key, state) in &mut states {
                        if table.state_of(*key) == alone.fresh() {
                            prop_assert!(alone.usage(state, now).iter().all(|window| window.used == 0), "forgotten");
                            *state = alone.fresh();
                        }
                    }
                    continue;
                }
                _ => prop_assert!(table.put(key, state.as_bytes()).unwrap()),
            }
            prop_assert!(table.state_of(key) == *state);
        }
        prop_assert_eq!(table.keys().count(), table.len());
        for key in table.keys() {
            prop_assert!(states.contains_key(&key));
        }
    }

    /// Many at once is one after the other.
    #[test]
    fn a_batch_is_its_single_decisions(asks in prop::collection::vec((0..50_u64, 1..12_u32), 0..200), gap in 0..2_000_u64) {
        let mut single = Limiters::new(limiter(30), [1, 2]);
        let (mut admitting, mut deciding) = (single.clone(), single.clone());
        for now in [at(START), at(START + gap)] {
            let wanted: Vec<Decision> = asks.iter().map(|(key, cost)| single.decide(*key, *cost, now)).collect();
            let allowed: Vec<bool> = wanted.iter().map(|decision| matches!(decision, Decision::Allow { .. })).collect();
            let (mut admitted, mut decisions) = (Vec::new(), Vec::new());
            let count = admitting.admit_many(&asks, &mut admitted, now);
            deciding.decide_many(&asks, &mut decisions, now);
            prop_assert_eq!(count, allowed.iter().filter(|allowed| **allowed).count());
            prop_assert_eq!(admitted, allowed);
            prop_assert_eq!(decisions, wanted);
        }
    }
}

/// Fifty thousand keys: nobody's units are another's, and the whole table is forgotten when it has drained.
#[test]
fn every_key_has_its_own_limits() {
    let mut table = Limiters::new(plan(), [7, 9]);
    let keys = 50_000_u64;
    for key in 0..keys {
        assert_eq!(table.admit(key, 1 + u32::try_from(key % 10).unwrap(), at(START)), Some(at(START)));
    }
    for key in 0..keys {
        assert_eq!(table.up_to(key, 100, at(START)), 9 - u32::try_from(key % 10).unwrap());
    }
    assert_eq!(table.len(), 50_000);
    assert_eq!(table.evict(usize::MAX, at(START + 3_600_000)), 0, "the day still counts");
    let january = UnixMillis::parse_rfc3339("2027-01-01T00:00:00Z").unwrap();
    assert_eq!(table.evict(20_000, january), 20_000);
    assert_eq!(table.len(), 30_000);
    assert_eq!((20_000..keys).filter(|key| table.state_of(*key) != plan().fresh()).count(), 30_000);
    assert_eq!(table.evict(usize::MAX, january), 30_000);
    assert!(table.is_empty() && table.keys().next().is_none());
    assert_eq!(table.admit(5, 10, january), Some(january));
}

/// Five windows: 180 bytes of cells, 8 of key, and what the index takes, at every size above a few.
#[test]
fn five_windows_cost_at_most_200_bytes_a_key() {
    let mut table = Limiters::new(plan(), [3, 4]);
    for key in 0..120_000_u64 {
        table.admit(key, 1, at(START)).unwrap();
        if key % 4_003 == 4_002 {
            let bytes = table.memory_bytes();
            assert!(bytes <= 200 * table.len() + 50_000, "{bytes} bytes for {} keys", table.len());
        }
    }
    assert!(table.memory_bytes() <= 200 * 120_000, "{} bytes", table.memory_bytes());
}

#[test]
fn a_full_table_refuses_new_keys_and_goes_on_with_the_ones_it_holds() {
    let mut table = Limiters::new(limiter(500), [0, 0]).at_most(2);
    assert_eq!(table.admit(1, 1, at(START)), Some(at(START)));
    assert_eq!(table.decide(2, 10, at(START)), Decision::Allow { charged_at: at(START) });
    assert_eq!(table.decide(3, 1, at(START)), Decision::Reject { window: 0 });
    assert_eq!(table.admit(3, 1, at(START)), None);
    assert_eq!(table.charge(3, 1, at(START)), None);
    assert!(!table.put(3, limiter(500).fresh().as_bytes()).unwrap());
    assert_eq!(table.admit(1, 9, at(START)), Some(at(START)));
    // The day ends at midnight: then nothing is in use.
    let midnight = UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z").unwrap();
    assert_eq!(table.evict(usize::MAX, midnight), 2);
    assert_eq!(table.admit(3, 1, midnight), Some(midnight));
}

#[test]
fn what_is_denied_or_costs_nothing_leaves_no_key_behind() {
    let mut table = Limiters::new(limiter(30), [0, 0]);
    assert_eq!(table.decide(1, 11, at(START)), Decision::Reject { window: 0 });
    assert_eq!(table.decide(1, 0, at(START)), Decision::Allow { charged_at: at(START) });
    assert_eq!(table.admit(1, 31, at(START)), None);
    table.refund(1, 5, at(START), at(START));
    assert_eq!(table.len(), 0);
}

/// Names under one seed have keys of their own; under another seed, other keys. The hash is SipHash-1-3; for the empty
/// name under the key 00 01 .. 0f its reference implementation says abac0158050fc4dc.
#[test]
fn names_become_keys() {
    let table = Limiters::new(limiter(30), [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
    assert_eq!(table.key_of(b""), 0xabac_0158_050f_c4dc);
    assert_ne!(table.key_of(b"ann"), table.key_of(b"bob"));
    assert_ne!(table.key_of(b"ann"), Limiters::new(limiter(30), [1, 2]).key_of(b"ann"));
}

#[test]
fn a_table_takes_up_another_policy_with_its_counts() {
    let mut table = Limiters::new(limiter(30), [0, 0]);
    table.admit(1, 10, at(START)).unwrap();
    table.admit(1, 10, at(START + 1_000)).unwrap();
    table.admit(2, 3, at(START)).unwrap();
    let mut raised = table.migrate(limiter(40), at(START + 2_000));
    assert_eq!((raised.up_to(1, 100, at(START + 2_000)), raised.up_to(2, 100, at(START + 2_000))), (10, 10));
    assert_eq!(raised.usage(1, at(START + 2_000))[1].remaining, 20);
    raised.admit(1, 10, at(START + 2_000)).unwrap();
    assert_eq!(raised.usage(1, at(START + 2_000))[1].used, 30);
}

/// A table that holds more keys than it may, because the bound came later, takes all of them along.
#[test]
fn no_key_is_lost_when_the_policy_changes() {
    let mut table = Limiters::new(limiter(30), [1, 2]);
    for key in 0..10 {
        table.admit(key, 10, at(START)).unwrap();
    }
    let mut next = table.at_most(5).migrate(limiter(40), at(START)).at_most(100);
    assert_eq!(next.len(), 10);
    assert!((0..10).all(|key| next.admit(key, 10, at(START)).is_none()), "the second is used up for every key");
}
