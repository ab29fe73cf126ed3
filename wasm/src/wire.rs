//! How an answer travels from an object to the front: `{status, headers: [[name, value]], body}`, which is also what
//! JavaScript's `Response` takes as its `init`.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use sendgate_core::http::HttpResponse;
use wasm_bindgen::prelude::*;
use web_sys::Response;
use worker::ObjectNamespace;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Response, extends = Response)]
    type Answering;
    #[wasm_bindgen(constructor, catch, js_class = Response)]
    fn new(body: &JsValue, init: &JsValue) -> Result<Answering, JsValue>;

    /// What an object of ours answers to, over typed calls.
    type Remote;
    #[wasm_bindgen(method, catch)]
    fn handle(this: &Remote, ask: &JsValue, body: &JsValue, length: Option<f64>) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn receive(this: &Remote, ask: &JsValue, body: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn configure(this: &Remote, pushed: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = accountOf)]
    fn account_of(this: &Remote, queue: &str) -> Result<Promise, JsValue>;
}

/// Calls `handle(ask, body, length)` of the object `name`, with the body's length where it is known. A new stub each time:
/// one that failed once stays broken.
///
/// # Errors
/// The object could not be called, or failed.
pub(crate) async fn call(
    namespace: &ObjectNamespace,
    name: &str,
    ask: &JsValue,
    body: &JsValue,
    length: Option<u64>,
) -> Result<JsValue, JsValue> {
    let remote: Remote = namespace.get_by_name(name)?.into_rpc();
    #[allow(clippy::cast_precision_loss, reason = "a body's length is far below 2^53")]
    let answer = remote.handle(ask, body, length.map(|length| length as f64))?;
    wasm_bindgen_futures::JsFuture::from(answer).await
}

/// Calls `receive(ask, body)` of the object `name`, for a provider's report.
///
/// # Errors
/// As [`call`].
pub(crate) async fn report(
    namespace: &ObjectNamespace,
    name: &str,
    ask: &JsValue,
    body: &JsValue,
) -> Result<JsValue, JsValue> {
    let remote: Remote = namespace.get_by_name(name)?.into_rpc();
    let answer = remote.receive(ask, body)?;
    wasm_bindgen_futures::JsFuture::from(answer).await
}

/// Calls `configure(pushed)` of the object `name`, and returns the revision that it has then.
///
/// # Errors
/// As [`call`], or the object did not take it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a revision was a u64 below 2^53")]
pub(crate) async fn configure(namespace: &ObjectNamespace, name: &str, pushed: &str) -> Result<u64, JsValue> {
    let remote: Remote = namespace.get_by_name(name)?.into_rpc();
    let revision = wasm_bindgen_futures::JsFuture::from(remote.configure(pushed)?).await?;
    revision.as_f64().map(|revision| revision as u64).ok_or_else(|| JsValue::from_str("a revision is a number"))
}

/// Calls `accountOf(queue)` of the object `name`: the account that the queue belongs to, if it knows one.
///
/// # Errors
/// As [`call`].
pub(crate) async fn account_of(
    namespace: &ObjectNamespace,
    name: &str,
    queue: &str,
) -> Result<Option<String>, JsValue> {
    let remote: Remote = namespace.get_by_name(name)?.into_rpc();
    let account = wasm_bindgen_futures::JsFuture::from(remote.account_of(queue)?).await?;
    Ok(account.as_string())
}

/// The status of a packed answer; 0 when it has none.
///
/// # Errors
/// None in practice: the object is our own.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status was a u16 when it was packed")]
pub(crate) fn status(packed: &JsValue) -> Result<u16, JsValue> {
    Ok(Reflect::get(packed, &"status".into())?.as_f64().unwrap_or_default() as u16)
}

/// An answer as it travels.
///
/// # Errors
/// None in practice: the object is our own.
pub(crate) fn pack(answer: &HttpResponse) -> Result<JsValue, JsValue> {
    let packed = Object::new();
    Reflect::set(&packed, &"status".into(), &JsValue::from(answer.status))?;
    Reflect::set(&packed, &"headers".into(), &pairs(&answer.headers))?;
    if !answer.body.is_empty() {
        Reflect::set(&packed, &"body".into(), &Uint8Array::from(answer.body.as_slice()))?;
    }
    Ok(packed.into())
}

/// The response that a packed answer stands for.
///
/// # Errors
/// A status or header field that HTTP does not allow.
pub(crate) fn unpack(packed: &JsValue) -> Result<Response, JsValue> {
    let body = Reflect::get(packed, &"body".into())?;
    Ok(Answering::new(&body, packed)?.into())
}

/// The fields as an array of pairs.
pub(crate) fn pairs(fields: &[(String, String)]) -> Array {
    fields.iter().map(|(name, value)| Array::of2(&name.into(), &value.into())).collect()
}
