//! What a refusal of the ledger is called over HTTP.

use crate::{
    calendar::CalendarUnit,
    ledger::{Reason, Refusal},
    problem::{Code, Problem},
    time::UnixMillis,
};
use alloc::format;

pub(super) fn over_quota(refusal: &Refusal) -> Problem {
    let code = match (refusal.reason, refusal.period) {
        (Reason::TooLarge | Reason::OverdeliveryUsed, _) => Code::Overquota,
        (Reason::Full, CalendarUnit::Day) => Code::QuotaDaily,
        (Reason::Full, CalendarUnit::Month) => Code::QuotaMonthly,
        (Reason::Full, CalendarUnit::Year) => Code::QuotaYearly,
    };
    let detail = format!("{} recipients are free in the period; nothing of the request was accepted", refusal.free);
    Problem { window: Some(quota_name(refusal.period).into()), ..Problem::new(code, detail) }
}

/// When a refusal tells to try again: R199, not at all for what is over the quota by policy or by size.
pub(super) const fn retry_after(refusal: &Refusal) -> Option<UnixMillis> {
    match refusal.reason {
        Reason::Full => refusal.retry_at,
        Reason::OverdeliveryUsed | Reason::TooLarge => None,
    }
}

/// The name of a quota, the same in limits, headers and refusals.
pub(super) const fn quota_name(period: CalendarUnit) -> &'static str {
    match period {
        CalendarUnit::Day => "quota_daily",
        CalendarUnit::Month => "quota_monthly",
        CalendarUnit::Year => "quota_yearly",
    }
}
