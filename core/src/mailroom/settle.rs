//! What came of a request, and what follows from it.

use super::{
    Attempt, Flight, Mailroom, Status, deliveries,
    store::{self, Move},
    trace::Line,
};
use crate::{
    backoff::Retry,
    config::OnUnknown,
    ledger::{Ledger, Reservation},
    outcome::{Answer, Outcome, TransportFailure},
    provider,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Reply,
};
use alloc::{borrow::Cow, format, string::String};
use serde::Serialize;

/// Where a message goes from here.
enum Course {
    /// It is over. Its units are committed when a provider has or may have it, else given back.
    End { status: Status, commit: bool },
    /// It is tried again.
    Again { status: Status, at: UnixMillis, failed: bool },
}

#[derive(Serialize)]
struct ErrorView<'a> {
    code: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
}

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
        self.limited_until = None;
        self.dispatch.release(&flight.weight, now);
        if !matches!(result, Err(TransportFailure::NotSent)) {
            self.dispatch.charge(&flight.weight, sql, now)?;
        }
        self.queue.reopen(&flight.weight);
        let answer = match result {
            Ok(reply) => provider::classify(self.provider.kind, reply, now),
            Err(failure) => failure.answer(),
        };
        self.conclude(&flight, &answer, event_of(&answer.outcome), ledger, sql, entropy, now)
    }

    /// Writes what follows from an answer: the message's row, the ledger, the queue.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    pub(super) fn conclude(
        &mut self,
        flight: &Flight,
        answer: &Answer,
        event: &str,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        entropy: u64,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let course = self.course(flight, answer, entropy, now);
        self.heed(answer, sql, now)?;
        let (status, due, failures) = match course {
            Course::End { status, .. } => (status, now, flight.failures),
            Course::Again { status, at, failed } => {
                let at = flight.expires.map_or(at, |expires| at.min(expires)).max(now);
                (status, at, flight.failures.saturating_add(u32::from(failed)))
            }
        };
        let exhausted = status == Status::Held && failures >= self.backoff.max_attempts;
        let line = lines(flight, answer, event, (!status.is_finished()).then_some(due), exhausted, now);
        let error = error_view(flight, answer, status, due, exhausted);
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
        let is_unknown = matches!(answer.outcome, Outcome::Unknown);
        let ambiguous = flight.ambiguous.or(is_unknown.then_some(flight.began));
        let to = Move { status, due, failures, ambiguous, provider_message_id, error: error.as_deref(), line: &line };
        let is_reported = store::advance(flight.attempt.message, &to, sql)?;
        if is_reported && status == Status::Sent {
            deliveries::catch_up(flight.attempt.message, provider_message_id.unwrap_or_default(), sql)?;
        }
        match course {
            Course::End { commit, .. } => close(flight, commit, ledger, sql, now),
            Course::Again { .. } => {
                self.queue.push(flight.weight.clone(), due, flight.expires, flight.attempt.message);
                Ok(())
            }
        }
    }

    /// The decision table of outcomes, for the message.
    fn course(&self, flight: &Flight, answer: &Answer, entropy: u64, now: UnixMillis) -> Course {
        let refused = |status| {
            if self.may_have_been_taken(flight, answer) {
                return Course::End { status: Status::Unknown, commit: true };
            }
            Course::End { status, commit: false }
        };
        match answer.outcome {
            Outcome::Accepted { .. } => Course::End { status: Status::Sent, commit: true },
            Outcome::PermanentlyRefused => refused(Status::Failed),
            Outcome::RecipientSuppressed => refused(Status::Suppressed),
            Outcome::Throttled { retry_at } | Outcome::Transient { retry_at } => {
                self.again(flight, retry_at, entropy, now)
            }
            Outcome::QuotaSpent { retry_at } => {
                let at = retry_at.unwrap_or_else(|| now.plus(QUOTA_WAIT_MS));
                Course::Again { status: Status::Deferred, at, failed: false }
            }
            Outcome::CredentialsWrong | Outcome::SenderRefused => {
                Course::Again { status: Status::Held, at: now.plus(OWNER_WAIT_MS), failed: false }
            }
            // Nothing was taken and nothing is known against this message: it goes again at once.
            Outcome::Split => Course::Again { status: Status::Deferred, at: now, failed: false },
            Outcome::Unknown => {
                let told_apart = provider::has_idempotency_key(self.provider.kind);
                if told_apart || self.on_unknown == OnUnknown::Resend {
                    return self.again(flight, None, entropy, now);
                }
                Course::End { status: Status::Unknown, commit: true }
            }
        }
    }

    /// What the answer means for everything else that waits for this provider.
    fn heed(&mut self, answer: &Answer, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        self.provider.silences = match answer.outcome {
            Outcome::Unknown => self.provider.silences.saturating_add(1),
            Outcome::Accepted { .. }
            | Outcome::Throttled { .. }
            | Outcome::Transient { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::CredentialsWrong
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split => 0,
        };
        match answer.outcome {
            Outcome::Throttled { retry_at } => {
                self.provider.block(retry_at.unwrap_or_else(|| now.plus(self.backoff.base_ms)), sql, now)
            }
            Outcome::QuotaSpent { retry_at } => {
                self.provider.block(retry_at.unwrap_or_else(|| now.plus(QUOTA_WAIT_MS)), sql, now)
            }
            Outcome::CredentialsWrong => self.provider.block(now.plus(OWNER_WAIT_MS), sql, now),
            // A provider that does not answer must not eat the queue: each silence in a row doubles the pause.
            Outcome::Unknown => {
                let doublings = self.provider.silences.saturating_sub(1).min(32);
                let pause = self.backoff.base_ms.saturating_mul(1 << doublings).min(self.backoff.cap_ms);
                self.provider.block(now.plus(pause), sql, now)
            }
            Outcome::Accepted { .. }
            | Outcome::Transient { .. }
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split => Ok(()),
        }
    }

    /// Whether a refusal leaves open what became of an earlier attempt of unknown outcome. Where the provider has
    /// idempotency keys only a conflict does: it would have repeated its first answer otherwise.
    fn may_have_been_taken(&self, flight: &Flight, answer: &Answer) -> bool {
        flight.ambiguous.is_some()
            && (!provider::has_idempotency_key(self.provider.kind) || provider::says_key_was_used(answer))
    }

    /// Later, by the provider's hint or the backoff; held once the attempts are used up.
    fn again(&self, flight: &Flight, hint: Option<UnixMillis>, entropy: u64, now: UnixMillis) -> Course {
        let failures = flight.failures.saturating_add(1);
        match self.backoff.next(failures, hint, entropy, now) {
            Retry::At(at) => Course::Again { status: Status::Deferred, at, failed: true },
            Retry::Exhausted { .. } => {
                let at = now.plus(self.hold_ms).max(hint.unwrap_or_default());
                Course::Again { status: Status::Held, at, failed: true }
            }
        }
    }
}

fn close(
    flight: &Flight,
    commit: bool,
    ledger: &mut Ledger,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    give_back_or_keep(&flight.reservation, flight.units, commit, ledger, sql, now)
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
    let Some(reservation) = Reservation::parse(reservation) else {
        return Err(SqlError("a stored reservation cannot be read".into()));
    };
    if commit {
        ledger.commit(&reservation, units, now);
    } else {
        ledger.release(&reservation, units, now);
    }
    crate::gate::store_ledger(ledger, sql)
}

fn lines(
    flight: &Flight,
    answer: &Answer,
    event: &str,
    retry_at: Option<UnixMillis>,
    exhausted: bool,
    now: UnixMillis,
) -> String {
    let mut line = Line::new(event, now);
    line.attempt = Some(flight.attempt.number);
    line.http_status = answer.status;
    line.provider_code = answer.provider_code.as_deref().map(Cow::Borrowed);
    line.retry_at_ms = retry_at.map(UnixMillis::as_millis);
    let text = line.to_text();
    if !exhausted {
        return text;
    }
    let mut last = Line::new("exhausted", now);
    last.attempt = Some(flight.attempt.number);
    format!("{text}\n{}", last.to_text())
}

fn error_view(flight: &Flight, answer: &Answer, status: Status, due: UnixMillis, exhausted: bool) -> Option<String> {
    let code = match &answer.outcome {
        Outcome::Accepted { .. } => return None,
        Outcome::Throttled { .. } | Outcome::Transient { .. } if exhausted => "attempts_exhausted",
        Outcome::Unknown if exhausted => "attempts_exhausted",
        Outcome::Throttled { .. } => "provider_throttled",
        Outcome::Transient { .. } => "provider_failed",
        Outcome::QuotaSpent { .. } => "provider_quota",
        Outcome::CredentialsWrong => "provider_credentials",
        Outcome::SenderRefused => "sender_not_verified",
        Outcome::RecipientSuppressed => "provider_suppressed",
        Outcome::PermanentlyRefused => "provider_refused",
        Outcome::Split => "provider_refused_batch",
        Outcome::Unknown => "outcome_unknown",
    };
    let view = ErrorView {
        code,
        attempts: flight.attempt.number,
        http_status: answer.status,
        provider_code: answer.provider_code.as_deref(),
        retry_at: (!status.is_finished()).then(|| format!("{due}")),
    };
    serde_json::to_string(&view).ok()
}

const fn event_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted { .. } => "sent",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Transient { .. } => "transient",
        Outcome::QuotaSpent { .. } => "quota_spent",
        Outcome::CredentialsWrong => "credentials_wrong",
        Outcome::SenderRefused => "sender_refused",
        Outcome::RecipientSuppressed => "provider_suppressed",
        Outcome::PermanentlyRefused => "refused",
        Outcome::Split => "split",
        Outcome::Unknown => "unknown",
    }
}

/// A spent quota without a hint is asked about once an hour: quotas are of a day or a month.
const QUOTA_WAIT_MS: u64 = 3_600_000;
/// A wrong credential or an unverified sender needs its owner; five minutes is how soon a correction is noticed.
const OWNER_WAIT_MS: u64 = 300_000;
