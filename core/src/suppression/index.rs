//! The list kept in memory beside its table, for hosts that ask more often than a store should be.

use super::{
    list::shape,
    set::{SuppressionSet, TooManyEntries},
};
use crate::sql::{Param, Sql, SqlError, Value};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What an index says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// All mail to it is suppressed.
    Suppressed,
    /// It has entries for some mail or for some time: ask the list, [`check`](super::check).
    Ask,
    /// It has no active entry. Nothing needs to be asked.
    Clear,
}

/// Two sets over the list of one account.
///
/// An active entry for the whole account without an end is in one set, and answers for itself. Every other active entry,
/// with a scope or an end, puts its address into the second set, and the list is asked. So the index says
/// [`Lookup::Clear`] of nobody whom the list suppresses, at any time and for any mail, as long as every change of the
/// list is followed by [`SuppressionIndex::refresh`]. It is not saved: an index loaded from yesterday's bytes would not know today's entries.
#[derive(Clone, Debug)]
pub struct SuppressionIndex {
    certain: SuppressionSet,
    ask: SuppressionSet,
}

/// Why an index cannot be made or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexError {
    /// The store failed.
    Store(SqlError),
    /// The list is longer than an index holds.
    TooMany(TooManyEntries),
}

impl IndexError {
    /// Every code there is.
    pub const CODES: [&'static str; 2] = ["store", "too_many_entries"];

    /// The stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::TooMany(error) => error.code(),
        }
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::TooMany(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for IndexError {}

impl From<SqlError> for IndexError {
    fn from(error: SqlError) -> Self {
        Self::Store(error)
    }
}

impl From<TooManyEntries> for IndexError {
    fn from(error: TooManyEntries) -> Self {
        Self::TooMany(error)
    }
}

impl SuppressionIndex {
    /// Reads the whole list, ten thousand entries at a time, inside one transaction. The key is as in
    /// [`SuppressionSet::builder`].
    ///
    /// # Errors
    /// An [`IndexError`].
    pub fn load(key: [u8; 16], sql: &mut dyn Sql) -> Result<Self, IndexError> {
        let (mut certain, mut ask) = (SuppressionSet::builder(key), SuppressionSet::builder(key));
        let (mut address, mut scope) = (String::new(), String::new());
        loop {
            let after = [Param::Text(&address), Param::Text(&scope), Param::Integer(PAGE)];
            let rows = sql.run(PAGES, &after)?;
            if rows.is_empty() {
                return Ok(Self { certain: certain.build()?, ask: ask.build()? });
            }
            for row in rows {
                let standing = standing(&row)?;
                (address, scope) = place(row)?;
                match standing {
                    Lookup::Suppressed => certain.push(&address),
                    Lookup::Ask => ask.push(&address),
                    Lookup::Clear => {}
                }
            }
        }
    }

    /// What the list says of an address, as far as the index knows.
    #[must_use]
    pub fn lookup(&self, address: &str) -> Lookup {
        // Both sets have the same key, so one hash serves them.
        let tag = self.certain.tag(address);
        if self.certain.contains_tag(tag) {
            Lookup::Suppressed
        } else if self.ask.contains_tag(tag) {
            Lookup::Ask
        } else {
            Lookup::Clear
        }
    }

    /// Brings one address up to the list, after whatever changed of it. Call it when the change is committed; after a
    /// transaction that may or may not have been, it is right either way.
    ///
    /// # Errors
    /// An [`IndexError`]; the index then still says what it said, and must be loaded anew if it cannot be refreshed.
    pub fn refresh(&mut self, address: &str, sql: &mut dyn Sql) -> Result<(), IndexError> {
        let rows = sql.run(ENTRIES, &[Param::Text(address)])?;
        let standings: Vec<Lookup> = rows.iter().map(|row| standing(row)).collect::<Result<_, _>>()?;
        for (set, of) in [(&mut self.certain, Lookup::Suppressed), (&mut self.ask, Lookup::Ask)] {
            if standings.contains(&of) {
                set.add(address)?;
            } else {
                set.remove(address);
            }
        }
        Ok(())
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.certain.memory_bytes() + self.ask.memory_bytes()
    }
}

/// What one entry makes of its address. The row ends with scope, end and activity.
fn standing(row: &[Value]) -> Result<Lookup, SqlError> {
    match row {
        [_, _, _, Value::Integer(0)] => Ok(Lookup::Clear),
        [_, Value::Text(scope), Value::Null, Value::Integer(_)] if scope == super::entry::ACCOUNT => {
            Ok(Lookup::Suppressed)
        }
        [_, Value::Text(_), Value::Null | Value::Integer(_), Value::Integer(_)] => Ok(Lookup::Ask),
        _ => Err(shape()),
    }
}

fn place(row: Vec<Value>) -> Result<(String, String), SqlError> {
    match <[Value; 4]>::try_from(row) {
        Ok([Value::Text(address), Value::Text(scope), _, _]) => Ok((address, scope)),
        Ok(_) | Err(_) => Err(shape()),
    }
}

const PAGES: &str = "SELECT address, scope, expires_ms, active FROM suppression \
                     WHERE (address, scope) > (?1, ?2) ORDER BY address, scope LIMIT ?3";
const ENTRIES: &str = "SELECT address, scope, expires_ms, active FROM suppression WHERE address = ?1";
/// Entries read by one statement: a megabyte or so of rows.
const PAGE: i64 = 10_000;
