//! Forgetting a person: what finished messages and reports still say of an address.

use super::trace::stored_recipients;
use crate::{
    address::Address,
    sql::{Param, Row, Sql, SqlError, Value},
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
};
use serde::Serialize;

/// What was forgotten, and what could not be yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Erased {
    /// Finished messages that named the person.
    pub(crate) messages: u64,
    /// Messages that still wait: they end as suppressed at the latest when they would leave, and are to be erased then.
    pub(crate) waiting: u64,
    /// Reports that named the person.
    pub(crate) events: u64,
}

/// Puts `instead` where an address stood, and forgets what the message was labelled with. The content of a finished
/// message is gone already.
///
/// # Errors
/// The store's.
pub(crate) fn erase(address: &Address, instead: &str, sql: &mut dyn Sql) -> Result<Erased, SqlError> {
    let key = address.key();
    let mut erased = Erased::default();
    // An address may stand in any case, and its domain in any alphabet: the local part finds it, the key decides.
    let part = [address.local().to_lowercase().as_str(), "@"].concat();
    let statement = "SELECT id, recipients, status IN ('queued', 'deferred', 'held', 'sending') FROM message \
         WHERE instr(lower(recipients), ?1) > 0";
    for row in sql.run(statement, &[Param::Text(&part)])? {
        let (id, recipients, is_open) = read(row)?;
        let Some(renamed) = renamed(&recipients, &key, instead)? else { continue };
        if is_open {
            erased.waiting += 1;
            continue;
        }
        let statement = "UPDATE message SET recipients = ?2, labels = NULL WHERE id = ?1";
        sql.run(statement, &[Param::Text(&id), Param::Text(&renamed)])?;
        erased.messages += 1;
    }
    let statement = "UPDATE event SET recipient = ?2 WHERE lower(recipient) = ?1 RETURNING 1";
    let events = sql.run(statement, &[Param::Text(&key), Param::Text(instead)])?;
    erased.events = u64::try_from(events.len()).unwrap_or(u64::MAX);
    sql.run("DELETE FROM soft_bounce WHERE address = ?1", &[Param::Text(&key)])?;
    Ok(erased)
}

fn read(row: Row) -> Result<(String, String, bool), SqlError> {
    match <[Value; 3]>::try_from(row) {
        Ok([Value::Text(id), Value::Text(recipients), Value::Integer(open)]) => Ok((id, recipients, open != 0)),
        Ok(_) | Err(_) => Err(SqlError("a message's row has another shape".into())),
    }
}

/// The stored recipients without the person; `None` when they do not name it.
fn renamed(stored: &str, key: &str, instead: &str) -> Result<Option<String>, SqlError> {
    let mut recipients = stored_recipients(stored)?;
    let mut found = false;
    for recipient in &mut recipients {
        if Address::parse(&recipient.address).is_ok_and(|address| address.key() == key) {
            recipient.address = Cow::Borrowed(instead);
            found = true;
        }
    }
    let printed = || serde_json::to_string(&recipients).map_err(|error| SqlError(error.to_string()));
    found.then(printed).transpose()
}
