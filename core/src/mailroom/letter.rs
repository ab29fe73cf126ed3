//! A message that is ready to leave: read, checked, and without whoever is suppressed.

use super::{
    Attempt, Item, RecipientKind,
    queue::{Entry, Route},
    store::DueRow,
    trace::{StoredRecipient, is_partly_taken, stored_recipients},
};
use crate::{
    address::Mailbox,
    gate::Weight,
    id::MessageId,
    message::Message,
    provider::Dispatch,
    sql::{Sql, SqlError},
    suppression,
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};

/// A message that is ready to leave.
pub(super) struct Letter {
    pub(super) id: MessageId,
    text_id: String,
    pub(super) due: UnixMillis,
    pub(super) row: DueRow,
    message: Message,
    suppressed: BTreeSet<(RecipientKind, String)>,
    /// Who is neither suppressed nor to be sent to: the provider took it for them, or refused them for good.
    settled: BTreeSet<(RecipientKind, String)>,
    pub(super) weight: Weight,
    route: Route,
    /// Of its stored text.
    pub(super) bytes: usize,
}

/// Who a letter is for.
pub(super) struct Lines<'a> {
    letter: &'a Letter,
    to: Vec<&'a Mailbox>,
    cc: Vec<&'a Mailbox>,
    bcc: Vec<&'a Mailbox>,
}

impl Letter {
    pub(super) fn new(
        id: MessageId,
        due: UnixMillis,
        row: DueRow,
        message: Message,
        (weight, route): (Weight, Route),
        bytes: usize,
    ) -> Result<Self, SqlError> {
        let (mut suppressed, mut settled) = (BTreeSet::new(), BTreeSet::new());
        for recipient in stored_recipients(&row.recipients)?.into_iter().filter(|recipient| !recipient.is_due()) {
            let set = if recipient.suppressed.is_some() { &mut suppressed } else { &mut settled };
            set.insert((recipient.kind, recipient.address.into_owned()));
        }
        Ok(Self { id, text_id: id.to_string(), due, row, message, suppressed, settled, weight, route, bytes })
    }

    /// Whether nobody is left in `to`.
    pub(super) fn is_for_nobody(&self) -> bool {
        let is_kept = |mailbox: &Mailbox| self.keeps(RecipientKind::To, mailbox);
        !self.message.to.iter().any(is_kept)
    }

    /// Whom it is for: the due ones, or all that its lines name, where the call says apart from them whom it goes to.
    pub(super) fn lines(&self, with_settled: bool) -> Lines<'_> {
        let message = &self.message;
        let has = |kind, mailbox: &Mailbox| {
            self.keeps(kind, mailbox) && (with_settled || !is_in(&self.settled, kind, mailbox.address.as_str()))
        };
        Lines {
            letter: self,
            to: message.to.iter().filter(|mailbox| has(RecipientKind::To, mailbox)).collect(),
            cc: message.cc.iter().filter(|mailbox| has(RecipientKind::Cc, mailbox)).collect(),
            bcc: message.bcc.iter().filter(|mailbox| has(RecipientKind::Bcc, mailbox)).collect(),
        }
    }

    /// Whether it is settled what became of it for this address.
    pub(super) fn is_settled(&self, address: &str) -> bool {
        RecipientKind::ALL.into_iter().any(|kind| is_in(&self.settled, kind, address))
    }

    /// Back into the queue as it came out.
    pub(super) fn into_entry(self) -> (Entry, UnixMillis, MessageId) {
        let entry = Entry { route: self.route, ..Entry::new(self.weight, self.row.expires) };
        (entry, self.due, self.id)
    }

    /// What is kept of it while its call is on its way.
    pub(super) fn into_item(self, number: u32) -> Item {
        let DueRow { failures, ambiguous, units, reservation, expires, recipients, .. } = self.row;
        let attempt = Attempt { message: self.id, number };
        let Self { weight, route, .. } = self;
        let partly_taken = is_partly_taken(&recipients);
        Item { attempt, weight, route, failures, ambiguous, units, reservation, expires, partly_taken }
    }

    fn keeps(&self, kind: RecipientKind, mailbox: &Mailbox) -> bool {
        !is_in(&self.suppressed, kind, mailbox.address.as_str())
    }
}

impl Lines<'_> {
    pub(super) fn dispatch(&self) -> Dispatch<'_> {
        let Letter { text_id, message, .. } = self.letter;
        Dispatch { message_id: text_id, message, to: &self.to, cc: &self.cc, bcc: &self.bcc }
    }
}

/// How many recipients were suppressed since acceptance, and the recipients with that written in.
pub(super) fn newly_suppressed(
    stored: &str,
    message: &Message,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(u64, String), SqlError> {
    let mut recipients: Vec<StoredRecipient<'_>> = stored_recipients(stored)?;
    let keys: Vec<String> = recipients.iter().map(|recipient| key_of(&recipient.address)).collect();
    let found = suppression::check(&keys.iter().map(String::as_str).collect(), sql, now)?;
    let domain = message.from.address.domain();
    let mut newly: u64 = 0;
    for (recipient, key) in recipients.iter_mut().zip(&keys) {
        if let Some(reason) = found.reason(key, domain, message.class).filter(|_| recipient.is_due()) {
            recipient.suppressed = Some(Cow::Borrowed("final"));
            recipient.reason = Some(Cow::Owned(reason.into()));
            newly = newly.saturating_add(1);
        }
    }
    Ok((newly, serde_json::to_string(&recipients).map_err(unreadable)?))
}

fn is_in(set: &BTreeSet<(RecipientKind, String)>, kind: RecipientKind, address: &str) -> bool {
    !set.is_empty() && set.contains(&(kind, address.into()))
}

/// The suppression key of a stored address, which was parsed when it was accepted.
pub(super) fn key_of(address: &str) -> String {
    crate::address::Address::parse(address).map_or_else(|_| address.into(), |address| address.key())
}

pub(super) fn unreadable(error: serde_json::Error) -> SqlError {
    SqlError(alloc::format!("stored recipients cannot be read: {error}"))
}
