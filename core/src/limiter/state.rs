//! A limiter's state: plain bytes, the same on every platform.
//!
//! ```text
//! 0   "SG"                      2 bytes
//! 2   version                   u8, 3
//! 3   number of windows N       u8
//! 4   policy fingerprint        u32
//! 8   last: newest charge       u64, ms since 1970; the cells begin here
//! 16  edge                      u64: before it every total is up to date
//! 24  counts of each window     N x (total u32: units in use;
//!                                    tip u32: units of the newest bucket, or number of entries, or 0)
//!     body of each window       calendar windows, paces, sliding windows of up to 16 units, other sliding windows,
//!                               of each kind in order; see `period`, `pace`, `log` and `ring`
//! ```
//!
//! For five windows the cells up to the bodies are 56 bytes: with the key of a table, one cache line.
//!
//! Numbers are little-endian. Only a charge, a refund or a clock that was set back changes a byte.
//!
//! The fingerprint is FNV-1a (32 bits) of the windows' descriptions, each with a line feed after it, as in
//! `sliding 10 1000`, `calendar 1000000 month Europe/Rome` and `pace 200 5`. Names are not part of it.

use super::{
    bytes::{put, u64_at},
    layout,
};
use crate::time::UnixMillis;
use alloc::{vec, vec::Vec};
use core::fmt;

/// Where a limiter stands. Made by [`super::Limiter::fresh`] or [`super::Limiter::load`], stored as bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    pub(super) bytes: Vec<u8>,
}

impl State {
    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn new(header: u64, cells: usize) -> Self {
        let mut bytes = vec![0; HEADER + cells];
        put(&mut bytes, 0, header.to_le_bytes());
        Self { bytes }
    }

    /// Everything but the header.
    pub(super) fn cells(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    pub(super) fn cells_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(HEADER..).unwrap_or_default()
    }

    /// Everything but the header, if that is the policy's.
    #[inline(always)]
    pub(super) fn cells_of(&mut self, header: u64, cells: usize) -> Option<&mut [u8]> {
        let (found, rest) = self.bytes.split_first_chunk_mut::<HEADER>()?;
        (u64::from_le_bytes(*found) == header && rest.len() == cells).then_some(rest)
    }

    /// The instant of the newest charge.
    pub(crate) fn newest(&self) -> UnixMillis {
        UnixMillis::new(layout::last(self.cells()))
    }

    pub(super) fn belongs_to(&self, header: u64, cells: usize) -> bool {
        self.bytes.len() == HEADER + cells && u64_at(&self.bytes, 0) == header
    }
}

/// Bytes that are no state of this limiter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StateError {
    /// They do not begin like a state.
    NotAState,
    /// They are of a version this build does not know.
    Version {
        /// The version found.
        found: u8,
    },
    /// They belong to a limiter with other windows.
    OtherPolicy,
    /// There are too few or too many of them.
    Length {
        /// How many a state of this limiter has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The numbers contradict each other.
    Damaged {
        /// The first window that cannot be, or `None` when the header cannot.
        window: Option<usize>,
    },
}

impl StateError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAState => "not_a_state",
            Self::Version { .. } => "state_version",
            Self::OtherPolicy => "other_policy",
            Self::Length { .. } => "state_length",
            Self::Damaged { .. } => "damaged_state",
        }
    }

    /// Every word [`StateError::code`] can give.
    pub const CODES: [&'static str; 5] =
        ["not_a_state", "state_version", "other_policy", "state_length", "damaged_state"];
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAState => f.write_str("not a limiter's state"),
            Self::Version { found } => write!(f, "state version must be {VERSION}, got {found}"),
            Self::OtherPolicy => f.write_str("the state belongs to a limiter with other windows"),
            Self::Length { expected, found } => write!(f, "state must have {expected} bytes, got {found}"),
            Self::Damaged { window: Some(window) } => write!(f, "the state of window {window} contradicts itself"),
            Self::Damaged { window: None } => f.write_str("the header of the state contradicts its windows"),
        }
    }
}

impl core::error::Error for StateError {}

/// The header of a policy's states.
pub(super) fn header(windows: usize, fingerprint: u32) -> u64 {
    let ([first, second], [a, b, c, d]) = (*MAGIC, fingerprint.to_le_bytes());
    u64::from_le_bytes([first, second, VERSION, u8::try_from(windows).unwrap_or_default(), a, b, c, d])
}

/// Reads what can be read without knowing the windows.
pub(super) fn check_header(bytes: &[u8], policy: u64, cells: usize) -> Result<State, StateError> {
    let length = HEADER + cells;
    let mismatch = StateError::Length { expected: length, found: bytes.len() };
    if bytes.get(..2).is_some_and(|magic| magic != MAGIC) {
        return Err(StateError::NotAState);
    }
    let Some(version) = bytes.get(2) else {
        return Err(mismatch);
    };
    if *version != VERSION {
        return Err(StateError::Version { found: *version });
    }
    if bytes.len() >= HEADER && u64_at(bytes, 0) != policy {
        return Err(StateError::OtherPolicy);
    }
    if bytes.len() != length {
        return Err(mismatch);
    }
    Ok(State { bytes: bytes.to_vec() })
}

const MAGIC: &[u8; 2] = b"SG";

/// The layout above. Another layout is another number.
const VERSION: u8 = 3;

/// Magic, version, number of windows, fingerprint.
const HEADER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limiter::{Decision, Limiter},
        time::UnixMillis,
    };

    /// Header 8, two instants 16, five totals and tips 40, the end of the month 8, ten entries of two bytes 20, three
    /// rings of two-byte counters 96.
    #[test]
    fn the_state_of_five_windows_has_188_bytes() {
        let policy = r#"{"windows":[
            {"kind":"sliding","name":"second","limit":10,"period_ms":1000},
            {"kind":"sliding","name":"minute","limit":500,"period_ms":60000},
            {"kind":"sliding","name":"hour","limit":1000,"period_ms":3600000},
            {"kind":"sliding","name":"day","limit":50000,"period_ms":86400000},
            {"kind":"calendar","name":"month","limit":1000000,"unit":"month","time_zone":"UTC"}]}"#;
        assert_eq!(Limiter::from_json(policy).unwrap().fresh().as_bytes().len(), 188);
    }

    #[test]
    fn a_state_of_another_limiter_admits_nothing() {
        let limiter = |limit: u32| {
            let policy = alloc::format!(
                r#"{{"windows":[{{"kind":"sliding","name":"second","limit":{limit},"period_ms":1000}}]}}"#
            );
            Limiter::from_json(&policy).unwrap()
        };
        let mut state = limiter(10).fresh();
        let before = state.clone();
        let now = UnixMillis::new(1);
        assert_eq!(limiter(20).decide(&mut state, 1, now), Decision::Reject { window: 0 });
        assert_eq!(limiter(20).peek(&state, 1, now), Decision::Reject { window: 0 });
        limiter(20).refund(&mut state, 1, now, now);
        assert_eq!(limiter(20).charge(&mut state, 1, now), now);
        assert_eq!(state, before);
    }

    #[test]
    fn every_error_has_its_own_code_from_the_list() {
        let errors = [
            StateError::NotAState,
            StateError::Version { found: 4 },
            StateError::OtherPolicy,
            StateError::Length { expected: 24, found: 0 },
            StateError::Damaged { window: Some(1) },
        ];
        assert_eq!(errors.map(|error| error.code()), StateError::CODES);
    }
}
