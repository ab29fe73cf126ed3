//! The suites of this crate's own operations against their files. Runners in other languages read the same files.

use sendgate_core::vectors::evaluate;
use serde_json::Value;

const ADDRESS: &str = include_str!("../../tests/vectors/address.json");
const OUTCOME: &str = include_str!("../../tests/vectors/outcome.json");

/// Runs every case of a suite and reports all that differ; ids must be 1, 2, 3, ...
fn run(suite: &str, file: &str, at_least: usize) {
    let file: Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(file["suite"], suite);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let mut failed = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        assert_eq!(case["id"], index + 1);
        let got: Value = serde_json::from_str(&evaluate(suite, &case.to_string()).unwrap()).unwrap();
        if got != case["want"] {
            failed.push(format!("{} {}\n  want {}\n  got  {got}", case["id"], case["comment"], case["want"]));
        }
    }
    println!("vectors: {} passed, {} failed, 0 skipped", cases.len() - failed.len(), failed.len());
    assert!(failed.is_empty(), "{suite}: {} failed\n{}", failed.len(), failed.join("\n"));
}

/// R054, R140, R212: syntax and IDNA.
#[test]
fn every_address_case_holds() {
    run("address", ADDRESS, 40);
}

#[test]
fn every_outcome_case_holds() {
    run("outcome", OUTCOME, 60);
}

#[test]
fn a_case_with_both_or_neither_of_response_and_failure_is_no_case() {
    for case in [
        r#"{"provider":"resend","now":0}"#,
        r#"{"provider":"resend","now":0,"failure":"not_sent","response":{"status":200}}"#,
    ] {
        assert_eq!(evaluate("outcome", case).unwrap_err().code(), "bad_case");
    }
}
