//! What can be wrong with a message's fields.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// One fault of one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// The path of the field, such as `attachments[3].content`; empty for the message itself.
    pub field: String,
    /// The stable word for the fault, one of [`CODES`].
    pub code: &'static str,
    /// A sentence for people, lower case, with the bound. Never an address, a body or any other value of the message.
    pub detail: String,
}

impl FieldError {
    /// The most faults reported for one message; reading stops there.
    pub const MAX_REPORTED: usize = 50;
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.detail) } else { write!(f, "{}: {}", self.field, self.detail) }
    }
}

impl core::error::Error for FieldError {}

/// Every code a [`FieldError`] can have.
pub const CODES: [&str; 21] = [
    "conflicting_fields",
    "duplicate_field",
    "expired",
    "expires_before_send",
    "invalid_address",
    "invalid_base64",
    "invalid_date",
    "invalid_header",
    "invalid_json",
    "invalid_placeholder",
    "invalid_value",
    "message_too_large",
    "missing_body",
    "missing_field",
    "missing_recipient",
    "missing_value",
    "reserved_header",
    "too_many_attachments",
    "too_many_recipients",
    "unknown_field",
    "wrong_type",
];

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<FieldError>);

impl Faults {
    pub(super) fn add(&mut self, path: &Path<'_>, code: &'static str, detail: impl Into<String>) {
        if !self.full() {
            self.0.push(FieldError { field: path.to_string(), code, detail: detail.into() });
        }
    }

    /// Whether no more faults are kept, and looking for more is wasted work.
    pub(super) fn full(&self) -> bool {
        self.0.len() >= FieldError::MAX_REPORTED
    }
}

/// Where in the message reading is.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    pub(super) fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(&shown(name)),
            Self::Field(parent, name) => write!(f, "{parent}.{}", shown(name)),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A field name as far as it may be shown: a caller's mistake can put anything into one.
pub(super) fn shown(name: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !name.is_empty() && name.len() <= MAX_SHOWN && name.chars().all(plain) {
        String::from(name)
    } else {
        format!("({} characters)", name.chars().count())
    }
}

/// Longer names than this are no misspelt field.
const MAX_SHOWN: usize = 64;
