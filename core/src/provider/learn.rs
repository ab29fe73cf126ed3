//! Limits that a provider tells: in the header fields of its answers, and when it is asked about the account.
//!
//! A profile's figures are documented, not the account's own (C14): a new SES account may send 200 messages a day, an old
//! one millions. What is learnt moves a window's limit, never its name or period, so that the window keeps what it has
//! counted (R027). It moves within bounds: a header field that went wrong on its way must neither stop an account nor
//! open it. A limit whose period the provider does not say only ever lowers one.

mod account;
mod headers;

pub use account::{account_query, has_account_page, learn_account};
pub use headers::learn;

use crate::{calendar::CalendarUnit, gate::Unit, limiter::Window, time::UnixMillis};
use alloc::vec::Vec;

/// What an answer tells about limits; empty when it tells nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Learned {
    /// Every limit, in the order they were read.
    pub limits: Vec<Limit>,
}

/// One limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// What it counts.
    pub unit: Unit,
    /// Over how long.
    pub span: Span,
    /// How many.
    pub bound: Bound,
    /// How many are used.
    pub used: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// When it is whole again.
    pub resets_at: Option<UnixMillis>,
    /// Who said so.
    pub source: Source,
}

/// How long a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// Any interval of this length in milliseconds.
    Sliding(u64),
    /// A calendar period, in the provider's time zone.
    Calendar(CalendarUnit),
    /// The provider does not say.
    Unsaid,
}

/// How many units a limit allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// So many.
    Units(u64),
    /// As many as one likes.
    Unlimited,
    /// The provider does not say.
    Unsaid,
}

/// Who told a limit: an account's own page is trusted further than a header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A header field of an answer to a message.
    Header,
    /// The answer to a question about the account.
    Account,
}

impl Learned {
    /// The first instant at which something may be left, when a limit says that nothing is.
    #[must_use]
    pub fn pause(&self, now: UnixMillis) -> Option<UnixMillis> {
        let spent = self.limits.iter().filter(|limit| limit.remaining == Some(0));
        spent.filter_map(|limit| limit.resets_at).filter(|at| *at > now && at.since(now) <= LONGEST_MS).max()
    }
}

/// The windows of a profile that count `unit`, with the limits that were learnt.
///
/// A limit is a window's when both have the same period. One without a period may be that of the shortest window that is
/// not over before the limit is whole again; it lowers that one, and raises none.
#[must_use]
pub fn adjusted(windows: &[Window], unit: Unit, learned: &Learned, now: UnixMillis) -> Vec<Window> {
    moved(windows, windows, unit, learned, now)
}

/// The same for windows that were moved before, each beside its documented one: what an answer does not speak of stays.
#[must_use]
pub fn moved(documented: &[Window], current: &[Window], unit: Unit, learned: &Learned, now: UnixMillis) -> Vec<Window> {
    let mut moved = current.to_vec();
    let mut is_told = alloc::vec![false; documented.len()];
    for limit in learned.limits.iter().filter(|limit| limit.unit == unit) {
        let guess = shortest(documented, limit, now);
        for ((window, documented), is_told) in moved.iter_mut().zip(documented).zip(&mut is_told) {
            let next = within(documented, limit);
            if is_of(documented, limit.span) {
                (*window, *is_told) = (next, true);
            } else if guess == Some(documented.name()) {
                let before = if *is_told { &*window } else { documented };
                let lowest = if next.limit() < before.limit() { next } else { before.clone() };
                (*window, *is_told) = (lowest, true);
            }
        }
    }
    moved
}

/// A profile's window with the limit that a process before this one had learnt for it.
#[must_use]
pub fn told_before(window: &Window, limit: u32) -> Window {
    bounded(window, u64::from(limit), ACCOUNT_FACTOR)
}

/// A profile's window with a limit that is about it: at most 10 times more or fewer units than documented when a header
/// field says so, 1,000 times when the account's own page does, and never none. A pace stays as it is.
#[must_use]
pub fn within(window: &Window, limit: &Limit) -> Window {
    let factor = match limit.source {
        Source::Header => HEADER_FACTOR,
        Source::Account => ACCOUNT_FACTOR,
    };
    let units = match limit.bound {
        Bound::Units(units) => units,
        Bound::Unlimited => u64::MAX,
        Bound::Unsaid => u64::from(window.limit()),
    };
    bounded(window, units, factor)
}

/// A window with so many units, at most `factor` times more or fewer than it has.
fn bounded(window: &Window, units: u64, factor: u64) -> Window {
    let documented = u64::from(window.limit());
    let most = documented.saturating_mul(factor).min(MAX_LIMIT);
    let fewest = documented.div_ceil(factor).max(1);
    let units = units.clamp(fewest.min(most), most);
    let limit = u32::try_from(units).unwrap_or_else(|_| window.limit());
    match window.clone() {
        Window::Sliding { name, period_ms, limit: _ } => Window::Sliding { name, limit, period_ms },
        Window::Calendar { name, unit, time_zone, limit: _ } => Window::Calendar { name, limit, unit, time_zone },
        pace @ Window::Pace { .. } => pace,
    }
}

/// Whether a window has the period of a limit.
fn is_of(window: &Window, span: Span) -> bool {
    match (window, span) {
        (Window::Sliding { period_ms, .. }, Span::Sliding(period)) => *period_ms == period,
        (Window::Calendar { unit, .. }, Span::Calendar(period)) => *unit == period,
        (Window::Sliding { .. } | Window::Calendar { .. } | Window::Pace { .. }, _) => false,
    }
}

/// The window that a limit without a period may be of.
fn shortest<'a>(windows: &'a [Window], limit: &Limit, now: UnixMillis) -> Option<&'a str> {
    if limit.span != Span::Unsaid {
        return None;
    }
    let wait = limit.resets_at.map_or(0, |at| at.since(now));
    let periods = windows.iter().filter_map(|window| match window {
        Window::Sliding { name, period_ms, .. } => Some((*period_ms, name.as_str())),
        Window::Calendar { .. } | Window::Pace { .. } => None,
    });
    periods.filter(|(period, _)| *period >= wait).min().map(|(_, name)| name)
}

/// Providers document one figure for accounts that differ by a plan or two.
const HEADER_FACTOR: u64 = 10;
/// SES: 200 recipients a day in the sandbox, 50,000 by default, tens of millions for the largest.
const ACCOUNT_FACTOR: u64 = 1_000;
/// The most that a window takes ([`Window::Sliding`]).
const MAX_LIMIT: u64 = 4_294_967_294;
/// A month with 31 days and a day: no limit known here is whole again later.
const LONGEST_MS: u64 = 32 * 86_400_000;

#[cfg(test)]
mod tests;
