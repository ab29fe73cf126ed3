//! A suppression list in memory.

use super::{
    SendgateError, SendgateStatus, copy_out, fill, free, guarded, items, read, text, values::SendgateBytes, written,
};
use sendgate_embed::{Failure, HeldSuppressions};
use std::ffi::c_char;

/// An exact set of suppressed addresses, in about seven bytes each, without the addresses themselves.
pub struct SendgateSuppressions(HeldSuppressions);

/// Makes a set of `count` addresses. `key` is 16 secret random bytes, which belong to the saved bytes.
///
/// Free it with sendgate_suppressions_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_new(
    key: SendgateBytes,
    addresses: *const *const c_char,
    count: usize,
    suppressions: *mut *mut SendgateSuppressions,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("suppressions", suppressions)?;
        let made = HeldSuppressions::new(sixteen(key)?, texts(addresses, count)?)?;
        out.set(Box::into_raw(Box::new(SendgateSuppressions(made))))
    })
}

/// Goes on from bytes that sendgate_suppressions_save wrote, which are checked as a whole.
///
/// Free it with sendgate_suppressions_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_load(
    key: SendgateBytes,
    saved: SendgateBytes,
    suppressions: *mut *mut SendgateSuppressions,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("suppressions", suppressions)?;
        let made = HeldSuppressions::from_bytes(sixteen(key)?, saved.read("saved")?)?;
        out.set(Box::into_raw(Box::new(SendgateSuppressions(made))))
    })
}

/// Writes the set's bytes and their length, as sendgate_limiter_state does. Whoever has them and the key can test a guess.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_save(
    suppressions: *const SendgateSuppressions,
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let saved = read("suppressions", suppressions)?.0.to_bytes();
        fill(&saved, bytes, capacity, written("length", length)?)
    })
}

/// Adds an address; writes whether it was not there before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_add(
    suppressions: *const SendgateSuppressions,
    address: *const c_char,
    is_new: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (set, out) = (read("suppressions", suppressions)?, written("is_new", is_new)?);
        out.set(set.0.add(text("address", address)?)?)
    })
}

/// Takes an address out; writes whether it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_remove(
    suppressions: *const SendgateSuppressions,
    address: *const c_char,
    was_there: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (set, out) = (read("suppressions", suppressions)?, written("was_there", was_there)?);
        out.set(set.0.remove(text("address", address)?)?)
    })
}

/// Writes whether an address is suppressed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_contains(
    suppressions: *const SendgateSuppressions,
    address: *const c_char,
    is_suppressed: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (set, out) = (read("suppressions", suppressions)?, written("is_suppressed", is_suppressed)?);
        out.set(set.0.contains(text("address", address)?)?)
    })
}

/// Writes whether each of `count` addresses is suppressed, in their order; faster than one by one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_contains_many(
    suppressions: *const SendgateSuppressions,
    addresses: *const *const c_char,
    count: usize,
    are_suppressed: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let found = read("suppressions", suppressions)?.0.contains_many(texts(addresses, count)?)?;
        copy_out("are_suppressed", &found, are_suppressed)
    })
}

/// Writes how many addresses are held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_count(
    suppressions: *const SendgateSuppressions,
    count: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || written("count", count)?.set(read("suppressions", suppressions)?.0.len()))
}

/// Frees a set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_suppressions_free(suppressions: *mut SendgateSuppressions) {
    free(suppressions);
}

fn texts<'a>(addresses: *const *const c_char, count: usize) -> Result<Vec<&'a str>, Box<SendgateError>> {
    items("addresses", addresses, count)?.iter().map(|address| text("address", *address)).collect()
}

fn sixteen(key: SendgateBytes) -> Result<[u8; 16], Box<SendgateError>> {
    let bytes = key.read("key")?;
    let detail = format!("key must have 16 bytes, got {}", bytes.len());
    bytes.try_into().map_err(|_| Failure::argument("key_length", &detail).into())
}
