//! A limiter with its state in memory: what the wheel and the C ABI hand to a process.
//!
//! Nothing is written anywhere. A process that wants its state to outlast it stores [`HeldLimiter::state`] itself, or
//! uses a [`KeptLimiter`](crate::KeptLimiter).

use sendgate_core::{
    limiter::{Decision, Limiter, LimiterError, State, StateError, Usage, Window},
    time::UnixMillis,
};
use spin::{Yield, mutex::SpinMutex};

/// A [`Limiter`] and its state, by default shared by all threads of a process. Every method means what the limiter's does.
#[derive(Debug)]
pub struct HeldLimiter<P = Shared> {
    limiter: Limiter,
    state: P,
}

/// Where a state is, and how it is reached.
pub trait Place {
    /// Does one step with the state, which nobody else has meanwhile.
    fn with<T>(&self, step: impl FnOnce(&mut State) -> T) -> T;
}

/// A state that threads share.
///
/// A decision takes less time than a lock that can put a thread to sleep, so this one cannot: taking it is one atomic
/// operation, giving it back none, and who finds it taken lets others run until it is free. A thread that panics gives it
/// back, too: no step runs a caller's code but what takes the decisions of [`HeldLimiter::decide_many`], and what charges
/// decides first and writes after.
#[derive(Debug)]
pub struct Shared(SpinMutex<State, Yield>);

impl Shared {
    /// Shares a state.
    #[must_use]
    pub const fn new(state: State) -> Self {
        Self(SpinMutex::new(state))
    }
}

impl Place for Shared {
    fn with<T>(&self, step: impl FnOnce(&mut State) -> T) -> T {
        step(&mut self.0.lock())
    }
}

impl HeldLimiter {
    /// A limiter of this policy, `{"windows":[...]}`, that has seen nothing yet.
    ///
    /// # Errors
    /// As [`Limiter::from_json`].
    pub fn from_json(policy: &str) -> Result<Self, LimiterError> {
        Self::placed(policy, Shared::new)
    }
}

impl<P: Place> HeldLimiter<P> {
    /// As [`HeldLimiter::from_json`], with the state in a place of the caller's.
    ///
    /// # Errors
    /// As [`Limiter::from_json`].
    pub fn placed(policy: &str, place: impl FnOnce(State) -> P) -> Result<Self, LimiterError> {
        let limiter = Limiter::from_json(policy)?;
        let state = place(limiter.fresh());
        Ok(Self { limiter, state })
    }

    /// Where the state is.
    #[must_use]
    pub const fn place(&self) -> &P {
        &self.state
    }

    /// The policy's windows, in the order that answers count them.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        self.limiter.windows()
    }

    /// Decides and, on an allow, charges.
    #[must_use]
    pub fn decide(&self, cost: u32, now: UnixMillis) -> Decision {
        self.state.with(|state| self.limiter.decide(state, cost, now))
    }

    /// Decides several times in order in one step, and hands each decision on with its place.
    pub fn decide_many(
        &self,
        costs: impl IntoIterator<Item = u32>,
        now: UnixMillis,
        mut take: impl FnMut(usize, Decision),
    ) {
        self.state.with(|state| {
            for (index, cost) in costs.into_iter().enumerate() {
                take(index, self.limiter.decide(state, cost, now));
            }
        });
    }

    /// Whether units may leave now; charges them if they may.
    #[must_use]
    pub fn admit(&self, cost: u32, now: UnixMillis) -> bool {
        self.state.with(|state| self.limiter.admit(state, cost, now)).is_some()
    }

    /// The same decision, charging nothing.
    #[must_use]
    pub fn peek(&self, cost: u32, now: UnixMillis) -> Decision {
        self.state.with(|state| self.limiter.peek(state, cost, now))
    }

    /// Records units that left anyway, and returns the instant they count from.
    #[must_use]
    pub fn charge(&self, cost: u32, now: UnixMillis) -> UnixMillis {
        self.state.with(|state| self.limiter.charge(state, cost, now))
    }

    /// Takes back units charged at `charged_at`.
    pub fn refund(&self, cost: u32, charged_at: UnixMillis, now: UnixMillis) {
        self.state.with(|state| self.limiter.refund(state, cost, charged_at, now));
    }

    /// What each window holds at `now`.
    #[must_use]
    pub fn usage(&self, now: UnixMillis) -> Vec<Usage> {
        self.state.with(|state| self.limiter.usage(state, now))
    }

    /// The state's bytes, the same on every platform.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.state.with(|state| state.as_bytes().to_vec())
    }

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// As [`Limiter::load`]; what was held stays as it was.
    pub fn load(&self, bytes: &[u8]) -> Result<(), StateError> {
        let loaded = self.limiter.load(bytes)?;
        self.state.with(|state| *state = loaded);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn three_a_minute() -> HeldLimiter {
        let policy = r#"{"windows":[{"kind":"sliding","name":"minute","limit":3,"period_ms":60000}]}"#;
        HeldLimiter::from_json(policy).unwrap()
    }

    #[test]
    fn threads_share_one_budget() {
        let limiter = three_a_minute();
        let allowed = std::thread::scope(|scope| {
            let ask = || (0..10).filter(|_| matches!(limiter.decide(1, NOON), Decision::Allow { .. })).count();
            let threads = [scope.spawn(ask), scope.spawn(ask)];
            threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(allowed, 3);
    }

    #[test]
    fn many_at_once_are_the_same_decisions() {
        let limiter = three_a_minute();
        let mut taken = Vec::new();
        limiter.decide_many([2, 2, 1, 4], NOON, |index, decision| taken.push((index, decision)));
        let allow = Decision::Allow { charged_at: NOON };
        assert_eq!((taken[0], taken[2]), ((0, allow), (2, allow)));
        assert!(matches!(taken[1].1, Decision::Defer { window: 0, .. }));
        assert_eq!(taken[3].1, Decision::Reject { window: 0 });
    }

    #[test]
    fn a_state_moves_to_another_limiter_of_the_same_policy() {
        let (first, second) = (three_a_minute(), three_a_minute());
        assert_eq!(first.decide(3, NOON), Decision::Allow { charged_at: NOON });
        assert!(matches!(second.peek(1, NOON), Decision::Allow { .. }));
        second.load(&first.state()).unwrap();
        assert!(matches!(second.decide(1, NOON), Decision::Defer { window: 0, .. }));
        assert_eq!(second.state(), first.state());
    }

    #[test]
    fn a_refused_state_leaves_the_old_one() {
        let limiter = three_a_minute();
        assert_eq!(limiter.decide(2, NOON), Decision::Allow { charged_at: NOON });
        let before = limiter.state();
        assert!(limiter.load(b"no state").is_err());
        assert_eq!(limiter.state(), before);
    }

    #[test]
    fn a_refund_makes_room_again() {
        let limiter = three_a_minute();
        let charged_at = limiter.charge(3, NOON);
        limiter.refund(3, charged_at, NOON);
        assert_eq!(limiter.decide(3, NOON), Decision::Allow { charged_at: NOON });
    }
}
