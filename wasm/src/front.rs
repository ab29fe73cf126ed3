//! The Worker's `fetch`: reads the request's head, lets core route it, and hands it to its account's object.

use crate::host::log;
use crate::{bound, clock, stream, transport, wire};
use js_sys::{Reflect, Uint8Array};
use sendgate_core::admin::{self, AdminDecision};
use sendgate_core::front::{self, FrontDecision, FrontRequest};
use sendgate_core::time::UnixMillis;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};
use worker::Env;

/// Answers one HTTP request.
///
/// # Errors
/// No answer could be made: `entry.js` answers 500.
#[wasm_bindgen]
pub async fn fetch(request: Request, env: Env) -> Result<Response, JsValue> {
    let head = Head::of(&request, &env)?;
    #[cfg(feature = "sandbox")]
    if let Some(answer) = crate::sandbox::front(&request, &head, &env).await? {
        return wire::unpack(&answer);
    }
    let (entropy, now) = (clock::random_u64()?, clock::now());
    if let Some(answer) = to_directory(&request, &head, &env, entropy, now).await? {
        return wire::unpack(&answer);
    }
    let decided = bound::config(&env).and_then(|config| {
        let secret = bound::key_secret(&env)?;
        let headers = || transport::header_fields(&request.headers());
        Ok(front::route(&head.as_front(&headers), &config, &secret, entropy, now))
    });
    let packed = match decided {
        Ok(FrontDecision::Answer(answer)) => {
            take_in(&request).await;
            wire::pack(&answer)?
        }
        Ok(FrontDecision::ToAccount { account, pass }) => {
            let body = body(&request, head.content_length).await?;
            let accounts = bound::namespace(&env, "ACCOUNT_GATE")?;
            wire::call(&accounts, &account, &JsValue::from_str(&pass), &body, head.content_length).await?
        }
        Ok(FrontDecision::ToReceiver { account, pass }) => {
            let body = body(&request, head.content_length).await?;
            let accounts = bound::namespace(&env, "ACCOUNT_GATE")?;
            wire::report(&accounts, &account, &JsValue::from_str(&pass), &body).await?
        }
        Err(error) => {
            log(&error);
            wire::pack(&front::misconfigured(entropy, now))?
        }
    };
    wire::unpack(&packed)
}

/// The Directory's answer, to a request of the admin API.
async fn to_directory(
    request: &Request,
    head: &Head,
    env: &Env,
    entropy: u64,
    now: UnixMillis,
) -> Result<Option<JsValue>, JsValue> {
    let headers = || transport::header_fields(&request.headers());
    match admin::route(&head.as_front(&headers), bound::admin_token(env).as_deref(), entropy, now) {
        None => Ok(None),
        Some(AdminDecision::Answer(answer)) => {
            take_in(request).await;
            wire::pack(&answer).map(Some)
        }
        Some(AdminDecision::ToDirectory { pass }) => {
            let body = body(request, head.content_length).await?;
            let directory = bound::namespace(env, "DIRECTORY")?;
            wire::call(&directory, DIRECTORY, &JsValue::from_str(&pass), &body, None).await.map(Some)
        }
    }
}

/// Takes in messages of the queue `name`, each as its JSON; whether each of them is done with, in their order.
///
/// # Errors
/// No account takes this queue's messages, or an object could not be called: the platform delivers them again.
#[wasm_bindgen]
pub async fn queue(name: String, messages: Vec<String>, env: Env) -> Result<Vec<JsValue>, JsValue> {
    let config = bound::config(&env).map_err(|error| JsValue::from_str(&error))?;
    let accounts = bound::namespace(&env, "ACCOUNT_GATE")?;
    // An account of the deployment's own configuration, or else one of the Directory's, which is asked once a batch.
    let account = match front::account_of_queue(&name, &config) {
        Some(account) => account.to_owned(),
        None => {
            let directory = bound::namespace(&env, "DIRECTORY")?;
            let known = wire::account_of(&directory, DIRECTORY, &name).await?;
            known.ok_or_else(|| JsValue::from_str("no account takes this queue's messages"))?
        }
    };
    let mut done = Vec::with_capacity(messages.len());
    for message in messages {
        let pass = front::queue_pass(&account, &name, clock::random_u64()?, clock::now());
        let body = Uint8Array::from(message.as_bytes());
        let answer = wire::report(&accounts, &account, &JsValue::from_str(&pass), &body).await?;
        done.push(JsValue::from_bool(front::is_taken(wire::status(&answer)?)));
    }
    Ok(done)
}

/// The answer to a request that [`fetch`] could not answer, from an instance that still can.
///
/// # Errors
/// Nor can this one.
#[wasm_bindgen]
pub fn failed() -> Result<Response, JsValue> {
    wire::unpack(&wire::pack(&front::internal_error(clock::random_u64()?, clock::now()))?)
}

/// A request without its body.
pub(crate) struct Head {
    pub(crate) method: String,
    url: String,
    authorization: Option<String>,
    idempotency_key: Option<String>,
    client_ip: Option<String>,
    if_none_match: Option<String>,
    pub(crate) content_length: Option<u64>,
}

impl Head {
    fn of(request: &Request, env: &Env) -> Result<Self, JsValue> {
        let headers = request.headers();
        Ok(Self {
            method: request.method(),
            url: request.url(),
            authorization: headers.get("authorization")?,
            idempotency_key: headers.get("idempotency-key")?,
            client_ip: client_ip(request, env)?,
            if_none_match: headers.get("if-none-match")?,
            content_length: headers.get("content-length")?.and_then(|length| length.parse().ok()),
        })
    }

    /// Path and query of the URL, as they came.
    pub(crate) fn path_and_query(&self) -> (&str, &str) {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
        path.split_once('?').unwrap_or((path, ""))
    }

    fn as_front<'a>(&'a self, headers: &'a dyn Fn() -> Vec<(String, String)>) -> FrontRequest<'a> {
        let (path, query) = self.path_and_query();
        FrontRequest {
            method: &self.method,
            path,
            query,
            authorization: self.authorization.as_deref(),
            idempotency_key: self.idempotency_key.as_deref(),
            client_ip: self.client_ip.as_deref(),
            if_none_match: self.if_none_match.as_deref(),
            content_length: self.content_length,
            headers,
        }
    }
}

/// The address that a request comes from, where it is not the client's own word.
///
/// Cloudflare sets `CF-Connecting-IP` itself on each request that it takes in, and says in the request's `cf` which of its
/// places that was (`colo`). A Worker that runs elsewhere has no such place, and there the header is whatever a client wrote.
/// Behind a proxy of one's own, `SENDGATE_CLIENT_IP_HEADER` names the header that this proxy sets.
fn client_ip(request: &Request, env: &Env) -> Result<Option<String>, JsValue> {
    if let Some(header) = bound::text(env, "SENDGATE_CLIENT_IP_HEADER") {
        return request.headers().get(&header);
    }
    let cf = Reflect::get(request, &JsValue::from_str("cf"))?;
    let is_cloudflare = cf.is_object() && Reflect::get(&cf, &JsValue::from_str("colo"))?.is_string();
    if is_cloudflare { request.headers().get("cf-connecting-ip") } else { Ok(None) }
}

/// The body to hand over: bytes when it is surely small, else the stream itself, which the object reads and counts.
/// Neither is copied into this instance's memory.
pub(crate) async fn body(request: &Request, length: Option<u64>) -> Result<JsValue, JsValue> {
    match (request.body(), length) {
        (None, _) => Ok(Uint8Array::new_with_length(0).into()),
        (Some(_), Some(length)) if length <= SMALL_BODY_BYTES => {
            Ok(Uint8Array::new(&JsFuture::from(request.array_buffer()?).await?).into())
        }
        (Some(stream), _) => Ok(stream.into()),
    }
}

/// Reads what the client is still sending and keeps nothing: many clients read no answer before they have sent all.
async fn take_in(request: &Request) {
    if let Some(body) = request.body() {
        stream::discard(&body, MOST_DISCARDED_BYTES).await;
    }
}

/// The name of the one object that has the accounts.
const DIRECTORY: &str = "directory";

/// Twice the largest body; who sends more meets a closed connection.
const MOST_DISCARDED_BYTES: usize = 100_000_000;

/// A call between objects carries at most 32 MiB in its arguments, and copies them; a stream costs a few messages more.
const SMALL_BODY_BYTES: u64 = 1 << 20;
