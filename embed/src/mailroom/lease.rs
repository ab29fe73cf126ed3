//! The two rows that processes on one file agree by: how often the file was changed, and who delivers.
//!
//! Both are read and written inside the transaction of the verb that asks, which holds the write lock. So of two
//! processes that find the lease free one takes it, and a generation that was read stays true until the verb has written.

use sendgate_core::{
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};

/// Who delivers, and until when it is known to live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) owner: String,
    pub(super) until: UnixMillis,
}

impl Lease {
    /// Whether another one than `token` may deliver now.
    pub(super) fn stops(&self, token: &str, now: UnixMillis) -> bool {
        self.owner != token && now < self.until
    }
}

pub(super) fn create(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run(TABLE, &[]).map(|_| ())
}

/// How often the file was changed by the verbs of Mailrooms.
pub(super) fn generation(sql: &mut dyn Sql) -> Result<i64, SqlError> {
    Ok(row(GENERATION, sql)?.map_or(0, |(_, number)| number))
}

pub(super) fn advance(generation: i64, sql: &mut dyn Sql) -> Result<(), SqlError> {
    write(GENERATION, "", generation, sql)
}

/// The lease, if one was ever taken and not given back.
pub(super) fn read(sql: &mut dyn Sql) -> Result<Option<Lease>, SqlError> {
    let Some((owner, until)) = row(LEASE, sql)? else { return Ok(None) };
    let until = UnixMillis::new(u64::try_from(until).unwrap_or_default());
    Ok((!owner.is_empty()).then_some(Lease { owner, until }))
}

pub(super) fn take(token: &str, until: UnixMillis, sql: &mut dyn Sql) -> Result<(), SqlError> {
    write(LEASE, token, until.as_i64(), sql)
}

/// Gives the lease back, unless it is another one's by now.
pub(super) fn give_back(token: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM mailroom_host WHERE name = ?1 AND owner = ?2", &[Param::Text(LEASE), Param::Text(token)])
        .map(|_| ())
}

fn row(name: &str, sql: &mut dyn Sql) -> Result<Option<(String, i64)>, SqlError> {
    let rows = sql.run("SELECT owner, number FROM mailroom_host WHERE name = ?1", &[Param::Text(name)])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(owner), Value::Integer(number)]) => Ok(Some((owner, number))),
        Ok(_) | Err(_) => Err(SqlError("a row of mailroom_host has another shape".into())),
    }
}

fn write(name: &str, owner: &str, number: i64, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let statement = "INSERT INTO mailroom_host(name, owner, number) VALUES(?1, ?2, ?3) \
                     ON CONFLICT(name) DO UPDATE SET owner = ?2, number = ?3";
    sql.run(statement, &[Param::Text(name), Param::Text(owner), Param::Integer(number)]).map(|_| ())
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS mailroom_host(\
     name TEXT PRIMARY KEY, owner TEXT NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID";
const GENERATION: &str = "generation";
const LEASE: &str = "lease";
