//! Forms: `application/x-www-form-urlencoded`, and `multipart/form-data` (RFC 7578).

use crate::Arrival;
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Value, json};

/// One field of a form, in the order they came.
pub(crate) struct Field<'a> {
    /// Its name.
    pub(crate) name: Cow<'a, str>,
    /// The name of the file it holds.
    pub(crate) filename: Option<String>,
    /// Its media type, where one stands.
    pub(crate) content_type: Option<String>,
    /// Its bytes.
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl Field<'_> {
    /// Its bytes as text.
    pub(crate) fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.bytes).ok()
    }

    /// What the inbox shows of it: a file by its size.
    pub(crate) fn show(&self) -> Value {
        match (&self.filename, self.text()) {
            (None, Some(text)) => json!({ "name": self.name, "value": text }),
            (filename, _) => json!({
                "name": self.name, "filename": filename, "content_type": self.content_type, "size": self.bytes.len(),
            }),
        }
    }
}

/// The fields of the call's form; `None` when it is neither kind of form, or cut off.
pub(crate) fn read<'a>(arrival: &Arrival<'a>) -> Option<Vec<Field<'a>>> {
    let media = arrival.header("content-type")?;
    let kind = media.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Some(form_urlencoded::parse(arrival.body).map(urlencoded).collect());
    }
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    multipart(arrival.body, &parameter(media, "boundary")?)
}

fn urlencoded<'a>((name, value): (Cow<'a, str>, Cow<'a, str>)) -> Field<'a> {
    let bytes = match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    Field { name, filename: None, content_type: None, bytes }
}

/// The parts between the boundaries, up to the closing one, which must be there.
fn multipart<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Field<'a>>> {
    if boundary.is_empty() || boundary.len() > MOST_BOUNDARY_BYTES {
        return None;
    }
    let opening = [b"--", boundary.as_bytes()].concat();
    let delimiter = [b"\r\n", opening.as_slice()].concat();
    let mut rest = match body.strip_prefix(opening.as_slice()) {
        Some(rest) => rest,
        None => body.get(find(body, &delimiter)? + delimiter.len()..)?,
    };
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        let part = rest.get(find(rest, b"\r\n")? + 2..)?;
        let end = find(part, &delimiter)?;
        fields.push(field(part.get(..end)?)?);
        rest = part.get(end + delimiter.len()..)?;
    }
}

/// One part: its header fields, an empty line and its bytes.
fn field(part: &[u8]) -> Option<Field<'_>> {
    let (head, bytes) = match part.strip_prefix(b"\r\n") {
        Some(bytes) => (&[][..], bytes),
        None => {
            let end = find(part, b"\r\n\r\n")?;
            (part.get(..end)?, part.get(end + 4..)?)
        }
    };
    let head = core::str::from_utf8(head).ok()?;
    let header = |wanted: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.clone().find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").filter(|value| value.to_lowercase().starts_with("form-data"))?;
    Some(Field {
        name: Cow::Owned(parameter(disposition, "name")?),
        filename: parameter(disposition, "filename"),
        content_type: header("content-type").map(ToString::to_string),
        bytes: Cow::Borrowed(bytes),
    })
}

/// The value of the parameter `wanted` behind a header's value: a token, or quoted, as browsers write it.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let (text, behind) = match behind.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (text, behind) = behind.split_once(';').unwrap_or((behind, ""));
                (text.trim().to_string(), behind)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = behind.trim_start().trim_start_matches(';');
    }
}

/// The text up to the closing quote, and what is behind it. Browsers write `%22` for a quote, others a backslash.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((plain.replace("%22", "\""), text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next() {
                Some((_, next @ ('"' | '\\'))) => plain.push(next),
                Some((_, next)) => plain.extend(['\\', next]),
                None => return None,
            },
            other => plain.push(other),
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// RFC 2046 section 5.1.1.
const MOST_BOUNDARY_BYTES: usize = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_their_bytes() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@b.example\r\n--x\r\n\
                     content-disposition: form-data; filename=\"a;\\\"b\\\".bin\"; name=attachment\r\n\
                     Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--y\r\n--x--\r\n";
        let fields = multipart(body, "x").unwrap();
        assert_eq!((fields[0].name.as_ref(), fields[0].text()), ("to", Some("a@b.example")));
        assert_eq!(fields[1].filename.as_deref(), Some("a;\"b\".bin"));
        assert_eq!(fields[1].bytes.as_ref(), b"\x89PNG\r\n\r\n--y");
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn a_form_that_is_cut_off_is_none() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@b.example\r\n--x--\r\n";
        for end in 0..body.len() - 4 {
            assert!(multipart(&body[..end], "x").is_none(), "{end}");
        }
        assert!(multipart(body, "").is_none());
        assert!(multipart(b"--x--", "x").unwrap().is_empty());
    }

    #[test]
    fn a_parameter_is_read_quoted_or_bare() {
        assert_eq!(parameter("multipart/form-data; boundary=ab", "boundary").as_deref(), Some("ab"));
        assert_eq!(parameter("f; name=\"a;b=c\"; x=y", "x").as_deref(), Some("y"));
        assert_eq!(parameter("f; name=\"open", "name"), None);
        assert_eq!(parameter("f", "name"), None);
    }
}
