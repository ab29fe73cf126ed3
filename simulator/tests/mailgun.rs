//! Mailgun's dialect against Mailgun's documentation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{MAILGUN, START, Sim, expect};
use serde_json::json;

const PATH: &str = "/sandbox/mailgun/v3/mg.shop.example/messages";
const KEY: (&str, &str) = ("Authorization", "Basic YXBpOmtleS10ZXN0");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    MAILGUN.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_message_is_queued_under_an_id_in_angle_brackets() {
    let mut sim = Sim::new();
    let body = expect(200, sim.mailgun(&MAILGUN));
    assert_eq!(body["message"], "Queued. Thank you.");
    let id = body["id"].as_str().unwrap();
    let bare = id.strip_prefix("<20261201100000.").unwrap().strip_suffix("@mg.shop.example>").unwrap();
    assert_eq!(bare.len(), 16);
    let message = &sim.messages()[0];
    assert_eq!(message["id"], id.trim_matches(['<', '>']), "events have it without brackets");
    assert_eq!(sim.get(&format!("/sandbox/messages/{id}"))["seq"], message["seq"]);
    assert_eq!(sim.get(&format!("/sandbox/messages/%3C{}%3E", message["id"].as_str().unwrap()))["seq"], message["seq"]);
    assert_eq!(message["request"]["form"][1], json!({"name": "to", "value": "ann@a.example"}));
}

#[test]
fn a_bad_credential_is_401_in_bare_text() {
    let mut sim = Sim::new();
    // "user:key", "api:" and no base64 at all.
    for value in ["Basic dXNlcjprZXk=", "Basic YXBpOg==", "Basic ?", "Bearer YXBpOmtleQ==", ""] {
        let answer = sim.ask("POST", PATH, &[("Authorization", value), FORM], b"").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (401, &b"Forbidden"[..]), "{value}");
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    }
}

#[test]
fn a_wrong_path_is_200_without_an_id() {
    let mut sim = Sim::new();
    for path in ["/sandbox/mailgun/v3/mg.shop.example/message", "/sandbox/mailgun/v3/a/b/messages", "/sandbox/mailgun"]
    {
        let answer = sim.ask("POST", path, &[KEY, FORM], b"to=a%40a.example").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"Mailgun Magnificent API"[..]), "{path}");
    }
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn an_unknown_domain_is_404() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"mailgun":{"domains":["other.example"]}}"#);
    assert_eq!(expect(404, sim.mailgun(&MAILGUN))["message"], "Domain not found");
    sim.put("/sandbox/settings", r#"{"mailgun":{"domains":["MG.shop.example"]}}"#);
    expect(200, sim.mailgun(&MAILGUN));
    expect(404, sim.ask("POST", "/sandbox/mailgun/v3/mg%2Fx.example/messages", &[KEY, FORM], b""));
}

#[test]
fn what_the_documentation_forbids_is_400_and_names_its_parameter() {
    let mut sim = Sim::new();
    let long = "x".repeat(16_384);
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("to", "a@a.example"), ("text", "x")], "'from'"),
        (vec![("from", "a@a.example"), ("text", "x")], "'to'"),
        (vec![("from", "a@a.example"), ("to", "nobody"), ("text", "x")], "'to[0]'"),
        (vec![("from", "a@a.example"), ("to", "b@a.example")], "'text'"),
        (with(&[("o:tag", "a"), ("o:tag", "b"), ("o:tag", "c"), ("o:tag", "d")]), "'o:tag'"),
        (with(&[("o:tag", "é")]), "'o:tag'"),
        (with(&[("h:X-A", "a\r\nBcc: b@a.example")]), "'h:X-A'"),
        (with(&[("h:Ä", "a")]), "'h:Ä'"),
        (with(&[("o:deliverytime", "2026-12-01T10:00:00Z")]), "'o:deliverytime'"),
        (with(&[("o:deliverytime", "Tue, 08 Dec 2026 10:00:01 +0000")]), "'o:deliverytime'"),
        (with(&[("o:testmode", "maybe")]), "'o:testmode'"),
        (with(&[("o:tracking-opens", "htmlonly")]), "'o:tracking-opens'"),
        (with(&[("t:variables", "[]")]), "'t:variables'"),
        (with(&[("recipient-variables", "{")]), "'recipient-variables'"),
        (with(&[("recipient-variables", r#"{"ann@a.example":1}"#)]), "'recipient-variables'"),
        (with(&[("v:x", &long)]), "'o:'"),
        (with(&[("attachment", "no file")]), "'attachment'"),
    ];
    for (pairs, name) in cases {
        let body = expect(400, sim.mailgun(&pairs));
        assert!(body["message"].as_str().unwrap().starts_with(name), "{pairs:?}: {body}");
    }
    let answer = sim.ask("POST", PATH, &[KEY, ("Content-Type", "application/json")], b"{}");
    expect(400, answer);
    expect(405, sim.ask("GET", PATH, &[KEY], b""));
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn a_list_of_recipients_is_read_and_bounded() {
    let mut sim = Sim::new();
    let list: Vec<String> = (0..1_000).map(|n| format!("\"R, {n}\" <r{n}@a.example>")).collect();
    let list = list.join(", ");
    let pairs = [("from", "a@a.example"), ("to", list.as_str()), ("text", "x")];
    expect(200, sim.mailgun(&pairs));
    assert_eq!(sim.messages()[0]["recipients"].as_array().unwrap().len(), 1_000);
    let pairs = [("from", "a@a.example"), ("to", list.as_str()), ("cc", "c@a.example"), ("text", "x")];
    expect(400, sim.mailgun(&pairs));
}

#[test]
fn a_multipart_form_brings_files_as_they_are() {
    let mut sim = Sim::new();
    let mut body = Vec::new();
    for (name, value) in MAILGUN {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    body.extend(b"--b\r\nContent-Disposition: form-data; name=\"inline\"; filename=\"logo1\"\r\n");
    body.extend(b"Content-Type: image/png\r\n\r\n\x00\r\n--\xff\r\n--b--\r\n");
    let media = ("Content-Type", "multipart/form-data; boundary=\"b\"");
    expect(200, sim.ask("POST", PATH, &[KEY, media], &body));
    let message = &sim.messages()[0];
    let file = &message["attachments"][0];
    assert_eq!((&file["content_id"], &file["size"]), (&json!("logo1"), &json!(6)));
    let bytes = sim.ask("GET", file["url"].as_str().unwrap(), &[], b"").unwrap().body;
    assert_eq!(bytes, b"\x00\r\n--\xff");
    assert_eq!(message["request"]["form"][4]["size"], 6);
    let cut = &body[..body.len() - 8];
    expect(400, sim.ask("POST", PATH, &[KEY, media], cut));
}

#[test]
fn a_mime_message_goes_to_the_recipients_beside_it() {
    let mut sim = Sim::new();
    let mime = "From: Shop <orders@shop.example>\r\nTo: team@a.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nhi\r\n";
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nann@a.example, bob@a.example\r\n--b\r\n\
         Content-Disposition: form-data; name=\"message\"; filename=\"m.eml\"\r\n\r\n{mime}\r\n--b--\r\n"
    );
    let media = ("Content-Type", "multipart/form-data; boundary=b");
    expect(200, sim.ask("POST", &format!("{PATH}.mime"), &[KEY, media], body.as_bytes()));
    let message = &sim.messages()[0];
    assert_eq!((&message["subject"], &message["to"]), (&json!("café"), &json!(["team@a.example"])));
    assert_eq!(message["recipients"], json!(["ann@a.example", "bob@a.example"]));
}

#[test]
fn over_a_window_the_body_names_the_date() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"mailgun":{"windows":[{"limit":1,"period_ms":60000}]}}"#);
    expect(200, sim.mailgun(&MAILGUN));
    sim.now = START + 20_000;
    let answer = sim.mailgun(&MAILGUN).unwrap();
    assert_eq!(answer.header("retry-after"), None);
    let want = "request limit exceeded, try again after Tue, 01 Dec 2026 10:01:00 +0000";
    assert_eq!(expect(429, Some(answer))["message"], want);
    sim.now = START + 60_000;
    expect(200, sim.mailgun(&MAILGUN));
}

#[test]
fn a_spent_account_is_402_and_a_test_costs_too() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"mailgun":{"monthly_quota":1}}"#);
    expect(200, sim.mailgun(&with(&[("o:testmode", "yes")])));
    expect(402, sim.mailgun(&MAILGUN));
}
