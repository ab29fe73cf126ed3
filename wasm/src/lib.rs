//! Sendgate as a Cloudflare Worker.
//!
//! The front ([`front`]) routes a request and hands it to its account's Durable Object ([`account_gate`]), which decides
//! in one transaction and sends what is due from its alarm ([`pump`]). Every decision is core's: this crate fetches
//! arguments and carries answers. The admin API goes to one object of its own ([`directory`]), which hands each account's
//! configuration to the account's object. `guard.js` and `entry.js` stand around it, because a panic here must not hang what waits outside.
//!
//! Two rules hold everywhere: every import that can throw is declared `catch`, and no `RefCell` stays borrowed over an
//! `await`.

mod account_gate;
mod binding;
mod bound;
mod clock;
mod directory;
#[cfg(feature = "sandbox")]
mod faults;
mod front;
mod host;
mod import;
mod pump;
#[cfg(feature = "sandbox")]
mod sandbox;
mod smtp;
mod socket;
mod storage;
mod stream;
mod transport;
mod wire;

pub use account_gate::AccountGate;
pub use directory::Directory;
pub use front::{failed, fetch, queue};
pub use host::begin;
#[cfg(feature = "sandbox")]
pub use sandbox::Sandbox;

use wasm_bindgen::prelude::wasm_bindgen;

/// Answers when the executor gets round to it: how `guard.js` tells a stopped instance from a slow call.
#[wasm_bindgen]
pub async fn pulse() {}
