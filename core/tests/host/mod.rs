//! A host for tests: a SQLite database, a clock that the test sets, a provider that the test plays.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the host")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a host for tests fails loudly"
)]

use sendgate_core::{
    account::{Account, AccountError, Fetched, HostTools, Taken},
    config::Config,
    front::{self, FrontDecision, FrontRequest},
    http::{HttpRequest, HttpResponse},
    key,
    ledger::Ledger,
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::{Param, Row, Sql, SqlError, Value as Cell},
    time::UnixMillis,
    transport::{Call, Reply, SmtpCall},
};
use sendgate_embed::{Database, DatabaseError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const SECRET: &str = "the secret of the test deployment";
pub const START: u64 = 1_796_119_200_000;

/// One account in a process of its own. [`Host::crash`] forgets everything but the database.
pub struct Host {
    pub database: Database,
    pub config: Config,
    pub account: Account,
    pub now: UnixMillis,
    pub entropy: u64,
    /// Statements that requests and the Mailroom's verbs ran.
    pub statements: Statements,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// What a report's URLs answer.
    pub web: BTreeMap<String, HttpResponse>,
    /// What was fetched.
    pub fetched: Vec<String>,
    /// Where requests come from.
    pub client_ip: Option<String>,
    /// `If-None-Match` of the requests that follow.
    pub if_none_match: Option<String>,
}

/// How many statements read, and how many wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    pub reads: usize,
    pub writes: usize,
}

/// A store that counts its statements.
struct Counted<'a>(&'a mut dyn Sql, &'a mut Statements);

impl Sql for Counted<'_> {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let count = if statement.starts_with("SELECT") { &mut self.1.reads } else { &mut self.1.writes };
        *count += 1;
        self.0.run(statement, parameters)
    }
}

/// What SQLite or the core said.
#[derive(Debug)]
pub struct Failed(pub String);

impl From<DatabaseError> for Failed {
    fn from(error: DatabaseError) -> Self {
        Self(error.to_string())
    }
}

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self(error.to_string())
    }
}

impl From<AccountError> for Failed {
    fn from(error: AccountError) -> Self {
        Self(error.to_string())
    }
}

/// A key of the account `shop`.
pub fn key_of(id: &str) -> String {
    key::issue(SECRET, "shop", id, [id.len().try_into().unwrap(); 16]).unwrap()
}

/// A configuration of the account `shop` with two keys and generous limits; `change` edits the account.
pub fn config_with(change: impl FnOnce(&mut Value)) -> String {
    let mut account = json!({
        "keys": [
            {"id": "k1", "hash": key::hash(&key_of("k1")), "scopes": ["send", "send:bulk", "read", "suppressions"]},
            {"id": "other", "hash": key::hash(&key_of("other")), "scopes": ["send", "read"]},
            {"id": "reader", "hash": key::hash(&key_of("reader")), "scopes": ["read"]},
            {"id": "revoked", "hash": key::hash(&key_of("revoked")), "scopes": ["send"], "revoked": true}
        ],
        "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 1000, "period_ms": 60000}],
        "quotas": [{"period": "day", "limit": 100000}],
        "max_messages": 500,
        "providers": [{"name": "main", "kind": "sandbox", "base_url": "http://127.0.0.1:1/esp", "credential": "ESP"}],
        "retry": {"jitter": false},
        // A test that is about calls of several messages says so.
        "batch": {"max_messages": 1}
    });
    change(&mut account);
    json!({"accounts": {"shop": account}}).to_string()
}

impl Host {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Value)) -> Self {
        Self::of(Database::in_memory().unwrap(), &config_with(change), UnixMillis::new(START))
    }

    /// With secrets beside the provider's credential.
    pub fn with_secrets(change: impl FnOnce(&mut Value), secrets: &[(&str, String)]) -> Self {
        let mut host = Self::with(change);
        host.secrets = secrets.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        host.crash();
        host
    }

    pub fn of(mut database: Database, config: &str, now: UnixMillis) -> Self {
        let config = Config::from_json(config).unwrap();
        let account = open(&mut database, &config, &BTreeMap::new(), now);
        Self {
            database,
            config,
            account,
            now,
            entropy: 1,
            statements: Statements::default(),
            secrets: BTreeMap::new(),
            web: BTreeMap::new(),
            fetched: Vec::new(),
            client_ip: None,
            if_none_match: None,
        }
    }

    /// Ends the process without a word and starts a new one on the same database.
    pub fn crash(&mut self) {
        self.account = open(&mut self.database, &self.config, &self.secrets, self.now);
    }

    /// The statements that `work` ran.
    pub fn count<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Statements) {
        self.statements = Statements::default();
        let result = work(self);
        (result, self.statements)
    }

    /// Changes the account's configuration and starts anew on the same database.
    pub fn configure(&mut self, change: impl FnOnce(&mut Value)) {
        self.config = Config::from_json(&config_with(change)).unwrap();
        self.crash();
    }

    pub fn advance(&mut self, milliseconds: u64) {
        self.now = self.now.plus(milliseconds);
    }

    /// The next pseudo-random number (SplitMix64).
    pub fn random(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.entropy;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn request(&mut self, key: &str, method: &str, path: &str, body: &[u8]) -> HttpResponse {
        self.request_with(key, method, path, None, body)
    }

    pub fn request_query(&mut self, key: &str, path: &str, query: &str) -> HttpResponse {
        self.exchange(key, "GET", (path, query), None, b"")
    }

    pub fn request_full(&mut self, key: &str, method: &str, target: (&str, &str), body: &[u8]) -> HttpResponse {
        self.exchange(key, method, target, None, body)
    }

    /// A request with header fields of its own and no `Authorization`, as another API's SDK sends one.
    pub fn request_as(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpResponse {
        let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let (authorization, idempotency_key) = (find("authorization"), find("idempotency-key"));
        let request = FrontRequest {
            method,
            path,
            query: "",
            authorization: authorization.as_deref(),
            idempotency_key: idempotency_key.as_deref(),
            if_none_match: None,
            client_ip: None,
            content_length: Some(body.len() as u64),
            headers: &|| headers.clone(),
        };
        let entropy = self.random();
        self.route(&request, entropy, body)
    }

    pub fn request_with(
        &mut self,
        key: &str,
        method: &str,
        path: &str,
        idempotency_key: Option<&str>,
        body: &[u8],
    ) -> HttpResponse {
        self.exchange(key, method, (path, ""), idempotency_key, body)
    }

    fn exchange(
        &mut self,
        key: &str,
        method: &str,
        (path, query): (&str, &str),
        idempotency_key: Option<&str>,
        body: &[u8],
    ) -> HttpResponse {
        let authorization = format!("Bearer {key}");
        let client_ip = self.client_ip.clone();
        let if_none_match = self.if_none_match.clone();
        let request = FrontRequest {
            method,
            path,
            query,
            authorization: Some(&authorization),
            idempotency_key,
            client_ip: client_ip.as_deref(),
            if_none_match: if_none_match.as_deref(),
            content_length: Some(body.len() as u64),
            headers: &Vec::new,
        };
        let entropy = self.random();
        self.route(&request, entropy, body)
    }

    fn route(&mut self, request: &FrontRequest<'_>, entropy: u64, body: &[u8]) -> HttpResponse {
        match front::route(request, &self.config, SECRET, entropy, self.now) {
            FrontDecision::Answer(response) => response,
            FrontDecision::ToReceiver { pass, .. } => self.take(&pass, body),
            // This host has the objects of its configuration, and no other.
            FrontDecision::ToAccount { account, .. } if !self.config.accounts.contains_key(&account) => {
                front::account_missing(entropy, self.now)
            }
            FrontDecision::ToAccount { pass, .. } => {
                let (entropy, now) = ([self.random(), self.random()], self.now);
                let (account, statements) = (&mut self.account, &mut self.statements);
                self.database
                    .transaction::<_, Failed, _>(|sql| {
                        Ok(account.handle(&pass, body, &mut Counted(sql, statements), entropy, now)?)
                    })
                    .unwrap()
            }
        }
    }

    /// A provider's report, without a key.
    pub fn report(&mut self, path: &str, headers: &[(String, String)], body: &[u8]) -> HttpResponse {
        let request = FrontRequest {
            method: "POST",
            path,
            query: "",
            authorization: None,
            idempotency_key: None,
            client_ip: None,
            if_none_match: None,
            content_length: Some(body.len() as u64),
            headers: &|| headers.to_vec(),
        };
        let entropy = self.random();
        match front::route(&request, &self.config, SECRET, entropy, self.now) {
            FrontDecision::Answer(response) => response,
            FrontDecision::ToAccount { .. } => panic!("a report went to the API"),
            FrontDecision::ToReceiver { pass, .. } => self.take(&pass, body),
        }
    }

    /// Takes a report in, as a host does: what has to be fetched is fetched by [`Host::web`].
    pub fn take(&mut self, pass: &str, body: &[u8]) -> HttpResponse {
        let mut fetched: Option<(String, Result<HttpResponse, TransportFailure>)> = None;
        loop {
            let (account, statements, now) = (&mut self.account, &mut self.statements, self.now);
            let brought =
                fetched.as_ref().map(|(url, result)| Fetched { url, result: result.as_ref().map_err(|f| *f) });
            let taken = self
                .database
                .transaction::<_, Failed, _>(|sql| {
                    Ok(account.receive(pass, body, brought, &mut Counted(sql, statements), now)?)
                })
                .unwrap();
            match taken {
                Taken::Answer(response) => return response,
                Taken::Fetch { request, .. } => {
                    self.fetched.push(request.url.clone());
                    let result = self.web.get(&request.url).cloned().ok_or(TransportFailure::MaybeSent);
                    fetched = Some((request.url, result));
                }
            }
        }
    }

    pub fn send(&mut self, body: &Value) -> HttpResponse {
        self.request(&key_of("k1"), "POST", "/v1/send", body.to_string().as_bytes())
    }

    /// Sends messages and returns their ids; panics unless all were accepted.
    pub fn send_ok(&mut self, messages: Vec<Value>) -> Vec<String> {
        let response = self.send(&json!({ "messages": messages }));
        assert_eq!(response.status, 202, "{}", text(&response));
        let items = body(&response);
        items["messages"].as_array().unwrap().iter().map(|m| m["message_id"].as_str().unwrap().into()).collect()
    }

    pub fn trace(&mut self, id: &str) -> Value {
        let response = self.request(&key_of("reader"), "GET", &format!("/v1/messages/{id}"), b"");
        assert_eq!(response.status, 200, "{}", text(&response));
        body(&response)
    }

    pub fn next(&mut self) -> Effect {
        let (account, statements, now) = (&mut self.account, &mut self.statements, self.now);
        self.database.transaction::<_, Failed, _>(|sql| Ok(account.next(&mut Counted(sql, statements), now)?)).unwrap()
    }

    /// The next request; panics when there is none.
    pub fn next_request(&mut self) -> (Attempt, HttpRequest) {
        match self.next() {
            Effect::Send { attempt, call, .. } => (attempt, http(call)),
            other => panic!("expected a request, got {other:?}"),
        }
    }

    /// The next mail for a mail server; panics when there is none.
    pub fn next_mail(&mut self) -> (Attempt, SmtpCall) {
        match self.next() {
            Effect::Send { attempt, call: Call::Smtp(mail), .. } => (attempt, *mail),
            other => panic!("expected a mail, got {other:?}"),
        }
    }

    pub fn settle(&mut self, attempt: Attempt, result: Result<&HttpResponse, TransportFailure>) {
        self.settle_with(attempt, result.map(|response| Reply::Http(response.clone())));
    }

    pub fn settle_with(&mut self, attempt: Attempt, reply: Result<Reply, TransportFailure>) {
        let entropy = self.random();
        let (account, statements, now) = (&mut self.account, &mut self.statements, self.now);
        self.database
            .transaction::<_, Failed, _>(|sql| {
                let result = reply.as_ref().map_err(|failure| *failure);
                Ok(account.settle(attempt, result, &mut Counted(sql, statements), entropy, now)?)
            })
            .unwrap();
    }

    pub fn query(&mut self, statement: &str) -> Vec<Row> {
        self.database.transaction::<_, Failed, _>(|sql| Ok(sql.run(statement, &[])?)).unwrap()
    }

    /// Everything stored but the counts of requests, which every request changes.
    pub fn contents(&mut self) -> Vec<Vec<Row>> {
        let tables = ["message", "part", "suppression", "idempotency"].map(|table| format!("SELECT * FROM {table}"));
        let ledger = String::from("SELECT bytes FROM state WHERE name <> 'requests'");
        tables.iter().chain([&ledger]).map(|statement| self.query(statement).into_iter().collect()).collect()
    }

    /// The ledger's first quota: reserved, committed, free.
    pub fn quota(&mut self) -> (u64, u64, u64) {
        let response = self.request(&key_of("other"), "GET", "/v1/limits", b"");
        let limits = body(&response);
        let quota = limits["limits"].as_array().unwrap().iter().find(|limit| limit["kind"] == "quota").unwrap().clone();
        let figure = |name: &str| quota[name].as_u64().unwrap();
        (figure("reserved"), figure("committed"), figure("remaining"))
    }
}

fn open(database: &mut Database, config: &Config, secrets: &BTreeMap<String, String>, now: UnixMillis) -> Account {
    // `ESP`, and `ESP-2` for a second provider.
    let of_provider = |name: &str| name.strip_prefix("ESP").map(|which| format!("esp-secret{which}"));
    let secret = |name: &str| of_provider(name).or_else(|| secrets.get(name).cloned());
    let tools = HostTools { secret: &secret, compose: sendgate_mime::compose };
    database.transaction::<_, Failed, _>(|sql| Ok(Account::open(config, "shop", tools, sql, now)?)).unwrap()
}

/// A message to one address.
pub fn message(to: &str) -> Value {
    json!({"from": "Shop <orders@shop.example>", "to": to, "subject": "Hello", "text_body": "Hi"})
}

/// What the sandbox provider answers when it takes a message.
pub fn taken() -> HttpResponse {
    answer(200, r#"{"id":"esp-1"}"#, &[])
}

pub fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> HttpResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    HttpResponse { status, headers, body: body.as_bytes().to_vec() }
}

pub fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

pub fn text(response: &HttpResponse) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// The HTTP request of a call; panics for any other.
pub fn http(call: Call) -> HttpRequest {
    match call {
        Call::Http(request) => request,
        other => panic!("expected an HTTP request, got {other:?}"),
    }
}

/// The recipients of a sandbox request.
pub fn recipients(request: &HttpRequest) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    ["to", "cc", "bcc"].iter().filter_map(|line| body[line].as_array()).flatten().map(|r| r.to_string()).collect()
}

/// The events of a trace, in order.
pub fn events(trace: &Value) -> Vec<String> {
    trace["trace"].as_array().unwrap().iter().map(|line| line["event"].as_str().unwrap().into()).collect()
}

/// One sliding window, as configuration writes it.
pub fn window(name: &str, limit: u32, period_ms: u64) -> Value {
    json!([{"kind": "sliding", "name": name, "limit": limit, "period_ms": period_ms}])
}

/// A message of a class to one address.
pub fn of_class(class: &str, to: &str) -> Value {
    let mut message = message(to);
    message["class"] = json!(class);
    message
}

/// The domain of a sandbox request's last recipient.
pub fn domain_of(request: &HttpRequest) -> String {
    let all = recipients(request).join(" ");
    all.rsplit('@').next().unwrap().trim_end_matches(['"', '}']).into()
}

/// Settles whatever may leave at this instant; returns the domains in order, and the effect that ended it.
pub fn drain(host: &mut Host) -> (Vec<String>, Effect) {
    let mut domains = Vec::new();
    loop {
        match host.next() {
            Effect::Send { attempt, call, .. } => {
                domains.push(domain_of(&http(call)));
                host.settle(attempt, Ok(&taken()));
            }
            other => return (domains, other),
        }
    }
}

/// Two providers: `main`, and `second` with an address and a secret of its own.
pub fn two_providers(account: &mut Value, first: &str, second: &str) {
    account["providers"] = json!([
        {"name": "main", "kind": first, "base_url": "http://127.0.0.1:1/esp", "credential": "ESP"},
        {"name": "second", "kind": second, "base_url": "http://127.0.0.1:2/esp", "credential": "ESP-2"}
    ]);
}

/// The name of the provider that a request of [`two_providers`] goes to.
pub fn provider_of(request: &HttpRequest) -> &'static str {
    if request.url.starts_with("http://127.0.0.1:1/") { "main" } else { "second" }
}

/// A header field of a request.
pub fn field(request: &HttpRequest, name: &str) -> Option<String> {
    request
        .headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.clone().into_owned())
}

/// accepted = queued + deferred + held + sending + sent + suppressed + failed + expired + unknown, and the ledger's
/// reserved units are the open messages', its committed units the handed over ones'.
pub fn conserved(host: &mut Host, accepted: u64) {
    let sums = host.query(
        "SELECT count(*), \
         coalesce(sum(CASE WHEN status IN ('queued','deferred','held','sending') THEN units END), 0), \
         coalesce(sum(CASE WHEN status IN ('sent','unknown') THEN units END), 0) FROM message",
    );
    let figures: Vec<i64> =
        sums[0].iter().map(|cell| if let Cell::Integer(n) = cell { *n } else { panic!("no number") }).collect();
    let ledger = host.query("SELECT bytes FROM state WHERE name = 'ledger'");
    let (reserved, committed) = match ledger.first().map(|row| &row[0]) {
        Some(Cell::Blob(bytes)) => {
            let config = host.config.accounts.get("shop").unwrap();
            let ledger = Ledger::load(&config.quotas, "UTC", bytes).unwrap();
            let usage = ledger.usage(host.now)[0];
            assert_eq!(usage.reserved + usage.committed + usage.free, usage.limit);
            (usage.reserved, usage.committed)
        }
        _ => (0, 0),
    };
    assert_eq!(figures[0], i64::try_from(accepted).unwrap());
    assert_eq!((figures[1], figures[2]), (i64::try_from(reserved).unwrap(), i64::try_from(committed).unwrap()));
}
