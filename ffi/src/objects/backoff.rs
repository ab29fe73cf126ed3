//! When to try again.

use super::values::{Entropy, Millis, Units};
use sendgate_core::{backoff, backoff::Jitter, time::UnixMillis};

/// How retries are spread.
#[uniffi::remote(Enum)]
pub enum Jitter {
    /// Uniform over the whole exponential part.
    Full,
    /// Not at all.
    None,
}

/// A retry policy; `default_backoff` gives the usual one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Backoff {
    /// The least wait.
    pub base_ms: Millis,
    /// The longest wait.
    pub cap_ms: Millis,
    /// How many attempts may fail in all.
    pub max_attempts: Units,
    /// How retries are spread.
    pub jitter: Jitter,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Retry {
    /// Try again.
    At {
        /// When.
        retry_at: UnixMillis,
    },
    /// Give up.
    Exhausted {
        /// How many attempts failed.
        attempts: Units,
    },
}

/// The usual retry policy.
#[uniffi::export]
#[must_use]
pub fn default_backoff() -> Backoff {
    let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = backoff::Backoff::default();
    Backoff { base_ms: Millis(base_ms), cap_ms: Millis(cap_ms), max_attempts: Units(max_attempts), jitter }
}

/// Decides after `attempts` failed attempts when to try again. `hint` is the first instant the server allows, when it
/// named one; `entropy` is a fresh random number for each attempt.
#[uniffi::export]
#[must_use]
pub fn backoff_next(
    backoff: Backoff,
    attempts: Units,
    hint: Option<UnixMillis>,
    entropy: Entropy,
    now: UnixMillis,
) -> Retry {
    let Backoff { base_ms: Millis(base_ms), cap_ms: Millis(cap_ms), max_attempts: Units(max_attempts), jitter } =
        backoff;
    match (backoff::Backoff { base_ms, cap_ms, max_attempts, jitter }).next(attempts.0, hint, entropy.0, now) {
        backoff::Retry::At(retry_at) => Retry::At { retry_at },
        backoff::Retry::Exhausted { attempts } => Retry::Exhausted { attempts: Units(attempts) },
    }
}
