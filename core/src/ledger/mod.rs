//! What an account may still accept: units reserved at acceptance, committed when handed over, released when not.
//!
//! A [`Ledger`] keeps one count pair for each [`Quota`]: a limit per local day, month or year. At every step, for each
//! quota and its current period, `reserved + committed + free = limit + over`, where `over` is what is in use beyond the
//! limit and is 0 unless [`Overdelivery`] allows it or the limit was lowered. A reservation takes from all quotas or
//! from none.
//!
//! A reservation belongs to the periods it was made in. Committing or releasing it later never touches a period that
//! began after it: what was accepted on Monday counts on Monday.
//!
//! **Changed configuration.** Stored counts are taken up under other limits, with quotas added or removed and in
//! another time zone, and nothing is freed by it. A limit lowered below what is in use leaves 0 free until the period
//! ends, and the difference is `over`. An added quota starts at zero; a removed one is forgotten. After a change
//! of the time zone the current period runs to its old end, and a first period that overlaps it keeps its counts.
//!
//! **Zero and none.** A quota of 0 is valid: a plan that may not send refuses every reservation for ever. No quotas at
//! all is valid too: such an account is not limited by count.
//!
//! **Clock.** A `now` before the newest reservation is taken as that reservation's instant.
//!
//! **Refusals.** Four words: `quota_daily`, `quota_monthly` and `quota_yearly` when the units fit in the next period,
//! `overquota` when they fit in none or when the overdelivery that a policy allows is used up (R199).
//!
//! Out of scope: prices, what a unit is (the caller counts recipients).

mod bytes;
mod error;
mod refusal;
mod reservation;

pub use error::LedgerError;
pub use refusal::{Reason, Refusal};
pub use reservation::Reservation;

use crate::{
    calendar::{CalendarUnit, Zone},
    time::UnixMillis,
};
use alloc::vec::Vec;
use refusal::refusal;
use reservation::bit;
use serde::{Deserialize, Serialize};

/// At most `limit` units in each local calendar period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Day, month or year.
    pub period: CalendarUnit,
    /// Units; 0 refuses everything, [`Quota::UNLIMITED`] refuses nothing and counts.
    pub limit: u64,
}

impl Quota {
    /// The limit of a quota that only meters: usage is counted for a bill and never refused (R222, R228).
    pub const UNLIMITED: u64 = u64::MAX;
}

/// What happens when more is asked for than is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdelivery {
    /// It is refused.
    #[default]
    Block,
    /// It is accepted, and counted as over.
    AllowAndCount,
    /// It is accepted while at most so many units are over in a quota, and counted as over.
    AllowUpTo(u64),
}

/// The quotas of one account and what is in use of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    zone: Zone,
    accounts: Vec<Account>,
    overdelivery: Overdelivery,
    last: u64,
    bytes: Vec<u8>,
}

/// How one quota stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaUsage {
    /// The quota's period.
    pub period: CalendarUnit,
    /// Its limit.
    pub limit: u64,
    /// Units accepted and not yet handed over.
    pub reserved: u64,
    /// Units handed over.
    pub committed: u64,
    /// Units accepted and given back: what was accepted is the sum of the three (R228).
    pub released: u64,
    /// Units that may still be reserved without being over.
    pub free: u64,
    /// Units in use beyond the limit: what was over-delivered, or what a lowered limit left above it.
    pub over: u64,
    /// The start of the current period.
    pub starts_at: UnixMillis,
    /// The end of the current period.
    pub resets_at: UnixMillis,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Account {
    quota: Quota,
    /// The instant these counts began; reservations made before it are not among them.
    since: u64,
    end: u64,
    reserved: u64,
    committed: u64,
    released: u64,
}

impl Ledger {
    /// A ledger in which nothing is in use.
    ///
    /// # Errors
    /// [`LedgerError::DuplicatePeriod`] and [`LedgerError::UnknownTimeZone`].
    ///
    /// # Example: what does a refusal say?
    /// ```
    /// use sendgate_core::{calendar::CalendarUnit, ledger::{Ledger, Quota}, time::UnixMillis};
    ///
    /// let quotas = [Quota { period: CalendarUnit::Day, limit: 100 }];
    /// let mut ledger = Ledger::new(&quotas, "UTC").unwrap();
    /// let now = UnixMillis::parse_rfc3339("2026-12-01T10:00:00Z").unwrap();
    /// let reservation = ledger.reserve(98, now).unwrap();
    /// let refusal = ledger.reserve(3, now).unwrap_err();
    /// assert_eq!(refusal.free, 2);
    /// assert_eq!(refusal.retry_at, UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z"));
    /// ledger.release(&reservation, 1, now);
    /// assert!(ledger.reserve(3, now).is_ok());
    /// ```
    pub fn new(quotas: &[Quota], time_zone: &str) -> Result<Self, LedgerError> {
        let zone = Zone::parse(time_zone).map_err(LedgerError::UnknownTimeZone)?;
        let mut accounts: Vec<Account> = Vec::with_capacity(quotas.len());
        for quota in quotas {
            if accounts.iter().any(|account| account.quota.period == quota.period) {
                return Err(LedgerError::DuplicatePeriod { period: quota.period });
            }
            accounts.push(Account { quota: *quota, since: 0, end: 0, reserved: 0, committed: 0, released: 0 });
        }
        let mut ledger = Self { zone, accounts, overdelivery: Overdelivery::Block, last: 0, bytes: Vec::new() };
        bytes::write(&mut ledger.bytes, ledger.last, &ledger.accounts);
        Ok(ledger)
    }

    /// Takes up stored bytes under these quotas, which may be others than those the bytes were written under.
    ///
    /// # Errors
    /// As [`Ledger::new`]; [`LedgerError::Version`] and [`LedgerError::Damaged`] for bytes that cannot be read.
    pub fn load(quotas: &[Quota], time_zone: &str, bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut ledger = Self::new(quotas, time_zone)?;
        let (last, stored) = bytes::read(bytes)?;
        ledger.last = last;
        for account in &mut ledger.accounts {
            let same_period = |other: &&Account| other.quota.period == account.quota.period;
            if let Some(found) = stored.iter().find(same_period) {
                *account = Account { quota: account.quota, ..*found };
            }
        }
        bytes::write(&mut ledger.bytes, ledger.last, &ledger.accounts);
        Ok(ledger)
    }

    /// The same ledger under this policy. It is configuration: it is not in the bytes, and it changes no count.
    #[must_use]
    pub const fn with_overdelivery(mut self, overdelivery: Overdelivery) -> Self {
        self.overdelivery = overdelivery;
        self
    }

    /// Puts the ledger under this policy, as [`Ledger::with_overdelivery`] does.
    pub const fn set_overdelivery(&mut self, overdelivery: Overdelivery) {
        self.overdelivery = overdelivery;
    }

    /// The bytes to store: the same on every platform.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes `units` from every quota, or from none.
    ///
    /// # Errors
    /// A [`Refusal`] that names the quota in the way; the ledger has not changed.
    pub fn reserve(&mut self, units: u64, now: UnixMillis) -> Result<Reservation, Refusal> {
        let now = now.as_millis().max(self.last);
        let next: Vec<Account> = self.accounts.iter().map(|account| account.at(&self.zone, now)).collect();
        if let Some(refusal) = refusal(&next, units, self.overdelivery) {
            return Err(refusal);
        }
        self.accounts = next;
        let mut reservation = Reservation { units, reserved_at: UnixMillis::new(now), periods: 0 };
        for account in &mut self.accounts {
            account.reserved = account.reserved.saturating_add(units);
            reservation.periods |= bit(account.quota.period);
        }
        self.last = now;
        bytes::write(&mut self.bytes, self.last, &self.accounts);
        Ok(reservation)
    }

    /// What each quota by itself would say to `units`, in the order of [`Ledger::usage`]; takes nothing.
    #[must_use]
    pub fn peek(&self, units: u64, now: UnixMillis) -> Vec<Result<(), Refusal>> {
        let now = now.as_millis().max(self.last);
        let current = self.accounts.iter().map(|account| account.at(&self.zone, now));
        current.map(|account| refusal(&[account], units, self.overdelivery).map_or(Ok(()), Err)).collect()
    }

    /// Turns reserved units into committed ones: they have been handed over.
    ///
    /// At most the reservation's own units are moved, in the quotas and the periods it was made in. `now` is there
    /// because every change has one; which period is meant follows from the reservation.
    pub fn commit(&mut self, reservation: &Reservation, units: u64, _now: UnixMillis) {
        self.settle(reservation, units, |account, moved| account.committed = account.committed.saturating_add(moved));
    }

    /// Gives reserved units back: they will not be handed over.
    ///
    /// At most the reservation's own units are given back, in the quotas and the periods it was made in.
    pub fn release(&mut self, reservation: &Reservation, units: u64, _now: UnixMillis) {
        self.settle(reservation, units, |account, moved| account.released = account.released.saturating_add(moved));
    }

    /// How every quota stands in the period that holds `now`.
    #[must_use]
    pub fn usage(&self, now: UnixMillis) -> Vec<QuotaUsage> {
        let now = now.as_millis().max(self.last);
        let current = self.accounts.iter().map(|account| account.at(&self.zone, now));
        current
            .map(|account| QuotaUsage {
                period: account.quota.period,
                limit: account.quota.limit,
                reserved: account.reserved,
                committed: account.committed,
                released: account.released,
                free: account.free(),
                over: account.in_use().saturating_sub(account.quota.limit),
                // A period that a change of the time zone left to run began before the zone's own.
                starts_at: self
                    .zone
                    .period(account.quota.period, UnixMillis::new(now))
                    .start
                    .min(UnixMillis::new(account.since)),
                resets_at: UnixMillis::new(account.end),
            })
            .collect()
    }

    /// Takes units out of what is reserved, in every quota whose counts hold this reservation.
    fn settle(&mut self, reservation: &Reservation, units: u64, keep: fn(&mut Account, u64)) {
        let made_at = reservation.reserved_at.as_millis();
        for account in &mut self.accounts {
            let taken_here = reservation.periods & bit(account.quota.period) != 0;
            if taken_here && made_at >= account.since && made_at <= self.last {
                let moved = units.min(reservation.units).min(account.reserved);
                account.reserved -= moved;
                keep(account, moved);
            }
        }
        bytes::write(&mut self.bytes, self.last, &self.accounts);
    }
}

impl Account {
    const fn in_use(&self) -> u64 {
        self.reserved.saturating_add(self.committed)
    }

    const fn free(&self) -> u64 {
        self.quota.limit.saturating_sub(self.in_use())
    }

    /// The most units a period ever holds under a policy. What cannot be counted cannot be allowed.
    const fn most(&self, overdelivery: Overdelivery) -> u64 {
        match overdelivery {
            Overdelivery::Block => self.quota.limit,
            Overdelivery::AllowAndCount => u64::MAX,
            Overdelivery::AllowUpTo(over) => self.quota.limit.saturating_add(over),
        }
    }

    /// This account in the period that holds `now`. Counts stay valid while the period is the same, and in one that
    /// overlaps it because the time zone changed.
    fn at(&self, zone: &Zone, now: u64) -> Self {
        if now < self.end {
            return *self;
        }
        let period = zone.period(self.quota.period, UnixMillis::new(now));
        let (start, end) = (period.start.as_millis(), period.end.as_millis());
        // Only the last instant begins a period that ends where it begins.
        let same_end_of_time = start == end && start == self.since;
        if start < self.end || same_end_of_time {
            return Self { end, ..*self };
        }
        Self { quota: self.quota, since: now, end, reserved: 0, committed: 0, released: 0 }
    }
}
