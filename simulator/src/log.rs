//! The log: every call a provider's dialect saw, in the order of arrival.

use crate::{Arrival, dialect::Dialect, json, query::Query, store};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError},
    time::UnixMillis,
};
use serde_json::{Value, json};

/// A call, as far as it is known.
pub(crate) struct Entry {
    dialect: Dialect,
    method: String,
    path: String,
    at: UnixMillis,
    /// The status answered; `None` for a call that was never answered.
    pub(crate) status: Option<u16>,
    /// The injected fault that hit it.
    pub(crate) fault: Option<&'static str>,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    /// The ids of the messages it stored, or had stored when it came first.
    pub(crate) message_ids: Vec<String>,
    /// The recipients its readable messages name.
    pub(crate) recipients: usize,
    /// The `Retry-After` answered, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// Whether the windows count it: it had a credential and was not over a window.
    pub(crate) counted: bool,
    /// Whether the answer is that of an earlier call with the same key.
    pub(crate) replayed: bool,
}

impl Entry {
    /// A call that has just arrived.
    pub(crate) fn new(dialect: Dialect, arrival: &Arrival<'_>, now: UnixMillis) -> Self {
        Self {
            dialect,
            method: shortened(arrival.method),
            path: shortened(arrival.path),
            at: now,
            status: None,
            fault: None,
            key: None,
            message_ids: Vec::new(),
            recipients: 0,
            retry_after: None,
            counted: false,
            replayed: false,
        }
    }
}

/// Writes a call down.
pub(crate) fn record(sql: &mut dyn Sql, entry: &Entry) -> Result<(), SqlError> {
    let statement = "INSERT INTO sandbox_calls (at_ms, dialect, method, path, status, fault, idempotency_key, message_ids, \
                     recipients, retry_after, counted, replayed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let ids = Value::from(entry.message_ids.clone()).to_string();
    let values = [
        Param::Integer(entry.at.as_i64()),
        Param::Text(entry.dialect.word()),
        Param::Text(&entry.method),
        Param::Text(&entry.path),
        store::maybe_integer(entry.status.map(i64::from)),
        store::maybe_text(entry.fault),
        store::maybe_text(entry.key.as_deref()),
        Param::Text(&ids),
        Param::Integer(store::count(entry.recipients)),
        store::maybe_integer(entry.retry_after.and_then(|seconds| i64::try_from(seconds).ok())),
        Param::Integer(i64::from(entry.counted)),
        Param::Integer(i64::from(entry.replayed)),
    ];
    sql.run(statement, &values).map(|_| ())
}

/// `GET /sandbox/log?after=seq&limit=n&dialect=word`.
pub(crate) fn list(sql: &mut dyn Sql, query: &str) -> Result<HttpResponse, SqlError> {
    let page = match Query::of(query).page(DEFAULT_PAGE, MOST_PAGE) {
        Ok(page) => page,
        Err(bad) => return Ok(json::bad_field(&bad)),
    };
    let statement = "SELECT seq, at_ms, dialect, method, path, status, fault, idempotency_key, message_ids, recipients, \
                     retry_after, counted, replayed FROM sandbox_calls WHERE seq > ?1 AND (?3 IS NULL OR dialect = ?3) \
                     ORDER BY seq LIMIT ?2";
    let dialect = store::maybe_text(Query::of(query).value("dialect"));
    let mut rows = sql.run(statement, &[Param::Integer(page.after), Param::Integer(page.limit + 1), dialect])?;
    let next = page.cut(&mut rows)?;
    let calls = rows.iter().map(show).collect::<Result<Vec<_>, _>>()?;
    Ok(json::answer(200, &json!({ "calls": calls, "next": next })))
}

fn show(row: &Row) -> Result<Value, SqlError> {
    let ids: Value = serde_json::from_str(store::text(row, 8)?).map_err(|error| SqlError(error.to_string()))?;
    Ok(json!({
        "seq": store::integer(row, 0)?,
        "at_ms": store::integer(row, 1)?,
        "dialect": store::text(row, 2)?,
        "method": store::text(row, 3)?,
        "path": store::text(row, 4)?,
        "status": store::optional_integer(row, 5)?,
        "fault": store::optional_text(row, 6)?,
        "idempotency_key": store::optional_text(row, 7)?,
        "message_ids": ids,
        "recipients_count": store::integer(row, 9)?,
        "retry_after": store::optional_integer(row, 10)?,
        "counted": store::integer(row, 11)? == 1,
        "replayed": store::integer(row, 12)? == 1,
    }))
}

/// At most [`MOST_TEXT`] letters of `text`, so that a row stays small.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MOST_TEXT).collect()
}

/// The brief's page sizes for a log.
const DEFAULT_PAGE: i64 = 1_000;
const MOST_PAGE: i64 = 10_000;
/// Longer paths and subjects than anyone reads in a list.
const MOST_TEXT: usize = 1_000;
