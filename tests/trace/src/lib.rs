//! One long random trace of operations, and what the core answers to it.
//!
//! [`operations`] writes the trace of a seed as text; [`Surface`] performs a line of it and gives the line of the log.
//! Every other surface has a program of its own that reads the same text: see `README.md` for the format.

mod generate;
mod perform;

pub use generate::operations;
pub use perform::{Fault, Surface, hashes};
