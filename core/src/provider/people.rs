//! Mailboxes as JSON objects of a name and an address.

use crate::{address::Mailbox, message::Message, wire::Each};
use serde::Serialize;

/// `{"email", "name"}`, the form that most providers take.
#[derive(Serialize)]
pub(super) struct Person<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> Person<'a> {
    pub(super) fn of(mailbox: &'a Mailbox) -> Self {
        Self { email: mailbox.address.as_str(), name: mailbox.name.as_deref() }
    }
}

/// Several of them.
pub(super) type People<'a> = Each<'a, &'a Mailbox, Person<'a>>;

/// The list of a dispatch.
pub(super) fn people<'a>(mailboxes: &'a [&'a Mailbox]) -> People<'a> {
    Each(mailboxes, |mailbox| Person::of(mailbox))
}

/// Whether a message names a header field twice: providers that take an object of fields cannot.
pub(super) fn repeats_header(message: &Message) -> bool {
    let mut seen = alloc::collections::BTreeSet::new();
    !message.headers.iter().all(|(name, _)| seen.insert(name.to_ascii_lowercase()))
}

/// What Sendgate's own id takes of a provider's room for metadata: `,"sendgate_id":"msg_"` and 26 characters, rounded up.
pub(super) const ID_BYTES: usize = 48;
