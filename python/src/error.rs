//! One exception: what the caller gave is malformed. Later and never are answers, not errors.

use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use sendgate_core::{
    address::AddressError,
    limiter::{LimiterError, StateError},
};
use std::fmt;

create_exception!(
    sendgate,
    SendgateError,
    PyValueError,
    "What was given is malformed. ``code`` is a stable word for why, the same in every language."
);

pub(crate) fn policy(error: LimiterError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn state(error: StateError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn address(error: AddressError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn variant(text: &str) -> PyErr {
    raise("unknown_variant", &text)
}

pub(crate) fn vector(error: impl fmt::Display) -> PyErr {
    raise("vector", &error)
}

/// abi3 below Python 3.12 cannot give an exception class fields of its own, so the word is set on the instance.
fn raise(code: &'static str, text: &dyn fmt::Display) -> PyErr {
    let error = SendgateError::new_err(text.to_string());
    match Python::attach(|py| error.value(py).setattr("code", code)) {
        Ok(()) => error,
        Err(failed) => failed,
    }
}
