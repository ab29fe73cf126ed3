//! `backoff`: when to try again.

use super::{Number, VectorError, read};
use crate::backoff::{Backoff, Retry};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    policy: Backoff,
    attempts: u32,
    hint: Option<Number>,
    entropy: Number,
    now: Number,
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case = read(case_json)?;
    let hint = case.hint.map(Number::instant);
    Ok(match case.policy.next(case.attempts, hint, case.entropy.0, case.now.instant()) {
        Retry::At(at) => json!({ "at": at.as_millis() }),
        Retry::Exhausted { attempts } => json!({ "exhausted": { "attempts": attempts } }),
    })
}
