//! What an error tells.

use super::{SendgateError, free, values::SendgateErrorData};
use std::{ffi::c_char, ptr};

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

/// The error's data: what of them its kind has. They live as long as the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_error_data(error: *const SendgateError) -> *const SendgateErrorData {
    // SAFETY: by the contract `error` is NULL or an error not yet freed.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| &raw const error.data)
}

/// Frees an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_error_free(error: *mut SendgateError) {
    free(error);
}
