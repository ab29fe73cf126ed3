//! Calls that carry several messages: who goes together, what they cost, and what becomes of each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::Value as Cell,
    time::UnixMillis,
};
use serde_json::{Value, json};

/// What a case changes of the account.
type Change<'a> = &'a dyn Fn(&mut Value);

/// Calls of up to `most` messages.
fn batching(most: usize, change: impl FnOnce(&mut Value)) -> Host {
    Host::with(|account| {
        account["batch"] = json!({"max_messages": most});
        change(account);
    })
}

fn crowd(n: usize) -> Vec<Value> {
    (0..n).map(|n| message(&format!("u{n}@example.com"))).collect()
}

/// The first recipients of a call's messages, in their order; of a call of one, too.
fn sent_to(request: &HttpRequest) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let of = |message: &Value| message["to"][0].as_str().unwrap().trim_matches(['<', '>']).to_owned();
    body.as_array().map_or_else(|| vec![of(&body)], |list| list.iter().map(of).collect())
}

/// The sandbox's answer to a call: each message is taken, or refused with a status and a code.
fn each(items: impl Iterator<Item = Option<(u16, &'static str)>>) -> HttpResponse {
    let item = |(n, item)| match item {
        None => json!({"id": format!("esp-{n}")}),
        Some((status, code)) => json!({"status": status, "code": code}),
    };
    let list: Vec<Value> = items.enumerate().map(item).collect();
    answer(200, &json!(list).to_string(), &[])
}

fn all_taken(n: usize) -> HttpResponse {
    if n == 1 { taken() } else { each((0..n).map(|_| None)) }
}

fn statuses(host: &mut Host, ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| host.trace(id)["status"].as_str().unwrap().to_owned()).collect()
}

fn counted(host: &mut Host) -> Vec<(String, i64)> {
    let rows = host.query("SELECT status, count(*) FROM message GROUP BY status ORDER BY status");
    let count = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(status), Cell::Integer(n)] => (status.clone(), *n),
        _ => panic!("another shape"),
    };
    rows.iter().map(count).collect()
}

/// What is due together leaves together, each with its own attempt and its own end.
#[test]
fn due_messages_share_a_call() {
    let mut host = batching(10, |_| {});
    let ids = host.send_ok(crowd(25));
    for n in [10, 10, 5] {
        let (attempt, request) = host.next_request();
        assert_eq!((request.url.as_str(), sent_to(&request).len()), ("http://127.0.0.1:1/esp/messages/batch", n));
        host.settle(attempt, Ok(&all_taken(n)));
    }
    assert_eq!(host.next(), Effect::Idle);
    let trace = host.trace(&ids[3]);
    assert_eq!((trace["status"].as_str(), trace["attempts"].as_u64()), (Some("sent"), Some(1)));
    assert_eq!(
        (trace["provider_message_id"].as_str(), trace["trace"][1]["messages"].as_u64()),
        (Some("esp-3"), Some(10))
    );
    assert_eq!(counted(&mut host), [("sent".to_owned(), 25)]);
    assert_eq!(host.quota(), (0, 25, 99_975));
}

/// Rows written: a mark and an end a message, and the windows and the ledger once a call.
#[test]
fn a_call_of_many_writes_less_than_many_calls() {
    let mut host = batching(100, |account| account["providers"][0]["windows"] = window("second", 50, 1_000));
    host.send_ok(crowd(50));
    let ((attempt, _), started) = host.count(Host::next_request);
    let ((), settled) = host.count(|host| host.settle(attempt, Ok(&all_taken(50))));
    assert_eq!((started.writes, settled.writes, settled.reads), (50, 50 + 2, 0));
}

/// R113: one failing message of fifty goes again alone; the others are sent once.
#[test]
fn one_bad_message_fails_alone() {
    let mut host = batching(50, |_| {});
    host.send_ok(crowd(50));
    let (attempt, request) = host.next_request();
    let to = sent_to(&request);
    host.settle(
        attempt,
        Ok(&each((0..50).map(|n| match n {
            7 => Some((500, "server_error")),
            9 => Some((422, "invalid_message")),
            11 => Some((422, "recipient_suppressed")),
            _ => None,
        }))),
    );
    assert_eq!(
        counted(&mut host),
        [("deferred".to_owned(), 1), ("failed".to_owned(), 1), ("sent".to_owned(), 47), ("suppressed".to_owned(), 1)]
    );
    assert_eq!(host.quota(), (1, 47, 99_952), "refused units are free again");
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(1_000) });
    host.advance(1_000);
    let (attempt, again) = host.next_request();
    assert_eq!((again.url.as_str(), sent_to(&again)), ("http://127.0.0.1:1/esp/messages", vec![to[7].clone()]));
    host.settle(attempt, Ok(&taken()));
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.query("SELECT count(*) FROM message WHERE attempts = 2"), [[Cell::Integer(1)]]);
    assert_eq!(counted(&mut host)[1], ("sent".to_owned(), 48));
}

/// A call refused as a whole does not say whose fault it was: each message goes alone, at once, and the bad one fails.
#[test]
fn a_refused_call_is_split() {
    let mut host = batching(10, |_| {});
    let ids = host.send_ok(crowd(5));
    let (attempt, request) = host.next_request();
    let bad = sent_to(&request)[2].clone();
    host.settle(attempt, Ok(&answer(422, r#"{"code":"invalid_message"}"#, &[])));
    for _ in 0..5 {
        let (attempt, request) = host.next_request();
        let to = sent_to(&request);
        assert_eq!(to.len(), 1);
        let response = if to[0] == bad { answer(422, r#"{"code":"invalid_message"}"#, &[]) } else { taken() };
        host.settle(attempt, Ok(&response));
    }
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(counted(&mut host), [("failed".to_owned(), 1), ("sent".to_owned(), 4)]);
    let trace = host.trace(&ids[0]);
    assert_eq!(events(&trace)[..3], ["accepted", "attempt", "split"]);
}

/// Nothing was taken and nothing is unknown: the messages of a call that failed as a whole share one again.
#[test]
fn a_call_that_failed_as_a_whole_is_retried() {
    let mut host = batching(10, |account| account["retry"] = json!({"jitter": true}));
    host.send_ok(crowd(4));
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(503, "{}", &[])));
    let Effect::Wait { until } = host.next() else { panic!("it waits") };
    host.now = until;
    let (attempt, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 4);
    host.settle(attempt, Ok(&all_taken(4)));
    assert_eq!(counted(&mut host), [("sent".to_owned(), 4)]);
}

/// Nobody knows whether a call was taken: it is repeated as it was, byte for byte, under the same key, by whatever way the
/// process came there; others do not join it.
#[test]
fn an_unknown_call_is_repeated_as_it_was() {
    for way in ["answer", "kill", "kill while it waits"] {
        let mut host = batching(10, |account| account["domain_windows"] = json!({"gmail": window("m", 50, 60_000)}));
        let mut crowd = crowd(4);
        crowd.push(message("ann@gmail.com"));
        let ids = host.send_ok(crowd);
        let (attempt, first) = host.next_request();
        if way == "kill" {
            host.crash();
        } else {
            host.settle(attempt, Err(TransportFailure::MaybeSent));
        }
        if way == "kill while it waits" {
            host.crash();
        }
        host.send_ok(vec![message("late@example.com")]);
        host.advance(60_000);
        let mut again = None;
        for _ in 0..2 {
            let (attempt, request) = host.next_request();
            let n = sent_to(&request).len();
            if n == 5 {
                again = Some((field(&request, "idempotency-key"), request.body.clone()));
            } else {
                assert_eq!(sent_to(&request), ["late@example.com"], "{way}");
            }
            host.settle(attempt, Ok(&all_taken(n)));
        }
        assert_eq!(again, Some((field(&first, "idempotency-key"), first.body)), "{way}");
        assert!(statuses(&mut host, &ids).iter().all(|status| status == "sent"), "{way}");
        assert_eq!(host.next(), Effect::Idle);
        assert_eq!(host.quota(), (0, 6, 99_994));
    }
}

/// The repeat is put off: it stays what it was. An answer that carries it out settles each message for itself.
#[test]
fn a_repeat_that_is_put_off_stays_together() {
    let mut host = batching(10, |_| {});
    let ids = host.send_ok(crowd(3));
    let (attempt, first) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    host.advance(1_000);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(429, r#"{"code":"rate_limited"}"#, &[("retry-after", "7")])));
    host.crash();
    host.advance(7_000);
    let (attempt, again) = host.next_request();
    assert_eq!(again.body, first.body);
    host.settle(attempt, Ok(&each([None, Some((500, "server_error")), None].into_iter())));
    let mut found = statuses(&mut host, &ids);
    found.sort();
    assert_eq!(found, ["deferred", "sent", "sent"]);
    host.advance(60_000);
    let (attempt, alone) = host.next_request();
    assert_eq!(sent_to(&alone).len(), 1, "it was surely not taken");
    host.settle(attempt, Ok(&taken()));
    assert_eq!(counted(&mut host), [("sent".to_owned(), 3)]);
}

/// One of the members cannot go as it was: then none of them can be told from what may have been taken.
#[test]
fn an_unknown_call_that_cannot_be_repeated_ends_as_unknown() {
    for why in ["suppressed", "expired", "too old", "key used"] {
        let mut host = batching(10, |_| {});
        let mut crowd = crowd(3);
        if why == "expired" {
            crowd[1]["expires_at"] = json!(UnixMillis::new(START + 500).to_string());
        }
        let ids = host.send_ok(crowd);
        let (attempt, _) = host.next_request();
        host.settle(attempt, Err(TransportFailure::MaybeSent));
        match why {
            "suppressed" => {
                host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"u1@example.com"}"#);
                host.advance(1_000);
            }
            "too old" => host.advance(23 * 3_600_000),
            _ => host.advance(1_000),
        }
        if why == "key used" {
            let (attempt, _) = host.next_request();
            host.settle(attempt, Ok(&answer(409, r#"{"code":"idempotency_conflict"}"#, &[])));
        }
        assert_eq!(host.next(), Effect::Idle, "{why}");
        assert_eq!(statuses(&mut host, &ids), ["unknown"; 3], "{why}");
        if why != "too old" {
            assert_eq!(host.quota(), (0, 3, 99_997), "{why}: it may have been sent");
        }
    }
}

/// A provider's requests are counted by the call; its messages, its recipients, the account's pace, the class and the
/// receivers by what is in it.
#[test]
fn windows_count_what_they_are_about() {
    let cases: [(Change<'_>, &[usize]); 6] = [
        (&|a| a["providers"][0]["windows"] = window("calls", 2, 1_000), &[10, 10]),
        (&|a| a["providers"][0]["message_windows"] = window("messages", 14, 1_000), &[10, 4]),
        (&|a| a["providers"][0]["recipient_windows"] = window("recipients", 23, 1_000), &[10, 10, 3]),
        (&|a| a["sending"] = json!({"per_second": 7}), &[7]),
        (&|a| a["class_windows"] = json!({"transactional": window("class", 12, 1_000)}), &[10, 2]),
        (&|a| a["domain_windows"] = json!({"example.com": window("group", 11, 1_000)}), &[10, 1]),
    ];
    for (change, calls) in cases {
        let mut host = batching(10, change);
        host.send_ok(crowd(40));
        let mut left = Vec::new();
        let end = loop {
            match host.next() {
                Effect::Send { attempt, call, .. } => {
                    left.push(sent_to(&http(call)).len());
                    host.settle(attempt, Ok(&all_taken(*left.last().unwrap())));
                }
                end @ (Effect::Wait { .. } | Effect::Idle) => break end,
            }
        };
        assert_eq!(left, calls);
        // A window frees its room in sixteenths of its period.
        let Effect::Wait { until } = end else { panic!("{end:?}") };
        assert!((1_000..=1_063).contains(&until.since(host.now)));
    }
}

/// What is on its way takes its room: nothing more leaves beside it than the window holds.
#[test]
fn a_call_on_its_way_holds_what_it_carries() {
    let mut host = batching(10, |a| a["providers"][0]["message_windows"] = window("messages", 14, 1_000));
    host.send_ok(crowd(40));
    let (first, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 10);
    let (_, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 4);
    assert_eq!(host.next(), Effect::Idle);
    host.advance(5_000);
    assert_eq!(host.next(), Effect::Idle, "until it is answered");
    host.settle(first, Ok(&all_taken(10)));
    host.advance(1_000);
    let (_, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 10, "with four on their way");
}

/// R119-R121: a transactional message leaves with the very next call, and the lower classes get their share of messages,
/// not of calls.
#[test]
fn a_batch_keeps_the_order_of_the_classes() {
    let mut host = batching(10, |_| {});
    host.send_ok((0..400).map(|n| of_class("bulk", &format!("b{n}@example.com"))).collect());
    for _ in 0..3 {
        let (attempt, request) = host.next_request();
        assert!(sent_to(&request).iter().all(|to| to.starts_with('b')));
        host.settle(attempt, Ok(&all_taken(10)));
        host.send_ok(vec![message("now@example.com")]);
        let (attempt, request) = host.next_request();
        assert_eq!(sent_to(&request), ["now@example.com"]);
        host.settle(attempt, Ok(&taken()));
    }
    host.send_ok((0..300).map(|n| message(&format!("t{n}@example.com"))).collect());
    let mut calls = Vec::new();
    while calls.iter().filter(|(class, _)| *class == 't').count() < 30 {
        let (attempt, request) = host.next_request();
        let to = sent_to(&request);
        calls.push((to[0].chars().next().unwrap(), to.len()));
        host.settle(attempt, Ok(&all_taken(to.len())));
    }
    let bulk: usize = calls.iter().filter(|(class, _)| *class == 'b').map(|(_, n)| n).sum();
    assert!((30..=50).contains(&bulk), "{bulk} beside 300: an eighth");
    let in_a_row = calls.windows(2).filter(|pair| pair[0].0 == 'b' && pair[1].0 == 'b').count();
    assert_eq!(in_a_row, 0, "at most one slot");
}

/// Within a class the order of the queue is kept, and a message to a full receiver stands aside alone.
#[test]
fn a_full_receiver_is_passed_by() {
    let mut host = batching(10, |account| account["domain_windows"] = json!({"gmail": window("m", 2, 60_000)}));
    let mut mixed = crowd(6);
    for n in [1, 2, 4] {
        mixed[n] = message(&format!("g{n}@gmail.com"));
    }
    host.send_ok(mixed);
    let mut left = Vec::new();
    while let Effect::Send { attempt, call, .. } = host.next() {
        let to = sent_to(&http(call));
        host.settle(attempt, Ok(&all_taken(to.len())));
        left.extend(to);
    }
    assert_eq!((left.len(), left.iter().filter(|to| to.starts_with('g')).count()), (5, 2));
}

/// A message of more than a megabyte goes alone, and a call is bounded by bytes, too.
#[test]
fn a_call_is_bounded_by_its_bytes() {
    let sized = |to: &str, bytes: usize| {
        let mut message = message(to);
        message["text_body"] = json!("x".repeat(bytes));
        message
    };
    let mut host = batching(100, |_| {});
    host.send_ok((0..20).map(|n| sized(&format!("u{n}@example.com"), 900_000)).collect());
    host.advance(1);
    host.send_ok(vec![sized("large@example.com", 1_100_000)]);
    let mut calls = Vec::new();
    while let Effect::Send { attempt, call, .. } = host.next() {
        let request = http(call);
        assert!(request.body.len() <= 8_000_000);
        let to = sent_to(&request);
        host.settle(attempt, Ok(&all_taken(to.len())));
        calls.push(to.len());
    }
    assert_eq!(calls.iter().sum::<usize>(), 21);
    assert_eq!(calls.len(), 4, "8, 8, 4 and one alone: {calls:?}");
}

/// Whoever is suppressed after acceptance is left out of a call, with the message that is only for it.
#[test]
fn the_final_check_reaches_into_a_call() {
    let mut host = batching(10, |_| {});
    let ids = host.send_ok(crowd(4));
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"u1@example.com"}"#);
    let (attempt, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 3);
    host.settle(attempt, Ok(&all_taken(3)));
    assert_eq!(statuses(&mut host, &ids), ["sent", "suppressed", "sent", "sent"]);
    assert_eq!(host.quota(), (0, 3, 99_997));
}

/// R059 with calls of several: what a call did not take leaves by the next provider at once, together.
#[test]
fn a_failed_call_leaves_by_the_next_provider() {
    let mut host = batching(10, |account| two_providers(account, "sandbox", "sandbox"));
    host.send_ok(crowd(6));
    let (attempt, request) = host.next_request();
    assert_eq!((provider_of(&request), sent_to(&request).len()), ("main", 6));
    host.settle(attempt, Ok(&answer(503, "{}", &[])));
    let (attempt, request) = host.next_request();
    assert_eq!((provider_of(&request), sent_to(&request).len()), ("second", 6));
    host.settle(attempt, Ok(&all_taken(6)));
    assert_eq!(counted(&mut host), [("sent".to_owned(), 6)]);
}

/// An attempt's name settles its call once.
#[test]
fn a_late_answer_settles_nothing_twice() {
    let mut host = batching(10, |_| {});
    let ids = host.send_ok(crowd(3));
    let (late, _): (Attempt, _) = host.next_request();
    host.crash();
    host.settle(late, Ok(&all_taken(3)));
    assert_eq!(statuses(&mut host, &ids), ["deferred"; 3]);
}

/// A store of the release before has no column for calls of several.
#[test]
fn an_older_store_is_taken_up() {
    let mut host = batching(10, |_| {});
    host.send_ok(crowd(3));
    host.query("ALTER TABLE message DROP COLUMN members");
    host.crash();
    let (attempt, request) = host.next_request();
    assert_eq!(sent_to(&request).len(), 3);
    host.settle(attempt, Ok(&all_taken(3)));
    assert_eq!(counted(&mut host), [("sent".to_owned(), 3)]);
}

/// Postmark says what became of each message and knows no keys: one bad item fails alone, and a call of unknown outcome
/// ends as unknown, every message of it.
#[test]
fn postmarks_batch_is_settled_one_by_one() {
    let ok =
        json!({"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "x", "SubmittedAt": "2026-12-01T10:00:00Z"});
    let inactive =
        json!({"ErrorCode": 406, "Message": "You tried to send to a recipient that has been marked as inactive."});
    let mut host = batching(10, |account| account["providers"][0]["kind"] = json!("postmark"));
    let ids = host.send_ok(crowd(3));
    let (attempt, request) = host.next_request();
    assert!(request.url.ends_with("/email/batch"), "{}", request.url);
    host.settle(attempt, Ok(&answer(200, &json!([ok, inactive, ok]).to_string(), &[])));
    let mut found = statuses(&mut host, &ids);
    found.sort();
    assert_eq!(found, ["sent", "sent", "suppressed"]);
    let ids = host.send_ok(crowd(3));
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    assert_eq!(statuses(&mut host, &ids), ["unknown"; 3]);
    host.advance(60_000);
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(host.quota(), (0, 5, 99_995));
}

/// R022: two failures and then an answer are three attempts at the policy's delays, and one message.
#[test]
fn postmark_is_retried_on_schedule() {
    let mut host = batching(10, |account| account["providers"][0]["kind"] = json!("postmark"));
    let id = host.send_ok(crowd(1)).remove(0);
    for wait in [1_000, 2_000] {
        let (attempt, _) = host.next_request();
        host.settle(attempt, Ok(&answer(500, "{}", &[])));
        assert_eq!(host.next(), Effect::Wait { until: host.now.plus(wait) });
        host.advance(wait);
    }
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(200, r#"{"ErrorCode":0,"MessageID":"pm-1"}"#, &[])));
    let trace = host.trace(&id);
    assert_eq!((trace["status"].as_str(), trace["attempts"].as_u64()), (Some("sent"), Some(3)));
}

/// R021, C05: 500 is what Postmark takes in a call, whatever a profile says; the account may ask for less.
#[test]
fn the_smallest_bound_is_the_calls() {
    for (profile, asked, most) in
        [("postmark", None, 500), ("postmark", Some(20), 20), ("postmark.conservative", None, 500)]
    {
        let mut host = Host::with(|account| {
            account["providers"][0]["kind"] = json!("postmark");
            account["providers"][0]["profile"] = json!(profile);
            account["providers"][0]["plan_limit"] = json!({"limit": 1000, "period_ms": 1000});
            account["batch"] = asked.map_or_else(|| json!({}), |n: usize| json!({"max_messages": n}));
        });
        for part in 0..2 {
            host.send_ok((0..400).map(|n| message(&format!("u{part}-{n}@example.com"))).collect());
        }
        let (_, request) = host.next_request();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let n = body.as_array().or_else(|| body["Messages"].as_array()).unwrap().len();
        assert_eq!(n, most, "{profile}");
    }
}

/// Recipients that a provider refuses alone are noted with the message. One that no mail will reach is suppressed from now
/// on; one on the provider's own list is an echo. Their units stay used.
#[test]
fn recipients_refused_alone_are_noted() {
    let mut host = batching(10, |account| {
        account["providers"][0]["kind"] = json!("cloudflare");
        account["providers"][0]["account_id"] = json!("0123456789abcdef0123456789abcdef");
    });
    let mut many = message("Ann <ann@example.com>");
    many["cc"] = json!(["Dead@example.com", "echo@example.com"]);
    let id = host.send_ok(vec![many.clone()]).remove(0);
    let (attempt, _) = host.next_request();
    let result = json!({"success": true, "errors": [], "messages": [], "result": {
        "delivered": ["ann@example.com"], "permanent_bounces": ["dead@example.com"],
        "suppressed_recipients": ["echo@example.com"], "queued": [], "message_id": "cf-1",
    }});
    host.settle(attempt, Ok(&answer(200, &result.to_string(), &[])));
    let trace = host.trace(&id);
    assert_eq!(trace["status"], "sent");
    assert_eq!(events(&trace), ["accepted", "attempt", "recipients_refused", "sent"]);
    assert_eq!(trace["trace"][2]["recipients"], 2);
    let refused: Vec<&str> = (0..3).map(|n| trace["recipients"][n]["refused"].as_str().unwrap_or("-")).collect();
    assert_eq!(refused, ["-", "permanent", "suppressed"]);
    assert_eq!(host.quota(), (0, 3, 99_997));
    let summary = body(&host.send(&json!({"messages": [many]})))["suppression_summary"].clone();
    assert_eq!(summary["suppressed_emails"], json!(["Dead@example.com"]), "{summary}");
    assert_eq!(host.query("SELECT reason FROM suppression"), [[Cell::Text("hard_bounce".into())]]);
}
