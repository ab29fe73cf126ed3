//! The core as WebAssembly: what `lib/*.js` of the package calls, and nothing that a user sees.
//!
//! A function here turns plain numbers, texts and bytes into the core's arguments and back. What is asked millions of
//! times passes as numbers; everything else as JSON. The classes, the clock and the words of errors are JavaScript's.

mod backoff;
mod error;
mod gate;
mod limiter;
mod limiters;
mod mailroom;
mod message;
mod provider;
mod storage;
mod suppressions;
mod values;

use sendgate_core::{address::Address, provider::ProviderKind, vectors};
use wasm_bindgen::prelude::*;

/// The form of an address under which it is suppressed.
///
/// # Errors
/// It is no address.
#[wasm_bindgen(js_name = normalizeAddress)]
pub fn normalize_address(address: &str) -> Result<String, JsValue> {
    Ok(Address::parse(address).map_err(error::address)?.key())
}

/// The words of every provider there is, with commas between them.
#[wasm_bindgen]
#[must_use]
pub fn providers() -> String {
    ProviderKind::ALL.map(ProviderKind::as_str).join(",")
}

/// The package's version.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// What the core answers to one of the project's own test vectors.
///
/// # Errors
/// The case is not of the format.
#[wasm_bindgen]
pub fn evaluate(suite: &str, case: &str) -> Result<String, JsValue> {
    vectors::evaluate(suite, case).map_err(error::vector)
}
