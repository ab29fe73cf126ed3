//! Every code in the error tables of Amazon SES, Cloudflare, Brevo, MailerSend, Mailtrap and SparkPost has the class that
//! the table gives it, in whatever form the provider sends it.
//!
//! `data/provider_codes_b.json` is the tables, transcribed, with where each was read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sendgate_core::{
    http::HttpResponse,
    outcome::{Answer, Outcome},
    provider::{ProviderKind, classify, classify_batch},
    time::UnixMillis,
    transport::{BindingReply, Reply},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// 2026-12-01T10:00:00Z
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

fn rows() -> (Value, Vec<Value>) {
    let file: Value = serde_json::from_str(include_str!("data/provider_codes_b.json")).unwrap();
    (file["source"].clone(), file["codes"].as_array().unwrap().clone())
}

fn kind(row: &Value) -> ProviderKind {
    serde_json::from_value(row["provider"].clone()).unwrap()
}

fn answer(row: &Value, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let status = u16::try_from(row["status"].as_u64().unwrap()).unwrap();
    HttpResponse { status, headers, body: body.to_string().into_bytes() }.into()
}

/// The answers that the row speaks of, in each form that the provider has.
fn replies(row: &Value) -> Vec<Reply> {
    let (code, text) = (row["code"].as_str(), row["text"].as_str().unwrap_or("x"));
    match row["provider"].as_str().unwrap() {
        "ses" => {
            let Some(name) = code else { return vec![answer(row, &[], &json!({ "message": text }))] };
            let with_uri = format!("{name}:http://internal.amazon.com/coral/com.amazonaws.sesv2/");
            let with_namespace = format!("com.amazonaws.sesv2#{name}");
            vec![
                answer(row, &[("x-amzn-ErrorType", name)], &json!({ "message": text })),
                answer(row, &[("X-Amzn-Errortype", &with_uri)], &json!({ "Message": text })),
                answer(row, &[], &json!({ "__type": name, "message": text })),
                answer(row, &[], &json!({ "__type": with_namespace, "message": text })),
            ]
        }
        "cloudflare" => {
            let message = format!("email.sending.error.{}", code.unwrap());
            let error = json!({ "code": row["number"], "message": message });
            vec![answer(row, &[], &json!({ "success": false, "errors": [error], "messages": [], "result": null }))]
        }
        "cloudflare_binding" => {
            vec![Reply::Binding(BindingReply::Threw { code: code.map(String::from) })]
        }
        "brevo" => vec![answer(row, &[], &json!({ "code": code, "message": text }))],
        "mailersend" => vec![answer(row, &[], &json!({ "message": text }))],
        "mailtrap" => vec![answer(row, &[], &json!({ "success": false, "errors": [text] }))],
        "sparkpost" => {
            let error = json!({ "code": code, "message": "x", "description": text });
            vec![answer(row, &[], &json!({ "errors": [error] }))]
        }
        other => panic!("no table of {other}"),
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer.outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Transient { .. } => "transient",
        Outcome::QuotaSpent { .. } => "quota_spent",
        Outcome::CredentialsWrong => "credentials_wrong",
        Outcome::SenderRefused => "sender_refused",
        Outcome::RecipientSuppressed => "recipient_suppressed",
        Outcome::PermanentlyRefused => "permanently_refused",
        Outcome::Split => "split",
        Outcome::Unknown => "unknown",
    }
}

/// The class of an entry of Amazon's bulk answer, beside one that was taken.
fn of_entry(row: &Value) -> Answer {
    let results = json!([{ "Status": "SUCCESS", "MessageId": "m" }, { "Status": row["code"], "Error": "x" }]);
    let reply = answer(row, &[], &json!({ "BulkEmailEntryResults": results }));
    let answers = classify_batch(ProviderKind::Ses, &reply, 2, NOW);
    assert_eq!(word(&answers[0]), "accepted", "the good one is not touched");
    answers[1].clone()
}

/// A code without a class here would be the status's, which is why the table says the word and not the status.
#[test]
fn every_code_of_the_tables_has_its_class_in_every_form() {
    let (source, rows) = rows();
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(source[row["provider"].as_str().unwrap()].is_string(), "a source for {row}");
        assert!(seen.insert(row.to_string()), "twice: {row}");
        let answers = if row["bulk"] == true {
            vec![of_entry(row)]
        } else {
            replies(row).iter().map(|reply| classify(kind(row), reply, NOW)).collect()
        };
        for answer in answers {
            assert_eq!(word(&answer), row["outcome"], "{row}");
            assert_eq!(answer.provider_code.as_deref(), row["code"].as_str(), "{row}");
        }
    }
    assert!(rows.len() > 200);
}

/// The shared vectors hold what the tables hold, so that other languages are held to it, too. A binding's errors have no
/// HTTP answer to write down.
#[test]
fn every_row_of_the_tables_has_a_vector() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/outcome.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for row in rows().1.iter().filter(|row| row["provider"] != "cloudflare_binding") {
        let is_proof = |want: &Value| want["outcome"] == row["outcome"] && want["provider_code"] == row["code"];
        let found = cases.iter().any(|case| {
            case["provider"] == row["provider"]
                && case["response"]["status"] == row["status"]
                && case["want"].as_array().map_or_else(|| is_proof(&case["want"]), |wants| wants.iter().any(is_proof))
        });
        assert!(found, "no vector: {row}");
    }
}

proptest! {
    /// Total for every provider and any body, header and batch: no panic, nothing free in the code, only 2xx is taken, no
    /// hint in the past.
    #[test]
    fn any_answer_of_any_provider_has_a_class(
        kind in prop::sample::select(ProviderKind::ALL.to_vec()), status in any::<u16>(), now in any::<u64>(),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            arbitrary_json().prop_map(|value| value.to_string().into_bytes()),
        ],
        header in "[ -~]{0,40}", count in 1_usize..5,
    ) {
        let now = UnixMillis::new(now);
        let names = ["x-amzn-errortype", "retry-after", "x-message-id", "x-apiquota-remaining", "x-sib-ratelimit-reset"];
        let headers = names.map(|name| (name.to_string(), header.clone())).to_vec();
        let reply = HttpResponse { status, headers, body }.into();
        let answers = classify_batch(kind, &reply, count, now);
        prop_assert_eq!(answers.len(), count);
        for answer in answers.into_iter().chain([classify(kind, &reply, now)]) {
            let is_code = |code: &str| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
            prop_assert!(answer.provider_code.as_deref().is_none_or(is_code));
            match answer.outcome {
                Outcome::Accepted { .. } => prop_assert!((200..300).contains(&status)),
                Outcome::Throttled { retry_at } | Outcome::Transient { retry_at } | Outcome::QuotaSpent { retry_at } => {
                    prop_assert!(retry_at.is_none_or(|at| at >= now));
                }
                Outcome::CredentialsWrong
                | Outcome::SenderRefused
                | Outcome::RecipientSuppressed
                | Outcome::PermanentlyRefused
                | Outcome::Split
                | Outcome::Unknown => {}
            }
        }
        let thrown = Reply::Binding(BindingReply::Threw { code: Some(header) });
        prop_assert_ne!(word(&classify(kind, &thrown, now)), "accepted");
    }
}

/// JSON that has the names that answers have, in any place.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = [
        "message",
        "code",
        "errors",
        "result",
        "results",
        "success",
        "MessageId",
        "messageId",
        "message_ids",
        "warnings",
        "recipients",
        "type",
        "BulkEmailEntryResults",
        "Status",
        "responses",
        "id",
        "delivered",
        "total_accepted_recipients",
        "suppressed_recipients",
        "__type",
        "description",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
        Just(Value::from("SUCCESS")),
        Just(Value::from("ALL_SUPPRESSED")),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(names.to_vec()), inner, 0..5).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
            }),
        ]
    })
}
