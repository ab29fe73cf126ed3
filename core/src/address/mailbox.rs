//! An address with the name shown beside it.

use super::error::{AddressError, Part};
use super::{Address, scan};
use alloc::{borrow::Cow, string::String};
use core::fmt;

/// An address and its display name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The display name, in plain Unicode, when there is one; never empty.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

impl Mailbox {
    /// A mailbox of a name (empty means none) and an address.
    ///
    /// # Errors
    /// [`AddressError`] when the name holds a control character or is longer than 256 characters.
    pub fn new(name: Option<&str>, address: Address) -> Result<Self, AddressError> {
        Self::named(name.map(Cow::Borrowed), address)
    }

    /// As [`Mailbox::new`], of a text that may become the name.
    pub(crate) fn named(name: Option<Cow<'_, str>>, address: Address) -> Result<Self, AddressError> {
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
            return Ok(Self { name: None, address });
        };
        scan::refuse_controls(&name)?;
        if name.chars().count() > MAX_NAME {
            return Err(AddressError::TooLong { part: Part::Name, bound: MAX_NAME });
        }
        Ok(Self { name: Some(name.into_owned()), address })
    }

    /// As [`Mailbox::parse`], of a text that may become the address.
    pub(crate) fn read(text: Cow<'_, str>) -> Result<Self, AddressError> {
        if super::plain::at_sign(&text).is_some() {
            return Ok(Self { name: None, address: Address::read(text)? });
        }
        Self::parse(&text)
    }

    /// Reads `ann@example.com`, `Ann <ann@example.com>` or `"Ann, B." <ann@example.com>`.
    ///
    /// # Errors
    /// An [`AddressError`]; a list of addresses, a group and a comment are errors, too.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        scan::refuse_controls(text)?;
        let text = text.trim_matches(' ');
        let Some((phrase, angle)) = split_at_angle(text) else {
            return Ok(Self { name: None, address: Address::parse(text)? });
        };
        let name = words(phrase)?;
        let Some(spec) = angle.strip_suffix('>') else {
            return Err(AddressError::Malformed { part: Part::Mailbox });
        };
        Self::new(Some(&name), Address::parse(spec.trim_matches(' '))?)
    }
}

/// RFC 5322's form with the name, when there is one, always in quotes: `"Ann, B." <ann@example.com>`.
///
/// Quotes are always right; leaving them out is right for some names only, and official SDKs' examples quote, too.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} <{}>", scan::quote(name), self.address),
            None => self.address.fmt(f),
        }
    }
}

/// Hides name and address: they are personal data.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(..)")
    }
}

/// Several mailboxes as one header value, with commas between them.
pub struct MailboxList<'a>(pub &'a [&'a Mailbox]);

impl fmt::Display for MailboxList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mailbox) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            mailbox.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for MailboxList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxList({})", self.0.len())
    }
}

/// Splits a text at its first `<` outside quotes.
fn split_at_angle(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => return Some((text.get(..index)?, text.get(index.saturating_add(1)..)?)),
            _ => {}
        }
    }
    None
}

/// The name that a phrase spells: quoted strings and plain words, one space between them.
fn words(phrase: &str) -> Result<String, AddressError> {
    let mut name = String::new();
    let mut rest = phrase.trim_start_matches(' ');
    while !rest.is_empty() {
        let (word, after) = if rest.starts_with('"') {
            scan::quoted(rest).ok_or(AddressError::Malformed { part: Part::Name })?
        } else {
            let (word, after) = rest.split_at(rest.find([' ', '"']).unwrap_or(rest.len()));
            refuse_specials(word)?;
            (String::from(word), after)
        };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&word);
        rest = after.trim_start_matches(' ');
    }
    Ok(name)
}

/// RFC 5322 wants quotes around these; without them they begin another construct, or hide a second address.
fn refuse_specials(word: &str) -> Result<(), AddressError> {
    match word.chars().find(|character| "()<>[]:;@\\,".contains(*character)) {
        None => Ok(()),
        Some('(') => Err(AddressError::Unsupported { syntax: "comment" }),
        Some(':') => Err(AddressError::Unsupported { syntax: "group" }),
        Some(_) => Err(AddressError::Malformed { part: Part::Name }),
    }
}

/// Characters of a display name: far more than any client shows, far fewer than a header line holds.
const MAX_NAME: usize = 256;
