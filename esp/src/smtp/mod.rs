//! The SMTP server: a strict one, as it is a witness.
//!
//! [`session`] is the protocol without IO: bytes in, steps out. What may be decided one way or another (a password, a
//! window, a planned fault, where a message is kept) it asks; [`desk`] answers from the database, and [`server`] carries the
//! bytes.

pub(crate) mod command;
pub(crate) mod desk;
pub(crate) mod fault;
pub(crate) mod path;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod settings;
