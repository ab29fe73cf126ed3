//! Injected faults, and what the log says of them.

mod common;

use common::{ESP, POSTMARK, RESEND, Sim, expect};
use serde_json::{Value, json};

#[test]
fn a_fault_skips_then_hits_then_is_gone() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"esp","fault":"server_error","count":2,"after":1}"#);
    assert_eq!(sim.get("/sandbox/faults")["faults"][0]["count"], 2);
    let statuses: Vec<_> = (0..4).map(|_| sim.esp(None, ESP).unwrap().status).collect();
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(sim.get("/sandbox/faults")["faults"], json!([]));
    let faults: Vec<Value> = sim.log().iter().map(|call| call["fault"].clone()).collect();
    assert_eq!(faults, [Value::Null, "server_error".into(), "server_error".into(), Value::Null]);
    assert_eq!(sim.messages().len(), 2);
}

#[test]
fn every_fault_speaks_the_provider_s_words() {
    let cases = [
        ("resend", "rate_limited", 429, "name", json!("rate_limit_exceeded")),
        ("resend", "quota_exceeded", 429, "name", json!("daily_quota_exceeded")),
        ("resend", "server_error", 500, "name", json!("internal_server_error")),
        ("resend", "unauthorized", 403, "name", json!("invalid_api_key")),
        ("resend", "invalid", 422, "name", json!("invalid_parameter")),
        ("postmark", "rate_limited", 429, "ErrorCode", json!(429)),
        ("postmark", "quota_exceeded", 422, "ErrorCode", json!(405)),
        ("postmark", "server_error", 500, "ErrorCode", json!(100)),
        ("postmark", "unauthorized", 401, "ErrorCode", json!(10)),
        ("postmark", "invalid", 422, "ErrorCode", json!(300)),
        ("postmark", "inactive_recipient", 422, "ErrorCode", json!(406)),
        ("esp", "rate_limited", 429, "code", json!("rate_limited")),
        ("esp", "quota_exceeded", 429, "code", json!("quota_exceeded")),
        ("esp", "server_error", 500, "code", json!("server_error")),
        ("esp", "unauthorized", 401, "code", json!("unauthorized")),
        ("esp", "invalid", 422, "code", json!("invalid_message")),
        ("esp", "inactive_recipient", 422, "code", json!("recipient_suppressed")),
    ];
    for (dialect, fault, status, field, word) in cases {
        let mut sim = Sim::new();
        sim.fault(&format!(r#"{{"dialect":"{dialect}","fault":"{fault}"}}"#));
        let mut send = || match dialect {
            "resend" => sim.resend("/emails", None, RESEND),
            "postmark" => sim.postmark("/email", POSTMARK),
            _ => sim.esp(None, ESP),
        };
        assert_eq!(expect(status, send())[field], word, "{dialect} {fault}");
        expect(200, send());
        assert_eq!(sim.messages().len(), 1, "{dialect} {fault}");
    }
}

#[test]
fn a_retry_after_is_the_one_asked_for() {
    let mut sim = Sim::new();
    for (dialect, fault) in [("esp", "rate_limited"), ("esp", "server_error"), ("esp", "quota_exceeded")] {
        sim.fault(&format!(r#"{{"dialect":"{dialect}","fault":"{fault}","retry_after_seconds":17}}"#));
        assert_eq!(sim.esp(None, ESP).unwrap().header("retry-after"), Some("17"));
        assert_eq!(sim.log().last().unwrap()["retry_after"], 17);
    }
    sim.fault(r#"{"dialect":"resend","fault":"rate_limited"}"#);
    assert_eq!(sim.resend("/emails", None, RESEND).unwrap().header("retry-after"), Some("1"));
}

#[test]
fn a_timeout_before_stores_nothing_and_a_timeout_after_stores_the_message() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"resend","fault":"timeout_before"}"#);
    sim.fault(r#"{"dialect":"resend","fault":"timeout_after"}"#);
    assert!(sim.resend("/emails", Some("a"), RESEND).is_none());
    assert_eq!(sim.messages().len(), 0);
    assert!(sim.resend("/emails", Some("b"), RESEND).is_none());
    assert_eq!(sim.messages().len(), 1);
    let answer = expect(200, sim.resend("/emails", Some("b"), RESEND));
    assert_eq!(sim.messages().len(), 1, "the key finds the message of the call that was never answered");
    assert_eq!(sim.messages()[0]["id"], answer["id"]);
    let log = sim.log();
    assert_eq!((&log[0]["status"], &log[0]["message_ids"]), (&Value::Null, &json!([])));
    assert_eq!((&log[1]["status"], &log[1]["message_ids"]), (&Value::Null, &json!([answer["id"]])));
    assert_eq!((&log[1]["fault"], &log[2]["replayed"]), (&json!("timeout_after"), &json!(true)));
}

#[test]
fn a_fault_for_a_recipient_leaves_others_alone() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"esp","fault":"invalid","to":"BOB@"}"#);
    expect(200, sim.esp(None, ESP));
    expect(422, sim.esp(None, &ESP.replace("ann@", "bob@")));
    expect(200, sim.esp(None, &ESP.replace("ann@", "bob@")));
}

#[test]
fn one_inactive_recipient_of_a_postmark_batch_fails_its_message_only() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"postmark","fault":"inactive_recipient","to":"bob@"}"#);
    let bob = POSTMARK.replace("ann@", "bob@");
    let answer = expect(200, sim.postmark("/email/batch", &format!("[{POSTMARK},{bob}]")));
    assert_eq!((&answer[0]["ErrorCode"], &answer[1]["ErrorCode"]), (&json!(0), &json!(406)));
}

#[test]
fn an_over_window_call_meets_no_fault() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"windows":[{"limit":1,"period_ms":1000}]}}"#);
    expect(200, sim.esp(None, ESP));
    sim.fault(r#"{"dialect":"esp","fault":"server_error"}"#);
    expect(429, sim.esp(None, ESP));
    sim.now += 1_000;
    expect(500, sim.esp(None, ESP));
}

#[test]
fn a_bad_order_names_its_field() {
    let mut sim = Sim::new();
    let cases = [
        (r#"{"fault":"invalid"}"#, "dialect"),
        (r#"{"dialect":"esp","fault":"odd"}"#, "fault"),
        (r#"{"dialect":"esp","fault":"invalid","seed":1}"#, "seed"),
        (r#"{"dialect":"esp","fault":"invalid","chance_per_mille":0}"#, "chance_per_mille"),
        (r#"{"dialect":"esp","fault":"invalid","chance_per_mille":1001}"#, "chance_per_mille"),
        (r#"{"dialect":"esp","fault":"invalid","count":0}"#, "count"),
        (r#"{"dialect":"esp","fault":"invalid","after":-1}"#, "after"),
        (r#"{"dialect":"esp","fault":"invalid","to":""}"#, "to"),
        (r#"{"dialect":"esp","fault":"invalid","retry_after_seconds":1.5}"#, "retry_after_seconds"),
        (r#"{"dialect":"esp","fault":"invalid","times":3}"#, "times"),
    ];
    for (body, field) in cases {
        let response = sim.ask("POST", "/sandbox/faults", &[], body.as_bytes()).unwrap();
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        let problem = expect(422, Some(response));
        assert_eq!((&problem["field"], &problem["code"]), (&json!(field), &json!("invalid_field")), "{body}");
    }
    assert_eq!(expect(400, sim.ask("POST", "/sandbox/faults", &[], b"x"))["code"], "invalid_json");
    sim.fault(r#"{"dialect":"esp","fault":"invalid"}"#);
    assert_eq!(sim.ask("DELETE", "/sandbox/faults", &[], b"").unwrap().status, 204);
    assert_eq!(sim.get("/sandbox/faults")["faults"], json!([]));
}
