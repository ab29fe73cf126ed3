//! What an account that says nothing gets: the most conservative plan there is (requirements R100), and the technical
//! bounds that no plan changes.

use crate::{catalog::DEFAULT_PLAN, gate::Abuse, limiter::Window};
use alloc::{string::String, vec, vec::Vec};

pub(super) fn utc() -> String {
    "UTC".into()
}

pub(super) fn per_key_windows() -> Vec<Window> {
    vec![Window::Sliding { name: "key-second".into(), limit: KEY_REQUESTS_PER_SECOND, period_ms: 1_000 }]
}

pub(super) fn plan() -> String {
    DEFAULT_PLAN.into()
}

#[allow(clippy::unnecessary_wraps, reason = "the field is optional: null switches the rule off")]
pub(super) fn abuse() -> Option<Abuse> {
    Some(Abuse::default())
}

pub(super) const fn figures_max_age() -> u64 {
    FIGURES_MAX_AGE_DAYS
}

pub(super) const fn request_timeout() -> u64 {
    10_000
}

/// Where the windows of a key come from.
pub(super) const KEY_WINDOWS_REFERENCE: &str = "document 002, R190";
/// Requests a second of one key (R190).
const KEY_REQUESTS_PER_SECOND: u32 = 10;
/// A year: providers change their limits about as often as they change their prices.
const FIGURES_MAX_AGE_DAYS: u64 = 365;
