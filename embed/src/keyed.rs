//! A table of keys in memory, shared by all threads of a process.

use sendgate_core::{
    limiter::{Decision, Limiter, LimiterError, Limiters, StateError, Usage},
    time::UnixMillis,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// [`Limiters`] by name instead of by number. Every method means what the table's does.
///
/// Names are hashed under `seed`; two of them share a key with a probability of 2^-64.
#[derive(Debug)]
pub struct HeldLimiters(Mutex<Limiters>);

impl HeldLimiters {
    /// A table of this policy, `{"windows":[...]}`, without keys. `seed` is fresh chance.
    ///
    /// # Errors
    /// As [`Limiter::from_json`].
    pub fn from_json(policy: &str, seed: [u64; 2], most_keys: Option<usize>) -> Result<Self, LimiterError> {
        let limiters = Limiters::new(Limiter::from_json(policy)?, seed);
        Ok(Self(Mutex::new(match most_keys {
            Some(most_keys) => limiters.at_most(most_keys),
            None => limiters,
        })))
    }

    /// Whether units may leave now; charges them if they may.
    #[must_use]
    pub fn admit(&self, name: &[u8], cost: u32, now: UnixMillis) -> bool {
        let mut limiters = self.locked();
        let key = limiters.key_of(name);
        limiters.admit(key, cost, now).is_some()
    }

    /// [`HeldLimiters::admit`] for many names at once, in their order.
    pub fn admit_many<'n>(
        &self,
        names: impl IntoIterator<Item = &'n [u8]>,
        cost: u32,
        now: UnixMillis,
        admitted: &mut Vec<bool>,
    ) {
        let mut limiters = self.locked();
        let asks: Vec<_> = names.into_iter().map(|name| (limiters.key_of(name), cost)).collect();
        limiters.admit_many(&asks, admitted, now);
    }

    /// Decides and, on an allow, charges.
    #[must_use]
    pub fn decide(&self, name: &[u8], cost: u32, now: UnixMillis) -> Decision {
        let mut limiters = self.locked();
        let key = limiters.key_of(name);
        limiters.decide(key, cost, now)
    }

    /// The same decision, charging nothing.
    #[must_use]
    pub fn peek(&self, name: &[u8], cost: u32, now: UnixMillis) -> Decision {
        let limiters = self.locked();
        limiters.peek(limiters.key_of(name), cost, now)
    }

    /// Takes back units charged at `charged_at`.
    pub fn refund(&self, name: &[u8], cost: u32, charged_at: UnixMillis, now: UnixMillis) {
        let mut limiters = self.locked();
        let key = limiters.key_of(name);
        limiters.refund(key, cost, charged_at, now);
    }

    /// What each window of a name holds at `now`.
    #[must_use]
    pub fn usage(&self, name: &[u8], now: UnixMillis) -> Vec<Usage> {
        let limiters = self.locked();
        limiters.usage(limiters.key_of(name), now)
    }

    /// A name's state, fresh for one that is not held: the same bytes as a limiter's of this policy.
    #[must_use]
    pub fn state(&self, name: &[u8]) -> Vec<u8> {
        let limiters = self.locked();
        limiters.state_of(limiters.key_of(name)).as_bytes().to_vec()
    }

    /// Goes on from a stored state; `false` when the table is full.
    ///
    /// # Errors
    /// As [`Limiter::load`]; what was held stays as it was.
    pub fn load(&self, name: &[u8], bytes: &[u8]) -> Result<bool, StateError> {
        let mut limiters = self.locked();
        let key = limiters.key_of(name);
        limiters.put(key, bytes)
    }

    /// Forgets keys in whose windows nothing is in use; looks at `most` of them and returns how many it forgot.
    pub fn evict(&self, most: usize, now: UnixMillis) -> usize {
        self.locked().evict(most, now)
    }

    /// Keys that are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked().len()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the table has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.locked().memory_bytes()
    }

    /// A lock left by a thread that panicked is taken over: no method runs a caller's code under it but the iterator of
    /// [`HeldLimiters::admit_many`], which it asks before it decides.
    fn locked(&self) -> MutexGuard<'_, Limiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const POLICY: &str = r#"{"windows":[{"kind":"sliding","name":"minute","limit":3,"period_ms":60000}]}"#;

    #[test]
    fn threads_share_the_budget_of_a_name_and_names_share_none() {
        let limiters = HeldLimiters::from_json(POLICY, [1, 2], None).unwrap();
        let allowed = std::thread::scope(|scope| {
            let ask = || (0..10).filter(|_| limiters.admit(b"ann", 1, NOON)).count();
            let threads = [scope.spawn(ask), scope.spawn(ask)];
            threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(allowed, 3);
        assert!(limiters.admit(b"bob", 3, NOON));
        assert_eq!(limiters.len(), 2);
    }

    #[test]
    fn many_at_once_are_the_same_decisions() {
        let limiters = HeldLimiters::from_json(POLICY, [1, 2], Some(2)).unwrap();
        let mut admitted = vec![false];
        let names: [&[u8]; 6] = [b"ann", b"ann", b"bob", b"ann", b"ann", b"eve"];
        limiters.admit_many(names, 1, NOON, &mut admitted);
        // The first was there before, the fourth of ann is over her limit, and no third key finds room.
        assert_eq!(admitted, [false, true, true, true, true, false, false]);
    }

    #[test]
    fn a_state_moves_between_tables() {
        let tables = [[1, 2], [3, 4]].map(|seed| HeldLimiters::from_json(POLICY, seed, None).unwrap());
        let [first, second] = &tables;
        assert!(first.admit(b"ann", 3, NOON));
        assert_eq!(second.load(b"ann", &first.state(b"ann")), Ok(true));
        assert!(!second.admit(b"ann", 1, NOON));
        assert!(second.load(b"ann", b"no state").is_err());
        assert_eq!(second.evict(usize::MAX, NOON.plus(120_000)), 1);
        assert!(second.is_empty());
    }
}
