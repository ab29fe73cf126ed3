//! The dialects, and what they share: how a call is read, refused and answered.

use crate::{
    Arrival, brevo, cloudflare, esp, faults::Fault, mailersend, mailgun, mailtrap, messages::Message, postmark, resend,
    sendgrid, ses, settings::Settings, sparkpost, window::Headroom,
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
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
    /// SendGrid's v3 API.
    SendGrid,
    /// Mailgun's v3 API.
    Mailgun,
    /// Amazon's SES v2 API.
    Ses,
    /// Cloudflare's Email Sending over REST.
    Cloudflare,
    /// Brevo's v3 API.
    Brevo,
    /// MailerSend's API.
    MailerSend,
    /// Mailtrap's sending API.
    Mailtrap,
    /// SparkPost's transmissions.
    SparkPost,
}

/// How a dialect does what every dialect does. Each dialect's file holds its own.
pub(crate) struct Manner {
    /// Its word in paths and JSON.
    pub(crate) word: &'static str,
    /// Its name for people.
    pub(crate) label: &'static str,
    /// Lets the call at a path below the dialect's in, or answers as the provider does to a bad credential.
    pub(crate) admit: fn(&str, &Arrival<'_>, &Settings, UnixMillis) -> Result<(), HttpResponse>,
    /// Reads the call at a path below the dialect's.
    pub(crate) read: for<'a> fn(&'a str, &Arrival<'a>, &Settings, UnixMillis) -> Result<Request<'a>, Refusal>,
    /// The answer to a refused call.
    pub(crate) refuse: fn(&Refusal) -> HttpResponse,
    /// The words for a call over a window.
    pub(crate) throttled: fn(&Later) -> Refusal,
    /// The words for a spent daily (or else monthly) quota.
    pub(crate) over_quota: fn(bool) -> Refusal,
    /// The words for an injected fault, with the seconds asked for; `None` for a fault that is no answer.
    pub(crate) fault: fn(Fault, Option<u64>, UnixMillis) -> Option<Refusal>,
    /// The words for a message to these inactive ones of so many recipients; `None` when it is taken all the same.
    pub(crate) inactive: fn(&[String], usize) -> Option<Refusal>,
    /// The words for a sender at a domain that may not send; `None` where the sender's domain does not decide.
    pub(crate) unverified: Option<fn() -> Refusal>,
    /// How it keeps idempotency keys, when it does.
    pub(crate) keys: Option<Keys>,
    /// The answer to a call that was carried out.
    pub(crate) taken: fn(&Done<'_>) -> HttpResponse,
    /// The answer to a question about the account.
    pub(crate) usage: fn(&Usage<'_>) -> HttpResponse,
    /// Adds the headers that tell how much room a window has.
    pub(crate) show_room: fn(&mut HttpResponse, &Headroom),
    /// A message's id.
    pub(crate) id: fn(&Stamp<'_>) -> String,
}

/// How a provider keeps idempotency keys.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// Whether the same call with its key is answered again as it was; where it is not, the words are the same as for a
    /// key that came with another body.
    pub(crate) replays: bool,
    /// The words for a key that came with another body.
    pub(crate) conflict: fn() -> Refusal,
    /// For how long it keeps one.
    pub(crate) kept_ms: u64,
    /// The status of a call taken, with which the same call is answered again.
    pub(crate) status: u16,
}

/// When there is room again.
#[derive(Clone, Copy)]
pub(crate) struct Later {
    /// Whole seconds from now, at least one.
    pub(crate) seconds: u64,
    /// The instant.
    pub(crate) at: UnixMillis,
}

impl Later {
    /// So many seconds after `now`, one unless told.
    pub(crate) fn in_seconds(seconds: Option<u64>, now: UnixMillis) -> Self {
        let seconds = seconds.unwrap_or(1);
        Self { seconds, at: now.plus(seconds.saturating_mul(1000)) }
    }
}

/// A call that was carried out.
pub(crate) struct Done<'a> {
    /// Whether the call is a batch.
    pub(crate) batch: bool,
    /// What became of its messages, in order.
    pub(crate) results: &'a [Result<Taken, Refusal>],
    pub(crate) now: UnixMillis,
}

/// What an account has used.
pub(crate) struct Usage<'a> {
    pub(crate) settings: &'a Settings,
    /// Recipients of this UTC day.
    pub(crate) day: u64,
    /// Recipients of this UTC month.
    pub(crate) month: u64,
    /// Recipients of the last 24 hours.
    pub(crate) last_24_hours: u64,
    /// The first instant of this UTC month.
    pub(crate) month_began: UnixMillis,
}

/// What a message's id is made of.
pub(crate) struct Stamp<'a> {
    /// 32 random hexadecimal digits, of this message alone.
    pub(crate) hex: &'a str,
    /// The same of the call's first message.
    pub(crate) call_hex: &'a str,
    /// The message's place in the call.
    pub(crate) index: usize,
    /// The path below the dialect's.
    pub(crate) rest: &'a str,
    pub(crate) now: UnixMillis,
}

/// A message's random digits in a UUID's shape.
pub(crate) fn uuid_of(stamp: &Stamp<'_>) -> String {
    let part = |from: usize, to: usize| stamp.hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// A refusal in the provider's own words.
pub(crate) struct Refusal {
    /// The HTTP status of a call refused so.
    pub(crate) status: u16,
    /// The provider's word or number for it.
    pub(crate) code: &'static str,
    /// The sentence.
    pub(crate) detail: String,
    /// The field at fault, where the provider names one.
    pub(crate) field: Option<String>,
    /// Seconds for a `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
    /// When there is room again, for a provider that tells it in a header of its own.
    pub(crate) reset: Option<Later>,
}

impl Refusal {
    /// A refusal without a `Retry-After`.
    pub(crate) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, retry_after: None, reset: None }
    }

    /// The same naming the field at fault.
    pub(crate) fn at(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
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
    /// What the account has used.
    Usage,
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
    pub(crate) key: Option<Cow<'a, str>>,
    /// The messages in the order of the call.
    pub(crate) items: Vec<Item<'a>>,
}

/// One message of a call.
pub(crate) struct Item<'a> {
    /// Its JSON as it came; of a form, the JSON that shows it.
    pub(crate) raw: Cow<'a, str>,
    /// What it says, or why the provider refuses it.
    pub(crate) message: Result<Message, Refusal>,
}

/// A message that was taken.
pub(crate) struct Taken {
    /// The provider's id for it.
    pub(crate) id: String,
    /// What it says.
    pub(crate) message: Message,
}

impl Dialect {
    /// Every dialect.
    pub(crate) const ALL: [Self; 11] = [
        Self::Resend,
        Self::Postmark,
        Self::Esp,
        Self::SendGrid,
        Self::Mailgun,
        Self::Ses,
        Self::Cloudflare,
        Self::Brevo,
        Self::MailerSend,
        Self::Mailtrap,
        Self::SparkPost,
    ];

    /// How it does what every dialect does.
    pub(crate) const fn manner(self) -> &'static Manner {
        match self {
            Self::Resend => &resend::MANNER,
            Self::Postmark => &postmark::MANNER,
            Self::Esp => &esp::MANNER,
            Self::SendGrid => &sendgrid::MANNER,
            Self::Mailgun => &mailgun::MANNER,
            Self::Ses => &ses::MANNER,
            Self::Cloudflare => &cloudflare::MANNER,
            Self::Brevo => &brevo::MANNER,
            Self::MailerSend => &mailersend::MANNER,
            Self::Mailtrap => &mailtrap::MANNER,
            Self::SparkPost => &sparkpost::MANNER,
        }
    }

    /// Its word in paths and JSON.
    pub(crate) const fn word(self) -> &'static str {
        self.manner().word
    }

    /// The dialect with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// The answer to a refused call.
    pub(crate) fn refuse(self, refusal: &Refusal) -> HttpResponse {
        let mut response = (self.manner().refuse)(refusal);
        if let Some(seconds) = refusal.retry_after {
            response.headers.push(crate::json::field("retry-after", format!("{seconds}")));
        }
        response
    }

    /// Adds the headers that tell how much room is left, where the provider has such.
    pub(crate) fn show_room(self, response: &mut HttpResponse, room: Option<&Headroom>) {
        if let Some(room) = room {
            (self.manner().show_room)(response, room);
        }
    }
}

/// For a provider without rate headers.
pub(crate) fn no_room_shown(_: &mut HttpResponse, _: &Headroom) {}

/// For a provider that takes a message to inactive recipients, and tells of them by events.
pub(crate) fn takes_inactive(_: &[String], _: usize) -> Option<Refusal> {
    None
}

/// For a provider without a route that tells what was used: never asked.
pub(crate) fn no_usage(_: &Usage<'_>) -> HttpResponse {
    crate::json::problem(404, "not_found", "there is nothing at this path", None)
}
