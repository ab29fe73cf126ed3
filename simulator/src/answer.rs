//! Answers that a test writes out for a fault: any status, header fields and body that a provider may send.

use crate::{
    draft,
    json::{BadField, Fields, field},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, sql::SqlError};
use serde_json::{Value, json};

/// Reads the answer of an order as it is stored; only the fault `answer` has one, and it must.
pub(crate) fn order(fields: &Fields<'_>, wanted: bool) -> Result<Option<String>, BadField> {
    if !wanted {
        return match ["status", "headers", "body"].into_iter().find(|name| fields.has(name)) {
            Some(name) => Err(BadField::new(name, "stands with the fault answer only")),
            None => Ok(None),
        };
    }
    let status = fields.number("status", 200, 599)?.ok_or_else(|| BadField::new("status", "must be given"))?;
    let headers = draft::header_map(fields, "headers")?;
    let headers: Vec<Value> = headers.iter().map(|header| json!([header.name, header.value])).collect();
    let answer = json!({ "status": status, "headers": headers, "body": fields.any("body") }).to_string();
    if answer.len() > MOST_BYTES {
        return Err(BadField::new("body", format!("must be at most {MOST_BYTES} bytes")));
    }
    Ok(Some(answer))
}

/// The stored answer: a text as it stands, anything else as JSON.
pub(crate) fn read(stored: &str) -> Result<HttpResponse, SqlError> {
    let stored: Value = serde_json::from_str(stored).map_err(|error| SqlError(error.to_string()))?;
    let status = stored.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_string(), pair.get(1)?.as_str()?.to_string()));
    let pairs = stored.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut headers: Vec<(String, String)> = pairs.iter().filter_map(pair).collect();
    let (media, body) = match stored.get("body") {
        None | Some(Value::Null) => (None, String::new()),
        Some(Value::String(text)) => (Some("text/plain; charset=utf-8"), text.clone()),
        Some(value) => (Some("application/json"), value.to_string()),
    };
    let told = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    headers.extend(media.filter(|_| !told).map(|media| field("content-type", media)));
    let status = status.ok_or_else(|| SqlError("an answer without a status".into()))?;
    Ok(HttpResponse { status, headers, body: body.into_bytes() })
}

/// Longer than any provider's error.
const MOST_BYTES: usize = 100_000;
