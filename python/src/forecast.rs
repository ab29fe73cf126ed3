//! When mail will have left: the core's forecast, and what it says.

use crate::{clock, error, instant, mailroom::Account};
use pyo3::{prelude::*, types::PyDict};
use sendgate_core::{
    catalog::Ramp,
    config::{AccountConfig, own},
    forecast::{self, Batch, Faults, Warmup},
    time::UnixMillis,
};

/// The name of a limit.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields", from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct LimitId {
    /// What it limits: ``"account"``, ``"plan"``, ``"provider"``, ``"class"``, ``"domain_group"``, ``"quota"`` or
    /// ``"warmup"``.
    scope: String,
    /// Which one of them.
    dimension: String,
    /// The window's name, the quota's period, or the ramp's day.
    window: String,
    /// How many it admits.
    limit: u64,
    /// What it counts: ``"requests"``, ``"messages"`` or ``"recipients"``.
    unit: String,
}

/// A time in which one limit was what everything waited for.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stretch {
    /// Which.
    limit: LimitId,
    /// From when, in milliseconds since 1970.
    from_at: u64,
    /// Until when, in milliseconds since 1970.
    until_at: u64,
    /// Milliseconds of it in which everything waited for this limit.
    waited_ms: u64,
}

/// How long messages waited: so many milliseconds at most, for so large a part of them.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Waiting {
    /// Half of the messages.
    p50_ms: u64,
    /// 90 in a hundred.
    p90_ms: u64,
    /// 99 in a hundred.
    p99_ms: u64,
    /// All.
    max_ms: u64,
}

/// What will have become of messages.
#[pyclass(module = "sendgate", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Forecast(forecast::Forecast);

/// When each message leaves if the provider answers at once and takes everything.
///
/// ``account`` is a Provider or a configuration, as a Mailroom takes it. ``messages`` is a number, or batches as dicts of
/// which only ``count`` has to be there: ``class``, ``recipients`` (of each), ``domain`` (of the recipients), ``arrival``
/// (``"burst"``, ``"constant"`` or ``"poisson"``), ``after_ms``, ``over_ms``. ``ramp`` is a warm-up ramp by name, or one's
/// own as a dict; ``ramp_day`` is the day it is at.
///
/// Raises InvalidInput when the account, the batches or the ramp cannot be.
#[pyfunction]
#[pyo3(signature = (account, messages, *, ramp=None, ramp_day=1, now_ms=None))]
pub(crate) fn plan(
    py: Python<'_>,
    account: Account<'_>,
    messages: &Bound<'_, PyAny>,
    ramp: Option<&Bound<'_, PyAny>>,
    ramp_day: u32,
    now_ms: Option<u64>,
) -> PyResult<Forecast> {
    let (account, batches) = (read_account(py, account)?, batches(py, messages)?);
    let (warmup, now) = (warmup(py, ramp, ramp_day)?, clock::now(now_ms));
    py.detach(|| forecast::plan(&account, &batches, warmup, now)).map(Forecast).map_err(error::forecast)
}

/// What becomes of traffic with a provider that is slow and fails by chance; the same ``seed`` gives the same answer.
///
/// ``account``, ``traffic``, ``ramp`` and ``ramp_day`` are as for ``plan``. ``faults`` is a dict of ``latency_ms`` (the least
/// and the most), ``throttled_permille``, ``failed_permille`` and ``refused_permille``, of calls; what is not given is 0.
///
/// Raises InvalidInput when the account, the traffic, the faults or the ramp cannot be.
#[pyfunction]
#[pyo3(signature = (account, traffic, *, faults=None, seed=0, ramp=None, ramp_day=1, now_ms=None))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub(crate) fn simulate(
    py: Python<'_>,
    account: Account<'_>,
    traffic: &Bound<'_, PyAny>,
    faults: Option<&Bound<'_, PyDict>>,
    seed: u64,
    ramp: Option<&Bound<'_, PyAny>>,
    ramp_day: u32,
    now_ms: Option<u64>,
) -> PyResult<Forecast> {
    let (account, batches) = (read_account(py, account)?, batches(py, traffic)?);
    let faults = faults.map(|faults| Faults::from_json(&dumped(py, faults)?).map_err(error::forecast)).transpose()?;
    let (faults, warmup, now) = (faults.unwrap_or_default(), warmup(py, ramp, ramp_day)?, clock::now(now_ms));
    py.detach(|| forecast::simulate(&account, &batches, warmup, &faults, seed, now))
        .map(Forecast)
        .map_err(error::forecast)
}

#[pymethods]
impl Forecast {
    /// ``started_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn started_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.started_at())
    }

    /// ``first_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn first_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        instant::datetime_of(py, self.first_at())
    }

    /// ``finished_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn finished_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        instant::datetime_of(py, self.finished_at())
    }

    /// The same question has the same forecast.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("a Forecast is not pickled: ask simulate or plan again"))
    }

    /// It does not change: a copy is itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// As ``__copy__``.
    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    /// Where the clock began, in milliseconds since 1970.
    #[getter]
    const fn started_at(&self) -> u64 {
        self.0.started_at.as_millis()
    }

    /// When the first message left, in milliseconds since 1970; None when none did.
    #[getter]
    fn first_at(&self) -> Option<u64> {
        self.0.first_at.map(UnixMillis::as_millis)
    }

    /// When the last message left, in milliseconds since 1970; None when none did.
    #[getter]
    fn finished_at(&self) -> Option<u64> {
        self.0.finished_at.map(UnixMillis::as_millis)
    }

    /// Messages that were asked about.
    #[getter]
    const fn messages(&self) -> u64 {
        self.0.messages
    }

    /// Messages that the provider took.
    #[getter]
    const fn sent(&self) -> u64 {
        self.0.sent
    }

    /// Messages that it refused for good.
    #[getter]
    const fn refused(&self) -> u64 {
        self.0.refused
    }

    /// Messages whose attempts were used up. A Mailroom goes on trying them.
    #[getter]
    const fn held(&self) -> u64 {
        self.0.held
    }

    /// Messages that no waiting helps, by the limit that never admits them.
    #[getter]
    fn never(&self) -> Vec<(LimitId, u64)> {
        self.0.never.iter().map(|(limit, count)| (limit.into(), *count)).collect()
    }

    /// Calls to the provider.
    #[getter]
    const fn calls(&self) -> u64 {
        self.0.calls
    }

    /// Attempts at messages; a call of several is one for each.
    #[getter]
    const fn attempts(&self) -> u64 {
        self.0.attempts
    }

    /// When each message left last (ms since 1970), in the order in which they came; None for one that never did.
    #[getter]
    fn departures(&self) -> Vec<Option<u64>> {
        self.0.departures.iter().map(|left| left.map(UnixMillis::as_millis)).collect()
    }

    /// The limits that made messages wait, the one that did so longest first.
    #[getter]
    fn bounds(&self) -> Vec<Stretch> {
        self.0.bounds.iter().map(|one| Stretch::new(&one.limit, one.from, one.until, one.waited_ms)).collect()
    }

    /// Which limit stood in the way when, in their order; the first 1,000 stretches.
    #[getter]
    fn timeline(&self) -> Vec<Stretch> {
        let told = self.0.timeline.iter();
        told.map(|one| Stretch::new(&one.limit, one.from, one.until, one.until.since(one.from))).collect()
    }

    /// How long messages waited from their coming to their departure.
    #[getter]
    const fn waiting(&self) -> Waiting {
        let forecast::Waiting { p50_ms, p90_ms, p99_ms, max_ms } = self.0.waiting;
        Waiting { p50_ms, p90_ms, p99_ms, max_ms }
    }

    fn __repr__(&self) -> String {
        let finished = self.finished_at().map_or_else(|| "None".into(), |at| at.to_string());
        format!("<sendgate.Forecast of {} messages: {} sent, finished_at={finished}>", self.messages(), self.sent())
    }
}

impl Stretch {
    fn new(limit: &forecast::LimitId, from: UnixMillis, until: UnixMillis, waited_ms: u64) -> Self {
        Self { limit: limit.into(), from_at: from.as_millis(), until_at: until.as_millis(), waited_ms }
    }
}

#[pymethods]
impl LimitId {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str) = ("scope", "dimension", "window", "limit", "unit");

    fn __repr__(&self) -> String {
        let Self { scope, dimension, window, limit, unit } = self;
        format!("<sendgate.LimitId {scope} {dimension} {window}: {limit} {unit}>")
    }

    fn __getnewargs__(&self) -> (&str, &str, &str, u64, &str) {
        (&self.scope, &self.dimension, &self.window, self.limit, &self.unit)
    }
}

#[pymethods]
impl Stretch {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str) = ("limit", "from_at", "until_at", "waited_ms");

    /// ``from_at`` as an aware ``datetime``, in UTC.
    #[getter]
    #[pyo3(name = "from_at_datetime")]
    fn begins<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.from_at)
    }

    /// ``until_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn until_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.until_at)
    }

    fn __repr__(&self) -> String {
        let Self { from_at, until_at, waited_ms, .. } = self;
        format!("<sendgate.Stretch from_at={from_at} until_at={until_at} waited_ms={waited_ms}>")
    }

    fn __getnewargs__(&self) -> (LimitId, u64, u64, u64) {
        (self.limit.clone(), self.from_at, self.until_at, self.waited_ms)
    }
}

#[pymethods]
impl Waiting {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str) = ("p50_ms", "p90_ms", "p99_ms", "max_ms");

    fn __repr__(&self) -> String {
        let Self { p50_ms, p90_ms, p99_ms, max_ms } = self;
        format!("Waiting(p50_ms={p50_ms}, p90_ms={p90_ms}, p99_ms={p99_ms}, max_ms={max_ms})")
    }

    const fn __getnewargs__(&self) -> (u64, u64, u64, u64) {
        (self.p50_ms, self.p90_ms, self.p99_ms, self.max_ms)
    }
}

impl From<&forecast::LimitId> for LimitId {
    fn from(limit: &forecast::LimitId) -> Self {
        Self {
            scope: limit.scope.into(),
            dimension: limit.dimension.clone(),
            window: limit.window.clone(),
            limit: limit.limit,
            unit: limit.unit.into(),
        }
    }
}

pub(crate) fn read_account(py: Python<'_>, account: Account<'_>) -> PyResult<AccountConfig> {
    let (text, _) = account.configuration(py, None, None)?;
    own::account(&text).map_err(|error| error::mailroom(error.into()))
}

/// A Python value as JSON text.
pub(crate) fn dumped(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    py.import("json")?.call_method1("dumps", (value,))?.extract()
}

fn batches(py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<Vec<Batch>> {
    if let Ok(count) = given.extract::<u64>() {
        return Ok(vec![Batch::of(count)]);
    }
    Batch::list_from_json(&dumped(py, given)?).map_err(error::forecast)
}

fn warmup(py: Python<'_>, ramp: Option<&Bound<'_, PyAny>>, day: u32) -> PyResult<Option<Warmup>> {
    let Some(ramp) = ramp else { return Ok(None) };
    let ramp = match ramp.extract::<String>() {
        Ok(name) => Ramp::named(&name),
        Err(_) => Ramp::parse("own", &dumped(py, ramp)?),
    };
    ramp.map(|ramp| Some(Warmup::new(ramp, day))).map_err(error::catalog)
}
