//! The shared vectors through the Worker's own WebAssembly in workerd: the same files, the same counts; and limiter states
//! that change hands between Rust and it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's own steps fail by panicking"
)]

#[allow(dead_code, reason = "the other program uses all of it")]
#[path = "../../core/examples/exchange/cases.rs"]
mod cases;
mod running;

use cases::{TRACES, Trace};
use running::Running;
use sendgate_core::vectors::SUITES;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// What a case wants: its `want`, or the `want` of each of its steps.
fn want(case: &Value) -> Value {
    match case.get("want") {
        Some(want) => want.clone(),
        None => case["steps"].as_array().unwrap().iter().map(|step| step["want"].clone()).collect(),
    }
}

#[test]
fn every_case_of_every_suite_comes_out_as_wanted_in_workerd() {
    let sendgate = Running::start("sandbox", |_| {});
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let (mut passed, mut failed, mut total) = (0, Vec::new(), 0);
    for suite in SUITES {
        let file: Value =
            serde_json::from_str(&fs::read_to_string(folder.join(format!("{suite}.json"))).unwrap()).unwrap();
        total += file["total"].as_u64().unwrap();
        for case in file["cases"].as_array().unwrap() {
            let path = format!("/sandbox/vectors/{suite}");
            let answer = sendgate.call("POST", &path, None, case.to_string().as_bytes());
            if answer.status == 200 && answer.json() == want(case) {
                passed += 1;
            } else {
                failed.push(format!("{suite} {}: {} want {}", case["id"], answer.body, want(case)));
            }
        }
    }
    println!("vectors: {passed} passed, {} failed, 0 skipped", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, total);
}

/// A state that Rust saved is loaded by the Worker, which takes the same next thousand decisions; and the other way round.
/// Guarantee 6.
#[test]
fn a_state_saved_by_rust_goes_on_in_workerd_and_back() {
    let sendgate = Running::start("sandbox", |_| {});
    let there = |trace: &Trace, steps: &[Value]| -> Vec<Value> {
        let case = trace.case(steps, &[]).to_string();
        let answer = sendgate.call("POST", "/sandbox/vectors/limiter", None, case.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    };
    let state = |answers: &[Value]| answers.last().unwrap()["hex"].clone();
    for trace in TRACES {
        let (operations, decisions) = (trace.operations(), trace.decisions());
        let go_on = |hex: Value| [vec![json!({ "op": "load", "hex": hex })], decisions.clone()].concat();
        let from_rust = go_on(state(&trace.answers(&operations)));
        assert!(there(trace, &from_rust) == trace.answers(&from_rust), "{}, from Rust", trace.name);
        let from_there = go_on(state(&there(trace, &operations)));
        assert!(trace.answers(&from_there) == there(trace, &from_there), "{}, from workerd", trace.name);
        println!(
            "{}: {} decisions after a state from Rust and after one from workerd",
            trace.name,
            decisions.len() - 1
        );
    }
}
