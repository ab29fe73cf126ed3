//! What callers meet beyond a plain 429: queues in place of refusals, penalties, alerts, the shapes of errors.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod host;

use host::{Host, body, config_with, events, key_of, message, of_class, taken, text, window};
use sendgate_core::{http::HttpResponse, mailroom::Effect, time::UnixMillis};
use sendgate_embed::Database;
use serde_json::{Value, json};

/// Ten requests a minute of each key, bulk mail waits.
fn queueing() -> Host {
    Host::with(|account| {
        account["key_windows"] = window("key-minute", 10, 60_000);
        account["on_limit"] = json!({"bulk": "queue"});
    })
}

fn send(host: &mut Host, messages: &Value) -> HttpResponse {
    host.send(&json!({ "messages": messages }))
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
    response.header(name).unwrap_or_default()
}

/// R091, C17: the mode is explicit by class; the answer is a 202 that says until when, or a 429.
#[test]
fn bulk_mail_waits_where_transactional_mail_is_refused() {
    let mut host = queueing();
    for _ in 0..10 {
        assert_eq!(send(&mut host, &json!([message("a@example.net")])).status, 202);
    }
    let refused = send(&mut host, &json!([message("a@example.net")]));
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, "60"));
    let mixed = send(&mut host, &json!([of_class("bulk", "b@example.net"), message("a@example.net")]));
    assert_eq!(mixed.status, 429, "a request waits only if all of it may");

    let before = host.quota();
    let queued = send(&mut host, &json!([of_class("bulk", "b@example.net")]));
    let answer = body(&queued);
    assert_eq!((queued.status, answer["queued_messages"].as_u64()), (202, Some(1)));
    let until = UnixMillis::parse_rfc3339(answer["queued_until"].as_str().unwrap()).unwrap();
    assert_eq!(until.since(host.now), 60_000);
    assert!(queued.header("retry-after").is_none(), "R240: on 429 only");
    assert_eq!(host.quota().0, before.0 + 1, "quota is reserved as ever");

    let (attempts, _) = host::drain(&mut host);
    assert_eq!(attempts.len(), 10, "what waits does not leave before its instant");
    host.now = UnixMillis::new(until.as_millis() - 1);
    assert_eq!(host.next(), Effect::Wait { until });
    host.now = until;
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    let id = answer["messages"][0]["message_id"].as_str().unwrap();
    assert_eq!(events(&host.trace(id)), ["accepted", "attempt", "sent"]);
}

/// R089: without the mode nothing is queued and nothing reserved.
#[test]
fn a_refused_request_leaves_nothing_behind() {
    let mut host = Host::with(|account| account["key_windows"] = window("key-minute", 2, 60_000));
    (0..2).for_each(|_| assert_eq!(send(&mut host, &json!([message("a@example.net")])).status, 202));
    let (quota, before) = (host.quota(), host.query("SELECT count(*) FROM message"));
    let refused = send(&mut host, &json!([of_class("bulk", "b@example.net")]));
    assert_eq!((refused.status, host.quota(), host.query("SELECT count(*) FROM message")), (429, quota, before));
}

/// A request that waits is still validated, and a suppressed or refused one is answered as ever.
#[test]
fn a_queue_takes_no_bad_message() {
    let mut host = queueing();
    (0..10).for_each(|_| {
        host.request(&key_of("reader"), "GET", "/v1/limits", b"");
        host.request(&key_of("k1"), "GET", "/v1/limits", b"");
    });
    let mut bad = of_class("bulk", "b@example.net");
    bad["subjekt"] = json!("x");
    let answer = send(&mut host, &json!([bad]));
    assert_eq!((answer.status, body(&answer)["code"].as_str()), (400, Some("unknown_field")));
    let not_sending = host.request(&key_of("reader"), "POST", "/v1/send", b"{}");
    assert_eq!(not_sending.status, 429, "a key that may not send is refused like any other");
}

fn abused() -> Host {
    Host::with(|account| {
        account["key_windows"] = window("key-minute", 1, 60_000);
        account["abuse"] = json!({"denials": 5, "period_ms": 10_000, "penalty_ms": 120_000, "cap_ms": 600_000});
    })
}

fn ask(host: &mut Host) -> HttpResponse {
    host.request(&key_of("k1"), "GET", "/v1/limits", b"")
}

fn alerts(host: &mut Host) -> Vec<(String, String)> {
    let page = host.request(&key_of("other"), "GET", "/v1/alerts", b"");
    let word = |alert: &Value, field: &str| String::from(alert[field].as_str().unwrap());
    body(&page)["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| (word(alert, "kind"), word(alert, "subject")))
        .collect()
}

/// R096: denials in a row lengthen Retry-After, waiting so long is enough (R090), nothing is revoked, an alert tells.
#[test]
fn hammering_lengthens_retry_after_and_revokes_nothing() {
    let mut host = abused();
    assert_eq!(ask(&mut host).status, 200);
    for _ in 0..5 {
        let denied = ask(&mut host);
        assert_eq!((denied.status, header(&denied, "retry-after")), (429, "60"));
    }
    let punished = ask(&mut host);
    assert_eq!((punished.status, header(&punished, "retry-after")), (429, "120"));
    assert_eq!(body(&punished)["window"], "token_abuse");
    assert!(alerts(&mut host).contains(&("token_abuse".into(), "key:k1".into())));

    host.crash();
    host.advance(119_999);
    let still = ask(&mut host);
    assert_eq!((still.status, header(&still, "retry-after")), (429, "1"), "a restart does not end it");
    host.advance(1);
    assert_eq!(ask(&mut host).status, 200, "waiting as long as was said is enough");
    assert_eq!(host.request(&key_of("other"), "GET", "/v1/limits", b"").status, 200, "another key is not punished");
}

/// Denials write nothing but the start of a penalty and its alert.
#[test]
fn a_flood_of_denials_costs_two_rows() {
    let mut host = abused();
    ask(&mut host);
    let (_, statements) = host.count(|host| (0..5).for_each(|_| drop(ask(host))));
    assert_eq!(statements.writes, 0);
    let (_, statements) = host.count(|host| drop(ask(host)));
    assert_eq!(statements.writes, 2);
}

/// R176, R177: above 90 % once, at 100 % once, in each period anew.
#[test]
fn a_quota_warns_once_and_is_exhausted_once_in_a_period() {
    let mut host = Host::with(|account| account["quotas"] = json!([{"period": "day", "limit": 10}]));
    let told = |host: &mut Host| alerts(host).iter().filter(|(_, subject)| subject == "quota_daily").count();
    let mut told_after = Vec::new();
    for _ in 0..11 {
        send(&mut host, &json!([message("a@example.net")]));
        told_after.push(told(&mut host));
        host.advance(1_000);
    }
    // 9 of 10 are 90.0 %: no alert. The tenth goes from there to all of it.
    assert_eq!(told_after, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    host.advance(86_400_000);
    (0..10).for_each(|_| {
        send(&mut host, &json!([message("a@example.net")]));
        host.advance(1_000);
    });
    assert_eq!(told(&mut host), 2, "the next day is told anew");
}

/// R100: a change of plan is written down in the transaction that opens the account with it, once.
#[test]
fn a_change_of_plan_is_journalled_once() {
    let plan = |name: &str| {
        let name = String::from(name);
        move |account: &mut Value| account["plan"] = json!(name)
    };
    let mut host = Host::with(plan("free"));
    host.configure(plan("hobby"));
    host.crash();
    let changes: Vec<_> = alerts(&mut host).into_iter().filter(|(kind, _)| kind == "plan_changed").collect();
    assert_eq!(changes, [("plan_changed".into(), "plan".into())]);
}

/// R094, R241, R242: the account's shape, the status and the headers as ever.
#[test]
fn an_account_chooses_the_shape_of_its_errors() {
    for (shape, want) in [
        ("flat", r#"{"error":"rate_limit_exceeded","message":"the window key-minute is full; try again in 60 s"}"#),
        ("nested", r#"{"error":{"code":"RATE_LIMITED","message":"the window key-minute is full; try again in 60 s"}}"#),
    ] {
        let mut host = Host::with(|account| {
            account["key_windows"] = window("key-minute", 1, 60_000);
            account["error_shape"] = json!(shape);
        });
        assert_eq!(ask(&mut host).header("content-type"), Some("application/json"));
        let refused = ask(&mut host);
        assert_eq!((refused.status, text(&refused).as_str()), (429, want));
        assert_eq!((header(&refused, "retry-after"), header(&refused, "content-type")), ("60", "application/json"));
    }
}

/// R252, R092: one key at a hundred times its rate leaves another account's answers as they were.
#[test]
fn a_flood_on_one_account_changes_no_answer_of_another() {
    let config = config_with(|account| account["key_windows"] = window("key-second", 10, 1_000));
    let answers = |flooded: bool| {
        let open = || Host::of(Database::in_memory().unwrap(), &config, UnixMillis::new(host::START));
        let (mut quiet, mut loud) = (open(), open());
        let mut seen = Vec::new();
        for _ in 0..10 {
            for _ in 0..if flooded { 1_000 } else { 0 } {
                ask(&mut loud);
            }
            for _ in 0..10 {
                let answer = ask(&mut quiet);
                seen.push((answer.status, String::from(header(&answer, "x-ratelimit-remaining"))));
            }
            quiet.advance(1_000);
            loud.advance(1_000);
        }
        seen
    };
    let calm = answers(false);
    assert_eq!(answers(true), calm);
    assert!(calm.iter().all(|(status, _)| *status == 200));
}

/// A page of alerts has bounds, and a bad one is named.
#[test]
fn alerts_come_in_pages() {
    let mut host = abused();
    (0..40).for_each(|_| drop(ask(&mut host)));
    let page = |host: &mut Host, query: &str| {
        host.advance(60_000);
        host.request_query(&key_of("other"), "/v1/alerts", query)
    };
    let first = body(&page(&mut host, "limit=1"));
    assert_eq!(first["alerts"].as_array().unwrap().len(), 1);
    let after = first["next"].as_u64().unwrap();
    let second = body(&page(&mut host, &format!("after={after}&limit=1000")));
    assert!(second["alerts"].as_array().unwrap().iter().all(|alert| alert["seq"].as_u64() > Some(after)));
    assert!(second["next"].is_null());
    for bad in ["limit=0", "limit=1001", "after=x", "limit=-1", "after=9007199254740992"] {
        assert_eq!(body(&page(&mut host, bad))["code"], "invalid_parameter", "{bad}");
    }
}
