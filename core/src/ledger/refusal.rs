//! Why a reservation is refused.

use super::{Account, Overdelivery};
use crate::{calendar::CalendarUnit, time::UnixMillis};

/// Why units could not be reserved. Nothing was taken from any quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The period of the quota that stands longest in the way.
    pub period: CalendarUnit,
    /// What is wrong with it.
    pub reason: Reason,
    /// Units that are free in it.
    pub free: u64,
    /// The first instant at which the same units fit if nothing else happens; `None` when they never will.
    pub retry_at: Option<UnixMillis>,
}

/// What is wrong with a quota for the units that were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Too few are free in the period.
    Full,
    /// As many are over in the period as the policy allows, or these would be more.
    OverdeliveryUsed,
    /// They are more than any period ever admits.
    TooLarge,
}

impl Refusal {
    /// The stable word: `quota_daily`, `quota_monthly` or `quota_yearly`, or `overquota` (R199).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match (self.reason, self.period) {
            (Reason::OverdeliveryUsed | Reason::TooLarge, _) => "overquota",
            (Reason::Full, CalendarUnit::Day) => "quota_daily",
            (Reason::Full, CalendarUnit::Month) => "quota_monthly",
            (Reason::Full, CalendarUnit::Year) => "quota_yearly",
        }
    }

    /// Every word [`Refusal::code`] can give.
    pub const CODES: [&'static str; 4] = ["quota_daily", "quota_monthly", "quota_yearly", "overquota"];
}

/// The quota that stands longest in the way of these units, if any does.
pub(super) fn refusal(accounts: &[Account], units: u64, overdelivery: Overdelivery) -> Option<Refusal> {
    let refused = |account: &Account, reason, retry_at| Refusal {
        period: account.quota.period,
        reason,
        free: account.free(),
        retry_at,
    };
    if let Some(never) = accounts.iter().find(|account| units > account.most(overdelivery)) {
        return Some(refused(never, Reason::TooLarge, None));
    }
    let room = |account: &Account| account.most(overdelivery).saturating_sub(account.in_use());
    let full = accounts.iter().filter(|account| units > room(account));
    let reason = match overdelivery {
        Overdelivery::Block => Reason::Full,
        Overdelivery::AllowAndCount | Overdelivery::AllowUpTo(_) => Reason::OverdeliveryUsed,
    };
    full.max_by_key(|account| account.end).map(|account| refused(account, reason, Some(UnixMillis::new(account.end))))
}
