//! Exceptions: what the caller gave is malformed, or cannot be done. Later and never are answers, not errors.

use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use sendgate_core::{
    address::AddressError,
    event::WebhookError,
    limiter::{LimiterError, StateError},
    message,
    provider::BuildError,
    suppression::{LoadError, TooManyEntries},
};
use std::fmt;

create_exception!(
    sendgate,
    SendgateError,
    PyValueError,
    "What was given is malformed. ``code`` is a stable word for why, the same in every language."
);

create_exception!(sendgate, InvalidMessage, SendgateError, "A message cannot be read. ``errors`` has every fault.");
create_exception!(
    sendgate,
    UnsupportedFeature,
    SendgateError,
    "The provider lacks what the message needs. ``feature`` says what, ``provider`` who."
);
create_exception!(sendgate, WebhookRefused, SendgateError, "A report is not to be believed. ``code`` says why.");

/// One fault of one field of a message.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct FieldError {
    /// The path of the field, such as ``attachments[3].content``; empty for the message itself.
    field: String,
    /// The stable word for the fault.
    code: &'static str,
    /// A sentence for people, with the bound. Never a value of the message.
    detail: String,
}

#[pymethods]
impl FieldError {
    fn __repr__(&self) -> String {
        format!("FieldError(field='{}', code='{}', detail='{}')", self.field, self.code, self.detail)
    }
}

/// The code of the first fault is the exception's.
pub(crate) fn message(faults: Vec<message::FieldError>) -> PyErr {
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let code = faults.first().map_or("invalid_message", |fault| fault.code);
    let faults =
        faults.into_iter().map(|message::FieldError { field, code, detail }| FieldError { field, code, detail });
    let faults: Vec<FieldError> = faults.collect();
    let error = InvalidMessage::new_err(text);
    with(error, code, |error| error.setattr("errors", faults))
}

pub(crate) fn build(error: BuildError) -> PyErr {
    let BuildError::Unsupported(gap) = error else { return raise(error.code(), &error) };
    with(UnsupportedFeature::new_err(gap.to_string()), gap.code(), |error| {
        error.setattr("feature", gap.feature)?;
        error.setattr("provider", gap.provider)
    })
}

pub(crate) fn webhook(error: WebhookError) -> PyErr {
    with(WebhookRefused::new_err(error.to_string()), error.code(), |_| Ok(()))
}

/// A setting of a provider, or an argument of a call to it, that cannot be.
pub(crate) fn provider(field: &str, fault: &str) -> PyErr {
    raise("provider_incomplete", &format!("{field} {fault}"))
}

pub(crate) fn policy(error: LimiterError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn state(error: StateError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn too_many(error: TooManyEntries) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn set(error: LoadError) -> PyErr {
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

fn raise(code: &'static str, text: &dyn fmt::Display) -> PyErr {
    with(SendgateError::new_err(text.to_string()), code, |_| Ok(()))
}

/// abi3 below Python 3.12 cannot give an exception class fields of its own, so they are set on the instance.
fn with(error: PyErr, code: &'static str, more: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>) -> PyErr {
    let filled = Python::attach(|py| {
        let error = error.value(py);
        error.setattr("code", code)?;
        more(error)
    });
    filled.err().unwrap_or(error)
}
