//! A suppression list in memory, shared by all threads of a process.

use crate::Failure;
use core::fmt;
use sendgate_core::{address::Address, suppression::SuppressionSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`SuppressionSet`] of addresses as people write them: compared in lower case, the domain in ASCII.
pub struct HeldSuppressions {
    key: [u8; 16],
    set: Mutex<SuppressionSet>,
}

impl HeldSuppressions {
    /// A set of these addresses. `key` is 16 secret random bytes, which belong to the saved bytes.
    ///
    /// # Errors
    /// A malformed address, or too many of them.
    pub fn new<'a>(key: [u8; 16], addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, Failure> {
        let addresses = addresses.into_iter();
        let mut builder = SuppressionSet::builder(key).expect(addresses.size_hint().0);
        for address in addresses {
            builder.push(&listed(address)?);
        }
        Ok(Self { key, set: Mutex::new(builder.build()?) })
    }

    /// Goes on from saved bytes, which are checked as a whole.
    ///
    /// # Errors
    /// They are not a set that was saved under this key.
    pub fn from_bytes(key: [u8; 16], bytes: &[u8]) -> Result<Self, Failure> {
        Ok(Self { key, set: Mutex::new(SuppressionSet::from_bytes(key, bytes)?) })
    }

    /// The set as bytes; whoever has them and the key can test a guess.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.locked().to_bytes()
    }

    /// The key of the saved bytes.
    #[must_use]
    pub const fn key(&self) -> [u8; 16] {
        self.key
    }

    /// Adds an address; whether it was not there before.
    ///
    /// # Errors
    /// As [`HeldSuppressions::new`].
    pub fn add(&self, address: &str) -> Result<bool, Failure> {
        Ok(self.locked().add(&listed(address)?)?)
    }

    /// Takes an address out; whether it was there.
    ///
    /// # Errors
    /// A malformed address.
    pub fn remove(&self, address: &str) -> Result<bool, Failure> {
        Ok(self.locked().remove(&listed(address)?))
    }

    /// Whether an address is suppressed.
    ///
    /// # Errors
    /// A malformed address.
    pub fn contains(&self, address: &str) -> Result<bool, Failure> {
        Ok(self.locked().contains(&listed(address)?))
    }

    /// Whether each of these addresses is suppressed, in their order; faster than one by one.
    ///
    /// # Errors
    /// A malformed address among them.
    pub fn contains_many<'a>(&self, addresses: impl IntoIterator<Item = &'a str>) -> Result<Vec<bool>, Failure> {
        let keys = addresses.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        Ok(self.locked().contains_many(&keys))
    }

    /// Addresses that are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked().len()
    }

    /// Whether no address is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the set has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.locked().memory_bytes()
    }

    /// A lock left by a thread that panicked is taken over: the set changes by single steps.
    fn locked(&self) -> MutexGuard<'_, SuppressionSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hides the key.
impl fmt::Debug for HeldSuppressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldSuppressions({})", self.len())
    }
}

/// The form under which an address is suppressed.
fn listed(address: &str) -> Result<String, Failure> {
    Ok(Address::parse(address)?.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_whatever_case_and_survives_being_saved() {
        let set = HeldSuppressions::new([7; 16], ["Ann@Example.COM"]).unwrap();
        assert_eq!(set.contains("ann@example.com"), Ok(true));
        assert_eq!((set.add("bob@example.net"), set.add("bob@example.net")), (Ok(true), Ok(false)));
        let saved = HeldSuppressions::from_bytes([7; 16], &set.to_bytes()).unwrap();
        assert_eq!(saved.contains_many(["bob@example.net", "eve@example.org"]), Ok(vec![true, false]));
        assert_eq!((saved.remove("bob@example.net"), saved.len()), (Ok(true), 1));
        assert_eq!(HeldSuppressions::from_bytes([8; 16], &set.to_bytes()).unwrap_err().code, "wrong_key");
        assert_eq!(set.contains("no address").unwrap_err().kind, crate::FailureKind::InvalidAddress);
    }
}
