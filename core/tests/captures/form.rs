//! Forms as decoded values: an object of names, each with its value or with a list of them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

pub(crate) fn url_encoded(body: &[u8]) -> Value {
    object(form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), json!(value))))
}

/// A form in parts (RFC 7578). A file is an object of its name, its type and its bytes in base64.
pub(crate) fn parts(body: &[u8], boundary: &str) -> Value {
    let body = [b"\r\n", body].concat();
    let mut parts = split(&body, format!("\r\n--{boundary}").as_bytes());
    assert!(parts.remove(0).is_empty(), "nothing before the first boundary");
    assert_eq!(parts.pop().unwrap(), b"--\r\n", "nothing behind the last");
    object(parts.into_iter().map(|part| {
        let mut halves = split(part.strip_prefix(b"\r\n").unwrap(), b"\r\n\r\n").into_iter();
        let head = std::str::from_utf8(halves.next().unwrap()).unwrap();
        let value = halves.collect::<Vec<_>>().join(&b"\r\n\r\n"[..]);
        let quoted =
            |name: &str| head.split_once(&format!("; {name}=\"")).map(|(_, rest)| rest.split_once('"').unwrap().0);
        let kind = head.split_once("\r\nContent-Type: ").map(|(_, kind)| kind);
        let value = match quoted("filename") {
            Some(filename) => json!({ "filename": filename, "type": kind, "content": STANDARD.encode(value) }),
            None => json!(String::from_utf8(value).unwrap()),
        };
        (quoted("name").unwrap().to_owned(), value)
    }))
}

fn split<'a>(mut bytes: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(index) = bytes.windows(at.len()).position(|window| window == at) {
        pieces.push(&bytes[..index]);
        bytes = &bytes[index + at.len()..];
    }
    pieces.push(bytes);
    pieces
}

fn object(pairs: impl Iterator<Item = (String, Value)>) -> Value {
    let mut fields = Map::new();
    for (name, value) in pairs {
        match fields.get_mut(&name) {
            None => drop(fields.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.clone(), value]),
        }
    }
    Value::Object(fields)
}
