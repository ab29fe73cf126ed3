//! STAND-IN for `sendgate_core::{front, account, config}` until they land: a queue of plain requests, enough to turn the
//! shell, the guard and the pump. Deleted with the merge.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::cast_sign_loss, reason = "a stand-in, deleted at the merge")]

use sendgate_core::http::{HttpRequest, HttpResponse};
use sendgate_core::outcome::TransportFailure;
use sendgate_core::sql::{Param, Sql, SqlError, Value};
use sendgate_core::time::UnixMillis;
use std::collections::BTreeSet;

pub const MAX_BODY_BYTES: u64 = 50_000_000;

pub struct Config;
impl Config {
    pub fn parse(_text: &str, _lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        Ok(Self)
    }
}

pub struct FrontRequest<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a [(String, String)],
    pub content_length: Option<u64>,
}
pub enum FrontDecision {
    Answer(HttpResponse),
    ToAccount { account: String, pass: String },
}
pub enum Effect {
    Send { attempt: u64, request: HttpRequest, timeout_ms: u64 },
    Wait { until: UnixMillis },
    Idle,
}

pub fn plain(status: u16, body: String) -> HttpResponse {
    HttpResponse { status, headers: vec![("Content-Type".into(), "text/plain".into())], body: body.into_bytes() }
}
pub fn store_failed(_now: UnixMillis) -> HttpResponse {
    plain(503, "store failed".into())
}
pub fn body_too_large(_now: UnixMillis) -> HttpResponse {
    plain(413, "too large".into())
}
pub fn route(request: &FrontRequest<'_>, _config: &Config, _secret: &str, now: UnixMillis) -> FrontDecision {
    match request.path {
        "/healthz" => FrontDecision::Answer(plain(200, "ok".into())),
        path if path.starts_with("/v1/") => match request.content_length {
            Some(length) if length > MAX_BODY_BYTES => FrontDecision::Answer(body_too_large(now)),
            _ => FrontDecision::ToAccount {
                account: "dev".into(),
                pass: format!("{} {}?{}", request.method, path, request.query),
            },
        },
        _ => FrontDecision::Answer(plain(404, "no".into())),
    }
}

pub struct Account {
    flying: BTreeSet<u64>,
    wake: Option<UnixMillis>,
}
impl Account {
    pub fn open(_config: &Config, _account: &str, sql: &mut dyn Sql, _now: UnixMillis) -> Result<Self, SqlError> {
        sql.run("CREATE TABLE IF NOT EXISTS work(id INTEGER PRIMARY KEY, url TEXT NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0)", &[])?;
        sql.run("UPDATE work SET state = 'ambiguous' WHERE state = 'sending'", &[])?;
        let mut account = Self { flying: BTreeSet::new(), wake: None };
        account.look(sql)?;
        Ok(account)
    }
    fn look(&mut self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        let rows = sql.run("SELECT min(due) FROM work WHERE state = 'queued'", &[])?;
        self.wake = match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(due)) => Some(UnixMillis::new(*due as u64)),
            _ => None,
        };
        Ok(())
    }
    pub fn handle(
        &mut self,
        pass: &str,
        body: &[u8],
        sql: &mut dyn Sql,
        _entropy: [u8; 32],
        now: UnixMillis,
    ) -> Result<HttpResponse, SqlError> {
        if pass.starts_with("GET /v1/messages") {
            let rows = sql.run("SELECT state, count(*), sum(tries) FROM work GROUP BY state ORDER BY state", &[])?;
            let line = |row: &Vec<Value>| match row.as_slice() {
                [Value::Text(state), Value::Integer(count), Value::Integer(tries)] => {
                    format!("{state}={count}/{tries} ")
                }
                _ => "?".into(),
            };
            return Ok(plain(200, rows.iter().map(line).collect()));
        }
        let text = String::from_utf8_lossy(body);
        if text.len() > 4096 {
            return Ok(plain(202, format!("bytes={}", body.len())));
        }
        let mut count = 0;
        for line in text.lines() {
            let (delay, url) = line.split_once(' ').unwrap_or(("0", line));
            let due = now.plus(delay.parse().unwrap_or(0));
            sql.run(
                "INSERT INTO work(url, due, state) VALUES(?1, ?2, 'queued') RETURNING id",
                &[Param::Text(url), Param::Integer(due.as_i64())],
            )?;
            count += 1;
        }
        self.look(sql)?;
        Ok(plain(202, format!("queued={count}")))
    }
    pub fn next(&mut self, sql: &mut dyn Sql, _entropy: u64, now: UnixMillis) -> Result<Effect, SqlError> {
        let rows = sql.run("SELECT id, url, due FROM work WHERE state = 'queued' ORDER BY due LIMIT 1", &[])?;
        let Some([Value::Integer(id), Value::Text(url), Value::Integer(due)]) = rows.first().map(Vec::as_slice) else {
            self.wake = None;
            return Ok(Effect::Idle);
        };
        let due = UnixMillis::new(*due as u64);
        if due > now {
            self.wake = Some(due);
            return Ok(Effect::Wait { until: due });
        }
        sql.run("UPDATE work SET state = 'sending', tries = tries + 1 WHERE id = ?1", &[Param::Integer(*id)])?;
        self.flying.insert(*id as u64);
        self.look(sql)?;
        let request = HttpRequest { method: "POST", url: url.clone(), headers: vec![], body: b"{}".to_vec() };
        Ok(Effect::Send { attempt: *id as u64, request, timeout_ms: 2_000 })
    }
    pub fn settle(
        &mut self,
        attempt: u64,
        result: Result<HttpResponse, TransportFailure>,
        sql: &mut dyn Sql,
        _entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.flying.remove(&attempt);
        let id = Param::Integer(i64::try_from(attempt).unwrap_or(0));
        let (state, due) = match result {
            Ok(answer) if answer.status < 300 => ("sent", now),
            Ok(_) => ("queued", now.plus(3_000)),
            Err(TransportFailure::NotSent) => ("notsent", now),
            Err(TransportFailure::MaybeSent) => ("ambiguous", now),
        };
        sql.run(
            "UPDATE work SET state = ?2, due = ?3 WHERE id = ?1",
            &[id, Param::Text(state), Param::Integer(due.as_i64())],
        )?;
        self.look(sql)
    }
    pub fn wake_at(&self) -> Option<UnixMillis> {
        self.wake
    }
}
