//! A running Sendgate for end-to-end tests: raw `workerd`, its simulator, accounts of the test's making, an HTTP client.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

use sendgate_core::key;
use sendgate_dev::{Scratch, Settings, Workerd, free_port};
use serde_json::{Value, json};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};
use ureq::Agent;

pub const SECRET: &str = "the secret of the end-to-end tests";

/// The operator's token.
pub const ADMIN_TOKEN: &str = "the-operators-token-of-the-tests";
/// Base64 of the bytes 0 to 31.
const SEALING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The simulator shows a message with all that was sent: two of 25 MB, several times.
const MAX_BODY: u64 = 400_000_000;

/// A Sendgate of its own: one `workerd`, one state directory, the accounts `shop` and `bank`.
pub struct Running {
    pub workerd: Workerd,
    agent: Agent,
    // Dropped last: the process writes into it.
    _state: Scratch,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{} {error}: {}", self.status, self.body))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().into()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The key of an account.
pub fn key_of(account: &str) -> String {
    key::issue(SECRET, account, "k1", [9; 16]).unwrap()
}

impl Running {
    /// Starts it with the simulator's dialect `kind` as the provider of `shop`; `change` edits that account.
    pub fn start(kind: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::start_with(kind, change, |settings| settings)
    }

    /// The same; `settle` has the last word on how it runs.
    pub fn start_with(kind: &str, change: impl FnOnce(&mut Value), settle: impl FnOnce(Settings) -> Settings) -> Self {
        let state = Scratch::new().unwrap();
        let port = free_port().unwrap();
        let account = |name: &str| {
            json!({
                "keys": [{"id": "k1", "hash": key::hash(&key_of(name)), "scopes": ["send", "send:bulk", "read", "suppressions"]}],
                "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 1_000_000, "period_ms": 60000}],
                "key_windows": [{"kind": "sliding", "name": "key-second", "limit": 100_000, "period_ms": 1000}],
                "quotas": [{"period": "day", "limit": 50000}],
                "max_messages": 500,
                // A test that is about calls of several messages says so.
                "batch": {"max_messages": 1},
                "providers": [{
                    "name": "simulator",
                    "kind": kind,
                    "base_url": format!("http://127.0.0.1:{port}/sandbox/{}", if kind == "sandbox" { "esp" } else { kind }),
                    "credential": "SIMULATOR_CREDENTIAL",
                    "timeout_ms": 2000
                }]
            })
        };
        let mut shop = account("shop");
        change(&mut shop);
        let config = json!({"accounts": {"shop": shop, "bank": account("bank")}}).to_string();
        let settings = Settings::development(state.path(), port)
            .bind("SENDGATE_CONFIG", &config)
            .bind("SENDGATE_KEY_SECRET", SECRET)
            .bind("SENDGATE_ADMIN_TOKEN", ADMIN_TOKEN)
            .bind("SENDGATE_SEALING_KEY", SEALING_KEY)
            .bind("SIMULATOR_CREDENTIAL", "re_test");
        let workerd = Workerd::start(settle(settings)).unwrap_or_else(|error| panic!("{error}"));
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let running = Self { workerd, agent, _state: state };
        // No window by default: a test sets the one it is about.
        let open = json!({"resend": {"windows": []}, "postmark": {"windows": []}, "esp": {"windows": []}});
        assert_eq!(running.call("PUT", "/sandbox/settings", None, open.to_string().as_bytes()).status, 200);
        running
    }

    pub fn call(&self, method: &str, path: &str, key: Option<&str>, body: &[u8]) -> Answer {
        let authorization = key.map(|key| ("authorization", format!("Bearer {key}")));
        self.call_with(method, path, authorization.as_slice(), body)
    }

    pub fn call_with(&self, method: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Answer {
        self.try_call(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same for a test that kills the process meanwhile.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let url = format!("{}{path}", self.workerd.base_url());
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.header("content-type", "application/json").body(body).unwrap();
        self.agent.run(request).and_then(answer_of)
    }

    /// A client of its own that waits for so long: method, path, key, body.
    pub fn patient(&self, patience: Duration) -> impl Fn(&str, &str, &str, &[u8]) -> Answer {
        let base = self.workerd.base_url();
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(patience));
        let agent = config.build().new_agent();
        move |method, path, key, body| {
            let request = ureq::http::Request::builder().method(method).uri(format!("{base}{path}"));
            let request = request.header("authorization", format!("Bearer {key}")).body(body).unwrap();
            let answer = agent.run(request).and_then(answer_of);
            answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
        }
    }

    /// A request of the operator's, `path` being what follows `/v1/admin`.
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.call(method, &format!("/v1/admin{path}"), Some(ADMIN_TOKEN), &body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some(&key_of("shop")), b"")
    }

    pub fn send(&self, messages: &[Value]) -> Answer {
        self.call("POST", "/v1/send", Some(&key_of("shop")), json!({ "messages": messages }).to_string().as_bytes())
    }

    /// Sends and returns the ids; panics unless every message was accepted.
    pub fn send_ok(&self, messages: &[Value]) -> Vec<String> {
        let answer = self.send(messages);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let items = answer.json();
        items["messages"].as_array().unwrap().iter().map(|m| m["message_id"].as_str().unwrap().into()).collect()
    }

    pub fn trace(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/messages/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Waits until every message has one of these states, and returns the traces.
    pub fn wait_for(&self, ids: &[String], states: &[&str], patience: Duration) -> Vec<Value> {
        let deadline = Instant::now() + patience;
        ids.iter()
            .map(|id| {
                loop {
                    let trace = self.trace(id);
                    if states.contains(&trace["status"].as_str().unwrap()) {
                        return trace;
                    }
                    assert!(Instant::now() < deadline, "{id} did not become one of {states:?}: {trace}");
                    sleep(Duration::from_millis(50));
                }
            })
            .collect()
    }

    pub fn fault(&self, fault: &Value) {
        let answer = self.call("POST", "/sandbox/faults", None, fault.to_string().as_bytes());
        assert!(answer.status < 300, "{}", answer.body);
    }

    /// Everything the simulator saw, in order.
    pub fn log(&self) -> Vec<Value> {
        self.pages("/sandbox/log", "calls")
    }

    /// Everything the simulator took, in order.
    pub fn inbox(&self) -> Vec<Value> {
        self.pages("/sandbox/messages", "messages")
    }

    fn pages(&self, path: &str, name: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), Value::from(0));
        while !after.is_null() {
            let page = self.call("GET", &format!("{path}?after={after}&limit=1000"), None, b"").json();
            all.extend(page[name].as_array().unwrap().iter().cloned());
            after = page["next"].clone();
        }
        all
    }
}

fn answer_of(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    Ok(Answer {
        status: response.status().as_u16(),
        headers,
        body: response.body_mut().with_config().limit(MAX_BODY).read_to_string()?,
    })
}

/// A message to one address.
pub fn message(to: &str) -> Value {
    json!({"from": "Shop <orders@shop.example>", "to": to, "subject": "Hello", "text_body": "Hi"})
}
