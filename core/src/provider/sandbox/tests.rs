use crate::{
    http::HttpResponse,
    outcome::{Answer, Outcome},
    provider::{
        Dispatch,
        ProviderKind::Sandbox,
        Target, build_batch, classify_batch,
        tests::{body, message, templated},
    },
    time::UnixMillis,
    transport::Call,
};
use alloc::vec::Vec;
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

fn batch(ids: &[&str]) -> crate::http::HttpRequest {
    let message = message(json!({}));
    let to: Vec<_> = message.to.iter().collect();
    let dispatch = |id| Dispatch { message_id: id, message: &message, to: &to, cc: &[], bcc: &[] };
    let dispatches: Vec<Dispatch<'_>> = ids.iter().map(|id| dispatch(*id)).collect();
    let target = Target::new("https://esp.example", "secret");
    match build_batch(Sandbox, &target, &dispatches, UnixMillis::new(1)) {
        Ok(Call::Http(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_messages_are_a_list_under_a_key_of_their_own() {
    let request = batch(&["m1", "m2"]);
    assert_eq!(request.url, "https://esp.example/messages/batch");
    let list: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((list[0]["id"].as_str(), list[1]["id"].as_str(), list[2].is_null()), (Some("m1"), Some("m2"), true));
    let key = |ids: &[&str]| batch(ids).headers.into_iter().find(|(name, _)| *name == "Idempotency-Key").unwrap().1;
    assert_eq!(key(&["m1", "m2"]), key(&["m1", "m2"]));
    assert_ne!(key(&["m1", "m2"]), key(&["m2", "m1"]), "another order is another call");
}

fn answers(status: u16, body: &str, count: usize) -> Vec<Answer> {
    let response = HttpResponse { status, headers: Vec::new(), body: body.into() };
    classify_batch(Sandbox, &response.into(), count, UnixMillis::new(1))
}

#[test]
fn each_message_of_a_call_has_its_answer() {
    let body = r#"[{"id":"a"},{"status":422,"code":"recipient_suppressed"},{"status":500,"code":"server_error"}]"#;
    let outcomes: Vec<Outcome> = answers(200, body, 4).into_iter().map(|answer| answer.outcome).collect();
    let want = [
        Outcome::Accepted { provider_message_id: Some("a".into()) },
        Outcome::RecipientSuppressed,
        Outcome::Transient { retry_at: None },
        Outcome::Unknown,
    ];
    assert_eq!(outcomes, want);
    for (status, body, want) in [
        (422, r#"{"code":"invalid_message"}"#, Outcome::Split),
        (503, "{}", Outcome::Transient { retry_at: None }),
        (200, "cut", Outcome::Unknown),
        (502, "", Outcome::Unknown),
    ] {
        assert!(answers(status, body, 2).iter().all(|answer| answer.outcome == want), "{status}");
    }
}
