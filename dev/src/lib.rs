//! Starts Sendgate on a developer's machine and in tests: the real Worker in raw `workerd`, on loopback, offline.
//!
//! [`Workerd`] writes the configuration, starts the process, waits until it answers, and ends it with `SIGKILL`:
//! `workerd` waits for requests in flight on any gentler signal, and a test of what survives wants no gentleness.

mod capnp;
mod development;
mod scratch;
mod workerd;

pub use development::{Development, credential, simulated};
pub use scratch::Scratch;
pub use workerd::{Reach, Settings, StartError, Workerd, free_port};

use std::path::PathBuf;

/// The checkout that this crate was built in.
#[must_use]
pub fn checkout() -> PathBuf {
    let room = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    room.parent().map(PathBuf::from).unwrap_or(room)
}
