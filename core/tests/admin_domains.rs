//! Sending domains over the admin API: added pending, verified by DNS alone, lost with a grace, taken away.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod deployment;

use deployment::*;
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Value, json};

const DOMAINS: &str = "/accounts/shop/domains";
const ONE: &str = "/accounts/shop/domains/shop.example";
const CHECK: &str = "/accounts/shop/domains/shop.example/check";
const RESOLVER: &str = "https://cloudflare-dns.com/dns-query";

fn dns(status: u16, data: &[&str]) -> HttpResponse {
    let answer: Vec<Value> = data.iter().map(|data| json!({"type": 16, "data": format!("\"{data}\"")})).collect();
    let body = json!({"Status": status, "Answer": answer}).to_string().into_bytes();
    HttpResponse { status: 200, headers: Vec::new(), body }
}

fn publish(deployment: &mut Deployment, name: &str, record_type: &str, answer: HttpResponse) {
    deployment.web.insert(format!("{RESOLVER}?name={name}&type={record_type}"), answer);
}

/// Publishes every record that is wanted.
fn publish_all(deployment: &mut Deployment) {
    for record in deployment.get(ONE)["records"].as_array().unwrap().clone() {
        assert_eq!(record["type"], "TXT", "the simulator wants nothing else");
        let answer = dns(0, &[record["value"].as_str().unwrap()]);
        publish(deployment, record["name"].as_str().unwrap(), "TXT", answer);
    }
    publish(deployment, "sandbox._domainkey.shop.example", "TXT", dns(0, &["v=DKIM1; p=AAAA"]));
    publish(deployment, "spf.sandbox.example", "TXT", dns(0, &["v=spf1 ip4:192.0.2.1 -all"]));
}

/// Takes back what was published: the names do not exist any more.
fn unpublish(deployment: &mut Deployment) {
    deployment.web.values_mut().for_each(|answer| *answer = dns(3, &[]));
}

fn check(deployment: &mut Deployment) -> (String, String) {
    let answer = deployment.admin("POST", CHECK, &Value::Null);
    assert_eq!(answer.status, 200, "{}", text(&answer));
    let word = |name: &str| body(&answer)[name].as_str().unwrap().to_owned();
    (word("outcome"), word("state"))
}

fn words(outcome: &str, state: &str) -> (String, String) {
    (outcome.into(), state.into())
}

/// R074, R075, R196: pending refuses, matching DNS verifies, lost records have three days, and then it is pending again.
#[test]
fn a_domain_goes_from_pending_to_verified_by_dns_alone() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    let made = deployment.admin("POST", DOMAINS, &json!({"name": "Shop.example"}));
    assert_eq!((made.status, &body(&made)["in_force"]), (201, &json!(true)), "{}", text(&made));
    assert_eq!((&body(&made)["name"], &body(&made)["state"]), (&json!("shop.example"), &json!("pending")));
    let send = |deployment: &mut Deployment, from: &str| {
        let mut mail = message("ann@example.com");
        mail["from"] = json!(from);
        verdict(&deployment.send(&key, &[mail]))
    };
    assert_eq!(send(&mut deployment, "a@shop.example"), (403, "domain_not_verified".into()));
    assert_eq!(send(&mut deployment, "a@other.example"), (403, "from_not_allowed".into()));

    assert_eq!(check(&mut deployment), words("unknown", "pending"), "the resolver is not reached");
    publish_all(&mut deployment);
    unpublish(&mut deployment);
    assert_eq!(check(&mut deployment), words("missing", "pending"));
    assert_eq!(send(&mut deployment, "a@shop.example"), (403, "domain_not_verified".into()));

    publish_all(&mut deployment);
    assert_eq!(check(&mut deployment), words("matches", "verified"));
    assert_eq!(send(&mut deployment, "a@shop.example").0, 202);
    assert_eq!(send(&mut deployment, "a@other.example"), (403, "from_not_allowed".into()));
    let states: Vec<_> =
        deployment.get(ONE)["records"].as_array().unwrap().iter().map(|record| record["state"].clone()).collect();
    assert!(states.iter().all(|state| state == "found"), "{states:?}");

    unpublish(&mut deployment);
    assert_eq!(check(&mut deployment), words("missing", "grace"));
    assert_eq!(deployment.get(ONE)["grace_until"], "2026-12-04T10:00:00.000Z");
    assert_eq!(send(&mut deployment, "a@shop.example").0, 202);
    deployment.now = UnixMillis::new(START + 3 * 86_400_000);
    assert_eq!(check(&mut deployment), words("missing", "pending"));
    assert_eq!(send(&mut deployment, "a@shop.example"), (403, "domain_not_verified".into()));
}

/// R064: what an operator does to domains is in the log, and the log is whole.
#[test]
fn changes_of_domains_are_audited() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    let with = |dkim: &str| json!({"providers": {"main": {"dkim": dkim}}});
    let mut add = with("p=AAAA");
    add["name"] = json!("shop.example");
    assert_eq!(deployment.admin("POST", DOMAINS, &add).status, 201);
    assert_eq!(deployment.admin("PATCH", ONE, &with("p=BBBB")).status, 200);
    publish_all(&mut deployment);
    publish(&mut deployment, "sandbox._domainkey.shop.example", "TXT", dns(0, &["p=BBBB"]));
    assert_eq!(check(&mut deployment), words("matches", "verified"));
    assert_eq!(deployment.admin("DELETE", ONE, &Value::Null).status, 200);
    let audit = deployment.get("/audit");
    let actions: Vec<_> = audit["audit"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(
        actions[2..],
        ["domain.add", "domain.providers", "domain.providers", "domain.status", "domain.remove", "domain.providers"]
    );
    let line = &audit["audit"][4];
    assert_eq!(line["target"], "accounts/shop/domains/shop.example");
    assert_eq!((&line["before"]["main"]["dkim"], &line["after"]["main"]["dkim"]), (&json!("p=AAAA"), &json!("p=BBBB")));
    assert_eq!(deployment.get("/audit/verify")["result"], "whole");
}

#[test]
fn the_same_request_again_changes_nothing_and_another_one_is_refused() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    let wanted = json!({"name": "shop.example", "providers": {"main": {"selector": "s1"}}});
    assert_eq!(deployment.admin("POST", DOMAINS, &wanted).status, 201);
    let revision = deployment.get("/accounts/shop")["revision"].clone();
    assert_eq!(deployment.admin("POST", DOMAINS, &wanted).status, 200);
    assert_eq!(deployment.get("/accounts/shop")["revision"], revision);
    let other = deployment.admin("POST", DOMAINS, &json!({"name": "shop.example"}));
    assert_eq!(verdict(&other), (409, "already_exists".into()));
}

#[test]
fn what_is_wrong_is_named() {
    let (mut deployment, _) = Deployment::with_shop(|account| {
        account["providers"][0] = json!({"name": "main", "kind": "ses", "region": "eu-west-1",
            "base_url": "http://127.0.0.1:1", "credential": "ESP"});
    });
    let field = |deployment: &mut Deployment, body_: &Value| {
        let answer = deployment.admin("POST", DOMAINS, body_);
        assert_eq!(answer.status, 422, "{}", text(&answer));
        body(&answer)["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    let mut wrong = |given: Value| field(&mut deployment, &given);
    assert_eq!(wrong(json!({"name": "localhost"})), "name");
    assert_eq!(wrong(json!({"name": "shop.example"})), "providers.main.dkim");
    assert_eq!(wrong(json!({"name": "shop.example", "providers": {"other": {}}})), "providers.other");
    assert_eq!(wrong(json!({"name": "shop.example", "providers": {"main": {"dkim": [], "x": "y"}}})), "providers.main");
    assert_eq!(wrong(json!({"name": "shop.example", "providers": {"main": 7}})), "providers");
    assert_eq!(wrong(json!({"name": "shop.example", "provider": {}})), "provider");
    assert_eq!(verdict(&deployment.admin("POST", CHECK, &Value::Null)), (404, "not_found".into()));
    assert_eq!(verdict(&deployment.admin("PUT", ONE, &json!({}))), (405, "method_not_allowed".into()));
    let good = json!({"name": "shop.example", "providers": {"main": {"dkim": ["aaa", "bbb", "ccc"]}}});
    assert_eq!(deployment.admin("POST", DOMAINS, &good).status, 201);
    assert_eq!(deployment.get(ONE)["records"].as_array().unwrap().len(), 5, "ownership, three keys, a policy");
    // A provider that comes later has values of its own, which the domain does not have yet.
    let postmark = json!({"name": "later", "kind": "postmark", "credential": "ESP"});
    assert_eq!(deployment.admin("POST", "/accounts/shop/providers", &postmark).status, 201);
    assert_eq!(deployment.get(ONE)["warnings"][0].as_str().unwrap().split(':').next(), Some("providers.later.dkim"));
    assert_eq!(deployment.admin("POST", CHECK, &Value::Null).status, 422);
}

/// An operator's word in the configuration verifies a domain as before, and a look takes it up from there.
#[test]
fn domains_of_the_configuration_are_listed_and_looked_at() {
    let (mut deployment, _) =
        Deployment::with_shop(|account| account["domains"] = json!(["shop.example", "b.example"]));
    let listed = deployment.get(DOMAINS);
    let states: Vec<_> = listed["domains"].as_array().unwrap().iter().map(|domain| domain["state"].clone()).collect();
    assert_eq!(states, ["verified", "verified"]);
    publish_all(&mut deployment);
    unpublish(&mut deployment);
    assert_eq!(check(&mut deployment), words("missing", "grace"));
    assert_eq!(deployment.get("/accounts/shop")["config"]["domains"], json!(["shop.example", "b.example"]));
    deployment.now = UnixMillis::new(START + 4 * 86_400_000);
    assert_eq!(check(&mut deployment), words("missing", "pending"));
    let pending = json!([{"name": "shop.example", "status": "pending"}, "b.example"]);
    assert_eq!(deployment.get("/accounts/shop")["config"]["domains"], pending);
    let word = json!({"config": {"domains": ["shop.example"]}});
    assert_eq!(deployment.admin("PATCH", "/accounts/shop", &word).status, 200);
    assert_eq!(deployment.get(ONE)["state"], "verified", "the operator's word");
}

/// Only an account that never had a domain may send from any.
#[test]
fn an_account_whose_last_domain_went_sends_from_none() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    assert_eq!(deployment.send(&key, &[message("ann@example.com")]).status, 202, "no domains: any");
    assert_eq!(deployment.admin("POST", DOMAINS, &json!({"name": "shop.example"})).status, 201);
    assert_eq!(deployment.admin("DELETE", ONE, &Value::Null).status, 200);
    assert_eq!(verdict(&deployment.send(&key, &[message("ann@example.com")])), (403, "from_not_allowed".into()));
    assert_eq!(deployment.admin("GET", ONE, &Value::Null).status, 404);
}

/// R074: nobody has to ask. Records that come are seen within the hour, those that go within a day and three more.
#[test]
fn domains_are_looked_at_without_being_asked_for() {
    let (mut deployment, key) = Deployment::with_shop(|_| {});
    assert_eq!(deployment.admin("POST", DOMAINS, &json!({"name": "shop.example"})).status, 201);
    let hours = |n: u64| UnixMillis::new(START + n * 3_600_000);
    let may_send = |deployment: &mut Deployment| deployment.send(&key, &[message("ann@example.com")]).status == 202;
    publish_all(&mut deployment);
    unpublish(&mut deployment);
    deployment.run_until(hours(5));
    assert!(!may_send(&mut deployment));
    publish_all(&mut deployment);
    deployment.run_until(hours(6));
    assert!(may_send(&mut deployment));
    assert_eq!(deployment.get(ONE)["state"], "verified");

    unpublish(&mut deployment);
    deployment.run_until(hours(6 + 24));
    assert_eq!(deployment.get(ONE)["state"], "grace");
    deployment.run_until(UnixMillis::new(hours(6 + 24 + 72).as_millis() - 1));
    assert!(may_send(&mut deployment), "to the last moment of its grace");
    deployment.run_until(hours(6 + 24 + 73));
    assert!(!may_send(&mut deployment));
    let audit = deployment.get("/audit");
    let last = audit["audit"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["action"], &last["actor"]), (&json!("domain.status"), &json!("(directory)")));

    // It was added more than three days ago: now it waits until somebody asks.
    assert_eq!(deployment.wake_at(), None);
    publish_all(&mut deployment);
    assert_eq!(check(&mut deployment), words("matches", "verified"));
}

/// A domain that was taken out of the configuration by hand is not looked at for ever.
#[test]
fn a_domain_that_is_gone_is_forgotten() {
    let (mut deployment, _) = Deployment::with_shop(|_| {});
    assert_eq!(deployment.admin("POST", DOMAINS, &json!({"name": "shop.example"})).status, 201);
    let patch = json!({"config": {"domains": null}});
    assert_eq!(deployment.admin("PATCH", "/accounts/shop", &patch).status, 200);
    deployment.run_until(UnixMillis::new(START + 10_000));
    assert_eq!(deployment.wake_at(), None);
}
