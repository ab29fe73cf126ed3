//! What this crate keeps beside the simulator's tables: its settings and its counter of chances.

use sendgate_core::sql::{Param, Sql, SqlError, Value as Column};
use serde_json::Value;

/// Creates the tables. Doing it again changes nothing.
pub(crate) fn create(sql: &mut dyn Sql) -> Result<(), SqlError> {
    for statement in SCHEMA {
        sql.run(statement, &[])?;
    }
    Ok(())
}

/// The setting `name`, if it was set.
pub(crate) fn setting(sql: &mut dyn Sql, name: &str) -> Result<Option<Value>, SqlError> {
    let rows = sql.run("SELECT json FROM esp_settings WHERE name = ?1", &[Param::Text(name)])?;
    match rows.first().and_then(|row| row.first()) {
        Some(Column::Text(text)) => serde_json::from_str(text).map(Some).map_err(|error| SqlError(error.to_string())),
        Some(Column::Null | Column::Integer(_) | Column::Blob(_)) | None => Ok(None),
    }
}

/// Sets `name`.
pub(crate) fn set(sql: &mut dyn Sql, name: &str, value: &Value) -> Result<(), SqlError> {
    let statement = "INSERT INTO esp_settings (name, json) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET json = ?2";
    sql.run(statement, &[Param::Text(name), Param::Text(&value.to_string())]).map(|_| ())
}

/// Counts up by one and returns the count.
pub(crate) fn next(sql: &mut dyn Sql, name: &str) -> Result<u64, SqlError> {
    let count = setting(sql, name)?.and_then(|value| value.as_u64()).unwrap_or(0) + 1;
    set(sql, name, &Value::from(count))?;
    Ok(count)
}

/// Forgets what was set.
pub(crate) fn reset(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM esp_settings", &[]).map(|_| ())
}

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS esp_settings (name TEXT PRIMARY KEY, json TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS esp_webhooks (id INTEGER PRIMARY KEY AUTOINCREMENT, dialect TEXT NOT NULL, \
     event TEXT NOT NULL, message_id TEXT, url TEXT NOT NULL, payload TEXT NOT NULL, forge TEXT, origin INTEGER, made_ms INTEGER NOT NULL, \
     due_ms INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, status INTEGER, problem TEXT)",
    "CREATE INDEX IF NOT EXISTS esp_webhooks_due ON esp_webhooks (state, due_ms)",
];
