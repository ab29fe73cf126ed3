//! Email service providers: a message in, an HTTP request out; a response in, one [`Outcome`]
//! out.
//!
//! One file per provider, each a `Dialect`: it says what the provider lacks ([`check`]), builds the call ([`build`],
//! [`build_batch`]) and holds the table that answers are classified by ([`classify`]). A feature that a provider lacks
//! is refused, never left out in silence.

mod brevo;
mod classify;
mod cloudflare;
mod cloudflare_binding;
mod error;
mod kind;
pub mod learn;
mod mailersend;
mod mailgun;
mod mailtrap;
mod options;
mod people;
mod postmark;
mod resend;
mod sandbox;
mod sendgrid;
mod ses;
mod smtp;
mod sparkpost;
mod target;

pub use error::{BuildError, Unsupported};
pub use kind::ProviderKind;
pub use target::{Compose, Dispatch, Letter, Target};

use crate::{
    http::{HeaderField, HttpRequest, HttpResponse},
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// What one provider's file answers.
trait Dialect {
    /// Where its API is, when that is the same for everybody.
    fn default_base_url(&self) -> Option<&'static str> {
        None
    }

    /// What is wrong with an address of its API; `None` when nothing is.
    fn base_url_fault(&self, url: &str) -> Option<&'static str> {
        (!is_web_address(url)).then_some("must be https, or http on 127.0.0.1 or localhost")
    }

    /// What this message needs and the provider lacks.
    fn gaps(&self, message: &Message) -> Vec<&'static str>;

    /// The call for one message.
    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Call, BuildError>;

    /// The meaning of an answer to [`Dialect::build`]'s call.
    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer;

    /// How long after the first call a repeated one cannot send twice; `None` without idempotency keys.
    fn idempotency_ms(&self) -> Option<u64> {
        None
    }

    /// Whether its calls carry a credential: a mail server may ask for none, and a binding is one.
    fn needs_credential(&self) -> bool {
        true
    }

    /// How much one call carries.
    fn bounds(&self) -> Bounds {
        Bounds::ONE
    }

    /// Whether two messages can go into one call.
    fn may_share(&self, _first: &Dispatch<'_>, _other: &Dispatch<'_>) -> bool {
        false
    }

    /// The call for several messages that may share one.
    fn build_batch(
        &self,
        _target: &Target<'_>,
        _dispatches: &[Dispatch<'_>],
        _now: UnixMillis,
    ) -> Result<Call, BuildError> {
        Err(BuildError::NotTogether)
    }

    /// The meaning of an answer to [`Dialect::build_batch`]'s call, for each message in the order of the call. A refusal
    /// of the whole is never each message's own.
    fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
        classify::of_each(self.classify(reply, now), count)
    }
}

/// The file of a provider.
fn dialect(kind: ProviderKind) -> &'static dyn Dialect {
    match kind {
        ProviderKind::Sendgrid => &sendgrid::Sendgrid,
        ProviderKind::Mailgun => &mailgun::Mailgun,
        ProviderKind::Postmark => &postmark::Postmark,
        ProviderKind::Ses => &ses::Ses,
        ProviderKind::Resend => &resend::Resend,
        ProviderKind::Cloudflare => &cloudflare::Cloudflare,
        ProviderKind::CloudflareBinding => &cloudflare_binding::CloudflareBinding,
        ProviderKind::Smtp => &smtp::Smtp,
        ProviderKind::Brevo => &brevo::Brevo,
        ProviderKind::Mailersend => &mailersend::Mailersend,
        ProviderKind::Mailtrap => &mailtrap::Mailtrap,
        ProviderKind::Sparkpost => &sparkpost::Sparkpost,
        ProviderKind::Sandbox => &sandbox::Sandbox,
    }
}

/// How much one call of a provider carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Recipients over all of them.
    pub recipients: usize,
    /// Bytes of the call's body.
    pub bytes: usize,
}

impl Bounds {
    /// For a provider whose calls carry one message.
    pub const ONE: Self = Self { messages: 1, recipients: usize::MAX, bytes: usize::MAX };
}

/// Whether the provider can send the message as it is; asked when the message is submitted.
///
/// # Errors
/// Every feature of the message that the provider lacks.
pub fn check(kind: ProviderKind, message: &Message) -> Result<(), Vec<Unsupported>> {
    let mut gaps = dialect(kind).gaps(message);
    gaps.dedup();
    if gaps.is_empty() {
        return Ok(());
    }
    Err(gaps.into_iter().map(|feature| Unsupported { feature, provider: kind.as_str() }).collect())
}

/// The call that hands the message to the provider.
///
/// The same arguments give the same bytes, so that a repeat under an idempotency key is the same request.
///
/// # Errors
/// [`BuildError`]; none of them passes with time.
pub fn build(
    kind: ProviderKind,
    target: &Target<'_>,
    dispatch: &Dispatch<'_>,
    now: UnixMillis,
) -> Result<Call, BuildError> {
    can_build(kind, target, dispatch)?;
    dialect(kind).build(target, dispatch, now)
}

/// The call that hands several messages to the provider: as many as [`bounds`] says, each of which [`may_share`] with
/// the first.
///
/// # Errors
/// As [`build`], for the first message that cannot be built; [`BuildError::NotTogether`] for messages that cannot share
/// a call: beyond the bounds, or two that each may share with the first but not with one another (the same message to
/// the same address, with Mailgun). Each of them can still go in a call of its own.
pub fn build_batch(
    kind: ProviderKind,
    target: &Target<'_>,
    dispatches: &[Dispatch<'_>],
    now: UnixMillis,
) -> Result<Call, BuildError> {
    dispatches.iter().try_for_each(|dispatch| can_build(kind, target, dispatch))?;
    match dispatches {
        [] => Err(BuildError::NoRecipient),
        [alone] => dialect(kind).build(target, alone, now),
        [first, others @ ..] => {
            let bounds = bounds(kind);
            let recipients = dispatches.iter().map(Dispatch::recipient_count).sum::<usize>();
            if dispatches.len() > bounds.messages
                || recipients > bounds.recipients
                || !others.iter().all(|other| may_share(kind, first, other))
            {
                return Err(BuildError::NotTogether);
            }
            let call = dialect(kind).build_batch(target, dispatches, now)?;
            let is_too_large = matches!(&call, Call::Http(request) if request.body.len() > bounds.bytes);
            if is_too_large { Err(BuildError::NotTogether) } else { Ok(call) }
        }
    }
}

/// How much one call of the provider carries.
#[must_use]
pub fn bounds(kind: ProviderKind) -> Bounds {
    dialect(kind).bounds()
}

/// Whether two messages can go into one call of the provider.
#[must_use]
pub fn may_share(kind: ProviderKind, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
    dialect(kind).may_share(first, other)
}

/// What holds for every provider alike, asked before a call is built.
fn can_build(kind: ProviderKind, target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<(), BuildError> {
    if dispatch.to.is_empty() {
        return Err(BuildError::NoRecipient);
    }
    if let Some(gap) = check(kind, dispatch.message).err().and_then(|gaps| gaps.into_iter().next()) {
        return Err(BuildError::Unsupported(gap));
    }
    if dialect(kind).needs_credential() && !is_header_value(target.credential, MAX_CREDENTIAL) {
        return Err(BuildError::InvalidHeaderValue { value: "credential" });
    }
    if !is_header_value(dispatch.message_id, MAX_MESSAGE_ID) {
        return Err(BuildError::InvalidHeaderValue { value: "message id" });
    }
    Ok(())
}

/// What the provider's answer means. Total: any answer has a class.
#[must_use]
pub fn classify(kind: ProviderKind, reply: &Reply, now: UnixMillis) -> Answer {
    dialect(kind).classify(reply, now)
}

/// What the provider's answer to a call of `count` messages means, for each in the order of the call. Total, and of that
/// length.
#[must_use]
pub fn classify_batch(kind: ProviderKind, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
    if count == 1 {
        return alloc::vec![classify(kind, reply, now)];
    }
    let mut answers = dialect(kind).classify_batch(reply, count, now);
    answers.resize(count, Answer::without_status(Outcome::Unknown));
    answers
}

/// Whether a credential can stand in a header field: not empty, visible characters only, no line break at its end.
#[must_use]
pub fn is_credential(credential: &str) -> bool {
    is_header_value(credential, MAX_CREDENTIAL)
}

/// Whether an answer says that the idempotency key was used before.
#[must_use]
pub fn says_key_was_used(answer: &Answer) -> bool {
    // Brevo's word is the last: it refuses a key that it knows, whatever the body.
    let used = ["invalid_idempotent_request", "idempotency_conflict", "duplicate_parameter"];
    answer.provider_code.as_deref().is_some_and(|code| used.contains(&code))
}

/// Whether a repeated request cannot send twice, so that an unknown outcome may be asked again.
#[must_use]
pub fn has_idempotency_key(kind: ProviderKind) -> bool {
    idempotency_ms(kind).is_some()
}

/// How long after the first request a repeated one cannot send twice, with room for clocks; `None` where the provider
/// has no idempotency keys.
#[must_use]
pub fn idempotency_ms(kind: ProviderKind) -> Option<u64> {
    dialect(kind).idempotency_ms()
}

/// The meaning of an answer that has to be an HTTP response; whatever else comes says nothing.
fn http(reply: &Reply, classify: impl FnOnce(&HttpResponse) -> Answer) -> Answer {
    match reply {
        Reply::Http(response) => classify(response),
        Reply::Smtp(_) | Reply::Binding(_) => Answer::without_status(Outcome::Unknown),
    }
}

/// A `POST` of JSON with the header fields that every provider gets, and the one that says who asks.
fn post(target: &Target<'_>, path: &str, who: HeaderField, body: Vec<u8>) -> HttpRequest {
    post_as(Cow::Borrowed("application/json"), target, path, who, body)
}

/// The same with a body of this media type.
fn post_as(
    content_type: Cow<'static, str>,
    target: &Target<'_>,
    path: &str,
    who: HeaderField,
    body: Vec<u8>,
) -> HttpRequest {
    let url = [target.base_url.trim_end_matches('/'), path].concat();
    let headers = alloc::vec![
        ("Content-Type", content_type),
        ("Accept", Cow::Borrowed("application/json")),
        ("User-Agent", Cow::Borrowed(USER_AGENT)),
        who,
    ];
    HttpRequest { method: "POST", url, headers, body }
}

/// The field that says who asks, where a key is a bearer token.
fn bearer(target: &Target<'_>) -> HeaderField {
    ("Authorization", Cow::Owned(["Bearer ", target.credential].concat()))
}

/// A header field of this request's own.
fn header_field(name: &'static str, value: &str) -> HeaderField {
    (name, Cow::Owned(String::from(value)))
}

/// An address that nobody on the way can read along: `https`, or `http` on the loopback.
fn is_web_address(url: &str) -> bool {
    if url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority.split(':').next().unwrap_or(authority);
    !authority.contains('@') && (host == "127.0.0.1" || host == "localhost")
}

/// Whether a value may stand in a header field: printable ASCII, nothing that ends the line.
fn is_header_value(value: &str, bound: usize) -> bool {
    (1..=bound).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name under which Sendgate's own message id travels with a message wherever the provider gives metadata back in
/// its events: they find the message even when no answer ever named the provider's id. No metadata may have this name.
pub const ID_FIELD: &str = "sendgate_id";
/// The gap of metadata that have the name of [`ID_FIELD`].
const ID_FIELD_TAKEN: &str = "metadata named sendgate_id";

/// Whether a message's metadata have the name that Sendgate's id needs, in any case: some providers do not tell cases.
fn takes_id_field(message: &Message) -> bool {
    message.metadata.iter().any(|(name, _)| name.eq_ignore_ascii_case(ID_FIELD))
}

/// Resend refuses requests without one (403, code 1010), and a Worker's `fetch` sets none.
const USER_AGENT: &str = concat!("sendgate/", env!("CARGO_PKG_VERSION"));
/// Resend's bound for an idempotency key, the tightest there is.
const MAX_MESSAGE_ID: usize = 256;
/// Far above any provider's key, below every server's header limit (8 KiB).
const MAX_CREDENTIAL: usize = 4096;

#[cfg(test)]
mod tests;
