//! Many entries at once, a thousand a statement.

use super::{Entry, list::shape};
use crate::{
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::json;

/// What an import did, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// They were not on the list.
    pub added: u64,
    /// They say something else now.
    pub updated: u64,
    /// They said that already.
    pub unchanged: u64,
    /// They stood in the import less than a thousand entries before; the last one counts.
    pub duplicates: u64,
}

/// Collects entries and writes them in statements of a thousand.
#[derive(Default)]
pub struct Importer {
    waiting: BTreeMap<(String, String), Entry>,
    done: Imported,
}

impl Importer {
    /// Takes one entry of an address's key. When [`Importer::is_due`] says so, what waits is to be written.
    pub fn take(&mut self, key: String, entry: Entry) {
        if self.waiting.insert((key, entry.scope.to_string()), entry).is_some() {
            self.done.duplicates += 1;
        }
    }

    /// Whether enough waits for a statement.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.waiting.len() >= PER_STATEMENT
    }

    /// What was written until now.
    #[must_use]
    pub const fn done(&self) -> Imported {
        self.done
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The store's; the host rolls back, and the importer is of no more use.
    pub fn write(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        let entries = core::mem::take(&mut self.waiting);
        if entries.is_empty() {
            return Ok(());
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let total = count(entries.len());
        let rows: Vec<_> = entries.into_iter().map(|((key, scope), entry)| row(&key, &scope, &entry)).collect();
        let list = serde_json::to_string(&rows).map_err(|error| SqlError(error.to_string()))?;
        let known = "SELECT count(*) FROM json_each(?1) AS wanted JOIN suppression AS s \
             ON s.address = json_extract(wanted.value, '$[0]') AND s.scope = json_extract(wanted.value, '$[1]')";
        let known = match sql.run(known, &[Param::Text(&list)])?.first().map(Vec::as_slice) {
            Some([Value::Integer(known)]) => u64::try_from(*known).unwrap_or_default(),
            Some(_) | None => return Err(shape()),
        };
        let statement = "INSERT INTO suppression(address, scope, reason, expires_ms, active, created_ms) \
             SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), \
             json_extract(value, '$[3]'), json_extract(value, '$[4]'), ?2 FROM json_each(?1) WHERE true \
             ON CONFLICT(address, scope) DO UPDATE SET reason = excluded.reason, expires_ms = excluded.expires_ms, \
             active = excluded.active WHERE reason <> excluded.reason OR expires_ms IS NOT excluded.expires_ms \
             OR active <> excluded.active RETURNING 1";
        let changed = count(sql.run(statement, &[Param::Text(&list), Param::Integer(now.as_i64())])?.len());
        let added = total.saturating_sub(known);
        let updated = changed.saturating_sub(added);
        self.done.added += added;
        self.done.updated += updated;
        self.done.unchanged += known.saturating_sub(updated);
        Ok(())
    }
}

fn row(key: &str, scope: &str, entry: &Entry) -> serde_json::Value {
    let expires = entry.expires_at.map(UnixMillis::as_i64);
    json!([key, scope, entry.reason.word(), expires, i64::from(entry.active)])
}

/// A statement's parameter stays far below the platform's 2 MB: an address has at most 320 bytes.
const PER_STATEMENT: usize = 1_000;
