//! A limiter and its state.

use super::{
    SendgateError,
    values::{Units, count},
};
use sendgate_core::{limiter, time::UnixMillis};
use sendgate_embed::HeldLimiter;

/// A limiter's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Decision {
    /// It may leave now, and has been charged.
    Allow {
        /// The instant the units count from; a refund names it.
        charged_at: UnixMillis,
    },
    /// It may leave later.
    Defer {
        /// The first instant at which the same question is allowed, when nothing else happens.
        retry_at: UnixMillis,
        /// The window that says so, counted from 0.
        window: Units,
    },
    /// It may never leave: its cost is more than a window ever admits.
    Reject {
        /// The window that says so, counted from 0.
        window: Units,
    },
}

/// What one window holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Usage {
    /// Units it ever admits at once.
    pub limit: Units,
    /// Units in use.
    pub used: Units,
    /// Units that may leave now.
    pub remaining: Units,
    /// The first instant at which `remaining` grows, or now.
    pub next_at: UnixMillis,
    /// The first instant at which all of `limit` remains, or now.
    pub full_at: UnixMillis,
}

/// A limiter and its state, shared by threads. The caller brings the instants.
#[derive(Debug, uniffi::Object)]
pub struct Limiter(HeldLimiter);

#[uniffi::export]
impl Limiter {
    /// A limiter of this policy, `{"windows":[...]}`, that has seen nothing yet.
    ///
    /// # Errors
    /// [`SendgateError::InvalidPolicy`].
    #[uniffi::constructor]
    pub fn new(policy: &str) -> Result<Self, SendgateError> {
        Ok(Self(HeldLimiter::from_json(policy)?))
    }

    /// Whether units may leave now; charges them if they may.
    #[must_use]
    pub fn admit(&self, cost: Units, now: UnixMillis) -> bool {
        self.0.admit(cost.0, now)
    }

    /// `admit` for several sends one after another, each with its cost: which of them may leave.
    #[must_use]
    pub fn admit_many(&self, costs: Vec<Units>, now: UnixMillis) -> Vec<bool> {
        let mut admitted = Vec::with_capacity(costs.len());
        self.0.decide_many(costs.into_iter().map(|cost| cost.0), now, |_, decision| {
            admitted.push(matches!(decision, limiter::Decision::Allow { .. }));
        });
        admitted
    }

    /// Decides and, on an allow, charges. A denial charges nothing.
    #[must_use]
    pub fn decide(&self, cost: Units, now: UnixMillis) -> Decision {
        self.0.decide(cost.0, now).into()
    }

    /// The same decision, charging nothing.
    #[must_use]
    pub fn peek(&self, cost: Units, now: UnixMillis) -> Decision {
        self.0.peek(cost.0, now).into()
    }

    /// Records units that left anyway, and returns the instant they count from.
    #[must_use]
    pub fn charge(&self, cost: Units, now: UnixMillis) -> UnixMillis {
        self.0.charge(cost.0, now)
    }

    /// Takes back units that were charged at `charged_at`.
    pub fn refund(&self, cost: Units, charged_at: UnixMillis, now: UnixMillis) {
        self.0.refund(cost.0, charged_at, now);
    }

    /// What each window holds at `now`, in the policy's order.
    #[must_use]
    pub fn usage(&self, now: UnixMillis) -> Vec<Usage> {
        self.0.usage(now).into_iter().map(Usage::from).collect()
    }

    /// The state's bytes, the same on every platform.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.0.state()
    }

    /// Goes on from a stored state of the same policy.
    ///
    /// # Errors
    /// [`SendgateError::InvalidState`].
    pub fn load(&self, state: Vec<u8>) -> Result<(), SendgateError> {
        Ok(self.0.load(&state)?)
    }

    /// Where the limiter is in memory, for as long as this object lives: for the JVM package's own calls, see the crate's
    /// module `jvm`.
    #[must_use]
    pub fn address(&self) -> u64 {
        std::ptr::from_ref(&self.0).expose_provenance() as u64
    }
}

impl From<limiter::Decision> for Decision {
    fn from(decision: limiter::Decision) -> Self {
        let window = |window| Units(count(window));
        match decision {
            limiter::Decision::Allow { charged_at } => Self::Allow { charged_at },
            limiter::Decision::Defer { retry_at, window: at } => Self::Defer { retry_at, window: window(at) },
            limiter::Decision::Reject { window: at } => Self::Reject { window: window(at) },
        }
    }
}

impl From<limiter::Usage> for Usage {
    fn from(usage: limiter::Usage) -> Self {
        let limiter::Usage { limit, used, remaining, next_at, full_at } = usage;
        Self { limit: Units(limit), used: Units(used), remaining: Units(remaining), next_at, full_at }
    }
}
