//! Sendgate's requests against those of the providers' official SDKs.
//!
//! `data/*.json` holds what the SDKs put on the wire, captured on a local server, for one message,
//! `reference_message.json`, and for batches and templates beside it. The same messages go through `Message::parse` and
//! `provider::build` or `provider::build_batch`. Method, path, header fields and decoded body must be the same but for
//! what `differences::DIFFERENCES` lists, and everything it lists must really differ.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod differences;
mod flat;
mod form;
mod messages;

use differences::DIFFERENCES;
use sendgate_core::{
    http::HttpRequest,
    message::Message,
    provider::{Dispatch, Letter, ProviderKind, Target, build_batch},
    time::UnixMillis,
    transport::Call,
};
use serde_json::{Value, json};

/// The captures, and how many of their requests send mail in a way that Sendgate has, too.
const FILES: [(&str, ProviderKind, &str, usize); 11] = [
    ("resend-node", ProviderKind::Resend, include_str!("../data/resend-node.json"), 3),
    ("resend-python", ProviderKind::Resend, include_str!("../data/resend-python.json"), 2),
    ("postmark-node", ProviderKind::Postmark, include_str!("../data/postmark-node.json"), 4),
    ("postmarker-python", ProviderKind::Postmark, include_str!("../data/postmarker-python.json"), 2),
    ("sendgrid-node", ProviderKind::Sendgrid, include_str!("../data/sendgrid-node.json"), 2),
    ("sendgrid-python", ProviderKind::Sendgrid, include_str!("../data/sendgrid-python.json"), 1),
    ("mailgun-node", ProviderKind::Mailgun, include_str!("../data/mailgun-node.json"), 2),
    ("mailgun-python", ProviderKind::Mailgun, include_str!("../data/mailgun-python.json"), 2),
    ("boto3-sesv2", ProviderKind::Ses, include_str!("../data/boto3-sesv2.json"), 3),
    ("aws-sdk-js-sesv2", ProviderKind::Ses, include_str!("../data/aws-sdk-js-sesv2.json"), 1),
    ("cloudflare-python", ProviderKind::Cloudflare, include_str!("../data/cloudflare-python.json"), 1),
];

#[test]
fn every_send_of_an_official_sdk_is_matched_but_for_the_listed_differences() {
    let mut found = Vec::new();
    for (sdk, kind, text, sends) in FILES {
        let file: Value = serde_json::from_str(text).unwrap();
        let requests: Vec<_> = file["requests"].as_array().unwrap().iter().collect();
        let cases: Vec<_> = requests.iter().filter_map(|request| Some((case(request)?, *request))).collect();
        assert_eq!(cases.len(), sends, "{sdk}: every send is compared");
        for (case, request) in cases {
            let ours = flat::ours(&ours(kind, &messages::of(sdk, kind, case)));
            let theirs = flat::captured(request);
            for key in ours.keys().chain(theirs.keys()) {
                if ours.get(key) != theirs.get(key) {
                    found.push((format!("{sdk} {case}"), key.clone()));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    let mut listed: Vec<_> = DIFFERENCES
        .iter()
        .inspect(|difference| assert!(!difference.reason.is_empty()))
        .flat_map(|difference| {
            difference
                .captures
                .iter()
                .flat_map(|capture| difference.keys.iter().map(|key| (capture.to_string(), key.to_string())))
        })
        .collect();
    listed.sort();
    assert_eq!(found, listed, "left: what differs; right: what is listed");
}

/// The schedule is the provider's when the message says so in the provider's own words.
#[test]
fn a_schedule_in_the_provider_options_is_the_sdks_schedule() {
    for (sdk, kind, text, field, value, key) in [
        (
            "resend-node",
            ProviderKind::Resend,
            FILES[0].2,
            "scheduled_at",
            json!("2026-12-01T10:00:00Z"),
            "body scheduled_at",
        ),
        ("sendgrid-node", ProviderKind::Sendgrid, FILES[4].2, "send_at", json!(1_796_119_200), "body send_at"),
        (
            "mailgun-node",
            ProviderKind::Mailgun,
            FILES[6].2,
            "o:deliverytime",
            json!("Tue, 01 Dec 2026 10:00:00 +0000"),
            "body o:deliverytime",
        ),
    ] {
        let mut message = messages::of(sdk, kind, "reference").remove(0);
        message["provider_options"] = json!({ kind.as_str(): { field: value } });
        let file: Value = serde_json::from_str(text).unwrap();
        let theirs = flat::captured(&file["requests"][0]);
        assert!(theirs.contains_key(key), "{sdk}");
        assert_eq!(flat::ours(&ours(kind, &[message])).get(key), theirs.get(key), "{sdk}");
    }
}

/// A message that Amazon's `Simple` cannot carry has the place that boto3 gave to MIME.
#[test]
fn mime_is_where_the_sdk_has_it() {
    let file: Value = serde_json::from_str(FILES[8].2).unwrap();
    let theirs = flat::captured(&file["requests"][1]);
    let json = json!({
        "from": "orders@shop.example", "to": "ann@example.com", "subject": "x", "text_body": "y",
        "headers": { "X-Name": "é" },
    });
    let ours = flat::ours(&ours(ProviderKind::Ses, &[json]));
    let mut differences: Vec<_> =
        ours.keys().chain(theirs.keys()).filter(|key| ours.get(*key) != theirs.get(*key)).collect();
    differences.sort();
    differences.dedup();
    differences.retain(|key| !key.starts_with("header "));
    assert_eq!(differences, ["body EmailTags[0].Name", "body EmailTags[0].Value"], "our own id");
}

/// The MIME text of boto3's caller.
fn captured_mime(_: &Letter<'_>) -> Vec<u8> {
    let file: Value = serde_json::from_str(FILES[8].2).unwrap();
    form::from_base64(file["requests"][1]["body_json"]["Content"]["Raw"]["Data"].as_str().unwrap())
}

/// Which messages a captured request sends: `None` for calls that send nothing, and for ready-made MIME.
fn case(request: &Value) -> Option<&'static str> {
    let body = flat::body_of_capture(request)?;
    let has = |field: &str| body.get(field).is_some();
    let content = |field: &str| body.get("Content").is_some_and(|content| content.get(field).is_some());
    match (request["method"].as_str()?, request["path"].as_str()?) {
        ("POST", "/email") => Some("reference"),
        ("POST", "/email/withTemplate") => Some("template"),
        ("POST", "/email/batch" | "/emails/batch") => Some("batch"),
        ("POST", "/email/batchWithTemplates") => Some("templates"),
        ("POST", "/emails") if has("template") => Some("template"),
        ("POST", "/v3/mail/send") if has("template_id") => Some("templates"),
        ("POST", "/v3/mg.shop.example/messages") if has("template") => Some("templates"),
        ("POST", "/v3/mg.shop.example/messages") if has("inline") && !has("html") => Some("files"),
        ("POST", "/v3/mg.shop.example/messages") if !has("inline") => Some("form"),
        ("POST", "/v2/email/outbound-emails") if content("Template") => Some("template"),
        ("POST", "/v2/email/outbound-emails") if content("Simple") && has("ReplyToAddresses") => Some("reference"),
        ("POST", "/v2/email/outbound-emails") if content("Simple") => Some("simple"),
        ("POST", "/v2/email/outbound-bulk-emails") => Some("templates"),
        ("POST", "/client/v4/accounts/acc123/email/sending/send") => Some("reference"),
        ("POST", "/emails" | "/v3/mail/send" | "/v3/mg.shop.example/messages") => Some("reference"),
        _ => None,
    }
}

/// Sendgate's request: of one message, or of a batch.
fn ours(kind: ProviderKind, messages: &[Value]) -> HttpRequest {
    let (base_url, credential) = match kind {
        ProviderKind::Resend => ("https://api.resend.com", "re_test"),
        ProviderKind::Postmark => ("https://api.postmarkapp.com/", "POSTMARK_API_TEST"),
        ProviderKind::Sendgrid => ("https://api.sendgrid.com", "SG.test"),
        ProviderKind::Mailgun => ("https://api.eu.mailgun.net/", "key-test"),
        // The secret is AWS's own example, which the captures were signed with.
        ProviderKind::Ses => {
            ("https://email.eu-west-1.amazonaws.com", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        }
        ProviderKind::Cloudflare => ("https://api.cloudflare.com/client/v4/", "cf-test"),
        other => panic!("no captures of {}", other.as_str()),
    };
    let (domain, account_id) = (Some("mg.shop.example"), Some("acc123"));
    let target = Target { domain, account_id, compose: Some(captured_mime), ..Target::new(base_url, credential) };
    let messages: Vec<_> = messages.iter().map(|json| Message::parse(&json.to_string()).unwrap()).collect();
    let lists: Vec<_> = messages
        .iter()
        .map(|message| [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>()))
        .collect();
    let ids = ["order-42-v1", "order-42-v2"];
    let dispatches: Vec<_> = messages
        .iter()
        .zip(ids)
        .zip(&lists)
        .map(|((message, message_id), [to, cc, bcc])| Dispatch { message_id, message, to, cc, bcc })
        .collect();
    assert_eq!(dispatches.len(), messages.len());
    match build_batch(kind, &target, &dispatches, UnixMillis::new(1_796_119_200_000)).unwrap() {
        Call::Http(request) => request,
        call @ (Call::Smtp(_) | Call::Binding(_)) => panic!("{call:?}"),
    }
}
