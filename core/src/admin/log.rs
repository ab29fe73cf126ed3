//! `/v1/admin/audit`: who changed what, and whether the log is whole.

use super::{Ask, Reply, Stop, record::text};
use crate::{
    account::query::{Query, wrong},
    audit::{self, Checkpoint, Step},
    sql::{Sql, SqlError},
};
use alloc::{format, string::ToString};
use serde_json::{Value, json};

pub(super) fn create_schema(sql: &mut dyn Sql) -> Result<(), SqlError> {
    audit::create(sql)
}

/// Writes a change down, in the transaction of the change.
pub(super) fn append(
    ask: &mut Ask<'_>,
    action: &str,
    target: &str,
    before: &Value,
    after: &Value,
) -> Result<(), SqlError> {
    let (before, after) = (text(before)?, text(after)?);
    let entry = audit::Entry {
        actor: &ask.pass.key_id,
        action,
        target,
        before: Some(&before).filter(|before| *before != "null").map(|before| before.as_str()),
        after: Some(&after).filter(|after| *after != "null").map(|after| after.as_str()),
    };
    audit::append(&entry, ask.sql, ask.now).map(drop)
}

/// A page of the log, oldest first: what is appended meanwhile moves no page.
pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Stop> {
    let query = Query::read(&ask.pass.query, &["limit", "after"])?;
    let limit = query.number("limit", PAGE, MOST, 1)?;
    let after = query.number("after", 0, MAX_SEQ, 0)?;
    let mut records = audit::page(after, limit.saturating_add(1), ask.sql)?;
    let more = u64::try_from(records.len()).unwrap_or(u64::MAX) > limit;
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = records.last().filter(|_| more).map(|last| last.seq.to_string());
    let body = json!({"audit": records, "next": next});
    Ok(Reply::json(200, body))
}

/// Walks the chain, from its start or from a place that was kept elsewhere (`seq` and `hash`). A long log takes several
/// steps: `more` says where the next one begins.
pub(super) fn verify(ask: &mut Ask<'_>) -> Result<Reply, Stop> {
    let query = Query::read(&ask.pass.query, &["seq", "hash", "limit"])?;
    let limit = query.number("limit", STEP, STEP, 1)?;
    let from = match (query.text("seq"), query.text("hash")) {
        (None, None) => Checkpoint::start(),
        (Some(_), Some(hash)) => Checkpoint { seq: query.number("seq", 0, MAX_SEQ, 0)?, hash: hash.to_string() },
        (Some(_), None) | (None, Some(_)) => return Err(wrong("seq", "goes with hash").into()),
    };
    let body = match audit::verify(&from, limit, ask.sql)? {
        Step::More(place) => json!({"result": "more", "seq": place.seq, "hash": place.hash}),
        Step::Whole(place) => json!({"result": "whole", "seq": place.seq, "hash": place.hash}),
        Step::Broken { seq, fault } => {
            json!({"result": "broken", "seq": seq, "fault": fault, "detail": format!("row {seq} is {fault}")})
        }
    };
    Ok(Reply::json(200, body))
}

/// As the other lists of the API.
const PAGE: u64 = 100;
const MOST: u64 = 1_000;
/// Hashing so many rows takes a fraction of a second of the object's time.
const STEP: u64 = 10_000;
/// What a host can carry: 2^53 - 1.
const MAX_SEQ: u64 = (1 << 53) - 1;
