//! The functions of `sendgate.h`: the one file of the workspace with `unsafe` in it.
//!
//! Every function checks its pointers for NULL, catches a panic and turns it into
//! [`SendgateStatus::Panicked`], and converts: no decision and no default lives here. What a caller must hold to is
//! said once: pointers are NULL or valid for what the header says they are, a handle is one that a `_new` function
//! gave and no `_free` function took.
#![allow(unsafe_code, reason = "a C boundary is made of raw pointers; each use has its SAFETY comment")]
#![allow(clippy::missing_safety_doc, reason = "the module states the one contract that all functions have")]

use crate::c_values::{
    SendgateBackoff, SendgateDecision, SendgateError, SendgateJitter, SendgateRetry, SendgateStatus, SendgateUsage,
    c_string,
};
use sendgate_core::{
    address::Address,
    backoff::{Backoff, Jitter},
    time::UnixMillis,
    vectors,
};
use sendgate_embed::HeldLimiter;
use std::{
    ffi::{CStr, CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::{self, NonNull},
    slice,
};

/// A limiter and its state.
pub struct SendgateLimiter(HeldLimiter);

/// The version of this header's functions. It grows when a function is added; when one changes or goes, so does its
/// name.
#[unsafe(no_mangle)]
pub extern "C" fn sendgate_abi_version() -> u32 {
    ABI_VERSION
}

/// Sendgate's version, such as "0.1.0". It lives as long as the library; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn sendgate_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Makes a limiter of a policy, {"windows":[...]}, that has seen nothing yet.
///
/// Free it with sendgate_limiter_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_new(
    policy_json: *const c_char,
    limiter: *mut *mut SendgateLimiter,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("limiter", limiter)?;
        let made = HeldLimiter::from_json(text("policy_json", policy_json)?)?;
        out.set(Box::into_raw(Box::new(SendgateLimiter(made))))
    })
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
        let (limiter, out) = (read("limiter", limiter)?, written("decision", decision)?);
        out.set(limiter.0.decide(cost, UnixMillis::new(now)).into())
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
        let (limiter, out) = (read("limiter", limiter)?, written("decision", decision)?);
        out.set(limiter.0.peek(cost, UnixMillis::new(now)).into())
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
        let (limiter, out) = (read("limiter", limiter)?, written("charged_at", charged_at)?);
        out.set(limiter.0.charge(cost, UnixMillis::new(now)).as_millis())
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
        let limiter = read("limiter", limiter)?;
        limiter.0.refund(cost, UnixMillis::new(charged_at), UnixMillis::new(now));
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
        let limiter = read("limiter", limiter)?;
        let windows: Vec<_> = limiter.0.usage(UnixMillis::new(now)).iter().map(SendgateUsage::from).collect();
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
    guarded(error, || fill(&read("limiter", limiter)?.0.state(), bytes, capacity, written("length", length)?))
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
        let limiter = read("limiter", limiter)?;
        let first = read("bytes", bytes)?;
        // SAFETY: `bytes` is not NULL, and by the contract `length` bytes can be read there.
        let state = unsafe { slice::from_raw_parts(ptr::from_ref(first), length) };
        Ok(limiter.0.load(state)?)
    })
}

/// Frees a limiter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_limiter_free(limiter: *mut SendgateLimiter) {
    free(limiter);
}

/// Writes the usual retry policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_backoff_default(
    backoff: *mut SendgateBackoff,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let Backoff { base_ms, cap_ms, max_attempts, jitter } = Backoff::default();
        let jitter = SendgateJitter::from(jitter) as u32;
        written("backoff", backoff)?.set(SendgateBackoff { base_ms, cap_ms, max_attempts, jitter })
    })
}

/// Decides after `attempts` failed attempts when to try again.
///
/// `hint` points to the first instant the server allows, or is NULL when it named none. `entropy` is a fresh random
/// number for each attempt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_backoff_next(
    backoff: *const SendgateBackoff,
    attempts: u32,
    hint: *const u64,
    entropy: u64,
    now: u64,
    retry: *mut SendgateRetry,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (policy, out) = (retry_policy(read("backoff", backoff)?)?, written("retry", retry)?);
        // SAFETY: by the contract `hint` is NULL or points to an instant.
        let hint = unsafe { hint.as_ref() }.copied().map(UnixMillis::new);
        out.set(policy.next(attempts, hint, entropy, UnixMillis::new(now)).into())
    })
}

/// Writes the form of an address under which it is suppressed: lower case, its domain in ASCII.
///
/// Free it with sendgate_string_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_normalize_address(
    address: *const c_char,
    normalized: *mut *mut c_char,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("normalized", normalized)?;
        out.set(c_string(&Address::parse(text("address", address)?)?.key()).into_raw())
    })
}

/// What the core answers to one of Sendgate's own test vectors. For its runners: it is in no header and may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_evaluate_vector(
    suite: *const c_char,
    case_json: *const c_char,
    result: *mut *mut c_char,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("result", result)?;
        let answer = vectors::evaluate(text("suite", suite)?, text("case_json", case_json)?)?;
        out.set(c_string(&answer).into_raw())
    })
}

/// Frees a string that a function wrote.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_string_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: not NULL, and by the contract it came from `CString::into_raw` and is freed once.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// The error's stable word, such as "out_of_range". It lives as long as the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_error_code(error: *const SendgateError) -> *const c_char {
    // SAFETY: by the contract `error` is NULL or an error not yet freed.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| error.code.as_ptr())
}

/// The error in a sentence, without an address or a key in it. It lives as long as the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_error_text(error: *const SendgateError) -> *const c_char {
    // SAFETY: by the contract `error` is NULL or an error not yet freed.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| error.text.as_ptr())
}

/// Frees an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_error_free(error: *mut SendgateError) {
    free(error);
}

/// Runs the work of a call; a failure and a panic both become a status and, when asked for, an error.
fn guarded(error: *mut *mut SendgateError, work: impl FnOnce() -> Result<(), SendgateError>) -> SendgateStatus {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(SendgateError::new(SendgateStatus::Panicked, "panicked", &"a bug in sendgate was caught"))
    });
    let Err(failure) = result else { return SendgateStatus::Ok };
    let status = failure.status;
    if let Some(place) = NonNull::new(error) {
        // SAFETY: not NULL, and by the contract a place for a pointer.
        unsafe { place.write(Box::into_raw(Box::new(failure))) };
    }
    status
}

/// What a pointer that is only read points to.
fn read<'a, T>(name: &str, pointer: *const T) -> Result<&'a T, SendgateError> {
    // SAFETY: by the contract the pointer is NULL or valid for the whole call, in which the reference is used up.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// The place an out-parameter points to.
fn written<T>(name: &str, pointer: *mut T) -> Result<Out<T>, SendgateError> {
    NonNull::new(pointer).map(Out).ok_or_else(|| null(name))
}

/// A caller's place for an answer: only ever written, since what is in it may be nothing yet.
struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    fn set(self, value: T) -> Result<(), SendgateError> {
        // SAFETY: not NULL, and by the contract a place for a `T`, valid for the whole call.
        unsafe { self.0.write(value) };
        Ok(())
    }
}

fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str, SendgateError> {
    let first = read(name, pointer)?;
    // SAFETY: not NULL, and by the contract a zero byte ends the string.
    let bytes = unsafe { CStr::from_ptr(ptr::from_ref(first)) };
    bytes
        .to_str()
        .map_err(|_| SendgateError::new(SendgateStatus::NotUtf8, "not_utf8", &format_args!("{name} must be UTF-8")))
}

/// Copies `values` into a caller's buffer and writes how many there are; the buffer may be NULL when its capacity is 0.
fn fill<T: Copy>(values: &[T], buffer: *mut T, capacity: usize, count: Out<usize>) -> Result<(), SendgateError> {
    count.set(values.len())?;
    if capacity < values.len() {
        let detail = format!("the buffer must hold {}, got {capacity}", values.len());
        return Err(SendgateError::new(SendgateStatus::BufferTooSmall, "buffer_too_small", &detail));
    }
    let first = written("the buffer", buffer)?.0;
    // SAFETY: not NULL, by the contract `capacity` values fit there, and `values` is no longer and elsewhere.
    unsafe { ptr::copy_nonoverlapping(values.as_ptr(), first.as_ptr(), values.len()) };
    Ok(())
}

fn retry_policy(given: &SendgateBackoff) -> Result<Backoff, SendgateError> {
    let SendgateBackoff { base_ms, cap_ms, max_attempts, jitter } = *given;
    let jitter = match jitter {
        FULL => Jitter::Full,
        NONE => Jitter::None,
        other => {
            let detail = format!("jitter must be {FULL} or {NONE}, got {other}");
            return Err(SendgateError::new(SendgateStatus::UnknownVariant, "unknown_variant", &detail));
        }
    };
    Ok(Backoff { base_ms, cap_ms, max_attempts, jitter })
}

fn null(name: &str) -> SendgateError {
    SendgateError::new(SendgateStatus::NullPointer, "null_pointer", &format_args!("{name} must not be NULL"))
}

/// Gives a box back that a `_new` function or an error let go of.
fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, and by the contract it came from `Box::into_raw` and is freed once.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

const FULL: u32 = SendgateJitter::Full as u32;
const NONE: u32 = SendgateJitter::None as u32;

/// Grows when a function is added.
const ABI_VERSION: u32 = 1;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_becomes_a_status_with_an_error() {
        let mut error = ptr::null_mut();
        let status = guarded(&raw mut error, || panic!("a test's own"));
        assert_eq!(status, SendgateStatus::Panicked);
        // SAFETY: `guarded` wrote an error, which is read before it is freed, once.
        unsafe {
            assert_eq!(CStr::from_ptr(sendgate_error_code(error)), c"panicked");
            assert_eq!(CStr::from_ptr(sendgate_error_text(error)), c"a bug in sendgate was caught");
            sendgate_error_free(error);
        }
    }

    #[test]
    fn an_error_nobody_asked_for_is_dropped() {
        let status = guarded(ptr::null_mut(), || Err(null("limiter")));
        assert_eq!(status, SendgateStatus::NullPointer);
    }

    #[test]
    fn a_text_ends_at_its_first_zero_byte() {
        assert_eq!(c_string("one\0two").as_c_str(), c"one");
    }

    /// Once released, a number is never given another meaning: a line here is never changed or taken away.
    #[test]
    fn statuses_keep_their_numbers() {
        let released = [
            (SendgateStatus::Ok, 0),
            (SendgateStatus::NullPointer, 1),
            (SendgateStatus::NotUtf8, 2),
            (SendgateStatus::Panicked, 3),
            (SendgateStatus::InvalidPolicy, 4),
            (SendgateStatus::InvalidState, 5),
            (SendgateStatus::InvalidAddress, 6),
            (SendgateStatus::UnknownVariant, 7),
            (SendgateStatus::BufferTooSmall, 8),
            (SendgateStatus::InvalidVector, 9),
        ];
        for (status, number) in released {
            assert_eq!(status as u32, number, "{status:?}");
        }
    }

    #[test]
    fn the_version_is_the_crate_s() {
        assert_eq!(VERSION.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
