//! Values as compact JSON, byte for byte as `serde_json` prints them.
//!
//! Bodies are text with a quote or a line break every few words. `serde_json` looks at each byte of it and copies the
//! runs in between one by one; here eight bytes are looked at together and copied together, escapes or not. What is not
//! text is left to `serde_json`.

use alloc::vec::Vec;
use core::fmt::{self, Display, Write as _};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The value as JSON; `None` when it does not print.
pub(crate) fn print(value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    print_behind(Vec::new(), value)
}

/// The same behind what is printed already.
pub(crate) fn print_behind(printed: Vec<u8>, value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    let at = printed.len();
    let room = match printed.capacity().saturating_sub(at) {
        0 => ROOM,
        spare => spare.min(ROOM),
    };
    let mut page = Page { bytes: printed, at };
    page.bytes.resize(at.saturating_add(room), 0);
    value.serialize(&mut page).ok()?;
    page.bytes.truncate(page.at);
    Some(page.bytes)
}

/// Bytes written up to `at`, and room behind them.
struct Page {
    bytes: Vec<u8>,
    at: usize,
}

impl Page {
    /// Makes room for so many bytes more. The vector sees to it that a longer page is copied ever less often.
    #[cold]
    fn grow(&mut self, more: usize) {
        self.bytes.resize(self.at + more + ROOM, 0);
    }

    fn byte(&mut self, byte: u8) {
        if self.at >= self.bytes.len() {
            self.grow(1);
        }
        if let Some(slot) = self.bytes.get_mut(self.at) {
            *slot = byte;
        }
        self.at += 1;
    }

    /// Bytes as they are, a few.
    fn raw(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.byte(*byte));
    }

    /// A text between quotes.
    fn quoted(&mut self, text: &str) {
        self.byte(b'"');
        self.escaped(text);
        self.byte(b'"');
    }

    /// What stands between the quotes.
    fn escaped(&mut self, text: &str) {
        let mut left = text.len();
        for block in text.as_bytes().chunks(BLOCK) {
            // Once for a long text, and not block by block.
            if self.bytes.len() - self.at < block.len() * LONGEST + WORD {
                self.grow(left + left / WORD);
            }
            left -= block.len();
            if let Some(room) = self.bytes.get_mut(self.at..) {
                self.at += escape(block, room);
            }
        }
    }

    /// What is no text, as `serde_json` prints it.
    fn plain(&mut self, value: &impl Serialize) -> fmt::Result {
        self.raw(&serde_json::to_vec(value).map_err(|_| fmt::Error)?);
        Ok(())
    }

    fn open(&mut self, opening: u8, closing: &'static [u8]) -> Open<'_> {
        self.byte(opening);
        Open { page: self, is_first: true, closing }
    }

    fn open_variant(&mut self, variant: &str, opening: u8, closing: &'static [u8]) -> Open<'_> {
        self.byte(b'{');
        self.quoted(variant);
        self.byte(b':');
        self.open(opening, closing)
    }
}

/// Writes a block of a text where there is room for all of it as escapes; the answer is how many bytes it took.
fn escape(block: &[u8], room: &mut [u8]) -> usize {
    let (lines, end) = block.as_chunks();
    let at = lines.iter().fold(0, |at, line| escape_line(line, room, at));
    let (words, rest) = end.as_chunks();
    let at = words.iter().fold(at, |at, word| escape_word(u64::from_le_bytes(*word), WORD, room, at));
    if rest.is_empty() {
        return at;
    }
    escape_word(last_word(block, rest), rest.len(), room, at)
}

/// The rest of a block, which is no whole word, with spaces behind it.
fn last_word(block: &[u8], rest: &[u8]) -> u64 {
    let bits = rest.len() * 8;
    let bytes = if let Some(word) = block.last_chunk() {
        u64::from_le_bytes(*word) >> (64 - bits)
    } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        // They overlap in bytes that are the same in both.
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (bits - 32)
    } else {
        rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    bytes | each(b' ') << bits
}

/// Writes a line: at once when there is nothing to escape in it, and otherwise word by word.
#[inline(always)]
fn escape_line(line: &[u8; LINE], room: &mut [u8], at: usize) -> usize {
    let (words, _) = line.as_chunks();
    if words.iter().fold(0, |found, word| found | special(u64::from_le_bytes(*word))) == 0
        && let Some(slot) = room.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
    {
        *slot = *line;
        return at + LINE;
    }
    words.iter().fold(at, |at, word| escape_word(u64::from_le_bytes(*word), WORD, room, at))
}

/// Writes so many bytes of a word, the lowest first; the others need no escape. The answer is where the next one goes.
#[inline(always)]
fn escape_word(mut word: u64, mut count: usize, room: &mut [u8], mut at: usize) -> usize {
    let mut special = special(word);
    while special != 0 {
        let shift = special.trailing_zeros() & !(u8::BITS - 1);
        let clean = (shift / u8::BITS) as usize;
        put(word, room, at);
        let [byte, ..] = (word >> shift).to_le_bytes();
        let escape = ESCAPES.get(usize::from(byte & 0x7f)).copied().unwrap_or_default();
        let [.., length] = escape.to_le_bytes();
        put(escape, room, at + clean);
        at += clean + usize::from(length);
        count -= clean + 1;
        // In two steps: all eight bytes at once would be one bit too far.
        word = word >> shift >> u8::BITS;
        special = special >> shift >> u8::BITS;
    }
    put(word, room, at);
    at + count
}

/// Writes a word; the caller knows how much of it counts, and that there is room.
#[inline(always)]
fn put(word: u64, room: &mut [u8], at: usize) {
    if let Some(slot) = room.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *slot = word.to_le_bytes();
    }
}

/// The escape of a character, and in the highest byte its length.
const fn escape_of(byte: u8) -> u64 {
    const fn digit(value: u8) -> u8 {
        if value < 10 { b'0' + value } else { b'a' + (value - 10) }
    }
    let letter = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        b'"' => b'"',
        b'\\' => b'\\',
        _ => return u64::from_le_bytes([b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf), 0, 6]),
    };
    u64::from_le_bytes([b'\\', letter, 0, 0, 0, 0, 0, 2])
}

/// The high bit of every byte that JSON escapes: below 0x20, a quote, a backslash. Nothing carries from one byte into the
/// next, as each addition is to seven bits.
const fn special(word: u64) -> u64 {
    let low = word & each(0x7f);
    let no_control = low + each(0x60);
    let no_quote = (low ^ each(b'"')) + each(0x7f);
    let no_backslash = (low ^ each(b'\\')) + each(0x7f);
    !(no_control & no_quote & no_backslash | word) & each(0x80)
}

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; WORD])
}

/// Displayed pieces, escaped one after the other.
impl fmt::Write for Page {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.escaped(piece);
        Ok(())
    }
}

/// A list or an object that is being written.
struct Open<'a> {
    page: &'a mut Page,
    is_first: bool,
    closing: &'static [u8],
}

impl Open<'_> {
    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> fmt::Result {
        self.comma();
        value.serialize(&mut *self.page)
    }

    fn field(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> fmt::Result {
        self.comma();
        self.page.quoted(name);
        self.page.byte(b':');
        value.serialize(&mut *self.page)
    }

    fn comma(&mut self) {
        if !self.is_first {
            self.page.byte(b',');
        }
        self.is_first = false;
    }

    fn close(self) -> fmt::Result {
        self.page.raw(self.closing);
        Ok(())
    }
}

macro_rules! plain {
    ($($method:ident $kind:ty),*) => { $(
        fn $method(self, value: $kind) -> fmt::Result {
            self.plain(&value)
        }
    )* };
}

impl<'a> Serializer for &'a mut Page {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Open<'a>;

    plain! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_f32 f32, serialize_f64 f64,
        serialize_char char
    }

    fn serialize_bool(self, flag: bool) -> fmt::Result {
        self.raw(if flag { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_str(self, text: &str) -> fmt::Result {
        self.quoted(text);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> fmt::Result {
        self.byte(b'"');
        write!(self, "{value}")?;
        self.byte(b'"');
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> fmt::Result {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> fmt::Result {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> fmt::Result {
        self.raw(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> fmt::Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> fmt::Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> fmt::Result {
        let mut open = self.open(b'{', b"}");
        open.field(variant, value)?;
        open.close()
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open_variant(variant, b'[', b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open(b'{', b"}"))
    }

    /// Not `serde_json`'s own `RawValue`, which goes by a name that only its printer knows: no body holds one.
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open(b'{', b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Open<'a>, fmt::Error> {
        Ok(self.open_variant(variant, b'{', b"}}"))
    }
}

macro_rules! list {
    ($($kind:ident $method:ident),*) => { $(
        impl $kind for Open<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
                self.item(value)
            }

            fn end(self) -> fmt::Result {
                self.close()
            }
        }
    )* };
}

list! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
}

macro_rules! object {
    ($($kind:ident),*) => { $(
        impl $kind for Open<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> fmt::Result {
                self.field(name, value)
            }

            fn end(self) -> fmt::Result {
                self.close()
            }
        }
    )* };
}

object! { SerializeStruct, SerializeStructVariant }

impl SerializeMap for Open<'_> {
    type Ok = ();
    type Error = fmt::Error;

    /// A name that is no text does not print, where `serde_json` would put quotes around a number: no body has one.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> fmt::Result {
        self.comma();
        let at = self.page.at;
        name.serialize(&mut *self.page)?;
        if self.page.bytes.get(at) == Some(&b'"') { Ok(()) } else { Err(fmt::Error) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.page.byte(b':');
        value.serialize(&mut *self.page)
    }

    fn end(self) -> fmt::Result {
        self.close()
    }
}

/// RFC 8259 section 7: the escapes, by the character that each stands for.
const ESCAPES: [u64; 128] = {
    let mut escapes = [0; 128];
    let (mut rest, mut byte): (&mut [u64], u8) = (&mut escapes, 0);
    while let Some((escape, others)) = rest.split_first_mut() {
        *escape = escape_of(byte);
        (rest, byte) = (others, byte + 1);
    }
    escapes
};
/// Bytes that are looked at together.
const WORD: usize = 8;
/// Bytes that are copied together when all of them are clean.
const LINE: usize = 32;
/// Bytes that are made room for together.
const BLOCK: usize = 256;
/// Bytes of the longest escape, `\u001f`.
const LONGEST: usize = 6;
/// Room to begin with: most requests fit.
const ROOM: usize = 4096;

#[cfg(test)]
mod tests;
