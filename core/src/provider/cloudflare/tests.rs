use super::*;
use crate::provider::{
    ProviderKind::{Cloudflare, CloudflareBinding},
    build, classify,
    tests::{NOW, lacks, message, request_of, templated},
};
use alloc::vec;
use serde_json::json;

fn built(account_id: Option<&str>, message: &Message) -> Result<HttpRequest, BuildError> {
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
    let target = Target { account_id, ..Target::new("https://api.cloudflare.com/client/v4/", "token_1") };
    let dispatch = Dispatch { message_id: "msg_1", message, to: &to, cc: &cc, bcc: &bcc };
    build(Cloudflare, &target, &dispatch, NOW).map(request_of)
}

#[test]
fn the_account_is_in_the_path_and_the_token_in_a_header() {
    let request = built(Some("acc123"), &message(json!({}))).unwrap();
    assert_eq!(request.url, "https://api.cloudflare.com/client/v4/accounts/acc123/email/sending/send");
    assert!(request.headers.contains(&("Authorization", "Bearer token_1".into())));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({ "from": "a@shop.example", "to": ["b@example.net"], "subject": "Hi", "text": "Hello" }));
    for account in [None, Some(""), Some("a/b"), Some("a?b"), Some("..")] {
        assert_eq!(built(account, &message(json!({}))), Err(BuildError::Incomplete { field: "account_id" }));
    }
}

/// The same by either way.
#[test]
fn every_gap_is_named() {
    let header = |name: &str, value: &str| json!({ "headers": { name: value } });
    let many = |count: usize, name: &str, length: usize| {
        let field = |n: usize| json!({ "name": alloc::format!("{name}{n}"), "value": "x".repeat(length) });
        json!({ "headers": (0..count).map(field).collect::<Vec<_>>() })
    };
    for (fields, feature) in [
        (json!({ "to": vec!["b@example.net"; 51] }), "more than 50 recipients"),
        (json!({ "reply_to": ["a@example.com", "b@example.com"] }), "more than one reply-to"),
        (json!({ "tags": ["a"] }), "tags"),
        (json!({ "metadata": { "a": "1" } }), "metadata"),
        (json!({ "tracking": { "opens": true } }), "tracking per message"),
        (json!({ "stream": "a" }), "streams"),
        (json!({ "text_body": "x".repeat(5_242_880) }), "messages over 5 MiB"),
        (header("Feedback-ID", "1"), "header that Cloudflare does not list"),
        (header("X-a.b", "1"), "header that Cloudflare does not list"),
        (header("X-", "1"), "header that Cloudflare does not list"),
        (json!({ "headers": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }] }), "repeated header"),
        (header("X-A", ""), "header value of this length"),
        (header("X-A", &"x".repeat(2_049)), "header value of this length"),
        (header("Precedence", "first-class"), "header value of this kind"),
        (header("Auto-Submitted", "no"), "header value of this kind"),
        (header("List-Unsubscribe", "https://shop.example/u"), "unsubscribe header of this form"),
        (header("List-Unsubscribe", "<http://shop.example/u>"), "unsubscribe header of this form"),
        (many(8, "X-", 2_000), "headers over 16 KB"),
    ] {
        for kind in [Cloudflare, CloudflareBinding] {
            assert_eq!(lacks(kind, &message(fields.clone())), [feature]);
        }
    }
    assert_eq!(lacks(Cloudflare, &templated("t", json!({}))), ["templates"]);
    let fine = json!({
        "to": vec!["b@example.net"; 50],
        "headers": {
            "x-A_1": "é", "list-unsubscribe": "<mailto:u@shop.example>, <HTTPS://shop.example/u>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "PRECEDENCE": "bulk", "References": "<a@b.example>",
        },
    });
    assert_eq!(lacks(Cloudflare, &message(fine.clone())), Vec::<&str>::new());
    assert_eq!(lacks(CloudflareBinding, &message(fine)), Vec::<&str>::new());
}

fn answer(status: u16, body: Value) -> Answer {
    let response = HttpResponse { status, headers: vec![], body: body.to_string().into_bytes() };
    classify(Cloudflare, &response.into(), NOW)
}

/// Addresses that bounced at once, or that Cloudflare suppresses, are refused alone.
#[test]
fn recipients_are_refused_one_by_one() {
    let result = |result: Value| answer(200, json!({ "success": true, "errors": [], "result": result }));
    let accepted = |id: Option<&str>| Outcome::Accepted { provider_message_id: id.map(String::from) };
    let refused = |answer: &Answer| {
        let of = |refused: &Refused| (refused.address.clone(), refused.reason);
        answer.refused.iter().map(of).collect::<Vec<_>>()
    };
    let all =
        result(json!({ "delivered": ["a@example.com"], "permanent_bounces": [], "queued": [], "message_id": "m1" }));
    assert_eq!((&all.outcome, refused(&all)), (&accepted(Some("m1")), vec![]));
    let without_id = result(json!({ "delivered": [], "permanent_bounces": [], "queued": ["a@example.com"] }));
    assert_eq!(without_id.outcome, accepted(None));
    let some = result(json!({
        "delivered": ["a@example.com"], "permanent_bounces": ["b@example.com"],
        "suppressed_recipients": ["c@example.com"], "queued": [], "message_id": "m1",
    }));
    let want = [("c@example.com", RefusedReason::Suppressed), ("b@example.com", RefusedReason::Permanent)];
    assert_eq!(some.outcome, accepted(Some("m1")));
    assert_eq!(refused(&some), want.map(|(address, reason)| (address.into(), reason)));
    for (body, want) in [
        (json!({ "permanent_bounces": ["b@example.com"], "message_id": "m" }), Outcome::PermanentlyRefused),
        (json!({ "suppressed_recipients": ["b@example.com"] }), Outcome::RecipientSuppressed),
        (
            json!({ "suppressed_recipients": ["b@example.com"], "permanent_bounces": ["c@example.com"] }),
            Outcome::PermanentlyRefused,
        ),
        (json!({ "delivered": [], "queued": [], "permanent_bounces": [] }), Outcome::Unknown),
        (json!(null), Outcome::Unknown),
    ] {
        assert_eq!(result(body).outcome, want);
    }
    assert_eq!(answer(200, json!({ "success": false, "result": null })).outcome, Outcome::Unknown);
    assert_eq!(answer(200, json!({})).outcome, Outcome::Unknown);
}

/// The documentation once gave 10200 the meaning of 10202: the words are the same in both.
#[test]
fn the_message_decides_and_not_the_number() {
    let error = |status, code: u32, message: &str| {
        let answer = answer(status, json!({ "success": false, "errors": [{ "code": code, "message": message }] }));
        (answer.outcome, answer.provider_code)
    };
    let refused = |code: &str| (Outcome::PermanentlyRefused, Some(code.into()));
    assert_eq!(error(400, 10_202, "email.sending.error.email.too_big"), refused("email.too_big"));
    assert_eq!(error(500, 10_003, "email.sending.error.not_implemented"), refused("not_implemented"));
    assert_eq!(error(400, 10_299, "something new"), refused("10299"));
    let suppressed = error(400, 10_298, "email.sending.error.recipient_suppressed");
    assert_eq!(suppressed.0, Outcome::RecipientSuppressed);
    assert_eq!(error(429, 1, "the daily limit").0, Outcome::QuotaSpent { retry_at: None });
    assert_eq!(error(502, 1, "bad gateway").0, Outcome::Unknown);
}
