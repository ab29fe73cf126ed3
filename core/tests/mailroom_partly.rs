//! A mail server that takes a message for some recipients and refuses others: who gets it again, and what is learnt of whom.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::{Row, Value as Cell},
    transport::{Call, Reply, SmtpAnswer, SmtpEnd, SmtpRefusal, SmtpReply, SmtpStage},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A relay behind which another provider waits: what the relay took for some is no other's.
fn relay(account: &mut Value) {
    account["providers"] = json!([
        {"name": "relay", "kind": "smtp", "base_url": "smtps://mail.example"},
        {"name": "second", "kind": "sandbox", "base_url": "http://127.0.0.1:2/esp", "credential": "ESP-2"}
    ]);
    account["failover"] = json!({"after_ms": 0, "after_failures": 1});
}

fn spoken(code: u16, enhanced: [u16; 3]) -> SmtpAnswer {
    SmtpAnswer { code, enhanced: Some(enhanced), text: String::new() }
}

fn refusal((address, code, enhanced): &(&str, u16, [u16; 3])) -> SmtpRefusal {
    SmtpRefusal { address: (*address).into(), answer: Some(spoken(*code, *enhanced)) }
}

/// Taken, but not for these.
fn taken_but(refused: &[(&str, u16, [u16; 3])]) -> Reply {
    let answer = SmtpAnswer { code: 250, enhanced: Some([2, 0, 0]), text: "Ok: queued as Q1".into() };
    Reply::Smtp(SmtpReply {
        stage: SmtpStage::Taken,
        end: SmtpEnd::Answered(answer),
        refused: refused.iter().map(refusal).collect(),
    })
}

/// Everybody was refused.
fn nobody(refused: &[(&str, u16, [u16; 3])]) -> Reply {
    Reply::Smtp(SmtpReply {
        stage: SmtpStage::Recipients,
        end: SmtpEnd::NobodyLeft,
        refused: refused.iter().map(refusal).collect(),
    })
}

fn to(addresses: &[&str]) -> Value {
    json!({"from": "orders@shop.example", "to": addresses, "subject": "Order 42", "text_body": "Hi"})
}

fn parted() -> (Host, String, Attempt) {
    let mut host = Host::with(relay);
    let mut order = to(&["ann@example.com", "bob@example.com"]);
    order["cc"] = json!(["busy@example.net", "gone@example.net"]);
    let id = host.send_ok(vec![order]).remove(0);
    let (attempt, mail) = host.next_mail();
    assert_eq!(mail.recipients, ["ann@example.com", "bob@example.com", "busy@example.net", "gone@example.net"]);
    host.settle_with(
        attempt,
        Ok(taken_but(&[("busy@example.net", 450, [4, 2, 1]), ("gone@example.net", 550, [5, 1, 1])])),
    );
    (host, id, attempt)
}

fn of<'a>(trace: &'a Value, address: &str) -> &'a Value {
    trace["recipients"].as_array().unwrap().iter().find(|one| one["address"] == address).unwrap()
}

fn suppressed(host: &mut Host) -> Vec<String> {
    let rows = host.query("SELECT address || ' ' || reason FROM suppression ORDER BY address");
    let text = |row: Row| if let Cell::Text(text) = &row[0] { text.clone() } else { panic!("no text") };
    rows.into_iter().map(text).collect()
}

/// C16: who was refused for now is tried again, alone and by the same provider; the others get nothing twice. The mail's own
/// lines name everybody, as they did the first time.
#[test]
fn who_was_refused_for_now_is_tried_again_alone() {
    let (mut host, id, _) = parted();
    let trace = host.trace(&id);
    assert_eq!(trace["status"], "deferred");
    assert_eq!(events(&trace), ["accepted", "attempt", "recipients_refused", "partly_sent"]);
    assert_eq!((&trace["provider_message_id"], &trace["error"]["code"]), (&json!("Q1"), &json!("recipients_refused")));
    assert_eq!(of(&trace, "ann@example.com")["taken_at_attempt"], 1);
    assert_eq!(of(&trace, "busy@example.net")["refused"], "transient");
    assert_eq!(of(&trace, "gone@example.net")["refused"], "permanent");
    assert_eq!(host.quota(), (1, 3, 99_996), "reserved, committed, free: one is left to send to");

    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(1_000) });
    host.advance(1_000);
    let (attempt, mail) = host.next_mail();
    assert_eq!(mail.recipients, ["busy@example.net"]);
    let text = String::from_utf8(mail.data).unwrap();
    for address in ["ann@example.com", "bob@example.com", "busy@example.net"] {
        assert!(text.contains(address), "{text}");
    }
    host.settle_with(attempt, Ok(taken_but(&[])));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &trace["error"]), (&json!("sent"), &Value::Null));
    assert_eq!(
        of(&trace, "busy@example.net"),
        &json!({"kind": "cc", "address": "busy@example.net", "taken_at_attempt": 2})
    );
    assert_eq!(host.quota(), (0, 4, 99_996));
    assert_eq!(host.next(), Effect::Idle);
    assert_eq!(suppressed(&mut host), ["gone@example.net hard_bounce"]);
}

/// The same after the process ended, while it waits and while it is on its way; an attempt that was lost on its way is unknown for
/// those it was for, and for nobody else.
#[test]
fn a_restart_forgets_nobody_and_sends_to_nobody_twice() {
    let (mut host, id, first) = parted();
    host.crash();
    host.settle_with(first, Ok(taken_but(&[])));
    host.advance(1_000);
    let (_, mail) = host.next_mail();
    assert_eq!(mail.recipients, ["busy@example.net"]);
    host.crash();
    let trace = host.trace(&id);
    assert_eq!(trace["status"], "unknown");
    assert_eq!(of(&trace, "busy@example.net")["status"], "unknown");
    assert_eq!(
        (&of(&trace, "ann@example.com")["status"], of(&trace, "ann@example.com")["taken_at_attempt"].as_u64()),
        (&Value::Null, Some(1))
    );
    assert_eq!(host.quota(), (0, 4, 99_996));
    assert_eq!(host.next(), Effect::Idle);
}

/// A failing provider is waited for, although another one would take it: the other would show the rest alone in the lines. When the
/// message's time is over it was sent all the same, to those who were taken, and the unit of the one who is left is given back.
#[test]
fn what_is_left_stays_with_its_provider_until_its_time_is_over() {
    let mut host = Host::with(relay);
    let mut order = to(&["ann@example.com", "busy@example.net"]);
    order["expires_at"] = json!(host.now.plus(30_000).to_string());
    let id = host.send_ok(vec![order]).remove(0);
    let (attempt, _) = host.next_mail();
    host.settle_with(attempt, Ok(taken_but(&[("busy@example.net", 451, [4, 7, 1])])));
    for pause in [1_000, 2_000, 4_000] {
        host.advance(pause);
        let (attempt, mail) = host.next_mail();
        assert_eq!(mail.recipients, ["busy@example.net"]);
        host.settle_with(attempt, Err(TransportFailure::NotSent));
        assert!(matches!(host.next(), Effect::Wait { .. }), "the second provider is not asked");
        host.crash();
        assert!(matches!(host.next(), Effect::Wait { .. }), "nor after a restart");
    }
    host.advance(30_000);
    assert!(matches!(host.next(), Effect::Wait { .. } | Effect::Idle));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &of(&trace, "busy@example.net")["status"]), (&json!("sent"), &json!("expired")));
    assert_eq!(events(&trace).last().unwrap(), "expired");
    assert_eq!(host.quota(), (0, 1, 99_999));
}

/// R073: what the bounce table says decides whether a refusal is evidence against the address. A rule against the message is none.
#[test]
fn the_bounce_table_decides_what_a_refusal_is_evidence_of() {
    let mut host = Host::with(|account| {
        relay(account);
        account["soft_bounces"] = json!({"limit": 2});
    });
    for round in 1..=2 {
        host.send_ok(vec![to(&["ann@example.com", "policy@example.net", "full@example.net", "gone@example.net"])]);
        let (attempt, mail) = host.next_mail();
        assert_eq!(mail.recipients.len(), if round == 1 { 4 } else { 3 });
        let refused = [
            ("policy@example.net", 550, [5, 7, 1]),
            ("full@example.net", 552, [5, 2, 2]),
            ("gone@example.net", 550, [5, 1, 1]),
        ];
        host.settle_with(attempt, Ok(taken_but(&refused)));
    }
    assert_eq!(suppressed(&mut host), ["full@example.net soft_bounce", "gone@example.net hard_bounce"]);
}

/// R073: when nobody is taken, those who were refused for good are noted and not asked for again, and their units come back; the
/// others go again together. One who alone is refused for good is evidence as well.
#[test]
fn when_nobody_is_taken_those_refused_for_good_are_left_out() {
    let mut host = Host::with(|account| {
        relay(account);
        account["providers"].as_array_mut().unwrap().truncate(1);
    });
    let id = host.send_ok(vec![to(&["gone@example.net", "busy@example.net"])]).remove(0);
    let (attempt, _) = host.next_mail();
    host.settle_with(
        attempt,
        Ok(nobody(&[("gone@example.net", 550, [5, 1, 1]), ("busy@example.net", 450, [4, 2, 1])])),
    );
    assert_eq!((host.trace(&id)["status"].as_str(), host.quota()), (Some("deferred"), (1, 0, 99_999)));
    host.advance(1_000);
    let (attempt, mail) = host.next_mail();
    assert_eq!(mail.recipients, ["busy@example.net"]);
    host.settle_with(attempt, Ok(taken_but(&[])));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &of(&trace, "gone@example.net")["status"]), (&json!("sent"), &json!("failed")));

    let id = host.send_ok(vec![to(&["dead@example.net"])]).remove(0);
    let (attempt, _) = host.next_mail();
    host.settle_with(attempt, Ok(nobody(&[("dead@example.net", 550, [5, 1, 1])])));
    assert_eq!((host.trace(&id)["status"].as_str(), host.quota()), (Some("failed"), (0, 1, 99_999)));
    assert_eq!(suppressed(&mut host), ["dead@example.net hard_bounce", "gone@example.net hard_bounce"]);
}

/// Who is suppressed while a message waits for him alone ends it, and it was sent to the others.
#[test]
fn who_is_suppressed_meanwhile_ends_it() {
    let (mut host, id, _) = parted();
    let entry = json!({"email": "busy@example.net"}).to_string();
    assert!(host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.as_bytes()).status < 300);
    host.advance(1_000);
    assert!(matches!(host.next(), Effect::Idle | Effect::Wait { .. }));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &of(&trace, "busy@example.net")["suppressed"]), (&json!("sent"), &json!("final")));
    assert_eq!(host.quota(), (0, 3, 99_997));
}

/// A report of one recipient does not end what waits for another, and counts when that one is taken.
#[test]
fn a_report_that_comes_meanwhile_is_kept() {
    let mut host = Host::with_secrets(
        |account| {
            relay(account);
            account["providers"][0]["webhook"] = json!({"secret": "HOOK"});
        },
        &[("HOOK", "hook:p4ss".into())],
    );
    let id = host.send_ok(vec![to(&["ann@example.com", "busy@example.net"])]).remove(0);
    let (attempt, _) = host.next_mail();
    host.settle_with(attempt, Ok(taken_but(&[("busy@example.net", 450, [4, 2, 1])])));
    let mail = format!(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nNo.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; ann@example.com\r\n\
         Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{id}@shop.example>\r\n\r\n--b--\r\n"
    );
    // The Basic credentials `hook:p4ss`.
    let credentials = [("Authorization".to_string(), "Basic aG9vazpwNHNz".to_string())];
    let answer = host.report("/v1/inbound/smtp/shop", &credentials, mail.as_bytes());
    assert_eq!(answer.status, 200, "{}", text(&answer));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &of(&trace, "ann@example.com")["status"]), (&json!("deferred"), &json!("bounced")));
    host.advance(1_000);
    let (attempt, mail) = host.next_mail();
    assert_eq!(mail.recipients, ["busy@example.net"]);
    host.settle_with(attempt, Ok(taken_but(&[])));
    let trace = host.trace(&id);
    assert_eq!((&trace["status"], &of(&trace, "ann@example.com")["status"]), (&json!("sent"), &json!("bounced")));
}

/// C16: 300 messages to six each, of whom the server takes some, refuses some for now and some for good, with connections that are
/// lost before the mail and processes that end in between. Nobody is sent a message twice, nobody is left out without a word,
/// and at the end no unit is reserved and as many are used as the server was asked for.
#[test]
fn everybody_is_taken_once_or_told_of() {
    let mut host = Host::with(|account| {
        relay(account);
        account["retry"] = json!({"base_ms": 1_000, "cap_ms": 1_000, "max_attempts": 100, "jitter": false});
        account["suppression"] = json!("ignored");
    });
    let (mut taken, mut gone) = (BTreeSet::new(), BTreeSet::new());
    let mut lost_whole = 0;
    for n in 0..300 {
        host.advance(1_000);
        let all: Vec<String> = (0..6).map(|r| format!("m{n}r{r}@example.com")).collect();
        let id = host.send_ok(vec![to(&all.iter().map(String::as_str).collect::<Vec<_>>())]).remove(0);
        let taken_before = taken.len();
        let trace = loop {
            match host.next() {
                Effect::Send { attempt, call: Call::Smtp(mail), .. } => {
                    let chances = host.random();
                    let of = |(place, address): (usize, &String)| match chances >> (8 * place) & 3 {
                        0 => Some((address.clone(), 451, [4, 2, 1])),
                        1 if chances >> (8 * place + 2) & 3 == 0 => Some((address.clone(), 550, [5, 1, 1])),
                        _ => None,
                    };
                    let refused: Vec<_> = mail.recipients.iter().enumerate().filter_map(of).collect();
                    let lines: Vec<_> =
                        refused.iter().map(|(a, code, enhanced)| (a.as_str(), *code, *enhanced)).collect();
                    if chances >> 60 == 0 {
                        host.settle_with(attempt, Err(TransportFailure::NotSent));
                        continue;
                    }
                    gone.extend(
                        refused.iter().filter(|(_, code, _)| *code == 550).map(|(address, ..)| address.clone()),
                    );
                    let is_taken = refused.len() < mail.recipients.len();
                    for address in mail.recipients.iter().filter(|one| !refused.iter().any(|(a, ..)| a == *one)) {
                        assert!(taken.insert(address.clone()), "{address} gets it twice");
                    }
                    host.settle_with(attempt, Ok(if is_taken { taken_but(&lines) } else { nobody(&lines) }));
                }
                Effect::Send { attempt, call, .. } => {
                    // Nobody was taken yet, and the relay failed: the other provider has all that are left.
                    for address in recipients(&http(call)) {
                        let address = all.iter().find(|one| address.contains(*one)).unwrap().clone();
                        assert!(taken.insert(address), "twice");
                    }
                    host.settle(attempt, Ok(&host::taken()));
                }
                Effect::Wait { until } => host.now = until,
                Effect::Idle => break host.trace(&id),
            }
            if host.random().is_multiple_of(4) {
                host.crash();
            }
        };
        for address in &all {
            let one = of(&trace, address);
            assert_eq!(one["refused"] == "permanent", gone.contains(address), "{trace}");
            assert!(taken.contains(address) != gone.contains(address), "{address} is either: {trace}");
        }
        let is_taken = taken.len() > taken_before;
        lost_whole += u64::from(!is_taken);
        assert_eq!(trace["status"], if is_taken { "sent" } else { "failed" }, "{trace}");
        assert_eq!(host.quota().0, 0, "{trace}");
    }
    assert!(gone.len() > 50 && taken.len() > 1_500 && lost_whole < 5, "{} {} {lost_whole}", gone.len(), taken.len());
    let (_, used, _) = host.quota();
    let used = usize::try_from(used).unwrap();
    assert!((taken.len()..=taken.len() + gone.len()).contains(&used), "{used}");
}
