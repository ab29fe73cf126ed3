//! Mail addresses: read once, strictly, and printed in one form ever after.
//!
//! The grammar is RFC 5321's mailbox (dot-atom or quoted local part) with RFC 6531's UTF-8 local parts, and RFC 5322's
//! `display name <address>` around it. Domains go through UTS 46, so that the wire only sees A-labels.
//! Out of scope on purpose, each refused with its own error: comments, groups, source routes and address literals. They
//! are legal mail syntax that no sending API takes, and every one of them has hidden a second recipient before.

mod domain;
mod error;
mod mailbox;
mod plain;
mod scan;

pub(crate) use domain::to_ascii as domain_to_ascii;
pub use error::{AddressError, Part};
pub use mailbox::{Mailbox, MailboxList};

use alloc::{borrow::Cow, string::String};
use core::fmt;
use icu_normalizer::ComposingNormalizerBorrowed;

/// One address, `local@domain`, in the form that goes to a provider.
///
/// The local part is kept as given, but for quotes that it does not need; the domain is lower case and all A-labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    wire: String,
    at: usize,
}

impl Address {
    /// Reads a bare address, such as `ann@example.com` or `"ann b"@bücher.example`.
    ///
    /// # Errors
    /// An [`AddressError`] that names the part and the bound, never the address itself.
    ///
    /// # Example: which form goes on the wire?
    /// ```
    /// use sendgate_core::address::Address;
    /// let address = Address::parse("Ann@BÜCHER.example").unwrap();
    /// assert_eq!(address.as_str(), "Ann@xn--bcher-kva.example");
    /// assert_eq!(address.key(), "ann@xn--bcher-kva.example");
    /// ```
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::parse_plain(text).map_or_else(|| Self::parse_whole(text), Ok)
    }

    /// As [`Address::parse`], of a text that may become the address.
    pub(crate) fn read(text: Cow<'_, str>) -> Result<Self, AddressError> {
        match plain::at_sign(&text) {
            Some(at) => Ok(Self { wire: text.into_owned(), at }),
            None => Self::parse_whole(&text),
        }
    }

    /// Reads an address of the plain kind; `None` leaves it to the whole grammar.
    fn parse_plain(text: &str) -> Option<Self> {
        plain::at_sign(text).map(|at| Self { wire: String::from(text), at })
    }

    fn parse_whole(text: &str) -> Result<Self, AddressError> {
        scan::refuse_controls(text)?;
        let (local, rest) = scan::local_part(text)?;
        let domain = domain::to_ascii(rest)?;
        let at = local.len();
        if at > MAX_LOCAL {
            return Err(AddressError::TooLong { part: Part::Local, bound: MAX_LOCAL });
        }
        let mut wire = String::with_capacity(at.saturating_add(1).saturating_add(domain.len()));
        wire.push_str(&local);
        wire.push('@');
        wire.push_str(&domain);
        if wire.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong { part: Part::Address, bound: MAX_ADDRESS });
        }
        Ok(Self { wire, at })
    }

    /// The whole address as it goes to a provider.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.wire
    }

    /// The local part as it goes to a provider, with its quotes when it needs them.
    #[must_use]
    pub fn local(&self) -> &str {
        self.wire.get(..self.at).unwrap_or_default()
    }

    /// The domain: lower case, A-labels, at least two labels, no trailing dot.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.wire.get(self.at.saturating_add(1)..).unwrap_or_default()
    }

    /// The form by which suppression and deduplication compare addresses: the whole in lower case and Unicode NFC.
    ///
    /// RFC 5321 lets a host tell `Ann@` from `ann@`; nobody's does, and a suppression that a capital letter evades is
    /// none. Sub-addresses (`ann+news@`) stay apart: they are other mailboxes.
    #[must_use]
    pub fn key(&self) -> String {
        // Most addresses: what is ASCII is in NFC.
        if self.wire.is_ascii() {
            return self.wire.to_ascii_lowercase();
        }
        let lower = self.wire.to_lowercase();
        ComposingNormalizerBorrowed::new_nfc().normalize(&lower).into_owned()
    }

    /// Whether the provider needs SMTPUTF8 (RFC 6531) to deliver to it: the local part has characters beyond ASCII.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.wire.is_ascii()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wire)
    }
}

/// Hides the address: it is personal data, and a `Debug` ends up in logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// RFC 5321 section 4.5.3.1.1: octets of a local part, quotes included.
const MAX_LOCAL: usize = 64;
/// RFC 5321 section 4.5.3.1.3: a path has 256 octets, two of which are its angle brackets.
const MAX_ADDRESS: usize = 254;

#[cfg(test)]
mod tests;
