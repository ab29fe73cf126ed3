//! Whether a text is base64, without decoding it.

/// Whether the text is RFC 4648 base64: the standard alphabet, padded, nothing between, no stray bits in the last
/// character.
pub(super) fn is_canonical(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return false;
    }
    let (digits, stray_bits) = match bytes {
        [digits @ .., b'=', b'='] => (digits, 0b1111),
        [digits @ .., b'='] => (digits, 0b11),
        digits => (digits, 0),
    };
    // Padding bits of the last digit must be zero, or two texts would spell one file.
    let canonical = digits.last().is_none_or(|last| value(*last).is_some_and(|bits| bits & stray_bits == 0));
    canonical && digits.iter().all(|byte| value(*byte).is_some())
}

const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10.
    #[test]
    fn the_standards_own_examples_are_base64() {
        for text in ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy", "+/+/"] {
            assert!(is_canonical(text), "{text}");
        }
    }

    #[test]
    fn other_alphabets_line_breaks_missing_padding_and_stray_bits_are_not() {
        for text in ["Zg", "Zg=", "Zm9v\n", "Zm9\r", "-_-_", "Zg==Zg==", "Z===", "====", "==", "Zh==", "Zm9=", "Zé=="]
        {
            assert!(!is_canonical(text), "{text}");
        }
    }
}
