//! The sandbox provider's dialect.

mod common;

use common::{ESP, Sim, expect};
use serde_json::{Value, json};

#[test]
fn a_whole_message_shows_up_as_it_was_sent() {
    let mut sim = Sim::new();
    let body = json!({
        "id": "m1", "from": "\"Zoë's Shop, Inc.\" <orders@shop.example>", "to": ["ann@a.example", "Bob <bob@b.example>"],
        "cc": ["c@c.example"], "bcc": ["d@d.example"], "reply_to": ["help@shop.example"], "subject": "Hi ✓",
        "text_body": "t", "html_body": "<p>h</p>", "headers": [{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}],
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "aGk=", "disposition": "inline", "content_id": "c1"}],
        "tags": ["receipt"], "metadata": {"order": "42"}, "tracking": {"opens": true}, "stream": "news",
        "template": {"id": "t", "data": {"name": "Ann"}}, "some_option": 1,
    });
    let id = expect(200, sim.esp(Some("m1"), &body.to_string()))["id"].clone();
    let shown = sim.messages().remove(0);
    for field in [
        "from",
        "to",
        "cc",
        "bcc",
        "reply_to",
        "subject",
        "text_body",
        "html_body",
        "headers",
        "tags",
        "metadata",
        "tracking",
        "stream",
        "template",
    ] {
        assert_eq!(shown[field], body[field], "{field}");
    }
    assert_eq!(shown["id"], id);
    assert_eq!(shown["dialect"], "esp");
    assert_eq!(shown["reference"], "m1");
    assert_eq!(shown["idempotency_key"], "m1");
    assert_eq!(shown["recipients"], json!(["ann@a.example", "bob@b.example", "c@c.example", "d@d.example"]));
    assert_eq!(shown["request"], body);
    let url = format!("/sandbox/messages/{}/attachments/0", id.as_str().unwrap());
    let file = json!({"filename": "a.txt", "content_type": "text/plain", "disposition": "inline", "content_id": "c1", "size": 2, "url": url});
    assert_eq!(shown["attachments"], json!([file]));
    assert_eq!(sim.ask("GET", &url, &[], b"").unwrap().body, b"hi");
}

#[test]
fn addresses_may_be_objects_and_single() {
    let mut sim = Sim::new();
    let body = r#"{"from":{"address":"a@a.example","name":"A, B"},"to":{"email":"b@b.example"},"text_body":"x"}"#;
    expect(200, sim.esp(None, body));
    let shown = sim.messages().remove(0);
    assert_eq!((&shown["from"], &shown["to"]), (&json!("\"A, B\" <a@a.example>"), &json!(["b@b.example"])));
}

#[test]
fn refusals_have_a_code_and_a_detail() {
    let mut sim = Sim::new();
    let cases = [
        ("{", 400, "invalid_json"),
        ("[]", 422, "invalid_message"),
        (r#"{"to":["a@a.example"],"text_body":"x"}"#, 422, "invalid_message"),
        (r#"{"from":"a@a.example","to":[],"text_body":"x"}"#, 422, "invalid_message"),
        (r#"{"from":"a@a.example","to":["a@a.example"]}"#, 422, "invalid_message"),
        (
            r#"{"from":"a@a.example","to":["a@a.example"],"text_body":"x","headers":[{"name":"A","value":"b\nc"}]}"#,
            422,
            "invalid_message",
        ),
    ];
    for (body, status, code) in cases {
        let answer = expect(status, sim.esp(None, body));
        assert_eq!(answer["code"], code, "{body}");
        assert!(answer["detail"].is_string());
    }
    let answer = sim.ask("POST", "/sandbox/esp/messages", &[("Authorization", "Basic x")], ESP.as_bytes());
    assert_eq!(expect(401, answer)["code"], "unauthorized");
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn keys_replay_and_conflict() {
    let mut sim = Sim::new();
    let first = expect(200, sim.esp(Some("k"), ESP));
    assert_eq!(expect(200, sim.esp(Some("k"), ESP)), first);
    assert_eq!(expect(409, sim.esp(Some("k"), &ESP.replace("Hi", "Ho")))["code"], "idempotency_conflict");
    assert_eq!(sim.messages().len(), 1);
    expect(200, sim.esp(None, ESP));
    expect(200, sim.esp(None, ESP));
    assert_eq!(sim.messages().len(), 3);
}

#[test]
fn a_suppressed_recipient_is_refused_in_our_words() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"inactive":["ann@a.example"]}}"#);
    assert_eq!(expect(422, sim.esp(None, ESP))["code"], "recipient_suppressed");
}

#[test]
fn a_list_of_messages_is_answered_one_by_one() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"inactive":["gone@a.example"]}}"#);
    let good: Value = serde_json::from_str(ESP).unwrap();
    let (mut gone, mut bad) = (good.clone(), good.clone());
    gone["to"] = json!(["gone@a.example"]);
    bad["to"] = json!([]);
    let list = json!([good, gone, bad, good]).to_string();
    let headers = [("Authorization", "Bearer x"), ("Idempotency-Key", "k")];
    let answer = expect(200, sim.ask("POST", "/sandbox/esp/messages/batch", &headers, list.as_bytes()));
    let codes: Vec<&str> = (0..4).map(|n| answer[n]["code"].as_str().unwrap_or("taken")).collect();
    assert_eq!(codes, ["taken", "recipient_suppressed", "invalid_message", "taken"]);
    assert!(answer[0]["id"].is_string() && answer[0]["id"] != answer[3]["id"] && answer[1]["status"] == 422);
    assert_eq!(sim.messages().len(), 2);
    let again = expect(200, sim.ask("POST", "/sandbox/esp/messages/batch", &headers, list.as_bytes()));
    assert_eq!((again, sim.messages().len()), (answer, 2), "the same call under the same key");
    for (body, status) in [("{}", 400), ("[]", 422)] {
        let headers = [("Authorization", "Bearer x")];
        expect(status, sim.ask("POST", "/sandbox/esp/messages/batch", &headers, body.as_bytes()));
    }
}
