//! A suppression list in memory.

use super::{
    SendgateError,
    values::{Units, count},
};
use crate::process;
use sendgate_embed::{Failure, HeldSuppressions};

/// An exact set of suppressed addresses without the addresses themselves, shared by threads. They are compared in lower
/// case, the domain in ASCII.
#[derive(Debug, uniffi::Object)]
pub struct Suppressions(HeldSuppressions);

#[uniffi::export]
impl Suppressions {
    /// A set of these addresses. `key` is 16 secret random bytes, which belong to the saved bytes; fresh ones are drawn when
    /// it is absent.
    ///
    /// # Errors
    /// [`SendgateError::InvalidAddress`], [`SendgateError::InvalidArgument`] for a key of another length.
    #[uniffi::constructor(default(addresses = [], key = None))]
    pub fn new(addresses: Vec<String>, key: Option<Vec<u8>>) -> Result<Self, SendgateError> {
        let key = match key {
            Some(key) => sixteen(&key)?,
            None => drawn(),
        };
        Ok(Self(HeldSuppressions::new(key, addresses.iter().map(String::as_str))?))
    }

    /// Goes on from saved bytes, which are checked as a whole.
    ///
    /// # Errors
    /// [`SendgateError::InvalidState`] when they are not a set that was saved under this key.
    #[uniffi::constructor]
    pub fn from_bytes(bytes: Vec<u8>, key: Vec<u8>) -> Result<Self, SendgateError> {
        Ok(Self(HeldSuppressions::from_bytes(sixteen(&key)?, &bytes)?))
    }

    /// The set as bytes; whoever has them and the key can test a guess.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// The key of the saved bytes. Keep it apart from them.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.0.key().to_vec()
    }

    /// Adds an address; whether it was not there before.
    ///
    /// # Errors
    /// [`SendgateError::InvalidAddress`]; [`SendgateError::InvalidArgument`] when the set is full.
    pub fn add(&self, address: &str) -> Result<bool, SendgateError> {
        Ok(self.0.add(address)?)
    }

    /// Takes an address out; whether it was there.
    ///
    /// # Errors
    /// [`SendgateError::InvalidAddress`].
    pub fn remove(&self, address: &str) -> Result<bool, SendgateError> {
        Ok(self.0.remove(address)?)
    }

    /// Whether an address is suppressed.
    ///
    /// # Errors
    /// [`SendgateError::InvalidAddress`].
    pub fn contains(&self, address: &str) -> Result<bool, SendgateError> {
        Ok(self.0.contains(address)?)
    }

    /// Whether each of these addresses is suppressed, in their order; faster than one by one.
    ///
    /// # Errors
    /// [`SendgateError::InvalidAddress`] when one of them is none.
    pub fn contains_many(&self, addresses: Vec<String>) -> Result<Vec<bool>, SendgateError> {
        Ok(self.0.contains_many(addresses.iter().map(String::as_str))?)
    }

    /// Addresses that are held.
    #[must_use]
    pub fn size(&self) -> Units {
        Units(count(self.0.len()))
    }

    /// Bytes of memory that the set has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes() as u64
    }
}

fn sixteen(key: &[u8]) -> Result<[u8; 16], SendgateError> {
    let wrong = |_| Failure::argument("invalid_key", &format_args!("key must have 16 bytes, got {}", key.len()));
    Ok(key.try_into().map_err(wrong)?)
}

fn drawn() -> [u8; 16] {
    (u128::from(process::chance()) << 64 | u128::from(process::chance())).to_be_bytes()
}
