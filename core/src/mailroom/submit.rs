//! Taking a message in.

use super::{
    Entry, Mailroom, Status, parts, store,
    trace::{Line, StoredRecipient},
};
use crate::{
    address::Mailbox,
    id::MessageId,
    message::{Class, Message},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Which line of the message a recipient stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientKind {
    /// `to`.
    To,
    /// `cc`.
    Cc,
    /// `bcc`.
    Bcc,
}

impl RecipientKind {
    /// Every line.
    pub const ALL: [Self; 3] = [Self::To, Self::Cc, Self::Bcc];
}

/// A recipient with what the first suppression check said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its line.
    pub kind: RecipientKind,
    /// The address as the message gives it.
    pub address: String,
    /// Its suppression key.
    pub key: String,
    /// Why it is suppressed, when it is.
    pub suppressed: Option<String>,
}

impl Recipient {
    /// Everybody a message is for, line by line; nobody is suppressed yet.
    #[must_use]
    pub fn all_of(message: &Message) -> Vec<Self> {
        let lines =
            [(RecipientKind::To, &message.to), (RecipientKind::Cc, &message.cc), (RecipientKind::Bcc, &message.bcc)];
        let one = |kind, mailbox: &Mailbox| Self {
            kind,
            address: mailbox.address.as_str().into(),
            key: mailbox.address.key(),
            suppressed: None,
        };
        lines.into_iter().flat_map(|(kind, line)| line.iter().map(move |mailbox| one(kind, mailbox))).collect()
    }
}

/// A message that was validated, checked and reserved for.
#[derive(Debug)]
pub struct Submission<'a> {
    /// Its id.
    pub id: MessageId,
    /// The message's JSON as it came; with a shared text, its recipient's.
    pub body: &'a str,
    /// The name of the text that it shares with others, as [`share`] gave it.
    pub shared: Option<&'a str>,
    /// Its class.
    pub class: Class,
    /// Not before this instant.
    pub send_at: Option<UnixMillis>,
    /// Not after this instant.
    pub expires_at: Option<UnixMillis>,
    /// What it is found by, as [`crate::mailroom`] stores it.
    pub labels: Option<&'a str>,
    /// Everybody it is for.
    pub recipients: &'a [Recipient],
    /// The reservation its units come from, as the ledger prints it.
    pub reservation: &'a str,
}

impl Submission<'_> {
    /// Recipients that reserve quota.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.recipients.iter().map(|recipient| u64::from(recipient.suppressed.is_none())).sum()
    }
}

impl Mailroom {
    /// Stores a message and queues it; returns where it is: `queued`, or `suppressed` when nobody is left.
    ///
    /// # Errors
    /// The store's.
    pub fn submit(
        &mut self,
        submission: &Submission<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Status, SqlError> {
        let units = submission.units();
        let status = if units == 0 { Status::Suppressed } else { Status::Queued };
        let due = submission.send_at.unwrap_or(now).max(now);
        let due = submission.expires_at.map_or(due, |expires| due.min(expires));
        let recipients: Vec<StoredRecipient<'_>> = submission.recipients.iter().map(stored).collect();
        let recipients = serde_json::to_string(&recipients).map_err(|e| SqlError(alloc::format!("{e}")))?;
        let row = store::NewRow { status, class: submission.class, due, units, recipients: &recipients };
        store::insert(submission, &row, &first_lines(submission, units, now), sql)?;
        if units > 0 {
            let weight = self.weigh(submission.class, submission.recipients);
            self.queue.push(Entry::new(weight, submission.expires_at), due, submission.id);
            self.limited_until = None;
        }
        Ok(status)
    }
}

/// Stores the text that the messages of a request have in common, the one with this id the first of them; returns its name
/// for their submissions. It goes with the last of them that ends.
///
/// # Errors
/// The store's.
pub(crate) fn share(first: MessageId, text: &str, sql: &mut dyn Sql) -> Result<String, SqlError> {
    let name = alloc::format!("shared:{first}");
    parts::insert(&name, text, sql)?;
    Ok(name)
}

fn stored(recipient: &Recipient) -> StoredRecipient<'_> {
    StoredRecipient {
        kind: recipient.kind,
        address: Cow::Borrowed(&recipient.address),
        suppressed: recipient.suppressed.is_some().then_some(Cow::Borrowed("pre")),
        reason: recipient.suppressed.as_deref().map(Cow::Borrowed),
        refused: None,
        taken_at_attempt: None,
        status: None,
    }
}

fn first_lines(submission: &Submission<'_>, units: u64, now: UnixMillis) -> String {
    let mut accepted = Line::new("accepted", now);
    accepted.recipients = Some(units);
    let mut text = accepted.to_text();
    let suppressed = submission.recipients.iter().filter(|recipient| recipient.suppressed.is_some()).count();
    if suppressed > 0 {
        let mut line = Line::new("suppressed_pre", now);
        line.recipients = u64::try_from(suppressed).ok();
        text.push('\n');
        text.push_str(&line.to_text());
    }
    text
}
