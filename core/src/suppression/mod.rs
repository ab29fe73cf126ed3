//! The suppression list: addresses that must never be handed to a provider.
//!
//! Entries are keyed by [`Address::key`](crate::address::Address::key), so that `Ann@EXAMPLE.com` and `ann@example.com`
//! are one. Five hundred messages are checked by one statement.

mod set;
pub use set::{LOAD_CODES, LoadError, MAX_ENTRIES, Pieces, Progress, SavedPart, SetBuilder, SetLoader, Stage, SuppressionSet, TooManyEntries};

use crate::{
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// Why an address is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It bounced for good.
    HardBounce,
    /// Its owner complained.
    Complaint,
    /// Its owner unsubscribed.
    Unsubscribe,
    /// Somebody put it there.
    Manual,
}

impl Reason {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Manual => "manual",
        }
    }
}

/// How a suppression check went. The words are the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Every recipient was looked up.
    Checked,
    /// The account does not honour its list.
    Ignored,
    /// The list could not be read: nobody is filtered, everybody is reserved for, and the final check decides.
    Unavailable,
    /// There was nobody to check.
    NotApplicable,
}

/// The part of a send's answer that speaks of suppression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How the check went.
    pub status: CheckStatus,
    /// Recipients looked at; the sum of the two below.
    pub checked_recipients: u64,
    /// Recipients that reserve quota.
    pub accepted_recipients: u64,
    /// Recipients on the list.
    pub suppressed_recipients: u64,
    /// Their addresses, one entry a suppressed recipient.
    pub suppressed_emails: Vec<String>,
}

/// Which of these keys are suppressed, with the reason. One statement, whatever their number.
///
/// # Errors
/// The store's.
pub fn check(keys: &BTreeSet<&str>, sql: &mut dyn Sql) -> Result<BTreeMap<String, String>, SqlError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = serde_json::to_string(keys).map_err(|error| SqlError(alloc::format!("{error}")))?;
    let rows = sql.run(
        "SELECT s.address, s.reason FROM json_each(?1) AS wanted JOIN suppression AS s ON s.address = wanted.value",
        &[Param::Text(&list)],
    )?;
    rows.into_iter()
        .map(|row| match <[Value; 2]>::try_from(row) {
            Ok([Value::Text(address), Value::Text(reason)]) => Ok((address, reason)),
            Ok(_) | Err(_) => Err(SqlError("a suppression row has another shape".into())),
        })
        .collect()
}

/// Adds an address, or changes the reason of one that is there.
///
/// # Errors
/// The store's.
pub fn add(key: &str, reason: Reason, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
    let statement = "INSERT INTO suppression(address, reason, created_ms) VALUES(?1, ?2, ?3) \
                     ON CONFLICT(address) DO UPDATE SET reason = excluded.reason";
    sql.run(statement, &[Param::Text(key), Param::Text(reason.word()), Param::Integer(now.as_i64())]).map(|_| ())
}

/// Takes an address off the list. Whether it was there.
///
/// # Errors
/// The store's.
pub fn remove(key: &str, sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let rows = sql.run("DELETE FROM suppression WHERE address = ?1 RETURNING address", &[Param::Text(key)])?;
    Ok(!rows.is_empty())
}
