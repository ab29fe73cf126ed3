//! `GET /v1/messages`, `POST /v1/messages/{id}/cancel` and `PATCH /v1/messages/{id}`.

use super::{
    Account, Reply,
    query::{Query, wrong},
    read,
};
use crate::{
    address::Address,
    front::Pass,
    id::MessageId,
    mailroom::{self, Change, Status, Wanted},
    message::Class,
    problem::{Code, Flaw, Problem},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct Page<'a> {
    messages: &'a [mailroom::Listed],
    /// The `after` of the next page; `null` at the end.
    next: Option<String>,
}

/// A page of messages, the newest first.
pub(super) fn list(pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let (wanted, limit) = match asked(&pass.query) {
        Ok(asked) => asked,
        Err(problem) => return Ok(Reply::problem(&problem, &pass.request_id, None, now)),
    };
    let page = mailroom::page(&wanted, limit, sql)?;
    let body = serde_json::to_vec(&Page { messages: &page.messages, next: page.next });
    body.map(|body| Reply::json(200, body)).map_err(|error| SqlError(alloc::string::ToString::to_string(&error)))
}

fn asked(query: &str) -> Result<(Wanted, u64), Problem> {
    let query = Query::read(query, &FILTERS)?;
    let text = |name| query.text(name).filter(|text| !text.is_empty()).map(String::from);
    let after = query.text("after").map(|id| MessageId::parse(id).ok_or_else(not_a_cursor)).transpose()?;
    let recipient = query.text("recipient").map(Address::parse).transpose();
    let metadata = query.text("metadata").map(|pair| pair.split_once('=').ok_or_else(not_a_pair)).transpose()?;
    let wanted = Wanted {
        status: query.word("status", &Status::ALL.map(|status| (status.word(), status)))?,
        class: query.word("class", &Class::ALL.map(|class| (class.as_str(), class)))?,
        provider: text("provider"),
        tag: text("tag"),
        metadata: metadata.map(|(name, value)| (name.into(), value.into())),
        recipient: recipient.map_err(|error| wrong("recipient", &format!("{error}")))?,
        created_from: query.instant("created_from")?,
        created_before: query.instant("created_before")?,
        after,
    };
    Ok((wanted, query.number("limit", PAGE, MOST, 1)?))
}

fn not_a_cursor() -> Problem {
    wrong("after", "must be the next of an earlier page")
}

fn not_a_pair() -> Problem {
    wrong("metadata", "must be a name, an equals sign and a value")
}

/// What came of a change of a message.
pub(super) enum Changed {
    Done,
    NotFound,
    NotWaiting(Status),
    Refused(Problem),
}

impl Account {
    /// Cancels a message that waits.
    pub(super) fn cancel(
        &mut self,
        id: &str,
        pass: &Pass,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let changed = self.cancelled(id, pass, sql, now)?;
        told(changed, id, pass, sql, now)
    }

    /// Moves the time of a message that waits for its first attempt.
    pub(super) fn reschedule(
        &mut self,
        id: &str,
        pass: &Pass,
        body: &[u8],
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let changed = match send_at(body) {
            Ok(at) => self.rescheduled(id, at, pass, sql, now)?,
            Err(problem) => Changed::Refused(problem),
        };
        told(changed, id, pass, sql, now)
    }

    pub(super) fn cancelled(
        &mut self,
        id: &str,
        pass: &Pass,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Changed, SqlError> {
        let Some(id) = MessageId::parse(id) else { return Ok(Changed::NotFound) };
        let change = self.mailroom.cancel(id, &pass.key_id, &mut self.gate.ledger, sql, now)?;
        Ok(change.into())
    }

    pub(super) fn rescheduled(
        &mut self,
        id: &str,
        at: Option<UnixMillis>,
        pass: &Pass,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Changed, SqlError> {
        let Some(id) = MessageId::parse(id) else { return Ok(Changed::NotFound) };
        self.mailroom.reschedule(id, at, &pass.key_id, sql, now).map(Changed::from)
    }
}

impl From<Change> for Changed {
    fn from(change: Change) -> Self {
        match change {
            Change::Done => Self::Done,
            Change::NotFound => Self::NotFound,
            Change::NotWaiting(status) => Self::NotWaiting(status),
            Change::AfterExpiry => {
                Self::Refused(flawed("expires_before_send", "the message expires before this instant"))
            }
        }
    }
}

fn told(changed: Changed, id: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let problem = match changed {
        Changed::Done => return read::message(id, pass, sql, now),
        Changed::NotFound => not_found(),
        Changed::NotWaiting(status) => not_waiting(status),
        Changed::Refused(problem) => problem,
    };
    Ok(Reply::problem(&problem, &pass.request_id, None, now))
}

pub(super) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "the account has no message of this id")
}

pub(super) fn not_waiting(status: Status) -> Problem {
    Problem::new(Code::MessageNotWaiting, format!("the message is {}", status.word()))
}

/// The instant of a body `{"send_at"}`; `null` is as soon as may be.
pub(super) fn send_at(body: &[u8]) -> Result<Option<UnixMillis>, Problem> {
    let fields: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let Some(send_at) = fields.filter(|fields| fields.len() == 1).and_then(|mut fields| fields.remove("send_at"))
    else {
        return Err(Problem::new(Code::InvalidMessage, "the body must be an object with the field send_at alone"));
    };
    match send_at {
        Value::Null => Ok(None),
        Value::String(text) => UnixMillis::parse_rfc3339(&text).map(Some).ok_or_else(not_an_instant),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(not_an_instant()),
    }
}

fn not_an_instant() -> Problem {
    flawed("invalid_date", "must be an RFC 3339 instant with its offset, such as 2026-12-01T10:00:00Z")
}

fn flawed(code: &'static str, detail: &str) -> Problem {
    let flaw = Flaw { field: "send_at".into(), code, detail: detail.into() };
    let errors: Vec<Flaw> = alloc::vec![flaw];
    Problem { errors, ..Problem::new(Code::InvalidMessage, format!("send_at: {detail}")) }
}

const FILTERS: [&str; 10] =
    ["status", "class", "provider", "tag", "metadata", "recipient", "created_from", "created_before", "after", "limit"];
/// Messages on a page when nothing is said.
const PAGE: u64 = 50;
/// The most on a page.
const MOST: u64 = 200;
