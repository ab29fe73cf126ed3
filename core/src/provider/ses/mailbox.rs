//! Mailboxes in seven bits, as SES takes them: names as RFC 2047 encoded words, domains in A-labels.

use crate::address::Mailbox;
use base64::{Engine, engine::general_purpose::STANDARD};
use core::fmt;
use serde::{Serialize, Serializer};

/// A mailbox in seven bits. Its local part has to be ASCII; SES has no SMTPUTF8.
pub(super) struct Ascii<'a>(pub(super) &'a Mailbox);

impl fmt::Display for Ascii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) if !name.is_ascii() => {
                encode(name, f)?;
                write!(f, " <{}>", self.0.address)
            }
            Some(_) | None => self.0.fmt(f),
        }
    }
}

impl Serialize for Ascii<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a text as encoded words of whole characters, a blank between two; a reader joins them without it.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = text;
    while !rest.is_empty() {
        let end = (0..=WORD_BYTES.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(if end == 0 { rest.len() } else { end });
        if rest.len() < text.len() {
            f.write_str(" ")?;
        }
        f.write_str("=?utf-8?B?")?;
        // 45 bytes are 60 characters.
        let mut encoded = [0; 64];
        let length = STANDARD.encode_slice(word, &mut encoded).map_err(|_| fmt::Error)?;
        f.write_str(encoded.get(..length).and_then(|word| core::str::from_utf8(word).ok()).ok_or(fmt::Error)?)?;
        f.write_str("?=")?;
        rest = after;
    }
    Ok(())
}

/// RFC 2047 section 2: an encoded word has at most 75 characters, 12 of which are `=?utf-8?B?` and `?=`.
const WORD_BYTES: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec::Vec};

    fn printed(mailbox: &str) -> alloc::string::String {
        Ascii(&Mailbox::parse(mailbox).unwrap()).to_string()
    }

    #[test]
    fn a_plain_name_is_quoted_and_another_is_encoded() {
        assert_eq!(printed("a@example.com"), "a@example.com");
        assert_eq!(printed(r#""Help, \"us\"" <a@example.com>"#), r#""Help, \"us\"" <a@example.com>"#);
        // The word is the one that Python's email library made for boto3, but for the letter's case.
        assert_eq!(printed("Ann Ünïcode <ann@example.com>"), "=?utf-8?B?QW5uIMOcbsOvY29kZQ==?= <ann@example.com>");
        assert_eq!(printed("ü <a@bücher.example>"), "=?utf-8?B?w7w=?= <a@xn--bcher-kva.example>");
    }

    /// RFC 2047: 75 characters a word, and no character is cut in two.
    #[test]
    fn a_long_name_is_several_words() {
        for letter in ["é", "€", "😀", "aé"] {
            let name = letter.repeat(64);
            let mailbox =
                Mailbox { name: Some(name.clone()), address: Mailbox::parse("a@example.com").unwrap().address };
            let text = Ascii(&mailbox).to_string();
            let words: Vec<_> = text.strip_suffix(" <a@example.com>").unwrap().split(' ').collect();
            let decode = |word: &&str| {
                assert!(word.len() <= 75, "{word}");
                let inner = word.strip_prefix("=?utf-8?B?").and_then(|word| word.strip_suffix("?=")).unwrap();
                alloc::string::String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap()
            };
            assert_eq!(words.iter().map(decode).collect::<alloc::string::String>(), name);
        }
    }
}
