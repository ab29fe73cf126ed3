//! Entity tags: what a caller has already is not sent again (RFC 9110, 8.8.3 and 13.1.2).

use crate::key;
use alloc::{format, string::String};

/// The strong tag of a body: 128 bits of its hash in quotes.
#[must_use]
pub fn of(body: &[u8]) -> String {
    let hash = key::fingerprint(body);
    format!("\"{}\"", hash.get(..TAG_DIGITS).unwrap_or(&hash))
}

/// Whether an `If-None-Match` field names this tag, by the weak comparison that the field asks for. `*` names every one. What
/// is no list of tags names none from there on: then the whole answer is sent, which is right for everybody.
#[must_use]
pub fn names(field: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).len();
    let mut rest = field.trim();
    if rest == "*" {
        return true;
    }
    let wanted = tag.get(tag.len() - opaque(tag)..).unwrap_or(tag);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quoted = rest.strip_prefix("W/").unwrap_or(rest);
        // A tag may hold commas, and no quotes.
        let Some(end) = quoted.strip_prefix('"').and_then(|inner| inner.find('"')) else { return false };
        let Some((given, after)) = quoted.split_at_checked(end + 2) else { return false };
        if given == wanted {
            return true;
        }
        rest = after;
    }
}

/// Hex digits of 128 bits.
const TAG_DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// The empty text's SHA-256 begins so (FIPS 180-4, example of the empty message).
    #[test]
    fn a_tag_is_the_hash_of_the_body() {
        assert_eq!(of(b""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
        assert_ne!(of(b"a"), of(b"b"));
    }

    /// The comparison and the examples of RFC 9110, 8.8.3.2 and 13.1.2.
    #[test]
    fn a_field_names_a_tag_whatever_its_strength() {
        let tag = "\"xyzzy\"";
        for field in [
            "\"xyzzy\"",
            "W/\"xyzzy\"",
            "\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"",
            "W/\"r2d2xxxx\",\t,W/\"xyzzy\"",
            "\"a,b\",\"xyzzy\"",
            " * ",
        ] {
            assert!(names(field, tag), "{field}");
            assert!(names(field, "W/\"xyzzy\""), "{field}");
        }
        for field in
            ["", "xyzzy", "\"xyzz\"", "\"XYZZY\"", "\"a,\"xyzzy\"", "\"xyzzy", "w/\"xyzzy\"", "*, \"a\"", "W/", "\""]
        {
            assert!(!names(field, tag), "{field}");
        }
    }
}
