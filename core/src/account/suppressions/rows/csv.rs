//! A CSV (RFC 4180, either line end).

use super::{MAX_ROW_BYTES, Raw, Sink};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// The cells of a row.
#[derive(Default)]
pub(in super::super) struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    pub(in super::super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(in super::super) fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| String::from_utf8_lossy(self.text.get(start..*end).unwrap_or_default()))
    }
}

/// A CSV under way.
pub(in super::super) struct Csv {
    reader: csv_core::Reader,
    cells: Cells,
    /// The line that is read, and the one on which the row began.
    line: u64,
    row_line: u64,
    is_between_rows: bool,
    is_too_long: bool,
}

impl Csv {
    pub(super) fn new() -> Self {
        Self {
            reader: csv_core::Reader::new(),
            cells: Cells::default(),
            line: 1,
            row_line: 1,
            is_between_rows: true,
            is_too_long: false,
        }
    }

    pub(super) fn feed(&mut self, piece: &[u8], sink: Sink<'_>) -> usize {
        let mut rest = piece;
        loop {
            if self.is_between_rows {
                let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                rest = self.consume(rest, ends);
                self.row_line = self.line;
            }
            // Nothing would tell the reader that the import has ended.
            if rest.is_empty() {
                return piece.len();
            }
            self.is_between_rows = false;
            let (read, is_row) = self.field(rest);
            rest = self.consume(rest, read);
            if is_row && !self.emit(sink) {
                return piece.len() - rest.len();
            }
        }
    }

    pub(super) fn finish(&mut self, sink: Sink<'_>) {
        if !self.is_between_rows && self.field(&[]).1 {
            self.emit(sink);
        }
    }

    /// Reads a field or a part of one: how many bytes that took, and whether the row ends with it.
    fn field(&mut self, rest: &[u8]) -> (usize, bool) {
        let mut out = [0; 512];
        let (result, read, written) = self.reader.read_field(rest, &mut out);
        let length = self.cells.text.len() + self.cells.ends.len() + written;
        self.is_too_long |= length > MAX_ROW_BYTES;
        if !self.is_too_long {
            self.cells.text.extend_from_slice(out.get(..written).unwrap_or_default());
        }
        match result {
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => (read, false),
            csv_core::ReadFieldResult::Field { record_end } => {
                if !self.is_too_long {
                    self.cells.ends.push(self.cells.text.len());
                }
                (read, record_end)
            }
            csv_core::ReadFieldResult::End => (read, self.cells.len() > 0),
        }
    }

    fn emit(&mut self, sink: Sink<'_>) -> bool {
        let goes_on = if self.is_too_long {
            sink(self.row_line, Raw::TooLong)
        } else {
            sink(self.row_line, Raw::Cells(&self.cells))
        };
        self.cells.text.clear();
        self.cells.ends.clear();
        (self.is_between_rows, self.is_too_long) = (true, false);
        goes_on
    }

    /// Goes on by so many bytes, and counts the lines that end in them: the reader's own count is behind by one after CR LF.
    fn consume<'a>(&mut self, rest: &'a [u8], bytes: usize) -> &'a [u8] {
        let (consumed, rest) = rest.split_at_checked(bytes).unwrap_or((rest, &[]));
        let ends = consumed.iter().filter(|byte| **byte == b'\n').count();
        self.line += u64::try_from(ends).unwrap_or_default();
        rest
    }
}
