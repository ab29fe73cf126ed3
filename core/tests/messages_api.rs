//! `GET /v1/messages`, cancelling and moving messages that wait, and what follows for quota, queue and trace.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{http::HttpResponse, mailroom::Effect, time::UnixMillis};
use serde_json::{Value, json};

fn code_of(response: &HttpResponse) -> String {
    body(response)["code"].as_str().unwrap_or_default().into()
}

fn cancel(host: &mut Host, id: &str) -> HttpResponse {
    host.request(&key_of("k1"), "POST", &format!("/v1/messages/{id}/cancel"), b"")
}

fn move_to(host: &mut Host, id: &str, body: &Value) -> HttpResponse {
    host.request(&key_of("k1"), "PATCH", &format!("/v1/messages/{id}"), body.to_string().as_bytes())
}

/// The ids that a query finds, over all pages.
fn found(host: &mut Host, query: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        host.advance(1_000);
        let response = host.request_query(&key_of("reader"), "/v1/messages", &format!("{query}{after}"));
        assert_eq!(response.status, 200, "{}", text(&response));
        let page = body(&response);
        ids.extend(page["messages"].as_array().unwrap().iter().map(|one| one["message_id"].as_str().unwrap().into()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return ids,
        }
    }
}

fn at(instant: &str) -> UnixMillis {
    UnixMillis::parse_rfc3339(instant).unwrap()
}

/// Issue 5: every filter finds its own, alone and together, the newest first.
#[test]
fn messages_are_found_by_every_filter() {
    let mut host = Host::new();
    let mut tagged = message("ann@example.com");
    (tagged["tags"], tagged["metadata"]) = (json!(["receipt", "eu"]), json!({"order": "4=2", "tier": "gold"}));
    let mut bulk = of_class("bulk", "bob@example.net");
    bulk["tags"] = json!(["news"]);
    bulk["send_at"] = json!("2026-12-02T10:00:00Z");
    let mut copied = message("cid@example.com");
    copied["cc"] = json!("Ann <ANN@example.com>");
    let ids = host.send_ok(vec![tagged, bulk, copied]);
    host.advance(60_000);
    let late = host.send_ok(vec![message("dora@example.com")]).remove(0);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));

    let all = [&late, &ids[2], &ids[1], &ids[0]].map(String::clone).to_vec();
    assert_eq!(found(&mut host, "limit=2"), all, "the newest first");
    let one = |place: usize| vec![ids[place].clone()];
    let cases = [
        ("status=sent", one(0)),
        ("status=cancelled", vec![]),
        ("class=bulk", one(1)),
        ("provider=main", one(0)),
        ("provider=other", vec![]),
        ("tag=receipt", one(0)),
        ("tag=news", one(1)),
        ("tag=rec", vec![]),
        ("metadata=order%3D4%3D2", one(0)),
        ("metadata=tier=gold", one(0)),
        ("metadata=tier=silver", vec![]),
        ("recipient=bob@example.net", one(1)),
        ("recipient=Ann%40EXAMPLE.com", vec![ids[2].clone(), ids[0].clone()]),
        ("recipient=nn@example.com", vec![]),
        ("created_from=2026-12-01T10:01:00Z", vec![late.clone()]),
        ("created_before=2026-12-01T10:01:00Z", vec![ids[2].clone(), ids[1].clone(), ids[0].clone()]),
        ("status=queued&class=transactional&recipient=ann@example.com", one(2)),
    ];
    for (query, wanted) in cases {
        assert_eq!(found(&mut host, query), wanted, "{query}");
    }
    let row = body(&host.request_query(&key_of("reader"), "/v1/messages", "tag=receipt"))["messages"][0].clone();
    assert_eq!((&row["tags"], &row["metadata"]["order"]), (&json!(["receipt", "eu"]), &json!("4=2")));
    assert_eq!(row["recipients"][0]["address"], "ann@example.com");
    assert_eq!(row["provider"], "main");
}

/// A page's cursor is a message: what is accepted between two pages moves nothing.
#[test]
fn pages_do_not_shift_while_mail_is_accepted() {
    let mut host = Host::new();
    let first = host.send_ok((0..5).map(|n| message(&format!("u{n}@example.com"))).collect());
    let page = body(&host.request_query(&key_of("reader"), "/v1/messages", "limit=2"));
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    host.advance(1);
    host.send_ok((0..5).map(|n| message(&format!("v{n}@example.com"))).collect());
    let next = page["next"].as_str().unwrap();
    let rest = found(&mut host, &format!("limit=10&after={next}"));
    assert_eq!(rest, [&first[2], &first[1], &first[0]].map(String::clone));
}

/// Whatever is looked for, a page is two statements at most: its cost is bounded.
#[test]
fn a_page_costs_at_most_two_statements() {
    let mut host = Host::new();
    host.send_ok((0..500).map(|n| message(&format!("u{n}@example.com"))).collect());
    let ((), statements) = host.count(|host| {
        let response =
            host.request_query(&key_of("reader"), "/v1/messages", "status=failed&tag=x&recipient=a@b.example");
        assert_eq!((response.status, body(&response)["next"].clone()), (200, Value::Null));
    });
    assert_eq!(statements.reads, 2, "{statements:?}");
}

#[test]
fn a_wrong_filter_is_an_error_that_names_it() {
    let mut host = Host::new();
    for (query, name) in [
        ("status=lost", "status"),
        ("class=spam", "class"),
        ("recipient=nobody", "recipient"),
        ("metadata=order", "metadata"),
        ("created_from=yesterday", "created_from"),
        ("after=msg_1", "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("colour=red", "the parameters are"),
        ("tag=a&tag=b", "tag"),
    ] {
        host.advance(1_000);
        let response = host.request_query(&key_of("reader"), "/v1/messages", query);
        assert_eq!((response.status, code_of(&response).as_str()), (400, "invalid_parameter"), "{query}");
        assert!(body(&response)["detail"].as_str().unwrap().contains(name), "{query}: {}", text(&response));
    }
}

/// Document 002, R216: the trace under its own name is the same answer as the message.
#[test]
fn the_trace_route_is_the_messages() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let trace = host.request(&key_of("reader"), "GET", &format!("/v1/trace/{id}"), b"");
    let view = host.request(&key_of("reader"), "GET", &format!("/v1/messages/{id}"), b"");
    assert_eq!((trace.status, body(&trace)), (200, body(&view)));
}

/// Issue 5: a message that waits is cancelled; its units are free, nothing leaves, the trace names the key.
#[test]
fn a_cancelled_message_gives_its_units_back_and_never_leaves() {
    let mut host = Host::new();
    let ids = host.send_ok(vec![message("ann@example.com"), message("bob@example.com")]);
    assert_eq!(host.quota(), (2, 0, 99_998));
    let answer = cancel(&mut host, &ids[0]);
    assert_eq!((answer.status, &body(&answer)["status"]), (200, &json!("cancelled")), "{}", text(&answer));
    assert_eq!(host.quota(), (1, 0, 99_999));
    conserved(&mut host, 2);
    let last = body(&answer)["trace"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["event"], &last["by"]), (&json!("cancelled"), &json!("k1")));
    let (domains, effect) = drain(&mut host);
    assert_eq!(domains.len(), 1);
    assert!(matches!(effect, Effect::Idle));
    host.crash();
    assert!(matches!(host.next(), Effect::Idle), "nor after a restart");
    assert_eq!(host.trace(&ids[0])["status"], "cancelled");
    let again = cancel(&mut host, &ids[0]);
    assert_eq!((again.status, code_of(&again).as_str()), (409, "message_not_waiting"));
    assert_eq!(host.quota(), (0, 1, 99_999), "nothing is released twice");
}

/// Scheduled, deferred and held messages wait, too; one that is on its way does not, nor one that has left.
#[test]
fn what_waits_can_be_cancelled_and_what_left_cannot() {
    let mut host = Host::with(|account| account["retry"]["max_attempts"] = json!(1));
    let mut later = message("ann@example.com");
    later["send_at"] = json!("2026-12-05T10:00:00Z");
    let scheduled = host.send_ok(vec![later]).remove(0);
    assert_eq!(cancel(&mut host, &scheduled).status, 200);

    let held = host.send_ok(vec![message("bob@example.com")]).remove(0);
    let (attempt, _) = host.next_request();
    let flying = cancel(&mut host, &held);
    assert_eq!((flying.status, code_of(&flying).as_str()), (409, "message_not_waiting"));
    assert!(body(&flying)["detail"].as_str().unwrap().contains("sending"));
    host.settle(attempt, Ok(&answer(503, "{}", &[])));
    assert_eq!(host.trace(&held)["status"], "held");
    assert_eq!(cancel(&mut host, &held).status, 200);

    let sent = host.send_ok(vec![message("cid@example.com")]).remove(0);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    let gone = cancel(&mut host, &sent);
    assert_eq!((gone.status, code_of(&gone).as_str()), (409, "message_not_waiting"));
    assert_eq!(host.quota(), (0, 1, 99_999));
    conserved(&mut host, 3);
    host.advance(1_000);
    for id in ["msg_1", "msg_00000000000000000000000000"] {
        assert_eq!(cancel(&mut host, id).status, 404);
    }
    let reader = host.request(&key_of("reader"), "POST", &format!("/v1/messages/{sent}/cancel"), b"");
    assert_eq!((reader.status, code_of(&reader).as_str()), (403, "scope_missing"));
}

/// An attempt of unknown outcome may be at its receivers: the message ends, as `unknown`, and its units stay used.
#[test]
fn a_cancelled_message_that_may_have_left_ends_as_unknown() {
    let mut host = Host::with(|account| account["on_unknown"] = json!("resend"));
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(sendgate_core::outcome::TransportFailure::MaybeSent));
    assert_eq!(host.trace(&id)["status"], "deferred");
    let answer = cancel(&mut host, &id);
    assert_eq!((answer.status, &body(&answer)["status"]), (200, &json!("unknown")));
    assert_eq!(host.quota(), (0, 1, 99_999));
    conserved(&mut host, 1);
}

/// Issue 5: a queued message is moved, later and earlier, and leaves at its new time; a restart knows it, too.
#[test]
fn a_queued_message_is_moved_and_leaves_then() {
    let mut host = Host::new();
    let id = host.send_ok(vec![message("ann@example.com")]).remove(0);
    let moved = move_to(&mut host, &id, &json!({"send_at": "2026-12-01T12:00:00Z"}));
    assert_eq!(
        (moved.status, &body(&moved)["next_attempt_at"]),
        (200, &json!("2026-12-01T12:00:00.000Z")),
        "{}",
        text(&moved)
    );
    let line = body(&moved)["trace"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&line["event"], &line["by"], &line["retry_at"]),
        (&json!("rescheduled"), &json!("k1"), &json!("2026-12-01T12:00:00.000Z"))
    );
    host.crash();
    assert_eq!(host.account.wake_at(), Some(at("2026-12-01T12:00:00Z")));
    assert!(matches!(host.next(), Effect::Wait { .. }));
    let earlier = move_to(&mut host, &id, &json!({"send_at": "2026-12-01T11:00:00Z"}));
    assert_eq!(earlier.status, 200);
    assert_eq!(host.account.wake_at(), Some(at("2026-12-01T11:00:00Z")));
    assert_eq!(move_to(&mut host, &id, &json!({"send_at": null})).status, 200, "at once");
    let (attempt, _) = host.next_request();
    let flying = move_to(&mut host, &id, &json!({"send_at": null}));
    assert_eq!((flying.status, code_of(&flying).as_str()), (409, "message_not_waiting"));
    host.settle(attempt, Ok(&taken()));
    assert_eq!(host.trace(&id)["status"], "sent");
    conserved(&mut host, 1);
}

/// A new time is an instant before the message expires; anything else is refused and changes nothing.
#[test]
fn a_wrong_time_is_refused() {
    let mut host = Host::new();
    let mut ending = message("ann@example.com");
    ending["expires_at"] = json!("2026-12-01T11:00:00Z");
    let id = host.send_ok(vec![ending]).remove(0);
    let before = host.contents();
    for (body_sent, code) in [
        (json!({"send_at": "2026-12-01T11:00:00Z"}), "expires_before_send"),
        (json!({"send_at": "tomorrow"}), "invalid_date"),
        (json!({"send_at": 5}), "invalid_date"),
    ] {
        let response = move_to(&mut host, &id, &body_sent);
        assert_eq!((response.status, &body(&response)["errors"][0]["code"]), (400, &json!(code)));
        assert_eq!(body(&response)["errors"][0]["field"], "send_at");
    }
    for wrong in [json!({}), json!([]), json!({"send_at": null, "subject": "x"})] {
        let response = move_to(&mut host, &id, &wrong);
        assert_eq!((response.status, code_of(&response).as_str()), (400, "invalid_message"), "{wrong}");
    }
    assert_eq!(host.contents(), before);
}

/// R063: a person who is forgotten takes the labels of their finished messages along.
#[test]
fn a_forgotten_persons_messages_lose_their_labels() {
    let mut host = Host::new();
    let mut labelled = message("ann@example.com");
    labelled["metadata"] = json!({"customer": "Ann"});
    host.send_ok(vec![labelled]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    assert_eq!(found(&mut host, "metadata=customer=Ann").len(), 1);
    let erased = host.request(&key_of("k1"), "DELETE", "/v1/subjects/ann%40example.com", b"");
    assert_eq!(erased.status, 200, "{}", text(&erased));
    assert!(found(&mut host, "metadata=customer=Ann").is_empty());
}

/// What is accepted is in exactly one state and the ledger agrees, whatever is cancelled and moved between sending,
/// failures, unknown outcomes and kills; and what was cancelled is never in a call again.
#[test]
fn nothing_is_lost_by_cancelling_and_moving() {
    for seed in 1..=8 {
        let mut host = Host::with(|account| {
            account["providers"][0]["kind"] = json!("resend");
            account["batch"] = json!({"max_messages": 3});
            account["key_windows"] = window("key-second", 1_000, 1_000);
        });
        host.entropy = seed;
        let (mut ids, mut flying, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..150 {
            let pick = |host: &mut Host, ids: &[String]| -> Option<String> {
                let at = usize::try_from(host.random()).unwrap().checked_rem(ids.len())?;
                ids.get(at).cloned()
            };
            match host.random() % 8 {
                0 | 1 => ids.extend(host.send_ok(vec![message("ann@example.com"), message("bob@example.com")])),
                2 => {
                    let Some(id) = pick(&mut host, &ids) else { continue };
                    if cancel(&mut host, &id).status == 200 {
                        cancelled.push(id);
                    }
                }
                3 => {
                    let Some(id) = pick(&mut host, &ids) else { continue };
                    let at = host.now.plus(host.entropy % 100_000).to_string();
                    let status = move_to(&mut host, &id, &json!({ "send_at": at })).status;
                    assert!(status == 200 || status == 409, "{status}");
                }
                4 | 5 => {
                    if let Effect::Send { attempt, call, .. } = host.next() {
                        let sent = String::from_utf8(http(call).body).unwrap();
                        assert!(cancelled.iter().all(|id| !sent.contains(id.as_str())), "a cancelled message left");
                        flying.push((attempt, sent.matches("sendgate_id").count()));
                    }
                }
                6 => {
                    let Some((attempt, messages)) = flying.pop() else { continue };
                    let taken: Vec<Value> = (0..messages).map(|n| json!({ "id": format!("e-{n}") })).collect();
                    let whole = if messages == 1 { taken[0].clone() } else { json!({ "data": taken }) };
                    match host.random() % 3 {
                        0 => host.settle(attempt, Ok(&answer(200, &whole.to_string(), &[]))),
                        1 => host.settle(attempt, Ok(&answer(503, "{}", &[]))),
                        _ => host.settle(attempt, Err(sendgate_core::outcome::TransportFailure::MaybeSent)),
                    }
                }
                _ if host.random().is_multiple_of(4) => {
                    host.crash();
                    flying.clear();
                }
                _ => host.advance(10_000),
            }
            conserved(&mut host, ids.len() as u64);
        }
        assert!(!cancelled.is_empty() && ids.len() > 10, "seed {seed} did too little");
    }
}

/// A store of the release before has no column for labels: its messages are found by everything else.
#[test]
fn an_older_store_is_taken_up() {
    let mut host = Host::new();
    let mut tagged = message("ann@example.com");
    tagged["tags"] = json!(["receipt"]);
    let old = host.send_ok(vec![tagged.clone()]).remove(0);
    host.query("ALTER TABLE message DROP COLUMN labels");
    host.crash();
    host.advance(1);
    let new = host.send_ok(vec![tagged]).remove(0);
    assert_eq!(found(&mut host, "tag=receipt").first(), Some(&new));
    assert_eq!(found(&mut host, "recipient=ann@example.com"), [new, old]);
}
