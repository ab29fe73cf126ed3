//! When to try again.

use super::{
    SendgateError, SendgateStatus, guarded, read,
    values::{SendgateBackoff, SendgateJitter, SendgateRetry},
    written,
};
use sendgate_core::{
    backoff::{Backoff, Jitter},
    time::UnixMillis,
};

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

fn retry_policy(given: &SendgateBackoff) -> Result<Backoff, Box<SendgateError>> {
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

const FULL: u32 = SendgateJitter::Full as u32;
const NONE: u32 = SendgateJitter::None as u32;
