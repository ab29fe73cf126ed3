use crate::provider::{
    ProviderKind::Sandbox,
    tests::{body, message, templated},
};
use serde_json::json;

#[test]
fn everything_a_message_says_is_passed_on() {
    let file = json!({ "filename": "l.png", "content_type": "image/png", "content": "Zg==", "content_id": "logo1" });
    let sent = body(
        Sandbox,
        &message(json!({
            "from": "Shop <a@shop.example>", "cc": "c@example.net", "bcc": ["d@example.net"],
            "reply_to": "help@shop.example", "html_body": "<p>", "headers": { "X-A": "1" },
            "attachments": [file], "tags": ["a", "b"], "metadata": { "k": "v" },
            "tracking": { "opens": false }, "stream": "s", "provider_options": { "sandbox": { "note": 1 } },
        })),
    );
    let want = json!({
        "id": "msg_1", "from": "\"Shop\" <a@shop.example>", "to": ["b@example.net"], "cc": ["c@example.net"],
        "bcc": ["d@example.net"], "reply_to": ["help@shop.example"], "subject": "Hi", "text_body": "Hello",
        "html_body": "<p>",
        "headers": [{ "name": "X-A", "value": "1" }], "tags": ["a", "b"], "metadata": { "k": "v" }, "stream": "s",
        "attachments": [{
            "filename": "l.png", "content_type": "image/png", "disposition": "inline", "content_id": "logo1",
            "content": "Zg==",
        }],
        "tracking": { "opens": false }, "note": 1,
    });
    assert_eq!(sent, want);
}

#[test]
fn a_template_is_passed_on() {
    let sent = body(Sandbox, &templated("t", json!({ "n": [1, { "m": null }] })));
    assert_eq!(sent["template"], json!({ "id": "t", "data": { "n": [1, { "m": null }] } }));
}
