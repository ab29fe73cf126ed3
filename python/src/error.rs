//! Exceptions: what the caller gave is malformed, or cannot be done. Later and never are answers, not errors.

use pyo3::{exceptions::PyTypeError, import_exception, prelude::*};
use sendgate_core::time::UnixMillis;
use sendgate_core::{
    address::AddressError,
    catalog::CatalogError,
    event::WebhookError,
    forecast::ForecastError,
    ledger::{LedgerError, Refusal},
    limiter::{LimiterError, StateError},
    message,
    provider::BuildError,
    suppression::{LoadError, TooManyEntries},
};
use sendgate_embed::MailroomError;
use serde::Deserialize;
use std::fmt;

// They are written in Python: abi3 below Python 3.12 cannot give an exception class fields of its own.
import_exception!(sendgate._errors, InvalidInput);
import_exception!(sendgate._errors, InvalidMessage);
import_exception!(sendgate._errors, UnsupportedFeature);
import_exception!(sendgate._errors, WebhookRefused);
import_exception!(sendgate._errors, RateLimited);
import_exception!(sendgate._errors, QuotaExceeded);
import_exception!(sendgate._errors, IdempotencyConflict);
import_exception!(sendgate._errors, StoreFailed);
import_exception!(sendgate._errors, NotSent);

/// One fault of one field of a message.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
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
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str) = ("field", "code", "detail");

    #[new]
    const fn new(field: String, code: String, detail: String) -> Self {
        Self { field, code, detail }
    }

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

/// An instant or a duration that cannot be one.
pub(crate) fn instant(code: &str, text: &str) -> PyErr {
    raise(code, &text)
}

/// Dimensions, or a question about them, that are not what a gate is asked.
pub(crate) fn gate(text: &str) -> PyErr {
    raise("malformed_gate", &text)
}

/// Quotas that are none.
pub(crate) fn quotas(text: &str) -> PyErr {
    raise("malformed_quotas", &text)
}

pub(crate) fn ledger(error: LedgerError) -> PyErr {
    raise(error.code(), &error)
}

pub(crate) fn reservation() -> PyErr {
    raise("no_reservation", &"this is not what a reservation prints")
}

/// A quota that stands in the way of units.
pub(crate) fn refusal(refusal: Refusal) -> PyErr {
    let period = refusal.period.as_str();
    let text = format!("the quota per {period} has {} free", refusal.free);
    with(QuotaExceeded::new_err(text), refusal.code(), |error| {
        error.setattr("retry_at", refusal.retry_at.map(UnixMillis::as_millis))?;
        error.setattr("period", period)?;
        error.setattr("free", refusal.free)
    })
}

/// As Python's own of what cannot be pickled.
pub(crate) fn no_pickle(text: &'static str) -> PyErr {
    PyTypeError::new_err(text)
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
    with(InvalidInput::new_err(text.to_string()), code, |_| Ok(()))
}

/// The fields of an exception.
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
