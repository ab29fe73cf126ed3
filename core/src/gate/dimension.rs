//! One thing that is limited, with its windows and where they stand.

use crate::{
    limiter::{Decision, Limiter, LimiterError, State, StateError, Window},
    time::UnixMillis,
};
use alloc::{string::String, sync::Arc, vec::Vec};

/// What a dimension limits. The words are the same in answers, in stored rows and in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Calls, of our API or of a provider's.
    Requests,
    /// Messages, whoever they are for.
    Messages,
    /// Recipients.
    Recipients,
}

/// A limiter with its state, and the name that answers give it.
#[derive(Clone, Debug)]
pub struct Dimension {
    scope: Scope,
    name: Arc<str>,
    unit: Unit,
    rule: Arc<Rule>,
    state: State,
}

/// A limiter with the policy it was made of. Dimensions of one kind share it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) limiter: Limiter,
    /// The windows as JSON: what stored states are kept with.
    pub(crate) policy: String,
}

impl Scope {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Plan => "plan",
            Self::Account => "account",
            Self::Provider => "provider",
            Self::DomainGroup => "domain_group",
            Self::Class => "class",
        }
    }

    /// Every scope, in the order of their numbers in stored rows.
    pub const ALL: [Self; 6] = [Self::Key, Self::Plan, Self::Account, Self::Provider, Self::DomainGroup, Self::Class];
}

impl Unit {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
        }
    }

    /// Every unit, in the order of their numbers in stored rows.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Messages, Self::Recipients];
}

impl Dimension {
    /// A dimension in which nothing has been counted.
    ///
    /// # Errors
    /// As [`Limiter::new`].
    pub fn new(scope: Scope, name: &str, unit: Unit, windows: Vec<Window>) -> Result<Self, LimiterError> {
        Ok(Self::of(scope, name.into(), unit, &Rule::new(windows)?))
    }

    /// What it limits.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Which one of its scope it is: the key's id, the provider's name, the group or the class.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Its windows.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.rule.limiter
    }

    /// Where they stand.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// As [`Limiter::load`]; what was counted stays as it was.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.state = self.rule.limiter.load(bytes)?;
        Ok(())
    }

    /// Counts units that have left, whether they fit or not; returns the instant they were counted at.
    pub fn charge(&mut self, units: u32, now: UnixMillis) -> UnixMillis {
        self.rule.limiter.charge(&mut self.state, units, now)
    }

    /// Follows a clock that was set back far, as [`Limiter::rebase`] does; returns whether a byte changed.
    pub fn rebase(&mut self, now: UnixMillis) -> bool {
        self.rule.limiter.rebase(&mut self.state, now)
    }

    /// Decides and counts in one step.
    pub(super) fn decide(&mut self, units: u32, now: UnixMillis) -> Decision {
        self.rule.limiter.decide(&mut self.state, units, now)
    }

    /// Counts units that are known to fit.
    pub(super) fn admit(&mut self, units: u32, now: UnixMillis) {
        if self.rule.limiter.admit(&mut self.state, units, now).is_none() {
            self.charge(units, now);
        }
    }

    pub(crate) fn of(scope: Scope, name: Arc<str>, unit: Unit, rule: &Arc<Rule>) -> Self {
        Self { scope, name, unit, state: rule.limiter.fresh(), rule: Arc::clone(rule) }
    }

    pub(crate) const fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Goes on under other windows with the units in use.
    pub(crate) fn change(&mut self, windows: Vec<Window>, now: UnixMillis) -> Result<(), LimiterError> {
        let rule = Rule::new(windows)?;
        self.state = rule.limiter.migrate(&self.rule.limiter, &self.state, now);
        self.rule = rule;
        Ok(())
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.state = state;
    }

    /// Counts as much as its largest window holds: nothing more passes until that has drained.
    pub(crate) fn fill(&mut self, now: UnixMillis) {
        let most = self.limiter().windows().iter().map(Window::limit).max().unwrap_or(0);
        self.charge(most, now);
    }

    /// Whether nothing was in use at this instant and nothing has been counted since.
    pub(crate) fn was_idle(&self, at: UnixMillis) -> bool {
        self.limiter().usage(&self.state, at).iter().all(|usage| usage.used == 0)
    }
}

impl Rule {
    pub(crate) fn new(windows: Vec<Window>) -> Result<Arc<Self>, LimiterError> {
        // A list of windows is plain data: it always prints.
        let policy = serde_json::to_string(&windows).unwrap_or_default();
        Ok(Arc::new(Self { limiter: Limiter::new(windows)?, policy }))
    }
}
