//! The plans behind the HTTP contract, and the limits that a plan sets on one request or on what is kept. Rows R100, R186,
//! R192, R194, R199, R217 to R236, R251; C02 to C04, C08, C20, C24, C25.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use proptest::prelude::*;
use sendgate_core::{
    catalog::{Figures, Plan},
    config::{Config, MAX_MESSAGES},
    guard::{self, Dimension},
    http::HttpResponse,
    storage::Storage,
};
use serde_json::{Value, json};

/// A host whose account says nothing of limits but its plan; `change` edits the account.
fn planned(plan: &str, change: impl FnOnce(&mut Value)) -> Host {
    Host::with(|account| on_plan(account, plan, change))
}

fn on_plan(account: &mut Value, plan: &str, change: impl FnOnce(&mut Value)) {
    for own in ["account_windows", "quotas", "max_messages"] {
        account.as_object_mut().unwrap().remove(own);
    }
    account["plan"] = json!(plan);
    change(account);
}

/// What an enterprise account must give itself.
fn custom(account: &mut Value) {
    account["plan_figures"] = json!({"requests_per_minute": 5000, "storage_bytes": 5_000_000_000_000_u64});
}

fn nothing(_: &mut Value) {}

fn refused(response: &HttpResponse) -> (u16, String, Option<String>) {
    let answer = body(response);
    let word = |name: &str| answer[name].as_str().map(String::from);
    (response.status, word("code").unwrap_or_default(), word("window"))
}

fn to(count: usize) -> Vec<Value> {
    (0..count).map(|n| message(&format!("user{n}@example.com"))).collect()
}

fn limits(host: &mut Host) -> Vec<Value> {
    let answer = body(&host.request(&key_of("reader"), "GET", "/v1/limits", b""));
    answer["limits"].as_array().unwrap().clone()
}

fn limit(host: &mut Host, name: &str) -> Value {
    limits(host).into_iter().find(|limit| limit["name"] == name).unwrap()
}

/// R218, R221, R224 and R227: so many requests of all keys pass in a minute, and the next one does not, while each key is
/// below its own ten a second (C04).
#[test]
fn a_plan_admits_its_requests_in_a_minute_and_not_one_more() {
    for (plan, requests) in [("free", 60), ("hobby", 300), ("pro", 1_000)] {
        let mut host = planned(plan, nothing);
        for n in 0..requests {
            let key = key_of(if n % 2 == 0 { "k1" } else { "other" });
            let response = host.request(&key, "GET", "/v1/limits", b"");
            assert_eq!(response.status, 200, "{plan}: request {n}");
            host.advance(59);
        }
        let response = host.request(&key_of("k1"), "GET", "/v1/limits", b"");
        assert_eq!(refused(&response), (429, "rate_limit_exceeded".into(), Some("plan-minute".into())), "{plan}");
    }
    let enterprise = planned("enterprise", custom).config;
    assert_eq!(enterprise.accounts["shop"].account_windows[0].limit(), 5_000);
}

/// R219, C25 and C20: recipients are counted, not messages; the 101st of a day is refused with the day's word and the
/// start of the next day.
#[test]
fn the_free_plan_takes_a_hundred_recipients_a_day() {
    let mut host = planned("free", nothing);
    let mut to_three = message("ann@example.com");
    to_three["cc"] = json!(["bob@example.net", "eve@example.org"]);
    host.send_ok(vec![to_three]);
    host.send_ok(to(97));
    let response = host.send(&json!({ "messages": to(1) }));
    assert_eq!(refused(&response), (429, "quota_daily".into(), Some("quota_daily".into())));
    let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
    host.advance(seconds * 1_000);
    host.send_ok(to(100));
}

/// R199: the four refusals have four words; over the quota by policy or by size there is no Retry-After.
#[test]
fn the_four_quota_refusals_are_told_apart() {
    for (period, code) in [("day", "quota_daily"), ("month", "quota_monthly"), ("year", "quota_yearly")] {
        let mut host = Host::with(|account| account["quotas"] = json!([{"period": period, "limit": 2}]));
        host.send_ok(to(2));
        let full = host.send(&json!({ "messages": to(1) }));
        assert_eq!((refused(&full).1.as_str(), full.header("retry-after").is_some()), (code, true));
        let too_large = host.send(&json!({ "messages": to(3) }));
        assert_eq!((refused(&too_large).1.as_str(), too_large.header("retry-after")), ("overquota", None));
    }
}

/// R194: blocked, counted, or allowed up to n and refused at n + 1; what is over is shown apart.
#[test]
fn overdelivery_follows_the_accounts_policy() {
    let host = |policy: Value| {
        let mut host = Host::with(|account| {
            account["quotas"] = json!([{"period": "day", "limit": 10}]);
            account["overdelivery"] = policy;
        });
        host.send_ok(to(10));
        host
    };
    let mut blocked = host(json!("block"));
    assert_eq!(refused(&blocked.send(&json!({ "messages": to(1) }))).1, "quota_daily");
    assert_eq!(limit(&mut blocked, "quota_daily")["over"], Value::Null);

    let mut counted = host(json!("allow_and_count"));
    counted.send_ok(to(40));
    let quota = limit(&mut counted, "quota_daily");
    assert_eq!((&quota["reserved"], &quota["remaining"], &quota["over"]), (&json!(50), &json!(0), &json!(40)));

    let mut bounded = host(json!({"allow_up_to": 5}));
    bounded.send_ok(to(5));
    let response = bounded.send(&json!({ "messages": to(1) }));
    assert_eq!((refused(&response).1.as_str(), response.header("retry-after")), ("overquota", None));
    bounded.crash();
    assert_eq!(limit(&mut bounded, "quota_daily")["over"], json!(5), "it survives a restart");
}

/// R222, R225, R228 and C24: no day refuses, and every recipient is metered.
#[test]
fn an_unlimited_plan_never_refuses_by_the_day_and_meters_every_recipient() {
    for plan in ["hobby", "pro", "enterprise"] {
        let mut host = planned(plan, |account| {
            if plan == "enterprise" {
                custom(account);
            }
        });
        for _ in 0..3 {
            host.send_ok(to(100));
        }
        let meter = limit(&mut host, "quota_monthly");
        assert_eq!((&meter["kind"], &meter["reserved"]), (&json!("meter"), &json!(300)), "{plan}");
        assert_eq!((&meter["limit"], &meter["remaining"]), (&Value::Null, &Value::Null));
        assert!(limits(&mut host).iter().all(|limit| limit["name"] != "quota_daily"));
    }
}

/// R227 and R251: an enterprise account gives its own figures; each one that is missing is an error that names it.
#[test]
fn a_missing_enterprise_figure_is_a_configuration_error() {
    let with = |figures: Value| {
        let text = config_with(|account| on_plan(account, "enterprise", |account| account["plan_figures"] = figures));
        Config::from_json(&text).map_err(|error| error.field)
    };
    assert_eq!(with(json!({"storage_bytes": 1})).unwrap_err(), "accounts.shop.plan_figures.requests_per_minute");
    assert_eq!(with(json!({"requests_per_minute": 1})).unwrap_err(), "accounts.shop.plan_figures.storage_bytes");
    let all = json!({"requests_per_minute": 9, "recipients_per_day": 7, "storage_bytes": "unlimited"});
    let config = with(all).unwrap();
    let account = &config.accounts["shop"];
    assert_eq!((account.account_windows[0].limit(), account.quotas[0].limit), (9, 7));
    assert_eq!(account.plan_limits().unwrap().storage_bytes, None);
}

#[test]
fn a_plan_that_nobody_knows_is_refused_with_the_nearest_name() {
    let text = config_with(|account| on_plan(account, "hoby", nothing));
    let error = Config::from_json(&text).unwrap_err().to_string();
    assert!(error.starts_with("accounts.shop.plan: no such plan; did you mean hobby?"), "{error}");
    let text = config_with(|account| account["plan_figures"] = json!({"batch_max": 501}));
    assert_eq!(Config::from_json(&text).unwrap_err().field, "accounts.shop.plan_figures.batch_max");
}

/// R229 and C03: 100 messages pass and 101 do not, though the API takes 500; the error names who set the bound.
#[test]
fn the_smallest_batch_limit_binds_and_is_named() {
    for (figures, own, most, source) in [
        (json!({}), Value::Null, 100, "plan"),
        (json!({"batch_max": 7}), Value::Null, 7, "account"),
        (json!({}), json!(150), 150, "account"),
        (json!({}), json!(500), 500, "technical"),
    ] {
        let mut host = planned("pro", |account| {
            account["plan_figures"] = figures;
            if !own.is_null() {
                account["max_messages"] = own;
            }
        });
        let response = host.send(&json!({ "messages": to(most + 1) }));
        assert_eq!(refused(&response), (400, "too_many_messages".into(), Some("batch_max".into())));
        let detail = body(&response)["detail"].as_str().unwrap().to_string();
        assert_eq!(detail, format!("batch_max: at most {most} messages ({source} bound), got {}", most + 1));
        host.send_ok(to(most));
        let shown = limit(&mut host, "messages_per_request");
        assert_eq!((&shown["limit"], &shown["source"]), (&json!(most), &json!(source)));
    }
}

/// R231 and R232, where an account lowers them: the byte and the file on either side, each message on its own.
#[test]
fn a_message_is_held_to_the_accounts_own_bounds() {
    let sized = |bytes: usize| {
        let mut whole = message("ann@example.com");
        let rest = sendgate_core::message::Message::parse(&whole.to_string()).unwrap().size() - "Hi".len();
        whole["text_body"] = json!("x".repeat(bytes - rest));
        whole
    };
    let mut host = planned("pro", |account| account["plan_figures"] = json!({"message_bytes": 1000, "attachments": 1}));
    host.send_ok(vec![sized(1_000)]);
    let answer = body(&host.send(&json!({"messages": [sized(1_000), sized(1_001)]})));
    assert_eq!(answer["queued_messages"], 1);
    assert_eq!(answer["messages"][1]["error"]["code"], "message_too_large");
    let file = json!({"filename": "a.txt", "content_type": "text/plain", "content": "aGk="});
    let mut with_two = message("ann@example.com");
    with_two["attachments"] = json!([file, file]);
    let answer = body(&host.send(&json!({"messages": [message("ann@example.com"), with_two]})));
    assert_eq!(answer["messages"][1]["error"]["errors"][0]["code"], "too_many_attachments");
}

fn plan(name: &str) -> Plan {
    let own = if name == "enterprise" { r#"{"requests_per_minute": 1, "storage_bytes": 0}"# } else { "{}" };
    Plan::named(name, serde_json::from_str::<Figures>(own).unwrap(), "own").unwrap()
}

/// R229 to R236 and C08: the value at each bound passes, and one more is refused with the dimension, the limit and the
/// value.
#[test]
fn each_request_limit_of_a_plan_is_exact() {
    for name in Plan::names().unwrap() {
        for (dimension, bound, code) in [
            (Dimension::BatchMax, 100, "too_many_messages"),
            (Dimension::BroadcastRecipients, 1_000, "broadcast_too_large"),
            (Dimension::MessageBytes, 25_000_000, "message_too_large"),
            (Dimension::Attachments, 10, "too_many_attachments"),
            (Dimension::FileBytes, 100_000_000, "file_too_large"),
            (Dimension::CdnDelete, 100, "too_many_assets"),
            (Dimension::CdnMove, 100, "too_many_assets"),
            (Dimension::TransformPx, 4_096, "transform_too_large"),
        ] {
            let guard = plan(name).guard(dimension).unwrap();
            assert_eq!(guard.check(bound), Ok(()), "{name} {dimension:?}");
            let refused = guard.check(bound + 1).unwrap_err();
            assert_eq!((refused.code(), refused.value, refused.guard.limit), (code, bound + 1, bound));
        }
    }
}

/// R230: a broadcast of 1,000 is accepted and becomes two requests of 500; R236: either side of an image counts.
#[test]
fn a_broadcast_is_cut_at_the_technical_cap_and_either_side_of_an_image_counts() {
    let plan = plan("free");
    assert!(plan.guard(Dimension::BroadcastRecipients).unwrap().check(1_000).is_ok());
    assert_eq!(guard::parts(1_000, MAX_MESSAGES), [0..500, 500..1_000]);
    let guard = plan.guard(Dimension::TransformPx).unwrap();
    let transform = |width: u64, height: u64| guard.check(width.max(height));
    assert!(transform(4_096, 4_096).is_ok());
    assert!(transform(4_097, 1).is_err() && transform(1, 4_097).is_err());
}

/// R220, R223 and R226: the byte that fills a plan's storage is taken and the next one is refused.
#[test]
fn storage_is_filled_to_the_byte() {
    for (name, bytes) in [("free", 1_000_000_000), ("hobby", 10_000_000_000), ("pro", 100_000_000_000)] {
        let mut storage = Storage::new(plan(name).storage_bytes);
        storage.reserve(bytes - 1).unwrap();
        storage.commit(bytes - 1);
        storage.reserve(1).unwrap();
        let refused = storage.reserve(1).unwrap_err();
        assert_eq!((refused.code(), refused.capacity, refused.free, refused.asked), ("storage_quota", bytes, 0, 1));
    }
}

/// R100 and R186: another plan decides the next request, with what is in use.
#[test]
fn a_change_of_plan_is_one_change_and_keeps_what_is_in_use() {
    let mut host = planned("free", nothing);
    for _ in 0..60 {
        assert_eq!(host.request(&key_of("k1"), "GET", "/v1/limits", b"").status, 200);
        host.advance(150);
    }
    assert_eq!(host.request(&key_of("k1"), "GET", "/v1/limits", b"").status, 429);
    host.config = Config::from_json(&config_with(|account| on_plan(account, "hobby", nothing))).unwrap();
    host.crash();
    let window = limit(&mut host, "plan-minute");
    assert_eq!((&window["limit"], &window["used"]), (&json!(300), &json!(61)));
    assert_eq!(limit(&mut host, "quota_monthly")["kind"], "meter");
}

/// R217: every limit has its kind, its value, who set it and, when it is built in, since when and from where.
#[test]
fn every_limit_says_who_set_it_and_where_a_built_in_one_comes_from() {
    let mut host = planned("free", |account| {
        account["sending"] = json!({"per_second": 50});
        account["plan_figures"] = json!({"attachments": 3});
        account["providers"][0]["profile"] = json!("postmark");
        account["providers"][0]["windows"] =
            json!([{"kind": "sliding", "name": "api-second", "limit": 4, "period_ms": 1000}]);
    });
    let limits = limits(&mut host);
    for limit in &limits {
        for field in ["name", "scope", "kind", "unit", "source"] {
            assert!(limit[field].as_str().is_some_and(|word| !word.is_empty()), "{field} of {limit}");
        }
        let counted = ["used", "reserved"].iter().any(|name| limit[name].is_u64());
        assert_eq!(counted, !["request", "level"].contains(&limit["kind"].as_str().unwrap()), "{limit}");
        assert!(limit["limit"].is_u64(), "{limit}");
    }
    let of = |name: &str| {
        let found = limits.iter().find(|limit| limit["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        let word = |field: &str| found[field].as_str().unwrap_or("-").to_string();
        format!("{} {} {} {}", found["limit"], word("source"), word("as_of"), word("reference"))
    };
    let free = "plan 2026-11-21 document 003, R218-R220, R229-R236";
    assert_eq!(of("plan-minute"), format!("60 {free}"));
    assert_eq!(of("quota_daily"), format!("100 {free}"));
    assert_eq!(of("messages_per_request"), format!("100 {free}"));
    assert_eq!(of("transform_px"), format!("4096 {free}"));
    assert_eq!(of("storage_bytes"), format!("1000000000 {free}"));
    assert_eq!(of("attachments_per_message"), "3 account - -");
    assert_eq!(of("key-second"), "10 technical - document 002, R190");
    assert_eq!(of("body_bytes"), "50000000 technical - document 002, R189");
    assert_eq!(of("sending-minute"), "500 account - -");
    assert_eq!(of("api-second"), "4 provider - -");
    assert_eq!(of("api-minute"), "500 provider 2025-11-10 document 000, R014-R020, C05");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Storage against a list of uploads: `reserved + stored + free = capacity` at every step, and a refusal changes
    /// nothing.
    #[test]
    fn storage_is_conserved_at_every_step(
        capacity in 0..2_000_u64,
        operations in prop::collection::vec((0..4_u8, 0..600_u64), 1..200),
    ) {
        let mut storage = Storage::new(Some(capacity));
        let (mut reserved, mut stored) = (0_u64, 0_u64);
        for (choice, bytes) in operations {
            match choice {
                0 => {
                    let fits = reserved + stored + bytes <= capacity;
                    let before = storage;
                    prop_assert_eq!(storage.reserve(bytes).is_ok(), fits);
                    if fits { reserved += bytes } else { prop_assert_eq!(storage, before) }
                }
                1 => {
                    let moved = storage.commit(bytes);
                    prop_assert_eq!(moved, bytes.min(reserved));
                    (reserved, stored) = (reserved - moved, stored + moved);
                }
                2 => {
                    let back = storage.release(bytes);
                    prop_assert_eq!(back, bytes.min(reserved));
                    reserved -= back;
                }
                _ => {
                    let freed = storage.delete(bytes);
                    prop_assert_eq!(freed, bytes.min(stored));
                    stored -= freed;
                }
            }
            prop_assert_eq!((storage.reserved(), storage.stored()), (reserved, stored));
            prop_assert_eq!(reserved + stored + storage.free().unwrap(), capacity);
        }
    }

    /// Parts are in order, without gap or overlap, none larger than allowed and no more of them than there must be.
    #[test]
    fn parts_make_the_whole(total in 0..10_000_usize, most in 1..700_usize) {
        let parts = guard::parts(total, most);
        prop_assert_eq!(parts.len(), total.div_ceil(most));
        let mut next = 0;
        for part in parts {
            prop_assert_eq!(part.start, next);
            prop_assert!(!part.is_empty() && part.len() <= most);
            next = part.end;
        }
        prop_assert_eq!(next, total);
    }
}
