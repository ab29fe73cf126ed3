//! Why a set cannot be built or loaded.

use super::MAX_ENTRIES;
use core::fmt;

/// A set would hold more than [`MAX_ENTRIES`] addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyEntries;

impl TooManyEntries {
    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        "too_many_entries"
    }
}

impl fmt::Display for TooManyEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a set holds at most {MAX_ENTRIES} addresses")
    }
}

impl core::error::Error for TooManyEntries {}

/// Why saved bytes are not taken. Nothing of them is used then: a set that is only half there would say
/// *not suppressed* of somebody who is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There are more or fewer bytes than the header says, or fewer than a header.
    Length {
        /// How many there must be.
        wanted: u64,
        /// How many there are.
        got: u64,
    },
    /// They do not begin as a saved set does.
    NotASet,
    /// They are of a version that this release does not read.
    Version {
        /// The version they name.
        got: u32,
    },
    /// They were saved under another key.
    WrongKey,
    /// They are not what was saved.
    Damaged {
        /// What disagrees.
        part: SavedPart,
    },
}

/// The part of saved bytes that disagrees with the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedPart {
    /// The header's own check value, or a figure in it that no set has.
    Header,
    /// The check value over everything.
    Checksum,
    /// The table: its entries are not in order.
    Table,
}

impl LoadError {
    /// The stable word, one of [`LOAD_CODES`].
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length { .. } => "set_length",
            Self::NotASet => "not_a_set",
            Self::Version { .. } => "set_version",
            Self::WrongKey => "wrong_key",
            Self::Damaged { .. } => "set_damaged",
        }
    }
}

/// Every code a [`LoadError`] can have.
pub const LOAD_CODES: [&str; 5] = ["not_a_set", "set_damaged", "set_length", "set_version", "wrong_key"];

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { wanted, got } => write!(f, "the saved set must have {wanted} bytes, got {got}"),
            Self::NotASet => f.write_str("the bytes do not begin as a saved set does"),
            Self::Version { got } => write!(f, "the saved set must be of version {}, got {got}", super::save::VERSION),
            Self::WrongKey => f.write_str("the set was saved under another key"),
            Self::Damaged { part } => write!(f, "the saved set is damaged: {}", part.words()),
        }
    }
}

impl core::error::Error for LoadError {}

impl SavedPart {
    const fn words(self) -> &'static str {
        match self {
            Self::Header => "its header is not one that was saved",
            Self::Checksum => "its check value is another",
            Self::Table => "its entries are not in order",
        }
    }
}
