//! A gate: several things that are limited, decided all at once.

use super::{
    SendgateError,
    values::{Units, count},
};
use sendgate_core::{
    config::AccountStatus,
    gate::{self, Scope as GateScope, Unit as GateUnit},
    time::UnixMillis,
};
use sendgate_embed::{Failure, HeldGate, HeldStanding};

/// Whether an account may send.
#[uniffi::remote(Enum)]
pub enum AccountStatus {
    /// It may.
    Active,
    /// It may not for now.
    Suspended,
    /// It may not any more.
    Closed,
}

/// What a dimension limits.
#[uniffi::remote(Enum)]
pub enum GateScope {
    /// One API key.
    Key,
    /// All keys of an account together: its plan.
    Plan,
    /// All messages of an account.
    Account,
    /// One provider account.
    Provider,
    /// The receivers behind a group of recipient domains.
    DomainGroup,
    /// One class of messages.
    Class,
}

/// What a dimension counts.
#[uniffi::remote(Enum)]
pub enum GateUnit {
    /// Calls.
    Requests,
    /// Messages, whoever they are for.
    Messages,
    /// Recipients.
    Recipients,
}

/// What all dimensions say together.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Verdict {
    /// It may go, and has been charged in every dimension.
    Allow,
    /// Later will do.
    Defer {
        /// The first instant at which every dimension admits it, when nothing else happens.
        retry_at: UnixMillis,
        /// The window that forbids it until then.
        binding: Binding,
    },
    /// Units on their way fill a window: ask again when one of them is answered.
    Occupied {
        /// Which window.
        binding: Binding,
    },
    /// The account may not send for now.
    Suspended,
    /// The account may not send any more.
    Closed,
    /// It costs more than this window ever admits at once.
    NeverFits {
        /// Which window.
        binding: Binding,
    },
}

/// A window, among those of all dimensions.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Binding {
    /// The dimension, counted from 0.
    pub dimension: Units,
    /// What it limits.
    pub scope: GateScope,
    /// Its name.
    pub name: String,
    /// The window's name.
    pub window: String,
}

/// Where one window of one dimension stands.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Standing {
    /// What the dimension limits.
    pub scope: GateScope,
    /// Which one of its scope.
    pub name: String,
    /// What it counts.
    pub unit: GateUnit,
    /// The window's name.
    pub window: String,
    /// The most units it admits.
    pub limit: Units,
    /// Units in use, those on their way among them.
    pub used: Units,
    /// Units still free.
    pub remaining: Units,
    /// How many more of the question asked about fit.
    pub slack: Units,
    /// The first instant at which more is free.
    pub next_at: UnixMillis,
    /// The first instant at which all is free.
    pub full_at: UnixMillis,
    /// Whether it is the one that decides.
    pub is_binding: bool,
}

/// Several things that are limited, with their states, shared by threads. Costs are one number for each of them.
#[derive(Debug, uniffi::Object)]
pub struct Gate(HeldGate);

#[uniffi::export]
impl Gate {
    /// A gate of this policy, `{"dimensions":[{"scope","name","unit","windows":[...]}]}`, in which nothing was counted.
    ///
    /// # Errors
    /// [`SendgateError::InvalidPolicy`].
    #[uniffi::constructor]
    pub fn new(policy: &str) -> Result<Self, SendgateError> {
        Ok(Self(HeldGate::from_json(policy)?))
    }

    /// Decides for all dimensions together, and charges each its cost or none anything.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] unless there is one cost for each dimension.
    pub fn decide(&self, status: AccountStatus, costs: Vec<Units>, now: UnixMillis) -> Result<Verdict, SendgateError> {
        let verdict = self.0.decide(status, &numbers(&costs), now)?;
        self.named(verdict)
    }

    /// The same decision, charging nothing. `held` are units on their way, one number for each dimension, or none.
    ///
    /// # Errors
    /// As `decide`.
    pub fn peek(
        &self,
        status: AccountStatus,
        costs: Vec<Units>,
        held: Vec<Units>,
        now: UnixMillis,
    ) -> Result<Verdict, SendgateError> {
        let verdict = self.0.peek(status, &numbers(&costs), &numbers(&held), now)?;
        self.named(verdict)
    }

    /// Where every window stands, and which one binds.
    ///
    /// # Errors
    /// As `decide`.
    pub fn explain(
        &self,
        status: AccountStatus,
        costs: Vec<Units>,
        held: Vec<Units>,
        now: UnixMillis,
    ) -> Result<Vec<Standing>, SendgateError> {
        let standings = self.0.explain(status, &numbers(&costs), &numbers(&held), now)?;
        Ok(standings.into_iter().map(Standing::from).collect())
    }

    /// Records units of one dimension that left anyway, and returns the instant they count from.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] when there is no such dimension.
    pub fn charge(&self, dimension: Units, cost: Units, now: UnixMillis) -> Result<UnixMillis, SendgateError> {
        Ok(self.0.charge(place(dimension), cost.0, now)?)
    }

    /// The bytes of one dimension's state.
    ///
    /// # Errors
    /// As `charge`.
    pub fn state(&self, dimension: Units) -> Result<Vec<u8>, SendgateError> {
        Ok(self.0.state(place(dimension))?)
    }

    /// Goes on from a stored state of one dimension.
    ///
    /// # Errors
    /// As `charge`, and [`SendgateError::InvalidState`]; what was held stays.
    pub fn load(&self, dimension: Units, state: Vec<u8>) -> Result<(), SendgateError> {
        Ok(self.0.load(place(dimension), &state)?)
    }
}

impl Gate {
    fn named(&self, verdict: gate::Verdict) -> Result<Verdict, SendgateError> {
        Ok(match verdict {
            gate::Verdict::Allow => Verdict::Allow,
            gate::Verdict::Defer { retry_at, binding } => Verdict::Defer { retry_at, binding: self.binding(binding)? },
            gate::Verdict::Occupied { binding } => Verdict::Occupied { binding: self.binding(binding)? },
            gate::Verdict::Reject(gate::Reason::Suspended) => Verdict::Suspended,
            gate::Verdict::Reject(gate::Reason::Closed) => Verdict::Closed,
            gate::Verdict::Reject(gate::Reason::NeverFits(binding)) => {
                Verdict::NeverFits { binding: self.binding(binding)? }
            }
        })
    }

    fn binding(&self, binding: gate::Binding) -> Result<Binding, SendgateError> {
        let dimension = Units(count(binding.dimension));
        let Some((scope, name, window)) = self.0.names(binding) else {
            return Err(Failure::argument("no_such_dimension", &"a verdict names no window of this gate").into());
        };
        Ok(Binding { dimension, scope, name, window })
    }
}

impl From<HeldStanding> for Standing {
    fn from(standing: HeldStanding) -> Self {
        let HeldStanding { scope, name, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding } =
            standing;
        let [limit, used, remaining, slack] = [limit, used, remaining, slack].map(Units);
        Self { scope, name, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding }
    }
}

fn numbers(units: &[Units]) -> Vec<u32> {
    units.iter().map(|units| units.0).collect()
}

/// A place beyond the end of memory is none.
fn place(number: Units) -> usize {
    usize::try_from(number.0).unwrap_or(usize::MAX)
}
