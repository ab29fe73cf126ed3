//! Injected faults: the next few calls of a dialect answered as its provider answers on a bad day.

use crate::{
    dialect::Dialect,
    json::{self, BadField, Fields},
    store,
};
use alloc::{string::String, vec::Vec};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError},
};
use serde_json::{Value, json};

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Too fast.
    RateLimited,
    /// The quota is spent.
    QuotaExceeded,
    /// The provider failed.
    ServerError,
    /// The credential is wrong.
    Unauthorized,
    /// The message is refused for good.
    Invalid,
    /// No answer, and nothing was stored.
    TimeoutBefore,
    /// No answer, though the message was stored.
    TimeoutAfter,
    /// The recipients are on the provider's own suppression list.
    InactiveRecipient,
}

impl Fault {
    const ALL: [(Self, &'static str); 8] = [
        (Self::RateLimited, "rate_limited"),
        (Self::QuotaExceeded, "quota_exceeded"),
        (Self::ServerError, "server_error"),
        (Self::Unauthorized, "unauthorized"),
        (Self::Invalid, "invalid"),
        (Self::TimeoutBefore, "timeout_before"),
        (Self::TimeoutAfter, "timeout_after"),
        (Self::InactiveRecipient, "inactive_recipient"),
    ];

    /// Its word in JSON.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(fault, _)| *fault == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(fault, _)| fault)
    }
}

/// A fault that hits a call.
pub(crate) struct Hit {
    /// What goes wrong.
    pub(crate) fault: Fault,
    /// Only messages to a recipient that contains this are hit.
    pub(crate) to: Option<String>,
    /// Seconds for the answer's `Retry-After`.
    pub(crate) retry_after: Option<u64>,
}

/// Takes the fault that the next call of `dialect` to these recipients meets, and counts it down.
pub(crate) fn take(sql: &mut dyn Sql, dialect: Dialect, recipients: &[&str]) -> Result<Option<Hit>, SqlError> {
    let statement =
        "SELECT seq, fault, skip, recipient, retry_after FROM sandbox_faults WHERE dialect = ?1 ORDER BY seq";
    for row in sql.run(statement, &[Param::Text(dialect.word())])? {
        let to = store::optional_text(&row, 3)?;
        if to.is_some_and(|part| !recipients.iter().any(|recipient| contains(recipient, part))) {
            continue;
        }
        let seq = Param::Integer(store::integer(&row, 0)?);
        if store::integer(&row, 2)? > 0 {
            sql.run("UPDATE sandbox_faults SET skip = skip - 1 WHERE seq = ?1", &[seq])?;
            continue;
        }
        sql.run("UPDATE sandbox_faults SET remaining = remaining - 1 WHERE seq = ?1", &[seq])?;
        sql.run("DELETE FROM sandbox_faults WHERE seq = ?1 AND remaining < 1", &[seq])?;
        let fault = Fault::from_word(store::text(&row, 1)?).ok_or_else(|| SqlError("an unknown fault".into()))?;
        let retry_after = store::optional_integer(&row, 4)?.and_then(|seconds| u64::try_from(seconds).ok());
        return Ok(Some(Hit { fault, to: to.map(String::from), retry_after }));
    }
    Ok(None)
}

/// Whether an address contains `part`, whatever the case.
pub(crate) fn contains(address: &str, part: &str) -> bool {
    address.to_lowercase().contains(&part.to_lowercase())
}

/// `POST /sandbox/faults`.
pub(crate) fn add(sql: &mut dyn Sql, body: &[u8]) -> Result<HttpResponse, SqlError> {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(_) => return Ok(json::problem(400, "invalid_json", "the body must be JSON", None)),
    };
    let order = match Order::read(&value) {
        Ok(order) => order,
        Err(bad) => return Ok(json::bad_field(&bad)),
    };
    let statement = "INSERT INTO sandbox_faults (dialect, fault, skip, remaining, recipient, retry_after) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING seq, dialect, fault, skip, remaining, recipient, retry_after";
    let values = [
        Param::Text(order.dialect.word()),
        Param::Text(order.fault.word()),
        Param::Integer(signed(order.after)),
        Param::Integer(signed(order.count)),
        store::maybe_text(order.to.as_deref()),
        store::maybe_integer(order.retry_after.map(signed)),
    ];
    let rows = sql.run(statement, &values)?;
    Ok(json::answer(201, &rows.first().map_or(Ok(Value::Null), show)?))
}

/// `GET /sandbox/faults`: what is still to come.
pub(crate) fn list(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    let statement =
        "SELECT seq, dialect, fault, skip, remaining, recipient, retry_after FROM sandbox_faults ORDER BY seq";
    let faults = sql.run(statement, &[])?.iter().map(show).collect::<Result<Vec<_>, _>>()?;
    Ok(json::answer(200, &json!({ "faults": faults })))
}

/// `DELETE /sandbox/faults`.
pub(crate) fn clear(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    sql.run("DELETE FROM sandbox_faults", &[])?;
    Ok(HttpResponse { status: 204, headers: Vec::new(), body: Vec::new() })
}

fn show(row: &Row) -> Result<Value, SqlError> {
    Ok(json!({
        "seq": store::integer(row, 0)?,
        "dialect": store::text(row, 1)?,
        "fault": store::text(row, 2)?,
        "after": store::integer(row, 3)?,
        "count": store::integer(row, 4)?,
        "to": store::optional_text(row, 5)?,
        "retry_after_seconds": store::optional_integer(row, 6)?,
    }))
}

/// A fault as it was asked for.
struct Order {
    dialect: Dialect,
    fault: Fault,
    count: u64,
    after: u64,
    to: Option<String>,
    retry_after: Option<u64>,
}

impl Order {
    fn read(value: &Value) -> Result<Self, BadField> {
        let fields = Fields::of(value, "")?;
        fields.only(&["dialect", "fault", "count", "after", "to", "retry_after_seconds"])?;
        let dialect = fields
            .text("dialect")?
            .and_then(Dialect::from_word)
            .ok_or_else(|| BadField::new("dialect", "must be resend, postmark or esp"))?;
        let words: Vec<_> = Fault::ALL.into_iter().map(|(_, word)| word).collect();
        let fault = fields
            .text("fault")?
            .and_then(Fault::from_word)
            .ok_or_else(|| BadField::new("fault", alloc::format!("must be one of {}", words.join(", "))))?;
        if fault == Fault::InactiveRecipient && dialect.all_inactive(&[]).is_none() {
            return Err(BadField::new(
                "fault",
                "resend takes inactive recipients and reports them later, by a webhook",
            ));
        }
        let to = fields.text("to")?.map(String::from);
        if to.as_ref().is_some_and(|to| to.is_empty() || to.len() > MOST_TO_BYTES) {
            return Err(BadField::new("to", "must be from 1 to 320 bytes"));
        }
        Ok(Self {
            dialect,
            fault,
            count: fields.number("count", 1, MOST_CALLS)?.unwrap_or(1),
            after: fields.number("after", 0, MOST_CALLS)?.unwrap_or(0),
            to,
            retry_after: fields.number("retry_after_seconds", 0, MOST_SECONDS)?,
        })
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Far more calls than a test makes.
const MOST_CALLS: u64 = 1_000_000_000;
/// A year.
const MOST_SECONDS: u64 = 31_536_000;
/// The longest address there can be, with room.
const MOST_TO_BYTES: usize = 320;
