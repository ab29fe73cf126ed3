//! The Send API's contract, without a network: what each request is answered and what it leaves behind.
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
use serde_json::{Value, json};

fn code_of(response: &sendgate_core::http::HttpResponse) -> String {
    body(response)["code"].as_str().unwrap_or_default().into()
}

/// R109, R187, R203, R206, R210: accepted before any provider call; the summary is there and adds up.
#[test]
fn a_send_is_accepted_queued_and_summed_up() {
    let mut host = Host::new();
    let response = host.send(&json!({"messages": [message("ann@example.com"), message("bob@example.net")]}));
    assert_eq!(response.status, 202);
    let answer = body(&response);
    assert_eq!(answer["queued_messages"], 2);
    assert_eq!(answer["messages"][1]["status"], "queued");
    assert_eq!(answer["messages"][1]["to"], json!(["bob@example.net"]));
    assert_eq!(
        answer["suppression_summary"],
        json!({"status": "checked", "checked_recipients": 2, "accepted_recipients": 2, "suppressed_recipients": 0, "suppressed_emails": []})
    );
    let id = answer["messages"][0]["message_id"].as_str().unwrap();
    let trace = host.trace(id);
    assert_eq!((trace["status"].as_str(), trace["attempts"].as_u64()), (Some("queued"), Some(0)));
    assert_eq!(trace["trace"][0]["event"], "accepted");
    assert_eq!(host.quota(), (2, 0, 99_998));
}

/// R187, R232, R231, R189 and the issue's list: each bad request has its own error and leaves nothing behind.
#[test]
fn a_bad_request_has_its_own_error_and_changes_nothing() {
    let eleven: Vec<Value> = (0..11)
        .map(|n| json!({"filename": format!("{n}.txt"), "content_type": "text/plain", "content": "aGk="}))
        .collect();
    let mut with_eleven = message("ann@example.com");
    with_eleven["attachments"] = json!(eleven);
    let mut with_typo = message("ann@example.com");
    with_typo["subjekt"] = json!("x");
    let messages = |n: usize| json!({"messages": vec![message("ann@example.com"); n]}).to_string();
    let cases = [
        (messages(501), 400, "too_many_messages"),
        (messages(0), 400, "missing_send_payload"),
        ("{\"messages\": [".to_string(), 400, "invalid_json"),
        ("[]".to_string(), 400, "missing_send_payload"),
        ("{}".to_string(), 400, "missing_send_payload"),
        (r#"{"messages":[],"messages":[]}"#.to_string(), 400, "unknown_field"),
        ("\u{feff}".to_string(), 400, "invalid_json"),
        (json!({"messages": [message("a@b.example")], "message": 1}).to_string(), 400, "unknown_field"),
        (json!({ "messages": [with_typo] }).to_string(), 400, "unknown_field"),
        (json!({ "messages": [with_eleven] }).to_string(), 400, "too_many_attachments"),
        (json!({"messages": [message("not an address")]}).to_string(), 400, "invalid_message"),
        (json!({"messages": [7]}).to_string(), 400, "invalid_message"),
    ];
    let mut host = Host::new();
    let before = host.contents();
    for (request, status, code) in cases {
        host.advance(1_000);
        let response = host.request(&key_of("k1"), "POST", "/v1/send", request.as_bytes());
        assert_eq!((response.status, code_of(&response).as_str()), (status, code), "{}", text(&response));
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(host.contents(), before, "{code} changed something");
    }
    let response = host.request(&key_of("k1"), "POST", "/v1/send", &[0xff, 0xfe]);
    assert_eq!(code_of(&response), "invalid_json");
    assert_eq!(host.quota(), (0, 0, 100_000));
}

/// The error of an unknown field names the field that was meant.
#[test]
fn an_unknown_field_names_the_nearest_known_one() {
    let mut typo = message("ann@example.com");
    typo["subjekt"] = json!("x");
    let mut host = Host::new();
    let response = host.send(&json!({ "messages": [typo] }));
    let answer = body(&response);
    assert_eq!(answer["errors"][0]["field"], "messages[0].subjekt");
    assert!(answer["errors"][0]["detail"].as_str().unwrap().contains("subject"), "{answer}");
    assert_eq!(answer["suppression_summary"]["status"], "not_applicable", "R209");
    assert_eq!(answer["suppression_summary"]["checked_recipients"], 0);
}

/// R187: 500 messages are taken; R113 and R140: a bad one is refused alone.
#[test]
fn one_bad_message_of_five_hundred_is_refused_alone() {
    let mut messages: Vec<Value> = (0..500).map(|n| message(&format!("user{n}@example.com"))).collect();
    messages[250] = message("nobody at all");
    let mut host = Host::new();
    let answer = body(&host.send(&json!({ "messages": messages })));
    assert_eq!(answer["queued_messages"], 499);
    assert_eq!(answer["messages"][250]["status"], "rejected");
    assert_eq!(answer["messages"][250]["error"]["errors"][0]["field"], "messages[250].to");
    assert_eq!(host.quota(), (499, 0, 99_501));
}

/// R190: ten requests a second of one key, another key untouched. R191, R240: Retry-After is there, whole and at least 1.
/// R090: waiting exactly that long is enough. R089: a denied request queues nothing.
#[test]
fn the_eleventh_request_of_a_second_waits_and_other_keys_do_not() {
    let mut host = Host::new();
    for n in 0..10 {
        let response = host.send(&json!({"messages": [message("ann@example.com")]}));
        assert_eq!(response.status, 202);
        let remaining: u64 = response.header("x-ratelimit-remaining").unwrap().parse().unwrap();
        assert_eq!(remaining, 9 - n, "R095: it falls by one a request");
        assert_eq!(response.header("retry-after"), None, "R240");
    }
    let before = host.contents();
    let response = host.send(&json!({"messages": [message("ann@example.com")]}));
    assert_eq!((response.status, code_of(&response).as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(body(&response)["window"], "key-second");
    assert_eq!(host.contents(), before);
    let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
    let other = host.request(&key_of("other"), "GET", "/v1/limits", b"");
    assert_eq!(other.status, 200, "R097: the other key has its own ten");
    host.advance(wait * 1_000);
    assert_eq!(host.send(&json!({"messages": [message("ann@example.com")]})).status, 202);
}

/// R237-R239: the headers are on every answer, refusals too; Reset is not in the past.
#[test]
fn every_answer_carries_the_rate_headers() {
    let mut host = Host::new();
    let answers = [
        host.send(&json!({"messages": [message("ann@example.com")]})),
        host.request(&key_of("k1"), "GET", "/v1/nothing", b""),
        host.request(&key_of("k1"), "GET", "/v1/send", b""),
        host.request("sg_shop_k1_00_00", "POST", "/v1/send", b"{}"),
        host.request(&key_of("revoked"), "POST", "/v1/send", b"{}"),
        host.request(&key_of("reader"), "POST", "/v1/send", b"{}"),
    ];
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [202, 404, 405, 401, 401, 403]);
    for answer in &answers {
        let figure = |name: &str| answer.header(name).unwrap().parse::<u64>().unwrap();
        assert!(figure("x-ratelimit-remaining") <= figure("x-ratelimit-limit"));
        assert!(figure("x-ratelimit-reset") >= START / 1_000);
        assert_eq!(answer.header("retry-after"), None);
    }
}

/// A key of another account finds nothing of this one, and a key nobody issued goes nowhere.
#[test]
fn keys_end_at_their_account() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let stranger = sendgate_core::key::issue(SECRET, "bank", "k1", [1; 16]).unwrap();
    let response = host.request(&stranger, "GET", &format!("/v1/messages/{id}"), b"");
    assert_eq!((response.status, code_of(&response).as_str()), (403, "delivery_account_missing"));
    let unknown = sendgate_core::key::issue(SECRET, "shop", "k1", [99; 16]).unwrap();
    let response = host.request(&unknown, "GET", &format!("/v1/messages/{id}"), b"");
    assert_eq!(
        (response.status, code_of(&response).as_str()),
        (401, "invalid_key"),
        "a good MAC is not yet a known key"
    );
}

/// R198, R199: not enough quota refuses the whole request, names the period and says when the next one begins.
#[test]
fn a_request_over_the_quota_is_refused_whole() {
    let mut host = Host::with(|account| account["quotas"] = json!([{"period": "day", "limit": 10}]));
    host.send_ok(vec![message("ann@example.com")]);
    let before = host.contents();
    let ten: Vec<Value> = (0..10).map(|n| message(&format!("u{n}@example.com"))).collect();
    let response = host.send(&json!({ "messages": ten }));
    assert_eq!((response.status, code_of(&response).as_str()), (429, "quota_daily"));
    assert_eq!(host.contents(), before, "quota is still 9 and the queue unchanged");
    // 2026-12-01T10:00:00Z: midnight UTC is 14 hours away.
    assert_eq!(response.header("retry-after"), Some("50400"));
    host.advance(1_000);
    let eleven: Vec<Value> = (0..11).map(|n| message(&format!("u{n}@example.com"))).collect();
    let response = host.send(&json!({ "messages": eleven }));
    assert_eq!((response.status, code_of(&response).as_str()), (429, "overquota"));
    assert_eq!(response.header("retry-after"), None, "no waiting helps");
    host.now = sendgate_core::time::UnixMillis::new(START + 50_400_000);
    assert_eq!(host.send(&json!({ "messages": ten })).status, 202, "the next day has its own ten");
}

/// R200-R203, R201, R210: the pre-check reserves only for who is not suppressed, and says who is.
#[test]
fn suppressed_recipients_reserve_nothing_and_are_named() {
    let mut host = Host::new();
    let added = host.request(
        &key_of("k1"),
        "POST",
        "/v1/suppressions",
        br#"{"email":"Dead@Example.COM","reason":"hard_bounce"}"#,
    );
    assert_eq!((added.status, body(&added)["email"].as_str()), (200, Some("dead@example.com")));
    let mut both = message("ann@example.com");
    both["cc"] = json!(["DEAD@example.com"]);
    let answer = body(&host.send(&json!({"messages": [both, message("dead@example.com")]})));
    assert_eq!(answer["queued_messages"], 1);
    assert_eq!(answer["messages"][1]["status"], "suppressed");
    assert_eq!(
        answer["suppression_summary"],
        json!({"status": "checked", "checked_recipients": 3, "accepted_recipients": 1, "suppressed_recipients": 2,
               "suppressed_emails": ["DEAD@example.com", "dead@example.com"]})
    );
    assert_eq!(host.quota(), (1, 0, 99_999));
    let (_, request) = host.next_request();
    assert_eq!(recipients(&request).len(), 1, "R200: the suppressed one is not in the request");
    assert!(!String::from_utf8_lossy(&request.body).to_lowercase().contains("dead@"));
}

/// R208: the list cannot be read: accepted, reserved for everybody, and nothing leaves unchecked.
#[test]
fn an_unreadable_list_is_unavailable_and_nothing_leaves_unchecked() {
    let mut host = Host::new();
    host.query("ALTER TABLE suppression RENAME TO gone");
    let response = host.send(&json!({"messages": [message("ann@example.com")]}));
    assert_eq!(response.status, 202);
    assert_eq!(body(&response)["suppression_summary"]["status"], "unavailable");
    assert_eq!(body(&response)["suppression_summary"]["accepted_recipients"], 1);
    let (account, now) = (&mut host.account, host.now);
    let failed = host.database.transaction::<_, Failed, _>(|sql| Ok(account.next(sql, now)?));
    assert!(failed.is_err(), "the final check must run before a dispatch");
    host.query("ALTER TABLE gone RENAME TO suppression");
    host.crash();
    assert_eq!(recipients(&host.next_request().1).len(), 1, "held, not lost");
}

/// R207: an account that ignores its list filters nobody.
#[test]
fn an_account_may_ignore_its_list() {
    let mut host = Host::with(|account| account["suppression"] = json!("ignored"));
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"ann@example.com"}"#);
    let answer = body(&host.send(&json!({"messages": [message("ann@example.com")]})));
    assert_eq!(answer["suppression_summary"]["status"], "ignored");
    assert_eq!(answer["suppression_summary"]["suppressed_recipients"], 0);
    assert_eq!(recipients(&host.next_request().1).len(), 1);
}

#[test]
fn a_repeated_idempotency_key_replays_and_another_body_is_a_conflict() {
    let mut host = Host::new();
    let request = json!({"messages": [message("ann@example.com")]}).to_string();
    let other = json!({"messages": [message("bob@example.com")]}).to_string();
    let mut send =
        |body: &str, key: &str| host.request_with(&key_of("k1"), "POST", "/v1/send", Some(key), body.as_bytes());
    let first = send(&request, "order-1");
    let again = send(&request, "\"order-1\"");
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(code_of(&send(&other, "order-1")), "idempotency_conflict");
    assert_eq!(code_of(&send(&other, "")), "invalid_idempotency_key");
    assert_eq!(host.quota().0, 1, "one reservation, however often it was asked");
    host.advance(86_400_001);
    let later = host.request_with(&key_of("k1"), "POST", "/v1/send", Some("order-1"), request.as_bytes());
    assert_eq!(later.header("idempotent-replayed"), None, "24 hours are over");
}

/// An answer larger than one value of the platform's SQLite is kept under its key all the same.
#[test]
fn a_large_answer_is_replayed_whole() {
    let mut host = Host::new();
    let to: Vec<String> = (0..200).map(|n| format!("user{n}@a-rather-long-domain.example")).collect();
    let mut large = message("ann@example.com");
    large["to"] = json!(to);
    let request = json!({"messages": vec![large; 400]}).to_string();
    let first = host.request_with(&key_of("k1"), "POST", "/v1/send", Some("large"), request.as_bytes());
    assert_eq!(first.status, 202, "{}", text(&first));
    assert!(first.body.len() > 2_000_000);
    let again = host.request_with(&key_of("k1"), "POST", "/v1/send", Some("large"), request.as_bytes());
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
    let most = host.query("SELECT max(length(CAST(body AS BLOB))) FROM part");
    let sendgate_core::sql::Value::Integer(most) = most[0][0] else { panic!("no number") };
    assert!(most <= 1_000_000);
    host.advance(86_400_001);
    host.crash();
    assert_eq!(host.query("SELECT * FROM part").len(), 0, "forgotten with its key");
}

/// A secret that cannot stand in a header stops the account, not its mail.
#[test]
fn a_malformed_credential_is_refused_at_once() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com")]);
    for secret in ["", "esp-secret\n", "two words"] {
        let (config, now) = (&host.config, host.now);
        let opened = host.database.transaction::<_, Failed, _>(|sql| {
            let credential = |_: &str| Some(secret.to_owned());
            let tools = sendgate_core::account::HostTools { secret: &credential, compose: |_| Vec::new() };
            Ok(sendgate_core::account::Account::open(config, "shop", tools, sql, now)?)
        });
        assert!(opened.err().is_some_and(|error| error.0.contains("cannot stand in a header")), "{secret:?}");
    }
    host.crash();
    assert_eq!(recipients(&host.next_request().1).len(), 1);
}

/// A configuration's error names the place and never a value: somebody may have put a key there.
#[test]
fn a_configuration_error_shows_no_value() {
    let text = config_with(|account| account["keys"] = json!(["sg_shop_k1_SECRET"]));
    let error = sendgate_core::config::Config::from_json(&text).unwrap_err().to_string();
    assert!(!error.contains("SECRET") && error.contains("line 1 column"), "{error}");
    let text = config_with(|account| account["provders"] = json!([]));
    let error = sendgate_core::config::Config::from_json(&text).unwrap_err().to_string();
    assert!(error.contains("unknown field `provders`"), "{error}");
}

/// RFC 9110: 405 names the method, 401 the scheme.
#[test]
fn refusals_carry_the_headers_that_http_wants() {
    let mut host = Host::new();
    assert_eq!(host.request(&key_of("k1"), "PUT", "/v1/send", b"").header("allow"), Some("POST"));
    let revoked = host.request(&key_of("revoked"), "GET", "/v1/limits", b"");
    assert_eq!((revoked.status, revoked.header("www-authenticate")), (401, Some("Bearer realm=\"sendgate\"")));
}

/// R082, R083: the default minute is ten times the second; 0 is an error that names the field.
#[test]
fn sending_limits_are_checked_and_the_minute_is_derived() {
    let text = config_with(|account| account["sending"] = json!({"per_second": 0}));
    let error = sendgate_core::config::Config::from_json(&text).unwrap_err();
    assert_eq!(error.field, "accounts.shop.sending");
    let mut host = Host::with(|account| account["sending"] = json!({"per_second": 50}));
    let limits = body(&host.request(&key_of("k1"), "GET", "/v1/limits", b""));
    let minute = limits["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "sending-minute").unwrap();
    assert_eq!((minute["limit"].as_u64(), minute["period_ms"].as_u64()), (Some(500), Some(60_000)));
}

/// R195: a suspended account refuses, and its queued mail waits.
#[test]
fn a_suspended_account_refuses_and_holds() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com")]);
    let text = config_with(|account| account["status"] = json!("suspended"));
    host.config = sendgate_core::config::Config::from_json(&text).unwrap();
    host.crash();
    let send = |host: &mut Host| host.send(&json!({"messages": [message("ann@example.com")]}));
    let (response, counted) = host.count(send);
    assert_eq!((response.status, code_of(&response).as_str()), (403, "account_suspended"));
    assert_eq!((counted.reads, counted.writes), (0, 0), "nothing is counted");
    assert!(matches!(host.next(), sendgate_core::mailroom::Effect::Wait { .. }), "held, and looked at again");
}

/// R062: a provider must be reached by https, or on the loopback.
#[test]
fn a_provider_without_tls_is_refused() {
    for (url, fine) in [
        ("https://api.resend.com", true),
        ("http://127.0.0.1:8787/sandbox/resend", true),
        ("http://localhost/x", true),
        ("http://api.resend.com", false),
        ("http://127.0.0.1@evil.example/", false),
        ("http://127.0.0.1.evil.example/", false),
        ("ftp://127.0.0.1/", false),
    ] {
        let text = config_with(|account| account["providers"][0]["base_url"] = json!(url));
        assert_eq!(sendgate_core::config::Config::from_json(&text).is_ok(), fine, "{url}");
    }
}
