//! The windows on an account's requests, through its API.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{sql::Value as Cell, time::UnixMillis};
use serde_json::json;

/// R092: the keys of an account together never exceed its limit; who is denied is charged nothing, not even with
/// its own key, and nothing is written.
#[test]
fn all_keys_of_an_account_share_its_limit() {
    let mut host = Host::with(|account| {
        account["account_windows"] = json!([{"kind": "sliding", "name": "plan", "limit": 15, "period_ms": 2000}]);
    });
    let mut statuses = Vec::new();
    for n in 0..30_usize {
        let key = key_of(["k1", "other", "reader"][n % 3]);
        let (response, counted) = host.count(|host| host.request(&key, "GET", "/v1/limits", b""));
        // The 14th of 15 is above 90 %, the 15th the last: an alert each (R176, R177).
        let alerts = usize::from(n == 13 || n == 14);
        assert_eq!(counted.writes, usize::from(response.status == 200) + alerts, "one row when counted, none when not");
        statuses.push(response.status);
        host.advance(10);
    }
    assert_eq!((&statuses[..15], &statuses[15..]), (&[200; 15][..], &[429; 15][..]));
    host.now = UnixMillis::new(START + 2_000);
    let response = host.request(&key_of("k1"), "GET", "/v1/limits", b"");
    assert_eq!((response.status, response.header("x-ratelimit-remaining")), (200, Some("0")));
    let denied = host.request(&key_of("other"), "GET", "/v1/limits", b"");
    assert_eq!((denied.status, body(&denied)["window"].as_str()), (429, Some("plan")));
    assert!(denied.header("ratelimit").unwrap().contains("\"key-second\";r=10"), "its own key was not charged");
}

/// C24: a plan without a limit has no window; the key's own and the technical limits still apply.
#[test]
fn unlimited_is_no_window_and_not_no_limit() {
    let mut host = Host::with(|account| account["account_windows"] = json!([]));
    for key in ["k1", "other"] {
        for n in 0..11 {
            let response = host.request(&key_of(key), "GET", "/v1/limits", b"");
            assert_eq!(response.status, if n < 10 { 200 } else { 429 }, "ten a second of each key");
            assert_eq!(response.header("ratelimit-policy"), Some("\"key-second\";q=10;w=1"));
        }
    }
    let error = sendgate_core::config::Config::from_json(&config_with(|account| account["key_windows"] = json!([])));
    assert_eq!(error.unwrap_err().field, "accounts.shop.key_windows");
}

/// Opened again the windows go on where they were, under other limits too; a row that cannot be read is taken as full.
#[test]
fn a_restart_frees_no_request() {
    let plan =
        |limit: u32| move |account: &mut serde_json::Value| account["account_windows"] = window("plan", limit, 60_000);
    let mut host = Host::with(plan(5));
    let ask = |host: &mut Host| host.request(&key_of("k1"), "GET", "/v1/limits", b"").status;
    assert_eq!((0..6).map(|_| ask(&mut host)).collect::<Vec<_>>(), [200, 200, 200, 200, 200, 429]);
    host.crash();
    assert_eq!(ask(&mut host), 429);
    host.configure(plan(7));
    assert_eq!((0..3).map(|_| ask(&mut host)).collect::<Vec<_>>(), [200, 200, 429]);
    host.advance(60_000);
    assert_eq!(ask(&mut host), 200);
    host.query("UPDATE state SET bytes = x'00' WHERE name = 'requests'");
    host.crash();
    assert_eq!(ask(&mut host), 429);
    host.advance(60_000);
    assert_eq!(ask(&mut host), 200);
    assert_eq!(host.query("SELECT count(*) FROM state WHERE name = 'requests'"), [[Cell::Integer(1)]]);
}

/// A clock set back by an hour frees nothing and does not shut the keys out for that hour.
#[test]
fn a_clock_set_back_is_followed_by_the_keys() {
    let mut host = Host::with(|account| account["account_windows"] = window("plan", 5, 60_000));
    let ask = |host: &mut Host| host.request(&key_of("k1"), "GET", "/v1/limits", b"").status;
    assert_eq!((0..6).map(|_| ask(&mut host)).collect::<Vec<_>>(), [200, 200, 200, 200, 200, 429]);
    host.now = UnixMillis::new(START - 3_600_000);
    let (status, counted) = host.count(ask);
    assert_eq!((status, counted.writes), (429, 1), "the state that followed is stored");
    host.advance(59_999);
    let (status, counted) = host.count(ask);
    assert_eq!((status, counted.writes), (429, 0));
    host.advance(1);
    assert_eq!(ask(&mut host), 200);
}
