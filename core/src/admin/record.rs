//! What the Directory keeps of an account: one row, so that a change is one write, whole or not at all.

use super::{
    Stop,
    settings::{self, Members},
};
use crate::{
    config::AccountConfig,
    sql::{Param, Sql, SqlError, Value as Cell},
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An account.
#[derive(Clone, PartialEq)]
pub(super) struct Record {
    /// Its name.
    pub(super) name: String,
    /// Grows by one with every change of anything of the account; 0 before it is first written.
    pub(super) revision: u64,
    /// The revision that its object is known to have.
    pub(super) applied: u64,
    /// When it was made.
    pub(super) created_at: UnixMillis,
    /// When it was last changed.
    pub(super) updated_at: UnixMillis,
    /// Its configuration as `SENDGATE_CONFIG` has it, but for the keys.
    pub(super) config: Members,
    /// Its keys, in the order in which they were made.
    pub(super) keys: Vec<Key>,
    /// Sealed secrets, by name.
    pub(super) sealed: BTreeMap<String, String>,
}

/// A key of an account.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Key {
    /// When it was made, in RFC 3339.
    pub(super) created_at: String,
    /// As `SENDGATE_CONFIG` has it.
    pub(super) config: Members,
}

impl Key {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        self.config.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// What is shown of it: all but its hash.
    pub(super) fn view(&self) -> Value {
        let mut view = self.config.clone();
        view.remove("hash");
        view.insert("created_at".into(), Value::String(self.created_at.clone()));
        Value::Object(view)
    }
}

impl Record {
    /// An account that is not written yet.
    pub(super) fn new(name: &str, config: Members, now: UnixMillis) -> Self {
        Self {
            name: name.into(),
            revision: 0,
            applied: 0,
            created_at: now,
            updated_at: now,
            config,
            keys: Vec::new(),
            sealed: BTreeMap::new(),
        }
    }

    /// Reads an account.
    pub(super) fn load(name: &str, sql: &mut dyn Sql) -> Result<Option<Self>, SqlError> {
        let statement = "SELECT name, revision, applied, created_ms, updated_ms, config, keys, sealed FROM account \
                         WHERE name = ?1";
        let rows = sql.run(statement, &[Param::Text(name)])?;
        rows.first().map(|row| Self::read(row)).transpose()
    }

    /// The accounts behind this name, in the order of their names: one more than asked for, when there are more.
    pub(super) fn page(after: &str, limit: u64, sql: &mut dyn Sql) -> Result<Vec<Self>, SqlError> {
        let statement = "SELECT name, revision, applied, created_ms, updated_ms, config, '[]', '{}' FROM account \
                         WHERE name > ?1 ORDER BY name LIMIT ?2";
        let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let rows = sql.run(statement, &[Param::Text(after), Param::Integer(most)])?;
        rows.iter().map(|row| Self::read(row)).collect()
    }

    fn read(row: &[Cell]) -> Result<Self, SqlError> {
        let [
            Cell::Text(name),
            Cell::Integer(revision),
            Cell::Integer(applied),
            Cell::Integer(created),
            Cell::Integer(updated),
            Cell::Text(config),
            Cell::Text(keys),
            Cell::Text(sealed),
        ] = row
        else {
            return Err(unreadable());
        };
        Ok(Self {
            name: name.clone(),
            revision: number(*revision),
            applied: number(*applied),
            created_at: UnixMillis::new(number(*created)),
            updated_at: UnixMillis::new(number(*updated)),
            config: serde_json::from_str(config).map_err(|_| unreadable())?,
            keys: serde_json::from_str(keys).map_err(|_| unreadable())?,
            sealed: serde_json::from_str(sealed).map_err(|_| unreadable())?,
        })
    }

    /// Writes the account and puts it into the outbox, due at once but for `grace_ms`, in which whoever wrote it pushes.
    pub(super) fn store(&self, grace_ms: u64, sql: &mut dyn Sql) -> Result<(), SqlError> {
        let (config, keys, sealed) = (text(&self.config)?, text(&self.keys)?, text(&self.sealed)?);
        let statement = "INSERT OR REPLACE INTO account(name, revision, applied, created_ms, updated_ms, config, keys, \
                         sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        sql.run(
            statement,
            &[
                Param::Text(&self.name),
                Param::Integer(count(self.revision)),
                Param::Integer(count(self.applied)),
                Param::Integer(self.created_at.as_i64()),
                Param::Integer(self.updated_at.as_i64()),
                Param::Text(&config),
                Param::Text(&keys),
                Param::Text(&sealed),
            ],
        )?;
        let due = self.updated_at.plus(grace_ms);
        let statement = "INSERT OR REPLACE INTO outbox(account, due_ms, attempts) VALUES (?1, ?2, 0)";
        sql.run(statement, &[Param::Text(&self.name), Param::Integer(due.as_i64())]).map(drop)
    }

    /// Whether its object is known to have this revision.
    pub(super) const fn is_in_force(&self) -> bool {
        self.applied >= self.revision
    }

    /// The configuration of the account with its keys, read and checked.
    ///
    /// # Errors
    /// The field that is wrong, as the admin API names it.
    pub(super) fn check(&self) -> Result<AccountConfig, Stop> {
        settings::check(&self.name, &self.config, &self.keys)
    }

    /// The configuration with its keys, as `SENDGATE_CONFIG` has it.
    pub(super) fn effective(&self) -> Members {
        settings::effective(&self.config, &self.keys)
    }

    /// The providers, as they stand in the configuration.
    pub(super) fn providers(&self) -> &[Value] {
        self.config.get("providers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The place of a provider.
    pub(super) fn provider_at(&self, name: &str) -> Option<usize> {
        self.providers().iter().position(|provider| provider.get("name").and_then(Value::as_str) == Some(name))
    }

    /// The providers, to be changed; `None` when the configuration has no list of them.
    pub(super) fn providers_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.config.get_mut("providers").and_then(Value::as_array_mut)
    }

    /// The tag that HTTP knows this revision by.
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

/// The first account with a provider whose reports come through this queue. Asked once for a batch of messages, so all
/// accounts are looked at.
pub(super) fn with_queue(queue: &str, sql: &mut dyn Sql) -> Result<Option<String>, SqlError> {
    let statement = "SELECT account.name FROM account, json_each(account.config, '$.providers') AS provider \
                     WHERE json_extract(provider.value, '$.webhook.queue') = ?1 ORDER BY account.name LIMIT 1";
    let rows = sql.run(statement, &[Param::Text(queue)])?;
    Ok(match rows.first().map(|row| row.as_slice()) {
        Some([Cell::Text(name)]) => Some(name.clone()),
        Some(_) | None => None,
    })
}

/// Creates what is missing.
pub(super) fn create_schema(sql: &mut dyn Sql) -> Result<(), SqlError> {
    TABLES.iter().try_for_each(|statement| sql.run(statement, &[]).map(drop))
}

pub(super) fn text(value: &impl Serialize) -> Result<String, SqlError> {
    serde_json::to_string(value).map_err(|error| SqlError(error.to_string()))
}

pub(super) fn number(cell: i64) -> u64 {
    u64::try_from(cell).unwrap_or_default()
}

pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unreadable() -> SqlError {
    SqlError("a row of the Directory is unreadable".into())
}

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS account(\
     name TEXT PRIMARY KEY, revision INTEGER NOT NULL, applied INTEGER NOT NULL, created_ms INTEGER NOT NULL, \
     updated_ms INTEGER NOT NULL, config TEXT NOT NULL, keys TEXT NOT NULL, sealed TEXT NOT NULL) WITHOUT ROWID",
    // Accounts whose objects are not known to have the last revision.
    "CREATE TABLE IF NOT EXISTS outbox(\
     account TEXT PRIMARY KEY, due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL) WITHOUT ROWID",
];
