//! Idempotency keys: the same key with the same request gets the same answer for 24 hours, and does nothing again.
//!
//! An answer is stored in the transaction that made it, so there is none without its reservation and its messages, and none
//! of them without it. It outlives the process. What is older is not looked at, and goes when the account opens, and hourly
//! while requests with keys come.

use super::{Account, Reply};
use crate::{
    key,
    mailroom::parts,
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{format, string::String};

/// An answer kept under an idempotency key.
pub(super) struct Stored {
    pub(super) fingerprint: String,
    status: u16,
    body: String,
}

impl Stored {
    pub(super) fn replay(self) -> Reply {
        let content_type = if self.status < 300 { "application/json" } else { "application/problem+json" };
        let extra = alloc::vec![("idempotent-replayed".into(), "true".into())];
        Reply { status: self.status, content_type, body: self.body.into_bytes(), extra, retry_at: None }
    }
}

impl Account {
    /// Forgets old answers, when it has not been done for a while: it goes through all of them.
    pub(super) fn forget_answers(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        if now.since(self.answers_swept) >= SWEEP_MS {
            forget(sql, now)?;
            self.answers_swept = now;
        }
        Ok(())
    }
}

/// The key without the quotes that the standard's syntax puts around it. `None` when it is malformed.
pub(super) fn name(given: &str) -> Option<String> {
    let bare = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(given);
    let fits = (1..=255).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    fits.then(|| key::fingerprint(bare.as_bytes()))
}

/// The answer stored under a key in the last 24 hours.
pub(super) fn stored(name: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Option<Stored>, SqlError> {
    let since = Param::Integer(now.as_i64().saturating_sub(IDEMPOTENCY_MS));
    let statement = "SELECT fingerprint, status FROM idempotency WHERE key = ?1 AND created_ms > ?2";
    let rows = sql.run(statement, &[Param::Text(name), since])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(fingerprint), Value::Integer(status)]) => {
            let body = parts::joined(&part_id(name), sql)?;
            Ok(Some(Stored { fingerprint, status: u16::try_from(status).unwrap_or(500), body }))
        }
        Ok(_) | Err(_) => Err(SqlError("an idempotency row has another shape".into())),
    }
}

/// Stores an answer under a key, in the transaction that made it. The answer to 500 messages can be larger than a value of
/// the platform's SQLite, so its body goes into parts.
pub(super) fn store(
    name: &str,
    fingerprint: &str,
    reply: &Reply,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let body = core::str::from_utf8(&reply.body).unwrap_or_default();
    parts::remove(&part_id(name), sql)?;
    parts::insert(&part_id(name), body, sql)?;
    sql.run(
        "INSERT OR REPLACE INTO idempotency(key, fingerprint, created_ms, status) VALUES(?1, ?2, ?3, ?4)",
        &[
            Param::Text(name),
            Param::Text(fingerprint),
            Param::Integer(now.as_i64()),
            Param::Integer(i64::from(reply.status)),
        ],
    )
    .map(|_| ())
}

/// Forgets what is older than a key lives.
pub(super) fn forget(sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
    let since = Param::Integer(now.as_i64().saturating_sub(IDEMPOTENCY_MS));
    sql.run(
        "DELETE FROM part WHERE id IN (SELECT 'answer:' || key FROM idempotency WHERE created_ms <= ?1)",
        &[since],
    )?;
    sql.run("DELETE FROM idempotency WHERE created_ms <= ?1", &[since]).map(|_| ())
}

fn part_id(name: &str) -> String {
    format!("answer:{name}")
}

/// Answers are kept under an idempotency key for 24 hours.
const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;
/// An answer is kept at most this much longer than it can be asked for.
const SWEEP_MS: u64 = 3_600_000;
