//! Reading a whole MIME message, for the dialects that take one: its fields, bodies and files.
//!
//! The reading is `mail-parser`'s. A message that it cannot make sense of keeps what could be read.

use crate::messages::{Attachment, Header, Message};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use mail_parser::{Address, HeaderName, MessageParser, MimeHeaders, PartType};

/// The message in `bytes`; `None` when it does not begin with a header field.
pub(crate) fn read(bytes: &[u8]) -> Option<Message> {
    let name = bytes.split(|byte| *byte == b':' || *byte == b'\n').next().unwrap_or_default();
    let begins = bytes.get(name.len()) == Some(&b':') && !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let parsed = MessageParser::new().parse(bytes).filter(|_| begins)?;
    let mut message = Message {
        from: mailboxes(parsed.from()).into_iter().next().unwrap_or_default(),
        to: mailboxes(parsed.to()),
        cc: mailboxes(parsed.cc()),
        bcc: mailboxes(parsed.bcc()),
        reply_to: mailboxes(parsed.reply_to()),
        subject: parsed.subject().unwrap_or_default().to_string(),
        headers: headers(&parsed),
        ..Message::default()
    };
    for body in parsed.text_bodies() {
        if let PartType::Text(text) = &body.body {
            message.text_body.get_or_insert_with(String::new).push_str(text);
        }
    }
    for body in parsed.html_bodies() {
        if let PartType::Html(text) = &body.body {
            message.html_body.get_or_insert_with(String::new).push_str(text);
        }
    }
    for part in parsed.attachments() {
        message.attachments.push(Attachment {
            filename: part.attachment_name().unwrap_or("unnamed").to_string(),
            content_type: part.content_type().map(|kind| match kind.subtype() {
                Some(subtype) => alloc::format!("{}/{subtype}", kind.ctype()),
                None => kind.ctype().to_string(),
            }),
            disposition: part.content_disposition().map(|disposition| disposition.ctype().to_string()),
            content_id: part.content_id().map(|id| id.trim_matches(['<', '>']).to_string()),
            content: Some(part.contents().to_vec()),
        });
    }
    Some(message)
}

/// `text` with its encoded words (RFC 2047) read.
pub(crate) fn decoded(text: &str) -> String {
    if !text.contains("=?") || text.contains(['\r', '\n']) {
        return text.to_string();
    }
    let field = alloc::format!("Subject: {text}\r\n\r\n");
    let parsed = MessageParser::new().parse(field.as_bytes());
    parsed.as_ref().and_then(|message| message.subject()).unwrap_or(text).to_string()
}

fn mailboxes(address: Option<&Address<'_>>) -> Vec<String> {
    let mailbox = |address: &mail_parser::Addr<'_>| {
        let bare = address.address.as_deref().unwrap_or_default();
        crate::address::join(address.name.as_deref(), bare)
    };
    address.map(|address| address.iter().map(mailbox).collect()).unwrap_or_default()
}

/// The fields that are shown as header fields: those that a message of another dialect would carry as its own.
fn headers(parsed: &mail_parser::Message<'_>) -> Vec<Header> {
    let own = |name: &HeaderName<'_>| {
        matches!(name, HeaderName::Other(_))
            || matches!(
                name,
                HeaderName::ListUnsubscribe
                    | HeaderName::ListId
                    | HeaderName::ListHelp
                    | HeaderName::ListOwner
                    | HeaderName::ListPost
                    | HeaderName::ListArchive
                    | HeaderName::ListSubscribe
                    | HeaderName::InReplyTo
                    | HeaderName::References
                    | HeaderName::MessageId
                    | HeaderName::Keywords
                    | HeaderName::Comments
                    | HeaderName::Sender
            )
    };
    let kept = parsed.headers().iter().zip(parsed.headers_raw()).filter(|(header, _)| own(&header.name));
    kept.map(|(_, (name, value))| Header { name: name.to_string(), value: decoded(&unfolded(value)) }).collect()
}

/// A field's raw value on one line.
fn unfolded(value: &str) -> String {
    value.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_with_a_file_is_read() {
        let mail = "From: =?utf-8?q?Zo=C3=AB?= <a@shop.example>\r\nTo: b@example.org, \"C, D\" <c@example.org>\r\n\
                    Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Order-Id: 42\r\nList-Unsubscribe: <https://shop.example/\r\n u>\r\n\
                    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                    Content-Type: text/plain; charset=utf-8\r\n\r\nhi \u{20ac}\r\n--b\r\n\
                    Content-Type: image/png; name=\"l.png\"\r\nContent-Disposition: inline\r\nContent-ID: <logo1>\r\n\
                    Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAQ==\r\n--b--\r\n";
        let message = read(mail.as_bytes()).unwrap();
        assert_eq!(message.from, "Zoë <a@shop.example>");
        assert_eq!(message.to, ["b@example.org", "\"C, D\" <c@example.org>"]);
        assert_eq!((message.subject.as_str(), message.text_body.as_deref()), ("café", Some("hi €")));
        let headers: Vec<_> = message.headers.iter().map(|h| (h.name.as_str(), h.value.as_str())).collect();
        assert_eq!(headers, [("X-Order-Id", "42"), ("List-Unsubscribe", "<https://shop.example/ u>")]);
        let file = &message.attachments[0];
        assert_eq!((file.filename.as_str(), file.content_id.as_deref()), ("l.png", Some("logo1")));
        assert_eq!(file.content.as_ref().unwrap().len(), 10);
    }

    #[test]
    fn what_is_no_mail_is_none() {
        assert!(read(b"").is_none());
        assert!(read(b"\r\n\r\nhi").is_none());
        assert!(read(b"no header at all").is_none());
        assert!(read(b"two words: x\r\n\r\nhi").is_none());
    }

    #[test]
    fn encoded_words_are_read() {
        assert_eq!(decoded("=?utf-8?b?Wm/Dqw==?= x"), "Zoë x");
        assert_eq!(decoded("plain"), "plain");
    }
}
