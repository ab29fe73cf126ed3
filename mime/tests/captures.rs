//! The mail is what two official clients made of the same message, as decoded values: smtplib with `email` (Python 3.11) and
//! nodemailer 9.1.1, recorded with a local server (R042).
//!
//! Known differences, none of which a reader sees: boundaries, folding, the choice of encodings; `MIME-Version` inside of
//! parts (smtplib); `name` beside `filename` and `type` (nodemailer), and its spelling `X-Order-ID` of a field's name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test's own steps fail by panicking")]

mod base64;

use mail_parser::{HeaderForm, HeaderName, Message as Parsed, MessageParser, MimeHeaders, PartType};
use sendgate_core::{address::Mailbox, message::Message, provider::Letter, time::UnixMillis};
use serde_json::Value;

const TRANSCRIPTS: &str = include_str!("data/smtp-transcripts.json");
/// 2026-11-21T19:00:00Z, a Saturday.
const THEN: UnixMillis = UnixMillis::new(1_795_287_600_000);

fn message(text: &str) -> Message {
    let text = serde_json::to_string(text).unwrap();
    let json = format!(
        r#"{{"from": {{"address": "orders@shop.example", "name": "Zoë's Shop, Inc."}},
            "to": [{{"address": "ann@example.com", "name": "Ann Ünïcode"}}, "bob@example.net"],
            "cc": [{{"address": "cc@example.org", "name": "Carbon \"Copy\""}}],
            "bcc": ["hidden@example.org"],
            "reply_to": [{{"address": "help@shop.example", "name": "Help"}}],
            "subject": "Order #42 — confirmé ✓",
            "text_body": {text},
            "html_body": "<p>Hello <b>Ann</b> <img src=\"cid:logo1\"></p>",
            "headers": {{"X-Order-Id": "42", "List-Unsubscribe": "<https://shop.example/u/42>"}},
            "attachments": [
                {{"filename": "invoice.txt", "content_type": "text/plain", "content": "dG90YWw6IDUg4oKsCg=="}},
                {{"filename": "logo.png", "content_type": "image/png", "content": "iVBORw0KGgoAAQ==",
                  "disposition": "inline", "content_id": "logo1"}}
            ]}}"#
    );
    Message::parse(&json).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The mail of a session, as it was before its dots were doubled.
fn recorded(session: usize) -> Vec<u8> {
    let transcripts: Value = serde_json::from_str(TRANSCRIPTS).unwrap();
    let turns = transcripts["sessions"][session].as_array().unwrap();
    let data = turns.iter().find(|turn| turn[0] == "C-DATA").unwrap()[1].as_str().unwrap();
    let text = String::from_utf8(base64::decoded(data)).unwrap();
    let text = text.strip_suffix("\r\n.\r\n").unwrap();
    text.split("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line).to_owned() + "\r\n").collect::<String>().into()
}

/// What a reader sees of a mail: fields, then each part with its place in the tree.
fn seen(mail: &[u8]) -> Vec<String> {
    let parsed = MessageParser::default().parse(mail).unwrap();
    let people = |list: Option<&mail_parser::Address<'_>>| -> Vec<_> {
        let all = list.into_iter().flat_map(|list| list.iter());
        all.map(|one| (one.name().map(str::to_owned), one.address().unwrap().to_owned())).collect()
    };
    let field = |name: &'static str| {
        let found = parsed.header_as(HeaderName::Other(name.into()), HeaderForm::Raw);
        found.first().and_then(|value| value.as_text().map(|text| text.trim().to_owned()))
    };
    let mut all = vec![
        format!("from {:?}", people(parsed.from())),
        format!("to {:?}", people(parsed.to())),
        format!("cc {:?}", people(parsed.cc())),
        format!("bcc {:?}", people(parsed.bcc())),
        format!("reply to {:?}", people(parsed.reply_to())),
        format!("subject {:?}", parsed.subject()),
        format!("date {:?}", parsed.date().unwrap().to_timestamp()),
        format!("order {:?}", field("X-Order-Id").or_else(|| field("X-Order-ID"))),
        format!("unsubscribe {:?}", parsed.header_raw(HeaderName::ListUnsubscribe).map(str::trim)),
    ];
    part(&parsed, 0, 0, &mut all);
    all
}

fn part(parsed: &Parsed<'_>, id: u32, depth: usize, all: &mut Vec<String>) {
    let part_ = parsed.part(id).unwrap();
    let kind = part_.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
    let shown = part_.content_disposition().map(|shown| shown.ctype().to_owned());
    let about = format!("{depth} {kind:?} {shown:?} {:?} {:?}", part_.attachment_name(), part_.content_id());
    if let PartType::Multipart(parts) = &part_.body {
        all.push(about);
        parts.iter().for_each(|id| part(parsed, *id, depth + 1, all));
        return;
    }
    let content = String::from_utf8_lossy(part_.contents()).replace("\r\n", "\n");
    all.push(format!("{about} {:?}", content.trim_end()));
}

#[test]
fn the_mail_is_what_smtplib_and_nodemailer_made_of_the_same_message() {
    let text = "Hello Ann,\nyour order is on its way. €5\n";
    let dotted = format!("{text}.dot line\n");
    for (session, text) in [(0, text), (1, &dotted)] {
        let message = message(text);
        let (to, cc): (Vec<&Mailbox>, Vec<&Mailbox>) = (message.to.iter().collect(), message.cc.iter().collect());
        let letter = Letter { message: &message, to: &to, cc: &cc, message_id: "ref@shop.example", date: THEN };
        assert_eq!(seen(&sendgate_mime::compose(&letter)), seen(&recorded(session)), "session {session}");
    }
}
