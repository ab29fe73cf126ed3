//! The rows of an import out of pieces of it, wherever they are cut: a CSV, a JSON list, or JSON lines. One row is held, never
//! the whole.

mod csv;
mod json;

pub(super) use csv::Cells;

use alloc::{boxed::Box, string::String, vec::Vec};
use csv::Csv;
use json::{Lines, List};

/// A row as it stands in the import.
pub(super) enum Raw<'a> {
    /// A CSV's row.
    Cells(&'a Cells),
    /// The text of an item.
    Json(&'a [u8]),
    /// It is longer than [`MAX_ROW_BYTES`].
    TooLong,
}

/// Takes a row with its number, counted from 1; `false` when the next one is to wait.
pub(super) type Sink<'a> = &'a mut dyn FnMut(u64, Raw<'_>) -> bool;

/// Reads rows out of pieces.
pub(super) enum Rows {
    /// What came is too little to know the form by.
    Start(Vec<u8>),
    Csv(Box<Csv>),
    List(List),
    Lines(Lines),
    /// It is none of them.
    Nothing,
}

impl Rows {
    /// Reads on, until the sink wants no more for now or the piece is used up; returns how many bytes were read.
    pub(super) fn feed(&mut self, piece: &[u8], sink: Sink<'_>) -> usize {
        match self {
            Self::Start(_) => self.begin(piece, sink),
            Self::Csv(csv) => csv.feed(piece, sink),
            Self::List(list) => list.feed(piece, sink),
            Self::Lines(lines) => lines.feed(piece, sink),
            Self::Nothing => piece.len(),
        }
    }

    /// The import has ended. The sink's wish to wait is not heard: at most one row is left.
    ///
    /// # Errors
    /// What was wrong with the form of it; the rows before that were given.
    pub(super) fn finish(&mut self, sink: Sink<'_>) -> Result<(), String> {
        match self {
            Self::Start(head) if content(head).is_some_and(<[u8]>::is_empty) => Err("the import is empty".into()),
            Self::Start(_) | Self::Nothing => Err(FORMS.into()),
            Self::Csv(csv) => {
                csv.finish(sink);
                Ok(())
            }
            Self::List(list) => list.finish(),
            Self::Lines(lines) => {
                lines.finish(sink);
                Ok(())
            }
        }
    }

    /// Collects bytes until they tell the form.
    fn begin(&mut self, piece: &[u8], sink: Sink<'_>) -> usize {
        for (read, byte) in (1..).zip(piece) {
            let Self::Start(head) = self else { return read - 1 };
            head.push(*byte);
            if let Some(rows) = form(head) {
                let head = core::mem::replace(self, rows);
                if let (Self::Start(head), false) = (head, matches!(self, Self::List(_))) {
                    self.feed(without_mark(&head), sink);
                }
                return read + self.feed(piece.get(read..).unwrap_or_default(), sink);
            }
        }
        piece.len()
    }
}

/// The form that an import of this beginning has; `None` while that is not known.
fn form(head: &[u8]) -> Option<Rows> {
    let content = content(head)?;
    let Some(first) = content.first() else { return (head.len() > MAX_ROW_BYTES).then_some(Rows::Nothing) };
    match first {
        b'[' => Some(Rows::List(List::bare())),
        b'{' => object(content.get(1..)?.trim_ascii_start()),
        _ => Some(Rows::Csv(Box::new(Csv::new()))),
    }
}

/// An object begins: it is the one around a list, or the first of many lines.
fn object(rest: &[u8]) -> Option<Rows> {
    let name = match rest.split_first()? {
        (b'"', name) => name,
        (_, _) => return Some(Rows::Nothing),
    };
    let Some(end) = name.iter().position(|byte| *byte == b'"') else {
        return (name.len() > LIST.len()).then(|| Rows::Lines(Lines::new()));
    };
    let (name, rest) = name.split_at_checked(end)?;
    if name != LIST.as_bytes() {
        return Some(Rows::Lines(Lines::new()));
    }
    let (colon, rest) = rest.get(1..)?.trim_ascii_start().split_first()?;
    let (bracket, _) =
        if *colon == b':' { rest.trim_ascii_start().split_first()? } else { return Some(Rows::Nothing) };
    Some(if *bracket == b'[' { Rows::List(List::in_object()) } else { Rows::Nothing })
}

/// What comes after the byte order mark and white space; `None` while the mark may still be coming.
fn content(head: &[u8]) -> Option<&[u8]> {
    let may_be_mark = !head.is_empty() && head.len() < BOM.len() && BOM.starts_with(head);
    (!may_be_mark).then(|| without_mark(head).trim_ascii_start())
}

fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(BOM).unwrap_or(head)
}

/// What an import may be.
const FORMS: &str =
    "want a CSV, a JSON list of entries, an object whose field suppressions is that list, or an entry a line";
/// The field that holds the list.
const LIST: &str = "suppressions";
/// What some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// A row with an address of 320 bytes and whatever columns a provider's export has beside it.
pub(super) const MAX_ROW_BYTES: usize = 16_384;

#[cfg(test)]
mod tests;
