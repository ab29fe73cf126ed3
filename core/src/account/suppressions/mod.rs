//! The routes under `/v1/suppressions`. Adding and removing one address is here, the rest in the files beside.

mod export;
mod import;
mod imports;
mod manage;
mod rows;

pub use import::{Begun, Ended, Import, comes_in_pieces};

pub(super) use export::export;
pub(super) use import::import;
pub(super) use imports::{interrupt, list as list_imports, one as one_import, open};
pub(super) use manage::{change, list, one};

use super::{
    Reply,
    query::{Query, wrong},
};
use crate::{
    address::Address,
    front::Pass,
    problem::{Code, Flaw, Problem},
    sql::{Sql, SqlError},
    suppression::{self, Entry, Reason, Scope},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

/// The fields as they come: each is judged by itself, so that an error can name it. Null is the same as absent.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    email: Option<Value>,
    reason: Option<Value>,
    scope: Option<Value>,
    expires_at: Option<Value>,
    active: Option<Value>,
    /// What an entry is shown with and nobody sets.
    status: Option<IgnoredAny>,
    created_at: Option<IgnoredAny>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    email: &'a str,
    reason: Reason,
    scope: String,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// Puts an address on the list, or changes what its entry in that scope says. Doing it twice is doing it once.
pub(super) fn add(pass: &Pass, body: &[u8], sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let refuse = |problem: &Problem| Ok(Reply::problem(problem, &pass.request_id, None, now));
    let wanted = match serde_json::from_slice::<Wanted>(body) {
        Ok(wanted) if wanted.status.is_none() && wanted.created_at.is_none() => wanted,
        Ok(_) => return refuse(&Problem::new(Code::InvalidSuppression, FIELDS)),
        // The parser's own words could hold a field's name, and a caller's mistake can put an address there.
        Err(error) if error.is_data() => return refuse(&Problem::new(Code::InvalidSuppression, FIELDS)),
        Err(error) => {
            let detail = format!("not JSON at line {} column {}", error.line(), error.column());
            return refuse(&Problem::new(Code::InvalidSuppression, detail));
        }
    };
    let (key, entry) = match judge(&wanted, now) {
        Ok(judged) => judged,
        Err(errors) => {
            let detail = errors.first().map_or_else(String::new, |flaw| format!("{}: {}", flaw.field, flaw.detail));
            return refuse(&Problem { errors, ..Problem::new(Code::InvalidSuppression, detail) });
        }
    };
    suppression::add(&key, &entry, sql, now)?;
    let view = EntryView {
        email: &key,
        reason: entry.reason,
        scope: entry.scope.to_string(),
        active: entry.active,
        expires_at: entry.expires_at.map(|at| at.to_string()),
    };
    Ok(Reply::json(200, serde_json::to_vec(&view).map_err(|error| SqlError(error.to_string()))?))
}

/// Takes an address off the list: its entry in the scope that `?scope=` names, or all entries it has.
pub(super) fn remove(address: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let scope = Query::read(&pass.query, &["scope"]).and_then(|query| {
        let read = |text| Scope::parse(text).map_err(|error| wrong("scope", &error.to_string()));
        query.text("scope").map(read).transpose()
    });
    let scope = match scope {
        Ok(scope) => scope,
        Err(problem) => return refuse(&problem, pass, now),
    };
    let removed = match address_of(address) {
        Some(key) => suppression::remove(&key, scope.as_ref(), sql)?,
        None => false,
    };
    if removed {
        return Ok(Reply::json(204, Vec::new()));
    }
    let problem = Problem::new(Code::NotFound, "the address is not on the list");
    Ok(Reply::problem(&problem, &pass.request_id, None, now))
}

/// The key of an address in a path.
fn address_of(segment: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
    Address::parse(&decoded).ok().map(|address| address.key())
}

fn refuse(problem: &Problem, pass: &Pass, now: UnixMillis) -> Result<Reply, SqlError> {
    Ok(Reply::problem(problem, &pass.request_id, None, now))
}

/// The address's key and the entry, or everything that is wrong.
fn judge(wanted: &Wanted, now: UnixMillis) -> Result<(String, Entry), Vec<Flaw>> {
    let mut flaws = Vec::new();
    let key = match &wanted.email {
        Some(email) => read("email", email, address, &mut flaws),
        None => {
            flaws.push(flaw("email", "missing_field", "must be given".into()));
            None
        }
    };
    let entry = Entry {
        scope: optional("scope", wanted.scope.as_ref(), scope, &mut flaws).unwrap_or_default(),
        reason: optional("reason", wanted.reason.as_ref(), reason, &mut flaws).unwrap_or(Reason::Manual),
        expires_at: optional("expires_at", wanted.expires_at.as_ref(), instant, &mut flaws),
        active: optional("active", wanted.active.as_ref(), flag, &mut flaws).unwrap_or(true),
    };
    if entry.expires_at.is_some_and(|at| at <= now) {
        flaws.push(flaw("expires_at", "expired", "must be in the future".into()));
    }
    match key {
        Some(key) if flaws.is_empty() => Ok((key, entry)),
        Some(_) | None => Err(flaws),
    }
}

/// Reads a field's value, or says its code and what is wrong.
type Read<T> = fn(&Value) -> Result<T, (&'static str, String)>;

fn optional<T>(field: &str, value: Option<&Value>, how: Read<T>, flaws: &mut Vec<Flaw>) -> Option<T> {
    value.and_then(|value| read(field, value, how, flaws))
}

fn read<T>(field: &str, value: &Value, how: Read<T>, flaws: &mut Vec<Flaw>) -> Option<T> {
    how(value).map_err(|(code, detail)| flaws.push(flaw(field, code, detail))).ok()
}

fn flaw(field: &str, code: &'static str, detail: String) -> Flaw {
    Flaw { field: field.into(), code, detail }
}

fn address(value: &Value) -> Result<String, (&'static str, String)> {
    let text = text(value)?;
    if suppression::is_erased_key(text) {
        return Ok(text.into());
    }
    Address::parse(text).map(|address| address.key()).map_err(|error| ("invalid_address", error.to_string()))
}

fn reason(value: &Value) -> Result<Reason, (&'static str, String)> {
    let words = || format!("must be one of {}", Reason::ALL.map(Reason::word).join(", "));
    Reason::from_word(text(value)?).ok_or_else(|| ("invalid_value", words()))
}

fn scope(value: &Value) -> Result<Scope, (&'static str, String)> {
    Scope::parse(text(value)?).map_err(|error| ("invalid_value", error.to_string()))
}

fn instant(value: &Value) -> Result<UnixMillis, (&'static str, String)> {
    let wanted = "must be an RFC 3339 instant with its offset, such as 2026-12-01T10:00:00Z";
    UnixMillis::parse_rfc3339(text(value)?).ok_or_else(|| ("invalid_date", wanted.into()))
}

fn flag(value: &Value) -> Result<bool, (&'static str, String)> {
    value.as_bool().ok_or_else(|| ("wrong_type", "must be true or false".into()))
}

fn text(value: &Value) -> Result<&str, (&'static str, String)> {
    value.as_str().ok_or_else(|| ("wrong_type", "must be a string".into()))
}

const FIELDS: &str = "want an object of email and, if need be, reason, scope, expires_at and active, each once";
