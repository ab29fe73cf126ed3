//! What official SDKs send is taken, and shows up in `/sandbox/messages` as it was meant.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{START, Sim, captured_body};
use serde_json::{Value, json};

/// Sends every captured request of one SDK; returns the messages that show up.
fn replay(dialect: &str, capture: &str) -> (Vec<Value>, Vec<Value>) {
    let mut sim = Sim::without_windows();
    let capture: Value = serde_json::from_str(capture).unwrap();
    let mut bodies = Vec::new();
    for request in capture["requests"].as_array().unwrap() {
        let headers: Vec<(&str, &str)> = request["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let path = format!("/sandbox/{dialect}{}", request["path"].as_str().unwrap());
        let body = request["body"].as_str().unwrap();
        let answer = sim.ask("POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let call: Value = serde_json::from_str(body).unwrap();
        match call.get("Messages").unwrap_or(&call).as_array() {
            Some(items) => bodies.extend(items.clone()),
            None => bodies.push(call),
        }
    }
    let shown = sim.messages();
    assert_eq!(shown.len(), bodies.len());
    for (message, body) in shown.iter().zip(&bodies) {
        assert_eq!(&message["request"], body);
    }
    for message in &shown {
        for file in message["attachments"].as_array().unwrap() {
            let answer = sim.ask("GET", file["url"].as_str().unwrap(), &[], b"").unwrap();
            assert_eq!((answer.status, answer.body.len() as u64), (200, file["size"].as_u64().unwrap()));
        }
    }
    (shown, bodies)
}

/// The reference message's common fields, whatever the provider.
fn assert_reference(message: &Value, to: &Value) {
    assert_eq!(message["from"], "\"Zoë's Shop, Inc.\" <orders@shop.example>");
    assert_eq!(&message["to"], to);
    assert_eq!(message["cc"], json!(["\"Carbon \\\"Copy\\\"\" <cc@example.org>"]));
    assert_eq!(message["bcc"], json!(["hidden@example.org"]));
    assert_eq!(message["reply_to"], json!(["\"Help\" <help@shop.example>"]));
    assert_eq!(message["subject"], "Order #42 — confirmé ✓");
    assert_eq!(message["text_body"], "Hello Ann,\nyour order is on its way. €5\n");
    assert_eq!(message["html_body"], "<p>Hello <b>Ann</b> <img src=\"cid:logo1\"></p>");
    let mut headers = message["headers"].as_array().unwrap().clone();
    headers.sort_by_key(|header| header["name"].as_str().unwrap().to_string());
    let want = [
        json!({"name": "List-Unsubscribe", "value": "<https://shop.example/u/42>"}),
        json!({"name": "X-Order-Id", "value": "42"}),
    ];
    assert_eq!(headers, want);
}

/// The reference message's two files: 13 and 10 bytes once decoded.
fn assert_files(message: &Value) {
    let files = message["attachments"].as_array().unwrap();
    let seen: Vec<_> = files
        .iter()
        .map(|file| {
            (
                file["filename"].as_str(),
                file["content_type"].as_str(),
                file["content_id"].as_str(),
                file["size"].as_u64(),
            )
        })
        .collect();
    let want = [
        (Some("invoice.txt"), Some("text/plain"), None, Some(13)),
        (Some("logo.png"), Some("image/png"), Some("logo1"), Some(10)),
    ];
    assert_eq!(seen, want);
}

#[test]
fn the_resend_sdk_for_node_is_understood() {
    let (shown, _) = replay("resend", include_str!("data/resend-node.json"));
    assert_reference(&shown[0], &json!(["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"]));
    assert_files(&shown[0]);
    assert_eq!(shown[0]["tags"], json!([{"name": "category", "value": "receipt"}]));
    assert_eq!(shown[0]["scheduled_at"], "2026-12-01T10:00:00Z");
    assert_eq!(shown[0]["idempotency_key"], "order-42-v1");
    assert_reference(&shown[1], &json!(["ann@example.com"]));
    assert_reference(&shown[2], &json!(["bob@example.net"]));
    assert_eq!(shown[3]["template"], json!({"id": "welcome", "data": {"NAME": "Ann"}}));
}

#[test]
fn the_resend_sdk_for_python_is_understood() {
    let (shown, _) = replay("resend", include_str!("data/resend-python.json"));
    assert_reference(&shown[0], &json!(["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"]));
    assert_files(&shown[0]);
    assert_reference(&shown[1], &json!(["\"Ann Ünïcode\" <ann@example.com>"]));
    assert_reference(&shown[2], &json!(["bob@example.net"]));
}

#[test]
fn the_postmark_sdk_for_node_is_understood() {
    let (shown, _) = replay("postmark", include_str!("data/postmark-node.json"));
    assert_reference(&shown[0], &json!(["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"]));
    assert_files(&shown[0]);
    assert_eq!(shown[0]["tags"], json!(["receipt"]));
    assert_eq!(shown[0]["metadata"], json!({"order": "42", "tier": "gold"}));
    assert_eq!(shown[0]["tracking"], json!({"opens": true, "links": "None"}));
    assert_eq!(shown[0]["stream"], "outbound");
    assert_reference(&shown[1], &json!(["ann@example.com"]));
    assert_eq!(shown[3]["template"], json!({"id": "welcome", "data": {"name": "Ann"}}));
    assert_eq!(shown[5]["template"], json!({"id": 123, "data": {"name": "Bob"}}));
}

#[test]
fn postmarker_for_python_is_understood() {
    let (shown, _) = replay("postmark", include_str!("data/postmarker-python.json"));
    assert_reference(&shown[0], &json!(["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"]));
    assert_files(&shown[2]);
}

/// Sends every captured request of one SDK at the time it was signed; each has to be answered with its status.
fn replay_all(dialect: &str, capture: &str, now: u64, statuses: &[u16]) -> Vec<Value> {
    let mut sim = Sim::without_windows();
    sim.put("/sandbox/settings", r#"{"ses":{"max_send_rate":null}}"#);
    sim.now = now;
    let capture: Value = serde_json::from_str(capture).unwrap();
    let requests = capture["requests"].as_array().unwrap();
    assert_eq!(requests.len(), statuses.len());
    for (request, status) in requests.iter().zip(statuses) {
        let headers = request["headers"].as_array().unwrap().iter();
        let headers: Vec<_> = headers.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
        let path = format!("/sandbox/{dialect}{}", request["path"].as_str().unwrap());
        let answer = sim.ask(request["method"].as_str().unwrap(), &path, &headers, &captured_body(request)).unwrap();
        assert_eq!(answer.status, *status, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    let shown = sim.messages();
    if let Ok(body) = serde_json::from_slice::<Value>(&captured_body(&requests[0])) {
        assert_eq!(shown[0]["request"], body);
    }
    shown
}

/// The two recipients as a provider of `email` and `name` objects has them.
fn both() -> Value {
    json!(["Ann Ünïcode <ann@example.com>", "bob@example.net"])
}

/// The reference message, where addresses come as objects of an address and a name.
fn assert_objects(message: &Value) {
    let mut quoted = message.clone();
    quoted["reply_to"] = json!(["\"Help\" <help@shop.example>"]);
    assert_eq!(message["reply_to"], json!(["Help <help@shop.example>"]));
    assert_reference(&quoted, &both());
}

#[test]
fn the_sendgrid_sdk_for_node_is_understood() {
    let shown = replay_all("sendgrid", include_str!("data/sendgrid-node.json"), START, &[202, 200]);
    assert_objects(&shown[0]);
    assert_files(&shown[0]);
    assert_eq!(shown[0]["tags"], json!(["receipt"]));
    assert_eq!(shown[0]["metadata"], json!({"order": "42", "tier": "gold"}));
    assert_eq!(shown[0]["tracking"]["open_tracking"], json!({"enable": true}));
    assert_eq!((&shown[0]["stream"], &shown[0]["scheduled_at"]), (&json!("tx"), &json!("2026-12-01T10:00:00.000Z")));
    assert_eq!(shown[1]["template"], json!({"id": "d-0123456789abcdef0123456789abcdef", "data": {"name": "Ann"}}));
    assert_eq!((&shown[1]["metadata"], &shown[1]["test_mode"]), (&json!({"order": "1"}), &json!(true)));
    assert_eq!(shown[2]["template"]["data"], json!({"name": "Bob"}));
    assert_eq!((&shown[2]["to"], &shown[2]["fate"]), (&json!(["bob@example.net"]), &json!("discarded")));
}

#[test]
fn the_sendgrid_sdk_for_python_is_understood() {
    let mut shown = replay_all("sendgrid", include_str!("data/sendgrid-python.json"), START, &[202]);
    assert_objects(&shown[0]);
    // This SDK sends attachments in the reverse order.
    shown[0]["attachments"].as_array_mut().unwrap().reverse();
    assert_files(&shown[0]);
}

#[test]
fn the_mailgun_sdk_for_node_is_understood() {
    let shown = replay_all("mailgun", include_str!("data/mailgun-node.json"), START, &[200, 200, 200]);
    assert_reference(&shown[0], &json!(["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"]));
    let files = shown[0]["attachments"].as_array().unwrap();
    let seen: Vec<_> = files.iter().map(|file| (file["filename"].as_str(), file["size"].as_u64())).collect();
    assert_eq!(seen, [(Some("invoice.txt"), Some(13)), (Some("logo1"), Some(10))]);
    assert_eq!((&files[1]["content_id"], &files[1]["disposition"]), (&json!("logo1"), &json!("inline")));
    assert_eq!(shown[0]["tags"], json!(["receipt"]));
    assert_eq!(shown[0]["metadata"], json!({"order": "42", "tier": "gold"}));
    assert_eq!(shown[0]["tracking"], json!({"tracking-opens": "yes", "tracking-clicks": "no"}));
    assert_eq!(shown[0]["scheduled_at"], "Tue, 01 Dec 2026 10:00:00 +0000");
    assert_eq!(shown[0]["test_mode"], true);
    assert_eq!(shown[1]["template"], json!({"id": "welcome", "data": {"shop": "Z"}}));
    let variables = json!({"ann@example.com": {"name": "Ann"}, "bob@example.net": {"name": "Bob"}});
    assert_eq!(shown[1]["recipient_variables"], variables);
    assert_eq!((&shown[2]["from"], &shown[2]["subject"]), (&json!("a@shop.example"), &json!("x")));
    assert_eq!((&shown[2]["text_body"], &shown[2]["recipients"]), (&json!("hi\r\n"), &json!(["ann@example.com"])));
}

#[test]
fn the_mailgun_sdk_for_python_is_understood() {
    let shown = replay_all("mailgun", include_str!("data/mailgun-python.json"), START, &[200, 200]);
    assert_eq!(shown[0]["from"], "\"Zoë's Shop, Inc.\" <orders@shop.example>");
    assert_eq!(shown[0]["subject"], "Order #42 — confirmé ✓");
    assert_eq!(shown[0]["text_body"], "Hello Ann,\nyour order is on its way. €5\n");
    assert_eq!(shown[0]["headers"], json!([{"name": "X-Order-Id", "value": "42"}]));
    assert_eq!(shown[1]["attachments"].as_array().unwrap().len(), 2);
}

/// 2026-11-21T19:29:14Z, when boto3 signed.
const BOTO3: u64 = 1_795_289_354_000;
/// 2026-11-21T19:43:02Z, when the AWS SDK for JavaScript signed.
const AWS_JS: u64 = 1_795_290_182_000;

#[test]
fn boto3_is_understood_and_its_signatures_are_right() {
    let shown = replay_all("ses", include_str!("data/boto3-sesv2.json"), BOTO3, &[200, 200, 200, 200, 200]);
    assert_eq!(shown[0]["from"], "=?utf-8?b?Wm/DqydzIFNob3AsIEluYy4=?= <orders@shop.example>");
    let mut decoded = shown[0].clone();
    // Names are encoded words here: what they say is the reference's.
    decoded["from"] = json!("\"Zoë's Shop, Inc.\" <orders@shop.example>");
    let to = json!(["=?utf-8?b?QW5uIMOcbsOvY29kZQ==?= <ann@example.com>", "bob@example.net"]);
    assert_reference(&decoded, &to);
    assert_files(&shown[0]);
    assert_eq!(shown[0]["tags"], json!([{"Name": "tag", "Value": "receipt"}, {"Name": "order", "Value": "42"}]));
    assert_eq!(shown[0]["stream"], "tx");
    assert_eq!(shown[0]["tracking"], json!({"OpenTrackingEnabled": "ENABLED", "ClickTrackingEnabled": "DISABLED"}));
    assert_eq!(shown[1]["subject"], "Order #42 — confirmé ✓");
    assert_eq!(shown[1]["text_body"], "Hello Ann,\nyour order is on its way. €5\n");
    assert_eq!(shown[2]["template"], json!({"id": "welcome", "data": {"name": "Ann"}}));
    assert_eq!(shown[3]["template"]["data"], json!({"name": "Ann"}));
    assert_eq!(shown[3]["headers"], json!([{"name": "X-Order-Id", "value": "42"}]));
    assert_eq!(shown[4]["template"]["data"], json!({"name": "there"}));
    assert_eq!(shown[4]["recipients"], json!(["bob@example.net"]));
}

#[test]
fn the_aws_sdk_for_javascript_is_understood_and_its_signature_is_right() {
    let shown = replay_all("ses", include_str!("data/aws-sdk-js-sesv2.json"), AWS_JS, &[200]);
    assert_eq!(shown[0]["subject"], "Order #42 — confirmé ✓");
    assert_eq!(shown[0]["attachments"][0]["size"], 13);
}

#[test]
fn the_cloudflare_sdk_for_python_is_understood() {
    let shown = replay_all("cloudflare", include_str!("data/cloudflare-python.json"), START, &[200, 200]);
    assert_objects(&shown[0]);
    assert_files(&shown[0]);
    assert_eq!((&shown[1]["subject"], &shown[1]["text_body"]), (&json!("x"), &json!("hi\r\n")));
}
