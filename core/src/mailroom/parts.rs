//! Texts that are too large for one value of the platform's SQLite, in parts.

use crate::sql::{Param, Sql, SqlError, Value};
use alloc::string::String;

/// Stores a text in parts; returns their number.
///
/// # Errors
/// The store's.
pub(crate) fn insert(id: &str, mut text: &str, sql: &mut dyn Sql) -> Result<i64, SqlError> {
    let mut n = 0;
    while !text.is_empty() {
        let (part, rest) = text.split_at(text.floor_char_boundary(PART_BYTES));
        let parameters = [Param::Text(id), Param::Integer(n), Param::Text(part)];
        sql.run("INSERT INTO part(id, n, body) VALUES(?1, ?2, ?3)", &parameters)?;
        n += 1;
        text = rest;
    }
    Ok(n)
}

/// The text that was stored in parts.
///
/// # Errors
/// The store's.
pub(crate) fn joined(id: &str, sql: &mut dyn Sql) -> Result<String, SqlError> {
    let rows = sql.run("SELECT body FROM part WHERE id = ?1 ORDER BY n", &[Param::Text(id)])?;
    let bytes = |value: &Value| if let Value::Text(part) = value { part.len() } else { 0 };
    // Made once in its full length: the parts of a large text are as much memory again.
    let mut text = String::with_capacity(rows.iter().flatten().map(bytes).sum());
    for row in rows {
        match row.into_iter().next() {
            Some(Value::Text(part)) => text.push_str(&part),
            Some(_) | None => return Err(SqlError("a part holds no text".into())),
        }
    }
    Ok(text)
}

/// Removes the parts of a text.
///
/// # Errors
/// The store's.
pub(crate) fn remove(id: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM part WHERE id = ?1", &[Param::Text(id)]).map(|_| ())
}

/// A value may hold 2,000,000 bytes on the platform; half of that leaves room for a row's other columns.
pub(crate) const PART_BYTES: usize = 1_000_000;
