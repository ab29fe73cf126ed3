//! Reading stored leases back: little-endian numbers in order, and what can be wrong with them.

use crate::limiter::StateError;
use core::fmt;

/// Bytes that are no state of a lessor or of a holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeaseBytesError {
    /// They do not begin like one.
    NotLeases,
    /// They are of a version this build does not know.
    Version {
        /// The version found.
        found: u8,
    },
    /// They end too soon, go on too long or contradict themselves.
    Damaged,
    /// The leases are sound, the limiter's state among them is not, or is of another policy.
    State(StateError),
}

impl LeaseBytesError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLeases => "not_leases",
            Self::Version { .. } => "lease_version",
            Self::Damaged => "damaged_leases",
            Self::State(error) => error.code(),
        }
    }

    /// Every word [`LeaseBytesError::code`] can give beside those of [`StateError`].
    pub const CODES: [&'static str; 3] = ["not_leases", "lease_version", "damaged_leases"];
}

impl fmt::Display for LeaseBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeases => f.write_str("not the bytes of leases"),
            Self::Version { found } => write!(f, "lease version must be {VERSION}, got {found}"),
            Self::Damaged => f.write_str("the bytes of the leases contradict themselves"),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LeaseBytesError {}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// Begins after the magic and the version.
    pub(super) fn new(bytes: &'a [u8], magic: [u8; 2]) -> Result<Self, LeaseBytesError> {
        match bytes {
            [first, second, version, rest @ ..] if [*first, *second] == magic => {
                if *version != VERSION {
                    return Err(LeaseBytesError::Version { found: *version });
                }
                Ok(Self(rest))
            }
            _ => Err(LeaseBytesError::NotLeases),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, LeaseBytesError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, LeaseBytesError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, LeaseBytesError> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LeaseBytesError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(LeaseBytesError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }
}

/// The layouts of [`super::Lessor::to_bytes`] and [`super::Holder::to_bytes`]. Another layout is another number.
pub(super) const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_own_code_from_the_lists() {
        let errors = [LeaseBytesError::NotLeases, LeaseBytesError::Version { found: 2 }, LeaseBytesError::Damaged];
        assert_eq!(errors.map(|error| error.code()), LeaseBytesError::CODES);
        assert_eq!(LeaseBytesError::State(StateError::OtherPolicy).code(), StateError::OtherPolicy.code());
    }
}
