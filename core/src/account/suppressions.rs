//! `POST /v1/suppressions` and `DELETE /v1/suppressions/{address}`: one address at a time.

use super::Reply;
use crate::{
    address::Address,
    front::Pass,
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    suppression::{self, Reason},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    email: String,
    #[serde(default = "manual")]
    reason: Reason,
}

#[derive(Serialize)]
struct Entry<'a> {
    email: &'a str,
    reason: Reason,
}

/// Puts an address on the list. Doing it twice is doing it once.
pub(super) fn add(pass: &Pass, body: &[u8], sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let refuse = |detail: String| {
        let problem = Problem::new(Code::InvalidSuppression, detail);
        Ok(Reply::problem(&problem, &pass.request_id, None, now))
    };
    let wanted: Wanted = match serde_json::from_slice(body) {
        Ok(wanted) => wanted,
        Err(error) if error.is_data() => {
            return refuse("want {\"email\": ..., \"reason\": hard_bounce, complaint, unsubscribe or manual}".into());
        }
        Err(error) => return refuse(format!("not JSON at line {} column {}", error.line(), error.column())),
    };
    let key = match Address::parse(&wanted.email) {
        Ok(address) => address.key(),
        Err(error) => return refuse(format!("email: {error}")),
    };
    suppression::add(&key, wanted.reason, sql, now)?;
    let entry = Entry { email: &key, reason: wanted.reason };
    Ok(Reply::json(200, serde_json::to_vec(&entry).map_err(|error| SqlError(error.to_string()))?))
}

/// Takes an address off the list.
pub(super) fn remove(address: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let decoded = percent_encoding::percent_decode_str(address).decode_utf8_lossy();
    let removed = match Address::parse(&decoded) {
        Ok(address) => suppression::remove(&address.key(), sql)?,
        Err(_) => false,
    };
    if removed {
        return Ok(Reply {
            status: 204,
            content_type: "application/json",
            body: Default::default(),
            extra: Default::default(),
        });
    }
    let problem = Problem::new(Code::NotFound, "the address is not on the list");
    Ok(Reply::problem(&problem, &pass.request_id, None, now))
}

const fn manual() -> Reason {
    Reason::Manual
}
