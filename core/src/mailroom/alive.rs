//! Opening a store whose calls are under way: several processes keep one store, and one of them delivers.
//!
//! The others write, too: they accept messages and count what they accept. Whoever finds that the store has moved reads it
//! anew, and the calls whose answers somebody still waits for stay on their way: held in every window, and settled by
//! their answers like any other.

use super::{Attempt, Flight, Interrupted, Item, Mailroom, queue::Route, store};
use crate::{gate::Weight, sql::SqlError, time::UnixMillis};
use alloc::vec::Vec;

impl Mailroom {
    /// Whether nothing waits and nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// Takes over what the Mailroom before knew beyond the store: when it asked providers about the account, and the
    /// questions that are on their way.
    pub(super) fn remember(&mut self, before: &Self, now: UnixMillis) {
        for (provider, known) in self.providers.iter_mut().zip(&before.providers) {
            provider.asked_at = known.asked_at;
        }
        for (attempt, flight) in before.in_flight.iter().filter(|(_, flight)| flight.items.is_empty()) {
            self.dispatch.hold(&flight.weight, flight.via.unwrap_or(usize::MAX), now);
            let flight = Flight { items: Vec::new(), weight: flight.weight.clone(), ..*flight };
            self.in_flight.insert(*attempt, flight);
        }
    }

    /// A call that is on its way goes on.
    pub(super) fn resume(
        &mut self,
        rows: Vec<store::OpenRow>,
        interrupted: Interrupted<'_>,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let mut flight = self.flight_of(rows, now)?;
        let Some(attempt) = flight.items.first().map(|item| item.attempt) else { return Ok(()) };
        if let Interrupted::Alive(Some(before)) = interrupted
            && let Some(known) = before.in_flight.get(&attempt)
        {
            for (item, known) in flight.items.iter_mut().zip(&known.items) {
                item.route = known.route;
            }
        }
        if let Some(provider) = flight.via.and_then(|via| self.providers.get_mut(via)) {
            provider.in_flight = provider.in_flight.saturating_add(1);
        }
        self.dispatch.hold(&flight.weight, flight.via.unwrap_or(usize::MAX), now);
        self.in_flight.insert(attempt, flight);
        Ok(())
    }

    /// The call whose messages these are.
    pub(super) fn flight_of(&self, rows: Vec<store::OpenRow>, now: UnixMillis) -> Result<Flight, SqlError> {
        let via = self.place_of(rows.first().and_then(|row| row.provider.as_deref()));
        let items = Vec::with_capacity(rows.len());
        let mut flight = Flight { via, began: now, weight: Weight::default(), items, bytes: 0 };
        for row in rows {
            let weight = self.weight(&row)?;
            if flight.items.is_empty() {
                (flight.began, flight.weight) = (row.due, weight.clone());
            } else {
                flight.weight.join(&weight);
            }
            flight.items.push(Item {
                attempt: Attempt { message: row.id, number: row.attempts },
                weight,
                route: via.filter(|_| row.partly_taken).map_or(Route::ANY, Route::only),
                failures: row.failures,
                ambiguous: row.ambiguous,
                units: row.units,
                reservation: row.reservation,
                expires: row.expires,
                partly_taken: row.partly_taken,
            });
        }
        Ok(flight)
    }
}
