//! A message's bytes read into what the inbox shows, by the kept crate `mail-parser`.

use super::session::Envelope;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use sendgate_simulator::outside::{File, Mail};

/// Reads a message. One that is no MIME message is shown as far as it goes.
pub(crate) fn read(envelope: &Envelope, bytes: &[u8]) -> Mail {
    let Some(message) = MessageParser::default().parse(bytes) else {
        return Mail {
            from: envelope.sender.address.clone(),
            text_body: Some(String::from_utf8_lossy(bytes).into_owned()),
            bcc: envelope.recipients.clone(),
            recipients: envelope.recipients.clone(),
            ..Mail::default()
        };
    };
    let from = mailboxes(message.from()).into_iter().next();
    let named: Vec<String> = [message.to(), message.cc()].into_iter().flat_map(addresses).collect();
    let is_hidden = |address: &&String| !named.iter().any(|named| named.eq_ignore_ascii_case(address));
    Mail {
        from: from.unwrap_or_else(|| envelope.sender.address.clone()),
        to: mailboxes(message.to()),
        cc: mailboxes(message.cc()),
        bcc: envelope.recipients.iter().filter(is_hidden).cloned().collect(),
        reply_to: mailboxes(message.reply_to()),
        subject: message.subject().unwrap_or_default().to_string(),
        text_body: joined(message.text_bodies().filter_map(plain_text)),
        html_body: joined(message.html_bodies().filter_map(html_text)),
        headers: headers(&message),
        files: files(&message),
        recipients: envelope.recipients.clone(),
    }
}

fn plain_text<'a>(part: &'a MessagePart<'_>) -> Option<&'a str> {
    if let PartType::Text(text) = &part.body { Some(text.as_ref()) } else { None }
}

fn html_text<'a>(part: &'a MessagePart<'_>) -> Option<&'a str> {
    if let PartType::Html(text) = &part.body { Some(text.as_ref()) } else { None }
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { None } else { Some(texts.join("\n")) }
}

fn mailboxes(address: Option<&Address<'_>>) -> Vec<String> {
    let mailbox = |one: &mail_parser::Addr<'_>| {
        let address = one.address()?;
        Some(match one.name().filter(|name| !name.is_empty()) {
            None => address.to_string(),
            Some(name) if name.chars().all(|c| c.is_alphanumeric() || " -_'!".contains(c)) => {
                format!("{name} <{address}>")
            }
            Some(name) => format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\"")),
        })
    };
    address.map(|address| address.iter().filter_map(mailbox).collect()).unwrap_or_default()
}

fn addresses(address: Option<&Address<'_>>) -> Vec<String> {
    let bare = |one: &mail_parser::Addr<'_>| one.address().map(String::from);
    address.map(|address| address.iter().filter_map(bare).collect()).unwrap_or_default()
}

/// The fields that are shown nowhere else, unfolded and otherwise as they came.
fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let is_other = |name: &str| !SHOWN_ELSEWHERE.iter().any(|known| known.eq_ignore_ascii_case(name));
    message
        .headers_raw()
        .filter(|(name, _)| is_other(name))
        .map(|(name, value)| (name.to_string(), value.replace(['\r', '\n'], "").trim().to_string()))
        .collect()
}

/// Every part that is neither a container nor shown as a body.
fn files(message: &Message<'_>) -> Vec<File> {
    let mut bodies: Vec<&MessagePart<'_>> = Vec::new();
    bodies.extend(message.text_bodies().filter(|part| plain_text(part).is_some()));
    bodies.extend(message.html_bodies().filter(|part| html_text(part).is_some()));
    let is_body = |part: &MessagePart<'_>| bodies.iter().any(|body| std::ptr::eq(*body, part));
    message
        .parts
        .iter()
        .filter(|part| !matches!(part.body, PartType::Multipart(_)) && !is_body(part))
        .map(file)
        .collect()
}

fn file(part: &MessagePart<'_>) -> File {
    let content_type = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_string(),
    });
    File {
        filename: part.attachment_name().unwrap_or_default().to_string(),
        content_type: content_type.map(|kind| kind.to_ascii_lowercase()),
        disposition: part.content_disposition().map(|kind| kind.ctype().to_ascii_lowercase()),
        content_id: part.content_id().map(String::from),
        content: part.contents().to_vec(),
    }
}

const SHOWN_ELSEWHERE: [&str; 9] =
    ["From", "To", "Cc", "Bcc", "Reply-To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_every_part_is_read() {
        let source = "From: =?utf-8?q?Zo=C3=AB?= <orders@shop.example>\r\nTo: \"Ann, B\" <ann@example.com>\r\n\
            Subject: =?utf-8?b?w6k=?=\r\nX-Order-Id: 42\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
            --a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n--a\r\n\
            Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--r\r\n\
            Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline; filename=l.png\r\n\
            Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--r--\r\n--a--\r\n--m\r\n\
            Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n--m--\r\n";
        let recipients = vec!["ann@example.com".to_string(), "hidden@example.org".to_string()];
        let mail = read(&Envelope { recipients, ..Envelope::default() }, source.as_bytes());
        assert_eq!(mail.from, "Zoë <orders@shop.example>");
        assert_eq!(mail.to, ["\"Ann, B\" <ann@example.com>"]);
        assert_eq!(mail.bcc, ["hidden@example.org"]);
        assert_eq!(mail.subject, "é");
        assert_eq!(mail.text_body.as_deref().map(str::trim_end), Some("Hello"));
        assert_eq!(mail.html_body.as_deref().map(str::trim_end), Some("<p>Hi</p>"));
        assert_eq!(mail.headers, [("X-Order-Id".to_string(), "42".to_string())]);
        let files: Vec<_> =
            mail.files.iter().map(|file| (file.filename.as_str(), file.disposition.as_deref())).collect();
        assert_eq!(files, [("l.png", Some("inline")), ("a.txt", Some("attachment"))]);
        assert_eq!(mail.files[0].content, [0x89, b'P', b'N', b'G']);
        assert_eq!(mail.files[0].content_id.as_deref(), Some("logo"));
    }
}
