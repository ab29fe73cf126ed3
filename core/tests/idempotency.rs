//! Idempotency keys: what is kept under one, for how long, and for whom.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::http::HttpResponse;
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

fn ask(host: &mut Host, path: &str, key: &str, request: &Value) -> HttpResponse {
    host.request_with(&key_of("k1"), "POST", path, Some(key), request.to_string().as_bytes())
}

fn is_replayed(response: &HttpResponse) -> bool {
    response.header("idempotent-replayed") == Some("true")
}

fn single() -> Value {
    json!({"messages": [message("ann@example.com")]})
}

fn bulk() -> Value {
    json!({"message": {"from": "a@shop.example", "subject": "Hi {{name}}", "text_body": "Hi"},
        "recipients": [{"email": "ann@example.com", "substitutions": {"name": "Ann"}}, {"email": "bob@example.com"}]})
}

/// Both routes, and what they have in common is the account's: a key that was used for one of them is not free for the other.
#[test]
fn a_key_belongs_to_one_request_of_one_route() {
    let mut host = Host::new();
    for (path, request, key) in [("/v1/send", single(), "a"), ("/v1/send/bulk", bulk(), "b")] {
        let first = ask(&mut host, path, key, &request);
        let again = ask(&mut host, path, key, &request);
        assert_eq!((first.status, is_replayed(&first)), (202, false), "{}", text(&first));
        assert_eq!((again.status, is_replayed(&again), &again.body), (202, true, &first.body));
    }
    assert_eq!(host.quota().0, 2, "one of each: the second recipient of the bulk request has no name");
    let other = ask(&mut host, "/v1/send/bulk", "b", &json!({"message": bulk()["message"], "recipients": []}));
    assert_eq!((other.status, body(&other)["code"].as_str()), (409, Some("idempotency_conflict")));
    // The same bytes at the other route are another request.
    host.advance(1_000);
    let other = ask(&mut host, "/v1/send/bulk", "a", &single());
    assert_eq!(other.status, 409);
}

/// A refusal is an answer, too; but not that a window or a quota is full, which is about the moment.
#[test]
fn a_refusal_is_kept_unless_it_is_of_the_moment() {
    let mut host = Host::with(|account| account["quotas"] = json!([{"period": "day", "limit": 1}]));
    let bad = json!({"messages": [message("nobody")]});
    let first = ask(&mut host, "/v1/send", "bad", &bad);
    let again = ask(&mut host, "/v1/send", "bad", &bad);
    assert_eq!((first.status, again.status, is_replayed(&again)), (400, 400, true));
    assert_eq!((again.header("content-type"), &again.body), (Some("application/problem+json"), &first.body));
    assert_eq!(ask(&mut host, "/v1/send", "full", &single()).status, 202);
    let refused = ask(&mut host, "/v1/send", "next", &single());
    assert_eq!((refused.status, is_replayed(&refused)), (429, false));
    host.advance(24 * HOUR_MS);
    let taken = ask(&mut host, "/v1/send", "next", &single());
    assert_eq!((taken.status, is_replayed(&taken)), (202, false), "the next day has room");
}

/// 24 hours to the millisecond, over restarts.
#[test]
fn an_answer_outlives_the_process_for_24_hours() {
    let mut host = Host::new();
    let first = ask(&mut host, "/v1/send/bulk", "order-1", &bulk());
    for _ in 0..23 {
        host.advance(HOUR_MS);
        host.crash();
    }
    host.advance(HOUR_MS - 1);
    host.crash();
    let again = ask(&mut host, "/v1/send/bulk", "order-1", &bulk());
    assert_eq!((is_replayed(&again), &again.body), (true, &first.body));
    host.advance(1);
    assert!(!is_replayed(&ask(&mut host, "/v1/send/bulk", "order-1", &bulk())), "24 hours are over");
}

/// What can be asked for no more is removed in a process that lives long, too: within an hour of it, and not at every
/// request, since it goes through all of them.
#[test]
fn old_answers_are_removed_while_the_account_stays_open() {
    let mut host = Host::new();
    for n in 0..10 {
        ask(&mut host, "/v1/send", &format!("old-{n}"), &single());
        host.advance(1_000);
    }
    host.advance(24 * HOUR_MS);
    ask(&mut host, "/v1/send", "new", &single());
    assert_eq!(host.query("SELECT key FROM idempotency").len(), 1);
    assert_eq!(host.query("SELECT DISTINCT id FROM part WHERE id LIKE 'answer:%'").len(), 1);
    let (_, counted) = host.count(|host| ask(host, "/v1/send", "newer", &single()));
    host.advance(HOUR_MS);
    let (_, swept) = host.count(|host| ask(host, "/v1/send", "newest", &single()));
    assert_eq!(swept.writes - counted.writes, 2, "once an hour");
}

/// A store that fails is no answer: nothing is kept, and the same key is free.
#[test]
fn a_failure_of_the_store_is_not_kept() {
    let mut host = Host::new();
    host.query("ALTER TABLE part RENAME TO gone");
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ask(&mut host, "/v1/send", "order-1", &single());
    }));
    assert!(failed.is_err(), "the answer could not be kept, so there is none");
    host.query("ALTER TABLE gone RENAME TO part");
    host.crash();
    conserved(&mut host, 0);
    let response = ask(&mut host, "/v1/send", "order-1", &single());
    assert_eq!((response.status, is_replayed(&response)), (202, false));
    conserved(&mut host, 1);
}
