//! What is composed is what another library reads back: `mail-parser`, which shares no code with `mail-builder`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod base64;

use mail_parser::{HeaderName, MessageParser, MimeHeaders, PartType};
use sendgate_core::{
    address::Mailbox,
    message::{Disposition, Message},
    provider::Letter,
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z, a Tuesday.
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

fn read(json: &str) -> Message {
    Message::parse(json).unwrap_or_else(|faults| panic!("{faults:?}: {json}"))
}

fn composed(message: &Message) -> Vec<u8> {
    let (to, cc): (Vec<&Mailbox>, Vec<&Mailbox>) = (message.to.iter().collect(), message.cc.iter().collect());
    sendgate_mime::compose(&Letter { message, to: &to, cc: &cc, message_id: "msg_1@shop.example", date: NOW })
}

/// What holds for every mail: CRLF only, no line too long (RFC 5322 section 2.1.1, RFC 2047 section 2), ASCII unless an
/// address is not, and the same bytes again.
fn check_form(message: &Message, mail: &[u8]) {
    let text = std::str::from_utf8(mail).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a lone line end");
    let beyond =
        message.recipients().chain([&message.from]).chain(&message.reply_to).any(|m| !m.address.as_str().is_ascii());
    assert_eq!(text.is_ascii(), !beyond);
    for line in text.split("\r\n") {
        assert!(line.len() <= if line.contains("=?") { 76 } else { 998 }, "{line}");
    }
    assert_eq!(composed(message), mail);
}

/// The mail says what the message says.
fn check(message: &Message) -> Vec<u8> {
    let mail = composed(message);
    check_form(message, &mail);
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let mailboxes = |list: Option<&mail_parser::Address<'_>>| -> Vec<(Option<String>, String)> {
        let all = list.into_iter().flat_map(|list| list.iter());
        all.map(|one| (one.name().map(Into::into), one.address().unwrap().into())).collect()
    };
    let wanted = |list: &[Mailbox]| -> Vec<_> {
        list.iter().map(|one| (one.name.clone(), one.address.as_str().to_owned())).collect()
    };
    assert_eq!(mailboxes(parsed.from()), wanted(std::slice::from_ref(&message.from)));
    assert_eq!(mailboxes(parsed.to()), wanted(&message.to));
    assert_eq!(mailboxes(parsed.cc()), wanted(&message.cc));
    assert_eq!(mailboxes(parsed.reply_to()), wanted(&message.reply_to));
    assert!(parsed.bcc().is_none(), "who is not shown is not there");
    assert_eq!(parsed.subject(), Some(message.subject.as_str()));
    assert_eq!(parsed.message_id(), Some("msg_1@shop.example"));
    assert_eq!(parsed.date().unwrap().to_timestamp(), 1_796_119_200);
    assert_eq!(parsed.header_raw(HeaderName::MimeVersion).unwrap().trim(), "1.0");
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let kinds = |kind: &str| {
        let parts = parsed.parts.iter().filter(|part| part.content_disposition().is_none());
        let texts = parts.filter(|part| part.content_type().is_some_and(|found| found.subtype() == Some(kind)));
        texts.filter_map(|part| part.text_contents().map(lines)).next()
    };
    assert_eq!(kinds("plain"), message.text_body.as_deref().map(lines));
    assert_eq!(kinds("html"), message.html_body.as_deref().map(lines));
    let files: Vec<_> = parsed.parts.iter().filter(|part| part.content_disposition().is_some()).collect();
    assert_eq!(files.len(), message.attachments.len());
    for file in &message.attachments {
        let name = Some(file.filename.as_str());
        let part = files.iter().find(|part| part.attachment_name() == name).unwrap_or_else(|| panic!("no {name:?}"));
        assert_eq!(part.content_id(), file.content_id.as_deref());
        assert_eq!(part.content_disposition().unwrap().is_attachment(), file.disposition == Disposition::Attachment);
        assert_eq!(part.contents(), base64::decoded(&file.content), "{name:?}");
    }
    mail
}

/// The message that smtplib and nodemailer were recorded with.
const REFERENCE: &str = r#"{
    "from": {"address": "orders@shop.example", "name": "Zoë's Shop, Inc."},
    "to": [{"address": "ann@example.com", "name": "Ann Ünïcode"}, "bob@example.net"],
    "cc": [{"address": "cc@example.org", "name": "Carbon \"Copy\""}],
    "bcc": ["hidden@example.org"],
    "reply_to": [{"address": "help@shop.example", "name": "Help"}],
    "subject": "Order #42 — confirmé ✓",
    "text_body": "Hello Ann,\nyour order is on its way. €5\n",
    "html_body": "<p>Hello <b>Ann</b> <img src=\"cid:logo1\"></p>",
    "headers": {"X-Order-Id": "42", "List-Unsubscribe": "<https://shop.example/u/42>"},
    "attachments": [
        {"filename": "invoice.txt", "content_type": "text/plain", "content": "dG90YWw6IDUg4oKsCg=="},
        {"filename": "logo.png", "content_type": "image/png", "content": "iVBORw0KGgoAAQ==", "disposition": "inline", "content_id": "logo1"}
    ]
}"#;

#[test]
fn the_reference_message_has_the_structure_that_official_clients_gave_it() {
    let mail = check(&read(REFERENCE));
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let kind = |id: u32| {
        let found = parsed.parts[usize::try_from(id).unwrap()].content_type().unwrap();
        format!("{}/{}", found.ctype(), found.subtype().unwrap())
    };
    let children = |id: u32| {
        let PartType::Multipart(parts) = &parsed.parts[usize::try_from(id).unwrap()].body else {
            panic!("{} has no parts", kind(id))
        };
        parts.clone()
    };
    assert_eq!(kind(0), "multipart/mixed");
    let [alternative, invoice] = children(0)[..] else { panic!("two parts") };
    assert_eq!((kind(alternative).as_str(), kind(invoice).as_str()), ("multipart/alternative", "text/plain"));
    let [text, related] = children(alternative)[..] else { panic!("two parts") };
    assert_eq!((kind(text).as_str(), kind(related).as_str()), ("text/plain", "multipart/related"));
    let [html, logo] = children(related)[..] else { panic!("two parts") };
    assert_eq!((kind(html).as_str(), kind(logo).as_str()), ("text/html", "image/png"));
    // A field that the message sets keeps its case and its value.
    let text = String::from_utf8(mail.clone()).unwrap();
    assert!(text.contains("\r\nX-Order-Id: 42\r\nList-Unsubscribe: <https://shop.example/u/42>\r\n"));
    assert!(!text.contains("hidden"));
}

fn with(more: &str) -> Message {
    read(&format!(r#"{{"from":"a@shop.example","to":"b@example.com","subject":"Hi"{more}}}"#))
}

#[test]
fn text_alone_and_html_alone_are_single_parts() {
    for more in [r#","text_body":"Hello""#, r#","html_body":"<p>Hé</p>""#] {
        let mail = String::from_utf8(check(&with(more))).unwrap();
        assert!(!mail.contains("multipart"), "{mail}");
    }
}

#[test]
fn an_empty_text_beside_html_is_a_part() {
    let mail = check(&with(r#","text_body":"","html_body":"<p>x</p>""#));
    assert!(String::from_utf8(mail).unwrap().contains("multipart/alternative"));
}

#[test]
fn names_and_words_of_every_script_come_through() {
    let long = "ありがとう".repeat(20);
    let message = read(&format!(
        r#"{{"from":{{"address":"a@shop.example","name":"店舗、株式会社 \"東京\" 🚀"}},
            "to":[{{"address":"b@example.com","name":"Смирнова, Анна; и сын"}},
                  {{"address":"\"quoted local\"@example.com","name":"O'Neil (\\ back)"}},
                  {{"address":"c@example.com","name":"{long}"}}],
            "reply_to":["\"Ann, B.\" <ann@bücher.example>"],
            "subject":"{long} 🚀 end","text_body":"{long}\nשלום\n","html_body":"<p>مرحبا {long}</p>",
            "attachments":[{{"filename":"résumé of 2026; \"final\" 🚀 {long}.pdf","content_type":"application/pdf","content":"AAEC"}},
                           {{"filename":"plain \\ \"quoted\" name.txt","content_type":"text/plain; charset=utf-8","content":"w6k="}}]}}"#
    ));
    check(&message);
}

#[test]
fn long_fields_fold_and_unfold_to_what_they_were() {
    let references: Vec<String> = (0..60).map(|number| format!("<{number}.part@mail.shop.example>")).collect();
    let unsubscribe = format!("<mailto:leave@shop.example>, <https://shop.example/u?{}>", "x".repeat(300));
    let to: Vec<String> = (0..100).map(|number| format!(r#""Recipient {number} <r{number}@example.com>""#)).collect();
    let message = read(
        &format!(
            r#"{{"from":"a@shop.example","to":[{}],"subject":"{}","text_body":"x",
            "headers":{{"References":"{}","List-Unsubscribe":"{unsubscribe}","X-Nön-ascii":"x"}}}}"#,
            to.join(","),
            "a long subject of plain words ".repeat(30).trim(),
            references.join(" "),
        )
        .replace("X-Nön-ascii\":\"x", "X-Words\":\"größer als früher"),
    );
    let mail = check(&message);
    let text = String::from_utf8(mail.clone()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    // Neither is an encoded word: a reader of URLs and ids would not decode it.
    assert!(head.contains(&format!("References: {}\r\n", references.join(" "))));
    assert!(head.contains(&format!("List-Unsubscribe: {unsubscribe}\r\n")));
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let words = parsed.header_as(HeaderName::Other("X-Words".into()), mail_parser::HeaderForm::Text);
    assert_eq!(words[0].as_text(), Some("größer als früher"));
}

#[test]
fn ten_attachments_keep_their_order_and_their_bytes() {
    let files: Vec<String> = (0..10)
        .map(|number| {
            let content = "QUJD".repeat(number * 30 + 1);
            let place = if number % 2 == 0 { String::new() } else { format!(r#","disposition":"inline","content_id":"c{number}@x""#) };
            format!(r#"{{"filename":"f{number}.bin","content_type":"application/octet-stream","content":"{content}"{place}}}"#)
        })
        .collect();
    let mail = check(&with(&format!(r#","html_body":"<img src='cid:c1@x'>","attachments":[{}]"#, files.join(","))));
    let text = String::from_utf8(mail).unwrap();
    let places: Vec<_> =
        [1, 3, 5, 7, 9, 0, 2, 4, 6, 8].map(|number| text.find(&format!("f{number}.bin")).unwrap()).into();
    assert!(places.is_sorted(), "inline files stand with the HTML, the others behind");
}

/// RFC 5322 section 2.1.1, and what a server would take for the end of the mail.
#[test]
fn lines_beyond_998_and_dots_and_strange_line_ends_come_through() {
    let long = "x".repeat(3_000);
    for body in [
        long.clone(),
        format!("short\\n{long}\\nshort"),
        ".\\n..\\n.hidden\\nFrom me\\n".into(),
        "a\\r\\nb\\nc\\n\\n".into(),
        "trailing spaces   \\nand tabs\\t\\nend ".into(),
        "=_msg1shopexample_alternative and =_0_msg1shopexample".into(),
        "é".repeat(2_000),
    ] {
        check(&with(&format!(r#","text_body":"{body}","html_body":"<p>{body}</p>""#)));
    }
}

/// A text that looks like a boundary cannot end its part early.
#[test]
fn a_boundary_occurs_in_no_text() {
    let inside = r"--=_msg1shopexample_mixed--\nX: y\n\n--=_0_msg1shopexample_alternative--\n";
    let message = with(&format!(
        r#","text_body":"{inside}","html_body":"{inside}","attachments":[{{"filename":"a","content_type":"a/b","content":"YQ=="}}]"#
    ));
    check(&message);
}

/// RFC 6532: with SMTPUTF8 the header has addresses as they are.
#[test]
fn an_address_beyond_ascii_stands_in_the_head_as_it_is() {
    let mail = check(&read(
        r#"{"from":"Zoë <zoë@shop.example>","to":"Анна <анна@пример.example>","subject":"é","text_body":"x"}"#,
    ));
    let text = String::from_utf8(mail).unwrap();
    assert!(text.contains("<zoë@shop.example>") && text.contains("=?utf-8?"), "names are encoded all the same");
}
