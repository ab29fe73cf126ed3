//! What to do now.

use super::{
    Effect, Mailroom, Status,
    choose::Way,
    queue::Head,
    refused,
    settle::give_back_or_keep,
    store::{self, DueRow, Move},
    trace::{self, Line},
};
use crate::{
    config::AccountStatus,
    gate::{Binding, Hurdle},
    id::MessageId,
    ledger::Ledger,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use core::iter::once;

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
        if self.is_full() || self.queue.is_empty() {
            return Ok(Effect::Idle);
        }
        if self.dispatch.follow(now) {
            // What was shut was shut until an instant of the clock before.
            self.queue.reopen_all();
            self.limited_until = None;
        }
        if let Some(question) = self.question(now) {
            return Ok(question);
        }
        let mut held = 0;
        while held < ENDED_PER_CALL {
            let Some(head) = self.queue.head(now) else { return Ok(self.nothing_due(now)) };
            let Some(entry) = self.queue.entry(&head) else { return Ok(Effect::Idle) };
            let stopped = match self.way(&entry.weight, entry.route, now) {
                Way::Open(_) if self.queue.step_back(&head, now) => None,
                Way::Open(via) => self.start(&head, via, ledger, sql, now)?,
                Way::Shut { until, binding } => self.stand_aside(&head, binding, until),
                Way::Never => {
                    held += 1;
                    self.hold(&head, sql, now)?;
                    None
                }
                // Whoever reactivates the account does not tell its object.
                Way::Stopped => Some(Effect::Wait { until: now.plus(SUSPENDED_WAIT_MS) }),
            };
            if let Some(effect) = stopped {
                return Ok(effect);
            }
        }
        Ok(Effect::Wait { until: now })
    }

    /// A message that may not leave lets those pass that are not stopped by the same; if all are, that is the effect.
    fn stand_aside(&mut self, head: &Head, binding: Option<Binding>, until: UnixMillis) -> Option<Effect> {
        let weight = self.queue.entry(head).map(|entry| &entry.weight);
        let hurdle = match (binding, weight) {
            (Some(binding), Some(weight)) => self.dispatch.hurdle(weight, binding),
            (Some(_) | None, _) => Hurdle::All,
        };
        let of_provider = binding.is_none_or(|binding| self.dispatch.is_of_provider(binding));
        match hurdle {
            Hurdle::All if of_provider && self.queue.has_several_routes() => self.queue.shut_route(head.route, until),
            Hurdle::All => return Some(self.limited((until < UnixMillis::MAX).then_some(until))),
            Hurdle::Class if of_provider => self.queue.shut_line(head, until),
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
        let Some(entry) = self.queue.take(head) else { return Ok(()) };
        let until = now.plus(self.hold_ms);
        let due = entry.expires.map_or(until, |expires| expires.min(until));
        for id in once(head.id).chain(entry.others.iter().copied()) {
            let row = store::load(id, sql)?;
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
                stays_together: !entry.others.is_empty(),
            };
            store::advance(id, &to, sql)?;
        }
        self.queue.push(entry, due, head.id);
        Ok(())
    }

    /// Ends the messages whose time is over, whatever keeps them waiting. `true` when more are left for the next call.
    fn expire(&mut self, ledger: &mut Ledger, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
        for _ in 0..ENDED_PER_CALL {
            let Some((id, others)) = self.queue.pop_expired(now) else { return Ok(false) };
            // What had to go in the same call cannot go any more: those end as the first one does.
            for id in once(id).chain(others) {
                let row = store::load(id, sql)?;
                end(id, &row, Status::Expired, "expired", None, ledger, sql, now)?;
            }
        }
        Ok(true)
    }
}

/// Ends a message before an attempt. When an earlier attempt may have been taken it ends as unknown and its units stay used,
/// whatever ends it; else they are given back.
#[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
pub(super) fn end(
    id: MessageId,
    row: &DueRow,
    status: Status,
    event: &str,
    error: Option<&str>,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    end_with(id, row, status, &Line::new(event, now), error, ledger, sql, now)
}

/// The same, with a line of the caller's.
#[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
pub(super) fn end_with(
    id: MessageId,
    row: &DueRow,
    status: Status,
    line: &Line<'_>,
    error: Option<&str>,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let taken = row.ambiguous.is_some();
    let (mut status, error) = if taken { (Status::Unknown, Some("outcome_unknown")) } else { (status, error) };
    if trace::is_partly_taken(&row.recipients) {
        refused::leave(id, status, sql)?;
        status = refused::status_of_parted(status);
    }
    let error = error.map(|code| alloc::format!(r#"{{"code":"{code}","attempts":{}}}"#, row.attempts));
    let line = line.to_text();
    let to = Move {
        status,
        due: now,
        failures: row.failures,
        ambiguous: row.ambiguous,
        provider_message_id: None,
        error: error.as_deref(),
        line: &line,
        stays_together: false,
    };
    store::advance(id, &to, sql)?;
    give_back_or_keep(&row.reservation, row.units, taken, ledger, sql, now)
}

/// How often a suspended account with waiting mail is looked at.
const SUSPENDED_WAIT_MS: u64 = 3_600_000;
/// Messages that end in one transaction: a Worker's CPU time is bounded.
const ENDED_PER_CALL: usize = 200;
