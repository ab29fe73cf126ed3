//! The Mailroom on a virtual clock: what leaves, when, and what becomes of everything that was accepted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{
    http::HttpResponse,
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::Value as Cell,
    time::UnixMillis,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn a_taken_message_is_sent_and_its_content_is_gone() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let (attempt, request) = host.next_request();
    assert_eq!(request.url, "http://127.0.0.1:1/esp/messages");
    assert_eq!(host.trace(&id)["status"], "sending", "the mark is stored before the request leaves");
    host.settle(attempt, Ok(&taken()));
    let trace = host.trace(&id);
    assert_eq!(trace["status"], "sent");
    assert_eq!(trace["provider_message_id"], "esp-1");
    assert_eq!(events(&trace), ["accepted", "attempt", "sent"]);
    assert_eq!(host.query("SELECT body FROM message"), [[Cell::Null]]);
    assert_eq!(host.quota(), (0, 1, 99_999), "reserved became committed");
    assert_eq!(host.next(), Effect::Idle);
}

/// R103, R102, R105: 1, 2, 4, 8 seconds between five attempts, then the message is held and says how often it was tried.
/// R114: exhausted is not lost: it is tried again after the hold.
#[test]
fn five_failed_attempts_follow_the_schedule_and_then_the_message_is_held() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    for wait in [1_000, 2_000, 4_000, 8_000] {
        let (attempt, _) = host.next_request();
        host.settle(attempt, Ok(&answer(503, "{}", &[])));
        assert_eq!(host.next(), Effect::Wait { until: host.now.plus(wait) });
        host.advance(wait - 1);
        assert!(matches!(host.next(), Effect::Wait { .. }), "not a millisecond early");
        host.advance(1);
    }
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(503, "{}", &[])));
    let trace = host.trace(&id);
    assert_eq!((trace["status"].as_str(), trace["attempts"].as_u64()), (Some("held"), Some(5)));
    assert_eq!(trace["error"]["code"], "attempts_exhausted");
    assert_eq!((trace["error"]["attempts"].as_u64(), trace["error"]["http_status"].as_u64()), (Some(5), Some(503)));
    assert!(trace["error"]["retry_at"].is_string());
    assert_eq!(events(&trace).last().unwrap(), "exhausted");
    host.advance(900_000);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    assert_eq!(host.trace(&id)["status"], "sent");
}

/// R104: an error that is no limit ends at once.
#[test]
fn a_permanent_refusal_takes_one_attempt_and_gives_the_quota_back() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(400, r#"{"code":"invalid","detail":"no"}"#, &[])));
    let trace = host.trace(&id);
    assert_eq!((trace["status"].as_str(), trace["attempts"].as_u64()), (Some("failed"), Some(1)));
    assert_eq!(trace["error"]["code"], "provider_refused");
    assert_eq!(host.quota(), (0, 0, 100_000));
    assert_eq!(host.next(), Effect::Idle);
}

/// R090, R101: after a provider's 429 nothing at all leaves before its Retry-After.
#[test]
fn nothing_leaves_before_the_providers_retry_after() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(429, r#"{"code":"rate_limited"}"#, &[("retry-after", "7")])));
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(7_000) });
    host.advance(6_999);
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(1) });
    host.advance(1);
    assert!(matches!(host.next(), Effect::Send { .. }));
}

/// R204, R205: suppressed after the 202 and before it left: not sent, unit given back, both stages in the trace.
#[test]
fn the_final_check_stops_what_was_suppressed_after_acceptance() {
    let mut host = Host::new();
    let mut both = message("ann@example.com");
    both["cc"] = json!(["gone@example.com"]);
    let ids = host.send_ok(vec![message("gone@example.com"), both]);
    assert_eq!(host.quota(), (3, 0, 99_997));
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"GONE@example.com","reason":"complaint"}"#);
    let (attempt, request) = host.next_request();
    assert_eq!(recipients(&request).len(), 1, "only the message that still has somebody leaves, without the other");
    host.settle(attempt, Ok(&taken()));
    let gone = host.trace(&ids[0]);
    assert_eq!(gone["status"], "suppressed");
    assert_eq!(events(&gone), ["accepted", "suppressed_final", "suppressed"]);
    assert_eq!(gone["recipients"][0]["suppressed"], "final");
    let kept = host.trace(&ids[1]);
    assert_eq!(kept["status"], "sent");
    assert_eq!(
        kept["recipients"][1],
        json!({"kind": "cc", "address": "gone@example.com", "suppressed": "final", "reason": "complaint"})
    );
    assert_eq!(host.quota(), (0, 1, 99_999));
}

/// Nobody is left in `to`: the copies alone are not what was asked for.
#[test]
fn a_message_without_anybody_in_to_ends_suppressed() {
    let mut host = Host::new();
    let mut both = message("gone@example.com");
    both["cc"] = json!(["ann@example.com"]);
    let id = host.send_ok(vec![both]).remove(0);
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"gone@example.com"}"#);
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.trace(&id)["status"], "suppressed");
    assert_eq!(host.quota(), (0, 0, 100_000));
}

/// An unverified sender is one message's trouble: it is held, the others leave.
#[test]
fn an_unverified_sender_does_not_stop_the_others() {
    let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("resend"));
    let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(403, r#"{"statusCode":403,"name":"validation_error","message":"x"}"#, &[])));
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(200, r#"{"id":"r-1"}"#, &[])));
    let first = host.trace(&ids[0]);
    assert_eq!(
        (first["status"].as_str(), first["error"]["code"].as_str()),
        (Some("held"), Some("sender_not_verified"))
    );
    assert_eq!(host.trace(&ids[1])["status"], "sent");
}

/// A message that waits for its owner for weeks does not outgrow its row.
#[test]
fn a_trace_stays_bounded() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com")]);
    for _ in 0..600 {
        let (attempt, _) = host.next_request();
        host.settle(attempt, Ok(&answer(401, "{}", &[])));
        host.advance(300_000);
    }
    let rows = host.query("SELECT length(trace) FROM message");
    let Cell::Integer(length) = rows[0][0] else { panic!("no number") };
    assert!((50_000..61_000).contains(&length), "{length}");
}

#[test]
fn a_message_waits_for_its_time_and_expires_at_its_end() {
    let mut host = Host::new();
    let (at, end) = (UnixMillis::new(START + 60_000), UnixMillis::new(START + 120_000));
    let mut timed = message("ann@example.com");
    timed["send_at"] = json!(at.to_string());
    timed["expires_at"] = json!(end.to_string());
    let ids = host.send_ok(vec![timed.clone(), timed]);
    assert_eq!(host.next(), Effect::Wait { until: at });
    host.now = at;
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(429, "{}", &[("retry-after", "3600")])));
    host.now = end.plus(3_600_000);
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.trace(&ids[0])["status"], "expired");
    assert_eq!(host.trace(&ids[1])["status"], "expired");
    assert_eq!(host.quota().0, 0, "expired units are given back");
}

/// A wrong credential stops the provider, not the mail: everything waits for its owner.
#[test]
fn a_wrong_credential_holds_and_asks_rarely() {
    let mut host = Host::new();
    let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(401, "{}", &[])));
    assert_eq!(host.trace(&ids[0])["status"], "held");
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(300_000) });
}

/// R081, R110: a thousand messages against ten a second and any latency. The provider's own log, at its own instants of
/// arrival, never shows more than ten in a second; nothing is sent twice, nothing is lost, no 429.
#[test]
fn a_provider_window_holds_at_the_providers_clock() {
    let window = json!([{"kind": "sliding", "name": "esp-second", "limit": 10, "period_ms": 1000}]);
    let mut host = Host::with(|account| account["providers"][0]["windows"] = window);
    for batch in 0..2 {
        host.send_ok((0..500).map(|n| message(&format!("user{batch}-{n}@example.com"))).collect());
    }
    let mut arrivals: Vec<u64> = Vec::new();
    let mut answers: BTreeMap<(u64, Attempt), ()> = BTreeMap::new();
    let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let mut idle_until = None;
    while idle_until.is_none() || !answers.is_empty() {
        match host.next() {
            Effect::Send { attempt, call, .. } => {
                let request = http(call);
                // It arrives at some instant between departure and answer, and the answer takes up to 1.5 s.
                let latency = host.random() % 1_500;
                arrivals.push(host.now.as_millis() + host.random() % (latency + 1));
                answers.insert((host.now.as_millis() + latency, attempt), ());
                *seen.entry(request.body).or_default() += 1;
                idle_until = None;
                continue;
            }
            Effect::Wait { until } => host.now = earliest(&answers).map_or(until, |at| at.min(until)).max(host.now),
            Effect::Idle => match earliest(&answers) {
                Some(at) => host.now = at.max(host.now),
                None => idle_until = Some(host.now),
            },
        }
        while let Some(((at, attempt), ())) =
            answers.first_key_value().map(|(k, v)| (*k, *v)).filter(|((at, _), ())| *at <= host.now.as_millis())
        {
            answers.remove(&(at, attempt));
            host.settle(attempt, Ok(&taken()));
        }
    }
    assert_eq!(arrivals.len(), 1_000);
    assert!(seen.values().all(|times| *times == 1), "a message left twice");
    arrivals.sort_unstable();
    let worst = arrivals
        .iter()
        .enumerate()
        .map(|(i, at)| arrivals[i..].iter().take_while(|later| **later < at + 1_000).count())
        .max();
    assert!(worst <= Some(10), "{worst:?} in one second");
    assert_eq!(host.query("SELECT count(*) FROM message WHERE status = 'sent'"), [[Cell::Integer(1_000)]]);
}

fn earliest(answers: &BTreeMap<(u64, Attempt), ()>) -> Option<UnixMillis> {
    answers.keys().next().map(|(at, _)| UnixMillis::new(*at))
}

/// R083-R085: the second has room, the minute, the hour or the day binds, and the rest stays queued.
#[test]
fn the_longer_sending_window_binds_and_the_rest_waits() {
    let cases = [
        (json!({"per_second": 50}), 500, 60_000),
        (json!({"per_second": 50, "per_minute": 3000, "per_hour": 120}), 120, 3_600_000),
        (json!({"per_second": 50, "per_minute": 3000, "per_hour": 9000, "per_day": 110}), 110, 86_400_000),
    ];
    for (sending, limit, period) in cases {
        let mut host = Host::with(|account| account["sending"] = sending.clone());
        for batch in 0..2 {
            host.send_ok((0..300).map(|n| message(&format!("user{batch}-{n}@example.com"))).collect());
        }
        let (mut left, end) = (0, host.now.plus(period - 1));
        loop {
            match host.next() {
                Effect::Send { attempt, .. } => {
                    left += 1;
                    host.settle(attempt, Ok(&taken()));
                }
                Effect::Wait { until } if until <= end => host.now = until,
                Effect::Wait { .. } | Effect::Idle => break,
            }
        }
        assert_eq!(left, limit, "{sending}");
        let queued = host.query("SELECT count(*) FROM message WHERE status = 'queued'");
        assert_eq!(queued, [[Cell::Integer(600 - i64::from(limit))]], "R085: the remainder stays queued");
    }
}

/// R106: a thousand messages refused at one instant do not come back at one instant.
#[test]
fn refused_messages_are_spread_by_jitter() {
    let mut host = Host::with(|account| account["retry"] = json!({"jitter": true, "base_ms": 1000, "cap_ms": 60000}));
    for batch in 0..2 {
        host.send_ok((0..500).map(|n| message(&format!("user{batch}-{n}@example.com"))).collect());
    }
    while let Effect::Send { attempt, .. } = host.next() {
        host.settle(attempt, Ok(&answer(503, "{}", &[])));
    }
    let rows = host.query("SELECT due_ms / 100, count(*) AS n FROM message GROUP BY 1 ORDER BY n DESC LIMIT 1");
    let [_, Cell::Integer(most)] = rows[0].as_slice() else { panic!("no rows") };
    // Uniform over a second would be 100 in a tenth; 150 is five standard deviations above. Without jitter it is 1,000.
    assert!(*most <= 150, "{most} in one tenth of a second");
}

/// R114, R113, R197, 3.3 of the design: at every step, with faults and kills at random, every accepted message is in exactly one state,
/// the ledger agrees with the messages, and nobody was handed over twice without leave.
#[test]
fn nothing_is_lost_and_the_ledger_agrees_under_random_faults_and_kills() {
    for seed in 0..6 {
        let mut host = Host::with(|account| {
            account["providers"][0]["windows"] = window("esp-second", 5, 1_000);
            account["providers"][0]["kind"] = json!("postmark");
            if seed % 2 == 1 {
                account["domain_windows"] = json!({"gmail": window("s", 2, 1_000), "*": window("s", 3, 1_000)});
                account["class_windows"] = json!({"bulk": window("s", 2, 1_000)});
            }
        });
        host.entropy = seed * 7_919;
        let mut accepted = 0;
        let mut flying: Vec<Attempt> = Vec::new();
        let mut taken_by_provider: BTreeMap<String, u32> = BTreeMap::new();
        let mut bodies: BTreeMap<Attempt, String> = BTreeMap::new();
        for step in 0..1_500 {
            match host.random() % 10 {
                0 if accepted < 300 => {
                    let many = host.random() % 4 + 1;
                    let domains = ["example.com", "gmail.com", "googlemail.com", "hotmail.com"].iter().zip(0..many);
                    let mut messages: Vec<Value> =
                        domains.map(|(domain, n)| message(&format!("u{step}-{n}@{domain}"))).collect();
                    messages[0]["class"] = json!(["transactional", "bulk"][step % 2]);
                    if host.send(&json!({ "messages": Value::Array(messages) })).status == 202 {
                        accepted += many;
                    }
                }
                1 => {
                    let address = format!("u{}-0@example.com", host.random() % 1_500);
                    let entry = json!({ "email": address }).to_string();
                    host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.as_bytes());
                }
                2 if host.random().is_multiple_of(20) => {
                    host.crash();
                    flying.clear();
                }
                3..=5 => {
                    if let Effect::Send { attempt, call, .. } = host.next() {
                        let request = http(call);
                        flying.push(attempt);
                        let body: Value = serde_json::from_slice(&request.body).unwrap();
                        bodies.insert(attempt, body["To"].as_str().unwrap().into());
                    }
                }
                6..=8 if !flying.is_empty() => {
                    let place = host.random() as usize % flying.len();
                    let attempt = flying.swap_remove(place);
                    settle_at_random(&mut host, attempt, &bodies[&attempt], &mut taken_by_provider);
                }
                _ => {
                    let step = host.random() % 700;
                    host.advance(step);
                }
            }
            conserved(&mut host, accepted);
        }
        assert!(taken_by_provider.values().all(|times| *times == 1), "seed {seed}: handed over twice");
        assert!(accepted > 100 && taken_by_provider.len() > 50, "seed {seed}: the test did nothing");
    }
}

fn settle_at_random(host: &mut Host, attempt: Attempt, to: &str, taken: &mut BTreeMap<String, u32>) {
    let ok = r#"{"To":"x","SubmittedAt":"2026-12-01T10:00:00Z","MessageID":"m-1","ErrorCode":0,"Message":"OK"}"#;
    let response: Result<HttpResponse, TransportFailure> = match host.random() % 12 {
        0 => Ok(answer(429, r#"{"ErrorCode":429,"Message":"slow down"}"#, &[("retry-after", "1")])),
        1 => Ok(answer(500, "{}", &[])),
        2 => Ok(answer(422, r#"{"ErrorCode":300,"Message":"no"}"#, &[])),
        3 => Ok(answer(422, r#"{"ErrorCode":406,"Message":"inactive"}"#, &[])),
        4 => Err(TransportFailure::NotSent),
        5 => Err(TransportFailure::MaybeSent),
        _ => Ok(answer(200, ok, &[])),
    };
    let is_taken = matches!(&response, Ok(response) if response.status == 200)
        || matches!(response, Err(TransportFailure::MaybeSent));
    if is_taken {
        *taken.entry(to.into()).or_default() += 1;
    }
    host.settle(attempt, response.as_ref().map_err(|failure| *failure));
}
