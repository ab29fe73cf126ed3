//! R197: a kill between any two steps of the store. Quota is reserved, messages are queued and the answer is kept under its
//! idempotency key together or not at all, for each statement at which the store or the process can end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::*;
use sendgate_core::{
    front::{self, FrontDecision, FrontRequest},
    http::HttpResponse,
    mailroom::Effect,
    sql::{Param, Row, Sql, SqlError, Value as Cell},
    transport::Reply,
};
use serde_json::{Value, json};

/// How the store ends at a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The statement is refused.
    Before,
    /// It is carried out, and its answer is lost with the process.
    After,
}

/// A store that ends at a statement.
struct Ending<'a> {
    sql: &'a mut dyn Sql,
    /// Statements until then.
    left: &'a mut usize,
    end: End,
}

impl Sql for Ending<'_> {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let is_last = *self.left == 0;
        *self.left = self.left.saturating_sub(1);
        if is_last && self.end == End::Before {
            return Err(SqlError("killed".into()));
        }
        let rows = self.sql.run(statement, parameters)?;
        if is_last { Err(SqlError("killed".into())) } else { Ok(rows) }
    }
}

/// Sends under an idempotency key over a store that ends after `left` statements; `None` when it did.
fn ask(host: &mut Host, (path, request): (&str, &Value), left: &mut usize, end: End) -> Option<HttpResponse> {
    let (body, authorization) = (request.to_string(), format!("Bearer {}", key_of("k1")));
    let ask = FrontRequest {
        method: "POST",
        path,
        query: "",
        authorization: Some(&authorization),
        idempotency_key: Some("once"),
        client_ip: None,
        if_none_match: None,
        content_length: Some(body.len() as u64),
        headers: &Vec::new,
    };
    let entropy = [host.random(), host.random()];
    let FrontDecision::ToAccount { pass, .. } = front::route(&ask, &host.config, SECRET, entropy[0], host.now) else {
        panic!("the request went elsewhere");
    };
    let (account, now) = (&mut host.account, host.now);
    let answered = host.database.transaction::<_, Failed, _>(|sql| {
        Ok(account.handle(&pass, body.as_bytes(), &mut Ending { sql, left, end }, entropy, now)?)
    });
    answered.ok()
}

/// Delivers what is due over such a store; `false` when it ended.
fn deliver(host: &mut Host, left: &mut usize, end: End) -> bool {
    loop {
        let (account, now) = (&mut host.account, host.now);
        let next =
            host.database.transaction::<_, Failed, _>(|sql| Ok(account.next(&mut Ending { sql, left, end }, now)?));
        let attempt = match next {
            Ok(Effect::Send { attempt, .. }) => attempt,
            Ok(Effect::Wait { .. } | Effect::Idle) => return true,
            Err(_) => return false,
        };
        let (account, reply) = (&mut host.account, Reply::Http(taken()));
        let settled = host.database.transaction::<_, Failed, _>(|sql| {
            Ok(account.settle(attempt, Ok(&reply), &mut Ending { sql, left, end }, 1, now)?)
        });
        if settled.is_err() {
            return false;
        }
    }
}

/// The requests: three messages, and one message to three people with a text that is stored in parts; the second of each
/// is suppressed.
fn requests() -> [(&'static str, Value); 2] {
    let messages =
        json!({"messages": [message("ann@example.com"), message("gone@example.com"), message("bob@example.com")]});
    let people: Vec<Value> = ["ann", "gone", "bob"]
        .map(|name| json!({"email": format!("{name}@example.com"), "substitutions": {"name": name}}))
        .into();
    let text = "x".repeat(1_100_000);
    let circular = json!({"from": "orders@shop.example", "subject": "Hello {{name}}", "text_body": text});
    [("/v1/send", messages), ("/v1/send/bulk", json!({"message": circular, "recipients": people}))]
}

fn suppressing() -> Host {
    let mut host = Host::new();
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"gone@example.com","reason":"complaint"}"#);
    host
}

fn reserved(host: &mut Host) -> i64 {
    let sum = "SELECT coalesce(sum(units), 0) FROM message WHERE status IN ('queued', 'deferred', 'held', 'sending')";
    match host.query(sum)[0][0] {
        Cell::Integer(n) => n,
        Cell::Null | Cell::Text(_) | Cell::Blob(_) => panic!("no number"),
    }
}

/// R197, R198: at every statement of a send. What was asked again under its key is accepted once.
#[test]
fn a_kill_at_any_statement_of_a_send_leaves_all_or_nothing() {
    for (path, request) in requests() {
        for end in [End::Before, End::After] {
            let mut kills = 0;
            for at in 0.. {
                let mut host = suppressing();
                let before = host.contents();
                let mut left = at;
                if let Some(response) = ask(&mut host, (path, &request), &mut left, end) {
                    assert_eq!(response.status, 202, "{path}: the store ended at no statement: {at}");
                    assert!(left > 0 || kills > 0);
                    break;
                }
                kills += 1;
                host.crash();
                assert_eq!(host.contents(), before, "{path}: {end:?} statement {at}");
                conserved(&mut host, 0);
                for replayed in [None, Some("true")] {
                    let response = ask(&mut host, (path, &request), &mut usize::MAX.clone(), end).unwrap();
                    assert_eq!((response.status, response.header("idempotent-replayed")), (202, replayed));
                    conserved(&mut host, 3);
                    assert_eq!(reserved(&mut host), 2);
                    host.crash();
                }
            }
            assert!(kills >= 10, "{path}: only {kills} statements were seen");
        }
    }
}

/// R114, R197: and at every statement of the delivery behind it. Units stay with their messages to the end, and the text
/// that messages share is there as long as one of them needs it and not longer.
#[test]
fn a_kill_at_any_statement_of_a_delivery_keeps_the_books() {
    for (path, request) in requests() {
        for end in [End::Before, End::After] {
            let mut kills = 0;
            for at in 0.. {
                let mut host = suppressing();
                assert_eq!(ask(&mut host, (path, &request), &mut usize::MAX.clone(), end).unwrap().status, 202);
                let mut left = at;
                if deliver(&mut host, &mut left, end) {
                    break;
                }
                kills += 1;
                host.crash();
                conserved(&mut host, 3);
                assert!(deliver(&mut host, &mut usize::MAX.clone(), end));
                // What was on its way is of unknown outcome, and is given time before it goes again under its key.
                host.advance(3_600_000);
                assert!(deliver(&mut host, &mut usize::MAX.clone(), end));
                conserved(&mut host, 3);
                assert_eq!(reserved(&mut host), 0, "{path}: {end:?} statement {at}");
                let parts = host.query("SELECT id FROM part WHERE id NOT LIKE 'answer:%'");
                assert_eq!(parts.len(), 0, "{path}: {end:?} statement {at}: nothing is left behind");
            }
            assert!(kills >= 10, "{path}: only {kills} statements were seen");
        }
    }
}
