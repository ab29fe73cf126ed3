//! Runs the shared vectors (`tests/vectors/*.json`) against core: the Rust runner. Rows R101 to R103, R107, R108.
//!
//! The comparison is here, the operations are `sendgate_core::vectors::evaluate`'s.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use sendgate_core::vectors::{self, SUITES, VectorError};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn read(suite: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/vectors/{suite}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a case wants: its `want`, or the `want` of each of its steps.
fn want(case: &Value) -> Value {
    match case.get("want") {
        Some(want) => want.clone(),
        None => case["steps"].as_array().unwrap().iter().map(|step| step["want"].clone()).collect(),
    }
}

fn run(suite: &str, tally: &mut Tally) {
    let file = read(suite);
    assert_eq!(file["suite"], suite);
    assert_eq!(file["format"], 1);
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(file["total"], cases.len(), "{suite}: the file's total is not the number of its cases");
    for case in cases {
        let got: Value = match vectors::evaluate(suite, &case.to_string()) {
            Ok(got) => serde_json::from_str(&got).unwrap(),
            Err(error) => Value::String(format!("{}: {error}", error.code())),
        };
        if got == want(case) {
            tally.passed += 1;
        } else {
            tally.failed += 1;
            println!("{suite} {}: {}\n  want {}\n  got  {got}", case["id"], case["comment"], want(case));
        }
    }
}

#[test]
fn every_case_of_every_suite_comes_out_as_wanted() {
    let mut tally = Tally::default();
    let mut total = 0;
    for suite in SUITES {
        run(suite, &mut tally);
        total += usize::try_from(read(suite)["total"].as_u64().unwrap()).unwrap();
    }
    println!("vectors: {} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    assert_eq!((tally.passed, tally.failed, tally.skipped), (total, 0, 0));
}

#[test]
fn ids_are_unique_and_every_case_says_why_it_is_there() {
    for suite in SUITES {
        let file = read(suite);
        let cases = file["cases"].as_array().unwrap();
        let ids: BTreeSet<u64> = cases.iter().map(|case| case["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), cases.len(), "{suite}");
        assert!(cases.iter().all(|case| case["comment"].as_str().is_some_and(|why| !why.is_empty())), "{suite}");
    }
}

#[test]
fn no_suite_of_the_folder_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> =
        names.filter(|name| name.ends_with(".json") && !name.ends_with(".schema.json")).collect();
    let known: BTreeSet<String> = SUITES.iter().map(|suite| format!("{suite}.json")).collect();
    assert_eq!(files, known);
}

#[test]
fn what_is_no_case_is_an_error_and_not_a_result() {
    let unknown = vectors::evaluate("weather", "{}").unwrap_err();
    assert_eq!((unknown.code(), matches!(unknown, VectorError::UnknownSuite { .. })), ("unknown_suite", true));
    for suite in SUITES {
        assert_eq!(vectors::evaluate(suite, "{").unwrap_err().code(), "bad_case");
        assert_eq!(vectors::evaluate(suite, "{}").unwrap_err().code(), "bad_case");
    }
    let bad_hex = r#"{"policy":{"windows":[{"kind":"pace","name":"p","interval_ms":1,"burst":1}]},"steps":[{"op":"load","hex":"5"}]}"#;
    assert_eq!(vectors::evaluate("limiter", bad_hex).unwrap_err().code(), "bad_case");
}

#[test]
fn a_case_with_both_or_neither_of_response_and_failure_is_no_case() {
    for case in [
        r#"{"provider":"resend","now":0}"#,
        r#"{"provider":"resend","now":0,"failure":"not_sent","response":{"status":200}}"#,
    ] {
        assert_eq!(vectors::evaluate("outcome", case).unwrap_err().code(), "bad_case");
    }
}

#[test]
fn a_ledger_case_that_settles_what_is_no_reservation_is_no_case() {
    for step in [
        r#"{"op":"commit","reservation":"1:2:x","units":1,"now":2}"#,
        r#"{"op":"load","quotas":[],"time_zone":"UTC","hex":"5"}"#,
    ] {
        let case = format!(r#"{{"quotas":[],"time_zone":"UTC","steps":[{step}]}}"#);
        assert_eq!(vectors::evaluate("ledger", &case).unwrap_err().code(), "bad_case");
    }
}
