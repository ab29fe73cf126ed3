//! The items of a JSON list, and JSON lines. Where an item ends is found by its brackets and strings; what it says, and whether
//! it is JSON at all, is its reader's to find out.

use super::{LIST, MAX_ROW_BYTES, Raw, Sink};
use alloc::{format, string::String, vec::Vec};
use serde_json::Value;

/// An item under way.
#[derive(Default)]
struct Item {
    text: Vec<u8>,
    is_too_long: bool,
}

impl Item {
    fn push(&mut self, byte: u8) {
        self.is_too_long |= self.text.len() >= MAX_ROW_BYTES;
        if !self.is_too_long {
            self.text.push(byte);
        }
    }

    fn emit(&mut self, number: u64, sink: Sink<'_>) -> bool {
        let goes_on =
            if self.is_too_long { sink(number, Raw::TooLong) } else { sink(number, Raw::Json(self.text.trim_ascii())) };
        self.text.clear();
        self.is_too_long = false;
        goes_on
    }
}

/// A JSON list, bare or as the field of an object.
pub(in super::super) struct List {
    is_in_object: bool,
    place: Place,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    item: Item,
    /// Items given.
    given: u64,
    tail: Vec<u8>,
}

enum Place {
    /// Before the first item.
    First,
    /// Behind a comma.
    Next,
    Item,
    /// Behind the list.
    Tail,
    /// It is no list from here on.
    Wrong,
}

impl List {
    pub(super) fn bare() -> Self {
        Self {
            is_in_object: false,
            place: Place::First,
            depth: 0,
            in_string: false,
            is_escaped: false,
            item: Item::default(),
            given: 0,
            tail: Vec::new(),
        }
    }

    pub(super) fn in_object() -> Self {
        Self { is_in_object: true, ..Self::bare() }
    }

    pub(super) fn feed(&mut self, piece: &[u8], sink: Sink<'_>) -> usize {
        for (read, byte) in (1..).zip(piece) {
            let ends_item = match self.place {
                Place::First | Place::Next => self.before_item(*byte),
                Place::Item => self.in_item(*byte),
                Place::Tail if self.tail.len() < MAX_ROW_BYTES => {
                    self.tail.push(*byte);
                    false
                }
                Place::Tail | Place::Wrong => {
                    self.place = Place::Wrong;
                    false
                }
            };
            if ends_item {
                self.given += 1;
                if !self.item.emit(self.given, sink) {
                    return read;
                }
            }
        }
        piece.len()
    }

    /// # Errors
    /// What is wrong with the list.
    pub(super) fn finish(&self) -> Result<(), String> {
        if matches!(self.place, Place::Tail) && self.is_tail() {
            return Ok(());
        }
        Err(format!("the list breaks off, or is no JSON, behind its item {}", self.given))
    }

    /// What an export says beside its list may stay.
    fn is_tail(&self) -> bool {
        if !self.is_in_object {
            return self.tail.trim_ascii().is_empty();
        }
        let object = [format!("{{\"{LIST}\":[]").as_bytes(), &self.tail].concat();
        let fields = serde_json::from_slice(&object).ok().and_then(|object: Value| object.as_object().cloned());
        fields.is_some_and(|fields| fields.keys().all(|name| name == LIST || name == "next"))
    }

    fn before_item(&mut self, byte: u8) -> bool {
        match (byte, &self.place) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => false,
            (b']', Place::First) => {
                self.place = Place::Tail;
                false
            }
            (b',' | b']' | b'}', _) => {
                self.place = Place::Wrong;
                false
            }
            (_, _) => {
                self.place = Place::Item;
                self.in_item(byte)
            }
        }
    }

    /// Whether the item ended before this byte.
    fn in_item(&mut self, byte: u8) -> bool {
        if self.in_string {
            (self.in_string, self.is_escaped) = match (self.is_escaped, byte) {
                (false, b'"') => (false, false),
                (false, b'\\') => (true, true),
                (_, _) => (true, false),
            };
            self.item.push(byte);
            return false;
        }
        match (byte, self.depth) {
            (b',', 0) => {
                self.place = Place::Next;
                return true;
            }
            (b']', 0) => {
                self.place = Place::Tail;
                return true;
            }
            (b'}', 0) => {
                self.place = Place::Wrong;
                return false;
            }
            (b'"', _) => self.in_string = true,
            (b'{' | b'[', depth) => self.depth = depth.saturating_add(1),
            (b'}' | b']', depth) => self.depth = depth.saturating_sub(1),
            (_, _) => {}
        }
        self.item.push(byte);
        false
    }
}

/// JSON lines: an entry a line.
pub(in super::super) struct Lines {
    item: Item,
    /// The line that is read.
    line: u64,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { item: Item::default(), line: 1 }
    }

    pub(super) fn feed(&mut self, piece: &[u8], sink: Sink<'_>) -> usize {
        for (read, byte) in (1..).zip(piece) {
            if *byte != b'\n' {
                self.item.push(*byte);
                continue;
            }
            let goes_on = self.emit(sink);
            self.line += 1;
            if !goes_on {
                return read;
            }
        }
        piece.len()
    }

    pub(super) fn finish(&mut self, sink: Sink<'_>) {
        self.emit(sink);
    }

    fn emit(&mut self, sink: Sink<'_>) -> bool {
        if !self.item.is_too_long && self.item.text.trim_ascii().is_empty() {
            self.item.text.clear();
            return true;
        }
        self.item.emit(self.line, sink)
    }
}
