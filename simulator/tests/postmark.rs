//! Postmark's dialect against Postmark's documentation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{POSTMARK, Sim, expect};
use serde_json::json;

#[test]
fn a_message_is_taken() {
    let mut sim = Sim::new();
    let body = expect(200, sim.postmark("/email", POSTMARK));
    let id = body["MessageID"].as_str().unwrap().to_string();
    let want = json!({
        "To": "ann@a.example", "SubmittedAt": "2026-12-01T10:00:00.000Z", "MessageID": id, "ErrorCode": 0,
        "Message": "OK",
    });
    assert_eq!(body, want);
    assert_eq!(sim.messages()[0]["id"], id);
}

#[test]
fn a_server_token_and_json_headers_are_required() {
    let mut sim = Sim::new();
    let mut with = |headers: &[(&str, &str)]| sim.ask("POST", "/sandbox/postmark/email", headers, POSTMARK.as_bytes());
    assert_eq!(expect(401, with(&[("Content-Type", "application/json")]))["ErrorCode"], 10);
    assert_eq!(expect(415, with(&[("X-Postmark-Server-Token", "t")]))["ErrorCode"], 409);
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn a_bad_message_is_422_with_a_code() {
    let mut sim = Sim::new();
    let cases = [
        ("{", 402),
        ("[]", 300),
        (r#"{"To":"a@a.example","TextBody":"x"}"#, 300),
        (r#"{"From":"a@a.example","TextBody":"x"}"#, 300),
        (r#"{"From":"a@a.example","To":"b@a.example, c","TextBody":"x"}"#, 300),
        (r#"{"From":"a@a.example","To":"b@a.example"}"#, 300),
        (r#"{"From":"a@a.example","To":"b@a.example","TextBody":"x","TrackLinks":"All"}"#, 300),
        (r#"{"From":"a@a.example","To":"b@a.example","TextBody":"x","Metadata":{"n":1}}"#, 300),
        (r#"{"From":"a@a.example","To":"b@a.example","TextBody":"x","Headers":[{"Name":"A:","Value":"b"}]}"#, 300),
        (
            r#"{"From":"a@a.example","To":"b@a.example","TextBody":"x","Attachments":[{"Name":"a","ContentType":"b/c","Content":"?"}]}"#,
            300,
        ),
    ];
    for (body, code) in cases {
        assert_eq!(expect(422, sim.postmark("/email", body))["ErrorCode"], code, "{body}");
    }
    assert_eq!(sim.messages().len(), 0);
}

#[test]
fn recipients_are_counted_over_to_cc_and_bcc() {
    let mut sim = Sim::new();
    let body = |count: usize| {
        let to: Vec<_> = (0..count).map(|n| format!("\"R, {n}\" <r{n}@a.example>")).collect();
        json!({"From": "a@a.example", "To": to.join(","), "Cc": "c@a.example", "Bcc": "d@a.example", "TextBody": "x"})
            .to_string()
    };
    expect(200, sim.postmark("/email", &body(48)));
    assert_eq!(expect(422, sim.postmark("/email", &body(49)))["ErrorCode"], 300);
}

#[test]
fn a_batch_answers_for_every_message_in_order_with_200() {
    let mut sim = Sim::new();
    let bob = POSTMARK.replace("ann@", "bob@");
    let body = format!("[{POSTMARK},{{\"From\":\"a@a.example\"}},{bob}]");
    let answer = expect(200, sim.postmark("/email/batch", &body));
    let codes: Vec<_> = answer.as_array().unwrap().iter().map(|item| item["ErrorCode"].as_u64().unwrap()).collect();
    assert_eq!(codes, [0, 300, 0]);
    assert_eq!(answer[2]["To"], "bob@a.example");
    let ids: Vec<_> = sim.messages().iter().map(|message| message["id"].clone()).collect();
    assert_eq!(ids, [answer[0]["MessageID"].clone(), answer[2]["MessageID"].clone()]);
    assert_eq!(expect(422, sim.postmark("/email/batch", POSTMARK))["ErrorCode"], 403);
    let five_hundred_and_one = format!("[{}]", vec![POSTMARK; 501].join(","));
    assert_eq!(expect(422, sim.postmark("/email/batch", &five_hundred_and_one))["ErrorCode"], 410);
}

#[test]
fn templates_need_an_id_and_a_model() {
    let mut sim = Sim::new();
    let good = r#"{"From":"a@a.example","To":"b@a.example","TemplateAlias":"welcome","TemplateModel":{}}"#;
    expect(200, sim.postmark("/email/withTemplate", good));
    assert_eq!(sim.messages()[0]["template"], json!({"id": "welcome", "data": {}}));
    let numbered = good.replace("\"TemplateAlias\":\"welcome\"", "\"TemplateId\":123");
    expect(200, sim.postmark("/email/batchWithTemplates", &format!("{{\"Messages\":[{numbered}]}}")));
    assert_eq!(sim.messages()[1]["template"], json!({"id": 123, "data": {}}));
    expect(422, sim.postmark("/email/withTemplate", r#"{"From":"a@a.example","To":"b@a.example","TemplateModel":{}}"#));
    expect(422, sim.postmark("/email/withTemplate", r#"{"From":"a@a.example","To":"b@a.example","TemplateId":1}"#));
    expect(422, sim.postmark("/email/batchWithTemplates", "[]"));
}

#[test]
fn inactive_recipients_are_406_only_when_there_is_no_other() {
    let mut sim = Sim::new();
    sim.put("/sandbox/settings", r#"{"postmark":{"inactive":["Dead@a.example"]}}"#);
    let dead = POSTMARK.replace("ann@a.example", "Dead <dead@a.example>");
    assert_eq!(expect(422, sim.postmark("/email", &dead))["ErrorCode"], 406);
    let both = POSTMARK.replace("ann@a.example", "ann@a.example, dead@a.example");
    let partly = expect(200, sim.postmark("/email", &both));
    assert_eq!(partly["ErrorCode"], 0);
    assert!(partly["Message"].as_str().unwrap().contains("inactive addresses: dead@a.example"));
    assert_eq!(sim.messages()[0]["inactive"], json!(["dead@a.example"]));
    let batch = expect(200, sim.postmark("/email/batch", &format!("[{dead},{POSTMARK}]")));
    assert_eq!((&batch[0]["ErrorCode"], &batch[1]["ErrorCode"]), (&json!(406), &json!(0)));
}

#[test]
fn the_documented_hard_bounce_address_is_inactive_at_first() {
    let mut sim = Sim::new();
    let body = POSTMARK.replace("ann@a.example", "hardbounce@bounce-testing.postmarkapp.com");
    assert_eq!(expect(422, sim.postmark("/email", &body))["ErrorCode"], 406);
    let body = POSTMARK.replace("ann@a.example", "test@blackhole.postmarkapp.com");
    expect(200, sim.postmark("/email", &body));
}

#[test]
fn a_forbidden_file_type_is_411_and_fails_its_message_only() {
    let mut sim = Sim::new();
    let file = r#","Attachments":[{"Name":"Setup.EXE","ContentType":"a/b","Content":"aGk="}]}"#;
    let bad = POSTMARK.replace('}', file);
    assert_eq!(expect(422, sim.postmark("/email", &bad))["ErrorCode"], 411);
    let answer = expect(200, sim.postmark("/email/batch", &format!("[{POSTMARK},{bad}]")));
    assert_eq!((&answer[0]["ErrorCode"], &answer[1]["ErrorCode"]), (&json!(0), &json!(411)));
    expect(200, sim.postmark("/email", &bad.replace("Setup.EXE", "exe")));
}
