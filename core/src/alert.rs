//! What an account's owner should know of: written down once for each time it comes up.
//!
//! A limit above 90 % or used up (R176, R177) is told once for each of its periods; windows shorter than an hour once an
//! hour, or their rows would be as many as the requests. A change of plan and the start of a penalty are told each time.
//! Alerts are rows beside the mail, in the transaction of what they tell of, and are kept for a month.

use crate::{
    gate::{Scope, Standing},
    ledger::QuotaUsage,
    limiter::Window,
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
    usage::{self, Level},
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

/// An alert as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Its number: later ones have higher ones.
    pub seq: u64,
    /// When it came up, as an RFC 3339 text.
    pub at: String,
    /// `limit_warn`, `limit_exhausted`, `token_abuse`, `plan_changed`.
    pub kind: String,
    /// What it is about: a window (`key:k1:key-second`), a quota (`quota_daily`), a key, a plan.
    pub subject: String,
    /// One sentence.
    pub detail: String,
}

/// What was told already, so that nothing is told twice and most requests ask no store.
#[derive(Default)]
pub(crate) struct Alerts {
    told: BTreeMap<(&'static str, String), u64>,
}

impl Alerts {
    /// Looks at where windows and quotas stand, and tells of those that are nearly or wholly used up.
    pub(crate) fn watch(
        &mut self,
        standings: &[Standing<'_>],
        quotas: &[(&'static str, QuotaUsage)],
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        for standing in standings {
            let known = (Some(u64::from(standing.limit)), Some(u64::from(standing.remaining)));
            if let Some((kind, level)) = told_level(known) {
                let scope = standing.scope.word();
                let name = standing.window.name();
                let subject = match standing.scope {
                    Scope::Plan | Scope::Account => format!("{scope}:{name}"),
                    Scope::Key | Scope::Provider | Scope::DomainGroup | Scope::Class => {
                        format!("{scope}:{}:{name}", standing.dimension)
                    }
                };
                self.tell(kind, subject, occasion(standing.window, now), &detail(level, known), sql, now)?;
            }
        }
        for (name, quota) in quotas {
            let known = (Some(quota.limit), Some(quota.free));
            if quota.limit == crate::ledger::Quota::UNLIMITED {
                continue;
            }
            if let Some((kind, level)) = told_level(known) {
                let period = quota.resets_at.as_millis();
                self.tell(kind, (*name).into(), period, &detail(level, known), sql, now)?;
            }
        }
        Ok(())
    }

    /// Tells of something unless it was told on this occasion before.
    pub(crate) fn tell(
        &mut self,
        kind: &'static str,
        subject: String,
        occasion: u64,
        detail: &str,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let about = (kind, subject);
        // A clock that was set back brings no new occasion.
        if self.told.get(&about).is_some_and(|told| *told >= occasion) {
            return Ok(());
        }
        sql.run(
            "INSERT INTO alert(at_ms, kind, subject, occasion, detail) VALUES(?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT(kind, subject, occasion) DO NOTHING",
            &[
                Param::Integer(now.as_i64()),
                Param::Text(kind),
                Param::Text(&about.1),
                Param::Integer(i64::try_from(occasion).unwrap_or(i64::MAX)),
                Param::Text(detail),
            ],
        )?;
        self.told.insert(about, occasion);
        Ok(())
    }
}

/// Creates the table and forgets what is older than a month.
pub(crate) fn open(sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
    sql.run(TABLE, &[])?;
    let since = now.as_i64().saturating_sub(KEPT_MS);
    sql.run("DELETE FROM alert WHERE at_ms < ?1", &[Param::Integer(since)]).map(|_| ())
}

/// The alerts after a number, oldest first, at most `limit` of them.
pub(crate) fn list(after: u64, limit: u64, sql: &mut dyn Sql) -> Result<Vec<Alert>, SqlError> {
    let statement = "SELECT seq, at_ms, kind, subject, detail FROM alert WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let whole = |n: u64| Param::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    sql.run(statement, &[whole(after), whole(limit)])?.into_iter().map(alert).collect()
}

fn alert(row: Row) -> Result<Alert, SqlError> {
    let Ok([Value::Integer(seq), Value::Integer(at), Value::Text(kind), Value::Text(subject), Value::Text(detail)]) =
        <[Value; 5]>::try_from(row)
    else {
        return Err(SqlError("an alert's row has another shape".into()));
    };
    let at = UnixMillis::new(u64::try_from(at).unwrap_or_default()).to_string();
    Ok(Alert { seq: u64::try_from(seq).unwrap_or_default(), at, kind, subject, detail })
}

/// The alert that a limit raises where it stands.
fn told_level((limit, remaining): (Option<u64>, Option<u64>)) -> Option<(&'static str, Level)> {
    let level = usage::level(limit, remaining)?;
    Some((level.alert()?, level))
}

/// A calendar window's period begins anew by itself; a sliding one is looked at in steps of its period.
fn occasion(window: &Window, now: UnixMillis) -> u64 {
    let period_ms = match *window {
        Window::Sliding { period_ms, .. } => period_ms,
        Window::Pace { interval_ms, .. } => interval_ms,
        Window::Calendar { .. } => DAY_MS,
    };
    let step = period_ms.max(HOUR_MS);
    now.as_millis().checked_div(step).unwrap_or_default()
}

fn detail(level: Level, (limit, remaining): (Option<u64>, Option<u64>)) -> String {
    let (limit, remaining) = (limit.unwrap_or_default(), remaining.unwrap_or_default());
    match level {
        Level::Exhausted => format!("all of {limit} are used"),
        Level::Warn | Level::Ok => format!("{remaining} of {limit} are left"),
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS alert(\
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, \
     occasion INTEGER NOT NULL, detail TEXT NOT NULL, UNIQUE(kind, subject, occasion))";
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;
/// Alerts are kept for 31 days: the longest month.
const KEPT_MS: i64 = 31 * 86_400_000;
