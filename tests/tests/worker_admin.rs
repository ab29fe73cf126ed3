//! The admin API on workerd: an account from its making to its closing, and what a kill leaves of a change.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account `made` with a sealed credential for the simulator; returns its key.
fn make(sendgate: &Running, timeout_ms: u32) -> String {
    let config = json!({
        "plan": "hobby",
        "key_windows": [{"kind": "sliding", "name": "key-second", "limit": 1000, "period_ms": 1000}],
        "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 100_000, "period_ms": 60000}],
        "quotas": [{"period": "day", "limit": 50000}],
        "providers": [{
            "name": "simulator",
            "kind": "sandbox",
            "base_url": format!("{}/sandbox/esp", sendgate.workerd.base_url()),
            "credential_value": "re_made-by-an-operator",
            "webhook": {"secret_value": "the-webhooks-secret"},
            "timeout_ms": timeout_ms
        }]
    });
    let made = sendgate.admin("POST", "/accounts", &json!({"name": "made", "config": config}));
    assert_eq!((made.status, &made.json()["in_force"]), (201, &json!(true)), "{}", made.body);
    key(sendgate, &json!({"id": "k1", "scopes": ["send", "read"]}))
}

fn key(sendgate: &Running, wanted: &Value) -> String {
    let made = sendgate.admin("POST", "/accounts/made/keys", wanted);
    assert_eq!((made.status, &made.json()["in_force"]), (201, &json!(true)), "{}", made.body);
    made.json()["key"].as_str().unwrap().into()
}

fn send(sendgate: &Running, key: &str, to: &str) -> Answer {
    sendgate.call("POST", "/v1/send", Some(key), json!({"messages": [message(to)]}).to_string().as_bytes())
}

fn set_status(sendgate: &Running, status: &str) {
    let answer = sendgate.admin("PATCH", "/accounts/made", &json!({"config": {"status": status}}));
    assert_eq!((answer.status, &answer.json()["in_force"]), (200, &json!(true)), "{}", answer.body);
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(50));
    }
}

/// R035, R185, R195: made, sent through, suspended with its mail held, resumed, its key rotated and revoked, closed.
#[test]
fn an_account_lives_as_its_operator_says() {
    let sendgate = Running::start("sandbox", |_| {});
    let stranger = sendgate_core::key::issue(SECRET, "made", "k1", [1; 16]).unwrap();
    let early = send(&sendgate, &stranger, "ann@example.com");
    assert_eq!((early.status, early.code().as_str()), (403, "delivery_account_missing"));
    let key = make(&sendgate, 2_000);
    assert_eq!(send(&sendgate, &key, "ann@example.com").status, 202);
    until("the mail arrives", || sendgate.inbox().len() == 1);

    // What was accepted and cannot leave yet is held, and leaves when the account is resumed.
    sendgate.fault(&json!({"dialect": "esp", "fault": "rate_limited", "count": 1, "retry_after_seconds": 3}));
    assert_eq!(send(&sendgate, &key, "bob@example.com").status, 202);
    until("the provider refused it for now", || sendgate.log().len() == 2);
    set_status(&sendgate, "suspended");
    let refused = send(&sendgate, &key, "eve@example.com");
    assert_eq!((refused.status, refused.code().as_str()), (403, "account_suspended"));
    sleep(Duration::from_secs(4));
    assert_eq!(sendgate.log().len(), 2, "no call while it is suspended");
    set_status(&sendgate, "active");
    until("the held mail arrives", || sendgate.inbox().len() == 2);

    let rotated = sendgate.admin("POST", "/accounts/made/keys/k1/rotate", &json!({"id": "k2"}));
    let new = rotated.json()["key"].as_str().unwrap().to_string();
    assert_eq!([&key, &new].map(|key| send(&sendgate, key, "ann@example.com").status), [202, 202]);
    assert_eq!(sendgate.admin("DELETE", "/accounts/made/keys/k1", &Value::Null).status, 200);
    let revoked = send(&sendgate, &key, "ann@example.com");
    assert_eq!((revoked.status, revoked.code().as_str()), (401, "key_revoked"));
    assert_eq!(send(&sendgate, &new, "ann@example.com").status, 202);

    // The other accounts of the deployment are as they were.
    assert_eq!(sendgate.send(&[message("ann@example.com")]).status, 202);
    assert_eq!(sendgate.admin("DELETE", "/accounts/made", &Value::Null).status, 200);
    assert_eq!(send(&sendgate, &new, "ann@example.com").code(), "delivery_account_missing");
    let audit = sendgate.admin("GET", "/audit", &Value::Null);
    assert_eq!(audit.json()["audit"].as_array().unwrap().len(), 7, "{}", audit.body);
    assert!(![&key, &new, "re_made-by-an-operator"].iter().any(|secret| audit.body.contains(*secret)));
    assert_eq!(sendgate.admin("GET", "/audit/verify", &Value::Null).json()["result"], "whole");
}

/// A report finds the account by the path that the admin API shows, and nobody by another.
#[test]
fn a_made_account_takes_reports() {
    let sendgate = Running::start("sandbox", |_| {});
    make(&sendgate, 2_000);
    let provider = sendgate.admin("GET", "/accounts/made/providers/simulator", &Value::Null).json();
    let path = provider["reports"].as_str().unwrap();
    let unsigned = sendgate.call("POST", path, None, b"{}");
    assert_eq!((unsigned.status, unsigned.code().as_str()), (401, "invalid_signature"), "its object has judged it");
    let guessed = sendgate.call("POST", "/v1/webhooks/simulator/made", None, b"{}");
    assert_eq!((guessed.status, guessed.code().as_str()), (404, "not_found"));
}

/// A kill between a change and the answer to its push, and right after any answer: what was written arrives.
#[test]
fn a_kill_loses_no_change() {
    let mut sendgate = Running::start("sandbox", |_| {});
    let key = make(&sendgate, 10_000);
    // The object waits for the call under way before it takes a configuration; there the process ends.
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_after", "count": 1}));
    assert_eq!(send(&sendgate, &key, "ann@example.com").status, 202);
    until("the call is under way", || !sendgate.log().is_empty() || !sendgate.inbox().is_empty());
    let revision = sendgate.admin("GET", "/accounts/made", &Value::Null).json()["revision"].as_u64().unwrap();
    let url = sendgate.workerd.base_url();
    let change = std::thread::spawn(move || {
        let patch = json!({"config": {"status": "suspended"}}).to_string();
        // The process is killed before it can answer.
        let _ = ureq::patch(format!("{url}/v1/admin/accounts/made"))
            .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
            .send(patch.as_bytes());
    });
    until("the change is written", || {
        let account = sendgate.admin("GET", "/accounts/made", &Value::Null).json();
        account["revision"].as_u64().unwrap() > revision
    });
    let account = sendgate.admin("GET", "/accounts/made", &Value::Null).json();
    assert_eq!(account["in_force"], json!(false), "the object has not taken it yet");
    sendgate.workerd.restart().unwrap();
    change.join().unwrap();
    until("the change is in force", || {
        sendgate.admin("GET", "/accounts/made", &Value::Null).json()["in_force"] == json!(true)
    });
    assert_eq!(send(&sendgate, &key, "ann@example.com").code(), "account_suspended");
    // What was answered as in force is so after a kill, too.
    set_status(&sendgate, "active");
    sendgate.workerd.restart().unwrap();
    assert_eq!(send(&sendgate, &key, "ann@example.com").status, 202);
}

/// Off without its token, and shut to keys that send.
#[test]
fn the_admin_api_is_the_operators_alone() {
    let sendgate = Running::start("sandbox", |_| {});
    let with_key = sendgate.call("GET", "/v1/admin/accounts", Some(&key_of("shop")), b"");
    assert_eq!((with_key.status, with_key.code().as_str()), (401, "invalid_admin_token"));
    let large = vec![b' '; 262_145];
    let answer = sendgate.call("POST", "/v1/admin/accounts", Some(ADMIN_TOKEN), &large);
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let off = Running::start_with(
        "sandbox",
        |_| {},
        |mut settings| {
            settings.bindings.retain(|(name, _)| name != "SENDGATE_ADMIN_TOKEN");
            settings
        },
    );
    let answer = off.admin("GET", "/accounts", &Value::Null);
    assert_eq!((answer.status, answer.code().as_str()), (403, "admin_disabled"));
}
