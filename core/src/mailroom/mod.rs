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
//! *Several providers*: the first in order that takes a message sends it; [`Failover`] says when
//! a later one does. A message of which nobody knows whether it was taken stays with its provider.
//!
//! *Several messages a call*: what is due at the same moment, of the same class, and may share a call does. Each has its
//! own attempt and its own end. A call of unknown outcome is repeated as it was, with the same members in the same order,
//! or not at all: its idempotency key stands for all of them.
//!
//! *Limits at the provider's clock*: a request in flight holds its units, and they are charged when its answer arrives. The
//! provider and the receivers saw them between the two, so their own count over any window is never above ours, whatever
//! the latency.
//!
//! *Nobody waits for another's limit*: a message whose receivers or whose class are full steps aside, and what goes
//! elsewhere passes it by. One that is too large for what a provider still takes stops its own class only. The account's
//! pace stops everything, and a provider's windows of requests stop what can go through it alone.
//!
//! *Some recipients alone*: what a provider took for some and refused for others is sent again to those others only, where
//! the refusal may pass (the module `refused`).

mod alive;
mod change;
mod choose;
mod circuit;
mod course;
mod deliveries;
mod erase;
mod letter;
mod members;
mod next;
pub(crate) mod parts;
mod provider;
mod question;
pub(crate) mod queue;
mod refused;
mod schema;
mod search;
mod settle;
mod start;
mod status;
mod store;
mod submit;
mod told;
mod trace;

pub use change::Change;
pub use status::Status;
pub use submit::{Recipient, RecipientKind, Submission};
pub use trace::view;

use crate::{
    backoff::Backoff,
    config::{AccountConfig, AccountStatus, Failover, OnUnknown, SuppressionMode},
    event::journal::SoftBounces,
    gate::{Dispatch, GateError, Standing, Verdict, Weight},
    id::MessageId,
    ledger::Ledger,
    limiter::Window,
    message::Class,
    outcome::{Answer, Outcome},
    provider::Compose,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Call,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use members::Members;
use provider::Provider;
use queue::{Entry, Queue, Route};

pub(crate) use deliveries::{Found, Report, find, note};
pub(crate) use erase::{Erased, erase};
pub(crate) use provider::bounds as call_bounds;
pub(crate) use schema::create as create_schema;
pub(crate) use search::{Listed, Wanted, held_back, labels_of, page, record};
pub(crate) use store::backlog;
pub(crate) use submit::share;

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
    /// Carry out this request and settle the attempt with what came of it. It carries messages, or asks the provider about
    /// the account.
    Send {
        /// Names the call to [`Mailroom::settle`]: the attempt at its first message.
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
    /// Calls on their way, by the attempt at their first message.
    in_flight: BTreeMap<Attempt, Flight>,
    /// In the order of the configuration.
    providers: Vec<Provider>,
    dispatch: Dispatch,
    backoff: Backoff,
    hold_ms: u64,
    on_unknown: OnUnknown,
    suppression: SuppressionMode,
    soft_bounces: SoftBounces,
    failover: Failover,
    /// Nothing at all is admitted before this instant, unless something is settled or submitted.
    limited_until: Option<UnixMillis>,
    /// The text that the message read last shares with others, when it is not a large one.
    shared: Option<Shared>,
}

/// A text that several messages share: once stored under its name, it stays the same.
struct Shared {
    name: String,
    text: String,
}

/// A call on its way.
struct Flight {
    /// The place of its provider; `None` when the configuration has it no more.
    via: Option<usize>,
    began: UnixMillis,
    /// Of all of its messages together.
    weight: Weight,
    /// Its messages, in their order.
    items: Vec<Item>,
    /// Of its messages' texts.
    bytes: usize,
}

/// A message in a call.
struct Item {
    attempt: Attempt,
    weight: Weight,
    route: Route,
    failures: u32,
    /// When the first attempt began that may have been taken.
    ambiguous: Option<UnixMillis>,
    units: u64,
    reservation: String,
    expires: Option<UnixMillis>,
    /// A provider took it for some of its recipients before.
    partly_taken: bool,
}

/// What the attempts are that the store holds as under way when a Mailroom opens.
#[derive(Clone, Copy)]
pub(crate) enum Interrupted<'a> {
    /// Whoever made them is gone: nobody will ever know what came of them.
    Unknown,
    /// Another owner of the store, or this one, still waits for their answers: they stay on their way. What the Mailroom
    /// before knew and no store keeps is taken over.
    Alive(Option<&'a Mailroom>),
}

impl Mailroom {
    /// Opens the outbox of an account: creates what is missing, rebuilds the queue, and settles the attempts that a crash
    /// interrupted as of unknown outcome.
    ///
    /// `credentials` are the secrets of the providers that send, by value and in their order; `compose` writes MIME for providers that
    /// take it.
    ///
    /// # Errors
    /// The store's.
    pub fn open(
        config: &AccountConfig,
        credentials: &[String],
        compose: Compose,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        Self::open_with(config, credentials, compose, Interrupted::Unknown, ledger, sql, now)
    }

    pub(crate) fn open_with(
        config: &AccountConfig,
        credentials: &[String],
        compose: Compose,
        interrupted: Interrupted<'_>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        if credentials.is_empty() || config.senders().count() != credentials.len() {
            return Err(SqlError("every provider has a credential, and there is at least 1".into()));
        }
        let providers = config.senders().zip(credentials);
        let providers: Vec<Provider> = providers
            .map(|(provider, credential)| Provider::open(config, provider, credential, compose, sql, now))
            .collect::<Result<_, _>>()?;
        let windows = |via: usize, unit| providers.get(via).and_then(|provider| provider.windows(unit));
        let dispatch = Dispatch::open(config, &windows, sql, now).map_err(|error| match error {
            GateError::Policy(detail) => SqlError(detail),
            GateError::Store(error) => error,
        })?;
        let mut mailroom = Self {
            queue: Queue::default(),
            in_flight: BTreeMap::new(),
            providers,
            dispatch,
            backoff: config.retry.backoff(),
            hold_ms: config.retry.hold_ms,
            on_unknown: config.on_unknown,
            suppression: config.suppression,
            soft_bounces: config.soft_bounces,
            failover: config.failover,
            limited_until: None,
            shared: None,
        };
        match interrupted {
            Interrupted::Unknown => mailroom.charge_questions(sql, now)?,
            Interrupted::Alive(Some(before)) => mailroom.remember(before, now),
            Interrupted::Alive(None) => {}
        }
        mailroom.take_up(interrupted, ledger, sql, now)?;
        Ok(mailroom)
    }

    /// When a host should ask [`Mailroom::next`] again if nothing else happens; `None` when nothing waits.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        if self.dispatch.status() != AccountStatus::Active {
            return None;
        }
        let at = self.queue.next_at().filter(|at| *at < UnixMillis::MAX)?;
        let opens = self.providers.iter().map(|provider| provider.circuit.blocked_until).min().unwrap_or_default();
        Some(at.max(opens).max(self.limited_until.unwrap_or_default()))
    }

    /// Requests on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Every provider by name: whether it takes calls now, and whether it is worth waiting for.
    pub(crate) fn health(&self, now: UnixMillis) -> impl Iterator<Item = (&str, bool, bool)> {
        self.providers
            .iter()
            .map(move |one| (one.name.as_str(), one.circuit.blocked_until <= now, !one.circuit.is_down))
    }

    /// Whether no further call may begin before one is answered.
    fn is_full(&self) -> bool {
        let bytes = self.in_flight.values().map(|flight| flight.bytes).sum::<usize>();
        self.in_flight.len() >= MAX_IN_FLIGHT || bytes >= MAX_BYTES_IN_FLIGHT
    }

    /// Where the windows of outgoing mail stand: the account's pace, the provider's, the classes' and the receivers'.
    #[must_use]
    pub fn standings(&self, now: UnixMillis) -> Vec<Standing<'_>> {
        self.dispatch.standings(now)
    }

    /// What the windows of outgoing mail say to a message with these recipients through the preferred provider; counts
    /// nothing.
    #[must_use]
    pub fn peek(&self, class: Class, recipients: &[Recipient], now: UnixMillis) -> Verdict {
        self.dispatch.peek(&self.weigh(class, recipients), 0, now)
    }

    /// Where every window stands that a message with these recipients meets through the preferred provider.
    #[must_use]
    pub fn explain(&self, class: Class, recipients: &[Recipient], now: UnixMillis) -> Vec<Standing<'_>> {
        self.dispatch.explain(&self.weigh(class, recipients), 0, now)
    }

    /// The same for a message to so many recipients nobody has named: the receivers' windows are not among them.
    #[must_use]
    pub fn rehearse(&self, class: Class, recipients: u32, now: UnixMillis) -> (Verdict, Vec<Standing<'_>>) {
        let weight = Weight { class, messages: 1, recipients, ..Weight::default() };
        (self.dispatch.peek(&weight, 0, now), self.dispatch.explain(&weight, 0, now))
    }

    /// The first window that never admits a message with these recipients at once, with the name of what it limits; `None`
    /// when it fits through some provider.
    #[must_use]
    pub fn never_admits(&self, class: Class, recipients: &[Recipient]) -> Option<(String, Window)> {
        let weight = self.weigh(class, recipients);
        let mut misfits = (0..self.providers.len()).map(|via| self.dispatch.never_fits(&weight, via));
        let first = misfits.next()??;
        misfits.all(|misfit| misfit.is_some()).then(|| (first.0.name().into(), first.1.clone()))
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
                messages: 1,
                recipients: u32::try_from(row.units).unwrap_or(u32::MAX),
                ..Weight::default()
            }),
        }
    }

    fn weigh_stored(&self, class: Class, recipients: &str) -> Result<Weight, SqlError> {
        let recipients = trace::stored_recipients(recipients)?;
        let counted = recipients.iter().filter(|recipient| recipient.is_due());
        Ok(self.dispatch.weigh(class, counted.map(|recipient| &*recipient.address)))
    }

    /// Queues every open message. Calls under way stay so when whoever waits for their answers is alive; else they were
    /// interrupted by a crash and are settled.
    fn take_up(
        &mut self,
        interrupted: Interrupted<'_>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let is_alive = matches!(interrupted, Interrupted::Alive(_));
        // Calls of several messages that were interrupted, or that have to be repeated as they were.
        let mut together: BTreeMap<Attempt, BTreeMap<u32, store::OpenRow>> = BTreeMap::new();
        for row in store::open_rows(self.dispatch.weighs_groups(), sql)? {
            let members = row.members.as_deref().and_then(Members::parse);
            match members.filter(|_| row.sending || row.ambiguous.is_some()) {
                Some(Members { head, place }) => _ = together.entry(head).or_default().insert(place, row),
                None if row.sending && is_alive => self.resume(alloc::vec![row], interrupted, now)?,
                None if row.sending => self.recover(alloc::vec![row], ledger, sql, now)?,
                None => {
                    let mut entry = Entry::new(self.weight(&row)?, row.expires);
                    if row.ambiguous.is_some() {
                        entry.alone = true;
                        entry.route = self.route_of_repeat(row.provider.as_deref());
                    }
                    if row.partly_taken {
                        entry.alone = true;
                        entry.route = self.place_of(row.provider.as_deref()).map_or(Route::ANY, Route::only);
                    }
                    self.queue.push(entry, row.due, row.id);
                }
            }
        }
        for rows in together.into_values() {
            let rows: Vec<store::OpenRow> = rows.into_values().collect();
            if rows.iter().any(|row| row.sending) {
                if is_alive {
                    self.resume(rows, interrupted, now)?;
                } else {
                    self.recover(rows, ledger, sql, now)?;
                }
            } else {
                self.queue_together(&rows)?;
            }
        }
        Ok(())
    }

    /// Queues messages that have to go in one call again.
    fn queue_together(&mut self, rows: &[store::OpenRow]) -> Result<(), SqlError> {
        let Some((first, others)) = rows.split_first() else { return Ok(()) };
        let mut entry = Entry::new(self.weight(first)?, rows.iter().filter_map(|row| row.expires).min());
        for row in others {
            entry.weight.join(&self.weight(row)?);
            entry.others.push(row.id);
        }
        entry.alone = true;
        entry.route = self.place_of(first.provider.as_deref()).map_or(Route::ANY, Route::only);
        self.queue.push(entry, first.due, first.id);
        Ok(())
    }

    /// Where a message may go whose attempt at a provider may have been taken.
    fn route_of_repeat(&self, provider: Option<&str>) -> Route {
        let place = self.place_of(provider);
        place.filter(|_| self.on_unknown == OnUnknown::Stop).map_or(Route::ANY, Route::only)
    }

    fn place_of(&self, provider: Option<&str>) -> Option<usize> {
        self.providers.iter().position(|known| Some(&*known.name) == provider)
    }

    /// A call that a crash interrupted: its units are charged now, because the provider may have seen it until now.
    fn recover(
        &mut self,
        rows: Vec<store::OpenRow>,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let flight = self.flight_of(rows, now)?;
        // A provider that is gone has no windows; the account's and the receivers' have seen it all the same.
        self.dispatch.charge(&flight.weight, flight.via.unwrap_or(usize::MAX), sql, now)?;
        let answers = alloc::vec![Answer::without_status(Outcome::Unknown); flight.items.len()];
        self.conclude(flight, &answers, Some("interrupted"), ledger, sql, 0, now)
    }
}

/// Bytes on their way at once, beyond which no further call begins: each is held by the process until its answer is there,
/// and a Worker has 128 MB for everything.
const MAX_BYTES_IN_FLIGHT: usize = 16_000_000;
/// Requests on their way at once: a Worker may wait for six connections, the rest would queue unseen.
pub(crate) const MAX_IN_FLIGHT: usize = 6;
