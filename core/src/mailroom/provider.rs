//! A provider that messages leave through, with what is known of it: whether it takes calls, and since when it does not.
//!
//! Each has its own credential, block and counts; none of them says anything about another.

use crate::{
    backoff::Backoff,
    config::{AccountConfig, Failover, ProviderConfig},
    gate::Unit,
    limiter::Window,
    outcome::{Answer, Outcome},
    provider::{
        self, Bounds, Compose, ProviderKind, Target,
        learn::{self, Learned},
    },
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{format, string::String, vec::Vec};

/// One provider of the account.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: ProviderKind,
    base_url: String,
    credential: String,
    domain: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
    compose: Compose,
    windows: Vec<Known>,
    pub(super) timeout_ms: u64,
    /// How much one call carries, by the provider, its profile and the account.
    pub(super) bounds: Bounds,
    /// No request before this instant: the provider said so, or it does not answer.
    pub(super) blocked_until: UnixMillis,
    /// Unknown outcomes in a row.
    silences: u32,
    /// Failures that pass and unknown outcomes in a row; they count where there is another provider.
    failures: u32,
    /// It is not worth waiting for: it fails, its quota is spent, or its owner has to act.
    pub(super) is_down: bool,
    /// Calls on their way.
    pub(super) in_flight: usize,
    /// Whether it is asked about the account, and when it was.
    pub(super) asks: bool,
    pub(super) asked_at: Option<UnixMillis>,
}

/// A window of the provider's, as configured.
struct Known {
    unit: Unit,
    window: Window,
    /// It is the profile's figure, not the account's own.
    is_built_in: bool,
}

impl Known {
    fn all_of(config: &ProviderConfig) -> Vec<Self> {
        let lists = [
            (Unit::Requests, &config.windows),
            (Unit::Messages, &config.message_windows),
            (Unit::Recipients, &config.recipient_windows),
        ];
        let of =
            |unit, window: &Window| Self { unit, window: window.clone(), is_built_in: !config.is_own(window.name()) };
        lists.into_iter().flat_map(|(unit, windows)| windows.iter().map(move |window| of(unit, window))).collect()
    }
}

impl Provider {
    pub(super) fn open(
        account: &AccountConfig,
        config: &ProviderConfig,
        credential: &str,
        compose: Compose,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        Ok(Self {
            name: config.name.clone(),
            kind: config.kind,
            base_url: config.base_url.clone(),
            credential: credential.into(),
            domain: config.domain.clone(),
            account_id: config.account_id.clone(),
            region: config.region.clone(),
            compose,
            windows: Known::all_of(config),
            timeout_ms: config.timeout_ms,
            bounds: bounds(account, config),
            blocked_until: blocked_until(&config.name, sql)?.min(now.plus(LONGEST_BLOCK_MS)),
            silences: 0,
            failures: 0,
            is_down: false,
            in_flight: 0,
            asks: config.ask_account,
            asked_at: None,
        })
    }

    /// Takes over what is known of it beyond the store. Calls of messages are counted when they are resumed.
    pub(super) const fn remember(&mut self, before: &Self) {
        (self.silences, self.failures, self.is_down) = (before.silences, before.failures, before.is_down);
        self.asked_at = before.asked_at;
    }

    /// Whether it is to be asked about the account now.
    pub(super) fn has_question(&self, now: UnixMillis) -> bool {
        let is_due = self.asked_at.is_none_or(|at| now.since(at) >= ASK_AGAIN_MS);
        self.asks && is_due && self.blocked_until <= now
    }

    /// Where its calls go.
    pub(super) fn target(&self) -> Target<'_> {
        Target {
            base_url: &self.base_url,
            credential: &self.credential,
            domain: self.domain.as_deref(),
            account_id: self.account_id.as_deref(),
            region: self.region.as_deref(),
            compose: Some(self.compose),
        }
    }

    /// Its windows of a unit, those of its profile with the limits that it told; `None` when nothing moves any.
    pub(super) fn learned(&self, unit: Unit, learned: &Learned, now: UnixMillis) -> Option<Vec<Window>> {
        let of_unit = || self.windows.iter().filter(|known| known.unit == unit);
        let built_in: Vec<Window> =
            of_unit().filter(|known| known.is_built_in).map(|known| known.window.clone()).collect();
        if built_in.is_empty() {
            return None;
        }
        let moved = learn::adjusted(&built_in, unit, learned, now);
        let now_is = |known: &Known| {
            let moved = moved.iter().find(|moved| known.is_built_in && moved.name() == known.window.name());
            moved.unwrap_or(&known.window).clone()
        };
        Some(of_unit().map(now_is).collect())
    }

    /// When it may be asked; [`UnixMillis::MAX`] when that depends on an answer. After failures it is asked with one call
    /// at a time, until one of them is taken.
    pub(super) fn opens_at(&self, failover: &Failover, now: UnixMillis) -> UnixMillis {
        let is_tried = self.failures >= failover.after_failures && self.in_flight > 0;
        if is_tried && self.blocked_until <= now { UnixMillis::MAX } else { self.blocked_until }
    }

    /// What answers to one call mean for everything else that waits for this provider. `counts` says whether failures
    /// close it: where there is no other provider, waiting is all there is.
    pub(super) fn heed(
        &mut self,
        answers: &[Answer],
        backoff: &Backoff,
        counts: Option<&Failover>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        // Where one message of a call was taken, the failure of another is that message's.
        let took_one =
            answers.len() > 1 && answers.iter().any(|answer| matches!(answer.outcome, Outcome::Accepted { .. }));
        let mut last = None;
        for answer in answers {
            let own = matches!(answer.outcome, Outcome::Transient { .. } | Outcome::Unknown);
            if last != Some(&answer.outcome) && !(took_one && own) {
                self.heed_one(&answer.outcome, backoff, counts, sql, now)?;
            }
            last = Some(&answer.outcome);
        }
        // A message that was taken beside it does not make a spent quota whole.
        let needs_time = |outcome: &Outcome| matches!(outcome, Outcome::QuotaSpent { .. } | Outcome::CredentialsWrong);
        self.is_down |= answers.iter().any(|answer| needs_time(&answer.outcome));
        Ok(())
    }

    fn heed_one(
        &mut self,
        outcome: &Outcome,
        backoff: &Backoff,
        counts: Option<&Failover>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
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
        match outcome {
            Outcome::Throttled { retry_at } => {
                self.block(retry_at.unwrap_or_else(|| now.plus(backoff.base_ms)), sql, now)
            }
            Outcome::QuotaSpent { retry_at } => {
                self.block(retry_at.unwrap_or_else(|| now.plus(QUOTA_WAIT_MS)), sql, now)
            }
            Outcome::CredentialsWrong => self.block(now.plus(OWNER_WAIT_MS), sql, now),
            // A provider that does not answer must not eat the queue: each silence in a row doubles the pause.
            Outcome::Unknown => self.block(now.plus(pause(self.silences.saturating_sub(1), backoff)), sql, now),
            Outcome::Transient { retry_at } => match surplus {
                Some(surplus) => {
                    let until = now.plus(pause(surplus, backoff));
                    self.block(until.max(retry_at.unwrap_or_default()), sql, now)
                }
                None => Ok(()),
            },
            Outcome::Accepted { .. }
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split => Ok(()),
        }
    }

    /// Lets nothing leave before `until`, and remembers it over a restart.
    fn block(&mut self, until: UnixMillis, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        let until = until.min(now.plus(LONGEST_BLOCK_MS));
        if until <= self.blocked_until {
            return Ok(());
        }
        self.blocked_until = until;
        crate::gate::write(&blocked_row(&self.name), &until.as_millis().to_le_bytes(), sql)
    }
}

/// The smallest of what applies to a call: the provider's own bounds, its profile's, the account's.
fn bounds(account: &AccountConfig, config: &ProviderConfig) -> Bounds {
    let own = provider::bounds(config.kind);
    let profile = config.profile().and_then(|profile| usize::try_from(profile.messages_per_call.0).ok());
    // The sandbox shows messages one by one unless it is asked for more.
    let unasked = if config.kind == ProviderKind::Sandbox { 1 } else { MOST_MESSAGES };
    let asked = account.calls.max_messages.unwrap_or(unasked);
    let messages = own.messages.min(profile.unwrap_or(usize::MAX)).min(asked).min(MOST_MESSAGES);
    Bounds { messages, recipients: own.recipients, bytes: own.bytes.min(MOST_BYTES) }
}

/// The pause after so many doublings.
fn pause(doublings: u32, backoff: &Backoff) -> u64 {
    backoff.base_ms.saturating_mul(1 << doublings.min(32)).min(backoff.cap_ms)
}

fn blocked_until(provider: &str, sql: &mut dyn Sql) -> Result<UnixMillis, SqlError> {
    let bytes = crate::gate::read(&blocked_row(provider), sql)?.unwrap_or_default();
    Ok(bytes.first_chunk::<8>().map_or_else(UnixMillis::default, |at| UnixMillis::new(u64::from_le_bytes(*at))))
}

fn blocked_row(provider: &str) -> String {
    format!("blocked:{provider}")
}

/// Quotas are raised by people, not by the minute.
const ASK_AGAIN_MS: u64 = 3_600_000;
/// A provider's word is kept for at most 31 days, a whole month's quota.
const LONGEST_BLOCK_MS: u64 = 31 * 86_400_000;
/// A spent quota without a hint is asked about once an hour: quotas are of a day or a month.
pub(super) const QUOTA_WAIT_MS: u64 = 3_600_000;
/// A wrong credential or an unverified sender needs its owner; five minutes is how soon a correction is noticed.
pub(super) const OWNER_WAIT_MS: u64 = 300_000;
/// Postmark's 500 messages a call are the most that any provider here says and takes.
const MOST_MESSAGES: usize = 500;
/// A call's messages are in memory three times, stored, read and written again: a Worker has 128 MB for everything.
const MOST_BYTES: usize = 8_000_000;
