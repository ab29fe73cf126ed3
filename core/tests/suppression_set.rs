//! The suppression set against a plain one, at any size.
//!
//! `SENDGATE_SET_ENTRIES=10000000 cargo test --release -p sendgate-core --test suppression_set -- --nocapture whole`
//! runs the whole set at ten million.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use proptest::prelude::*;
use sendgate_core::suppression::{LOAD_CODES, LoadError, Progress, SavedPart, SetLoader, Stage, SuppressionSet};
use std::collections::BTreeSet;

const KEY: [u8; 16] = *b"0123456789abcdef";

fn listed(n: usize) -> String {
    format!("customer.{n}@mail{}.example", n % 1_000)
}

fn stranger(n: usize) -> String {
    format!("stranger.{n}@mail{}.example", n % 1_000)
}

fn set_of(entries: usize) -> SuppressionSet {
    SuppressionSet::builder(KEY).expect(entries).with((0..entries).map(listed)).build().unwrap()
}

/// How many entries the whole-set test has: 200,000, or what the environment says.
fn whole() -> usize {
    std::env::var("SENDGATE_SET_ENTRIES").map_or(200_000, |text| text.parse().unwrap())
}

/// R200: nobody of the list is missed and nobody else is taken for listed, by either way to ask. At ten million an entry
/// takes at most eight bytes, everything counted.
#[test]
fn the_whole_set_is_found_and_a_million_strangers_are_not() {
    let entries = whole();
    let mut set = set_of(entries);
    assert_eq!(set.len(), entries);
    assert!((0..entries).all(|n| set.contains(&listed(n))));
    let strangers = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    assert!(!(0..strangers).any(|n| set.contains(&stranger(n))));
    for from in (0..entries).step_by(100_000) {
        let group: Vec<String> = (from..entries.min(from + 100_000)).map(listed).collect();
        assert!(set.contains_many(&group).into_iter().all(|found| found));
    }
    let others: Vec<String> = (0..strangers).map(stranger).collect();
    assert!(!set.contains_many(&others).into_iter().any(|found| found));
    let bytes = set.memory_bytes();
    println!("{entries} entries: {:.3} bytes an entry", bytes as f64 / entries as f64);
    assert!(entries != 10_000_000 || bytes <= 8 * entries);

    let mut loader = SetLoader::new(KEY);
    for piece in set.to_pieces(2_000_000) {
        assert!(piece.len() <= 2_000_000);
        loader.push(&piece).unwrap();
    }
    let loaded = loader.finish().unwrap();
    assert!((0..entries).step_by(7).all(|n| loaded.contains(&listed(n))));
    assert!(!(0..strangers).step_by(7).any(|n| loaded.contains(&stranger(n))));
    assert!(loaded.memory_bytes() <= bytes + 64, "loading makes no slack");
}

/// Every size from nothing on, with and without a filter.
#[test]
fn small_sets_of_every_size_are_exact_and_survive_saving() {
    let strangers: Vec<String> = (0..300).map(stranger).collect();
    for entries in 0..=1_000 {
        let mut set = set_of(entries);
        assert_eq!((set.len(), set.is_empty()), (entries, entries == 0));
        assert!((0..entries).all(|n| set.contains(&listed(n))), "{entries}");
        assert!(!set.contains_many(&strangers).contains(&true), "{entries}");
        let loaded = SuppressionSet::from_bytes(KEY, &set.to_bytes()).unwrap();
        assert!((0..entries).all(|n| loaded.contains(&listed(n))), "{entries}");
        assert_eq!(loaded.len(), entries);
    }
}

#[test]
fn ten_thousand_equal_addresses_are_one() {
    let set = SuppressionSet::builder(KEY).with((0..10_000).map(|_| "gone@example.com")).build().unwrap();
    assert_eq!(set.len(), 1);
    assert!(set.contains("gone@example.com"));
}

/// The order in which addresses come is not seen in the saved bytes, nor is how they came: at once or one by one.
#[test]
fn the_same_addresses_are_the_same_bytes() {
    let mut forward = set_of(20_000);
    let mut backward = SuppressionSet::builder(KEY).with((0..20_000).rev().map(listed)).build().unwrap();
    let mut single = SuppressionSet::empty(KEY);
    for n in 0..20_000 {
        assert_eq!(single.add(&listed(n)), Ok(true));
    }
    let bytes = forward.to_bytes();
    assert_eq!(backward.to_bytes(), bytes);
    assert_eq!(single.to_bytes(), bytes);
}

#[test]
fn changes_are_packed_by_themselves_when_they_are_many() {
    let mut set = set_of(50_000);
    for n in 0..20_000 {
        assert!(set.remove(&listed(n)));
        assert_eq!(set.add(&stranger(n)), Ok(true));
        assert!(set.pending() < 4_096);
    }
    assert_eq!(set.len(), 50_000);
    assert!((0..50_000).all(|n| set.contains(&listed(n)) == (n >= 20_000)));
    assert!((0..20_000).all(|n| set.contains(&stranger(n))));
}

#[test]
fn a_build_reports_every_stage_in_order() {
    let mut reports: Vec<Progress> = Vec::new();
    let addresses = (0..140_000).map(listed);
    SuppressionSet::builder(KEY).on_progress(|progress| reports.push(progress)).with(addresses).build().unwrap();
    let seen: Vec<(Stage, u64)> = reports.iter().map(|progress| (progress.stage, progress.entries)).collect();
    assert_eq!(
        seen,
        [
            (Stage::Collecting, 65_536),
            (Stage::Collecting, 131_072),
            (Stage::Sorting, 140_000),
            (Stage::Packing, 140_000),
        ]
    );
}

/// Every single byte, changed, is noticed: a damaged set is never used.
#[test]
fn every_damaged_byte_is_found() {
    let bytes = set_of(200).to_bytes();
    for place in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            let error = SuppressionSet::from_bytes(KEY, &damaged).unwrap_err();
            let expected = match place {
                0..8 => error == LoadError::NotASet,
                8..12 => matches!(error, LoadError::Version { .. }),
                24..32 => error == LoadError::WrongKey,
                12..40 => error == LoadError::Damaged { part: SavedPart::Header },
                _ => error == LoadError::Damaged { part: SavedPart::Checksum },
            };
            assert!(expected, "byte {place}: {error:?}");
            assert!(LOAD_CODES.contains(&error.code()));
        }
    }
}

#[test]
fn bytes_that_are_cut_off_or_too_many_are_refused_with_both_lengths() {
    let mut bytes = set_of(200).to_bytes();
    let wanted = bytes.len() as u64;
    for length in (0..bytes.len()).step_by(13) {
        let error = SuppressionSet::from_bytes(KEY, &bytes[..length]).unwrap_err();
        let wanted = if length < 40 { 40 } else { wanted };
        assert_eq!(error, LoadError::Length { wanted, got: length as u64 });
    }
    bytes.push(0);
    let error = SuppressionSet::from_bytes(KEY, &bytes).unwrap_err();
    assert_eq!(error, LoadError::Length { wanted, got: wanted + 1 });
    assert_eq!(error.code(), "set_length");
}

/// Under another key everybody would be a stranger: the bytes are refused instead.
#[test]
fn another_key_is_refused() {
    let bytes = set_of(10).to_bytes();
    let error = SuppressionSet::from_bytes([1; 16], &bytes).unwrap_err();
    assert_eq!((error, error.code()), (LoadError::WrongKey, "wrong_key"));
}

#[test]
fn pieces_that_are_lost_or_change_places_are_found() {
    let mut set = set_of(5_000);
    // 40 + 4 (2^9 + 1) + 7 * 5,000 + 8 = 37,100 bytes.
    let pieces: Vec<Vec<u8>> = set.to_pieces(8_000).collect();
    assert_eq!(pieces.concat(), set.to_bytes());
    let load = |order: &[usize]| {
        let mut loader = SetLoader::new(KEY);
        order.iter().try_for_each(|place| loader.push(&pieces[*place]))?;
        loader.finish()
    };
    assert_eq!(pieces.len(), 5);
    assert!(load(&[0, 1, 2, 3, 4]).is_ok());
    assert!(matches!(load(&[0, 1, 2, 4]), Err(LoadError::Length { .. })));
    assert_eq!(load(&[0, 2, 1, 3, 4]).unwrap_err(), LoadError::Damaged { part: SavedPart::Checksum });
    assert_eq!(load(&[1, 0, 2, 3, 4]).unwrap_err(), LoadError::NotASet);
}

/// No address, and no part of one, is in the saved bytes or in what `Debug` shows.
#[test]
fn nothing_of_an_address_is_stored() {
    let mut set = SuppressionSet::builder(KEY).with(["gone@example.com"]).build().unwrap();
    let bytes = set.to_bytes();
    assert!(!bytes.windows(4).any(|four| b"gone@example.com".windows(4).any(|part| part == four)));
    assert_eq!(format!("{set:?}"), "SuppressionSet(1 addresses)");
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    Remove(usize),
    Compact,
    Save(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..400).prop_map(Step::Add),
        6 => (0usize..400).prop_map(Step::Remove),
        1 => Just(Step::Compact),
        1 => (1usize..3_000).prop_map(Step::Save),
    ]
}

proptest! {
    /// R200, R212, R214: whatever is added, removed, packed, saved and loaded, in any order, the set answers as a plain one.
    #[test]
    fn a_set_answers_as_a_plain_one(
        key in any::<[u8; 16]>(),
        first in prop::collection::vec(0usize..400, 0..300),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut plain: BTreeSet<usize> = first.iter().copied().collect();
        let mut set = SuppressionSet::builder(key).with(first.into_iter().map(listed)).build().unwrap();
        for step in steps {
            match step {
                Step::Add(n) => prop_assert_eq!(set.add(&listed(n)), Ok(plain.insert(n))),
                Step::Remove(n) => prop_assert_eq!(set.remove(&listed(n)), plain.remove(&n)),
                Step::Compact => set.compact(),
                Step::Save(most) => {
                    let mut loader = SetLoader::new(key);
                    for piece in set.to_pieces(most) {
                        prop_assert!(piece.len() <= most);
                        loader.push(&piece).unwrap();
                    }
                    set = loader.finish().unwrap();
                }
            }
            prop_assert_eq!(set.len(), plain.len());
        }
        let addresses: Vec<String> = (0..400).map(listed).collect();
        let many = set.contains_many(&addresses);
        for (n, address) in addresses.iter().enumerate() {
            prop_assert_eq!(set.contains(address), plain.contains(&n));
            prop_assert_eq!(many[n], plain.contains(&n));
        }
    }
}
