//! What a forecast says.

use crate::{
    gate::{Dimension, Scope, Unit},
    limiter::Window,
    time::UnixMillis,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// What will have become of the messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forecast {
    /// Where the clock began.
    pub started_at: UnixMillis,
    /// When the first message left; `None` when none did.
    pub first_at: Option<UnixMillis>,
    /// When the last message left; `None` when none did.
    pub finished_at: Option<UnixMillis>,
    /// Messages that were asked about.
    pub messages: u64,
    /// Messages that the provider took.
    pub sent: u64,
    /// Messages that it refused for good.
    pub refused: u64,
    /// Messages whose attempts were used up.
    pub held: u64,
    /// Messages that no waiting helps, by the limit that never admits them.
    pub never: Vec<(LimitId, u64)>,
    /// Calls to the provider.
    pub calls: u64,
    /// Attempts at messages, a call of several counted for each.
    pub attempts: u64,
    /// When each message left last, in the order in which they came; `None` for one that never did.
    pub departures: Vec<Option<UnixMillis>>,
    /// The limits that made messages wait, the one that did so longest first.
    pub bounds: Vec<Bound>,
    /// Which limit stood in the way when, in their order; as the first [`Stretch::MOST`] of them.
    pub timeline: Vec<Stretch>,
    /// How long messages waited from their coming to their departure.
    pub waiting: Waiting,
}

/// The name of a limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitId {
    /// What it limits: `account`, `plan`, `provider`, `class`, `domain_group`, `quota` or `warmup`.
    pub scope: &'static str,
    /// Which one of them.
    pub dimension: String,
    /// The window's name, the quota's period, or the ramp's day.
    pub window: String,
    /// How many it admits.
    pub limit: u64,
    /// What it counts: `requests`, `messages` or `recipients`.
    pub unit: &'static str,
}

/// A limit that made messages wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    /// Which.
    pub limit: LimitId,
    /// Milliseconds in which it was what everything waited for.
    pub waited_ms: u64,
    /// When it first stood in the way.
    pub from: UnixMillis,
    /// When it did so last.
    pub until: UnixMillis,
}

/// A time in which one limit was what everything waited for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// Which.
    pub limit: LimitId,
    /// From when.
    pub from: UnixMillis,
    /// Until when.
    pub until: UnixMillis,
}

impl Stretch {
    /// The most stretches that are told.
    pub const MOST: usize = 1_000;
}

/// Percentiles of the time from coming to departure, in milliseconds: so long the fastest part waited at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// Half of the messages.
    pub p50_ms: u64,
    /// 90 in a hundred.
    pub p90_ms: u64,
    /// 99 in a hundred.
    pub p99_ms: u64,
    /// All.
    pub max_ms: u64,
}

impl LimitId {
    pub(super) fn of(dimension: &Dimension, window: &Window) -> Self {
        Self {
            scope: dimension.scope().word(),
            dimension: dimension.name().into(),
            window: window.name().into(),
            limit: u64::from(window.limit()),
            unit: dimension.unit().word(),
        }
    }

    pub(super) fn quota(period: &str, limit: u64) -> Self {
        Self {
            scope: "quota",
            dimension: "account".into(),
            window: period.into(),
            limit,
            unit: Unit::Recipients.word(),
        }
    }

    pub(super) fn warmup(name: &str, day: u32, cap: u64) -> Self {
        let window = alloc::format!("day {day}");
        Self { scope: "warmup", dimension: name.into(), window, limit: cap, unit: Unit::Messages.word() }
    }

    /// The calls that a host carries at the same time.
    pub(super) fn in_flight(most: usize) -> Self {
        Self {
            scope: Scope::Account.word(),
            dimension: "calls".into(),
            window: "in_flight".into(),
            limit: u64::try_from(most).unwrap_or(u64::MAX),
            unit: Unit::Requests.word(),
        }
    }

    /// The window under which an account cannot send at all.
    pub(super) fn status(reason: &str) -> Self {
        Self {
            scope: Scope::Account.word(),
            dimension: reason.into(),
            window: "status".into(),
            limit: 0,
            unit: Unit::Messages.word(),
        }
    }
}

impl Forecast {
    /// Nothing has happened yet.
    pub(super) fn beginning(now: UnixMillis, messages: usize) -> Self {
        Self {
            started_at: now,
            first_at: None,
            finished_at: None,
            messages: u64::try_from(messages).unwrap_or(u64::MAX),
            sent: 0,
            refused: 0,
            held: 0,
            never: Vec::new(),
            calls: 0,
            attempts: 0,
            departures: alloc::vec![None; messages],
            bounds: Vec::new(),
            timeline: Vec::new(),
            waiting: Waiting::default(),
        }
    }
}

/// Notes what the clock waited for.
#[derive(Default)]
pub(super) struct Log {
    bounds: BTreeMap<LimitId, (u64, UnixMillis, UnixMillis)>,
    timeline: Vec<Stretch>,
}

impl Log {
    pub(super) fn waited(&mut self, limit: &LimitId, from: UnixMillis, until: UnixMillis) {
        if until <= from {
            return;
        }
        if let Some((waited, _, last)) = self.bounds.get_mut(limit) {
            *waited = waited.saturating_add(until.since(from));
            *last = until;
        } else {
            self.bounds.insert(limit.clone(), (until.since(from), from, until));
        }
        if let Some(last) = self.timeline.last_mut().filter(|last| last.limit == *limit) {
            last.until = until;
        } else if self.timeline.len() < Stretch::MOST {
            self.timeline.push(Stretch { limit: limit.clone(), from, until });
        }
    }

    pub(super) fn into_parts(self) -> (Vec<Bound>, Vec<Stretch>) {
        let bounds = self.bounds.into_iter();
        let mut bounds: Vec<Bound> =
            bounds.map(|(limit, (waited_ms, from, until))| Bound { limit, waited_ms, from, until }).collect();
        bounds.sort_by(|a, b| b.waited_ms.cmp(&a.waited_ms).then_with(|| a.limit.cmp(&b.limit)));
        (bounds, self.timeline)
    }
}

impl Waiting {
    /// Of all waits, in any order.
    pub(super) fn of(mut waits: Vec<u64>) -> Self {
        waits.sort_unstable();
        // The smallest wait that so many in a hundred do not exceed: the nearest rank.
        let rank = |percent: usize| {
            let place = waits.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
            waits.get(place).copied().unwrap_or(0)
        };
        Self { p50_ms: rank(50), p90_ms: rank(90), p99_ms: rank(99), max_ms: rank(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition of the nearest rank: of 1 to 200 the 100th, the 180th, the 198th and the last.
    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let waiting = Waiting::of((1..=200).rev().collect());
        assert_eq!(waiting, Waiting { p50_ms: 100, p90_ms: 180, p99_ms: 198, max_ms: 200 });
        assert_eq!(Waiting::of(Vec::new()), Waiting::default());
    }
}
