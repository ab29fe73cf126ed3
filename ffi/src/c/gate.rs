//! A gate: several things that are limited, decided all at once.

use super::{
    SendgateError, SendgateStatus,
    arena::Owned,
    fill, free, free_owned, guarded, items, read, text,
    values::{SendgateBytes, SendgateStandings, SendgateVerdict},
    written,
};
use sendgate_core::{config::AccountStatus, time::UnixMillis};
use sendgate_embed::{Failure, HeldGate};
use std::ffi::c_char;

/// Several dimensions, each with its windows, and their states.
pub struct SendgateGate(HeldGate);

/// Makes a gate of a policy, {"dimensions":[{"scope","name","unit","windows":[...]}]}.
///
/// Free it with sendgate_gate_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_new(
    policy_json: *const c_char,
    gate: *mut *mut SendgateGate,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("gate", gate)?;
        let made = HeldGate::from_json(text("policy_json", policy_json)?)?;
        out.set(Box::into_raw(Box::new(SendgateGate(made))))
    })
}

/// Decides for all dimensions together, and charges each its cost or none anything. `costs` has one number for each
/// dimension, in the policy's order; `status` is a SendgateAccountStatus.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_decide(
    gate: *const SendgateGate,
    status: u32,
    costs: *const u32,
    cost_count: usize,
    now: u64,
    verdict: *mut SendgateVerdict,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (gate, out) = (read("gate", gate)?, written("verdict", verdict)?);
        out.set(gate.0.decide(account(status)?, items("costs", costs, cost_count)?, UnixMillis::new(now))?.into())
    })
}

/// The verdict that sendgate_gate_decide would give, charging nothing. `held` are units on their way, one number for each
/// dimension, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_peek(
    gate: *const SendgateGate,
    status: u32,
    costs: *const u32,
    held: *const u32,
    cost_count: usize,
    now: u64,
    verdict: *mut SendgateVerdict,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (gate, out) = (read("gate", gate)?, written("verdict", verdict)?);
        let held = if held.is_null() { &[] } else { items("held", held, cost_count)? };
        out.set(gate.0.peek(account(status)?, items("costs", costs, cost_count)?, held, UnixMillis::new(now))?.into())
    })
}

/// Writes where every window stands at `now`, and which one binds: what sendgate_gate_peek decides by.
///
/// Free it with sendgate_standings_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_explain(
    gate: *const SendgateGate,
    status: u32,
    costs: *const u32,
    held: *const u32,
    cost_count: usize,
    now: u64,
    standings: *mut *mut SendgateStandings,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (gate, out) = (read("gate", gate)?, written("standings", standings)?);
        let held = if held.is_null() { &[] } else { items("held", held, cost_count)? };
        let costs = items("costs", costs, cost_count)?;
        let standings = gate.0.explain(account(status)?, costs, held, UnixMillis::new(now))?;
        out.set(Owned::let_go(|arena| SendgateStandings::view(arena, standings)))
    })
}

/// Frees what sendgate_gate_explain wrote.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_standings_free(standings: *mut SendgateStandings) {
    free_owned(standings);
}

/// Records units of one dimension that left anyway, and writes the instant they count from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_charge(
    gate: *const SendgateGate,
    dimension: usize,
    cost: u32,
    now: u64,
    charged_at: *mut u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (gate, out) = (read("gate", gate)?, written("charged_at", charged_at)?);
        out.set(gate.0.charge(dimension, cost, UnixMillis::new(now))?.as_millis())
    })
}

/// Writes the bytes of one dimension's state, as sendgate_limiter_state does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_state(
    gate: *const SendgateGate,
    dimension: usize,
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || fill(&read("gate", gate)?.0.state(dimension)?, bytes, capacity, written("length", length)?))
}

/// Goes on from a stored state of one dimension.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_load(
    gate: *const SendgateGate,
    dimension: usize,
    state: SendgateBytes,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || Ok(read("gate", gate)?.0.load(dimension, state.read("state")?)?))
}

/// Frees a gate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_gate_free(gate: *mut SendgateGate) {
    free(gate);
}

fn account(status: u32) -> Result<AccountStatus, Box<SendgateError>> {
    let known = [AccountStatus::Active, AccountStatus::Suspended, AccountStatus::Closed];
    let found = known.into_iter().find(|known| super::values::SendgateAccountStatus::from(*known) as u32 == status);
    let detail = format!("status must be a SendgateAccountStatus, got {status}");
    found.ok_or_else(|| Failure::argument("unknown_variant", &detail).into())
}
