//! Email service providers: a message in, an HTTP request out; a response in, one [`Outcome`](crate::outcome::Outcome)
//! out.
//!
//! One file per provider, each a [`Dialect`]: it says what the provider lacks ([`check`]), builds the call ([`build`],
//! [`build_batch`]) and holds the table that answers are classified by ([`classify`]). A feature that a provider lacks
//! is refused, never left out in silence.

mod brevo;
mod classify;
mod cloudflare;
mod cloudflare_binding;
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

use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A provider that Sendgate speaks to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// SendGrid v3, `POST /v3/mail/send`.
    Sendgrid,
    /// Mailgun v3, `POST /v3/{domain}/messages`.
    Mailgun,
    /// Postmark, `POST /email`.
    Postmark,
    /// Amazon SES v2, `POST /v2/email/outbound-emails`.
    Ses,
    /// Resend, `POST /emails`.
    Resend,
    /// Cloudflare Email Service over REST.
    Cloudflare,
    /// Cloudflare Email Service through a Worker's `send_email` binding.
    CloudflareBinding,
    /// A mail server that takes submissions (RFC 6409).
    Smtp,
    /// Brevo, `POST /v3/smtp/email`.
    Brevo,
    /// MailerSend, `POST /v1/email`.
    Mailersend,
    /// Mailtrap, `POST /api/send`.
    Mailtrap,
    /// SparkPost, `POST /api/v1/transmissions`.
    Sparkpost,
    /// The simulator's own plain interface, `POST /messages`.
    Sandbox,
}

impl ProviderKind {
    /// Every provider.
    pub const ALL: [Self; 13] = [
        Self::Sendgrid,
        Self::Mailgun,
        Self::Postmark,
        Self::Ses,
        Self::Resend,
        Self::Cloudflare,
        Self::CloudflareBinding,
        Self::Smtp,
        Self::Brevo,
        Self::Mailersend,
        Self::Mailtrap,
        Self::Sparkpost,
        Self::Sandbox,
    ];

    /// The word for it in JSON, in the trace and as a key of `provider_options`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sendgrid => "sendgrid",
            Self::Mailgun => "mailgun",
            Self::Postmark => "postmark",
            Self::Ses => "ses",
            Self::Resend => "resend",
            Self::Cloudflare => "cloudflare",
            Self::CloudflareBinding => "cloudflare_binding",
            Self::Smtp => "smtp",
            Self::Brevo => "brevo",
            Self::Mailersend => "mailersend",
            Self::Mailtrap => "mailtrap",
            Self::Sparkpost => "sparkpost",
            Self::Sandbox => "sandbox",
        }
    }

    /// The family of profiles that describe it: the two ways to Cloudflare are one provider.
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::CloudflareBinding => Self::Cloudflare.as_str(),
            Self::Sendgrid
            | Self::Mailgun
            | Self::Postmark
            | Self::Ses
            | Self::Resend
            | Self::Cloudflare
            | Self::Smtp
            | Self::Brevo
            | Self::Mailersend
            | Self::Mailtrap
            | Self::Sparkpost
            | Self::Sandbox => self.as_str(),
        }
    }

    /// Whether its calls carry a credential: a mail server may ask for none, and a binding is one.
    #[must_use]
    pub fn needs_credential(self) -> bool {
        dialect(self).needs_credential()
    }

    /// Where its API is when the configuration does not say; `None` where only the account's owner knows.
    #[must_use]
    pub fn default_base_url(self) -> Option<&'static str> {
        dialect(self).default_base_url()
    }

    /// What is wrong with an address of its API; `None` when nothing is.
    #[must_use]
    pub fn base_url_fault(self, url: &str) -> Option<&'static str> {
        dialect(self).base_url_fault(url)
    }
}

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

/// A feature of a message that a provider lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsupported {
    /// The feature, in words that do not change: `more than one tag`.
    pub feature: &'static str,
    /// The provider's word.
    pub provider: &'static str,
}

impl Unsupported {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "unsupported_feature"
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not support: {}", self.provider, self.feature)
    }
}

impl core::error::Error for Unsupported {}

/// Where a request goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The API's base, without the path of the call; a trailing slash is allowed.
    pub base_url: &'a str,
    /// The provider's key or token; where it has parts, they stand with colons between them (`user:password`,
    /// `access key:secret:session token`).
    pub credential: &'a str,
    /// Mailgun's sending domain.
    pub domain: Option<&'a str>,
    /// Cloudflare's account id.
    pub account_id: Option<&'a str>,
    /// The AWS region, where the base URL does not name it.
    pub region: Option<&'a str>,
    /// Writes a message as MIME text, for providers that take one.
    pub compose: Option<Compose>,
}

impl<'a> Target<'a> {
    /// An address and a credential, and nothing else.
    #[must_use]
    pub const fn new(base_url: &'a str, credential: &'a str) -> Self {
        Self { base_url, credential, domain: None, account_id: None, region: None, compose: None }
    }
}

/// Writes a mail as RFC 5322 text with CRLF line ends. MIME is a kept library's work, which needs more than the core
/// has; the host brings it.
pub type Compose = for<'a> fn(&Letter<'a>) -> Vec<u8>;

/// What a mail is composed of.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The message; its own recipient lists are not used.
    pub message: &'a Message,
    /// Recipients shown.
    pub to: &'a [&'a Mailbox],
    /// Recipients of a copy, shown.
    pub cc: &'a [&'a Mailbox],
    /// `Message-ID` without its angle brackets.
    pub message_id: &'a str,
    /// `Date`.
    pub date: UnixMillis,
}

/// Hides the credential.
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}

/// What is sent: a message to those of its recipients that are left after suppression.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// Sendgate's id of the message: the idempotency key where there is one.
    pub message_id: &'a str,
    /// The message; its own recipient lists are not used.
    pub message: &'a Message,
    /// Recipients shown; at least one.
    pub to: &'a [&'a Mailbox],
    /// Recipients of a copy.
    pub cc: &'a [&'a Mailbox],
    /// Recipients not shown.
    pub bcc: &'a [&'a Mailbox],
}

impl Dispatch<'_> {
    /// Recipients over `to`, `cc` and `bcc`.
    fn recipient_count(&self) -> usize {
        self.to.len().saturating_add(self.cc.len()).saturating_add(self.bcc.len())
    }
}

/// Why no request can be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// Nobody is left in `to`: no provider takes a message of copies only.
    NoRecipient,
    /// The provider lacks a feature that the message uses; [`check`] lists all of them.
    Unsupported(Unsupported),
    /// A header value would not be plain printable ASCII.
    InvalidHeaderValue {
        /// Which: `credential` or `message id`.
        value: &'static str,
    },
    /// The message does not print as JSON.
    NotPrintable,
    /// The provider's configuration lacks something that its calls need.
    Incomplete {
        /// Which field: `domain`, `account_id`, `region`, `credential`, `base_url` or `compose`.
        field: &'static str,
    },
    /// These messages cannot go into one call.
    NotTogether,
}

impl BuildError {
    /// Every code there is.
    pub const CODES: [&'static str; 6] = [
        "no_recipient",
        "unsupported_feature",
        "invalid_header_value",
        "message_not_printable",
        "provider_incomplete",
        "not_together",
    ];

    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRecipient => "no_recipient",
            Self::Unsupported(_) => "unsupported_feature",
            Self::InvalidHeaderValue { .. } => "invalid_header_value",
            Self::NotPrintable => "message_not_printable",
            Self::Incomplete { .. } => "provider_incomplete",
            Self::NotTogether => "not_together",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipient => f.write_str("no recipient is left in `to`"),
            Self::Unsupported(feature) => feature.fmt(f),
            Self::InvalidHeaderValue { value } => write!(f, "the {value} is empty, too long or not printable ASCII"),
            Self::NotPrintable => f.write_str("the message does not print as JSON"),
            Self::Incomplete { field } => write!(f, "the provider's {field} is missing or malformed"),
            Self::NotTogether => f.write_str("the messages cannot go into one call"),
        }
    }
}

impl core::error::Error for BuildError {}

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

/// A `POST` of JSON with the header fields that every provider gets, and `more`.
fn post(target: &Target<'_>, path: &str, more: &[(&str, &str)], body: Vec<u8>) -> HttpRequest {
    post_as("application/json", target, path, more, body)
}

/// The same with a body of this media type.
fn post_as(content_type: &str, target: &Target<'_>, path: &str, more: &[(&str, &str)], body: Vec<u8>) -> HttpRequest {
    let mut url = String::from(target.base_url.trim_end_matches('/'));
    url.push_str(path);
    let common = [("Content-Type", content_type), ("Accept", "application/json"), ("User-Agent", USER_AGENT)];
    let headers = common.iter().chain(more).map(|(name, value)| (name.to_string(), value.to_string())).collect();
    HttpRequest { method: "POST", url, headers, body }
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
