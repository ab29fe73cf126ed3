//! SendGrid's dialect against SendGrid's documentation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{SENDGRID, START, Sim, expect};
use serde_json::{Value, json};

const PATH: &str = "/sandbox/sendgrid/v3/mail/send";

fn call() -> Value {
    serde_json::from_str(SENDGRID).unwrap()
}

fn refused(sim: &mut Sim, body: &Value) -> Value {
    let answer = expect(400, sim.sendgrid(&body.to_string()));
    answer["errors"][0].clone()
}

#[test]
fn a_message_is_202_without_a_body_and_its_id_in_a_header() {
    let mut sim = Sim::new();
    let answer = sim.sendgrid(SENDGRID).unwrap();
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let message = &sim.messages()[0];
    assert_eq!(message["id"], answer.header("x-message-id").unwrap());
    assert_eq!((&message["from"], &message["fate"]), (&json!("Shop <orders@shop.example>"), &json!("delivered")));
    assert_eq!(answer.header("x-ratelimit-limit"), None, "no window is set, and none is published");
}

#[test]
fn a_key_and_json_are_required_and_errors_are_lists() {
    let mut sim = Sim::new();
    let json_type = ("Content-Type", "application/json");
    for key in [("X", ""), ("Authorization", "Bearer re_x"), ("Authorization", "Basic SG.x")] {
        let body = expect(401, sim.ask("POST", PATH, &[key, json_type], SENDGRID.as_bytes()));
        assert_eq!((&body["errors"][0]["field"], &body["errors"][0]["help"]), (&Value::Null, &Value::Null));
    }
    let key = ("Authorization", "Bearer SG.x");
    expect(415, sim.ask("POST", PATH, &[key], SENDGRID.as_bytes()));
    expect(400, sim.ask("POST", PATH, &[key, json_type], b"{"));
    expect(405, sim.ask("GET", PATH, &[key], b""));
    expect(404, sim.ask("POST", "/sandbox/sendgrid/v3/mail", &[key, json_type], b"{}"));
    let large = vec![b' '; 30_000_001];
    expect(413, sim.ask("POST", PATH, &[key, json_type], &large));
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn what_the_documentation_forbids_is_400_and_names_its_field() {
    let mut sim = Sim::new();
    let cases: Vec<(Value, &str)> = vec![
        (json!({"personalizations": []}), "personalizations"),
        (json!({"personalizations": vec![json!({"to": [{"email": "a@a.example"}]}); 1_001]}), "personalizations"),
        (json!({"personalizations": [{"to": []}]}), "personalizations.0.to"),
        (json!({"personalizations": [{"to": [{"email": "nobody"}]}]}), "personalizations.0.to.0.email"),
        (
            json!({"personalizations": [{"to": [{"email": "a@a.example"}], "cc": [{"email": "A@a.example"}]}]}),
            "personalizations.0.to",
        ),
        (json!({"from": null}), "from"),
        (json!({"from": {"email": "Shop <a@a.example>"}}), "from.email"),
        (json!({"subject": ""}), "subject"),
        (json!({"content": null}), "content"),
        (json!({"content": [{"type": "text/plain", "value": ""}]}), "content.0.value"),
        (
            json!({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]}),
            "content.1.type",
        ),
        (json!({"reply_to": {"email": "a@a.example"}, "reply_to_list": [{"email": "b@a.example"}]}), "reply_to"),
        (json!({"headers": {"Reply-To": "a@a.example"}}), "headers.Reply-To"),
        (json!({"headers": {"X-A": "a\r\nBcc: b@a.example"}}), "headers.X-A"),
        (json!({"categories": vec!["a"; 2]}), "categories"),
        (json!({"categories": (0..11).map(|n| n.to_string()).collect::<Vec<_>>()}), "categories"),
        (json!({"custom_args": {"n": 1}}), "custom_args.n"),
        (json!({"custom_args": {"n": "x".repeat(10_000)}}), "custom_args"),
        (json!({"send_at": START / 1000 + 72 * 3600 + 1}), "send_at"),
        (json!({"ip_pool_name": "a"}), "ip_pool_name"),
        (json!({"asm": {}}), "asm.group_id"),
        (json!({"attachments": [{"content": "aGk=", "type": "a/b"}]}), "attachments.0.filename"),
        (json!({"attachments": [{"content": "?", "filename": "a"}]}), "attachments.0.content"),
        (
            json!({"attachments": [{"content": "aGk=", "filename": "a", "disposition": "x"}]}),
            "attachments.0.disposition",
        ),
    ];
    for (change, field) in cases {
        let mut body = call();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        assert_eq!(refused(&mut sim, &body)["field"], field, "{change}");
    }
    let mut soon = call();
    soon["send_at"] = json!(START / 1000 + 72 * 3600);
    assert_eq!(sim.sendgrid(&soon.to_string()).unwrap().status, 202);
    assert_eq!(sim.messages().len(), 1);
}

#[test]
fn a_call_takes_a_thousand_recipients_in_all() {
    let mut sim = Sim::new();
    let people = |count: usize| {
        let to: Vec<_> = (0..count).map(|n| json!({"email": format!("r{n}@a.example")})).collect();
        json!({ "to": to })
    };
    let mut body = call();
    body["personalizations"] = json!([people(999), people(1)]);
    assert_eq!(sim.sendgrid(&body.to_string()).unwrap().status, 202);
    body["personalizations"] = json!([people(999), people(2)]);
    assert_eq!(refused(&mut sim, &body)["field"], "personalizations");
}

#[test]
fn personalizations_share_an_id_and_say_their_own() {
    let mut sim = Sim::new();
    let mut body = call();
    body["custom_args"] = json!({"tenant": "t", "order": "0"});
    body["headers"] = json!({"X-A": "1", "X-B": "1"});
    body["attachments"] = json!([{"content": "aGk=", "filename": "a.txt"}]);
    body["template_id"] = json!("d-1");
    body["personalizations"] = json!([
        {"to": [{"email": "ann@a.example"}], "custom_args": {"order": "1"}, "dynamic_template_data": {"name": "Ann"}},
        {"to": [{"email": "bob@a.example"}], "subject": "For Bob", "headers": {"x-a": "2"}},
    ]);
    let answer = sim.sendgrid(&body.to_string()).unwrap();
    let id = answer.header("x-message-id").unwrap();
    let shown = sim.messages();
    assert_eq!((&shown[0]["id"], &shown[1]["id"]), (&json!(id), &json!(format!("{id}.1"))));
    assert_eq!(shown[0]["metadata"], json!({"tenant": "t", "order": "1"}));
    assert_eq!(shown[1]["metadata"], json!({"tenant": "t", "order": "0"}));
    assert_eq!((&shown[0]["subject"], &shown[1]["subject"]), (&json!("Hi"), &json!("For Bob")));
    assert_eq!(shown[1]["headers"], json!([{"name": "X-B", "value": "1"}, {"name": "x-a", "value": "2"}]));
    assert_eq!(shown[0]["template"]["data"], json!({"name": "Ann"}));
    assert_eq!(shown[1]["attachments"][0]["size"], 2);
    assert_eq!((&shown[0]["request"], &shown[1]["request"]), (&body, &body["personalizations"][1]));
    assert_eq!(sim.log()[0]["recipients_count"], 2);
}

#[test]
fn sandbox_mode_looks_and_sends_nothing() {
    let mut sim = Sim::new();
    let mut body = call();
    body["mail_settings"] = json!({"sandbox_mode": {"enable": true}});
    let answer = sim.sendgrid(&body.to_string()).unwrap();
    assert_eq!((answer.status, answer.header("x-message-id")), (200, None));
    assert_eq!((&sim.messages()[0]["fate"], &sim.messages()[0]["test_mode"]), (&json!("discarded"), &json!(true)));
    sim.put("/sandbox/settings", r#"{"sendgrid":{"monthly_quota":0}}"#);
    assert_eq!(sim.sendgrid(&body.to_string()).unwrap().status, 200, "a test costs no credits");
    body["from"] = Value::Null;
    refused(&mut sim, &body);
}

#[test]
fn the_rate_headers_hold_a_unix_time() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"sendgrid":{"windows":[{"limit":2,"period_ms":60000}]}}"#);
    sim.now = START + 1;
    let first = sim.sendgrid(SENDGRID).unwrap();
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), (Some("2"), Some("1")));
    let reset = (START / 1000 + 61).to_string();
    assert_eq!(first.header("x-ratelimit-reset"), Some(reset.as_str()));
    sim.sendgrid(SENDGRID).unwrap();
    sim.now += 10_000;
    let over = sim.sendgrid(SENDGRID).unwrap();
    assert_eq!((over.status, over.header("x-ratelimit-remaining")), (429, Some("0")));
    assert_eq!((over.header("x-ratelimit-reset"), over.header("retry-after")), (Some(reset.as_str()), None));
    sim.now = START + 60_000;
    assert_eq!(sim.sendgrid(SENDGRID).unwrap().status, 429);
    sim.now = START + 60_001;
    assert_eq!(sim.sendgrid(SENDGRID).unwrap().status, 202);
}

#[test]
fn spent_credits_are_401_and_the_account_tells_them() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"sendgrid":{"monthly_quota":2}}"#);
    let key = [("Authorization", "Bearer SG.x")];
    let credits = |sim: &mut Sim| expect(200, sim.ask("GET", "/sandbox/sendgrid/v3/user/credits", &key, b""));
    assert_eq!(sim.sendgrid(SENDGRID).unwrap().status, 202);
    let told = credits(&mut sim);
    assert_eq!((&told["remain"], &told["total"], &told["used"]), (&json!(1), &json!(2), &json!(1)));
    assert_eq!((&told["last_reset"], &told["next_reset"]), (&json!("2026-12-01"), &json!("2027-01-01")));
    assert_eq!(sim.sendgrid(SENDGRID).unwrap().status, 202);
    let spent = expect(401, sim.sendgrid(SENDGRID));
    assert_eq!(spent["errors"][0]["message"], "Maximum credits exceeded");
    assert_eq!(credits(&mut sim)["remain"], 0);
}

#[test]
fn a_fault_tells_its_seconds_by_the_rate_headers() {
    let mut sim = Sim::new();
    sim.fault(r#"{"dialect":"sendgrid","fault":"rate_limited","retry_after_seconds":7}"#);
    let answer = sim.sendgrid(SENDGRID).unwrap();
    let reset = (START / 1000 + 7).to_string();
    assert_eq!((answer.status, answer.header("x-ratelimit-reset")), (429, Some(reset.as_str())));
    assert_eq!(answer.header("retry-after"), None);
}
