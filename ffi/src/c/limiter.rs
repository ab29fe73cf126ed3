//! A limiter with its state.

use super::{
    SendgateDecision, SendgateError, SendgateStatus, SendgateUsage, alone::Held, fill, free, guarded, items, places,
    read, text, written,
};
use sendgate_core::{limiter::State, time::UnixMillis};
use sendgate_embed::HeldLimiter;
use std::ffi::c_char;

/// A limiter and its state.
pub struct SendgateLimiter(HeldLimiter<Held>);

/// Makes a limiter of a policy, {"windows":[...]}, that has seen nothing yet.
///
/// Free it with sendgate_limiter_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_new(
    policy_json: *const c_char,
    limiter: *mut *mut SendgateLimiter,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    made(policy_json, limiter, error, Held::shared)
}

/// The same for one thread at a time: a decision then costs no lock, which is the half of it. All functions work on it.
///
/// Threads may hand it over to each other, but two calls at once are a bug of the caller's, and undefined. A debug build of
/// the library notices most of them: the status is SENDGATE_STATUS_INVALID_ARGUMENT and the code "in_use".
///
/// Free it with sendgate_limiter_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_new_unshared(
    policy_json: *const c_char,
    limiter: *mut *mut SendgateLimiter,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    made(policy_json, limiter, error, Held::unshared)
}

/// Decides whether `cost` units may leave at `now` and, on an allow, charges them. A denial charges nothing.
///
/// A `now` earlier than one seen before is a normal input: it never frees budget.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_decide(
    limiter: *const SendgateLimiter,
    cost: u32,
    now: u64,
    decision: *mut SendgateDecision,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiter, out) = (held(limiter)?, written("decision", decision)?);
        out.set(limiter.decide(cost, UnixMillis::new(now)).into())
    })
}

/// The decision that sendgate_limiter_decide would give, charging nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_peek(
    limiter: *const SendgateLimiter,
    cost: u32,
    now: u64,
    decision: *mut SendgateDecision,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiter, out) = (held(limiter)?, written("decision", decision)?);
        out.set(limiter.peek(cost, UnixMillis::new(now)).into())
    })
}

/// Decides `count` times in order, with a cost each, all at the same `now`: much cheaper than one by one. `decisions` has
/// room for `count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_decide_many(
    limiter: *const SendgateLimiter,
    costs: *const u32,
    count: usize,
    now: u64,
    decisions: *mut SendgateDecision,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiter, costs) = (held(limiter)?, items("costs", costs, count)?);
        let room = places("decisions", decisions, count)?;
        let now = UnixMillis::new(now);
        limiter.decide_many(costs.iter().copied(), now, |index, decision| room.set(index, decision.into()));
        Ok(())
    })
}

/// Records units that left anyway, past the limit if need be, and writes the instant they count from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_charge(
    limiter: *const SendgateLimiter,
    cost: u32,
    now: u64,
    charged_at: *mut u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiter, out) = (held(limiter)?, written("charged_at", charged_at)?);
        out.set(limiter.charge(cost, UnixMillis::new(now)).as_millis())
    })
}

/// Takes back units that were charged at `charged_at`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_refund(
    limiter: *const SendgateLimiter,
    cost: u32,
    charged_at: u64,
    now: u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiter = held(limiter)?;
        limiter.refund(cost, UnixMillis::new(charged_at), UnixMillis::new(now));
        Ok(())
    })
}

/// Writes what each window holds at `now`, in the policy's order, and how many there are.
///
/// With less `capacity` than windows it writes only `count`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
/// A policy has 8 windows at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_usage(
    limiter: *const SendgateLimiter,
    now: u64,
    usage: *mut SendgateUsage,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiter = held(limiter)?;
        let windows: Vec<_> = limiter.usage(UnixMillis::new(now)).iter().map(SendgateUsage::from).collect();
        fill(&windows, usage, capacity, written("count", count)?)
    })
}

/// Writes the state's bytes and their length: plain bytes, the same on every platform.
///
/// With less `capacity` than bytes it writes only `length`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_state(
    limiter: *const SendgateLimiter,
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || fill(&held(limiter)?.state(), bytes, capacity, written("length", length)?))
}

/// Goes on from a stored state of the same policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_load(
    limiter: *const SendgateLimiter,
    bytes: *const u8,
    length: usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiter = held(limiter)?;
        read("bytes", bytes)?;
        Ok(limiter.load(items("bytes", bytes, length)?)?)
    })
}

/// Frees a limiter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_free(limiter: *mut SendgateLimiter) {
    free(limiter);
}

fn made(
    policy_json: *const c_char,
    limiter: *mut *mut SendgateLimiter,
    error: *mut *mut SendgateError,
    place: fn(State) -> Held,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("limiter", limiter)?;
        let made = HeldLimiter::placed(text("policy_json", policy_json)?, place)?;
        out.set(Box::into_raw(Box::new(SendgateLimiter(made))))
    })
}

/// The limiter of a handle.
fn held<'a>(limiter: *const SendgateLimiter) -> Result<&'a HeldLimiter<Held>, Box<SendgateError>> {
    let limiter = &read("limiter", limiter)?.0;
    if limiter.place().is_in_use() { Err(in_use()) } else { Ok(limiter) }
}

#[cold]
fn in_use() -> Box<SendgateError> {
    let text = "another thread uses the limiter, which was made for one at a time";
    SendgateError::new(SendgateStatus::InvalidArgument, "in_use", &text)
}
