//! The way of a change: from the operator's request to its account's object, whatever is lost, late or repeated; and the
//! log of who changed what.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod deployment;

use deployment::*;
use sendgate_core::time::UnixMillis;
use serde_json::{Value, json};

fn suspend(deployment: &mut Deployment) -> Value {
    let patch = json!({"config": {"status": "suspended"}});
    body(&deployment.admin("PATCH", "/accounts/shop", &patch))
}

fn send(deployment: &mut Deployment, key: &str) -> u16 {
    deployment.send(key, &[message("ann@example.com")]).status
}

/// A push that is lost is repeated until it arrives: the answer says so, and the change comes.
#[test]
fn a_lost_push_is_repeated() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    deployment.network = Network::Loses;
    let answer = suspend(&mut deployment);
    assert_eq!(answer["in_force"], json!(false));
    assert_eq!(send(&mut deployment, &key), 202, "what was in force stays so");
    // Every minute at the latest, for as long as it takes.
    let hour = deployment.now.plus(3_600_000);
    deployment.run_until(hour);
    let wait = deployment.wake_at().unwrap().since(hour);
    assert!(wait <= 60_000, "{wait}");
    assert_eq!(deployment.get("/accounts/shop")["in_force"], json!(false));
    deployment.network = Network::Works;
    deployment.run_until(hour.plus(60_000));
    assert_eq!(send(&mut deployment, &key), 403);
    assert_eq!(deployment.get("/accounts/shop")["in_force"], json!(true));
    assert_eq!(deployment.wake_at(), None, "nothing is left to do");
}

/// A push whose answer is lost comes twice and is applied once.
#[test]
fn a_push_that_comes_twice_is_applied_once() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    deployment.network = Network::LosesAnswers;
    assert_eq!(suspend(&mut deployment)["in_force"], json!(false), "nobody knows yet");
    assert_eq!(send(&mut deployment, &key), 403, "yet it is");
    deployment.network = Network::Works;
    let soon = deployment.now.plus(60_000);
    let before = Deployment::dump(&mut deployment.objects.get_mut("shop").unwrap().database);
    let push = deployment.take_push(Some("shop")).unwrap();
    for _ in 0..3 {
        assert_eq!(deployment.deliver(&push), Some(push.revision));
    }
    assert_eq!(Deployment::dump(&mut deployment.objects.get_mut("shop").unwrap().database), before);
    assert!(deployment.told(&push, Some(push.revision)));
    deployment.run_until(soon);
    assert_eq!(deployment.get("/accounts/shop")["in_force"], json!(true));
}

/// Pushes that overtake each other leave the later one in force, in the object and in what the Directory says.
#[test]
fn a_late_push_changes_nothing() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    deployment.network = Network::Loses;
    suspend(&mut deployment);
    let early = deployment.take_push(Some("shop")).unwrap();
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"status": "active"}}));
    let late = deployment.take_push(Some("shop")).unwrap();
    assert!(early.revision < late.revision);
    assert_eq!(deployment.deliver(&late), Some(late.revision));
    assert_eq!(deployment.deliver(&early), Some(late.revision), "the object says what it has");
    assert_eq!(send(&mut deployment, &key), 202);
    // The answers overtake each other, too.
    assert!(deployment.told(&late, Some(late.revision)));
    assert!(deployment.told(&early, Some(early.revision)), "the last revision is in force all the same");
    assert_eq!(deployment.get("/accounts/shop")["in_force"], json!(true));
    assert!(!format!("{early:?}").contains("hash"), "a push prints no configuration");
}

/// Of two changes the first of which is confirmed after the second was made, the second is still to come.
#[test]
fn a_confirmation_is_of_its_own_revision() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    deployment.network = Network::Loses;
    suspend(&mut deployment);
    let first = deployment.take_push(Some("shop")).unwrap();
    deployment.deliver(&first);
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"status": "active"}}));
    assert!(!deployment.told(&first, Some(first.revision)));
    assert_eq!(deployment.get("/accounts/shop")["in_force"], json!(false));
    assert!(deployment.wake_at().is_some());
}

/// A Directory that was set back to an earlier copy of its store knows less than its objects. Its word is the last one.
#[test]
fn a_directory_that_was_set_back_has_the_last_word() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    for n in 2..5 {
        deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"max_messages": n}}));
    }
    let revision = deployment.get("/accounts/shop")["revision"].as_u64().unwrap();
    query(
        &mut deployment.directory,
        "UPDATE account SET revision = 2, applied = 2, config = json_set(config, '$.max_messages', 1)",
    );
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"calls": null, "retry": {"jitter": false}}}));
    let later = deployment.now.plus(60_000);
    deployment.run_until(later);
    let account = deployment.get("/accounts/shop");
    assert!(account["revision"].as_u64().unwrap() > revision);
    assert_eq!(account["in_force"], json!(true));
    let two = deployment.send(&key, &[message("a@example.com"), message("b@example.com")]);
    assert_eq!(verdict(&two), (400, "too_many_messages".into()));
}

/// A configuration that its object cannot use changes nothing there, and comes again.
#[test]
fn a_configuration_that_cannot_be_used_leaves_the_last_one_in_force() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let mut second = provider("second");
    second["credential"] = json!("HOOK");
    deployment.admin("POST", "/accounts/shop/providers", &second);
    deployment.network = Network::Loses;
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"max_messages": 1}}));
    deployment.network = Network::Works;
    let secret = deployment.secrets.remove("HOOK").unwrap();
    deployment.crash("shop");
    assert_eq!(deployment.push_one(Some("shop")), Some(false));
    deployment.secrets.insert("HOOK".into(), secret);
    let pair = [message("a@example.com"), message("b@example.com")];
    assert_eq!(deployment.send(&key, &pair).status, 202);
    deployment.run_until(deployment.now.plus(60_000));
    assert_eq!(deployment.send(&key, &pair).status, 400);
}

/// A crash at any statement leaves all of a change or nothing of it: row, log and outbox.
#[test]
fn a_change_is_whole_or_not_at_all() {
    let changes = [
        ("POST", "/accounts", json!({"name": "bank", "config": config()})),
        ("PATCH", "/accounts/shop", json!({"config": {"status": "suspended"}})),
        ("POST", "/accounts/shop/keys", json!({"id": "k2", "scopes": ["send"]})),
        ("POST", "/accounts/shop/keys/k1/rotate", json!({"id": "k3"})),
        ("PUT", "/accounts/shop/plan", json!({"plan": "hobby"})),
    ];
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    for (method, path, request) in changes {
        let before = Deployment::dump(&mut deployment.directory);
        let mut statements = 0;
        loop {
            match deployment.carry_out(method, path, &[], request.to_string().as_bytes(), statements) {
                Err(_) => assert_eq!(Deployment::dump(&mut deployment.directory), before, "{path} at {statements}"),
                Ok(Ok(handled)) => {
                    assert!(handled.changed().is_some(), "{path}");
                    break;
                }
                Ok(Err(answer)) => panic!("{}", text(&answer)),
            }
            statements += 1;
        }
        assert!(statements > 5, "a change takes several statements");
        assert_ne!(Deployment::dump(&mut deployment.directory), before);
        // What a crash between the change and its push leaves: the outbox pushes it.
        assert!(deployment.wake_at().is_some());
        deployment.run_until(deployment.now.plus(10_000));
        assert_eq!(deployment.wake_at(), None);
    }
}

/// Two operators at once: who wrote on what was read before is told, whoever says nothing of it is not held up.
#[test]
fn of_two_operators_at_once_the_second_reads_again() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    let read = deployment.admin("GET", "/accounts/shop", &Value::Null);
    let tag = read.header("etag").unwrap().to_string();
    let patch = |most: u32| json!({"config": {"max_messages": most}});
    let first = deployment.admin_with("PATCH", "/accounts/shop", &[("if-match", &tag)], &patch(5));
    assert_eq!(first.status, 200);
    let second = deployment.admin_with("PATCH", "/accounts/shop", &[("if-match", &tag)], &patch(6));
    assert_eq!(verdict(&second), (412, "precondition_failed".into()));
    let key = deployment.admin_with("POST", "/accounts/shop/keys", &[("if-match", &tag)], &json!({}));
    assert_eq!(key.status, 412, "the tag is of the account with all that it has");
    assert_eq!(deployment.get("/accounts/shop")["config"]["max_messages"], 5);
    let tag = first.header("etag").unwrap().to_string();
    assert_eq!(deployment.admin_with("PATCH", "/accounts/shop", &[("if-match", &tag)], &patch(6)).status, 200);
    assert_eq!(deployment.admin("PATCH", "/accounts/shop", &patch(7)).status, 200);
    assert_eq!(deployment.admin_with("PATCH", "/accounts/shop", &[("if-match", "*")], &patch(8)).status, 200);
}

/// A request that changes nothing is no change: no revision, no line, no push.
#[test]
fn doing_it_twice_is_doing_it_once() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    let twice = [
        ("POST", "/accounts", json!({"name": "shop", "config": config()})),
        ("PATCH", "/accounts/shop", json!({"config": {"max_messages": 500}})),
        ("PATCH", "/accounts/shop/keys/k1", json!({"scopes": ["send", "read", "suppressions"]})),
    ];
    let before = Deployment::dump(&mut deployment.directory);
    deployment.now = deployment.now.plus(1_000);
    for (method, path, request) in twice {
        let answer = deployment.admin(method, path, &request);
        assert_eq!((answer.status, &body(&answer)["in_force"]), (200, &json!(true)), "{method} {path}");
        assert_eq!(Deployment::dump(&mut deployment.directory), before, "{method} {path}");
    }
}

/// R064: every write says who, when, what, before and after, in a chain that is whole; a read says nothing.
#[test]
fn every_write_is_in_the_audit_log() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    deployment.tokens = format!("ann={}", deployment.tokens);
    deployment.now = UnixMillis::new(START + 1);
    suspend(&mut deployment);
    deployment.admin("PATCH", "/accounts/shop/keys/k1", &json!({"scopes": ["read"]}));
    deployment.admin("DELETE", "/accounts/shop/keys/k1", &Value::Null);
    deployment.admin("POST", "/accounts/shop/providers", &provider("second"));
    deployment.get("/accounts/shop");
    let audit = deployment.get("/audit?limit=1000");
    let lines: Vec<[&str; 3]> = audit["audit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| ["actor", "action", "target"].map(|name| line[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            ["admin", "account.create", "accounts/shop"],
            ["admin", "key.create", "accounts/shop/keys/k1"],
            ["ann", "account.change", "accounts/shop"],
            ["ann", "key.change", "accounts/shop/keys/k1"],
            ["ann", "key.revoke", "accounts/shop/keys/k1"],
            ["ann", "provider.add", "accounts/shop/providers/second"],
        ]
    );
    let all = audit["audit"].as_array().unwrap();
    assert_eq!((&all[0]["before"], &all[0]["after"]["max_messages"]), (&Value::Null, &json!(500)));
    assert_eq!((&all[2]["before"], &all[2]["after"]), (&json!({}), &json!({"status": "suspended"})));
    assert_eq!(all[2]["at"], "2026-12-01T10:00:00.001Z");
    assert_eq!(all[3]["before"]["keys"]["k1"]["scopes"], json!(["send", "read", "suppressions"]));
    assert_eq!(all[3]["after"]["keys"]["k1"]["scopes"], json!(["read"]));
    assert!(!audit.to_string().contains(&key));
    let page = deployment.get("/audit?limit=2&after=1");
    assert_eq!(
        (&page["audit"][0]["seq"], &page["audit"][1]["seq"], &page["next"]),
        (&json!(2), &json!(3), &json!("3"))
    );
    assert_eq!(deployment.get("/audit/verify")["result"], "whole");
}

/// R064: whatever is done to the log behind its back, the walk over its chain names the row.
#[test]
fn a_changed_log_does_not_verify() {
    let tamperings = [
        ("UPDATE audit SET actor = 'bob' WHERE seq = 2", 2, "changed"),
        ("UPDATE audit SET after = '{}' WHERE seq = 1", 1, "changed"),
        ("DELETE FROM audit WHERE seq = 2", 2, "missing"),
        ("DELETE FROM audit WHERE seq = 3", 3, "missing"),
    ];
    for (tampering, seq, fault) in tamperings {
        let (mut deployment, _) = Deployment::with_shop(|_| {});
        suspend(&mut deployment);
        let kept = deployment.get("/audit/verify");
        for trigger in query(&mut deployment.directory, "SELECT name FROM sqlite_master WHERE type = 'trigger'") {
            let sendgate_core::sql::Value::Text(name) = &trigger[0] else { panic!("a trigger has a name") };
            query(&mut deployment.directory, &format!("DROP TRIGGER {name}"));
        }
        query(&mut deployment.directory, tampering);
        let found = deployment.get("/audit/verify");
        assert_eq!((&found["result"], &found["seq"], &found["fault"]), (&json!("broken"), &json!(seq), &json!(fault)));
        let from = format!("/audit/verify?seq=3&hash={}", kept["hash"].as_str().unwrap());
        let from_kept = deployment.get(&from);
        assert_eq!(from_kept["result"] == "broken", seq == 3, "{tampering}");
    }
}
