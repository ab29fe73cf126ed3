//! What can be wrong with an address.

use core::fmt;

/// Why a text is no address that Sendgate sends to. Never holds the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressError {
    /// No address at all, or an empty local part or domain.
    Empty {
        /// What is empty.
        part: Part,
    },
    /// A part is longer than the standard allows.
    TooLong {
        /// What is too long.
        part: Part,
        /// The most octets (characters for a display name) it may have.
        bound: usize,
    },
    /// A control character or line separator, which could start a header of its own.
    ControlCharacter,
    /// A part does not follow its grammar.
    Malformed {
        /// What is malformed.
        part: Part,
    },
    /// Legal syntax that Sendgate does not take.
    Unsupported {
        /// Its name: `comment`, `group`, `source route` or `address literal`.
        syntax: &'static str,
    },
}

/// A part of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The text around display name and address.
    Mailbox,
    /// The display name.
    Name,
    /// The address as a whole.
    Address,
    /// What is before the `@`.
    Local,
    /// What is behind the `@`.
    Domain,
}

impl AddressError {
    /// Every code there is.
    pub const CODES: [&'static str; 5] =
        ["empty_address", "address_too_long", "control_character", "malformed_address", "unsupported_address_syntax"];

    /// The stable word for it, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty_address",
            Self::TooLong { .. } => "address_too_long",
            Self::ControlCharacter => "control_character",
            Self::Malformed { .. } => "malformed_address",
            Self::Unsupported { .. } => "unsupported_address_syntax",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mailbox => "mailbox",
            Self::Name => "display name",
            Self::Address => "address",
            Self::Local => "local part",
            Self::Domain => "domain",
        })
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { part } => write!(f, "the {part} is empty"),
            Self::TooLong { part: Part::Name, bound } => {
                write!(f, "the display name is longer than {bound} characters")
            }
            Self::TooLong { part, bound } => write!(f, "the {part} is longer than {bound} octets"),
            Self::ControlCharacter => f.write_str("control characters and line breaks are not allowed"),
            Self::Malformed { part } => write!(f, "the {part} is malformed"),
            Self::Unsupported { syntax } => write!(f, "{syntax} syntax is not supported"),
        }
    }
}

impl core::error::Error for AddressError {}
