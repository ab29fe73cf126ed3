//! Injected faults, and what the log says of them.
#![allow(clippy::unwrap_used, reason = "test code: a failure here is a failed test")]

mod common;

use common::{DIALECTS, ESP, POSTMARK, RESEND, Sim, expect};
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

#[test]
fn every_dialect_answers_every_fault_in_its_own_words() {
    // For each dialect: the fault, the status, where the word stands in the body or in a header, and the word.
    let cases = [
        ("sendgrid", "rate_limited", 429, "/errors/0/message", "too many requests"),
        ("sendgrid", "quota_exceeded", 401, "/errors/0/message", "Maximum credits exceeded"),
        ("sendgrid", "server_error", 500, "/errors/0/message", "internal server error"),
        ("sendgrid", "unauthorized", 401, "/errors/0/message", "The provided authorization grant is invalid"),
        ("sendgrid", "invalid", 400, "/errors/0/field", "personalizations.0.to"),
        (
            "mailgun",
            "rate_limited",
            429,
            "/message",
            "request limit exceeded, try again after Tue, 01 Dec 2026 10:00:01",
        ),
        ("mailgun", "quota_exceeded", 402, "/message", "the account's message limit"),
        ("mailgun", "server_error", 500, "/message", "Internal Server Error"),
        ("mailgun", "unauthorized", 401, "text", "Forbidden"),
        ("mailgun", "invalid", 400, "/message", "'to' parameter"),
        ("ses", "rate_limited", 429, "x-amzn-errortype", "TooManyRequestsException"),
        ("ses", "quota_exceeded", 429, "/message", "Daily message quota exceeded."),
        ("ses", "server_error", 500, "x-amzn-errortype", "InternalServiceErrorException"),
        ("ses", "unauthorized", 403, "x-amzn-errortype", "UnrecognizedClientException"),
        ("ses", "invalid", 400, "x-amzn-errortype", "MessageRejected"),
        ("cloudflare", "rate_limited", 429, "/errors/0/message", "email.sending.error.throttled"),
        ("cloudflare", "quota_exceeded", 429, "/errors/0/message", "email.sending.error.throttled.daily_limit"),
        ("cloudflare", "server_error", 500, "/errors/0/message", "email.sending.error.internal_server"),
        ("cloudflare", "unauthorized", 401, "/errors/0/message", "email.sending.error.authentication.unauthorized"),
        ("cloudflare", "invalid", 400, "/errors/0/message", "email.sending.error.email.invalid"),
        (
            "cloudflare",
            "inactive_recipient",
            400,
            "/errors/0/message",
            "email.sending.error.email.recipient_suppressed",
        ),
        ("brevo", "rate_limited", 429, "/code", "too_many_requests"),
        ("brevo", "quota_exceeded", 402, "/code", "not_enough_credits"),
        ("brevo", "server_error", 500, "/code", "internal_error"),
        ("brevo", "unauthorized", 401, "/code", "unauthorized"),
        ("brevo", "invalid", 400, "/code", "invalid_parameter"),
        ("mailersend", "rate_limited", 429, "/message", "Too Many Attempts. #MS42901"),
        ("mailersend", "quota_exceeded", 429, "/message", "The daily quota is spent. #MS42903"),
        ("mailersend", "server_error", 500, "/message", "Server Error"),
        ("mailersend", "unauthorized", 401, "/message", "Unauthenticated."),
        ("mailersend", "invalid", 422, "/errors/to.0.email/0", "The to.0.email field"),
        ("mailtrap", "rate_limited", 429, "/errors/0", "too many requests"),
        ("mailtrap", "quota_exceeded", 429, "/errors/0", "the sending limit is reached"),
        ("mailtrap", "server_error", 500, "/errors/0", "internal server error"),
        ("mailtrap", "unauthorized", 401, "/errors/0", "Unauthorized"),
        ("mailtrap", "invalid", 400, "/errors/0", "'to'"),
        ("sparkpost", "rate_limited", 429, "/errors/0/message", "Too many requests"),
        ("sparkpost", "quota_exceeded", 420, "/errors/0/message", "Exceed Sending Limit"),
        ("sparkpost", "server_error", 500, "/errors/0/message", "internal server error"),
        ("sparkpost", "unauthorized", 401, "/errors/0/message", "Unauthorized."),
        ("sparkpost", "invalid", 422, "/errors/0/message", "invalid data format/type"),
    ];
    for (dialect, fault, status, place, word) in cases {
        let mut sim = Sim::new();
        sim.fault(&format!(r#"{{"dialect":"{dialect}","fault":"{fault}"}}"#));
        let answer = sim.send(dialect).unwrap();
        assert_eq!(answer.status, status, "{dialect} {fault}");
        let body = String::from_utf8(answer.body.clone()).unwrap();
        let told = match answer.header(place) {
            Some(value) => value.to_string(),
            None if place == "text" => body,
            None => {
                let body: Value = serde_json::from_str(&body).unwrap();
                body.pointer(place).unwrap().as_str().unwrap().to_string()
            }
        };
        assert!(told.starts_with(word), "{dialect} {fault}: {told}");
        assert_eq!(sim.log()[0]["fault"], fault);
        assert!((200..203).contains(&sim.send(dialect).unwrap().status), "{dialect} {fault}");
        assert_eq!(sim.messages().len(), 1, "{dialect} {fault}");
    }
}

#[test]
fn every_dialect_can_stay_silent_before_and_after_it_stored() {
    for (dialect, _) in DIALECTS {
        let mut sim = Sim::new();
        sim.fault(&format!(r#"{{"dialect":"{dialect}","fault":"timeout_before"}}"#));
        assert!(sim.send(dialect).is_none(), "{dialect}");
        assert_eq!(sim.messages().len(), 0, "{dialect}");
        sim.fault(&format!(r#"{{"dialect":"{dialect}","fault":"timeout_after"}}"#));
        assert!(sim.send(dialect).is_none(), "{dialect}");
        assert_eq!(sim.messages().len(), 1, "{dialect}");
    }
}

/// The statuses of `calls` calls under a chance of 300 in 1000.
fn struck(seed: u64, calls: usize) -> Vec<u16> {
    let mut sim = Sim::new();
    sim.fault(&format!(r#"{{"dialect":"esp","fault":"server_error","chance_per_mille":300,"seed":{seed}}}"#));
    (0..calls).map(|_| sim.esp(None, ESP).unwrap().status).collect()
}

#[test]
fn a_chance_strikes_as_often_as_it_says_and_the_same_for_the_same_seed() {
    let first = struck(7, 1_000);
    assert_eq!(first, struck(7, 1_000));
    assert_ne!(first, struck(8, 1_000));
    let hits = first.iter().filter(|status| **status == 500).count();
    // Four standard deviations of a binomial of 1000 and 0.3 around 300.
    assert!((242..=358).contains(&hits), "{hits}");
}

#[test]
fn a_chance_ends_after_its_count_and_lets_others_through_when_it_misses() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"esp","fault":"server_error","chance_per_mille":1000,"seed":1,"count":2}"#);
    let shown = sim.get("/sandbox/faults")["faults"][0].clone();
    assert_eq!((&shown["chance_per_mille"], &shown["seed"], &shown["count"]), (&json!(1000), &json!(1), &json!(2)));
    let statuses: Vec<_> = (0..3).map(|_| sim.esp(None, ESP).unwrap().status).collect();
    assert_eq!(statuses, [500, 500, 200]);
    sim.fault(r#"{"dialect":"esp","fault":"server_error","chance_per_mille":1,"seed":2}"#);
    sim.fault(r#"{"dialect":"esp","fault":"rate_limited","count":5}"#);
    let statuses: Vec<_> = (0..5).map(|_| sim.esp(None, ESP).unwrap().status).collect();
    assert!(statuses.contains(&429), "a chance of one in a thousand does not hide the next fault");
    assert_eq!(sim.ask("DELETE", "/sandbox/faults", &[], b"").unwrap().status, 204);
    sim.fault(r#"{"dialect":"esp","fault":"server_error"}"#);
    assert_eq!(sim.get("/sandbox/faults")["faults"][0]["chance_per_mille"], Value::Null);
}

#[test]
fn an_answer_can_be_written_out() {
    let mut sim = Sim::new();
    sim.fault(
        r#"{"dialect":"resend","fault":"answer","status":409,"headers":{"Retry-After":"3","X-A":"1"},
            "body":{"statusCode":409,"name":"concurrent_idempotent_requests","message":"m"}}"#,
    );
    let answer = sim.resend("/emails", None, RESEND).unwrap();
    assert_eq!((answer.status, answer.header("x-a"), answer.header("retry-after")), (409, Some("1"), Some("3")));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(expect(409, Some(answer))["name"], "concurrent_idempotent_requests");
    assert_eq!((&sim.log()[0]["fault"], &sim.log()[0]["retry_after"]), (&json!("answer"), &json!(3)));
    sim.fault(
        r#"{"dialect":"mailgun","fault":"answer","status":502,"body":"<html>","headers":{"Content-Type":"text/html"}}"#,
    );
    let answer = sim.send("mailgun").unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (502, &b"<html>"[..]));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    sim.fault(r#"{"dialect":"ses","fault":"answer","status":503}"#);
    let answer = sim.send("ses").unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (503, 0, None));
    assert_eq!(sim.messages().len(), 0);
    for (body, field) in [
        (r#"{"dialect":"esp","fault":"answer"}"#, "status"),
        (r#"{"dialect":"esp","fault":"answer","status":99}"#, "status"),
        (r#"{"dialect":"esp","fault":"answer","status":500,"headers":{"A":"b\r\nC: d"}}"#, "headers.A"),
        (r#"{"dialect":"esp","fault":"invalid","body":"x"}"#, "body"),
    ] {
        assert_eq!(expect(422, sim.ask("POST", "/sandbox/faults", &[], body.as_bytes()))["field"], field, "{body}");
    }
}
