//! A message as MIME text (RFC 5322, RFC 2045 to 2047, RFC 2231), by a kept library.
//!
//! `mail-builder` writes header fields and encodes bodies. What is decided here is the structure:
//! `mixed(alternative(text, related(html, inline files)), files)`, each level only where it is needed. The same letter
//! gives the same bytes: its id and date are its own, and its boundaries are made of its id.
//!
//! Contents of files are base64 already and stay so: they are copied once, line by line, into the mail. Recipients that are
//! not shown never get here.
#![forbid(unsafe_code)]

mod lines;
mod parts;

use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, address::Address, date::Date, message_id::MessageId, raw::Raw, text::Text},
    mime::MimePart,
};
use parts::Parts;
use sendgate_core::{address::Mailbox, provider::Letter};

/// Writes a mail as RFC 5322 text with CRLF line ends. An address beyond ASCII stands as it is (RFC 6532).
#[must_use]
pub fn compose(letter: &Letter<'_>) -> Vec<u8> {
    let message = letter.message;
    let mut out = Vec::with_capacity(message.size().saturating_add(message.size() / 32).saturating_add(HEAD));
    let mut head = MessageBuilder::new().from(address(&message.from));
    for (name, mailboxes) in [("To", letter.to), ("Cc", letter.cc)] {
        if !mailboxes.is_empty() {
            head = head.header(name, addresses(mailboxes.iter().copied()));
        }
    }
    if !message.reply_to.is_empty() {
        head = head.header("Reply-To", addresses(&message.reply_to));
    }
    head = head
        .header("Subject", Text::new(message.subject.as_str()))
        .header("Date", Date::new(seconds(letter)))
        .header("Message-ID", MessageId::new(letter.message_id));
    for (name, value) in &message.headers {
        head = head.header(name.as_str(), custom(value));
    }
    // A body of nothing at all ends the head behind `MIME-Version`: what follows is written part by part.
    head.body(MimePart::raw("")).serialize(&mut out);
    Parts::of(letter).write(&mut out);
    out
}

/// A field that the message sets. A value in ASCII stays as it is, or an address list or a URL in it would be none any
/// more; it is only folded.
fn custom(value: &str) -> HeaderType<'_> {
    if value.is_ascii() { Raw::new(value).into() } else { Text::new(value).into() }
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref(), mailbox.address.as_str())
}

fn addresses<'a>(mailboxes: impl IntoIterator<Item = &'a Mailbox>) -> Address<'a> {
    Address::new_list(mailboxes.into_iter().map(address).collect())
}

fn seconds(letter: &Letter<'_>) -> i64 {
    i64::try_from(letter.date.as_millis() / 1_000).unwrap_or(i64::MAX)
}

/// Room for the head and the heads of parts: a guess that saves the buffer from growing, and no bound.
const HEAD: usize = 4_096;
