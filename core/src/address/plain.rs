//! The addresses that most people have, told apart in one look: they are their own form on the wire.

use super::{MAX_ADDRESS, MAX_LOCAL, scan::ATEXT_MARKS};

/// Where the `@` of a plain address stands: a dot-atom of ASCII, and a domain of at least two labels of small letters,
/// digits and single hyphens.
///
/// `None` says nothing: whatever is not plain is for the whole grammar, and plain addresses read there as the same.
pub(super) fn at_sign(text: &str) -> Option<usize> {
    let at = text.bytes().position(|byte| byte == b'@')?;
    let (local, domain) = (text.as_bytes().get(..at)?, text.as_bytes().get(at + 1..)?);
    let is_local = at <= MAX_LOCAL && local.split(is_dot).all(|atom| !atom.is_empty() && atom.iter().all(is_atext));
    let is_domain = domain.split(is_dot).all(is_label) && domain.split(is_dot).skip(1).last().is_some_and(has_letter);
    (is_local && is_domain && text.len() <= MAX_ADDRESS).then_some(at)
}

fn is_dot(byte: &u8) -> bool {
    *byte == b'.'
}

fn is_atext(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || ATEXT_MARKS.as_bytes().contains(byte)
}

/// No two hyphens beside one another, as A-labels have them.
fn is_label(label: &[u8]) -> bool {
    let mut before = b'-';
    let fits = label.iter().all(|byte| {
        let fits = byte.is_ascii_lowercase() || byte.is_ascii_digit() || (*byte == b'-' && before != b'-');
        before = *byte;
        fits
    });
    fits && before != b'-' && label.len() <= MAX_LABEL
}

fn has_letter(label: &[u8]) -> bool {
    label.iter().any(u8::is_ascii_lowercase)
}

/// RFC 1035 section 2.3.4: octets of a label.
const MAX_LABEL: usize = 63;
