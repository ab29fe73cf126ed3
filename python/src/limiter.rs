//! The limiter and its answers.

use crate::{clock, error, instant};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList},
};
use sendgate_core::{
    limiter::{self, Window},
    time::UnixMillis,
};
use sendgate_embed::HeldLimiter;

/// It may leave now, and has been charged.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Allow {
    /// The instant the units count from, in milliseconds since 1970; a refund names it.
    charged_at: u64,
}

/// It may leave later.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Defer {
    /// The first instant (ms since 1970) at which the same question is allowed when nothing else happens.
    retry_at: u64,
    /// The window that says so, counted from 0.
    window: usize,
}

/// It may never leave: its cost is more than a window ever admits.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reject {
    /// The window that says so, counted from 0.
    window: usize,
}

/// What one window holds.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Usage {
    /// Units it ever admits at once.
    limit: u32,
    /// Units in use.
    used: u32,
    /// Units that may leave now.
    remaining: u32,
    /// The first instant at which ``remaining`` grows, or now.
    next_at: u64,
    /// The first instant at which all of ``limit`` remains, or now.
    full_at: u64,
}

#[pymethods]
impl Allow {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("charged_at",);

    #[new]
    const fn new(#[pyo3(from_py_with = instant::given::charged_at)] charged_at: u64) -> Self {
        Self { charged_at }
    }

    /// ``charged_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn charged_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.charged_at)
    }

    fn __repr__(&self) -> String {
        format!("Allow(charged_at={})", self.charged_at)
    }
}

#[pymethods]
impl Defer {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str) = ("retry_at", "window");

    #[new]
    const fn new(#[pyo3(from_py_with = instant::given::retry_at)] retry_at: u64, window: usize) -> Self {
        Self { retry_at, window }
    }

    /// ``retry_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn retry_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.retry_at)
    }

    fn __repr__(&self) -> String {
        format!("Defer(retry_at={}, window={})", self.retry_at, self.window)
    }
}

#[pymethods]
impl Reject {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("window",);

    #[new]
    const fn new(window: usize) -> Self {
        Self { window }
    }

    fn __repr__(&self) -> String {
        format!("Reject(window={})", self.window)
    }
}

#[pymethods]
impl Usage {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str) = ("limit", "used", "remaining", "next_at", "full_at");

    #[new]
    const fn new(
        limit: u32,
        used: u32,
        remaining: u32,
        #[pyo3(from_py_with = instant::given::next_at)] next_at: u64,
        #[pyo3(from_py_with = instant::given::full_at)] full_at: u64,
    ) -> Self {
        Self { limit, used, remaining, next_at, full_at }
    }

    /// ``next_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn next_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.next_at)
    }

    /// ``full_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn full_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.full_at)
    }

    fn __repr__(&self) -> String {
        format!(
            "Usage(limit={}, used={}, remaining={}, next_at={}, full_at={})",
            self.limit, self.used, self.remaining, self.next_at, self.full_at
        )
    }
}

/// Several windows, decided all at once, and their state in memory.
///
/// ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text. Threads may share a limiter.
///
/// Raises InvalidInput when the policy is malformed.
///
/// >>> from sendgate import Limiter
/// >>> limiter = Limiter({"windows": [{"kind": "sliding", "name": "second", "limit": 2, "period_ms": 1_000}]})
/// >>> [limiter.admit(1, 1_800_000_000_000) for _ in range(3)]
/// [True, True, False]
/// >>> limiter.decide(1, 1_800_000_000_000)
/// Defer(retry_at=1800000001000, window=0)
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Limiter {
    held: HeldLimiter,
    /// What it was made of, for copies.
    policy: String,
}

#[pymethods]
impl Limiter {
    #[new]
    fn new(policy: Policy<'_>) -> PyResult<Self> {
        let policy = policy.json()?;
        Ok(Self { held: HeldLimiter::from_json(&policy).map_err(error::policy)?, policy })
    }

    /// Decides whether ``cost`` units may leave at ``now_ms`` (now when absent) and, on an allow, charges them.
    ///
    /// A denial charges nothing. An instant earlier than one seen before is a normal input: it never frees budget.
    #[pyo3(signature = (cost=1, now_ms=None))]
    fn decide(&self, cost: u32, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> Decision {
        self.held.decide(cost, clock::now(now_ms)).into()
    }

    /// Whether ``cost`` units may leave at ``now_ms``; charges them if they may. As ``decide``, without a reason.
    #[pyo3(signature = (cost=1, now_ms=None))]
    fn admit(&self, cost: u32, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> bool {
        self.held.admit(cost, clock::now(now_ms))
    }

    /// The decision that ``decide`` would give, charging nothing.
    #[pyo3(signature = (cost=1, now_ms=None))]
    fn peek(&self, cost: u32, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> Decision {
        self.held.peek(cost, clock::now(now_ms)).into()
    }

    /// Records units that left anyway, past the limit if need be, and returns the instant they count from.
    #[pyo3(signature = (cost, now_ms=None))]
    fn charge(&self, cost: u32, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> u64 {
        self.held.charge(cost, clock::now(now_ms)).as_millis()
    }

    /// Takes back units that were charged at ``charged_at``.
    #[pyo3(signature = (cost, charged_at, now_ms=None))]
    fn refund(
        &self,
        cost: u32,
        #[pyo3(from_py_with = instant::given::charged_at)] charged_at: u64,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) {
        self.held.refund(cost, UnixMillis::new(charged_at), clock::now(now_ms));
    }

    /// What each window holds at ``now_ms``, in the policy's order.
    #[pyo3(signature = (now_ms=None))]
    fn usage(&self, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> Vec<Usage> {
        self.held.usage(clock::now(now_ms)).iter().map(Usage::from).collect()
    }

    /// The state's bytes, the same on every platform.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.held.state())
    }

    /// Goes on from a stored state of the same policy.
    ///
    /// Raises InvalidInput when the bytes are not one; the limiter then stays as it was.
    fn load(&self, state: &[u8]) -> PyResult<()> {
        self.held.load(state).map_err(error::state)
    }

    fn __repr__(&self) -> String {
        let names = self.held.windows().iter().map(Window::name).collect::<Vec<_>>().join(", ");
        format!("<sendgate.Limiter of {names}>")
    }

    fn __getnewargs__(&self) -> (String,) {
        (self.policy.clone(),)
    }

    /// A copy goes on by itself from where this one stands.
    fn __getstate__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.state(py)
    }

    fn __setstate__(&self, state: &[u8]) -> PyResult<()> {
        self.load(state)
    }
}

/// A policy as Python gives it.
#[derive(FromPyObject)]
pub(crate) enum Policy<'py> {
    Text(String),
    Dict(Bound<'py, PyDict>),
    List(Bound<'py, PyList>),
}

impl Policy<'_> {
    pub(crate) fn json(self) -> PyResult<String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Dict(dict) => dump(dict.as_any()),
            Self::List(list) => dump(list.as_any()),
        }
    }
}

fn dump(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.py().import("json")?.call_method1("dumps", (value,))?.extract()
}

/// One of three classes.
#[derive(IntoPyObject)]
pub(crate) enum Decision {
    Allow(Allow),
    Defer(Defer),
    Reject(Reject),
}

impl From<limiter::Decision> for Decision {
    fn from(decision: limiter::Decision) -> Self {
        match decision {
            limiter::Decision::Allow { charged_at } => Self::Allow(Allow { charged_at: charged_at.as_millis() }),
            limiter::Decision::Defer { retry_at, window } => {
                Self::Defer(Defer { retry_at: retry_at.as_millis(), window })
            }
            limiter::Decision::Reject { window } => Self::Reject(Reject { window }),
        }
    }
}

impl From<&limiter::Usage> for Usage {
    fn from(usage: &limiter::Usage) -> Self {
        let limiter::Usage { limit, used, remaining, next_at, full_at } = *usage;
        Self { limit, used, remaining, next_at: next_at.as_millis(), full_at: full_at.as_millis() }
    }
}
