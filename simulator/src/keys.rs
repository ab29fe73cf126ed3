//! Idempotency keys: what a provider answered to a key, for as long as it keeps one.

use crate::{dialect::Dialect, store};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{
    sql::{Param, Sql, SqlError},
    time::UnixMillis,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What is known of a key.
pub(crate) enum Known {
    /// Nothing.
    New,
    /// The same request came before and was answered so.
    Replay {
        /// The answer's JSON.
        answer: String,
        /// The messages it stored.
        message_ids: Vec<String>,
    },
    /// Another request came with it.
    Conflict,
}

/// The digest by which two requests are the same: their path and their body, byte for byte.
pub(crate) fn digest(path: &str, body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(path).chain_update(b"\n").chain_update(body).finalize().into()
}

/// What is known of `key` at `now`, when keys are kept for `kept_ms`.
pub(crate) fn look_up(
    sql: &mut dyn Sql,
    dialect: Dialect,
    (key, kept_ms): (&str, u64),
    digest: &[u8; 32],
    now: UnixMillis,
) -> Result<Known, SqlError> {
    let expired = now.as_i64() - i64::try_from(kept_ms).unwrap_or(i64::MAX);
    let statement = "DELETE FROM sandbox_keys WHERE dialect = ?1 AND at_ms <= ?2";
    sql.run(statement, &[Param::Text(dialect.word()), Param::Integer(expired)])?;
    let statement = "SELECT digest, answer, message_ids FROM sandbox_keys WHERE dialect = ?1 AND key = ?2";
    let rows = sql.run(statement, &[Param::Text(dialect.word()), Param::Text(key)])?;
    let Some(row) = rows.first() else { return Ok(Known::New) };
    if store::blob(row, 0)? != digest {
        return Ok(Known::Conflict);
    }
    let message_ids = serde_json::from_str(store::text(row, 2)?).map_err(|error| SqlError(error.to_string()))?;
    Ok(Known::Replay { answer: store::text(row, 1)?.to_string(), message_ids })
}

/// Keeps the answer to `key`.
pub(crate) fn keep(
    sql: &mut dyn Sql,
    dialect: Dialect,
    key: &str,
    digest: &[u8; 32],
    (answer, message_ids): (&[u8], &[String]),
    now: UnixMillis,
) -> Result<(), SqlError> {
    let statement = "INSERT INTO sandbox_keys (dialect, key, digest, at_ms, answer, message_ids) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let ids = Value::from(message_ids.to_vec()).to_string();
    let answer = String::from_utf8_lossy(answer);
    let values = [
        Param::Text(dialect.word()),
        Param::Text(key),
        Param::Blob(digest),
        Param::Integer(now.as_i64()),
        Param::Text(&answer),
        Param::Text(&ids),
    ];
    sql.run(statement, &values).map(|_| ())
}
