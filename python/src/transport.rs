//! A transport of Python's: a callable that carries HTTP requests.

use crate::{
    clock, error,
    provider::{Headers, HttpRequest, Request},
};
use pyo3::{prelude::*, types::PyBytes};
use sendgate_core::{
    http::HttpResponse,
    outcome::TransportFailure,
    transport::{Call, Reply},
};
use sendgate_embed::{Carrier, Transport};
use std::time::Duration;

/// Calls the callable with the GIL; mails to mail servers go by the built-in carrier, without it.
pub(crate) struct Callable {
    pub(crate) carry: Py<PyAny>,
    pub(crate) carrier: Carrier,
}

impl Transport for Callable {
    fn carry(&self, call: &Call, timeout: Duration) -> Result<Reply, TransportFailure> {
        let Call::Http(request) = call else { return self.carrier.carry(call, timeout) };
        // A long mail is copied before the GIL is taken.
        let request = request.clone().into();
        // An interpreter that ends has nobody to ask any more, and nothing was sent.
        Python::try_attach(|py| self.ask(py, request)).unwrap_or(Err(TransportFailure::NotSent))
    }
}

impl Callable {
    fn ask(&self, py: Python<'_>, request: HttpRequest) -> Result<Reply, TransportFailure> {
        let called = self.carry.bind(py).call1((request,)).and_then(|answer| reply(&answer));
        called.map_err(|raised| {
            if raised.is_instance_of::<error::NotSent>(py) {
                return TransportFailure::NotSent;
            }
            // Nobody waits for the exception, and the request may have left before it was raised.
            raised.write_unraisable(py, Some(self.carry.bind(py)));
            TransportFailure::MaybeSent
        })
    }
}

/// What a transport returns: status, header fields, body.
pub(crate) fn reply(answer: &Bound<'_, PyAny>) -> PyResult<Reply> {
    let wrong = |_| error::answer("an answer is a tuple of a status, header fields and the body's bytes");
    let (status, headers, body) = answer.extract::<(u16, Headers<'_>, Bound<'_, PyBytes>)>().map_err(wrong)?;
    Ok(Reply::Http(HttpResponse { status, headers: headers.pairs()?, body: body.as_bytes().to_vec() }))
}

/// What became of a call: an answer, ``"not_sent"`` or ``"maybe_sent"``.
pub(crate) fn result(outcome: &Bound<'_, PyAny>) -> PyResult<Result<Reply, TransportFailure>> {
    match outcome.extract::<&str>() {
        Ok("not_sent") => Ok(Err(TransportFailure::NotSent)),
        Ok("maybe_sent") => Ok(Err(TransportFailure::MaybeSent)),
        Ok(_) => Err(error::answer("what became of a call is an answer, 'not_sent' or 'maybe_sent'")),
        Err(_) => reply(outcome).map(Ok),
    }
}

/// The call as Python sees it.
pub(crate) fn request(py: Python<'_>, call: &Call) -> PyResult<Request> {
    Request::of(py.detach(|| call.clone()))
}

/// The instant so many seconds from now; the end of time without one.
pub(crate) fn deadline(seconds: Option<f64>) -> PyResult<sendgate_core::time::UnixMillis> {
    let Some(seconds) = seconds else { return Ok(sendgate_core::time::UnixMillis::MAX) };
    let wait = Duration::try_from_secs_f64(seconds.max(0.0));
    let wait = wait.map_err(|_| error::answer("a timeout is a number of seconds"))?;
    Ok(clock::now(None).plus(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}
