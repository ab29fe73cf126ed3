//! A message's HTML and files, served so that nothing in them can act on the page around them.

use crate::{
    json::{self, field},
    messages,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
};
use serde_json::Value;

/// `GET /sandbox/messages/{id}/html`: the HTML body, its `cid:` images pointing to the attachments.
pub(crate) fn html(sql: &mut dyn Sql, seq: i64) -> Result<HttpResponse, SqlError> {
    let view = messages::view(sql, seq)?;
    let Some(body) = view.get("html_body").and_then(Value::as_str) else {
        return Ok(json::problem(404, "no_html", "the message has no HTML body", None));
    };
    let headers = vec![
        field("content-type", "text/html; charset=utf-8"),
        field(
            "content-security-policy",
            "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'",
        ),
        field("x-content-type-options", "nosniff"),
        field("referrer-policy", "no-referrer"),
        field("cache-control", "no-store"),
    ];
    Ok(HttpResponse { status: 200, headers, body: with_images(body, &inline(&view)).into_bytes() })
}

/// `GET /sandbox/messages/{id}/attachments/{n}`: the decoded bytes, to be saved and never to be run.
pub(crate) fn attachment(sql: &mut dyn Sql, seq: i64, number: &str) -> Result<HttpResponse, SqlError> {
    let view = messages::view(sql, seq)?;
    let file = number.parse::<usize>().ok().and_then(|number| Some((number, view.get("attachments")?.get(number)?)));
    let Some((number, file)) = file.filter(|(_, file)| file.get("size").is_some_and(Value::is_u64)) else {
        return Ok(json::problem(404, "not_found", "the message has no such attachment with contents", None));
    };
    let text = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
    let content_type = if is_media_type(text("content_type")) { text("content_type") } else { OCTETS };
    let headers = vec![
        field("content-type", content_type),
        field("content-disposition", disposition(text("filename"))),
        field("x-content-type-options", "nosniff"),
        field("content-security-policy", "sandbox; default-src 'none'"),
        field("cache-control", "no-store"),
    ];
    Ok(HttpResponse { status: 200, headers, body: messages::attachment(sql, seq, number)? })
}

/// Content ids and the URLs of their attachments, the longest id first.
fn inline(view: &Value) -> Vec<(&str, &str)> {
    let files = view.get("attachments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known = |file: &'_ Value| file.get("content_id").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    let mut inline: Vec<(&str, &str)> = files
        .iter()
        .filter(|file| known(file))
        .filter_map(|file| Some((file.get("content_id")?.as_str()?, file.get("url")?.as_str()?)))
        .collect();
    inline.sort_by_key(|(id, _)| core::cmp::Reverse(id.len()));
    inline
}

/// `body` with each `cid:` of a known id replaced by its URL.
fn with_images(body: &str, inline: &[(&str, &str)]) -> String {
    let mut result = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find("cid:") {
        let (before, after) = rest.split_at(at);
        result.push_str(before);
        let id = after.strip_prefix("cid:").unwrap_or_default();
        match inline.iter().find_map(|(known, url)| Some((*url, id.strip_prefix(known)?))) {
            Some((url, behind)) if ends_here(behind) => {
                result.push_str(url);
                rest = behind;
            }
            Some(_) | None => {
                result.push_str("cid:");
                rest = id;
            }
        }
    }
    result.push_str(rest);
    result
}

/// Whether a URL that `rest` follows has come to its end.
fn ends_here(rest: &str) -> bool {
    rest.chars().next().is_none_or(|letter| letter.is_whitespace() || "\"'<>)&".contains(letter))
}

/// A download under its own name: plain ASCII for old readers, the name itself for all others.
fn disposition(filename: &str) -> String {
    let plain: String =
        filename.chars().map(|c| if c.is_ascii_alphanumeric() || " ._-".contains(c) { c } else { '_' }).collect();
    let exact: String = filename
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.len() < 128
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

const OCTETS: &str = "application/octet-stream";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cid_points_to_its_attachment_and_to_no_shorter_one() {
        let inline = [("logo10", "/ten"), ("logo1", "/one")];
        let body =
            "<img src=\"cid:logo1\"><img src='cid:logo10'><p style=\"background:url(cid:logo1)\">cid:logo12 cid:";
        let want = "<img src=\"/one\"><img src='/ten'><p style=\"background:url(/one)\">cid:logo12 cid:";
        assert_eq!(with_images(body, &inline), want);
    }

    #[test]
    fn a_filename_cannot_leave_its_quotes() {
        assert_eq!(
            disposition("a\"\r\nb ü.txt"),
            "attachment; filename=\"a___b _.txt\"; filename*=UTF-8''a%22%0D%0Ab%20%C3%BC.txt"
        );
    }

    #[test]
    fn only_a_plain_media_type_is_passed_on() {
        assert!(is_media_type("image/svg+xml"));
        assert!(!is_media_type("text/html; charset=utf-8"));
        assert!(!is_media_type("text"));
        assert!(!is_media_type("a/b\r\nx: y"));
    }
}
