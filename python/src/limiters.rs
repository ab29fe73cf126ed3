//! A limiter of many keys.

use crate::{
    clock, error, instant,
    limiter::{Decision, Policy, Usage},
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyList, PyString},
};
use sendgate_core::time::UnixMillis;
use sendgate_embed::HeldLimiters;

/// One policy, many keys, in memory: less than 200 bytes for each key with five windows.
///
/// ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text; a key is any str or bytes. ``most_keys`` bounds the
/// table: a further key is then refused until ``evict`` has made room, because nothing is forgotten that counts. Threads
/// may share it.
///
/// Raises InvalidInput when the policy is malformed.
///
/// >>> from sendgate import Limiters
/// >>> limiters = Limiters({"windows": [{"kind": "sliding", "name": "second", "limit": 1, "period_ms": 1_000}]})
/// >>> limiters.admit_many(["ann", "bob", "ann"], 1, 1_800_000_000_000)
/// [True, True, False]
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Limiters(HeldLimiters);

#[pymethods]
impl Limiters {
    #[new]
    #[pyo3(signature = (policy, *, most_keys=None))]
    fn new(policy: Policy<'_>, most_keys: Option<usize>) -> PyResult<Self> {
        let seed = [chance()?, chance()?];
        HeldLimiters::from_json(&policy.json()?, seed, most_keys).map(Self).map_err(error::policy)
    }

    /// Whether ``cost`` units of ``key`` may leave at ``now_ms`` (now when absent); charges them if they may.
    #[pyo3(signature = (key, cost=1, now_ms=None))]
    fn admit(
        &self,
        key: Key<'_>,
        cost: u32,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<bool> {
        Ok(self.0.admit(key.bytes()?, cost, clock::now(now_ms)))
    }

    /// ``admit`` for many keys at once, in their order: a bool for each.
    #[pyo3(signature = (keys, cost=1, now_ms=None))]
    fn admit_many<'py>(
        &self,
        keys: &Bound<'py, PyList>,
        cost: u32,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let keys_of = keys.iter().map(|key| key.extract::<Key<'_>>());
        let kept = keys_of.collect::<PyResult<Vec<_>>>()?;
        let names = kept.iter().map(Key::bytes).collect::<PyResult<Vec<_>>>()?;
        let mut admitted = Vec::with_capacity(names.len());
        self.0.admit_many(names, cost, clock::now(now_ms), &mut admitted);
        PyList::new(keys.py(), admitted)
    }

    /// Decides whether ``cost`` units of ``key`` may leave and, on an allow, charges them: an Allow, Defer or Reject.
    #[pyo3(signature = (key, cost=1, now_ms=None))]
    fn decide(
        &self,
        key: Key<'_>,
        cost: u32,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Decision> {
        Ok(self.0.decide(key.bytes()?, cost, clock::now(now_ms)).into())
    }

    /// The decision that ``decide`` would give, charging nothing.
    #[pyo3(signature = (key, cost=1, now_ms=None))]
    fn peek(
        &self,
        key: Key<'_>,
        cost: u32,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Decision> {
        Ok(self.0.peek(key.bytes()?, cost, clock::now(now_ms)).into())
    }

    /// Takes back units of ``key`` that were charged at ``charged_at``.
    #[pyo3(signature = (key, cost, charged_at, now_ms=None))]
    fn refund(
        &self,
        key: Key<'_>,
        cost: u32,
        #[pyo3(from_py_with = instant::given::charged_at)] charged_at: u64,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<()> {
        self.0.refund(key.bytes()?, cost, UnixMillis::new(charged_at), clock::now(now_ms));
        Ok(())
    }

    /// What each window of ``key`` holds, in the policy's order.
    #[pyo3(signature = (key, now_ms=None))]
    fn usage(
        &self,
        key: Key<'_>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Vec<Usage>> {
        Ok(self.0.usage(key.bytes()?, clock::now(now_ms)).iter().map(Usage::from).collect())
    }

    /// The bytes of a key's state, as ``Limiter.state`` has them.
    fn state<'py>(&self, py: Python<'py>, key: Key<'_>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.state(key.bytes()?)))
    }

    /// Goes on from a stored state of ``key``; False when the table is full.
    ///
    /// Raises InvalidInput when the bytes are not a state of this policy; what was held then stays.
    fn load(&self, key: Key<'_>, state: &[u8]) -> PyResult<bool> {
        self.0.load(key.bytes()?, state).map_err(error::state)
    }

    /// Forgets keys in whose windows nothing is in use, and returns how many. ``most`` bounds how many are looked at;
    /// the next call goes on from there.
    #[pyo3(signature = (most=None, now_ms=None))]
    fn evict(&self, most: Option<usize>, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> usize {
        self.0.evict(most.unwrap_or(usize::MAX), clock::now(now_ms))
    }

    /// Bytes of memory that the table has taken.
    #[getter]
    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    /// Names are not kept, only their hashes under this table's own chance.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("Limiters keep no names and are not pickled: store state(key) of the keys that matter"))
    }

    fn __repr__(&self) -> String {
        format!("<sendgate.Limiters of {} keys>", self.0.len())
    }

    /// Keys that are held.
    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// A key as Python gives it.
#[derive(FromPyObject)]
pub(crate) enum Key<'py> {
    Text(Bound<'py, PyString>),
    Bytes(Bound<'py, PyBytes>),
}

impl Key<'_> {
    fn bytes(&self) -> PyResult<&[u8]> {
        match self {
            Self::Text(text) => Ok(text.to_str()?.as_bytes()),
            Self::Bytes(bytes) => Ok(bytes.as_bytes()),
        }
    }
}

fn chance() -> PyResult<u64> {
    getrandom::u64().map_err(|error| pyo3::exceptions::PyOSError::new_err(error.to_string()))
}
