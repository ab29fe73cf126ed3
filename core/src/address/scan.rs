//! Reading characters: local parts, quoted strings and what is refused anywhere.

use super::error::{AddressError, Part};
use alloc::{borrow::Cow, string::String};
use core::ops::RangeInclusive;

/// Refuses every control character and line separator, before anything else is looked at.
pub(super) fn refuse_controls(text: &str) -> Result<(), AddressError> {
    if text.chars().any(is_control) { Err(AddressError::ControlCharacter) } else { Ok(()) }
}

/// Splits off the local part, in the form it has on the wire; the rest is what follows the `@`.
pub(super) fn local_part(text: &str) -> Result<(Cow<'_, str>, &str), AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty { part: Part::Address });
    }
    let (local, rest) = if text.starts_with('"') {
        let (local, rest) = quoted(text).ok_or(AddressError::Malformed { part: Part::Local })?;
        if local.chars().any(|character| !character.is_ascii() && !is_atext(character)) {
            return Err(AddressError::Malformed { part: Part::Local });
        }
        (Cow::Owned(local), rest)
    } else {
        let (local, rest) = text.split_at(text.find('@').unwrap_or(text.len()));
        refuse_foreign_syntax(local, rest)?;
        if !local.is_empty() && !is_dot_atom(local) {
            return Err(AddressError::Malformed { part: Part::Local });
        }
        (Cow::Borrowed(local), rest)
    };
    let Some(domain) = rest.strip_prefix('@') else {
        return Err(AddressError::Malformed { part: Part::Address });
    };
    if local.is_empty() {
        return Err(AddressError::Empty { part: Part::Local });
    }
    Ok((if is_dot_atom(&local) { local } else { Cow::Owned(quote(&local)) }, domain))
}

/// Reads a quoted string at the start: its content without quotes and backslashes, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some((content, characters.as_str())),
            '\\' => content.push(characters.next()?),
            other => content.push(other),
        }
    }
}

/// The content as a quoted string.
pub(super) fn quote(content: &str) -> String {
    let mut quoted = String::with_capacity(content.len().saturating_add(2));
    quoted.push('"');
    for character in content.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Names the foreign syntax that a text shows, so that its sender learns more than "malformed".
fn refuse_foreign_syntax(local: &str, rest: &str) -> Result<(), AddressError> {
    if local.is_empty() && (rest.contains(',') || rest.contains(':')) {
        return Err(AddressError::Unsupported { syntax: "source route" });
    }
    if local.contains('(') {
        return Err(AddressError::Unsupported { syntax: "comment" });
    }
    if local.contains(':') {
        return Err(AddressError::Unsupported { syntax: "group" });
    }
    Ok(())
}

/// RFC 5322 dot-atom with RFC 6532's characters beyond ASCII: atoms between single dots.
fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || ATEXT_MARKS.contains(character)
        || (!character.is_ascii() && !character.is_whitespace() && !is_invisible(character))
}

/// C0, C1 and DEL, and the two Unicode line separators.
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether nobody sees the character.
fn is_invisible(character: char) -> bool {
    INVISIBLE.iter().any(|range| range.contains(&character))
}

/// RFC 5322 section 3.2.3: what an atom may hold beside letters and digits.
pub(super) const ATEXT_MARKS: &str = "!#$%&'*+-/=?^_`{|}~";
/// Two addresses that differ in these only would look the same (Unicode TR 36): the soft hyphen, zero-width characters,
/// marks and overrides of direction, word joiners, the byte order mark, interlinear marks, and tags.
const INVISIBLE: [RangeInclusive<char>; 7] = [
    '\u{ad}'..='\u{ad}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffd}',
    '\u{e0000}'..='\u{e007f}',
];
