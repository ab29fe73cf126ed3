//! Message and request ids: 128 bits, time first, so that their order is the order of acceptance.

use crate::time::UnixMillis;
use alloc::string::String;
use core::fmt;

/// A message's id: 48 bits of acceptance time, 16 of its place in the request, 64 of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

impl MessageId {
    /// The id that no other one comes before.
    pub(crate) const FIRST: Self = Self(0);

    /// The id of the message at `place` of a request accepted at `now`.
    #[must_use]
    pub fn new(place: u16, entropy: u64, now: UnixMillis) -> Self {
        Self((u128::from(now.as_millis() & TIME_MASK) << 80) | (u128::from(place) << 64) | u128::from(entropy))
    }

    /// The id that no message accepted from this instant on comes before.
    #[must_use]
    pub(crate) fn first_of(instant: UnixMillis) -> Self {
        Self(u128::from(instant.as_millis().min(TIME_MASK)) << 80)
    }

    /// The id of the message at a place of a forecast.
    pub(crate) const fn from_number(place: usize) -> Self {
        Self(place as u128)
    }

    /// The place that it was made of.
    pub(crate) fn number(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// When the message was accepted.
    #[must_use]
    pub fn accepted_at(self) -> UnixMillis {
        UnixMillis::new(u64::try_from(self.0 >> 80).unwrap_or(u64::MAX))
    }

    /// Reads an id as [`fmt::Display`] prints it. Anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(MESSAGE_PREFIX)?;
        if digits.len() != DIGITS {
            return None;
        }
        let mut value: u128 = 0;
        for byte in digits.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            value = value.checked_mul(32)?.checked_add(digit as u128)?;
        }
        Some(Self(value))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MESSAGE_PREFIX)?;
        f.write_str(&digits(self.0))
    }
}

/// A request's id, for the answer and the logs: `req_` and 26 characters.
#[must_use]
pub fn request_id(entropy: u64, now: UnixMillis) -> String {
    let value = (u128::from(now.as_millis() & TIME_MASK) << 80) | u128::from(entropy);
    alloc::format!("req_{}", digits(value))
}

fn digits(value: u128) -> String {
    (0..DIGITS)
        .rev()
        .map(|place| {
            let digit = usize::try_from((value >> (place * 5)) & 31).unwrap_or(0);
            char::from(ALPHABET.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

const MESSAGE_PREFIX: &str = "msg_";
/// 26 digits of five bits hold 128 bits.
const DIGITS: usize = 26;
/// 48 bits of milliseconds reach the year 10889.
const TIME_MASK: u64 = (1 << 48) - 1;
/// Crockford's base 32 in lower case: no i, l, o, u, so an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_id_reads_back_and_sorts_by_time_and_place() {
        let now = UnixMillis::new(1_796_119_200_000);
        let first = MessageId::new(0, u64::MAX, now);
        let second = MessageId::new(1, 0, now);
        let later = MessageId::new(0, 0, now.plus(1));
        assert!(first < second && second < later);
        assert!(first.to_string() < second.to_string() && second.to_string() < later.to_string());
        assert_eq!(MessageId::parse(&first.to_string()), Some(first));
    }

    #[test]
    fn anything_else_is_no_id() {
        for text in [
            "",
            "msg_",
            "req_00000000000000000000000000",
            "msg_0000000000000000000000000u",
            "msg_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(MessageId::parse(text), None, "{text}");
        }
    }
}
