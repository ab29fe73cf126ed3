//! `GET /v1/messages/{id}` and `GET /v1/limits`.

use super::{Account, Reply, check::Decision, quota::quota_name};
use crate::{
    config::{AccountConfig, Origin},
    front::{MAX_BODY_BYTES, Pass},
    gate::{Scope, Standing},
    guard::Dimension,
    id::MessageId,
    ledger::{Quota, QuotaUsage},
    limiter::Window,
    mailroom,
    message::MAX_RECIPIENTS,
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Serialize, Serializer};

/// One limit with where it stands. Absent fields do not apply to its kind.
#[derive(Default, Serialize)]
pub(super) struct Limit {
    pub(super) name: String,
    pub(super) scope: &'static str,
    /// Which one of its scope: the provider, the group of receivers, the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimension: Option<String>,
    pub(super) kind: &'static str,
    /// The most there may be; absent for what is counted without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<u64>,
    pub(super) unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) period_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reserved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) committed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining: Option<u64>,
    /// Units in use beyond the limit; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over: Option<u64>,
    /// When more is free; absent when all is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resets_at: Option<String>,
    /// Who set it: `technical`, `plan`, `account`, `provider` or `learned`.
    pub(super) source: &'static str,
    /// Since when a built-in figure is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<String>,
    /// Where a built-in figure comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    // What follows stands in the answer to a question alone.
    /// Units asked for; absent where each window has its own measure of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<u64>,
    /// How many such requests fit now; absent for what a single request is measured by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slack: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub(super) retry_at: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// Whether it is the one that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) binding: Option<bool>,
}

impl Limit {
    pub(super) fn from(self, origin: Origin<'_>) -> Self {
        Self {
            source: origin.source.as_str(),
            as_of: origin.as_of.map(|day| day.to_string()),
            reference: origin.reference.map(ToString::to_string),
            ..self
        }
    }
}

#[derive(Serialize)]
struct Limits {
    limits: Vec<Limit>,
}

pub(super) fn instant<S: Serializer>(at: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
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
        let config = &self.config;
        let requests = self.gate.explain(&pass.key_id, now);
        let outgoing = self.mailroom.standings(now);
        let mut limits: Vec<Limit> =
            requests.iter().chain(&outgoing).map(|standing| of_window(standing, config, now)).collect();
        let quotas = self.gate.ledger.usage(now);
        limits.extend(quotas.iter().map(|quota| of_quota(quota).from(config.origin_of_quotas())));
        limits.extend(of_requests(config));
        let body = serde_json::to_vec(&Limits { limits }).map_err(|error| SqlError(error.to_string()))?;
        Ok(Reply::json(200, body))
    }
}

pub(super) fn of_window(standing: &Standing<'_>, config: &AccountConfig, now: UnixMillis) -> Limit {
    let (origin, dimension) = match standing.scope {
        Scope::Key => (config.origin_of_key_windows(), None),
        Scope::Plan => (config.origin_of_windows(), None),
        Scope::Account => (Origin::OWN, None),
        Scope::DomainGroup => (Origin::OWN, Some(standing.dimension.into())),
        Scope::Class => (config.origin_of_class(standing.dimension), Some(standing.dimension.into())),
        Scope::Provider => {
            let origin = config.origin_of_provider_window(standing.dimension, standing.window);
            (origin, Some(standing.dimension.into()))
        }
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
        limit: Some(u64::from(standing.limit)),
        unit: standing.unit.word(),
        period_ms,
        used: Some(u64::from(standing.used)),
        remaining: Some(u64::from(standing.remaining)),
        resets_at: (standing.next_at > now).then(|| standing.next_at.to_string()),
        ..Limit::default()
    }
    .from(origin)
}

pub(super) fn of_quota(quota: &QuotaUsage) -> Limit {
    let limited = quota.limit != Quota::UNLIMITED;
    Limit {
        name: quota_name(quota.period).into(),
        scope: "account",
        kind: if limited { "quota" } else { "meter" },
        limit: limited.then_some(quota.limit),
        unit: "recipients",
        reserved: Some(quota.reserved),
        committed: Some(quota.committed),
        remaining: limited.then_some(quota.free),
        over: (quota.over > 0).then_some(quota.over),
        resets_at: Some(quota.resets_at.to_string()),
        ..Limit::default()
    }
}

/// The limits on one request: no waiting changes them, so nothing of them is in use.
fn of_requests(config: &AccountConfig) -> Vec<Limit> {
    let limit = |name: &str, limit: u64, unit| Limit {
        name: name.into(),
        scope: "request",
        kind: "request",
        limit: Some(limit),
        unit,
        ..Limit::default()
    };
    let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let mut limits = alloc::vec![
        limit("messages_per_request", config.batch().limit, "messages").from(config.origin_of_batch()),
        limit("body_bytes", MAX_BODY_BYTES, "bytes").from(Origin::technical(Some("document 002, R189"))),
        limit("recipients_per_message", size(MAX_RECIPIENTS), "recipients").from(Origin::technical(None)),
    ];
    let Some(plan) = config.plan_limits() else { return limits };
    for guard in plan.guards().iter().filter(|guard| guard.dimension != Dimension::BatchMax) {
        let (field, unit) = (guard.dimension.as_str(), guard.dimension.unit());
        let name = if guard.dimension == Dimension::Attachments { "attachments_per_message" } else { field };
        limits.push(limit(name, guard.limit, unit).from(config.origin_of_figure(field)));
    }
    if let Some(bytes) = plan.storage_bytes {
        let storage = limit("storage_bytes", bytes, "bytes").from(config.origin_of_figure("storage_bytes"));
        limits.push(Limit { scope: "account", kind: "level", ..storage });
    }
    limits
}
