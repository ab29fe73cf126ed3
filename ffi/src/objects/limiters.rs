//! A limiter of many keys.

use super::{
    SendgateError,
    limiter::{Decision, Usage},
    values::{Units, count},
};
use crate::process;
use sendgate_core::time::UnixMillis;
use sendgate_embed::HeldLimiters;

/// One policy, many keys, in memory, shared by threads. Every method means what the limiter's does, for one key.
#[derive(Debug, uniffi::Object)]
pub struct Limiters(HeldLimiters);

#[uniffi::export]
impl Limiters {
    /// A table of this policy, `{"windows":[...]}`, without keys. `most_keys` bounds it: a further key is then refused until
    /// `evict` has made room, because nothing is forgotten that counts.
    ///
    /// # Errors
    /// [`SendgateError::InvalidPolicy`].
    #[uniffi::constructor(default(most_keys = None))]
    pub fn new(policy: &str, most_keys: Option<Units>) -> Result<Self, SendgateError> {
        let most_keys = most_keys.map(|most| usize::try_from(most.0).unwrap_or(usize::MAX));
        Ok(Self(HeldLimiters::from_json(policy, [process::chance(), process::chance()], most_keys)?))
    }

    /// Whether units of a key may leave now; charges them if they may.
    #[must_use]
    pub fn admit(&self, key: &str, cost: Units, now: UnixMillis) -> bool {
        self.0.admit(key.as_bytes(), cost.0, now)
    }

    /// `admit` for many keys at once, in their order.
    #[must_use]
    pub fn admit_many(&self, keys: Vec<String>, cost: Units, now: UnixMillis) -> Vec<bool> {
        let mut admitted = Vec::with_capacity(keys.len());
        self.0.admit_many(keys.iter().map(String::as_bytes), cost.0, now, &mut admitted);
        admitted
    }

    /// Decides and, on an allow, charges. A denial charges nothing.
    #[must_use]
    pub fn decide(&self, key: &str, cost: Units, now: UnixMillis) -> Decision {
        self.0.decide(key.as_bytes(), cost.0, now).into()
    }

    /// The same decision, charging nothing.
    #[must_use]
    pub fn peek(&self, key: &str, cost: Units, now: UnixMillis) -> Decision {
        self.0.peek(key.as_bytes(), cost.0, now).into()
    }

    /// Takes back units that were charged at `charged_at`.
    pub fn refund(&self, key: &str, cost: Units, charged_at: UnixMillis, now: UnixMillis) {
        self.0.refund(key.as_bytes(), cost.0, charged_at, now);
    }

    /// What each window of a key holds at `now`, in the policy's order.
    #[must_use]
    pub fn usage(&self, key: &str, now: UnixMillis) -> Vec<Usage> {
        self.0.usage(key.as_bytes(), now).into_iter().map(Usage::from).collect()
    }

    /// The bytes of a key's state, as a limiter of this policy has them.
    #[must_use]
    pub fn state(&self, key: &str) -> Vec<u8> {
        self.0.state(key.as_bytes())
    }

    /// Goes on from a stored state of a key; false when the table is full.
    ///
    /// # Errors
    /// [`SendgateError::InvalidState`]; what was held stays.
    pub fn load(&self, key: &str, state: Vec<u8>) -> Result<bool, SendgateError> {
        Ok(self.0.load(key.as_bytes(), &state)?)
    }

    /// Forgets keys in whose windows nothing is in use; looks at `most` of them and returns how many it forgot.
    #[must_use]
    pub fn evict(&self, most: Units, now: UnixMillis) -> Units {
        Units(count(self.0.evict(usize::try_from(most.0).unwrap_or(usize::MAX), now)))
    }

    /// Keys that are held.
    #[must_use]
    pub fn size(&self) -> Units {
        Units(count(self.0.len()))
    }

    /// Bytes of memory that the table has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes() as u64
    }
}
