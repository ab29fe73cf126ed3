//! Resend's dialect against Resend's documentation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{RESEND, Sim, expect, json};
use serde_json::json;

#[test]
fn a_message_is_taken_and_can_be_looked_up() {
    let mut sim = Sim::without_windows();
    let body = expect(200, sim.resend("/emails", None, RESEND));
    let id = body["id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    let headers = [("Authorization", "Bearer re_test"), ("User-Agent", "test")];
    let found = expect(200, sim.ask("GET", &format!("/sandbox/resend/emails/{id}"), &headers, b""));
    assert_eq!(found["object"], "email");
    assert_eq!(found["to"], json!(["ann@a.example"]));
    assert_eq!(found["created_at"], "2026-12-01T10:00:00.000Z");
    let missing = expect(404, sim.ask("GET", "/sandbox/resend/emails/none", &headers, b""));
    assert_eq!(missing["name"], "not_found");
}

#[test]
fn credentials_and_the_user_agent_are_required() {
    let mut sim = Sim::new();
    let mut with =
        |headers: &[(&str, &str)]| sim.ask("POST", "/sandbox/resend/emails", headers, RESEND.as_bytes()).unwrap();
    let edge = with(&[("Authorization", "Bearer re_test")]);
    assert_eq!((edge.status, edge.body.as_slice()), (403, b"error code: 1010".as_slice()));
    let missing = with(&[("User-Agent", "x")]);
    assert_eq!((missing.status, &json(&missing)["name"]), (401, &json!("missing_api_key")));
    let wrong = with(&[("User-Agent", "x"), ("authorization", "Bearer other")]);
    assert_eq!((wrong.status, &json(&wrong)["name"]), (403, &json!("invalid_api_key")));
    assert_eq!(sim.messages().len(), 0);
    assert!(sim.log().iter().all(|call| call["counted"] == false));
}

#[test]
fn a_bad_message_is_refused_with_the_documented_body() {
    let mut sim = Sim::without_windows();
    let cases = [
        ("{", 400, "validation_error"),
        (r#"{"to":["a@a.example"],"subject":"s","text":"x"}"#, 422, "missing_required_field"),
        (r#"{"from":"a@a.example","subject":"s","text":"x"}"#, 422, "missing_required_field"),
        (r#"{"from":"a@a.example","to":[],"subject":"s","text":"x"}"#, 422, "missing_required_field"),
        (r#"{"from":"a@a.example","to":["b@a.example"],"text":"x"}"#, 422, "missing_required_field"),
        (r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s"}"#, 422, "missing_required_field"),
        (
            r#"{"from":"Shop, Inc. <a@a.example>","to":["b@a.example"],"subject":"s","text":"x"}"#,
            422,
            "invalid_from_address",
        ),
        (r#"{"from":"a@a.example","to":["b"],"subject":"s","text":"x"}"#, 422, "invalid_parameter"),
        (r#"{"from":"a@a.example","to":["b@a.example"],"subject":7,"text":"x"}"#, 422, "invalid_parameter"),
        (
            r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s","text":"x","tags":[{"name":"a b","value":"c"}]}"#,
            422,
            "invalid_parameter",
        ),
        (
            r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s","text":"x","headers":{"A":"b\r\nBcc: c@d.example"}}"#,
            422,
            "invalid_parameter",
        ),
        (
            r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s","text":"x","template":{"id":"t"}}"#,
            422,
            "invalid_parameter",
        ),
        (
            r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s","text":"x","attachments":[{"filename":"a","content":"?"}]}"#,
            422,
            "invalid_attachment",
        ),
        (
            r#"{"from":"a@a.example","to":["b@a.example"],"subject":"s","text":"x","attachments":[{"filename":"a"}]}"#,
            422,
            "invalid_attachment",
        ),
    ];
    for (body, status, name) in cases {
        let answer = expect(status, sim.resend("/emails", None, body));
        assert_eq!(answer["name"], name, "{body}");
        assert_eq!(answer["statusCode"], status, "{body}");
        assert!(answer["message"].is_string(), "{body}");
    }
    assert_eq!(sim.messages().len(), 0);
    assert_eq!(sim.log().len(), cases.len());
}

#[test]
fn fifty_recipients_fit_in_to_and_fifty_one_do_not() {
    let mut sim = Sim::without_windows();
    let body = |count: usize| {
        let to: Vec<_> = (0..count).map(|n| format!("r{n}@a.example")).collect();
        json!({"from": "a@a.example", "to": to, "subject": "s", "text": "x"}).to_string()
    };
    expect(200, sim.resend("/emails", None, &body(50)));
    expect(422, sim.resend("/emails", None, &body(51)));
    assert_eq!(sim.log()[0]["recipients_count"], 50);
}

#[test]
fn the_same_key_and_body_replay_the_same_id_for_24_hours() {
    let mut sim = Sim::without_windows();
    let start = sim.now;
    let first = expect(200, sim.resend("/emails", Some("k"), RESEND));
    sim.now = start + 86_399_999;
    let again = expect(200, sim.resend("/emails", Some("k"), RESEND));
    assert_eq!(first, again);
    assert_eq!(sim.messages().len(), 1);
    let log = sim.log();
    assert_eq!((&log[0]["replayed"], &log[1]["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(log[1]["message_ids"], json!([first["id"]]));
    sim.now = start + 86_400_000;
    let later = expect(200, sim.resend("/emails", Some("k"), RESEND));
    assert_ne!(first, later);
    assert_eq!(sim.messages().len(), 2);
}

#[test]
fn the_same_key_with_another_body_is_a_conflict() {
    let mut sim = Sim::without_windows();
    expect(200, sim.resend("/emails", Some("k"), RESEND));
    let other = RESEND.replace("\"x\"", "\"y\"");
    let answer = expect(409, sim.resend("/emails", Some("k"), &other));
    assert_eq!(answer["name"], "invalid_idempotent_request");
    assert_eq!(sim.messages().len(), 1);
    let answer = expect(400, sim.resend("/emails", Some(&"k".repeat(257)), RESEND));
    assert_eq!(answer["name"], "invalid_idempotency_key");
}

#[test]
fn a_refused_call_does_not_use_up_its_key() {
    let mut sim = Sim::without_windows();
    expect(422, sim.resend("/emails", Some("k"), r#"{"from":"a@a.example"}"#));
    expect(200, sim.resend("/emails", Some("k"), RESEND));
}

#[test]
fn a_strict_batch_is_taken_whole_or_not_at_all() {
    let mut sim = Sim::without_windows();
    let good = format!("[{RESEND},{RESEND}]");
    let answer = expect(200, sim.resend("/emails/batch", None, &good));
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_ne!(answer["data"][0]["id"], answer["data"][1]["id"]);
    assert!(answer.get("errors").is_none());
    let bad = format!("[{RESEND},{{\"from\":\"a@a.example\"}}]");
    expect(422, sim.resend("/emails/batch", None, &bad));
    assert_eq!(sim.messages().len(), 2);
    expect(422, sim.resend("/emails/batch", None, "[]"));
    expect(422, sim.resend("/emails/batch", None, RESEND));
    let hundred_and_one = format!("[{}]", vec![RESEND; 101].join(","));
    expect(422, sim.resend("/emails/batch", None, &hundred_and_one));
    let file = RESEND.replace('}', r#","attachments":[{"filename":"a","content":""}]}"#);
    expect(422, sim.resend("/emails/batch", None, &format!("[{file}]")));
}

#[test]
fn a_permissive_batch_takes_the_good_ones_and_names_the_bad_by_index() {
    let mut sim = Sim::without_windows();
    let headers = [("Authorization", "Bearer re_test"), ("User-Agent", "test"), ("x-batch-validation", "permissive")];
    let body = format!("[{RESEND},{{\"from\":\"a@a.example\"}},{RESEND}]");
    let answer = expect(200, sim.ask("POST", "/sandbox/resend/emails/batch", &headers, body.as_bytes()));
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["index"], 1);
    assert_eq!(sim.messages().len(), 2);
    assert_eq!(sim.log()[0]["message_ids"].as_array().unwrap().len(), 2);
}

#[test]
fn the_daily_quota_counts_recipients_of_a_utc_day_and_its_header_tells_what_is_used() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"resend":{"windows":[],"daily_quota":3,"monthly_quota":4}}"#);
    let two = RESEND.replace("[\"ann@a.example\"]", "[\"ann@a.example\",\"bob@a.example\"]");
    let first = sim.resend("/emails", None, &two).unwrap();
    assert_eq!(first.header("x-resend-daily-quota"), Some("2"));
    assert_eq!(first.header("x-resend-monthly-quota"), Some("2"));
    let over = expect(429, sim.resend("/emails", None, &two));
    assert_eq!(over["name"], "daily_quota_exceeded");
    expect(200, sim.resend("/emails", None, RESEND));
    // 2026-12-02T00:00:00Z
    sim.now = common::START + 14 * 3_600_000;
    expect(200, sim.resend("/emails", None, RESEND));
    let over = expect(429, sim.resend("/emails", None, RESEND));
    assert_eq!(over["name"], "monthly_quota_exceeded");
    // 2027-01-01T00:00:00Z
    sim.now = common::START + 14 * 3_600_000 + 30 * 86_400_000;
    expect(200, sim.resend("/emails", None, RESEND));
}

#[test]
fn example_recipients_are_refused_only_when_that_is_set() {
    let mut sim = Sim::without_windows();
    let body = RESEND.replace("ann@a.example", "ann@Example.com");
    expect(200, sim.resend("/emails", None, &body));
    sim.put("/sandbox/settings", r#"{"resend":{"windows":[],"refuse_example_recipients":true}}"#);
    expect(422, sim.resend("/emails", None, &body));
    expect(200, sim.resend("/emails", None, RESEND));
}

#[test]
fn other_paths_and_methods_are_answered_as_resend_does() {
    let mut sim = Sim::without_windows();
    assert_eq!(expect(404, sim.resend("/other", None, "{}"))["name"], "not_found");
    let headers = [("Authorization", "Bearer re_test"), ("User-Agent", "test")];
    let answer = expect(405, sim.ask("PUT", "/sandbox/resend/emails", &headers, b""));
    assert_eq!(answer["name"], "method_not_allowed");
}

#[test]
fn the_usage_is_told() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"resend":{"windows":[{"limit":5,"period_ms":1000}],"daily_quota":100}}"#);
    expect(200, sim.resend("/emails", None, RESEND));
    let headers = [("Authorization", "Bearer re_x"), ("User-Agent", "x")];
    let usage = expect(200, sim.ask("GET", "/sandbox/resend/usage", &headers, b""));
    let daily = &usage["emails"]["daily"];
    assert_eq!((&daily["used"], &daily["limit"], &usage["rate_limit"]["limit"]), (&json!(1), &json!(100), &json!(5)));
    assert!(usage["emails"]["monthly"]["limit"].is_null());
}

#[test]
fn a_look_up_tells_the_fate_in_resend_s_words() {
    let headers = [("Authorization", "Bearer re_x"), ("User-Agent", "x")];
    for (fate, word) in [
        ("delivered", "delivered"),
        ("bounced", "bounced"),
        ("soft_bounced", "delivery_delayed"),
        ("complained", "complained"),
        ("suppressed", "suppressed"),
        ("autoresponded", "delivered"),
    ] {
        let mut sim = Sim::new();
        sim.put("/sandbox/settings", &json!({"resend": {"fates": [{"to": "@", "fate": fate}]}}).to_string());
        let id = expect(200, sim.resend("/emails", None, RESEND))["id"].as_str().unwrap().to_string();
        let shown = expect(200, sim.ask("GET", &format!("/sandbox/resend/emails/{id}"), &headers, b""));
        assert_eq!(shown["last_event"], word);
    }
}
