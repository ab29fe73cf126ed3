//! From a request to verified events: the same steps for every provider.

use super::{
    Event, InboundKind, brevo, cloudflare, mailersend, mailgun, mailtrap, postmark, proof, read_mail, resend, sandbox,
    sendgrid, sns, sparkpost,
};
use crate::{provider::ProviderKind, time::UnixMillis};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A request as it came. The body's bytes are the signed ones: not one of them may be changed on the way here.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// Header fields; names in any case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Shows the sizes only: headers hold secrets, bodies hold addresses.
impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({} headers, {} bytes)", self.headers.len(), self.body.len())
    }
}

/// What an account's webhook is trusted by.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The key, or several while one is replaced: each is enough. Which form it has is the provider's: see the files of
    /// the providers.
    pub secrets: Vec<String>,
    /// The header that carries the secret, for providers that sign nothing; without it the secret is `user:password` of
    /// Basic authentication.
    pub header: Option<String>,
    /// How far the signed instant may lie from now; the provider's own figure when absent.
    pub tolerance_ms: Option<u64>,
    /// The SNS topics that are expected.
    pub topics: Vec<String>,
    /// Certificates in PEM that an SNS signing certificate must descend from. Without them the name of the host that it
    /// was fetched from over TLS is what it is trusted by, as in the official validators.
    pub anchors: Option<String>,
}

/// Hides the secrets.
impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} secrets, {} topics)", self.secrets.len(), self.topics.len())
    }
}

/// A signing certificate that the host fetched.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// Where from.
    pub url: &'a str,
    /// PEM: the certificate itself first, perhaps followed by its issuers.
    pub pem: &'a str,
}

/// What a request turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Verified events, perhaps none.
    Events(Vec<Event>),
    /// Fetch this certificate and ask again.
    NeedsCertificate {
        /// The URL; its host and path were checked.
        url: String,
    },
    /// A verified request to confirm a subscription: fetch this URL.
    Confirm {
        /// The URL; its host was checked.
        url: String,
    },
}

/// Why a request is refused. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookError {
    /// There is no signature, or a part of it is missing.
    Unsigned,
    /// The signature, the secret or the signer is wrong.
    WrongSignature,
    /// What was signed is too old, or of the future.
    Stale,
    /// The used secret, key or certificate of our side cannot be read.
    Misconfigured {
        /// Which setting.
        setting: &'static str,
    },
    /// The body is not what the provider sends.
    Malformed {
        /// Where the JSON broke off; 0 when it is JSON of another shape.
        line: usize,
        /// The column there.
        column: usize,
    },
    /// This provider has no such interface.
    NotSupported,
}

impl WebhookError {
    /// Every code there is.
    pub const CODES: [&'static str; 6] = [
        "webhook_unsigned",
        "webhook_wrong_signature",
        "webhook_stale",
        "webhook_misconfigured",
        "webhook_malformed",
        "webhook_not_supported",
    ];

    /// The stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "webhook_unsigned",
            Self::WrongSignature => "webhook_wrong_signature",
            Self::Stale => "webhook_stale",
            Self::Misconfigured { .. } => "webhook_misconfigured",
            Self::Malformed { .. } => "webhook_malformed",
            Self::NotSupported => "webhook_not_supported",
        }
    }

    /// JSON of another shape than the provider's.
    pub(super) const fn shape() -> Self {
        Self::Malformed { line: 0, column: 0 }
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("the request carries no signature, or not all of it"),
            Self::WrongSignature => f.write_str("the signature is not the provider's"),
            Self::Stale => f.write_str("what was signed is too old, or of the future"),
            Self::Misconfigured { setting } => write!(f, "the webhook's {setting} is missing or cannot be read"),
            Self::Malformed { line: 0, .. } => f.write_str("the body has another shape than the provider's"),
            Self::Malformed { line, column } => write!(f, "the body is not JSON at line {line} column {column}"),
            Self::NotSupported => f.write_str("this provider has no such interface"),
        }
    }
}

impl core::error::Error for WebhookError {}

/// Verifies a webhook request and reads its events.
///
/// `certificate` is the one asked for by [`Received::NeedsCertificate`], or one kept from before.
///
/// # Errors
/// [`WebhookError`]; nothing of the request was believed.
pub fn receive(
    kind: ProviderKind,
    trust: &Trust,
    incoming: &Incoming<'_>,
    certificate: Option<Certificate<'_>>,
    now: UnixMillis,
) -> Result<Received, WebhookError> {
    let events = match kind {
        ProviderKind::Ses => return sns::receive(trust, incoming, certificate, now),
        ProviderKind::Sendgrid => {
            sendgrid::verify(trust, incoming, now)?;
            sendgrid::events(incoming.body, now)?
        }
        ProviderKind::Mailgun => mailgun::receive(trust, incoming, now)?,
        ProviderKind::Postmark => {
            shared_secret(trust, incoming)?;
            postmark::events(incoming.body, now)?
        }
        ProviderKind::Resend => {
            let id = resend::verify(trust, incoming, now)?;
            resend::events(id, incoming.body, now)?
        }
        ProviderKind::Brevo => {
            shared_secret(trust, incoming)?;
            brevo::events(incoming.body, now)?
        }
        ProviderKind::Mailersend => {
            mailersend::verify(trust, incoming)?;
            mailersend::events(incoming.body, now)?
        }
        ProviderKind::Mailtrap => {
            mailtrap::verify(trust, incoming)?;
            mailtrap::events(incoming.body, now)?
        }
        ProviderKind::Sparkpost => {
            shared_secret(trust, incoming)?;
            sparkpost::events(incoming.body, now)?
        }
        ProviderKind::Sandbox => {
            sandbox::verify(trust, incoming, now)?;
            sandbox::events(incoming.body, now)?
        }
        // Cloudflare's events come through a queue, and SMTP's as mail.
        ProviderKind::Cloudflare | ProviderKind::CloudflareBinding | ProviderKind::Smtp => {
            return Err(WebhookError::NotSupported);
        }
    };
    Ok(Received::Events(events))
}

/// Reads a message of a queue that is the account's own: the binding is what it is trusted by.
///
/// # Errors
/// [`WebhookError::Malformed`], or a provider that has no queue.
pub fn receive_queued(kind: ProviderKind, body: &[u8], now: UnixMillis) -> Result<Vec<Event>, WebhookError> {
    match kind {
        ProviderKind::Cloudflare | ProviderKind::CloudflareBinding => cloudflare::events(kind, body, now),
        ProviderKind::Sendgrid
        | ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Ses
        | ProviderKind::Resend
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => Err(WebhookError::NotSupported),
    }
}

/// Verifies and reads a mail that came in. Only mail servers hand mail over as it is.
///
/// # Errors
/// [`WebhookError`]; nothing of the mail was believed.
pub fn receive_mail(
    kind: ProviderKind,
    trust: &Trust,
    incoming: &Incoming<'_>,
    now: UnixMillis,
) -> Result<(InboundKind, Vec<Event>), WebhookError> {
    match kind {
        ProviderKind::Smtp => {
            shared_secret(trust, incoming)?;
            Ok(read_mail(incoming.body, now))
        }
        ProviderKind::Sendgrid
        | ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Ses
        | ProviderKind::Resend
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => Err(WebhookError::NotSupported),
    }
}

/// For providers that sign nothing: a header of the account's choice, or Basic authentication.
pub(super) fn shared_secret(trust: &Trust, incoming: &Incoming<'_>) -> Result<(), WebhookError> {
    let name = trust.header.as_deref().unwrap_or("authorization");
    let given = incoming.header(name).ok_or(WebhookError::Unsigned)?;
    let is_right = |secret: &String| match trust.header {
        Some(_) => proof::same(given, secret),
        None => proof::is_basic(given, secret),
    };
    any_secret(trust, is_right)
}

/// Whether one of the account's secrets fits.
pub(super) fn any_secret(trust: &Trust, fits: impl Fn(&String) -> bool) -> Result<(), WebhookError> {
    if trust.secrets.is_empty() {
        return Err(WebhookError::Misconfigured { setting: "secret" });
    }
    if trust.secrets.iter().any(fits) { Ok(()) } else { Err(WebhookError::WrongSignature) }
}

/// Whether a signed instant is near enough, in both directions.
pub(super) fn fresh(signed: UnixMillis, tolerance_ms: u64, now: UnixMillis) -> Result<(), WebhookError> {
    let distance = now.since(signed).max(signed.since(now));
    if distance <= tolerance_ms { Ok(()) } else { Err(WebhookError::Stale) }
}

/// An HTTPS URL as its host and its path with the query; `None` for any other URL, and for one with a port, a user or a
/// character that a browser would read as another.
pub(super) fn https_parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://")?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    (!host.is_empty() && !host.contains(['@', ':'])).then_some((host, path))
}
