//! What narrows a key: an end, networks, domains; and an account's domains with their states.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{config::Config, key, time::UnixMillis};
use serde_json::{Value, json};

/// A host whose key `k1` has these fields beside its own.
fn host_with(fields: &Value) -> Host {
    Host::with(|account| account["keys"][0].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone()))
}

/// The status and the code of one mail's request, and what the first item says when it was taken.
fn sent(host: &mut Host, from: &str) -> (u16, String) {
    let mut mail = message("ann@example.com");
    mail["from"] = json!(from);
    let response = host.send(&json!({"messages": [mail]}));
    (response.status, body(&response)["code"].as_str().unwrap_or_default().into())
}

fn from_anywhere(host: &mut Host) -> (u16, String) {
    let own = message("ann@example.com")["from"].as_str().unwrap().to_owned();
    sent(host, &own)
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.into())
}

/// R033: from outside 403, from inside 202, IPv4 and IPv6 both; without an address nobody is inside.
#[test]
fn a_key_with_networks_works_from_inside_of_them_only() {
    let mut host = host_with(&json!({"ip_allow": ["192.0.2.0/24", "2001:db8:1::/48"]}));
    for inside in ["192.0.2.1", "192.0.2.255", "2001:db8:1::7", "::ffff:192.0.2.1"] {
        host.client_ip = Some(inside.into());
        assert_eq!(from_anywhere(&mut host).0, 202, "{inside}");
    }
    for outside in ["192.0.3.1", "2001:db8:2::7", "::ffff:198.51.100.1", "", "192.0.2.1, 198.51.100.1", "localhost"] {
        host.client_ip = Some(outside.into());
        assert_eq!(from_anywhere(&mut host), refused(403, "ip_not_allowed"), "{outside}");
    }
    host.client_ip = None;
    assert_eq!(from_anywhere(&mut host), refused(403, "ip_not_allowed"), "no address, and a list");
    assert_eq!(host.request(&key_of("other"), "GET", "/v1/limits", b"").status, 200, "a key without a list");
}

/// A stolen key that is tried from elsewhere uses up nothing of the owner's.
#[test]
fn who_is_outside_uses_no_window_up() {
    let mut host = Host::with(|account| {
        account["keys"][0]["ip_allow"] = json!(["192.0.2.1"]);
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-minute", "limit": 1, "period_ms": 60_000}]);
    });
    for _ in 0..3 {
        assert_eq!(from_anywhere(&mut host), refused(403, "ip_not_allowed"));
    }
    host.client_ip = Some("192.0.2.1".into());
    assert_eq!(from_anywhere(&mut host).0, 202);
}

/// At its end, and not one millisecond before.
#[test]
fn a_key_ends_at_its_instant() {
    let end = UnixMillis::new(START + 1_000);
    let mut host = host_with(&json!({"expires_at": end.to_string()}));
    host.now = UnixMillis::new(START + 999);
    assert_eq!(from_anywhere(&mut host).0, 202);
    for late in [1_000, 1_001, 1_000_000] {
        host.now = UnixMillis::new(START + late);
        assert_eq!(from_anywhere(&mut host), refused(401, "key_expired"));
    }
    let answer = host.send(&json!({"messages": []}));
    assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
}

/// R076: a key bound to domains sends from them alone, whatever the account may do; per item.
#[test]
fn a_key_with_domains_sends_from_them_only() {
    let mut host = host_with(&json!({"domains": ["shop.example", "BÜCHER.example"]}));
    for from in ["a@shop.example", "a@SHOP.example", "a@xn--bcher-kva.example", "a@bücher.example"] {
        assert_eq!(sent(&mut host, from).0, 202, "{from}");
    }
    for from in ["a@example.com", "a@mail.shop.example", "a@shop.example.com", "a@hop.example"] {
        assert_eq!(sent(&mut host, from), refused(403, "from_not_allowed"), "{from}");
    }
    let (mut good, mut bad) = (message("ann@example.com"), message("bob@example.com"));
    good["from"] = json!("a@shop.example");
    bad["from"] = json!("a@example.com");
    let response = host.send(&json!({"messages": [bad, good]}));
    assert_eq!(response.status, 202);
    let answer = body(&response);
    assert_eq!(answer["messages"][0]["error"]["code"], "from_not_allowed");
    assert_eq!(answer["messages"][0]["error"]["errors"][0]["field"], "messages[0].from");
    assert_eq!(answer["messages"][1]["status"], "queued");
}

/// R074, R196: pending is not verified, unassigned is not allowed, a name alone is the operator's word.
#[test]
fn mail_leaves_from_verified_domains_of_the_account_only() {
    let mut host = Host::with(|account| {
        account["domains"] = json!([
            "shop.example",
            {"name": "New.example", "status": "pending"},
            {"name": "old.example", "status": "verified"}
        ]);
    });
    assert_eq!(sent(&mut host, "a@shop.example").0, 202);
    assert_eq!(sent(&mut host, "a@old.example").0, 202);
    assert_eq!(sent(&mut host, "a@new.example"), refused(403, "domain_not_verified"));
    assert_eq!(sent(&mut host, "a@other.example"), refused(403, "from_not_allowed"));
    let (mut good, mut bad) = (message("ann@example.com"), message("bob@example.com"));
    good["from"] = json!("a@shop.example");
    bad["from"] = json!("a@new.example");
    let answer = body(&host.send(&json!({"messages": [good, bad]})));
    assert_eq!(answer["messages"][0]["status"], "queued");
    assert_eq!(answer["messages"][1]["error"]["code"], "domain_not_verified");
}

/// Each field that is wrong is named, with its bound and without its value.
#[test]
fn a_malformed_field_is_named_with_its_bound() {
    let error = |change: &dyn Fn(&mut Value)| Config::from_json(&config_with(change)).unwrap_err().to_string();
    let key = |field: &'static str, value: Value| move |account: &mut Value| account["keys"][0][field] = value.clone();
    let at = |detail: &str| format!("accounts.shop.{detail}");
    assert_eq!(
        error(&key("expires_at", json!("tomorrow"))),
        at("keys[0].expires_at: is an instant with its offset, such as 2026-12-01T10:00:00Z")
    );
    assert_eq!(
        error(&key("ip_allow", json!(["192.0.2.1", "192.0.2.1/24"]))),
        at("keys[0].ip_allow[1]: has no bits set behind its prefix of 24")
    );
    assert_eq!(error(&key("ip_allow", json!([]))), at("keys[0].ip_allow: must hold 1 to 64 networks, got 0"));
    assert_eq!(error(&key("domains", json!([]))), at("keys[0].domains: must hold 1 to 100 domains, got 0"));
    assert!(error(&key("domains", json!(["shop"]))).starts_with(&at("keys[0].domains[0]: a domain has at least two")));
    let domains = |value: Value| move |account: &mut Value| account["domains"] = value.clone();
    assert!(error(&domains(json!(["shop.example", "x"]))).starts_with(&at("domains[1]: a domain has at least two")));
    assert_eq!(error(&domains(json!(["shop.example", "SHOP.example"]))), at("domains[1]: stands here twice"));
    for odd in [json!([{"name": "a.example"}]), json!([{"name": "a.example", "status": "ok"}]), json!([7])] {
        assert!(error(&domains(odd)).starts_with("config: "));
    }
    let hash = key::hash(&key_of("k1"));
    assert!(error(&key("hash", json!(&hash[1..]))).starts_with(&at("keys[0].hash: ")));
}
