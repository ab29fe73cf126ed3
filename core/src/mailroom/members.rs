//! Which call of several messages a message is in, as its row says it: the attempt that names the call, and the message's
//! place in it.

use super::Attempt;
use crate::id::MessageId;
use alloc::{format, string::String};

/// A message's place in a call of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    /// The attempt at the call's first message.
    pub(crate) head: Attempt,
    /// 0 for the first.
    pub(crate) place: u32,
}

impl Members {
    /// `id/attempt/place`.
    pub(crate) fn to_text(self) -> String {
        format!("{}/{}/{}", self.head.message, self.head.number, self.place)
    }

    /// What [`Members::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let message = MessageId::parse(parts.next()?)?;
        let (number, place) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { head: Attempt { message, number }, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let head = Attempt { message: MessageId::new(7, 9, UnixMillis::new(1_796_119_200_000)), number: 3 };
        let members = Members { head, place: 41 };
        assert_eq!(Members::parse(&members.to_text()), Some(members));
        for text in ["", "x/1/2", "1/2", "//"] {
            assert_eq!(Members::parse(text), None, "{text}");
        }
    }
}
