//! The admin API: accounts, their keys and providers, and what each change does to the next request.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod deployment;

use deployment::*;
use sendgate_core::{key, mailroom::Effect, time::UnixMillis};
use serde_json::{Value, json};

/// R185: no account, no quota. A good key of an account that nobody made is refused, and its object stores nothing; once the
/// operator makes the account its own key sends.
#[test]
fn an_account_exists_when_an_operator_made_it() {
    let mut deployment = Deployment::new();
    let early = key::issue(KEY_SECRET, "shop", "k1", [1; 16]).unwrap();
    let answer = deployment.send(&early, &[message("ann@example.com")]);
    assert_eq!(verdict(&answer), (403, "delivery_account_missing".into()));
    let tables = query(&mut deployment.objects.get_mut("shop").unwrap().database, "SELECT name FROM sqlite_master");
    assert_eq!(tables.len(), 0, "nothing was stored, so the platform keeps no object");
    let made = deployment.admin("POST", "/accounts", &json!({"name": "shop", "config": config()}));
    assert_eq!((made.status, body(&made)["in_force"].clone()), (201, json!(true)));
    assert_eq!(verdict(&deployment.send(&early, &[message("ann@example.com")])), (401, "invalid_key".into()));
    let own = deployment.key("shop", &json!({"scopes": ["send"]}));
    assert_eq!(deployment.send(&own, &[message("ann@example.com")]).status, 202);
    // What memory forgets, the object's store knows.
    deployment.crash("shop");
    assert_eq!(deployment.send(&own, &[message("bob@example.com")]).status, 202);
}

/// R186, R192, R194, R191: each setting changes the next decision, and changing it back changes it back.
#[test]
fn each_setting_changes_the_next_decision() {
    let one = || vec![message("ann@example.com")];
    let bulk = || {
        let mut bulk = message("ann@example.com");
        bulk["class"] = json!("bulk");
        vec![bulk]
    };
    let cases: Vec<(Value, Vec<Value>, (u16, &str))> = vec![
        (json!({"status": "suspended"}), one(), (403, "account_suspended")),
        (json!({"status": "closed"}), one(), (403, "delivery_account_missing")),
        (json!({"domains": ["other.example"]}), one(), (403, "from_not_allowed")),
        (json!({"quotas": [{"period": "day", "limit": 1}]}), vec![message("a@example.com"); 2], (429, "overquota")),
        (json!({"max_messages": 1}), vec![message("a@example.com"); 2], (400, "too_many_messages")),
        (json!({"missing_unsubscribe": "reject"}), bulk(), (400, "invalid_message")),
        (
            json!({"plan_figures": {"recipients_per_day": 1}, "quotas": null}),
            vec![message("a@example.com"); 2],
            (429, "overquota"),
        ),
        (json!({"error_shape": "flat", "status": "suspended"}), one(), (403, "")),
    ];
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    for (patch, messages, wanted) in cases {
        assert_eq!(deployment.send(&key, &messages).status, 202, "before {patch}");
        let answer = deployment.admin("PATCH", "/accounts/shop", &json!({"config": patch}));
        assert_eq!((answer.status, &body(&answer)["in_force"]), (200, &json!(true)), "{}", text(&answer));
        assert_eq!(verdict(&deployment.send(&key, &messages)), (wanted.0, wanted.1.into()), "after {patch}");
        let mut back = config();
        for (name, _) in patch.as_object().unwrap() {
            let before = back.get(name).cloned().unwrap_or_default();
            back[name] = before;
        }
        let answer = deployment.admin("PATCH", "/accounts/shop", &json!({"config": back}));
        assert_eq!(answer.status, 200, "{}", text(&answer));
    }
    // Windows count what was asked before, so they come last: the next request is the one too many.
    for field in ["key_windows", "account_windows"] {
        let (mut deployment, key) = Deployment::with_shop(|_| {});
        deployment.admin("PATCH", "/accounts/shop", &json!({"config": {field: sliding(1)}}));
        let answers = [1, 2].map(|_| deployment.send(&key, &one()).status);
        assert_eq!(answers, [202, 429], "{field}");
    }
}

/// R186: so does what is said of mail on its way out.
#[test]
fn each_setting_of_sending_changes_the_next_call() {
    let cases = [
        (json!({"sending": {"per_minute": 1}}), json!({"sending": null}), 1),
        (json!({"class_windows": {"transactional": sliding(1)}}), json!({"class_windows": null}), 1),
        (json!({"domain_windows": {"example.com": sliding(1)}}), json!({"domain_windows": null}), 1),
        (json!({"status": "suspended"}), json!({"status": "active"}), 0),
    ];
    for (narrow, wide, calls) in cases {
        let (mut deployment, key) = Deployment::with_shop(|_| {});
        deployment.send(&key, &vec![message("ann@example.com"); 3]);
        deployment.admin("PATCH", "/accounts/shop", &json!({"config": narrow}));
        let mut attempts = Vec::new();
        let mut count = |deployment: &mut Deployment| {
            let mut count = 0;
            while let Effect::Send { attempt, .. } = deployment.next("shop") {
                attempts.push(attempt);
                count += 1;
            }
            attempts.drain(..).for_each(|attempt| deployment.settle("shop", attempt));
            count
        };
        assert_eq!(count(&mut deployment), calls, "{narrow}");
        deployment.admin("PATCH", "/accounts/shop", &json!({"config": wide}));
        assert_eq!(count(&mut deployment), 3 - calls, "{wide}");
        assert!(!matches!(deployment.next("shop"), Effect::Send { .. }));
    }
}

fn sliding(limit: u32) -> Value {
    json!([{"kind": "sliding", "name": "w", "limit": limit, "period_ms": 60000}])
}

/// R186: the suppression settings, too.
#[test]
fn the_suppression_list_is_honoured_as_the_account_says() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    deployment.call(&key, "POST", "/v1/suppressions", None, &json!({"email": "ann@example.com", "reason": "manual"}));
    let suppressed = |deployment: &mut Deployment| {
        let answer = deployment.send(&key, &[message("ann@example.com")]);
        body(&answer)["suppression_summary"]["suppressed_recipients"].as_u64().unwrap()
    };
    assert_eq!(suppressed(&mut deployment), 1);
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"suppression": "ignored"}}));
    assert_eq!(suppressed(&mut deployment), 0);
}

/// R195: the mail of a suspended account is held and not dropped; resumed, it sends on by itself.
#[test]
fn a_suspended_account_holds_its_mail_and_sends_it_when_resumed() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    assert_eq!(deployment.send(&key, &[message("ann@example.com")]).status, 202);
    for status in ["suspended", "closed"] {
        deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"status": status}}));
        assert!(matches!(deployment.next("shop"), Effect::Wait { .. } | Effect::Idle), "{status}");
        assert_eq!(deployment.wakes_at("shop"), None);
    }
    deployment.now = deployment.now.plus(86_400_000);
    deployment.admin("PATCH", "/accounts/shop", &json!({"config": {"status": "active"}}));
    assert!(deployment.wakes_at("shop").is_some_and(|at| at <= deployment.now), "the host is told to go on");
    let (attempt, _) = deployment.next_request("shop");
    deployment.settle("shop", attempt);
    assert!(matches!(deployment.next("shop"), Effect::Idle));
}

/// Closing is one word and done once; the name stays taken.
#[test]
fn a_closed_account_keeps_its_name() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let closed = deployment.admin("DELETE", "/accounts/shop", &Value::Null);
    assert_eq!((closed.status, &body(&closed)["status"]), (200, &json!("closed")));
    assert_eq!(verdict(&deployment.send(&key, &[message("a@example.com")])), (403, "delivery_account_missing".into()));
    let again = deployment.admin("DELETE", "/accounts/shop", &Value::Null);
    assert_eq!(body(&again)["revision"], body(&closed)["revision"], "nothing changed");
    let new = deployment.admin("POST", "/accounts", &json!({"name": "shop", "config": config()}));
    assert_eq!(verdict(&new), (409, "already_exists".into()));
}

/// R035, R033: what a key may do is changed without a new key, and each change is the next decision.
#[test]
fn each_setting_of_a_key_changes_the_next_decision() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let send = |deployment: &mut Deployment| {
        let messages = json!({"messages": [message("ann@example.com")]});
        verdict(&deployment.call(&key, "POST", "/v1/send", Some("192.0.2.7"), &messages))
    };
    let cases = [
        (json!({"scopes": ["read"]}), json!({"scopes": ["send"]}), (403, "scope_missing")),
        (json!({"ip_allow": ["198.51.100.0/24"]}), json!({"ip_allow": ["192.0.2.0/24"]}), (403, "ip_not_allowed")),
        (json!({"domains": ["other.example"]}), json!({"domains": null}), (403, "from_not_allowed")),
        (json!({"expires_at": "2026-12-01T09:59:59Z"}), json!({"expires_at": null}), (401, "key_expired")),
    ];
    for (narrow, wide, wanted) in cases {
        assert_eq!(send(&mut deployment).0, 202, "before {narrow}");
        assert_eq!(deployment.admin("PATCH", "/accounts/shop/keys/k1", &narrow).status, 200, "{narrow}");
        assert_eq!(send(&mut deployment), (wanted.0, wanted.1.into()), "after {narrow}");
        assert_eq!(deployment.admin("PATCH", "/accounts/shop/keys/k1", &wide).status, 200, "{wide}");
    }
    assert_eq!(send(&mut deployment).0, 202);
    for _ in 0..2 {
        assert_eq!(deployment.admin("DELETE", "/accounts/shop/keys/k1", &Value::Null).status, 200);
        assert_eq!(send(&mut deployment), (401, "key_revoked".into()));
    }
}

/// R035: the old key works on for the overlap and not a millisecond longer; the new one may do the same.
#[test]
fn a_rotated_key_overlaps_with_its_successor() {
    let (mut deployment, old) = Deployment::with_shop(|_| {});
    let made = deployment.admin("POST", "/accounts/shop/keys/k1/rotate", &json!({"id": "k2", "overlap_ms": 60_000}));
    assert_eq!((made.status, &body(&made)["scopes"]), (201, &json!(["send", "read", "suppressions"])));
    let new = body(&made)["key"].as_str().unwrap().to_string();
    let end = deployment.now.plus(60_000);
    let send = |deployment: &mut Deployment, key: &str, at: UnixMillis| {
        deployment.now = at;
        verdict(&deployment.send(key, &[message("ann@example.com")]))
    };
    assert_eq!(send(&mut deployment, &old, UnixMillis::new(end.as_millis() - 1)).0, 202);
    assert_eq!(send(&mut deployment, &old, end), (401, "key_expired".into()));
    assert_eq!(send(&mut deployment, &new, end).0, 202);
    let at_once = deployment.admin("POST", "/accounts/shop/keys/k2/rotate", &json!({"overlap_ms": 0}));
    assert_eq!(at_once.status, 201);
    assert_eq!(send(&mut deployment, &new, end), (401, "key_revoked".into()));
    let dead = deployment.admin("POST", "/accounts/shop/keys/k2/rotate", &json!({}));
    assert_eq!(verdict(&dead), (422, "invalid_config".into()));
}

/// A key is in the answer that made it, and nowhere else: not in another answer, not in any store.
#[test]
fn a_key_is_shown_once() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let shown =
        [deployment.get("/accounts/shop/keys"), deployment.get("/accounts/shop/keys/k1"), deployment.get("/audit")];
    let stored = [
        Deployment::dump(&mut deployment.directory),
        Deployment::dump(&mut deployment.objects.get_mut("shop").unwrap().database),
    ];
    let hash = key::hash(&key);
    assert!(shown.iter().all(|answer| !answer.to_string().contains(&key) && !answer.to_string().contains(&hash)));
    assert!(stored.iter().all(|store| !store.contains(&key)));
    assert!(stored.iter().all(|store| store.contains(&hash)), "the dump is one");
    let again = deployment.admin("POST", "/accounts/shop/keys", &json!({"id": "k1", "scopes": ["send"]}));
    assert_eq!(verdict(&again), (409, "already_exists".into()));
}

/// A credential given as a value reaches the provider, also after a restart, and is in no answer and no store.
#[test]
fn a_credential_is_sealed_and_never_shown_again() {
    const VALUE: &str = "re_a-provider-key-of-the-test";
    let (mut deployment, key) = Deployment::with_shop(|config| {
        config["providers"][0].as_object_mut().unwrap().remove("credential");
        config["providers"][0]["credential_value"] = json!(VALUE);
        config["providers"][0]["webhook"] = json!({"secret_value": "whsec_of-the-test"});
    });
    let provider = deployment.get("/accounts/shop/providers/main");
    assert_eq!(
        (&provider["credential"], &provider["webhook"]["secret"]),
        (&json!("sealed:main"), &json!("sealed:main/webhook"))
    );
    deployment.send(&key, &[message("ann@example.com")]);
    deployment.crash("shop");
    let (attempt, request) = deployment.next_request("shop");
    assert!(request.headers.iter().any(|(_, value)| value.contains(VALUE)), "the provider gets it");
    deployment.settle("shop", attempt);
    let shown =
        [deployment.get("/accounts/shop"), deployment.get("/accounts/shop/providers"), deployment.get("/audit")];
    let mut all: String = shown.iter().map(Value::to_string).collect();
    all += &Deployment::dump(&mut deployment.directory);
    all += &Deployment::dump(&mut deployment.objects.get_mut("shop").unwrap().database);
    assert!(!all.contains(VALUE) && !all.contains("whsec_of-the-test"));
    assert!(all.contains("sealed:main"), "the dump is one");
    // What was read can be written back; a replaced value is used from then on.
    let config = deployment.get("/accounts/shop")["config"].clone();
    assert_eq!(deployment.admin("PATCH", "/accounts/shop", &json!({ "config": config })).status, 200);
    let patch = json!({"credential_value": "re_another"});
    assert_eq!(deployment.admin("PATCH", "/accounts/shop/providers/main", &patch).status, 200);
    deployment.send(&key, &[message("bob@example.com")]);
    let (_, request) = deployment.next_request("shop");
    assert!(request.headers.iter().any(|(_, value)| value.contains("re_another")));
    // Without the key to seal with, a value is refused rather than kept in the clear.
    deployment.secrets.remove("SENDGATE_SEALING_KEY");
    let refused = deployment.admin("PATCH", "/accounts/shop/providers/main", &patch);
    assert_eq!((refused.status, &body(&refused)["errors"][0]["field"]), (422, &json!("credential_value")));
}

/// A new sealing key takes over with any write of an account; then the old one can go.
#[test]
fn a_sealing_key_is_rotated_by_touching_the_accounts() {
    let (mut deployment, key) = Deployment::with_shop(|config| {
        config["providers"][0].as_object_mut().unwrap().remove("credential");
        config["providers"][0]["credential_value"] = json!("re_of-the-test");
    });
    let touch = |deployment: &mut Deployment| {
        let answer = deployment.admin("PATCH", "/accounts/shop", &json!({}));
        assert_eq!((answer.status, &body(&answer)["in_force"]), (200, &json!(true)));
        body(&answer)["revision"].as_u64().unwrap()
    };
    let revision = touch(&mut deployment);
    let new = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    deployment.secrets.insert("SENDGATE_SEALING_KEY".into(), format!("{new},{SEALING_KEY}"));
    assert_eq!([1, 2].map(|_| touch(&mut deployment)), [revision + 1; 2], "sealed again, once");
    deployment.secrets.insert("SENDGATE_SEALING_KEY".into(), new.into());
    deployment.crash("shop");
    assert_eq!(deployment.send(&key, &[message("ann@example.com")]).status, 202);
    let (_, request) = deployment.next_request("shop");
    assert!(request.headers.iter().any(|(_, value)| value.contains("re_of-the-test")));
}

/// R077: an account may have several providers, added and taken away one by one; the last one stays.
#[test]
fn providers_come_and_go() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let mut second = provider("second");
    second["base_url"] = json!("http://127.0.0.1:2/esp");
    assert_eq!(deployment.admin("POST", "/accounts/shop/providers", &second).status, 201);
    assert_eq!(deployment.admin("POST", "/accounts/shop/providers", &second).status, 200, "the same again");
    second["base_url"] = json!("http://127.0.0.1:3/esp");
    assert_eq!(verdict(&deployment.admin("POST", "/accounts/shop/providers", &second)), (409, "already_exists".into()));
    assert_eq!(deployment.admin("DELETE", "/accounts/shop/providers/main", &Value::Null).status, 200);
    deployment.send(&key, &[message("ann@example.com")]);
    assert!(deployment.next_request("shop").1.url.starts_with("http://127.0.0.1:2/"));
    let last = deployment.admin("DELETE", "/accounts/shop/providers/second", &Value::Null);
    assert_eq!((last.status, &body(&last)["errors"][0]["field"]), (422, &json!("config.providers")));
}

/// R100: a plan and its figures change together or not at all, and the change is in the log with what was before.
#[test]
fn a_plan_change_is_atomic_and_journalled() {
    let (mut deployment, key) = Deployment::with_shop(|config| {
        config.as_object_mut().unwrap().remove("max_messages");
    });
    let before = deployment.get("/accounts/shop");
    let wrong =
        deployment.admin("PUT", "/accounts/shop/plan", &json!({"plan": "hobby", "plan_figures": {"batch_max": 0}}));
    assert_eq!(wrong.status, 422, "{}", text(&wrong));
    assert_eq!(deployment.get("/accounts/shop"), before);
    let set = |deployment: &mut Deployment, most: u32| {
        let plan = json!({"plan": "hobby", "plan_figures": {"batch_max": most}});
        let answer = deployment.admin("PUT", "/accounts/shop/plan", &plan);
        assert_eq!(answer.status, 200, "{}", text(&answer));
        [most, most + 1].map(|n| deployment.send(&key, &vec![message("a@example.com"); n as usize]).status)
    };
    assert_eq!(set(&mut deployment, 2), [202, 400]);
    assert_eq!(set(&mut deployment, 3), [202, 400]);
    let audit = deployment.get("/audit");
    let last = audit["audit"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["action"], &last["target"]), (&json!("account.plan"), &json!("accounts/shop")));
    assert_eq!(last["before"], json!({"plan_figures": {"batch_max": 2}}));
    assert_eq!(last["after"], json!({"plan_figures": {"batch_max": 3}}));
    let unknown = deployment.admin("PUT", "/accounts/shop/plan", &json!({"plan": "no such plan"}));
    assert_eq!((unknown.status, &body(&unknown)["errors"][0]["field"]), (422, &json!("plan")));
}

/// A wrong field is a typed error that names it, and nothing changes.
#[test]
fn a_wrong_setting_is_named() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    let before = Deployment::dump(&mut deployment.directory);
    let patches = [
        (json!({"quotas": [{"period": "day", "limit": 1}, {"period": "day", "limit": 2}]}), "config.quotas"),
        (json!({"quotas": 7}), "config.quotas"),
        (json!({"time_zone": "Mars/Olympus"}), "config.quotas"),
        (json!({"plan": "no such plan"}), "config.plan"),
        (json!({"max_messages": 501}), "config.max_messages"),
        (json!({"max_messages": "many"}), "config.max_messages"),
        (json!({"statsu": "active"}), "config.statsu"),
        (json!({"status": "asleep"}), "config.status"),
        (json!({"keys": []}), "config.keys"),
        (json!({"providers": []}), "config.providers"),
        (json!({"providers": null}), "config.providers"),
        (json!({"providers": [7]}), "config.providers[0]"),
        (json!({"providers": [{"kind": "sandbox"}]}), "config.providers[0]"),
        (json!({"providers": [{"name": "p", "kind": "pigeon"}]}), "config.providers[0].kind"),
        (
            json!({"providers": [{"name": "p", "kind": "resend", "credential": "NONE"}]}),
            "config.providers[0].credential",
        ),
        (
            json!({"providers": [{"name": "p", "kind": "resend", "credential": "SPACED"}]}),
            "config.providers[0].credential",
        ),
        (
            json!({"providers": [{"name": "p", "kind": "resend", "credential": "SENDGATE_KEY_SECRET"}]}),
            "config.providers[0].credential",
        ),
        (
            json!({"providers": [{"name": "p", "kind": "resend", "credential": "sealed:x"}]}),
            "config.providers[0].credential",
        ),
        (
            json!({"providers": [{"name": "p", "kind": "resend", "credential_value": "a\nb"}]}),
            "config.providers[0].credential_value",
        ),
    ];
    for (patch, field) in patches {
        let answer = deployment.admin("PATCH", "/accounts/shop", &json!({ "config": patch }));
        assert_eq!(verdict(&answer), (422, "invalid_config".into()), "{patch}");
        assert_eq!(body(&answer)["errors"][0]["field"], field, "{}", text(&answer));
    }
    let keys = [
        (json!({"id": "K1"}), "id"),
        (json!({"scopes": ["everything"]}), "scopes"),
        (json!({"expires_at": "tomorrow"}), "expires_at"),
        (json!({"ip_allow": ["10.0.0.1/8"]}), "ip_allow[0]"),
        (json!({"domains": []}), "domains"),
        (json!({"hash": "0"}), "hash"),
        (json!({"colour": "red"}), "colour"),
    ];
    for (key, field) in keys {
        let answer = deployment.admin("POST", "/accounts/shop/keys", &key);
        assert_eq!(verdict(&answer), (422, "invalid_config".into()), "{key}");
        assert_eq!(body(&answer)["errors"][0]["field"], field, "{}", text(&answer));
    }
    assert_eq!(Deployment::dump(&mut deployment.directory), before);
}

/// Every other way the admin API says no, each with its own code.
#[test]
fn the_admin_api_says_no_in_its_own_words() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let cases: [(&str, &str, Value, (u16, &str)); 9] = [
        ("GET", "/nothing", Value::Null, (404, "not_found")),
        ("GET", "/accounts/bank", Value::Null, (404, "not_found")),
        ("GET", "/accounts/shop/keys/k9", Value::Null, (404, "not_found")),
        ("PATCH", "/accounts/shop/providers/none", json!({}), (404, "not_found")),
        ("PUT", "/accounts", json!({}), (405, "method_not_allowed")),
        ("GET", "/accounts?sort=name", Value::Null, (400, "invalid_parameter")),
        ("GET", "/accounts?limit=0", Value::Null, (400, "invalid_parameter")),
        ("POST", "/accounts", json!([]), (422, "invalid_config")),
        ("POST", "/accounts", json!({"name": "Shop", "config": {}}), (422, "invalid_config")),
    ];
    for (method, path, request, wanted) in cases {
        let answer = deployment.admin(method, path, &request);
        assert_eq!(verdict(&answer), (wanted.0, wanted.1.into()), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let allowed = deployment.admin("PUT", "/accounts", &json!({}));
    assert_eq!(allowed.header("allow"), Some("GET, POST"));
    deployment.operator = format!("Bearer {key}");
    assert_eq!(verdict(&deployment.admin("GET", "/accounts", &Value::Null)), (401, "invalid_admin_token".into()));
    deployment.tokens = String::new();
    assert_eq!(verdict(&deployment.admin("GET", "/accounts", &Value::Null)), (403, "admin_disabled".into()));
}

/// An account of the deployment's own configuration is not made twice, and works as ever beside those of the Directory.
#[test]
fn the_deployments_own_accounts_stay_its_own() {
    let mut deployment = Deployment::new();
    let own = key::issue(KEY_SECRET, "bank", "k1", [1; 16]).unwrap();
    let mut bank = config();
    bank["keys"] = json!([{"id": "k1", "hash": key::hash(&own), "scopes": ["send"]}]);
    deployment.config =
        sendgate_core::config::Config::from_json(&json!({"accounts": {"bank": bank}}).to_string()).unwrap();
    let answer = deployment.admin("POST", "/accounts", &json!({"name": "bank", "config": config()}));
    assert_eq!(verdict(&answer), (409, "already_exists".into()));
    assert_eq!(deployment.send(&own, &[message("ann@example.com")]).status, 202);
}

/// Pages follow names, so what comes or goes between two of them is neither seen twice nor makes another one unseen.
#[test]
fn pages_of_accounts_are_stable() {
    let mut deployment = Deployment::new();
    let make = |deployment: &mut Deployment, name: &str| {
        assert_eq!(deployment.admin("POST", "/accounts", &json!({"name": name, "config": config()})).status, 201);
    };
    ["b", "d", "f"].iter().for_each(|name| make(&mut deployment, name));
    let names = |page: &Value| -> Vec<String> {
        page["accounts"].as_array().unwrap().iter().map(|account| account["name"].as_str().unwrap().into()).collect()
    };
    let first = deployment.get("/accounts?limit=2");
    assert_eq!((names(&first), &first["next"]), (vec!["b".into(), "d".into()], &json!("d")));
    ["a", "e"].iter().for_each(|name| make(&mut deployment, name));
    let second = deployment.get("/accounts?limit=2&after=d");
    assert_eq!((names(&second), &second["next"]), (vec!["e".into(), "f".into()], &Value::Null));
}

/// A report's path carries a tag that only this deployment makes: a made-up name is nobody's, and makes no object.
#[test]
fn a_reports_path_is_the_deployments_own() {
    let (mut deployment, _) =
        Deployment::with_shop(|config| config["providers"][0]["webhook"] = json!({"secret": "HOOK"}));
    let path = deployment.get("/accounts/shop/providers/main")["reports"].as_str().unwrap().to_string();
    assert!(path.starts_with("/v1/webhooks/main/shop."), "{path}");
    assert_eq!(deployment.report(&path), Ok("shop".into()));
    for path in [
        "/v1/webhooks/main/shop".to_string(),
        path.replace("/shop.", "/bank."),
        format!("{path}0"),
        "/v1/webhooks/main/shop.".into(),
    ] {
        assert_eq!(deployment.report(&path), Err(404), "{path}");
    }
}

/// Cloudflare's events come through a queue, which names no account: the Directory knows whose it is.
#[test]
fn a_queue_finds_its_account() {
    let (mut deployment, _) = Deployment::with_shop(|config| {
        let cloudflare = json!({
            "name": "cloudflare", "kind": "cloudflare", "credential": "ESP", "account_id": "a",
            "webhook": {"queue": "mail-events"}
        });
        config["providers"].as_array_mut().unwrap().push(cloudflare);
    });
    assert_eq!(deployment.account_of_queue("mail-events").as_deref(), Some("shop"));
    assert_eq!(deployment.account_of_queue("other-events"), None);
}
