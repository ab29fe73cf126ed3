//! What is read through the Worker: entity tags, usage, and the question what would become of a request.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::json;

/// R247: 304 without a body where nothing has changed; it counts as a request.
#[test]
fn what_has_not_changed_is_not_sent_again() {
    let sendgate = Running::start("sandbox", |_| {});
    let entry = br#"{"email": "gone@example.com"}"#;
    assert_eq!(sendgate.call("POST", "/v1/suppressions", Some(&key_of("shop")), entry).status, 200);
    let path = "/v1/suppressions";
    let first = sendgate.get(path);
    let tag = first.header("etag").unwrap().to_owned();
    let authorization = ("authorization", format!("Bearer {}", key_of("shop")));
    let again = sendgate.call_with("GET", path, &[authorization.clone(), ("if-none-match", tag.clone())], b"");
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));
    assert_eq!(again.header("cache-control"), Some("private, no-cache"));
    let remaining = |answer: &Answer| answer.header("x-ratelimit-remaining").unwrap().parse::<u64>().unwrap();
    assert!(remaining(&again) < remaining(&first), "it counts");
    assert_eq!(sendgate.call("DELETE", "/v1/suppressions/gone@example.com", Some(&key_of("shop")), b"").status, 204);
    let changed = sendgate.call_with("GET", path, &[authorization, ("if-none-match", tag)], b"");
    assert_eq!(changed.status, 200);
}

/// R228: accepted without released; and the question before the send says what the send then meets.
#[test]
fn usage_and_the_question_before_a_send() {
    let sendgate = Running::start("sandbox", |account| account["quotas"] = json!([{"period": "day", "limit": 2}]));
    let ask = |question: serde_json::Value| {
        let answer = sendgate.call("POST", "/v1/limits/check", Some(&key_of("shop")), question.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let both = [message("ann@example.com"), message("bob@example.com")];
    assert_eq!(ask(json!({ "messages": both }))["decision"], "allow");
    sendgate.send_ok(&both);
    let said = ask(json!({"messages": 1}));
    assert_eq!((&said["decision"], &said["code"]), (&json!("defer"), &json!("quota_daily")));
    assert_eq!(sendgate.send(&both[..1]).code(), "quota_daily");
    assert_eq!(ask(json!({"messages": 3}))["decision"], "reject", "more than a whole day's");
    assert_eq!(ask(json!({"cdn_delete": 101}))["code"], "too_many_assets");
    let usage = sendgate.get("/v1/usage").json();
    assert_eq!((&usage["usage"][0]["accepted"], &usage["usage"][0]["billable"]), (&json!(2), &json!(2)));
}
