//! `GET /v1/metrics`: the panels of R179 in Prometheus' text format, read by a reader of that format.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod host;

use host::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Every sample by its name with its labels; each family has its help and its type before its first sample, and no sample
/// stands twice (Prometheus, "Exposition formats", version 0.0.4).
fn samples(host: &mut Host) -> BTreeMap<String, f64> {
    let response = host.request(&key_of("reader"), "GET", "/v1/metrics", b"");
    assert_eq!(response.status, 200, "{}", text(&response));
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = text(&response);
    assert!(page.ends_with('\n'));
    let (mut told, mut samples) = (BTreeSet::new(), BTreeMap::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.split(' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(told.insert(format!("{kind} {name}")), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let family = name.split('{').next().unwrap();
        assert!(told.contains(&format!("HELP {family}")) && told.contains(&format!("TYPE {family}")), "{line}");
        assert!(samples.insert(name.to_string(), value.parse().unwrap()).is_none(), "{line}");
    }
    samples
}

/// R179: queued, sent, deferred, quota left, queue age, provider health.
#[test]
fn metrics_tell_where_mail_stands() {
    let mut host = Host::new();
    let mut later = message("dora@example.com");
    later["send_at"] = json!("2026-12-02T10:00:00Z");
    host.send_ok(vec![message("ann@example.com"), message("bob@example.com"), message("cid@example.com"), later]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(503, "{}", &[("retry-after", "3600")])));
    host.advance(30_000);
    let now = samples(&mut host);
    let of = |name: &str| *now.get(name).unwrap_or_else(|| panic!("{name}: {now:?}"));
    assert_eq!(of(r#"sendgate_messages_waiting{status="queued"}"#), 2.0);
    assert_eq!(of(r#"sendgate_messages_waiting{status="deferred"}"#), 1.0);
    assert_eq!(of("sendgate_queue_age_seconds"), 30.0, "of the one that is due, not of the one for tomorrow");
    assert_eq!(of("sendgate_calls_in_flight"), 0.0);
    assert_eq!(of(r#"sendgate_quota_recipients{quota="quota_daily",state="committed"}"#), 1.0);
    assert_eq!(of(r#"sendgate_quota_recipients{quota="quota_daily",state="reserved"}"#), 3.0);
    assert_eq!(of(r#"sendgate_quota_recipients{quota="quota_daily",state="free"}"#), 99_996.0);
    assert!(now.contains_key(r#"sendgate_provider_open{provider="main"}"#));
    assert_eq!(of(r#"sendgate_window_limit{scope="plan",of="plan",window="plan-minute",unit="requests"}"#), 1000.0);
    assert_eq!(of("sendgate_requests_limited_total"), 0.0);
}

/// R179: 429s are counted; what a page shows costs no row.
#[test]
fn metrics_count_refusals_and_write_nothing_of_their_own() {
    let mut host = Host::with(|account| account["key_windows"] = window("key-minute", 2, 60_000));
    for _ in 0..5 {
        host.send(&json!({"messages": [message("ann@example.com")]}));
    }
    let now = samples(&mut host);
    assert_eq!(now["sendgate_requests_limited_total"], 3.0);
    host.advance(60_000);
    let (_, statements) = host.count(samples);
    assert_eq!(statements.writes, 1, "the request itself is counted, as any other is");
}
