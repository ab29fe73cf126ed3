//! What an account may still accept: units reserved at acceptance, committed when handed over, released when not.
//!
//! A [`Ledger`] keeps one count pair for each [`Quota`]: a limit per local day, month or year. At every step, for each
//! quota and its current period, `reserved + committed + free = limit`. A reservation takes from all quotas or from
//! none.
//!
//! A reservation belongs to the periods it was made in. Committing or releasing it later never touches a period that
//! began after it: what was accepted on Monday counts on Monday.
//!
//! **Changed configuration.** Stored counts are taken up under other limits, with quotas added or removed and in
//! another time zone, and nothing is freed by it. A limit lowered below what is in use leaves 0 free until the period
//! ends (the sum is then above the limit). An added quota starts at zero; a removed one is forgotten. After a change
//! of the time zone the current period runs to its old end, and a first period that overlaps it keeps its counts.
//!
//! **Zero and none.** A quota of 0 is valid: a plan that may not send refuses every reservation for ever. No quotas at
//! all is valid too: such an account is not limited by count.
//!
//! **Clock.** A `now` before the newest reservation is taken as that reservation's instant.
//!
//! Out of scope: prices, overage policies, what a unit is (the caller counts recipients).

use crate::{
    calendar::{CalendarUnit, UnknownTimeZone, Zone},
    time::UnixMillis,
};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// At most `limit` units in each local calendar period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Day, month or year.
    pub period: CalendarUnit,
    /// Units; 0 refuses everything.
    pub limit: u64,
}

/// The quotas of one account and what is in use of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    zone: Zone,
    accounts: Vec<Account>,
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
    /// Units that may still be reserved.
    pub free: u64,
    /// The end of the current period.
    pub resets_at: UnixMillis,
}

/// Why units could not be reserved. Nothing was taken from any quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The period of the quota that stands longest in the way.
    pub period: CalendarUnit,
    /// Units that are free in it.
    pub free: u64,
    /// The first instant at which the same units fit if nothing else happens; `None` when they never will.
    pub retry_at: Option<UnixMillis>,
}

/// Units taken from the quotas, to be committed or released later. Plain data: store it with the message, as
/// [`Reservation::to_string`](alloc::string::ToString::to_string) writes it and [`Reservation::parse`] reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// How many units.
    pub units: u64,
    /// When they were taken.
    pub reserved_at: UnixMillis,
    /// Which quotas they were taken from, a bit for each period.
    periods: u8,
}

/// A ledger that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerError {
    /// Two quotas for the same period.
    DuplicatePeriod {
        /// The period.
        period: CalendarUnit,
    },
    /// No such time zone.
    UnknownTimeZone(UnknownTimeZone),
    /// Bytes that are no ledger's, or that contradict themselves.
    Damaged,
    /// Bytes of a version this build does not know.
    Version {
        /// The version found.
        found: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Account {
    quota: Quota,
    /// The instant these counts began; reservations made before it are not among them.
    since: u64,
    end: u64,
    reserved: u64,
    committed: u64,
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
            accounts.push(Account { quota: *quota, since: 0, end: 0, reserved: 0, committed: 0 });
        }
        let mut ledger = Self { zone, accounts, last: 0, bytes: Vec::new() };
        ledger.write();
        Ok(ledger)
    }

    /// Takes up stored bytes under these quotas, which may be others than those the bytes were written under.
    ///
    /// # Errors
    /// As [`Ledger::new`]; [`LedgerError::Version`] and [`LedgerError::Damaged`] for bytes that cannot be read.
    pub fn load(quotas: &[Quota], time_zone: &str, bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut ledger = Self::new(quotas, time_zone)?;
        let (last, stored) = read(bytes)?;
        ledger.last = last;
        for account in &mut ledger.accounts {
            let same_period = |other: &&Account| other.quota.period == account.quota.period;
            if let Some(found) = stored.iter().find(same_period) {
                *account = Account { quota: account.quota, ..*found };
            }
        }
        ledger.write();
        Ok(ledger)
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
        if let Some(refusal) = refusal(&next, units) {
            return Err(refusal);
        }
        self.accounts = next;
        let mut reservation = Reservation { units, reserved_at: UnixMillis::new(now), periods: 0 };
        for account in &mut self.accounts {
            account.reserved = account.reserved.saturating_add(units);
            reservation.periods |= bit(account.quota.period);
        }
        self.last = now;
        self.write();
        Ok(reservation)
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
        self.settle(reservation, units, |_account, _moved| ());
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
                free: account.free(),
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
        self.write();
    }

    fn write(&mut self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(MAGIC);
        self.bytes.extend_from_slice(&[VERSION, u8::try_from(self.accounts.len()).unwrap_or_default()]);
        self.bytes.extend_from_slice(&self.last.to_le_bytes());
        for account in &self.accounts {
            self.bytes.push(bit(account.quota.period));
            for number in [account.since, account.end, account.reserved, account.committed] {
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

impl Account {
    fn free(&self) -> u64 {
        self.quota.limit.saturating_sub(self.reserved.saturating_add(self.committed))
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
        Self { quota: self.quota, since: now, end, reserved: 0, committed: 0 }
    }
}

impl Reservation {
    /// Reads what a reservation prints: `2:1796119200000:dm`.
    ///
    /// Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (units, at, letters) = (parts.next()?, parts.next()?, parts.next()?);
        let mut periods = 0;
        for letter in letters.chars() {
            periods |= PERIODS.iter().find(|(_, written)| *written == letter).map(|(period, _)| bit(*period))?;
        }
        let reservation = Self { units: units.parse().ok()?, reserved_at: UnixMillis::new(at.parse().ok()?), periods };
        (alloc::format!("{reservation}") == text).then_some(reservation)
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = PERIODS.iter().filter(|(period, _)| self.periods & bit(*period) != 0);
        let letters: String = taken.map(|(_, letter)| letter).collect();
        write!(f, "{}:{}:{letters}", self.units, self.reserved_at.as_millis())
    }
}

impl LedgerError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DuplicatePeriod { .. } => "duplicate_period",
            Self::UnknownTimeZone(unknown) => unknown.code(),
            Self::Damaged => "damaged_ledger",
            Self::Version { .. } => "ledger_version",
        }
    }

    /// Every word [`LedgerError::code`] can give.
    pub const CODES: [&'static str; 4] = ["duplicate_period", "unknown_time_zone", "damaged_ledger", "ledger_version"];
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicatePeriod { period } => write!(f, "two quotas per {}", period.as_str()),
            Self::UnknownTimeZone(unknown) => unknown.fmt(f),
            Self::Damaged => f.write_str("the bytes of the ledger contradict themselves"),
            Self::Version { found } => write!(f, "ledger version must be {VERSION}, got {found}"),
        }
    }
}

impl core::error::Error for LedgerError {}

fn refusal(accounts: &[Account], units: u64) -> Option<Refusal> {
    let refused =
        |account: &Account, retry_at| Refusal { period: account.quota.period, free: account.free(), retry_at };
    if let Some(never) = accounts.iter().find(|account| units > account.quota.limit) {
        return Some(refused(never, None));
    }
    let full = accounts.iter().filter(|account| units > account.free());
    full.max_by_key(|account| account.end).map(|account| refused(account, Some(UnixMillis::new(account.end))))
}

fn read(bytes: &[u8]) -> Result<(u64, Vec<Account>), LedgerError> {
    let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(LedgerError::Damaged)?;
    let [first, second, version, count, last @ ..] = *header;
    if [first, second] != *MAGIC {
        return Err(LedgerError::Damaged);
    }
    if version != VERSION {
        return Err(LedgerError::Version { found: version });
    }
    let (entries, rest) = body.as_chunks::<ENTRY>();
    if !rest.is_empty() || entries.len() != usize::from(count) {
        return Err(LedgerError::Damaged);
    }
    let last = u64::from_le_bytes(last);
    let accounts: Option<Vec<Account>> = entries.iter().map(|entry| account(entry, last)).collect();
    let accounts = accounts.filter(|_| last <= UnixMillis::MAX.as_millis()).ok_or(LedgerError::Damaged)?;
    Ok((last, accounts))
}

fn account(entry: &[u8; ENTRY], last: u64) -> Option<Account> {
    let (which, numbers) = entry.split_first()?;
    let (period, _) = PERIODS.iter().find(|(period, _)| bit(*period) == *which)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let [since, end, reserved, committed] = *numbers else { return None };
    let [since, end] = [since, end].map(u64::from_le_bytes);
    let [reserved, committed] = [reserved, committed].map(u64::from_le_bytes);
    reserved.checked_add(committed)?;
    let quota = Quota { period: *period, limit: 0 };
    let sound = since <= last && end <= UnixMillis::MAX.as_millis();
    sound.then_some(Account { quota, since, end, reserved, committed })
}

const fn bit(period: CalendarUnit) -> u8 {
    match period {
        CalendarUnit::Day => 1,
        CalendarUnit::Month => 2,
        CalendarUnit::Year => 4,
    }
}

/// The letters that stand for the periods in a printed reservation.
const PERIODS: [(CalendarUnit, char); 3] =
    [(CalendarUnit::Day, 'd'), (CalendarUnit::Month, 'm'), (CalendarUnit::Year, 'y')];

const MAGIC: &[u8; 2] = b"SL";

/// The layout of `write`. Another layout is another number.
const VERSION: u8 = 1;

/// Magic, version, number of quotas, newest reservation.
const HEADER: usize = 12;

/// Period, since, end, reserved, committed.
const ENTRY: usize = 33;
