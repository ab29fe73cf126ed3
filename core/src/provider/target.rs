//! What a call is built from: where it goes, and what of a message goes there.

use crate::{address::Mailbox, message::Message, time::UnixMillis};
use alloc::vec::Vec;
use core::fmt;

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
    pub(super) fn recipient_count(&self) -> usize {
        self.to.len().saturating_add(self.cc.len()).saturating_add(self.bcc.len())
    }
}
