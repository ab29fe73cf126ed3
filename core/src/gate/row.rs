//! Rows of the state table.

use crate::{
    ledger::Ledger,
    sql::{Param, Sql, SqlError, Value},
};
use alloc::{string::String, vec::Vec};

/// Writes the ledger after a reservation, a commit or a release.
///
/// # Errors
/// The store's.
pub(crate) fn store_ledger(ledger: &Ledger, sql: &mut dyn Sql) -> Result<(), SqlError> {
    write(LEDGER, ledger.as_bytes(), sql)
}

/// The bytes of one row.
///
/// # Errors
/// The store's.
pub(crate) fn read(name: &str, sql: &mut dyn Sql) -> Result<Option<Vec<u8>>, SqlError> {
    let rows = sql.run("SELECT bytes FROM state WHERE name = ?1", &[Param::Text(name)])?;
    match rows.into_iter().next().and_then(|row| row.into_iter().next()) {
        None => Ok(None),
        Some(Value::Blob(bytes)) => Ok(Some(bytes)),
        Some(_) => Err(SqlError("a state row holds no bytes".into())),
    }
}

/// The rows whose names begin with a prefix that ends in a colon.
///
/// # Errors
/// The store's.
pub(crate) fn read_all(prefix: &str, sql: &mut dyn Sql) -> Result<Vec<(String, Vec<u8>)>, SqlError> {
    let end = prefix.replace(':', ";");
    let statement = "SELECT name, bytes FROM state WHERE name >= ?1 AND name < ?2 ORDER BY name";
    let rows = sql.run(statement, &[Param::Text(prefix), Param::Text(&end)])?;
    let named = |row: Vec<Value>| match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(name), Value::Blob(bytes)]) => Ok((name, bytes)),
        Ok(_) | Err(_) => Err(SqlError("a state row holds no bytes".into())),
    };
    rows.into_iter().map(named).collect()
}

/// Writes a row.
///
/// # Errors
/// The store's.
pub(crate) fn write(name: &str, bytes: &[u8], sql: &mut dyn Sql) -> Result<(), SqlError> {
    let statement =
        "INSERT INTO state(name, bytes) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET bytes = excluded.bytes";
    sql.run(statement, &[Param::Text(name), Param::Blob(bytes)]).map(|_| ())
}

/// Removes a row.
///
/// # Errors
/// The store's.
pub(crate) fn remove(name: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM state WHERE name = ?1", &[Param::Text(name)]).map(|_| ())
}

/// The row of the account's quotas.
pub(crate) const LEDGER: &str = "ledger";
