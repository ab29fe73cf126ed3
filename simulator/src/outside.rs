//! Mail that a host takes over another protocol than HTTP: the same tables, log, windows and faults.
//!
//! The host speaks the protocol and decides in its words; here is only what is kept. A dialect of this kind is a word
//! that is no HTTP dialect's: [`SMTP`].

use crate::{
    address,
    fate::Fate,
    faults, log,
    messages::{self, Message, Origin},
    mime, store,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{
    sql::{Param, Sql, SqlError},
    time::UnixMillis,
};
use serde_json::Value;

/// The word of mail taken over SMTP.
pub const SMTP: &str = "smtp";

/// A message as it came.
pub struct Mail<'a> {
    /// The id it gets, which no other message has.
    pub id: &'a str,
    /// The sender of its envelope; empty for none.
    pub sender: &'a str,
    /// The recipients of its envelope.
    pub recipients: &'a [String],
    /// What the host tells of the request, as JSON.
    pub request: &'a str,
    /// The message's bytes.
    pub bytes: &'a [u8],
}

/// Keeps a message that was taken at `now`.
///
/// What becomes of it at a recipient, the local part says as the providers' own test addresses have it (`bounce@`,
/// `complained+label@`), whatever the domain.
///
/// # Errors
/// Whatever the store said, and when `id` is taken.
pub fn keep(sql: &mut dyn Sql, dialect: &'static str, mail: &Mail<'_>, now: UnixMillis) -> Result<(), SqlError> {
    let mut message = mime::read(mail.bytes).unwrap_or_else(|| Message {
        text_body: Some(String::from_utf8_lossy(mail.bytes).into_owned()),
        ..Message::default()
    });
    if message.from.is_empty() {
        message.from = mail.sender.to_string();
    }
    let named: Vec<&str> = message.to.iter().chain(&message.cc).filter_map(|mailbox| address::one(mailbox)).collect();
    let is_hidden = |recipient: &&String| !named.iter().any(|named| named.eq_ignore_ascii_case(recipient));
    message.bcc = mail.recipients.iter().filter(is_hidden).cloned().collect();
    message.recipients = mail.recipients.to_vec();
    message.fates = mail.recipients.iter().map(|recipient| Fate::of_local_part(recipient)).collect();
    message.fate = Fate::worst(&message.fates);
    let origin = Origin { dialect, at: now, key: None, raw: mail.request };
    messages::insert(sql, mail.id, &message, &origin)?;
    match messages::find(sql, mail.id)? {
        Some(seq) => store::write_part(sql, seq, BYTES, mail.bytes),
        None => Err(SqlError("a message is not found after it was written".into())),
    }
}

/// The bytes that came for the message with this id; `None` when there is no such message.
///
/// # Errors
/// Whatever the store said.
pub fn bytes(sql: &mut dyn Sql, id: &str) -> Result<Option<Vec<u8>>, SqlError> {
    messages::find(sql, id)?.map(|seq| store::read_part(sql, seq, BYTES)).transpose()
}

/// The number of the newest message of any dialect; 0 when there is none.
///
/// # Errors
/// Whatever the store said.
pub fn newest(sql: &mut dyn Sql) -> Result<i64, SqlError> {
    messages::newest(sql)
}

/// A call that begins: its line in the log stands from now on, so that windows count it at once.
pub struct Begun<'a> {
    /// The dialect's word.
    pub dialect: &'a str,
    /// The protocol's verb.
    pub method: &'a str,
    /// The way it came.
    pub path: &'a str,
    /// Whether the windows count it.
    pub counted: bool,
}

/// Writes a call down that began at `now`, and returns its number in the log.
///
/// # Errors
/// Whatever the store said.
pub fn begin(sql: &mut dyn Sql, call: &Begun<'_>, now: UnixMillis) -> Result<i64, SqlError> {
    let statement = "INSERT INTO sandbox_calls (at_ms, dialect, method, path, message_ids, recipients, counted, replayed) \
                     VALUES (?1, ?2, ?3, ?4, '[]', 0, ?5, 0) RETURNING seq";
    let path = log::shortened(call.path);
    let values = [
        Param::Integer(now.as_i64()),
        Param::Text(call.dialect),
        Param::Text(call.method),
        Param::Text(&path),
        Param::Integer(i64::from(call.counted)),
    ];
    let rows = sql.run(statement, &values)?;
    rows.first().map_or_else(|| Err(SqlError("no number for a call".into())), |row| store::integer(row, 0))
}

/// How a call ended.
#[derive(Default)]
pub struct Ended<'a> {
    /// The status answered; `None` for none.
    pub status: Option<u16>,
    /// The injected fault that hit it.
    pub fault: Option<&'a str>,
    /// The message it stored.
    pub message_id: Option<&'a str>,
    /// How many recipients it named.
    pub recipients: usize,
}

/// Writes the end of call `seq` down.
///
/// # Errors
/// Whatever the store said.
pub fn end(sql: &mut dyn Sql, seq: i64, ended: &Ended<'_>) -> Result<(), SqlError> {
    let statement =
        "UPDATE sandbox_calls SET status = ?2, fault = ?3, message_ids = ?4, recipients = ?5 WHERE seq = ?1";
    let ids = Value::from(ended.message_id.into_iter().collect::<Vec<_>>());
    let ids = alloc::format!("{ids}");
    let values = [
        Param::Integer(seq),
        store::maybe_integer(ended.status.map(i64::from)),
        store::maybe_text(ended.fault),
        Param::Text(&ids),
        Param::Integer(store::count(ended.recipients)),
    ];
    sql.run(statement, &values).map(|_| ())
}

/// The counted calls of a dialect in the `period_ms` milliseconds up to `now`, and any that the log has after it.
///
/// # Errors
/// Whatever the store said.
pub fn used(sql: &mut dyn Sql, dialect: &str, period_ms: u64, now: UnixMillis) -> Result<u64, SqlError> {
    let statement = "SELECT COUNT(*) FROM sandbox_calls WHERE dialect = ?1 AND counted = 1 AND at_ms > ?2";
    let since = (now.as_i64() - i64::try_from(period_ms).unwrap_or(i64::MAX)).max(-1);
    let rows = sql.run(statement, &[Param::Text(dialect), Param::Integer(since)])?;
    let used = rows.first().map_or(Ok(0), |row| store::integer(row, 0))?;
    Ok(u64::try_from(used).unwrap_or(0))
}

/// A fault of a dialect of this kind. Its text is the host's own.
pub struct Planned<'a> {
    /// The dialect's word.
    pub dialect: &'a str,
    /// What goes wrong, in the host's words.
    pub fault: &'a str,
    /// How many occasions it lets through first.
    pub after: u64,
    /// How many it hits then.
    pub count: u64,
    /// Only occasions that name a recipient which contains this.
    pub to: Option<&'a str>,
}

/// Plans a fault and returns its number.
///
/// # Errors
/// Whatever the store said.
pub fn plan(sql: &mut dyn Sql, planned: &Planned<'_>) -> Result<i64, SqlError> {
    let statement = "INSERT INTO sandbox_faults (dialect, fault, skip, remaining, recipient) \
                     VALUES (?1, ?2, ?3, ?4, ?5) RETURNING seq";
    let values = [
        Param::Text(planned.dialect),
        Param::Text(planned.fault),
        Param::Integer(i64::try_from(planned.after).unwrap_or(i64::MAX)),
        Param::Integer(i64::try_from(planned.count).unwrap_or(i64::MAX)),
        store::maybe_text(planned.to),
    ];
    let rows = sql.run(statement, &values)?;
    rows.first().map_or_else(|| Err(SqlError("no number for a fault".into())), |row| store::integer(row, 0))
}

/// Takes the oldest planned fault that `fits` and whose recipient, if it has one, is among `recipients`. One that still
/// lets occasions through is counted down and passed over.
///
/// # Errors
/// Whatever the store said.
pub fn meet(
    sql: &mut dyn Sql,
    dialect: &str,
    recipients: &[&str],
    fits: impl Fn(&str) -> bool,
) -> Result<Option<String>, SqlError> {
    let statement = "SELECT seq, fault, skip, recipient FROM sandbox_faults WHERE dialect = ?1 ORDER BY seq";
    for row in sql.run(statement, &[Param::Text(dialect)])? {
        let (fault, to) = (store::text(&row, 1)?, store::optional_text(&row, 3)?);
        let named = to.is_none_or(|part| recipients.iter().any(|recipient| faults::contains(recipient, part)));
        if !named || !fits(fault) {
            continue;
        }
        let seq = Param::Integer(store::integer(&row, 0)?);
        if store::integer(&row, 2)? > 0 {
            sql.run("UPDATE sandbox_faults SET skip = skip - 1 WHERE seq = ?1", &[seq])?;
            continue;
        }
        sql.run("UPDATE sandbox_faults SET remaining = remaining - 1 WHERE seq = ?1", &[seq])?;
        sql.run("DELETE FROM sandbox_faults WHERE seq = ?1 AND remaining < 1", &[seq])?;
        return Ok(Some(fault.into()));
    }
    Ok(None)
}

/// The part of a message that holds its bytes as they came.
const BYTES: &str = "bytes";
