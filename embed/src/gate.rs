//! A gate in memory: several things that are limited, decided all at once, shared by all threads of a process.

use crate::Failure;
use sendgate_core::{
    config::AccountStatus,
    gate::{Ask, Binding, Charge, Dimension, Scope, Standing, Unit, Verdict, decide, explain, peek},
    limiter::{LimiterError, Window},
    time::UnixMillis,
};
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// [`Dimension`]s with their states. Costs are one number for each of them, in the policy's order.
#[derive(Debug)]
pub struct HeldGate(Mutex<Vec<Dimension>>);

/// Where one window of one dimension stands: [`Standing`] with its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldStanding {
    /// What the dimension limits.
    pub scope: Scope,
    /// Which one of its scope.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// The window's name.
    pub window: String,
    /// The most units it admits.
    pub limit: u32,
    /// Units in use, those on their way among them.
    pub used: u32,
    /// Units still free.
    pub remaining: u32,
    /// How many more of the question asked about fit.
    pub slack: u32,
    /// The first instant at which more is free.
    pub next_at: UnixMillis,
    /// The first instant at which all is free.
    pub full_at: UnixMillis,
    /// Whether it is the one that decides.
    pub is_binding: bool,
}

#[derive(Deserialize)]
struct Policy {
    dimensions: Vec<Given>,
}

#[derive(Deserialize)]
struct Given {
    scope: String,
    name: String,
    unit: String,
    windows: Vec<Window>,
}

impl HeldGate {
    /// A gate of this policy, `{"dimensions":[{"scope","name","unit","windows":[...]}]}`, in which nothing was counted.
    ///
    /// # Errors
    /// A policy that is not one.
    pub fn from_json(policy: &str) -> Result<Self, Failure> {
        let policy: Policy =
            serde_json::from_str(policy).map_err(|error| LimiterError::Malformed { detail: error.to_string() })?;
        let dimensions = policy.dimensions.into_iter().map(Given::dimension).collect::<Result<_, _>>()?;
        Ok(Self(Mutex::new(dimensions)))
    }

    /// Decides for all dimensions together, and charges each its cost or none anything.
    ///
    /// # Errors
    /// Not one cost for each dimension.
    pub fn decide(&self, status: AccountStatus, costs: &[u32], now: UnixMillis) -> Result<Verdict, Failure> {
        let mut dimensions = self.locked();
        counted(&dimensions, costs, &[])?;
        let charges = dimensions.iter_mut().zip(costs).map(|(dimension, cost)| Charge { dimension, cost: *cost });
        Ok(decide(status, &mut charges.collect::<Vec<_>>(), now))
    }

    /// The same decision, charging nothing. `held` are units on their way, one number for each dimension, or empty.
    ///
    /// # Errors
    /// As [`HeldGate::decide`].
    pub fn peek(
        &self,
        status: AccountStatus,
        costs: &[u32],
        held: &[u32],
        now: UnixMillis,
    ) -> Result<Verdict, Failure> {
        let dimensions = self.locked();
        counted(&dimensions, costs, held)?;
        Ok(peek(status, asked(&dimensions, costs, held), now))
    }

    /// Where every window stands, and which one binds.
    ///
    /// # Errors
    /// As [`HeldGate::decide`].
    pub fn explain(
        &self,
        status: AccountStatus,
        costs: &[u32],
        held: &[u32],
        now: UnixMillis,
    ) -> Result<Vec<HeldStanding>, Failure> {
        let dimensions = self.locked();
        counted(&dimensions, costs, held)?;
        let standings = explain(status, asked(&dimensions, costs, held), now);
        Ok(standings.into_iter().map(HeldStanding::from).collect())
    }

    /// Records units of one dimension that left anyway, and returns the instant they count from.
    ///
    /// # Errors
    /// No such dimension.
    pub fn charge(&self, dimension: usize, cost: u32, now: UnixMillis) -> Result<UnixMillis, Failure> {
        Ok(self.locked().get_mut(dimension).ok_or_else(|| no_dimension(dimension))?.charge(cost, now))
    }

    /// The bytes of one dimension's state.
    ///
    /// # Errors
    /// No such dimension.
    pub fn state(&self, dimension: usize) -> Result<Vec<u8>, Failure> {
        let dimensions = self.locked();
        Ok(dimensions.get(dimension).ok_or_else(|| no_dimension(dimension))?.state().as_bytes().to_vec())
    }

    /// Goes on from a stored state of one dimension.
    ///
    /// # Errors
    /// No such dimension, or bytes that are not a state of it; what was held stays.
    pub fn load(&self, dimension: usize, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.locked().get_mut(dimension).ok_or_else(|| no_dimension(dimension))?.load(bytes)?)
    }

    /// The scope and the name of a dimension, and the name of a window of it, that a verdict names by number.
    #[must_use]
    pub fn names(&self, binding: Binding) -> Option<(Scope, String, String)> {
        let dimensions = self.locked();
        let (dimension, window) = binding.of(dimensions.iter().map(|dimension| Ask::new(dimension, 0)))?;
        Some((dimension.scope(), dimension.name().into(), window.name().into()))
    }

    /// How many dimensions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked().len()
    }

    /// Whether there is no dimension.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A lock left by a thread that panicked is taken over: no method runs a caller's code under it.
    fn locked(&self) -> MutexGuard<'_, Vec<Dimension>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    fn dimension(self) -> Result<Dimension, Failure> {
        let scope = Scope::ALL.into_iter().find(|scope| scope.word() == self.scope);
        let unit = Unit::ALL.into_iter().find(|unit| unit.word() == self.unit);
        let scope = scope.ok_or_else(|| unknown("scope", &Scope::ALL.map(Scope::word)))?;
        let unit = unit.ok_or_else(|| unknown("unit", &Unit::ALL.map(Unit::word)))?;
        Ok(Dimension::new(scope, &self.name, unit, self.windows)?)
    }
}

impl From<Standing<'_>> for HeldStanding {
    fn from(standing: Standing<'_>) -> Self {
        let Standing { scope, dimension, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding } =
            standing;
        let (name, window) = (dimension.into(), window.name().into());
        Self { scope, name, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding }
    }
}

fn asked<'a>(dimensions: &'a [Dimension], costs: &'a [u32], held: &'a [u32]) -> impl Iterator<Item = Ask<'a>> + Clone {
    let held = held.iter().copied().chain(std::iter::repeat(0));
    let each = dimensions.iter().zip(costs).zip(held);
    each.map(|((dimension, cost), held)| Ask { dimension, cost: *cost, held })
}

fn counted(dimensions: &[Dimension], costs: &[u32], held: &[u32]) -> Result<(), Failure> {
    let expected = dimensions.len();
    if costs.len() != expected || !(held.is_empty() || held.len() == expected) {
        let detail = format!("costs and held must be one number for each of {expected} dimensions");
        return Err(Failure::argument("wrong_count", &detail));
    }
    Ok(())
}

fn unknown(field: &str, known: &[&str]) -> Failure {
    Failure::new(
        crate::FailureKind::InvalidPolicy,
        "unknown_variant",
        &format!("{field} must be one of {}", known.join(", ")),
    )
}

fn no_dimension(dimension: usize) -> Failure {
    Failure::argument("no_such_dimension", &format!("there is no dimension {dimension}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendgate_core::gate::Reason;

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const POLICY: &str = r#"{"dimensions":[
        {"scope":"plan","name":"plan","unit":"requests","windows":[{"kind":"sliding","name":"minute","limit":2,"period_ms":60000}]},
        {"scope":"domain_group","name":"gmail","unit":"recipients","windows":[{"kind":"pace","name":"pace","interval_ms":100,"burst":1}]}]}"#;
    const ACTIVE: AccountStatus = AccountStatus::Active;

    #[test]
    fn every_dimension_is_charged_or_none() {
        let gate = HeldGate::from_json(POLICY).unwrap();
        assert_eq!(gate.decide(ACTIVE, &[1, 1], NOON), Ok(Verdict::Allow));
        let binding = Binding { dimension: 1, window: 0 };
        let defer = Verdict::Defer { retry_at: NOON.plus(100), binding };
        assert_eq!(gate.decide(ACTIVE, &[1, 1], NOON), Ok(defer));
        assert_eq!(gate.names(binding), Some((Scope::DomainGroup, "gmail".into(), "pace".into())));
        let used: Vec<_> = gate.explain(ACTIVE, &[1, 1], &[], NOON).unwrap().iter().map(|at| at.used).collect();
        assert_eq!(used, [1, 1]);
        assert_eq!(gate.decide(AccountStatus::Closed, &[1, 1], NOON), Ok(Verdict::Reject(Reason::Closed)));
    }

    #[test]
    fn a_state_moves_and_a_wrong_question_is_a_failure() {
        let [first, second] = [HeldGate::from_json(POLICY).unwrap(), HeldGate::from_json(POLICY).unwrap()];
        assert_eq!(first.charge(0, 2, NOON), Ok(NOON));
        second.load(0, &first.state(0).unwrap()).unwrap();
        assert!(matches!(second.peek(ACTIVE, &[1, 1], &[], NOON), Ok(Verdict::Defer { .. })));
        assert_eq!(second.peek(ACTIVE, &[1], &[], NOON).unwrap_err().code, "wrong_count");
        assert_eq!(second.load(2, b"").unwrap_err().code, "no_such_dimension");
        assert!(HeldGate::from_json("{").is_err());
        assert_eq!(
            HeldGate::from_json(&POLICY.replace("plan\",\"name", "moon\",\"name")).unwrap_err().code,
            "unknown_variant"
        );
    }
}
