//! The routes that steer the simulator and show what it saw. They are not calls of a provider: the log leaves them out.

use crate::{Arrival, faults, files, inbox_page, json, log, messages, settings, store};
use alloc::{vec, vec::Vec};
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
    time::UnixMillis,
};

/// Answers a request to `/sandbox` + `below`.
pub(crate) fn route(
    below: &str,
    arrival: &Arrival<'_>,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<HttpResponse, SqlError> {
    if arrival.method != "GET" && is_from_another_site(arrival) {
        return Ok(json::problem(403, "cross_site", "another site's page cannot steer the simulator", None));
    }
    let segments: Vec<&str> = below.trim_matches('/').split('/').collect();
    match (arrival.method, segments.as_slice()) {
        ("GET", ["inbox"]) => inbox_page::list(sql, arrival, now),
        ("GET", ["inbox", id]) => inbox_page::message(sql, id, arrival, now),
        ("POST", ["inbox", "empty"]) => {
            empty(sql)?;
            Ok(HttpResponse { status: 303, headers: vec![json::field("location", "/sandbox/inbox")], body: Vec::new() })
        }
        ("GET", [""]) => {
            Ok(HttpResponse { status: 302, headers: vec![json::field("location", "/sandbox/inbox")], body: Vec::new() })
        }
        ("GET", ["settings"]) => settings::show(sql),
        ("PUT", ["settings"]) => settings::put(sql, arrival.body),
        ("GET", ["faults"]) => faults::list(sql),
        ("POST", ["faults"]) => faults::add(sql, arrival.body),
        ("DELETE", ["faults"]) => faults::clear(sql),
        ("GET", ["log"]) => log::list(sql, arrival.query),
        ("GET", ["messages"]) => messages::list(sql, arrival.query),
        ("GET", ["messages", id, rest @ ..]) => message(sql, id, rest),
        ("DELETE", ["messages"]) => empty(sql),
        ("DELETE", [""]) => {
            settings::reset(sql)?;
            empty(sql)
        }
        (_, segments) => Ok(nothing_here(segments)),
    }
}

fn message(sql: &mut dyn Sql, id: &str, rest: &[&str]) -> Result<HttpResponse, SqlError> {
    let Some(seq) = messages::find(sql, id)? else {
        return Ok(json::problem(404, "not_found", "there is no message with this id", None));
    };
    match rest {
        [] => Ok(json::answer_text(200, messages::text(sql, seq)?)),
        ["html"] => files::html(sql, seq),
        ["attachments", number] => files::attachment(sql, seq, number),
        _ => Ok(json::problem(404, "not_found", "there is nothing at this path", None)),
    }
}

/// Messages, log, idempotency keys and faults go; settings stay.
fn empty(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    store::clear(sql)?;
    Ok(HttpResponse { status: 204, headers: Vec::new(), body: Vec::new() })
}

fn nothing_here(segments: &[&str]) -> HttpResponse {
    let known = match segments {
        ["inbox" | "log"] | ["inbox" | "messages", _] => "GET",
        ["settings"] => "GET, PUT",
        ["faults"] => "DELETE, GET, POST",
        ["messages"] | [""] => "DELETE, GET",
        _ => return json::problem(404, "not_found", "there is nothing at this path", None),
    };
    let mut response = json::problem(405, "method_not_allowed", "this path does not take the method", None);
    response.headers.push(json::field("allow", known));
    response
}

/// Whether a browser sent the request for a page of another site; programs send no such header.
fn is_from_another_site(arrival: &Arrival<'_>) -> bool {
    arrival.header("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}
