//! `limiter`: a policy and what happens under it, step by step.

use super::{Number, VectorError, from_hex, read, to_hex};
use crate::limiter::{Decision, Limiter, State, Usage};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

#[derive(Deserialize)]
struct Case<'a> {
    #[serde(borrow)]
    policy: &'a RawValue,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Step {
    Decide { cost: u32, now: Number },
    Peek { cost: u32, now: Number },
    UpTo { most: u32, now: Number },
    Charge { cost: u32, now: Number },
    Refund { cost: u32, charged_at: Number, now: Number },
    Usage { now: Number },
    State,
    Load { hex: String },
    Migrate { policy: Value, now: Number },
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case<'_> = read(case_json)?;
    let mut limiter = match Limiter::from_json(case.policy.get()) {
        Ok(limiter) => limiter,
        Err(error) => return Ok(json!({ "error": error.code() })),
    };
    let mut state = limiter.fresh();
    case.steps.iter().map(|step| perform(&mut limiter, &mut state, step)).collect()
}

fn perform(limiter: &mut Limiter, state: &mut State, step: &Step) -> Result<Value, VectorError> {
    Ok(match step {
        Step::Decide { cost, now } => decision(limiter, limiter.decide(state, *cost, now.instant())),
        Step::Peek { cost, now } => decision(limiter, limiter.peek(state, *cost, now.instant())),
        Step::UpTo { most, now } => json!({ "up_to": limiter.up_to(state, *most, now.instant()) }),
        Step::Charge { cost, now } => {
            json!({ "charged_at": limiter.charge(state, *cost, now.instant()).as_millis() })
        }
        Step::Refund { cost, charged_at, now } => {
            limiter.refund(state, *cost, charged_at.instant(), now.instant());
            json!({ "refunded": true })
        }
        Step::Usage { now } => limiter.usage(state, now.instant()).iter().map(usage).collect(),
        Step::State => json!({ "hex": to_hex(state.as_bytes()) }),
        Step::Load { hex } => {
            let bytes = from_hex(hex)
                .ok_or_else(|| VectorError::BadCase { detail: "hex must be pairs of hexadecimal digits".into() })?;
            match limiter.load(&bytes) {
                Ok(loaded) => {
                    *state = loaded;
                    json!({ "loaded": true })
                }
                Err(error) => json!({ "error": error.code() }),
            }
        }
        Step::Migrate { policy, now } => match Limiter::from_json(&policy.to_string()) {
            Ok(next) => {
                *state = next.migrate(limiter, state, now.instant());
                *limiter = next;
                json!({ "migrated": true })
            }
            Err(error) => json!({ "error": error.code() }),
        },
    })
}

pub(super) fn decision(limiter: &Limiter, decision: Decision) -> Value {
    let name = |window: usize| limiter.windows().get(window).map(|window| window.name());
    match decision {
        Decision::Allow { charged_at } => json!({ "allow": { "charged_at": charged_at.as_millis() } }),
        Decision::Defer { retry_at, window } => {
            json!({ "defer": { "retry_at": retry_at.as_millis(), "window": name(window) } })
        }
        Decision::Reject { window } => json!({ "reject": { "window": name(window) } }),
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "limit": usage.limit,
        "used": usage.used,
        "remaining": usage.remaining,
        "next_at": usage.next_at.as_millis(),
        "full_at": usage.full_at.as_millis(),
    })
}
