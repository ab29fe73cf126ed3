//! The `sendgate` wheel: conversions around the core, and nothing else.
//!
//! A function here turns Python's arguments into the core's, calls it, and turns its answer back. Defaults, bounds and
//! decisions are the core's.
#![forbid(unsafe_code)]

mod backoff;
mod clock;
mod error;
mod forecast;
mod gate;
mod instant;
mod ledger;
mod limiter;
mod limiters;
mod lint;
mod mailroom;
mod message;
mod provider;
mod suppressions;
mod transport;
mod values;
mod webhook;

use pyo3::{prelude::*, types::PyTuple};
use sendgate_core::{address::Address, provider::ProviderKind, vectors};

/// The native half of the `sendgate` package.
#[pymodule]
mod _sendgate {
    #[pymodule_export]
    use super::{
        backoff::{Backoff, Exhausted, RetryAt},
        error::FieldError,
        evaluate,
        forecast::{Forecast, LimitId, Stretch, Waiting, plan, simulate},
        gate::{Binding, Deferred, Gate, Occupied, Passed, Refused, Standing},
        ledger::{Ledger, QuotaUsage, Reservation},
        limiter::{Allow, Defer, Limiter, Reject, Usage},
        limiters::Limiters,
        lint::{Finding, known, lint},
        mailroom::{Due, Mailroom, Receipt, WaitUntil},
        message::Message,
        normalize_address,
        provider::{Answer, HttpRequest, Provider, SmtpRequest},
        suppressions::Suppressions,
        webhook::{Confirm, Event, NeedsCertificate},
    };

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        super::PyModuleMethods::add(module, "PROVIDERS", super::providers(module.py())?)?;
        super::PyModuleMethods::add(module, "__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The form of an address under which it is suppressed: lower case, its domain in ASCII.
///
/// Raises InvalidInput when it is no address; the error's text does not repeat it.
#[pyfunction]
fn normalize_address(address: &str) -> PyResult<String> {
    Ok(Address::parse(address).map_err(error::address)?.key())
}

/// The words of every provider there is.
fn providers(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, ProviderKind::ALL.map(ProviderKind::as_str))
}

/// What the core answers to one of the project's own test vectors. Not part of the package.
#[pyfunction]
#[pyo3(name = "_evaluate")]
fn evaluate(suite: &str, case_json: &str) -> PyResult<String> {
    vectors::evaluate(suite, case_json).map_err(error::vector)
}
