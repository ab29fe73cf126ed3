//! What makes mail fail, or land among spam, before it is sent; and what of a configuration cannot be meant.
//!
//! A [`Finding`] is never a refusal: [`Message::parse`] and [`Config`](crate::config::Config) refuse what cannot be. Each names a
//! field, says what to do in a sentence without a value of the message, and where the rule comes from. An `error` will be
//! refused by the provider, or by receivers that say so; a `warning` costs reputation or surprises; a `note` is worth a
//! look.
//!
//! Out of scope: words in a text ("spam scores" of phrases have no source), and what only DNS can tell
//! ([`crate::domain`]).

mod account;
mod attachments;
mod message;

pub use account::{account, ramp};
pub use message::{faults, message, text};

use crate::message::Message;
use alloc::{string::String, vec::Vec};

/// One thing that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// A stable word, one of [`CODES`].
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The path of the field.
    pub field: String,
    /// What is wrong and what to do; never an address, a body or a key.
    pub detail: String,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look.
    Note,
    /// It costs reputation, or surprises.
    Warning,
    /// It will be refused.
    Error,
}

impl Severity {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Every code a [`Finding`] can have, beside [`crate::message::CODES`] for what reading a message refuses.
pub const CODES: [&str; 25] = [
    "attachment_blocked",
    "from_domain_unlisted",
    "from_domain_pending",
    "header_line_too_long",
    "html_without_text",
    "inactive_contact_rule",
    "inline_image_unused",
    "insecure_unsubscribe",
    "limit_never_binds",
    "limit_over_profile",
    "line_too_long",
    "many_recipients_shown",
    "missing_one_click",
    "missing_postal_address",
    "missing_unsubscribe",
    "no_postal_address_configured",
    "old_figures",
    "ramp_invalid",
    "rate_outside_usual",
    "reply_to_unreachable",
    "size_over_provider",
    "subject_empty",
    "subject_line_long",
    "unknown_plan_limit",
    "unsupported_feature",
];

/// Findings of one question, gathered.
#[derive(Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        field: impl Into<String>,
        detail: impl Into<String>,
        source: &'static str,
    ) {
        self.0.push(Finding { code, severity, field: field.into(), detail: detail.into(), source });
    }

    /// The gravest first, and of equals in the order in which they were found.
    fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
        self.0
    }
}

/// Whether it is mail to many: the guides and laws on unsubscribing are about that.
const fn is_to_many(message: &Message) -> bool {
    matches!(message.class, crate::message::Class::Drip | crate::message::Class::Bulk)
}
