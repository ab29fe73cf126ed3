//! Windows against a count over the log, by hand and over random traces.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{DIALECTS, ESP, POSTMARK, RESEND, START, Sim, expect};
use proptest::prelude::*;
use serde_json::json;

/// The throttling that R088 asks the simulator to model.
#[test]
fn resend_takes_five_a_second_at_first_and_tells_how_many_are_left() {
    let mut sim = Sim::new();
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = sim.resend("/emails", None, RESEND).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-limit"), Some("5"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(remaining));
        assert_eq!(answer.header("ratelimit-reset"), Some("1"));
        assert_eq!(answer.header("retry-after"), None);
    }
    let over = sim.resend("/emails", None, RESEND).unwrap();
    assert_eq!(over.status, 429);
    assert_eq!(common::json(&over)["name"], "rate_limit_exceeded");
    assert_eq!(over.header("retry-after"), Some("1"));
    assert_eq!(over.header("ratelimit-remaining"), Some("0"));
    assert_eq!(sim.messages().len(), 5);
    let log = sim.log();
    assert_eq!(
        (&log[5]["status"], &log[5]["retry_after"], &log[5]["counted"]),
        (&429.into(), &1.into(), &false.into())
    );
    sim.now = START + 999;
    expect(429, sim.resend("/emails", None, RESEND));
    sim.now = START + 1_000;
    expect(200, sim.resend("/emails", None, RESEND));
}

#[test]
fn a_call_counts_for_exactly_its_period_and_the_longest_wait_is_told() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"windows":[{"limit":2,"period_ms":1500},{"limit":3,"period_ms":60000}]}}"#);
    expect(200, sim.esp(None, ESP));
    sim.now = START + 1_000;
    expect(200, sim.esp(None, ESP));
    let over = sim.esp(None, ESP).unwrap();
    assert_eq!((over.status, over.header("retry-after")), (429, Some("1")));
    sim.now = START + 1_499;
    expect(429, sim.esp(None, ESP));
    sim.now = START + 1_500;
    expect(200, sim.esp(None, ESP));
    // Both windows are full: the short one until 2.5 s, the long one until 60 s.
    let over = sim.esp(None, ESP).unwrap();
    assert_eq!((over.status, over.header("retry-after")), (429, Some("59")));
}

#[test]
fn postmark_has_its_own_429_without_headers() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"postmark":{"windows":[{"limit":1,"period_ms":1000}]}}"#);
    expect(200, sim.postmark("/email", POSTMARK));
    let over = sim.postmark("/email", POSTMARK).unwrap();
    assert_eq!((over.status, over.header("retry-after")), (429, None));
    assert_eq!(common::json(&over)["ErrorCode"], 429);
}

#[test]
fn windows_are_apart_for_each_dialect_and_a_zero_limit_takes_nothing() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"windows":[{"limit":0,"period_ms":2000}]}}"#);
    let over = sim.esp(None, ESP).unwrap();
    assert_eq!((over.status, over.header("retry-after")), (429, Some("2")));
    expect(200, sim.postmark("/email", POSTMARK));
    expect(200, sim.resend("/emails", None, RESEND));
}

#[test]
fn a_clock_that_goes_back_frees_nothing() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"esp":{"windows":[{"limit":1,"period_ms":1000}]}}"#);
    expect(200, sim.esp(None, ESP));
    sim.now = START - 3_600_000;
    let over = sim.esp(None, ESP).unwrap();
    assert_eq!((over.status, over.header("retry-after")), (429, Some("3601")));
}

#[test]
fn no_statement_of_a_call_reads_a_table_from_end_to_end() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"resend":{"windows":[{"limit":1,"period_ms":1000}],"daily_quota":9}}"#);
    sim.store.statements.clear();
    expect(200, sim.resend("/emails", Some("k"), RESEND));
    expect(429, sim.resend("/emails", Some("k"), RESEND));
    let mut windows = 0;
    for statement in sim.store.statements.clone() {
        let mut plan = sim.store.connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let unbound = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(unbound), |row| row.get(3)).unwrap();
        for step in steps {
            let step: String = step.unwrap();
            let whole = step.starts_with("SCAN") && !step.starts_with("SCAN sandbox_faults");
            assert!(!whole, "{step}: {statement}");
            windows += usize::from(step.contains("COVERING INDEX sandbox_calls_counted (dialect=?"));
        }
    }
    // Two questions for the call that was let in, two for the one that was not.
    assert_eq!(windows, 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each call is admitted exactly when, in every window, fewer than `limit` admitted calls arrived less than
    /// `period` before it: counted here over a plain list.
    #[test]
    fn the_windows_are_a_brute_force_count(
        windows in prop::collection::vec((1_u64..5, 1_u64..400), 1..4),
        steps in prop::collection::vec(0_u64..120, 1..60),
    ) {
        let mut sim = Sim::new();
        let listed: Vec<_> = windows.iter().map(|(limit, period)| format!(r#"{{"limit":{limit},"period_ms":{period}}}"#)).collect();
        sim.put("/sandbox/settings", &format!(r#"{{"esp":{{"windows":[{}]}}}}"#, listed.join(",")));
        let mut admitted: Vec<u64> = Vec::new();
        for step in steps {
            sim.now += step;
            let now = sim.now;
            let fits = windows.iter().all(|(limit, period)| {
                (admitted.iter().filter(|at| now - **at < *period).count() as u64) < *limit
            });
            let answer = sim.esp(None, ESP).unwrap();
            prop_assert_eq!(answer.status, if fits { 200 } else { 429 });
            if fits {
                admitted.push(now);
            } else {
                let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                let then = now + seconds * 1000;
                let room = windows.iter().all(|(limit, period)| {
                    (admitted.iter().filter(|at| then - **at < *period).count() as u64) < *limit
                });
                prop_assert!(room, "there is room after the Retry-After");
            }
        }
    }
}

#[test]
fn every_dialect_holds_its_windows_to_the_millisecond() {
    for (dialect, taken) in DIALECTS {
        let mut sim = Sim::new();
        let windows = json!([{"limit": 3, "period_ms": 10_000}]);
        let mut settings = json!({ dialect: { "windows": windows } });
        if dialect == "ses" {
            settings[dialect]["max_send_rate"] = serde_json::Value::Null;
        }
        assert_eq!(sim.put("/sandbox/settings", &settings.to_string()).status, 200);
        let mut status = |at: u64| {
            sim.now = START + at;
            sim.send(dialect).unwrap().status
        };
        let seen = [status(0), status(1), status(2), status(3), status(9_999), status(10_000), status(10_000)];
        assert_eq!(seen, [taken, taken, taken, 429, 429, taken, 429], "{dialect}");
    }
}

#[test]
fn every_dialect_refuses_what_is_over_its_month() {
    for (dialect, taken) in DIALECTS {
        let refused = match dialect {
            "ses" => continue,
            "postmark" => 422,
            "sendgrid" => 401,
            "mailgun" | "brevo" => 402,
            "sparkpost" => 420,
            _ => 429,
        };
        let mut sim = Sim::new();
        let settings = json!({ dialect: { "windows": [], "monthly_quota": 2 } });
        assert_eq!(sim.put("/sandbox/settings", &settings.to_string()).status, 200);
        let mut status = |at: u64| {
            sim.now = START + at;
            sim.send(dialect).unwrap().status
        };
        // It starts at ten in the morning of the first: the next month is 31 days less ten hours away.
        let next_month = 31 * 86_400_000 - 10 * 3_600_000;
        let seen = [status(0), status(1), status(2), status(next_month - 1), status(next_month)];
        assert_eq!(seen, [taken, taken, refused, refused, taken], "{dialect}");
    }
}
