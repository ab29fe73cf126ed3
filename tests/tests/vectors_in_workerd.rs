//! The shared vectors through the Worker's own WebAssembly in workerd: the same files, the same counts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::Running;
use sendgate_core::vectors::SUITES;
use serde_json::Value;
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
