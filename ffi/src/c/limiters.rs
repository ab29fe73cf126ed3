//! A table of keys.

use super::{
    SendgateDecision, SendgateError, SendgateStatus, SendgateUsage, copy_out, fill, free, guarded, items, places, read,
    text, values::SendgateBytes, written,
};
use crate::process;
use sendgate_core::time::UnixMillis;
use sendgate_embed::HeldLimiters;
use std::ffi::c_char;

/// One policy, many keys, and their states.
pub struct SendgateLimiters(HeldLimiters);

/// Makes a table of a policy, {"windows":[...]}, without keys. `most_keys` bounds it, or is 0: a further key is deferred
/// or refused until sendgate_limiters_evict has made room, because nothing is forgotten that counts.
///
/// Free it with sendgate_limiters_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_new(
    policy_json: *const c_char,
    most_keys: usize,
    limiters: *mut *mut SendgateLimiters,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("limiters", limiters)?;
        let seed = [process::chance(), process::chance()];
        let most_keys = Some(most_keys).filter(|most| *most > 0);
        let made = HeldLimiters::from_json(text("policy_json", policy_json)?, seed, most_keys)?;
        out.set(Box::into_raw(Box::new(SendgateLimiters(made))))
    })
}

/// Decides whether `cost` units of a key may leave at `now` and, on an allow, charges them. A key is any bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_decide(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    cost: u32,
    now: u64,
    decision: *mut SendgateDecision,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiters, out) = (read("limiters", limiters)?, written("decision", decision)?);
        out.set(limiters.0.decide(key.read("key")?, cost, UnixMillis::new(now)).into())
    })
}

/// The decision that sendgate_limiters_decide would give, charging nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_peek(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    cost: u32,
    now: u64,
    decision: *mut SendgateDecision,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiters, out) = (read("limiters", limiters)?, written("decision", decision)?);
        out.set(limiters.0.peek(key.read("key")?, cost, UnixMillis::new(now)).into())
    })
}

/// Whether `cost` units of each of `count` keys may leave at `now`, in their order, each charged if it may: much cheaper
/// than one by one. `admitted` has room for `count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_admit_many(
    limiters: *const SendgateLimiters,
    keys: *const SendgateBytes,
    count: usize,
    cost: u32,
    now: u64,
    admitted: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiters = read("limiters", limiters)?;
        let keys = items("keys", keys, count)?.iter().map(|key| key.read("key")).collect::<Result<Vec<_>, _>>()?;
        places("admitted", admitted, count)?;
        let mut answers = Vec::with_capacity(count);
        limiters.0.admit_many(keys, cost, UnixMillis::new(now), &mut answers);
        copy_out("admitted", &answers, admitted)
    })
}

/// Takes back units of a key that were charged at `charged_at`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_refund(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    cost: u32,
    charged_at: u64,
    now: u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiters = read("limiters", limiters)?;
        limiters.0.refund(key.read("key")?, cost, UnixMillis::new(charged_at), UnixMillis::new(now));
        Ok(())
    })
}

/// Writes what each window of a key holds, as sendgate_limiter_usage does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_usage(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    now: u64,
    usage: *mut SendgateUsage,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let limiters = read("limiters", limiters)?;
        let windows = limiters.0.usage(key.read("key")?, UnixMillis::new(now));
        let windows: Vec<_> = windows.iter().map(SendgateUsage::from).collect();
        fill(&windows, usage, capacity, written("count", count)?)
    })
}

/// Writes the bytes of a key's state, as sendgate_limiter_state does: a limiter of the same policy can load them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_state(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let state = read("limiters", limiters)?.0.state(key.read("key")?);
        fill(&state, bytes, capacity, written("length", length)?)
    })
}

/// Goes on from a stored state of a key; `loaded` is false when the table is full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_load(
    limiters: *const SendgateLimiters,
    key: SendgateBytes,
    state: SendgateBytes,
    loaded: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiters, out) = (read("limiters", limiters)?, written("loaded", loaded)?);
        out.set(limiters.0.load(key.read("key")?, state.read("state")?)?)
    })
}

/// Forgets keys in whose windows nothing is in use, looking at `most` of them, and writes how many it forgot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_evict(
    limiters: *const SendgateLimiters,
    most: usize,
    now: u64,
    forgotten: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (limiters, out) = (read("limiters", limiters)?, written("forgotten", forgotten)?);
        out.set(limiters.0.evict(most, UnixMillis::new(now)))
    })
}

/// Writes how many keys are held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_count(
    limiters: *const SendgateLimiters,
    count: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || written("count", count)?.set(read("limiters", limiters)?.0.len()))
}

/// Frees a table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiters_free(limiters: *mut SendgateLimiters) {
    free(limiters);
}
