use crate::provider::{
    ProviderKind::Resend,
    tests::{body, lacks, message, templated},
};
use alloc::{format, vec, vec::Vec};
use serde_json::{Map, Value, json};

#[test]
fn tags_and_metadata_become_named_tags() {
    let message = message(json!({ "tags": ["receipt", "vip", "x"], "metadata": { "order": "42" } }));
    let tag = |name: &str, value: &str| json!({ "name": name, "value": value });
    let want = [tag("category", "receipt"), tag("category_2", "vip"), tag("category_3", "x"), tag("order", "42")];
    assert_eq!(body(Resend, &message)["tags"], json!(want));
}

#[test]
fn a_template_takes_its_variables() {
    let want = json!({ "id": "welcome", "variables": { "NAME": "Ann", "n": 1 } });
    assert_eq!(body(Resend, &templated("welcome", json!({ "NAME": "Ann", "n": 1 })))["template"], want);
    assert_eq!(body(Resend, &templated("welcome", json!({})))["template"], json!({ "id": "welcome" }));
}

#[test]
fn files_have_a_content_id_when_they_are_inline() {
    let file =
        |id: Option<&str>| json!({ "filename": "l", "content_type": "image/png", "content": "Zg==", "content_id": id });
    let message = message(json!({ "attachments": [file(None), file(Some("logo1"))] }));
    let mut want = [file(None), file(Some("logo1"))];
    want[0].as_object_mut().unwrap().remove("content_id");
    assert_eq!(body(Resend, &message)["attachments"], json!(want));
}

#[test]
fn the_schedule_is_not_passed_on() {
    let scheduled = message(json!({ "send_at": "2026-12-01T10:00:00Z" }));
    assert_eq!(body(Resend, &scheduled), body(Resend, &message(json!({}))));
}

#[test]
fn options_are_merged_into_the_body() {
    let message = message(json!({ "provider_options": { "resend": { "topic_id": "t", "region": { "x": [1] } } } }));
    assert_eq!(body(Resend, &message)["topic_id"], "t");
    assert_eq!(body(Resend, &message)["region"], json!({ "x": [1] }));
}

#[test]
fn every_gap_is_named() {
    let cases = [
        (json!({ "to": vec!["b@example.net"; 51] }), "more than 50 recipients in to"),
        (json!({ "tracking": { "clicks": false } }), "tracking per message"),
        (json!({ "stream": "outbound" }), "streams"),
        (json!({ "tags": ["a b"] }), "tag characters"),
        (json!({ "tags": ["x".repeat(257)] }), "tag characters"),
        (json!({ "metadata": { "a.b": "1" } }), "metadata name characters"),
        (json!({ "metadata": { "a": "1 €" } }), "metadata value characters"),
        (json!({ "metadata": { "a": "" } }), "metadata value characters"),
        (json!({ "tags": ["x", "y"], "metadata": { "category_2": "1" } }), "metadata named like a tag"),
        (json!({ "headers": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }] }), "repeated header"),
    ];
    for (fields, feature) in cases {
        assert_eq!(lacks(Resend, &message(fields)), [feature]);
    }
    let fine = json!({ "to": vec!["b@example.net"; 50], "tags": ["x".repeat(256)], "metadata": { "category_2": "1" } });
    assert_eq!(lacks(Resend, &message(fine)), Vec::<&str>::new());
}

/// Fifty variables, names of 50 characters, texts of 2,000.
#[test]
fn template_data_have_the_documented_bounds() {
    let many = |count: usize| Value::Object((0..count).map(|n| (format!("v{n}"), json!(n))).collect::<Map<_, _>>());
    for (data, taken) in [
        (many(50), true),
        (many(51), false),
        (json!({ "a".repeat(50): "x".repeat(2_000) }), true),
        (json!({ "a".repeat(51): "" }), false),
        (json!({ "a": "x".repeat(2_001) }), false),
        (json!({ "a": true }), false),
        (json!({ "a": null }), false),
        (json!({ "a": [] }), false),
        (json!({ "a": {} }), false),
    ] {
        assert_eq!(lacks(Resend, &templated("t", data)).is_empty(), taken);
    }
}
