//! What came of a request, and what follows from it.

use super::{
    Attempt, Flight, Item, Mailroom, Status,
    course::{Circumstances, Course},
    deliveries,
    queue::{Entry, Route},
    refused,
    store::{self, Move},
    told::{error_view, event_of, lines},
};
use crate::{
    ledger::{Ledger, Reservation},
    outcome::{Answer, Outcome, TransportFailure},
    provider,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Reply,
};
use alloc::vec::Vec;

impl Mailroom {
    /// Takes what came of an attempt. An attempt nobody knows is ignored: it was settled before, or by a restart.
    ///
    /// # Errors
    /// The store's; the host then rolls back and opens the Mailroom anew.
    pub fn settle(
        &mut self,
        attempt: Attempt,
        result: Result<&Reply, TransportFailure>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let Some(flight) = self.in_flight.remove(&attempt) else { return Ok(()) };
        if flight.items.is_empty() {
            return self.answered(&flight, result, sql, now);
        }
        let via = flight.via.unwrap_or(usize::MAX);
        self.limited_until = None;
        self.dispatch.release(&flight.weight, via, now);
        if let Ok(reply) = result {
            self.learn(via, reply, sql, now)?;
        }
        if !matches!(result, Err(TransportFailure::NotSent)) {
            self.dispatch.charge(&flight.weight, via, sql, now)?;
        }
        self.queue.reopen(&flight.weight);
        let count = flight.items.len();
        let answers = match (result, self.providers.get_mut(via)) {
            (Ok(reply), Some(provider)) => {
                provider.in_flight = provider.in_flight.saturating_sub(1);
                provider::classify_batch(provider.kind, reply, count, now)
            }
            (Err(failure), Some(provider)) => {
                provider.in_flight = provider.in_flight.saturating_sub(1);
                alloc::vec![failure.answer(); count]
            }
            (_, None) => alloc::vec![Answer::without_status(Outcome::Unknown); count],
        };
        self.conclude(flight, &answers, None, ledger, sql, entropy, now)
    }

    /// Moves the windows of a provider's profile by what its answer tells.
    fn learn(&mut self, via: usize, reply: &Reply, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        let Some(provider) = self.providers.get(via) else { return Ok(()) };
        let learned = provider::learn::learn(provider.kind, reply, now);
        self.take_in(via, &learned, sql, now)
    }

    /// Writes what follows from the answers to a call: the messages' rows, the ledger, the queue. `event` stands in the
    /// trace where it is not the outcome.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    pub(super) fn conclude(
        &mut self,
        flight: Flight,
        answers: &[Answer],
        event: Option<&str>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let counts = (self.providers.len() > 1).then_some(&self.failover);
        // An end of our own process says nothing of the provider.
        let heard = flight.via.filter(|_| event.is_none());
        if let Some(provider) = heard.and_then(|via| self.providers.get_mut(via)) {
            provider.heed(answers, &self.backoff, counts, sql, now)?;
        }
        let several = flight.items.len() > 1;
        let circumstances = Circumstances {
            via: flight.via,
            began: flight.began,
            several,
            carried_out: several && answers.iter().any(is_success),
        };
        if several && self.has_to_stay_together(&flight, answers) {
            return self.put_off_together(flight, answers, event, sql, entropy, now);
        }
        let mut closed = false;
        for (place, (item, answer)) in (0_u64..).zip(flight.items.into_iter().zip(answers)) {
            // Messages of a call that failed as a whole come back together, to share a call again.
            let entropy = if circumstances.carried_out { entropy ^ place.wrapping_mul(SPREAD) } else { entropy };
            closed |= self.conclude_one(item, answer, &circumstances, event, ledger, sql, entropy, now)?;
        }
        if closed {
            crate::gate::store_ledger(ledger, sql)?;
        }
        Ok(())
    }

    /// Writes what follows for one message, and returns whether that changed the ledger.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    fn conclude_one(
        &mut self,
        mut item: Item,
        answer: &Answer,
        circumstances: &Circumstances,
        event: Option<&str>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<bool, SqlError> {
        let sorted = self.sort_out(&mut item, answer, ledger, sql, now)?;
        let course = match circumstances.via.filter(|_| sorted.waiting > 0) {
            Some(via) => self.again(&item, None, Route::only(via), entropy, now),
            None => self.course(&item, answer, circumstances, entropy, now),
        };
        let (status, due, failures) = match course {
            Course::End { status, .. } if item.partly_taken => {
                refused::leave(item.attempt.message, status, sql)?;
                (refused::status_of_parted(status), now, item.failures)
            }
            Course::End { status, .. } => (status, now, item.failures),
            Course::Again { status, at, failed, .. } => {
                let at = item.expires.map_or(at, |expires| at.min(expires)).max(now);
                (status, at, item.failures.saturating_add(u32::from(failed)))
            }
        };
        let ambiguous = circumstances.ambiguous(&item, answer);
        self.advance(&item, answer, event, (status, due, failures, ambiguous), false, sql, now)?;
        match course {
            Course::End { commit, .. } => {
                give_back_or_keep_in(&item.reservation, item.units, commit, ledger, now)?;
                Ok(true)
            }
            Course::Again { route, .. } => {
                let alone = ambiguous.is_some()
                    || circumstances.carried_out
                    || item.partly_taken
                    || matches!(answer.outcome, Outcome::Split);
                let entry = Entry { route, alone, ..Entry::new(item.weight, item.expires) };
                self.queue.push(entry, due, item.attempt.message);
                Ok(sorted.closed)
            }
        }
    }

    /// Whether what became of a call is known by its key only, so that nothing but the same call may follow: no answer told
    /// whether it was taken, or the repeat of such a call was put off as a whole.
    fn has_to_stay_together(&self, flight: &Flight, answers: &[Answer]) -> bool {
        let all = |is: fn(&Outcome) -> bool| answers.iter().all(|answer| is(&answer.outcome));
        let is_repeat = flight.items.iter().all(|item| item.ambiguous.is_some());
        let put_off = |outcome: &Outcome| match outcome {
            Outcome::Throttled { .. }
            | Outcome::Transient { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::CredentialsWrong
            | Outcome::SenderRefused => true,
            Outcome::Accepted { .. }
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split
            | Outcome::Unknown => false,
        };
        let is_known_by_key = self.has_idempotency_key(flight.via);
        let is_unknown = all(|outcome| matches!(outcome, Outcome::Unknown));
        is_known_by_key && (is_unknown || (is_repeat && all(put_off) && !answers.iter().any(is_success)))
    }

    /// Queues the messages of a call to go again together, on the schedule of the first.
    fn put_off_together(
        &mut self,
        flight: Flight,
        answers: &[Answer],
        event: Option<&str>,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let alike = Circumstances { via: flight.via, began: flight.began, several: false, carried_out: false };
        let (Some(first), Some(answer)) = (flight.items.first(), answers.first()) else { return Ok(()) };
        let Course::Again { status, at, failed, .. } = self.course(first, answer, &alike, entropy, now) else {
            return Err(SqlError("a call that is put off has to go again".into()));
        };
        let head = first.attempt.message;
        let expires = flight.items.iter().filter_map(|item| item.expires).min();
        let due = expires.map_or(at, |expires| at.min(expires)).max(now);
        let mut others = Vec::with_capacity(flight.items.len());
        for (item, answer) in flight.items.iter().zip(answers) {
            let failures = item.failures.saturating_add(u32::from(failed));
            let ambiguous = alike.ambiguous(item, answer);
            self.advance(item, answer, event, (status, due, failures, ambiguous), true, sql, now)?;
            others.extend(Some(item.attempt.message).filter(|id| *id != head));
        }
        let route = flight.via.map_or(Route::ANY, Route::only);
        let entry = Entry { weight: flight.weight, route, expires, alone: true, others };
        self.queue.push(entry, due, head);
        Ok(())
    }

    /// Writes where a message is now.
    #[allow(clippy::too_many_arguments, reason = "the two last are what every verb of a Mailroom takes")]
    fn advance(
        &self,
        item: &Item,
        answer: &Answer,
        event: Option<&str>,
        (status, due, failures, ambiguous): (Status, UnixMillis, u32, Option<UnixMillis>),
        stays_together: bool,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let exhausted = status == Status::Held && failures >= self.backoff.max_attempts;
        let goes_on = !status.is_finished() && matches!(answer.outcome, Outcome::Accepted { .. });
        let told = if goes_on { "partly_sent" } else { event_of(&answer.outcome) };
        let event = event.unwrap_or(told);
        let line = lines(item, answer, event, (!status.is_finished()).then_some(due), exhausted, now);
        let error = error_view(item, answer, status, due, exhausted);
        let provider_message_id = match &answer.outcome {
            Outcome::Accepted { provider_message_id } => provider_message_id.as_deref(),
            Outcome::Throttled { .. }
            | Outcome::Transient { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::CredentialsWrong
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split
            | Outcome::Unknown => None,
        };
        let error = error.as_deref();
        let to = Move { status, due, failures, ambiguous, provider_message_id, error, line: &line, stays_together };
        let is_reported = store::advance(item.attempt.message, &to, sql)?;
        if goes_on || (is_reported && status == Status::Sent) {
            deliveries::catch_up(item.attempt.message, provider_message_id.unwrap_or_default(), sql)?;
        }
        Ok(())
    }
}

/// Whether a provider answered that it carried a call out.
fn is_success(answer: &Answer) -> bool {
    answer.status.is_some_and(|status| (200..300).contains(&status))
}

/// Commits or releases units of a stored reservation, and stores the ledger.
pub(super) fn give_back_or_keep(
    reservation: &str,
    units: u64,
    commit: bool,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    give_back_or_keep_in(reservation, units, commit, ledger, now)?;
    crate::gate::store_ledger(ledger, sql)
}

/// Commits or releases units of a stored reservation.
pub(super) fn give_back_or_keep_in(
    reservation: &str,
    units: u64,
    commit: bool,
    ledger: &mut Ledger,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let Some(reservation) = Reservation::parse(reservation) else {
        return Err(SqlError("a stored reservation cannot be read".into()));
    };
    if commit {
        ledger.commit(&reservation, units, now);
    } else {
        ledger.release(&reservation, units, now);
    }
    Ok(())
}

/// Keeps the chances of a call's messages apart: the odd number nearest to the golden ratio's part of 2^64 (Knuth, The Art
/// of Computer Programming, volume 3, section 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
