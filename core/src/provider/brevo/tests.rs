use super::*;
use crate::provider::{
    ProviderKind::Brevo,
    has_idempotency_key, idempotency_ms, says_key_was_used,
    tests::{body, lacks, message, request, templated},
};
use alloc::vec;
use serde_json::json;

/// Brevo's own JSON has the same names (`@getbrevo/brevo` 6.0.3, `SendTransacEmailRequest`).
#[test]
fn everything_that_a_message_carries_has_its_place() {
    let message = message(json!({
        "from": "Shop <a@shop.example>", "to": ["Ann <b@example.net>", "c@example.net"], "cc": "d@example.net",
        "bcc": "e@example.net", "reply_to": "Help <h@shop.example>", "html_body": "<p>Hello</p>", "tags": ["a", "b"],
        "metadata": { "order": "7" }, "headers": { "X-Order": "7" },
        "attachments": [{ "filename": "a.TXT", "content_type": "text/plain", "content": "Zg==" }],
    }));
    let mut got = body(Brevo, &message);
    let key = got["headers"].as_object_mut().unwrap().remove("idempotencyKey").unwrap();
    assert_eq!(key, uuid("msg_1"));
    let want = json!({
        "sender": { "email": "a@shop.example", "name": "Shop" },
        "to": [{ "email": "b@example.net", "name": "Ann" }, { "email": "c@example.net" }],
        "cc": [{ "email": "d@example.net" }], "bcc": [{ "email": "e@example.net" }],
        "replyTo": { "email": "h@shop.example", "name": "Help" },
        "subject": "Hi", "htmlContent": "<p>Hello</p>", "textContent": "Hello", "tags": ["a", "b"],
        "headers": { "X-Order": "7", "X-Mailin-custom": "{\"order\":\"7\",\"sendgate_id\":\"msg_1\"}" },
        "attachment": [{ "name": "a.TXT", "content": "Zg==" }],
    });
    assert_eq!(got, want);
    let request = request(Brevo, &message).unwrap();
    assert!(request.url.ends_with("/v3/smtp/email") && request.headers.contains(&("api-key", "key_1".into())));
}

#[test]
fn a_template_has_a_number_and_its_params() {
    let got = body(Brevo, &templated("12", json!({ "name": "Ann" })));
    assert_eq!((&got["templateId"], &got["params"], got.get("subject")), (&json!(12), &json!({ "name": "Ann" }), None));
    assert_eq!(body(Brevo, &templated("12", json!({}))).get("params"), None);
}

/// RFC 9562: 36 characters, version 4, variant 10; the same for the same message.
#[test]
fn the_idempotency_key_is_a_uuid_of_the_message() {
    let key = uuid("msg_1");
    assert_eq!(key, uuid("msg_1"));
    assert_ne!(key, uuid("msg_2"));
    let lengths: Vec<usize> = key.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert!(key.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    assert_eq!((&key[14..15], "89ab".contains(&key[19..20])), ("4", true));
    // The first bytes are SHA-256's, as `printf msg_1 | sha256sum` prints them.
    assert_eq!(&key[..8], &crate::key::fingerprint(b"msg_1")[..8]);
    assert_eq!((has_idempotency_key(Brevo), idempotency_ms(Brevo)), (true, Some(900_000)));
    assert_eq!(idempotency_ms(ProviderKind::Resend), Some(82_800_000), "23 hours");
    assert_eq!((has_idempotency_key(ProviderKind::Ses), idempotency_ms(ProviderKind::Ses)), (false, None));
    let used = Answer::new(Outcome::PermanentlyRefused, 400, Some("duplicate_parameter".into()));
    assert!(says_key_was_used(&used), "Brevo refuses a key that it knows");
}

#[test]
fn every_gap_is_named() {
    let html = |mut more: Value| {
        more["html_body"] = json!("<p>Hello</p>");
        more
    };
    let file = |name: &str, id: Value| {
        let disposition = if id.is_null() { "attachment" } else { "inline" };
        json!({ "attachments": [{
            "filename": name, "content_type": "a/b", "content": "Zg==", "content_id": id, "disposition": disposition,
        }] })
    };
    for (fields, feature) in [
        (html(json!({ "to": vec!["b@example.net"; 100] })), "more than 99 recipients"),
        (html(json!({ "reply_to": ["a@example.com", "b@example.com"] })), "more than one reply-to"),
        (
            html(json!({ "to": alloc::format!("{} <b@example.net>", "é".repeat(71)) })),
            "display name over 70 characters",
        ),
        (html(json!({ "cc": "ü@example.net" })), "local part beyond ASCII"),
        (json!({}), "text without HTML"),
        (html(json!({ "tracking": { "opens": true } })), "tracking per message"),
        (html(json!({ "stream": "a" })), "streams"),
        (html(file("a.png", json!("l1"))), "inline files"),
        (html(file("é.png", json!(null))), "file name beyond ASCII"),
        (html(file("a.exe", json!(null))), "file name of this ending"),
        (html(file("pdf", json!(null))), "file name of this ending"),
        (
            html(json!({ "headers": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }] })),
            "repeated header",
        ),
        (html(json!({ "headers": { "IdempotencyKey": "1" } })), "header that Brevo reads"),
        (html(json!({ "headers": { "X-A": "é" } })), "header value beyond ASCII"),
        (html(json!({ "metadata": { "a": "é" } })), "metadata beyond ASCII"),
        (html(json!({ "metadata": { "Sendgate_ID": "1" } })), "metadata named sendgate_id"),
        (html(json!({ "provider_options": { "brevo": { "messageVersions": [] } } })), options::COLLISION),
        (html(json!({ "provider_options": { "brevo": { "BCC": [] } } })), options::COLLISION),
    ] {
        assert_eq!(lacks(Brevo, &message(fields)), [feature]);
    }
    assert_eq!(lacks(Brevo, &templated("welcome", json!({}))), ["template id of this form"]);
    let fine = html(json!({
        "to": vec!["b@example.net"; 99], "from": alloc::format!("{} <a@shop.example>", "é".repeat(70)),
        "provider_options": { "brevo": { "scheduledAt": "2026-12-01T10:00:00.000Z" } },
    }));
    assert_eq!(lacks(Brevo, &message(fine)), Vec::<&str>::new());
}
