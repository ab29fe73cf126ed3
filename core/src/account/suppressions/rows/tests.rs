//! Wherever an import is cut, its rows are the same.

use super::*;
use alloc::{format, vec};

/// The rows with their numbers, and how it ended, of an import that comes in pieces of this many bytes.
fn rows(import: &[u8], size: usize) -> (Vec<(u64, String)>, Result<(), String>) {
    let (mut rows, mut found) = (Rows::Start(Vec::new()), Vec::new());
    let mut sink = |line: u64, raw: Raw<'_>| {
        let text = match raw {
            Raw::Cells(cells) => cells.iter().collect::<Vec<_>>().join("|"),
            Raw::Json(text) => String::from_utf8_lossy(text).into_owned(),
            Raw::TooLong => "too long".into(),
        };
        found.push((line, text));
        // Every other row is to wait, which must lose nothing.
        found.len() % 2 == 0
    };
    for piece in import.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() {
            let read = rows.feed(rest, &mut sink);
            rest = rest.split_at_checked(read).unwrap().1;
        }
    }
    let ended = rows.finish(&mut sink);
    (found, ended)
}

/// The same at every size of piece.
#[track_caller]
fn at_any_cut(import: &[u8], want: &[(u64, &str)], ended: Result<(), &str>) {
    for size in 1..=import.len().max(1) {
        let (found, end) = rows(import, size);
        let found: Vec<(u64, &str)> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(
            (found.as_slice(), end.as_ref().map_err(String::as_str).copied()),
            (want, ended),
            "pieces of {size}"
        );
    }
}

/// R215: a byte order mark, both line ends, quotes over lines, no line end at the end.
#[test]
fn a_csv_has_the_same_rows_wherever_it_is_cut() {
    let csv = "\u{feff}\r\nemail,name\r\nann@example.com,\"Ann, \"\"A.\"\"\nof two\"\n\n,\r\nbob@example.com,";
    let want = [(2, "email|name"), (3, "ann@example.com|Ann, \"A.\"\nof two"), (6, "|"), (7, "bob@example.com|")];
    at_any_cut(csv.as_bytes(), &want, Ok(()));
    at_any_cut(b"ann@example.com", &[(1, "ann@example.com")], Ok(()));
    at_any_cut(b"a\r\rb\r", &[(1, "a"), (1, "b")], Ok(()));
}

#[test]
fn a_list_has_the_same_items_wherever_it_is_cut() {
    let want = [(1, r#"{"a":"]},\"\\"}"#), (2, "1"), (3, "[[{}]]")];
    at_any_cut(br#" [ {"a":"]},\"\\"} , 1,[[{}]] ] "#, &want, Ok(()));
    at_any_cut(br#"{ "suppressions" : [{"a":"]},\"\\"}, 1 ,[[{}]]] , "next": null}"#, &want, Ok(()));
    at_any_cut(b"[]", &[], Ok(()));
    at_any_cut(b"{\"suppressions\":[]}", &[], Ok(()));
}

#[test]
fn lines_are_items_of_their_own() {
    let lines = b"\n{\"email\":\"a\"}\r\n\n{\"x\n{\"suppressions\": 1}";
    at_any_cut(lines, &[(2, "{\"email\":\"a\"}"), (4, "{\"x"), (5, "{\"suppressions\": 1}")], Ok(()));
}

#[test]
fn what_breaks_off_says_where() {
    let behind = |n: u64| format!("the list breaks off, or is no JSON, behind its item {n}");
    let one = [(1, "1")];
    for (import, want) in [("[1", &one[..0]), ("[1,", &one), ("[1,]", &one), ("[1] 2", &one), ("[1}", &one[..0])] {
        at_any_cut(import.as_bytes(), want, Err(&behind(u64::try_from(want.len()).unwrap())));
    }
    at_any_cut(b"{\"suppressions\":[1],\"more\":1}", &one, Err(&behind(1)));
    at_any_cut(b"{\"suppressions\":[1]", &one, Err(&behind(1)));
    for nothing in ["", " \r\n", "\u{feff}"] {
        at_any_cut(nothing.as_bytes(), &[], Err("the import is empty"));
    }
    for none in ["{}", "{", "{\"suppressions\":1}", "{\"suppressions\" 1", "{ 1"] {
        at_any_cut(none.as_bytes(), &[], Err(FORMS));
    }
}

/// A quote that is never closed must not collect the rest of the import.
#[test]
fn one_row_is_held_and_a_long_one_is_not() {
    let long = "x".repeat(MAX_ROW_BYTES + 1);
    for (import, want) in [
        (format!("a\n{long}\nb\n"), vec![(1, "a"), (2, "too long"), (3, "b")]),
        (format!("a\n\"{long}"), vec![(1, "a"), (2, "too long")]),
        (format!("a\n{}\nb\n", ",".repeat(MAX_ROW_BYTES + 1)), vec![(1, "a"), (2, "too long"), (3, "b")]),
        (format!("[1,\"{long}\",2]"), vec![(1, "1"), (2, "too long"), (3, "2")]),
        (format!("{{\"a\":1}}\n{long}\n{{}}"), vec![(1, "{\"a\":1}"), (2, "too long"), (3, "{}")]),
    ] {
        for size in [1_000, 4_096, import.len()] {
            let (found, ended) = rows(import.as_bytes(), size);
            let found: Vec<(u64, &str)> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert_eq!((found, ended), (want.clone(), Ok(())));
        }
    }
}
