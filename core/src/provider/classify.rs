//! What the tables of answers are made of, and what holds for every provider alike.

use crate::{
    outcome::{Answer, Outcome},
    time::UnixMillis,
};
use alloc::{string::String, vec::Vec};
use serde_json::{Map, Value};

/// An [`Outcome`] without what only the answer knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Throttled,
    Transient,
    QuotaSpent,
    CredentialsWrong,
    SenderRefused,
    RecipientSuppressed,
    Refused,
    Unknown,
}

/// The class of one status with one provider code.
pub(super) struct Rule(pub(super) u16, pub(super) &'static str, pub(super) Class);

/// A provider's own answers. What it does not name has the meaning that HTTP gives the status.
pub(super) struct Rules {
    pub(super) exact: &'static [Rule],
}

impl Rules {
    /// The class of a status outside 2xx with the provider's code, which may be empty. Status first, then the code.
    pub(super) fn find(&self, status: u16, code: &str) -> Class {
        let exact = self.exact.iter().find(|Rule(at, name, _)| *at == status && *name == code);
        exact.map_or_else(|| by_status(status), |Rule(_, _, class)| *class)
    }
}

/// The class of one status whose text holds a phrase, in lower case; and the word that Sendgate shows for it, because
/// the text itself is shown to nobody. An empty phrase is in every text, an empty word is none.
pub(super) struct Phrase(pub(super) u16, pub(super) &'static str, pub(super) &'static str, pub(super) Class);

/// The word and the class of an answer that says what it means in words only. The first phrase found counts; without
/// one the status speaks.
pub(super) fn by_phrase(phrases: &[Phrase], status: u16, text: &str) -> (Option<&'static str>, Class) {
    let text = text.to_ascii_lowercase();
    let found = phrases.iter().find(|Phrase(at, phrase, ..)| *at == status && text.contains(phrase));
    found.map_or((None, by_status(status)), |Phrase(_, _, word, class)| {
        (Some(*word).filter(|word| !word.is_empty()), *class)
    })
}

/// What the answer to a whole call of several messages means for each: a refusal is one message's fault, and nobody
/// knows whose.
pub(super) fn of_each(mut answer: Answer, count: usize) -> Vec<Answer> {
    if count > 1 && matches!(answer.outcome, Outcome::PermanentlyRefused | Outcome::RecipientSuppressed) {
        answer.outcome = Outcome::Split;
    }
    alloc::vec![answer; count]
}

impl Class {
    /// The outcome of this class with the instant that the provider named.
    pub(super) fn outcome(self, retry_at: Option<UnixMillis>) -> Outcome {
        match self {
            Self::Throttled => Outcome::Throttled { retry_at },
            Self::Transient => Outcome::Transient { retry_at },
            Self::QuotaSpent => Outcome::QuotaSpent { retry_at },
            Self::CredentialsWrong => Outcome::CredentialsWrong,
            Self::SenderRefused => Outcome::SenderRefused,
            Self::RecipientSuppressed => Outcome::RecipientSuppressed,
            Self::Refused => Outcome::PermanentlyRefused,
            Self::Unknown => Outcome::Unknown,
        }
    }
}

/// What a status means by RFC 9110 when the provider says no more.
///
/// Only statuses that surely mean *not taken* are retried or refused. A gateway that got no good answer from the server
/// behind it (502, 504, and the 52x of the networks in front of providers) does not know whether the message was taken:
/// neither do we, and a second copy is worse than a question. A redirect was not followed and means a wrong base URL or
/// a stranger in between, so nothing is concluded from it either.
pub(super) fn by_status(status: u16) -> Class {
    match status {
        401..=403 | 407 => Class::CredentialsWrong,
        // 408: the server gave up waiting for the request. 421, 425: it did not want it on this connection, or yet.
        408 | 421 | 425 | 500 | 503 => Class::Transient,
        429 => Class::Throttled,
        400..=499 => Class::Refused,
        _ => Class::Unknown,
    }
}

/// The body as a JSON object; an empty one when it is anything else.
pub(super) fn json_object(body: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(body).unwrap_or_default()
}

/// The text when it is a code: a short snake_case word. Free text is not shown to anyone.
pub(super) fn safe_word(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (plain && (1..=MAX_CODE).contains(&text.len())).then_some(text)
}

/// The text when it is a name as AWS and others give to errors: letters and digits. Free text has blanks.
pub(super) fn safe_name(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    (plain && (1..=MAX_CODE).contains(&text.len())).then_some(text)
}

/// The text when it can be a message id: printable ASCII without spaces, short.
pub(super) fn readable_id(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && (1..=MAX_ID).contains(&text.len())).then(|| String::from(text))
}

/// The longest code in any provider's table has 31 characters.
const MAX_CODE: usize = 64;
/// UUIDs have 36; the rest leaves room for ids that embed a host name.
const MAX_ID: usize = 255;
