//! Sendgate inside a process: what the core asks of its host, answered by a SQLite file.
//!
//! The core decides and never touches a file. This crate opens the file, carries statements to it and wraps each verb
//! in a transaction: [`Database`] is the core's [`Sql`](sendgate_core::sql::Sql) on SQLite, [`KeptLimiter`] is a
//! limiter whose state lives in one row of it, and [`HeldLimiter`] one whose state lives in memory.
//!
//! Out of scope: every decision, every default, and the clock. `now` is an argument here, too.
#![forbid(unsafe_code)]

mod database;
mod held;
mod kept;

pub use database::{Connection, Database, DatabaseError};
pub use held::HeldLimiter;
pub use kept::{KeptError, KeptLimiter};
