//! The pump of an account's object, on real alarms: what is due leaves, whatever else goes on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use sendgate_core::time::UnixMillis;
use serde_json::json;
use std::{
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// One answer that never comes takes one of six places, and holds up nothing else.
#[test]
fn a_silent_provider_call_holds_up_no_other_message() {
    let sendgate = Running::start("sandbox", |account| account["providers"][0]["timeout_ms"] = json!(15_000));
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_before", "count": 1, "to": "silent@"}));
    let silent = sendgate.send_ok(&[message("silent@example.com")]).remove(0);
    for _ in 0..20 {
        let ids = sendgate.send_ok(&[message("ann@example.com")]);
        sendgate.wait_for(&ids, &["sent"], Duration::from_secs(10));
    }
    assert_eq!(sendgate.trace(&silent)["status"], "sending");
}

#[test]
fn at_most_six_requests_are_in_flight() {
    let sendgate = Running::start("sandbox", |account| account["providers"][0]["timeout_ms"] = json!(15_000));
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_before", "count": 10}));
    sendgate.send_ok(&vec![message("ann@example.com"); 10]);
    wait(|| sendgate.log().len() == 6);
    sleep(Duration::from_secs(1));
    assert_eq!(sendgate.log().len(), 6, "the seventh waits for a place");
}

/// The alarm is in the store: nobody has to ask the object anything.
#[test]
fn a_message_for_later_leaves_by_itself_after_a_kill_and_not_before_its_time() {
    let mut sendgate = Running::start("sandbox", |_| {});
    let send_at = UnixMillis::new(now_ms()).plus(4_000);
    let mut later = message("ann@example.com");
    later["send_at"] = json!(send_at.to_string());
    sendgate.send_ok(&[later]);
    sendgate.workerd.restart().unwrap();
    wait(|| !sendgate.log().is_empty());
    let at = sendgate.log()[0]["at_ms"].as_u64().unwrap();
    assert!(at >= send_at.as_millis(), "left {} ms early", send_at.as_millis() - at);
}

/// Killed while the provider is silent: the safety alarm opens the account, which finds the attempt and, under the
/// provider's idempotency key, repeats it.
#[test]
fn an_attempt_that_a_kill_interrupted_goes_on_by_itself() {
    let mut sendgate = Running::start("sandbox", |account| {
        account["providers"][0]["timeout_ms"] = json!(15_000);
        account["retry"] = json!({"base_ms": 100, "cap_ms": 500});
    });
    sendgate.fault(&json!({"dialect": "esp", "fault": "timeout_after", "count": 1}));
    let ids = sendgate.send_ok(&[message("ann@example.com")]);
    wait(|| sendgate.log().len() == 1);
    sendgate.workerd.restart().unwrap();
    wait(|| sendgate.log().len() == 2);
    let trace = sendgate.wait_for(&ids, &["sent"], Duration::from_secs(10)).remove(0);
    assert_eq!(trace["attempts"], 2);
    assert_eq!(sendgate.log()[1]["replayed"], true);
    assert_eq!(sendgate.inbox().len(), 1);
}

/// A body without a length is counted while it is read: the last byte that fits, and the first that does not.
#[test]
fn a_body_of_unknown_length_is_counted() {
    let sendgate = Running::start("sandbox", |_| {});
    let mut body = json!({ "messages": [message("ann@example.com")] }).to_string().into_bytes();
    body.resize(50_000_000, b' ');
    assert_eq!(chunked(&sendgate, &body), 202);
    body.push(b' ');
    assert_eq!(chunked(&sendgate, &body), 413);
}

/// `POST /v1/send` with chunked transfer coding; returns the status.
fn chunked(sendgate: &Running, body: &[u8]) -> u16 {
    let url = format!("{}/v1/send", sendgate.workerd.base_url());
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.post(url).header("authorization", format!("Bearer {}", key_of("shop")));
    let mut reader: &[u8] = body;
    request.send(ureq::SendBody::from_reader(&mut reader)).unwrap().status().as_u16()
}

fn wait(until: impl Fn() -> bool) {
    for _ in 0..600 {
        if until() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("waited for 30 s in vain");
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
