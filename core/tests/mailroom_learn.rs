//! Limits that a provider tells in its answers, at work (R027, C14).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{http::HttpResponse, mailroom::Effect, outcome::TransportFailure};
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

/// R027: a restart forgets neither what the provider told nor what was used; it is written when it changes, and not else. Another
/// dialect under the same name told nothing yet.
#[test]
fn a_restart_keeps_what_was_told() {
    let mut host = resend(|_| {});
    host.send_ok((0..40).map(|n| message(&format!("u{n}@example.com"))).collect());
    assert_eq!(leave(&mut host, "8"), 8);
    host.crash();
    assert_eq!((listed(&mut host), leave(&mut host, "8")), ((8, "learned".to_owned()), 0));
    host.advance(1_100);
    assert_eq!(leave(&mut host, "8"), 8);

    let (_, same) = one_answer(&mut host, "8");
    let (_, other) = one_answer(&mut host, "9");
    assert_eq!(other.writes, same.writes + 1);
    let (_, documented) = one_answer(&mut host, "5");
    assert_eq!(documented.writes, other.writes, "back to the profile's figure is a change, too");
    host.crash();
    assert_eq!(listed(&mut host), (5, "provider".to_owned()));

    one_answer(&mut host, "9");
    let sandbox = |account: &mut Value| {
        account["providers"][0]["profile"] = json!("resend");
    };
    host.configure(sandbox);
    assert_eq!(listed(&mut host), (5, "provider".to_owned()));
}

/// The next message, with its answer, and the statements of the answer.
fn one_answer(host: &mut Host, limit: &str) -> ((), Statements) {
    host.advance(1_100);
    let (attempt, _) = host.next_request();
    host.count(|host| host.settle(attempt, Ok(&told(limit))))
}

/// R027: a day's limit of the account, beyond what the profile documents, goes on after a restart: nobody waits for a day because
/// a process ended.
#[test]
fn a_restart_does_not_end_a_day_that_was_larger() {
    let mut host = ses(|_| {});
    host.send_ok((0..250).map(|n| message(&format!("u{n}@example.com"))).collect());
    for _ in 0..3 {
        calls(&mut host, &quota(50_000.0, 500.0));
        host.advance(1_100);
    }
    host.send_ok(vec![message("v@example.com")]);
    host.crash();
    let paths = calls(&mut host, &answer(503, "{}", &[]));
    assert_eq!(paths, ["email/account", "email/outbound-emails"], "250 are more than the 200 of the sandbox");
}

fn ses(change: impl FnOnce(&mut Value)) -> Host {
    Host::with(|account| {
        account["providers"][0]["kind"] = json!("ses");
        account["providers"][0]["profile"] = json!("ses.sandbox");
        account["providers"][0]["region"] = json!("eu-west-1");
        account["providers"][0]["credential"] = json!("ESP:x");
        account["providers"][0]["ask_account"] = json!(true);
        change(account);
    })
}

fn quota(day: f64, second: f64) -> HttpResponse {
    let quota = json!({"Max24HourSend": day, "MaxSendRate": second, "SentLast24Hours": 0.0});
    answer(200, &json!({ "SendQuota": quota }).to_string(), &[])
}

/// Takes all that may leave now; returns the paths of the calls.
fn calls(host: &mut Host, page: &HttpResponse) -> Vec<String> {
    let mut paths = Vec::new();
    while let Effect::Send { attempt, call, .. } = host.next() {
        let request = http(call);
        let path = request.url.rsplit_once("/v2/").unwrap().1.to_owned();
        let taken = answer(200, r#"{"MessageId":"m-1"}"#, &[]);
        host.settle(attempt, Ok(if request.method == "GET" { page } else { &taken }));
        paths.push(path);
    }
    paths
}

/// R027: SES says 14 a second and 50,000 a day where its sandbox has 1 and 200; the next decision knows it, and keeps its count.
#[test]
fn the_accounts_own_page_moves_the_profiles_windows() {
    let mut host = ses(|_| {});
    assert_eq!(host.next(), Effect::Idle, "nobody is asked while nothing waits");
    host.send_ok((0..20).map(|n| message(&format!("u{n}@example.com"))).collect());
    let paths = calls(&mut host, &quota(50_000.0, 14.0));
    assert_eq!((paths[0].as_str(), paths.len()), ("email/account", 15), "one question, then fourteen messages");
    assert!(paths[1..].iter().all(|path| path == "email/outbound-emails"));
    host.advance(1_100);
    assert_eq!(calls(&mut host, &quota(50_000.0, 14.0)).len(), 6, "it is not asked again");
    let limits = body(&host.request(&key_of("k1"), "GET", "/v1/limits", b""));
    let day = limits["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "send-24h").unwrap();
    assert_eq!((&day["limit"], &day["used"], &day["source"]), (&json!(50_000), &json!(20), &json!("learned")));

    host.advance(3_600_000);
    host.send_ok(vec![message("v@example.com")]);
    assert_eq!(calls(&mut host, &quota(200.0, 1.0)), ["email/account", "email/outbound-emails"], "an hour later it is");
}

/// A question that fails changes nothing, ends no message, and is asked again an hour later.
#[test]
fn an_unanswered_question_changes_nothing() {
    for lost in [Err(TransportFailure::MaybeSent), Err(TransportFailure::NotSent), Ok(answer(403, "{}", &[]))] {
        let mut host = ses(|_| {});
        let ids = host.send_ok(vec![message("a@example.com")]);
        let (question, request) = host.next_request();
        assert_eq!(request.method, "GET");
        host.settle(question, lost.as_ref().map_err(|failure| *failure));
        assert_eq!(calls(&mut host, &quota(1.0, 1.0)), ["email/outbound-emails"]);
        assert_eq!(host.trace(&ids[0])["status"], "sent");
        host.settle(question, Ok(&quota(1.0, 1.0)));
        assert_eq!(host.trace(&ids[0])["status"], "sent", "a late answer is nobody's");
    }
}

/// Killed while a question is on its way: what it may have cost the provider's window of requests stays charged.
#[test]
fn a_question_that_a_crash_interrupted_is_charged() {
    let mut host = resend(|account| {
        account["providers"][0]["ask_account"] = json!(true);
        account["providers"][0]["windows"] = window("api-second", 1, 1_000);
    });
    host.send_ok(vec![message("a@example.com")]);
    assert!(matches!(host.next(), Effect::Wait { .. }), "a process cannot know what the one before has asked");
    host.advance(1_100);
    assert_eq!(host.next_request().1.method, "GET");
    assert_eq!(host.next(), Effect::Idle, "the question holds the only request of the second");
    host.crash();
    assert!(matches!(host.next(), Effect::Wait { .. }), "and so does what it may have cost");
    host.advance(1_100);
    assert_eq!(host.next_request().1.method, "GET", "the new process asks first");
}

/// A provider without such a page cannot be asked.
#[test]
fn who_has_no_page_is_not_asked() {
    let config = config_with(|account| account["providers"][0]["ask_account"] = json!(true));
    let error = sendgate_core::config::Config::from_json(&config).unwrap_err();
    assert_eq!(error.field, "accounts.shop.providers[0].ask_account");
}
