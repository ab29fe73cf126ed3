//! Asking a provider about the account: how much it may send is often on a page of the provider's, and nowhere else.
//!
//! A question is a call like any other to the host. It is asked where the configuration says so, while mail waits, at most
//! once an hour; it holds a unit of the provider's windows of requests and is charged when its answer comes. After a restart one
//! unit is charged for a question whose answer may have been lost.

use super::{Attempt, Effect, Flight, Mailroom};
use crate::{
    gate::{Unit, Verdict, Weight},
    id::MessageId,
    outcome::TransportFailure,
    provider::learn::{self, Learned},
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::{Call, Reply},
};

impl Mailroom {
    /// The question that is due, when one is and its provider has room for a request.
    pub(super) fn question(&mut self, now: UnixMillis) -> Option<Effect> {
        let via = self.providers.iter().position(|provider| provider.has_question(now))?;
        let weight = Weight::default();
        if self.dispatch.peek(&weight, via, now) != Verdict::Allow {
            return None;
        }
        let provider = self.providers.get_mut(via)?;
        provider.asked_at = Some(now);
        let call = learn::account_query(provider.kind, &provider.target(), now).map(Call::Http)?;
        let timeout_ms = provider.timeout_ms;
        self.dispatch.hold(&weight, via, now);
        // No attempt at a message has the number 0.
        let attempt = Attempt { message: MessageId::new(u16::try_from(via).ok()?, 0, now), number: 0 };
        let flight = Flight { via: Some(via), began: now, weight, items: alloc::vec::Vec::new(), bytes: 0 };
        self.in_flight.insert(attempt, flight);
        Some(Effect::Send { attempt, call, timeout_ms })
    }

    /// Takes the answer to a question, which moves the windows of its provider's profile and nothing else.
    pub(super) fn answered(
        &mut self,
        flight: &Flight,
        result: Result<&Reply, TransportFailure>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let via = flight.via.unwrap_or(usize::MAX);
        self.limited_until = None;
        self.dispatch.release(&flight.weight, via, now);
        if let (Ok(Reply::Http(response)), Some(provider)) = (result, self.providers.get(via)) {
            let learned = learn::learn_account(provider.kind, response, now);
            self.take_in(via, &learned, sql, now)?;
        }
        if !matches!(result, Err(TransportFailure::NotSent)) {
            self.dispatch.charge(&flight.weight, via, sql, now)?;
        }
        self.queue.reopen(&flight.weight);
        Ok(())
    }

    /// Charges what a question may have cost whose answer the process before did not wait for.
    pub(super) fn charge_questions(&mut self, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        for via in 0..self.providers.len() {
            if self.providers.get(via).is_some_and(|provider| provider.asks) {
                self.dispatch.charge(&Weight::default(), via, sql, now)?;
            }
        }
        Ok(())
    }

    /// Moves the windows of a provider's profile by what it told. What they have counted is stored with the charge that
    /// follows.
    pub(super) fn take_in(
        &mut self,
        via: usize,
        learned: &Learned,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let Some(provider) = self.providers.get_mut(via).filter(|_| !learned.limits.is_empty()) else { return Ok(()) };
        if provider.take_in(learned, sql, now)? {
            for unit in Unit::ALL {
                if let Some(windows) = provider.windows(unit) {
                    self.dispatch.change(via, unit, windows, now);
                }
            }
        }
        Ok(())
    }
}
