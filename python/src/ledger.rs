//! The ledger and its answers.

use crate::{clock, error, instant, limiter::Policy};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use sendgate_core::ledger::{self, Overdelivery, Quota};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Units taken from the quotas, to be committed or released later.
///
/// ``text`` is what a Reservation prints: store it with the message.
///
/// Raises InvalidInput for any other text.
#[pyclass(module = "sendgate", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reservation(ledger::Reservation);

/// How one quota stands in its current period.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct QuotaUsage {
    /// ``"day"``, ``"month"`` or ``"year"``.
    period: String,
    /// Its limit.
    limit: u64,
    /// Units accepted and not yet handed over.
    reserved: u64,
    /// Units handed over.
    committed: u64,
    /// Units accepted and given back.
    released: u64,
    /// Units that may still be reserved without being over.
    free: u64,
    /// Units in use beyond the limit.
    over: u64,
    /// The start of the current period, in milliseconds since 1970.
    starts_at: u64,
    /// The end of the current period, in milliseconds since 1970.
    resets_at: u64,
}

/// What an account may still accept: units reserved at acceptance, committed when handed over, released when not.
///
/// ``quotas`` are limits for each local day, month or year: ``{"day": 100, "month": 2_000}``, or a list of
/// ``{"period": ..., "limit": ...}``, or its JSON text. ``time_zone`` is an IANA name. ``overdelivery`` is what happens
/// when more is asked for than is free: ``"block"``, ``"allow_and_count"`` or ``{"allow_up_to": units}``. Threads may
/// share a ledger.
///
/// Raises InvalidInput when a quota is malformed or there is no such time zone.
///
/// >>> from sendgate import Ledger, QuotaExceeded
/// >>> ledger = Ledger({"day": 100}, "Europe/Rome")
/// >>> noon = 1_800_000_000_000
/// >>> reservation = ledger.reserve(98, noon)
/// >>> try:
/// ...     ledger.reserve(3, noon)
/// ... except QuotaExceeded as spent:
/// ...     print(spent.period, spent.free, spent.retry_at_datetime)
/// day 2 2027-01-15 23:00:00+00:00
/// >>> ledger.commit(reservation, 90)
/// >>> ledger.release(reservation, 8)
/// >>> ledger.usage(noon)
/// [<sendgate.QuotaUsage a day: 0 reserved, 90 committed, 10 of 100 free>]
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Ledger {
    held: Mutex<ledger::Ledger>,
    quotas: Vec<Quota>,
    time_zone: String,
    overdelivery: Overdelivery,
}

#[pymethods]
impl Ledger {
    #[new]
    #[pyo3(signature = (quotas, time_zone="UTC", *, overdelivery=None))]
    fn new(quotas: Policy<'_>, time_zone: &str, overdelivery: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let quotas = read_quotas(quotas)?;
        let overdelivery = overdelivery.map(read_overdelivery).transpose()?.unwrap_or_default();
        let held = ledger::Ledger::new(&quotas, time_zone).map_err(error::ledger)?.with_overdelivery(overdelivery);
        Ok(Self { held: Mutex::new(held), quotas, time_zone: time_zone.into(), overdelivery })
    }

    /// Takes ``units`` from every quota, or from none, at ``now_ms`` (now when absent).
    ///
    /// Raises QuotaExceeded, which names the period that stands longest in the way.
    #[pyo3(signature = (units=1, now_ms=None))]
    fn reserve(
        &self,
        units: u64,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Reservation> {
        self.locked().reserve(units, clock::now(now_ms)).map(Reservation).map_err(error::refusal)
    }

    /// The QuotaExceeded that ``reserve`` would raise, or None; takes nothing.
    #[pyo3(signature = (units=1, now_ms=None))]
    fn peek(&self, units: u64, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> Option<PyErr> {
        self.locked().clone().reserve(units, clock::now(now_ms)).err().map(error::refusal)
    }

    /// Turns reserved units into committed ones: they have been handed over. All of the reservation's when ``units`` is
    /// absent, and never more than those.
    #[pyo3(signature = (reservation, units=None, now_ms=None))]
    fn commit(
        &self,
        reservation: &Reservation,
        units: Option<u64>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) {
        self.locked().commit(&reservation.0, units.unwrap_or(reservation.0.units), clock::now(now_ms));
    }

    /// Gives reserved units back: they will not be handed over. All of the reservation's when ``units`` is absent, and
    /// never more than those.
    #[pyo3(signature = (reservation, units=None, now_ms=None))]
    fn release(
        &self,
        reservation: &Reservation,
        units: Option<u64>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) {
        self.locked().release(&reservation.0, units.unwrap_or(reservation.0.units), clock::now(now_ms));
    }

    /// How every quota stands in the period that holds ``now_ms``.
    #[pyo3(signature = (now_ms=None))]
    fn usage(&self, #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>) -> Vec<QuotaUsage> {
        self.locked().usage(clock::now(now_ms)).iter().map(QuotaUsage::from).collect()
    }

    /// The ledger's bytes, the same on every platform. Its terms are not in them.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.locked().as_bytes())
    }

    /// Goes on from a stored ledger, which may have been kept under other terms: nothing is freed by that.
    ///
    /// Raises InvalidInput when the bytes are none; the ledger then stays as it was.
    fn load(&self, state: &[u8]) -> PyResult<()> {
        let loaded = ledger::Ledger::load(&self.quotas, &self.time_zone, state).map_err(error::ledger)?;
        *self.locked() = loaded.with_overdelivery(self.overdelivery);
        Ok(())
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((String, String), Bound<'py, PyDict>)> {
        let unreadable = |error: serde_json::Error| error::quotas(&error.to_string());
        let named = PyDict::new(py);
        let overdelivery = serde_json::to_string(&self.overdelivery).map_err(unreadable)?;
        named.set_item("overdelivery", py.import("json")?.call_method1("loads", (overdelivery,))?)?;
        let quotas = serde_json::to_string(&self.quotas).map_err(unreadable)?;
        Ok(((quotas, self.time_zone.clone()), named))
    }

    /// A copy goes on by itself from where this one stands.
    fn __getstate__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.state(py)
    }

    fn __setstate__(&self, state: &[u8]) -> PyResult<()> {
        self.load(state)
    }

    fn __repr__(&self) -> String {
        let quota = |quota: &Quota| format!("{} a {}", quota.limit, quota.period.as_str());
        format!("<sendgate.Ledger of {}>", self.quotas.iter().map(quota).collect::<Vec<_>>().join(", "))
    }
}

impl Ledger {
    /// A lock left by a thread that panicked is taken over: no method runs a caller's code under it.
    fn locked(&self) -> MutexGuard<'_, ledger::Ledger> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_quotas(quotas: Policy<'_>) -> PyResult<Vec<Quota>> {
    let quotas = match quotas {
        Policy::Dict(by_period) => {
            let list = by_period.iter().map(|(period, limit)| {
                let quota = PyDict::new(by_period.py());
                quota.set_item("period", period)?;
                quota.set_item("limit", limit)?;
                Ok(quota)
            });
            let list = list.collect::<PyResult<Vec<_>>>()?;
            by_period.py().import("json")?.call_method1("dumps", (list,))?.extract()?
        }
        Policy::Text(_) | Policy::List(_) => quotas.json()?,
    };
    serde_json::from_str(&quotas).map_err(|error| error::quotas(&error.to_string()))
}

fn read_overdelivery(given: &Bound<'_, PyAny>) -> PyResult<Overdelivery> {
    let text: String = given.py().import("json")?.call_method1("dumps", (given,))?.extract()?;
    let read = serde_json::from_str(&text);
    read.map_err(|_| error::variant("overdelivery must be 'block', 'allow_and_count' or {'allow_up_to': units}"))
}

#[pymethods]
impl Reservation {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("text",);

    #[new]
    fn new(text: &str) -> PyResult<Self> {
        ledger::Reservation::parse(text).map(Self).ok_or_else(error::reservation)
    }

    /// What it prints, to be stored: ``"2:1796119200000:dm"``.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// How many units.
    #[getter]
    fn units(&self) -> u64 {
        self.0.units
    }

    /// When they were taken, in milliseconds since 1970.
    #[getter]
    fn reserved_at(&self) -> u64 {
        self.0.reserved_at.as_millis()
    }

    /// ``reserved_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn reserved_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.reserved_at())
    }

    fn __str__(&self) -> String {
        self.text()
    }

    fn __repr__(&self) -> String {
        format!("Reservation('{}')", self.0)
    }

    fn __hash__(&self) -> u64 {
        self.0.units ^ self.0.reserved_at.as_millis()
    }
}

#[pymethods]
impl QuotaUsage {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str, &str, &str, &str, &str) =
        ("period", "limit", "reserved", "committed", "released", "free", "over", "starts_at", "resets_at");

    #[new]
    #[allow(clippy::too_many_arguments, reason = "they are a usage's fields")]
    const fn new(
        period: String,
        limit: u64,
        reserved: u64,
        committed: u64,
        released: u64,
        free: u64,
        over: u64,
        #[pyo3(from_py_with = instant::given::starts_at)] starts_at: u64,
        #[pyo3(from_py_with = instant::given::resets_at)] resets_at: u64,
    ) -> Self {
        Self { period, limit, reserved, committed, released, free, over, starts_at, resets_at }
    }

    /// ``starts_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn starts_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.starts_at)
    }

    /// ``resets_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn resets_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.resets_at)
    }

    fn __repr__(&self) -> String {
        let Self { period, limit, reserved, committed, free, .. } = self;
        format!("<sendgate.QuotaUsage a {period}: {reserved} reserved, {committed} committed, {free} of {limit} free>")
    }
}

impl From<&ledger::QuotaUsage> for QuotaUsage {
    fn from(usage: &ledger::QuotaUsage) -> Self {
        Self {
            period: usage.period.as_str().into(),
            limit: usage.limit,
            reserved: usage.reserved,
            committed: usage.committed,
            released: usage.released,
            free: usage.free,
            over: usage.over,
            starts_at: usage.starts_at.as_millis(),
            resets_at: usage.resets_at.as_millis(),
        }
    }
}
