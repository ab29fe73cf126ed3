//! The simulator's tables. Everything it knows is in them, so a killed process forgets nothing.

use alloc::{format, string::String, vec::Vec};
use sendgate_core::sql::{Param, Row, Sql, SqlError, Value};

/// Creates the tables that are missing.
///
/// # Errors
/// Whatever the store said.
pub(crate) fn create(sql: &mut dyn Sql) -> Result<(), SqlError> {
    for statement in SCHEMA {
        sql.run(statement, &[])?;
    }
    Ok(())
}

/// Empties every table but the settings'.
pub(crate) fn clear(sql: &mut dyn Sql) -> Result<(), SqlError> {
    for statement in CLEAR {
        sql.run(statement, &[])?;
    }
    Ok(())
}

/// Writes `bytes` as the part `part` of a message, in rows of at most [`CHUNK_BYTES`].
pub(crate) fn write_part(sql: &mut dyn Sql, message: i64, part: &str, bytes: &[u8]) -> Result<(), SqlError> {
    for (number, chunk) in (0_i64..).zip(bytes.chunks(CHUNK_BYTES)) {
        let values = [Param::Integer(message), Param::Text(part), Param::Integer(number), Param::Blob(chunk)];
        sql.run("INSERT INTO sandbox_parts (message, part, number, bytes) VALUES (?1, ?2, ?3, ?4)", &values)?;
    }
    Ok(())
}

/// The part `part` of a message; empty when there is none.
pub(crate) fn read_part(sql: &mut dyn Sql, message: i64, part: &str) -> Result<Vec<u8>, SqlError> {
    let statement = "SELECT bytes FROM sandbox_parts WHERE message = ?1 AND part = ?2 ORDER BY number";
    let mut bytes = Vec::new();
    for row in sql.run(statement, &[Param::Integer(message), Param::Text(part)])? {
        bytes.extend_from_slice(blob(&row, 0)?);
    }
    Ok(bytes)
}

/// The part `part` of a message as text.
pub(crate) fn read_text(sql: &mut dyn Sql, message: i64, part: &str) -> Result<String, SqlError> {
    String::from_utf8(read_part(sql, message, part)?).map_err(|_| SqlError(format!("the part {part} is not text")))
}

/// The integer in column `column`.
pub(crate) fn integer(row: &Row, column: usize) -> Result<i64, SqlError> {
    match row.get(column) {
        Some(Value::Integer(number)) => Ok(*number),
        Some(Value::Null | Value::Text(_) | Value::Blob(_)) | None => Err(shape(column, "an integer")),
    }
}

/// The integer in column `column`, or `None` for NULL.
pub(crate) fn optional_integer(row: &Row, column: usize) -> Result<Option<i64>, SqlError> {
    if matches!(row.get(column), Some(Value::Null)) { Ok(None) } else { integer(row, column).map(Some) }
}

/// The text in column `column`.
pub(crate) fn text(row: &Row, column: usize) -> Result<&str, SqlError> {
    match row.get(column) {
        Some(Value::Text(text)) => Ok(text),
        Some(Value::Null | Value::Integer(_) | Value::Blob(_)) | None => Err(shape(column, "text")),
    }
}

/// The text in column `column`, or `None` for NULL.
pub(crate) fn optional_text(row: &Row, column: usize) -> Result<Option<&str>, SqlError> {
    if matches!(row.get(column), Some(Value::Null)) { Ok(None) } else { text(row, column).map(Some) }
}

/// The bytes in column `column`.
pub(crate) fn blob(row: &Row, column: usize) -> Result<&[u8], SqlError> {
    match row.get(column) {
        Some(Value::Blob(bytes)) => Ok(bytes),
        Some(Value::Null | Value::Integer(_) | Value::Text(_)) | None => Err(shape(column, "bytes")),
    }
}

/// A parameter for an optional text.
pub(crate) fn maybe_text(text: Option<&str>) -> Param<'_> {
    text.map_or(Param::Null, Param::Text)
}

/// A parameter for an optional whole number.
pub(crate) fn maybe_integer(number: Option<i64>) -> Param<'static> {
    number.map_or(Param::Null, Param::Integer)
}

/// A count as SQLite and JSON carry it.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn shape(column: usize, wanted: &str) -> SqlError {
    SqlError(format!("column {column} does not hold {wanted}"))
}

/// Bytes per stored row: the platform takes at most 2 MB per value.
const CHUNK_BYTES: usize = 1_000_000;

/// `sandbox_calls_counted` holds what the windows count: one range of it answers a window.
const SCHEMA: [&str; 11] = [
    "CREATE TABLE IF NOT EXISTS sandbox_settings (id INTEGER PRIMARY KEY, json TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sandbox_faults (seq INTEGER PRIMARY KEY AUTOINCREMENT, dialect TEXT NOT NULL, \
     fault TEXT NOT NULL, skip INTEGER NOT NULL, remaining INTEGER NOT NULL, recipient TEXT, retry_after INTEGER)",
    "CREATE TABLE IF NOT EXISTS sandbox_chances (fault_seq INTEGER PRIMARY KEY, per_mille INTEGER NOT NULL, \
     seed INTEGER NOT NULL, seen INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sandbox_answers (fault_seq INTEGER PRIMARY KEY, answer TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sandbox_calls (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, \
     dialect TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER, fault TEXT, \
     idempotency_key TEXT, message_ids TEXT NOT NULL, recipients INTEGER NOT NULL, retry_after INTEGER, \
     counted INTEGER NOT NULL, replayed INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sandbox_calls_counted ON sandbox_calls (dialect, at_ms) WHERE counted = 1",
    "CREATE TABLE IF NOT EXISTS sandbox_messages (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, \
     dialect TEXT NOT NULL, at_ms INTEGER NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL, \
     subject TEXT NOT NULL, recipient_count INTEGER NOT NULL, attachment_count INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sandbox_messages_quota ON sandbox_messages (dialect, at_ms, recipient_count)",
    "CREATE TABLE IF NOT EXISTS sandbox_parts (message INTEGER NOT NULL, part TEXT NOT NULL, \
     number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (message, part, number))",
    "CREATE TABLE IF NOT EXISTS sandbox_keys (dialect TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, \
     at_ms INTEGER NOT NULL, answer TEXT NOT NULL, message_ids TEXT NOT NULL, PRIMARY KEY (dialect, key))",
    "CREATE INDEX IF NOT EXISTS sandbox_keys_age ON sandbox_keys (at_ms)",
];

const CLEAR: [&str; 7] = [
    "DELETE FROM sandbox_faults",
    "DELETE FROM sandbox_chances",
    "DELETE FROM sandbox_answers",
    "DELETE FROM sandbox_calls",
    "DELETE FROM sandbox_messages",
    "DELETE FROM sandbox_parts",
    "DELETE FROM sandbox_keys",
];
