//! A warm-up ramp that goes on while time passes: so many messages each local day.

use super::report::LimitId;
use crate::{
    calendar::{CalendarUnit, Period, Zone},
    catalog::Ramp,
    time::UnixMillis,
};

/// A ramp, and the day it is at.
#[derive(Clone, Debug)]
pub struct Warmup {
    ramp: Ramp,
    day: u32,
    today: Option<Period>,
    used: u64,
}

impl Warmup {
    /// A ramp whose day is `day` when the forecast begins; every local day after it is the ramp's next one.
    #[must_use]
    pub fn new(ramp: Ramp, day: u32) -> Self {
        Self { ramp, day: day.max(1), today: None, used: 0 }
    }

    /// How many messages may leave now, and when the day ends.
    pub(super) fn room(&mut self, zone: &Zone, now: UnixMillis) -> (u64, UnixMillis) {
        let mut today = self.today.unwrap_or_else(|| zone.period(CalendarUnit::Day, now));
        while today.end <= now {
            today = zone.period(CalendarUnit::Day, today.end);
            self.day = self.day.saturating_add(1);
            self.used = 0;
        }
        self.today = Some(today);
        let cap = self.ramp.allowance(self.day).cap;
        (cap.map_or(u64::MAX, |cap| cap.saturating_sub(self.used)), today.end)
    }

    pub(super) const fn count(&mut self, messages: u64) {
        self.used = self.used.saturating_add(messages);
    }

    /// The cap of the day it is at, as a limit.
    pub(super) fn limit(&self) -> LimitId {
        let cap = self.ramp.allowance(self.day).cap.unwrap_or(u64::MAX);
        LimitId::warmup(&self.ramp.name, self.day, cap)
    }
}
