//! Every code of the providers' error tables has a case in the outcome vectors, and the case wants the table's class.
//!
//! `data/provider_codes.json` is the tables, transcribed. A row names a provider, a status, and where the provider has
//! them a code or a text; the vector that stands for it is an answer with all of these.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

fn codes() -> Value {
    serde_json::from_str(include_str!("data/provider_codes.json")).unwrap()
}

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/outcome.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// What the letters of the tables are in Sendgate's words.
fn outcomes(letter: &str) -> &'static [&'static str] {
    match letter {
        "-" => &["accepted"],
        "T" => &["throttled"],
        "R" => &["transient"],
        "Q" => &["quota_spent"],
        "A" => &["credentials_wrong", "sender_refused"],
        "S" => &["recipient_suppressed"],
        "P" => &["permanently_refused"],
        "U" => &["unknown"],
        other => panic!("no such class: {other}"),
    }
}

/// Whether an answer is one that the row speaks of: the same status, its code in the field that the provider has for
/// codes, its text anywhere in the body.
fn speaks_of(row: &Value, case: &Value) -> bool {
    let response = &case["response"];
    let body = response.get("body_text").map_or_else(|| response["body"].to_string(), ToString::to_string);
    let code = match row["provider"].as_str().unwrap() {
        "postmark" => &response["body"]["ErrorCode"],
        _ => &response["body"]["name"],
    };
    case.get("count").is_none()
        && case["provider"] == row["provider"]
        && response["status"] == row["status"]
        && row.get("code").is_none_or(|wanted| wanted == code)
        && row.get("text").is_none_or(|text| body.contains(text.as_str().unwrap()))
}

#[test]
fn every_code_of_the_tables_has_a_vector_of_its_class() {
    let (codes, vectors) = (codes(), vectors());
    let rows = codes["codes"].as_array().unwrap();
    let missing: Vec<_> = rows
        .iter()
        .filter(|row| {
            let wanted = outcomes(row["class"].as_str().unwrap());
            let is_proof = |case: &&Value| wanted.contains(&case["want"]["outcome"].as_str().unwrap_or_default());
            !vectors.iter().filter(|case| speaks_of(row, case)).any(|case| is_proof(&case))
        })
        .collect();
    assert!(missing.is_empty(), "without a vector: {missing:#?}");
}

/// A row with a code has one class: no vector of the same code says otherwise.
#[test]
fn no_vector_of_a_code_wants_another_class() {
    let (codes, vectors) = (codes(), vectors());
    for row in codes["codes"].as_array().unwrap().iter().filter(|row| row.get("code").is_some()) {
        let wanted = outcomes(row["class"].as_str().unwrap());
        for case in vectors.iter().filter(|case| speaks_of(row, case)) {
            let outcome = case["want"]["outcome"].as_str().unwrap();
            // Postmark's 0 is a success only with an id.
            let is_half = row["code"] == 0 && outcome == "unknown";
            assert!(wanted.contains(&outcome) || is_half, "case {} against {row}", case["id"]);
        }
    }
}

#[test]
fn the_tables_name_each_row_once() {
    let codes = codes();
    let mut seen = BTreeMap::new();
    for row in codes["codes"].as_array().unwrap() {
        let key = ["provider", "status", "code", "text", "class"].map(|field| row[field].to_string());
        assert!(seen.insert(key, ()).is_none(), "{row}");
    }
    assert!(seen.len() > 60);
}
