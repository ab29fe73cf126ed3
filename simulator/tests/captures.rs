//! What official SDKs send is taken, and shows up in `/sandbox/messages` as it was meant.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::Sim;
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
