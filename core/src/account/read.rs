//! `GET /v1/messages/{id}` and `GET /v1/limits`.

use super::{Account, Reply, send::quota_name};
use crate::{
    front::{MAX_BODY_BYTES, Pass},
    gate::{Scope, Standing},
    id::MessageId,
    limiter::Window,
    mailroom,
    message::{MAX_ATTACHMENTS, MAX_MESSAGE_BYTES, MAX_RECIPIENTS},
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

/// One limit with where it stands. Absent fields do not apply to its kind.
#[derive(Default, Serialize)]
struct Limit {
    name: String,
    scope: &'static str,
    /// Which one of its scope: the provider, the group of receivers, the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    dimension: Option<String>,
    kind: &'static str,
    limit: u64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    /// When more is free; absent when all is.
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<String>,
    source: &'static str,
}

#[derive(Serialize)]
struct Limits {
    limits: Vec<Limit>,
}

/// The trace of a message.
pub(super) fn message(id: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let found = match MessageId::parse(id) {
        Some(id) => mailroom::view(id, sql)?,
        None => None,
    };
    Ok(match found {
        Some(body) => Reply::json(200, body),
        None => {
            let problem = Problem::new(Code::NotFound, "the account has no message of this id");
            Reply::problem(&problem, &pass.request_id, None, now)
        }
    })
}

impl Account {
    /// Every limit that applies to the caller, with its source and current use.
    pub(super) fn limits(&mut self, pass: &Pass, now: UnixMillis) -> Result<Reply, SqlError> {
        let requests = self.gate.explain(&pass.key_id, now);
        let outgoing = self.mailroom.standings(now);
        let mut limits: Vec<Limit> =
            requests.iter().chain(&outgoing).map(|standing| of_window(standing, now)).collect();
        limits.extend(self.gate.ledger.usage(now).iter().map(|quota| Limit {
            name: quota_name(quota.period).into(),
            scope: "account",
            kind: "quota",
            limit: quota.limit,
            unit: "recipients",
            reserved: Some(quota.reserved),
            committed: Some(quota.committed),
            remaining: Some(quota.free),
            resets_at: Some(quota.resets_at.to_string()),
            source: "plan",
            ..Limit::default()
        }));
        limits.extend(technical(self.config.max_messages));
        let body = serde_json::to_vec(&Limits { limits }).map_err(|error| SqlError(error.to_string()))?;
        Ok(Reply::json(200, body))
    }
}

fn of_window(standing: &Standing<'_>, now: UnixMillis) -> Limit {
    let (source, dimension) = match standing.scope {
        Scope::Key | Scope::Plan => ("plan", None),
        Scope::Account => ("account", None),
        Scope::DomainGroup | Scope::Class => ("account", Some(standing.dimension.into())),
        Scope::Provider => ("provider", Some(standing.dimension.into())),
    };
    let (kind, period_ms) = match *standing.window {
        Window::Sliding { period_ms, .. } => ("sliding", Some(period_ms)),
        Window::Calendar { .. } => ("calendar", None),
        Window::Pace { interval_ms, .. } => ("pace", Some(interval_ms)),
    };
    Limit {
        name: standing.window.name().into(),
        scope: standing.scope.word(),
        dimension,
        kind,
        limit: u64::from(standing.limit),
        unit: standing.unit.word(),
        period_ms,
        used: Some(u64::from(standing.used)),
        remaining: Some(u64::from(standing.remaining)),
        resets_at: (standing.next_at > now).then(|| standing.next_at.to_string()),
        source,
        ..Limit::default()
    }
}

fn technical(max_messages: usize) -> impl Iterator<Item = Limit> {
    let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    [
        ("messages_per_request", size(max_messages), "messages"),
        ("body_bytes", MAX_BODY_BYTES, "bytes"),
        ("message_bytes", size(MAX_MESSAGE_BYTES), "bytes"),
        ("attachments_per_message", size(MAX_ATTACHMENTS), "attachments"),
        ("recipients_per_message", size(MAX_RECIPIENTS), "recipients"),
    ]
    .into_iter()
    .map(|(name, limit, unit)| Limit {
        name: name.into(),
        scope: "request",
        kind: "technical",
        limit,
        unit,
        source: "technical",
        ..Limit::default()
    })
}
