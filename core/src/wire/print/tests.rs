use super::*;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

/// Texts of every length around a word, with what is escaped and what is close to it.
const TEXT: &str = "[a-z\"\\\\\n\r\t\u{0}-\u{21}\u{5b}-\u{5d}\u{7f}-\u{a2}é日𝄞]{0,80}";

#[derive(Serialize)]
struct Shapes<'a> {
    text: &'a str,
    empty: [u8; 0],
    pair: (u8, char),
    none: Option<u8>,
    unit: (),
    marker: Marker,
    number: Newtype,
    variants: Vec<Variant<'a>>,
    #[serde(flatten)]
    more: &'a Value,
}

#[derive(Serialize)]
struct Marker;

#[derive(Serialize)]
struct Newtype(i64);

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Variant<'a> {
    Unit,
    Newtype(&'a str),
    Tuple(u8, f64),
    Struct { a: bool, b: f32 },
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        TEXT.prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(TEXT, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_prints_as_serde_json_prints_it(value in any_value()) {
        prop_assert_eq!(print(&value), serde_json::to_vec(&value).ok());
    }

    #[test]
    fn any_text_prints_as_serde_json_prints_it(text in TEXT, times in 1_usize..400) {
        let text = text.repeat(times);
        prop_assert_eq!(print(&text), serde_json::to_vec(&text).ok());
    }

    #[test]
    fn a_displayed_value_prints_as_its_text(value in TEXT, other in TEXT) {
        let pieces = format_args!("{value}, {other:?}").to_string();
        let displayed = crate::wire::Text(&pieces);
        prop_assert_eq!(print(&displayed), serde_json::to_vec(&pieces).ok());
    }
}

#[test]
fn every_byte_that_text_can_hold_is_escaped_as_serde_json_escapes_it() {
    for character in '\u{0}'..='\u{100}' {
        for before in 0..9 {
            let mut text = "a".repeat(before);
            text.push(character);
            text.push_str("tail");
            assert_eq!(print(&text), serde_json::to_vec(&text).ok(), "{character:?} at {before}");
        }
    }
}

#[test]
fn every_shape_prints_as_serde_json_prints_it() {
    let more = json!({"z": [1, 2.5, -3], "y": {}, "x": []});
    let variants = vec![
        Variant::Unit,
        Variant::Newtype("\""),
        Variant::Tuple(7, f64::MIN_POSITIVE),
        Variant::Struct { a: true, b: 1.5e30 },
    ];
    let shapes = Shapes {
        text: "a\\b",
        empty: [],
        pair: (255, '\u{1}'),
        none: None,
        unit: (),
        marker: Marker,
        number: Newtype(i64::MIN),
        variants,
        more: &more,
    };
    assert_eq!(print(&shapes), serde_json::to_vec(&shapes).ok());
    assert_eq!(print(&f64::NAN), serde_json::to_vec(&f64::NAN).ok());
}

#[test]
fn what_was_printed_before_stays() {
    for length in [0, 1, ROOM - 1, ROOM, 3 * ROOM] {
        let before = vec![b'['; length];
        let mut wanted = before.clone();
        wanted.extend_from_slice(br#"{"a":"b\n"}"#);
        assert_eq!(print_behind(before, &BTreeMap::from([("a", "b\n")])), Some(wanted), "{length}");
    }
}

#[test]
fn a_name_that_is_no_text_does_not_print() {
    assert_eq!(print(&BTreeMap::from([(1, String::new())])), None);
}
