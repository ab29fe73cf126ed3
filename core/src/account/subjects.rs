//! `DELETE /v1/subjects/{email}`: forgets a person and goes on sparing it (R055).
//!
//! Suppression outlives the address: its entries are kept under a hash, which both checks know. The hash is not a secret's:
//! who has a list of addresses can test them, as who has the addresses can mail them.

use super::Reply;
use crate::{
    address::Address,
    front::Pass,
    mailroom::{self, Erased},
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    suppression,
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
};
use serde::Serialize;

#[derive(Serialize)]
struct View {
    /// The word under which the person stays suppressed.
    suppressed_as: String,
    #[serde(flatten)]
    erased: Erased,
}

/// Erases in one transaction. Doing it twice is doing it once.
pub(super) fn erase(address: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let decoded = percent_encoding::percent_decode_str(address).decode_utf8_lossy();
    let address = match Address::parse(&decoded) {
        Ok(address) => address,
        Err(error) => {
            let problem = Problem::new(Code::InvalidParameter, format!("the address of the path: {error}"));
            return Ok(Reply::problem(&problem, &pass.request_id, None, now));
        }
    };
    let suppressed_as = suppression::erase(&address.key(), sql, now)?;
    let erased = mailroom::erase(&address, &suppressed_as, sql)?;
    let view = View { suppressed_as, erased };
    serde_json::to_vec(&view).map(|body| Reply::json(200, body)).map_err(|error| SqlError(error.to_string()))
}
