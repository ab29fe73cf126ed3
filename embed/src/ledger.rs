//! A ledger in memory, shared by all threads of a process.

use crate::{Failure, FailureKind};
use sendgate_core::{
    ledger::{Ledger, LedgerError, Overdelivery, Quota, QuotaUsage, Refusal, Reservation},
    time::UnixMillis,
};
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`Ledger`] with the terms it is kept under. Reservations are what they print: store them with their messages.
#[derive(Debug)]
pub struct HeldLedger {
    terms: Terms,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    quotas: Vec<Quota>,
    #[serde(default = "utc")]
    time_zone: String,
    #[serde(default)]
    overdelivery: Overdelivery,
}

impl HeldLedger {
    /// A ledger of this policy, `{"quotas":[{"period":"day","limit":100}],"time_zone":"Europe/Rome",
    /// "overdelivery":"block"}`, in which nothing is in use. The last two may be left out: `UTC` and `block`.
    ///
    /// # Errors
    /// Text that is no such policy, two quotas for one period, or a time zone that there is not.
    pub fn from_json(policy: &str) -> Result<Self, Failure> {
        let terms = serde_json::from_str::<Terms>(policy)
            .map_err(|error| Failure::new(FailureKind::InvalidPolicy, "malformed_policy", &error))?;
        let ledger = Ledger::new(&terms.quotas, &terms.time_zone)?.with_overdelivery(terms.overdelivery);
        Ok(Self { terms, ledger: Mutex::new(ledger) })
    }

    /// Takes units from every quota, or from none.
    ///
    /// # Errors
    /// As [`Ledger::reserve`]: nothing was taken.
    pub fn reserve(&self, units: u64, now: UnixMillis) -> Result<Reservation, Refusal> {
        self.locked().reserve(units, now)
    }

    /// Turns reserved units into committed ones, at most the reservation's own.
    ///
    /// # Errors
    /// Text that is no reservation.
    pub fn commit(&self, reservation: &str, units: u64, now: UnixMillis) -> Result<(), Failure> {
        self.locked().commit(&read(reservation)?, units, now);
        Ok(())
    }

    /// Gives reserved units back, at most the reservation's own.
    ///
    /// # Errors
    /// As [`HeldLedger::commit`].
    pub fn release(&self, reservation: &str, units: u64, now: UnixMillis) -> Result<(), Failure> {
        self.locked().release(&read(reservation)?, units, now);
        Ok(())
    }

    /// How every quota stands in the period that holds `now`.
    #[must_use]
    pub fn usage(&self, now: UnixMillis) -> Vec<QuotaUsage> {
        self.locked().usage(now)
    }

    /// The ledger's bytes, the same on every platform. Its policy is not in them.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.locked().as_bytes().to_vec()
    }

    /// Goes on from stored bytes, which may have been kept under another policy: nothing is freed by that.
    ///
    /// # Errors
    /// As [`Ledger::load`]; what was held stays as it was.
    pub fn load(&self, bytes: &[u8]) -> Result<(), Failure> {
        let Terms { quotas, time_zone, overdelivery } = &self.terms;
        let loaded = Ledger::load(quotas, time_zone, bytes)?.with_overdelivery(*overdelivery);
        *self.locked() = loaded;
        Ok(())
    }

    /// A lock left by a thread that panicked is taken over: no method runs a caller's code under it.
    fn locked(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let kind = match &error {
            LedgerError::DuplicatePeriod { .. } | LedgerError::UnknownTimeZone(_) => FailureKind::InvalidPolicy,
            LedgerError::Damaged | LedgerError::Version { .. } => FailureKind::InvalidState,
        };
        Self::new(kind, error.code(), &error)
    }
}

fn read(reservation: &str) -> Result<Reservation, Failure> {
    Reservation::parse(reservation)
        .ok_or_else(|| Failure::argument("no_reservation", &"the text is not what a reservation prints"))
}

fn utc() -> String {
    "UTC".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-01-15T08:00:00Z.
    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn units_are_reserved_committed_and_given_back() {
        let ledger = HeldLedger::from_json(r#"{"quotas":[{"period":"day","limit":10}]}"#).unwrap();
        let reservation = ledger.reserve(8, NOW).unwrap().to_string();
        assert_eq!(reservation, "8:1800000000000:d");
        let refusal = ledger.reserve(3, NOW).unwrap_err();
        // The day of UTC ends 16 hours later.
        assert_eq!((refusal.free, refusal.retry_at), (2, Some(NOW.plus(16 * 3_600_000))));
        ledger.commit(&reservation, 5, NOW).unwrap();
        ledger.release(&reservation, 3, NOW).unwrap();
        let day = ledger.usage(NOW)[0];
        assert_eq!((day.reserved, day.committed, day.released, day.free), (0, 5, 3, 5));
        assert_eq!(ledger.commit("8", 1, NOW).unwrap_err().code, "no_reservation");
    }

    #[test]
    fn a_state_is_taken_up_under_another_policy() {
        let first = HeldLedger::from_json(r#"{"quotas":[{"period":"day","limit":10}]}"#).unwrap();
        first.reserve(8, NOW).unwrap();
        let lower = r#"{"quotas":[{"period":"day","limit":5}],"time_zone":"UTC","overdelivery":{"allow_up_to":4}}"#;
        let second = HeldLedger::from_json(lower).unwrap();
        second.load(&first.state()).unwrap();
        assert_eq!(second.usage(NOW)[0].over, 3);
        assert!(second.reserve(1, NOW).is_ok() && second.reserve(1, NOW).is_err());
        assert_eq!(second.load(b"").unwrap_err().kind, FailureKind::InvalidState);
        assert_eq!(second.usage(NOW)[0].over, 4);
    }

    #[test]
    fn a_wrong_policy_is_an_error() {
        let code = |policy: &str| HeldLedger::from_json(policy).unwrap_err().code;
        assert_eq!(code("{}"), "malformed_policy");
        assert_eq!(code(r#"{"quotas":[],"time_zone":"Moon"}"#), "unknown_time_zone");
        let twice = r#"{"quotas":[{"period":"day","limit":1},{"period":"day","limit":2}]}"#;
        assert_eq!(code(twice), "duplicate_period");
    }
}
