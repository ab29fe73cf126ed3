//! The API's contract, an OpenAPI 3.1 document: what `GET /openapi.json` answers, and which routes are the door's own.
//!
//! The document is `docs/openapi.json`, written by hand and held against the code by `core/tests/openapi.rs`.

/// The document without its blanks.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Method and path of the routes that [`crate::front::route`] answers or hands on without a key.
pub const OPEN_ROUTES: [(&str, &str); 4] = [
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("POST", "/v1/webhooks/{provider}/{account}"),
    ("POST", "/v1/inbound/{provider}/{account}"),
];
