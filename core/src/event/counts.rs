//! How many events of each kind there were, by day, provider and sending domain (R046, R078).
//!
//! Out of scope: what a rate means; [`crate::catalog`] has the lines.

use super::{Event, EventKind};
use crate::{
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

/// Events of one kind on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The day, in days since 1970 in UTC, by the events' own instants.
    pub day: u64,
    /// The provider's word.
    pub provider: String,
    /// The sending domain; empty where the provider does not name it.
    pub domain: String,
    /// What happened.
    pub kind: EventKind,
    /// How often.
    pub n: u64,
}

/// Every count from the day of `since` on, by day, provider, domain and kind.
///
/// # Errors
/// The store's.
pub fn counts(since: UnixMillis, sql: &mut dyn Sql) -> Result<Vec<Count>, SqlError> {
    let day = i64::try_from(since.as_millis() / DAY_MS).unwrap_or(i64::MAX);
    let statement = "SELECT day, provider, domain, kind, n FROM event_count WHERE day >= ?1 \
                     ORDER BY day, provider, domain, kind";
    sql.run(statement, &[Param::Integer(day)])?.into_iter().map(read).collect()
}

fn read(row: Vec<Value>) -> Result<Count, SqlError> {
    let shape = || SqlError("a row of counts has another shape than the schema's".into());
    let Ok([Value::Integer(day), Value::Text(provider), Value::Text(domain), Value::Text(kind), Value::Integer(n)]) =
        <[Value; 5]>::try_from(row)
    else {
        return Err(shape());
    };
    Ok(Count {
        day: u64::try_from(day).map_err(|_| shape())?,
        provider,
        domain,
        kind: EventKind::from_word(&kind).unwrap_or(EventKind::Unknown),
        n: u64::try_from(n).map_err(|_| shape())?,
    })
}

/// Counts of a request, stored together: a post of a thousand events writes a few rows.
#[derive(Default)]
pub(super) struct Counting(BTreeMap<(u64, &'static str, String, EventKind), i64>);

impl Counting {
    /// Counts an event. Echoes and candidates are not what happened to somebody, and count as nothing.
    pub(super) fn add(&mut self, event: &Event) {
        if event.is_echo || event.is_candidate {
            return;
        }
        let domain = event.sender_domain.clone().unwrap_or_default();
        let key = (event.at.as_millis() / DAY_MS, event.provider.as_str(), domain, event.kind);
        *self.0.entry(key).or_default() += 1;
    }

    pub(super) fn store(&self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        for ((day, provider, domain, kind), n) in &self.0 {
            let day = i64::try_from(*day).map_err(|error| SqlError(error.to_string()))?;
            let parameters = [
                Param::Integer(day),
                Param::Text(provider),
                Param::Text(domain),
                Param::Text(kind.word()),
                Param::Integer(*n),
            ];
            sql.run(ADD, &parameters)?;
        }
        Ok(())
    }
}

const ADD: &str = "INSERT INTO event_count(day, provider, domain, kind, n) VALUES(?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT(day, provider, domain, kind) DO UPDATE SET n = n + excluded.n";
const DAY_MS: u64 = 86_400_000;
