//! Development only: everything that can go wrong in a Worker made of Rust, on request, for the guard's tests.
#![allow(clippy::panic, reason = "the guard's tests ask for panics")]

use crate::host::Timer;
use crate::sandbox::thrown;
use crate::storage::Storage;
use crate::{clock, wire};
use sendgate_core::http::HttpResponse;
use sendgate_core::sql::{Param, Row, Sql, SqlError, Value};
use std::cell::Cell;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Throws a `SyntaxError`, through an import that is not declared `catch`.
    #[wasm_bindgen(js_namespace = JSON, js_name = parse)]
    fn throwing(text: &str) -> JsValue;
}

/// In the front.
pub(crate) async fn in_front(fault: &str) {
    match fault {
        "panic" => panic!("asked for in the front"),
        "late-panic" => {
            pause(10).await;
            panic!("asked for in the front, after a wait")
        }
        "throw" => drop(throwing("{")),
        "stuck" => std::future::pending().await,
        _ => {}
    }
}

/// In the object, before anything is awaited.
pub(crate) fn in_object_now(fault: &str, storage: &Storage) -> Result<JsValue, JsValue> {
    match fault {
        "panic" => panic!("asked for in a synchronous method"),
        "write-then-panic" => {
            mark(&mut &*storage, "write-then-panic").map_err(thrown)?;
            panic!("asked for after a write")
        }
        "transaction-then-panic" => storage
            .transaction(|sql| -> Result<(), SqlError> {
                mark(sql, "transaction-then-panic")?;
                panic!("asked for inside a transaction")
            })
            .map_err(thrown)?,
        "transaction-then-error" => storage
            .transaction(|sql| -> Result<(), SqlError> {
                mark(sql, "transaction-then-error")?;
                storage.set_alarm(clock::now().plus(3_600_000))?;
                Err(SqlError("asked for".into()))
            })
            .map_err(thrown)?,
        _ => {}
    }
    text("done")
}

/// In the object, in an asynchronous method.
pub(crate) async fn in_object(fault: &str, query: &str, storage: &Storage) -> Result<JsValue, JsValue> {
    match fault {
        "panic" => {
            pause(10).await;
            panic!("asked for in an asynchronous method")
        }
        "trap" => {
            pause(10).await;
            core::arch::wasm32::unreachable()
        }
        "overflow" => return text(&deep(1).to_string()),
        "throw" => drop(throwing("{")),
        "stuck" => std::future::pending().await,
        "slow" => pause(query.parse().unwrap_or(1_000)).await,
        "undrained" => {
            mark(&mut &*storage, "before").map_err(thrown)?;
            storage.leave_undrained("INSERT INTO fault(name, runs) VALUES('undrained', 1) RETURNING name")?;
        }
        "memory" => {
            return text(&CALLS.with(|calls| calls.replace(calls.get() + 1)).to_string());
        }
        "pages" => return text(&core::arch::wasm32::memory_size(0).to_string()),
        "marks" => {
            tables(&mut &*storage).map_err(thrown)?;
            let rows = (&*storage).run("SELECT name, runs FROM fault ORDER BY name", &[]).map_err(thrown)?;
            return text(&rows.iter().map(line).collect::<String>());
        }
        "alarm" => {
            tables(&mut &*storage).map_err(thrown)?;
            (&*storage).run("INSERT INTO fault(name, runs) VALUES(?1, 0)", &[Param::Text(query)]).map_err(thrown)?;
            storage.set_alarm(clock::now()).map_err(thrown)?;
        }
        "alarm-at" => return text(&storage.alarm().await?.map_or(0, |at| at.as_millis()).to_string()),
        _ => return text("no such fault"),
    }
    text("done")
}

/// In the alarm: `alarm-panic`, `alarm-throw` or `alarm-error`, at the first run.
pub(crate) async fn in_alarm(storage: &Storage) -> Result<(), JsValue> {
    let sql = &mut &*storage;
    let asked = "UPDATE fault SET runs = runs + 1 WHERE name LIKE 'alarm-%' RETURNING name, runs";
    let rows = sql.run(asked, &[]).map_err(thrown)?;
    pause(10).await;
    if let Some([Value::Text(fault), Value::Integer(..=1)]) = rows.first().map(Vec::as_slice) {
        match fault.as_str() {
            "alarm-panic" => panic!("asked for in the alarm"),
            "alarm-throw" => drop(throwing("{")),
            "alarm-error" => return Err(js_sys::Error::new("asked for").into()),
            _ => {}
        }
    }
    Ok(())
}

async fn pause(milliseconds: u64) {
    if let Ok(timer) = Timer::start(milliseconds) {
        timer.end().await;
    }
}

fn tables(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("CREATE TABLE IF NOT EXISTS fault(name TEXT PRIMARY KEY, runs INTEGER NOT NULL)", &[]).map(drop)
}

fn mark(sql: &mut dyn Sql, name: &str) -> Result<(), SqlError> {
    tables(sql)?;
    sql.run("INSERT INTO fault(name, runs) VALUES(?1, 1)", &[Param::Text(name)]).map(drop)
}

fn line(row: &Row) -> String {
    // The table is this file's own: a row of anything else shows as one in the test that reads it.
    let [Value::Text(name), Value::Integer(runs)] = row.as_slice() else { return "? ".to_owned() };
    format!("{name}={runs} ")
}

/// Calls itself until the stack ends.
#[allow(unconditional_recursion, reason = "that is the fault")]
fn deep(depth: u64) -> u64 {
    std::hint::black_box(deep(std::hint::black_box(depth + 1)) + 1)
}

fn text(text: &str) -> Result<JsValue, JsValue> {
    wire::pack(&HttpResponse { status: 200, headers: Vec::new(), body: text.as_bytes().to_vec() })
}

thread_local! {
    /// Calls since this instance began.
    static CALLS: Cell<u32> = const { Cell::new(0) };
}
