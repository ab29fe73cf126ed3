//! `GET /v1/suppressions/imports` and `/{id}`: how far an import is, and what became of the last ones.

use super::{super::Reply, import::BadRow, manage, refuse};
use crate::{
    front::Pass,
    problem::{Code, Problem},
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// How an import is.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Its stream goes on.
    Running,
    /// All of it was read.
    Finished,
    /// It is no list from some place on, or too long. What came before that was taken.
    Failed,
    /// Its stream broke, or the process ended.
    Interrupted,
}

/// An import as it is shown and kept.
#[derive(Serialize)]
pub(super) struct View<'a> {
    pub(super) id: &'a str,
    pub(super) status: Status,
    #[serde(serialize_with = "instant")]
    pub(super) started_at: UnixMillis,
    #[serde(serialize_with = "instant")]
    pub(super) updated_at: UnixMillis,
    /// Bytes read of it.
    pub(super) bytes: u64,
    /// Rows or items read, the header not counted.
    pub(super) read: u64,
    /// Entries, as [`Imported`](crate::suppression::Imported) counts them.
    pub(super) added: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) duplicates: u64,
    /// Rows that were not taken.
    pub(super) rejected: u64,
    /// The first hundred of them.
    pub(super) errors: &'a [BadRow],
}

#[derive(Serialize)]
struct Page<'a> {
    imports: Vec<&'a RawValue>,
}

/// Creates the table.
pub(in super::super) fn open(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run(TABLE, &[]).map(drop)
}

/// Says of what was running in a process that is gone that it broke off.
pub(in super::super) fn interrupt(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run(INTERRUPT, &[]).map(drop)
}

/// Writes how an import stands. The oldest ones go when there are too many.
pub(super) fn save(view: &View<'_>, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let text = serde_json::to_string(view).map_err(|error| SqlError(error.to_string()))?;
    let parameters = [Param::Text(view.id), Param::Integer(view.started_at.as_i64()), Param::Text(&text)];
    sql.run("INSERT OR REPLACE INTO suppression_import(id, started_ms, view) VALUES(?1, ?2, ?3)", &parameters)?;
    match view.status {
        Status::Running => Ok(()),
        Status::Finished | Status::Failed | Status::Interrupted => sql.run(FORGET, &[Param::Integer(KEPT)]).map(drop),
    }
}

/// The last imports, the newest first.
pub(in super::super) fn list(sql: &mut dyn Sql) -> Result<Reply, SqlError> {
    let rows = sql.run("SELECT view FROM suppression_import ORDER BY started_ms DESC, id", &[])?;
    let views = rows.into_iter().map(view).collect::<Result<Vec<String>, _>>()?;
    let imports = views.iter().map(|view| serde_json::from_str(view)).collect::<Result<_, _>>();
    manage::json(&Page { imports: imports.map_err(|error| SqlError(error.to_string()))? })
}

/// One of them.
pub(in super::super) fn one(id: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let rows = sql.run("SELECT view FROM suppression_import WHERE id = ?1", &[Param::Text(id)])?;
    match rows.into_iter().next() {
        Some(row) => Ok(Reply::json(200, view(row)?.into_bytes())),
        None => refuse(&Problem::new(Code::NotFound, "the account has no import of this id"), pass, now),
    }
}

/// Whether a caller may give an import this id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn view(row: Row) -> Result<String, SqlError> {
    match <[Value; 1]>::try_from(row) {
        Ok([Value::Text(view)]) => Ok(view),
        Ok(_) | Err(_) => Err(SqlError("a row of an import has another shape".into())),
    }
}

fn instant<S: Serializer>(at: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS suppression_import(\
     id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, view TEXT NOT NULL) WITHOUT ROWID";
const INTERRUPT: &str = "UPDATE suppression_import SET view = json_set(view, '$.status', 'interrupted') \
     WHERE json_extract(view, '$.status') = 'running'";
const FORGET: &str = "DELETE FROM suppression_import WHERE id IN (\
     SELECT id FROM suppression_import ORDER BY started_ms DESC, id LIMIT -1 OFFSET ?1)";
/// Imports that are remembered.
const KEPT: i64 = 100;
