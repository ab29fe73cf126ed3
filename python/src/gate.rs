//! The gate and its answers.

use crate::{clock, error, instant, limiter::Policy};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use sendgate_core::{
    config::AccountStatus,
    gate::{self, Ask, Charge, Dimension, Reason, Scope, Unit, Verdict},
    limiter::Window,
};
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The window that decides.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Binding {
    /// What its dimension limits: ``"key"``, ``"plan"``, ``"account"``, ``"provider"``, ``"domain_group"`` or ``"class"``.
    scope: String,
    /// The dimension's name.
    name: String,
    /// The window's name.
    window: String,
}

/// Every dimension admits it, and it was charged in each if ``decide`` was asked.
#[pyclass(module = "sendgate", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Passed;

/// It may leave later. Nothing was charged anywhere.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Deferred {
    /// The first instant (ms since 1970) at which every dimension admits it when nothing else happens.
    retry_at: u64,
    /// Which window forbids it until then.
    binding: Binding,
}

/// Units on their way fill a window: ask again when one of them is answered. Nothing was charged anywhere.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Occupied {
    /// Which window.
    binding: Binding,
}

/// It may never leave. Nothing was charged anywhere.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Refused {
    /// ``"never_fits"``, ``"account_suspended"`` or ``"account_closed"``.
    reason: String,
    /// The window that never admits so much at once, when that is why.
    binding: Option<Binding>,
}

/// Where one window of one dimension stands.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Standing {
    /// What the dimension limits.
    scope: String,
    /// The dimension's name.
    name: String,
    /// What it counts: ``"requests"``, ``"messages"`` or ``"recipients"``.
    unit: String,
    /// The window's name.
    window: String,
    /// The most units it admits.
    limit: u32,
    /// Units in use, those on their way among them.
    used: u32,
    /// Units still free.
    remaining: u32,
    /// How many more requests of the cost asked about fit into it; None when they cost nothing here.
    slack: Option<u32>,
    /// The first instant (ms since 1970) at which more is free; now when nothing is in use.
    next_at: u64,
    /// The first instant (ms since 1970) at which all is free.
    full_at: u64,
    /// Whether it is the one that decides: it forbids the request longest, or leaves the fewest of them.
    is_binding: bool,
}

/// Everything that limits a request, decided at once: charged in every dimension or in none.
///
/// ``dimensions`` is a list of dicts, or its JSON text: ``{"scope": ..., "name": ..., "unit": ..., "windows": [...]}``.
/// A scope is ``"key"``, ``"plan"``, ``"account"``, ``"provider"``, ``"domain_group"`` or ``"class"``; a unit is
/// ``"requests"``, ``"messages"`` or ``"recipients"``; windows are those of a Limiter. Costs are one int for all
/// dimensions, or a list with one for each, or a dict by ``"scope:name"`` in which what is not named costs nothing.
/// Threads may share a gate.
///
/// Raises InvalidInput when a dimension, or a question, is malformed.
///
/// >>> from sendgate import Gate
/// >>> minute = {"kind": "sliding", "name": "minute", "limit": 3, "period_ms": 60_000}
/// >>> gate = Gate([
/// ...     {"scope": "plan", "name": "shop", "unit": "requests", "windows": [{**minute, "limit": 1_000}]},
/// ...     {"scope": "domain_group", "name": "gmail", "unit": "recipients", "windows": [minute]},
/// ... ])
/// >>> gate.decide([1, 3], 1_800_000_000_000)
/// Passed()
/// >>> gate.decide({"plan:shop": 1, "domain_group:gmail": 1}, 1_800_000_000_000)
/// Deferred(retry_at=1800000060000, binding=Binding(scope='domain_group', name='gmail', window='minute'))
/// >>> [standing.slack for standing in gate.explain([1, 1], 1_800_000_000_000)]
/// [999, 0]
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Gate {
    dimensions: Mutex<Vec<Dimension>>,
    /// What it was made of, for copies.
    given: String,
}

/// A dimension as Python gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    scope: String,
    name: String,
    unit: String,
    windows: Vec<Window>,
}

/// A number for each dimension.
#[derive(FromPyObject)]
pub(crate) enum Costs<'py> {
    Same(u32),
    Named(Bound<'py, PyDict>),
    Each(Vec<u32>),
}

/// One of four classes.
#[derive(IntoPyObject)]
pub(crate) enum Said {
    Passed(Passed),
    Deferred(Deferred),
    Occupied(Occupied),
    Refused(Refused),
}

#[pymethods]
impl Gate {
    #[new]
    fn new(dimensions: Policy<'_>) -> PyResult<Self> {
        let given = dimensions.json()?;
        let read: Vec<Given> = serde_json::from_str(&given).map_err(|error| error::gate(&error.to_string()))?;
        let dimensions = read.into_iter().map(Given::dimension).collect::<PyResult<Vec<_>>>()?;
        Ok(Self { dimensions: Mutex::new(dimensions), given })
    }

    /// Decides whether a request of these costs may leave at ``now_ms`` (now when absent), and charges every dimension
    /// if it may: a Passed, Deferred, Occupied or Refused.
    ///
    /// ``status`` is the account's: ``"active"``, ``"suspended"`` or ``"closed"``.
    #[pyo3(signature = (costs=Costs::Same(1), now_ms=None, *, status="active"))]
    fn decide(
        &self,
        costs: Costs<'_>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
        status: &str,
    ) -> PyResult<Said> {
        let (status, mut dimensions) = (standing_of(status)?, self.locked());
        let costs = costs.of("costs", &dimensions)?;
        let charges = dimensions.iter_mut().zip(&costs);
        let mut charges: Vec<_> = charges.map(|(dimension, cost)| Charge { dimension, cost: *cost }).collect();
        let verdict = gate::decide(status, &mut charges, clock::now(now_ms));
        Ok(Said::of(verdict, &asked(&dimensions, &costs, &[])))
    }

    /// What ``decide`` would say; charges nothing. ``held`` are units on their way, as ``costs`` are given: they take room.
    #[pyo3(signature = (costs=Costs::Same(1), now_ms=None, *, held=Costs::Same(0), status="active"))]
    fn peek(
        &self,
        costs: Costs<'_>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
        held: Costs<'_>,
        status: &str,
    ) -> PyResult<Said> {
        let (status, dimensions) = (standing_of(status)?, self.locked());
        let (costs, held) = (costs.of("costs", &dimensions)?, held.of("held", &dimensions)?);
        let asked = asked(&dimensions, &costs, &held);
        Ok(Said::of(gate::peek(status, asked.iter().copied(), clock::now(now_ms)), &asked))
    }

    /// Where every window of every dimension stands, in their order, and which one binds; charges nothing.
    #[pyo3(signature = (costs=Costs::Same(1), now_ms=None, *, held=Costs::Same(0), status="active"))]
    fn explain(
        &self,
        costs: Costs<'_>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
        held: Costs<'_>,
        status: &str,
    ) -> PyResult<Vec<Standing>> {
        let (status, dimensions) = (standing_of(status)?, self.locked());
        let (costs, held) = (costs.of("costs", &dimensions)?, held.of("held", &dimensions)?);
        let asked = asked(&dimensions, &costs, &held);
        let standings = gate::explain(status, asked.iter().copied(), clock::now(now_ms));
        Ok(standings.iter().map(Standing::from).collect())
    }

    /// Records units that left anyway, past the limit if need be; costs as ``decide`` takes them. Returns the instant that
    /// each dimension counts them from.
    #[pyo3(signature = (costs, now_ms=None))]
    fn charge(
        &self,
        costs: Costs<'_>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Vec<u64>> {
        let (now, mut dimensions) = (clock::now(now_ms), self.locked());
        let costs = costs.of("costs", &dimensions)?;
        let charges = dimensions.iter_mut().zip(costs);
        Ok(charges.map(|(dimension, cost)| dimension.charge(cost, now).as_millis()).collect())
    }

    /// The bytes of each dimension's state, in their order, the same on every platform.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.locked().iter().map(|dimension| PyBytes::new(py, dimension.state().as_bytes())).collect()
    }

    /// Goes on from stored states of the same dimensions.
    ///
    /// Raises InvalidInput when they are not; the gate then stays as it was.
    fn load(&self, state: Vec<Vec<u8>>) -> PyResult<()> {
        let mut dimensions = self.locked();
        if state.len() != dimensions.len() {
            return Err(error::gate(&format!("state must be of {} dimensions, got {}", dimensions.len(), state.len())));
        }
        let mut loaded = dimensions.clone();
        for (dimension, bytes) in loaded.iter_mut().zip(&state) {
            dimension.load(bytes).map_err(error::state)?;
        }
        *dimensions = loaded;
        Ok(())
    }

    /// How many dimensions there are.
    fn __len__(&self) -> usize {
        self.locked().len()
    }

    fn __getnewargs__(&self) -> (String,) {
        (self.given.clone(),)
    }

    /// A copy goes on by itself from where this one stands.
    fn __getstate__<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.state(py)
    }

    fn __setstate__(&self, state: Vec<Vec<u8>>) -> PyResult<()> {
        self.load(state)
    }

    fn __repr__(&self) -> String {
        let places = self.locked().iter().map(place).collect::<Vec<_>>().join(", ");
        format!("<sendgate.Gate of {places}>")
    }
}

impl Gate {
    /// A lock left by a thread that panicked is taken over: no method runs a caller's code under it.
    fn locked(&self) -> MutexGuard<'_, Vec<Dimension>> {
        self.dimensions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    fn dimension(self) -> PyResult<Dimension> {
        let scope = Scope::ALL.into_iter().find(|scope| scope.word() == self.scope);
        let unit = Unit::ALL.into_iter().find(|unit| unit.word() == self.unit);
        let scope = scope
            .ok_or_else(|| error::gate(&format!("scope must be one of {}", Scope::ALL.map(Scope::word).join(", "))))?;
        let unit =
            unit.ok_or_else(|| error::gate(&format!("unit must be one of {}", Unit::ALL.map(Unit::word).join(", "))))?;
        Dimension::new(scope, &self.name, unit, self.windows).map_err(error::policy)
    }
}

impl Costs<'_> {
    /// A number for each of these dimensions.
    fn of(self, argument: &str, dimensions: &[Dimension]) -> PyResult<Vec<u32>> {
        let costs = match self {
            Self::Same(cost) => vec![cost; dimensions.len()],
            Self::Each(costs) => costs,
            Self::Named(named) => return by_name(argument, &named, dimensions),
        };
        if costs.len() == dimensions.len() {
            return Ok(costs);
        }
        Err(error::gate(&format!("{argument} must be {} numbers, got {}", dimensions.len(), costs.len())))
    }
}

fn by_name(argument: &str, named: &Bound<'_, PyDict>, dimensions: &[Dimension]) -> PyResult<Vec<u32>> {
    let mut costs = vec![0; dimensions.len()];
    for (name, cost) in named {
        let name: String = name.extract()?;
        let mut found = costs.iter_mut().zip(dimensions).filter(|(_, dimension)| place(dimension) == name);
        match (found.next(), found.next()) {
            (Some((place, _)), None) => *place = cost.extract()?,
            (Some(_), Some(_)) => return Err(error::gate(&format!("{argument}: two dimensions are called {name:?}"))),
            (None, _) => return Err(error::gate(&format!("{argument}: no dimension is called {name:?}"))),
        }
    }
    Ok(costs)
}

fn place(dimension: &Dimension) -> String {
    format!("{}:{}", dimension.scope().word(), dimension.name())
}

fn asked<'a>(dimensions: &'a [Dimension], costs: &[u32], held: &[u32]) -> Vec<Ask<'a>> {
    let held = held.iter().copied().chain(std::iter::repeat(0));
    let asks = dimensions.iter().zip(costs).zip(held);
    asks.map(|((dimension, cost), held)| Ask { dimension, cost: *cost, held }).collect()
}

fn standing_of(status: &str) -> PyResult<AccountStatus> {
    let read = serde_json::from_value(status.into());
    read.map_err(|_| error::variant("status must be 'active', 'suspended' or 'closed'"))
}

impl Said {
    fn of(verdict: Verdict, asked: &[Ask<'_>]) -> Self {
        let named = |binding: gate::Binding| {
            let found = binding.of(asked.iter().copied());
            let of = |text: Option<&str>| text.unwrap_or_default().to_owned();
            Binding {
                scope: of(found.map(|(dimension, _)| dimension.scope().word())),
                name: of(found.map(|(dimension, _)| dimension.name())),
                window: of(found.map(|(_, window)| window.name())),
            }
        };
        match verdict {
            Verdict::Allow => Self::Passed(Passed),
            Verdict::Defer { retry_at, binding } => {
                Self::Deferred(Deferred { retry_at: retry_at.as_millis(), binding: named(binding) })
            }
            Verdict::Occupied { binding } => Self::Occupied(Occupied { binding: named(binding) }),
            Verdict::Reject(reason) => Self::Refused(Refused {
                reason: reason.code().into(),
                binding: match reason {
                    Reason::NeverFits(binding) => Some(named(binding)),
                    Reason::Suspended | Reason::Closed => None,
                },
            }),
        }
    }
}

impl From<&gate::Standing<'_>> for Standing {
    fn from(standing: &gate::Standing<'_>) -> Self {
        let gate::Standing {
            scope,
            dimension,
            unit,
            window,
            limit,
            used,
            remaining,
            slack,
            next_at,
            full_at,
            is_binding,
        } = *standing;
        Self {
            scope: scope.word().into(),
            name: dimension.into(),
            unit: unit.word().into(),
            window: window.name().into(),
            limit,
            used,
            remaining,
            // The core's word for what costs nothing.
            slack: Some(slack).filter(|slack| *slack != u32::MAX),
            next_at: next_at.as_millis(),
            full_at: full_at.as_millis(),
            is_binding,
        }
    }
}

#[pymethods]
impl Binding {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str) = ("scope", "name", "window");

    #[new]
    const fn new(scope: String, name: String, window: String) -> Self {
        Self { scope, name, window }
    }

    fn __repr__(&self) -> String {
        format!("Binding(scope='{}', name='{}', window='{}')", self.scope, self.name, self.window)
    }
}

#[pymethods]
impl Passed {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: () = ();

    #[new]
    const fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "Passed()"
    }
}

#[pymethods]
impl Deferred {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str) = ("retry_at", "binding");

    #[new]
    const fn new(#[pyo3(from_py_with = instant::given::retry_at)] retry_at: u64, binding: Binding) -> Self {
        Self { retry_at, binding }
    }

    /// ``retry_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn retry_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.retry_at)
    }

    fn __repr__(&self) -> String {
        format!("Deferred(retry_at={}, binding={})", self.retry_at, self.binding.__repr__())
    }
}

#[pymethods]
impl Occupied {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("binding",);

    #[new]
    const fn new(binding: Binding) -> Self {
        Self { binding }
    }

    fn __repr__(&self) -> String {
        format!("Occupied(binding={})", self.binding.__repr__())
    }
}

#[pymethods]
impl Refused {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str) = ("reason", "binding");

    #[new]
    #[pyo3(signature = (reason, binding=None))]
    const fn new(reason: String, binding: Option<Binding>) -> Self {
        Self { reason, binding }
    }

    fn __repr__(&self) -> String {
        let binding = self.binding.as_ref().map_or_else(|| "None".into(), Binding::__repr__);
        format!("Refused(reason='{}', binding={binding})", self.reason)
    }
}

#[pymethods]
impl Standing {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str, &str, &str, &str, &str, &str, &str) =
        ("scope", "name", "unit", "window", "limit", "used", "remaining", "slack", "next_at", "full_at", "is_binding");

    #[new]
    #[allow(clippy::too_many_arguments, reason = "they are a standing's fields")]
    const fn new(
        scope: String,
        name: String,
        unit: String,
        window: String,
        limit: u32,
        used: u32,
        remaining: u32,
        slack: Option<u32>,
        #[pyo3(from_py_with = instant::given::next_at)] next_at: u64,
        #[pyo3(from_py_with = instant::given::full_at)] full_at: u64,
        is_binding: bool,
    ) -> Self {
        Self { scope, name, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding }
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
        let binds = if self.is_binding { " and binds" } else { "" };
        let Self { scope, name, window, used, limit, .. } = self;
        format!("<sendgate.Standing {scope}:{name} {window}: {used} of {limit} used{binds}>")
    }
}
