//! The webhooks that are to be posted, and what became of those that were.

use super::{Provider, events::Post, seal::CONFIRMATION, settings::Hook};
use crate::kept;
use sendgate_core::{
    sql::{Param, Row, Sql, SqlError, Value as Column},
    time::UnixMillis,
};
use serde_json::{Value, json};

/// A webhook as it stands in the table.
pub(crate) struct Queued {
    pub(crate) id: i64,
    pub(crate) provider: Provider,
    pub(crate) event: String,
    pub(crate) message_id: Option<String>,
    pub(crate) url: String,
    pub(crate) payload: String,
    pub(crate) forge: Option<String>,
    pub(crate) origin: i64,
    pub(crate) made: UnixMillis,
    pub(crate) attempts: u64,
}

/// A webhook to put there.
pub(crate) struct New<'a> {
    pub(crate) provider: Provider,
    pub(crate) post: &'a Post,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) url: &'a str,
    pub(crate) forge: Option<&'a str>,
    /// The post that this one repeats.
    pub(crate) origin: Option<i64>,
    pub(crate) made: UnixMillis,
    pub(crate) due: UnixMillis,
}

/// Puts a webhook into the queue and returns its number.
pub(crate) fn add(sql: &mut dyn Sql, new: &New<'_>) -> Result<i64, SqlError> {
    let statement = "INSERT INTO esp_webhooks (dialect, event, message_id, url, payload, forge, made_ms, due_ms, origin, \
                     state, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', 0) RETURNING id";
    let values = [
        Param::Text(new.provider.word()),
        Param::Text(&new.post.event),
        new.message_id.map_or(Param::Null, Param::Text),
        Param::Text(new.url),
        Param::Text(&new.post.payload),
        new.forge.map_or(Param::Null, Param::Text),
        Param::Integer(new.made.as_i64()),
        Param::Integer(new.due.as_i64()),
        new.origin.map_or(Param::Null, Param::Integer),
    ];
    let rows = sql.run(statement, &values)?;
    rows.first().map_or_else(|| Err(SqlError("no number for a webhook".into())), |row| integer(row, 0))
}

/// The oldest webhook that is due at `now`. What SNS would publish waits for the subscription's confirmation.
pub(crate) fn due(sql: &mut dyn Sql, now: UnixMillis) -> Result<Option<Queued>, SqlError> {
    let confirmed = i64::from(is_confirmed(sql)?);
    let statement = format!(
        "SELECT {COLUMNS} FROM esp_webhooks WHERE state = 'waiting' AND due_ms <= ?1 \
         AND (dialect <> 'ses' OR event = ?2 OR ?3 = 1) ORDER BY due_ms, id LIMIT 1"
    );
    let rows =
        sql.run(&statement, &[Param::Integer(now.as_i64()), Param::Text(CONFIRMATION), Param::Integer(confirmed)])?;
    rows.first().map(queued).transpose()
}

/// The webhook with this number.
pub(crate) fn find(sql: &mut dyn Sql, id: i64) -> Result<Option<Queued>, SqlError> {
    let rows = sql.run(&format!("SELECT {COLUMNS} FROM esp_webhooks WHERE id = ?1"), &[Param::Integer(id)])?;
    rows.first().map(queued).transpose()
}

/// What an attempt came to.
pub(crate) enum Attempt {
    /// An answer with this status.
    Answered(u16),
    /// No answer.
    Failed(String),
}

/// Writes an attempt down: done, to be tried again, or given up.
pub(crate) fn attempted(
    sql: &mut dyn Sql,
    queued: &Queued,
    hook: &Hook,
    attempt: &Attempt,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let (status, problem) = match attempt {
        Attempt::Answered(status) => (Some(*status), None),
        Attempt::Failed(problem) => (None, Some(problem.as_str())),
    };
    let (state, due) = match (status, next_due(queued, hook, status, now)) {
        (Some(200..=299), _) => ("sent", now),
        (_, Some(due)) => ("waiting", due),
        (_, None) => ("failed", now),
    };
    let statement = "UPDATE esp_webhooks SET state = ?2, due_ms = ?3, attempts = attempts + 1, status = ?4, problem = ?5 \
                     WHERE id = ?1";
    let values = [
        Param::Integer(queued.id),
        Param::Text(state),
        Param::Integer(due.as_i64()),
        status.map_or(Param::Null, |status| Param::Integer(i64::from(status))),
        problem.map_or(Param::Null, Param::Text),
    ];
    sql.run(statement, &values).map(|_| ())
}

/// When the next attempt follows the one at `now`; `None` when none does.
fn next_due(queued: &Queued, hook: &Hook, status: Option<u16>, now: UnixMillis) -> Option<UnixMillis> {
    if status.is_some_and(|status| queued.provider.gives_up(status)) {
        return None;
    }
    let waits = queued.provider.retries(&queued.event);
    let seconds = waits.get(usize::try_from(queued.attempts).ok()?)?;
    Some(now.plus(seconds.saturating_mul(1_000) / hook.retry_speed.max(1)))
}

/// When the next webhook is due, if any waits.
pub(crate) fn next(sql: &mut dyn Sql) -> Result<Option<UnixMillis>, SqlError> {
    let confirmed = i64::from(is_confirmed(sql)?);
    let statement = "SELECT MIN(due_ms) FROM esp_webhooks WHERE state = 'waiting' \
                     AND (dialect <> 'ses' OR event = ?1 OR ?2 = 1)";
    let rows = sql.run(statement, &[Param::Text(CONFIRMATION), Param::Integer(confirmed)])?;
    Ok(rows.first().and_then(|row| integer(row, 0).ok()).and_then(|at| u64::try_from(at).ok()).map(UnixMillis::new))
}

/// The webhooks after number `after`, at most `limit`, as they are shown.
pub(crate) fn list(sql: &mut dyn Sql, after: i64, limit: i64) -> Result<Vec<Value>, SqlError> {
    let statement = "SELECT id, dialect, event, message_id, url, payload, forge, origin, made_ms, due_ms, state, attempts, \
                     status, problem FROM esp_webhooks WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = sql.run(statement, &[Param::Integer(after), Param::Integer(limit)])?;
    Ok(rows.iter().map(|row| Value::Object(row.iter().zip(SHOWN).map(shown).collect())).collect())
}

fn shown((column, name): (&Column, &str)) -> (String, Value) {
    let value = match column {
        Column::Text(text) if name == "payload" => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        Column::Text(text) => Value::from(text.as_str()),
        Column::Integer(number) => Value::from(*number),
        Column::Null | Column::Blob(_) => Value::Null,
    };
    (name.to_string(), value)
}

/// Forgets every webhook.
pub(crate) fn clear(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM esp_webhooks", &[]).map(|_| ())
}

/// Begins a subscription that is not confirmed yet.
pub(crate) fn subscribe(sql: &mut dyn Sql, token: &str) -> Result<(), SqlError> {
    kept::set(sql, SUBSCRIPTION, &json!({ "token": token, "confirmed": false }))
}

/// Confirms the subscription with this token; false when there is none such.
pub(crate) fn confirm(sql: &mut dyn Sql, token: &str) -> Result<bool, SqlError> {
    let known = kept::setting(sql, SUBSCRIPTION)?;
    let right = known.as_ref().and_then(|known| known.get("token")).and_then(Value::as_str) == Some(token);
    if right {
        kept::set(sql, SUBSCRIPTION, &json!({ "token": token, "confirmed": true }))?;
    }
    Ok(right)
}

/// Whether the subscription is confirmed.
pub(crate) fn is_confirmed(sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let known = kept::setting(sql, SUBSCRIPTION)?;
    Ok(known.and_then(|known| known.get("confirmed").and_then(Value::as_bool)).unwrap_or(false))
}

fn queued(row: &Row) -> Result<Queued, SqlError> {
    let id = integer(row, 0)?;
    let provider = Provider::from_word(&text(row, 1)?).ok_or_else(|| SqlError("an unknown provider".into()))?;
    Ok(Queued {
        id,
        provider,
        event: text(row, 2)?,
        message_id: text(row, 3).ok(),
        url: text(row, 4)?,
        payload: text(row, 5)?,
        forge: text(row, 6).ok(),
        origin: integer(row, 7).unwrap_or(id),
        made: UnixMillis::new(u64::try_from(integer(row, 8)?).unwrap_or(0)),
        attempts: u64::try_from(integer(row, 9)?).unwrap_or(0),
    })
}

fn integer(row: &Row, column: usize) -> Result<i64, SqlError> {
    match row.get(column) {
        Some(Column::Integer(number)) => Ok(*number),
        Some(Column::Null | Column::Text(_) | Column::Blob(_)) | None => Err(SqlError("no integer".into())),
    }
}

fn text(row: &Row, column: usize) -> Result<String, SqlError> {
    match row.get(column) {
        Some(Column::Text(text)) => Ok(text.clone()),
        Some(Column::Null | Column::Integer(_) | Column::Blob(_)) | None => Err(SqlError("no text".into())),
    }
}

const COLUMNS: &str = "id, dialect, event, message_id, url, payload, forge, origin, made_ms, attempts";
const SHOWN: [&str; 14] = [
    "id",
    "dialect",
    "event",
    "message_id",
    "url",
    "payload",
    "forge",
    "origin",
    "made_ms",
    "due_ms",
    "state",
    "attempts",
    "status",
    "problem",
];
const SUBSCRIPTION: &str = "ses_subscription";
