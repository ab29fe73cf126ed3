//! A limiter with its state in a row of a SQLite file: it outlasts the process, and processes share it.
//!
//! The decision and the row's new bytes are one transaction. A kill at any point leaves either no charge and no answer,
//! or the charge, with the answer lost: a budget is never given out twice.

use crate::{Connection, DatabaseError};
use core::fmt;
use sendgate_core::{
    limiter::{Decision, Limiter, State, StateError, Usage},
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};

/// A [`Limiter`] whose state is the row called `name`.
///
/// Every method takes the inside of a transaction, so that a caller can write what belongs to the decision with it:
/// ```
/// use sendgate_core::{limiter::{Decision, Limiter}, time::UnixMillis};
/// use sendgate_embed::{Database, KeptError, KeptLimiter};
///
/// let policy = r#"{"windows":[{"kind":"pace","name":"pace","interval_ms":100,"burst":1}]}"#;
/// let mut database = Database::in_memory()?;
/// let now = UnixMillis::new(1_800_000_000_000);
/// let limiter = Limiter::from_json(policy)?;
/// let kept = database.transaction(|sql| KeptLimiter::open(sql, "resend", limiter))?;
///
/// let first = database.transaction(|sql| kept.decide(sql, 1, now))?;
/// assert_eq!(first, Decision::Allow { charged_at: now });
/// let second = database.transaction(|sql| kept.decide(sql, 1, now))?;
/// assert_eq!(second, Decision::Defer { retry_at: now.plus(100), window: 0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeptLimiter {
    limiter: Limiter,
    name: String,
}

impl KeptLimiter {
    /// The limiter of the row called `name`: what is stored there is read, a missing row is a fresh state.
    ///
    /// # Errors
    /// [`KeptError::State`] when the row was written under another policy, [`KeptError::Sql`] when the store fails.
    pub fn open(sql: &mut Connection<'_>, name: &str, limiter: Limiter) -> Result<Self, KeptError> {
        sql.run(TABLE, &[])?;
        let kept = Self { limiter, name: name.into() };
        kept.stored(sql)?;
        Ok(kept)
    }

    /// Decides and, on an allow, stores the charge.
    ///
    /// # Errors
    /// As [`KeptLimiter::open`].
    pub fn decide(&self, sql: &mut Connection<'_>, cost: u32, now: UnixMillis) -> Result<Decision, KeptError> {
        self.change(sql, |state| self.limiter.decide(state, cost, now))
    }

    /// The same decision, charging nothing.
    ///
    /// # Errors
    /// As [`KeptLimiter::open`].
    pub fn peek(&self, sql: &mut Connection<'_>, cost: u32, now: UnixMillis) -> Result<Decision, KeptError> {
        Ok(self.limiter.peek(&self.stored(sql)?, cost, now))
    }

    /// Stores units that left anyway, and returns the instant they count from.
    ///
    /// # Errors
    /// As [`KeptLimiter::open`].
    pub fn charge(&self, sql: &mut Connection<'_>, cost: u32, now: UnixMillis) -> Result<UnixMillis, KeptError> {
        self.change(sql, |state| self.limiter.charge(state, cost, now))
    }

    /// Takes back units charged at `charged_at`.
    ///
    /// # Errors
    /// As [`KeptLimiter::open`].
    pub fn refund(
        &self,
        sql: &mut Connection<'_>,
        cost: u32,
        charged_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), KeptError> {
        self.change(sql, |state| self.limiter.refund(state, cost, charged_at, now))
    }

    /// What each window holds at `now`.
    ///
    /// # Errors
    /// As [`KeptLimiter::open`].
    pub fn usage(&self, sql: &mut Connection<'_>, now: UnixMillis) -> Result<Vec<Usage>, KeptError> {
        Ok(self.limiter.usage(&self.stored(sql)?, now))
    }

    /// Reads, changes and writes in the caller's transaction; a state that did not change is not written.
    fn change<T>(&self, sql: &mut Connection<'_>, verb: impl FnOnce(&mut State) -> T) -> Result<T, KeptError> {
        let before = self.stored(sql)?;
        let mut state = before.clone();
        let answer = verb(&mut state);
        if state != before {
            sql.run(WRITE, &[Param::Text(&self.name), Param::Blob(state.as_bytes())])?;
        }
        Ok(answer)
    }

    fn stored(&self, sql: &mut Connection<'_>) -> Result<State, KeptError> {
        let rows = sql.run(READ, &[Param::Text(&self.name)])?;
        match rows.first().and_then(|row| row.first()) {
            None => Ok(self.limiter.fresh()),
            Some(Value::Blob(bytes)) => Ok(self.limiter.load(bytes)?),
            Some(Value::Null | Value::Integer(_) | Value::Text(_)) => {
                Err(KeptError::Sql(SqlError("a limiter's state is not bytes".into())))
            }
        }
    }
}

/// Why a kept limiter could not answer. Nothing was charged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeptError {
    /// No transaction could begin or be committed.
    Database(DatabaseError),
    /// A statement failed.
    Sql(SqlError),
    /// The stored state is not one of this limiter.
    State(StateError),
}

impl KeptError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Database(error) => error.code(),
            Self::Sql(_) => "database_statement",
            Self::State(error) => error.code(),
        }
    }
}

impl fmt::Display for KeptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Sql(error) => error.fmt(f),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeptError {}

impl From<DatabaseError> for KeptError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<SqlError> for KeptError {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<StateError> for KeptError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS kept_limiter (name TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT, WITHOUT ROWID";

const READ: &str = "SELECT state FROM kept_limiter WHERE name = ?1";

const WRITE: &str = "INSERT INTO kept_limiter (name, state) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET state = excluded.state";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;
    use std::path::Path;

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn limiter(limit: u32) -> Limiter {
        let policy =
            format!(r#"{{"windows":[{{"kind":"sliding","name":"hour","limit":{limit},"period_ms":3600000}}]}}"#);
        Limiter::from_json(&policy).unwrap()
    }

    fn open(path: &Path) -> (Database, KeptLimiter) {
        let mut database = Database::open(path).unwrap();
        let kept = database.transaction(|sql| KeptLimiter::open(sql, "resend", limiter(10))).unwrap();
        (database, kept)
    }

    fn left(database: &mut Database, kept: &KeptLimiter) -> u32 {
        let usage = database.transaction(|sql| kept.usage(sql, NOON)).unwrap();
        usage[0].remaining
    }

    #[test]
    fn what_was_charged_is_still_charged_after_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.sqlite");
        let (mut database, kept) = open(&path);
        assert_eq!(
            database.transaction(|sql| kept.decide(sql, 10, NOON)),
            Ok::<_, KeptError>(Decision::Allow { charged_at: NOON })
        );
        drop(database);

        let (mut database, kept) = open(&path);
        let again = database.transaction(|sql| kept.decide(sql, 1, NOON)).unwrap();
        assert!(matches!(again, Decision::Defer { window: 0, .. }), "{again:?}");
        database.transaction(|sql| kept.refund(sql, 4, NOON, NOON)).unwrap();
        drop(database);

        let (mut database, kept) = open(&path);
        assert_eq!(left(&mut database, &kept), 4);
    }

    #[test]
    fn two_processes_share_one_budget() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.sqlite");
        drop(open(&path));
        let ask = || {
            let (mut database, kept) = open(&path);
            let mut one = || database.transaction(|sql| kept.decide(sql, 1, NOON)).unwrap();
            (0..10).filter(|_| matches!(one(), Decision::Allow { .. })).count()
        };
        let allowed = std::thread::scope(|scope| {
            let threads = [scope.spawn(ask), scope.spawn(ask)];
            threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(allowed, 10);
    }

    #[test]
    fn a_transaction_that_fails_after_the_decision_charges_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (mut database, kept) = open(&directory.path().join("kept.sqlite"));
        let failed = database.transaction(|sql| {
            kept.decide(sql, 10, NOON)?;
            Ok::<_, KeptError>(sql.run("INSERT INTO nowhere VALUES (1)", &[])?)
        });
        assert_eq!(failed.err().unwrap().code(), "database_statement");
        assert_eq!(left(&mut database, &kept), 10);
    }

    #[test]
    fn limiters_of_other_names_are_apart() {
        let mut database = Database::in_memory().unwrap();
        let mut named = |name| database.transaction(|sql| KeptLimiter::open(sql, name, limiter(10))).unwrap();
        let (first, second) = (named("resend"), named("postmark"));
        let charged_at = database.transaction(|sql| first.charge(sql, 10, NOON));
        assert_eq!(charged_at, Ok::<_, KeptError>(NOON));
        assert_eq!((left(&mut database, &first), left(&mut database, &second)), (0, 10));
    }

    #[test]
    fn a_row_of_another_policy_is_an_error_and_not_a_fresh_budget() {
        let mut database = Database::in_memory().unwrap();
        let kept = database.transaction(|sql| KeptLimiter::open(sql, "resend", limiter(10))).unwrap();
        database.transaction(|sql| kept.decide(sql, 10, NOON)).unwrap();
        let other = database.transaction(|sql| KeptLimiter::open(sql, "resend", limiter(11)));
        assert!(matches!(other, Err(KeptError::State(_))), "{other:?}");
    }

    #[test]
    fn a_denial_and_a_look_write_nothing() {
        let mut database = Database::in_memory().unwrap();
        let kept = database.transaction(|sql| KeptLimiter::open(sql, "resend", limiter(10))).unwrap();
        let rows = database.transaction(|sql| {
            assert_eq!(kept.decide(sql, 11, NOON)?, Decision::Reject { window: 0 });
            assert_eq!(kept.peek(sql, 10, NOON)?, Decision::Allow { charged_at: NOON });
            Ok::<_, KeptError>(sql.run("SELECT name FROM kept_limiter", &[])?)
        });
        assert!(rows.unwrap().is_empty());
    }
}
