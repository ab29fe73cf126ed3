//! The same room for uniffi: objects, records and enums that its generators turn into Kotlin, Swift, Ruby and Python.
//!
//! Types of the core cross as they are where uniffi can carry them (`#[uniffi::remote]`), and by exhaustive conversions
//! where it cannot: a variant or a field that the core gains stops this crate's build.
#![allow(unsafe_code, reason = "uniffi's macros write the boundary; there is none by hand in this folder")]

pub mod backoff;
pub mod error;
pub mod event;
pub mod gate;
pub mod ledger;
pub mod limiter;
pub mod limiters;
pub mod mailroom;
pub mod message;
pub mod outcome;
pub mod provider;
pub mod suppressions;
pub mod transport;
pub mod values;

use sendgate_core::address::Address;

pub use error::SendgateError;

/// The form of an address under which it is suppressed: lower case, its domain in ASCII.
///
/// # Errors
/// [`SendgateError`] when it is no address; the error does not repeat it.
#[uniffi::export]
pub fn normalize_address(address: &str) -> Result<String, SendgateError> {
    Ok(Address::parse(address)?.key())
}

/// Sendgate's version.
#[uniffi::export]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
