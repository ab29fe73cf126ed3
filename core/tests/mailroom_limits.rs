//! The Mailroom under windows for receivers, classes and recipients: what waits, what passes it by, and what that costs.

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
    account::Account,
    config::Config,
    gate::{Reason, Verdict},
    ledger::Ledger,
    mailroom::{Attempt, Effect, Mailroom, Recipient, RecipientKind},
    message::Class,
    outcome::TransportFailure,
    sql::Value as Cell,
    time::UnixMillis,
};
use sendgate_embed::Database;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn window(name: &str, limit: u32, period_ms: u64) -> Value {
    json!([{"kind": "sliding", "name": name, "limit": limit, "period_ms": period_ms}])
}

fn of_class(class: &str, to: &str) -> Value {
    let mut message = message(to);
    message["class"] = json!(class);
    message
}

/// Whom a sandbox request goes to.
fn to(request: &sendgate_core::http::HttpRequest) -> String {
    let all = recipients(request).join(" ");
    all.rsplit('@').next().unwrap().trim_end_matches(['"', '}']).into()
}

/// Settles whatever may leave at this instant; returns the domains in order, and the effect that ended it.
fn drain(host: &mut Host) -> (Vec<String>, Effect) {
    let mut domains = Vec::new();
    loop {
        match host.next() {
            Effect::Send { attempt, request, .. } => {
                domains.push(to(&request));
                host.settle(attempt, Ok(&taken()));
            }
            other => return (domains, other),
        }
    }
}

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

/// What a message would meet can be asked without a trace: for a dry run.
#[test]
fn asking_counts_nothing() {
    let config = config_with(|account| {
        account["domain_windows"] = json!({"gmail": window("minute", 3, 60_000)});
        account["class_windows"] = json!({"bulk": window("bulk-minute", 9, 60_000)});
    });
    let config = Config::from_json(&config).unwrap();
    let account = &config.accounts["shop"];
    let now = UnixMillis::new(START);
    let mut database = Database::in_memory().unwrap();
    let recipient = |address: &str| Recipient {
        kind: RecipientKind::To,
        address: address.into(),
        key: address.into(),
        suppressed: None,
    };
    let mailroom = database
        .transaction::<_, Failed, _>(|sql| {
            let mut ledger = Ledger::new(&account.quotas, "UTC").unwrap();
            let secret = |_: &str| Some(String::from("esp-secret"));
            Account::open(&config, "shop", &secret, sql, now)?;
            Ok(Mailroom::open(account, "esp-secret", &mut ledger, sql, now)?)
        })
        .unwrap();
    let two = [recipient("ann@gmail.com"), recipient("bob@googlemail.com"), recipient("cid@example.com")];
    for _ in 0..10 {
        assert_eq!(mailroom.peek(Class::Bulk, &two, now), Verdict::Allow);
    }
    let slack = |class| -> Vec<(String, u32, bool)> {
        let explained = mailroom.explain(class, &two, now);
        explained.iter().map(|s| (s.dimension.to_owned(), s.slack, s.is_binding)).collect()
    };
    assert_eq!(slack(Class::Bulk), [("bulk".into(), 9, false), ("gmail".into(), 1, true)]);
    assert_eq!(slack(Class::Drip), [("bulk".into(), u32::MAX, false), ("gmail".into(), 1, true)]);
    let four: Vec<Recipient> = (0..4).map(|n| recipient(&format!("u{n}@gmail.com"))).collect();
    assert!(matches!(mailroom.peek(Class::Bulk, &four, now), Verdict::Reject(Reason::NeverFits(_))));
}

/// R119, R120: a class that has used up its window waits alone.
#[test]
fn a_full_class_stops_no_other_class() {
    let mut host = Host::with(|account| account["class_windows"] = json!({"bulk": window("minute", 10, 60_000)}));
    host.send_ok((0..100).map(|n| of_class("bulk", &format!("u{n}@example.com"))).collect());
    let (sent, end) = drain(&mut host);
    assert_eq!((sent.len(), end), (10, Effect::Wait { until: host.now.plus(60_000) }));
    host.send_ok(vec![of_class("transactional", "ann@example.net"), of_class("drip", "bob@example.org")]);
    assert_eq!(drain(&mut host).0, ["example.net", "example.org"]);
    host.advance(60_000);
    assert_eq!(drain(&mut host).0.len(), 10);
}

/// A provider that counts recipients: 14 a second are 14 recipients, in however many requests.
#[test]
fn a_window_of_recipients_counts_recipients() {
    let mut host = Host::with(|account| account["providers"][0]["recipient_windows"] = window("ses-second", 14, 1_000));
    let with = |n: usize| {
        let mut message = message("x");
        message["to"] = (0..n).map(|n| json!(format!("u{n}@example.com"))).collect();
        message
    };
    host.send_ok(vec![with(10), with(4), with(1)]);
    let (sent, end) = drain(&mut host);
    assert_eq!((sent.len(), end), (2, Effect::Wait { until: host.now.plus(1_000) }));
    host.advance(1_000);
    assert_eq!(drain(&mut host).0.len(), 1);
    let refused = host.send(&json!({"messages": [with(15)]}));
    assert_eq!(refused.status, 400);
    assert_eq!(body(&refused)["errors"][0]["code"], "never_fits", "{}", text(&refused));
    assert!(body(&refused)["detail"].as_str().unwrap().contains("ses-second of main holds 14 at once"));
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

/// The settle of a message writes its row, the ledger's and one for all named windows together.
#[test]
fn all_named_windows_are_one_row() {
    let mut host = Host::with(|account| {
        account["sending"] = json!({"per_second": 50});
        account["providers"][0]["windows"] = window("esp-second", 20, 1_000);
        account["providers"][0]["recipient_windows"] = window("esp-recipients", 20, 1_000);
        account["domain_windows"] = json!({"gmail": window("minute", 120, 60_000)});
        account["class_windows"] = json!({"transactional": window("minute", 100, 60_000)});
    });
    let (_, counted) = host.count(|host| host.send_ok(vec![message("ann@gmail.com")]));
    assert_eq!(counted.writes, 3, "the request windows, the ledger, the message");
    let (attempt, _) = host.next_request();
    let ((), counted) = host.count(|host| host.settle(attempt, Ok(&taken())));
    assert_eq!(counted, Statements { reads: 0, writes: 3 });
}

/// R217: every window is listed with what it is about, its unit and its use.
#[test]
fn the_limits_list_every_dimension() {
    let mut host = Host::with(|account| {
        account["sending"] = json!({"per_second": 50});
        account["providers"][0]["windows"] = window("esp-second", 20, 1_000);
        account["providers"][0]["recipient_windows"] = window("esp-recipients", 30, 1_000);
        account["domain_windows"] = json!({"gmail": window("minute", 120, 60_000), "*": window("each", 9, 60_000)});
        account["class_windows"] = json!({"bulk": window("bulk-minute", 100, 60_000)});
    });
    host.send_ok(vec![message("ann@gmail.com"), message("bob@example.com")]);
    drain(&mut host);
    let limits = body(&host.request(&key_of("k1"), "GET", "/v1/limits", b""));
    let listed: Vec<String> = limits["limits"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|limit| limit["kind"] == "sliding")
        .map(|limit| {
            let word = |name: &str| limit[name].as_str().unwrap_or("-").to_owned();
            let (used, remaining) = (limit["used"].as_u64().unwrap(), limit["remaining"].as_u64().unwrap());
            assert_eq!(used + remaining, limit["limit"].as_u64().unwrap());
            [word("scope"), word("dimension"), word("name"), word("unit"), word("source"), used.to_string()].join(" ")
        })
        .collect();
    assert_eq!(
        listed,
        [
            "key - key-second requests plan 2",
            "plan - plan-minute requests plan 2",
            "account - sending-second messages account 2",
            "account - sending-minute messages account 2",
            "provider main esp-second requests provider 2",
            "provider main esp-recipients recipients provider 2",
            "class bulk bulk-minute messages account 0",
            "domain_group example.com each recipients account 1",
            "domain_group gmail minute recipients account 1",
            "domain_group * each recipients account 0",
        ]
    );
}

/// A rule that cannot apply, or that a unit on its way could outlast, is found when the configuration is read.
#[test]
fn rules_that_cannot_work_are_refused() {
    let pace = json!([{"kind": "pace", "name": "p", "interval_ms": 10, "burst": 1}]);
    for (field, value, at, detail) in [
        ("domain_windows", json!({"gmail.com": window("m", 1, 1)}), ".gmail.com", "belongs to the group gmail"),
        ("domain_windows", json!({"Example.com": window("m", 1, 1)}), ".Example.com", "neither a group nor"),
        ("domain_windows", json!({"gmial": window("m", 1, 1)}), ".gmial", "neither a group nor"),
        ("domain_windows", json!({"gmail": []}), ".gmail", "at least 1 window, got 0"),
        ("domain_windows", json!({"*": pace}), ".*", "must be sliding"),
        ("class_windows", json!({"bulk": window("m", 0, 1)}), ".bulk", "must be 1 to"),
    ] {
        let error = Config::from_json(&config_with(|account| account[field] = value)).unwrap_err();
        assert_eq!(error.field, format!("accounts.shop.{field}{at}"));
        assert!(error.detail.contains(detail), "{error}");
    }
    assert!(
        Config::from_json(&config_with(|account| {
            account["domain_windows"] = json!({"example.com": window("m", 1, 1), "yahoo": window("m", 1, 1)});
        }))
        .is_ok()
    );
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
            Effect::Send { attempt, request, .. } => {
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
