//! The packed part over tags that no keyed hash would give, and saved bytes that are wrong under right check values.

use super::{table::Table, *};
use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
};

const LAST: u64 = (1 << TAG_BITS) - 1;

fn table_of(tags: impl IntoIterator<Item = u64>) -> (BTreeSet<u64>, Table) {
    let plain: BTreeSet<u64> = tags.into_iter().collect();
    let sorted: Vec<u64> = plain.iter().copied().collect();
    (plain, Table::from_sorted(&sorted))
}

fn agrees(plain: &BTreeSet<u64>, table: &Table) {
    assert_eq!(table.len(), plain.len());
    assert!(table.tags().eq(plain.iter().copied()), "the tags come back whole and in order");
    for tag in plain {
        for near in [tag.saturating_sub(1), *tag, (tag + 1).min(LAST), tag ^ 1 << 40, tag ^ 1 << 59] {
            assert_eq!(table.contains(near), plain.contains(&near), "{near:#x}");
            assert_eq!(table.finds(near), plain.contains(&near), "{near:#x}");
        }
    }
}

/// Tags that crowd into one cell fill its sketch: every stranger is let in, and still nobody is taken for another.
#[test]
fn tags_with_one_prefix_are_exact() {
    let (plain, table) = table_of((0..3_000).map(|n| (0x0ab << 52) | (n * 5)));
    agrees(&plain, &table);
    let (plain, table) = table_of((0..3_000).map(|n| n * 5).chain((0..3_000).map(|n| LAST - n * 3)));
    agrees(&plain, &table);
}

#[test]
fn the_first_and_the_last_tag_are_exact() {
    for tags in [&[][..], &[0], &[LAST], &[0, LAST], &[0, 1, LAST - 1, LAST]] {
        let (plain, table) = table_of(tags.iter().copied());
        agrees(&plain, &table);
        assert_eq!(table.contains(0), plain.contains(&0));
        assert_eq!(table.contains(LAST), plain.contains(&LAST));
    }
}

/// Remainders of eight, seven, six and five bytes; prefixes at both sides of every step.
#[test]
fn every_width_of_remainders_is_exact() {
    let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4;
    for (entries, width) in [(15, 8), (127, 8), (128, 7), (2_047, 7), (32_767, 7), (32_768, 6)] {
        let (plain, table) = table_of((1..=entries).map(spread));
        assert_eq!(table::width(table.prefix_bits()), width, "{entries}");
        agrees(&plain, &table);
    }
    assert_eq!(table::width(20), 5, "what ten million entries have");
}

/// Starts and remainders that are not those of a table make none, whatever check values came with them.
#[test]
fn parts_out_of_order_make_no_table() {
    let (_, table) = table_of((0..64).map(|n| (n << 54) | 7));
    let starts: Vec<[u8; 4]> = table.starts().map(u32::to_le_bytes).collect();
    let remainders = table.remainders().to_vec();
    let make = |starts: &[[u8; 4]], remainders: &[u8]| Table::from_saved(3, starts, remainders.to_vec());
    assert_eq!((table.prefix_bits(), starts.len(), remainders.len()), (3, 9, 64 * 8));
    assert!(make(&starts, &remainders).is_some_and(|made| made.tags().eq(table.tags())));
    for (place, start) in [(0, 1u32), (3, 100), (5, 0), (8, 63)] {
        let mut starts = starts.clone();
        starts[place] = start.to_le_bytes();
        assert!(make(&starts, &remainders).is_none(), "start {place}");
    }
    for (change, at) in [("a repeated remainder", 8..16), ("one out of order", 16..24), ("one of another cell", 56..64)]
    {
        let mut remainders = remainders.clone();
        let bytes = if change == "one of another cell" { LAST.to_le_bytes() } else { (7u64).to_le_bytes() };
        remainders[at].copy_from_slice(&bytes);
        assert!(make(&starts, &remainders).is_none(), "{change}");
    }
    assert!(make(&starts, &remainders[8..]).is_none());
    assert!(make(&[], &[]).is_none());
}

/// A header under the right key that announces more than a set can hold is refused before any room is made.
#[test]
fn a_header_of_impossible_figures_is_refused() {
    for (prefix_bits, entries) in [(25u32, 0u64), (u32::MAX, 0), (0, 100_000_001), (0, u64::MAX)] {
        let hasher = hasher([7; 16]);
        let mut header = save::MAGIC.to_vec();
        header.extend_from_slice(&save::VERSION.to_le_bytes());
        header.extend_from_slice(&prefix_bits.to_le_bytes());
        header.extend_from_slice(&entries.to_le_bytes());
        header.extend_from_slice(&save::key_check(&hasher).to_le_bytes());
        header.extend_from_slice(&save::Check::Header.hasher(&hasher).hash(&header).to_le_bytes());
        let error = SuppressionSet::from_bytes([7; 16], &header).unwrap_err();
        assert_eq!(error, LoadError::Damaged { part: SavedPart::Header });
    }
}

/// The layout, byte by byte, so that no release changes it under a saved set.
#[test]
fn the_saved_bytes_have_the_documented_layout() {
    let mut set = SuppressionSet::builder([7; 16]).with(["a@example.com", "b@example.com"]).build().unwrap();
    let bytes = set.to_bytes();
    assert_eq!(bytes.len(), 40 + 2 * 4 + 2 * 8 + 8);
    assert_eq!(bytes[..24], *b"SGSUPSET\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0");
    assert_eq!(bytes[40..48], [0, 0, 0, 0, 2, 0, 0, 0]);
    let mut tags = ["a@example.com", "b@example.com"].map(|address| set.tag(address));
    tags.sort_unstable();
    assert_eq!(bytes[48..56], tags[0].to_le_bytes());
    assert_eq!(bytes[56..64], tags[1].to_le_bytes());
}

/// Computed from the text of *SipHash: a fast short-input PRF* by a program that gives the paper's own value for
/// SipHash-2-4, a129ca6149be45e5. Saved sets hang on it.
#[test]
fn a_tag_is_the_upper_bits_of_siphash_1_3() {
    let set = SuppressionSet::empty([7; 16]);
    assert_eq!(set.tag("a@example.com"), 0x2168_da69_3c43_95ee >> 4);
    assert_eq!(set.tag("b@example.com"), 0x39ef_a7c3_7d92_bce4 >> 4);
    assert_ne!(SuppressionSet::empty([8; 16]).tag("a@example.com"), set.tag("a@example.com"));
}

/// A removed entry that comes back, and an added one that goes, leave no change behind.
#[test]
fn a_change_that_is_undone_leaves_nothing_pending() {
    let mut set = SuppressionSet::builder([7; 16]).with(["a@example.com"]).build().unwrap();
    assert!(set.remove("a@example.com"));
    assert_eq!(set.add("a@example.com"), Ok(true));
    assert_eq!(set.add("b@example.com"), Ok(true));
    assert!(set.remove("b@example.com"));
    assert_eq!((set.pending(), set.len()), (0, 1));
    assert!(set.contains("a@example.com") && !set.contains("b@example.com"));
}

#[test]
fn errors_have_their_codes_and_say_the_bound() {
    let parts = [SavedPart::Header, SavedPart::Checksum, SavedPart::Table].map(|part| LoadError::Damaged { part });
    let others = [
        LoadError::Length { wanted: 64, got: 3 },
        LoadError::NotASet,
        LoadError::Version { got: 2 },
        LoadError::WrongKey,
    ];
    let words: BTreeSet<&str> = parts.iter().chain(&others).map(|error| error.code()).collect();
    assert!(words.into_iter().eq(LOAD_CODES));
    let texts: BTreeSet<String> = parts.iter().chain(&others).map(ToString::to_string).collect();
    assert_eq!(texts.len(), 7);
    assert!(texts.contains("the saved set must have 64 bytes, got 3"));
    assert_eq!(TooManyEntries.to_string(), "a set holds at most 100000000 addresses");
    assert_eq!(TooManyEntries.code(), "too_many_entries");
}
