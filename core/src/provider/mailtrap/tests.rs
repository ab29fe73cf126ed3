use super::*;
use crate::{
    address::Mailbox,
    provider::{
        ProviderKind::Mailtrap,
        build_batch, classify_batch,
        tests::{NOW, body, lacks, message, request_of, templated},
    },
};
use alloc::{string::ToString, vec};
use serde_json::json;

/// mailtrap-openapi, `EmailWithTextAndHtml`.
#[test]
fn everything_that_a_message_carries_has_its_place() {
    let message = message(json!({
        "from": "Shop <a@shop.example>", "to": ["Ann <b@example.net>", "c@example.net"], "cc": "d@example.net",
        "bcc": "e@example.net", "reply_to": "Help <h@shop.example>", "html_body": "<p>Hello</p>", "tags": ["a"],
        "metadata": { "order": "7" }, "headers": { "X-Order": "7" },
        "attachments": [
            { "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" },
            { "filename": "l.png", "content_type": "image/png", "content": "Zm8=", "content_id": "l1", "disposition": "inline" },
        ],
    }));
    let want = json!({
        "from": { "email": "a@shop.example", "name": "Shop" },
        "to": [{ "email": "b@example.net", "name": "Ann" }, { "email": "c@example.net" }],
        "cc": [{ "email": "d@example.net" }], "bcc": [{ "email": "e@example.net" }],
        "reply_to": { "email": "h@shop.example", "name": "Help" },
        "subject": "Hi", "html": "<p>Hello</p>", "text": "Hello", "category": "a",
        "custom_variables": { "order": "7", "sendgate_id": "msg_1" }, "headers": { "X-Order": "7" },
        "attachments": [
            { "filename": "a.txt", "type": "text/plain", "disposition": "attachment", "content": "Zg==" },
            { "filename": "l.png", "type": "image/png", "disposition": "inline", "content_id": "l1", "content": "Zm8=" },
        ],
    });
    assert_eq!(body(Mailtrap, &message), want);
}

/// `text` and `html` have a least length of one.
#[test]
fn an_empty_body_is_left_out() {
    let got = body(Mailtrap, &message(json!({ "text_body": "", "html_body": "<p>Hello</p>" })));
    assert_eq!((got.get("text"), &got["html"]), (None, &json!("<p>Hello</p>")));
}

#[test]
fn a_template_has_its_variables() {
    let got = body(Mailtrap, &templated("b81aabcd-1a1e-41cf-91b6-eca0254b3d96", json!({ "name": "Ann" })));
    assert_eq!(got["template_uuid"], "b81aabcd-1a1e-41cf-91b6-eca0254b3d96");
    assert_eq!((&got["template_variables"], got.get("subject")), (&json!({ "name": "Ann" }), None));
}

#[test]
fn every_gap_is_named() {
    let template = json!({ "id": "t", "data": {} });
    for (fields, feature) in [
        (json!({ "reply_to": ["a@example.com", "b@example.com"] }), "more than one reply-to"),
        (json!({ "tags": ["a", "b"] }), "more than one tag"),
        (json!({ "tags": ["é".repeat(256)] }), "tag over 255 characters"),
        (json!({ "metadata": { "a": "x".repeat(945) } }), "metadata over 1000 bytes"),
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
        (json!({ "tracking": { "opens": true } }), "tracking per message"),
        (json!({ "stream": "bulk" }), "streams"),
        (json!({ "text_body": null, "template": template }), "subject with a template"),
        (json!({ "text_body": null, "subject": null, "tags": ["a"], "template": template }), "tag with a template"),
        (json!({ "headers": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }] }), "repeated header"),
        (json!({ "provider_options": { "mailtrap": { "requests": [] } } }), options::COLLISION),
    ] {
        assert_eq!(lacks(Mailtrap, &message(fields)), [feature]);
    }
    // {"a":"..."} has eight bytes beside the value, and Sendgate's id 48 of the 1,000.
    let fine = json!({ "tags": ["é".repeat(255)], "metadata": { "a": "x".repeat(944) } });
    assert_eq!(lacks(Mailtrap, &message(fine)), Vec::<&str>::new());
}

#[test]
fn any_messages_share_a_call_and_each_is_what_it_is_alone() {
    let messages = [
        message(json!({ "to": "b@example.net" })),
        message(json!({ "attachments": [{ "filename": "a", "content_type": "a/b", "content": "Zg==" }] })),
        templated("t", json!({ "n": 1 })),
    ];
    let lists: Vec<Vec<&Mailbox>> = messages.iter().map(|message| message.to.iter().collect()).collect();
    let dispatches: Vec<_> = messages
        .iter()
        .zip(&lists)
        .map(|(message, to)| Dispatch { message_id: "msg_1", message, to, cc: &[], bcc: &[] })
        .collect();
    let target = Target::new("https://send.api.mailtrap.io", "key_1");
    let request = request_of(build_batch(Mailtrap, &target, &dispatches, NOW).unwrap());
    assert_eq!(request.url, "https://send.api.mailtrap.io/api/batch");
    let alone: Vec<Value> = messages.iter().map(|message| body(Mailtrap, message)).collect();
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), json!({ "requests": alone }));
    let one = request_of(build_batch(Mailtrap, &target, &dispatches[..1], NOW).unwrap());
    assert_eq!(one.url, "https://send.api.mailtrap.io/api/send");
    let many = vec![dispatches[0]; 501];
    assert_eq!(build_batch(Mailtrap, &target, &many, NOW), Err(BuildError::NotTogether));
}

/// mailtrap-openapi, `BatchSentResponse`: one bad item fails alone.
#[test]
fn a_batch_answer_has_a_class_for_each_in_their_order() {
    let answers = |status, body: Value, count| {
        let response = HttpResponse { status, headers: vec![], body: body.to_string().into_bytes() };
        let answers = classify_batch(Mailtrap, &response.into(), count, NOW);
        answers.into_iter().map(|answer| answer.outcome).collect::<Vec<_>>()
    };
    let good = json!({ "success": true, "message_ids": ["m1", "m2"] });
    let bad = json!({ "success": false, "errors": ["'to' address is invalid"] });
    let accepted = Outcome::Accepted { provider_message_id: Some("m1".into()) };
    let all = answers(200, json!({ "success": true, "responses": [good, bad, {}] }), 3);
    assert_eq!(all, [accepted, Outcome::PermanentlyRefused, Outcome::Unknown]);
    assert_eq!(answers(200, json!({ "responses": [good] }), 2), [Outcome::Unknown, Outcome::Unknown]);
    assert_eq!(answers(401, json!({}), 2), [Outcome::CredentialsWrong, Outcome::CredentialsWrong]);
    assert_eq!(answers(400, json!({}), 2), [Outcome::Split, Outcome::Split]);
}
