//! `hold`: a policy, room kept under it for one request, and the time of a queue, step by step.

use super::{Number, VectorError, bytes, limiter::decision, read, to_hex};
use crate::{
    limiter::{Hold, Limiter, Placing, State},
    time::UnixMillis,
};
use alloc::{string::String, vec::Vec};
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
    Place { cost: u32, ticket: Number, grace_ms: Number, now: Number },
    Decide { cost: u32, ticket: Number, now: Number },
    Charge { cost: u32, now: Number },
    Refund { cost: u32, charged_at: Number, now: Number },
    Turns { costs: Vec<u32>, now: Number },
    Hold,
    Load { hex: String },
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case<'_> = read(case_json)?;
    let limiter = match Limiter::from_json(case.policy.get()) {
        Ok(limiter) => limiter,
        Err(error) => return Ok(json!({ "error": error.code() })),
    };
    let (mut state, mut hold) = (limiter.fresh(), None);
    case.steps.iter().map(|step| perform(&limiter, &mut state, &mut hold, step)).collect()
}

fn perform(limiter: &Limiter, state: &mut State, hold: &mut Option<Hold>, step: &Step) -> Result<Value, VectorError> {
    Ok(match step {
        Step::Place { cost, ticket, grace_ms, now } => {
            placing(limiter, limiter.place_hold(state, hold, *cost, ticket.0, grace_ms.0, now.instant()))
        }
        Step::Decide { cost, ticket, now } => {
            decision(limiter, limiter.decide_beside(state, hold, *cost, ticket.0, now.instant()))
        }
        Step::Charge { cost, now } => {
            json!({ "charged_at": limiter.charge(state, *cost, now.instant()).as_millis() })
        }
        Step::Refund { cost, charged_at, now } => {
            limiter.refund(state, *cost, charged_at.instant(), now.instant());
            json!({ "refunded": true })
        }
        Step::Turns { costs, now } => {
            let turns = limiter.turns(state, costs, now.instant());
            turns.into_iter().map(|turn| turn.map(UnixMillis::as_millis)).collect()
        }
        Step::Hold => json!({ "hex": hold.map(|hold| to_hex(&hold.to_bytes())) }),
        Step::Load { hex } => match Hold::load(&bytes(hex)?) {
            Ok(loaded) => {
                *hold = Some(loaded);
                json!({ "loaded": true })
            }
            Err(error) => json!({ "error": error.code() }),
        },
    })
}

fn placing(limiter: &Limiter, placing: Placing) -> Value {
    match placing {
        Placing::Held { promised_at, ends_at } => {
            json!({ "held": { "promised_at": promised_at.as_millis(), "ends_at": ends_at.as_millis() } })
        }
        Placing::Fits => json!({ "fits": true }),
        Placing::Taken { until } => json!({ "taken": { "until": until.as_millis() } }),
        Placing::Reject { window } => {
            json!({ "reject": { "window": limiter.windows().get(window).map(|window| window.name()) } })
        }
    }
}
