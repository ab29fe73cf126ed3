//! What an account that says nothing gets: the most conservative plan there is (requirements R100).

use crate::{calendar::CalendarUnit, ledger::Quota, limiter::Window};
use alloc::{string::String, vec, vec::Vec};

pub(super) fn utc() -> String {
    "UTC".into()
}

pub(super) fn per_key_windows() -> Vec<Window> {
    vec![Window::Sliding { name: "key-second".into(), limit: KEY_REQUESTS_PER_SECOND, period_ms: 1_000 }]
}

pub(super) fn conservative_plan_windows() -> Vec<Window> {
    vec![Window::Sliding { name: "plan-minute".into(), limit: FREE_REQUESTS_PER_MINUTE, period_ms: 60_000 }]
}

pub(super) fn conservative_quotas() -> Vec<Quota> {
    vec![Quota { period: CalendarUnit::Day, limit: FREE_RECIPIENTS_PER_DAY }]
}

pub(super) const fn conservative_batch() -> usize {
    PLAN_BATCH
}

pub(super) const fn request_timeout() -> u64 {
    10_000
}

/// Requests a second of one key (R190).
const KEY_REQUESTS_PER_SECOND: u32 = 10;
/// Requests a minute of the Free plan, the most conservative one (R218, R100).
const FREE_REQUESTS_PER_MINUTE: u32 = 60;
/// Recipients a day of the Free plan (R219, C25).
const FREE_RECIPIENTS_PER_DAY: u64 = 100;
/// Messages a request of a plan that says nothing else (R229).
const PLAN_BATCH: usize = 100;
