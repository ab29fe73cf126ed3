//! The header fields of every class of answer, and what a caller has already and is not sent again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod host;

use host::{Host, SECRET, body, key_of, message, window};
use sendgate_core::{
    front::{self, FrontDecision, FrontRequest},
    http::HttpResponse,
    key,
    time::UnixMillis,
};
use sendgate_embed::Database;
use serde_json::json;
use std::collections::BTreeSet;

fn header<'a>(answer: &'a HttpResponse, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

fn number(answer: &HttpResponse, name: &str) -> u64 {
    header(answer, name).parse().unwrap_or_else(|_| panic!("{name} is no number: {:?}", answer.headers))
}

/// An answer of the door for a request with this `Authorization`.
fn at_the_door(host: &Host, authorization: Option<&str>, path: &str, length: u64) -> HttpResponse {
    let request = FrontRequest {
        method: "POST",
        path,
        query: "",
        authorization,
        idempotency_key: None,
        client_ip: None,
        if_none_match: None,
        content_length: Some(length),
        headers: &Vec::new,
    };
    match front::route(&request, &host.config, SECRET, 1, host.now) {
        FrontDecision::Answer(answer) => answer,
        // An object that nobody made an account of.
        FrontDecision::ToAccount { account, .. } if !host.config.accounts.contains_key(&account) => {
            front::account_missing(1, host.now)
        }
        other => panic!("{other:?}"),
    }
}

/// R237-R240: the three fields on every class of answer, integers, once each; Retry-After on 429 alone.
#[test]
fn every_answer_has_the_rate_fields() {
    let mut host = Host::with(|account| account["key_windows"] = window("key-minute", 9, 60_000));
    let k1 = key_of("k1");
    let bearer = format!("Bearer {k1}");
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let entry = br#"{"email":"gone@example.com"}"#;
    let mut answers = vec![
        ("200, written", 200, host.request(&k1, "POST", "/v1/suppressions", entry)),
        ("204", 204, host.request(&k1, "DELETE", "/v1/suppressions/gone@example.com", b"")),
        ("200, read", 200, host.request(&k1, "GET", &format!("/v1/messages/{id}"), b"")),
        ("202", 202, host.send(&json!({"messages": [message("ann@example.com")]}))),
        ("400", 400, host.request(&k1, "POST", "/v1/send", b"{")),
        ("403", 403, host.request(&key_of("reader"), "POST", "/v1/send", b"{}")),
        ("404", 404, host.request(&k1, "GET", "/v1/nothing", b"")),
        ("405", 405, host.request(&k1, "PUT", "/v1/send", b"")),
    ];
    host.if_none_match = Some("*".into());
    answers.push(("304", 304, host.request(&k1, "GET", "/v1/limits", b"")));
    host.if_none_match = None;
    // Of these the account knows the caller: its binding window speaks, one less each time.
    let mut remaining = BTreeSet::new();
    for (name, status, answer) in &answers {
        assert_eq!(answer.status, *status, "{name}");
        assert_eq!(number(answer, "x-ratelimit-limit"), 9, "R237: {name}");
        assert!(number(answer, "x-ratelimit-reset") * 1_000 > host.now.as_millis(), "R239: {name}");
        remaining.insert(number(answer, "x-ratelimit-remaining"));
    }
    // R238: nine requests of k1, of which the last eight are looked at here, and the first one of the reader.
    assert_eq!(remaining, (0..=8).collect());
    let refused = host.request(&k1, "GET", "/v1/limits", b"");
    assert_eq!((refused.status, number(&refused, "x-ratelimit-remaining")), (429, 0));
    assert_eq!(number(&refused, "retry-after"), 60, "R240, R090");
    assert_eq!(number(&refused, "x-ratelimit-reset") * 1_000, host.now.plus(60_000).as_millis(), "R239");
    host.advance(59_999);
    assert_eq!(host.request(&k1, "GET", "/v1/limits", b"").status, 429);
    host.advance(1);
    let grown = host.request(&k1, "GET", "/v1/limits", b"");
    assert_eq!((grown.status, number(&grown, "x-ratelimit-remaining")), (200, 8), "R239: it grows at that instant");

    // Nobody's windows: zeros, and a reset that is not in the past.
    let foreign = key::issue(SECRET, "elsewhere", "k1", [1; 16]).unwrap();
    let unknown = key::issue(SECRET, "shop", "nobody", [1; 16]).unwrap();
    let nobody = [
        ("no key", 401, at_the_door(&host, None, "/v1/send", 0)),
        ("a made-up key", 401, at_the_door(&host, Some("Bearer sg_shop_k1_00_00"), "/v1/send", 0)),
        ("no such account", 403, at_the_door(&host, Some(&format!("Bearer {foreign}")), "/v1/send", 0)),
        ("no such key", 401, host.request(&unknown, "GET", "/v1/limits", b"")),
        ("no such route", 404, at_the_door(&host, None, "/nothing", 0)),
        ("too large", 413, at_the_door(&host, Some(&bearer), "/v1/send", 50_000_001)),
        ("well, but asked in the wrong way", 405, at_the_door(&host, None, "/healthz", 0)),
        ("a store that fails", 503, front::store_failed(1, host.now)),
        ("a wrong configuration", 500, front::misconfigured(1, host.now)),
        ("a defect", 500, front::internal_error(1, host.now)),
    ];
    for (name, status, answer) in &nobody {
        assert_eq!(answer.status, *status, "{name}");
        assert_eq!(number(answer, "x-ratelimit-limit"), 0, "R237: {name}");
        assert_eq!(number(answer, "x-ratelimit-remaining"), 0, "R238: {name}");
        assert_eq!(number(answer, "x-ratelimit-reset"), host.now.seconds_ceil(), "R239: {name}");
    }
    for (name, _, answer) in answers.iter().chain(&nobody) {
        assert_eq!(answer.header("retry-after"), None, "R240: {name}");
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{name}: a field twice in {names:?}");
        assert!(header(answer, "x-request-id").starts_with("req_"), "{name}");
        let wanted = if answer.status == 401 { "Bearer realm=\"sendgate\"" } else { "" };
        assert_eq!(header(answer, "www-authenticate"), wanted, "{name}");
    }
}

/// R242, document 003's example: limit 60, remaining 0, reset 1699999999, Retry-After 45; R241: its body says 45 too.
#[test]
fn the_documents_example_to_the_letter() {
    // A ring of 15 buckets of 3,998 ms: the one that ends 59,970 ms before 1,699,999,998,788 drains then, which is in the
    // second that ends at 1,699,999,999 (1,699,999,998,788 is a multiple of 3,998).
    let drains = UnixMillis::new(1_699_999_998_788);
    let start = UnixMillis::new(drains.as_millis() - 59_970 - 1);
    let config = host::config_with(|account| {
        account["key_windows"] = window("minute", 60, 59_970);
        account["error_shape"] = json!("nested");
    });
    let mut host = Host::of(Database::in_memory().unwrap(), &config, start);
    for _ in 0..60 {
        assert_eq!(host.request(&key_of("k1"), "GET", "/v1/limits", b"").status, 200);
    }
    host.now = UnixMillis::new(drains.as_millis() - 45_000);
    let refused = host.request(&key_of("k1"), "GET", "/v1/limits", b"");
    let fields = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    assert_eq!((refused.status, fields.map(|name| header(&refused, name))), (429, ["60", "0", "1699999999", "45"]));
    let error = &body(&refused)["error"];
    assert_eq!(error["code"], "RATE_LIMITED");
    assert!(error["message"].as_str().unwrap().contains("45"), "{error}");
    host.now = host.now.plus(45_000);
    assert_eq!(host.request(&key_of("k1"), "GET", "/v1/limits", b"").status, 200, "R090: waiting that long is enough");
}

/// R247: what a caller has is not sent again; asking for it counts as a request.
#[test]
fn what_the_caller_has_is_not_sent_again() {
    let mut host = Host::with(|account| account["key_windows"] = window("key-minute", 20, 60_000));
    let k1 = key_of("k1");
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let path = format!("/v1/messages/{id}");
    let first = host.request(&k1, "GET", &path, b"");
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "a strong tag: {tag}");
    assert_eq!((header(&first, "cache-control"), header(&first, "vary")), ("private, no-cache", "Authorization"));

    let before = number(&first, "x-ratelimit-remaining");
    host.if_none_match = Some(format!("\"other\", W/{tag}"));
    let same = host.request(&k1, "GET", &path, b"");
    assert_eq!((same.status, same.body.len(), header(&same, "etag")), (304, 0, tag.as_str()));
    assert_eq!((header(&same, "cache-control"), same.header("content-type")), ("private, no-cache", None));
    assert_eq!(number(&same, "x-ratelimit-remaining"), before - 1, "it counts");

    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&host::taken()));
    let changed = host.request(&k1, "GET", &path, b"");
    assert_eq!(changed.status, 200, "it says something else now");
    assert_ne!(header(&changed, "etag"), tag);

    // What is not there, and what is written, has no tag.
    host.if_none_match = Some("*".into());
    let missing = host.request(&k1, "GET", "/v1/messages/msg_0", b"");
    assert_eq!((missing.status, missing.header("etag"), header(&missing, "cache-control")), (404, None, "no-store"));
    let sent = host.send(&json!({"messages": [message("ann@example.com")]}));
    assert_eq!((sent.status, sent.header("etag"), header(&sent, "cache-control")), (202, None, "no-store"));
    for path in ["/v1/limits", "/v1/alerts", "/v1/suppressions", "/v1/suppressions/export", "/v1/suppressions/imports"]
    {
        assert_eq!(host.request(&k1, "GET", path, b"").status, 304, "{path}");
    }
}
