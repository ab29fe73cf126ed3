//! The three dialects, and what they share: how a call is read, refused and answered.

use crate::{Arrival, esp, faults::Fault, messages::Message, postmark, resend, window::Headroom};
use alloc::{string::String, vec::Vec};
use sendgate_core::{http::HttpResponse, time::UnixMillis};

/// A provider that the simulator stands in for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// Resend's API.
    Resend,
    /// Postmark's API.
    Postmark,
    /// Sendgate's own sandbox provider.
    Esp,
}

/// A refusal in the provider's own words.
pub(crate) struct Refusal {
    /// The HTTP status of a call refused so.
    pub(crate) status: u16,
    /// The provider's word or number for it.
    pub(crate) code: &'static str,
    /// The sentence.
    pub(crate) detail: String,
    /// Seconds for a `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal without a `Retry-After`.
    pub(crate) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None }
    }

    /// The same with a `Retry-After` of so many seconds.
    pub(crate) fn after(self, seconds: Option<u64>) -> Self {
        Self { retry_after: seconds, ..self }
    }
}

/// What a call asks for.
pub(crate) enum Request<'a> {
    /// What became of the message with this id.
    Lookup(&'a str),
    /// To send.
    Send(Sending<'a>),
}

/// The messages of a call.
pub(crate) struct Sending<'a> {
    /// Whether the call is a batch, which is answered by a list.
    pub(crate) batch: bool,
    /// Whether one bad message refuses the whole call.
    pub(crate) all_or_nothing: bool,
    /// The idempotency key, for dialects that know one.
    pub(crate) key: Option<&'a str>,
    /// The messages in the order of the call.
    pub(crate) items: Vec<Item<'a>>,
}

/// One message of a call.
pub(crate) struct Item<'a> {
    /// Its JSON as it came.
    pub(crate) raw: &'a str,
    /// What it says, or why the provider refuses it.
    pub(crate) message: Result<Message, Refusal>,
}

/// A message that was taken.
pub(crate) struct Taken {
    /// The provider's id for it.
    pub(crate) id: String,
    /// Its `to` as one text.
    pub(crate) to: String,
    /// The recipients that the provider will not deliver to.
    pub(crate) inactive: Vec<String>,
}

impl Dialect {
    /// Every dialect.
    pub(crate) const ALL: [Self; 3] = [Self::Resend, Self::Postmark, Self::Esp];

    /// Its word in paths and JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Postmark => "postmark",
            Self::Esp => "esp",
        }
    }

    /// The dialect with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// Lets the call in, or answers as the provider does when its credential is missing or wrong.
    pub(crate) fn admit(self, arrival: &Arrival<'_>) -> Result<(), HttpResponse> {
        match self {
            Self::Resend => resend::admit(arrival),
            Self::Postmark => postmark::admit(arrival),
            Self::Esp => esp::admit(arrival),
        }
    }

    /// Reads the call at `rest`, the path below the dialect's.
    pub(crate) fn read<'a>(self, rest: &'a str, arrival: &Arrival<'a>) -> Result<Request<'a>, Refusal> {
        match self {
            Self::Resend => resend::read(rest, arrival),
            Self::Postmark => postmark::read(rest, arrival),
            Self::Esp => esp::read(rest, arrival),
        }
    }

    /// The answer to a refused call.
    pub(crate) fn refuse(self, refusal: &Refusal) -> HttpResponse {
        let mut response = match self {
            Self::Resend => resend::refuse(refusal),
            Self::Postmark => postmark::refuse(refusal),
            Self::Esp => esp::refuse(refusal),
        };
        if let Some(seconds) = refusal.retry_after {
            response.headers.push(crate::json::field("retry-after", alloc::format!("{seconds}")));
        }
        response
    }

    /// The provider's words for a call over a window that has room again in `seconds`.
    pub(crate) fn throttled(self, seconds: u64) -> Refusal {
        match self {
            Self::Resend => resend::throttled(seconds),
            Self::Postmark => postmark::throttled(),
            Self::Esp => esp::throttled(seconds),
        }
    }

    /// The provider's words for an injected fault; `None` for a fault that is no answer.
    pub(crate) fn fault(self, fault: Fault, seconds: Option<u64>) -> Option<Refusal> {
        match self {
            Self::Resend => resend::fault(fault, seconds),
            Self::Postmark => postmark::fault(fault, seconds),
            Self::Esp => esp::fault(fault, seconds),
        }
    }

    /// The provider's words for a message whose recipients are all inactive; `None` when it has none.
    pub(crate) fn all_inactive(self, inactive: &[String]) -> Option<Refusal> {
        match self {
            Self::Resend => None,
            Self::Postmark => Some(postmark::all_inactive(inactive)),
            Self::Esp => Some(esp::all_inactive()),
        }
    }

    /// The provider's words for an idempotency key that came with another body.
    pub(crate) fn key_conflict(self) -> Refusal {
        match self {
            Self::Resend => resend::key_conflict(),
            Self::Postmark | Self::Esp => esp::key_conflict(),
        }
    }

    /// The answer to a call that was carried out.
    pub(crate) fn taken(self, batch: bool, results: &[Result<Taken, Refusal>], now: UnixMillis) -> HttpResponse {
        match self {
            Self::Resend => resend::taken(batch, results),
            Self::Postmark => postmark::taken(batch, results, now),
            Self::Esp => esp::taken(batch, results),
        }
    }

    /// Adds the headers that tell how much room is left, where the provider has such.
    pub(crate) fn show_room(self, response: &mut HttpResponse, room: Option<&Headroom>) {
        match (self, room) {
            (Self::Resend, Some(room)) => resend::show_room(response, room),
            (Self::Resend | Self::Postmark | Self::Esp, _) => {}
        }
    }
}
