//! A window at work: one of four ways to count, laid out at a place in the state.

use super::{
    LimiterError, State, Usage, Window,
    hot::Hot,
    log::{self, Log},
    pace::Pace,
    period::Tally,
    place::Place,
    ring::Ring,
};
use crate::{calendar::Zone, time::UnixMillis};
use alloc::{format, string::String};

/// The instants of a question. `current` says that no head has gone stale since the last charge.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) last: u64,
    pub(super) now: u64,
    pub(super) current: bool,
}

/// A window, laid out in the state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meter {
    Ring(Ring),
    Log(Log),
    Tally(Tally),
    Pace(Pace),
}

impl Clock {
    pub(super) fn of(state: &State, now: UnixMillis) -> Self {
        let last = state.last();
        let now = now.as_millis().max(last);
        Self { last, now, current: now < state.edge() }
    }
}

impl Meter {
    pub(super) fn new(window: &Window, place: Place) -> Result<Self, LimiterError> {
        Ok(match window {
            Window::Sliding { limit, period_ms, .. } if *limit <= log::MOST_UNITS => {
                Self::Log(Log::new(*limit, *period_ms, place))
            }
            Window::Sliding { limit, period_ms, .. } => Self::Ring(Ring::new(*limit, *period_ms, place)),
            Window::Calendar { name, limit, unit, time_zone } => {
                let zone = Zone::parse(time_zone).map_err(|unknown| LimiterError::UnknownTimeZone {
                    window: name.clone(),
                    time_zone: unknown.name,
                })?;
                Self::Tally(Tally::new(*limit, *unit, zone, place))
            }
            Window::Pace { interval_ms, burst, .. } => Self::Pace(Pace::new(*interval_ms, *burst, place)),
        })
    }

    pub(super) fn body_length(&self) -> usize {
        match self {
            Self::Ring(ring) => ring.body_length(),
            Self::Log(log) => log.body_length(),
            Self::Tally(tally) => tally.body_length(),
            Self::Pace(_) => 0,
        }
    }

    pub(super) fn limit(&self) -> u64 {
        match self {
            Self::Ring(ring) => ring.limit,
            Self::Log(log) => log.limit,
            Self::Tally(tally) => tally.limit,
            Self::Pace(pace) => pace.burst,
        }
    }

    /// Tells the short way about this window; bodies begin at `bodies`.
    pub(super) fn add_to(&self, hot: &mut Hot, bodies: usize) {
        match self {
            Self::Ring(ring) => hot.add_ring(ring.limit),
            Self::Log(log) => log.add_to(hot, bodies),
            Self::Tally(tally) => hot.add_tally(tally.limit),
            Self::Pace(pace) => hot.add_pace(pace.burst * pace.interval_ms, pace.interval_ms),
        }
    }

    /// Units in use at `clock.now`.
    pub(super) fn used(&self, bytes: &[u8], clock: Clock) -> u64 {
        match self {
            Self::Ring(ring) => ring.used(bytes, clock),
            Self::Log(log) => log.used(bytes, clock),
            Self::Tally(tally) => tally.used(bytes, clock),
            Self::Pace(pace) => pace.used(bytes, clock),
        }
    }

    /// The first instant at which at most `left` units are in use, when `used` are at `clock.now`.
    fn drained_to(&self, bytes: &[u8], clock: Clock, used: u64, left: u64) -> u64 {
        if used <= left {
            return clock.now;
        }
        match self {
            Self::Ring(ring) => ring.drained_at(bytes, clock, used - left),
            Self::Log(log) => log.drained_at(bytes, clock, used - left),
            Self::Tally(tally) => tally.drained_at(bytes, clock),
            Self::Pace(pace) => pace.drained_to(bytes, clock, left),
        }
    }

    /// The first instant at which `cost` units, at most the limit, fit, when `used` are in use at `clock.now`.
    pub(super) fn retry_at(&self, bytes: &[u8], clock: Clock, used: u64, cost: u64) -> u64 {
        self.drained_to(bytes, clock, used, self.limit().saturating_sub(cost))
    }

    pub(super) fn usage(&self, bytes: &[u8], clock: Clock) -> Usage {
        let (used, limit) = (self.used(bytes, clock), self.limit());
        let within = used.min(limit);
        let narrow = |units: u64| u32::try_from(units).unwrap_or(u32::MAX);
        Usage {
            limit: narrow(limit),
            used: narrow(used),
            remaining: narrow(limit - within),
            next_at: UnixMillis::new(self.drained_to(bytes, clock, used, within.saturating_sub(1))),
            full_at: UnixMillis::new(self.drained_to(bytes, clock, used, 0)),
        }
    }

    /// Charges units at `clock.now`, when `used` are in use; returns the first instant at which the head may be stale,
    /// if that changed.
    pub(super) fn charge(&self, bytes: &mut [u8], clock: Clock, used: u64, cost: u32) -> u64 {
        match self {
            Self::Ring(ring) => ring.charge(bytes, clock, used, cost),
            Self::Log(log) => log.charge(bytes, clock, cost),
            Self::Tally(tally) => tally.charge(bytes, clock, cost),
            Self::Pace(pace) => {
                pace.charge(bytes, clock, cost);
                u64::MAX
            }
        }
    }

    pub(super) fn refund(&self, bytes: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        match self {
            Self::Ring(ring) => ring.refund(bytes, last, charged_at, cost),
            Self::Log(log) => log.refund(bytes, charged_at, cost),
            Self::Tally(tally) => tally.refund(bytes, charged_at, cost),
            Self::Pace(pace) => pace.refund(bytes, last, charged_at, cost),
        }
    }

    /// The first instant at which the head of a state last charged at `last` may be stale.
    pub(super) fn edge(&self, bytes: &[u8], last: u64) -> u64 {
        match self {
            Self::Ring(ring) => ring.edge(last),
            Self::Log(log) => log.edge(bytes),
            Self::Tally(tally) => tally.edge(bytes),
            Self::Pace(_) => u64::MAX,
        }
    }

    pub(super) fn is_sound(&self, bytes: &[u8], last: u64) -> bool {
        match self {
            Self::Ring(ring) => ring.is_sound(bytes, last),
            Self::Log(log) => log.is_sound(bytes, last),
            Self::Tally(tally) => tally.is_sound(bytes, last),
            Self::Pace(pace) => pace.is_sound(bytes),
        }
    }

    /// This window's line in the policy's description, which the state's fingerprint is taken of.
    pub(super) fn description(&self, window: &Window) -> String {
        let unit_and_zone = match self {
            Self::Tally(tally) => format!("{} {}", tally.unit.as_str(), tally.zone.name()),
            Self::Ring(_) | Self::Log(_) | Self::Pace(_) => String::new(),
        };
        match window {
            Window::Sliding { limit, period_ms, .. } => format!("sliding {limit} {period_ms}"),
            Window::Calendar { limit, .. } => format!("calendar {limit} {unit_and_zone}"),
            Window::Pace { interval_ms, burst, .. } => format!("pace {interval_ms} {burst}"),
        }
    }
}
