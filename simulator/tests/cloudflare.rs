//! Cloudflare's REST dialect against Cloudflare's documentation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{CLOUDFLARE, Sim, expect};
use serde_json::{Value, json};

const BASE: &str = "/sandbox/cloudflare/client/v4/accounts/acc/email/sending";
const TOKEN: (&str, &str) = ("Authorization", "Bearer cf");

fn changed(change: Value) -> String {
    let mut body: Value = serde_json::from_str(CLOUDFLARE).unwrap();
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

#[test]
fn a_message_is_answered_by_recipient() {
    let mut sim = Sim::new();
    let settings = r#"{"cloudflare":{"fates":[{"to":"gone@","fate":"bounced"},{"to":"full@","fate":"soft_bounced"}]}}"#;
    sim.put("/sandbox/settings", settings);
    let to = json!({"to": ["ann@a.example", {"address": "gone@a.example", "name": "Gone"}], "cc": "full@a.example"});
    let body = expect(200, sim.cloudflare(&changed(to)));
    let want = json!({
        "success": true, "errors": [], "messages": [],
        "result": {
            "delivered": ["ann@a.example"], "permanent_bounces": ["gone@a.example"], "queued": ["full@a.example"],
            "suppressed_recipients": [], "message_id": sim.messages()[0]["id"],
        },
    });
    assert_eq!(body, want);
    assert_eq!(sim.messages()[0]["fates"], json!(["delivered", "bounced", "soft_bounced"]));
}

#[test]
fn errors_have_the_documented_numbers_and_words() {
    let mut sim = Sim::new();
    let large = "x".repeat(5_242_881);
    let cases: Vec<(Value, u64, &str)> = vec![
        (json!({"from": null}), 10_001, "invalid_request_schema"),
        (json!({"from": {"email": "a@a.example"}}), 10_001, "invalid_request_schema"),
        (json!({"to": []}), 10_001, "invalid_request_schema"),
        (json!({"subject": null}), 10_001, "invalid_request_schema"),
        (json!({"text": null}), 10_001, "invalid_request_schema"),
        (json!({"replyTo": "a@a.example"}), 10_001, "invalid_request_schema"),
        (json!({"tags": []}), 10_001, "invalid_request_schema"),
        (
            json!({"attachments": [{"content": "aGk=", "filename": "a", "type": "a/b"}]}),
            10_001,
            "invalid_request_schema",
        ),
        (
            json!({"to": (0..51).map(|n| format!("r{n}@a.example")).collect::<Vec<_>>()}),
            10_001,
            "invalid_request_schema",
        ),
        (json!({"to": ["nobody"]}), 10_202, "email.invalid"),
        (json!({"subject": "x".repeat(999)}), 10_202, "email.invalid"),
        (json!({ "text": large }), 10_200, "email.too_big"),
    ];
    for (change, code, word) in cases {
        let body = expect(400, sim.cloudflare(&changed(change.clone())));
        let error = &body["errors"][0];
        assert_eq!((&body["success"], &body["result"]), (&json!(false), &Value::Null));
        let shown: String = change.to_string().chars().take(80).collect();
        assert_eq!(
            (&error["code"], error["message"].as_str().unwrap().ends_with(word)),
            (&json!(code), true),
            "{shown}"
        );
    }
    let wrong = |answer: Value| answer["errors"][0]["code"].clone();
    let send = format!("{BASE}/send");
    assert_eq!(wrong(expect(401, sim.ask("POST", &send, &[], CLOUDFLARE.as_bytes()))), 10_101);
    assert_eq!(wrong(expect(404, sim.ask("POST", &format!("{BASE}/sends"), &[TOKEN], b"{}"))), 10_000);
    assert_eq!(wrong(expect(400, sim.ask("POST", &send, &[TOKEN], b"{"))), 10_001);
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn only_allowed_headers_pass() {
    let mut sim = Sim::new();
    let many: Value = (0..21).map(|n| (format!("X-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>().into();
    for good in [
        json!({"X-Order_Id-1": "42"}),
        json!({"List-Unsubscribe": "<https://shop.example/u>, <mailto:u@shop.example>"}),
        json!({"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}),
        json!({"precedence": "bulk"}),
        json!({"In-Reply-To": "<a@b.example>"}),
        many,
    ] {
        expect(200, sim.cloudflare(&changed(json!({ "headers": good }))));
    }
    let taken = sim.messages().len();
    let large: Value =
        (0..9).map(|n| (format!("X-{n}"), json!("x".repeat(2_048)))).collect::<serde_json::Map<_, _>>().into();
    for bad in [
        json!({"Message-ID": "<a@b.example>"}),
        json!({"Date": "x"}),
        json!({"Feedback-ID": "x"}),
        json!({"Reply-To": "a@b.example"}),
        json!({"X-": "1"}),
        json!({"X-Ä": "1"}),
        json!({"X-A": ""}),
        json!({"X-A": "x".repeat(2_049)}),
        json!({"List-Unsubscribe": "https://shop.example/u"}),
        json!({"List-Unsubscribe": "<http://shop.example/u>"}),
        json!({"List-Unsubscribe-Post": "yes"}),
        json!({"Precedence": "urgent"}),
        json!({"X-A": "a\r\nBcc: b@a.example"}),
        json!({ format!("X-{}", "a".repeat(99)): "1" }),
        large,
    ] {
        let body = expect(400, sim.cloudflare(&changed(json!({ "headers": bad.clone() }))));
        assert_eq!(body["errors"][0]["code"], 10_202, "{bad}");
    }
    assert_eq!(sim.messages().len(), taken);
}

#[test]
fn one_suppressed_recipient_refuses_the_call_unless_it_is_dropped() {
    let mut sim = Sim::new();
    let to = changed(json!({"to": ["ann@a.example", "dead@a.example"]}));
    sim.put("/sandbox/settings", r#"{"cloudflare":{"inactive":["dead@a.example"]}}"#);
    let body = expect(400, sim.cloudflare(&to));
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("suppressed"));
    assert_eq!(sim.messages().len(), 0);
    sim.put("/sandbox/settings", r#"{"cloudflare":{"inactive":["dead@a.example"],"drop_suppressed_recipients":true}}"#);
    let result = expect(200, sim.cloudflare(&to))["result"].clone();
    assert_eq!(result["delivered"], json!(["ann@a.example"]));
    assert_eq!(result["suppressed_recipients"], json!(["dead@a.example"]));
    assert_eq!(sim.messages()[0]["fates"], json!(["delivered", "suppressed"]));
}

#[test]
fn a_raw_message_goes_to_the_recipients_beside_it() {
    let mut sim = Sim::new();
    let mime = "From: orders@shop.example\r\nTo: team@a.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\n\
                Content-Type: text/html\r\n\r\n<p>hi</p>\r\n--b--\r\n";
    let raw = |body: Value| body.to_string().into_bytes();
    let path = format!("{BASE}/send_raw");
    let good = json!({"from": "orders@shop.example", "recipients": ["ann@a.example"], "mime_message": mime});
    expect(200, sim.ask("POST", &path, &[TOKEN], &raw(good)));
    let message = &sim.messages()[0];
    assert_eq!((&message["text_body"], &message["html_body"]), (&json!("hi"), &json!("<p>hi</p>")));
    assert_eq!(message["recipients"], json!(["ann@a.example"]));
    for (bad, code) in [
        (json!({"from": "a@a.example", "recipients": ["b@a.example"]}), 10_001),
        (json!({"from": "a@a.example", "recipients": [], "mime_message": mime}), 10_001),
        (json!({"from": "a@a.example", "recipients": ["nobody"], "mime_message": mime}), 10_202),
        (json!({"from": "a@a.example", "recipients": ["b@a.example"], "mime_message": ""}), 10_202),
    ] {
        assert_eq!(expect(400, sim.ask("POST", &path, &[TOKEN], &raw(bad)))["errors"][0]["code"], code);
    }
}

#[test]
fn over_a_window_or_a_day_it_is_throttled() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"cloudflare":{"windows":[{"limit":1,"period_ms":1000}],"daily_quota":2}}"#);
    expect(200, sim.cloudflare(CLOUDFLARE));
    let answer = sim.cloudflare(CLOUDFLARE).unwrap();
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(expect(429, Some(answer))["errors"][0]["code"], 10_004);
    sim.now += 1_000;
    expect(200, sim.cloudflare(CLOUDFLARE));
    sim.now += 1_000;
    expect(429, sim.cloudflare(CLOUDFLARE));
    sim.now += 86_400_000;
    expect(200, sim.cloudflare(CLOUDFLARE));
}
