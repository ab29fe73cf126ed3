//! A set as bytes: the same on every platform, whole or in pieces.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SGSUPSET` |
//! | 4 | version, 1 |
//! | 4 | prefix bits *p* of the table |
//! | 8 | entries *n* |
//! | 8 | check value of the key |
//! | 8 | check value of the header so far |
//! | 4 (2^p + 1) | starts of the cells |
//! | n ceil((60 - p) / 8) | remainders |
//! | 8 | check value of everything before |
//!
//! Numbers are little-endian. Check values are SipHash-1-3 under keys derived from the set's: bytes that were damaged or
//! made by somebody else are found, not only bytes that were cut off. The sketches are not saved: they are made anew.

use super::{SuppressionSet, table::as_u64};
use alloc::vec::Vec;
use core::{fmt, hash::Hasher};
use siphasher::sip::SipHasher13;

impl SuppressionSet {
    /// The set as bytes, less than six for each address of millions. Waiting changes are packed first.
    #[must_use]
    pub fn to_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.memory_bytes());
        self.to_pieces(PIECE).for_each(|piece| bytes.extend_from_slice(&piece));
        bytes
    }

    /// The same bytes in pieces of at most `most` (and at least one), for stores that bound a value: a Durable Object
    /// keeps values of up to 2 MB. They are joined in their order, by a [`SetLoader`](super::SetLoader) piece by piece.
    pub fn to_pieces(&mut self, most: usize) -> Pieces<'_> {
        self.compact();
        let hasher = Check::Body.hasher(&self.hasher);
        Pieces { set: self, most: most.max(1), section: 0, offset: 0, hasher, header: self.header(), trailer: [0; 8] }
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&self.table.prefix_bits().to_le_bytes());
        header.extend_from_slice(&as_u64(self.table.len()).to_le_bytes());
        header.extend_from_slice(&key_check(&self.hasher).to_le_bytes());
        header.extend_from_slice(&Check::Header.hasher(&self.hasher).hash(&header).to_le_bytes());
        header.first_chunk().copied().unwrap_or([0; HEADER])
    }
}

/// The pieces of a saved set, one after the other.
#[derive(Clone)]
pub struct Pieces<'a> {
    set: &'a SuppressionSet,
    most: usize,
    section: usize,
    offset: usize,
    hasher: SipHasher13,
    header: [u8; HEADER],
    trailer: [u8; 8],
}

impl Iterator for Pieces<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut piece = Vec::new();
        while self.section < SECTIONS && piece.len() < self.most {
            let before = piece.len();
            let whole = self.copy(self.most - before, &mut piece);
            self.hasher.write(piece.get(before..).unwrap_or_default());
            self.offset += piece.len() - before;
            if whole {
                (self.section, self.offset) = (self.section + 1, 0);
                if self.section == SECTIONS - 1 {
                    self.trailer = self.hasher.finish().to_le_bytes();
                }
            }
        }
        (!piece.is_empty()).then_some(piece)
    }
}

impl Pieces<'_> {
    /// Copies up to `room` more bytes of the section. Whether they were its last.
    fn copy(&self, room: usize, piece: &mut Vec<u8>) -> bool {
        let bytes: &[u8] = match self.section {
            0 => &self.header,
            1 => return self.copy_starts(room, piece),
            2 => self.set.table.remainders(),
            _ => &self.trailer,
        };
        let left = bytes.get(self.offset..).unwrap_or_default();
        piece.extend_from_slice(left.get(..room).unwrap_or(left));
        left.len() <= room
    }

    fn copy_starts(&self, room: usize, piece: &mut Vec<u8>) -> bool {
        let starts = self.set.table.starts();
        let left = starts.len() * 4 - self.offset;
        let bytes = starts.skip(self.offset / 4).flat_map(u32::to_le_bytes).skip(self.offset % 4);
        piece.extend(bytes.take(room));
        left <= room
    }
}

/// Shows what is being saved; its hashers hold keys.
impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({:?}, at most {} bytes)", self.set, self.most)
    }
}

/// What a check value is of.
#[derive(Clone, Copy)]
pub(super) enum Check {
    Header,
    Body,
}

impl Check {
    /// A hasher under a key of its own, so that no check value is the hash of an address.
    pub(super) fn hasher(self, of: &SipHasher13) -> SipHasher13 {
        let (first, second): (&[u8], &[u8]) = match self {
            Self::Header => (b"sendgate set header 0", b"sendgate set header 1"),
            Self::Body => (b"sendgate set body 0", b"sendgate set body 1"),
        };
        SipHasher13::new_with_keys(of.hash(first), of.hash(second))
    }
}

/// Tells another key from damage.
pub(super) fn key_check(of: &SipHasher13) -> u64 {
    of.hash(b"sendgate set key")
}

pub(super) const MAGIC: &[u8; 8] = b"SGSUPSET";
/// The version of the layout above.
pub(super) const VERSION: u32 = 1;
/// Bytes of the header.
pub(super) const HEADER: usize = 40;
/// Header, starts, remainders, trailer.
const SECTIONS: usize = 4;
/// Pieces that are joined at once anyway.
const PIECE: usize = 1 << 16;
