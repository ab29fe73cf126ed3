//! The decisions of a limiter for the JVM, by JNI: a tenth of what the same call costs through JNA.
//!
//! Everything else goes through uniffi. These functions take numbers alone and touch no object of the JVM, so they need
//! none of its headers. Their one contract: `limiter` is what [`Limiter::address`](crate::objects::limiter::Limiter)
//! answered and its object is alive for the whole call, and `costs` is the address of a direct buffer.
//! `io.sendgate.Limiter` keeps it, and nobody else can call them: the class that declares them is private.
#![allow(unsafe_code, reason = "a boundary with the JVM is made of addresses; each use has its SAFETY comment")]
#![allow(clippy::missing_safety_doc, reason = "the module states the one contract that all functions have")]

use sendgate_core::{limiter::Decision, time::UnixMillis};
use sendgate_embed::HeldLimiter;
use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

/// Whether units may leave: 1 or 0, or `PANICKED`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn Java_io_sendgate_Decisions_admit(
    _: *mut c_void,
    _: *mut c_void,
    limiter: i64,
    cost: i32,
    now: i64,
) -> i32 {
    // SAFETY: the module's contract.
    guarded(|| i32::from(unsafe { at(limiter) }.admit(cost.cast_unsigned(), instant(now))))
}

/// Decides `count` sends one after another. `costs` is the address of as many 32-bit numbers, each of which is replaced
/// with 1 or 0.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn Java_io_sendgate_Decisions_admitMany(
    _: *mut c_void,
    _: *mut c_void,
    limiter: i64,
    costs: i64,
    count: i32,
    now: i64,
) -> i32 {
    guarded(|| {
        let count = usize::try_from(count).unwrap_or_default();
        // SAFETY: by the module's contract `count` numbers are there, and nobody else has the buffer now.
        let costs =
            unsafe { slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut::<u32>(address(costs)), count) };
        let mut admitted = Vec::with_capacity(count);
        // SAFETY: the module's contract.
        unsafe { at(limiter) }.decide_many(costs.iter().copied(), instant(now), |_, decision| {
            admitted.push(u32::from(matches!(decision, Decision::Allow { .. })));
        });
        costs.copy_from_slice(&admitted);
        0
    })
}

/// Decides. The number that is returned holds the instant of the answer in its lower 48 bits, the window in the eight above,
/// and above these what was decided; it is `PANICKED` after a panic.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn Java_io_sendgate_Decisions_decide(
    _: *mut c_void,
    _: *mut c_void,
    limiter: i64,
    cost: i32,
    now: i64,
) -> i64 {
    guarded(|| {
        // SAFETY: the module's contract.
        packed(unsafe { at(limiter) }.decide(cost.cast_unsigned(), instant(now)))
    })
}

/// `UnixMillis` ends with the year 9999, which is below 2^48 milliseconds; a policy has 8 windows at most.
fn packed(decision: Decision) -> i64 {
    let (kind, at, window) = match decision {
        Decision::Allow { charged_at } => (ALLOW, charged_at, 0),
        Decision::Defer { retry_at, window } => (DEFER, retry_at, window),
        Decision::Reject { window } => (REJECT, UnixMillis::new(0), window),
    };
    kind << KIND_AT | i64::try_from(window).unwrap_or_default() << WINDOW_AT | at.as_i64()
}

/// # Safety
/// The module's contract.
unsafe fn at<'a>(limiter: i64) -> &'a HeldLimiter {
    // SAFETY: a limiter that lives is at this address, and it is only ever shared.
    unsafe { &*ptr::with_exposed_provenance::<HeldLimiter>(address(limiter)) }
}

/// The JVM's numbers have a sign, and these have none.
const fn instant(millis: i64) -> UnixMillis {
    UnixMillis::new(millis.cast_unsigned())
}

#[allow(clippy::cast_possible_truncation, reason = "an address of this process came from it as a usize")]
const fn address(number: i64) -> usize {
    number.cast_unsigned() as usize
}

fn guarded<N: From<i8>>(work: impl FnOnce() -> N) -> N {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| N::from(PANICKED))
}

const ALLOW: i64 = 0;
const DEFER: i64 = 1;
const REJECT: i64 = 2;
const WINDOW_AT: u32 = 48;
const KIND_AT: u32 = 56;
/// A bug of Sendgate's was caught; the class on the other side throws.
const PANICKED: i8 = -1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instant_leaves_room_for_window_and_kind() {
        assert!(UnixMillis::MAX.as_i64() < 1 << WINDOW_AT);
        let defer = Decision::Defer { retry_at: UnixMillis::MAX, window: 7 };
        assert_eq!(packed(defer), 1 << 56 | 7 << 48 | 253_402_128_000_000);
        assert_eq!(packed(Decision::Reject { window: 2 }), 2 << 56 | 2 << 48);
    }

    #[test]
    fn a_panic_is_caught_and_becomes_a_number() {
        assert_eq!(guarded::<i64>(|| panic!("a test's own")), -1);
    }
}
