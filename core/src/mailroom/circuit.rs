//! Whether a provider takes calls, and since when it does not: it said so, it fails, or it is silent.
//!
//! The state is a row of its own, written when an answer changes it: a process that starts knows what the one before had
//! learnt, and does not knock again at a door that was shut.

use super::provider::{OWNER_WAIT_MS, QUOTA_WAIT_MS};
use crate::{
    backoff::Backoff,
    config::Failover,
    gate::{read, write},
    outcome::{Answer, Outcome},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{format, string::String};

/// What is known of a provider's readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Circuit {
    /// No request before this instant: the provider said so, or it does not answer.
    pub(super) blocked_until: UnixMillis,
    /// Unknown outcomes in a row.
    silences: u32,
    /// Failures that pass and unknown outcomes in a row; they count where there is another provider.
    pub(super) failures: u32,
    /// It is not worth waiting for: it fails, its quota is spent, or its owner has to act.
    pub(super) is_down: bool,
}

impl Circuit {
    /// The stored state of a provider; nothing is known of a new one.
    pub(super) fn open(provider: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Self, SqlError> {
        let mut circuit = Self::from_bytes(&read(&row(provider), sql)?.unwrap_or_default());
        circuit.blocked_until = circuit.blocked_until.min(now.plus(LONGEST_BLOCK_MS));
        Ok(circuit)
    }

    /// What answers to one call mean for everything else that waits for this provider. `counts` says whether failures
    /// close it: where there is no other provider, waiting is all there is.
    pub(super) fn heed(
        &mut self,
        provider: &str,
        answers: &[Answer],
        backoff: &Backoff,
        counts: Option<&Failover>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let before = *self;
        // Where one message of a call was taken, the failure of another is that message's.
        let took_one =
            answers.len() > 1 && answers.iter().any(|answer| matches!(answer.outcome, Outcome::Accepted { .. }));
        let mut last = None;
        for answer in answers {
            let own = matches!(answer.outcome, Outcome::Transient { .. } | Outcome::Unknown);
            if last != Some(&answer.outcome) && !(took_one && own) {
                self.heed_one(&answer.outcome, backoff, counts, now);
            }
            last = Some(&answer.outcome);
        }
        // A message that was taken beside it does not make a spent quota whole.
        let needs_time = |outcome: &Outcome| matches!(outcome, Outcome::QuotaSpent { .. } | Outcome::CredentialsWrong);
        self.is_down |= answers.iter().any(|answer| needs_time(&answer.outcome));
        if *self == before { Ok(()) } else { write(&row(provider), &self.to_bytes(), sql) }
    }

    fn heed_one(&mut self, outcome: &Outcome, backoff: &Backoff, counts: Option<&Failover>, now: UnixMillis) {
        let failed = matches!(outcome, Outcome::Transient { .. } | Outcome::Unknown);
        self.silences = if matches!(outcome, Outcome::Unknown) { self.silences.saturating_add(1) } else { 0 };
        self.failures = if failed && counts.is_some() { self.failures.saturating_add(1) } else { 0 };
        let surplus = counts.and_then(|failover| self.failures.checked_sub(failover.after_failures));
        self.is_down = match outcome {
            Outcome::QuotaSpent { .. } | Outcome::CredentialsWrong => true,
            Outcome::Transient { .. } | Outcome::Unknown => surplus.is_some(),
            Outcome::Throttled { .. }
            | Outcome::Accepted { .. }
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split => false,
        };
        let until = match outcome {
            Outcome::Throttled { retry_at } => retry_at.unwrap_or_else(|| now.plus(backoff.base_ms)),
            Outcome::QuotaSpent { retry_at } => retry_at.unwrap_or_else(|| now.plus(QUOTA_WAIT_MS)),
            Outcome::CredentialsWrong => now.plus(OWNER_WAIT_MS),
            // A provider that does not answer must not eat the queue: each silence in a row doubles the pause.
            Outcome::Unknown => now.plus(pause(self.silences.saturating_sub(1), backoff)),
            Outcome::Transient { retry_at } => surplus
                .map(|surplus| now.plus(pause(surplus, backoff)).max(retry_at.unwrap_or_default()))
                .unwrap_or_default(),
            Outcome::Accepted { .. }
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split => UnixMillis::default(),
        };
        self.blocked_until = self.blocked_until.max(until.min(now.plus(LONGEST_BLOCK_MS)));
    }

    fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (until, rest) = bytes.split_at_mut(8);
        let (silences, rest) = rest.split_at_mut(4);
        let (failures, is_down) = rest.split_at_mut(4);
        until.copy_from_slice(&self.blocked_until.as_millis().to_le_bytes());
        silences.copy_from_slice(&self.silences.to_le_bytes());
        failures.copy_from_slice(&self.failures.to_le_bytes());
        is_down.fill(u8::from(self.is_down));
        bytes
    }

    /// An earlier release kept the instant alone.
    fn from_bytes(bytes: &[u8]) -> Self {
        let Some((until, rest)) = bytes.split_first_chunk::<8>() else { return Self::default() };
        let blocked_until = UnixMillis::new(u64::from_le_bytes(*until));
        let Some((silences, rest)) = rest.split_first_chunk::<4>() else {
            return Self { blocked_until, ..Self::default() };
        };
        let Some((failures, is_down)) = rest.split_first_chunk::<4>() else {
            return Self { blocked_until, ..Self::default() };
        };
        Self {
            blocked_until,
            silences: u32::from_le_bytes(*silences),
            failures: u32::from_le_bytes(*failures),
            is_down: is_down.first().is_some_and(|byte| *byte != 0),
        }
    }
}

/// The pause after so many doublings.
fn pause(doublings: u32, backoff: &Backoff) -> u64 {
    backoff.base_ms.saturating_mul(1 << doublings.min(32)).min(backoff.cap_ms)
}

fn row(provider: &str) -> String {
    format!("blocked:{provider}")
}

/// Eight of an instant, four of each count, one of whether it is down.
const BYTES: usize = 17;
/// A provider's word is kept for at most 31 days, a whole month's quota.
const LONGEST_BLOCK_MS: u64 = 31 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let circuit =
            Circuit { blocked_until: UnixMillis::new(u64::MAX - 1), silences: 3, failures: u32::MAX, is_down: true };
        assert_eq!(Circuit::from_bytes(&circuit.to_bytes()), circuit);
        assert_eq!(Circuit::from_bytes(&Circuit::default().to_bytes()), Circuit::default());
    }

    /// The row of 0.1.0 held eight bytes; a damaged one says what it can.
    #[test]
    fn a_shorter_row_says_what_it_can() {
        let circuit = Circuit { blocked_until: UnixMillis::new(7), silences: 3, failures: 2, is_down: true };
        let bytes = circuit.to_bytes();
        for length in 8..16 {
            let until_alone = Circuit { blocked_until: UnixMillis::new(7), ..Circuit::default() };
            assert_eq!(Circuit::from_bytes(&bytes[..length]), until_alone, "{length}");
        }
        assert_eq!(Circuit::from_bytes(&bytes[..7]), Circuit::default());
    }
}
