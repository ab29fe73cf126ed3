//! What to do now.

use super::{
    Attempt, Effect, Flight, MAX_IN_FLIGHT, Mailroom, RecipientKind, Status,
    store::{self, DueRow, Move},
    trace::{Line, StoredRecipient},
};
use crate::{
    address::Mailbox,
    config::SuppressionMode,
    id::MessageId,
    ledger::{Ledger, Reservation},
    message::{Class, Message},
    provider::{self, Dispatch, Target},
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

impl Mailroom {
    /// What to do now. A host asks again after every answer other than `Idle`, and carries out what it is told.
    ///
    /// A message whose time is over, or whose last recipient was suppressed since it was accepted, ends here.
    ///
    /// # Errors
    /// The store's; the host then rolls back and opens the Mailroom anew.
    pub fn next(&mut self, ledger: &mut Ledger, sql: &mut dyn Sql, now: UnixMillis) -> Result<Effect, SqlError> {
        if !self.may_send || self.in_flight.len() >= MAX_IN_FLIGHT {
            return Ok(Effect::Idle);
        }
        loop {
            let Some(due) = self.queue.next_due() else { return Ok(Effect::Idle) };
            if due > now {
                return Ok(Effect::Wait { until: due });
            }
            match self.provider.admits(self.in_flight.len(), now) {
                Ok(()) => {}
                Err(Some(until)) => return Ok(Effect::Wait { until }),
                Err(None) => return Ok(Effect::Idle),
            }
            let Some((class, id)) = self.queue.pop(now) else { return Ok(Effect::Idle) };
            if let Some(effect) = self.start(class, id, ledger, sql, now)? {
                return Ok(effect);
            }
        }
    }

    /// Starts an attempt; `None` when the message ended instead.
    fn start(
        &mut self,
        class: Class,
        id: MessageId,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Effect>, SqlError> {
        let mut row = store::load(id, sql)?;
        if row.expires.is_some_and(|expires| expires <= now) {
            end(id, &row, Status::Expired, "expired", None, sql, now)?;
            return release(&row, row.units, ledger, sql, now).map(|()| None);
        }
        let Ok(message) = Message::parse(&row.body) else {
            return Err(SqlError("a stored message cannot be read".into()));
        };
        self.final_check(id, &mut row, ledger, sql, now)?;
        if row.units == 0 {
            end(id, &row, Status::Suppressed, "suppressed", None, sql, now)?;
            return Ok(None);
        }
        let suppressed = suppressed(&row.recipients)?;
        let message_id = id.to_string();
        let built = self.build(&message_id, &message, &suppressed);
        let Ok(request) = built else {
            // The same check ran at acceptance: this is a limit that became stricter since.
            end(id, &row, Status::Failed, "unsupported", Some("unsupported_feature"), sql, now)?;
            return release(&row, row.units, ledger, sql, now).map(|()| None);
        };
        let attempts = row.attempts.saturating_add(1);
        let mut line = Line::new("attempt", now);
        line.attempt = Some(attempts);
        line.provider = Some(Cow::Borrowed(&self.provider.name));
        store::mark(id, attempts, &self.provider.name, &line.to_text(), sql)?;
        let attempt = Attempt { message: id, number: attempts };
        let DueRow { failures, units, reservation, expires, .. } = row;
        self.in_flight.insert(attempt, Flight { attempt, class, failures, units, reservation, expires });
        Ok(Some(Effect::Send { attempt, request, timeout_ms: self.provider.timeout_ms }))
    }

    /// Looks every recipient up once more. Who was suppressed since acceptance gives its unit back.
    fn final_check(
        &self,
        id: MessageId,
        row: &mut DueRow,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        if self.suppression == SuppressionMode::Ignored {
            return Ok(());
        }
        let mut recipients: Vec<StoredRecipient<'_>> = serde_json::from_str(&row.recipients).map_err(unreadable)?;
        let keys: Vec<String> = recipients.iter().map(|recipient| key_of(&recipient.address)).collect();
        let found = suppression::check(&keys.iter().map(String::as_str).collect(), sql)?;
        let mut newly: u64 = 0;
        for (recipient, key) in recipients.iter_mut().zip(&keys) {
            if let (None, Some(reason)) = (&recipient.suppressed, found.get(key)) {
                recipient.suppressed = Some(Cow::Borrowed("final"));
                recipient.reason = Some(Cow::Owned(reason.clone()));
                newly = newly.saturating_add(1);
            }
        }
        if newly == 0 {
            return Ok(());
        }
        let left = row.units.saturating_sub(newly);
        let text = serde_json::to_string(&recipients).map_err(unreadable)?;
        let mut line = Line::new("suppressed_final", now);
        line.recipients = Some(newly);
        store::set_recipients(id, left, &text, &line.to_text(), sql)?;
        release(row, newly, ledger, sql, now)?;
        row.units = left;
        row.recipients = text;
        Ok(())
    }

    fn build(
        &self,
        message_id: &str,
        message: &Message,
        suppressed: &BTreeSet<(RecipientKind, String)>,
    ) -> Result<crate::http::HttpRequest, provider::BuildError> {
        let to = keep(RecipientKind::To, &message.to, suppressed);
        let cc = keep(RecipientKind::Cc, &message.cc, suppressed);
        let bcc = keep(RecipientKind::Bcc, &message.bcc, suppressed);
        let target = Target { base_url: &self.provider.base_url, credential: &self.provider.credential };
        let dispatch = Dispatch { message_id, message, to: &to, cc: &cc, bcc: &bcc };
        provider::build(self.provider.kind, &target, &dispatch)
    }
}

/// The mailboxes of a line that are not suppressed.
fn keep<'a>(
    kind: RecipientKind,
    mailboxes: &'a [Mailbox],
    suppressed: &BTreeSet<(RecipientKind, String)>,
) -> Vec<&'a Mailbox> {
    mailboxes.iter().filter(|mailbox| !suppressed.contains(&(kind, mailbox.address.as_str().into()))).collect()
}

/// Gives units back to the ledger and stores it.
pub(super) fn release(
    row: &DueRow,
    units: u64,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let Some(reservation) = Reservation::parse(&row.reservation) else {
        return Err(SqlError("a stored reservation cannot be read".into()));
    };
    ledger.release(&reservation, units, now);
    crate::gate::store_ledger(ledger, sql)
}

fn end(
    id: MessageId,
    row: &DueRow,
    status: Status,
    event: &str,
    error: Option<&str>,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let error = error.map(|code| alloc::format!(r#"{{"code":"{code}"}}"#));
    let line = Line::new(event, now).to_text();
    let to = Move {
        status,
        due: now,
        failures: row.failures,
        provider_message_id: None,
        error: error.as_deref(),
        line: &line,
    };
    store::advance(id, &to, sql)
}

fn suppressed(recipients: &str) -> Result<BTreeSet<(RecipientKind, String)>, SqlError> {
    let recipients: Vec<StoredRecipient<'_>> = serde_json::from_str(recipients).map_err(unreadable)?;
    Ok(recipients
        .into_iter()
        .filter(|recipient| recipient.suppressed.is_some())
        .map(|recipient| (recipient.kind, recipient.address.into_owned()))
        .collect())
}

/// The suppression key of a stored address, which was parsed when it was accepted.
fn key_of(address: &str) -> String {
    crate::address::Address::parse(address).map_or_else(|_| address.into(), |address| address.key())
}

fn unreadable(error: serde_json::Error) -> SqlError {
    SqlError(alloc::format!("stored recipients cannot be read: {error}"))
}
