//! When to try again after a failure that passes.

use crate::{clock, error, instant};
use pyo3::{prelude::*, types::PyDict};
use sendgate_core::{
    backoff::{self, Jitter},
    time::UnixMillis,
};

/// Try again at this instant.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RetryAt {
    /// Milliseconds since 1970.
    retry_at: u64,
}

/// Give up: as many attempts failed as the policy allows.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Exhausted {
    /// How many attempts failed.
    attempts: u32,
}

#[pymethods]
impl RetryAt {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("retry_at",);

    #[new]
    const fn new(#[pyo3(from_py_with = instant::given::retry_at)] retry_at: u64) -> Self {
        Self { retry_at }
    }

    /// ``retry_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn retry_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.retry_at)
    }

    fn __repr__(&self) -> String {
        format!("RetryAt(retry_at={})", self.retry_at)
    }
}

#[pymethods]
impl Exhausted {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("attempts",);

    #[new]
    const fn new(attempts: u32) -> Self {
        Self { attempts }
    }

    fn __repr__(&self) -> String {
        format!("Exhausted(attempts={})", self.attempts)
    }
}

/// A retry policy: exponential with jitter, under a server's word. What is not given is the core's default.
///
/// Raises InvalidInput when ``jitter`` is neither ``"full"`` nor ``"none"``.
///
/// >>> from datetime import timedelta
/// >>> from sendgate import Backoff
/// >>> backoff = Backoff(base_ms=timedelta(seconds=1), max_attempts=3, jitter="none")
/// >>> [backoff.next(attempts, 0, 1_800_000_000_000) for attempts in (1, 2, 3)]
/// [RetryAt(retry_at=1800000001000), RetryAt(retry_at=1800000002000), Exhausted(attempts=3)]
#[pyclass(module = "sendgate", frozen, eq)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff(backoff::Backoff);

#[pymethods]
impl Backoff {
    #[new]
    #[pyo3(signature = (*, base_ms=None, cap_ms=None, max_attempts=None, jitter=None))]
    fn new(
        #[pyo3(from_py_with = instant::span::base_ms)] base_ms: Option<u64>,
        #[pyo3(from_py_with = instant::span::cap_ms)] cap_ms: Option<u64>,
        max_attempts: Option<u32>,
        jitter: Option<&str>,
    ) -> PyResult<Self> {
        let mut policy = backoff::Backoff::default();
        policy.base_ms = base_ms.unwrap_or(policy.base_ms);
        policy.cap_ms = cap_ms.unwrap_or(policy.cap_ms);
        policy.max_attempts = max_attempts.unwrap_or(policy.max_attempts);
        policy.jitter = jitter.map(spread).transpose()?.unwrap_or(policy.jitter);
        Ok(Self(policy))
    }

    /// Decides after ``attempts`` failed attempts when to try again.
    ///
    /// ``hint_ms`` is the first instant the server allows, when it named one; ``entropy`` is a fresh random number of
    /// 64 bits for each attempt.
    #[pyo3(signature = (attempts, entropy, now_ms=None, *, hint_ms=None))]
    fn next(
        &self,
        attempts: u32,
        entropy: u64,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
        #[pyo3(from_py_with = instant::maybe::hint_ms)] hint_ms: Option<u64>,
    ) -> Retry {
        self.0.next(attempts, hint_ms.map(UnixMillis::new), entropy, clock::now(now_ms)).into()
    }

    /// The least wait, in milliseconds.
    #[getter]
    fn base_ms(&self) -> u64 {
        self.0.base_ms
    }

    /// The longest wait, in milliseconds; only a server's hint can make it longer.
    #[getter]
    fn cap_ms(&self) -> u64 {
        self.0.cap_ms
    }

    /// How many attempts may fail in all, the first one counted.
    #[getter]
    fn max_attempts(&self) -> u32 {
        self.0.max_attempts
    }

    /// How retries are spread: ``"full"`` or ``"none"``.
    #[getter]
    fn jitter(&self) -> &'static str {
        word(self.0.jitter)
    }

    /// Equal policies have equal hashes.
    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = self.0;
        let mut hasher = DefaultHasher::new();
        (base_ms, cap_ms, max_attempts, word(jitter)).hash(&mut hasher);
        hasher.finish()
    }

    /// Its arguments have names only.
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = self.0;
        let named = PyDict::new(py);
        named.set_item("base_ms", base_ms)?;
        named.set_item("cap_ms", cap_ms)?;
        named.set_item("max_attempts", max_attempts)?;
        named.set_item("jitter", word(jitter))?;
        Ok(((), named))
    }

    fn __repr__(&self) -> String {
        let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = self.0;
        let jitter = word(jitter);
        format!("Backoff(base_ms={base_ms}, cap_ms={cap_ms}, max_attempts={max_attempts}, jitter='{jitter}')")
    }
}

/// One of two classes.
#[derive(IntoPyObject)]
enum Retry {
    At(RetryAt),
    Exhausted(Exhausted),
}

impl From<backoff::Retry> for Retry {
    fn from(retry: backoff::Retry) -> Self {
        match retry {
            backoff::Retry::At(at) => Self::At(RetryAt { retry_at: at.as_millis() }),
            backoff::Retry::Exhausted { attempts } => Self::Exhausted(Exhausted { attempts }),
        }
    }
}

fn word(jitter: Jitter) -> &'static str {
    match jitter {
        Jitter::Full => "full",
        Jitter::None => "none",
    }
}

fn spread(given: &str) -> PyResult<Jitter> {
    let known = [Jitter::Full, Jitter::None].into_iter().find(|jitter| word(*jitter) == given);
    known.ok_or_else(|| error::variant("jitter must be 'full' or 'none'"))
}
