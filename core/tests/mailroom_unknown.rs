//! The Mailroom when nobody knows what became of a request, when the process ends, and when the configuration changes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{mailroom::Effect, outcome::TransportFailure, sql::Value as Cell, time::UnixMillis};
use serde_json::json;

/// A time-out after the request left is not repeated where the provider cannot tell copies apart.
#[test]
fn an_unknown_outcome_is_repeated_only_under_an_idempotency_key() {
    let kinds = [("sandbox", "deferred", 2), ("resend", "deferred", 2), ("postmark", "unknown", 1)];
    for (kind, status, attempts) in kinds {
        let mut host = Host::with(|account| account["providers"][0]["kind"] = json!(kind));
        let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
        let (attempt, first) = host.next_request();
        host.settle(attempt, Err(TransportFailure::MaybeSent));
        assert_eq!(host.trace(&id)["status"], status, "{kind}");
        host.advance(1_000);
        if attempts == 2 {
            let key = |r: &sendgate_core::http::HttpRequest| {
                r.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("idempotency-key")).cloned()
            };
            let (_, second) = host.next_request();
            assert_eq!(
                (key(&first), &first.body),
                (key(&second), &second.body),
                "{kind}: the same key and the same body"
            );
            assert!(key(&first).is_some());
        } else {
            assert_eq!(host.next(), Effect::Idle, "{kind}");
            assert_eq!(host.quota(), (0, 1, 99_999), "it may have been sent: the unit stays used");
        }
    }
}

/// After a time-out the first copy may have left. A recipient suppressed since would change the body under the same key:
/// the message ends as unknown instead, its unit stays used, and nothing is handed to the suppressed address again.
#[test]
fn a_recipient_suppressed_after_an_unknown_outcome_ends_the_message() {
    let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("resend"));
    let mut both = message("ann@example.com");
    both["cc"] = json!(["gone@example.com"]);
    let id = host.send_ok(vec![both]).remove(0);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"gone@example.com"}"#);
    host.advance(60_000);
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.trace(&id)["status"], "unknown");
    assert_eq!(host.quota(), (0, 2, 99_998));
}

/// A key conflict after a time-out says that the first copy got there; without one it is a plain refusal.
#[test]
fn a_key_conflict_after_an_unknown_outcome_is_unknown() {
    let conflict = answer(409, r#"{"statusCode":409,"name":"invalid_idempotent_request","message":"x"}"#, &[]);
    for (first, status) in [(Err(TransportFailure::MaybeSent), "unknown"), (Err(TransportFailure::NotSent), "failed")] {
        let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("resend"));
        let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
        let (attempt, _) = host.next_request();
        host.settle(attempt, first);
        host.advance(1_000);
        let (attempt, _) = host.next_request();
        host.settle(attempt, Ok(&conflict));
        assert_eq!(host.trace(&id)["status"], status);
    }
}

/// Limits changed under a waiting queue: the counts go on, a raised limit has its room at once, and nobody waits for ever.
#[test]
fn changed_windows_keep_their_counts_and_let_mail_go_on() {
    let windows = |limit: u32| json!([{"kind": "sliding", "name": "esp-minute", "limit": limit, "period_ms": 60_000}]);
    let mut host = Host::with(|account| account["providers"][0]["windows"] = windows(3));
    host.send_ok((0..10).map(|n| message(&format!("u{n}@example.com"))).collect());
    let leave = |host: &mut Host| {
        let mut left = 0;
        while let Effect::Send { attempt, .. } = host.next() {
            host.settle(attempt, Ok(&taken()));
            left += 1;
        }
        left
    };
    assert_eq!(leave(&mut host), 3);
    for (limit, more) in [(5, 2), (2, 0)] {
        let text = config_with(|account| account["providers"][0]["windows"] = windows(limit));
        host.config = sendgate_core::config::Config::from_json(&text).unwrap();
        host.crash();
        assert_eq!(leave(&mut host), more, "a limit of {limit} with what was used before");
    }
    for _ in 0..3 {
        host.crash();
        host.advance(40_000);
    }
    assert_eq!(leave(&mut host), 2, "the lowered limit drains in its own time, however often the process starts");
}

/// The provider's word outlives the process: a restart does not ask again before Retry-After.
#[test]
fn retry_after_is_kept_over_a_restart() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(429, "{}", &[("retry-after", "3600")])));
    host.crash();
    host.send_ok(vec![message("bob@example.com")]);
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(3_600_000) });
}

/// An ambiguous attempt is repeated only while its key is known, and only where it was made.
#[test]
fn an_ambiguous_attempt_is_not_repeated_after_its_key_or_elsewhere() {
    let ambiguous = |kind: &str| {
        let mut host = Host::with(|account| account["providers"][0]["kind"] = json!(kind));
        let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
        let (attempt, _) = host.next_request();
        host.settle(attempt, Err(TransportFailure::MaybeSent));
        (host, id)
    };
    let (mut host, id) = ambiguous("resend");
    host.advance(1_000);
    let (attempt, _) = host.next_request();
    host.settle(
        attempt,
        Ok(&answer(429, r#"{"statusCode":429,"name":"daily_quota_exceeded"}"#, &[("retry-after", "108000")])),
    );
    host.advance(108_000_000);
    assert_eq!(host.next(), Effect::Idle, "30 hours later the provider has forgotten the key");
    assert_eq!(host.trace(&id)["status"], "unknown");
    let (mut host, id) = ambiguous("resend");
    let text = config_with(|account| {
        account["providers"][0]["kind"] = json!("postmark");
        account["providers"][0]["name"] = json!("second");
    });
    host.config = sendgate_core::config::Config::from_json(&text).unwrap();
    host.crash();
    host.advance(60_000);
    assert_eq!(host.next(), Effect::Idle, "another provider cannot tell the copies apart");
    assert_eq!(host.trace(&id)["status"], "unknown");
}

/// The key's age counts from the attempt, not from the acceptance of a message that was scheduled for later.
#[test]
fn a_late_first_attempt_has_a_young_key() {
    let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("resend"));
    let mut later = message("ann@example.com");
    later["send_at"] = json!(UnixMillis::new(START + 48 * 3_600_000).to_string());
    let id = host.send_ok(vec![later]).remove(0);
    host.advance(48 * 3_600_000);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    assert_eq!(host.trace(&id)["status"], "deferred");
}

/// R122: a provider that does not answer must not eat a queue of messages that cannot be repeated.
#[test]
fn a_silent_provider_does_not_eat_the_queue() {
    let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("postmark"));
    host.send_ok((0..300).map(|n| message(&format!("u{n}@example.com"))).collect());
    let end = host.now.plus(3_600_000);
    while host.now < end {
        match host.next() {
            Effect::Send { attempt, .. } => host.settle(attempt, Err(TransportFailure::MaybeSent)),
            Effect::Wait { until } => host.now = until,
            Effect::Idle => panic!("nothing waits any more"),
        }
    }
    let rows = host.query("SELECT count(*) FROM message WHERE status = 'unknown'");
    let Cell::Integer(lost) = rows[0][0] else { panic!("no number") };
    // 1, 2, 4, ... 60 seconds of pause, then one a minute: 7 in the first two minutes and 58 in the rest of the hour.
    assert!(lost <= 66, "{lost} of 300 in an hour");
}

/// A suspended account's mail is looked at again by itself, and expires on time meanwhile.
#[test]
fn suspended_mail_wakes_up_by_itself_and_expires_on_time() {
    let mut host = Host::new();
    let mut short = message("ann@example.com");
    short["expires_at"] = json!(UnixMillis::new(START + 60_000).to_string());
    let ids = host.send_ok(vec![short, message("bob@example.com")]);
    let text = config_with(|account| account["status"] = json!("suspended"));
    host.config = sendgate_core::config::Config::from_json(&text).unwrap();
    host.crash();
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(3_600_000) });
    host.advance(60_000);
    assert!(matches!(host.next(), Effect::Wait { .. }));
    host.config = sendgate_core::config::Config::from_json(&config_with(|_| {})).unwrap();
    host.crash();
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    assert_eq!(host.trace(&ids[0])["status"], "expired");
    assert_eq!(host.trace(&ids[1])["status"], "sent");
}

#[test]
fn an_account_may_prefer_twice_to_never() {
    let mut host = Host::with(|account| {
        account["providers"][0]["kind"] = json!("postmark");
        account["on_unknown"] = json!("resend");
    });
    host.send_ok(vec![message("ann@example.com")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    host.advance(1_000);
    assert!(matches!(host.next(), Effect::Send { .. }));
}

/// An answer that comes after its attempt was given up settles nothing, and above all no other attempt.
#[test]
fn a_late_answer_settles_nothing_else() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let (late, _) = host.next_request();
    host.crash();
    host.advance(1_000);
    let (current, _) = host.next_request();
    assert_ne!(late, current);
    host.settle(late, Ok(&answer(400, "{}", &[])));
    assert_eq!(host.trace(&id)["status"], "sending");
    host.settle(current, Ok(&taken()));
    assert_eq!(host.trace(&id)["status"], "sent");
}

/// A kill between the mark and the answer: the attempt is of unknown outcome, never forgotten.
#[test]
fn a_crash_in_flight_is_an_unknown_outcome() {
    for (kind, status) in [("resend", "deferred"), ("postmark", "unknown")] {
        let mut host = Host::with(|account| account["providers"][0]["kind"] = json!(kind));
        let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
        host.next_request();
        host.crash();
        let trace = host.trace(&id);
        assert_eq!(trace["status"], status, "{kind}");
        assert!(events(&trace).contains(&"interrupted".to_string()));
    }
}
