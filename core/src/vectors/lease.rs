//! `lease`: an owner and a holder, each asked step by step. A case hands what one says to the other itself.

use super::{Number, VectorError, bytes, limiter::decision, read, to_hex};
use crate::{
    lease::{Allowance, Answer, Denial, DenialReason, Grant, Holder, Lessor, Received, Return, Settled, Terms},
    limiter::Limiter,
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
    terms: Terms,
    #[serde(default)]
    allowance: Margins,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Margins {
    drift_ppm: u32,
    lag_ms: u64,
    travel_ms: u64,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Step {
    Ask { units: u32, now: Number },
    GiveBack { id: u64, used: u32, now: Number },
    Decide { cost: u32, now: Number },
    Free { now: Number },
    Restart,
    Load { hex: String },
    HolderAsk { units: u32, nonce: Number, now: Number },
    HolderReceive { nonce: Number, answer: Said, now: Number },
    HolderTake { units: u32, now: Number },
    HolderUnspent { now: Number },
    HolderReturns { now: Number },
    HolderSettled { id: u64 },
    HolderGiveBack { now: Number },
    HolderBytes,
    HolderLoad { hex: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Granted { id: u64, units: u32, ttl_ms: u64 },
    Denied { wait_ms: u64 },
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case<'_> = read(case_json)?;
    let limiter = match Limiter::from_json(case.policy.get()) {
        Ok(limiter) => limiter,
        Err(error) => return Ok(json!({ "error": error.code() })),
    };
    let mut owner = match Lessor::new(limiter.clone(), case.terms) {
        Ok(owner) => owner,
        Err(error) => return Ok(json!({ "error": error.code() })),
    };
    let Margins { drift_ppm, lag_ms, travel_ms } = case.allowance;
    let allowance = Allowance { drift_ppm, lag_ms, travel_ms };
    let mut holder = Holder::new(allowance);
    let fresh = owner.clone();
    let perform = |step: &Step| match by_owner(&fresh, &mut owner, step)? {
        Some(said) => Ok(said),
        None => by_holder(allowance, &mut holder, step),
    };
    case.steps.iter().map(perform).collect()
}

/// What the owner says; `None` for a step that is the holder's.
fn by_owner(fresh: &Lessor, owner: &mut Lessor, step: &Step) -> Result<Option<Value>, VectorError> {
    Ok(Some(match step {
        Step::Load { hex } => load(fresh, owner, &bytes(hex)?),
        Step::Restart => {
            let stored = owner.to_bytes();
            load(fresh, owner, &stored)
        }
        Step::Ask { units, now } => answer(owner.ask(*units, now.instant())),
        Step::GiveBack { id, used, now } => settled(owner.give_back(Return { id: *id, used: *used }, now.instant())),
        Step::Decide { cost, now } => {
            let decided = owner.decide(*cost, now.instant());
            decision(owner.limiter(), decided)
        }
        Step::Free { now } => json!({ "free": owner.free(now.instant()) }),
        Step::HolderAsk { .. }
        | Step::HolderReceive { .. }
        | Step::HolderTake { .. }
        | Step::HolderUnspent { .. }
        | Step::HolderReturns { .. }
        | Step::HolderSettled { .. }
        | Step::HolderGiveBack { .. }
        | Step::HolderBytes
        | Step::HolderLoad { .. } => return Ok(None),
    }))
}

fn by_holder(allowance: Allowance, holder: &mut Holder, step: &Step) -> Result<Value, VectorError> {
    Ok(match step {
        Step::HolderAsk { units, nonce, now } => {
            let ask = holder.ask(*units, nonce.0, now.instant());
            json!({ "ask": ask.map(|ask| json!({ "units": ask.units, "returns": returns(&ask.returns) })) })
        }
        Step::HolderReceive { nonce, answer, now } => received(holder.receive(nonce.0, &said(answer), now.instant())),
        Step::HolderTake { units, now } => json!({ "taken": holder.take(*units, now.instant()) }),
        Step::HolderUnspent { now } => json!({ "unspent": holder.unspent(now.instant()) }),
        Step::HolderReturns { now } => json!({ "returns": returns(&holder.returns(now.instant())) }),
        Step::HolderSettled { id } => {
            holder.settled(*id);
            json!({ "settled": true })
        }
        Step::HolderGiveBack { now } => {
            holder.give_back(now.instant());
            json!({ "ended": true })
        }
        Step::HolderBytes => json!({ "hex": to_hex(&holder.to_bytes()) }),
        Step::HolderLoad { hex } => match Holder::load(allowance, &bytes(hex)?) {
            Ok(loaded) => {
                *holder = loaded;
                json!({ "loaded": true })
            }
            Err(error) => json!({ "error": error.code() }),
        },
        Step::Ask { .. }
        | Step::GiveBack { .. }
        | Step::Decide { .. }
        | Step::Free { .. }
        | Step::Restart
        | Step::Load { .. } => Value::Null,
    })
}

fn load(fresh: &Lessor, owner: &mut Lessor, bytes: &[u8]) -> Value {
    match fresh.clone().load(bytes) {
        Ok(loaded) => {
            *owner = loaded;
            json!({ "loaded": true })
        }
        Err(error) => json!({ "error": error.code() }),
    }
}

fn answer(answer: Answer) -> Value {
    match answer {
        Answer::Granted(Grant { id, units, ttl_ms, expires_at }) => json!({ "granted": {
            "id": id, "units": units, "ttl_ms": ttl_ms, "expires_at": expires_at.as_millis(),
        } }),
        Answer::Denied(Denial { reason, retry_at, wait_ms }) => json!({ "denied": {
            "reason": reason.as_str(), "retry_at": retry_at.as_millis(), "wait_ms": wait_ms,
        } }),
    }
}

fn settled(settled: Settled) -> Value {
    match settled {
        Settled::Now { used, freed } => json!({ "settled": { "used": used, "freed": freed } }),
        Settled::Before => json!({ "before": true }),
        Settled::Unknown => json!({ "unknown": true }),
    }
}

fn received(received: Received) -> Value {
    match received {
        Received::Taken { until } => json!({ "taken": { "until": until.as_millis() } }),
        Received::Denied { until } => json!({ "denied": { "until": until.as_millis() } }),
        Received::TooLate => json!({ "too_late": true }),
        Received::Stale => json!({ "stale": true }),
    }
}

/// The answer that a case hands to the holder, without what is for the owner's eyes only.
fn said(said: &Said) -> Answer {
    let owners = UnixMillis::new(0);
    match said {
        Said::Granted { id, units, ttl_ms } => {
            Answer::Granted(Grant { id: *id, units: *units, ttl_ms: *ttl_ms, expires_at: owners })
        }
        Said::Denied { wait_ms } => {
            Answer::Denied(Denial { reason: DenialReason::Full, retry_at: owners, wait_ms: *wait_ms })
        }
    }
}

fn returns(returns: &[Return]) -> Value {
    returns.iter().map(|back| json!({ "id": back.id, "used": back.used })).collect()
}
