//! What to do now.

use super::{
    Attempt, Effect, Flight, MAX_IN_FLIGHT, Mailroom, RecipientKind, Status,
    queue::Head,
    settle::give_back_or_keep,
    store::{self, DueRow, Move},
    trace::{Line, StoredRecipient, stored_recipients},
};
use crate::{
    address::Mailbox,
    config::{AccountStatus, OnUnknown, SuppressionMode},
    gate::{Binding, Hurdle, Reason, Verdict},
    id::MessageId,
    ledger::Ledger,
    message::Message,
    provider::{self, BuildError, Dispatch},
    sql::{Sql, SqlError},
    suppression,
    time::UnixMillis,
    transport::Call,
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
        if self.expire(ledger, sql, now)? {
            return Ok(Effect::Wait { until: now });
        }
        if self.in_flight.len() >= MAX_IN_FLIGHT || self.queue.is_empty() {
            return Ok(Effect::Idle);
        }
        if self.dispatch.follow(now) {
            // What was shut was shut until an instant of the clock before.
            self.queue.reopen_all();
            self.limited_until = None;
        }
        let mut held = 0;
        while held < ENDED_PER_CALL {
            let Some(head) = self.queue.head(now) else { return Ok(self.nothing_due(now)) };
            if self.provider.blocked_until > now {
                return Ok(self.limited(Some(self.provider.blocked_until)));
            }
            let Some(weight) = self.queue.weight(&head) else { return Ok(Effect::Idle) };
            let stopped = match self.dispatch.peek(weight, now) {
                Verdict::Allow if self.queue.step_back(&head) => None,
                Verdict::Allow => self.start(&head, ledger, sql, now)?,
                Verdict::Defer { retry_at, binding } => self.stand_aside(&head, binding, retry_at),
                Verdict::Occupied { binding } => self.stand_aside(&head, binding, UnixMillis::MAX),
                Verdict::Reject(Reason::NeverFits(_)) => {
                    held += 1;
                    self.hold(&head, sql, now)?;
                    None
                }
                // Whoever reactivates the account does not tell its object.
                Verdict::Reject(Reason::Suspended | Reason::Closed) => {
                    Some(Effect::Wait { until: now.plus(SUSPENDED_WAIT_MS) })
                }
            };
            if let Some(effect) = stopped {
                return Ok(effect);
            }
        }
        Ok(Effect::Wait { until: now })
    }

    /// A message that may not leave lets those pass that the same window does not stop; if it stops all, that is the
    /// effect.
    fn stand_aside(&mut self, head: &Head, binding: Binding, until: UnixMillis) -> Option<Effect> {
        match self.dispatch.hurdle(binding) {
            Hurdle::All => return Some(self.limited((until < UnixMillis::MAX).then_some(until))),
            Hurdle::Class => self.queue.shut_class(head.class, until),
            Hurdle::Group(place) => self.queue.shut_lane(head, place, until),
        }
        None
    }

    /// Nothing is due, or what is due waits for an answer.
    fn nothing_due(&self, now: UnixMillis) -> Effect {
        match self.queue.next_at() {
            Some(_) if self.dispatch.status() != AccountStatus::Active => {
                Effect::Wait { until: now.plus(SUSPENDED_WAIT_MS) }
            }
            Some(until) if until < UnixMillis::MAX => Effect::Wait { until },
            Some(_) | None => Effect::Idle,
        }
    }

    /// Nothing at all may leave before an instant, or before an answer.
    fn limited(&mut self, until: Option<UnixMillis>) -> Effect {
        self.limited_until = until;
        until.map_or(Effect::Idle, |until| Effect::Wait { until })
    }

    /// A window was made so narrow, after the message was accepted, that it can never pass. It is its owner's to mend:
    /// the message is kept and looked at again later.
    fn hold(&mut self, head: &Head, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        let Some(weight) = self.queue.take(head) else { return Ok(()) };
        let row = store::load(head.id, sql)?;
        let until = now.plus(self.hold_ms);
        let due = row.expires.map_or(until, |expires| expires.min(until));
        let error = alloc::format!(r#"{{"code":"never_fits","attempts":{},"retry_at":"{due}"}}"#, row.attempts);
        let mut line = Line::new("never_fits", now);
        line.retry_at_ms = Some(due.as_millis());
        let to = Move {
            status: Status::Held,
            due,
            failures: row.failures,
            ambiguous: row.ambiguous,
            provider_message_id: None,
            error: Some(&error),
            line: &line.to_text(),
        };
        store::advance(head.id, &to, sql)?;
        self.queue.push(weight, due, row.expires, head.id);
        Ok(())
    }

    /// Ends the messages whose time is over, whatever keeps them waiting. `true` when more are left for the next call.
    fn expire(&mut self, ledger: &mut Ledger, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
        for _ in 0..ENDED_PER_CALL {
            let Some(id) = self.queue.pop_expired(now) else { return Ok(false) };
            let row = store::load(id, sql)?;
            end(id, &row, Status::Expired, "expired", None, ledger, sql, now)?;
        }
        Ok(true)
    }

    /// Starts an attempt; `None` when the message ended instead.
    fn start(
        &mut self,
        head: &Head,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Effect>, SqlError> {
        let Some(mut weight) = self.queue.take(head) else { return Ok(None) };
        let id = head.id;
        let row = store::load(id, sql)?;
        if self.must_not_repeat(&row, now) {
            let error = Some("outcome_unknown");
            return end(id, &row, Status::Unknown, "unknown", error, ledger, sql, now).map(|()| None);
        }
        let Ok(message) = Message::parse(&row.body) else {
            // Accepted under older rules. It ends by itself: it must not stop what waits behind it.
            let error = Some("stored_message_unreadable");
            return end(id, &row, Status::Failed, "refused", error, ledger, sql, now).map(|()| None);
        };
        let Some(row) = self.final_check(id, row, &message, ledger, sql, now)? else { return Ok(None) };
        let suppressed = suppressed(&row.recipients)?;
        let call = match self.build(&id.to_string(), &message, &suppressed, now) {
            Ok(call) => call,
            // Nobody is left in `to`: a message to its copies alone would say something else than was asked for.
            Err(BuildError::NoRecipient) => {
                return end(id, &row, Status::Suppressed, "no_recipient_left", None, ledger, sql, now).map(|()| None);
            }
            // The same check ran at acceptance: a limit has become stricter since.
            Err(error) => {
                return end(id, &row, Status::Failed, "refused", Some(error.code()), ledger, sql, now).map(|()| None);
            }
        };
        if row.units != u64::from(weight.recipients) {
            weight = self.weigh_stored(head.class, &row.recipients)?;
        }
        let number = row.attempts.saturating_add(1);
        let mut line = Line::new("attempt", now);
        line.attempt = Some(number);
        line.provider = Some(Cow::Borrowed(&self.provider.name));
        store::mark(id, number, &self.provider.name, &line.to_text(), sql, now)?;
        let attempt = Attempt { message: id, number };
        let DueRow { failures, ambiguous, units, reservation, expires, .. } = row;
        self.dispatch.hold(&weight, now);
        let flight = Flight { attempt, began: now, weight, failures, ambiguous, units, reservation, expires };
        self.in_flight.insert(attempt, flight);
        Ok(Some(Effect::Send { attempt, call, timeout_ms: self.provider.timeout_ms }))
    }

    /// Whether an earlier attempt may have been taken, and this one could not be told from it: the provider has no
    /// idempotency keys, is another one than then, or has forgotten the key by now.
    fn must_not_repeat(&self, row: &DueRow, now: UnixMillis) -> bool {
        let Some(first) = row.ambiguous else { return false };
        let told_apart = row.provider.as_deref() == Some(&*self.provider.name)
            && provider::idempotency_ms(self.provider.kind).is_some_and(|kept| now.since(first) < kept);
        !told_apart && self.on_unknown == OnUnknown::Stop
    }

    /// Looks every recipient up once more. Who was suppressed since acceptance gives its unit back; `None` when that ended
    /// the message.
    fn final_check(
        &self,
        id: MessageId,
        mut row: DueRow,
        message: &Message,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<DueRow>, SqlError> {
        if self.suppression == SuppressionMode::Ignored {
            return Ok(Some(row));
        }
        let (newly, recipients) = newly_suppressed(&row.recipients, message, sql, now)?;
        if newly == 0 {
            return Ok(Some(row));
        }
        if row.ambiguous.is_some() {
            // An earlier attempt may have been taken. Another body under the same key would be refused, and a new key could
            // send twice: it ends here, and its units stay used.
            end(id, &row, Status::Unknown, "suppressed_final", Some("outcome_unknown"), ledger, sql, now)?;
            return Ok(None);
        }
        let left = row.units.saturating_sub(newly);
        let mut line = Line::new("suppressed_final", now);
        line.recipients = Some(newly);
        store::set_recipients(id, left, &recipients, &line.to_text(), sql)?;
        give_back_or_keep(&row.reservation, newly, false, ledger, sql, now)?;
        row.units = left;
        row.recipients = recipients;
        if left == 0 {
            end(id, &row, Status::Suppressed, "suppressed", None, ledger, sql, now)?;
            return Ok(None);
        }
        Ok(Some(row))
    }

    fn build(
        &self,
        message_id: &str,
        message: &Message,
        suppressed: &BTreeSet<(RecipientKind, String)>,
        now: UnixMillis,
    ) -> Result<Call, BuildError> {
        let to = keep(RecipientKind::To, &message.to, suppressed);
        let cc = keep(RecipientKind::Cc, &message.cc, suppressed);
        let bcc = keep(RecipientKind::Bcc, &message.bcc, suppressed);
        let target = self.provider.target();
        let dispatch = Dispatch { message_id, message, to: &to, cc: &cc, bcc: &bcc };
        provider::build(self.provider.kind, &target, &dispatch, now)
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

/// How many recipients were suppressed since acceptance, and the recipients with that written in.
fn newly_suppressed(
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
        if let (None, Some(reason)) = (&recipient.suppressed, found.reason(key, domain, message.class)) {
            recipient.suppressed = Some(Cow::Borrowed("final"));
            recipient.reason = Some(Cow::Owned(reason.into()));
            newly = newly.saturating_add(1);
        }
    }
    Ok((newly, serde_json::to_string(&recipients).map_err(unreadable)?))
}

/// Ends a message before an attempt. When an earlier attempt may have been taken it ends as unknown and its units stay used,
/// whatever ends it; else they are given back.
#[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
fn end(
    id: MessageId,
    row: &DueRow,
    status: Status,
    event: &str,
    error: Option<&str>,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let taken = row.ambiguous.is_some();
    let (status, error) = if taken { (Status::Unknown, Some("outcome_unknown")) } else { (status, error) };
    let error = error.map(|code| alloc::format!(r#"{{"code":"{code}","attempts":{}}}"#, row.attempts));
    let line = Line::new(event, now).to_text();
    let to = Move {
        status,
        due: now,
        failures: row.failures,
        ambiguous: row.ambiguous,
        provider_message_id: None,
        error: error.as_deref(),
        line: &line,
    };
    store::advance(id, &to, sql)?;
    give_back_or_keep(&row.reservation, row.units, taken, ledger, sql, now)
}

fn suppressed(recipients: &str) -> Result<BTreeSet<(RecipientKind, String)>, SqlError> {
    Ok(stored_recipients(recipients)?
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

/// How often a suspended account with waiting mail is looked at.
const SUSPENDED_WAIT_MS: u64 = 3_600_000;
/// Messages that end in one transaction: a Worker's CPU time is bounded.
const ENDED_PER_CALL: usize = 200;
