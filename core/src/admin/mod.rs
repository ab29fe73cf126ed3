//! The Directory: the accounts that an operator makes and changes through `/v1/admin/`, in one object's SQLite.
//!
//! Every change is one transaction: the account's row with its next revision, a line of the audit log, and a row of the
//! outbox. What follows is the host's: it hands the account's configuration to the account's own object
//! ([`Directory::next_push`]) and tells what came of it ([`Directory::pushed`]); a push that failed, or that a crash lost,
//! is repeated from the outbox. The whole configuration goes along each time and an object takes a later revision only, so
//! pushes may be lost, late, repeated or overtake each other. A send never asks the Directory.
//!
//! Who may come in is decided before ([`route`]). Nothing is decided about mail here.

mod accounts;
mod domain_row;
mod domains;
mod door;
mod keys;
mod log;
mod providers;
mod push;
mod record;
mod routes;
mod secrets;
mod settings;

pub use door::{AdminDecision, MAX_BODY_BYTES, body_too_large, route};
pub use push::{PUSH_MS, Push};
pub use routes::{Found, Operation, ROUTES, Route, find};
pub(crate) use secrets::SEALED;

use crate::{
    front::{self, Pass},
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
    problem::{Code, Problem},
    rate_headers,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{format, string::String, vec::Vec};
use record::Record;
use serde_json::{Value, json};
use settings::{Members, wrong};

/// What the Directory needs of its host beside the store.
#[derive(Clone, Copy)]
pub struct AdminTools<'a> {
    /// The secret that makes the keys' tags.
    pub key_secret: &'a str,
    /// The keys that secrets are sealed with, as [`crate::seal::SealingKeys::parse`] reads them.
    pub sealing_key: Option<&'a str>,
    /// Gives the value of a secret by its name.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the deployment's own configuration has an account of this name.
    pub is_static: &'a dyn Fn(&str) -> bool,
    /// The resolver that is asked over HTTPS (`SENDGATE_RESOLVER`); Cloudflare's when it is not given.
    pub resolver: Option<&'a str>,
    /// What came of the fetches that this request asked for before ([`Handled::fetches`]).
    pub brought: &'a [Brought],
}

/// What came of a fetch.
pub struct Brought {
    /// What was fetched.
    pub url: String,
    /// The answer, or what went wrong.
    pub result: Result<HttpResponse, TransportFailure>,
}

/// A domain that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    account: String,
    domain: String,
}

/// The accounts of a deployment.
pub struct Directory(());

/// A request that was carried out, before its answer says whether the change is in force.
pub struct Handled {
    reply: Result<Reply, Problem>,
    /// The methods of the path, where the request's is none of them.
    allow: Option<String>,
    request_id: String,
    fetches: Vec<HttpRequest>,
}

/// An answer under way.
struct Reply {
    status: u16,
    body: Value,
    headers: Vec<(String, String)>,
    /// The account that was changed.
    changed: Option<String>,
}

/// Why a request goes no further.
enum Stop {
    /// This is its answer; nothing was written.
    Refuse(Problem),
    /// The path takes these methods only.
    OtherMethod(String),
    /// The store failed.
    Fail(SqlError),
    /// This is to be fetched first; nothing was written.
    Fetch(Vec<HttpRequest>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refuse(problem)
    }
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Fail(error)
    }
}

/// A request with all that answers it.
struct Ask<'a> {
    pass: &'a Pass,
    body: &'a [u8],
    tools: AdminTools<'a>,
    sql: &'a mut dyn Sql,
    entropy: [u64; 2],
    now: UnixMillis,
}

impl Directory {
    /// Opens the Directory over its store, creating what is missing.
    ///
    /// # Errors
    /// The store's.
    pub fn open(sql: &mut dyn Sql) -> Result<Self, SqlError> {
        record::create_schema(sql)?;
        log::create_schema(sql)?;
        domain_row::create_schema(sql)?;
        Ok(Self(()))
    }

    /// The account that a queue's messages belong to, when it is one of the Directory's.
    ///
    /// # Errors
    /// The store's.
    pub fn account_of_queue(&self, queue: &str, sql: &mut dyn Sql) -> Result<Option<String>, SqlError> {
        record::with_queue(queue, sql)
    }

    /// Carries out a request that [`route`] passed on.
    ///
    /// # Errors
    /// The store's; the host rolls back.
    pub fn handle(
        &mut self,
        pass: &str,
        body: &[u8],
        tools: AdminTools<'_>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Handled, SqlError> {
        let pass: Pass = serde_json::from_str(pass).map_err(|_| SqlError("a pass is not readable".into()))?;
        let mut ask = Ask { pass: &pass, body, tools, sql, entropy, now };
        let done = ask.dispatch();
        Handled::of(done, pass.request_id)
    }

    /// The domain whose look is due, if one is. Each is handed out once until its next look is due.
    ///
    /// # Errors
    /// The store's.
    pub fn next_look(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<Option<Look>, SqlError> {
        Ok(domain_row::due(sql, now)?.map(|(account, domain)| Look { account, domain }))
    }

    /// Looks at a domain as its route does, with nobody who asked. The entropy is as random as any request's: whatever
    /// writes an account may seal its secrets again.
    ///
    /// # Errors
    /// The store's; the host rolls back.
    pub fn look(
        &mut self,
        look: &Look,
        tools: AdminTools<'_>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Handled, SqlError> {
        let pass = front::own_pass(OWN_ACTOR);
        let mut ask = Ask { pass: &pass, body: &[], tools, sql, entropy, now };
        let done = domains::look(&mut ask, &look.account, &look.domain);
        if matches!(&done, Err(Stop::Refuse(problem)) if problem.code == Code::NotFound) {
            // It was taken out of the configuration by hand.
            domain_row::forget(&look.account, &look.domain, sql)?;
        }
        Handled::of(done, pass.request_id)
    }
}

impl Handled {
    fn of(done: Result<Reply, Stop>, request_id: String) -> Result<Self, SqlError> {
        let (reply, allow) = match done {
            Ok(reply) => (Ok(reply), None),
            Err(Stop::Refuse(problem)) => (Err(problem), None),
            Err(Stop::OtherMethod(methods)) => {
                let detail = format!("this route takes {methods}");
                (Err(Problem::new(Code::MethodNotAllowed, detail)), Some(methods))
            }
            Err(Stop::Fail(error)) => return Err(error),
            Err(Stop::Fetch(fetches)) => {
                // A host that brings nothing answers with this.
                let reply = Err(Problem::new(Code::StoreFailed, "what the request needs was not fetched"));
                return Ok(Self { reply, allow: None, request_id, fetches });
            }
        };
        Ok(Self { reply, allow, request_id, fetches: Vec::new() })
    }
}

impl Handled {
    /// What the host is to fetch before the request can be carried out: it fetches all of it and hands the request in again
    /// with all that it has brought so far. Nothing is held between the steps.
    #[must_use]
    pub fn fetches(&self) -> &[HttpRequest] {
        &self.fetches
    }

    /// The account that was changed, whose object is to have its new configuration.
    #[must_use]
    pub fn changed(&self) -> Option<&str> {
        self.reply.as_ref().ok().and_then(|reply| reply.changed.as_deref())
    }

    /// The answer. `in_force` says whether the changed account's object has confirmed the change.
    #[must_use]
    pub fn answer(self, in_force: bool, now: UnixMillis) -> HttpResponse {
        let mut reply = match self.reply {
            Ok(reply) => reply,
            Err(problem) => {
                let mut answer = front::refusal(&problem, &self.request_id, now);
                answer.headers.extend(self.allow.map(|methods| ("allow".into(), methods)));
                return answer;
            }
        };
        if let (Some(_), Some(body)) = (&reply.changed, reply.body.as_object_mut()) {
            body.insert("in_force".into(), Value::Bool(in_force));
        }
        let mut headers: Vec<(String, String)> = alloc::vec![
            ("content-type".into(), "application/json".into()),
            ("x-request-id".into(), self.request_id),
            ("cache-control".into(), "no-store".into()),
        ];
        headers.extend(rate_headers::fields(&[], now));
        headers.extend(reply.headers);
        HttpResponse { status: reply.status, headers, body: serde_json::to_vec(&reply.body).unwrap_or_default() }
    }
}

impl Reply {
    fn json(status: u16, body: Value) -> Self {
        Self { status, body, headers: Vec::new(), changed: None }
    }

    /// An answer about an account, with its revision as its tag.
    fn of(status: u16, body: Value, record: &Record) -> Self {
        let headers = alloc::vec![("etag".into(), record.etag())];
        Self { status, body, headers, changed: None }
    }

    /// An answer about a change of an account.
    fn changed(status: u16, body: Value, record: &Record) -> Self {
        Self { changed: Some(record.name.clone()), ..Self::of(status, body, record) }
    }
}

impl Ask<'_> {
    fn dispatch(&mut self) -> Result<Reply, Stop> {
        let (route, [first, second]) = match find(&self.pass.method, &self.pass.path) {
            Found::Route(route, parameters) => (route, parameters),
            Found::OtherMethod(methods) => return Err(Stop::OtherMethod(methods)),
            Found::Nothing => return Err(not_found("no such route")),
        };
        match route.operation {
            Operation::ListAccounts => accounts::list(self),
            Operation::CreateAccount => accounts::create(self),
            Operation::ReadAccount => accounts::read(self, first),
            Operation::ChangeAccount => accounts::change(self, first),
            Operation::CloseAccount => accounts::close(self, first),
            Operation::ChangePlan => accounts::change_plan(self, first),
            Operation::ListKeys => keys::list(self, first),
            Operation::CreateKey => keys::create(self, first),
            Operation::ReadKey => keys::read(self, first, second),
            Operation::ChangeKey => keys::change(self, first, second),
            Operation::RotateKey => keys::rotate(self, first, second),
            Operation::RevokeKey => keys::revoke(self, first, second),
            Operation::ListProviders => providers::list(self, first),
            Operation::AddProvider => providers::add(self, first),
            Operation::ReadProvider => providers::read(self, first, second),
            Operation::ChangeProvider => providers::change(self, first, second),
            Operation::RemoveProvider => providers::remove(self, first, second),
            Operation::ListDomains => domains::list(self, first),
            Operation::AddDomain => domains::add(self, first),
            Operation::ReadDomain => domains::read(self, first, second),
            Operation::ChangeDomain => domains::change(self, first, second),
            Operation::RemoveDomain => domains::remove(self, first, second),
            Operation::CheckDomain => domains::look(self, first, second),
            Operation::ListAudit => log::list(self),
            Operation::VerifyAudit => log::verify(self),
        }
    }

    /// The body as an object; an empty one is `{}`.
    fn members(&self) -> Result<Members, Stop> {
        if self.body.is_empty() {
            return Ok(Members::new());
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(wrong("body", "must be a JSON object").into()),
            Err(error) => {
                let detail = format!("not JSON at line {} column {}", error.line(), error.column());
                Err(Problem::new(Code::InvalidJson, detail).into())
            }
        }
    }

    /// The account, if the request is about the revision that it has (`If-Match`).
    fn account(&mut self, name: &str) -> Result<Record, Stop> {
        let Some(record) = Record::load(name, self.sql)? else { return Err(not_found("no such account")) };
        let wanted = self.pass.headers.iter().find(|(name, _)| name == door::IF_MATCH).map(|(_, tags)| tags.as_str());
        let etag = record.etag();
        let fits = |tag: &str| tag == "*" || tag == etag;
        if wanted.is_some_and(|tags| self.pass.method != "GET" && !tags.split(',').map(str::trim).any(fits)) {
            let detail = format!("the account's revision is {} now; read it again", record.revision);
            return Err(Problem::new(Code::PreconditionFailed, detail).into());
        }
        Ok(record)
    }

    /// Writes a changed account with its next revision, its audit line and its push; one that is as it was is left alone.
    fn save(&mut self, before: Option<&Record>, mut after: Record, action: &str, part: &str) -> Result<Record, Stop> {
        secrets::seal(&mut after, self)?;
        let config = after.check()?;
        secrets::settle(&mut after, &config, self)?;
        if before == Some(&after) {
            return Ok(after);
        }
        after.revision = after.revision.saturating_add(1);
        after.updated_at = self.now;
        let (old, new) = settings::difference(before, &after);
        let target = if part.is_empty() { String::new() } else { format!("/{part}") };
        log::append(self, action, &format!("accounts/{}{target}", after.name), &old, &new)?;
        after.store(push::GRACE_MS, self.sql)?;
        Ok(after)
    }
}

fn not_found(detail: &str) -> Stop {
    Stop::Refuse(Problem::new(Code::NotFound, detail))
}

/// Refuses a body with a member that the route does not know.
fn only(body: &Members, known: &[&str]) -> Result<(), Stop> {
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(wrong(name, &format!("is not one of {}", known.join(", "))).into()),
        None => Ok(()),
    }
}

/// A page of views, and the `after` of the next one.
fn page(list: &str, views: Vec<Value>, next: Option<String>) -> Value {
    json!({list: views, "next": next})
}

/// Who the Directory itself is in the audit log. A name has no such characters, so no token goes by it.
const OWN_ACTOR: &str = "(directory)";
