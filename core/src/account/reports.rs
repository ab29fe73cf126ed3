//! `POST /v1/webhooks/{provider}/{account}` and `POST /v1/inbound/{provider}/{account}`: what providers report.
//!
//! A report needs no key and meets no limit: its signature is its key, and a provider that is told to come back later may
//! not come back. A refused one changes nothing. What is wrong with it is told in general words only, since whoever sends
//! forged ones reads them.

use super::{Account, HostTools, Reply, finish};
use crate::{
    config::{AccountConfig, WebhookConfig},
    error_shape::ErrorShape,
    event::{
        self, Certificate, Event, Incoming, Received, Trust, WebhookError,
        journal::{self, Reused},
    },
    front::{self, Pass},
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
    problem::{Code, Problem},
    provider::ProviderKind,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

/// What came of a report.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// This is its answer.
    Answer(HttpResponse),
    /// Fetch this and ask again with the same report.
    Fetch {
        /// What to fetch.
        request: HttpRequest,
        /// Give up after this long.
        timeout_ms: u64,
    },
}

/// What a host fetched for a report.
#[derive(Clone, Copy, Debug)]
pub struct Fetched<'a> {
    /// The URL of the request.
    pub url: &'a str,
    /// What came of it.
    pub result: Result<&'a HttpResponse, TransportFailure>,
}

/// A provider whose reports are taken, with what they are believed by.
pub(super) struct Receiver {
    name: String,
    kind: ProviderKind,
    queue: Option<String>,
    /// `None` when a secret is missing that the configuration names.
    trust: Option<Trust>,
}

/// The receivers of an account. A missing secret is no reason to stop sending: it is the answer to reports.
pub(super) fn receivers(config: &AccountConfig, tools: HostTools<'_>) -> Vec<Receiver> {
    let one = |provider: &crate::config::ProviderConfig| {
        let webhook = provider.webhook.as_ref()?;
        let trust = trust(webhook, tools);
        Some(Receiver { name: provider.name.clone(), kind: provider.kind, queue: webhook.queue.clone(), trust })
    };
    config.providers.iter().filter_map(one).collect()
}

fn trust(webhook: &WebhookConfig, tools: HostTools<'_>) -> Option<Trust> {
    let named = |name: &Option<String>| match name {
        Some(name) => (tools.secret)(name).map(Some),
        None => Some(None),
    };
    let secrets = named(&webhook.secret)?.unwrap_or_default();
    Some(Trust {
        secrets: secrets.split_whitespace().map(ToString::to_string).collect(),
        header: webhook.header.clone(),
        tolerance_ms: webhook.tolerance_ms,
        topics: webhook.topics.clone(),
        anchors: named(&webhook.roots)?,
    })
}

#[derive(Serialize)]
struct TallyView {
    events: u64,
    duplicates: u64,
    suppressed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    classified_as: Option<&'static str>,
}

/// A report on its way to an answer.
enum Step {
    Reply(Reply),
    Fetch(String),
}

impl Account {
    /// Takes in a report that [`front::route`] passed on, or a message of a queue with its [`front::queue_pass`].
    ///
    /// `fetched` is what [`Taken::Fetch`] asked for, when this is the same report again.
    ///
    /// # Errors
    /// The store's; nothing was written, and the host rolls back.
    pub fn receive(
        &mut self,
        pass: &str,
        body: &[u8],
        fetched: Option<Fetched<'_>>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Taken, SqlError> {
        let pass: Pass = serde_json::from_str(pass).map_err(|error| SqlError(error.to_string()))?;
        let step = if let Some(queue) = pass.path.strip_prefix(front::QUEUE) {
            self.queued(queue, &pass, body, sql, now)?
        } else if pass.path.starts_with("/v1/inbound/") {
            self.inbound(&pass, body, sql, now)?
        } else {
            self.webhook(&pass, body, fetched, sql, now)?
        };
        Ok(match step {
            Step::Reply(reply) => Taken::Answer(finish(reply, ErrorShape::default(), &pass, &[], now)),
            Step::Fetch(url) => {
                let headers = alloc::vec![("User-Agent", USER_AGENT.into())];
                let request = HttpRequest { method: "GET", url, headers, body: Vec::new() };
                Taken::Fetch { request, timeout_ms: FETCH_MS }
            }
        })
    }

    fn queued(
        &self,
        queue: &str,
        pass: &Pass,
        body: &[u8],
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Step, SqlError> {
        let Some(receiver) = self.receivers.iter().find(|receiver| receiver.queue.as_deref() == Some(queue)) else {
            return Ok(refuse(&Problem::new(Code::NotFound, "no such queue"), pass, now));
        };
        match event::receive_queued(receiver.kind, body, now) {
            Ok(events) => self.record(&events, None, pass, sql, now),
            Err(error) => Ok(refuse(&problem_of(&error), pass, now)),
        }
    }

    fn inbound(&self, pass: &Pass, body: &[u8], sql: &mut dyn Sql, now: UnixMillis) -> Result<Step, SqlError> {
        let (provider, _) = front::report_path(&pass.path).unwrap_or_default();
        let others = |known: &&crate::config::ProviderConfig| known.name == provider || known.kind.as_str() == provider;
        if self.config.providers.iter().find(others).is_some_and(|known| known.kind != ProviderKind::Smtp) {
            return Ok(refuse(&problem_of(&WebhookError::NotSupported), pass, now));
        }
        let receiver = match self.receiver(pass) {
            Ok(receiver) => receiver,
            Err(problem) => return Ok(refuse(&problem, pass, now)),
        };
        let Some(trust) = &receiver.trust else { return Ok(refuse(&no_secret(), pass, now)) };
        match event::receive_mail(receiver.kind, trust, &Incoming { headers: &pass.headers, body }, now) {
            Ok((kind, events)) => self.record(&events, Some(kind.word()), pass, sql, now),
            Err(error) => Ok(refuse(&problem_of(&error), pass, now)),
        }
    }

    fn webhook(
        &self,
        pass: &Pass,
        body: &[u8],
        fetched: Option<Fetched<'_>>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Step, SqlError> {
        let receiver = match self.receiver(pass) {
            Ok(receiver) => receiver,
            Err(problem) => return Ok(refuse(&problem, pass, now)),
        };
        let Some(trust) = &receiver.trust else { return Ok(refuse(&no_secret(), pass, now)) };
        let incoming = Incoming { headers: &pass.headers, body };
        let ask = |certificate| event::receive(receiver.kind, trust, &incoming, certificate, now);
        let first = ask(None);
        let Ok(Received::NeedsCertificate { url }) = first else {
            return self.conclude(first, pass, fetched, sql, now);
        };
        if let Some(pem) = certificates::kept(&url, sql)? {
            let second = ask(Some(Certificate { url: &url, pem: &pem }));
            return self.conclude(second, pass, fetched, sql, now);
        }
        let Some(brought) = fetched.filter(|fetched| fetched.url == url) else { return Ok(Step::Fetch(url)) };
        let Some(pem) = certificates::read(brought) else {
            return Ok(refuse(
                &Problem::new(Code::StoreFailed, "the certificate cannot be fetched; try again"),
                pass,
                now,
            ));
        };
        let second = ask(Some(Certificate { url: &url, pem }));
        if second.is_ok() {
            certificates::keep(&url, pem, sql)?;
        }
        self.conclude(second, pass, fetched, sql, now)
    }

    fn conclude(
        &self,
        received: Result<Received, WebhookError>,
        pass: &Pass,
        fetched: Option<Fetched<'_>>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Step, SqlError> {
        match received {
            Ok(Received::Events(events)) => self.record(&events, None, pass, sql, now),
            // It was asked for with the certificate already.
            Ok(Received::NeedsCertificate { .. }) => Ok(refuse(&problem_of(&WebhookError::WrongSignature), pass, now)),
            Ok(Received::Confirm { url }) => match fetched.filter(|fetched| fetched.url == url) {
                None => Ok(Step::Fetch(url)),
                Some(Fetched { result: Ok(response), .. }) if response.status < 300 => {
                    self.record(&[], None, pass, sql, now)
                }
                Some(_) => {
                    let problem = Problem::new(Code::StoreFailed, "the subscription cannot be confirmed; try again");
                    Ok(refuse(&problem, pass, now))
                }
            },
            Err(error) => Ok(refuse(&problem_of(&error), pass, now)),
        }
    }

    fn record(
        &self,
        events: &[Event],
        classified_as: Option<&'static str>,
        pass: &Pass,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Step, SqlError> {
        let tally = match journal::record(events, &self.config.soft_bounces, sql, now)? {
            Ok(tally) => tally,
            Err(Reused) => return Ok(refuse(&problem_of(&WebhookError::WrongSignature), pass, now)),
        };
        let view = TallyView {
            events: tally.events,
            duplicates: tally.duplicates,
            suppressed: tally.suppressed,
            classified_as,
        };
        let body = serde_json::to_vec(&view).map_err(|error| SqlError(error.to_string()))?;
        Ok(Step::Reply(Reply::json(200, body)))
    }

    /// The provider that a path names: by the account's own name for it, or by its kind.
    fn receiver(&self, pass: &Pass) -> Result<&Receiver, Problem> {
        let (provider, _) = front::report_path(&pass.path).unwrap_or_default();
        let by_name = || self.receivers.iter().find(|receiver| receiver.name == provider);
        let by_kind = || self.receivers.iter().find(|receiver| receiver.kind.as_str() == provider);
        by_name().or_else(by_kind).ok_or_else(|| {
            let is_known =
                self.config.providers.iter().any(|known| known.name == provider || known.kind.as_str() == provider);
            let detail = if is_known { "the provider has no webhook in the configuration" } else { "no such route" };
            Problem::new(Code::NotFound, detail)
        })
    }
}

fn refuse(problem: &Problem, pass: &Pass, now: UnixMillis) -> Step {
    let mut reply = Reply::problem(problem, &pass.request_id, None, now);
    // SNS sends its credentials, and others theirs, only where Basic authentication is asked for.
    for (name, value) in &mut reply.extra {
        if name == "www-authenticate" {
            *value = BASIC.into();
        }
    }
    Step::Reply(reply)
}

fn no_secret() -> Problem {
    problem_of(&WebhookError::Misconfigured { setting: "secret" })
}

/// Never 403, which stops Postmark's repeats for good, and never 429.
fn problem_of(error: &WebhookError) -> Problem {
    let code = match error {
        WebhookError::Unsigned | WebhookError::WrongSignature | WebhookError::Stale => Code::InvalidSignature,
        WebhookError::Misconfigured { .. } => Code::Misconfigured,
        WebhookError::Malformed { .. } => Code::InvalidEvent,
        WebhookError::NotSupported => Code::NotSupported,
    };
    Problem::new(code, error.to_string())
}

/// Certificates that signed something believed. They are few and public; each has its row.
mod certificates {
    use super::{Fetched, Sql, SqlError, String, format};

    pub(super) fn kept(url: &str, sql: &mut dyn Sql) -> Result<Option<String>, SqlError> {
        let bytes = crate::gate::read(&format!("{ROW}{url}"), sql)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    pub(super) fn keep(url: &str, pem: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
        crate::gate::write(&format!("{ROW}{url}"), pem.as_bytes(), sql)
    }

    pub(super) fn read(fetched: Fetched<'_>) -> Option<&str> {
        let response = fetched.result.ok().filter(|response| response.status == 200)?;
        core::str::from_utf8(&response.body).ok()
    }

    const ROW: &str = "certificate:";
}

/// What a refused report's 401 asks for.
const BASIC: &str = "Basic realm=\"sendgate\"";
const USER_AGENT: &str = concat!("sendgate/", env!("CARGO_PKG_VERSION"));
/// SNS waits 15 seconds for an answer; two fetches have to fit.
const FETCH_MS: u64 = 5_000;
