//! Base64 in lines.

/// Writes base64 text in lines of 76 characters, each with its end.
pub(crate) fn write(base64: &str, out: &mut Vec<u8>) {
    for line in base64.as_bytes().chunks(LINE) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 2045 section 6.8.
const LINE: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_76_characters_and_the_last_one_the_rest() {
        for (length, want) in [(0, 0), (4, 6), (76, 78), (80, 84), (152, 156)] {
            let mut out = Vec::new();
            write(&"x".repeat(length), &mut out);
            assert_eq!(out.len(), want, "{length}");
            assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        }
    }
}
