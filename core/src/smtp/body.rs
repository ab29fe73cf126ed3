//! The mail itself on its way out: line ends made CRLF, lines that begin with a dot made to begin with two.

use alloc::vec::Vec;

/// How far a mail has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    at: usize,
    /// Bytes of the line under way, as far as it counts: whether there are any.
    within_line: bool,
}

impl Body {
    /// The next piece; its length is bounded but for the one byte or two that a piece may end with. With the final dot
    /// it is the last one.
    pub(super) fn next(&mut self, data: &[u8]) -> (Vec<u8>, bool) {
        let rest = data.get(self.at..).unwrap_or_default();
        let mut out = Vec::with_capacity(rest.len().min(PIECE).saturating_add(8));
        let mut bytes = rest.iter().copied().peekable();
        let mut taken = 0_usize;
        while out.len() < PIECE {
            let Some(byte) = bytes.next() else {
                if self.within_line {
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b".\r\n");
                self.at = data.len();
                return (out, true);
            };
            taken = taken.saturating_add(1);
            match byte {
                b'\r' | b'\n' => {
                    if byte == b'\r' && bytes.next_if_eq(&b'\n').is_some() {
                        taken = taken.saturating_add(1);
                    }
                    out.extend_from_slice(b"\r\n");
                    self.within_line = false;
                }
                _ => {
                    if byte == b'.' && !self.within_line {
                        out.push(b'.');
                    }
                    out.push(byte);
                    self.within_line = true;
                }
            }
        }
        self.at = self.at.saturating_add(taken);
        (out, false)
    }
}

/// The octets of a mail by RFC 1870: with CRLF line ends, without the dots that are added.
pub(super) fn size(data: &[u8]) -> u64 {
    let mut size = 0_u64;
    let mut before = b'\n';
    for byte in data.iter().copied() {
        size = size.saturating_add(match byte {
            b'\n' if before == b'\r' => 0,
            b'\r' | b'\n' => 2,
            _ => 1,
        });
        before = byte;
    }
    size.saturating_add(if matches!(before, b'\r' | b'\n') { 0 } else { 2 })
}

/// Large enough that writing costs little, small enough for a Worker's memory.
const PIECE: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(data: &[u8]) -> Vec<u8> {
        let mut body = Body::default();
        let mut all = Vec::new();
        loop {
            let (piece, last) = body.next(data);
            assert!(piece.len() <= PIECE + 8);
            all.extend(piece);
            if last {
                return all;
            }
        }
    }

    /// RFC 5321 section 4.5.2.
    #[test]
    fn dots_are_doubled_at_the_beginning_of_lines_only() {
        assert_eq!(written(b".a\r\n..\r\nb.c\r\n.\r\n"), b"..a\r\n...\r\nb.c\r\n..\r\n.\r\n");
        assert_eq!(written(b""), b".\r\n");
    }

    /// RFC 5321 section 2.3.8: CR and LF occur together only.
    #[test]
    fn every_line_end_becomes_cr_lf() {
        assert_eq!(written(b"a\nb\rc\r\nd\n\re"), b"a\r\nb\r\nc\r\nd\r\n\r\ne\r\n.\r\n");
        // What would end the mail early at a server that takes a lone LF for a line end.
        assert_eq!(written(b"a\n.\nMAIL FROM:<x@example.com>\n"), b"a\r\n..\r\nMAIL FROM:<x@example.com>\r\n.\r\n");
    }

    #[test]
    fn pieces_meet_without_a_seam() {
        for shift in 0..4 {
            let mut data = alloc::vec![b'x'; PIECE - 3 + shift];
            data.extend_from_slice(b"\r\n.\r\n.y");
            let mut want = alloc::vec![b'x'; PIECE - 3 + shift];
            want.extend_from_slice(b"\r\n..\r\n..y\r\n.\r\n");
            assert_eq!(written(&data), want, "{shift}");
        }
    }

    /// RFC 1870 section 3: added dots and the final dot do not count.
    #[test]
    fn the_size_is_that_of_the_mail_with_its_line_ends() {
        let cases: [(&[u8], u64); 6] =
            [(b"", 0), (b"a\r\n", 3), (b"a\n", 3), (b"a", 3), (b".\r\n.\r\n", 6), (b"a\n\rb\r\n", 8)];
        for (data, want) in cases {
            assert_eq!(size(data), want, "{data:?}");
        }
    }
}
