//! One call of a `send_email` binding.

use crate::host::{Either, Timer, race};
use js_sys::{JSON, Promise, Reflect};
use sendgate_core::outcome::TransportFailure;
use sendgate_core::transport::{BindingCall, BindingReply};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

#[wasm_bindgen]
extern "C" {
    /// What `env` holds under the binding's name.
    type Binding;
    #[wasm_bindgen(method, catch)]
    fn send(this: &Binding, message: &JsValue) -> Result<JsValue, JsValue>;
}

/// Calls the binding with the message, within `timeout_ms`.
///
/// # Errors
/// `NotSent` when there is no such binding or the message is no JSON; `MaybeSent` when it does not answer in time.
pub(crate) async fn send(call: &BindingCall, env: &Env, timeout_ms: u64) -> Result<BindingReply, TransportFailure> {
    let (timer, binding, message) = prepare(call, env, timeout_ms).map_err(|_| TransportFailure::NotSent)?;
    match race(answer(&binding, &message), timer.end()).await {
        Either::First(Ok(value)) => Ok(BindingReply::Returned { message_id: text(&value, "messageId") }),
        Either::First(Err(error)) => Ok(BindingReply::Threw { code: text(&error, "code") }),
        Either::Second(()) => Err(TransportFailure::MaybeSent),
    }
}

fn prepare(call: &BindingCall, env: &Env, timeout_ms: u64) -> Result<(Timer, Binding, JsValue), JsValue> {
    let binding = Reflect::get(env.as_ref(), &JsValue::from_str(&call.binding))?;
    if !binding.is_object() {
        return Err(JsValue::from_str("there is no such binding"));
    }
    let message = JSON::parse(&String::from_utf8_lossy(&call.message))?;
    Ok((Timer::start(timeout_ms)?, binding.unchecked_into(), message))
}

async fn answer(binding: &Binding, message: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(&binding.send(message)?)).await
}

/// A property that is a text.
fn text(value: &JsValue, name: &str) -> Option<String> {
    Reflect::get(value, &JsValue::from_str(name)).ok()?.as_string()
}
