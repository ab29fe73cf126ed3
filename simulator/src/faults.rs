//! Injected faults: the next few calls of a dialect answered as its provider answers on a bad day.

use crate::{
    answer,
    dialect::Dialect,
    json::{self, BadField, Fields},
    store,
};
use alloc::{format, string::String, vec::Vec};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    /// An answer that the test wrote out.
    Answer,
}

impl Fault {
    const ALL: [(Self, &'static str); 9] = [
        (Self::RateLimited, "rate_limited"),
        (Self::QuotaExceeded, "quota_exceeded"),
        (Self::ServerError, "server_error"),
        (Self::Unauthorized, "unauthorized"),
        (Self::Invalid, "invalid"),
        (Self::TimeoutBefore, "timeout_before"),
        (Self::TimeoutAfter, "timeout_after"),
        (Self::InactiveRecipient, "inactive_recipient"),
        (Self::Answer, "answer"),
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
    /// The answer that the test wrote out.
    pub(crate) answer: Option<HttpResponse>,
}

/// Takes the fault that the next call of `dialect` to these recipients meets, and counts it down.
pub(crate) fn take(sql: &mut dyn Sql, dialect: Dialect, recipients: &[&str]) -> Result<Option<Hit>, SqlError> {
    let statement = "SELECT seq, fault, skip, recipient, retry_after, per_mille, seed, seen, answer FROM sandbox_faults \
                     LEFT JOIN sandbox_chances ON sandbox_chances.fault_seq = seq \
                     LEFT JOIN sandbox_answers ON sandbox_answers.fault_seq = seq WHERE dialect = ?1 ORDER BY seq";
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
        if let Some(per_mille) = store::optional_integer(&row, 5)? {
            sql.run("UPDATE sandbox_chances SET seen = seen + 1 WHERE fault_seq = ?1", &[seq])?;
            if !strikes(per_mille, store::integer(&row, 6)?, store::integer(&row, 7)?) {
                continue;
            }
        }
        sql.run("UPDATE sandbox_faults SET remaining = remaining - 1 WHERE seq = ?1", &[seq])?;
        sql.run("DELETE FROM sandbox_faults WHERE seq = ?1 AND remaining < 1", &[seq])?;
        let fault = Fault::from_word(store::text(&row, 1)?).ok_or_else(|| SqlError("an unknown fault".into()))?;
        let retry_after = store::optional_integer(&row, 4)?.and_then(|seconds| u64::try_from(seconds).ok());
        let answer = store::optional_text(&row, 8)?.map(answer::read).transpose()?;
        return Ok(Some(Hit { fault, to: to.map(String::from), retry_after, answer }));
    }
    Ok(None)
}

/// Whether a chance of `per_mille` strikes the call `number`, counted from 0: the same for the same seed, always.
fn strikes(per_mille: i64, seed: i64, number: i64) -> bool {
    let digest: [u8; 32] = Sha256::digest(format!("{seed} {number}")).into();
    let (head, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let drawn = u64::from_be_bytes(*head) % 1_000;
    i64::try_from(drawn).is_ok_and(|drawn| drawn < per_mille)
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
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING seq";
    let values = [
        Param::Text(order.dialect.word()),
        Param::Text(order.fault.word()),
        Param::Integer(signed(order.after)),
        Param::Integer(signed(order.count)),
        store::maybe_text(order.to.as_deref()),
        store::maybe_integer(order.retry_after.map(signed)),
    ];
    let rows = sql.run(statement, &values)?;
    let seq = rows.first().map_or(Ok(0), |row| store::integer(row, 0))?;
    if let Some((per_mille, seed)) = order.chance {
        let statement =
            "INSERT OR REPLACE INTO sandbox_chances (fault_seq, per_mille, seed, seen) VALUES (?1, ?2, ?3, 0)";
        let values = [seq, signed(per_mille), signed(seed)].map(Param::Integer);
        sql.run(statement, &values)?;
    }
    if let Some(answer) = &order.answer {
        let values = [Param::Integer(seq), Param::Text(answer)];
        sql.run("INSERT OR REPLACE INTO sandbox_answers (fault_seq, answer) VALUES (?1, ?2)", &values)?;
    }
    let rows = sql.run(&format!("{SHOWN} WHERE seq = ?1"), &[Param::Integer(seq)])?;
    Ok(json::answer(201, &rows.first().map_or(Ok(Value::Null), show)?))
}

/// `GET /sandbox/faults`: what is still to come.
pub(crate) fn list(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    let faults = sql.run(&format!("{SHOWN} ORDER BY seq"), &[])?.iter().map(show).collect::<Result<Vec<_>, _>>()?;
    Ok(json::answer(200, &json!({ "faults": faults })))
}

/// `DELETE /sandbox/faults`.
pub(crate) fn clear(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    sql.run("DELETE FROM sandbox_faults", &[])?;
    sql.run("DELETE FROM sandbox_chances", &[])?;
    sql.run("DELETE FROM sandbox_answers", &[])?;
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
        "chance_per_mille": store::optional_integer(row, 7)?,
        "seed": store::optional_integer(row, 8)?,
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
    /// The chance of every call, and the seed that it is drawn from.
    chance: Option<(u64, u64)>,
    /// The answer written out, as it is stored.
    answer: Option<String>,
}

impl Order {
    fn read(value: &Value) -> Result<Self, BadField> {
        let fields = Fields::of(value, "")?;
        fields.only(&KNOWN)?;
        let known = || format!("must be one of {}", Dialect::ALL.map(Dialect::word).join(", "));
        let dialect =
            fields.text("dialect")?.and_then(Dialect::from_word).ok_or_else(|| BadField::new("dialect", known()))?;
        let words: Vec<_> = Fault::ALL.into_iter().map(|(_, word)| word).collect();
        let fault = fields
            .text("fault")?
            .and_then(Fault::from_word)
            .ok_or_else(|| BadField::new("fault", format!("must be one of {}", words.join(", "))))?;
        let chance = fields.number("chance_per_mille", 1, 1_000)?;
        let seed = fields.number("seed", 0, MOST_SEED)?;
        if chance.is_none() && seed.is_some() {
            return Err(BadField::new("seed", "stands with chance_per_mille only"));
        }
        let answer = answer::order(&fields, fault == Fault::Answer)?;
        let default_count = if chance.is_some() { MOST_CALLS } else { 1 };
        let to = fields.text("to")?.map(String::from);
        if to.as_ref().is_some_and(|to| to.is_empty() || to.len() > MOST_TO_BYTES) {
            return Err(BadField::new("to", "must be from 1 to 320 bytes"));
        }
        Ok(Self {
            dialect,
            fault,
            count: fields.number("count", 1, MOST_CALLS)?.unwrap_or(default_count),
            after: fields.number("after", 0, MOST_CALLS)?.unwrap_or(0),
            to,
            retry_after: fields.number("retry_after_seconds", 0, MOST_SECONDS)?,
            chance: chance.map(|per_mille| (per_mille, seed.unwrap_or(0))),
            answer,
        })
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What an order may hold.
const KNOWN: [&str; 11] = [
    "dialect",
    "fault",
    "count",
    "after",
    "to",
    "retry_after_seconds",
    "chance_per_mille",
    "seed",
    "status",
    "headers",
    "body",
];
/// What a fault is shown from.
const SHOWN: &str = "SELECT seq, dialect, fault, skip, remaining, recipient, retry_after, per_mille, seed \
                     FROM sandbox_faults LEFT JOIN sandbox_chances ON sandbox_chances.fault_seq = seq";
/// The largest number that every JSON reader carries exactly.
const MOST_SEED: u64 = 9_007_199_254_740_991;
/// Far more calls than a test makes.
const MOST_CALLS: u64 = 1_000_000_000;
/// A year.
const MOST_SECONDS: u64 = 31_536_000;
/// The longest address there can be, with room.
const MOST_TO_BYTES: usize = 320;
