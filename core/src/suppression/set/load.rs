//! Taking saved bytes back, whole or piece by piece.

use super::{
    LoadError, MAX_ENTRIES, SavedPart, SuppressionSet, hasher,
    save::{Check, HEADER, MAGIC, VERSION, key_check},
    table::{self, MAX_PREFIX_BITS, Table, as_u64},
};
use alloc::vec::Vec;
use core::{fmt, hash::Hasher};
use siphasher::sip::SipHasher13;

impl SuppressionSet {
    /// The set that was saved under this key.
    ///
    /// Everything is checked: length, key, check values and the order of every entry, so that no damage can make it say
    /// *not suppressed*.
    ///
    /// # Errors
    /// A [`LoadError`]; the list itself is then the place to build the set from.
    pub fn from_bytes(key: [u8; 16], bytes: &[u8]) -> Result<Self, LoadError> {
        let mut loader = SetLoader::new(key);
        loader.push(bytes)?;
        loader.finish()
    }
}

/// Takes the pieces of a saved set, in their order, cut anywhere.
///
/// # Example: how does a set go through a store of small values?
/// ```
/// use sendgate_core::suppression::{SetLoader, SuppressionSet};
/// let key = [7; 16];
/// let mut set = SuppressionSet::builder(key).with(["gone@example.com"]).build().unwrap();
/// let pieces: Vec<Vec<u8>> = set.to_pieces(50).collect();
/// assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [50, 14]); // a header of 40, then 8 + 8 + 8
/// let mut loader = SetLoader::new(key);
/// for piece in &pieces {
///     loader.push(piece).unwrap();
/// }
/// assert!(loader.finish().unwrap().contains("gone@example.com"));
/// ```
pub struct SetLoader {
    hasher: SipHasher13,
    check: SipHasher13,
    got: u64,
    header: Vec<u8>,
    figures: Option<Figures>,
    starts: Vec<u8>,
    remainders: Vec<u8>,
    trailer: Vec<u8>,
}

/// What the header says.
#[derive(Clone, Copy)]
struct Figures {
    prefix_bits: u32,
    starts: usize,
    remainders: usize,
}

impl SetLoader {
    /// Starts to load a set that was saved under this key.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        let hasher = hasher(key);
        Self {
            hasher,
            check: Check::Body.hasher(&hasher),
            got: 0,
            header: Vec::new(),
            figures: None,
            starts: Vec::new(),
            remainders: Vec::new(),
            trailer: Vec::new(),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// A [`LoadError`] as soon as it is known: the header is checked before room for what it announces is made.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), LoadError> {
        self.got += as_u64(bytes.len());
        if self.figures.is_none() {
            self.take(Part::Header, HEADER, &mut bytes);
            if self.header.len() < HEADER {
                return Ok(());
            }
            let figures = self.read_header()?;
            self.starts.reserve_exact(figures.starts);
            self.remainders.reserve_exact(figures.remainders);
            self.figures = Some(figures);
        }
        if let Some(figures) = self.figures {
            self.take(Part::Starts, figures.starts, &mut bytes);
            self.take(Part::Remainders, figures.remainders, &mut bytes);
            self.take(Part::Trailer, TRAILER, &mut bytes);
        }
        if bytes.is_empty() { Ok(()) } else { Err(self.length()) }
    }

    /// The set, when every byte of it has come and fits.
    ///
    /// # Errors
    /// A [`LoadError`].
    pub fn finish(self) -> Result<SuppressionSet, LoadError> {
        let Some(figures) = self.figures.filter(|_| self.trailer.len() == TRAILER) else { return Err(self.length()) };
        if self.trailer != self.check.finish().to_le_bytes() {
            return Err(damaged(SavedPart::Checksum));
        }
        let starts = self.starts.as_chunks().0;
        let table = Table::from_saved(figures.prefix_bits, starts, self.remainders);
        Ok(SuppressionSet::of(self.hasher, table.ok_or(damaged(SavedPart::Table))?))
    }

    /// Moves what is missing of a part out of `bytes`.
    fn take(&mut self, part: Part, length: usize, bytes: &mut &[u8]) {
        let into = match part {
            Part::Header => &mut self.header,
            Part::Starts => &mut self.starts,
            Part::Remainders => &mut self.remainders,
            Part::Trailer => &mut self.trailer,
        };
        let (taken, left) = bytes.split_at_checked(length.saturating_sub(into.len())).unwrap_or((bytes, &[]));
        into.extend_from_slice(taken);
        *bytes = left;
        match part {
            Part::Header | Part::Starts | Part::Remainders => self.check.write(taken),
            Part::Trailer => {}
        }
    }

    fn read_header(&self) -> Result<Figures, LoadError> {
        let mut rest = self.header.as_slice();
        let magic: [u8; 8] = field(&mut rest);
        let (version, prefix_bits) = (u32::from_le_bytes(field(&mut rest)), u32::from_le_bytes(field(&mut rest)));
        let (entries, key) = (u64::from_le_bytes(field(&mut rest)), u64::from_le_bytes(field(&mut rest)));
        let check = u64::from_le_bytes(field(&mut rest));
        if magic != *MAGIC {
            return Err(LoadError::NotASet);
        }
        if version != VERSION {
            return Err(LoadError::Version { got: version });
        }
        if key != key_check(&self.hasher) {
            return Err(LoadError::WrongKey);
        }
        let checked = self.header.get(..HEADER - TRAILER).unwrap_or_default();
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let fits = prefix_bits <= MAX_PREFIX_BITS && entries <= MAX_ENTRIES;
        if check != Check::Header.hasher(&self.hasher).hash(checked) || !fits {
            return Err(damaged(SavedPart::Header));
        }
        Ok(Figures {
            prefix_bits,
            starts: ((1 << prefix_bits) + 1) * 4,
            remainders: entries * table::width(prefix_bits),
        })
    }

    fn length(&self) -> LoadError {
        let body = |figures: Figures| figures.starts + figures.remainders + TRAILER;
        LoadError::Length { wanted: as_u64(HEADER + self.figures.map_or(0, body)), got: self.got }
    }
}

impl fmt::Debug for SetLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetLoader({} bytes)", self.got)
    }
}

#[derive(Clone, Copy)]
enum Part {
    Header,
    Starts,
    Remainders,
    Trailer,
}

/// The next bytes of a header that is known to be whole.
fn field<const LENGTH: usize>(rest: &mut &[u8]) -> [u8; LENGTH] {
    let Some((field, left)) = rest.split_first_chunk() else { return [0; LENGTH] };
    *rest = left;
    *field
}

const fn damaged(part: SavedPart) -> LoadError {
    LoadError::Damaged { part }
}

/// Bytes of a check value.
const TRAILER: usize = 8;
