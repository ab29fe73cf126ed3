//! Amazon's SES v2 dialect against Amazon's documentation: its quota of recipients (R024, R026, C06), its signature (R069).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{ACCESS_KEY, SECRET_KEY, SES, START, Sim, expect, sign};
use proptest::prelude::*;
use sendgate_core::http::HttpResponse;
use serde_json::{Value, json};

const EMAILS: &str = "/v2/email/outbound-emails";
const BULK: &str = "/v2/email/outbound-bulk-emails";
const FULL: &str = "/sandbox/ses/v2/email/outbound-emails";

/// A simulator whose rate does not get in the way.
fn unhurried() -> Sim {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"ses":{"max_send_rate":null,"max_24_hour_send":null}}"#);
    sim
}

fn kind(answer: &HttpResponse) -> (u16, &str) {
    (answer.status, answer.header("x-amzn-errortype").unwrap_or_default())
}

fn ask(sim: &mut Sim, path: &str, headers: &[(&str, String)], body: &str) -> HttpResponse {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    sim.ask("POST", path, &headers, body.as_bytes()).unwrap()
}

#[test]
fn what_botocore_signed_is_let_in_and_one_changed_letter_is_not() {
    let vectors: Value = serde_json::from_str(include_str!("data/botocore-sigv4.json")).unwrap();
    for vector in vectors.as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let url = text("url").strip_prefix("https://email.eu-west-1.amazonaws.com").unwrap();
        let mut headers: Vec<(&str, &str)> = vec![("Host", "email.eu-west-1.amazonaws.com")];
        headers.extend(vector["headers"].as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap())));
        let mut sim = unhurried();
        let path = format!("/sandbox/ses{url}");
        let answer = sim.ask(text("method"), &path, &headers, text("body").as_bytes()).unwrap();
        assert_ne!(answer.status, 403, "{}: {}", text("name"), String::from_utf8_lossy(&answer.body));
        let mut changed: Vec<Vec<(&str, &str)>> = Vec::new();
        for at in 0..headers.len() {
            let mut other = headers.clone();
            other[at].1 = match other[at].0 {
                "Host" => "email.eu-west-2.amazonaws.com",
                "X-Amz-Date" => "20261201T100001Z",
                "Content-Type" => "application/jsom",
                "X-Amz-Security-Token" => "SESSIONTOKEN/with+charr==",
                _ => continue,
            };
            changed.push(other);
        }
        for other in changed {
            let answer = sim.ask(text("method"), &path, &other, text("body").as_bytes()).unwrap();
            assert_eq!(kind(&answer), (403, "SignatureDoesNotMatch"), "{}: {other:?}", text("name"));
        }
        let longer = format!("{}x", text("body"));
        let answer = sim.ask(text("method"), &path, &headers, longer.as_bytes()).unwrap();
        assert_eq!(kind(&answer), (403, "SignatureDoesNotMatch"), "{}", text("name"));
        if let Some(other) = path.contains("PageSize=100").then(|| path.replace("PageSize=100", "PageSize=101")) {
            let answer = sim.ask(text("method"), &other, &headers, text("body").as_bytes()).unwrap();
            assert_eq!(kind(&answer), (403, "SignatureDoesNotMatch"), "{}", text("name"));
        }
        let elsewhere = path.replace("/v2/email", "/v2/emails");
        let answer = sim.ask(text("method"), &elsewhere, &headers, text("body").as_bytes()).unwrap();
        assert_eq!(kind(&answer), (403, "SignatureDoesNotMatch"), "{}", text("name"));
    }
}

#[test]
fn every_wrong_credential_has_its_error() {
    let mut sim = unhurried();
    let good = sign("POST", FULL, SES, START, ACCESS_KEY, SECRET_KEY);
    assert_eq!(ask(&mut sim, FULL, &good, SES).status, 200);
    let other_key = sign("POST", FULL, SES, START, "AKIDOTHER", SECRET_KEY);
    assert_eq!(kind(&ask(&mut sim, FULL, &other_key, SES)), (403, "InvalidClientTokenId"));
    let other_secret = sign("POST", FULL, SES, START, ACCESS_KEY, "other");
    assert_eq!(kind(&ask(&mut sim, FULL, &other_secret, SES)), (403, "SignatureDoesNotMatch"));
    assert_eq!(kind(&ask(&mut sim, FULL, &good[..3], SES)), (403, "MissingAuthenticationToken"));
    let mut bearer = good.clone();
    bearer[3].1 = "Bearer x".into();
    assert_eq!(kind(&ask(&mut sim, FULL, &bearer, SES)), (403, "MissingAuthenticationToken"));
    for (from, to) in [
        ("content-type;host;x-amz-date", "content-type;x-amz-date"),
        ("content-type;host;x-amz-date", "host;content-type;x-amz-date"),
        ("content-type;host;x-amz-date", "content-type;host;x-amz-date;x-gone"),
        ("/aws4_request", "/aws4"),
        (", Signature", ", Sig"),
    ] {
        let mut other = good.clone();
        other[3].1 = other[3].1.replace(from, to);
        assert_eq!(kind(&ask(&mut sim, FULL, &other, SES)), (403, "IncompleteSignature"), "{to}");
    }
    let mut unsigned = good.clone();
    unsigned.push(("X-Amz-Security-Token", "t".into()));
    assert_eq!(kind(&ask(&mut sim, FULL, &unsigned, SES)), (403, "IncompleteSignature"));
    let mut service = good.clone();
    service[3].1 = service[3].1.replace("/ses/", "/email/");
    assert_eq!(kind(&ask(&mut sim, FULL, &service, SES)), (403, "SignatureDoesNotMatch"));
    sim.put("/sandbox/settings", r#"{"ses":{"access_key":"AKIDOTHER","secret_key":"other","max_send_rate":null}}"#);
    let settled = sign("POST", FULL, SES, START, "AKIDOTHER", "other");
    assert_eq!(ask(&mut sim, FULL, &settled, SES).status, 200);
    assert_eq!(sim.messages().len(), 2);
}

#[test]
fn a_clock_may_be_fifteen_minutes_off() {
    const QUARTER: u64 = 15 * 60_000;
    for (signed, kind_wanted) in [
        (START - QUARTER, (200, "")),
        (START - QUARTER - 1_000, (403, "RequestExpired")),
        (START + QUARTER, (200, "")),
        (START + QUARTER + 1_000, (403, "RequestExpired")),
    ] {
        let mut sim = unhurried();
        let headers = sign("POST", FULL, SES, signed, ACCESS_KEY, SECRET_KEY);
        assert_eq!(kind(&ask(&mut sim, FULL, &headers, SES)), kind_wanted);
    }
    let mut sim = unhurried();
    let mut headers = sign("POST", FULL, SES, START, ACCESS_KEY, SECRET_KEY);
    for wrong in ["20261301T100000Z", "2026-12-01T10:00:00Z", "20261201T100000", "ä0261201T10000Z", ""] {
        headers[2].1 = wrong.into();
        assert_eq!(kind(&ask(&mut sim, FULL, &headers, SES)), (403, "IncompleteSignature"), "{wrong}");
    }
}

#[test]
fn what_the_documentation_forbids_is_a_bad_request() {
    let mut sim = unhurried();
    let simple = json!({"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "x"}}});
    let with = |name: &str, value: Value| {
        let mut simple = simple.clone();
        simple[name] = value;
        json!({"Content": {"Simple": simple}})
    };
    let header = |name: &str, value: &str| with("Headers", json!([{"Name": name, "Value": value}]));
    let file = |change: Value| {
        let mut file = json!({"FileName": "a.txt", "RawContent": "aGk="});
        file.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        with("Attachments", json!([file]))
    };
    let raw = |mail: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        json!({"Content": {"Raw": {"Data": STANDARD.encode(mail)}}})
    };
    let cases = vec![
        json!({"FromEmailAddress": null}),
        json!({"FromEmailAddress": "Zoë <a@a.example>"}),
        json!({"Destination": null}),
        json!({"Destination": {"ToAddresses": []}}),
        json!({"Destination": {"ToAddresses": ["nobody"]}}),
        json!({"Destination": {"ToAddresses": ["ann@bücher.example"]}}),
        json!({"Destination": {"ToAddresses": (0..51).map(|n| format!("r{n}@a.example")).collect::<Vec<_>>()}}),
        json!({"Content": {}}),
        json!({"Content": {"Simple": simple, "Raw": {"Data": "aGk="}}}),
        with("Subject", Value::Null),
        with("Subject", json!({"Data": "Hi ✓"})),
        with("Body", json!({})),
        header("X A", "1"),
        header("X-A", "é"),
        header("X-A", ""),
        header("X-A", "a\r\nBcc: b@a.example"),
        header(&"X".repeat(127), "1"),
        header("X-A", &"x".repeat(994)),
        with("Headers", json!(vec![json!({"Name": "X-A", "Value": "1"}); 16])),
        file(json!({"FileName": null})),
        file(json!({"RawContent": "?"})),
        file(json!({"ContentDisposition": "inline"})),
        file(json!({"ContentTransferEncoding": "8BIT"})),
        file(json!({"ContentId": "x".repeat(79)})),
        json!({"EmailTags": [{"Name": "a b", "Value": "1"}]}),
        json!({"EmailTags": [{"Name": "a", "Value": ""}]}),
        json!({"ReplyToAddresses": ["Zoë <a@a.example>"]}),
        json!({"ConfigurationOverrides": {"Tracking": {"OpenTrackingEnabled": true}}}),
        json!({"Content": {"Raw": {"Data": "?"}}}),
        raw("no header at all"),
        raw(&format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(999))),
        json!({"Content": {"Template": {}}}),
        json!({"Content": {"Template": {"TemplateName": "a", "TemplateArn": "b"}}}),
        json!({"Content": {"Template": {"TemplateName": "a", "TemplateData": "{"}}}),
        json!({"Content": {"Template": {"TemplateName": "a", "TemplateData": "[]"}}}),
    ];
    for change in cases {
        let mut body: Value = serde_json::from_str(SES).unwrap();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = sim.ses("POST", EMAILS, &body.to_string()).unwrap();
        assert_eq!(kind(&answer), (400, "BadRequestException"), "{change}");
        assert!(common::json(&answer)["message"].is_string());
    }
    assert_eq!(kind(&sim.ses("POST", EMAILS, "{").unwrap()), (400, "SerializationException"));
    assert_eq!(sim.ses("GET", EMAILS, "").unwrap().status, 404);
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn a_raw_message_brings_its_own_recipients_unless_some_stand_beside_it() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut sim = unhurried();
    let mail = "From: Shop <orders@shop.example>\r\nTo: ann@a.example\r\nCc: cee@a.example\r\nBcc: bob@a.example\r\n\
                Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Order-Id: 42\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>é</p>\r\n";
    let data = STANDARD.encode(mail);
    expect(200, sim.ses("POST", EMAILS, &json!({"Content": {"Raw": {"Data": data}}}).to_string()));
    let beside = json!({"Content": {"Raw": {"Data": data}}, "Destination": {"ToAddresses": ["dee@a.example"]}});
    expect(200, sim.ses("POST", EMAILS, &beside.to_string()));
    let shown = sim.messages();
    assert_eq!(shown[0]["recipients"], json!(["ann@a.example", "cee@a.example", "bob@a.example"]));
    assert_eq!((&shown[0]["from"], &shown[0]["subject"]), (&json!("Shop <orders@shop.example>"), &json!("café")));
    assert_eq!(shown[0]["html_body"], "<p>é</p>\r\n");
    assert_eq!(shown[0]["headers"], json!([{"name": "X-Order-Id", "value": "42"}]));
    assert_eq!(shown[1]["recipients"], json!(["dee@a.example"]));
}

#[test]
fn the_sandbox_takes_one_recipient_a_second() {
    let mut sim = Sim::new();
    let two = SES.replace("\"ann@a.example\"", "\"ann@a.example\",\"bob@a.example\"");
    expect(200, sim.ses("POST", EMAILS, &two));
    sim.now += 999;
    let answer = sim.ses("POST", EMAILS, SES).unwrap();
    assert_eq!((kind(&answer), answer.header("retry-after")), ((429, "TooManyRequestsException"), None));
    assert_eq!(expect(429, Some(answer))["message"], "Maximum sending rate exceeded.");
    sim.now += 1;
    expect(200, sim.ses("POST", EMAILS, SES));
}

#[test]
fn a_day_is_any_24_hours_and_counts_recipients() {
    let mut sim = Sim::new();
    let to = |count: usize| {
        let to: Vec<String> = (0..count).map(|n| format!("r{n}@a.example")).collect();
        SES.replace("\"ann@a.example\"", json!(to).to_string().trim_matches(['[', ']']))
    };
    for _ in 0..3 {
        expect(200, sim.ses("POST", EMAILS, &to(50)));
        sim.now += 1_000;
    }
    expect(200, sim.ses("POST", EMAILS, &to(49)));
    sim.now += 1_000;
    // One is left: the call passes whole, and the next waits until enough have left.
    expect(200, sim.ses("POST", EMAILS, &to(50)));
    sim.now += 1_000;
    let account = expect(200, sim.ses("GET", "/v2/email/account", ""));
    let quota = &account["SendQuota"];
    assert_eq!(quota["Max24HourSend"].as_f64(), Some(200.0));
    assert_eq!((quota["MaxSendRate"].as_f64(), quota["SentLast24Hours"].as_f64()), (Some(1.0), Some(249.0)));
    let body = expect(429, sim.ses("POST", EMAILS, SES));
    assert_eq!(body["message"], "Daily message quota exceeded.");
    // The first call's 50 leave after exactly 24 hours: 199 stay.
    sim.now = START + 86_400_000 - 1;
    expect(429, sim.ses("POST", EMAILS, SES));
    sim.now = START + 86_400_000;
    expect(200, sim.ses("POST", EMAILS, SES));
    sim.now += 500;
    expect(429, sim.ses("POST", EMAILS, SES));
}

#[test]
fn an_account_without_bounds_says_minus_one() {
    let mut sim = unhurried();
    let quota = expect(200, sim.ses("GET", "/v2/email/account", ""))["SendQuota"].clone();
    assert_eq!((quota["Max24HourSend"].as_f64(), quota["MaxSendRate"].as_f64()), (Some(-1.0), Some(-1.0)));
    for _ in 0..20 {
        expect(200, sim.ses("POST", EMAILS, SES));
    }
}

#[test]
fn the_sandbox_knows_verified_addresses_only_when_told_so() {
    let mut sim = Sim::new();
    let settings = |verified: Value| json!({"ses": {"max_send_rate": null, "verified": verified}}).to_string();
    sim.put("/sandbox/settings", &settings(json!(["shop.example"])));
    let answer = sim.ses("POST", EMAILS, SES).unwrap();
    assert_eq!(kind(&answer), (400, "MessageRejected"));
    assert!(expect(400, Some(answer))["message"].as_str().unwrap().starts_with("Email address is not verified."));
    let simulated = SES.replace("ann@a.example", "success+ann@simulator.amazonses.com");
    expect(200, sim.ses("POST", EMAILS, &simulated));
    assert_eq!(expect(200, sim.ses("GET", "/v2/email/account", ""))["ProductionAccessEnabled"], false);
    sim.put("/sandbox/settings", &settings(json!(["shop.example", "Ann@a.example"])));
    expect(200, sim.ses("POST", EMAILS, SES));
}

fn bulk(entries: Value) -> String {
    json!({
        "FromEmailAddress": "orders@shop.example",
        "DefaultContent": {"Template": {"TemplateName": "welcome", "TemplateData": "{\"name\":\"there\"}"}},
        "DefaultEmailTags": [{"Name": "kind", "Value": "welcome"}],
        "BulkEmailEntries": entries,
    })
    .to_string()
}

fn to(address: &str) -> Value {
    json!({"Destination": {"ToAddresses": [address]}})
}

#[test]
fn a_bulk_call_answers_for_every_entry_in_order() {
    let mut sim = unhurried();
    let entries = json!([to("ann@a.example"), to("nobody"), {"Destination": {}}, to("bob@a.example")]);
    let results = expect(200, sim.ses("POST", BULK, &bulk(entries)))["BulkEmailEntryResults"].clone();
    let statuses: Vec<_> = results.as_array().unwrap().iter().map(|one| one["Status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["SUCCESS", "INVALID_PARAMETER", "INVALID_PARAMETER", "SUCCESS"]);
    let shown = sim.messages();
    assert_eq!((&results[0]["MessageId"], &results[3]["MessageId"]), (&shown[0]["id"], &shown[1]["id"]));
    assert!(results[1]["MessageId"].is_null() && results[1]["Error"].is_string());
    assert_eq!(shown[0]["tags"], json!([{"Name": "kind", "Value": "welcome"}]));
    let many: Value = (0..51).map(|n| to(&format!("r{n}@a.example"))).collect();
    for bad in [bulk(json!([])), bulk(many), bulk(json!([to("a@a.example")])).replace("TemplateName", "Name")] {
        assert_eq!(kind(&sim.ses("POST", BULK, &bad).unwrap()), (400, "BadRequestException"));
    }
}

#[test]
fn a_bulk_call_over_the_rate_or_the_day_says_so_by_entry() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"ses":{"max_send_rate":2,"max_24_hour_send":3}}"#);
    let entries = json!([to("a@a.example"), to("b@a.example"), to("c@a.example")]);
    let statuses = |answer: Value| {
        let results = answer["BulkEmailEntryResults"].as_array().unwrap().clone();
        results.iter().map(|one| one["Status"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let first = statuses(expect(200, sim.ses("POST", BULK, &bulk(entries.clone()))));
    assert_eq!(first, ["SUCCESS", "SUCCESS", "ACCOUNT_THROTTLED"]);
    sim.now += 1_000;
    let second = statuses(expect(200, sim.ses("POST", BULK, &bulk(entries))));
    assert_eq!(second, ["SUCCESS", "ACCOUNT_DAILY_QUOTA_EXCEEDED", "ACCOUNT_DAILY_QUOTA_EXCEEDED"]);
}

#[test]
fn the_201st_recipient_waits_until_exactly_24_hours_after_the_first() {
    let mut sim = Sim::new();
    for _ in 0..200 {
        expect(200, sim.ses("POST", EMAILS, SES));
        sim.now += 1_000;
    }
    expect(429, sim.ses("POST", EMAILS, SES));
    sim.now = START + 86_400_000 - 1;
    expect(429, sim.ses("POST", EMAILS, SES));
    sim.now += 1;
    expect(200, sim.ses("POST", EMAILS, SES));
    expect(429, sim.ses("POST", EMAILS, SES));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A call passes when, and only when, the recipients taken in the second and the day before it leave any room.
    #[test]
    fn the_counts_of_recipients_are_a_brute_force_count(
        rate in 1_u64..6,
        day in 1_u64..30,
        calls in prop::collection::vec((0_u64..50_000_000, 1_usize..6, any::<bool>()), 1..40),
    ) {
        let mut sim = Sim::new();
        let settings = json!({"ses": {"max_send_rate": rate, "max_24_hour_send": day}});
        sim.put("/sandbox/settings", &settings.to_string());
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for (gap, count, near) in calls {
            sim.now += if near { gap % 700 } else { gap };
            let to: Vec<String> = (0..count).map(|n| format!("r{n}@a.example")).collect();
            let mut body: Value = serde_json::from_str(SES).unwrap();
            body["Destination"]["ToAddresses"] = json!(to);
            let used = |period: u64| {
                let inside = taken.iter().filter(|(at, _)| sim.now - at < period);
                inside.map(|(_, count)| count).sum::<u64>()
            };
            let passes = used(1_000) < rate && used(86_400_000) < day;
            let answer = sim.ses("POST", EMAILS, &body.to_string()).unwrap();
            prop_assert_eq!(answer.status, if passes { 200 } else { 429 });
            if passes {
                taken.push((sim.now, count as u64));
            }
        }
    }
}
