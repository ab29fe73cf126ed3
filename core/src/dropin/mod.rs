//! Other senders' APIs, so that their official SDKs work against Sendgate by a change of the base URL alone.
//!
//! A request is translated into Sendgate's own messages and goes the way of `POST /v1/send`: the same windows, quota,
//! suppression and idempotency. What comes back, an answer or a refusal, is printed from Sendgate's own at the very end,
//! so that it can say nothing else. Fields are renamed and not judged here: what they may hold says
//! [`crate::message::Message::parse`], whose faults are told under the names that the caller knows. A field that has no
//! counterpart is a fault of the message.
//!
//! Out of scope: the APIs' other routes, and bounds of theirs that are narrower than Sendgate's.

mod fields;
mod postmark;
mod resend;
mod told;

pub(crate) use resend::{Shown, acted, send_at, shown};

use crate::{
    http::HttpResponse,
    message::{FieldError, Json},
    problem::{Code, Problem},
    sql::SqlError,
};
use alloc::{format, string::String, vec::Vec};
use told::Answer;

/// An API that is spoken here beside Sendgate's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropin {
    /// Resend's `/emails` and `/emails/batch`.
    Resend,
    /// Postmark's `/email` and `/email/batch`.
    Postmark,
}

/// What is taken when some of a request's messages are faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Those that are not; with none of them the request is refused.
    Good,
    /// None.
    Whole,
    /// Those that are not, be it none.
    Each,
}

/// A message in Sendgate's own JSON, or what is wrong with it under Sendgate's names.
pub(crate) type Translated = Result<String, Vec<FieldError>>;

/// What a send came to, as it is printed.
pub(crate) struct Printed {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Dropin {
    /// The API that a path belongs to.
    #[must_use]
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path.strip_prefix('/')?.split('/').next() {
            Some("emails") => Some(Self::Resend),
            Some("email") => Some(Self::Postmark),
            Some(_) | None => None,
        }
    }

    /// The header field that carries the key, when it is not `Authorization`.
    #[must_use]
    pub(crate) const fn key_field(self) -> Option<&'static str> {
        match self {
            Self::Resend => None,
            Self::Postmark => Some("x-postmark-server-token"),
        }
    }

    /// A header field that its account needs to know.
    #[must_use]
    pub(crate) const fn option_field(self) -> Option<&'static str> {
        match self {
            Self::Resend => Some(resend::VALIDATION),
            Self::Postmark => None,
        }
    }

    /// What is taken of a request, by its option.
    ///
    /// # Errors
    /// The option is none of the API's.
    pub(crate) fn terms(self, batch: bool, option: Option<&str>) -> Result<Terms, Problem> {
        match (self, batch) {
            (Self::Resend, true) => resend::terms(option),
            (Self::Postmark, true) => Ok(Terms::Each),
            (Self::Resend | Self::Postmark, false) => Ok(Terms::Good),
        }
    }

    /// The name under which an idempotency key of this API is kept: no other API's key is the same.
    ///
    /// # Errors
    /// The key is not as long as the API says.
    pub(crate) fn idempotency_key(self, key: &str) -> Result<String, Problem> {
        let length = key.chars().count();
        if (1..=MAX_KEY).contains(&length) {
            return Ok(format!("{self:?} {}", crate::key::fingerprint(key.as_bytes())));
        }
        let detail = format!("the idempotency key must have 1 to {MAX_KEY} characters, got {length}");
        Err(Problem::new(Code::InvalidIdempotencyKey, detail))
    }

    /// The messages of a request.
    ///
    /// # Errors
    /// The body is no JSON, is no list where one is wanted, or holds too many messages.
    pub(crate) fn read(self, batch: bool, body: &[u8]) -> Result<Vec<Translated>, Problem> {
        let invalid = |detail: String| Problem::new(Code::InvalidJson, detail);
        let text = core::str::from_utf8(body).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))?;
        let json = Json::read(text)
            .map_err(|error| invalid(format!("not readable at line {} column {}", error.line(), error.column())))?;
        let (translate, most): (fn(Json<'_>) -> Translated, _) = match self {
            Self::Resend => (resend::message, resend::MAX_BATCH),
            Self::Postmark => (postmark::message, postmark::MAX_BATCH),
        };
        match json {
            Json::List(items) if batch && items.len() > most => {
                let detail = format!("a batch holds at most {most} messages, got {}", items.len());
                Err(Problem::new(Code::TooManyMessages, detail))
            }
            Json::List(items) if batch && !items.is_empty() => Ok(items.into_iter().map(translate).collect()),
            Json::Object(_) if !batch => Ok(alloc::vec![translate(json)]),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
                let wanted = if batch { "a list of messages, at least 1" } else { "one message" };
                Err(Problem::new(Code::MissingSendPayload, format!("the body must be {wanted}")))
            }
        }
    }

    /// The answer to a send that was carried out, from Sendgate's own answer. `suppressed` tells the addresses of a
    /// message that the first check held back, by the message's id.
    ///
    /// # Errors
    /// What `suppressed` said, or Sendgate's own answer is not one.
    pub(crate) fn accepted(
        self,
        batch: bool,
        answer: &[u8],
        suppressed: &mut dyn FnMut(&str) -> Result<Vec<String>, SqlError>,
    ) -> Result<Printed, SqlError> {
        let answer = Answer::read(answer).ok_or_else(|| SqlError("an answer of ours cannot be read".into()))?;
        match self {
            Self::Resend => Ok(resend::accepted(batch, &answer)),
            Self::Postmark => postmark::accepted(batch, &answer, suppressed),
        }
    }

    /// A refusal as this API prints it, from Sendgate's own; `None` when it is not one.
    #[must_use]
    pub(crate) fn refusal(self, problem: &[u8]) -> Option<Printed> {
        let problem = told::Problem::read(problem)?;
        Some(match self {
            Self::Resend => resend::refusal(&problem),
            Self::Postmark => postmark::refusal(&problem),
        })
    }
}

/// An answer in the words of the API that its path belongs to: a refusal of ours is printed as one of that API's.
pub(crate) fn spoken(path: &str, mut response: HttpResponse) -> HttpResponse {
    let refusal = (response.status >= 400).then(|| Dropin::of_path(path)?.refusal(&response.body)).flatten();
    let Some(refusal) = refusal else { return response };
    // What belongs to our status and not to theirs does not go out with theirs.
    let stays = |name: &str| match name {
        "retry-after" => refusal.status == 429,
        "www-authenticate" => refusal.status == 401,
        _ => true,
    };
    response.headers.retain(|(name, _)| stays(name));
    for (name, value) in &mut response.headers {
        if name == "content-type" {
            *value = "application/json".into();
        }
    }
    HttpResponse { status: refusal.status, body: refusal.body, ..response }
}

/// Resend's bound of an idempotency key (resend.com/docs, "Idempotency Keys"). Postmark has no keys; one that comes all
/// the same is honoured.
const MAX_KEY: usize = 256;
