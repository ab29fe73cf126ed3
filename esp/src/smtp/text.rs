//! The text of a message, line by line: dots unstuffed, lengths and line ends checked (RFC 5321 section 4.5.2 and 2.3.8).

use super::command::Reply;

/// A message while it comes in.
#[derive(Default)]
pub(crate) struct Text {
    /// What has come of it, without the dots that were put before lines.
    pub(crate) bytes: Vec<u8>,
    /// The length of the part of this line that was cut off.
    cut: usize,
    /// The first thing that is wrong with it.
    pub(crate) wrong: Option<WrongText>,
}

/// Why a message is refused once its end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WrongText {
    Size,
    LineLength,
    LineEnd,
}

impl WrongText {
    /// What the server says to it.
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::Size => Reply::new(552, "5.3.4 The message is larger than this server takes"),
            Self::LineLength => Reply::new(554, "5.6.0 A line is longer than 1000 octets"),
            Self::LineEnd => Reply::new(554, "5.6.0 CR and LF must stand together"),
        }
    }
}

impl Text {
    /// A part of a line so long was thrown away.
    pub(crate) fn overlong(&mut self, bytes: usize) {
        self.cut += bytes;
        self.wrong.get_or_insert(WrongText::LineLength);
    }

    /// Takes a line with its end; true when it is the last, which is no part of the message.
    pub(crate) fn line(&mut self, line: &[u8], most: usize) -> bool {
        let cut = std::mem::take(&mut self.cut);
        let Some(inner) = line.strip_suffix(b"\r\n") else {
            self.wrong.get_or_insert(WrongText::LineEnd);
            return false;
        };
        if inner == b"." && cut == 0 {
            return true;
        }
        if inner.contains(&b'\r') {
            self.wrong.get_or_insert(WrongText::LineEnd);
        }
        let line = if cut == 0 { line.strip_prefix(b".").unwrap_or(line) } else { line };
        if line.len() > MOST_TEXT_LINE {
            self.wrong.get_or_insert(WrongText::LineLength);
        }
        if self.bytes.len() + line.len() > most {
            self.wrong.get_or_insert(WrongText::Size);
        }
        if self.wrong.is_none() {
            self.bytes.extend_from_slice(line);
        }
        false
    }
}

/// RFC 5321 section 4.5.3.1.6, with the CRLF and without the dot that was put before a line.
const MOST_TEXT_LINE: usize = 1_000;
