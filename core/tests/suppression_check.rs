//! The two checks of a send against the list: what the first one says in each of its four words, and that the last one always
//! runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::{Failed, Host, body, events, key_of, message, text};
use sendgate_core::{account::OwnRequest, http::HttpResponse, mailroom::Effect, outcome::TransportFailure};
use serde_json::{Value, json};

fn summary(answer: &HttpResponse) -> Value {
    body(answer)["suppression_summary"].clone()
}

fn suppress(host: &mut Host, email: &str) {
    let answer =
        host.request(&key_of("k1"), "POST", "/v1/suppressions", json!({ "email": email }).to_string().as_bytes());
    assert_eq!(answer.status, 200);
}

fn hide_list(host: &mut Host) {
    host.query("ALTER TABLE suppression RENAME TO hidden");
}

fn show_list(host: &mut Host) {
    host.query("ALTER TABLE hidden RENAME TO suppression");
}

/// R206-R209: each status, with what it counts and how much it reserves.
#[test]
fn the_four_words_of_the_first_check() {
    let send = json!({"messages": [message("ann@example.com"), message("gone@example.com")]});
    let of = |status: &str, suppressed: &[&str]| {
        json!({"status": status, "checked_recipients": 2, "accepted_recipients": 2 - suppressed.len(),
               "suppressed_recipients": suppressed.len(), "suppressed_emails": suppressed})
    };
    let mut host = Host::new();
    suppress(&mut host, "gone@example.com");
    assert_eq!(summary(&host.send(&send)), of("checked", &["gone@example.com"]), "R206");
    assert_eq!(host.quota().0, 1);

    hide_list(&mut host);
    let unavailable = host.send(&send);
    assert_eq!((unavailable.status, summary(&unavailable)), (202, of("unavailable", &[])), "R208");
    assert_eq!(host.quota().0, 1 + 2, "C09: reserved for everybody");

    let mut host = Host::with(|account| account["suppression"] = json!("ignored"));
    suppress(&mut host, "gone@example.com");
    assert_eq!(summary(&host.send(&send)), of("ignored", &[]), "R207");
    assert_eq!(host.quota().0, 2);

    let mut host = Host::new();
    let nobody = host.send(&json!({"messages": [{"from": "orders@shop.example"}]}));
    assert_eq!(nobody.status, 400);
    let nothing = json!({"status": "not_applicable", "checked_recipients": 0, "accepted_recipients": 0,
                         "suppressed_recipients": 0, "suppressed_emails": []});
    assert_eq!((summary(&nobody), host.quota().0), (nothing, 0), "R209");
}

/// C09, R204, R208: what could not be checked at acceptance is checked before it leaves, and what cannot be checked then is
/// held. Nothing leaves unchecked, and what was reserved for a suppressed recipient is given back.
#[test]
fn what_was_not_checked_at_first_is_checked_at_last() {
    let mut host = Host::new();
    suppress(&mut host, "gone@example.com");
    hide_list(&mut host);
    let ids = host.send_ok(vec![message("ann@example.com"), message("gone@example.com")]);
    let (account, now) = (&mut host.account, host.now);
    let failed = host.database.transaction::<_, Failed, _>(|sql| Ok(account.next(sql, now)?));
    assert!(failed.is_err(), "the list is still not there: nothing leaves");
    show_list(&mut host);
    host.crash();
    let (sent, _) = host::drain(&mut host);
    assert_eq!(sent.len(), 1);
    let (ann, gone) = (host.trace(&ids[0]), host.trace(&ids[1]));
    assert_eq!((&ann["status"], &gone["status"]), (&json!("sent"), &json!("suppressed")));
    assert_eq!(events(&gone), ["accepted", "suppressed_final", "suppressed"], "R205: both checks stand in the trace");
    assert_eq!(host.quota(), (0, 1, 99_999), "and its unit is given back");
}

/// A host whose key `k1` may say that the list does not hold; `other` may send, and no more.
fn trusted() -> Host {
    Host::with(|account| account["keys"][0]["scopes"].as_array_mut().unwrap().push(json!("send:suppressed")))
}

/// Ann and somebody on the list, as either route takes them.
fn ignoring(path: &str) -> Value {
    match path {
        "/v1/send" => {
            json!({"messages": [message("ann@example.com"), message("gone@example.com")], "suppression": "ignored"})
        }
        _ => json!({"message": {"from": "orders@shop.example", "subject": "Recall", "text_body": "Do not eat it."},
                    "recipients": [{"email": "ann@example.com"}, {"email": "gone@example.com"}],
                    "options": {"suppression": "ignored"}}),
    }
}

/// R207: by a request's own word nobody is filtered, at acceptance and before it leaves; all are reserved for, and the trace
/// says whose key said so. The next request is checked as ever.
#[test]
fn a_request_may_say_that_the_list_does_not_hold() {
    for path in ["/v1/send", "/v1/send/bulk"] {
        let mut host = trusted();
        suppress(&mut host, "gone@example.com");
        let answer = host.request(&key_of("k1"), "POST", path, ignoring(path).to_string().as_bytes());
        assert_eq!(answer.status, 202, "{path} {}", text(&answer));
        let all = json!({"status": "ignored", "checked_recipients": 2, "accepted_recipients": 2,
                         "suppressed_recipients": 0, "suppressed_emails": []});
        assert_eq!((summary(&answer), host.quota().0), (all, 2), "{path}");
        let gone = body(&answer)["messages"][1]["message_id"].as_str().unwrap().to_owned();
        suppress(&mut host, "ann@example.com");
        host.crash();
        let (sent, _) = host::drain(&mut host);
        assert_eq!((sent.len(), host.quota()), (2, (0, 2, 99_998)), "{path}: the last check stops neither");
        let trace = host.trace(&gone);
        assert_eq!(events(&trace), ["accepted", "suppression_ignored", "attempt", "sent"], "{path}");
        assert_eq!(trace["trace"][1]["by"], "k1", "{path}");
        let checked = host.send(&json!({"messages": [message("gone@example.com"), message("bob@example.com")]}));
        assert_eq!(summary(&checked)["suppressed_emails"], json!(["gone@example.com"]), "{path}");
    }
}

/// R207: it needs its own scope, also where the account honours no list at all; nothing of a refused request is kept. One
/// word is meant, and every other is refused.
#[test]
fn the_word_needs_a_scope_of_its_own() {
    for mode in ["checked", "ignored"] {
        let mut host = Host::with(|account| account["suppression"] = json!(mode));
        suppress(&mut host, "gone@example.com");
        let before = host.contents();
        for path in ["/v1/send", "/v1/send/bulk", "/v1/limits/check"] {
            let request = ignoring(if path == "/v1/limits/check" { "/v1/send" } else { path });
            let refused = host.request(&key_of("k1"), "POST", path, request.to_string().as_bytes());
            assert_eq!((refused.status, &body(&refused)["code"]), (403, &json!("scope_missing")), "{path}");
            assert!(text(&refused).contains("this needs the scope send:suppressed"), "{}", text(&refused));
        }
        assert_eq!(host.contents(), before);
    }
    let mut host = trusted();
    for word in [json!("checked"), json!(true), json!(null)] {
        let mut request = ignoring("/v1/send");
        request["suppression"] = word;
        let refused = host.send(&request);
        assert_eq!((refused.status, &body(&refused)["code"]), (400, &json!("unknown_field")));
    }
    let said = host.request(&key_of("k1"), "POST", "/v1/limits/check", ignoring("/v1/send").to_string().as_bytes());
    assert_eq!(
        (&body(&said)["decision"], &body(&said)["suppression_summary"]["status"]),
        (&json!("allow"), &json!("ignored"))
    );
}

/// R207: the account's owner in the same process needs no scope; where a key would be named stands nobody's.
#[test]
fn the_owner_may_say_so_without_a_key() {
    let mut host = Host::new();
    suppress(&mut host, "gone@example.com");
    let request = ignoring("/v1/send").to_string();
    let own =
        OwnRequest { method: "POST", path: "/v1/send", query: "", body: request.as_bytes(), idempotency_key: None };
    let (account, now) = (&mut host.account, host.now);
    let told = host.database.transaction::<_, Failed, _>(|sql| Ok(account.handle_own(own, sql, [1, 2], now)?)).unwrap();
    let answer: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((told.status, &answer["suppression_summary"]["status"]), (202, &json!("ignored")), "{answer}");
    let gone = answer["messages"][1]["message_id"].as_str().unwrap();
    assert_eq!(host.trace(gone)["trace"][1]["by"], "");
    assert_eq!(host::drain(&mut host).0.len(), 2);
}

/// R205: a message of a release that did not keep this is checked before it leaves.
#[test]
fn a_message_of_an_earlier_release_is_checked() {
    let mut host = trusted();
    let answer = host.send(&ignoring("/v1/send"));
    assert_eq!(answer.status, 202);
    host.query("ALTER TABLE message DROP COLUMN unchecked");
    host.crash();
    suppress(&mut host, "gone@example.com");
    let (sent, _) = host::drain(&mut host);
    assert_eq!(sent.len(), 1);
    let gone = body(&answer)["messages"][1]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(host.trace(&gone)["status"], "suppressed");
}

/// R055, R207: a person who is forgotten after such a request is spared by what still waits of it.
#[test]
fn a_person_who_is_forgotten_meanwhile_is_spared() {
    let mut host = trusted();
    assert_eq!(host.send(&ignoring("/v1/send")).status, 202);
    let erased = host.request(&key_of("k1"), "DELETE", "/v1/subjects/gone%40example.com", b"");
    assert_eq!((erased.status, &body(&erased)["waiting"]), (200, &json!(1)), "{}", text(&erased));
    let (sent, _) = host::drain(&mut host);
    assert_eq!((sent.len(), host.quota()), (1, (0, 1, 99_999)));
}

/// R207: a call of several that has to be repeated as it was is repeated for them, too.
#[test]
fn a_call_of_several_is_repeated_whatever_the_list_says() {
    let mut host = Host::with(|account| {
        account["keys"][0]["scopes"].as_array_mut().unwrap().push(json!("send:suppressed"));
        account["batch"] = json!({"max_messages": 10});
    });
    assert_eq!(host.send(&ignoring("/v1/send")).status, 202);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(TransportFailure::MaybeSent));
    suppress(&mut host, "gone@example.com");
    host.advance(10_000);
    let again = host.next();
    assert!(matches!(again, Effect::Send { .. }), "{again:?}");
}
