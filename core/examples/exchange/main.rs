//! Limiter states that change hands between Rust and another language, which then has to go on as Rust would.
//!
//! * `exchange in` prints cases for another language: it loads a state that Rust made by 500 random operations, takes the
//!   next 1,000 decisions and gives the state they lead to. The cases say what all that has to be.
//! * `exchange out` prints cases that begin fresh and say nothing: 500 random operations, the state, 1,000 decisions, the
//!   state.
//! * `exchange check` reads what came out of those, loads the state in the middle in Rust and goes on from it.
//!
//! Cases are of the suite `limiter`. What came out is a line `case ID` and then a line for each step, either the answer in
//! JSON or in the words of `tests/runners/c/vectors.c`. The last line says how many policies passed.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a panic here is a check that fails")]

mod cases;

use cases::{TRACES, Trace};
use serde_json::{Value, json};
use std::{
    env,
    io::{self, Read},
    process::ExitCode,
};

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("in") => print_cases(|trace| trace.case(&with_load(trace), &trace.answers(&with_load(trace)))),
        Some("out") => print_cases(|trace| trace.case(&[trace.operations(), trace.decisions()].concat(), &[])),
        Some("check") => return check(),
        Some(_) | None => {
            eprintln!("usage: exchange in | out | check");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn print_cases(case: impl Fn(&Trace) -> Value) {
    let cases: Vec<Value> = TRACES.iter().map(case).collect();
    println!("{}", json!({ "suite": "limiter", "format": 1, "total": cases.len(), "cases": cases }));
}

/// The decisions on the state that Rust made.
fn with_load(trace: &Trace) -> Vec<Value> {
    let made = trace.answers(&trace.operations());
    let load = json!({ "op": "load", "hex": made.last().expect("the state is last")["hex"] });
    [vec![load], trace.decisions()].concat()
}

fn check() -> ExitCode {
    let mut given = String::new();
    io::stdin().read_to_string(&mut given).expect("standard input is text");
    let passed = TRACES.iter().filter(|trace| holds(trace, &given)).count();
    println!("states to Rust: {passed} passed, {} failed, 0 skipped", TRACES.len() - passed);
    if passed == TRACES.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether Rust goes on from the state as the other language did.
fn holds(trace: &Trace, given: &str) -> bool {
    let names = trace.names();
    let lines = given.lines().skip_while(|line| *line != format!("case {}", trace.name)).skip(1);
    let theirs: Vec<String> =
        lines.take_while(|line| !line.starts_with("case ")).map(|line| words(line, &names)).collect();
    let operations = trace.operations();
    let Some(state) = theirs.get(operations.len() - 1) else {
        println!("{}: there is no state after {} steps", trace.name, operations.len());
        return false;
    };
    let load = json!({ "op": "load", "hex": state });
    let ours = trace.answers(&[vec![load], trace.decisions()].concat());
    let ours: Vec<String> = ours.iter().map(|answer| words(&answer.to_string(), &names)).collect();
    if let Some(step) = (1..ours.len()).find(|step| theirs.get(operations.len() + step - 1) != Some(&ours[*step])) {
        let their = theirs.get(operations.len() + step - 1);
        println!("{}, decision {step}: {:?} in Rust, {their:?} there", trace.name, ours[step]);
        return false;
    }
    ours[0] == "ok" && theirs.len() == operations.len() + ours.len() - 1
}

/// An answer in the words of the C runner, which JSON is turned into.
fn words(line: &str, names: &[String]) -> String {
    let Ok(answer) = serde_json::from_str::<Value>(line) else { return line.into() };
    let window = |of: &Value| names.iter().position(|name| of["window"] == **name).expect("the window is one of them");
    match answer.as_object().and_then(|fields| fields.iter().next()) {
        Some((kind, of)) if kind == "allow" => format!("allow {}", of["charged_at"]),
        Some((kind, of)) if kind == "defer" => format!("defer {} {}", of["retry_at"], window(of)),
        Some((kind, of)) if kind == "reject" => format!("reject {}", window(of)),
        Some((kind, of)) if kind == "charged_at" => of.to_string(),
        Some((kind, of)) if kind == "hex" => of.as_str().unwrap_or_default().into(),
        Some((kind, _)) if kind == "refunded" => String::new(),
        Some((kind, _)) if kind == "loaded" => "ok".into(),
        Some(_) | None => line.into(),
    }
}
