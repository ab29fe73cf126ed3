//! The durable sender. Every call into the file or the network runs without the GIL (`py.detach`); it is held only to
//! read arguments, to make results, and while a transport of Python's runs.

use crate::{
    clock, error, instant,
    message::Message,
    provider::{Provider, Request},
    transport::{self, Callable},
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use sendgate_core::{
    mailroom::{Attempt, Effect},
    time::UnixMillis,
    transport::Call,
};
use sendgate_embed::{Carrier, Host, MailroomError, Roots, Secrets, Transport};
use serde::Deserialize;
use std::{collections::HashMap, path::PathBuf, time::Duration};

/// A durable sender on a SQLite file, for several threads and several processes on one file.
///
/// ``account`` is a Provider, or one account's configuration as a dict or JSON text, of which only ``providers`` has to be
/// there; ``settings`` are further fields of it. ``secrets`` has the values of the names that a configuration calls
/// ``credential``; without it they are environment variables. ``profile`` names the built-in limits of a Provider.
/// ``transport`` is a callable that takes an HttpRequest and returns a status, header fields and a body; it raises NotSent
/// when the provider surely has not got the request. ``lease_ms`` is how long a process that delivers is waited for after
/// its last sign of life.
///
/// Raises InvalidInput when the configuration is wrong, StoreFailed when the file cannot be used.
///
/// >>> import tempfile
/// >>> from sendgate import Due, HttpRequest, Mailroom, Message, Provider
/// >>> def carry(request: object) -> tuple[int, dict[str, str], bytes]:
/// ...     assert isinstance(request, HttpRequest)
/// ...     return 200, {}, b'{"ErrorCode": 0, "MessageID": "b7bc2f4a"}'
/// >>> mailroom = Mailroom(tempfile.mkdtemp() + "/mail.db", Provider("postmark", "token"))
/// >>> message = Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
/// >>> (receipt,) = mailroom.submit(message)
/// >>> while isinstance(due := mailroom.next(), Due):
/// ...     mailroom.settle(due, carry(due.request))
/// >>> trace = mailroom.trace(receipt.message_id or "")
/// >>> trace["status"] if trace else None
/// 'sent'
#[pyclass(module = "sendgate", frozen, subclass)]
pub(crate) struct Mailroom(sendgate_embed::Mailroom);

/// What became of a submitted message.
#[pyclass(module = "sendgate", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Receipt {
    #[serde(default)]
    message_id: Option<String>,
    status: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    error: Option<Refusal>,
}

/// Why a message was refused while others of its submission were taken.
#[derive(PartialEq, Eq, Hash, Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    errors: Vec<error::FieldError>,
}

/// A call that is to be carried out now, by a host that does so itself. It has to be settled.
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Due {
    attempt: Attempt,
    call: Call,
    timeout_ms: u64,
}

/// Nothing may leave before ``at`` (ms since 1970), unless something is submitted or settled.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct WaitUntil {
    /// Milliseconds since 1970.
    at: u64,
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<Receipt>,
}

/// What may stand for an account.
#[derive(FromPyObject)]
pub(crate) enum Account<'py> {
    Provider(PyRef<'py, Provider>),
    Text(String),
    Dict(Bound<'py, PyDict>),
}

/// One message, or several.
#[derive(FromPyObject)]
pub(crate) enum Messages {
    One(Py<Message>),
    Several(Vec<Py<Message>>),
}

/// What to do now.
#[derive(IntoPyObject)]
pub(crate) enum Next {
    Due(Due),
    Wait(WaitUntil),
}

#[pymethods]
impl Mailroom {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    #[pyo3(signature = (path, account, /, *, secrets=None, profile=None, transport=None, lease_ms=None, **settings))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        account: Account<'_>,
        secrets: Option<HashMap<String, String>>,
        profile: Option<&str>,
        transport: Option<Py<PyAny>>,
        #[pyo3(from_py_with = instant::span::lease_ms)] lease_ms: Option<u64>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (account, own) = account.configuration(py, profile, settings)?;
        let host = Host {
            secret: secret_of(own.or(secrets)),
            clock: Box::new(|| clock::now(None)),
            chance: Box::new(chance),
            compose: sendgate_mime::compose,
            transport: carrier(py, transport)?,
        };
        let lease_ms = lease_ms.unwrap_or(sendgate_embed::Mailroom::LEASE_MS);
        py.detach(|| sendgate_embed::Mailroom::open(&path, &account, lease_ms, host)).map(Self).map_err(error::mailroom)
    }

    /// Stores messages for delivery, all under one request's limits, and returns a Receipt for each.
    ///
    /// The same ``idempotency_key`` with the same messages gets the same receipts for 24 hours and stores nothing again.
    ///
    /// Raises InvalidMessage when no message can be taken, RateLimited and QuotaExceeded when a limit stands in the way,
    /// IdempotencyConflict, and StoreFailed. Nothing was accepted then.
    #[pyo3(signature = (messages, idempotency_key=None))]
    fn submit(&self, py: Python<'_>, messages: Messages, idempotency_key: Option<&str>) -> PyResult<Vec<Receipt>> {
        let submit = || {
            let reply = self.0.submit(messages.body().as_bytes(), idempotency_key)?;
            let accepted = (reply.status < 400).then(|| serde_json::from_slice::<Accepted>(&reply.body));
            Ok((reply, accepted))
        };
        let (reply, accepted) = py.detach(submit).map_err(error::mailroom)?;
        let Some(accepted) = accepted else { return Err(error::refused(&reply.body, reply.retry_at)) };
        accepted.map(|accepted| accepted.messages).map_err(|_| error::store("an answer cannot be read"))
    }

    /// Delivers in the background, from a thread that holds no GIL, until ``stop``. False when it does so already.
    fn run(&self, py: Python<'_>) -> PyResult<bool> {
        py.detach(|| self.0.run()).map_err(error::mailroom)
    }

    /// Ends the delivery in the background, when the calls under way are settled.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }

    /// Delivers until no message waits or is on its way, by whichever process, or for ``timeout`` seconds. Returns whether
    /// none is left.
    #[pyo3(signature = (timeout=None))]
    fn drain(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let until = transport::deadline(timeout)?;
        let is_ours = self.run(py)?;
        let drained = self.wait(py, until);
        if is_ours {
            self.stop(py);
        }
        drained
    }

    /// Where a message is and how it came there, as the API's ``GET /v1/messages/{id}`` tells it; None when there is none
    /// of this id.
    fn trace<'py>(&self, py: Python<'py>, message_id: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let view = py.detach(|| self.0.trace(message_id)).map_err(error::mailroom)?;
        view.map(|view| read(py, &view, None)).transpose()
    }

    /// What is in use of each quota in its current period, as the API's ``GET /v1/usage`` tells it.
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let view = py.detach(|| self.0.usage()).map_err(error::mailroom)?;
        read(py, &view, Some("usage"))
    }

    /// Every limit and where it stands, as the API's ``GET /v1/limits`` tells it.
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let view = py.detach(|| self.0.limits()).map_err(error::mailroom)?;
        read(py, &view, Some("limits"))
    }

    /// Closes the file, and lets nobody use it until ``_after_fork``. Not part of the package.
    fn _before_fork(&self, py: Python<'_>) {
        py.detach(|| self.0.before_fork());
    }

    /// Lets everybody go on. Not part of the package.
    fn _after_fork(&self, py: Python<'_>) {
        py.detach(|| self.0.after_fork());
    }

    /// The API's answer to a request of the owner's: a status and a body. Not part of the package.
    fn _ask<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> PyResult<(u16, Bound<'py, PyBytes>)> {
        let reply = py.detach(|| self.0.ask(method, path, query, body)).map_err(error::mailroom)?;
        Ok((reply.status, PyBytes::new(py, &reply.body)))
    }

    /// What to do now, for a host that delivers itself: a Due call, a WaitUntil, or None when nothing waits.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Next>> {
        let effect = py.detach(|| self.0.next()).map_err(error::mailroom)?;
        Ok(match effect {
            Effect::Send { attempt, call, timeout_ms } => Some(Next::Due(Due { attempt, call, timeout_ms })),
            Effect::Wait { until } => Some(Next::Wait(WaitUntil { at: until.as_millis() })),
            Effect::Idle => None,
        })
    }

    /// What became of a call that ``next`` gave: a status, header fields and a body, or ``"not_sent"``, or
    /// ``"maybe_sent"``.
    fn settle(&self, py: Python<'_>, due: &Due, outcome: &Bound<'_, PyAny>) -> PyResult<()> {
        let result = transport::result(outcome)?;
        py.detach(|| self.0.settle(due.attempt, result)).map_err(error::mailroom)
    }

    /// Carries a call that ``next`` gave with the Mailroom's own transport, and settles it.
    fn carry(&self, py: Python<'_>, due: &Due) -> PyResult<()> {
        let timeout = Duration::from_millis(due.timeout_ms);
        py.detach(|| self.0.carry(due.attempt, &due.call, timeout)).map_err(error::mailroom)
    }

    /// It is a file and a thread.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("a Mailroom holds a file and credentials and is not pickled: open it where it is needed"))
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, PyAny>) {
        self.stop(py);
    }
}

impl Mailroom {
    /// A signal, such as Ctrl-C, ends the wait.
    fn wait(&self, py: Python<'_>, until: UnixMillis) -> PyResult<bool> {
        loop {
            let slice = until.min(clock::now(None).plus(SIGNALS_MS));
            if py.detach(|| self.0.wait_until_empty(slice)).map_err(error::mailroom)? {
                return Ok(true);
            }
            py.check_signals()?;
            if clock::now(None) >= until {
                return Ok(false);
            }
        }
    }
}

/// The thread in the background may wait for the GIL that this one holds.
impl Drop for Mailroom {
    fn drop(&mut self) {
        Python::try_attach(|py| py.detach(|| self.0.stop()));
    }
}

#[pymethods]
impl Due {
    /// What to carry out.
    #[getter]
    fn request(&self, py: Python<'_>) -> PyResult<Request> {
        transport::request(py, &self.call)
    }

    /// Give up after so many milliseconds.
    #[getter]
    fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    /// The message, or the first one of several.
    #[getter]
    fn message_id(&self) -> String {
        self.attempt.message.to_string()
    }

    /// 1 for its first attempt.
    #[getter]
    fn attempt(&self) -> u32 {
        self.attempt.number
    }

    /// Only the Mailroom that gave it can settle it.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("a Due call belongs to its Mailroom and is not pickled"))
    }

    fn __repr__(&self) -> String {
        format!("Due(message_id='{}', attempt={})", self.attempt.message, self.attempt.number)
    }
}

#[pymethods]
impl WaitUntil {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("at",);

    #[new]
    const fn new(#[pyo3(from_py_with = instant::given::at)] at: u64) -> Self {
        Self { at }
    }

    /// ``at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.at)
    }

    fn __repr__(&self) -> String {
        format!("WaitUntil(at={})", self.at)
    }
}

#[pymethods]
impl Receipt {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str) = ("message_id", "status", "warnings", "code", "errors");

    #[new]
    #[pyo3(signature = (message_id, status, warnings=Vec::new(), code=None, errors=Vec::new()))]
    fn new(
        message_id: Option<String>,
        status: String,
        warnings: Vec<String>,
        code: Option<String>,
        errors: Vec<error::FieldError>,
    ) -> Self {
        Self { message_id, status, warnings, error: code.map(|code| Refusal { code, errors }) }
    }

    /// The message's id, by which ``trace`` finds it; None when it was refused.
    #[getter]
    fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// ``"queued"``, ``"suppressed"`` or ``"rejected"``.
    #[getter]
    fn status(&self) -> &str {
        &self.status
    }

    /// Words for what is not wrong but worth knowing, such as ``"missing_unsubscribe"``.
    #[getter]
    fn warnings(&self) -> Vec<&str> {
        self.warnings.iter().map(String::as_str).collect()
    }

    /// The stable word for why it was refused.
    #[getter]
    fn code(&self) -> Option<&str> {
        self.error.as_ref().map(|error| error.code.as_str())
    }

    /// What is wrong with it, fault by fault.
    #[getter]
    fn errors(&self) -> Vec<error::FieldError> {
        self.error.as_ref().map(|error| error.errors.clone()).unwrap_or_default()
    }

    /// The same as one text for people.
    #[getter]
    fn detail(&self) -> Option<String> {
        let fault = |fault: &error::FieldError| format!("{}: {}", fault.field, fault.detail);
        self.error.as_ref().map(|error| error.errors.iter().map(fault).collect::<Vec<_>>().join("; "))
    }

    fn __repr__(&self) -> String {
        let id = self.message_id.as_deref().map_or_else(|| "None".into(), |id| format!("'{id}'"));
        format!("Receipt(message_id={id}, status='{}')", self.status)
    }
}

impl Account<'_> {
    /// The configuration's JSON, and the secret that it names when it was made of a provider.
    pub(crate) fn configuration(
        self,
        py: Python<'_>,
        profile: Option<&str>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<(String, Option<HashMap<String, String>>)> {
        let json = py.import("json")?;
        let (fields, own) = match self {
            Self::Provider(provider) => {
                let account = serde_json::json!({ "providers": [provider.settings(profile)] }).to_string();
                (json.call_method1("loads", (account,))?, Some(provider.secret()))
            }
            Self::Text(text) if settings.is_none() => return Ok((text, None)),
            Self::Text(text) => (json.call_method1("loads", (text,))?, None),
            Self::Dict(dict) => (dict.copy()?.into_any(), None),
        };
        for (field, value) in settings.into_iter().flat_map(|settings| settings.iter()) {
            fields.set_item(field, value)?;
        }
        Ok((json.call_method1("dumps", (fields,))?.extract()?, own))
    }
}

impl Messages {
    /// Needs no GIL: a message does not change.
    fn body(&self) -> String {
        let messages = match self {
            Self::One(message) => vec![message.get().0.to_json()],
            Self::Several(messages) => messages.iter().map(|message| message.get().0.to_json()).collect(),
        };
        format!(r#"{{"messages":[{}]}}"#, messages.join(","))
    }
}

/// Reads JSON into Python's own values, or one field of it.
fn read<'py>(py: Python<'py>, view: &[u8], field: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    let value = py.import("json")?.call_method1("loads", (view,))?;
    field.map_or(Ok(value.clone()), |field| value.get_item(field))
}

/// The values of names: those that are given, or the process's environment.
fn secret_of(given: Option<HashMap<String, String>>) -> Secrets {
    match given {
        Some(given) => Box::new(move |name| given.get(name).cloned()),
        None => Box::new(|name| std::env::var(name).ok()),
    }
}

fn carrier(py: Python<'_>, transport: Option<Py<PyAny>>) -> PyResult<Box<dyn Transport>> {
    let carrier =
        py.detach(|| Carrier::new(&Roots::Public)).map_err(|error| error::mailroom(MailroomError::Carrier(error)))?;
    Ok(match transport {
        Some(carry) => Box::new(Callable { carry, carrier }),
        None => Box::new(carrier),
    })
}

/// A system without chance cannot make ids that are nobody else's: it is no system to send from.
#[allow(clippy::expect_used, reason = "nothing can go on without random numbers, and no caller could mend it")]
fn chance() -> u64 {
    getrandom::u64().expect("the system has random numbers")
}

/// How soon Ctrl-C is noticed.
const SIGNALS_MS: u64 = 200;
