//! `GET /v1/suppressions`, `GET` and `PATCH /v1/suppressions/{email}`: looking at the list and changing single entries.

use super::{
    super::{
        Reply,
        query::{Query, wrong},
    },
    address_of, flag, flaw, instant, read, reason, refuse,
};
use crate::{
    front::Pass,
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    suppression::{self, Changed, EntryChange, EntryStatus, Filter, Listed, Reason, Scope},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry as it is shown.
#[derive(Serialize)]
pub(super) struct View {
    pub(super) email: String,
    pub(super) reason: String,
    pub(super) scope: String,
    pub(super) status: &'static str,
    pub(super) active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<String>,
    pub(super) created_at: String,
}

#[derive(Serialize)]
pub(super) struct Page {
    pub(super) suppressions: Vec<View>,
    /// The `after` of the next page; `null` at the end.
    pub(super) next: Option<String>,
}

impl View {
    pub(super) fn of(listed: Listed, now: UnixMillis) -> Self {
        Self {
            status: listed.status(now).word(),
            email: listed.address,
            reason: listed.reason,
            scope: listed.scope,
            active: listed.active,
            expires_at: listed.expires_at.map(|at| at.to_string()),
            created_at: listed.created_at.to_string(),
        }
    }
}

/// A page of the list.
pub(in super::super) fn list(pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    match asked(&pass.query, PAGE, MOST, &[]) {
        Err(problem) => refuse(&problem, pass, now),
        Ok(asked) => {
            let (entries, next) = match fetch(&asked, sql, now)? {
                Ok(page) => page,
                Err(problem) => return refuse(&problem, pass, now),
            };
            let suppressions = entries.into_iter().map(|entry| View::of(entry, now)).collect();
            json(&Page { suppressions, next })
        }
    }
}

/// Every entry of one address.
pub(in super::super) fn one(address: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let entries = match address_of(address) {
        Some(key) => suppression::of_address(&key, sql)?,
        None => Vec::new(),
    };
    if entries.is_empty() {
        return refuse(&not_listed(), pass, now);
    }
    json(&Page { suppressions: entries.into_iter().map(|entry| View::of(entry, now)).collect(), next: None })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    reason: Option<Value>,
    /// `null` means for ever, which is not the same as absent.
    #[serde(default, deserialize_with = "given")]
    expires_at: Option<Value>,
    active: Option<Value>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Changes the entry that an address has in one scope (`?scope=`, the whole account's when it is not given).
pub(in super::super) fn change(
    address: &str,
    pass: &Pass,
    body: &[u8],
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Reply, SqlError> {
    let scope = match Query::read(&pass.query, &["scope"]).and_then(|query| scope_of(&query)) {
        Ok(scope) => scope.unwrap_or_default(),
        Err(problem) => return refuse(&problem, pass, now),
    };
    let change = match judged(body, now) {
        Ok(change) => change,
        Err(problem) => return refuse(&problem, pass, now),
    };
    let Some(key) = address_of(address) else { return refuse(&not_listed(), pass, now) };
    match suppression::update(&key, &scope, &change, sql)? {
        Changed::NotFound => refuse(&not_listed(), pass, now),
        Changed::Added | Changed::Updated | Changed::Unchanged => {
            let scope = scope.to_string();
            let changed = suppression::of_address(&key, sql)?.into_iter().find(|entry| entry.scope == scope);
            match changed {
                Some(entry) => json(&View::of(entry, now)),
                None => refuse(&not_listed(), pass, now),
            }
        }
    }
}

fn judged(body: &[u8], now: UnixMillis) -> Result<EntryChange, Problem> {
    let change: Change = serde_json::from_slice(body)
        .map_err(|_| Problem::new(Code::InvalidSuppression, "want an object of reason, expires_at and active"))?;
    let mut flaws = Vec::new();
    let expires_at = match &change.expires_at {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => read("expires_at", value, instant, &mut flaws).map(Some),
    };
    if expires_at.flatten().is_some_and(|at| at <= now) {
        flaws.push(flaw("expires_at", "expired", "must be in the future".into()));
    }
    let judged = EntryChange {
        reason: change.reason.as_ref().and_then(|value| read("reason", value, reason, &mut flaws)),
        expires_at,
        active: change.active.as_ref().and_then(|value| read("active", value, flag, &mut flaws)),
    };
    if flaws.is_empty() {
        return Ok(judged);
    }
    let detail = flaws.first().map_or_else(String::new, |flaw| format!("{}: {}", flaw.field, flaw.detail));
    Err(Problem { errors: flaws, ..Problem::new(Code::InvalidSuppression, detail) })
}

/// What a page is asked for.
pub(super) struct Asked {
    filter: Filter,
    after: Option<String>,
    limit: u64,
    pub(super) query: Query,
}

/// Reads the filters of a page, and `more` parameters of its route.
pub(super) fn asked(query: &str, usual: u64, most: u64, more: &[&str]) -> Result<Asked, Problem> {
    let query = Query::read(query, &[&FILTERS[..], more].concat())?;
    let reasons = Reason::ALL.map(|reason| (reason.word(), reason.word()));
    let filter = Filter {
        reason: query.word("reason", &reasons)?,
        scope: scope_of(&query)?,
        status: query.word("status", &EntryStatus::ALL.map(|status| (status.word(), status)))?,
        created_from: query.instant("created_from")?,
        created_before: query.instant("created_before")?,
        contains: query.text("contains").filter(|part| !part.is_empty()).map(str::to_lowercase),
    };
    let limit = query.number("limit", usual, most, 1)?;
    Ok(Asked { filter, after: query.text("after").map(String::from), limit, query })
}

/// The entries, and the cursor of the next page when there may be one.
#[allow(clippy::type_complexity, reason = "a page or a refusal, or the store's error")]
pub(super) fn fetch(
    asked: &Asked,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Result<(Vec<Listed>, Option<String>), Problem>, SqlError> {
    let page = suppression::page(&asked.filter, asked.after.as_deref(), asked.limit, sql, now)?;
    let Some(entries) = page else { return Ok(Err(wrong("after", "must be the next of an earlier page"))) };
    let is_full = u64::try_from(entries.len()).is_ok_and(|length| length == asked.limit);
    let next = entries.last().filter(|_| is_full).map(Listed::cursor);
    Ok(Ok((entries, next)))
}

fn scope_of(query: &Query) -> Result<Option<Scope>, Problem> {
    query.text("scope").map(|text| Scope::parse(text).map_err(|error| wrong("scope", &error.to_string()))).transpose()
}

fn not_listed() -> Problem {
    Problem::new(Code::NotFound, "the address has no such entry on the list")
}

pub(super) fn json(view: &impl Serialize) -> Result<Reply, SqlError> {
    serde_json::to_vec(view).map(|body| Reply::json(200, body)).map_err(|error| SqlError(error.to_string()))
}

const FILTERS: [&str; 8] =
    ["reason", "scope", "status", "created_from", "created_before", "contains", "after", "limit"];
/// Entries on a page when nothing is said.
const PAGE: u64 = 100;
/// The most on a page.
const MOST: u64 = 1_000;
