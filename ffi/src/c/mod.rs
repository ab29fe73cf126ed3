//! The functions of `sendgate.h`: with the module `jvm` the only place of the workspace with `unsafe` in it.
//!
//! Every function checks its pointers for NULL, catches a panic and turns it into
//! [`SendgateStatus::Panicked`], and converts: no decision and no default lives here. What a caller must hold to is
//! said once: pointers are NULL or valid for what the header says they are, a handle is one that a `_new` or `_open`
//! function gave and no `_free` function took.
//!
//! One file an object, as the header has them; what touches raw memory is in this file, in `arena` and in `alone`, and the
//! others go through them.
#![allow(unsafe_code, reason = "a C boundary is made of raw pointers; each use has its SAFETY comment")]
#![allow(clippy::missing_safety_doc, reason = "the module states the one contract that all functions have")]

pub mod backoff;
pub mod error;
pub mod gate;
pub mod ledger;
pub mod limiter;
pub mod limiters;
pub mod mailroom;
pub mod provider;
pub mod suppressions;
pub mod values;
pub mod values_mailroom;
pub mod values_provider;

mod alone;
mod arena;

use arena::Owned;
use sendgate_core::{address::Address, vectors};
use std::{
    ffi::{CStr, CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::{self, NonNull},
    slice,
};
pub(crate) use values::{SendgateDecision, SendgateError, SendgateStatus, SendgateUsage, c_string};

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

/// Runs the work of a call; a failure and a panic both become a status and, when asked for, an error.
#[inline]
fn guarded(error: *mut *mut SendgateError, work: impl FnOnce() -> Result<(), Box<SendgateError>>) -> SendgateStatus {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(SendgateError::new(SendgateStatus::Panicked, "panicked", &"a bug in sendgate was caught"))
    });
    let Err(failure) = result else { return SendgateStatus::Ok };
    let status = failure.status;
    if let Some(place) = NonNull::new(error) {
        // SAFETY: not NULL, and by the contract a place for a pointer.
        unsafe { place.write(Box::into_raw(failure)) };
    }
    status
}

/// What a pointer that is only read points to.
fn read<'a, T>(name: &str, pointer: *const T) -> Result<&'a T, Box<SendgateError>> {
    // SAFETY: by the contract the pointer is NULL or valid for the whole call, in which the reference is used up.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// The place an out-parameter points to.
fn written<T>(name: &str, pointer: *mut T) -> Result<Out<T>, Box<SendgateError>> {
    NonNull::new(pointer).map(Out).ok_or_else(|| null(name))
}

/// A caller's place for an answer: only ever written, since what is in it may be nothing yet.
struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    fn set(self, value: T) -> Result<(), Box<SendgateError>> {
        // SAFETY: not NULL, and by the contract a place for a `T`, valid for the whole call.
        unsafe { self.0.write(value) };
        Ok(())
    }

    /// The same where a value is: it is dropped.
    fn replace(self, value: T) -> Result<(), Box<SendgateError>> {
        // SAFETY: not NULL, and by the contract a `T` that nobody else uses during the call.
        drop(unsafe { self.0.replace(value) });
        Ok(())
    }
}

fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str, Box<SendgateError>> {
    let first = read(name, pointer)?;
    // SAFETY: not NULL, and by the contract a zero byte ends the string.
    let bytes = unsafe { CStr::from_ptr(ptr::from_ref(first)) };
    bytes
        .to_str()
        .map_err(|_| SendgateError::new(SendgateStatus::NotUtf8, "not_utf8", &format_args!("{name} must be UTF-8")))
}

/// A text that may be left out.
fn optional<'a>(name: &str, pointer: *const c_char) -> Result<Option<&'a str>, Box<SendgateError>> {
    if pointer.is_null() { Ok(None) } else { text(name, pointer).map(Some) }
}

/// A list that a caller gives; NULL is one without items.
fn items<'a, T>(name: &str, first: *const T, count: usize) -> Result<&'a [T], Box<SendgateError>> {
    if count == 0 {
        return Ok(&[]);
    }
    let first = read(name, first)?;
    // SAFETY: not NULL, and by the contract `count` items can be read there during the whole call.
    Ok(unsafe { slice::from_raw_parts(ptr::from_ref(first), count) })
}

/// A caller's places for as many answers as it asked for.
fn places<T>(name: &str, first: *mut T, count: usize) -> Result<Places<T>, Box<SendgateError>> {
    if count == 0 {
        return Ok(Places { first: NonNull::dangling(), count });
    }
    Ok(Places { first: written(name, first)?.0, count })
}

/// Places that are only ever written.
struct Places<T> {
    first: NonNull<T>,
    count: usize,
}

impl<T> Places<T> {
    fn set(&self, index: usize, value: T) {
        if index < self.count {
            // SAFETY: by the contract there are `count` places, valid for the whole call.
            unsafe { self.first.add(index).write(value) };
        }
    }
}

/// Copies as many values as the caller asked for, and so has room for.
fn copy_out<T: Copy>(name: &str, values: &[T], buffer: *mut T) -> Result<(), Box<SendgateError>> {
    if values.is_empty() {
        return Ok(());
    }
    let first = written(name, buffer)?.0;
    // SAFETY: not NULL, by the contract so many values fit there, and `values` is elsewhere.
    unsafe { ptr::copy_nonoverlapping(values.as_ptr(), first.as_ptr(), values.len()) };
    Ok(())
}

/// Copies `values` into a caller's buffer and writes how many there are; the buffer may be NULL when its capacity is 0.
fn fill<T: Copy>(values: &[T], buffer: *mut T, capacity: usize, count: Out<usize>) -> Result<(), Box<SendgateError>> {
    count.set(values.len())?;
    if capacity < values.len() {
        let detail = format!("the buffer must hold {}, got {capacity}", values.len());
        return Err(SendgateError::new(SendgateStatus::BufferTooSmall, "buffer_too_small", &detail));
    }
    if buffer.is_null() {
        return Err(null("the buffer"));
    }
    copy_out("the buffer", values, buffer)
}

fn null(name: &str) -> Box<SendgateError> {
    SendgateError::new(SendgateStatus::NullPointer, "null_pointer", &format_args!("{name} must not be NULL"))
}

/// Gives a box back that a `_new` function or an error let go of.
fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, and by the contract it came from `Box::into_raw` and is freed once.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Gives back a struct with what it points into.
fn free_owned<V>(pointer: *mut V) {
    free(pointer.cast::<Owned<V>>());
}

/// Grows when a function is added.
const ABI_VERSION: u32 = 3;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

#[cfg(test)]
mod tests {
    use super::{
        error::{sendgate_error_code, sendgate_error_free, sendgate_error_text},
        *,
    };

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
            (SendgateStatus::InvalidArgument, 10),
            (SendgateStatus::InvalidConfig, 11),
            (SendgateStatus::InvalidMessage, 12),
            (SendgateStatus::UnsupportedFeature, 13),
            (SendgateStatus::CannotBuild, 14),
            (SendgateStatus::WebhookRefused, 15),
            (SendgateStatus::RateLimited, 16),
            (SendgateStatus::QuotaExceeded, 17),
            (SendgateStatus::IdempotencyConflict, 18),
            (SendgateStatus::StoreFailed, 19),
            (SendgateStatus::Refused, 20),
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
