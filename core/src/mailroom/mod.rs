//! The durable outbox: what was accepted is delivered or accounted for.
//!
//! Three verbs drive it. [`Mailroom::submit`] stores a message. [`Mailroom::next`] says what to do now: a request to carry
//! out, an instant to wake at, or nothing. [`Mailroom::settle`] takes what came of a request. The host opens a transaction
//! around each verb; when one returns an error the host rolls back and opens the Mailroom anew from the store, which loses
//! nothing but memory.
//!
//! *Conservation*: every message is in exactly one of the states of [`Status`], at every instant and after a kill at any
//! point. *Twice*: the mark of an attempt is stored before its request leaves, so a crash leaves an attempt of unknown
//! outcome, never a forgotten one. It is repeated only under a provider's idempotency key, or when the account chose so.
//!
//! *Limits at the provider's clock*: a request in flight holds its unit, and the unit is charged when its answer arrives.
//! The provider saw it between the two, so its own count over any window is never above ours, whatever the latency.
//!
//! Out of scope: failover between several providers, and calls that carry several messages.

mod next;
pub(crate) mod parts;
mod queue;
mod schema;
mod settle;
mod store;
mod submit;
mod trace;

pub use submit::{Recipient, RecipientKind, Submission};
pub use trace::view;

use crate::{
    backoff::Backoff,
    config::{AccountConfig, AccountStatus, OnUnknown, SuppressionMode},
    gate::{GateError, Kept},
    http::HttpRequest,
    id::MessageId,
    limiter::{Decision, State},
    message::Class,
    outcome::{Answer, Outcome},
    provider::ProviderKind,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{collections::BTreeMap, string::String};
use queue::Queue;

pub(crate) use schema::create as create_schema;

/// Where a message is. The words are the same in the trace, in events and in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for its first attempt.
    Queued,
    /// It waits for another attempt.
    Deferred,
    /// Attempts are used up or the provider needs its owner; it is kept, and tried again later.
    Held,
    /// A request is on its way.
    Sending,
    /// The provider took it.
    Sent,
    /// Every recipient is suppressed.
    Suppressed,
    /// The provider will never take it.
    Failed,
    /// Its time was over before it could leave.
    Expired,
    /// Nobody knows whether the provider took it, and sending again could send it twice.
    Unknown,
}

impl Status {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing will change it any more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        match self {
            Self::Queued | Self::Deferred | Self::Held | Self::Sending => false,
            Self::Sent | Self::Suppressed | Self::Failed | Self::Expired | Self::Unknown => true,
        }
    }
}

/// One attempt at one message. No other attempt is ever named the same, not after a restart either, so an answer that
/// comes late cannot settle another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// The message.
    pub message: MessageId,
    /// 1 for its first attempt.
    pub number: u32,
}

/// What a host is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Carry out this request and settle the attempt with what came of it.
    Send {
        /// Names the attempt to [`Mailroom::settle`].
        attempt: Attempt,
        /// The request.
        request: HttpRequest,
        /// Give up after this long.
        timeout_ms: u64,
    },
    /// Nothing may leave before this instant.
    Wait {
        /// Ask again then, or after the next settle or submit.
        until: UnixMillis,
    },
    /// Nothing to do before the next settle or submit.
    Idle,
}

/// The outbox of one account.
pub struct Mailroom {
    queue: Queue,
    in_flight: BTreeMap<Attempt, Flight>,
    provider: Provider,
    backoff: Backoff,
    hold_ms: u64,
    on_unknown: OnUnknown,
    suppression: SuppressionMode,
    may_send: bool,
    /// The windows admit nothing before this instant, unless something is settled or submitted.
    limited_until: Option<UnixMillis>,
}

/// The provider that messages leave through, with what is known of it.
struct Provider {
    name: String,
    kind: ProviderKind,
    base_url: String,
    credential: String,
    timeout_ms: u64,
    /// The account's own pace and the provider's windows.
    lanes: [Option<(Kept, State)>; LANES.len()],
    /// No request before this instant: the provider said so, or it does not answer.
    blocked_until: UnixMillis,
    /// Unknown outcomes in a row.
    silences: u32,
}

/// An attempt whose request is on its way.
struct Flight {
    attempt: Attempt,
    began: UnixMillis,
    class: Class,
    failures: u32,
    /// When the first attempt began that may have been taken.
    ambiguous: Option<UnixMillis>,
    units: u64,
    reservation: String,
    expires: Option<UnixMillis>,
}

impl Mailroom {
    /// Opens the outbox of an account: creates what is missing, rebuilds the queue, and settles the attempts that a crash
    /// interrupted as of unknown outcome.
    ///
    /// `credential` is the provider's secret, by value.
    ///
    /// # Errors
    /// The store's.
    pub fn open(
        config: &AccountConfig,
        credential: &str,
        ledger: &mut crate::ledger::Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        let provider = Provider::open(config, credential, sql, now)?;
        let mut mailroom = Self {
            queue: Queue::default(),
            in_flight: BTreeMap::new(),
            provider,
            backoff: config.retry.backoff(),
            hold_ms: config.retry.hold_ms,
            on_unknown: config.on_unknown,
            suppression: config.suppression,
            may_send: matches!(config.status, AccountStatus::Active),
            limited_until: None,
        };
        for row in store::open_rows(sql)? {
            if row.sending {
                mailroom.recover(row, ledger, sql, now)?;
            } else {
                mailroom.queue.push(row.class, row.due, row.expires, row.id);
            }
        }
        Ok(mailroom)
    }

    /// When a host should ask [`Mailroom::next`] again if nothing else happens; `None` when nothing waits.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        if !self.may_send {
            return None;
        }
        self.queue
            .next_due()
            .map(|due| due.max(self.provider.blocked_until).max(self.limited_until.unwrap_or_default()))
    }

    /// Requests on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Where the sending windows stand: the account's pace first, then the provider's.
    #[must_use]
    pub fn standings(&self, now: UnixMillis) -> alloc::vec::Vec<crate::gate::Standing> {
        let lanes = self.provider.lanes.iter().zip(["account", "provider"]);
        lanes
            .filter_map(|(lane, scope)| lane.as_ref().map(|(kept, state)| (kept, state, scope)))
            .flat_map(|(kept, state, scope)| crate::gate::standings(scope, &kept.limiter, state, now))
            .collect()
    }

    /// A request that a crash interrupted: its unit is charged now, because the provider may have seen it until now.
    fn recover(
        &mut self,
        row: store::OpenRow,
        ledger: &mut crate::ledger::Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.provider.charge(1, sql, now)?;
        let flight = Flight {
            attempt: Attempt { message: row.id, number: row.attempts },
            began: row.due,
            class: row.class,
            failures: row.failures,
            ambiguous: row.ambiguous,
            units: row.units,
            reservation: row.reservation,
            expires: row.expires,
        };
        let answer = Answer { outcome: Outcome::Unknown, status: None, provider_code: None };
        self.conclude(&flight, &answer, "interrupted", ledger, sql, 0, now)
    }
}

impl Provider {
    fn open(config: &AccountConfig, credential: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Self, SqlError> {
        let Some(provider) = config.providers.first() else {
            return Err(SqlError("the account has no provider".into()));
        };
        let mut lanes = [const { None }; LANES.len()];
        for ((lane, row), windows) in
            lanes.iter_mut().zip(LANES).zip([config.sending.windows(), provider.windows.clone()])
        {
            if !windows.is_empty() {
                let kept = Kept::new(windows).map_err(|error| match error {
                    GateError::Policy(detail) => SqlError(detail),
                    GateError::Store(error) => error,
                })?;
                let state = kept.load(row, sql, now)?;
                *lane = Some((kept, state));
            }
        }
        Ok(Self {
            name: provider.name.clone(),
            kind: provider.kind,
            base_url: provider.base_url.clone(),
            credential: credential.into(),
            timeout_ms: provider.timeout_ms,
            lanes,
            blocked_until: blocked_until(&provider.name, sql)?.min(now.plus(LONGEST_BLOCK_MS)),
            silences: 0,
        })
    }

    /// Whether one more request may leave beside those in flight; if not, when to ask again.
    fn admits(&self, in_flight: usize, now: UnixMillis) -> Result<(), Option<UnixMillis>> {
        let held = u32::try_from(in_flight).unwrap_or(u32::MAX);
        let mut wait = (self.blocked_until > now).then_some(self.blocked_until);
        for (kept, state) in self.lanes.iter().flatten() {
            match kept.limiter.peek(state, held.saturating_add(1), now) {
                Decision::Allow { .. } => {}
                Decision::Defer { retry_at, .. } => wait = wait.max(Some(retry_at)),
                // The requests in flight fill the window by themselves: nothing to do before one is answered.
                Decision::Reject { .. } => return Err(None),
            }
        }
        wait.map_or(Ok(()), |until| Err(Some(until)))
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

    fn charge(&mut self, units: u32, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        for (lane, row) in self.lanes.iter_mut().zip(LANES) {
            if let Some((kept, state)) = lane {
                kept.limiter.charge(state, units, now);
                kept.store(row, state, sql)?;
            }
        }
        Ok(())
    }
}

fn blocked_until(provider: &str, sql: &mut dyn Sql) -> Result<UnixMillis, SqlError> {
    let bytes = crate::gate::read(&blocked_row(provider), sql)?.unwrap_or_default();
    Ok(bytes.first_chunk::<8>().map_or_else(UnixMillis::default, |at| UnixMillis::new(u64::from_le_bytes(*at))))
}

fn blocked_row(provider: &str) -> String {
    alloc::format!("blocked:{provider}")
}

/// The state rows of the account's own pace and of the provider's windows.
const LANES: [&str; 2] = ["sending", "provider"];
/// A provider's word is kept for at most 31 days, a whole month's quota.
const LONGEST_BLOCK_MS: u64 = 31 * 86_400_000;
/// Requests on their way at once: a Worker may wait for six connections, the rest would queue unseen.
const MAX_IN_FLIGHT: usize = 6;
