//! A reader of what reports by mail are made of: header fields, and the parts of a multipart.
//!
//! Kept MIME libraries need more than the core has (allocation aside, `std`), and a report needs little of MIME: RFC 3464
//! and RFC 5965 write in ASCII, unencoded. Everything is bounded and nothing is copied but unfolded values. Out of scope:
//! encoded words, character sets, and transfer encodings but base64.

use super::proof;
use crate::id::MessageId;
use alloc::{borrow::Cow, string::String, vec::Vec};

/// A mail, or a part of one.
pub(super) struct Entity<'a> {
    headers: Vec<(&'a str, Cow<'a, str>)>,
    body: &'a str,
}

impl<'a> Entity<'a> {
    /// Reads a header and takes the rest as the body.
    pub(super) fn read(text: &'a str) -> Self {
        let (headers, body) = fields(text);
        Self { headers, body }
    }

    /// The first field of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    }

    /// Every field of this name.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The media type in lower case; `text/plain` when it does not say.
    pub(super) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("text/plain");
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// A parameter of the media type.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.header("content-type")?, name)
    }

    /// The body, decoded when it is base64.
    pub(super) fn content(&self) -> Cow<'a, str> {
        let is_base64 =
            self.header("content-transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("base64"));
        if !is_base64 {
            return Cow::Borrowed(self.body);
        }
        let digits: String = self.body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = proof::base64(&digits).unwrap_or_default();
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The parts of a multipart; none of anything else.
    pub(super) fn parts(&self) -> Vec<Entity<'a>> {
        if !self.media_type().starts_with("multipart/") {
            return Vec::new();
        }
        let Some(boundary) = self.parameter("boundary").filter(|boundary| !boundary.is_empty()) else {
            return Vec::new();
        };
        split(self.body, &boundary).into_iter().map(Entity::read).collect()
    }

    /// The first multipart/report of this type, here or inside.
    pub(super) fn report(self, report_type: &str, depth: usize) -> Option<Entity<'a>> {
        let is_it = self.media_type() == "multipart/report"
            && self.parameter("report-type").is_some_and(|value| value.eq_ignore_ascii_case(report_type));
        if is_it {
            return Some(self);
        }
        if depth == 0 {
            return None;
        }
        self.parts().into_iter().find_map(|part| part.report(report_type, depth - 1))
    }
}

/// Header fields, and what follows the empty line behind them. Names are not checked, values are unfolded.
pub(super) fn fields(text: &str) -> (Vec<(&str, Cow<'_, str>)>, &str) {
    let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < MAX_VALUE) {
                let value = value.to_mut();
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && fields.len() < MAX_FIELDS
        {
            fields.push((name.trim_end(), Cow::Borrowed(value.trim())));
        }
    }
    (fields, rest)
}

/// The first line without its end, and the rest.
fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

/// What stands between the lines of a boundary.
fn split<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut began: Option<usize> = None;
    let mut at = 0;
    while at < body.len() && parts.len() < MAX_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        let (line, after) = line(rest);
        if let Some(tail) = line.strip_prefix("--").and_then(|line| line.strip_prefix(boundary)) {
            parts.extend(began.and_then(|began| body.get(began..at)));
            began = Some(body.len() - after.len());
            if tail.starts_with("--") {
                return parts;
            }
        }
        at = body.len() - after.len();
    }
    // A report that was cut off still says what it says.
    parts.extend(began.and_then(|began| body.get(began..)).filter(|_| at >= body.len()));
    parts
}

/// A parameter of a field such as `Content-Type`, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (given, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, left) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (text, left) = after.split_at(end);
                (text.trim().into(), left)
            }
        };
        if given.trim().eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = left.split_once(';')?.1;
    }
}

/// A quoted string behind its first quote, and what follows its last.
fn unquote(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, text.get(at + 1..).unwrap_or_default()),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            c => out.push(c),
        }
    }
    (out, "")
}

/// Our id in a text that holds it, such as a Message-ID `<msg_...@shop.example>`.
pub(super) fn our_id(text: &str) -> Option<MessageId> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').find_map(MessageId::parse)
}

/// The address of a field such as `From`, without its name.
pub(super) fn address(value: &str) -> Option<String> {
    let inside =
        value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(address, _)| address);
    let address = inside.trim();
    address.contains('@').then(|| address.into())
}

/// The header that carries our id of a message.
pub(super) const OUR_HEADER: &str = "X-Sendgate-Id";
/// Far more than mail has; a header of a hundred fields is a long one.
const MAX_FIELDS: usize = 500;
/// Reports name one thing a field.
const MAX_VALUE: usize = 8_192;
/// A report has three parts.
const MAX_PARTS: usize = 32;
