//! An account at work: its gate, its ledger, its suppression list and its Mailroom behind the HTTP contract.
//!
//! A host owns one [`Account`] per delivery account, over that account's own SQLite. It calls every method inside one
//! transaction; after an error it rolls the transaction back and opens the account anew.

mod alerts;
mod check;
pub(crate) mod configuration;
mod dropin;
mod idempotency;
mod messages;
mod metrics;
mod own;
mod payload;
pub(crate) mod query;
mod question;
mod quota;
mod read;
mod reports;
mod routes;
mod send;
mod sender;
mod subjects;
mod suppressions;
pub(crate) mod to_many;
mod usage;

use crate::{
    alert::{self, Alerts},
    config::{AccountConfig, Config, KeyConfig, OnLimit, ProviderConfig, Scope},
    dropin::{Dropin, spoken},
    error_shape::ErrorShape,
    etag,
    event::journal,
    front::{self, Pass},
    gate::{Admission, Gate, GateError, Reason, Standing},
    http::HttpResponse,
    key,
    mailroom::{self, Attempt, Effect, Interrupted, Mailroom},
    outcome::TransportFailure,
    problem::{Code, Problem},
    provider, rate_headers,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use configuration::InForce;
use quota::quota_name;
use send::{Ask, Form};

pub use configuration::Configured;
pub use own::{OwnReply, OwnRequest};
pub use reports::{Fetched, Taken};
pub use routes::{Found, Operation, ROUTES, Route, find};
pub use suppressions::{Begun, Ended, Import, comes_in_pieces};

/// What an account needs of its host beside the store.
#[derive(Clone, Copy)]
pub struct HostTools<'a> {
    /// Gives the value of a secret by its name.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// Writes a mail as MIME text.
    pub compose: provider::Compose,
}

/// One delivery account over its store.
pub struct Account {
    config: AccountConfig,
    gate: Gate,
    mailroom: Mailroom,
    receivers: Vec<reports::Receiver>,
    alerts: Alerts,
    /// Requests answered 429 since it opened.
    limited: u64,
    /// When answers under idempotency keys were last gone through for those that are too old.
    answers_swept: UnixMillis,
}

/// What the windows say to a request of a known key.
enum Admitted {
    /// It goes on.
    Now,
    /// It goes on if its messages may wait until then; else this is the answer.
    Later(Form, UnixMillis, Reply),
}

/// Why an account could not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountError {
    /// Neither the store nor the deployment's configuration has such an account. Nothing was stored.
    Missing,
    /// The configuration's policy is malformed.
    Config(String),
    /// The secret of this name is not there.
    MissingCredential(String),
    /// The store failed.
    Store(SqlError),
}

impl core::fmt::Display for AccountError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such account"),
            Self::Config(detail) => write!(f, "the account cannot be configured: {detail}"),
            Self::MissingCredential(name) => write!(f, "the secret {name} is not there"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for AccountError {}

impl From<SqlError> for AccountError {
    fn from(error: SqlError) -> Self {
        Self::Store(error)
    }
}

impl From<GateError> for AccountError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Policy(detail) => Self::Config(detail),
            GateError::Store(error) => Self::Store(error),
        }
    }
}

/// An answer under way: everything but the headers that every answer has.
struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    extra: Vec<(String, String)>,
    /// The first instant at which the same request will do, when it is known.
    retry_at: Option<UnixMillis>,
}

impl Reply {
    fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", body, extra: Vec::new(), retry_at: None }
    }

    fn problem(problem: &Problem, request_id: &str, retry_at: Option<UnixMillis>, now: UnixMillis) -> Self {
        let seconds = retry_at.map(|at| rate_headers::retry_after(at, now));
        let mut extra = Vec::new();
        if let Some(seconds) = seconds {
            extra.push(("retry-after".into(), seconds.to_string()));
        }
        if problem.code.status() == 401 {
            extra.push(("www-authenticate".into(), front::CHALLENGE.into()));
        }
        let body = problem.to_json(request_id, seconds);
        Self { status: problem.code.status(), content_type: "application/problem+json", body, extra, retry_at }
    }
}

impl Account {
    /// Opens an account over its store, creating what is missing: under the configuration that the store has
    /// ([`Account::configure`]), or else under the deployment's.
    ///
    /// # Errors
    /// No such account, a secret that is not there, or the store's.
    pub fn open(
        config: &Config,
        account: &str,
        tools: HostTools<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, AccountError> {
        Self::open_with(config, account, Interrupted::Unknown, tools, sql, now)
    }

    fn open_with(
        config: &Config,
        account: &str,
        interrupted: Interrupted<'_>,
        tools: HostTools<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, AccountError> {
        let in_force = InForce::of(config, account, tools, sql)?;
        let Some(config) = in_force.config.accounts.get(account) else { return Err(AccountError::Missing) };
        let secret = |name: &str| in_force.secret(name, account, tools);
        let tools = HostTools { secret: &secret, ..tools };
        let secrets = config.senders().map(|provider| secret_of(provider, tools)).collect::<Result<Vec<_>, _>>()?;
        mailroom::create_schema(sql)?;
        // Others may be at work on the store otherwise.
        let is_alone = matches!(interrupted, Interrupted::Unknown);
        if is_alone {
            idempotency::forget(sql, now)?;
            journal::forget(sql, now)?;
        }
        let mut gate = Gate::open(config, sql, now)?;
        gate.ledger.set_overdelivery(config.overdelivery);
        let mailroom = Mailroom::open_with(config, &secrets, tools.compose, interrupted, &mut gate.ledger, sql, now)?;
        let receivers = reports::receivers(config, tools);
        alert::open(sql, now)?;
        suppressions::open(sql)?;
        if is_alone {
            suppressions::interrupt(sql)?;
        }
        let mut account = Self {
            config: config.clone(),
            gate,
            mailroom,
            receivers,
            alerts: Alerts::default(),
            answers_swept: now,
            limited: 0,
        };
        account.note_plan(sql, now)?;
        Ok(account)
    }

    /// Answers a request that [`crate::front::route`] passed on.
    ///
    /// # Errors
    /// The store's; nothing was accepted, and the host rolls back.
    pub fn handle(
        &mut self,
        pass: &str,
        body: &[u8],
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<HttpResponse, SqlError> {
        let pass: Pass = serde_json::from_str(pass).map_err(|error| SqlError(error.to_string()))?;
        let found = find(&pass.method, &pass.path);
        let reply = match self.admit(&pass, &found, sql, now)? {
            Ok(Admitted::Now) => self.dispatch(&pass, &found, body, sql, entropy, now)?,
            Ok(Admitted::Later(form, until, refusal)) => {
                let limited = Some((until, refusal));
                match taken_as(&found) {
                    Some(other) => self.drop_in(other, &pass, body, limited, sql, entropy, now)?,
                    None => self.send(Ask { form, pass: &pass, body }, limited, sql, entropy, now)?,
                }
            }
            Err(reply) => reply,
        };
        self.answer(&pass, reply, sql, now)
    }

    /// The refusal of a request that is not a send, if it may not go on.
    fn refusal(
        &mut self,
        pass: &Pass,
        found: &Found<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Reply>, SqlError> {
        Ok(match self.admit(pass, found, sql, now)? {
            Ok(Admitted::Now) => None,
            Ok(Admitted::Later(_, _, refusal)) | Err(refusal) => Some(refusal),
        })
    }

    /// An answer with the headers that every answer has.
    fn answer(
        &mut self,
        pass: &Pass,
        reply: Reply,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<HttpResponse, SqlError> {
        self.limited = self.limited.saturating_add(u64::from(reply.status == Code::RateLimited.status()));
        // A caller nobody knows learns nothing of the windows.
        if self.known_key(pass).is_none() {
            return Ok(finish(reply, self.config.error_shape, pass, &[], now));
        }
        let quotas = self.gate.ledger.usage(now).into_iter().map(|quota| (quota_name(quota.period), quota));
        let quotas: Vec<_> = quotas.collect();
        let standings = self.gate.explain(&pass.key_id, now);
        self.alerts.watch(&standings, &quotas, sql, now)?;
        Ok(finish(reply, self.config.error_shape, pass, &standings, now))
    }

    /// What to do now: see [`Mailroom::next`].
    ///
    /// # Errors
    /// The store's.
    pub fn next(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<Effect, SqlError> {
        self.mailroom.next(&mut self.gate.ledger, sql, now)
    }

    /// What came of a request: see [`Mailroom::settle`].
    ///
    /// # Errors
    /// The store's.
    pub fn settle(
        &mut self,
        attempt: Attempt,
        result: Result<&transport::Reply, TransportFailure>,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.mailroom.settle(attempt, result, &mut self.gate.ledger, sql, entropy, now)
    }

    /// When a host should call [`Account::next`] again if nothing else happens; `None` when nothing waits.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        self.mailroom.wake_at()
    }

    /// The key's hash, status, end and networks, the account's status, the windows, the scope: in this order.
    fn admit(
        &mut self,
        pass: &Pass,
        found: &Found<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Result<Admitted, Reply>, SqlError> {
        let refuse = |problem: &Problem| Ok(Err(Reply::problem(problem, &pass.request_id, None, now)));
        let Some(key) = self.known_key(pass) else {
            return refuse(&Problem::new(Code::InvalidKey, "the account does not know this key"));
        };
        if let Some(problem) = sender::refusal(key, pass, now) {
            return refuse(&problem);
        }
        let missing = match found {
            Found::Route(route, _) if !key.scopes.contains(&route.scope) => Some(route.scope),
            Found::Route(..) | Found::OtherMethod(_) | Found::Nothing => None,
        };
        self.count(pass, found, missing, sql, now)
    }

    /// The account's status, the windows, and the scope that is missing.
    fn count(
        &mut self,
        pass: &Pass,
        found: &Found<'_>,
        missing: Option<Scope>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Result<Admitted, Reply>, SqlError> {
        let refuse = |problem: &Problem| Ok(Err(Reply::problem(problem, &pass.request_id, None, now)));
        match self.gate.admit(&pass.key_id, sql, now)? {
            Admission::Allow => {}
            Admission::Defer { retry_at, window, penalty_began } => {
                if penalty_began {
                    self.note_penalty(&pass.key_id, retry_at, sql, now)?;
                }
                let seconds = rate_headers::retry_after(retry_at, now);
                let detail = alloc::format!("the window {window} is full; try again in {seconds} s");
                let problem = Problem { window: Some(window), ..Problem::new(Code::RateLimited, detail) };
                let refusal = Reply::problem(&problem, &pass.request_id, Some(retry_at), now);
                let queues = self.config.on_limit.values().any(|on_limit| *on_limit == OnLimit::Queue);
                let may_wait = queues && missing.is_none();
                return Ok(match found {
                    Found::Route(route, _) if may_wait && route.operation == Operation::Send => {
                        Ok(Admitted::Later(Form::Messages, retry_at, refusal))
                    }
                    Found::Route(route, _) if may_wait && route.operation == Operation::SendBulk => {
                        Ok(Admitted::Later(Form::Bulk, retry_at, refusal))
                    }
                    Found::Route(..) if may_wait && taken_as(found).is_some() => {
                        Ok(Admitted::Later(Form::Messages, retry_at, refusal))
                    }
                    Found::Route(..) | Found::OtherMethod(_) | Found::Nothing => Err(refusal),
                });
            }
            Admission::Reject(Reason::Suspended) => {
                return refuse(&Problem::new(Code::AccountSuspended, "queued messages are held meanwhile"));
            }
            Admission::Reject(Reason::Closed) => {
                return refuse(&Problem::new(Code::DeliveryAccountMissing, "the account is closed"));
            }
            // No window holds less than one request.
            Admission::Reject(Reason::NeverFits(_)) => {
                return refuse(&Problem::new(Code::RateLimited, "a window admits no request at all"));
            }
        }
        match missing {
            Some(scope) => refuse(&sender::scope_missing(scope)),
            None => Ok(Ok(Admitted::Now)),
        }
    }

    fn dispatch(
        &mut self,
        pass: &Pass,
        found: &Found<'_>,
        body: &[u8],
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let (route, parameter) = match found {
            Found::Route(route, parameter) => (route, *parameter),
            Found::OtherMethod(methods) => {
                let problem = Problem::new(Code::MethodNotAllowed, alloc::format!("this route takes {methods}"));
                let mut reply = Reply::problem(&problem, &pass.request_id, None, now);
                reply.extra.push(("allow".into(), methods.clone()));
                return Ok(reply);
            }
            Found::Nothing => {
                let problem = Problem::new(Code::NotFound, "no such route");
                return Ok(Reply::problem(&problem, &pass.request_id, None, now));
            }
        };
        match route.operation {
            Operation::Send => self.send(Ask { form: Form::Messages, pass, body }, None, sql, entropy, now),
            Operation::SendBulk => self.send(Ask { form: Form::Bulk, pass, body }, None, sql, entropy, now),
            Operation::SendResend
            | Operation::SendResendBatch
            | Operation::SendPostmark
            | Operation::SendPostmarkBatch => match taken_as(found) {
                Some(other) => self.drop_in(other, pass, body, None, sql, entropy, now),
                None => Err(SqlError("a send has an API".into())),
            },
            Operation::ReadResend => dropin::read(parameter, pass, sql, now),
            Operation::RescheduleResend => self.change_resend(parameter, Some(body), pass, sql, now),
            Operation::CancelResend => self.change_resend(parameter, None, pass, sql, now),
            Operation::ListMessages => messages::list(pass, sql, now),
            Operation::ReadMessage => read::message(parameter, pass, sql, now),
            Operation::RescheduleMessage => self.reschedule(parameter, pass, body, sql, now),
            Operation::CancelMessage => self.cancel(parameter, pass, sql, now),
            Operation::ReadLimits => self.limits(pass, now),
            Operation::ReadMetrics => self.metrics(&pass.key_id, sql, now),
            Operation::CheckLimits => self.check(pass, body, sql, now),
            Operation::ReadUsage => self.usage(now),
            Operation::ListAlerts => alerts::list(pass, sql, now),
            Operation::ListSuppressions => suppressions::list(pass, sql, now),
            Operation::AddSuppression => suppressions::add(pass, body, sql, now),
            Operation::ImportSuppressions => suppressions::import(pass, body, sql, now),
            Operation::ListImports => suppressions::list_imports(sql),
            Operation::ReadImport => suppressions::one_import(parameter, pass, sql, now),
            Operation::ExportSuppressions => suppressions::export(pass, sql, now),
            Operation::ReadSuppression => suppressions::one(parameter, pass, sql, now),
            Operation::ChangeSuppression => suppressions::change(parameter, pass, body, sql, now),
            Operation::RemoveSuppression => suppressions::remove(parameter, pass, sql, now),
            Operation::EraseSubject => subjects::erase(parameter, pass, sql, now),
        }
    }

    fn known_key(&self, pass: &Pass) -> Option<&KeyConfig> {
        self.config.key(&pass.key_id).filter(|key| key::same_hash(&key.hash, &pass.key_hash))
    }
}

/// A provider's credential, empty where its calls carry none.
fn secret_of(provider: &ProviderConfig, tools: HostTools<'_>) -> Result<String, AccountError> {
    let Some(name) = &provider.credential else { return Ok(String::new()) };
    let Some(secret) = (tools.secret)(name) else { return Err(AccountError::MissingCredential(name.clone())) };
    if !provider::is_credential(&secret) {
        return Err(AccountError::Config(alloc::format!("the secret {name} cannot stand in a header field")));
    }
    Ok(secret)
}

/// The other API whose send a route is, and whether it takes a batch.
fn taken_as(found: &Found<'_>) -> Option<(Dropin, bool)> {
    let Found::Route(route, _) = found else { return None };
    OTHER_SENDS.iter().find(|(operation, _)| *operation == route.operation).map(|(_, taken_as)| *taken_as)
}

/// What is read is answered with a tag, and not at all when the caller has it already (R247). It counts as a request
/// either way.
fn finish(reply: Reply, shape: ErrorShape, pass: &Pass, standings: &[Standing<'_>], now: UnixMillis) -> HttpResponse {
    // Another API has one shape of its own.
    let shape = if Dropin::of_path(&pass.path).is_some() { ErrorShape::Problem } else { shape };
    let reshaped = (reply.status >= 400).then(|| shape.of(&reply.body)).flatten();
    let (content_type, body) = reshaped.unwrap_or((reply.content_type, reply.body));
    let tag = (pass.method == "GET" && reply.status == 200).then(|| etag::of(&body));
    let has_it = pass.if_none_match.as_deref().zip(tag.as_deref()).is_some_and(|(field, tag)| etag::names(field, tag));
    let mut headers: Vec<(String, String)> = alloc::vec![("x-request-id".into(), pass.request_id.clone())];
    if !has_it {
        headers.push(("content-type".into(), content_type.into()));
    }
    match tag {
        Some(tag) => {
            // Kept by the caller alone, and asked for anew each time: who has another key may see something else.
            headers.push(("cache-control".into(), "private, no-cache".into()));
            headers.push(("vary".into(), "Authorization".into()));
            headers.push(("etag".into(), tag));
        }
        None => headers.push(("cache-control".into(), "no-store".into())),
    }
    headers.extend(rate_headers::fields(standings, now));
    headers.extend(reply.extra);
    if has_it {
        return HttpResponse { status: 304, headers, body: Vec::new() };
    }
    spoken(&pass.path, HttpResponse { status: reply.status, headers, body })
}

const OTHER_SENDS: [(Operation, (Dropin, bool)); 4] = [
    (Operation::SendResend, (Dropin::Resend, false)),
    (Operation::SendResendBatch, (Dropin::Resend, true)),
    (Operation::SendPostmark, (Dropin::Postmark, false)),
    (Operation::SendPostmarkBatch, (Dropin::Postmark, true)),
];
