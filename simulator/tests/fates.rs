//! What becomes of messages: test addresses, settings and suppression lists.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{DIALECTS, POSTMARK, RESEND, SENDGRID, SES, Sim, expect};
use serde_json::json;

fn fate(sim: &mut Sim) -> String {
    sim.messages().last().unwrap()["fate"].as_str().unwrap().to_string()
}

#[test]
fn the_documented_test_addresses_have_their_fate() {
    let mut sim = Sim::without_windows();
    sim.put("/sandbox/settings", r#"{"ses":{"max_send_rate":null},"postmark":{"inactive":[]}}"#);
    for (local, want) in [
        ("success", "delivered"),
        ("bounce", "bounced"),
        ("Bounce+label", "bounced"),
        ("ooto", "autoresponded"),
        ("complaint", "complained"),
        ("suppressionlist", "suppressed"),
    ] {
        let body = SES.replace("ann@a.example", &format!("{local}@simulator.amazonses.com"));
        expect(200, sim.ses("POST", "/v2/email/outbound-emails", &body));
        assert_eq!(fate(&mut sim), want, "{local}");
    }
    for (local, want) in [
        ("delivered", "delivered"),
        ("bounced+a", "bounced"),
        ("complained", "complained"),
        ("suppressed", "suppressed"),
    ] {
        expect(200, sim.resend("/emails", None, &RESEND.replace("ann@a.example", &format!("{local}@resend.dev"))));
        assert_eq!(fate(&mut sim), want, "{local}");
    }
    for (address, want) in [
        ("hardbounce@bounce-testing.postmarkapp.com", "bounced"),
        ("softbounce@bounce-testing.postmarkapp.com", "soft_bounced"),
        ("unsubscribe@bounce-testing.postmarkapp.com", "unsubscribed"),
        ("test@blackhole.postmarkapp.com", "discarded"),
    ] {
        expect(200, sim.postmark("/email", &POSTMARK.replace("ann@a.example", address)));
        assert_eq!(fate(&mut sim), want, "{address}");
    }
    let elsewhere = SENDGRID.replace("ann@a.example", "bounce@simulator.amazonses.com");
    sim.sendgrid(&elsewhere).unwrap();
    assert_eq!(fate(&mut sim), "delivered", "a test address is one provider's own");
}

#[test]
fn a_test_sets_the_fate_of_any_address_at_any_provider() {
    for (dialect, status) in DIALECTS {
        let mut sim = Sim::new();
        let rules = json!({dialect: {"fates": [{"to": "ANN@", "fate": "complained"}, {"to": "@", "fate": "bounced"}]}});
        assert_eq!(sim.put("/sandbox/settings", &rules.to_string()).status, 200);
        assert_eq!(sim.send(dialect).unwrap().status, status, "{dialect}");
        assert_eq!(sim.messages()[0]["fates"], json!(["complained"]), "{dialect}");
    }
}

#[test]
fn every_recipient_has_a_fate_and_the_message_the_worst() {
    let mut sim = Sim::new();
    sim.put(
        "/sandbox/settings",
        r#"{"postmark":{"inactive":["dead@a.example"],"fates":[{"to":"bob@","fate":"soft_bounced"}]}}"#,
    );
    let to = "ann@a.example, Bob <bob@a.example>, dead@a.example";
    expect(200, sim.postmark("/email", &POSTMARK.replace("ann@a.example", to)));
    let message = &sim.messages()[0];
    assert_eq!(message["fates"], json!(["delivered", "soft_bounced", "suppressed"]));
    assert_eq!(message["fate"], "suppressed");
}

#[test]
fn providers_that_take_suppressed_recipients_tell_later() {
    for dialect in ["resend", "sendgrid", "mailgun", "ses", "brevo", "mailersend", "mailtrap", "sparkpost"] {
        let mut sim = Sim::new();
        sim.put("/sandbox/settings", &json!({dialect: {"inactive": ["Ann@a.example"]}}).to_string());
        let answer = sim.send(dialect).unwrap();
        assert!((200..203).contains(&answer.status), "{dialect}");
        assert_eq!(sim.messages()[0]["fate"], "suppressed", "{dialect}");
        sim.put("/sandbox/settings", &json!({dialect: {}}).to_string());
        sim.now += 1_000;
        sim.fault(&json!({"dialect": dialect, "fault": "inactive_recipient"}).to_string());
        sim.send(dialect).unwrap();
        assert_eq!(fate(&mut sim), "suppressed", "{dialect}");
    }
}

#[test]
fn postmark_looks_at_a_test_token_s_message_and_sends_nothing() {
    let mut sim = Sim::new();
    let headers = [("X-Postmark-Server-Token", "POSTMARK_API_TEST"), ("Content-Type", "application/json")];
    let body = expect(200, sim.ask("POST", "/sandbox/postmark/email", &headers, POSTMARK.as_bytes()));
    assert_eq!(body["Message"], "Test job accepted");
    assert_eq!(fate(&mut sim), "discarded");
}

#[test]
fn a_sender_at_another_domain_is_refused_where_the_provider_looks_at_it() {
    for (dialect, status, place, word) in [
        ("resend", 403, "/name", json!("validation_error")),
        ("postmark", 422, "/ErrorCode", json!(400)),
        ("sendgrid", 403, "/errors/0/field", json!("from")),
        ("cloudflare", 403, "/errors/0/code", json!(10_203)),
    ] {
        let mut sim = Sim::new();
        sim.put("/sandbox/settings", &json!({dialect: {"domains": ["other.example"]}}).to_string());
        assert_eq!(expect(status, sim.send(dialect)).pointer(place).unwrap(), &word, "{dialect}");
        sim.put("/sandbox/settings", &json!({dialect: {"domains": ["Shop.example"]}}).to_string());
        sim.now += 1_000;
        assert!((200..203).contains(&sim.send(dialect).unwrap().status), "{dialect}");
    }
}
