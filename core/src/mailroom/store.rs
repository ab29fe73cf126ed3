//! The statements behind the three verbs. Each is written once, here.

use super::{Status, Submission, parts, queue, trace::TAKEN};
use crate::{
    id::MessageId,
    message::Class,
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// What `submit` adds to a submission.
pub(crate) struct NewRow<'a> {
    pub(crate) status: Status,
    pub(crate) class: Class,
    pub(crate) due: UnixMillis,
    pub(crate) units: u64,
    pub(crate) recipients: &'a str,
}

/// A message that is not finished.
pub(crate) struct OpenRow {
    pub(crate) id: MessageId,
    pub(crate) class: Class,
    pub(crate) due: UnixMillis,
    pub(crate) sending: bool,
    pub(crate) attempts: u32,
    pub(crate) failures: u32,
    pub(crate) ambiguous: Option<UnixMillis>,
    pub(crate) units: u64,
    pub(crate) reservation: String,
    pub(crate) expires: Option<UnixMillis>,
    /// Read only when asked for.
    pub(crate) recipients: Option<String>,
    /// The provider of the newest attempt.
    pub(crate) provider: Option<String>,
    /// Its place in a call of several.
    pub(crate) members: Option<String>,
    /// A provider took it for some of its recipients.
    pub(crate) partly_taken: bool,
}

/// A message on its way out.
pub(crate) struct DueRow {
    pub(crate) attempts: u32,
    pub(crate) failures: u32,
    /// An earlier attempt may have been taken.
    pub(crate) ambiguous: Option<UnixMillis>,
    pub(crate) units: u64,
    pub(crate) reservation: String,
    pub(crate) expires: Option<UnixMillis>,
    /// The provider of the attempt before.
    pub(crate) provider: Option<String>,
    pub(crate) recipients: String,
    /// None when it is in parts.
    pub(crate) body: Option<String>,
    /// The name of the text that it shares with others.
    pub(crate) shared: Option<String>,
}

/// What changes when a message moves on.
pub(crate) struct Move<'a> {
    pub(crate) status: Status,
    pub(crate) due: UnixMillis,
    pub(crate) failures: u32,
    pub(crate) ambiguous: Option<UnixMillis>,
    pub(crate) provider_message_id: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) line: &'a str,
    /// It has to go in the same call again.
    pub(crate) stays_together: bool,
}

pub(crate) fn insert(
    submission: &Submission<'_>,
    row: &NewRow<'_>,
    trace: &str,
    sql: &mut dyn Sql,
) -> Result<(), SqlError> {
    let id = submission.id.to_string();
    let kept = if row.units > 0 { submission.body } else { "" };
    let parts = if kept.len() > parts::PART_BYTES { parts::insert(&id, kept, sql)? } else { 0 };
    sql.run(
        "INSERT INTO message(id, status, class, due_ms, attempts, failures, ambiguous, units, reservation, expires_ms, \
         recipients, trace, parts, body, labels, shared) VALUES(?1, ?2, ?3, ?4, 0, 0, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            Param::Text(&id),
            Param::Text(row.status.word()),
            Param::Integer(i64::try_from(queue::rank(row.class)).unwrap_or(0)),
            Param::Integer(row.due.as_i64()),
            units(row.units),
            Param::Text(submission.reservation),
            submission.expires_at.map_or(Param::Null, |at| Param::Integer(at.as_i64())),
            Param::Text(row.recipients),
            Param::Text(trace),
            Param::Integer(parts),
            if parts == 0 { Param::Text(kept) } else { Param::Null },
            submission.labels.map_or(Param::Null, Param::Text),
            submission.shared.map_or(Param::Null, Param::Text),
        ],
    )
    .map(|_| ())
}

pub(crate) fn open_rows(with_recipients: bool, sql: &mut dyn Sql) -> Result<Vec<OpenRow>, SqlError> {
    let rows = sql.run(
        "SELECT id, class, due_ms, status, attempts, failures, ambiguous, units, reservation, expires_ms, \
         CASE WHEN ?1 THEN recipients END, provider, members, instr(recipients, ?2) FROM message \
         WHERE status IN ('queued', 'deferred', 'held', 'sending')",
        &[Param::Integer(i64::from(with_recipients)), Param::Text(TAKEN)],
    )?;
    rows.into_iter().map(open_row).collect()
}

fn open_row(row: Row) -> Result<OpenRow, SqlError> {
    let Ok(
        [
            Value::Text(id),
            class,
            due,
            Value::Text(status),
            attempts,
            failures,
            ambiguous,
            units,
            Value::Text(reservation),
            expires,
            recipients,
            provider,
            members,
            taken,
        ],
    ) = <[Value; 14]>::try_from(row)
    else {
        return Err(shape());
    };
    Ok(OpenRow {
        id: MessageId::parse(&id).ok_or_else(shape)?,
        class: queue::class_of(integer(&class)?).ok_or_else(shape)?,
        due: instant(&due)?,
        sending: status == Status::Sending.word(),
        attempts: count(&attempts)?,
        failures: count(&failures)?,
        ambiguous: since(&ambiguous)?,
        units: u64::from(count(&units)?),
        reservation,
        expires: optional_instant(&expires)?,
        recipients: optional_text(recipients),
        provider: optional_text(provider),
        members: optional_text(members),
        partly_taken: integer(&taken)? > 0,
    })
}

pub(crate) fn load(id: MessageId, sql: &mut dyn Sql) -> Result<DueRow, SqlError> {
    let text_id = id.to_string();
    let rows = sql.run(
        "SELECT attempts, failures, ambiguous, units, reservation, expires_ms, provider, recipients, body, shared FROM message \
         WHERE id = ?1",
        &[Param::Text(&text_id)],
    )?;
    let row = rows.into_iter().next().ok_or_else(shape)?;
    let Ok(
        [
            attempts,
            failures,
            ambiguous,
            units,
            Value::Text(reservation),
            expires,
            provider,
            Value::Text(recipients),
            body,
            shared,
        ],
    ) = <[Value; 10]>::try_from(row)
    else {
        return Err(shape());
    };
    Ok(DueRow {
        attempts: count(&attempts)?,
        failures: count(&failures)?,
        ambiguous: since(&ambiguous)?,
        units: u64::from(count(&units)?),
        reservation,
        expires: optional_instant(&expires)?,
        provider: optional_text(provider),
        recipients,
        body: optional_text(body),
        shared: optional_text(shared),
    })
}

/// What is not finished.
#[derive(Default)]
pub(crate) struct Backlog {
    pub(crate) by_status: Vec<(Status, u64)>,
    /// The earliest due time of what waits.
    pub(crate) oldest_due: Option<UnixMillis>,
}

/// Counts what is not finished, by the index of the open messages.
///
/// # Errors
/// The store's.
pub(crate) fn backlog(sql: &mut dyn Sql) -> Result<Backlog, SqlError> {
    let statement = "SELECT status, count(*), min(due_ms) FROM message \
         WHERE status IN ('queued', 'deferred', 'held', 'sending') GROUP BY status ORDER BY status";
    let mut backlog = Backlog::default();
    for row in sql.run(statement, &[])? {
        let Ok([Value::Text(status), number, due]) = <[Value; 3]>::try_from(row) else { return Err(shape()) };
        let status = Status::from_word(&status).ok_or_else(shape)?;
        backlog.by_status.push((status, u64::from(count(&number)?)));
        // What is being sent is due no more: its row says when the attempt began.
        if status != Status::Sending {
            let due = instant(&due)?;
            backlog.oldest_due = Some(backlog.oldest_due.map_or(due, |oldest| oldest.min(due)));
        }
    }
    Ok(backlog)
}

/// Whether a message waits, and where it stands in the queue.
pub(crate) struct Waiting {
    pub(crate) status: Status,
    pub(crate) due: UnixMillis,
    pub(crate) expires: Option<UnixMillis>,
    /// It has to go in the same call again with others.
    pub(crate) is_tied: bool,
}

pub(crate) fn waiting(id: MessageId, sql: &mut dyn Sql) -> Result<Option<Waiting>, SqlError> {
    let statement =
        "SELECT status, due_ms, expires_ms, members IS NOT NULL AND ambiguous > 0 FROM message WHERE id = ?1";
    let rows = sql.run(statement, &[Param::Text(&id.to_string())])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let Ok([Value::Text(status), due, expires, tied]) = <[Value; 4]>::try_from(row) else { return Err(shape()) };
    Ok(Some(Waiting {
        status: Status::from_word(&status).ok_or_else(shape)?,
        due: instant(&due)?,
        expires: optional_instant(&expires)?,
        is_tied: integer(&tied)? != 0,
    }))
}

/// The recipients of a message.
pub(crate) fn recipients(id: MessageId, sql: &mut dyn Sql) -> Result<String, SqlError> {
    let rows = sql.run("SELECT recipients FROM message WHERE id = ?1", &[Param::Text(&id.to_string())])?;
    rows.into_iter().flatten().next().and_then(optional_text).ok_or_else(shape)
}

/// The recipients after an answer about some of them, with a line for the trace when there is something to tell.
pub(crate) fn note_recipients(
    id: MessageId,
    recipients: &str,
    line: Option<&str>,
    sql: &mut dyn Sql,
) -> Result<(), SqlError> {
    sql.run(
        "UPDATE message SET recipients = ?2, trace = CASE WHEN ?3 <> '' AND length(trace) < 60000 THEN trace || char(10) || ?3 ELSE trace END WHERE id = ?1",
        &[Param::Text(&id.to_string()), Param::Text(recipients), Param::Text(line.unwrap_or_default())],
    )
    .map(|_| ())
}

/// The durable mark of an attempt, before its request leaves. What was the due time is now when the attempt began.
pub(crate) fn mark(
    id: MessageId,
    attempts: u32,
    provider: &str,
    members: Option<&str>,
    line: &str,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    sql.run(
        "UPDATE message SET status = 'sending', attempts = ?2, provider = ?3, due_ms = ?5, members = ?6, trace = CASE WHEN length(trace) < 60000 THEN trace || char(10) || ?4 ELSE trace END \
         WHERE id = ?1",
        &[
            Param::Text(&id.to_string()),
            Param::Integer(i64::from(attempts)),
            Param::Text(provider),
            Param::Text(line),
            Param::Integer(now.as_i64()),
            members.map_or(Param::Null, Param::Text),
        ],
    )
    .map(|_| ())
}

/// The same where some of them need no unit any more.
pub(crate) fn set_recipients(
    id: MessageId,
    units_left: u64,
    recipients: &str,
    line: Option<&str>,
    sql: &mut dyn Sql,
) -> Result<(), SqlError> {
    sql.run(
        "UPDATE message SET units = ?2, recipients = ?3, trace = CASE WHEN ?4 <> '' AND length(trace) < 60000 THEN trace || char(10) || ?4 ELSE trace END WHERE id = ?1",
        &[Param::Text(&id.to_string()), units(units_left), Param::Text(recipients), Param::Text(line.unwrap_or_default())],
    )
    .map(|_| ())
}

/// Moves a message on; its content goes when it is finished. Whether its provider reported something of it already, asked
/// in the same statement: almost always the answer is no.
pub(crate) fn advance(id: MessageId, to: &Move<'_>, sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let (at, id) = (id.accepted_at(), id.to_string());
    let parameters = [
        Param::Text(&id),
        Param::Text(to.status.word()),
        Param::Integer(to.due.as_i64()),
        Param::Integer(i64::from(to.failures)),
        to.provider_message_id.map_or(Param::Null, Param::Text),
        to.error.map_or(Param::Null, Param::Text),
        Param::Text(to.line),
        Param::Integer(to.ambiguous.map_or(0, UnixMillis::as_i64)),
        Param::Integer(i64::from(to.stays_together)),
    ];
    if to.status.is_finished() {
        let rows = sql.run(
            "UPDATE message SET status = ?2, due_ms = ?3, failures = ?4, provider_message_id = coalesce(?5, provider_message_id), error = ?6, \
             trace = CASE WHEN length(trace) < 60000 THEN trace || char(10) || ?7 ELSE trace END, ambiguous = ?8, members = CASE WHEN ?9 THEN members END, body = NULL WHERE id = ?1 RETURNING parts, \
             recipients LIKE '%\"status\":%' OR EXISTS(SELECT 1 FROM event WHERE event.provider_message_id = ?5 AND event.message IS NULL), shared",
            &parameters,
        )?;
        let row = rows.first();
        let parts = row.and_then(|row| row.first()).map_or(Ok(0), count)?;
        if parts > 0 {
            parts::remove(&id, sql)?;
        }
        if let Some(Value::Text(shared)) = row.and_then(|row| row.get(2)) {
            let_go(at, shared, sql)?;
        }
        return row.and_then(|row| row.get(1)).map_or(Ok(0), integer).map(|reported| reported != 0);
    }
    sql.run(
        "UPDATE message SET status = ?2, due_ms = ?3, failures = ?4, provider_message_id = coalesce(?5, provider_message_id), error = ?6, \
         trace = CASE WHEN length(trace) < 60000 THEN trace || char(10) || ?7 ELSE trace END, ambiguous = ?8, members = CASE WHEN ?9 THEN members END WHERE id = ?1",
        &parameters,
    )
    .map(|_| false)
}

/// Removes a shared text unless an open message needs it: only those that were accepted at the same instant can.
fn let_go(accepted_at: UnixMillis, shared: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let first = MessageId::new(0, 0, accepted_at).to_string();
    let last = MessageId::new(u16::MAX, u64::MAX, accepted_at).to_string();
    sql.run(
        "DELETE FROM part WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM message WHERE id BETWEEN ?2 AND ?3 \
         AND shared = ?1 AND status IN ('queued', 'deferred', 'held', 'sending'))",
        &[Param::Text(shared), Param::Text(&first), Param::Text(&last)],
    )
    .map(|_| ())
}

fn units(units: u64) -> Param<'static> {
    Param::Integer(i64::try_from(units).unwrap_or(i64::MAX))
}

fn optional_text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) | Value::Blob(_) => None,
    }
}

fn integer(value: &Value) -> Result<i64, SqlError> {
    match value {
        Value::Integer(n) => Ok(*n),
        Value::Null | Value::Text(_) | Value::Blob(_) => Err(shape()),
    }
}

fn count(value: &Value) -> Result<u32, SqlError> {
    integer(value).and_then(|n| u32::try_from(n).map_err(|_| shape()))
}

fn instant(value: &Value) -> Result<UnixMillis, SqlError> {
    integer(value).and_then(|n| u64::try_from(n).map(UnixMillis::new).map_err(|_| shape()))
}

/// The instant of a column in which 0 says never.
fn since(value: &Value) -> Result<Option<UnixMillis>, SqlError> {
    instant(value).map(|at| (at > UnixMillis::default()).then_some(at))
}

fn optional_instant(value: &Value) -> Result<Option<UnixMillis>, SqlError> {
    if matches!(value, Value::Null) { Ok(None) } else { instant(value).map(Some) }
}

fn shape() -> SqlError {
    SqlError("a message row has another shape than the schema's".into())
}
