use super::*;
use crate::provider::{
    ProviderKind::Sparkpost,
    classify,
    tests::{NOW, body, lacks, message, request, templated},
};
use alloc::{format, vec};
use serde_json::json;

#[test]
fn the_smallest_message_is_one_recipient_and_its_content() {
    let want = json!({
        "options": { "transactional": true },
        "recipients": [{ "address": { "email": "b@example.net" } }], "metadata": { "sendgate_id": "msg_1" },
        "content": { "from": { "email": "a@shop.example" }, "subject": "Hi", "text": "Hello" },
    });
    assert_eq!(body(Sparkpost, &message(json!({}))), want);
    let request = request(Sparkpost, &message(json!({}))).unwrap();
    assert!(request.url.ends_with("/api/v1/transmissions"));
    assert!(request.headers.contains(&("Authorization", "key_1".into())), "no word before the key");
}

/// transmissions.apib, and SparkPost's page on CC and BCC with its REST interface.
#[test]
fn copies_are_recipients_who_are_shown_the_same_list() {
    let message = message(json!({
        "from": "Shop <a@shop.example>", "to": ["Ann <b@example.net>", "c@example.net"], "cc": "Dora <d@example.net>",
        "bcc": "e@example.net", "reply_to": ["h@shop.example", "Help <i@shop.example>"], "html_body": "<p>Hello</p>",
        "tags": ["spring"], "metadata": { "order": "7" }, "headers": { "X-Order": "7" }, "class": "bulk",
        "tracking": { "opens": false, "clicks": true }, "stream": "pool",
        "attachments": [
            { "filename": "l.png", "content_type": "image/png", "content": "Zm8=", "content_id": "l1", "disposition": "inline" },
            { "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" },
        ],
    }));
    let shown = "\"Ann\" <b@example.net>, c@example.net";
    let person = |email: &str| json!({ "address": { "email": email, "header_to": shown } });
    let people = ["b@example.net", "c@example.net", "d@example.net", "e@example.net"].map(person);
    let want = json!({
        "options": { "open_tracking": false, "click_tracking": true, "transactional": false, "ip_pool": "pool" },
        "recipients": people,
        "campaign_id": "spring", "metadata": { "order": "7", "sendgate_id": "msg_1" },
        "content": {
            "from": { "email": "a@shop.example", "name": "Shop" }, "reply_to": "h@shop.example, \"Help\" <i@shop.example>",
            "subject": "Hi", "text": "Hello", "html": "<p>Hello</p>",
            "headers": { "X-Order": "7", "CC": "\"Dora\" <d@example.net>" },
            "attachments": [{ "name": "a.txt", "type": "text/plain", "data": "Zg==" }],
            "inline_images": [{ "name": "l1", "type": "image/png", "data": "Zm8=" }],
        },
    });
    assert_eq!(body(Sparkpost, &message), want);
}

#[test]
fn a_template_is_the_whole_content() {
    let got = body(Sparkpost, &templated("welcome", json!({ "name": "Ann" })));
    assert_eq!(got["content"], json!({ "template_id": "welcome" }));
    assert_eq!(got["substitution_data"], json!({ "name": "Ann" }));
}

/// Everybody is shown the whole list, so that a call grows with the square of it: 600 addresses of 40 bytes and a comma
/// with a space are 25,198 bytes, 600 times; 1,000 are 42,000 bytes, 1,000 times.
#[test]
fn a_list_that_would_be_repeated_beyond_the_bound_is_a_gap() {
    let to = |count: usize| (0..count).map(|n| format!("{n:028}@example.net")).collect::<Vec<_>>();
    assert_eq!(lacks(Sparkpost, &message(json!({ "to": to(1_000) }))), ["messages over 20 MB"]);
    assert_eq!(lacks(Sparkpost, &message(json!({ "to": to(600) }))), [""; 0]);
}

#[test]
fn every_gap_is_named() {
    let with = |more: Value| {
        let mut fields = json!({ "subject": null, "text_body": null, "template": { "id": "t", "data": {} } });
        more.as_object().unwrap().iter().for_each(|(name, value)| fields[name] = value.clone());
        fields
    };
    let file = |name: &str| json!([{ "filename": name, "content_type": "a/b", "content": "Zg==" }]);
    for (fields, feature) in [
        (json!({ "tags": ["a", "b"] }), "more than one tag"),
        (json!({ "tags": ["é".repeat(33)] }), "tag over 64 bytes"),
        (json!({ "metadata": { "a": "x".repeat(945) } }), "metadata over 1000 bytes"),
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
        (json!({ "text_body": "x".repeat(20_000_000) }), "messages over 20 MB"),
        (json!({ "attachments": file(&"n".repeat(256)) }), "file name over 255 bytes"),
        (json!({ "headers": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }] }), "repeated header"),
        (json!({ "text_body": "Hello {{name}}" }), "double braces outside a template"),
        (json!({ "subject": "{{" }), "double braces outside a template"),
        (json!({ "headers": { "X-A": "{{a}}" } }), "double braces outside a template"),
        (json!({ "from": "\"{{a}}\" <a@shop.example>" }), "double braces outside a template"),
        (with(json!({ "subject": "Hi" })), "subject with a template"),
        (with(json!({ "attachments": file("n") })), "attachments with a template"),
        (with(json!({ "headers": { "X-A": "1" } })), "headers with a template"),
        (with(json!({ "cc": "c@example.net" })), "cc with a template"),
        (with(json!({ "reply_to": "c@example.net" })), "reply-to with a template"),
        (json!({ "provider_options": { "sparkpost": { "recipients": [] } } }), options::COLLISION),
    ] {
        assert_eq!(lacks(Sparkpost, &message(fields)), [feature]);
    }
    let fine = json!({ "tags": ["é".repeat(32)], "text_body": "{ {", "provider_options": { "sparkpost": { "description": "d" } } });
    assert_eq!(lacks(Sparkpost, &message(fine)), Vec::<&str>::new());
}

#[test]
fn who_was_taken_is_counted() {
    let answer = |status, body: Value| {
        classify(Sparkpost, &HttpResponse { status, headers: vec![], body: body.to_string().into_bytes() }.into(), NOW)
    };
    let results = |accepted: Value, rejected: Value| {
        let results =
            json!({ "id": "11668", "total_accepted_recipients": accepted, "total_rejected_recipients": rejected });
        answer(200, json!({ "results": results })).outcome
    };
    let accepted = Outcome::Accepted { provider_message_id: Some("11668".into()) };
    assert_eq!(results(json!(2), json!(0)), accepted);
    assert_eq!(results(json!(1), json!(1)), accepted);
    assert_eq!(results(json!(0), json!(2)), Outcome::PermanentlyRefused);
    assert_eq!(results(json!(0), json!(0)), Outcome::Unknown);
    assert_eq!(results(json!(null), json!(null)), accepted);
    // As SparkPost answered in karrot-dev/karrot-backend, issue 294: the totals say the opposite of the error.
    let suppressed = answer(
        400,
        json!({
            "errors": [{
                "message": "Message generation rejected", "code": "1902",
                "description": "recipient address was suppressed due to system policy",
            }],
            "results": { "total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "102593777022651116" },
        }),
    );
    assert_eq!((suppressed.outcome, suppressed.provider_code.as_deref()), (Outcome::RecipientSuppressed, Some("1902")));
}
