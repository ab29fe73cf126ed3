//! The same room for uniffi: objects, records and enums that its generators turn into Kotlin, Swift, Ruby and Python.
#![allow(unsafe_code, reason = "uniffi's macros write the boundary; there is none by hand in this file")]

use sendgate_core::{address, backoff, limiter, time::UnixMillis};
use sendgate_embed::HeldLimiter;
use std::fmt;

/// What the caller gave is malformed. Later and never are decisions, not errors.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Error)]
pub enum SendgateError {
    /// A limiter's policy is malformed.
    InvalidPolicy {
        /// The stable word.
        code: String,
        /// The error in a sentence.
        detail: String,
    },
    /// A state's bytes are malformed or of another policy.
    InvalidState {
        /// The stable word.
        code: String,
        /// The error in a sentence.
        detail: String,
    },
    /// An address is malformed.
    InvalidAddress {
        /// The stable word.
        code: String,
        /// The error in a sentence.
        detail: String,
    },
}

/// A limiter's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Decision {
    /// It may leave now, and has been charged.
    Allow {
        /// The instant the units count from; a refund names it.
        charged_at: u64,
    },
    /// It may leave later.
    Defer {
        /// The first instant at which the same question is allowed, when nothing else happens.
        retry_at: u64,
        /// The window that says so, counted from 0.
        window: u32,
    },
    /// It may never leave: its cost is more than a window ever admits.
    Reject {
        /// The window that says so, counted from 0.
        window: u32,
    },
}

/// What one window holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Usage {
    /// Units it ever admits at once.
    pub limit: u32,
    /// Units in use.
    pub used: u32,
    /// Units that may leave now.
    pub remaining: u32,
    /// The first instant at which `remaining` grows, or now.
    pub next_at: u64,
    /// The first instant at which all of `limit` remains, or now.
    pub full_at: u64,
}

/// A limiter and its state, shared by threads. Instants are milliseconds since 1970, and the caller brings them.
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

    /// Decides and, on an allow, charges. A denial charges nothing.
    #[must_use]
    pub fn decide(&self, cost: u32, now: u64) -> Decision {
        self.0.decide(cost, UnixMillis::new(now)).into()
    }

    /// The same decision, charging nothing.
    #[must_use]
    pub fn peek(&self, cost: u32, now: u64) -> Decision {
        self.0.peek(cost, UnixMillis::new(now)).into()
    }

    /// Records units that left anyway, and returns the instant they count from.
    #[must_use]
    pub fn charge(&self, cost: u32, now: u64) -> u64 {
        self.0.charge(cost, UnixMillis::new(now)).as_millis()
    }

    /// Takes back units that were charged at `charged_at`.
    pub fn refund(&self, cost: u32, charged_at: u64, now: u64) {
        self.0.refund(cost, UnixMillis::new(charged_at), UnixMillis::new(now));
    }

    /// What each window holds at `now`, in the policy's order.
    #[must_use]
    pub fn usage(&self, now: u64) -> Vec<Usage> {
        self.0.usage(UnixMillis::new(now)).iter().map(Usage::from).collect()
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
    pub fn load(&self, state: &[u8]) -> Result<(), SendgateError> {
        Ok(self.0.load(state)?)
    }
}

/// How retries are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Jitter {
    /// Uniform over the whole exponential part.
    Full,
    /// Not at all.
    None,
}

/// A retry policy; `default_backoff` gives the usual one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Backoff {
    /// The least wait, in milliseconds.
    pub base_ms: u64,
    /// The longest wait, in milliseconds.
    pub cap_ms: u64,
    /// How many attempts may fail in all.
    pub max_attempts: u32,
    /// How retries are spread.
    pub jitter: Jitter,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Retry {
    /// Try again.
    At {
        /// When.
        retry_at: u64,
    },
    /// Give up.
    Exhausted {
        /// How many attempts failed.
        attempts: u32,
    },
}

/// The usual retry policy.
#[uniffi::export]
#[must_use]
pub fn default_backoff() -> Backoff {
    backoff::Backoff::default().into()
}

/// Decides after `attempts` failed attempts when to try again. `hint` is the first instant the server allows, when it
/// named one; `entropy` is a fresh random number for each attempt.
#[uniffi::export]
#[must_use]
pub fn backoff_next(backoff: Backoff, attempts: u32, hint: Option<u64>, entropy: u64, now: u64) -> Retry {
    let hint = hint.map(UnixMillis::new);
    backoff::Backoff::from(backoff).next(attempts, hint, entropy, UnixMillis::new(now)).into()
}

/// The form of an address under which it is suppressed: lower case, its domain in ASCII.
///
/// # Errors
/// [`SendgateError::InvalidAddress`].
#[uniffi::export]
pub fn normalize_address(address: &str) -> Result<String, SendgateError> {
    Ok(address::Address::parse(address)?.key())
}

/// Sendgate's version.
#[uniffi::export]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

impl fmt::Display for SendgateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPolicy { code, detail }
            | Self::InvalidState { code, detail }
            | Self::InvalidAddress { code, detail } => write!(f, "{code}: {detail}"),
        }
    }
}

impl std::error::Error for SendgateError {}

impl From<limiter::LimiterError> for SendgateError {
    fn from(error: limiter::LimiterError) -> Self {
        Self::InvalidPolicy { code: error.code().into(), detail: error.to_string() }
    }
}

impl From<limiter::StateError> for SendgateError {
    fn from(error: limiter::StateError) -> Self {
        Self::InvalidState { code: error.code().into(), detail: error.to_string() }
    }
}

impl From<address::AddressError> for SendgateError {
    fn from(error: address::AddressError) -> Self {
        Self::InvalidAddress { code: error.code().into(), detail: error.to_string() }
    }
}

impl From<limiter::Decision> for Decision {
    fn from(decision: limiter::Decision) -> Self {
        match decision {
            limiter::Decision::Allow { charged_at } => Self::Allow { charged_at: charged_at.as_millis() },
            limiter::Decision::Defer { retry_at, window } => {
                Self::Defer { retry_at: retry_at.as_millis(), window: crate::c::values::index(window) }
            }
            limiter::Decision::Reject { window } => Self::Reject { window: crate::c::values::index(window) },
        }
    }
}

impl From<&limiter::Usage> for Usage {
    fn from(usage: &limiter::Usage) -> Self {
        Self {
            limit: usage.limit,
            used: usage.used,
            remaining: usage.remaining,
            next_at: usage.next_at.as_millis(),
            full_at: usage.full_at.as_millis(),
        }
    }
}

impl From<backoff::Retry> for Retry {
    fn from(retry: backoff::Retry) -> Self {
        match retry {
            backoff::Retry::At(at) => Self::At { retry_at: at.as_millis() },
            backoff::Retry::Exhausted { attempts } => Self::Exhausted { attempts },
        }
    }
}

impl From<backoff::Backoff> for Backoff {
    fn from(policy: backoff::Backoff) -> Self {
        let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = policy;
        Self { base_ms, cap_ms, max_attempts, jitter: jitter.into() }
    }
}

impl From<Backoff> for backoff::Backoff {
    fn from(policy: Backoff) -> Self {
        let Backoff { base_ms, cap_ms, max_attempts, jitter } = policy;
        Self { base_ms, cap_ms, max_attempts, jitter: jitter.into() }
    }
}

impl From<backoff::Jitter> for Jitter {
    fn from(jitter: backoff::Jitter) -> Self {
        match jitter {
            backoff::Jitter::Full => Self::Full,
            backoff::Jitter::None => Self::None,
        }
    }
}

impl From<Jitter> for backoff::Jitter {
    fn from(jitter: Jitter) -> Self {
        match jitter {
            Jitter::Full => Self::Full,
            Jitter::None => Self::None,
        }
    }
}
