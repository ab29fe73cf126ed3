//! Two providers of one account, and calls of several messages, on real Durable Objects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, thread::sleep, time::Duration};

/// The sandbox provider first, the simulator's Resend second.
fn two_providers(account: &mut Value) {
    let mut second = account["providers"][0].clone();
    account["providers"][0]["name"] = json!("main");
    second["name"] = json!("second");
    second["kind"] = json!("resend");
    second["base_url"] = json!(second["base_url"].as_str().unwrap().replace("/sandbox/esp", "/sandbox/resend"));
    account["providers"].as_array_mut().unwrap().push(second);
    account["retry"] = json!({"base_ms": 200, "cap_ms": 1000});
}

fn crowd(n: usize) -> Vec<Value> {
    (0..n).map(|n| message(&format!("user{n}@example.com"))).collect()
}

/// How often each first recipient is in the inbox.
fn times(sendgate: &Running) -> BTreeMap<String, u32> {
    let mut times = BTreeMap::new();
    for taken in sendgate.inbox() {
        *times.entry(taken["to"].to_string()).or_default() += 1;
    }
    times
}

/// R059: the primary fails; everything leaves by the secondary, without waiting. It works again; it is used again.
#[test]
fn a_failing_primary_is_passed_by() {
    let sendgate = Running::start("sandbox", two_providers);
    sendgate.fault(&json!({"dialect": "esp", "fault": "server_error", "count": 1000}));
    let ids = sendgate.send_ok(&crowd(20));
    let traces = sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    assert!(traces.iter().all(|trace| trace["provider"] == "second"));
    assert_eq!(times(&sendgate).values().collect::<Vec<_>>(), vec![&1; 20]);
    let log = sendgate.log();
    let failed = log.iter().filter(|call| call["dialect"] == "esp").count();
    assert!((1..20).contains(&failed), "{failed} calls to a provider that fails");
    assert!(log.iter().filter(|call| call["dialect"] == "esp").all(|call| call["status"] == 500));

    assert_eq!(sendgate.call("DELETE", "/sandbox/faults", None, b"").status, 204);
    sleep(Duration::from_millis(1_100));
    let ids = sendgate.send_ok(&[message("ann@example.com")]);
    assert_eq!(sendgate.wait_for(&ids, &["sent"], Duration::from_secs(10))[0]["provider"], "main");
}

/// 3.4 of the design: a call that the primary took and never answered is repeated there, and nowhere else.
#[test]
fn an_unknown_outcome_is_not_failed_over() {
    let sendgate = Running::start("sandbox", two_providers);
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_after", "count": 1}));
    let ids = sendgate.send_ok(&crowd(5));
    let traces = sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    assert_eq!(traces.iter().filter(|trace| trace["attempts"] == 2).count(), 1);
    assert!(traces.iter().filter(|trace| trace["attempts"] == 2).all(|trace| trace["provider"] == "main"));
    assert_eq!(times(&sendgate).values().collect::<Vec<_>>(), vec![&1; 5]);
}

/// R113: a hundred messages are a few calls; the bad one fails alone.
#[test]
fn messages_share_calls_and_a_bad_one_fails_alone() {
    let sendgate = Running::start("sandbox", |account| account["batch"] = json!({"max_messages": 25}));
    let settings = json!({"esp": {"inactive": ["user7@example.com"]}}).to_string();
    assert_eq!(sendgate.call("PUT", "/sandbox/settings", None, settings.as_bytes()).status, 200);
    let ids = sendgate.send_ok(&crowd(100));
    let traces = sendgate.wait_for(&ids, &["sent", "suppressed"], Duration::from_secs(30));
    assert_eq!(traces.iter().filter(|trace| trace["status"] == "suppressed").count(), 1);
    assert_eq!(traces[7]["error"]["code"], "provider_suppressed");
    assert_eq!((times(&sendgate).len(), sendgate.log().len()), (99, 4));
}

/// Killed while calls of several are on their way: under their keys each is repeated as it was, and nothing is twice.
#[test]
fn a_kill_repeats_whole_calls() {
    let mut sendgate = Running::start("sandbox", |account| {
        account["batch"] = json!({"max_messages": 10});
        account["retry"] = json!({"base_ms": 100, "cap_ms": 500});
    });
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_after", "count": 1}));
    let ids = sendgate.send_ok(&crowd(60));
    let hanging = || sendgate.log().iter().any(|call| call["status"].is_null());
    assert!(
        (0..2_000).any(|_| hanging() || {
            sleep(Duration::from_millis(5));
            false
        }),
        "no call was left hanging"
    );
    sendgate.workerd.restart().unwrap();
    let traces = sendgate.wait_for(&ids, &["sent"], Duration::from_secs(60));
    let interrupted = traces.iter().filter(|trace| trace["trace"].to_string().contains("interrupted")).count();
    assert!(interrupted >= 10, "{interrupted}: the members of a call");
    assert_eq!(times(&sendgate).values().collect::<Vec<_>>(), vec![&1; 60]);
}
