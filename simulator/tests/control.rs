//! Settings, the log, the messages and their parts, and what survives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{ESP, POSTMARK, RESEND, START, Sim, expect, json};
use serde_json::{Value, json};

#[test]
fn settings_have_documented_defaults_and_are_set_by_dialect() {
    let mut sim = Sim::new();
    let defaults = sim.get("/sandbox/settings");
    assert_eq!(defaults["resend"]["windows"], json!([{"limit": 5, "period_ms": 1000}]));
    let esp = json!({"windows": [], "inactive": [], "fates": [], "daily_quota": null, "monthly_quota": null});
    assert_eq!(defaults["esp"], esp);
    assert_eq!((&defaults["ses"]["max_send_rate"], &defaults["ses"]["max_24_hour_send"]), (&json!(1), &json!(200)));
    assert_eq!(defaults["mailersend"]["windows"], json!([{"limit": 120, "period_ms": 60000}]));
    for silent in ["sendgrid", "mailgun", "ses", "cloudflare", "mailtrap", "sparkpost"] {
        assert_eq!(defaults[silent]["windows"], json!([]), "{silent} publishes no figure");
    }
    assert_eq!(defaults["postmark"]["windows"], json!([]));
    let set = sim.put(
        "/sandbox/settings",
        r#"{"esp":{"windows":[{"limit":10,"period_ms":1000},{"limit":100,"period_ms":60000}]}}"#,
    );
    assert_eq!(set.status, 200);
    let now = sim.get("/sandbox/settings");
    assert_eq!(json(&set), now);
    assert_eq!(now["esp"]["windows"][1], json!({"limit": 100, "period_ms": 60000}));
    assert_eq!(now["resend"], defaults["resend"]);
    assert_eq!(sim.log().len(), 0, "control calls are not in the log");
}

#[test]
fn a_bad_setting_names_its_field_and_changes_nothing() {
    let mut sim = Sim::new();
    let before = sim.get("/sandbox/settings");
    let cases = [
        (r#"{"mailgone":{}}"#, "mailgone"),
        (r#"{"esp":7}"#, "esp"),
        (r#"{"esp":{"windows":7}}"#, "esp.windows"),
        (r#"{"esp":{"windows":[{"limit":1,"period_ms":1},{"limit":-1,"period_ms":1}]}}"#, "esp.windows[1].limit"),
        (r#"{"esp":{"windows":[{"limit":1}]}}"#, "esp.windows[0].period_ms"),
        (r#"{"esp":{"windows":[{"limit":1,"period_ms":0}]}}"#, "esp.windows[0].period_ms"),
        (r#"{"esp":{"windows":[{"limit":1,"period_ms":1,"burst":2}]}}"#, "esp.windows[0].burst"),
        (r#"{"esp":{"daily_quota":-1}}"#, "esp.daily_quota"),
        (r#"{"esp":{"max_send_rate":1}}"#, "esp.max_send_rate"),
        (r#"{"esp":{"fates":[{"to":"a@","fate":"lost"}]}}"#, "esp.fates[0].fate"),
        (r#"{"esp":{"fates":[{"to":"","fate":"bounced"}]}}"#, "esp.fates[0].to"),
        (r#"{"ses":{"secret_key":""}}"#, "ses.secret_key"),
        (r#"{"ses":{"verified":[7]}}"#, "ses.verified[0]"),
        (r#"{"mailgun":{"domains":"a.example"}}"#, "mailgun.domains"),
        (r#"{"resend":{"daily_quota":"many"}}"#, "resend.daily_quota"),
        (r#"{"resend":{"windows":[]},"postmark":{"inactive":["nobody"]}}"#, "postmark.inactive[0]"),
    ];
    for (body, field) in cases {
        let problem = expect(422, Some(sim.put("/sandbox/settings", body)));
        assert_eq!(problem["field"], field, "{body}");
    }
    assert_eq!(sim.put("/sandbox/settings", "{").status, 400);
    assert_eq!(sim.get("/sandbox/settings"), before);
}

#[test]
fn the_log_is_ordered_and_paged() {
    let mut sim = Sim::new();
    for step in 0..5 {
        sim.now = START + step;
        expect(200, sim.esp(None, ESP));
    }
    let first = sim.get("/sandbox/log?limit=2");
    assert_eq!(first["calls"].as_array().unwrap().len(), 2);
    let call = json!({
        "seq": 1, "at_ms": START, "dialect": "esp", "method": "POST", "path": "/sandbox/esp/messages", "status": 200,
        "fault": null, "idempotency_key": null, "message_ids": first["calls"][0]["message_ids"], "recipients_count": 1,
        "retry_after": null, "counted": true, "replayed": false,
    });
    assert_eq!(first["calls"][0], call);
    let (mut after, mut times) = (Value::from(0), Vec::new());
    while !after.is_null() {
        let page = sim.get(&format!("/sandbox/log?after={after}&limit=2"));
        times.extend(page["calls"].as_array().unwrap().iter().map(|call| call["at_ms"].as_u64().unwrap()));
        after = page["next"].clone();
    }
    assert_eq!(times, [START, START + 1, START + 2, START + 3, START + 4]);
    assert_eq!(expect(422, sim.ask("GET", "/sandbox/log?limit=10001", &[], b""))["field"], "limit");
}

#[test]
fn messages_are_paged_in_order_and_found_by_id() {
    let mut sim = Sim::new();
    for subject in ["one", "two", "three"] {
        expect(200, sim.esp(None, &ESP.replace("Hi", subject)));
    }
    let page = sim.get("/sandbox/messages?limit=2");
    assert_eq!(page["messages"][1]["subject"], "two");
    let rest = sim.get(&format!("/sandbox/messages?limit=2&after={}", page["next"]));
    assert_eq!((&rest["messages"][0]["subject"], &rest["next"]), (&json!("three"), &Value::Null));
    let id = rest["messages"][0]["id"].as_str().unwrap();
    assert_eq!(sim.get(&format!("/sandbox/messages/{id}")), rest["messages"][0]);
    expect(404, sim.ask("GET", "/sandbox/messages/none", &[], b""));
}

#[test]
fn a_message_of_many_megabytes_is_kept_in_small_rows_and_comes_back_whole() {
    let mut sim = Sim::new();
    let text = "ü".repeat(1_300_000);
    let file: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &file);
    let body = json!({
        "from": "a@a.example", "to": ["b@b.example"], "text_body": text,
        "attachments": [{"filename": "f", "content_type": "a/b", "content": content}],
    });
    expect(200, sim.esp(None, &body.to_string()));
    let shown = sim.messages().remove(0);
    assert!(shown["text_body"] == text.as_str());
    assert!(shown["request"] == body);
    let answer = sim.ask("GET", shown["attachments"][0]["url"].as_str().unwrap(), &[], b"").unwrap();
    assert!(answer.body == file);
    let longest: i64 =
        sim.store.connection.query_row("SELECT MAX(LENGTH(bytes)) FROM sandbox_parts", [], |row| row.get(0)).unwrap();
    assert_eq!(longest, 1_000_000);
}

#[test]
fn html_is_served_in_a_sandbox_with_its_images() {
    let mut sim = Sim::new();
    let body = json!({
        "from": "a@a.example", "to": ["b@b.example"], "html_body": "<img src=\"cid:logo\"><script>x</script>",
        "attachments": [{"filename": "l.png", "content_type": "image/png", "content": "iVBORw0KGgo=", "content_id": "logo"}],
    });
    let id = expect(200, sim.esp(None, &body.to_string()))["id"].as_str().unwrap().to_string();
    let html = sim.ask("GET", &format!("/sandbox/messages/{id}/html"), &[], b"").unwrap();
    let want = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'";
    assert_eq!(html.header("content-security-policy"), Some(want));
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    let url = format!("/sandbox/messages/{id}/attachments/0");
    assert_eq!(String::from_utf8(html.body).unwrap(), format!("<img src=\"{url}\"><script>x</script>"));
    let file = sim.ask("GET", &url, &[], b"").unwrap();
    assert_eq!(file.header("content-type"), Some("image/png"));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"l.png\"; filename*=UTF-8''l.png"));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert!(file.header("content-security-policy").unwrap().starts_with("sandbox"));
    expect(404, sim.ask("GET", &format!("/sandbox/messages/{id}/attachments/1"), &[], b""));
    let plain = expect(200, sim.esp(None, ESP))["id"].as_str().unwrap().to_string();
    expect(404, sim.ask("GET", &format!("/sandbox/messages/{plain}/html"), &[], b""));
}

#[test]
fn everything_survives_the_process() {
    let directory = std::env::temp_dir().join(format!("sendgate-simulator-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("state.sqlite");
    let connect = || rusqlite::Connection::open(&file).unwrap();
    let mut before = Sim::on(connect());
    before.put("/sandbox/settings", r#"{"resend":{"windows":[{"limit":2,"period_ms":1000}]}}"#);
    before.fault(r#"{"dialect":"postmark","fault":"invalid"}"#);
    let id = expect(200, before.resend("/emails", Some("k"), RESEND));
    drop(before);
    let mut after = Sim::on(connect());
    assert_eq!(expect(200, after.resend("/emails", Some("k"), RESEND)), id);
    expect(429, after.resend("/emails", Some("l"), RESEND));
    expect(422, after.postmark("/email", POSTMARK));
    assert_eq!((after.messages().len(), after.log().len()), (1, 4));
    drop(after);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn emptying_keeps_the_settings_and_a_reset_does_not() {
    let mut sim = Sim::new();
    let fill = |sim: &mut Sim| {
        sim.put("/sandbox/settings", r#"{"esp":{"windows":[{"limit":1,"period_ms":1000}]}}"#);
        expect(200, sim.esp(Some("k"), ESP));
        sim.fault(r#"{"dialect":"esp","fault":"invalid"}"#);
    };
    for (path, kept) in [("/sandbox/messages", 1), ("/sandbox", 0)] {
        fill(&mut sim);
        assert_eq!(sim.ask("DELETE", path, &[], b"").unwrap().status, 204);
        assert_eq!((sim.messages().len(), sim.log().len()), (0, 0));
        assert_eq!(sim.get("/sandbox/faults")["faults"], json!([]));
        assert_eq!(sim.get("/sandbox/settings")["esp"]["windows"].as_array().unwrap().len(), kept);
        let parts: i64 =
            sim.store.connection.query_row("SELECT COUNT(*) FROM sandbox_parts", [], |row| row.get(0)).unwrap();
        assert_eq!(parts, 0);
    }
}

#[test]
fn unknown_paths_and_methods_are_typed_problems() {
    let mut sim = Sim::new();
    for path in ["/", "/sandboxes", "/sandbox/mailgone/x", "/sandbox/messages/a/b/c", "/sandbox/resending"] {
        assert_eq!(expect(404, sim.ask("GET", path, &[], b""))["code"], "not_found", "{path}");
    }
    let answer = sim.ask("PATCH", "/sandbox/settings", &[], b"").unwrap();
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, PUT")));
    assert_eq!(sim.ask("GET", "/sandbox", &[], b"").unwrap().header("location"), Some("/sandbox/inbox"));
}

#[test]
fn a_page_of_another_site_cannot_steer_the_simulator() {
    let mut sim = Sim::new();
    expect(200, sim.esp(None, ESP));
    let foreign = [("Sec-Fetch-Site", "cross-site")];
    assert_eq!(expect(403, sim.ask("DELETE", "/sandbox", &foreign, b""))["code"], "cross_site");
    assert_eq!(expect(403, sim.ask("POST", "/sandbox/inbox/empty", &foreign, b""))["code"], "cross_site");
    assert_eq!(sim.messages().len(), 1);
    assert_eq!(sim.ask("POST", "/sandbox/inbox/empty", &[("Sec-Fetch-Site", "same-origin")], b"").unwrap().status, 303);
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn lists_can_be_of_one_dialect() {
    let mut sim = Sim::new();
    for dialect in ["esp", "ses", "esp"] {
        sim.send(dialect).unwrap();
    }
    for (list, name) in [("/sandbox/log", "calls"), ("/sandbox/messages", "messages")] {
        let page = sim.get(&format!("{list}?dialect=esp"));
        let seen: Vec<_> = page[name].as_array().unwrap().iter().map(|one| one["seq"].clone()).collect();
        assert_eq!(seen, [1, 3], "{list}");
        assert_eq!(sim.get(&format!("{list}?dialect=none"))[name], json!([]));
    }
}
