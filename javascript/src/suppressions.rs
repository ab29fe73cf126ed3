//! A suppression list in memory.

use crate::error;
use sendgate_core::{address::Address, suppression::SuppressionSet};
use wasm_bindgen::prelude::*;

/// A set of addresses, without the addresses.
#[wasm_bindgen]
pub struct Suppressions(SuppressionSet);

#[wasm_bindgen]
impl Suppressions {
    /// A set of no address; `key` is 16 bytes.
    ///
    /// # Errors
    /// Another number of bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &[u8]) -> Result<Self, JsValue> {
        Ok(Self(SuppressionSet::empty(sized(key)?)))
    }

    /// A set of the addresses, one a line.
    ///
    /// # Errors
    /// A malformed address, too many of them, or another key.
    pub fn of(addresses: &str, key: &[u8]) -> Result<Self, JsValue> {
        let mut builder = SuppressionSet::builder(sized(key)?);
        for address in addresses.lines() {
            builder.push(&listed(address)?);
        }
        builder.build().map(Self).map_err(error::too_many)
    }

    /// Goes on from saved bytes.
    ///
    /// # Errors
    /// They are not a set that was saved under this key.
    pub fn load(bytes: &[u8], key: &[u8]) -> Result<Self, JsValue> {
        SuppressionSet::from_bytes(sized(key)?, bytes).map(Self).map_err(error::set)
    }

    /// The set as bytes.
    pub fn save(&mut self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Whether the address is new.
    ///
    /// # Errors
    /// A malformed address, or too many of them.
    pub fn add(&mut self, address: &str) -> Result<bool, JsValue> {
        self.0.add(&listed(address)?).map_err(error::too_many)
    }

    /// Whether the address was there.
    ///
    /// # Errors
    /// A malformed address.
    pub fn remove(&mut self, address: &str) -> Result<bool, JsValue> {
        Ok(self.0.remove(&listed(address)?))
    }

    /// Whether the address is there.
    ///
    /// # Errors
    /// A malformed address.
    pub fn has(&self, address: &str) -> Result<bool, JsValue> {
        Ok(self.0.contains(&listed(address)?))
    }

    /// Whether each address, one a line, is there: a byte for each.
    ///
    /// # Errors
    /// A malformed address.
    pub fn has_many(&self, addresses: &str) -> Result<Vec<u8>, JsValue> {
        let keys = addresses.lines().map(listed).collect::<Result<Vec<_>, _>>()?;
        Ok(self.0.contains_many(&keys).into_iter().map(u8::from).collect())
    }

    /// Bytes that the set has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    /// Addresses in it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// The form under which an address is suppressed.
fn listed(address: &str) -> Result<String, JsValue> {
    Ok(Address::parse(address).map_err(error::address)?.key())
}

fn sized(key: &[u8]) -> Result<[u8; 16], JsValue> {
    key.try_into().map_err(|_| error::argument("key", &format!("must be 16 bytes, got {}", key.len())))
}
