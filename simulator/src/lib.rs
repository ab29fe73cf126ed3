//! A stand-in for email service providers: their dialects, limits and faults, and an inbox to look at.
//!
//! It is the independent witness of Sendgate's tests: it shares no limiter, no address parser and no provider code
//! with the core, and its windows are counts over its own log. It has no IO: a host hands it the request, a store, a
//! random number and the time. All state is in the store.
//!
//! What becomes of a message at a recipient is noted as its fate; whoever sends webhooks tells it. Out of scope: sending
//! them, and any provider's rule that its documentation does not state.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod answer;
mod brevo;
mod call;
mod cloudflare;
mod control;
mod dates;
mod dialect;
mod draft;
mod esp;
mod fate;
mod faults;
mod files;
mod form;
mod html;
mod inbox_page;
mod json;
mod keys;
mod log;
mod mailersend;
mod mailgun;
mod mailtrap;
mod messages;
mod mime;
pub mod outside;
mod postmark;
mod query;
mod resend;
mod sendgrid;
mod ses;
mod ses_message;
mod settings;
mod sigv4;
mod sparkpost;
mod store;
mod window;

use alloc::string::String;
use call::Call;
use dialect::Dialect;
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
    time::UnixMillis,
};

/// A request as it arrived.
pub struct Arrival<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, from its first slash: `/sandbox/resend/emails`.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: &'a str,
    /// The header fields.
    pub headers: &'a [(String, String)],
    /// The body's bytes.
    pub body: &'a [u8],
}

/// What the host does with the request.
pub enum Reply {
    /// Send this answer.
    Answer(HttpResponse),
    /// Never answer: keep the connection open without a response, then drop it.
    Hang,
}

/// Creates the simulator's tables. Doing it again changes nothing.
///
/// # Errors
/// Whatever the store said.
pub fn open(sql: &mut dyn Sql) -> Result<(), SqlError> {
    store::create(sql)
}

/// Answers one request that arrived at `now`.
///
/// `entropy` is a random number; message ids are made from it. A `now` earlier than one seen before frees no window.
///
/// # Errors
/// Whatever the store said: the host rolls back and answers 500.
pub fn handle(arrival: &Arrival<'_>, sql: &mut dyn Sql, entropy: u64, now: UnixMillis) -> Result<Reply, SqlError> {
    let below = arrival.path.strip_prefix("/sandbox").filter(|below| below.is_empty() || below.starts_with('/'));
    let Some(below) = below else {
        return Ok(Reply::Answer(json::problem(404, "not_found", "there is nothing at this path", None)));
    };
    for dialect in Dialect::ALL {
        let rest = below.strip_prefix('/').and_then(|below| below.strip_prefix(dialect.word()));
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Call { dialect, rest, arrival, entropy, now }.carry_out(sql);
        }
    }
    control::route(below, arrival, sql, now).map(Reply::Answer)
}
