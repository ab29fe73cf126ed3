//! A window at work: one of four ways to count, with a body among the bodies of a state.

use super::{
    LimiterError, Usage, Window,
    lanes::Lanes,
    layout::{self, Counts},
    log::{self, Log},
    pace::Pace,
    period::Tally,
    ring::{self, Ring},
};
use crate::{calendar::Zone, time::UnixMillis};
use alloc::{format, string::String, vec::Vec};

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
    /// The window's counts before.
    pub(super) counts: Counts,
}

/// Which bodies stand before others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    End,
    Arrival,
    Entries,
    Ring,
}

impl Rank {
    const ALL: [Self; 4] = [Self::End, Self::Arrival, Self::Entries, Self::Ring];
}

/// A window, laid out.
// The tag is a byte of its own: reading it out of a field's spare values costs more than a decision has to spare.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
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
    /// All windows of a policy and the length of their bodies, which stand in the order that `layout` says.
    pub(super) fn all(windows: &[Window]) -> Result<(Vec<Self>, usize), LimiterError> {
        let mut meters: Vec<Self> = windows.iter().map(|window| Self::new(window, 0)).collect::<Result<_, _>>()?;
        let mut bodies = 0;
        for rank in Rank::ALL {
            for (meter, window) in meters.iter_mut().zip(windows).filter(|(meter, _)| meter.rank() == rank) {
                *meter = Self::new(window, bodies)?;
                bodies += meter.body_length();
            }
        }
        Ok((meters, bodies))
    }

    fn new(window: &Window, body: usize) -> Result<Self, LimiterError> {
        Ok(match window {
            Window::Sliding { limit, period_ms, .. } if *limit <= log::MOST_UNITS => {
                Self::Log(Log::new(*limit, *period_ms, body))
            }
            Window::Sliding { limit, period_ms, .. } => Self::Ring(Ring::new(*limit, *period_ms, body)),
            Window::Calendar { name, limit, unit, time_zone } => {
                let zone = Zone::parse(time_zone).map_err(|unknown| LimiterError::UnknownTimeZone {
                    window: name.clone(),
                    time_zone: unknown.name,
                })?;
                Self::Tally(Tally::new(*limit, *unit, zone, body))
            }
            Window::Pace { interval_ms, burst, .. } => Self::Pace(Pace::new(*interval_ms, *burst, body)),
        })
    }

    const fn rank(&self) -> Rank {
        match self {
            Self::Tally(_) => Rank::End,
            Self::Pace(_) => Rank::Arrival,
            Self::Log(_) => Rank::Entries,
            Self::Ring(_) => Rank::Ring,
        }
    }

    fn body_length(&self) -> usize {
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
            Self::Ring(ring) => lanes.add_ring(ring),
            Self::Log(log) => lanes.add_log(log),
            Self::Tally(tally) => lanes.add_tally(tally),
            Self::Pace(pace) => lanes.add_pace(pace),
        }
    }

    /// The window at `clock.now`.
    #[inline(always)]
    pub(super) fn see(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Seen {
        match self {
            Self::Ring(ring) => ring.see(bodies, counts, clock),
            Self::Log(log) => log.see(bodies, counts, clock),
            Self::Tally(tally) => tally.see(bodies, counts, clock),
            Self::Pace(pace) => pace.see(bodies, clock),
        }
    }

    /// The first instant at which at most `left` units are in use.
    fn drained_to(&self, bodies: &[u8], clock: Clock, seen: Seen, left: u64) -> u64 {
        if seen.used <= left {
            return clock.now;
        }
        match self {
            Self::Ring(ring) => ring.drained_at(bodies, seen, seen.used - left),
            Self::Log(log) => log.drained_at(bodies, clock, seen, seen.used - left),
            Self::Tally(_) => seen.to,
            Self::Pace(pace) => pace.drained_to(bodies, clock, left),
        }
    }

    /// The first instant at which `cost` units, at most the limit, fit.
    pub(super) fn retry_at(&self, bodies: &[u8], clock: Clock, seen: Seen, cost: u64) -> u64 {
        self.drained_to(bodies, clock, seen, self.limit().saturating_sub(cost))
    }

    pub(super) fn usage(&self, bodies: &[u8], counts: Counts, clock: Clock) -> Usage {
        let (seen, limit) = (self.see(bodies, counts, clock), self.limit());
        let within = seen.used.min(limit);
        Usage {
            limit: narrow(limit),
            used: narrow(seen.used),
            remaining: narrow(limit - within),
            next_at: UnixMillis::new(self.drained_to(bodies, clock, seen, within.saturating_sub(1))),
            full_at: UnixMillis::new(self.drained_to(bodies, clock, seen, 0)),
        }
    }

    /// Charges units at `clock.now`; returns the counts and the first instant at which they may be stale.
    #[inline(always)]
    pub(super) fn charge(&self, bodies: &mut [u8], clock: Clock, seen: Seen, cost: u32) -> (Counts, u64) {
        match self {
            Self::Ring(ring) => ring.charge(bodies, seen, cost),
            Self::Log(log) => log.charge(bodies, clock, seen, cost),
            Self::Tally(tally) => tally.charge(bodies, seen, cost),
            Self::Pace(pace) => {
                pace.charge(bodies, cost, clock.now);
                (Counts::default(), u64::MAX)
            }
        }
    }

    pub(super) fn refund(&self, bodies: &mut [u8], counts: Counts, last: u64, charged_at: u64, cost: u32) -> Counts {
        match self {
            Self::Ring(ring) => ring.refund(bodies, counts, last, charged_at, cost),
            Self::Log(log) => log.refund(bodies, counts, last, charged_at, cost),
            Self::Tally(tally) => tally.refund(counts, last, charged_at, cost),
            Self::Pace(pace) => {
                pace.refund(bodies, last, charged_at, cost);
                counts
            }
        }
    }

    /// The first instant at which the counts of a state last charged at `last` may be stale.
    pub(super) fn edge(&self, bodies: &[u8], counts: Counts, last: u64) -> u64 {
        match self {
            Self::Ring(ring) => ring.edge(counts, last),
            Self::Log(log) => log.edge(bodies, counts, last),
            Self::Tally(tally) => tally.edge(bodies, counts),
            Self::Pace(_) => u64::MAX,
        }
    }

    pub(super) fn is_sound(&self, bodies: &[u8], counts: Counts, last: u64) -> bool {
        match self {
            Self::Ring(ring) => ring.is_sound(bodies, counts, last),
            Self::Log(log) => log.is_sound(bodies, counts, last),
            Self::Tally(tally) => tally.is_sound(bodies, counts, last),
            Self::Pace(_) => Pace::is_sound(counts),
        }
    }

    /// Units in use, for another policy: the largest number when more were charged than could be counted and some of
    /// that is still in use.
    pub(super) fn units(&self, bodies: &[u8], seen: Seen) -> u32 {
        let past_counting = match self {
            Self::Ring(ring) => ring.is_past_counting(bodies, seen),
            Self::Log(_) | Self::Tally(_) | Self::Pace(_) => seen.used >= u64::from(u32::MAX),
        };
        if past_counting && seen.used > 0 { u32::MAX } else { narrow(seen.used) }
    }

    /// As many of another policy's units as this window takes up: of a number past counting no more than make it full.
    pub(super) fn taken_up(&self, units: u32) -> u32 {
        match self {
            Self::Pace(pace) if units == u32::MAX => pace.burst,
            Self::Ring(_) | Self::Log(_) | Self::Tally(_) | Self::Pace(_) => units,
        }
    }

    /// Prepares fresh cells for what was in use before the clock was set back from `clock.last` to `clock.now`; returns
    /// the units to charge.
    pub(super) fn follow(&self, bodies: &mut [u8], before: Seen, after: &mut Seen, clock: Clock) -> u32 {
        match self {
            Self::Ring(_) | Self::Log(_) => narrow(before.used),
            Self::Tally(tally) => {
                after.to = tally.end_when_set_back(before.to, clock);
                narrow(before.used)
            }
            Self::Pace(pace) => {
                pace.owe(bodies, before.from.saturating_sub(clock.last), clock.now);
                0
            }
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

/// The edge of a window: the instant from which its counts may be stale, or none when it is over its limit, so that the
/// short way is never taken.
#[inline(always)]
pub(super) const fn edge_within(limit: u32, total: u32, stale_at: u64) -> u64 {
    if total > limit { NONE } else { stale_at }
}

/// An edge that every instant is past.
pub(super) const NONE: u64 = 0;

/// A calendar window has no bucket. A minute is more than time services correct at once, and less than any period.
const CALENDAR_TOLERANCE_MS: u64 = 60_000;
