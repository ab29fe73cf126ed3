//! The examples of documents 001, 002 and 003, and of the APIs that are spoken beside them, byte for byte: bodies,
//! statuses and header fields of refusals, from a request to the answer.
//!
//! The documents' figures are in the rows that each test names. Where a document shows a sentence of its own, the field is
//! the document's and the sentence is ours (C19: the window is named, and its wait).
//!
//! A window keeps its promise by sub-buckets: what was used comes back when the sub-bucket of its use ends. The clocks
//! here are set so that this is the document's instant.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod host;

use host::{Host, config_with, key_of, message, text, window};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use sendgate_embed::Database;
use serde_json::{Value, json};

fn host_at(milliseconds: u64, change: impl FnOnce(&mut Value)) -> Host {
    Host::of(Database::in_memory().unwrap(), &config_with(change), UnixMillis::new(milliseconds))
}

fn ask(host: &mut Host) -> HttpResponse {
    host.request(&key_of("k1"), "GET", "/v1/limits", b"")
}

/// The header fields of these names, as they are.
fn fields<'a>(response: &'a HttpResponse, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    let wanted = response.headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    wanted.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const LIMIT_FIELDS: [&str; 5] =
    ["content-type", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];

/// Document 001's example, R093 and R094, with C18 (Reset is an instant in Unix seconds) and C19 (Limit is the binding
/// window's): `Retry-After: 60`, `X-RateLimit-Limit: 100`, `-Remaining: 0`, `-Reset: 1640000000`, and the flat body.
#[test]
fn document_001s_refusal() {
    let mut host = host_at(1_639_999_936_000, |account| {
        account["key_windows"] = window("key-minute", 100, 60_000);
        account["error_shape"] = json!("flat");
    });
    for _ in 0..100 {
        assert_eq!(ask(&mut host).status, 200);
    }
    host.now = UnixMillis::new(1_639_999_940_000);
    let refused = ask(&mut host);
    assert_eq!(refused.status, 429);
    let wanted = [
        ("content-type", "application/json"),
        ("x-ratelimit-limit", "100"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1640000000"),
        ("retry-after", "60"),
    ];
    assert_eq!(fields(&refused, &LIMIT_FIELDS), wanted);
    let body = r#"{"error":"rate_limit_exceeded","message":"the window key-minute is full; try again in 60 s"}"#;
    assert_eq!(text(&refused), body);
}

/// Document 003's example, R241 and R242: limit 60, remaining 0, `Retry-After: 45`; the message of the nested body repeats
/// the seconds. A window of a minute ends in steps of 4 s, so Reset is a second beside the example's 1699999999, which
/// `rate_headers` prints in a test of its own.
#[test]
fn document_003s_refusal() {
    let mut host = host_at(1_699_999_939_000, |account| {
        account["key_windows"] = window("key-minute", 60, 60_000);
        account["error_shape"] = json!("nested");
    });
    for _ in 0..60 {
        assert_eq!(ask(&mut host).status, 200);
    }
    host.now = UnixMillis::new(1_699_999_955_000);
    let refused = ask(&mut host);
    let wanted = [
        ("content-type", "application/json"),
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1700000000"),
        ("retry-after", "45"),
    ];
    assert_eq!((refused.status, fields(&refused, &LIMIT_FIELDS)), (429, wanted.to_vec()));
    let body = r#"{"error":{"code":"RATE_LIMITED","message":"the window key-minute is full; try again in 45 s"}}"#;
    assert_eq!(text(&refused), body);
}

/// Document 003's codes, C01 and C20: a quota is `QUOTA_EXCEEDED` there, and the status stays 429 as document 002 says.
#[test]
fn document_003s_quota() {
    let mut host = host_at(1_699_999_939_000, |account| {
        account["quotas"] = json!([{"period": "day", "limit": 1}]);
        account["error_shape"] = json!("nested");
    });
    let two = json!({"messages": [message("ann@example.com"), message("bob@example.com")]});
    assert_eq!(host.send(&json!({"messages": [message("ann@example.com")]})).status, 202);
    let refused = host.send(&json!({"messages": [message("bob@example.com")]}));
    let body = r#"{"error":{"code":"QUOTA_EXCEEDED","message":"0 recipients are free in the period; nothing of the request was accepted"}}"#;
    assert_eq!((refused.status, text(&refused).as_str()), (429, body));
    let too_large = host.send(&two);
    assert_eq!(too_large.status, 429);
    assert_eq!(fields(&too_large, &["retry-after"]), [], "R199: no waiting makes room for it");
}

/// C01, the shape of the system behind document 002: every field of it, in its order, for a refusal of each kind.
#[test]
fn document_002s_refusals() {
    let mut host = host_at(1_699_999_939_000, |account| {
        account["key_windows"] = window("key-minute", 1, 60_000);
        account["error_shape"] = json!("qboxmail");
    });
    let not_found = host.request(&key_of("k1"), "GET", "/v1/messages/none", b"");
    let id = not_found.header("x-request-id").unwrap().to_string();
    let body = format!(
        r#"{{"error_code":"not_found","message":"the account has no message of this id","error":"There is nothing here","request_id":"{id}"}}"#
    );
    assert_eq!((not_found.status, text(&not_found)), (404, body));
    assert_eq!(fields(&not_found, &["content-type", "retry-after"]), [("content-type", "application/json")]);
    let limited = ask(&mut host);
    let id = limited.header("x-request-id").unwrap().to_string();
    let body = format!(
        r#"{{"error_code":"rate_limit_exceeded","message":"the window key-minute is full; try again in 60 s","error":"Too many requests","request_id":"{id}"}}"#
    );
    assert_eq!((limited.status, text(&limited)), (429, body));
}

/// Document 002's summary, R210: these fields in this order; checked is accepted and suppressed, and who is suppressed is
/// named.
#[test]
fn document_002s_summary() {
    let mut host = Host::new();
    let entry = json!({"email": "gone@example.com", "reason": "hard_bounce"}).to_string();
    assert!(host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.as_bytes()).status < 300);
    let mut both = message("ann@example.com");
    both["cc"] = json!("gone@example.com");
    let accepted = host.send(&json!({"messages": [both]}));
    let summary = concat!(
        r#""suppression_summary":{"status":"checked","checked_recipients":2,"accepted_recipients":1,"#,
        r#""suppressed_recipients":1,"suppressed_emails":["gone@example.com"]}}"#
    );
    assert!(text(&accepted).ends_with(summary), "{}", text(&accepted));
}

/// The account's own shape of errors has no say where another API is spoken; its figures are in the same header fields.
#[test]
fn other_apis_refusals() {
    for shape in ["problem", "flat", "nested", "qboxmail"] {
        let mut host = host_at(1_639_999_940_000, |account| {
            account["key_windows"] = window("key-minute", 1, 60_000);
            account["error_shape"] = json!(shape);
        });
        assert_eq!(ask(&mut host).status, 200);
        let authorization = format!("Bearer {}", key_of("k1"));
        let resend = host.request_as("POST", "/emails", &[("authorization", &authorization)], b"{}");
        let body = r#"{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests: the window key-minute is full; try again in 60 s"}"#;
        assert_eq!((resend.status, text(&resend).as_str()), (429, body));
        let wanted = [
            ("content-type", "application/json"),
            ("x-ratelimit-limit", "1"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1640000000"),
            ("retry-after", "60"),
        ];
        assert_eq!(fields(&resend, &LIMIT_FIELDS), wanted);
        let postmark = host.request_as("POST", "/email", &[("x-postmark-server-token", &key_of("k1"))], b"{}");
        let body =
            r#"{"ErrorCode":429,"Message":"Too many requests: the window key-minute is full; try again in 60 s"}"#;
        assert_eq!((postmark.status, text(&postmark).as_str()), (429, body));
        assert_eq!(fields(&postmark, &LIMIT_FIELDS), wanted);
    }
}
