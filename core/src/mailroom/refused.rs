//! Recipients that a provider refused alone.
//!
//! *For good*: noted with the message and counted in the trace; it is not sent to them again. The bounce table says what that
//! means for the address: where there is no such mailbox it goes on the suppression list, a full one counts like a soft
//! bounce, and a rule against the message is no evidence at all. One that the provider keeps on its own list is an echo of
//! something that was heard before, and no evidence either.
//!
//! *For now, while it took the message for others*: those are noted as taken, and the message goes on for the rest alone.
//! It stays with its provider, whose receivers may know this mail by where it came from.
//!
//! Units of those that a taken message was refused for stay used, as the provider was asked for them; where nobody was taken
//! they are given back.

use super::{
    Attempt, Item, Mailroom, Status,
    letter::{key_of, unreadable},
    settle::give_back_or_keep_in,
    store,
    trace::{Line, REFUSED_FOR_NOW, StoredRecipient, stored_recipients},
};
use crate::{
    config::SuppressionMode,
    event::journal,
    id::MessageId,
    ledger::Ledger,
    outcome::{Answer, Outcome, Refused, RefusedReason},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// Who is left after an answer.
pub(super) struct Sorted {
    /// Recipients to whom the message goes again, because it was taken for the others only.
    pub(super) waiting: u64,
    /// The ledger was changed.
    pub(super) closed: bool,
}

impl Mailroom {
    /// Notes what an answer says of single recipients, and leaves with the message those who are still due.
    pub(super) fn sort_out(
        &self,
        item: &mut Item,
        answer: &Answer,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Sorted, SqlError> {
        let is_taken = matches!(answer.outcome, Outcome::Accepted { .. });
        if answer.refused.is_empty() && !(is_taken && item.partly_taken) {
            return Ok(Sorted { waiting: 0, closed: false });
        }
        let stored = store::recipients(item.attempt.message, sql)?;
        let mut recipients: Vec<StoredRecipient<'_>> = stored_recipients(&stored)?;
        let noted = self.note_refused(&mut recipients, answer, sql, now)?;
        let waits = |one: &StoredRecipient<'_>| one.is_due() && one.refused.is_some();
        let is_parted = is_taken && (item.partly_taken || recipients.iter().any(waits));
        if is_parted {
            note_taken(&mut recipients, answer, item.attempt.number);
        }
        let due = recipients.iter().filter(|recipient| recipient.is_due()).count();
        let left = u64::try_from(due).unwrap_or(u64::MAX);
        let text = serde_json::to_string(&recipients).map_err(unreadable)?;
        let line = refused_line(item.attempt, noted, now);
        let waiting = if is_parted { left } else { 0 };
        let goes_on = waiting > 0 || (!is_taken && left > 0);
        let settled = item.units.saturating_sub(left);
        if !goes_on || settled == 0 {
            store::note_recipients(item.attempt.message, &text, line.as_deref(), sql)?;
            return Ok(Sorted { waiting, closed: false });
        }
        store::set_recipients(item.attempt.message, left, &text, line.as_deref(), sql)?;
        give_back_or_keep_in(&item.reservation, settled, is_taken, ledger, now)?;
        item.units = left;
        item.partly_taken |= is_parted;
        item.weight = self.weigh_stored(item.weight.class, &text)?;
        Ok(Sorted { waiting, closed: true })
    }

    /// Notes who was refused, and what that says of their addresses; returns how many they are.
    fn note_refused(
        &self,
        recipients: &mut [StoredRecipient<'_>],
        answer: &Answer,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<u64, SqlError> {
        let mut noted: u64 = 0;
        for recipient in recipients.iter_mut().filter(|recipient| recipient.is_due()) {
            let Some(refused) = answer.refused.iter().find(|refused| is_of(refused, &recipient.address)) else {
                continue;
            };
            note(recipient, refused.reason);
            noted = noted.saturating_add(1);
            self.learn_of(&recipient.address, refused, sql, now)?;
        }
        Ok(noted)
    }

    /// What a refusal for good means for its address.
    fn learn_of(&self, address: &str, refused: &Refused, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        match refused.bounce.filter(|_| refused.reason == RefusedReason::Permanent) {
            Some(bounce) if self.suppression == SuppressionMode::Checked => {
                journal::refused(&key_of(address), &bounce, &self.soft_bounces, sql, now).map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Notes those of whom an answer says nothing: they were taken.
fn note_taken(recipients: &mut [StoredRecipient<'_>], answer: &Answer, attempt: u32) {
    let is_refused = |one: &StoredRecipient<'_>| answer.refused.iter().any(|refused| is_of(refused, &one.address));
    for recipient in recipients.iter_mut().filter(|one| one.is_due() && !is_refused(one)) {
        recipient.taken_at_attempt = Some(attempt);
        recipient.refused = None;
    }
}

/// Ends a message that was taken for some of its recipients: those who are left end as `status`.
pub(super) fn leave(id: MessageId, status: Status, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let stored = store::recipients(id, sql)?;
    let mut recipients: Vec<StoredRecipient<'_>> = stored_recipients(&stored)?;
    for recipient in recipients.iter_mut().filter(|recipient| recipient.is_due()) {
        recipient.status = Some(Cow::Borrowed(status.word()));
    }
    let text = serde_json::to_string(&recipients).map_err(unreadable)?;
    store::note_recipients(id, &text, None, sql)
}

/// The status of a message whose last attempt ended like this, when some of its recipients were taken before.
pub(super) const fn status_of_parted(status: Status) -> Status {
    match status {
        Status::Failed | Status::Suppressed | Status::Expired | Status::Cancelled => Status::Sent,
        Status::Queued
        | Status::Deferred
        | Status::Held
        | Status::Sending
        | Status::Sent
        | Status::Delivered
        | Status::Bounced
        | Status::Complained
        | Status::Unknown => status,
    }
}

fn refused_line(attempt: Attempt, noted: u64, now: UnixMillis) -> Option<String> {
    if noted == 0 {
        return None;
    }
    let mut line = Line::new("recipients_refused", now);
    line.attempt = Some(attempt.number);
    line.recipients = Some(noted);
    Some(line.to_text())
}

/// Providers print an address as it came, or in lower case.
fn is_of(refused: &Refused, address: &str) -> bool {
    refused.address.eq_ignore_ascii_case(address) || key_of(&refused.address) == key_of(address)
}

/// Writes a refusal down. Where it leaves the recipient a later report may tell more of; who is refused for now waits.
fn note(recipient: &mut StoredRecipient<'_>, reason: RefusedReason) {
    let (word, status) = match reason {
        RefusedReason::Suppressed => ("suppressed", Some(Status::Suppressed)),
        RefusedReason::Permanent => ("permanent", Some(Status::Failed)),
        RefusedReason::Transient => (REFUSED_FOR_NOW, None),
    };
    recipient.refused = Some(Cow::Borrowed(word));
    if let Some(status) = status {
        recipient.status = Some(Cow::Borrowed(status.word()));
    }
}
