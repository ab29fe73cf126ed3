//! `GET /v1/alerts`, and what an account itself tells of.

use super::{Account, Reply, query::Query};
use crate::{
    alert::{self, Alert},
    front::Pass,
    gate,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

#[derive(Serialize)]
struct Page {
    alerts: Vec<Alert>,
    /// The `after` of the next page; `null` at the end.
    next: Option<u64>,
}

/// A page of alerts: `?after=<seq>&limit=<1 to 1000>`.
pub(super) fn list(pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let asked = Query::read(&pass.query, &["after", "limit"])
        .and_then(|query| Ok((query.number("after", 0, LAST, 0)?, query.number("limit", PAGE, MOST, 1)?)));
    let (after, limit) = match asked {
        Ok(asked) => asked,
        Err(problem) => return Ok(Reply::problem(&problem, &pass.request_id, None, now)),
    };
    let alerts = alert::list(after, limit, sql)?;
    let is_full = u64::try_from(alerts.len()).is_ok_and(|length| length == limit);
    let next = alerts.last().filter(|_| is_full).map(|alert| alert.seq);
    let body = serde_json::to_vec(&Page { alerts, next }).map_err(|error| SqlError(error.to_string()))?;
    Ok(Reply::json(200, body))
}

impl Account {
    /// A key's penalty began (R096).
    pub(super) fn note_penalty(
        &mut self,
        key_id: &str,
        until: UnixMillis,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let detail = format!("denied again and again; its requests are refused until {until}");
        self.alerts.tell("token_abuse", format!("key:{key_id}"), now.as_millis(), &detail, sql, now)
    }

    /// Writes a change of plan down, in the transaction in which the account opens with it (R100).
    pub(super) fn note_plan(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        let plan = self.config.plan.as_str();
        let before = gate::read(PLAN_ROW, sql)?.and_then(|bytes| String::from_utf8(bytes).ok());
        if before.as_deref() == Some(plan) {
            return Ok(());
        }
        gate::write(PLAN_ROW, plan.as_bytes(), sql)?;
        let Some(before) = before else { return Ok(()) };
        let detail = format!("from {before} to {plan}");
        self.alerts.tell("plan_changed", "plan".to_string(), now.as_millis(), &detail, sql, now)
    }
}

/// The row of the state table that names the plan in force.
const PLAN_ROW: &str = "plan";
/// Alerts on a page when nothing is said.
const PAGE: u64 = 100;
/// The last number that a host's store carries: 2^53 - 1, as JavaScript's numbers go.
const LAST: u64 = (1 << 53) - 1;
/// The most on a page.
const MOST: u64 = 1_000;
