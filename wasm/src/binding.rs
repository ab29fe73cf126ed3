//! One call of a `send_email` binding.

use crate::host::{Either, Timer, race};
use js_sys::{Function, JSON, Promise, Reflect};
use sendgate_core::outcome::TransportFailure;
use sendgate_core::transport::{BindingCall, BindingReply};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

/// Calls the binding with the message, within `timeout_ms`.
///
/// # Errors
/// `NotSent` when there is no such binding or the message is no object for it; `MaybeSent` when it does not answer in
/// time.
pub(crate) async fn send(call: &BindingCall, env: &Env, timeout_ms: u64) -> Result<BindingReply, TransportFailure> {
    let (timer, send, binding, message) = prepare(call, env, timeout_ms).map_err(|_| TransportFailure::NotSent)?;
    match race(answer(&send, &binding, &message), timer.end()).await {
        Either::First(Ok(value)) => Ok(BindingReply::Returned { message_id: text(&value, "messageId") }),
        Either::First(Err(error)) => Ok(BindingReply::Threw { code: text(&error, "code") }),
        Either::Second(()) => Err(TransportFailure::MaybeSent),
    }
}

fn prepare(call: &BindingCall, env: &Env, timeout_ms: u64) -> Result<(Timer, Function, JsValue, JsValue), JsValue> {
    let binding = Reflect::get(env.as_ref(), &JsValue::from_str(&call.binding))?;
    let send = Reflect::get(&binding, &JsValue::from_str("send"))?.dyn_into::<Function>()?;
    let message = String::from_utf8_lossy(&call.message);
    Ok((Timer::start(timeout_ms)?, send, binding, JSON::parse(&message)?))
}

async fn answer(send: &Function, binding: &JsValue, message: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(send.call1(binding, message)?.dyn_into::<Promise>()?).await
}

/// A property that is a text.
fn text(value: &JsValue, name: &str) -> Option<String> {
    Reflect::get(value, &JsValue::from_str(name)).ok()?.as_string()
}
