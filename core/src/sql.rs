//! The one thing the Mailroom needs from its host: a SQLite to speak to.
//!
//! Durable Object storage and a SQLite file both fit. Transactions are the host's: it opens one around each Mailroom
//! verb, and when a verb returns an error it rolls back and opens the Mailroom anew.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// A statement's parameter, bound to `?1`, `?2`, ... in order.
#[derive(Clone, Copy)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// An integer of at most 53 bits, which every host can carry.
    Integer(i64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// A column of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Shows numbers, and of texts and bytes their sizes only: they hold addresses and contents.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Integer(n) => write!(f, "Integer({n})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

/// A result row, column by column.
pub type Row = Vec<Value>;

/// Executes statements for the Mailroom.
pub trait Sql {
    /// Runs one statement with its parameters to its end and returns every row.
    ///
    /// # Errors
    /// Whatever the store said. The message never reaches a caller of the API.
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError>;
}

/// A statement the store refused, or a row of another shape than the schema's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SqlError(pub String);

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store failed: {}", self.0)
    }
}

impl core::error::Error for SqlError {}
