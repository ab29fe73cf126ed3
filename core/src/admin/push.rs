//! The way of a change to its account's object.

use super::{
    Directory, domain_row,
    record::{Record, count, number, text, unreadable},
};
use crate::{
    account::configuration::Pushed,
    backoff::{Backoff, Jitter},
    sql::{Param, Sql, SqlError, Value as Cell},
    time::UnixMillis,
};
use alloc::string::String;
use core::fmt;

/// A configuration to hand to an account's object.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// The account: the name of its object.
    pub account: String,
    /// The revision of the configuration.
    pub revision: u64,
    /// What [`crate::account::Account::configure`] takes.
    pub configuration: String,
}

/// Shows no configuration: it holds sealed secrets and hashes of keys.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Push({}, revision {})", self.account, self.revision)
    }
}

impl Directory {
    /// The next push that is due, or with an account's name the one of that account, due or not. It is put off by the time
    /// that a push may take, so that nothing else repeats it meanwhile.
    ///
    /// # Errors
    /// The store's.
    pub fn next_push(
        &mut self,
        account: Option<&str>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Push>, SqlError> {
        let rows = match account {
            Some(account) => sql.run("SELECT account FROM outbox WHERE account = ?1", &[Param::Text(account)])?,
            None => sql.run(
                "SELECT account FROM outbox WHERE due_ms <= ?1 ORDER BY due_ms LIMIT 1",
                &[Param::Integer(now.as_i64())],
            )?,
        };
        let Some([Cell::Text(account)]) = rows.first().map(|row| row.as_slice()) else { return Ok(None) };
        let record = Record::load(account, sql)?.ok_or_else(unreadable)?;
        put_off(account, GRACE_MS, sql, now)?;
        let pushed = Pushed {
            account: account.clone(),
            revision: record.revision,
            config: record.effective(),
            sealed: record.sealed.clone(),
        };
        Ok(Some(Push { account: account.clone(), revision: record.revision, configuration: text(&pushed)? }))
    }

    /// Takes what came of a push: the revision that the object has now, or `None` when it did not say. Returns whether the
    /// account's last revision is in force.
    ///
    /// # Errors
    /// The store's.
    pub fn pushed(
        &mut self,
        push: &Push,
        has: Option<u64>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<bool, SqlError> {
        let Some(record) = Record::load(&push.account, sql)? else { return Ok(false) };
        let Some(has) = has else {
            let statement = "UPDATE outbox SET attempts = attempts + 1 WHERE account = ?1 RETURNING attempts";
            let rows = sql.run(statement, &[Param::Text(&push.account)])?;
            let Some([Cell::Integer(attempts)]) = rows.first().map(|row| row.as_slice()) else {
                return Ok(record.is_in_force());
            };
            let attempt = u32::try_from(*attempts).unwrap_or(u32::MAX);
            put_off(&push.account, BACKOFF.delay_ms(attempt, 0), sql, now)?;
            return Ok(false);
        };
        if has > record.revision {
            // The object knows of a later one: this store was set back. What it holds now is the last word all the same.
            let next = Record { revision: has.saturating_add(1), ..record };
            return next.store(0, sql).map(|()| false);
        }
        let applied = record.applied.max(has);
        let statement = "UPDATE account SET applied = ?2 WHERE name = ?1";
        sql.run(statement, &[Param::Text(&push.account), Param::Integer(count(applied))])?;
        if applied < record.revision {
            return Ok(false);
        }
        sql.run("DELETE FROM outbox WHERE account = ?1", &[Param::Text(&push.account)]).map(|_| true)
    }

    /// When a host should ask for the next push or the next look.
    ///
    /// # Errors
    /// The store's.
    pub fn wake_at(&self, sql: &mut dyn Sql) -> Result<Option<UnixMillis>, SqlError> {
        let rows = sql.run("SELECT MIN(due_ms) FROM outbox", &[])?;
        let push = match rows.first().map(|row| row.as_slice()) {
            Some([Cell::Integer(due)]) => Some(UnixMillis::new(number(*due))),
            Some(_) | None => None,
        };
        Ok(push.into_iter().chain(domain_row::wake_at(sql)?).min())
    }
}

fn put_off(account: &str, wait_ms: u64, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
    let due = now.plus(wait_ms);
    let statement = "UPDATE outbox SET due_ms = ?2 WHERE account = ?1";
    sql.run(statement, &[Param::Text(account), Param::Integer(due.as_i64())]).map(drop)
}

/// How long a host waits for an object's word. One that first waits for its calls under way may need longer: a later push
/// finds it done.
pub const PUSH_MS: u64 = 4_000;
/// When a push is taken for lost that nobody told the end of: a crash came between.
pub(super) const GRACE_MS: u64 = PUSH_MS + 1_000;
/// An object that cannot be reached is asked again soon, and at least once a minute: a suspension must not come late.
const BACKOFF: Backoff = Backoff { base_ms: 1_000, cap_ms: 60_000, max_attempts: u32::MAX, jitter: Jitter::None };
