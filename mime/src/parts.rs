//! The body of a mail: its parts and the boundaries between them.

use crate::lines;
use mail_builder::{
    headers::{Header, content_type::ContentType},
    mime::{BodyPart, MimePart},
};
use sendgate_core::{
    message::{Attachment, Disposition, Message},
    provider::Letter,
};

/// A message's parts, and what its boundaries begin with.
pub(crate) struct Parts<'a> {
    message: &'a Message,
    boundary: String,
}

impl<'a> Parts<'a> {
    /// The parts of a letter. What its boundaries begin with occurs in none of its texts.
    pub(crate) fn of(letter: &Letter<'a>) -> Self {
        let message = letter.message;
        let id: String = letter.message_id.chars().filter(char::is_ascii_alphanumeric).take(MAX_ID).collect();
        let texts = || [&message.text_body, &message.html_body].into_iter().flatten();
        // Encoded texts and base64 never have "=_"; a text that needs no encoding might.
        let mut boundary = format!("=_{id}");
        let mut tries = 0_u32;
        while texts().any(|text| text.contains(&boundary)) {
            boundary = format!("=_{tries}_{id}");
            tries = tries.wrapping_add(1);
        }
        Self { message, boundary }
    }

    /// Writes the body with its own header fields, behind the message's.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut files = self.files(Disposition::Attachment).peekable();
        if files.peek().is_none() {
            return self.bodies(out);
        }
        let boundary = self.open("mixed", out);
        begin(&boundary, out);
        self.bodies(out);
        for file in files {
            begin(&boundary, out);
            write_file(file, out);
        }
        end(&boundary, out);
    }

    /// The text, the HTML, or the one beside the other.
    fn bodies(&self, out: &mut Vec<u8>) {
        match (&self.message.text_body, &self.message.html_body) {
            (Some(text), Some(html)) => {
                let boundary = self.open("alternative", out);
                begin(&boundary, out);
                write_text("text/plain", text, out);
                begin(&boundary, out);
                self.shown("text/html", html, out);
                end(&boundary, out);
            }
            (None, Some(html)) => self.shown("text/html", html, out),
            (Some(text), None) => self.shown("text/plain", text, out),
            (None, None) => self.shown("text/plain", "", out),
        }
    }

    /// A body with the files that are shown in it.
    fn shown(&self, content_type: &str, body: &str, out: &mut Vec<u8>) {
        let mut files = self.files(Disposition::Inline).peekable();
        if files.peek().is_none() {
            return write_text(content_type, body, out);
        }
        let boundary = self.open("related", out);
        begin(&boundary, out);
        write_text(content_type, body, out);
        for file in files {
            begin(&boundary, out);
            write_file(file, out);
        }
        end(&boundary, out);
    }

    fn files(&self, disposition: Disposition) -> impl Iterator<Item = &'a Attachment> {
        self.message.attachments.iter().filter(move |file| file.disposition == disposition)
    }

    /// Begins a part with parts in it, and gives their boundary.
    fn open(&self, kind: &str, out: &mut Vec<u8>) -> String {
        let boundary = format!("{}_{kind}", self.boundary);
        out.extend_from_slice(b"Content-Type: ");
        let mut content_type = ContentType::new(format!("multipart/{kind}"));
        if kind == "related" {
            // RFC 2387 section 3.1.
            let root = if self.message.html_body.is_some() { "text/html" } else { "text/plain" };
            content_type = content_type.attribute("type", root);
        }
        content_type.attribute("boundary", boundary.as_str()).write_header(out, "Content-Type: ".len());
        boundary
    }
}

fn begin(boundary: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n--");
    out.extend_from_slice(boundary.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn end(boundary: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n--");
    out.extend_from_slice(boundary.as_bytes());
    out.extend_from_slice(b"--\r\n");
}

fn write_text(content_type: &str, text: &str, out: &mut Vec<u8>) {
    MimePart::new(content_type, text).write_part(out);
}

/// A file: its head by the library, its content as it is.
fn write_file(file: &Attachment, out: &mut Vec<u8>) {
    let Attachment { filename, content_type, content, disposition, content_id } = file;
    let shown = match disposition {
        Disposition::Attachment => "attachment",
        Disposition::Inline => "inline",
    };
    let disposition = ContentType::new(shown).attribute("filename", filename.as_str());
    let nothing = BodyPart::Binary((&b""[..]).into());
    let mut part = MimePart::new(content_type.as_str(), nothing)
        .transfer_encoding("base64")
        .header("Content-Disposition", disposition);
    if let Some(id) = content_id {
        part = part.cid(id.as_str());
    }
    part.write_part(out);
    lines::write(content, out);
}

/// A boundary has 70 characters at most (RFC 2046 section 5.1.1); around the id stand some 25.
const MAX_ID: usize = 40;
