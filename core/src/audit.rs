//! Who changed what: a log that is only appended to, each row chained to the one before it (R064).
//!
//! A row's hash is SHA-256 over the hash before it and every field of the row, each behind its length, so that no two rows
//! are one text. [`verify`] walks the chain and names the first row at which it breaks: one that was changed, taken out, put
//! in or moved. The number and the hash of the last row stand apart from the rows, so rows missing at the end are missed as
//! well; triggers refuse a change that comes by mistake.
//!
//! A chain without a key proves nothing against somebody who can rewrite the whole store: all its hashes can be made anew.
//! Against that, keep a [`Checkpoint`] elsewhere now and then and verify from it: it does not fit a history made up later.
//!
//! Out of scope: redaction. What stands in [`Entry::before`] and [`Entry::after`] is kept for ever and shown to
//! administrators: the caller leaves secrets out.

use crate::{
    key,
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// A change to write down.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Who: the id of an administrator's token, never the token.
    pub actor: &'a str,
    /// What was done: `account.create`, `key.rotate`.
    pub action: &'a str,
    /// To what: `accounts/shop/keys/k1`.
    pub target: &'a str,
    /// What it was before, as JSON without secrets; `None` when it was not there.
    pub before: Option<&'a str>,
    /// What it is after, as JSON without secrets; `None` when it is not there any more.
    pub after: Option<&'a str>,
}

/// A change that was written down.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When, by the clock of then: numbers order the log, instants need not.
    #[serde(serialize_with = "as_text")]
    pub at: UnixMillis,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// What it was before.
    pub before: Option<Json>,
    /// What it is after.
    pub after: Option<Json>,
    /// The row's hash in lower-case hex.
    pub hash: String,
}

/// A JSON text of the log, printed as the JSON it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub String);

/// A row of the chain, by its number and its hash; number 0 is the place before the first row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The row's number.
    pub seq: u64,
    /// Its hash in lower-case hex, 64 digits.
    pub hash: String,
}

/// What one step of a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Whole up to here; there is more.
    More(Checkpoint),
    /// Whole to the end, which is here.
    Whole(Checkpoint),
    /// The chain breaks.
    Broken {
        /// The first row that is not what was appended.
        seq: u64,
        /// In which way.
        fault: Fault,
    },
}

/// In which way a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The row is not there.
    Missing,
    /// The row's hash is not that of its fields behind the row before it.
    Changed,
    /// The row is behind the last one that was appended, or has a number that was never given.
    Unknown,
}

impl Fault {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Checkpoint {
    /// The place before the first row.
    #[must_use]
    pub fn start() -> Self {
        Self { seq: 0, hash: key::hex(&[0; HASH_BYTES]) }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match RawValue::from_string(self.0.clone()) {
            Ok(json) => json.serialize(serializer),
            // Somebody changed the row: it is shown as what it is.
            Err(_) => self.0.serialize(serializer),
        }
    }
}

/// Creates the tables where they are missing.
///
/// # Errors
/// The store's.
pub fn create(sql: &mut dyn Sql) -> Result<(), SqlError> {
    TABLES.iter().try_for_each(|statement| sql.run(statement, &[]).map(|_| ()))
}

/// Writes a change down, and returns its place in the chain.
///
/// It belongs into the transaction of the change itself: then there is no change without its row, and no row without its
/// change.
///
/// # Errors
/// The store's; `before` or `after` is not JSON.
pub fn append(entry: &Entry<'_>, sql: &mut dyn Sql, now: UnixMillis) -> Result<Checkpoint, SqlError> {
    for (name, json) in [("before", entry.before), ("after", entry.after)] {
        if json.is_some_and(|json| serde_json::from_str::<&RawValue>(json).is_err()) {
            return Err(SqlError(format!("an audit entry's {name} is not JSON")));
        }
    }
    let last = head(sql)?;
    let seq = last.seq.saturating_add(1);
    let hash = hash_of(&last.hash, seq, now.as_i64(), entry);
    sql.run(
        "INSERT INTO audit(seq, at_ms, actor, action, target, before, after, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            whole(seq),
            Param::Integer(now.as_i64()),
            Param::Text(entry.actor),
            Param::Text(entry.action),
            Param::Text(entry.target),
            entry.before.map_or(Param::Null, Param::Text),
            entry.after.map_or(Param::Null, Param::Text),
            Param::Text(&hash),
        ],
    )?;
    sql.run(
        "INSERT INTO audit_head(one, seq, hash) VALUES(1, ?1, ?2) \
         ON CONFLICT(one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        &[whole(seq), Param::Text(&hash)],
    )?;
    Ok(Checkpoint { seq, hash })
}

/// The last row that was appended: what to keep elsewhere.
///
/// # Errors
/// The store's.
pub fn head(sql: &mut dyn Sql) -> Result<Checkpoint, SqlError> {
    let rows = sql.run("SELECT seq, hash FROM audit_head", &[])?;
    match rows.first().map(Vec::as_slice) {
        Some([Value::Integer(seq), Value::Text(hash)]) => {
            Ok(Checkpoint { seq: u64::try_from(*seq).unwrap_or_default(), hash: hash.clone() })
        }
        Some(_) => Err(SqlError("the audit log's head has another shape".into())),
        None => Ok(Checkpoint::start()),
    }
}

/// The changes after a number, oldest first, at most `limit` of them. Pages do not shift: what is appended has later numbers.
///
/// # Errors
/// The store's; a row of another shape, which [`verify`] names.
pub fn page(after: u64, limit: u64, sql: &mut dyn Sql) -> Result<Vec<Record>, SqlError> {
    let rows = rows(after, limit, sql)?;
    rows.into_iter().map(|row| record(row).ok_or_else(|| SqlError("an audit row has another shape".into()))).collect()
}

/// Walks at most `limit` rows on from a place that is whole: one bounded step of a walk over a log of any length.
///
/// Begin with [`Checkpoint::start`], or with one that was kept elsewhere: then that very history must be there. A limit of 0
/// walks one row, so that a walk ends.
///
/// # Errors
/// The store's.
pub fn verify(from: &Checkpoint, limit: u64, sql: &mut dyn Sql) -> Result<Step, SqlError> {
    let last = head(sql)?;
    if let Some(broken) = unlike(from, sql)? {
        return Ok(broken);
    }
    let mut at = from.clone();
    let rows = rows(from.seq, limit.max(1), sql)?;
    let is_end = u64::try_from(rows.len()).unwrap_or(u64::MAX) < limit.max(1);
    for row in rows {
        let seq = at.seq.saturating_add(1);
        let broken = |fault| Ok(Step::Broken { seq, fault });
        // A number that is text or huge sorts behind the others: what should be here is missing.
        let Some(Value::Integer(number)) = row.first() else { return broken(Fault::Changed) };
        if u64::try_from(*number) != Ok(seq) {
            return broken(if seq > last.seq { Fault::Unknown } else { Fault::Missing });
        }
        if seq > last.seq {
            return broken(Fault::Unknown);
        }
        let Some(hash) = intact(&at.hash, seq, &row) else { return broken(Fault::Changed) };
        at = Checkpoint { seq, hash };
    }
    Ok(match (is_end, at.seq < last.seq) {
        (false, _) => Step::More(at),
        (true, true) => Step::Broken { seq: at.seq.saturating_add(1), fault: Fault::Missing },
        (true, false) if at == last => Step::Whole(at),
        // The head itself was changed: the last row that it speaks of is not this one.
        (true, false) => Step::Broken { seq: at.seq, fault: Fault::Changed },
    })
}

/// What is wrong with the row that a walk begins behind, when it is not the one it was.
fn unlike(from: &Checkpoint, sql: &mut dyn Sql) -> Result<Option<Step>, SqlError> {
    let broken = |fault| Ok(Some(Step::Broken { seq: from.seq, fault }));
    if from.seq == 0 {
        // Numbers below 1 were never given.
        let strangers = sql.run("SELECT seq FROM audit WHERE seq < 1 LIMIT 1", &[])?;
        let is_start = from.hash == Checkpoint::start().hash && strangers.is_empty();
        return if is_start { Ok(None) } else { broken(Fault::Unknown) };
    }
    let rows = sql.run("SELECT hash FROM audit WHERE seq = ?1", &[whole(from.seq)])?;
    match rows.first().map(Vec::as_slice) {
        Some([Value::Text(hash)]) if *hash == from.hash => Ok(None),
        Some(_) => broken(Fault::Changed),
        None => broken(Fault::Missing),
    }
}

/// The hash of a row that is what was appended.
fn intact(previous: &str, seq: u64, row: &Row) -> Option<String> {
    let [
        _,
        Value::Integer(at),
        Value::Text(actor),
        Value::Text(action),
        Value::Text(target),
        before,
        after,
        Value::Text(hash),
    ] = row.as_slice()
    else {
        return None;
    };
    let entry = Entry { actor, action, target, before: optional(before)?, after: optional(after)? };
    (hash_of(previous, seq, *at, &entry) == *hash).then(|| hash.clone())
}

/// A text or NULL; `None` when it is neither.
fn optional(value: &Value) -> Option<Option<&str>> {
    match value {
        Value::Null => Some(None),
        Value::Text(text) => Some(Some(text)),
        Value::Integer(_) | Value::Blob(_) => None,
    }
}

fn rows(after: u64, limit: u64, sql: &mut dyn Sql) -> Result<Vec<Row>, SqlError> {
    let statement = "SELECT seq, at_ms, actor, action, target, before, after, hash FROM audit \
         WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    sql.run(statement, &[whole(after), whole(limit)])
}

fn record(row: Row) -> Option<Record> {
    let json = |value: &Value| optional(value).map(|text| text.map(|text| Json(text.into())));
    let [
        Value::Integer(seq),
        Value::Integer(at),
        Value::Text(actor),
        Value::Text(action),
        Value::Text(target),
        before,
        after,
        Value::Text(hash),
    ] = <[Value; 8]>::try_from(row).ok()?
    else {
        return None;
    };
    let (seq, at) = (u64::try_from(seq).ok()?, UnixMillis::new(u64::try_from(at).ok()?));
    Some(Record { seq, at, actor, action, target, before: json(&before)?, after: json(&after)?, hash })
}

fn hash_of(previous: &str, seq: u64, at: i64, entry: &Entry<'_>) -> String {
    let mut hash = Sha256::new();
    let mut put = |part: Option<&[u8]>| {
        // Nothing and an empty text differ.
        hash.update([u8::from(part.is_some())]);
        let bytes = part.unwrap_or_default();
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    put(Some(LABEL));
    put(Some(previous.as_bytes()));
    put(Some(&seq.to_be_bytes()));
    put(Some(&at.to_be_bytes()));
    for part in [Some(entry.actor), Some(entry.action), Some(entry.target), entry.before, entry.after] {
        put(part.map(str::as_bytes));
    }
    key::hex(&hash.finalize())
}

fn as_text<S: Serializer>(at: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_string())
}

fn whole(n: u64) -> Param<'static> {
    Param::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS audit(\
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, \
     before TEXT, after TEXT, hash TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS audit_head(\
     one INTEGER PRIMARY KEY CHECK(one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL)",
    "CREATE TRIGGER IF NOT EXISTS audit_kept BEFORE DELETE ON audit \
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_as_written BEFORE UPDATE ON audit \
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
];
/// What is hashed first: the format, so that another one can never give the same hash.
const LABEL: &[u8] = b"sendgate audit 1";
/// SHA-256.
const HASH_BYTES: usize = 32;
