//! Development only: everything under `/sandbox`. The email provider simulator and the faults live in one Durable
//! Object; the shared vectors and the trace run in the front.

use crate::front::{Head, body};
use crate::host::{Timer, log};
use crate::storage::Storage;
use crate::stream::read_up_to;
use crate::transport::header_fields;
use crate::{bound, clock, faults, wire};
use js_sys::{Array, Uint8Array};
use sendgate_core::http::HttpResponse;
use sendgate_core::sql::SqlError;
use sendgate_core::vectors;
use sendgate_simulator::{Arrival, Reply};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::Request;
use worker::Env;

/// Answers what is under `/sandbox`, and nothing else.
///
/// # Errors
/// The object failed.
pub(crate) async fn front(request: &Request, head: &Head, env: &Env) -> Result<Option<JsValue>, JsValue> {
    let (path, query) = head.path_and_query();
    if path != "/sandbox" && !path.starts_with("/sandbox/") {
        return Ok(None);
    }
    if let Some(suite) = path.strip_prefix("/sandbox/vectors/") {
        let case = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
        return wire::pack(&evaluated(suite, &case)).map(Some);
    }
    if path == "/sandbox/trace" {
        let trace = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
        return wire::pack(&traced(&trace)).map(Some);
    }
    if let Some(fault) = path.strip_prefix("/sandbox/fault/front/") {
        faults::in_front(fault).await;
    }
    let ask = Array::of4(
        &head.method.as_str().into(),
        &path.into(),
        &query.into(),
        &wire::pairs(&header_fields(&request.headers())),
    );
    let body = body(request, head.content_length).await?;
    let sandbox = bound::namespace(env, "SANDBOX")?;
    wire::call(&sandbox, "sandbox", &ask, &body, None).await.map(Some)
}

/// The Rust object inside the class `Sandbox`.
#[wasm_bindgen]
pub struct Sandbox {
    desk: Rc<Storage>,
}

#[wasm_bindgen]
impl Sandbox {
    /// Takes the object's `ctx` and `env`.
    ///
    /// # Errors
    /// The object has no SQLite storage.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, _env: JsValue) -> Result<Sandbox, JsValue> {
        let storage = Storage::of(&state)?;
        storage.transaction(|sql| sendgate_simulator::open(sql)).map_err(thrown)?;
        Ok(Self { desk: Rc::new(storage) })
    }

    /// Answers one request, or stays silent for a minute when the simulator says so.
    ///
    /// # Errors
    /// The store failed, or the fault that was asked for is an error.
    pub fn handle(&self, ask: Array, body: JsValue) -> Result<JsValue, JsValue> {
        let arrival = Asked::read(&ask);
        if let Some(fault) = arrival.path.strip_prefix("/sandbox/fault/object/now/") {
            return faults::in_object_now(fault, &self.desk);
        }
        let storage = Rc::clone(&self.desk);
        Ok(future_to_promise(async move {
            if let Some(fault) = arrival.path.strip_prefix("/sandbox/fault/object/") {
                return faults::in_object(fault, &arrival.query, &storage).await;
            }
            let body = match body.dyn_into::<Uint8Array>() {
                Ok(bytes) => bytes.to_vec(),
                Err(stream) => read_up_to(&stream.dyn_into()?, MAX_BODY_BYTES, None).await.into_bytes(),
            };
            arrival.answer(&body, &storage).await
        })
        .into())
    }

    /// Only the faults set one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn alarm(&self) -> Result<(), JsValue> {
        let storage = Rc::clone(&self.desk);
        faults::in_alarm(&storage).await
    }
}

/// A request as the front hands it over.
struct Asked {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    fn read(ask: &Array) -> Self {
        let text = |array: &Array, index| array.get(index).as_string().unwrap_or_default();
        let headers = ask.get(3).unchecked_into::<Array>();
        let headers = headers.iter().map(|pair| pair.unchecked_into::<Array>());
        Self {
            method: text(ask, 0),
            path: text(ask, 1),
            query: text(ask, 2),
            headers: headers.map(|pair| (text(&pair, 0), text(&pair, 1))).collect(),
        }
    }

    async fn answer(&self, body: &[u8], storage: &Storage) -> Result<JsValue, JsValue> {
        let (entropy, now) = (clock::random_u64()?, clock::now());
        let arrival =
            Arrival { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers, body };
        match storage.transaction(|sql| sendgate_simulator::handle(&arrival, sql, entropy, now)) {
            Ok(Reply::Answer(answer)) => wire::pack(&answer),
            Ok(Reply::Hang) => {
                Timer::start(HANG_MS)?.end().await;
                wire::pack(&silent())
            }
            Err(error) => {
                log(&error.to_string());
                Err(thrown(error))
            }
        }
    }
}

/// A case of the shared vectors, run here.
fn evaluated(suite: &str, case: &str) -> HttpResponse {
    let (status, body) = match vectors::evaluate(suite, case) {
        Ok(outcome) => (200, outcome),
        Err(error) => (400, error.to_string()),
    };
    HttpResponse { status, headers: Vec::new(), body: body.into_bytes() }
}

/// A trace, performed here: the hashes of its log and of its states.
fn traced(trace: &str) -> HttpResponse {
    let (status, body) = match sendgate_trace::hashes(trace) {
        Ok((log, states)) => (200, format!("{log} {states}\n")),
        Err(fault) => (400, fault.to_string()),
    };
    HttpResponse { status, headers: Vec::new(), body: body.into_bytes() }
}

/// What ends a silence.
fn silent() -> HttpResponse {
    HttpResponse { status: 504, headers: Vec::new(), body: Vec::new() }
}

pub(crate) fn thrown(error: SqlError) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

/// Longer than any time-out that a provider's request has.
const HANG_MS: u64 = 60_000;

/// The largest request that a simulated provider takes: 50 MB, as Postmark's batch call.
const MAX_BODY_BYTES: usize = 50_000_000;
