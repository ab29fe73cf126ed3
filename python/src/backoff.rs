//! When to try again after a failure that passes.

use crate::error;
use pyo3::prelude::*;
use sendgate_core::{
    backoff::{self, Jitter},
    time::UnixMillis,
};

/// Try again at this instant.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RetryAt {
    /// Milliseconds since 1970.
    retry_at: u64,
}

/// Give up: as many attempts failed as the policy allows.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields")]
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

    fn __repr__(&self) -> String {
        format!("RetryAt(retry_at={})", self.retry_at)
    }
}

#[pymethods]
impl Exhausted {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("attempts",);

    fn __repr__(&self) -> String {
        format!("Exhausted(attempts={})", self.attempts)
    }
}

/// A retry policy: exponential with jitter, under a server's word. What is not given is the core's default.
///
/// Raises SendgateError when ``jitter`` is neither ``"full"`` nor ``"none"``.
#[pyclass(module = "sendgate", frozen, eq)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff(backoff::Backoff);

#[pymethods]
impl Backoff {
    #[new]
    #[pyo3(signature = (*, base_ms=None, cap_ms=None, max_attempts=None, jitter=None))]
    fn new(
        base_ms: Option<u64>,
        cap_ms: Option<u64>,
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
    #[pyo3(signature = (attempts, entropy, now_ms, *, hint_ms=None))]
    fn next(&self, attempts: u32, entropy: u64, now_ms: u64, hint_ms: Option<u64>) -> Retry {
        self.0.next(attempts, hint_ms.map(UnixMillis::new), entropy, UnixMillis::new(now_ms)).into()
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
