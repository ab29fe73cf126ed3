//! A deployment for tests: the Directory and its accounts' objects, each over a database of its own, and a network between
//! them that loses what a test wants lost.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a host for tests fails loudly"
)]

use sendgate_core::{
    account::{Account, AccountError, HostTools},
    admin::{self, AdminDecision, AdminTools, Brought, Directory, Handled, Push},
    config::Config,
    front::{self, FrontDecision, FrontRequest},
    http::{HttpRequest, HttpResponse},
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::{Param, Row, Sql, SqlError},
    time::UnixMillis,
    transport::{Call, Reply},
};
use sendgate_embed::{Database, DatabaseError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const KEY_SECRET: &str = "the secret of the test deployment";
pub const TOKEN: &str = "an operator's token, long enough";
/// Base64 of the bytes 0 to 31.
pub const SEALING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// 2026-12-01T10:00:00Z.
pub const START: u64 = 1_796_119_200_000;

/// What the network does with a push.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Works,
    /// It never arrives.
    Loses,
    /// It arrives, and its answer does not.
    LosesAnswers,
}

/// The Directory, the objects and what they share.
pub struct Deployment {
    pub directory: Database,
    pub objects: BTreeMap<String, Object>,
    pub config: Config,
    pub secrets: BTreeMap<String, String>,
    pub network: Network,
    pub now: UnixMillis,
    /// `Authorization` of the operator.
    pub operator: String,
    pub tokens: String,
    /// What was fetched for the request under way.
    pub brought: Vec<Brought>,
    /// What the network has at an address; anything else is not reached.
    pub web: BTreeMap<String, HttpResponse>,
    entropy: u64,
}

/// One account's object. Its account is in memory until a crash or an error.
pub struct Object {
    pub database: Database,
    account: Option<Account>,
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

/// An error of an account, or of its database.
#[derive(Debug)]
enum Refused {
    Account(AccountError),
    Database(String),
}

impl From<AccountError> for Refused {
    fn from(error: AccountError) -> Self {
        Self::Account(error)
    }
}

impl From<SqlError> for Refused {
    fn from(error: SqlError) -> Self {
        Self::Account(error.into())
    }
}

impl From<DatabaseError> for Refused {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error.to_string())
    }
}

/// A store that stops at a statement.
struct Failing<'a>(&'a mut dyn Sql, usize);

impl Sql for Failing<'_> {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        self.1 = self.1.checked_sub(1).ok_or_else(|| SqlError("stopped here".into()))?;
        self.0.run(statement, parameters)
    }
}

impl Deployment {
    pub fn new() -> Self {
        let secrets = [
            ("SENDGATE_KEY_SECRET", KEY_SECRET),
            ("SENDGATE_SEALING_KEY", SEALING_KEY),
            ("ESP", "esp-secret"),
            ("HOOK", "hook-secret"),
            ("SPACED", "two\nlines"),
        ];
        Self {
            directory: Database::in_memory().unwrap(),
            objects: BTreeMap::new(),
            config: Config::from_json(r#"{"accounts":{}}"#).unwrap(),
            secrets: secrets.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            network: Network::Works,
            now: UnixMillis::new(START),
            operator: format!("Bearer {}", TOKEN.replace(' ', "-")),
            tokens: TOKEN.replace(' ', "-"),
            brought: Vec::new(),
            web: BTreeMap::new(),
            entropy: 1,
        }
    }

    /// A deployment with the account `shop` and a key of it that may do everything.
    pub fn with_shop(change: impl FnOnce(&mut Value)) -> (Self, String) {
        let mut deployment = Self::new();
        let mut config = config();
        change(&mut config);
        let made = deployment.admin("POST", "/accounts", &json!({"name": "shop", "config": config}));
        assert_eq!(made.status, 201, "{}", text(&made));
        let key = deployment.key("shop", &json!({"id": "k1", "scopes": ["send", "read", "suppressions"]}));
        (deployment, key)
    }

    /// Makes a key.
    pub fn key(&mut self, account: &str, wanted: &Value) -> String {
        let made = self.admin("POST", &format!("/accounts/{account}/keys"), wanted);
        assert_eq!(made.status, 201, "{}", text(&made));
        body(&made)["key"].as_str().unwrap().into()
    }

    pub fn admin(&mut self, method: &str, path: &str, body: &Value) -> HttpResponse {
        self.admin_with(method, path, &[], body)
    }

    pub fn get(&mut self, path: &str) -> Value {
        let answer = self.admin("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        body(&answer)
    }

    /// A request of the admin API, `path` being what follows `/v1/admin`.
    pub fn admin_with(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> HttpResponse {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.brought.clear();
        loop {
            let carried = self.carry_out(method, path, headers, &body, usize::MAX);
            match &carried {
                Ok(Ok(handled)) if !handled.fetches().is_empty() => {
                    for request in handled.fetches() {
                        let result = self.web.get(&request.url).cloned().ok_or(TransportFailure::MaybeSent);
                        self.brought.push(Brought { url: request.url.clone(), result });
                    }
                }
                Ok(_) | Err(_) => return self.finish(carried),
            }
        }
    }

    fn finish(&mut self, carried: Result<Result<Handled, HttpResponse>, Failed>) -> HttpResponse {
        match carried {
            Ok(Ok(handled)) => {
                let in_force = match handled.changed().map(ToString::to_string) {
                    Some(account) => self.push_one(Some(&account)).unwrap_or(true),
                    None => false,
                };
                handled.answer(in_force, self.now)
            }
            Ok(Err(answer)) => answer,
            Err(error) => panic!("{}", error.0),
        }
    }

    /// The same without a push, and with a store that stops after so many statements.
    #[allow(clippy::type_complexity, reason = "an answer of the door, one of the Directory, or a failing store")]
    pub fn carry_out(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        statements: usize,
    ) -> Result<Result<Handled, HttpResponse>, Failed> {
        let path = format!("/v1/admin{path}");
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let all = || headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let request = FrontRequest {
            method,
            path,
            query,
            authorization: Some(&self.operator),
            idempotency_key: None,
            if_none_match: None,
            client_ip: None,
            content_length: Some(body.len() as u64),
            headers: &all,
        };
        let pass = match admin::route(&request, Some(&self.tokens), 7, self.now) {
            Some(AdminDecision::ToDirectory { pass }) => pass,
            Some(AdminDecision::Answer(answer)) => return Ok(Err(answer)),
            None => panic!("{path} is not the admin API's"),
        };
        let (entropy, now) = ([self.random(), self.random()], self.now);
        let (secrets, config) = (&self.secrets, &self.config);
        let tools = AdminTools {
            key_secret: KEY_SECRET,
            sealing_key: secrets.get("SENDGATE_SEALING_KEY").map(String::as_str),
            secret: &|name| secrets.get(name).cloned(),
            is_static: &|name| config.accounts.contains_key(name),
            resolver: None,
            brought: &self.brought,
        };
        self.directory.transaction::<_, Failed, _>(|sql| {
            let mut sql = Failing(sql, statements);
            Ok(Ok(Directory::open(&mut sql)?.handle(&pass, body, tools, &mut sql, entropy, now)?))
        })
    }

    /// The next push that is due, or that of an account; `None` when there is none, else whether the change is in force.
    pub fn push_one(&mut self, account: Option<&str>) -> Option<bool> {
        let push = self.take_push(account)?;
        let has = match self.network {
            Network::Works => self.deliver(&push),
            Network::Loses => None,
            Network::LosesAnswers => self.deliver(&push).and(None),
        };
        Some(self.told(&push, has))
    }

    pub fn take_push(&mut self, account: Option<&str>) -> Option<Push> {
        let now = self.now;
        self.in_directory(|directory, sql| directory.next_push(account, sql, now))
    }

    pub fn told(&mut self, push: &Push, has: Option<u64>) -> bool {
        let now = self.now;
        self.in_directory(|directory, sql| directory.pushed(push, has, sql, now))
    }

    /// Looks at the domain whose look is due, as a host's alarm does.
    pub fn look_one(&mut self) {
        let now = self.now;
        let Some(look) = self.in_directory(|directory, sql| directory.next_look(sql, now)) else { return };
        let entropy = [self.random(), self.random()];
        let mut brought = Vec::new();
        loop {
            let tools = AdminTools {
                key_secret: KEY_SECRET,
                sealing_key: Some(SEALING_KEY),
                secret: &|_| Some("esp-secret".into()),
                is_static: &|_| false,
                resolver: None,
                brought: &brought,
            };
            let done = self
                .directory
                .transaction::<_, Failed, _>(|sql| Ok(Directory::open(sql)?.look(&look, tools, sql, entropy, now)?));
            let handled = done.unwrap();
            if handled.fetches().is_empty() {
                if let Some(account) = handled.changed().map(ToString::to_string) {
                    self.push_one(Some(&account));
                }
                return;
            }
            for request in handled.fetches() {
                let result = self.web.get(&request.url).cloned().ok_or(TransportFailure::MaybeSent);
                brought.push(Brought { url: request.url.clone(), result });
            }
        }
    }

    pub fn wake_at(&mut self) -> Option<UnixMillis> {
        self.in_directory(|directory, sql| directory.wake_at(sql))
    }

    pub fn account_of_queue(&mut self, queue: &str) -> Option<String> {
        self.in_directory(|directory, sql| directory.account_of_queue(queue, sql))
    }

    fn in_directory<T>(&mut self, verb: impl FnOnce(&mut Directory, &mut dyn Sql) -> Result<T, SqlError>) -> T {
        self.directory.transaction::<_, Failed, _>(|sql| Ok(verb(&mut Directory::open(sql)?, sql)?)).unwrap()
    }

    /// Hands a push to its object: the revision that it has then.
    pub fn deliver(&mut self, push: &Push) -> Option<u64> {
        let (secrets, now) = (&self.secrets, self.now);
        let secret = |name: &str| secrets.get(name).cloned();
        let tools = HostTools { secret: &secret, compose: |_| Vec::new() };
        let object = self.objects.entry(push.account.clone()).or_insert_with(Object::new);
        let configured = object.database.transaction::<_, Refused, _>(|sql| {
            Ok(Account::configure(&push.account, &push.configuration, tools, sql, now)?)
        });
        let configured = configured.ok()?;
        object.account = configured.account.or(object.account.take());
        Some(configured.revision)
    }

    /// Runs the pushes that fall due until an instant.
    pub fn run_until(&mut self, end: UnixMillis) {
        while let Some(at) = self.wake_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            if self.push_one(None).is_none() {
                self.look_one();
            }
        }
        self.now = end;
    }

    /// Ends an object's process without a word.
    pub fn crash(&mut self, account: &str) {
        self.objects.get_mut(account).unwrap().account = None;
    }

    /// A request with a key.
    pub fn call(&mut self, key: &str, method: &str, path: &str, from: Option<&str>, body: &Value) -> HttpResponse {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let authorization = format!("Bearer {key}");
        let request = FrontRequest {
            method,
            path,
            query: "",
            authorization: Some(&authorization),
            idempotency_key: None,
            if_none_match: None,
            client_ip: from,
            content_length: Some(body.len() as u64),
            headers: &Vec::new,
        };
        let entropy = self.random();
        match front::route(&request, &self.config, KEY_SECRET, entropy, self.now) {
            FrontDecision::Answer(answer) => answer,
            FrontDecision::ToAccount { account, pass } | FrontDecision::ToReceiver { account, pass } => {
                let (entropy, now) = ([self.random(), self.random()], self.now);
                let handled =
                    self.decide(&account, |account, sql| Ok(account.handle(&pass, &body, sql, entropy, now)?));
                match handled {
                    Ok(answer) => answer,
                    Err(Refused::Account(AccountError::Missing)) => front::account_missing(1, now),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }

    pub fn send(&mut self, key: &str, messages: &[Value]) -> HttpResponse {
        self.call(key, "POST", "/v1/send", None, &json!({ "messages": messages }))
    }

    /// Where a report to this path goes: the account, or the status of the answer.
    pub fn report(&self, path: &str) -> Result<String, u16> {
        let request = FrontRequest {
            method: "POST",
            path,
            query: "",
            authorization: None,
            idempotency_key: None,
            if_none_match: None,
            client_ip: None,
            content_length: Some(0),
            headers: &Vec::new,
        };
        match front::route(&request, &self.config, KEY_SECRET, 1, self.now) {
            FrontDecision::Answer(answer) => Err(answer.status),
            FrontDecision::ToAccount { .. } => panic!("a report went to the API"),
            FrontDecision::ToReceiver { account, .. } => Ok(account),
        }
    }

    /// What the account's Mailroom wants done.
    pub fn next(&mut self, account: &str) -> Effect {
        let now = self.now;
        self.decide(account, |account, sql| Ok(account.next(sql, now)?)).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// The next request to a provider; panics when there is none.
    pub fn next_request(&mut self, account: &str) -> (Attempt, HttpRequest) {
        match self.next(account) {
            Effect::Send { attempt, call: Call::Http(request), .. } => (attempt, request),
            other => panic!("expected a request, got {other:?}"),
        }
    }

    pub fn settle(&mut self, account: &str, attempt: Attempt) {
        let (now, entropy) = (self.now, self.random());
        let reply = Reply::Http(HttpResponse { status: 200, headers: Vec::new(), body: br#"{"id":"esp-1"}"#.to_vec() });
        self.decide(account, |account, sql| Ok(account.settle(attempt, Ok(&reply), sql, entropy, now)?)).unwrap();
    }

    pub fn wakes_at(&mut self, account: &str) -> Option<UnixMillis> {
        self.decide(account, |account, _| Ok(account.wake_at())).unwrap()
    }

    fn decide<T>(
        &mut self,
        name: &str,
        verb: impl FnOnce(&mut Account, &mut dyn Sql) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let (secrets, config, now) = (&self.secrets, &self.config, self.now);
        let secret = |name: &str| secrets.get(name).cloned();
        let tools = HostTools { secret: &secret, compose: |_| Vec::new() };
        let object = self.objects.entry(name.into()).or_insert_with(Object::new);
        let kept = object.account.take();
        let (account, value) = object.database.transaction::<_, Refused, _>(|sql| {
            let mut account = match kept {
                Some(account) => account,
                None => Account::open(config, name, tools, sql, now)?,
            };
            let value = verb(&mut account, sql)?;
            Ok((account, value))
        })?;
        object.account = Some(account);
        Ok(value)
    }

    /// Everything that a database holds, as text.
    pub fn dump(database: &mut Database) -> String {
        let tables = query(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        let mut all = String::new();
        for table in &tables {
            let sendgate_core::sql::Value::Text(table) = &table[0] else { panic!("a table has a name") };
            for row in query(database, &format!("SELECT * FROM {table}")) {
                for cell in row {
                    all += &match cell {
                        sendgate_core::sql::Value::Text(text) => text,
                        sendgate_core::sql::Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                        sendgate_core::sql::Value::Integer(number) => number.to_string(),
                        sendgate_core::sql::Value::Null => "null".into(),
                    };
                    all.push('\n');
                }
            }
        }
        all
    }

    /// The next pseudo-random number (SplitMix64).
    fn random(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.entropy;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Object {
    fn new() -> Self {
        Self { database: Database::in_memory().unwrap(), account: None }
    }
}

/// Runs a statement on a database.
pub fn query(database: &mut Database, statement: &str) -> Vec<Row> {
    database.transaction::<_, Failed, _>(|sql| Ok(sql.run(statement, &[])?)).unwrap()
}

/// An account with a provider and generous limits.
pub fn config() -> Value {
    json!({
        "key_windows": [{"kind": "sliding", "name": "key-second", "limit": 1000, "period_ms": 1000}],
        "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 1000, "period_ms": 60000}],
        "quotas": [{"period": "day", "limit": 100000}],
        "max_messages": 500,
        "batch": {"max_messages": 1},
        "providers": [provider("main")]
    })
}

pub fn provider(name: &str) -> Value {
    json!({"name": name, "kind": "sandbox", "base_url": "http://127.0.0.1:1/esp", "credential": "ESP"})
}

/// A message to one address.
pub fn message(to: &str) -> Value {
    json!({"from": "Shop <orders@shop.example>", "to": to, "subject": "Hello", "text_body": "Hi"})
}

pub fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

pub fn text(response: &HttpResponse) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// Status and code of an answer; the code of one that is no problem is empty.
pub fn verdict(response: &HttpResponse) -> (u16, String) {
    (response.status, body(response)["code"].as_str().unwrap_or_default().into())
}
