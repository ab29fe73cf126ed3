//! A simulator on a SQLite of its own, and short ways to ask it.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part of this module")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a failure here is a failed test"
)]

use rusqlite::{Connection, params_from_iter, types::ValueRef};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError, Value as Column},
    time::UnixMillis,
};
use sendgate_simulator::{Arrival, Reply, handle, open};
use serde_json::Value;

/// 2026-12-01T10:00:00Z.
pub const START: u64 = 1_796_119_200_000;

pub struct Store {
    pub connection: Connection,
    /// Every statement that was run.
    pub statements: Vec<String>,
}

impl Sql for Store {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let failed = |error: rusqlite::Error| SqlError(error.to_string());
        let mut prepared = self.connection.prepare_cached(statement).map_err(failed)?;
        self.statements.push(statement.to_string());
        let columns = prepared.column_count();
        let values = parameters.iter().map(|parameter| match parameter {
            Param::Null => rusqlite::types::Value::Null,
            Param::Integer(number) => (*number).into(),
            Param::Text(text) => (*text).to_string().into(),
            Param::Blob(bytes) => {
                assert!(bytes.len() <= 2_000_000, "the platform takes at most 2 MB per value");
                bytes.to_vec().into()
            }
        });
        assert!(parameters.len() <= 100, "the platform takes at most 100 parameters");
        let mut rows = prepared.query(params_from_iter(values)).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let column = |index| {
                Ok(match row.get_ref(index).map_err(failed)? {
                    ValueRef::Null => Column::Null,
                    ValueRef::Integer(number) => Column::Integer(number),
                    ValueRef::Real(_) => return Err(SqlError("a float".into())),
                    ValueRef::Text(text) => Column::Text(String::from_utf8(text.to_vec()).unwrap()),
                    ValueRef::Blob(bytes) => Column::Blob(bytes.to_vec()),
                })
            };
            all.push((0..columns).map(column).collect::<Result<Row, SqlError>>()?);
        }
        Ok(all)
    }
}

pub struct Sim {
    pub store: Store,
    /// The random number of the next call; it grows.
    pub entropy: u64,
    /// The time of the next call.
    pub now: u64,
}

impl Sim {
    pub fn new() -> Self {
        Self::on(Connection::open_in_memory().unwrap())
    }

    pub fn on(connection: Connection) -> Self {
        let mut store = Store { connection, statements: Vec::new() };
        open(&mut store).unwrap();
        open(&mut store).unwrap();
        Self { store, entropy: 1, now: START }
    }

    /// One without any window.
    pub fn without_windows() -> Self {
        let mut sim = Self::new();
        sim.put("/sandbox/settings", r#"{"resend":{"windows":[]}}"#);
        sim
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<HttpResponse> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
        self.entropy += 1;
        let arrival = Arrival { method, path, query, headers: &headers, body };
        match handle(&arrival, &mut self.store, self.entropy, UnixMillis::new(self.now)).unwrap() {
            Reply::Answer(response) => Some(response),
            Reply::Hang => None,
        }
    }

    pub fn get(&mut self, path: &str) -> Value {
        json(&self.ask("GET", path, &[], b"").unwrap())
    }

    pub fn put(&mut self, path: &str, body: &str) -> HttpResponse {
        self.ask("PUT", path, &[], body.as_bytes()).unwrap()
    }

    pub fn fault(&mut self, body: &str) {
        let response = self.ask("POST", "/sandbox/faults", &[], body.as_bytes()).unwrap();
        assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
    }

    pub fn resend(&mut self, path: &str, key: Option<&str>, body: &str) -> Option<HttpResponse> {
        let mut headers = vec![("Authorization", "Bearer re_test"), ("User-Agent", "test")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.ask("POST", &format!("/sandbox/resend{path}"), &headers, body.as_bytes())
    }

    pub fn postmark(&mut self, path: &str, body: &str) -> Option<HttpResponse> {
        let headers = [("X-Postmark-Server-Token", "token"), ("Content-Type", "application/json")];
        self.ask("POST", &format!("/sandbox/postmark{path}"), &headers, body.as_bytes())
    }

    pub fn esp(&mut self, key: Option<&str>, body: &str) -> Option<HttpResponse> {
        let mut headers = vec![("Authorization", "Bearer any")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.ask("POST", "/sandbox/esp/messages", &headers, body.as_bytes())
    }

    pub fn log(&mut self) -> Vec<Value> {
        self.get("/sandbox/log?limit=10000")["calls"].as_array().unwrap().clone()
    }

    pub fn messages(&mut self) -> Vec<Value> {
        self.get("/sandbox/messages?limit=1000")["messages"].as_array().unwrap().clone()
    }
}

pub fn json(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// Asserts a status and returns the body.
pub fn expect(status: u16, response: Option<HttpResponse>) -> Value {
    let response = response.expect("an answer");
    assert_eq!(response.status, status, "{}", String::from_utf8_lossy(&response.body));
    json(&response)
}

pub const RESEND: &str = r#"{"from":"Shop <orders@shop.example>","to":["ann@a.example"],"subject":"Hi","text":"x"}"#;
pub const POSTMARK: &str = r#"{"From":"orders@shop.example","To":"ann@a.example","Subject":"Hi","TextBody":"x"}"#;
pub const ESP: &str =
    r#"{"id":"m1","from":"orders@shop.example","to":["ann@a.example"],"subject":"Hi","text_body":"x"}"#;
