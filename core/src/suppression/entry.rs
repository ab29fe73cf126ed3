//! What an entry of the list says: why, for which mail, until when.

use crate::{address::Address, message::Class, time::UnixMillis};
use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why an address is suppressed. The words are few on purpose: a provider's own word is mapped to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It bounced for good: a permanent bounce at SES, `HardBounce` at Postmark, `bounces` at SendGrid and Mailgun.
    HardBounce,
    /// It bounced, and may come back: `blocks` at SendGrid, `soft_bounce` at Cloudflare. Give such an entry an end.
    SoftBounce,
    /// Its owner complained: `COMPLAINT` at SES, `SpamComplaint` at Postmark, `spam_reports` at SendGrid.
    Complaint,
    /// Its owner unsubscribed: `unsubscribes` at SendGrid and Mailgun.
    Unsubscribe,
    /// There can be no such address: `invalid_emails` at SendGrid, `BadEmailAddress` at Postmark.
    Invalid,
    /// Somebody or some rule put it there: `ManualSuppression` at Postmark, `manual` and `policy` at Cloudflare, a cleaned
    /// list, a known trap.
    Manual,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::HardBounce, Self::SoftBounce, Self::Complaint, Self::Unsubscribe, Self::Invalid, Self::Manual];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::SoftBounce => "soft_bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Invalid => "invalid",
            Self::Manual => "manual",
        }
    }

    /// The reason of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// Which mail of the account an entry stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of it. Written `account`.
    #[default]
    Account,
    /// What comes from this sending domain, lower case and in A-labels. Written `domain:shop.example`.
    Domain(String),
    /// What is of this class. Written `class:bulk`.
    Class(Class),
}

impl Scope {
    /// Reads one of the three forms; the domain in any case and alphabet.
    ///
    /// # Errors
    /// [`ScopeError`]: it is none of them, or the domain or the class is none.
    ///
    /// # Example: an unsubscription from bulk mail only
    /// ```
    /// use sendgate_core::{message::Class, suppression::Scope};
    /// assert_eq!(Scope::parse("class:bulk"), Ok(Scope::Class(Class::Bulk)));
    /// assert_eq!(Scope::parse("domain:BÜCHER.example").unwrap().to_string(), "domain:xn--bcher-kva.example");
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text == ACCOUNT {
            return Ok(Self::Account);
        }
        if let Some(domain) = text.strip_prefix(DOMAIN) {
            // An `@` would end up in the local part.
            let address = Address::parse(&format!("a@{domain}")).ok().filter(|address| address.local() == "a");
            return address.map(|address| Self::Domain(address.domain().into())).ok_or(ScopeError::Domain);
        }
        let Some(word) = text.strip_prefix(CLASS) else { return Err(ScopeError::Form) };
        Class::ALL.into_iter().find(|class| class.as_str() == word).map(Self::Class).ok_or(ScopeError::Class)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str(ACCOUNT),
            Self::Domain(domain) => write!(f, "{DOMAIN}{domain}"),
            Self::Class(class) => write!(f, "{CLASS}{}", class.as_str()),
        }
    }
}

/// Why a text is no scope. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// It is none of the three forms.
    Form,
    /// Behind `domain:` there is no domain.
    Domain,
    /// Behind `class:` there is no class.
    Class,
}

impl ScopeError {
    /// Every code there is.
    pub const CODES: [&'static str; 3] = ["scope_form", "scope_domain", "scope_class"];

    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "scope_form",
            Self::Domain => "scope_domain",
            Self::Class => "scope_class",
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("must be account, domain:<sending domain> or class:<class>"),
            Self::Domain => f.write_str("must have a domain name behind domain:"),
            Self::Class => {
                let words = Class::ALL.map(Class::as_str).join(", ");
                write!(f, "must have one of {words} behind class:")
            }
        }
    }
}

impl core::error::Error for ScopeError {}

/// An entry of the list. An address has at most one for each scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which mail it stops.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// From this instant on it stops nothing; `None` for ever.
    pub expires_at: Option<UnixMillis>,
    /// Whether it stops anything: an inactive entry is kept for its history.
    pub active: bool,
}

impl Entry {
    /// An active entry for all mail of the account, for ever.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self { scope: Scope::Account, reason, expires_at: None, active: true }
    }
}

/// What to change of an entry; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryChange {
    /// Why.
    pub reason: Option<Reason>,
    /// Until when; `Some(None)` for ever.
    pub expires_at: Option<Option<UnixMillis>>,
    /// Whether it stops anything.
    pub active: Option<bool>,
}

/// What a change of the list did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// There is an entry that was not there.
    Added,
    /// The entry says something else now.
    Updated,
    /// Everything was so already; nothing was written.
    Unchanged,
    /// There is no such entry; nothing was written.
    NotFound,
}

pub(super) const ACCOUNT: &str = "account";
pub(super) const DOMAIN: &str = "domain:";
pub(super) const CLASS: &str = "class:";
