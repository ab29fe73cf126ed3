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
    /// Whether a call is at work. Reading and writing it costs nothing beside a decision, and shows most breaches of the
    /// contract; it is no lock.
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
            Self::Unshared(alone) => alone.is_in_use.load(Relaxed),
        }
    }
}

impl Place for Held {
    fn with<T>(&self, step: impl FnOnce(&mut State) -> T) -> T {
        match self {
            Self::Shared(shared) => shared.with(step),
            Self::Unshared(alone) => {
                alone.is_in_use.store(true, Relaxed);
                // SAFETY: by the contract no other call is at work on this handle, and no step calls back into one.
                let done = step(unsafe { &mut *alone.state.get() });
                // After a panic it stays: nothing is known about the state then.
                alone.is_in_use.store(false, Relaxed);
                done
            }
        }
    }
}
