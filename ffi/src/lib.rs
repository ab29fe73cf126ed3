//! Sendgate behind a C ABI, for every language that is not Rust or Python.
//!
//! Two doors to the same room: the plain C header `include/sendgate.h` (C, C++, Go by cgo), whose functions are
//! [`c`],
//! and uniffi's objects (Kotlin, Swift, Ruby, Python) in [`objects`]. Both convert and nothing else: what they answer
//! is what the core answers.
#![deny(unsafe_code)]

#[cfg(feature = "bench")]
pub mod bench;
pub mod c;
pub mod jvm;
mod later;
pub mod objects;
mod process;
#[cfg(feature = "vectors")]
pub mod runners;

uniffi::setup_scaffolding!("sendgate");
