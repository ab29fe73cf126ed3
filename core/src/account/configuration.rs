//! The configuration that an account's object keeps itself, once an operator has made or changed the account through the
//! admin API. It goes before the deployment's own (`SENDGATE_CONFIG`).
//!
//! The Directory pushes it whole, with a revision that grows. An object takes a later revision than it has and no other, so
//! a push may come twice, late, or after a later one. An object that was never told anything, and that the deployment does
//! not name either, has no account and stores nothing.

use super::{Account, AccountError, HostTools};
use crate::{
    admin::SEALED,
    config::Config,
    seal::{Place, SealingKeys},
    sql::{Param, Sql, SqlError, Value as Cell},
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    string::{String, ToString},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A configuration on its way from the Directory to an account's object.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pushed {
    /// The account that it is for.
    pub(crate) account: String,
    /// Grows with every change.
    pub(crate) revision: u64,
    /// What `SENDGATE_CONFIG` says of an account.
    pub(crate) config: Map<String, Value>,
    /// Its sealed secrets, by name.
    pub(crate) sealed: BTreeMap<String, String>,
}

/// What came of a configuration that was pushed.
pub struct Configured {
    /// The account under it; `None` when the object had this revision or a later one.
    pub account: Option<Account>,
    /// The revision that the object has now.
    pub revision: u64,
}

/// The configuration that holds for an account.
pub(super) struct InForce<'a> {
    pub(super) config: Cow<'a, Config>,
    sealed: BTreeMap<String, String>,
    keys: Option<SealingKeys>,
}

impl Account {
    /// Takes a configuration in that the Directory pushed, if it is later than what the store has, and opens the account
    /// under it.
    ///
    /// No call of the account may be under way: what comes of those would be lost.
    ///
    /// # Errors
    /// The configuration is not this account's or cannot be used, a secret is not there, or the store failed. The host
    /// rolls back, and what was in force stays so.
    pub fn configure(
        account: &str,
        pushed: &str,
        tools: HostTools<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Configured, AccountError> {
        let unreadable = |_| AccountError::Config("a pushed configuration cannot be read".into());
        let next: Pushed = serde_json::from_str(pushed).map_err(unreadable)?;
        if next.account != account {
            return Err(AccountError::Config("a pushed configuration is another account's".into()));
        }
        if let Some(kept) = load(sql)?.filter(|kept| kept.revision >= next.revision) {
            return Ok(Configured { account: None, revision: kept.revision });
        }
        sql.run(TABLE, &[])?;
        sql.run("INSERT OR REPLACE INTO configuration(one, pushed) VALUES (1, ?1)", &[Param::Text(pushed)])?;
        // It is the stored one from here on, so the deployment's own is not asked for.
        let none = Config::from_json(r#"{"accounts":{}}"#).map_err(|error| AccountError::Config(error.to_string()))?;
        let opened = Self::open(&none, account, tools, sql, now)?;
        Ok(Configured { account: Some(opened), revision: next.revision })
    }
}

impl<'a> InForce<'a> {
    /// The stored configuration, or else the deployment's.
    pub(super) fn of(
        deployment: &'a Config,
        account: &str,
        tools: HostTools<'_>,
        sql: &mut dyn Sql,
    ) -> Result<Self, AccountError> {
        let Some(kept) = load(sql)? else {
            return Ok(Self { config: Cow::Borrowed(deployment), sealed: BTreeMap::new(), keys: None });
        };
        let text = json!({"accounts": {account: kept.config}}).to_string();
        let config = Config::from_json(&text).map_err(|error| AccountError::Config(error.to_string()))?;
        let keys = if kept.sealed.is_empty() { None } else { (tools.secret)(SEALING_KEY) };
        let keys = keys.map(|text| SealingKeys::parse(&text)).transpose();
        let keys = keys.map_err(|error| AccountError::Config(error.to_string()))?;
        Ok(Self { config: Cow::Owned(config), sealed: kept.sealed, keys })
    }

    /// The value of a secret: a sealed one of the account's, or one of the host's.
    pub(super) fn secret(&self, name: &str, account: &str, tools: HostTools<'_>) -> Option<String> {
        let Some(sealed) = name.strip_prefix(SEALED) else { return (tools.secret)(name) };
        let place = Place { account, provider: sealed };
        let opened = self.keys.as_ref()?.open(self.sealed.get(sealed)?, place).ok()?;
        Some(opened.expose().into())
    }
}

/// What the store has; nothing is made where there is nothing.
fn load(sql: &mut dyn Sql) -> Result<Option<Pushed>, SqlError> {
    let known = sql.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'configuration'", &[])?;
    if known.is_empty() {
        return Ok(None);
    }
    let rows = sql.run("SELECT pushed FROM configuration", &[])?;
    match rows.first().map(|row| row.as_slice()) {
        None => Ok(None),
        Some([Cell::Text(pushed)]) => serde_json::from_str(pushed).map(Some).map_err(|_| unreadable()),
        Some(_) => Err(unreadable()),
    }
}

fn unreadable() -> SqlError {
    SqlError("the stored configuration is unreadable".into())
}

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS configuration(one INTEGER PRIMARY KEY CHECK(one = 1), pushed TEXT NOT NULL)";
/// The secret that seals the others.
const SEALING_KEY: &str = "SENDGATE_SEALING_KEY";
