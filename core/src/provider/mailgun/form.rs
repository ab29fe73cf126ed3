//! A form as Mailgun takes it: URL-encoded, or in parts (RFC 7578) when it has files.

use crate::{
    key,
    message::{Attachment, Disposition},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Fields in the order they are sent; a name may come more than once.
#[derive(Default)]
pub(super) struct Form<'a> {
    pub(super) fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    pub(super) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.fields.push((name.into(), value.into()));
    }

    /// The form without files.
    pub(super) fn url_encoded(&self) -> Vec<u8> {
        let size: usize = self.fields.iter().map(|(name, value)| name.len() + value.len() + FIELD_FRAME).sum();
        let mut text = form_urlencoded::Serializer::new(String::with_capacity(size));
        text.extend_pairs(&self.fields);
        text.finish().into_bytes()
    }

    /// The form with files, and the boundary between its parts.
    ///
    /// The boundary is a hash of the ids, so that the same message gives the same bytes. That it is in no part is not
    /// left to chance: the finished body is searched, and another boundary taken if there is one too many. `None` for a
    /// file that is no base64.
    pub(super) fn in_parts(&self, files: &[Attachment], ids: &str) -> Option<(String, Vec<u8>)> {
        (0..MAX_BOUNDARIES).find_map(|attempt| {
            let mut boundary = key::fingerprint(format!("{attempt} {ids}").as_bytes());
            boundary.truncate(BOUNDARY);
            let body = self.parts(files, &boundary)?;
            let parts = self.fields.len().saturating_add(files.len()).saturating_add(1);
            (count(&body, format!("--{boundary}").as_bytes()) == parts).then_some((boundary, body))
        })
    }

    fn parts(&self, files: &[Attachment], boundary: &str) -> Option<Vec<u8>> {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len());
        let contents = files.iter().map(|file| file.content.len() + file.filename.len() + file.content_type.len());
        let count = self.fields.len().saturating_add(files.len());
        let mut body = Vec::with_capacity(fields.chain(contents).sum::<usize>() + count.saturating_mul(PART_FRAME));
        let delimiter = format!("--{boundary}");
        for (name, value) in &self.fields {
            head(&mut body, &delimiter, name);
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(value.as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        for file in files {
            // Mailgun names an inline file in the HTML by its file name.
            let (field, filename) = match (file.disposition, &file.content_id) {
                (Disposition::Inline, Some(content_id)) => ("inline", content_id),
                (Disposition::Inline | Disposition::Attachment, _) => ("attachment", &file.filename),
            };
            head(&mut body, &delimiter, field);
            body.extend_from_slice(b"; filename=\"");
            quote(&mut body, filename);
            body.extend_from_slice(b"\r\nContent-Type: ");
            body.extend_from_slice(file.content_type.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            STANDARD.decode_vec(&file.content, &mut body).ok()?;
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(delimiter.as_bytes());
        body.extend_from_slice(b"--\r\n");
        Some(body)
    }
}

/// A part's first line and the beginning of its second.
fn head(body: &mut Vec<u8>, delimiter: &str, name: &str) {
    body.extend_from_slice(delimiter.as_bytes());
    body.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    quote(body, name);
}

/// The rest of a quoted name, with its closing quote. Browsers write it so (the HTML standard's form encoding): UTF-8 as
/// it is, and nothing that ends the quotes or the line.
fn quote(body: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' => body.extend_from_slice(b"%22"),
            b'\r' => body.extend_from_slice(b"%0D"),
            b'\n' => body.extend_from_slice(b"%0A"),
            other => body.push(other),
        }
    }
    body.push(b'"');
}

/// How often a text that begins with `-` stands in the body.
fn count(body: &[u8], text: &[u8]) -> usize {
    memchr::memchr_iter(b'-', body).filter(|at| body.get(*at..).is_some_and(|rest| rest.starts_with(text))).count()
}

/// Characters of a boundary: 128 bits of a hash. RFC 2046 section 5.1.1 allows 70.
const BOUNDARY: usize = 32;
/// A second boundary is needed once in 2^100 messages, or when someone knew the first one before it was made.
const MAX_BOUNDARIES: u32 = 8;
/// Bytes around a URL-encoded field.
const FIELD_FRAME: usize = 2;
/// Bytes around a part, more than there are: delimiter, field names and line ends.
const PART_FRAME: usize = 160;
