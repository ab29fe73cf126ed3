//! Sendgate inside a process: what the core asks of its host, answered by a SQLite file.
//!
//! The core decides and never touches a file. This crate opens the file, carries statements to it and wraps each verb
//! in a transaction: [`Database`] is the core's [`Sql`](sendgate_core::sql::Sql) on SQLite, [`KeptLimiter`] is a
//! limiter whose state lives in one row of it, [`HeldLimiter`] one whose state lives in memory, and
//! [`HeldLimiters`] a table of them. [`Carrier`] takes
//! calls to providers, over HTTP and SMTP, and tells exactly what surely did not leave from what may have. [`Mailroom`]
//! is the durable sender that is made of these: several processes may keep one file.
//!
//! What other languages get is the same for all of them, so it is here once: [`HeldGate`], [`HeldLedger`] and
//! [`HeldSuppressions`] hold a gate, a ledger and a suppression list, [`Provider`] builds requests and says what answers mean, [`Receipt`] is what became of a
//! submitted message, and [`Failure`] is every error there is, with its stable word and its data.
//!
//! Out of scope: every decision, every default, and the clock. `now` is an argument here, too.
#![forbid(unsafe_code)]

mod carrier;
mod database;
mod failure;
mod gate;
mod held;
mod http;
mod kept;
mod keyed;
mod ledger;
mod mailroom;
mod provider;
mod receipt;
mod smtp;
mod stream;
mod suppressions;

pub use carrier::{Carrier, CarrierError, Roots};
pub use database::{Connection, Database, DatabaseError};
pub use failure::{Failure, FailureKind, FieldFault};
pub use gate::{HeldGate, HeldStanding};
pub use held::{HeldLimiter, Place, Shared};
pub use kept::{KeptError, KeptLimiter};
pub use keyed::HeldLimiters;
pub use ledger::HeldLedger;
pub use mailroom::{Host, Mailroom, MailroomError, Secrets, Transport};
pub use provider::{Provider, ProviderSettings};
pub use receipt::{Receipt, Refusal};
pub use suppressions::HeldSuppressions;
