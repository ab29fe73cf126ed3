//! The list in SQL: the source of truth, and the two checks' only witness.

use super::entry::{ACCOUNT, CLASS, Changed, DOMAIN, Entry, EntryChange, Reason, Scope};
use crate::{
    message::Class,
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

/// Which of these keys have entries in force at `now`, for whatever mail. One statement, whatever their number.
///
/// # Errors
/// The store's.
pub fn check(keys: &BTreeSet<&str>, sql: &mut dyn Sql, now: UnixMillis) -> Result<Found, SqlError> {
    let mut found = Found::default();
    if keys.is_empty() {
        return Ok(found);
    }
    let hashes: BTreeMap<String, &str> = keys.iter().map(|key| (erased_key(key), *key)).collect();
    let wanted: Vec<&str> = keys.iter().copied().chain(hashes.keys().map(String::as_str)).collect();
    let list = serde_json::to_string(&wanted).map_err(|error| SqlError(alloc::format!("{error}")))?;
    let statement = "SELECT s.address, s.scope, s.reason FROM json_each(?1) AS wanted \
                     JOIN suppression AS s ON s.address = wanted.value \
                     WHERE s.active <> 0 AND (s.expires_ms IS NULL OR s.expires_ms > ?2)";
    for row in sql.run(statement, &[Param::Text(&list), Param::Integer(now.as_i64())])? {
        let Ok([Value::Text(address), Value::Text(scope), Value::Text(reason)]) = <[Value; 3]>::try_from(row) else {
            return Err(shape());
        };
        let address = hashes.get(&address).map_or(address, |key| String::from(*key));
        found.0.entry(address).or_default().push((scope, reason));
    }
    Ok(found)
}

/// What a check found: the entries in force, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found(BTreeMap<String, Vec<(String, String)>>);

impl Found {
    /// Why mail of this class from this sending domain must not go to the address; `None` when it may.
    ///
    /// A scope that this release does not know stops the mail: what was suppressed by a later one stays so.
    #[must_use]
    pub fn reason(&self, key: &str, domain: &str, class: Class) -> Option<&str> {
        let stops = |scope: &str| match (scope.strip_prefix(DOMAIN), scope.strip_prefix(CLASS)) {
            (Some(of), _) => of.eq_ignore_ascii_case(domain),
            (None, Some(of)) => of == class.as_str() || Class::ALL.iter().all(|known| known.as_str() != of),
            (None, None) => true,
        };
        let mut stopping = self.0.get(key)?.iter().filter(|(scope, _)| stops(scope));
        let first = stopping.next()?;
        // The entry for the whole account says most; then the store's order, which is the scopes' own.
        let first =
            if first.0 == ACCOUNT { first } else { stopping.find(|(scope, _)| scope == ACCOUNT).unwrap_or(first) };
        Some(&first.1)
    }
}

/// Adds an entry, or makes the one that the address has in that scope say the same. Doing it twice is doing it once.
///
/// # Errors
/// The store's.
pub fn add(key: &str, entry: &Entry, sql: &mut dyn Sql, now: UnixMillis) -> Result<Changed, SqlError> {
    let scope = entry.scope.to_string();
    let changed = match stored(key, &scope, sql)? {
        Some(stored) if stored == row_of(entry) => return Ok(Changed::Unchanged),
        Some(_) => Changed::Updated,
        None => Changed::Added,
    };
    let statement = "INSERT INTO suppression(address, scope, reason, expires_ms, active, created_ms) \
                     VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(address, scope) DO UPDATE SET \
                     reason = excluded.reason, expires_ms = excluded.expires_ms, active = excluded.active";
    let parameters = [
        Param::Text(key),
        Param::Text(&scope),
        Param::Text(entry.reason.word()),
        entry.expires_at.map_or(Param::Null, |at| Param::Integer(at.as_i64())),
        Param::Integer(i64::from(entry.active)),
        Param::Integer(now.as_i64()),
    ];
    sql.run(statement, &parameters).map(|_| changed)
}

/// Changes an entry that is there.
///
/// # Errors
/// The store's.
pub fn update(key: &str, scope: &Scope, change: &EntryChange, sql: &mut dyn Sql) -> Result<Changed, SqlError> {
    let scope = scope.to_string();
    let Some(before) = stored(key, &scope, sql)? else { return Ok(Changed::NotFound) };
    let (reason, expires, active) = before.clone();
    let after: StoredEntry = (
        change.reason.map_or(reason, |reason| reason.word().into()),
        change.expires_at.map_or(expires, |at| at.map(UnixMillis::as_i64)),
        change.active.unwrap_or(active),
    );
    if after == before {
        return Ok(Changed::Unchanged);
    }
    let statement =
        "UPDATE suppression SET reason = ?3, expires_ms = ?4, active = ?5 WHERE address = ?1 AND scope = ?2";
    let (reason, expires, active) = &after;
    let parameters = [
        Param::Text(key),
        Param::Text(&scope),
        Param::Text(reason),
        expires.map_or(Param::Null, Param::Integer),
        Param::Integer(i64::from(*active)),
    ];
    sql.run(statement, &parameters).map(|_| Changed::Updated)
}

/// Takes an address off the list: its entry in this scope, or with `None` every entry it has. Whether there was one.
///
/// # Errors
/// The store's.
pub fn remove(key: &str, scope: Option<&Scope>, sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let scope = scope.map(ToString::to_string);
    let statement =
        "DELETE FROM suppression WHERE address IN (?1, ?3) AND (?2 IS NULL OR scope = ?2) RETURNING address";
    let scope = scope.as_deref().map_or(Param::Null, Param::Text);
    let rows = sql.run(statement, &[Param::Text(key), scope, Param::Text(&erased_key(key))])?;
    Ok(!rows.is_empty())
}

/// Keeps an address's entries under its hash in place of the address, and adds one for all mail where none stops it now.
/// Returns the word that stands for the address from now on.
///
/// # Errors
/// The store's.
pub fn erase(key: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<String, SqlError> {
    let hash = erased_key(key);
    let statement = "INSERT OR REPLACE INTO suppression(address, scope, reason, expires_ms, active, created_ms) \
                     SELECT ?2, scope, reason, expires_ms, active, created_ms FROM suppression WHERE address = ?1";
    sql.run(statement, &[Param::Text(key), Param::Text(&hash)])?;
    sql.run("DELETE FROM suppression WHERE address = ?1", &[Param::Text(key)])?;
    let entries = entries(&hash, sql)?;
    let stops_all = |entry: &Entry| entry.scope == Scope::Account && entry.active && entry.expires_at.is_none();
    if !entries.iter().any(stops_all) {
        add(&hash, &Entry::of(Reason::Manual), sql, now)?;
    }
    Ok(hash)
}

/// The word under which an erased address stays on the list.
#[must_use]
pub fn erased_key(key: &str) -> String {
    [ERASED, &crate::key::fingerprint(key.as_bytes())].concat()
}

/// Whether a text is such a word: an export of the list holds them, and an import takes them.
#[must_use]
pub fn is_erased_key(text: &str) -> bool {
    let is_hex =
        |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    text.strip_prefix(ERASED).is_some_and(is_hex)
}

/// No address begins so: a colon stands in none without quotes.
const ERASED: &str = "sha256:";

/// Every entry of an address, expired and inactive ones too, in the order of their scopes.
///
/// # Errors
/// The store's, or an entry whose words this release does not know.
pub fn entries(key: &str, sql: &mut dyn Sql) -> Result<Vec<Entry>, SqlError> {
    let statement = "SELECT scope, reason, expires_ms, active FROM suppression WHERE address = ?1 ORDER BY scope";
    let entry = |row: Vec<Value>| {
        let row = <[Value; 4]>::try_from(row).ok()?;
        let [Value::Text(scope), Value::Text(reason), expires, Value::Integer(active)] = row else { return None };
        Some(Entry {
            scope: Scope::parse(&scope).ok()?,
            reason: Reason::from_word(&reason)?,
            expires_at: instant(&expires)?,
            active: active != 0,
        })
    };
    sql.run(statement, &[Param::Text(key)])?.into_iter().map(|row| entry(row).ok_or_else(shape)).collect()
}

/// An entry's reason, its end in milliseconds and whether it is active, as stored.
type StoredEntry = (String, Option<i64>, bool);

fn row_of(entry: &Entry) -> StoredEntry {
    (entry.reason.word().into(), entry.expires_at.map(UnixMillis::as_i64), entry.active)
}

fn stored(key: &str, scope: &str, sql: &mut dyn Sql) -> Result<Option<StoredEntry>, SqlError> {
    let statement = "SELECT reason, expires_ms, active FROM suppression WHERE address = ?1 AND scope = ?2";
    let Some(row) = sql.run(statement, &[Param::Text(key), Param::Text(scope)])?.into_iter().next() else {
        return Ok(None);
    };
    match <[Value; 3]>::try_from(row) {
        Ok([Value::Text(reason), Value::Integer(expires), Value::Integer(active)]) => {
            Ok(Some((reason, Some(expires), active != 0)))
        }
        Ok([Value::Text(reason), Value::Null, Value::Integer(active)]) => Ok(Some((reason, None, active != 0))),
        Ok(_) | Err(_) => Err(shape()),
    }
}

/// An end as stored: `None` when the value is no instant, `Some(None)` when there is no end.
fn instant(value: &Value) -> Option<Option<UnixMillis>> {
    match value {
        Value::Null => Some(None),
        Value::Integer(at) => u64::try_from(*at).ok().map(|at| Some(UnixMillis::new(at))),
        Value::Text(_) | Value::Blob(_) => None,
    }
}

pub(super) fn shape() -> SqlError {
    SqlError("a suppression row has another shape".into())
}
