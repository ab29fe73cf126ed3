//! The list a page at a time, in an order that writing does not disturb.

use super::{Scope, list::shape};
use crate::{
    key::{hex, unhex},
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Which entries are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The reason's word.
    pub reason: Option<&'static str>,
    /// The scope.
    pub scope: Option<Scope>,
    /// Whether it stops anything now.
    pub status: Option<EntryStatus>,
    /// Not older than this.
    pub created_from: Option<UnixMillis>,
    /// Older than this.
    pub created_before: Option<UnixMillis>,
    /// A part of the address, in lower case.
    pub contains: Option<String>,
}

/// Whether an entry stops anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryStatus {
    /// It does.
    Active,
    /// It was switched off.
    Inactive,
    /// Its time is over.
    Expired,
}

impl EntryStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Expired];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Expired => "expired",
        }
    }
}

/// An entry as it is stored, with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The address's key.
    pub address: String,
    /// The scope as it is written.
    pub scope: String,
    /// The reason's word.
    pub reason: String,
    /// Its end.
    pub expires_at: Option<UnixMillis>,
    /// Whether it is switched on.
    pub active: bool,
    /// When it was put on the list.
    pub created_at: UnixMillis,
}

impl Listed {
    /// Whether it stops anything at `now`.
    #[must_use]
    pub fn status(&self, now: UnixMillis) -> EntryStatus {
        match (self.active, self.expires_at) {
            (false, _) => EntryStatus::Inactive,
            (true, Some(end)) if end <= now => EntryStatus::Expired,
            (true, _) => EntryStatus::Active,
        }
    }

    /// Where the next page begins, as a word for URLs.
    #[must_use]
    pub fn cursor(&self) -> String {
        hex([self.address.as_str(), "\n", &self.scope].concat().as_bytes())
    }
}

/// At most `limit` entries after a cursor, in the order of addresses and scopes: an entry that is added or removed meanwhile
/// moves no other onto another page.
///
/// # Errors
/// The store's. The outer `None` means that the cursor is none.
pub fn page(
    filter: &Filter,
    after: Option<&str>,
    limit: u64,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Option<Vec<Listed>>, SqlError> {
    let Some((address, scope)) = position(after) else { return Ok(None) };
    let wanted_scope = filter.scope.as_ref().map(ToString::to_string);
    let text = |text: Option<&'static str>| text.map_or(Param::Null, Param::Text);
    let owned = |text: &Option<String>| text.is_some();
    let integer = |at: Option<UnixMillis>| at.map_or(Param::Null, |at| Param::Integer(at.as_i64()));
    let statement = "SELECT address, scope, reason, expires_ms, active, created_ms FROM suppression \
         WHERE (address, scope) > (?1, ?2) AND (?3 IS NULL OR reason = ?3) AND (?4 IS NULL OR scope = ?4) \
         AND (?5 IS NULL OR ?5 = CASE WHEN active = 0 THEN 'inactive' WHEN expires_ms <= ?6 THEN 'expired' ELSE 'active' END) \
         AND (?7 IS NULL OR created_ms >= ?7) AND (?8 IS NULL OR created_ms < ?8) \
         AND (?9 IS NULL OR instr(address, ?9) > 0) ORDER BY address, scope LIMIT ?10";
    let parameters = [
        Param::Text(&address),
        Param::Text(&scope),
        text(filter.reason),
        if owned(&wanted_scope) { Param::Text(wanted_scope.as_deref().unwrap_or_default()) } else { Param::Null },
        text(filter.status.map(EntryStatus::word)),
        Param::Integer(now.as_i64()),
        integer(filter.created_from),
        integer(filter.created_before),
        filter.contains.as_deref().map_or(Param::Null, Param::Text),
        Param::Integer(i64::try_from(limit).unwrap_or(i64::MAX)),
    ];
    sql.run(statement, &parameters)?.into_iter().map(listed).collect::<Result<_, _>>().map(Some)
}

/// Every entry of an address, in the order of their scopes.
///
/// # Errors
/// The store's.
pub fn of_address(key: &str, sql: &mut dyn Sql) -> Result<Vec<Listed>, SqlError> {
    let statement = "SELECT address, scope, reason, expires_ms, active, created_ms FROM suppression \
         WHERE address = ?1 ORDER BY scope";
    sql.run(statement, &[Param::Text(key)])?.into_iter().map(listed).collect()
}

fn position(after: Option<&str>) -> Option<(String, String)> {
    let Some(after) = after else { return Some(Default::default()) };
    let text = String::from_utf8(unhex(after)?).ok()?;
    let (address, scope) = text.split_once('\n')?;
    Some((address.into(), scope.into()))
}

fn listed(row: Row) -> Result<Listed, SqlError> {
    let Ok(
        [
            Value::Text(address),
            Value::Text(scope),
            Value::Text(reason),
            expires,
            Value::Integer(active),
            Value::Integer(created),
        ],
    ) = <[Value; 6]>::try_from(row)
    else {
        return Err(shape());
    };
    let instant = |at: i64| UnixMillis::new(u64::try_from(at).unwrap_or_default());
    let expires_at = match expires {
        Value::Integer(at) => Some(instant(at)),
        Value::Null => None,
        Value::Text(_) | Value::Blob(_) => return Err(shape()),
    };
    Ok(Listed { address, scope, reason, expires_at, active: active != 0, created_at: instant(created) })
}
