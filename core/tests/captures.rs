//! Sendgate's requests against those of the providers' official SDKs.
//!
//! `data/*.json` holds what the SDKs put on the wire for one message, `reference_message.json`, captured on a local
//! server. The same message goes through `Message::parse` and `provider::build`. Method, path, header fields and
//! decoded body must be the same but for what `DIFFERENCES` lists, and everything it lists must really differ.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use sendgate_core::{
    address::Mailbox,
    http::HttpRequest,
    message::Message,
    provider::{Dispatch, ProviderKind, Target, build},
    time::UnixMillis,
    transport::Call,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A difference that is meant: in which captures, at which key, and why.
struct Difference {
    captures: &'static [&'static str],
    key: &'static str,
    reason: &'static str,
}

const RESEND: &[&str] = &["resend-node reference", "resend-python reference"];
const ALL: &[&str] = &[
    "resend-node reference",
    "resend-node template",
    "resend-python reference",
    "postmark-node reference",
    "postmark-node template",
    "postmarker-python reference",
];

const DIFFERENCES: &[Difference] = &[
    Difference { captures: ALL, key: "header user-agent", reason: "each sender names itself" },
    Difference {
        captures: &["resend-node reference", "resend-node template"],
        key: "header accept",
        reason: "Node's fetch says */* when nobody asks; we ask for what we read",
    },
    Difference {
        captures: &["resend-node template"],
        key: "header idempotency-key",
        reason: "the capture's caller gave none; Sendgate always sends its message id",
    },
    Difference {
        captures: RESEND,
        key: "body scheduled_at",
        reason: "Sendgate keeps send_at itself, so that suppression and limits are asked when the message leaves",
    },
    Difference { captures: RESEND, key: "body tags[1].name", reason: METADATA },
    Difference { captures: RESEND, key: "body tags[1].value", reason: METADATA },
    Difference { captures: RESEND, key: "body tags[2].name", reason: METADATA },
    Difference { captures: RESEND, key: "body tags[2].value", reason: METADATA },
];
const METADATA: &str = "Resend has no metadata field; the capture's caller left it out, Sendgate sends it as tags";

/// Header fields that belong to the connection, not to the request's meaning.
const CONNECTION: [&str; 7] =
    ["host", "connection", "content-length", "accept-encoding", "accept-language", "sec-fetch-mode", "sec-fetch-site"];

/// Body fields that hold mailboxes: compared as names and addresses, because quoting a name is the sender's choice.
const MAILBOXES: [&str; 10] = ["from", "to", "cc", "bcc", "reply_to", "From", "To", "Cc", "Bcc", "ReplyTo"];

#[test]
fn every_single_send_of_an_official_sdk_is_matched_but_for_the_listed_differences() {
    let mut found = Vec::new();
    let mut compared = Vec::new();
    for (sdk, kind, file) in files() {
        for request in file["requests"].as_array().unwrap() {
            let Some(case) = case(request) else { continue };
            let name = format!("{sdk} {case}");
            let ours = flat(&ours(kind, &message(kind, case)));
            let theirs = flat_capture(request);
            for key in ours.keys().chain(theirs.keys()) {
                if ours.get(key) != theirs.get(key) {
                    found.push((name.clone(), key.clone()));
                }
            }
            compared.push(name);
        }
    }
    compared.sort();
    let mut all = ALL.to_vec();
    all.sort_unstable();
    assert_eq!(compared, all, "the captures compared are the captures there are");

    found.sort();
    found.dedup();
    let mut listed: Vec<_> = DIFFERENCES
        .iter()
        .inspect(|difference| assert!(!difference.reason.is_empty()))
        .flat_map(|difference| {
            difference.captures.iter().map(|capture| (capture.to_string(), difference.key.to_string()))
        })
        .collect();
    listed.sort();
    assert_eq!(found, listed, "left: what differs; right: what is listed");
}

/// The schedule is Resend's when the message says so in Resend's own words.
#[test]
fn a_schedule_in_the_provider_options_is_the_sdks_schedule() {
    let mut json = reference();
    json["provider_options"] = json!({ "resend": { "scheduled_at": "2026-12-01T10:00:00Z" } });
    json.as_object_mut().unwrap().remove("tracking");
    let ours = flat(&ours(ProviderKind::Resend, &Message::parse(&json.to_string()).unwrap()));
    let (_, _, file) = files().into_iter().find(|(sdk, ..)| *sdk == "resend-node").unwrap();
    let theirs = flat_capture(&file["requests"][0]);
    assert_eq!(ours["body scheduled_at"], "\"2026-12-01T10:00:00Z\"");
    assert_eq!(ours["body scheduled_at"], theirs["body scheduled_at"]);
}

/// Only the SDK's batch has a template by number: each of its items is our single call for that recipient.
#[test]
fn a_template_by_number_matches_the_items_of_the_sdks_batch() {
    let (_, _, file) = files().into_iter().find(|(sdk, ..)| *sdk == "postmark-node").unwrap();
    let is_batch = |request: &&Value| request["path"] == "/email/batchWithTemplates";
    let batch = file["requests"].as_array().unwrap().iter().find(is_batch).unwrap();
    let items = batch["body_json"]["Messages"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for (item, (to, name)) in items.iter().zip([("ann@example.com", "Ann"), ("bob@example.net", "Bob")]) {
        let from = reference()["from"].clone();
        let json = json!({ "from": from, "to": to, "template": { "id": "123", "data": { "name": name } } });
        let request = ours(ProviderKind::Postmark, &Message::parse(&json.to_string()).unwrap());
        assert!(request.url.ends_with("/email/withTemplate"));
        assert_eq!(flat_body(&serde_json::from_slice(&request.body).unwrap()), flat_body(item));
    }
}

fn files() -> Vec<(&'static str, ProviderKind, Value)> {
    let read = |text| serde_json::from_str(text).unwrap();
    vec![
        ("resend-node", ProviderKind::Resend, read(include_str!("data/resend-node.json"))),
        ("resend-python", ProviderKind::Resend, read(include_str!("data/resend-python.json"))),
        ("postmark-node", ProviderKind::Postmark, read(include_str!("data/postmark-node.json"))),
        ("postmarker-python", ProviderKind::Postmark, read(include_str!("data/postmarker-python.json"))),
    ]
}

/// Which message a captured request sends: `None` for batches and for other calls.
fn case(request: &Value) -> Option<&'static str> {
    let body = request["body_json"].as_object()?;
    match (request["method"].as_str()?, request["path"].as_str()?) {
        ("POST", "/email") => Some("reference"),
        ("POST", "/email/withTemplate") => Some("template"),
        ("POST", "/emails") if body.contains_key("template") => Some("template"),
        ("POST", "/emails") => Some("reference"),
        _ => None,
    }
}

/// The reference message in Sendgate's fields.
fn reference() -> Value {
    let theirs: Value = serde_json::from_str(include_str!("data/reference_message.json")).unwrap();
    let files: Vec<Value> = theirs["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let mut file = file.as_object().unwrap().clone();
            let content = file.remove("content_b64").unwrap();
            file.insert("content".into(), content);
            Value::Object(file)
        })
        .collect();
    // As a list: this test's JSON reader forgets the order of an object's fields.
    let headers =
        ["X-Order-Id", "List-Unsubscribe"].map(|name| json!({ "name": name, "value": theirs["headers"][name] }));
    assert_eq!(theirs["headers"].as_object().unwrap().len(), headers.len());
    let mut ours = Map::from_iter([("headers".to_owned(), json!(headers))]);
    for field in ["from", "to", "cc", "bcc", "reply_to", "subject", "tags", "metadata", "send_at"] {
        ours.insert(field.into(), theirs[field].clone());
    }
    ours.insert("text_body".into(), theirs["text"].clone());
    ours.insert("html_body".into(), theirs["html"].clone());
    ours.insert("attachments".into(), Value::from(files));
    ours.insert("tracking".into(), json!({ "opens": theirs["track_opens"], "clicks": theirs["track_clicks"] }));
    Value::Object(ours)
}

/// What the captures' callers sent: Resend has no tracking per message, and Postmark's callers named the stream.
fn message(kind: ProviderKind, case: &str) -> Message {
    let from = reference()["from"].clone();
    let json = match (kind, case) {
        (ProviderKind::Resend, "template") => {
            let template = json!({ "id": "welcome", "data": { "NAME": "Ann" } });
            json!({ "from": from, "to": "ann@example.com", "subject": "t", "template": template })
        }
        (ProviderKind::Postmark, "template") => {
            let template = json!({ "id": "welcome", "data": { "name": "Ann" } });
            json!({ "from": from, "to": "ann@example.com", "stream": "outbound", "template": template })
        }
        (ProviderKind::Resend, _) => {
            let mut json = reference();
            json.as_object_mut().unwrap().remove("tracking");
            json
        }
        (ProviderKind::Postmark, _) => {
            let mut json = reference();
            json["stream"] = json!("outbound");
            json
        }
        (other, _) => panic!("no captures of {}", other.as_str()),
    };
    Message::parse(&json.to_string()).unwrap()
}

fn ours(kind: ProviderKind, message: &Message) -> HttpRequest {
    let (base_url, credential) = match kind {
        ProviderKind::Resend => ("https://api.resend.com", "re_test"),
        ProviderKind::Postmark => ("https://api.postmarkapp.com/", "POSTMARK_API_TEST"),
        other => panic!("no captures of {}", other.as_str()),
    };
    let (to, cc, bcc) = (all(&message.to), all(&message.cc), all(&message.bcc));
    let dispatch = Dispatch { message_id: "order-42-v1", message, to: &to, cc: &cc, bcc: &bcc };
    match build(kind, &Target::new(base_url, credential), &dispatch, UnixMillis::new(1_796_119_200_000)).unwrap() {
        Call::Http(request) => request,
        call @ (Call::Smtp(_) | Call::Binding(_)) => panic!("{call:?}"),
    }
}

fn all(mailboxes: &[Mailbox]) -> Vec<&Mailbox> {
    mailboxes.iter().collect()
}

/// Everything compared, by key.
fn flat(request: &HttpRequest) -> BTreeMap<String, String> {
    let path = request.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap().1;
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    flatten(request.method, &format!("/{path}"), headers, &serde_json::from_slice(&request.body).unwrap())
}

fn flat_capture(request: &Value) -> BTreeMap<String, String> {
    let headers = request["headers"].as_array().unwrap().iter();
    let headers = headers.map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap()));
    let body = serde_json::from_str(request["body_text"].as_str().unwrap()).unwrap();
    flatten(request["method"].as_str().unwrap(), request["path"].as_str().unwrap(), headers, &body)
}

fn flatten<'a>(
    method: &str,
    path: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &Value,
) -> BTreeMap<String, String> {
    let mut flat = flat_body(body);
    flat.insert("method".into(), method.into());
    flat.insert("path".into(), path.into());
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if !CONNECTION.contains(&name.as_str()) {
            assert!(flat.insert(format!("header {name}"), value.into()).is_none(), "{name} comes once");
        }
    }
    flat
}

fn flat_body(body: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (field, value) in body.as_object().unwrap() {
        if MAILBOXES.contains(&field.as_str()) {
            flat.insert(format!("body {field}"), format!("{:?}", people(value)));
        } else {
            leaves(&format!("body {field}"), value, &mut flat);
        }
    }
    flat
}

/// The values of a tree by their paths; null is the same as absent.
fn leaves(path: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(&format!("{path}[{index}]"), item, flat));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves(&format!("{path}.{name}"), field, flat));
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
            .map(|mailbox| (mailbox.name, mailbox.address.as_str().to_owned()))
            .collect(),
        Value::Array(items) => items.iter().flat_map(people).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => panic!("no mailboxes"),
    }
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
