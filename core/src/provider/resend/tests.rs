use crate::outcome::Outcome;
use crate::provider::{
    ProviderKind::Resend,
    tests::{accepted, batch, body, lacks, message, of_batch, templated},
};
use alloc::{format, vec, vec::Vec};
use serde_json::{Map, Value, json};

#[test]
fn tags_and_metadata_become_named_tags() {
    let message = message(json!({ "tags": ["receipt", "vip", "x"], "metadata": { "order": "42" } }));
    let tag = |name: &str, value: &str| json!({ "name": name, "value": value });
    let want = [tag("category", "receipt"), tag("category_2", "vip"), tag("category_3", "x"), tag("order", "42")];
    let mut want = want.to_vec();
    want.push(tag("sendgate_id", "msg_1"));
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
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
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

#[test]
fn a_batch_is_the_list_of_what_each_message_would_be_alone() {
    let first = message(json!({ "subject": "1", "tags": ["x"] }));
    let second = templated("welcome", json!({ "NAME": "Ann" }));
    let sent = batch(Resend, &[first.clone(), second.clone()]).unwrap();
    let alone = |message, index: usize, id: &str| {
        let mut body = body(Resend, message);
        body["tags"][index]["value"] = json!(id);
        body
    };
    let list: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(list, json!([alone(&first, 1, "msg_0"), alone(&second, 0, "msg_1")]));
    assert_eq!(sent.url, "https://esp.example/base/emails/batch");
    let header = |name: &str| sent.headers.iter().find(|(have, _)| *have == name).unwrap().1.as_ref();
    assert_eq!(header("x-batch-validation"), "permissive");
    // sha256sum of "msg_0", a line feed and "msg_1".
    let hash = "6d70a375320d77403c02e63fd414d6d1485f6766316c78ad6d1a524ac040eb1b";
    assert_eq!(header("Idempotency-Key"), format!("batch_{hash}"));
    let again = batch(Resend, &[first.clone(), second.clone()]).unwrap();
    assert_eq!(again, sent);
    let other = batch(Resend, &[second.clone(), first, second]).unwrap();
    assert_ne!(other.headers, sent.headers, "other messages are another batch");
}

#[test]
fn files_and_kept_schedules_go_alone() {
    let file = json!({ "filename": "l", "content_type": "image/png", "content": "Zg==" });
    let scheduled = json!({ "resend": { "scheduled_at": "2026-12-01T10:00:00Z" } });
    for alone in [json!({ "attachments": [file] }), json!({ "provider_options": scheduled })] {
        let pair = [message(json!({})), message(alone)];
        assert_eq!(batch(Resend, &pair).unwrap_err().code(), "not_together");
    }
}

/// R113. providers.md 5.3: in permissive mode `data` lacks those that failed.
#[test]
fn r113_ids_are_those_of_the_items_that_no_error_names() {
    let outcomes =
        |body, count| of_batch(Resend, 200, body, count).into_iter().map(|answer| answer.outcome).collect::<Vec<_>>();
    let ids = |ids: &[&str]| ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>();
    let body = json!({
        "data": ids(&["u-1", "u-4"]),
        "errors": [
            { "index": 1, "message": "text" },
            { "index": 2, "message": "The shop.example domain is not verified. Please, add and verify your domain" },
        ],
    });
    let want = [accepted("u-1"), Outcome::PermanentlyRefused, Outcome::SenderRefused, accepted("u-4")];
    assert_eq!(outcomes(body, 4), want);
    assert_eq!(outcomes(json!({ "data": ids(&["u-1", "u-2"]) }), 2), [accepted("u-1"), accepted("u-2")]);
    assert_eq!(outcomes(json!({ "data": [{}, { "id": "u-2" }] }), 2), [Outcome::Unknown, accepted("u-2")]);
}

#[test]
fn lists_that_do_not_add_up_say_nothing_of_any_message() {
    let error = |index: Value| json!({ "index": index, "message": "text" });
    for body in [
        json!({}),
        json!({ "data": [{ "id": "u-1" }] }),
        json!({ "data": [{ "id": "u-1" }], "errors": [error(json!(0)), error(json!(1))] }),
        json!({ "data": [], "errors": [error(json!(1)), error(json!(1))] }),
        json!({ "data": [{ "id": "u-1" }], "errors": [error(json!("1"))] }),
        json!({ "data": [{ "id": "u-1" }], "errors": [error(json!(7))] }),
        json!({ "id": "u-1" }),
    ] {
        let answers = of_batch(Resend, 200, body.clone(), 2);
        assert!(answers.iter().all(|answer| answer.outcome == Outcome::Unknown), "{body}");
    }
}

/// The key of a batch that was used for another body: under it these messages may be on their way already.
#[test]
fn a_used_key_leaves_a_batch_unknown_and_a_bad_sender_splits_it() {
    let outcome = |status, name| of_batch(Resend, status, json!({ "name": name }), 2)[0].outcome.clone();
    assert_eq!(outcome(409, "invalid_idempotent_request"), Outcome::Unknown);
    assert_eq!(outcome(409, "concurrent_idempotent_requests"), Outcome::Transient { retry_at: None });
    assert_eq!(outcome(403, "validation_error"), Outcome::Split);
    assert_eq!(outcome(422, "missing_required_field"), Outcome::Split);
    assert_eq!(outcome(403, "invalid_api_key"), Outcome::CredentialsWrong);
}
