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
//! *Limits at the provider's clock*: a request in flight holds its units, and they are charged when its answer arrives. The
//! provider and the receivers saw them between the two, so their own count over any window is never above ours, whatever
//! the latency.
//!
//! *Nobody waits for another's limit*: a message whose receivers or whose class are full steps aside, and what goes
//! elsewhere passes it by. One that is too large for what a provider still takes stops its own class only. The account's
//! pace and the provider's windows of requests stop everything.
//!
//! Out of scope: failover between several providers, and calls that carry several messages.

mod deliveries;
mod next;
pub(crate) mod parts;
mod queue;
mod schema;
mod settle;
mod status;
mod store;
mod submit;
mod trace;

pub use status::Status;
pub use submit::{Recipient, RecipientKind, Submission};
pub use trace::view;

use crate::{
    backoff::Backoff,
    config::{AccountConfig, AccountStatus, OnUnknown, SuppressionMode},
    gate::{Dispatch, GateError, Standing, Verdict, Weight},
    id::MessageId,
    limiter::Window,
    message::Class,
    outcome::{Answer, Outcome},
    provider::{Compose, ProviderKind, Target},
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Call,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use queue::Queue;

pub(crate) use deliveries::{Found, Report, find, note};
pub(crate) use schema::create as create_schema;

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
        /// What to carry out.
        call: Call,
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
    dispatch: Dispatch,
    backoff: Backoff,
    hold_ms: u64,
    on_unknown: OnUnknown,
    suppression: SuppressionMode,
    /// The account's or the provider's windows admit nothing before this instant, unless something is settled or submitted.
    limited_until: Option<UnixMillis>,
}

/// The provider that messages leave through, with what is known of it.
struct Provider {
    name: String,
    kind: ProviderKind,
    base_url: String,
    credential: String,
    domain: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
    compose: Compose,
    timeout_ms: u64,
    /// No request before this instant: the provider said so, or it does not answer.
    blocked_until: UnixMillis,
    /// Unknown outcomes in a row.
    silences: u32,
}

/// An attempt whose request is on its way.
struct Flight {
    attempt: Attempt,
    began: UnixMillis,
    weight: Weight,
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
    /// `credential` is the provider's secret, by value; `compose` writes MIME for providers that take it.
    ///
    /// # Errors
    /// The store's.
    pub fn open(
        config: &AccountConfig,
        credential: &str,
        compose: Compose,
        ledger: &mut crate::ledger::Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        let dispatch = Dispatch::open(config, sql, now).map_err(|error| match error {
            GateError::Policy(detail) => SqlError(detail),
            GateError::Store(error) => error,
        })?;
        let mut mailroom = Self {
            queue: Queue::default(),
            in_flight: BTreeMap::new(),
            provider: Provider::open(config, credential, compose, sql, now)?,
            dispatch,
            backoff: config.retry.backoff(),
            hold_ms: config.retry.hold_ms,
            on_unknown: config.on_unknown,
            suppression: config.suppression,
            limited_until: None,
        };
        for row in store::open_rows(mailroom.dispatch.weighs_groups(), sql)? {
            let weight = mailroom.weight(&row)?;
            if row.sending {
                mailroom.recover(row, weight, ledger, sql, now)?;
            } else {
                mailroom.queue.push(weight, row.due, row.expires, row.id);
            }
        }
        Ok(mailroom)
    }

    /// When a host should ask [`Mailroom::next`] again if nothing else happens; `None` when nothing waits.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        if self.dispatch.status() != AccountStatus::Active {
            return None;
        }
        let at = self.queue.next_at().filter(|at| *at < UnixMillis::MAX)?;
        Some(at.max(self.provider.blocked_until).max(self.limited_until.unwrap_or_default()))
    }

    /// Requests on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Where the windows of outgoing mail stand: the account's pace, the provider's, the classes' and the receivers'.
    #[must_use]
    pub fn standings(&self, now: UnixMillis) -> Vec<Standing<'_>> {
        self.dispatch.standings(now)
    }

    /// What the windows of outgoing mail say to a message with these recipients; counts nothing.
    #[must_use]
    pub fn peek(&self, class: Class, recipients: &[Recipient], now: UnixMillis) -> Verdict {
        self.dispatch.peek(&self.weigh(class, recipients), now)
    }

    /// Where every window stands that a message with these recipients meets.
    #[must_use]
    pub fn explain(&self, class: Class, recipients: &[Recipient], now: UnixMillis) -> Vec<Standing<'_>> {
        self.dispatch.explain(&self.weigh(class, recipients), now)
    }

    /// The first window that never admits a message with these recipients at once, with the name of what it limits.
    #[must_use]
    pub fn never_admits(&self, class: Class, recipients: &[Recipient]) -> Option<(String, Window)> {
        let weight = self.weigh(class, recipients);
        self.dispatch.never_fits(&weight).map(|(dimension, window)| (dimension.name().into(), window.clone()))
    }

    /// Recipients that are not suppressed, as the windows count them.
    fn weigh(&self, class: Class, recipients: &[Recipient]) -> Weight {
        let counted = recipients.iter().filter(|recipient| recipient.suppressed.is_none());
        self.dispatch.weigh(class, counted.map(|recipient| recipient.address.as_str()))
    }

    /// What a stored message weighs. Its recipients are read only when there are windows for their receivers.
    fn weight(&self, row: &store::OpenRow) -> Result<Weight, SqlError> {
        match &row.recipients {
            Some(recipients) => self.weigh_stored(row.class, recipients),
            None => Ok(Weight {
                class: row.class,
                recipients: u32::try_from(row.units).unwrap_or(u32::MAX),
                ..Weight::default()
            }),
        }
    }

    fn weigh_stored(&self, class: Class, recipients: &str) -> Result<Weight, SqlError> {
        let recipients = trace::stored_recipients(recipients)?;
        let counted = recipients.iter().filter(|recipient| recipient.suppressed.is_none());
        Ok(self.dispatch.weigh(class, counted.map(|recipient| &*recipient.address)))
    }

    /// A request that a crash interrupted: its units are charged now, because the provider may have seen it until now.
    fn recover(
        &mut self,
        row: store::OpenRow,
        weight: Weight,
        ledger: &mut crate::ledger::Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.dispatch.charge(&weight, sql, now)?;
        let flight = Flight {
            attempt: Attempt { message: row.id, number: row.attempts },
            began: row.due,
            weight,
            failures: row.failures,
            ambiguous: row.ambiguous,
            units: row.units,
            reservation: row.reservation,
            expires: row.expires,
        };
        let answer = Answer::without_status(Outcome::Unknown);
        self.conclude(&flight, &answer, "interrupted", ledger, sql, 0, now)
    }
}

impl Provider {
    fn open(
        config: &AccountConfig,
        credential: &str,
        compose: Compose,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        let Some(provider) = config.providers.first() else {
            return Err(SqlError("the account has no provider".into()));
        };
        Ok(Self {
            name: provider.name.clone(),
            kind: provider.kind,
            base_url: provider.base_url.clone(),
            credential: credential.into(),
            domain: provider.domain.clone(),
            account_id: provider.account_id.clone(),
            region: provider.region.clone(),
            compose,
            timeout_ms: provider.timeout_ms,
            blocked_until: blocked_until(&provider.name, sql)?.min(now.plus(LONGEST_BLOCK_MS)),
            silences: 0,
        })
    }

    /// Where its calls go.
    fn target(&self) -> Target<'_> {
        Target {
            base_url: &self.base_url,
            credential: &self.credential,
            domain: self.domain.as_deref(),
            account_id: self.account_id.as_deref(),
            region: self.region.as_deref(),
            compose: Some(self.compose),
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

fn blocked_until(provider: &str, sql: &mut dyn Sql) -> Result<UnixMillis, SqlError> {
    let bytes = crate::gate::read(&blocked_row(provider), sql)?.unwrap_or_default();
    Ok(bytes.first_chunk::<8>().map_or_else(UnixMillis::default, |at| UnixMillis::new(u64::from_le_bytes(*at))))
}

fn blocked_row(provider: &str) -> String {
    alloc::format!("blocked:{provider}")
}

/// A provider's word is kept for at most 31 days, a whole month's quota.
const LONGEST_BLOCK_MS: u64 = 31 * 86_400_000;
/// Requests on their way at once: a Worker may wait for six connections, the rest would queue unseen.
const MAX_IN_FLIGHT: usize = 6;
