//! Several providers of one account: which of them a message leaves through, and when another one takes over.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{
    config::Config,
    http::HttpResponse,
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    time::UnixMillis,
};
use serde_json::{Value, json};

fn pair(first: &str, second: &str) -> Host {
    Host::with(|account| two_providers(account, first, second))
}

/// The next request and the provider that it goes to.
fn next(host: &mut Host) -> (Attempt, &'static str) {
    let (attempt, request) = host.next_request();
    (attempt, provider_of(&request))
}

fn failed() -> HttpResponse {
    answer(503, "{}", &[])
}

/// R059: the primary answers 503, and at the same instant the message itself and the one behind it leave by the secondary.
#[test]
fn a_failing_primary_is_passed_by_within_the_same_tick() {
    let mut host = pair("sandbox", "sandbox");
    let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
    let (attempt, first) = host.next_request();
    assert_eq!((provider_of(&first), field(&first, "authorization").unwrap().as_str()), ("main", "Bearer esp-secret"));
    host.settle(attempt, Ok(&failed()));
    for id in &ids {
        let (attempt, request) = host.next_request();
        assert_eq!(provider_of(&request), "second");
        assert_eq!(field(&request, "authorization").unwrap(), "Bearer esp-secret-2");
        host.settle(attempt, Ok(&taken()));
        assert_eq!(host.trace(id)["provider"], "second");
    }
    let trace = host.trace(&ids[0]);
    assert_eq!(events(&trace), ["accepted", "attempt", "transient", "attempt", "sent"]);
    assert_eq!((trace["trace"][1]["provider"].as_str(), trace["attempts"].as_u64()), (Some("main"), Some(2)));
    assert_eq!(host.quota(), (0, 2, 99_998));
}

/// After its pause the primary is tried with one call; the others do not wait for that. An answer closes the matter.
#[test]
fn a_primary_that_failed_is_tried_with_one_call() {
    let mut host = pair("sandbox", "sandbox");
    host.send_ok(vec![message("ann@example.com")]);
    let (attempt, _) = next(&mut host);
    host.settle(attempt, Ok(&failed()));
    let (attempt, _) = next(&mut host);
    host.settle(attempt, Ok(&taken()));
    for pause in [1_000, 2_000, 4_000] {
        host.advance(pause - 1);
        host.send_ok(vec![message("bob@example.com")]);
        let (early, provider) = next(&mut host);
        assert_eq!(provider, "second", "not a millisecond early");
        host.settle(early, Ok(&taken()));
        host.advance(1);
        host.send_ok(vec![message("cid@example.com"), message("dan@example.com")]);
        let (probe, provider) = next(&mut host);
        assert_eq!(provider, "main");
        let (other, provider) = next(&mut host);
        assert_eq!(provider, "second", "one call at a time");
        host.settle(other, Ok(&taken()));
        host.settle(probe, Ok(&failed()));
        let (again, provider) = next(&mut host);
        assert_eq!(provider, "second", "the pause doubles");
        host.settle(again, Ok(&taken()));
    }
    host.advance(8_000);
    host.send_ok((0..3).map(|n| message(&format!("u{n}@example.com"))).collect());
    let (probe, _) = next(&mut host);
    host.settle(probe, Ok(&taken()));
    assert_eq!([next(&mut host).1, next(&mut host).1], ["main", "main"], "it works again");
}

/// A short wait is waited for, a longer one is not.
#[test]
fn a_throttled_primary_is_waited_for_if_it_is_short() {
    for (seconds, provider) in [("5", None), ("6", Some("second"))] {
        let mut host = pair("sandbox", "sandbox");
        host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
        let (attempt, _) = next(&mut host);
        host.settle(attempt, Ok(&answer(429, r#"{"code":"rate_limited"}"#, &[("retry-after", seconds)])));
        match (host.next(), provider) {
            (Effect::Wait { until }, None) => assert_eq!(until, host.now.plus(5_000)),
            (Effect::Send { call, .. }, Some(provider)) => assert_eq!(provider_of(&http(call)), provider),
            (effect, _) => panic!("{seconds}: {effect:?}"),
        }
    }
}

/// A spent quota and a wrong credential are one provider's trouble, however soon it may pass.
#[test]
fn a_spent_quota_or_a_wrong_credential_moves_everything() {
    for response in [answer(429, r#"{"code":"quota_exceeded"}"#, &[("retry-after", "1")]), answer(401, "{}", &[])] {
        let mut host = pair("sandbox", "sandbox");
        let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
        let (attempt, _) = next(&mut host);
        host.settle(attempt, Ok(&response));
        for _ in &ids {
            let (attempt, provider) = next(&mut host);
            assert_eq!(provider, "second");
            host.settle(attempt, Ok(&taken()));
        }
        assert_eq!(host.trace(&ids[0])["status"], "sent");
    }
}

/// Both fail: nothing goes round in circles, and the schedule of attempts is kept.
#[test]
fn two_failing_providers_are_not_asked_in_circles() {
    let mut host = pair("sandbox", "sandbox");
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let mut calls = 0;
    let end = host.now.plus(60_000);
    while host.now < end {
        match host.next() {
            Effect::Send { attempt, .. } => {
                calls += 1;
                host.settle(attempt, Ok(&failed()));
            }
            Effect::Wait { until } => host.now = until.min(end),
            Effect::Idle => panic!("it waits"),
        }
    }
    assert_eq!(calls, 5, "R102: five attempts, whoever they go to");
    assert_eq!(host.trace(&id)["status"], "held");
}

/// 3.4 of the design: what may have been taken is never failed over; what is behind it is.
#[test]
fn an_unknown_outcome_stays_with_its_provider() {
    for (kind, status) in [("postmark", "unknown"), ("sandbox", "deferred")] {
        let mut host = pair(kind, "sandbox");
        let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
        let (attempt, first) = host.next_request();
        host.settle(attempt, Err(TransportFailure::MaybeSent));
        let (attempt, provider) = next(&mut host);
        assert_eq!(provider, "second", "{kind}: a silent provider is not waited for");
        host.settle(attempt, Ok(&taken()));
        assert_eq!(
            (host.trace(&ids[0])["status"].as_str(), host.trace(&ids[1])["status"].as_str()),
            (Some(status), Some("sent"))
        );
        if kind == "sandbox" {
            host.crash();
            host.advance(1_000);
            let (_, again) = host.next_request();
            assert_eq!((provider_of(&again), &again.body), ("main", &first.body), "after a restart, too");
        } else {
            assert_eq!(host.next(), Effect::Idle);
        }
    }
}

#[test]
fn an_account_that_prefers_twice_to_never_fails_over_the_unknown() {
    for (on_unknown, status) in [("stop", "unknown"), ("resend", "sending")] {
        let mut host = Host::with(|account| {
            two_providers(account, "postmark", "sandbox");
            account["on_unknown"] = json!(on_unknown);
        });
        let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
        let (first, _) = next(&mut host);
        let (second, _) = next(&mut host);
        host.settle(first, Err(TransportFailure::MaybeSent));
        host.settle(second, Ok(&answer(401, "{}", &[])));
        let (attempt, provider) = next(&mut host);
        assert_eq!((attempt.message, provider), (second.message, "second"), "surely not taken");
        host.advance(1_000);
        if on_unknown == "resend" {
            let (attempt, provider) = next(&mut host);
            assert_eq!((attempt.message, provider), (first.message, "second"));
        }
        assert_eq!(host.trace(&ids[0])["status"], status);
    }
}

/// What only the second provider can send goes there, and waits for nobody but it.
#[test]
fn a_message_goes_to_the_provider_that_can_send_it() {
    let mut host = pair("resend", "sandbox");
    let mut tracked = message("ann@example.com");
    tracked["tracking"] = json!({"opens": true});
    host.send_ok(vec![tracked.clone(), message("bob@example.com")]);
    assert_eq!([next(&mut host).1, next(&mut host).1], ["second", "main"]);

    // The second one is spent for an hour: what only it can send waits, the rest does not.
    let mut host = pair("resend", "sandbox");
    let ids = host.send_ok(vec![tracked.clone(), tracked.clone(), message("bob@example.com")]);
    let (attempt, _) = next(&mut host);
    host.settle(attempt, Ok(&answer(429, r#"{"code":"quota_exceeded"}"#, &[("retry-after", "3600")])));
    let (attempt, provider) = next(&mut host);
    assert_eq!(provider, "main");
    host.settle(attempt, Ok(&answer(200, r#"{"id":"r-1"}"#, &[])));
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(3_600_000) });
    assert_eq!(host.trace(&ids[2])["status"], "sent");
    host.crash();
    host.send_ok(vec![message("cid@example.com")]);
    assert_eq!(next(&mut host).1, "main", "the queue is built anew, and nobody stands in the way");
}

/// Refused at submit only when nobody can send it, with what the first one lacks.
#[test]
fn what_no_provider_supports_is_refused_at_submit() {
    let mut tracked = message("ann@example.com");
    tracked["tracking"] = json!({"opens": true});
    let mut host = pair("resend", "sandbox");
    assert_eq!(host.send(&json!({"messages": [tracked.clone()]})).status, 202);
    let mut host = pair("resend", "resend");
    let refused = body(&host.send(&json!({"messages": [tracked]})));
    assert_eq!(refused["code"], "unsupported_feature");
    assert_eq!(refused["errors"][0]["detail"], "resend does not have: tracking per message");
}

/// R077: each provider has windows of its own, and their counts never mix. One that is full for longer than a moment is
/// passed by.
#[test]
fn windows_of_two_providers_never_mix() {
    let mut host = Host::with(|account| {
        two_providers(account, "sandbox", "sandbox");
        account["providers"][0]["windows"] = window("minute", 3, 60_000);
        account["providers"][1]["windows"] = window("minute", 4, 60_000);
    });
    host.send_ok((0..9).map(|n| message(&format!("u{n}@example.com"))).collect());
    let mut left = Vec::new();
    let end = loop {
        match host.next() {
            Effect::Send { attempt, call, .. } => {
                left.push(provider_of(&http(call)));
                host.settle(attempt, Ok(&taken()));
            }
            end @ (Effect::Wait { .. } | Effect::Idle) => break end,
        }
    };
    assert_eq!(left, ["main", "main", "main", "second", "second", "second", "second"]);
    assert_eq!(end, Effect::Wait { until: host.now.plus(60_000) });
    host.crash();
    let limits = body(&host.request(&key_of("k1"), "GET", "/v1/limits", b""));
    let used: Vec<(&str, u64)> = limits["limits"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|limit| limit["scope"] == "provider")
        .map(|limit| (limit["dimension"].as_str().unwrap(), limit["used"].as_u64().unwrap()))
        .collect();
    assert_eq!(used, [("main", 3), ("second", 4)]);
    let many = |n: usize| {
        let mut message = message("x");
        message["to"] = (0..n).map(|n| json!(format!("u{n}@example.com"))).collect();
        message
    };
    let mut host = Host::with(|account| {
        two_providers(account, "sandbox", "sandbox");
        account["providers"][0]["recipient_windows"] = window("small", 2, 60_000);
        account["providers"][1]["recipient_windows"] = window("large", 5, 60_000);
    });
    host.send_ok(vec![many(4)]);
    assert_eq!(next(&mut host).1, "second", "it is too large for the first one");
    let refused = host.send(&json!({"messages": [many(6)]}));
    assert_eq!(body(&refused)["errors"][0]["code"], "never_fits", "and this one for both");
}

/// A sender that the first provider does not know may be verified at the second; when it is not, its owner is waited for.
#[test]
fn an_unverified_sender_is_tried_at_the_next_provider_once() {
    let unverified = answer(403, r#"{"statusCode":403,"name":"validation_error","message":"x"}"#, &[]);
    let mut host = pair("resend", "resend");
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    for provider in ["main", "second"] {
        let (attempt, through) = next(&mut host);
        assert_eq!(through, provider);
        host.settle(attempt, Ok(&unverified));
    }
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(300_000) });
    let trace = host.trace(&id);
    assert_eq!(
        (trace["status"].as_str(), trace["error"]["code"].as_str()),
        (Some("held"), Some("sender_not_verified"))
    );
    host.advance(300_000);
    assert_eq!(next(&mut host).1, "main");
}

/// A provider's block outlives the process, and it is that provider's alone.
#[test]
fn a_block_is_kept_for_its_provider_over_a_restart() {
    let mut host = pair("sandbox", "sandbox");
    host.send_ok(vec![message("ann@example.com")]);
    let (attempt, _) = next(&mut host);
    host.settle(attempt, Ok(&answer(429, "{}", &[("retry-after", "3600")])));
    host.crash();
    assert_eq!(next(&mut host).1, "second");
}

/// A higher number of failures waits for the primary meanwhile, as if there were no other.
#[test]
fn the_number_of_failures_is_the_accounts() {
    let mut host = Host::with(|account| {
        two_providers(account, "sandbox", "sandbox");
        account["failover"] = json!({"after_failures": 3});
    });
    host.send_ok((0..3).map(|n| message(&format!("u{n}@example.com"))).collect());
    for _ in 0..3 {
        let (attempt, provider) = next(&mut host);
        assert_eq!(provider, "main");
        host.settle(attempt, Ok(&failed()));
    }
    assert_eq!(next(&mut host).1, "second", "the third itself");
}

#[test]
fn configuration_errors_name_the_field() {
    let of = |change: &dyn Fn(&mut Value)| {
        let text = config_with(|account| {
            two_providers(account, "sandbox", "sandbox");
            change(account);
        });
        let error = Config::from_json(&text).unwrap_err();
        (error.field, error.detail)
    };
    let many = (0..33).map(|n| json!({"name": format!("p{n}"), "kind": "sandbox", "base_url": "https://e.example"}));
    let many: Value = many.collect();
    for (change, field, detail) in [
        (json!({"providers": many}), "providers", "at most 32 providers, got 33"),
        (json!({"failover": {"after_failures": 0}}), "failover.after_failures", "must be 1 to 100, got 0"),
        (json!({"failover": {"after_ms": 86_400_001}}), "failover.after_ms", "must be 0 to 86400000, got 86400001"),
        (json!({"batch": {"max_messages": 501}}), "batch.max_messages", "must be 1 to 500, got 501"),
    ] {
        let merge = |account: &mut Value| change.as_object().unwrap().iter().for_each(|(k, v)| account[k] = v.clone());
        assert_eq!(of(&merge), (format!("accounts.shop.{field}"), detail.to_owned()));
    }
    let twice = of(&|account| account["providers"][1]["name"] = json!("main"));
    assert_eq!(twice, ("accounts.shop.providers[1].name".into(), "another provider has this name".into()));
}

/// What expires while both providers are shut expires on time.
#[test]
fn an_end_is_kept_while_every_provider_is_shut() {
    let mut host = pair("sandbox", "sandbox");
    let mut short = message("ann@example.com");
    short["expires_at"] = json!(UnixMillis::new(START + 60_000).to_string());
    let ids = host.send_ok(vec![short]);
    for _ in 0..2 {
        let (attempt, _) = next(&mut host);
        host.settle(attempt, Ok(&answer(429, r#"{"code":"quota_exceeded"}"#, &[("retry-after", "3600")])));
    }
    host.advance(60_000);
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.trace(&ids[0])["status"], "expired");
}

/// R028: a provider that only reports is no way out, whatever becomes of the others, and stands in nobody's place; it needs no
/// credential, and what it reports is believed.
#[test]
fn a_provider_that_only_reports_is_never_asked_to_send() {
    let only_reports = |account: &mut Value| {
        let main = account["providers"][0].clone();
        let events = json!({"name": "events", "kind": "postmark", "receive_only": true, "webhook": {"secret": "HOOK"}});
        account["providers"] = json!([events, main]);
    };
    let mut host = Host::with_secrets(only_reports, &[("HOOK", "hook:p4ss".into())]);
    let ids = host.send_ok(vec![message("ann@example.com")]);
    let Effect::Send { attempt, call, .. } = host.next() else { panic!("the message leaves") };
    let request = http(call);
    assert_eq!(
        (provider_of(&request), field(&request, "authorization").unwrap().as_str()),
        ("main", "Bearer esp-secret")
    );
    host.settle(attempt, Ok(&failed()));
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(1_000) }, "there is nobody else");
    host.advance(1_000);
    let (attempt, request) = next(&mut host);
    assert_eq!(request, "main");
    host.settle(attempt, Ok(&taken()));
    assert_eq!(host.trace(&ids[0])["provider"], "main");

    // The Basic credentials `hook:p4ss`.
    let credentials = [("Authorization".to_string(), "Basic aG9vazpwNHNz".to_string())];
    let bounce = json!({"RecordType": "Bounce", "ID": 7, "Type": "HardBounce", "MessageID": "esp-1", "Email": "ann@example.com"});
    for provider in ["events", "postmark"] {
        let path = format!("/v1/webhooks/{provider}/shop");
        assert_eq!(host.report(&path, &[], bounce.to_string().as_bytes()).status, 401);
        assert_eq!(host.report(&path, &credentials, bounce.to_string().as_bytes()).status, 200);
    }
    assert_eq!(host.trace(&ids[0])["status"], "bounced");
}

/// What only reports has to have something to report by, and somebody has to send.
#[test]
fn a_configuration_says_who_sends() {
    let flaw = |providers: Value| {
        let text = config_with(|account| account["providers"] = providers);
        Config::from_json(&text).err().map(|error| (error.field, error.detail)).unwrap_or_default()
    };
    let sends = json!({"name": "main", "kind": "postmark", "credential": "ESP"});
    let reports = json!({"name": "old", "kind": "mailgun", "receive_only": true, "webhook": {"secret": "S"}});
    let silent = json!({"name": "old", "kind": "mailgun", "receive_only": true});
    assert_eq!(flaw(json!([sends, reports])), Default::default());
    assert_eq!(flaw(json!([sends, silent])).0, "accounts.shop.providers[1].webhook");
    let (field, detail) = flaw(json!([reports]));
    assert_eq!(
        (field.as_str(), detail.as_str()),
        ("accounts.shop.providers", "at least 1 provider that is not receive_only")
    );
}

/// A restart forgets no failure: the pauses go on doubling where they were, and the one call that tries a failing provider is still
/// one. What is known is written when it changes; a provider that takes everything costs no row.
#[test]
fn a_restart_goes_on_counting_failures() {
    let mut host = pair("sandbox", "sandbox");
    for pause in [1_000, 2_000, 4_000] {
        host.send_ok(vec![message("ann@example.com")]);
        let (attempt, provider) = next(&mut host);
        assert_eq!(provider, "main");
        host.settle(attempt, Ok(&failed()));
        let (attempt, _) = next(&mut host);
        host.settle(attempt, Ok(&taken()));
        host.crash();
        host.advance(pause - 1);
        host.send_ok(vec![message("bob@example.com")]);
        let (attempt, provider) = next(&mut host);
        assert_eq!(provider, "second", "the pause is {pause}");
        host.settle(attempt, Ok(&taken()));
        host.advance(1);
    }
    host.crash();
    host.send_ok(vec![message("cid@example.com"), message("dan@example.com")]);
    let (probe, provider) = next(&mut host);
    assert_eq!(provider, "main");
    let (other, provider) = next(&mut host);
    assert_eq!(provider, "second", "one call at a time");
    host.settle(other, Ok(&taken()));
    let ((), mends) = host.count(|host| host.settle(probe, Ok(&taken())));
    host.send_ok(vec![message("eve@example.com")]);
    let (attempt, provider) = next(&mut host);
    assert_eq!(provider, "main");
    let ((), usual) = host.count(|host| host.settle(attempt, Ok(&taken())));
    assert_eq!(
        (usual.reads, usual.writes + 1),
        (mends.reads, mends.writes),
        "the row of what is known of the provider"
    );
}

/// Silences, too: each in a row doubles the pause, also over restarts.
#[test]
fn a_restart_goes_on_counting_silences() {
    let mut host = Host::with(|account| account["on_unknown"] = json!("resend"));
    host.send_ok(vec![message("ann@example.com")]);
    for pause in [1_000, 2_000, 4_000] {
        let (attempt, _) = host.next_request();
        host.settle(attempt, Err(TransportFailure::MaybeSent));
        host.crash();
        host.send_ok(vec![message("bob@example.com")]);
        let Effect::Wait { until } = host.next() else { panic!("it is silent") };
        assert_eq!(until, host.now.plus(pause));
        host.advance(pause);
    }
}

/// A call that our own end interrupted says nothing of the provider: the next message goes at once, however often.
#[test]
fn an_end_of_ours_is_no_silence_of_the_provider() {
    let mut host = Host::with(|account| account["on_unknown"] = json!("stop"));
    for _ in 0..3 {
        host.send_ok(vec![message("ann@example.com")]);
        let (interrupted, _) = host.next_request();
        host.crash();
        host.send_ok(vec![message("bob@example.com")]);
        let (attempt, _) = host.next_request();
        assert_ne!(attempt, interrupted);
        host.settle(attempt, Ok(&taken()));
    }
}
