//! One exchange with a provider.

use crate::host::{Either, Timer, race};
use crate::{binding, smtp, stream};
use js_sys::{Array, Promise, Uint8Array};
use sendgate_core::http::{HttpRequest, HttpResponse};
use sendgate_core::outcome::TransportFailure;
use sendgate_core::transport::{Call, Reply};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, Headers, Request, RequestInit, RequestRedirect, Response};
use worker::Env;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(request: &Request) -> Result<Promise, JsValue>;
}

/// Carries a call out, within `timeout_ms` altogether.
///
/// # Errors
/// As [`send`], [`smtp::send`] and [`binding::send`].
pub(crate) async fn carry(call: &Call, env: &Env, timeout_ms: u64) -> Result<Reply, TransportFailure> {
    match call {
        Call::Http(request) => send(request, timeout_ms).await.map(Reply::Http),
        Call::Smtp(mail) => smtp::send(mail, timeout_ms).await,
        Call::Binding(call) => binding::send(call, env, timeout_ms).await.map(Reply::Binding),
    }
}

/// Sends a request and reads its answer, within `timeout_ms` altogether. Redirects are answers, not followed.
///
/// # Errors
/// `NotSent` when no request could be made of it; `MaybeSent` for whatever goes wrong after that, because workerd says
/// "Network connection lost." of a refused connection and of one lost in the middle alike.
pub(crate) async fn send(request: &HttpRequest, timeout_ms: u64) -> Result<HttpResponse, TransportFailure> {
    let (controller, timer, request) = prepare(request, timeout_ms).map_err(|_| TransportFailure::NotSent)?;
    match race(exchange(&request), timer.end()).await {
        Either::First(answer) => answer.map_err(|_| TransportFailure::MaybeSent),
        Either::Second(()) => {
            controller.abort();
            Err(TransportFailure::MaybeSent)
        }
    }
}

fn prepare(request: &HttpRequest, timeout_ms: u64) -> Result<(AbortController, Timer, Request), JsValue> {
    let controller = AbortController::new()?;
    let request = outgoing(request, &controller.signal())?;
    Ok((controller, Timer::start(timeout_ms)?, request))
}

fn outgoing(request: &HttpRequest, signal: &AbortSignal) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.append(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_headers(headers.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(signal));
    if !request.body.is_empty() {
        init.set_body(&Uint8Array::from(request.body.as_slice()));
    }
    Request::new_with_str_and_init(&request.url, &init)
}

async fn exchange(request: &Request) -> Result<HttpResponse, JsValue> {
    let response: Response = JsFuture::from(global_fetch(request)?).await?.dyn_into()?;
    let headers = header_fields(&response.headers());
    // The status is the provider's decision; a body cut short or too long takes nothing away from it.
    let body = match response.body() {
        Some(body) => stream::read_up_to(&body, MAX_ANSWER_BYTES, None).await.into_bytes(),
        None => Vec::new(),
    };
    Ok(HttpResponse { status: response.status(), headers, body })
}

/// Every field of `headers`, names in lower case.
pub(crate) fn header_fields(headers: &Headers) -> Vec<(String, String)> {
    let text = |pair: &Array, index| pair.get(index).as_string();
    Array::from(headers)
        .iter()
        .filter_map(|pair| {
            let pair = pair.unchecked_into::<Array>();
            Some((text(&pair, 0)?, text(&pair, 1)?))
        })
        .collect()
}

/// Providers answer with a few hundred bytes; a batch answer for 500 messages stays below 100 kB.
const MAX_ANSWER_BYTES: usize = 1_000_000;
