extern crate std;

use super::*;
use alloc::string::ToString;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: UnixMillis = UnixMillis::new(1_796_119_205_000);

#[test]
fn every_word_names_one_kind() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::from_word(kind.word()), Some(kind));
    }
    for class in BounceClass::ALL {
        assert_eq!(BounceClass::from_word(class.word()), Some(class));
    }
    assert_eq!(EventKind::from_word("exploded"), None);
}

/// A body in which every field that a parser of these two looks for may stand, or be of another type.
fn strange() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(NAMES.to_vec()), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

fn bodies() -> u32 {
    std::env::var("SENDGATE_EVENT_BODIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: bodies(), ..ProptestConfig::default() })]

    /// The parsers behind the signatures that take long to make.
    #[test]
    fn no_shape_panics(value in strange()) {
        let text = value.to_string();
        for event in ses::events("id", &text, NOW).unwrap_or_default() {
            prop_assert!(event.key.starts_with("ses:id:"));
        }
        for event in sendgrid::events(json!([value]).to_string().as_bytes(), NOW).unwrap() {
            prop_assert!(event.key.starts_with("sendgrid:"));
        }
    }
}

const NAMES: [&str; 24] = [
    "eventType",
    "notificationType",
    "mail",
    "destination",
    "messageId",
    "source",
    "headers",
    "tags",
    "timestamp",
    "bounce",
    "bounceType",
    "bounceSubType",
    "bouncedRecipients",
    "emailAddress",
    "status",
    "diagnosticCode",
    "complaint",
    "complainedRecipients",
    "event",
    "type",
    "reason",
    "sg_event_id",
    "sg_message_id",
    "email",
];
const WORDS: [&str; 12] = [
    "Bounce",
    "Complaint",
    "Delivery",
    "Permanent",
    "Transient",
    "bounce",
    "dropped",
    "blocked",
    "5.1.1",
    "2026-12-01T10:00:00Z",
    "ann@example.com",
    "@",
];
