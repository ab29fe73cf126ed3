//! The Worker's `fetch`: reads the request's head, lets core route it, and hands it to its account's object.

use crate::host::log;
use crate::standin::{self as core_front, FrontDecision, FrontRequest};
use crate::{bound, clock, transport, wire};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

/// Answers one HTTP request.
///
/// # Errors
/// No answer could be made: `entry.js` answers 500.
#[wasm_bindgen]
pub async fn fetch(request: Request, env: JsValue) -> Result<Response, JsValue> {
    let head = Head::of(&request);
    #[cfg(feature = "sandbox")]
    if let Some(answer) = crate::sandbox::front(&request, &head, &env).await? {
        return wire::unpack(&answer);
    }
    let decided = bound::config(&env).and_then(|config| {
        let secret = bound::key_secret(&env)?;
        Ok(core_front::route(&head.as_front(), &config, &secret, clock::now()))
    });
    let packed = match decided {
        Ok(FrontDecision::Answer(answer)) => wire::pack(&answer)?,
        Ok(FrontDecision::ToAccount { account, pass }) => {
            let body = body(&request, head.content_length).await?;
            let accounts = bound::namespace(&env, "ACCOUNT_GATE")?;
            wire::call(&accounts, &account, &JsValue::from_str(&pass), &body).await?
        }
        Err(error) => {
            log(&error);
            wire::pack(&core_front::store_failed(clock::now()))?
        }
    };
    wire::unpack(&packed)
}

/// A request without its body.
pub(crate) struct Head {
    pub(crate) method: String,
    url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content_length: Option<u64>,
}

impl Head {
    fn of(request: &Request) -> Self {
        let headers = transport::header_fields(&request.headers());
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let content_length = length.and_then(|(_, value)| value.parse().ok());
        Self { method: request.method(), url: request.url(), headers, content_length }
    }

    /// Path and query of the URL, as they came.
    pub(crate) fn path_and_query(&self) -> (&str, &str) {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
        path.split_once('?').unwrap_or((path, ""))
    }

    fn as_front(&self) -> FrontRequest<'_> {
        let (path, query) = self.path_and_query();
        FrontRequest { method: &self.method, path, query, headers: &self.headers, content_length: self.content_length }
    }
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

/// A call between objects carries at most 32 MiB in its arguments, and copies them; a stream costs a few messages more.
const SMALL_BODY_BYTES: u64 = 1 << 20;
