//! Exceptions: what the caller gave is malformed, or cannot be done. Later and never are answers, not errors.

use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use sendgate_core::time::UnixMillis;
use sendgate_core::{
    address::AddressError,
    catalog::CatalogError,
    event::WebhookError,
    forecast::ForecastError,
    limiter::{LimiterError, StateError},
    message,
    provider::BuildError,
    suppression::{LoadError, TooManyEntries},
};
use sendgate_embed::MailroomError;
use serde::Deserialize;
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

create_exception!(
    sendgate,
    RateLimited,
    SendgateError,
    "A window admits no more for now. ``retry_at`` (ms since 1970) is the first instant at which the same submission \
     will do, ``window`` the one that is full."
);
create_exception!(
    sendgate,
    QuotaExceeded,
    SendgateError,
    "A quota is used up. ``period`` is ``\"day\"``, ``\"month\"`` or ``\"year\"``, and ``retry_at`` (ms since 1970) its \
     end; both are None when waiting does not help."
);
create_exception!(
    sendgate,
    IdempotencyConflict,
    SendgateError,
    "The idempotency key was used for other messages in the last 24 hours."
);
create_exception!(
    sendgate,
    StoreFailed,
    SendgateError,
    "The file cannot be used now, and nothing was accepted. ``code`` says why."
);
create_exception!(
    sendgate,
    NotSent,
    SendgateError,
    "For a transport to raise when the provider surely has not got the request."
);

/// One fault of one field of a message.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct FieldError {
    /// The path of the field, such as ``attachments[3].content``; empty for the message itself.
    pub(crate) field: String,
    /// The stable word for the fault.
    code: String,
    /// A sentence for people, with the bound. Never a value of the message.
    pub(crate) detail: String,
}

#[pymethods]
impl FieldError {
    fn __repr__(&self) -> String {
        format!("FieldError(field='{}', code='{}', detail='{}')", self.field, self.code, self.detail)
    }
}

/// A refusal's body (RFC 9457), as far as exceptions tell of it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

/// The code of the first fault is the exception's.
pub(crate) fn message(faults: Vec<message::FieldError>) -> PyErr {
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let code = faults.first().map_or("invalid_message", |fault| fault.code);
    let faults = faults.into_iter().map(|message::FieldError { field, code, detail }| FieldError {
        field,
        code: code.into(),
        detail,
    });
    invalid(text, code, faults.collect())
}

fn invalid(text: String, code: &str, faults: Vec<FieldError>) -> PyErr {
    with(InvalidMessage::new_err(text), code, |error| error.setattr("errors", faults))
}

/// A refusal of the account's: the API's own body of it, and when the same request will do.
pub(crate) fn refused(body: &[u8], retry_at: Option<UnixMillis>) -> PyErr {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else { return store("an answer cannot be read") };
    let Problem { code, detail, window, errors } = problem;
    let retry_at = retry_at.map(UnixMillis::as_millis);
    match code.as_str() {
        "rate_limit_exceeded" => with(RateLimited::new_err(detail), &code, |error| {
            error.setattr("retry_at", retry_at)?;
            error.setattr("window", window)
        }),
        "quota_daily" | "quota_monthly" | "quota_yearly" | "overquota" => {
            let period = PERIODS.iter().find(|(known, _)| *known == code).map(|(_, period)| *period);
            with(QuotaExceeded::new_err(detail), &code, |error| {
                error.setattr("retry_at", retry_at)?;
                error.setattr("period", period)
            })
        }
        "idempotency_conflict" => with(IdempotencyConflict::new_err(detail), &code, |_| Ok(())),
        "store_failed" => store(&detail),
        _ if !errors.is_empty() => {
            let text = errors.iter().map(|fault| format!("{}: {}", fault.field, fault.detail));
            invalid(text.collect::<Vec<_>>().join("; "), &code, errors)
        }
        _ => raise(&code, &detail),
    }
}

pub(crate) fn mailroom(error: MailroomError) -> PyErr {
    match &error {
        MailroomError::Database(_) | MailroomError::Store(_) => {
            with(StoreFailed::new_err(error.to_string()), error.code(), |_| Ok(()))
        }
        MailroomError::Config(_)
        | MailroomError::MissingCredential(_)
        | MailroomError::Carrier(_)
        | MailroomError::Forked => raise(error.code(), &error),
    }
}

pub(crate) fn store(text: &str) -> PyErr {
    with(StoreFailed::new_err(text.to_owned()), "store_failed", |_| Ok(()))
}

/// What an answer of a transport has to be.
pub(crate) fn answer(text: &str) -> PyErr {
    raise("invalid_answer", &text)
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

pub(crate) fn forecast(error: ForecastError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn catalog(error: CatalogError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn variant(text: &str) -> PyErr {
    raise("unknown_variant", &text)
}

pub(crate) fn vector(error: impl fmt::Display) -> PyErr {
    raise("vector", &error)
}

fn raise(code: &str, text: &dyn fmt::Display) -> PyErr {
    with(SendgateError::new_err(text.to_string()), code, |_| Ok(()))
}

/// abi3 below Python 3.12 cannot give an exception class fields of its own, so they are set on the instance.
fn with(error: PyErr, code: &str, more: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>) -> PyErr {
    let filled = Python::attach(|py| {
        let error = error.value(py);
        error.setattr("code", code)?;
        more(error)
    });
    filled.err().unwrap_or(error)
}

/// The quota that a refusal speaks of.
const PERIODS: [(&str, &str); 3] = [("quota_daily", "day"), ("quota_monthly", "month"), ("quota_yearly", "year")];
