//! A ledger.

use super::{SendgateError, values::Amount};
use sendgate_core::{
    calendar::CalendarUnit as Period,
    ledger::{self, Reason as RefusalReason},
    time::UnixMillis,
};
use sendgate_embed::HeldLedger;

/// What a quota is counted over, in a time zone.
#[uniffi::remote(Enum)]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// Why units could not be reserved.
#[uniffi::remote(Enum)]
pub enum RefusalReason {
    /// Too few are free in the period.
    Full,
    /// As many are over in the period as the policy allows, or these would be more.
    OverdeliveryUsed,
    /// They are more than any period ever admits.
    TooLarge,
}

/// What a ledger says to units.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Reserved {
    /// They are reserved, to be committed or released later.
    Granted {
        /// What the reservation prints: store it with the message.
        reservation: String,
    },
    /// They are not, and nothing was taken from any quota.
    Refused {
        /// The stable word, such as `quota_daily`.
        code: String,
        /// Why.
        reason: RefusalReason,
        /// The period of the quota that stands longest in the way.
        period: Period,
        /// Units that are free in it.
        free: Amount,
        /// The first instant at which the same units fit, when nothing else happens; absent when they never will.
        retry_at: Option<UnixMillis>,
    },
}

/// How one quota stands.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct QuotaUsage {
    /// What it is counted over.
    pub period: Period,
    /// Its limit.
    pub limit: Amount,
    /// Units accepted and not yet handed over.
    pub reserved: Amount,
    /// Units handed over.
    pub committed: Amount,
    /// Units accepted and given back.
    pub released: Amount,
    /// Units that may still be reserved without being over.
    pub free: Amount,
    /// Units in use beyond the limit.
    pub over: Amount,
    /// The start of the current period.
    pub starts_at: UnixMillis,
    /// The end of the current period.
    pub resets_at: UnixMillis,
}

/// What an account may still accept: units reserved at acceptance, committed when handed over, released when not. Threads
/// may share it.
#[derive(Debug, uniffi::Object)]
pub struct Ledger(HeldLedger);

#[uniffi::export]
impl Ledger {
    /// A ledger of this policy, `{"quotas":[{"period":"day","limit":100}],"time_zone":"Europe/Rome","overdelivery":"block"}`,
    /// in which nothing is in use. The last two may be left out: UTC and `block`, the others being `allow_and_count` and
    /// `{"allow_up_to":units}`.
    ///
    /// # Errors
    /// [`SendgateError::InvalidPolicy`].
    #[uniffi::constructor]
    pub fn new(policy: &str) -> Result<Self, SendgateError> {
        Ok(Self(HeldLedger::from_json(policy)?))
    }

    /// Takes units from every quota, or from none.
    #[must_use]
    pub fn reserve(&self, units: Amount, now: UnixMillis) -> Reserved {
        match self.0.reserve(units.0, now) {
            Ok(reservation) => Reserved::Granted { reservation: reservation.to_string() },
            Err(refusal) => {
                let code = refusal.code().into();
                let ledger::Refusal { period, reason, free, retry_at } = refusal;
                Reserved::Refused { code, reason, period, free: Amount(free), retry_at }
            }
        }
    }

    /// Turns reserved units into committed ones: they have been handed over. All of the reservation's when `units` is
    /// absent, and never more than those.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] for text that is no reservation.
    #[uniffi::method(default(units = None))]
    pub fn commit(&self, reservation: &str, now: UnixMillis, units: Option<Amount>) -> Result<(), SendgateError> {
        Ok(self.0.commit(reservation, all_or(units), now)?)
    }

    /// Gives reserved units back: they will not be handed over. As `commit`.
    ///
    /// # Errors
    /// As `commit`.
    #[uniffi::method(default(units = None))]
    pub fn release(&self, reservation: &str, now: UnixMillis, units: Option<Amount>) -> Result<(), SendgateError> {
        Ok(self.0.release(reservation, all_or(units), now)?)
    }

    /// How every quota stands in the period that holds `now`.
    #[must_use]
    pub fn usage(&self, now: UnixMillis) -> Vec<QuotaUsage> {
        self.0.usage(now).into_iter().map(QuotaUsage::from).collect()
    }

    /// The ledger's bytes, the same on every platform. Its policy is not in them.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.0.state()
    }

    /// Goes on from a stored ledger, which may have been kept under another policy: nothing is freed by that.
    ///
    /// # Errors
    /// [`SendgateError::InvalidState`]; what was held stays.
    pub fn load(&self, state: Vec<u8>) -> Result<(), SendgateError> {
        Ok(self.0.load(&state)?)
    }
}

impl From<ledger::QuotaUsage> for QuotaUsage {
    fn from(usage: ledger::QuotaUsage) -> Self {
        let ledger::QuotaUsage { period, limit, reserved, committed, released, free, over, starts_at, resets_at } =
            usage;
        let [limit, reserved, committed, released, free, over] =
            [limit, reserved, committed, released, free, over].map(Amount);
        Self { period, limit, reserved, committed, released, free, over, starts_at, resets_at }
    }
}

/// At most the reservation's own units are meant.
fn all_or(units: Option<Amount>) -> u64 {
    units.map_or(u64::MAX, |units| units.0)
}
