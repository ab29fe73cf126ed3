//! Limits that a provider tells in its answers, at work (R027, C14).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{http::HttpResponse, mailroom::Effect};
use serde_json::{Value, json};

/// Resend's answer with its limit of requests a second.
fn told(limit: &str) -> HttpResponse {
    answer(
        200,
        r#"{"id":"r-1"}"#,
        &[("ratelimit-limit", limit), ("ratelimit-remaining", "1"), ("ratelimit-reset", "1")],
    )
}

fn resend(change: impl FnOnce(&mut Value)) -> Host {
    Host::with(|account| {
        account["providers"][0]["kind"] = json!("resend");
        account["providers"][0]["profile"] = json!("resend");
        account["providers"][0]["plan_limit"] = json!({"limit": 1_000, "period_ms": 1_000});
        change(account);
    })
}

/// Sends until a window stops it; returns how many left.
fn leave(host: &mut Host, limit: &str) -> usize {
    let mut left = 0;
    while let Effect::Send { attempt, .. } = host.next() {
        host.settle(attempt, Ok(&told(limit)));
        left += 1;
    }
    left
}

fn listed(host: &mut Host) -> (u64, String) {
    let limits = body(&host.request(&key_of("k1"), "GET", "/v1/limits", b""));
    let window =
        limits["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "api-second").unwrap().clone();
    (window["limit"].as_u64().unwrap(), window["source"].as_str().unwrap().to_owned())
}

/// The profile says 5 a second. An account of which Resend says more, or less, sends so many, within a factor of ten.
#[test]
fn a_told_limit_moves_the_profiles_window() {
    for (told, limit, source) in
        [("5", 5, "provider"), ("9", 9, "learned"), ("2", 2, "learned"), ("999", 50, "learned")]
    {
        let mut host = resend(|_| {});
        host.send_ok((0..60).map(|n| message(&format!("u{n}@example.com"))).collect());
        assert_eq!(leave(&mut host, told), limit, "{told}");
        assert_eq!(listed(&mut host), (limit as u64, source.to_owned()), "{told}");
        host.advance(1_100);
        assert_eq!(leave(&mut host, told), limit.min(60 - limit), "{told}");
    }
}

/// What the account's owner wrote is not a guess, and is not moved.
#[test]
fn the_accounts_own_window_stays() {
    let mut host = resend(|account| account["providers"][0]["windows"] = window("api-second", 3, 1_000));
    host.send_ok((0..20).map(|n| message(&format!("u{n}@example.com"))).collect());
    assert_eq!(leave(&mut host, "9"), 3);
    assert_eq!(listed(&mut host), (3, "provider".to_owned()));
}

/// After a restart the profile's figure counts until the provider tells again; what was used is remembered.
#[test]
fn a_restart_goes_back_to_the_profile() {
    let mut host = resend(|_| {});
    host.send_ok((0..20).map(|n| message(&format!("u{n}@example.com"))).collect());
    assert_eq!(leave(&mut host, "8"), 8);
    host.crash();
    assert_eq!((listed(&mut host).0, leave(&mut host, "8")), (5, 0));
    host.advance(1_100);
    assert_eq!(leave(&mut host, "8"), 8);
}
