use super::*;
use crate::provider::{
    ProviderKind::Mailersend,
    classify,
    tests::{NOW, body, lacks, message, request, templated},
};
use alloc::{string::ToString, vec};
use serde_json::json;

/// `mailersend` 3.4.0, `EmailParams`.
#[test]
fn everything_that_a_message_carries_has_its_place() {
    let message = message(json!({
        "from": "Shop <a@shop.example>", "to": ["Ann <b@example.net>", "c@example.net"], "cc": "d@example.net",
        "bcc": "e@example.net", "reply_to": "Help <h@shop.example>", "html_body": "<p>Hello</p>", "tags": ["a", "b"],
        "headers": { "X-Order": "7" }, "tracking": { "clicks": false },
        "attachments": [
            { "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" },
            { "filename": "l.png", "content_type": "image/png", "content": "Zm8=", "content_id": "l1", "disposition": "inline" },
        ],
    }));
    let want = json!({
        "from": { "email": "a@shop.example", "name": "Shop" },
        "to": [{ "email": "b@example.net", "name": "Ann" }, { "email": "c@example.net" }],
        "cc": [{ "email": "d@example.net" }], "bcc": [{ "email": "e@example.net" }],
        "reply_to": { "email": "h@shop.example", "name": "Help" },
        "subject": "Hi", "html": "<p>Hello</p>", "text": "Hello", "tags": ["a", "b"],
        "headers": [{ "name": "X-Order", "value": "7" }], "settings": { "track_clicks": false },
        "attachments": [
            { "filename": "a.txt", "disposition": "attachment", "content": "Zg==" },
            { "filename": "l.png", "disposition": "inline", "id": "l1", "content": "Zm8=" },
        ],
    });
    assert_eq!(body(Mailersend, &message), want);
    let request = request(Mailersend, &message).unwrap();
    assert!(request.url.ends_with("/v1/email"));
    assert!(request.headers.contains(&("Authorization", "Bearer key_1".into())));
}

#[test]
fn template_data_are_said_for_each_recipient() {
    let mut message = templated("t1", json!({ "name": "Ann" }));
    message.to = ["b@example.net", "c@example.net"].map(|to| Mailbox::parse(to).unwrap()).to_vec();
    let body = body(Mailersend, &message);
    let person = |email: &str| json!({ "email": email, "data": { "name": "Ann" } });
    assert_eq!(body["template_id"], "t1");
    assert_eq!(body["personalization"], json!([person("b@example.net"), person("c@example.net")]));
}

#[test]
fn every_gap_is_named() {
    for (fields, feature) in [
        (json!({ "to": vec!["b@example.net"; 51] }), "more than 50 recipients in to"),
        (json!({ "cc": vec!["b@example.net"; 11] }), "more than 10 recipients in cc or bcc"),
        (json!({ "bcc": vec!["b@example.net"; 11] }), "more than 10 recipients in cc or bcc"),
        (json!({ "reply_to": ["a@example.com", "b@example.com"] }), "more than one reply-to"),
        (json!({ "to": "ü@example.net" }), "local part beyond ASCII"),
        (json!({ "tags": ["a", "b", "c", "d", "e", "f"] }), "more than 5 tags"),
        (json!({ "metadata": { "a": "1" } }), "metadata"),
        (json!({ "stream": "a" }), "streams"),
        (json!({ "provider_options": { "mailersend": { "rcpt_to": [] } } }), options::COLLISION),
    ] {
        assert_eq!(lacks(Mailersend, &message(fields)), [feature]);
    }
    let list = |count| vec!["b@example.net"; count];
    let fine = json!({ "to": list(50), "cc": list(10), "bcc": list(10), "tags": ["a", "b", "c", "d", "e"] });
    assert_eq!(lacks(Mailersend, &message(fine)), Vec::<&str>::new());
}

fn answer(status: u16, headers: &[(&str, &str)], body: Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    classify(Mailersend, &HttpResponse { status, headers, body: body.to_string().into_bytes() }.into(), NOW)
}

/// mailersend.com/help, "REST API response codes": 202 comes with warnings when somebody is suppressed.
#[test]
fn the_suppressed_are_refused_one_by_one() {
    let warning = |kind: &str| {
        let person = json!({ "email": "gone@example.net", "name": null, "reasons": ["hard_bounced"] });
        json!({ "message": "There are some warnings.", "warnings": [{ "type": kind, "recipients": [person] }] })
    };
    let refused = vec![Refused::new("gone@example.net".into(), RefusedReason::Suppressed)];
    let some = answer(202, &[("X-Message-Id", "5e42957d51f1d94a1070a733")], warning("SOME_SUPPRESSED"));
    let accepted = Outcome::Accepted { provider_message_id: Some("5e42957d51f1d94a1070a733".into()) };
    assert_eq!((some.outcome, some.refused), (accepted, refused.clone()));
    for kind in ["ALL_SUPPRESSED", "ALLSUPPRESSED"] {
        let all = answer(202, &[], warning(kind));
        assert_eq!((all.outcome, all.refused), (Outcome::RecipientSuppressed, refused.clone()));
    }
    assert_eq!(answer(202, &[], json!({})).outcome, Outcome::Unknown);
}

/// The quota of a day is told by its own header; the instant of the next is midnight.
#[test]
fn a_spent_day_waits_for_the_next() {
    let headers = [("x-apiquota-remaining", "0"), ("x-apiquota-reset", "2026-12-02T00:00:00Z"), ("retry-after", "60")];
    let text = json!({ "message": "Too Many Attempts. #MS42901" });
    let midnight = Some(UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z").unwrap());
    let spent = answer(429, &headers, text.clone());
    assert_eq!(
        (spent.outcome, spent.provider_code.as_deref()),
        (Outcome::QuotaSpent { retry_at: midnight }, Some("MS42901"))
    );
    let throttled = answer(429, &[("x-apiquota-remaining", "7"), ("retry-after", "60")], text);
    assert_eq!(throttled.outcome, Outcome::Throttled { retry_at: Some(NOW.plus(60_000)) });
    assert_eq!(answer(422, &[], json!({ "message": "a@example.com is bad #MSx" })).provider_code, None);
}
