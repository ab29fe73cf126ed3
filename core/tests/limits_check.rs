//! `POST /v1/limits/check` says what would happen, and it happens; `GET /v1/usage` says what did.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::{Host, body, key_of, message, of_class, taken, text, window};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Value, json};

fn ask(host: &mut Host, question: &Value) -> HttpResponse {
    host.request(&key_of("k1"), "POST", "/v1/limits/check", question.to_string().as_bytes())
}

fn check(host: &mut Host, question: &Value) -> Value {
    let response = ask(host, question);
    assert_eq!(response.status, 200, "{}", text(&response));
    body(&response)
}

/// The line of one limit.
fn line<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

fn binding(answer: &Value) -> &str {
    let mut bound = answer["checks"].as_array().unwrap().iter().filter(|check| check["binding"] == true);
    let name = bound.next().unwrap()["name"].as_str().unwrap();
    assert_eq!(bound.next(), None, "one decides");
    name
}

fn to_many(recipients: usize) -> Vec<Value> {
    (0..recipients).map(|n| message(&format!("p{n}@example.com"))).collect()
}

/// What is said is what the next request meets: its decision, its word and its wait. Asking takes nothing but its own place
/// among the requests.
#[test]
fn what_it_says_is_what_happens() {
    let mut host = Host::with(|account| {
        account["key_windows"] = window("key-minute", 40, 60_000);
        account["quotas"] = json!([{"period": "day", "limit": 60}, {"period": "month", "limit": 700}]);
    });
    let (mut allowed, mut deferred, mut rejected) = (0, 0, 0);
    for _ in 0..200 {
        let many = usize::try_from(host.random() % 70).unwrap() + 1;
        let random = host.random();
        host.advance(if random.is_multiple_of(12) { 40_000_000 } else { random % 4_000 });
        let asked = ask(&mut host, &json!({"messages": many}));
        if asked.status == 429 {
            continue;
        }
        let before = host.contents();
        let again = ask(&mut host, &json!({"messages": to_many(many)}));
        if again.status == 429 {
            continue;
        }
        let (said, figures) = (body(&again), body(&asked));
        assert_eq!(host.contents(), before, "asking changes nothing");
        // Of the two questions the later one knows more of the request windows; all else is the same.
        assert_eq!(said["recipients"], figures["recipients"]);
        let sent = host.send(&json!({ "messages": to_many(many) }));
        match said["decision"].as_str().unwrap() {
            "allow" => {
                allowed += 1;
                assert_eq!(sent.status, 202, "{said} {}", text(&sent));
            }
            "defer" => {
                deferred += 1;
                let (wait, code) =
                    (sent.header("retry-after").unwrap().parse::<u64>().unwrap(), body(&sent)["code"].clone());
                assert_eq!(sent.status, 429);
                // Where a window of requests and a quota are both in the way, the request meets the window first, and what
                // is said is the longer of the two.
                match code == said["code"] {
                    true => assert_eq!(said["retry_after"], wait),
                    false => assert!(code == "rate_limit_exceeded" && said["retry_after"].as_u64().unwrap() >= wait),
                }
            }
            "reject" => {
                rejected += 1;
                assert_eq!((sent.status, sent.header("retry-after")), (429, None), "{said}");
                assert_eq!(body(&sent)["code"], said["code"]);
            }
            other => panic!("{other}"),
        }
    }
    assert!(allowed > 5 && deferred > 30 && rejected > 5, "{allowed} {deferred} {rejected}");
}

/// The request windows are asked about the next request: this one is counted already.
#[test]
fn the_question_counts_as_a_request_and_is_about_the_next_one() {
    let mut host = Host::with(|account| {
        account["key_windows"] = window("key-minute", 4, 60_000);
        account["on_limit"] = json!({"bulk": "queue"});
    });
    let said = check(&mut host, &json!({"messages": 1}));
    assert_eq!((said["decision"].as_str(), binding(&said)), (Some("allow"), "key-minute"));
    let key = line(&said, "key-minute");
    assert_eq!(
        (&key["used"], &key["remaining"], &key["slack"], &key["asked"]),
        (&json!(1), &json!(3), &json!(3), &json!(1))
    );
    // Four at once do not fit beside this one and the one before.
    let said = check(&mut host, &json!({"requests": 4}));
    assert_eq!((said["decision"].as_str(), said["retry_after"].as_u64()), (Some("defer"), Some(60)));
    let never = check(&mut host, &json!({"requests": 5}));
    assert_eq!((never["decision"].as_str(), never["code"].as_str()), (Some("reject"), Some("never_fits")));
    let said = check(&mut host, &json!({"messages": 1, "class": "bulk"}));
    assert_eq!(
        (&said["decision"], &said["code"], &said["queues"]),
        (&json!("defer"), &json!("rate_limit_exceeded"), &json!(true))
    );
    let queued = host.send(&json!({"messages": [of_class("bulk", "ann@example.com")]}));
    assert_eq!((queued.status, &body(&queued)["queued_until"]), (202, &said["retry_at"]), "R091");
    assert_eq!(ask(&mut host, &json!({"messages": 1})).status, 429);
}

/// A send's body is judged as the send would judge it, suppression included; nothing of it is kept.
#[test]
fn a_whole_send_is_judged_and_nothing_is_kept() {
    let mut host = Host::new();
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"gone@example.com"}"#);
    let mut bad = message("ann@example.com");
    bad["nonsense"] = json!(1);
    let before = host.contents();
    let said = check(&mut host, &json!({"messages": [message("ann@example.com"), bad, message("gone@example.com")]}));
    assert_eq!((&said["decision"], &said["recipients"]), (&json!("allow"), &json!(1)));
    assert_eq!(said["suppression_summary"]["suppressed_emails"], json!(["gone@example.com"]));
    let items: Vec<&str> =
        said["messages"].as_array().unwrap().iter().map(|m| m["decision"].as_str().unwrap()).collect();
    assert_eq!(items, ["allow", "reject", "allow"]);
    assert_eq!(said["messages"][1]["code"], "unknown_field");
    let all_bad = check(&mut host, &json!({ "messages": [bad] }));
    assert_eq!((&all_bad["decision"], &all_bad["code"]), (&json!("reject"), &json!("unknown_field")));
    assert_eq!(host.contents(), before);
    let too_many = ask(&mut host, &json!({"messages": to_many(501)}));
    assert_eq!(
        (too_many.status, &body(&too_many)["code"]),
        (400, &json!("too_many_messages")),
        "as the send would say"
    );
    let too_many = check(&mut host, &json!({"messages": 501}));
    assert_eq!((&too_many["decision"], binding(&too_many)), (&json!("reject"), "batch_max"));
}

/// A bulk send's body is judged as that send would judge it, recipient by recipient; nothing of it is kept.
#[test]
fn a_bulk_send_is_judged_and_nothing_is_kept() {
    let mut host = Host::new();
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"gone@example.com"}"#);
    let circular = json!({"from": "orders@shop.example", "subject": "Hello {{name}}", "text_body": "Dear {{name}}"});
    let person = |email: &str| json!({"email": email, "substitutions": {"name": "N"}});
    let nameless = json!({"email": "bob@example.com"});
    let mut question =
        json!({"message": circular, "recipients": [person("ann@example.com"), nameless, person("gone@example.com")]});
    let before = host.contents();
    let said = check(&mut host, &question);
    assert_eq!((&said["decision"], &said["recipients"]), (&json!("allow"), &json!(1)));
    assert_eq!(said["suppression_summary"]["suppressed_emails"], json!(["gone@example.com"]));
    let items: Vec<&str> =
        said["messages"].as_array().unwrap().iter().map(|m| m["decision"].as_str().unwrap()).collect();
    assert_eq!(items, ["allow", "reject", "allow"]);
    assert_eq!(said["messages"][1]["errors"][0]["field"], "recipients[1].substitutions.name");
    assert_eq!(line(&said, "batch_max")["asked"], 3);
    question["options"] = json!({"missing": "lenient"});
    assert_eq!(check(&mut host, &question)["recipients"], 2);
    question["message"]["nonsense"] = json!(1);
    let refused = check(&mut host, &question);
    assert_eq!((&refused["decision"], &refused["code"]), (&json!("reject"), &json!("unknown_field")));
    assert_eq!(host.contents(), before);
}

/// R229, R230: a bulk send is measured by the plan's broadcast where that is smaller, asked about and sent.
#[test]
fn a_bulk_send_is_measured_by_the_plans_broadcast() {
    let mut host = Host::with(|account| {
        account["plan"] = json!("pro");
        account["plan_figures"] = json!({"broadcast_recipients": 2});
    });
    let people = |n: usize| (0..n).map(|n| json!({"email": format!("p{n}@example.com")})).collect::<Vec<_>>();
    let circular = json!({"from": "orders@shop.example", "subject": "Hello", "text_body": "Hi"});
    let said = check(&mut host, &json!({"message": circular, "recipients": people(2)}));
    let bound = line(&said, "broadcast_recipients");
    assert_eq!((&bound["limit"], &bound["remaining"], &said["decision"]), (&json!(2), &json!(0), &json!("allow")));
    let over = json!({"message": circular, "recipients": people(3)});
    let refused = ask(&mut host, &over);
    let sent = host.request(&key_of("k1"), "POST", "/v1/send/bulk", over.to_string().as_bytes());
    assert_eq!((refused.status, body(&refused)["code"].clone()), (sent.status, body(&sent)["code"].clone()));
    assert_eq!(body(&sent)["code"], "too_many_messages");
}

/// What is accepted may have to wait for the provider: when it would leave.
#[test]
fn the_windows_of_outgoing_mail_say_when_it_would_leave() {
    let mut host = Host::with(|account| account["providers"][0]["windows"] = window("provider-minute", 1, 60_000));
    host.send_ok(vec![message("ann@example.com")]);
    let said = check(&mut host, &json!({"messages": 1}));
    assert_eq!(said["leaves_at"], json!(host.now.to_string()));
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&taken()));
    for question in [json!({"messages": 1}), json!({"messages": [message("bob@example.com")]})] {
        let said = check(&mut host, &question);
        let window = said["outgoing"].as_array().unwrap().iter().find(|at| at["name"] == "provider-minute").unwrap();
        assert_eq!(
            (&window["decision"], &window["dimension"], &window["remaining"]),
            (&json!("defer"), &json!("main"), &json!(0))
        );
        assert_eq!(
            (&said["decision"], &said["leaves_at"]),
            (&json!("allow"), &json!(host.now.plus(60_000).to_string()))
        );
    }
}

/// R220, R223, R226, R233-R236: a host product asks by its plan, to the byte, the asset and the pixel.
#[test]
fn a_product_asks_for_what_its_plan_measures() {
    for (plan, storage) in [("free", 1_000_000_000_u64), ("hobby", 10_000_000_000), ("pro", 100_000_000_000)] {
        let mut host = Host::with(|account| account["plan"] = json!(plan));
        let kept = |add: u64| json!({"storage": {"level_bytes": storage - 5, "add_bytes": add}});
        let cases = [
            ("R220 R223 R226", kept(5), kept(6), "storage_quota"),
            ("R233", json!({"file_bytes": 100_000_000}), json!({"file_bytes": 100_000_001}), "file_too_large"),
            ("R234", json!({"cdn_delete": 100}), json!({"cdn_delete": 101}), "too_many_assets"),
            ("R235", json!({"cdn_move": 100}), json!({"cdn_move": 101}), "too_many_assets"),
            (
                "R236",
                json!({"transform": {"width": 4_096, "height": 4_096}}),
                json!({"transform": {"width": 1, "height": 4_097}}),
                "transform_too_large",
            ),
            (
                "R230",
                json!({"broadcast_recipients": 1_000}),
                json!({"broadcast_recipients": 1_001}),
                "broadcast_too_large",
            ),
            ("R231", json!({"message_bytes": 25_000_000}), json!({"message_bytes": 25_000_001}), "message_too_large"),
            ("R232", json!({"attachments": 10}), json!({"attachments": 11}), "too_many_attachments"),
        ];
        for (row, fits, over, code) in cases {
            assert_eq!(check(&mut host, &fits)["decision"], "allow", "{row} {plan}");
            let said = check(&mut host, &over);
            assert_eq!(
                (&said["decision"], &said["code"], &said["retry_at"]),
                (&json!("reject"), &json!(code), &Value::Null),
                "{row}"
            );
            let bound = line(&said, binding(&said));
            assert_eq!((&bound["source"], bound["reference"].is_string()), (&json!("plan"), true), "{row}");
            host.advance(10_000);
        }
        let said = check(&mut host, &kept(5));
        assert_eq!(
            (&line(&said, "storage_bytes")["remaining"], &line(&said, "storage_bytes")["limit"]),
            (&json!(5), &json!(storage))
        );
    }
}

#[test]
fn a_question_that_cannot_be_read_is_refused() {
    let mut host = Host::new();
    for (question, code) in [
        ("{", "invalid_json"),
        ("[]", "invalid_parameter"),
        ("{\"nonsense\":1}", "invalid_parameter"),
        ("{\"messages\":-1}", "invalid_parameter"),
        ("{\"messages\":1.5}", "invalid_parameter"),
        ("{\"messages\":\"x\"}", "invalid_parameter"),
        ("{\"class\":\"x\"}", "invalid_parameter"),
        ("{\"storage\":{\"level_bytes\":1}}", "invalid_parameter"),
        ("{\"messages\":[]}", "missing_send_payload"),
        ("{\"messages\":[{}],\"recipients\":1}", "unknown_field"),
        ("{\"messages\":[{}],\"message\":{}}", "unknown_field"),
        ("{\"messages\":1,\"suppression\":\"ignored\"}", "invalid_parameter"),
        ("{\"messages\":1,\"options\":{}}", "unknown_field"),
        ("{\"options\":{}}", "missing_send_payload"),
        ("{\"recipients\":[1]}", "missing_send_payload"),
        ("{\"message\":{},\"recipients\":2}", "missing_send_payload"),
    ] {
        host.advance(1_000);
        let refused = host.request(&key_of("k1"), "POST", "/v1/limits/check", question.as_bytes());
        assert_eq!((refused.status, body(&refused)["code"].as_str()), (400, Some(code)), "{question}");
    }
    host.advance(1_000);
    let quiet = host.request(&key_of("k1"), "POST", "/v1/limits/check", b"{}");
    assert_eq!(body(&quiet)["decision"], "allow");
}

fn usage(host: &mut Host) -> Value {
    let response = host.request(&key_of("reader"), "GET", "/v1/usage", b"");
    assert_eq!(response.status, 200);
    body(&response)
}

/// R228: what is billed is what was accepted without what was released, at every step; R194: what is over is told apart. The
/// periods are the account's own: it is the 1st of December, 11:00 in Rome.
#[test]
fn usage_is_accepted_without_released() {
    let mut host = Host::with(|account| {
        account["time_zone"] = json!("Europe/Rome");
        account["overdelivery"] = json!({"allow_up_to": 5});
        account["quotas"] = json!([{"period": "day", "limit": 10}, {"period": "month", "limit": u64::MAX}]);
    });
    assert_eq!(host.now, UnixMillis::parse_rfc3339("2026-12-01T10:00:00Z").unwrap());
    host.send_ok(to_many(12));
    // Two are suppressed before they leave, the others are sent.
    for gone in ["p0@example.com", "p1@example.com"] {
        host.request(&key_of("k1"), "POST", "/v1/suppressions", json!({ "email": gone }).to_string().as_bytes());
    }
    let (sent, _) = host::drain(&mut host);
    assert_eq!(sent.len(), 10);
    host.send_ok(to_many(4)[2..].to_vec());
    let said = usage(&mut host);
    let day = json!({
        "name": "quota_daily", "period": "day", "unit": "recipients", "limit": 10,
        "starts_at": "2026-11-30T23:00:00.000Z", "ends_at": "2026-12-01T23:00:00.000Z",
        "accepted": 14, "reserved": 2, "committed": 10, "released": 2, "free": 0, "over": 2, "billable": 12
    });
    assert_eq!((&said["time_zone"], &said["usage"][0]), (&json!("Europe/Rome"), &day));
    let month = &said["usage"][1];
    assert_eq!((&month["ends_at"], &month["billable"]), (&json!("2026-12-31T23:00:00.000Z"), &json!(12)));
    assert!(month.get("limit").is_none() && month.get("free").is_none(), "R222: a meter");
    host.crash();
    assert_eq!(usage(&mut host), said, "and it is stored");
}
