//! A window at work: one of four ways to count, laid out at a place in the state.

use super::{
    LimiterError, Usage, Window,
    lanes::Lanes,
    layout::{self, Place},
    log::{self, Log},
    pace::Pace,
    period::Tally,
    ring::{self, Ring},
};
use crate::{calendar::Zone, time::UnixMillis};
use alloc::{format, string::String};

/// The instants of a question. `current` says that nothing has drained since the last charge.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) last: u64,
    pub(super) now: u64,
    pub(super) current: bool,
}

/// A window at an instant: the units in use, and what a charge at that instant needs beside them, in the window's own
/// terms (a ring's newest bucket before and after, the entries of a log that are over, a period's end before and after).
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) used: u64,
    pub(super) from: u64,
    pub(super) to: u64,
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
    pub(super) fn of(cells: &[u8], now: u64) -> Self {
        let last = layout::last(cells);
        let now = now.max(last);
        Self { last, now, current: now < layout::edge(cells) }
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
            Self::Pace(pace) => pace.body_length(),
        }
    }

    #[inline]
    pub(super) fn limit(&self) -> u64 {
        u64::from(match self {
            Self::Ring(ring) => ring.limit,
            Self::Log(log) => log.limit,
            Self::Tally(tally) => tally.limit,
            Self::Pace(pace) => pace.burst,
        })
    }

    /// Tells the short way about this window.
    pub(super) fn add_to(&self, lanes: &mut Lanes) {
        match self {
            Self::Ring(ring) => lanes.add_ring(ring.limit),
            Self::Log(log) => lanes.add_log(log),
            Self::Tally(tally) => lanes.add_tally(tally.limit),
            Self::Pace(pace) => lanes.add_pace(pace),
        }
    }

    /// The window at `clock.now`.
    #[inline]
    pub(super) fn see(&self, cells: &[u8], clock: Clock) -> Seen {
        match self {
            Self::Ring(ring) => ring.see(cells, clock),
            Self::Log(log) => log.see(cells, clock),
            Self::Tally(tally) => tally.see(cells, clock),
            Self::Pace(pace) => pace.see(cells, clock),
        }
    }

    /// The first instant at which at most `left` units are in use.
    fn drained_to(&self, cells: &[u8], clock: Clock, seen: Seen, left: u64) -> u64 {
        if seen.used <= left {
            return clock.now;
        }
        match self {
            Self::Ring(ring) => ring.drained_at(cells, seen, seen.used - left),
            Self::Log(log) => log.drained_at(cells, clock, seen, seen.used - left),
            Self::Tally(_) => seen.to,
            Self::Pace(pace) => pace.drained_to(cells, clock, left),
        }
    }

    /// The first instant at which `cost` units, at most the limit, fit.
    pub(super) fn retry_at(&self, cells: &[u8], clock: Clock, seen: Seen, cost: u64) -> u64 {
        self.drained_to(cells, clock, seen, self.limit().saturating_sub(cost))
    }

    pub(super) fn usage(&self, cells: &[u8], clock: Clock) -> Usage {
        let (seen, limit) = (self.see(cells, clock), self.limit());
        let within = seen.used.min(limit);
        Usage {
            limit: narrow(limit),
            used: narrow(seen.used),
            remaining: narrow(limit - within),
            next_at: UnixMillis::new(self.drained_to(cells, clock, seen, within.saturating_sub(1))),
            full_at: UnixMillis::new(self.drained_to(cells, clock, seen, 0)),
        }
    }

    /// Charges units at `clock.now`; returns the first instant at which the total may be stale.
    #[inline]
    pub(super) fn charge(&self, cells: &mut [u8], clock: Clock, seen: Seen, cost: u32) -> u64 {
        match self {
            Self::Ring(ring) => ring.charge(cells, seen, cost),
            Self::Log(log) => log.charge(cells, clock, seen, cost),
            Self::Tally(tally) => tally.charge(cells, seen, cost),
            Self::Pace(pace) => {
                pace.charge(cells, cost, clock.now);
                u64::MAX
            }
        }
    }

    pub(super) fn refund(&self, cells: &mut [u8], last: u64, charged_at: u64, cost: u32) {
        match self {
            Self::Ring(ring) => ring.refund(cells, last, charged_at, cost),
            Self::Log(log) => log.refund(cells, last, charged_at, cost),
            Self::Tally(tally) => tally.refund(cells, last, charged_at, cost),
            Self::Pace(pace) => pace.refund(cells, last, charged_at, cost),
        }
    }

    /// The first instant at which the total of a state last charged at `last` may be stale.
    pub(super) fn edge(&self, cells: &[u8], last: u64) -> u64 {
        match self {
            Self::Ring(ring) => ring.edge(last),
            Self::Log(log) => log.edge(cells, last),
            Self::Tally(tally) => tally.edge(cells),
            Self::Pace(_) => u64::MAX,
        }
    }

    pub(super) fn is_sound(&self, cells: &[u8], last: u64) -> bool {
        match self {
            Self::Ring(ring) => ring.is_sound(cells, last),
            Self::Log(log) => log.is_sound(cells, last),
            Self::Tally(tally) => tally.is_sound(cells, last),
            Self::Pace(pace) => pace.is_sound(cells),
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

/// How far a clock may be set back before a window's charges move with it: a bucket, an interval.
pub(super) const fn tolerance_ms(window: &Window) -> u64 {
    match window {
        Window::Sliding { period_ms, .. } => ring::bucket_ms(*period_ms),
        Window::Pace { interval_ms, .. } => *interval_ms,
        Window::Calendar { .. } => CALENDAR_TOLERANCE_MS,
    }
}

pub(super) fn narrow(units: u64) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// A calendar window has no bucket. A minute is more than time services correct at once, and less than any period.
const CALENDAR_TOLERANCE_MS: u64 = 60_000;
