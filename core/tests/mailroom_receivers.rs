//! The Mailroom under windows for receivers: who waits, who passes by, what that costs, and what outlives a restart.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::Value as Cell,
    time::UnixMillis,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn count_of(domains: &[String], domain: &str) -> usize {
    domains.iter().filter(|sent| *sent == domain).count()
}

/// R086, R119: a thousand messages wait for Gmail; one to Outlook leaves at once, now and while Gmail is full, and the
/// backlog costs no statement meanwhile. Over all of it a message costs six statements, however often it had to wait.
#[test]
fn a_backlog_of_one_receiver_stops_nobody_else_and_is_not_read_again_and_again() {
    let mut host = Host::with(|account| account["domain_windows"] = json!({"gmail": window("minute", 120, 60_000)}));
    for batch in 0..2 {
        host.send_ok((0..500).map(|n| message(&format!("u{batch}-{n}@gmail.com"))).collect());
    }
    host.send_ok(vec![message("ann@outlook.com")]);
    let ((sent, end), counted) = host.count(drain);
    assert_eq!((count_of(&sent, "gmail.com"), count_of(&sent, "outlook.com")), (120, 1));
    let Effect::Wait { until } = end else { panic!("{end:?}") };
    let wait = until.since(host.now);
    assert!((60_000..=64_000).contains(&wait), "a minute and at most one sub-bucket: {wait}");
    assert!(counted.reads + counted.writes <= 121 * 6, "{counted:?}");
    host.send_ok(vec![message("bob@outlook.com")]);
    let (effect, counted) = host.count(Host::next);
    let Effect::Send { attempt, .. } = effect else { panic!("{effect:?}") };
    assert_eq!((counted.reads, counted.writes), (2, 1), "the message, the list, the mark");
    host.settle(attempt, Ok(&taken()));
    let (effect, counted) = host.count(Host::next);
    assert_eq!((effect, counted), (Effect::Wait { until }, Statements::default()));
    let (mut left, mut statements) = (0, Statements::default());
    loop {
        let ((sent, end), counted) = host.count(drain);
        left += sent.len();
        statements.reads += counted.reads;
        statements.writes += counted.writes;
        match end {
            Effect::Wait { until } => host.now = until,
            _ => break,
        }
    }
    assert_eq!(left, 880);
    assert!(statements.reads + statements.writes <= 880 * 6, "{statements:?}");
}

/// R087: one receiver, whatever its domains are called.
#[test]
fn the_domains_of_a_receiver_share_its_windows() {
    let mut host = Host::with(|account| {
        account["domain_windows"] =
            json!({"gmail": window("minute", 3, 60_000), "microsoft": window("minute", 2, 60_000)});
    });
    let domains =
        ["gmail.com", "googlemail.com", "hotmail.com", "live.com", "outlook.com", "gmail.com", "GoogleMail.com"];
    host.send_ok(domains.iter().map(|domain| message(&format!("ann@{domain}"))).collect());
    let (sent, end) = drain(&mut host);
    assert_eq!(sent, ["gmail.com", "googlemail.com", "hotmail.com", "live.com", "gmail.com"]);
    assert_eq!(end, Effect::Wait { until: host.now.plus(60_000) });
}

/// The cost at a receiver is the message's recipients there, and suppressed ones are none.
#[test]
fn a_message_costs_its_recipients_at_each_receiver() {
    let mut host = Host::with(|account| {
        account["domain_windows"] = json!({"gmail": window("minute", 5, 60_000), "*": window("each", 2, 60_000)});
    });
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"dead@gmail.com"}"#);
    let mut many = message("ann@gmail.com");
    many["to"] = json!(["a@gmail.com", "b@googlemail.com", "c@gmail.com", "dead@gmail.com", "d@one.example"]);
    many["cc"] = json!(["e@one.example"]);
    host.send_ok(vec![many, message("f@one.example"), message("g@two.example")]);
    let mut three = message("x");
    three["to"] = json!(["a@gmail.com", "b@gmail.com", "c@gmail.com"]);
    host.send_ok(vec![three, message("h@gmail.com")]);
    let (sent, end) = drain(&mut host);
    assert_eq!(sent, ["one.example", "two.example"], "nobody overtakes within a lane");
    assert_eq!(end, Effect::Wait { until: host.now.plus(60_000) });
    let rows = host.query("SELECT name FROM state WHERE name LIKE 'group:%' ORDER BY name");
    assert_eq!(rows, [[Cell::Text("group:one.example".into())], [Cell::Text("group:two.example".into())]]);
}

/// A message to three at Gmail is not starved by those to one, and nobody but Gmail's waits for it.
#[test]
fn who_needs_more_room_keeps_its_turn() {
    let mut host = Host::with(|account| account["domain_windows"] = json!({"gmail": window("minute", 4, 60_000)}));
    for n in 0..2 {
        host.send_ok(vec![message(&format!("a{n}@gmail.com")), message(&format!("b{n}@gmail.com"))]);
        assert_eq!(drain(&mut host).0.len(), 2);
        host.advance(30_000);
    }
    let mut three = message("x");
    three["to"] = json!(["a@gmail.com", "b@gmail.com", "c@gmail.com", "d@outlook.com"]);
    host.send_ok(vec![three]);
    assert_eq!(drain(&mut host).1, Effect::Wait { until: host.now.plus(30_000) }, "two of the three have room");
    host.advance(1);
    host.send_ok(vec![message("e@gmail.com"), message("f@outlook.com"), message("g@gmail.com")]);
    assert_eq!(drain(&mut host).0, ["outlook.com"], "there is room for one to Gmail, and it is not next");
    host.advance(29_999);
    let (sent, end) = drain(&mut host);
    assert_eq!(sent, ["outlook.com", "gmail.com"], "the message to three, then the next one");
    assert_eq!(end, Effect::Wait { until: host.now.plus(60_000) });
}

/// A window that was made too narrow for what waits: the message is kept, says so, and leaves when it fits again.
#[test]
fn what_no_longer_fits_is_held_and_stops_nobody() {
    let windows = |limit: u32| {
        move |account: &mut Value| {
            account["domain_windows"] = json!({"gmail": window("minute", limit, 60_000)});
        }
    };
    let mut host = Host::with(windows(5));
    let mut three = message("x");
    three["to"] = json!(["a@gmail.com", "b@gmail.com", "c@gmail.com"]);
    let ids = host.send_ok(vec![three, message("d@gmail.com")]);
    host.configure(windows(2));
    let (sent, end) = drain(&mut host);
    assert_eq!((sent.len(), end), (1, Effect::Wait { until: host.now.plus(900_000) }));
    let trace = host.trace(&ids[0]);
    assert_eq!((trace["status"].as_str(), trace["error"]["code"].as_str()), (Some("held"), Some("never_fits")));
    assert_eq!(host.quota(), (3, 1, 99_996), "its units stay reserved");
    host.configure(windows(5));
    host.advance(900_000);
    assert_eq!(drain(&mut host).0.len(), 1);
    assert_eq!(host.trace(&ids[0])["status"], "sent");
}

/// What is on its way takes room; a request that never left gives it back at once, one that did only after the period.
#[test]
fn requests_on_their_way_fill_a_receivers_window_and_nobody_elses() {
    let mut host = Host::with(|account| account["domain_windows"] = json!({"gmail": window("minute", 2, 60_000)}));
    host.send_ok((0..4).map(|n| message(&format!("u{n}@gmail.com"))).collect());
    let (first, _) = host.next_request();
    let (second, _) = host.next_request();
    assert_eq!(host.next(), Effect::Idle, "two are on their way");
    host.send_ok(vec![message("ann@example.com")]);
    let (elsewhere, _) = host.next_request();
    assert_eq!(host.next(), Effect::Idle);
    host.settle(first, Err(TransportFailure::NotSent));
    let (third, _) = host.next_request();
    host.advance(500);
    for attempt in [second, third, elsewhere] {
        host.settle(attempt, Ok(&taken()));
    }
    // The first one waits a second for its second attempt, the fourth for Gmail: both for the window in the end.
    assert_eq!(host.next(), Effect::Wait { until: host.now.plus(60_000) });
}

/// Killed and opened again: the windows and the order of those who wait are what they were.
#[test]
fn a_restart_forgets_no_window_and_loses_nobody() {
    let mut host = Host::with(|account| {
        account["domain_windows"] = json!({"gmail": window("minute", 3, 60_000), "*": window("minute", 1, 60_000)});
        account["class_windows"] = json!({"bulk": window("minute", 5, 60_000)});
    });
    host.send_ok((0..6).map(|n| of_class("bulk", &format!("u{n}@gmail.com"))).collect());
    host.send_ok((0..4).map(|n| of_class("bulk", &format!("u{n}@one.example"))).collect());
    let (sent, end) = drain(&mut host);
    assert_eq!((sent.len(), &end), (4, &Effect::Wait { until: host.now.plus(60_000) }));
    host.crash();
    assert_eq!(drain(&mut host), (Vec::new(), end));
    host.advance(60_000);
    assert_eq!(drain(&mut host).0.len(), 4);
    // A request on its way when the process ends is counted where it went.
    host.advance(60_000);
    let _ = host.next_request();
    host.crash();
    host.advance(1_000);
    assert_eq!(drain(&mut host), (Vec::new(), Effect::Wait { until: host.now.plus(59_000) }));
    for _ in 0..2 {
        host.advance(60_000);
        assert_eq!(drain(&mut host).0, ["one.example"]);
    }
    assert_eq!(host.query("SELECT count(*) FROM message WHERE status = 'sent'"), [[Cell::Integer(10)]]);
}

/// A rule that comes or goes takes the counts with it; a row that cannot be read is taken as full, once.
#[test]
fn changed_rules_and_damaged_rows_free_nothing() {
    let rules = |rules: Value| move |account: &mut Value| account["domain_windows"] = rules;
    let mut host = Host::with(rules(json!({"*": window("minute", 2, 60_000)})));
    host.send_ok((0..5).map(|n| message(&format!("u{n}@gmail.com"))).collect());
    assert_eq!(drain(&mut host).0.len(), 2);
    host.configure(rules(json!({"gmail": window("minute", 3, 60_000)})));
    assert_eq!(drain(&mut host).0.len(), 1, "two of the three are in use");
    assert_eq!(host.query("SELECT count(*) FROM state WHERE name LIKE 'group:%'"), [[Cell::Integer(0)]]);
    host.query("UPDATE state SET bytes = x'01020304' WHERE name = 'dispatch'");
    host.advance(60_000);
    host.crash();
    let (sent, end) = drain(&mut host);
    assert_eq!((sent.len(), end), (0, Effect::Wait { until: host.now.plus(60_000) }));
    host.crash();
    host.advance(60_000);
    assert_eq!(drain(&mut host).0.len(), 2, "full once, not for ever");
}

/// A clock set back by an hour frees nothing and does not lock the receivers out for that hour.
#[test]
fn a_clock_set_back_is_followed() {
    let mut host = Host::with(|account| account["domain_windows"] = json!({"gmail": window("minute", 2, 60_000)}));
    host.send_ok((0..2).map(|n| message(&format!("u{n}@gmail.com"))).collect());
    assert_eq!(drain(&mut host).0.len(), 2);
    host.now = UnixMillis::new(START - 3_600_000);
    host.send_ok((0..3).map(|n| message(&format!("v{n}@gmail.com"))).collect());
    assert_eq!(drain(&mut host), (Vec::new(), Effect::Wait { until: host.now.plus(60_000) }));
    host.advance(60_000);
    assert_eq!(drain(&mut host).0.len(), 2);
}

/// R081, R086, at the receivers' and the provider's own clocks: whatever the latency, no second of theirs carries more
/// recipients than their rule, nothing leaves twice, nothing stays.
#[test]
fn no_receivers_second_carries_more_than_its_rule_whatever_the_latency() {
    let mut host = Host::with(|account| {
        account["domain_windows"] = json!({"gmail": window("second", 10, 1_000), "*": window("second", 5, 1_000)});
        account["providers"][0]["recipient_windows"] = window("esp-second", 24, 1_000);
        account["class_windows"] = json!({"bulk": window("second", 3, 1_000)});
    });
    let domains = ["gmail.com", "googlemail.com", "one.example", "two.example"];
    let mut messages = Vec::new();
    for n in 0..400_usize {
        let to: Vec<String> = (0..=n % 3).map(|r| format!("u{n}-{r}@{}", domains[(n + r * (n / 4)) % 4])).collect();
        let mut message = of_class(["transactional", "bulk"][n / 2 % 2], "x");
        message["to"] = json!(to);
        messages.push(message);
    }
    host.send_ok(messages);
    let (mut arrivals, mut answers) = (Vec::<(u64, String)>::new(), BTreeMap::<(u64, Attempt), ()>::new());
    let mut requests = 0;
    loop {
        let wake = match host.next() {
            Effect::Send { attempt, call, .. } => {
                let request = http(call);
                requests += 1;
                let latency = host.random() % 700;
                let at = host.now.as_millis() + host.random() % (latency + 1);
                arrivals.extend(recipients(&request).iter().map(|recipient| {
                    let domain = recipient.rsplit('@').next().unwrap().trim_end_matches(['"', '}']);
                    (at, domain.replace("googlemail", "gmail"))
                }));
                answers.insert((host.now.as_millis() + latency, attempt), ());
                continue;
            }
            Effect::Wait { until } => Some(until.as_millis()),
            Effect::Idle => None,
        };
        let answer = answers.first_key_value().map(|(key, ())| *key);
        let Some(next) = wake.into_iter().chain(answer.map(|(at, _)| at)).min() else { break };
        host.now = UnixMillis::new(next.max(host.now.as_millis()));
        if let Some((_, attempt)) = answer.filter(|(at, _)| *at <= host.now.as_millis()) {
            answers.pop_first();
            host.settle(attempt, Ok(&taken()));
        }
    }
    assert_eq!(requests, 400);
    assert_eq!(host.query("SELECT count(*) FROM message WHERE status = 'sent'"), [[Cell::Integer(400)]]);
    arrivals.sort_unstable();
    for (domain, limit) in [(Some("gmail.com"), 10), (Some("one.example"), 5), (Some("two.example"), 5), (None, 24)] {
        let log: Vec<u64> =
            arrivals.iter().filter(|(_, to)| domain.is_none_or(|domain| domain == to)).map(|(at, _)| *at).collect();
        let most =
            (0..log.len()).map(|n| log[n..].iter().take_while(|at| **at < log[n] + 1_000).count()).max().unwrap();
        assert!(most <= limit, "{domain:?}: {most} in one second");
        assert!(most * 2 > limit, "{domain:?}: the test did nothing");
    }
}

/// R121: nobody is forgotten in a lane or a class that was shut. Under random groups, costs, classes, ends, latencies,
/// requests that never left, clocks set back and kills, everything that was accepted comes to its end by itself.
#[test]
fn everybody_who_waits_is_asked_about_again() {
    for seed in 0..12 {
        let mut host = Host::with(|account| {
            account["domain_windows"] = json!({"gmail": window("s", 4, 1_000), "*": window("s", 3, 700)});
            account["class_windows"] = json!({"bulk": window("s", 2, 900), "drip": window("s", 1, 300)});
            account["providers"][0]["recipient_windows"] = window("esp", 7, 1_000);
            account["providers"][0]["windows"] = window("esp", 5, 800);
        });
        host.entropy = seed * 104_729;
        let mut flying: Vec<Attempt> = Vec::new();
        let (mut left, answer) = (120, taken());
        for step in 0.. {
            assert!(step < 20_000, "seed {seed}: somebody waits for ever");
            if left > 0 && host.random().is_multiple_of(4) {
                left -= 1;
                let message = random_message(&mut host);
                host.send_ok(vec![message]);
                host.advance(110);
            }
            match (host.random() % 60, flying.len()) {
                (0, _) => {
                    host.crash();
                    flying.clear();
                }
                (1, _) => host.now = UnixMillis::new(host.now.as_millis() - host.entropy % 2_000),
                (2..30, 1..) => {
                    let attempt = flying.swap_remove(usize::try_from(host.random()).unwrap_or(7) % flying.len());
                    let fails = host.random().is_multiple_of(5);
                    host.settle(attempt, if fails { Err(TransportFailure::NotSent) } else { Ok(&answer) });
                }
                _ => match host.next() {
                    Effect::Send { attempt, .. } => flying.push(attempt),
                    Effect::Wait { until } => host.now = until.min(host.now.plus(400)).max(host.now),
                    Effect::Idle if flying.is_empty() && left == 0 => break,
                    Effect::Idle => host.advance(1),
                },
            }
        }
        let open = "SELECT count(*) FROM message WHERE status IN ('queued', 'deferred', 'held', 'sending')";
        assert_eq!(host.query(open), [[Cell::Integer(0)]], "seed {seed}");
        assert_eq!(host.query("SELECT count(*) FROM message"), [[Cell::Integer(120)]], "seed {seed}");
        let sent = host.query("SELECT count(*) FROM message WHERE status = 'sent'");
        let Cell::Integer(sent) = sent[0][0] else { panic!("no number") };
        assert!(sent > 60, "seed {seed}: {sent}");
    }
}

/// A message of any class to one to three receivers, which may end in five seconds.
fn random_message(host: &mut Host) -> Value {
    let domains = ["gmail.com", "googlemail.com", "one.example", "two.example"];
    let classes = ["transactional", "lifecycle", "drip", "bulk"];
    let mut pick = |n: u64| usize::try_from(host.random() % n).unwrap();
    let mut message = of_class(classes[pick(4)], "x");
    message["to"] = (0..=pick(3)).map(|n| json!(format!("u{n}@{}", domains[pick(4)]))).collect();
    if pick(10) == 0 {
        message["expires_at"] = json!(host.now.plus(5_000).to_string());
    }
    message
}
