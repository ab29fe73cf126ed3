//! The routes that this program adds to the simulator's own, and those of its that know more here.

use crate::{
    fields::{self, BadField, Fields},
    host::{Host, Moment},
    kept,
    smtp::{fault, settings::Settings},
    webhooks::{self, Provider, queue, routes, seal::CERTIFICATE_PATH, settings::Hook},
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
};
use sendgate_simulator::{
    Arrival, Reply,
    outside::{self, Planned, SMTP},
};
use serde_json::{Map, Value, json};

/// Answers a request, and plans the webhooks of the messages it brought.
pub(crate) fn handle(
    host: &Host,
    sql: &mut dyn Sql,
    arrival: &Arrival<'_>,
    moment: &Moment,
) -> Result<Reply, SqlError> {
    if let Some(response) = own(host, sql, arrival, moment)? {
        return Ok(Reply::Answer(response));
    }
    let before = outside::newest(sql)?;
    let reply = sendgate_simulator::handle(arrival, sql, moment.entropy, moment.now)?;
    if outside::newest(sql)? > before {
        host.plan_webhooks(sql, before, moment)?;
    }
    Ok(reply)
}

/// The answer of a route that is this program's; `None` for the simulator's.
fn own(
    host: &Host,
    sql: &mut dyn Sql,
    arrival: &Arrival<'_>,
    moment: &Moment,
) -> Result<Option<HttpResponse>, SqlError> {
    if arrival.method == "GET" && arrival.path == CERTIFICATE_PATH {
        return routes::certificate(host).map(Some);
    }
    let Some(below) = arrival.path.strip_prefix("/sandbox/") else { return Ok(None) };
    let segments: Vec<&str> = below.trim_end_matches('/').split('/').collect();
    if arrival.method != "GET" && is_from_another_site(arrival) {
        // The simulator refuses it in its own words.
        return Ok(None);
    }
    match (arrival.method, segments.as_slice()) {
        ("GET", ["settings"]) => show_settings(sql, arrival, moment).map(Some),
        ("PUT", ["settings"]) => put_settings(host, sql, arrival, moment).map(Some),
        ("POST", ["faults"]) => plan_fault(sql, arrival.body),
        ("GET", ["messages", id, "bytes"]) => bytes(sql, id).map(Some),
        ("GET", ["webhooks"]) => routes::list(sql, host, arrival.query).map(Some),
        ("POST", ["webhooks"]) => routes::order(sql, host, arrival.body, moment).map(Some),
        ("POST", ["webhooks", id, "replay"]) => routes::replay(sql, id, arrival.body, moment).map(Some),
        ("DELETE", ["webhooks"]) => {
            queue::clear(sql)?;
            Ok(Some(HttpResponse { status: 204, headers: Vec::new(), body: Vec::new() }))
        }
        ("GET", ["ses"]) if arrival.query.contains("Action=ConfirmSubscription") => {
            routes::confirm(sql, arrival.query).map(Some)
        }
        ("DELETE", ["messages"]) | ("POST", ["inbox", "empty"]) => queue::clear(sql).map(|()| None),
        ("DELETE", [""]) => {
            kept::reset(sql)?;
            queue::clear(sql).map(|()| None)
        }
        _ => Ok(None),
    }
}

/// Whether a browser sent the request for a page of another site; programs send no such header.
fn is_from_another_site(arrival: &Arrival<'_>) -> bool {
    let site = arrival.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-fetch-site"));
    site.is_some_and(|(_, site)| site != "same-origin" && site != "none")
}

/// The simulator's settings, with those of SMTP and of webhooks.
fn show_settings(sql: &mut dyn Sql, arrival: &Arrival<'_>, moment: &Moment) -> Result<HttpResponse, SqlError> {
    let get = Arrival { method: "GET", path: "/sandbox/settings", query: "", headers: arrival.headers, body: &[] };
    match sendgate_simulator::handle(&get, sql, moment.entropy, moment.now)? {
        Reply::Answer(response) => with_own(sql, response),
        Reply::Hang => Err(SqlError("the simulator did not answer itself".into())),
    }
}

fn with_own(sql: &mut dyn Sql, response: HttpResponse) -> Result<HttpResponse, SqlError> {
    if response.status != 200 {
        return Ok(response);
    }
    let mut all: Map<String, Value> =
        serde_json::from_slice(&response.body).map_err(|error| SqlError(error.to_string()))?;
    all.insert(SMTP.into(), Settings::load(sql)?.show());
    all.insert("webhooks".into(), webhooks::settings::show(&webhooks::settings::load(sql)?));
    Ok(fields::answer(200, &Value::Object(all)))
}

/// Takes this program's settings out of the body and gives the rest to the simulator. One bad value sets nothing.
fn put_settings(
    host: &Host,
    sql: &mut dyn Sql,
    arrival: &Arrival<'_>,
    moment: &Moment,
) -> Result<HttpResponse, SqlError> {
    let Ok(mut body) = serde_json::from_slice::<Value>(arrival.body) else { return Ok(routes::not_json()) };
    let (smtp, hooks) = match own_settings(&mut body) {
        Ok(own) => own,
        Err(bad) => return Ok(fields::bad_field(&bad)),
    };
    let rest = body.to_string();
    let put = Arrival { body: rest.as_bytes(), ..*arrival };
    let response = match sendgate_simulator::handle(&put, sql, moment.entropy, moment.now)? {
        Reply::Answer(response) => response,
        Reply::Hang => return Err(SqlError("the simulator did not answer itself".into())),
    };
    if response.status == 200 {
        if let Some(smtp) = smtp {
            kept::set(sql, SMTP, &smtp.show())?;
        }
        routes::put(sql, host, hooks, moment)?;
    }
    with_own(sql, response)
}

#[allow(clippy::type_complexity, reason = "read once, above")]
fn own_settings(body: &mut Value) -> Result<(Option<Settings>, Vec<(Provider, Option<Hook>)>), BadField> {
    let Some(members) = body.as_object_mut() else { return Ok((None, Vec::new())) };
    let smtp = members.remove(SMTP).map(|value| Settings::read(&value)).transpose()?;
    let hooks = members.remove("webhooks").map(|value| webhooks::settings::read(&value)).transpose()?;
    Ok((smtp, hooks.unwrap_or_default()))
}

/// `POST /sandbox/faults` for SMTP; `None` for another dialect.
fn plan_fault(sql: &mut dyn Sql, body: &[u8]) -> Result<Option<HttpResponse>, SqlError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Ok(None) };
    if value.get("dialect").and_then(Value::as_str) != Some(SMTP) {
        return Ok(None);
    }
    let (fault, after, count) = match fault_order(&value) {
        Ok(order) => order,
        Err(bad) => return Ok(Some(fields::bad_field(&bad))),
    };
    let to = value.get("to").and_then(Value::as_str);
    let seq = outside::plan(sql, &Planned { dialect: SMTP, fault: &fault, after, count, to })?;
    let planned = json!({ "seq": seq, "dialect": SMTP, "fault": fault, "after": after, "count": count, "to": to });
    Ok(Some(fields::answer(201, &planned)))
}

fn fault_order(value: &Value) -> Result<(String, u64, u64), BadField> {
    let known = ["dialect", "fault", "stage", "reply", "stored", "count", "after", "to"];
    let fields = Fields::of(value, "", &known)?;
    let to = fields.text("to")?;
    if to.is_some_and(|to| to.is_empty() || to.len() > MOST_TO_BYTES) {
        return Err(BadField::new("to", "must be from 1 to 320 bytes"));
    }
    let after = fields.number("after", 0, MOST_CALLS)?.unwrap_or(0);
    Ok((fault::text(&fields)?, after, fields.number("count", 1, MOST_CALLS)?.unwrap_or(1)))
}

/// `GET /sandbox/messages/{id}/bytes`: a message that came over SMTP, as it came.
fn bytes(sql: &mut dyn Sql, id: &str) -> Result<HttpResponse, SqlError> {
    Ok(match outside::bytes(sql, id)?.filter(|bytes| !bytes.is_empty()) {
        Some(body) => {
            let headers = vec![
                ("content-type".to_string(), "message/rfc822".to_string()),
                ("content-disposition".to_string(), "attachment; filename=\"message.eml\"".to_string()),
                ("x-content-type-options".to_string(), "nosniff".to_string()),
            ];
            HttpResponse { status: 200, headers, body }
        }
        None => fields::problem(404, "not_found", "no message with this id came over SMTP", None),
    })
}

/// Far more occasions than a test has.
const MOST_CALLS: u64 = 1_000_000_000;
/// The longest address there can be, with room.
const MOST_TO_BYTES: usize = 320;
