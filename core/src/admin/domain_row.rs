//! What the Directory knows of a sending domain beside the configuration: one row.

use super::{
    record::{text, unreadable},
    settings::Members,
};
use crate::{
    config::DomainStatus,
    domain::{DomainName, DomainState, Finding, Standing, WantedRecord},
    sql::{Param, Sql, SqlError, Value as Cell},
    time::UnixMillis,
};
use alloc::{format, string::String};
use serde_json::{Value, json};

/// What is known of a domain beside the configuration.
#[derive(Default)]
pub(super) struct Known {
    /// Values that providers made for the account, by the account's names of the providers.
    pub(super) parameters: Members,
    /// Where it stands.
    pub(super) standing: Standing,
    /// What the last look found of each record, by [`name_of`]: `state`, and what else there is to say.
    pub(super) seen: Members,
}

/// What a look found of a record, as it is kept and shown.
pub(super) fn seen(finding: &Finding<'_>) -> Value {
    let mut seen = json!({"state": finding.state.word()});
    if let Some(members) = seen.as_object_mut() {
        let merged = finding.merged.as_ref().map(|merged| ("merged", merged.as_str().into()));
        let lookups = finding.too_many_lookups.map(|lookups| (TOO_MANY, lookups.into()));
        members.extend(merged.into_iter().chain(lookups).map(|(name, value): (&str, Value)| (name.into(), value)));
    }
    seen
}

impl Known {
    /// Reads what is known of a domain. The configuration has the last word on whether mail may leave: an operator may have
    /// changed it there.
    pub(super) fn load(
        account: &str,
        name: &DomainName,
        status: DomainStatus,
        sql: &mut dyn Sql,
    ) -> Result<Self, SqlError> {
        let statement = "SELECT parameters, state, grace_ms, checked_ms, sought_ms, seen FROM domain WHERE account = ?1 AND name = ?2";
        let rows = sql.run(statement, &[Param::Text(account), Param::Text(name.as_str())])?;
        let mut known = match rows.first().map(|row| row.as_slice()) {
            Some([Cell::Text(parameters), Cell::Text(state), grace, checked, sought, Cell::Text(seen)]) => Self {
                parameters: serde_json::from_str(parameters).map_err(|_| unreadable())?,
                standing: Standing {
                    state: DomainState::of(state).ok_or_else(unreadable)?,
                    grace_until: instant(grace),
                    checked_at: instant(checked),
                    sought_until: instant(sought),
                },
                seen: serde_json::from_str(seen).map_err(|_| unreadable())?,
            },
            Some(_) => return Err(unreadable()),
            None => Self::default(),
        };
        if known.standing.state.status() != status {
            known.standing.grace_until = None;
            known.standing.state = match status {
                DomainStatus::Pending => DomainState::Pending,
                DomainStatus::Verified => DomainState::Verified,
            };
        }
        Ok(known)
    }

    /// Writes it, with the instant of its next look.
    pub(super) fn store(
        &self,
        account: &str,
        name: &DomainName,
        next: Option<UnixMillis>,
        sql: &mut dyn Sql,
    ) -> Result<(), SqlError> {
        let (parameters, seen) = (text(&self.parameters)?, text(&self.seen)?);
        let instant = |at: Option<UnixMillis>| at.map_or(Param::Null, |at| Param::Integer(at.as_i64()));
        let statement = "INSERT OR REPLACE INTO domain(account, name, parameters, state, grace_ms, checked_ms, sought_ms, \
                         next_ms, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let parameters = [
            Param::Text(account),
            Param::Text(name.as_str()),
            Param::Text(&parameters),
            Param::Text(self.standing.state.word()),
            instant(self.standing.grace_until),
            instant(self.standing.checked_at),
            instant(self.standing.sought_until),
            instant(next),
            Param::Text(&seen),
        ];
        sql.run(statement, &parameters).map(drop)
    }
}

/// The domain whose look is due first, with its account. It is put off at once: a look that a crash ends is not repeated
/// before another one is due.
pub(super) fn due(sql: &mut dyn Sql, now: UnixMillis) -> Result<Option<(String, String)>, SqlError> {
    let statement = "SELECT account, name FROM domain WHERE next_ms <= ?1 ORDER BY next_ms LIMIT 1";
    let rows = sql.run(statement, &[Param::Integer(now.as_i64())])?;
    let Some([Cell::Text(account), Cell::Text(name)]) = rows.first().map(|row| row.as_slice()) else { return Ok(None) };
    let statement = "UPDATE domain SET next_ms = ?3 WHERE account = ?1 AND name = ?2";
    let later = Param::Integer(now.plus(RETRY_MS).as_i64());
    sql.run(statement, &[Param::Text(account), Param::Text(name), later])?;
    Ok(Some((account.clone(), name.clone())))
}

/// Forgets what stands beside the configuration.
pub(super) fn forget(account: &str, name: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let statement = "DELETE FROM domain WHERE account = ?1 AND name = ?2";
    sql.run(statement, &[Param::Text(account), Param::Text(name)]).map(drop)
}

/// When the next look is due.
pub(super) fn wake_at(sql: &mut dyn Sql) -> Result<Option<UnixMillis>, SqlError> {
    let rows = sql.run("SELECT MIN(next_ms) FROM domain", &[])?;
    Ok(rows.first().and_then(|row| row.first()).and_then(instant))
}

/// What a record is known by: a look at another value says nothing of this one.
pub(super) fn name_of(record: &WantedRecord) -> String {
    let (record_type, _) = record.record_type.row();
    format!("{record_type} {} {}", record.name, record.value)
}

/// Creates what is missing.
pub(super) fn create_schema(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run(TABLE, &[]).map(drop)
}

fn instant(cell: &Cell) -> Option<UnixMillis> {
    match cell {
        Cell::Integer(at) => u64::try_from(*at).ok().map(UnixMillis::new),
        Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS domain(\
     account TEXT NOT NULL, name TEXT NOT NULL, parameters TEXT NOT NULL, state TEXT NOT NULL, grace_ms INTEGER, \
     checked_ms INTEGER, sought_ms INTEGER, next_ms INTEGER, seen TEXT NOT NULL, PRIMARY KEY(account, name)) WITHOUT ROWID";
/// When a look is taken for lost.
const RETRY_MS: u64 = 3_600_000;
/// Where terms that ask DNS are told when they are too many.
pub(super) const TOO_MANY: &str = "too_many_lookups";
