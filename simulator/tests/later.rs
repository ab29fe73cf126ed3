//! The later providers' send calls: Brevo, MailerSend, Mailtrap and SparkPost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{BREVO, MAILERSEND, SPARKPOST, START, Sim, expect};
use serde_json::{Value, json};

fn changed(body: &str, change: Value) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body.to_string()
}

#[test]
fn brevo_answers_201_and_refuses_with_a_code() {
    let mut sim = Sim::new();
    let answer = sim.brevo(BREVO).unwrap();
    assert_eq!(answer.header("x-sib-ratelimit-limit"), Some("1000"));
    let id = expect(201, Some(answer))["messageId"].as_str().unwrap().to_string();
    assert_eq!(sim.messages()[0]["id"], id.trim_matches(['<', '>']));
    for (change, code) in [
        (json!({"sender": null}), "missing_parameter"),
        (json!({"to": [{"email": "nobody"}]}), "invalid_parameter"),
        (json!({"textContent": null}), "missing_parameter"),
        (json!({"subject": null}), "missing_parameter"),
        (json!({"attachment": [{"name": "a", "content": "?"}]}), "invalid_parameter"),
        (json!({"headers": {"idempotencyKey": "42"}}), "invalid_parameter"),
    ] {
        assert_eq!(expect(400, sim.brevo(&changed(BREVO, change.clone())))["code"], code, "{change}");
    }
    let answer = sim.ask("POST", "/sandbox/brevo/v3/smtp/email", &[("Authorization", "Bearer k")], b"{}");
    assert_eq!(expect(401, answer)["code"], "unauthorized");
}

#[test]
fn a_brevo_key_stands_in_the_body_for_half_an_hour() {
    let mut sim = Sim::new();
    let keyed = changed(BREVO, json!({"headers": {"idempotencyKey": "01234567-89ab-4cde-8f01-23456789abcd"}}));
    let first = expect(201, sim.brevo(&keyed));
    sim.now = START + 30 * 60_000 - 1;
    // developers.brevo.com, "Batch email idempotency": a known key is an error, whatever comes with it.
    assert_eq!(expect(400, sim.brevo(&keyed))["code"], "duplicate_parameter");
    assert_eq!(sim.log()[1]["replayed"], false);
    expect(400, sim.brevo(&changed(&keyed, json!({"subject": "other"}))));
    assert_eq!(sim.messages().len(), 1);
    assert_eq!(sim.messages()[0]["headers"], json!([]), "the key is no header field");
    sim.now = START + 30 * 60_000;
    assert_ne!(expect(201, sim.brevo(&keyed)), first);
}

#[test]
fn brevo_versions_are_messages_of_their_own() {
    let mut sim = Sim::new();
    let versions = json!([
        {"to": [{"email": "ann@a.example", "name": "Ann"}], "params": {"name": "Ann"}},
        {"to": [{"email": "bob@a.example"}], "subject": "For Bob"},
    ]);
    let call = json!({"templateId": 7, "messageVersions": versions, "headers": {"X-Sib-Sandbox": "drop"}});
    let ids = expect(201, sim.brevo(&changed(BREVO, call)))["messageIds"].clone();
    assert_eq!(ids.as_array().unwrap().len(), 2);
    let shown = sim.messages();
    assert_eq!(shown[0]["template"], json!({"id": 7, "data": {"name": "Ann"}}));
    assert_eq!((&shown[1]["subject"], &shown[1]["fate"]), (&json!("For Bob"), &json!("discarded")));
}

#[test]
fn mailersend_answers_202_with_its_id_in_a_header() {
    let mut sim = Sim::new();
    let answer = sim.mailersend("/v1/email", MAILERSEND).unwrap();
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    assert_eq!(sim.messages()[0]["id"], answer.header("x-message-id").unwrap());
    assert_eq!(
        (answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")),
        (Some("120"), Some("119"))
    );
    let bad = changed(MAILERSEND, json!({"to": [{"email": "nobody"}]}));
    let body = expect(422, sim.mailersend("/v1/email", &bad));
    assert!(body["errors"]["to.0.email"].is_array());
    expect(422, sim.mailersend("/v1/email", &changed(MAILERSEND, json!({"text": null}))));
    expect(404, sim.mailersend("/v1/emails", MAILERSEND));
    expect(401, sim.ask("POST", "/sandbox/mailersend/v1/email", &[], MAILERSEND.as_bytes()));
}

#[test]
fn mailersend_takes_120_a_minute_and_a_bulk_call_takes_the_good_ones() {
    let mut sim = Sim::new();
    let bulk = format!("[{MAILERSEND},{{}},{MAILERSEND}]");
    assert!(expect(202, sim.mailersend("/v1/bulk-email", &bulk))["bulk_email_id"].is_string());
    assert_eq!(sim.messages().len(), 2);
    for _ in 0..119 {
        assert_eq!(sim.mailersend("/v1/email", MAILERSEND).unwrap().status, 202);
    }
    let over = sim.mailersend("/v1/email", MAILERSEND).unwrap();
    assert_eq!(over.header("retry-after"), Some("60"));
    assert!(expect(429, Some(over))["message"].as_str().unwrap().contains("MS42901"));
}

#[test]
fn mailersend_tells_its_quota() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"mailersend":{"daily_quota":1}}"#);
    sim.mailersend("/v1/email", MAILERSEND).unwrap();
    assert!(expect(429, sim.mailersend("/v1/email", MAILERSEND))["message"].as_str().unwrap().contains("MS42903"));
    let answer = sim.ask("GET", "/sandbox/mailersend/v1/api-quota", &[("Authorization", "Bearer k")], b"");
    assert_eq!(expect(200, answer), json!({"quota": 1, "remaining": 0}));
}

#[test]
fn mailtrap_answers_by_request_of_a_batch() {
    let mut sim = Sim::new();
    let one = expect(200, sim.mailtrap("/api/send", MAILERSEND));
    assert_eq!(one, json!({"success": true, "message_ids": [sim.messages()[0]["id"]]}));
    let batch = json!({
        "base": {"from": {"email": "orders@shop.example"}, "subject": "Hi", "text": "x", "category": "receipt"},
        "requests": [{"to": [{"email": "ann@a.example"}]}, {"to": []}, {"to": [{"email": "bob@a.example"}], "subject": "Bob"}],
    });
    let body = expect(200, sim.mailtrap("/api/batch", &batch.to_string()));
    let good: Vec<_> = body["responses"].as_array().unwrap().iter().map(|one| one["success"].clone()).collect();
    assert_eq!(good, [json!(true), json!(false), json!(true)]);
    let shown = sim.messages();
    assert_eq!((&shown[1]["tags"], &shown[2]["subject"]), (&json!(["receipt"]), &json!("Bob")));
    let many = json!({"base": {}, "requests": vec![json!({}); 501]}).to_string();
    assert_eq!(expect(400, sim.mailtrap("/api/batch", &many))["success"], false);
    let both = changed(MAILERSEND, json!({"template_uuid": "u"}));
    expect(400, sim.mailtrap("/api/send", &both));
    expect(401, sim.ask("POST", "/sandbox/mailtrap/api/send", &[], MAILERSEND.as_bytes()));
}

#[test]
fn sparkpost_counts_recipients_and_reads_copies() {
    let mut sim = Sim::new();
    let call = json!({
        "recipients": [
            {"address": {"email": "ann@a.example", "name": "Ann"}, "substitution_data": {"name": "Ann"}},
            {"address": {"email": "cee@a.example", "header_to": "ann@a.example"}},
            {"address": {"email": "bee@a.example", "header_to": "ann@a.example"}},
        ],
        "content": {
            "from": {"email": "orders@shop.example", "name": "Shop"}, "subject": "Hi", "html": "<img src=\"cid:logo\">",
            "headers": {"CC": "cee@a.example", "X-A": "1"},
            "inline_images": [{"name": "logo", "type": "image/png", "data": "aGk="}],
        },
        "options": {"open_tracking": true}, "metadata": {"order": "42"}, "campaign_id": "receipt",
    });
    let results = expect(200, sim.sparkpost(&call.to_string()))["results"].clone();
    assert_eq!((&results["total_accepted_recipients"], &results["total_rejected_recipients"]), (&json!(3), &json!(0)));
    let message = &sim.messages()[0];
    assert_eq!(message["id"], results["id"]);
    assert_eq!((&message["cc"], &message["bcc"]), (&json!(["cee@a.example"]), &json!(["bee@a.example"])));
    assert_eq!(message["headers"], json!([{"name": "X-A", "value": "1"}]));
    assert_eq!(message["attachments"][0]["content_id"], "logo");
    assert_eq!(message["recipient_variables"], json!({"ann@a.example": {"name": "Ann"}}));
    for change in [json!({"recipients": []}), json!({"content": {}}), json!({"recipients": [{"address": "nobody"}]})] {
        let body = expect(422, sim.sparkpost(&changed(SPARKPOST, change.clone())));
        assert_eq!(body["errors"][0]["code"], "1300", "{change}");
    }
    let path = "/sandbox/sparkpost/api/v1/transmissions";
    for key in ["", "Bearer k"] {
        expect(401, sim.ask("POST", path, &[("Authorization", key)], SPARKPOST.as_bytes()));
    }
}
