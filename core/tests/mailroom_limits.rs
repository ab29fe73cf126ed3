//! The Mailroom under windows for classes and recipients, and what is asked, listed and refused about all of its windows.

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
    account::{Account, HostTools},
    config::Config,
    gate::{Reason, Verdict},
    ledger::Ledger,
    mailroom::{Effect, Mailroom, Recipient, RecipientKind},
    message::Class,
    time::UnixMillis,
};
use sendgate_embed::Database;
use serde_json::json;

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

/// R120: on its turn, too, a message to many waits alone for room at the provider.
#[test]
fn a_large_message_of_a_lower_class_does_not_stop_a_small_one_above_it() {
    let mut host = Host::with(|account| account["providers"][0]["recipient_windows"] = window("ses-second", 14, 1_000));
    host.send_ok((0..7).map(|n| message(&format!("u{n}@example.com"))).collect());
    assert_eq!(drain(&mut host).0.len(), 7, "the eighth turn is the lower classes'");
    let mut many = of_class("bulk", "x");
    many["to"] = (0..10).map(|n| json!(format!("u{n}@example.org"))).collect();
    host.send_ok(vec![many]);
    assert_eq!(drain(&mut host), (vec![], Effect::Wait { until: host.now.plus(1_000) }));
    host.send_ok(vec![message("ann@example.net")]);
    let (attempt, request) = host.next_request();
    assert_eq!(domain_of(&request), "example.net");
    host.advance(1_000);
    assert_eq!(domain_of(&host.next_request().1), "example.org", "with one on its way, ten of fourteen have room");
    host.settle(attempt, Ok(&taken()));
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
            let tools = HostTools { secret: &secret, compose: |_| Vec::new() };
            Account::open(&config, "shop", tools, sql, now)?;
            Ok(Mailroom::open(account, &["esp-secret".into()], |_| Vec::new(), &mut ledger, sql, now)?)
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
            "key - key-second requests technical 2",
            "plan - plan-minute requests account 2",
            "account - sending-second messages account 2",
            "account - sending-minute messages account 2",
            "provider main esp-second requests provider 2",
            "provider main esp-recipients recipients provider 2",
            "class bulk bulk-minute messages account 0",
            "domain_group gmail minute recipients account 1",
            "domain_group example.com each recipients account 1",
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
