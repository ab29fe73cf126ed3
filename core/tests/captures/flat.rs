//! A request as decoded values by key, so that two of them can be compared.

use crate::form;
use sendgate_core::{address::Mailbox, http::HttpRequest};
use serde_json::Value;
use std::collections::BTreeMap;

/// Header fields that belong to the connection, not to the request's meaning.
const CONNECTION: [&str; 7] =
    ["host", "connection", "content-length", "accept-encoding", "accept-language", "sec-fetch-mode", "sec-fetch-site"];

/// Body fields that hold mailboxes as text: compared as names and addresses, because quoting a name is the sender's
/// choice.
const MAILBOXES: [&str; 16] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "From",
    "To",
    "Cc",
    "Bcc",
    "ReplyTo",
    "h:Reply-To",
    "FromEmailAddress",
    "ToAddresses",
    "CcAddresses",
    "BccAddresses",
    "ReplyToAddresses",
];

/// Everything compared of Sendgate's request.
pub(crate) fn ours(request: &HttpRequest) -> BTreeMap<String, String> {
    let path = request.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap().1;
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let body = decode(&headers, &request.body);
    flatten(request.method, &format!("/{path}"), &headers, &body)
}

/// Everything compared of a captured request.
pub(crate) fn captured(request: &Value) -> BTreeMap<String, String> {
    let headers = headers_of(request);
    let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
    flatten(method, path, &headers, &body_of_capture(request).unwrap())
}

/// The body of a captured request, decoded; `None` when it has none.
pub(crate) fn body_of_capture(request: &Value) -> Option<Value> {
    let bytes = match (request.get("body_text"), request.get("body_b64")) {
        (Some(text), None) => text.as_str()?.as_bytes().to_vec(),
        (None, Some(base64)) => form::from_base64(base64.as_str()?),
        _ => return None,
    };
    (!bytes.is_empty()).then(|| decode(&headers_of(request), &bytes))
}

fn headers_of(request: &Value) -> Vec<(&str, &str)> {
    let fields = request["headers"].as_array().unwrap().iter();
    fields.map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap())).collect()
}

fn decode(headers: &[(&str, &str)], body: &[u8]) -> Value {
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).unwrap().1;
    match content_type.split_once("; boundary=") {
        Some((_, boundary)) => form::parts(body, boundary),
        None if content_type == "application/x-www-form-urlencoded" => form::url_encoded(body),
        None => serde_json::from_slice(body).unwrap(),
    }
}

fn flatten(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::from([("method".into(), method.into()), ("path".into(), path.into())]);
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        // Boundaries are everyone's own.
        let value = value.split_once("; boundary=").map_or(*value, |(kind, _)| kind);
        if !CONNECTION.contains(&name.as_str()) {
            assert!(flat.insert(format!("header {name}"), value.into()).is_none(), "{name} comes once");
        }
    }
    match body {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves(&format!("body {name}"), name, field, &mut flat));
        }
        other => leaves("body", "", other, &mut flat),
    }
    flat
}

/// The values of a tree by their paths; null is the same as absent.
fn leaves(path: &str, name: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    let is_text = |value: &Value| match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        other => other.is_string(),
    };
    if MAILBOXES.contains(&name) && is_text(value) {
        flat.insert(path.into(), format!("{:?}", people(value)));
        return;
    }
    // Amazon's template data are JSON in a text, whose blanks are the sender's choice.
    if let (true, Some(text)) = (name.ends_with("TemplateData"), value.as_str()) {
        return leaves(path, "", &serde_json::from_str(text).unwrap(), flat);
    }
    match value {
        Value::Null => {}
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().collect();
            // SendGrid's Python SDK turns their order round.
            if name == "attachments" {
                items.sort_by_key(|file| file["filename"].to_string());
            }
            let items = items.into_iter().enumerate();
            items.for_each(|(index, item)| leaves(&format!("{path}[{index}]"), "", item, flat));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves(&format!("{path}.{name}"), name, field, flat));
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            flat.insert(path.into(), value.to_string());
        }
    }
}

/// Names and addresses of a string, a comma-joined string or a list.
fn people(value: &Value) -> Vec<(Option<String>, String)> {
    match value {
        Value::String(text) => parts(text)
            .iter()
            .map(|part| Mailbox::parse(part).unwrap())
            .map(|mailbox| (mailbox.name.map(|name| decoded(&name)), mailbox.address.as_str().to_owned()))
            .collect(),
        Value::Array(items) => items.iter().flat_map(people).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => panic!("no mailboxes"),
    }
}

/// A name that may be of encoded words (RFC 2047) in base64, as Amazon wants it.
fn decoded(name: &str) -> String {
    let word = |word: &str| {
        let lower = word.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("=?utf-8?b?"));
        let inner = word.get(10..).filter(|_| lower).and_then(|word| word.strip_suffix("?="))?;
        Some(String::from_utf8(form::from_base64(inner)).unwrap())
    };
    name.split(' ').map(word).collect::<Option<String>>().unwrap_or_else(|| name.to_owned())
}

/// A comma-joined list at its commas outside quotes.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for letter in text.chars() {
        match letter {
            ',' if !quoted => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(letter),
        }
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
    parts
}
