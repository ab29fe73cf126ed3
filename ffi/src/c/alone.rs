//! The state of a limiter that the caller shares with nobody, or that threads share: one handle for both.

use sendgate_core::limiter::State;
use sendgate_embed::{Place, Shared};
use std::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// Where a handle's state is.
pub(crate) enum Held {
    Shared(Shared),
    Unshared(Alone),
}

/// A state without a lock: by the contract of sendgate_limiter_new_unshared one thread at a time is here.
pub(crate) struct Alone {
    state: UnsafeCell<State>,
    /// Whether a call is at work. It is no lock; it shows most breaches of the contract, in debug builds alone: it would be a
    /// tenth of what a decision costs.
    is_in_use: AtomicBool,
}

impl Held {
    pub(crate) fn shared(state: State) -> Self {
        Self::Shared(Shared::new(state))
    }

    pub(crate) fn unshared(state: State) -> Self {
        Self::Unshared(Alone { state: UnsafeCell::new(state), is_in_use: AtomicBool::new(false) })
    }

    /// Whether another thread is here, which must not be.
    pub(crate) fn is_in_use(&self) -> bool {
        match self {
            Self::Shared(_) => false,
            Self::Unshared(alone) => cfg!(debug_assertions) && alone.is_in_use.load(Relaxed),
        }
    }
}

impl Alone {
    fn mark(&self, is_in_use: bool) {
        if cfg!(debug_assertions) {
            self.is_in_use.store(is_in_use, Relaxed);
        }
    }
}

impl Place for Held {
    fn with<T>(&self, step: impl FnOnce(&mut State) -> T) -> T {
        match self {
            Self::Shared(shared) => shared.with(step),
            Self::Unshared(alone) => {
                alone.mark(true);
                // SAFETY: by the contract no other call is at work on this handle, and no step calls back into one.
                let done = step(unsafe { &mut *alone.state.get() });
                // After a panic it stays: nothing is known about the state then.
                alone.mark(false);
                done
            }
        }
    }
}
