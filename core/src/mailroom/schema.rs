//! The tables, the same on Durable Object SQLite and on a file.
//!
//! A message is one row for its whole life, its trace inside it, because rows written are what a Durable Object is billed
//! for: an insert, a mark and a settle, each with the rows of the limits that it moves. There is no index on due times; the
//! queue is rebuilt in memory at start, from the index of the open messages.

use crate::sql::{Param, Sql, SqlError, Value};
use alloc::vec::Vec;

/// Creates what is missing, and takes up a table of an earlier release.
///
/// # Errors
/// The store's.
pub(crate) fn create(sql: &mut dyn Sql) -> Result<(), SqlError> {
    let unscoped = lacks("suppression", "scope TEXT", sql)?;
    if lacks("message", "members TEXT", sql)? {
        sql.run("ALTER TABLE message ADD COLUMN members TEXT", &[])?;
    }
    if lacks("message", "labels TEXT", sql)? {
        sql.run("ALTER TABLE message ADD COLUMN labels TEXT", &[])?;
    }
    if lacks("message", "shared TEXT", sql)? {
        sql.run("ALTER TABLE message ADD COLUMN shared TEXT", &[])?;
    }
    if unscoped {
        sql.run("ALTER TABLE suppression RENAME TO suppression_unscoped", &[])?;
    }
    TABLES.iter().try_for_each(|statement| sql.run(statement, &[]).map(|_| ()))?;
    if unscoped {
        TAKE_UP.iter().try_for_each(|statement| sql.run(statement, &[]).map(|_| ()))?;
    }
    Ok(())
}

/// Whether a table is there, and is of a release that did not have this column yet. A suppression list without a scope had
/// one entry an address; its key changes, which no ALTER TABLE can do, so it is copied.
fn lacks(table: &str, column: &str, sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let statement = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let rows = sql.run(statement, &[Param::Text(table)])?;
    Ok(matches!(rows.first().map(Vec::as_slice), Some([Value::Text(statement)]) if !statement.contains(column)))
}

const TABLES: [&str; 11] = [
    "CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS message(\
     id TEXT PRIMARY KEY, status TEXT NOT NULL, class INTEGER NOT NULL, due_ms INTEGER NOT NULL, \
     attempts INTEGER NOT NULL, failures INTEGER NOT NULL, ambiguous INTEGER NOT NULL, units INTEGER NOT NULL, reservation TEXT NOT NULL, \
     expires_ms INTEGER, provider TEXT, provider_message_id TEXT, error TEXT, recipients TEXT NOT NULL, \
     trace TEXT NOT NULL, parts INTEGER NOT NULL, body TEXT, members TEXT, labels TEXT, shared TEXT) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS message_open ON message(id) \
     WHERE status IN ('queued', 'deferred', 'held', 'sending')",
    "CREATE TABLE IF NOT EXISTS part(\
     id TEXT NOT NULL, n INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(id, n)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS suppression(\
     address TEXT NOT NULL, scope TEXT NOT NULL, reason TEXT NOT NULL, expires_ms INTEGER, active INTEGER NOT NULL, \
     created_ms INTEGER NOT NULL, PRIMARY KEY(address, scope)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS idempotency(\
     key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, created_ms INTEGER NOT NULL, status INTEGER NOT NULL) \
     WITHOUT ROWID",
    // Of messages that a provider took: what it reports names them by its own id.
    "CREATE INDEX IF NOT EXISTS message_at_provider ON message(provider_message_id) \
     WHERE provider_message_id IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS event(\
     key TEXT PRIMARY KEY, received_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, provider TEXT NOT NULL, \
     kind TEXT NOT NULL, class TEXT, unclassified INTEGER NOT NULL, smtp INTEGER, enhanced TEXT, echo INTEGER NOT NULL, \
     candidate INTEGER NOT NULL, message TEXT, provider_message_id TEXT, recipient TEXT, digest TEXT) WITHOUT ROWID",
    // Events that came before the answer to the call they speak of: few, and for seconds.
    "CREATE INDEX IF NOT EXISTS event_orphan ON event(provider_message_id) \
     WHERE message IS NULL AND provider_message_id IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS soft_bounce(address TEXT PRIMARY KEY, at_ms TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_count(\
     day INTEGER NOT NULL, provider TEXT NOT NULL, domain TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL, \
     PRIMARY KEY(day, provider, domain, kind)) WITHOUT ROWID",
];

const TAKE_UP: [&str; 2] = [
    "INSERT INTO suppression(address, scope, reason, expires_ms, active, created_ms) \
     SELECT address, 'account', reason, NULL, 1, created_ms FROM suppression_unscoped",
    "DROP TABLE suppression_unscoped",
];
