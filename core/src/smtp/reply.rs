//! Replies of a server, put together byte by byte within bounds.

use crate::transport::SmtpAnswer;
use alloc::{string::String, vec::Vec};

/// A reply under way.
#[derive(Default)]
pub(super) struct Replies {
    line: Vec<u8>,
    lines: usize,
    code: u16,
    enhanced: Option<[u16; 3]>,
    text: String,
}

/// What came is not a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NotSmtp;

impl Replies {
    /// Takes one byte; the reply that it completes.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<SmtpAnswer>, NotSmtp> {
        if byte != b'\n' {
            if self.line.len() >= MAX_LINE {
                return Err(NotSmtp);
            }
            self.line.push(byte);
            return Ok(None);
        }
        let mut line = core::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let last = self.take_line(&line)?;
        line.clear();
        self.line = line;
        if !last {
            return Ok(None);
        }
        let whole = core::mem::take(self);
        self.line = whole.line;
        Ok(Some(SmtpAnswer { code: whole.code, enhanced: whole.enhanced, text: whole.text }))
    }

    /// Takes one line without its end; whether it is the last of its reply.
    fn take_line(&mut self, line: &[u8]) -> Result<bool, NotSmtp> {
        let (code, rest) = line.split_first_chunk::<3>().ok_or(NotSmtp)?;
        let code = number(code).filter(|code| (200..600).contains(code)).ok_or(NotSmtp)?;
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(NotSmtp),
        };
        let first = self.lines == 0;
        if (!first && code != self.code) || self.lines >= MAX_LINES {
            return Err(NotSmtp);
        }
        self.lines = self.lines.saturating_add(1);
        self.code = code;
        let (enhanced, text) = split_enhanced(text, code);
        if first {
            self.enhanced = enhanced;
        } else {
            self.text.push('\n');
        }
        let room = MAX_TEXT.saturating_sub(self.text.len());
        self.text.extend(String::from_utf8_lossy(text).chars().take(room));
        Ok(last)
    }
}

/// The enhanced code at a text's beginning, and the rest of it. Its class is that of the reply's code (RFC 2034).
fn split_enhanced(text: &[u8], code: u16) -> (Option<[u16; 3]>, &[u8]) {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let mut parts = word.split(|byte| *byte == b'.').map(number);
    let (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return (None, text);
    };
    if class != code / 100 {
        return (None, text);
    }
    (Some([class, subject, detail]), rest.trim_ascii_start())
}

/// One to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    let text = core::str::from_utf8(digits).ok()?;
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// RFC 5321 section 4.5.3.1.5 bounds a reply line to 512 octets; real servers pass it, none by eight times.
const MAX_LINE: usize = 4_096;
/// The longest replies are to `EHLO`: some thirty keywords are registered.
const MAX_LINES: usize = 256;
/// Characters of text kept: an `EHLO` reply of every registered keyword, and more than any error says.
const MAX_TEXT: usize = 4_096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own steps fail by panicking")]
    use super::*;

    fn read(text: &str) -> Result<Vec<SmtpAnswer>, NotSmtp> {
        let mut replies = Replies::default();
        let mut whole = Vec::new();
        for byte in text.bytes() {
            whole.extend(replies.push(byte)?);
        }
        Ok(whole)
    }

    #[test]
    fn a_reply_has_its_codes_and_its_text() {
        let one = read("550 5.1.1 no such user\r\n").unwrap().remove(0);
        assert_eq!((one.code, one.enhanced, one.text.as_str()), (550, Some([5, 1, 1]), "no such user"));
        let bare = read("250\r\n").unwrap().remove(0);
        assert_eq!((bare.code, bare.enhanced, bare.text.as_str()), (250, None, ""));
        let line_feed_only = read("221 bye\n").unwrap().remove(0);
        assert_eq!(line_feed_only.text, "bye");
    }

    #[test]
    fn several_lines_are_one_reply_and_two_replies_are_two() {
        let answers = read("250-cap.example greets you\r\n250-SIZE 10\r\n250 HELP\r\n354 go\r\n").unwrap();
        let [hello, data] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(hello.text, "cap.example greets you\nSIZE 10\nHELP");
        assert_eq!(data.code, 354);
    }

    /// RFC 2034 section 4: the enhanced code stands on every line, and its class is the code's.
    #[test]
    fn an_enhanced_code_is_one_only_when_it_agrees_with_the_code() {
        let lines = read("450-4.2.1 mailbox\r\n450 4.2.1 is busy\r\n").unwrap().remove(0);
        assert_eq!((lines.enhanced, lines.text.as_str()), (Some([4, 2, 1]), "mailbox\nis busy"));
        for text in ["250 5.1.1 x\r\n", "250 2.1 x\r\n", "250 2.1.1.1 x\r\n", "250 2.1.1000 x\r\n", "250 2.-1.1 x\r\n"]
        {
            assert_eq!(read(text).unwrap().remove(0).enhanced, None, "{text}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_within_bounds() {
        for text in [
            "\r\n",
            "25\r\n",
            "abc hello\r\n",
            "250_x\r\n",
            "199 x\r\n",
            "600 x\r\n",
            "250-a\r\n251 b\r\n",
            "٢٥٠ x\r\n",
        ] {
            assert_eq!(read(text), Err(NotSmtp), "{text}");
        }
        assert_eq!(read(&"2".repeat(MAX_LINE + 1)), Err(NotSmtp));
        assert_eq!(read(&"250-x\r\n".repeat(MAX_LINES + 1)), Err(NotSmtp));
        let long = read(&alloc::format!("{}250 end\r\n", alloc::format!("250-{}\r\n", "x".repeat(4_000)).repeat(200)));
        assert!(long.unwrap().remove(0).text.len() < 2 * MAX_TEXT);
    }
}
