//! A SQLite file behind the core's [`Sql`] trait.
//!
//! Statements run only inside [`Database::transaction`]: there is no way to write half of what a verb decided. The
//! write lock is taken when a transaction begins, so that two processes on one file decide one after the other and
//! never on the same state.

use core::{fmt, time::Duration};
use rusqlite::{
    ToSql, Transaction, TransactionBehavior,
    types::{ToSqlOutput, ValueRef},
};
use sendgate_core::sql::{Param, Row, Sql, SqlError, Value};
use std::path::{Path, PathBuf};

/// A SQLite database, on a file or in memory.
pub struct Database {
    connection: rusqlite::Connection,
}

impl Database {
    /// Opens the file, and creates it when there is none.
    ///
    /// The file is put into WAL mode with `synchronous = FULL`: what was committed is on the disk before the call
    /// returns. Another process holding the write lock is waited for up to five seconds.
    ///
    /// # Errors
    /// [`DatabaseError::Open`] when the file cannot be opened, made or is no database.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = rusqlite::Connection::open(path).map_err(opening)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(opening)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(opening)?;
        connection.pragma_update(None, "synchronous", "full").map_err(opening)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(opening)?;
        Ok(Self { connection })
    }

    /// A database that ends with the value: for tests and dry runs.
    ///
    /// # Errors
    /// [`DatabaseError::Open`] when SQLite cannot allocate it.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        let connection = rusqlite::Connection::open_in_memory().map_err(opening)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(opening)?;
        Ok(Self { connection })
    }

    /// Runs `work` in one transaction: everything it wrote is committed, or nothing is.
    ///
    /// The write lock is held from the first statement on, so what `work` reads stays true until it has written.
    /// A transaction that is dropped by a panic in `work` is rolled back.
    ///
    /// # Errors
    /// The error of `work` after a rollback, or [`DatabaseError`] by way of `E` when SQLite cannot begin or commit.
    pub fn transaction<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection<'_>) -> Result<T, E>,
        E: From<DatabaseError>,
    {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior).map_err(beginning)?;
        let mut open = Connection { transaction };
        let result = work(&mut open)?;
        open.transaction.commit().map_err(committing)?;
        Ok(result)
    }
}

impl Database {
    /// Runs `work` on one state of the file without the write lock: nobody is waited for, and nobody waits.
    ///
    /// # Errors
    /// The error of `work`, or [`DatabaseError`] by way of `E`. A statement that writes is rolled back.
    pub fn read<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection<'_>) -> Result<T, E>,
        E: From<DatabaseError>,
    {
        let behavior = TransactionBehavior::Deferred;
        let transaction = self.connection.transaction_with_behavior(behavior).map_err(beginning)?;
        work(&mut Connection { transaction })
    }

    /// The file's whole path; `None` when there is no file.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.connection.path().filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// A number that is another one after any other connection wrote to the file, in this process or another.
    ///
    /// # Errors
    /// [`DatabaseError::Begin`] when the file cannot be read.
    pub fn data_version(&mut self) -> Result<i64, DatabaseError> {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(beginning)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// The inside of a transaction: what the core's verbs are given.
pub struct Connection<'a> {
    transaction: Transaction<'a>,
}

impl Connection<'_> {
    /// Rows that this connection has inserted, changed or deleted since it was opened: what the difference of two counts
    /// says is whether anything was written between them.
    #[must_use]
    pub fn changed_rows(&self) -> u64 {
        self.transaction.total_changes()
    }
}

impl Sql for Connection<'_> {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let mut prepared = self.transaction.prepare_cached(statement).map_err(refused)?;
        let columns = prepared.column_count();
        let bound = rusqlite::params_from_iter(parameters.iter().copied().map(Bound));
        let mut cursor = prepared.query(bound).map_err(refused)?;
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().map_err(refused)? {
            rows.push(
                (0..columns).map(|column| value(row.get_ref(column).map_err(refused)?)).collect::<Result<_, _>>()?,
            );
        }
        Ok(rows)
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// Why the file could not serve. The text names SQLite's reason, and never what a statement carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DatabaseError {
    /// The file cannot be opened or is no database.
    Open(String),
    /// A transaction could not begin, most often because another process held the lock for too long.
    Begin(String),
    /// A transaction could not be committed; nothing of it was written.
    Commit(String),
}

impl DatabaseError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open(_) => "database_open",
            Self::Begin(_) => "database_begin",
            Self::Commit(_) => "database_commit",
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(reason) => write!(f, "the database cannot be opened: {reason}"),
            Self::Begin(reason) => write!(f, "no transaction could begin: {reason}"),
            Self::Commit(reason) => write!(f, "the transaction could not be committed: {reason}"),
        }
    }
}

impl std::error::Error for DatabaseError {}

impl From<DatabaseError> for SqlError {
    fn from(error: DatabaseError) -> Self {
        Self(error.to_string())
    }
}

struct Bound<'a>(Param<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Param::Null => ValueRef::Null,
            Param::Integer(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The core's schema has no real columns: one that turns up is a row of another shape.
fn value(column: ValueRef<'_>) -> Result<Value, SqlError> {
    match column {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(text) => {
            let text = str::from_utf8(text).map_err(|_| SqlError("a text column is not UTF-8".into()))?;
            Ok(Value::Text(text.into()))
        }
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.into())),
        ValueRef::Real(_) => Err(SqlError("a column holds a floating-point number".into())),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn refused(error: rusqlite::Error) -> SqlError {
    SqlError(reason(&error))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn opening(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::Open(reason(&error))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn beginning(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::Begin(reason(&error))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn committing(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::Commit(reason(&error))
}

/// SQLite's words for its result code, and the code, which says more (1299: a NOT NULL constraint). rusqlite's own text
/// for some errors holds the statement or the path, which may name people.
fn reason(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(code) => {
            let text = rusqlite::ffi::code_to_str(code.extended_code);
            format!("{text} (SQLite result code {})", code.extended_code)
        }
        None => "the statement and its parameters do not fit".into(),
    }
}

/// Long enough for any transaction of ours (milliseconds each), short enough that a stuck process is noticed.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn count(database: &mut Database) -> Value {
        let rows = database.transaction(|sql| sql.run("SELECT count(*) FROM note", &[])).unwrap();
        rows[0][0].clone()
    }

    fn add(sql: &mut Connection<'_>, text: &str) -> Result<Vec<Row>, SqlError> {
        sql.run("INSERT INTO note (text) VALUES (?1)", &[Param::Text(text)])
    }

    fn with_table(path: &Path) -> Database {
        let mut database = Database::open(path).unwrap();
        database.transaction(|sql| sql.run("CREATE TABLE IF NOT EXISTS note (text TEXT NOT NULL)", &[])).unwrap();
        database
    }

    #[test]
    fn every_kind_of_parameter_comes_back_as_it_went() {
        let mut database = Database::in_memory().unwrap();
        let sent = [Param::Null, Param::Integer(-(1 << 53)), Param::Text("Zoë\0x"), Param::Blob(&[0, 255])];
        let rows = database.transaction(|sql| sql.run("SELECT ?1, ?2, ?3, ?4", &sent)).unwrap();
        let want = vec![
            Value::Null,
            Value::Integer(-9_007_199_254_740_992),
            Value::Text("Zoë\0x".into()),
            Value::Blob(vec![0, 255]),
        ];
        assert!(rows == vec![want]);
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.sqlite");
        let mut database = with_table(&path);
        database.transaction(|sql| add(sql, "one")).unwrap();
        drop(database);
        assert!(count(&mut Database::open(&path).unwrap()) == Value::Integer(1));
    }

    #[test]
    fn an_error_rolls_everything_back_and_the_database_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = with_table(&directory.path().join("kept.sqlite"));
        let failed = database.transaction(|sql| {
            add(sql, "one")?;
            add(sql, "two")?;
            sql.run("INSERT INTO note (text) VALUES (NULL)", &[])
        });
        assert_eq!(failed.err().unwrap().0, "constraint failed (SQLite result code 1299)");
        assert!(count(&mut database) == Value::Integer(0));
        database.transaction(|sql| add(sql, "three")).unwrap();
        assert!(count(&mut database) == Value::Integer(1));
    }

    #[test]
    fn a_panic_inside_rolls_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.sqlite");
        let mut database = with_table(&path);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.transaction::<(), SqlError, _>(|sql| {
                add(sql, "one")?;
                panic!("a test's own");
            })
        }));
        assert!(caught.is_err());
        assert!(count(&mut Database::open(&path).unwrap()) == Value::Integer(0));
    }

    #[test]
    fn a_second_connection_waits_for_the_first_transaction_and_then_sees_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.sqlite");
        let mut first = with_table(&path);
        let (begun, has_begun) = mpsc::channel();
        let other = {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut second = Database::open(&path).unwrap();
                has_begun.recv().unwrap();
                count(&mut second)
            })
        };
        first
            .transaction::<_, SqlError, _>(|sql| {
                begun.send(()).unwrap();
                add(sql, "one")
            })
            .unwrap();
        assert!(other.join().unwrap() == Value::Integer(1));
    }

    #[test]
    fn a_statement_of_another_shape_is_an_error_without_its_text() {
        let mut database = Database::in_memory().unwrap();
        let ask = |database: &mut Database, statement: &str, parameters: &[Param<'_>]| {
            database.transaction(|sql| sql.run(statement, parameters)).err().unwrap().0
        };
        let text = ask(&mut database, "SELECT 'ann@example.com' FROM nowhere", &[]);
        assert!(!text.contains("example.com"), "{text}");
        assert_eq!(ask(&mut database, "SELECT 0.5", &[]), "a column holds a floating-point number");
        let text = ask(&mut database, "SELECT 1", &[Param::Integer(1)]);
        assert_eq!(text, "the statement and its parameters do not fit");
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ann@example.com.txt");
        std::fs::write(&path, "these are four lines of text, and not a database at all".repeat(40)).unwrap();
        let error = Database::open(&path).unwrap_err();
        assert_eq!(error.code(), "database_open");
        assert!(!error.to_string().contains("example.com"), "{error}");
    }
}
