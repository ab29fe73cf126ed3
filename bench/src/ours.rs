//! Sendgate, used as its documentation says.

use sendgate_core::{
    calendar::CalendarUnit,
    limiter::{Limiter, Limiters, State, Window},
    time::UnixMillis,
};

/// Five limits that a run never reaches, a thousand million each, as limit and period in milliseconds.
pub(crate) const HUGE: [(u32, u64); 5] = [
    (1_000_000_000, SECOND),
    (1_000_000_000, 60 * SECOND),
    (1_000_000_000, 3_600 * SECOND),
    (1_000_000_000, DAY),
    (1_000_000_000, 30 * DAY),
];

/// The reference plan's limits; ours has a calendar month in place of the 30 days.
pub(crate) const REFERENCE: [(u32, u64); 5] =
    [(10, SECOND), (500, 60 * SECOND), (1_000, 3_600 * SECOND), (50_000, DAY), (1_000_000, 30 * DAY)];

/// When every run begins: 2027-01-15T08:00:00Z.
pub(crate) const START: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// A limiter of sliding windows.
pub(crate) fn sliding(windows: &[(u32, u64)]) -> Limiter {
    let window = |(index, &(limit, period_ms)): (usize, &(u32, u64))| Window::Sliding {
        name: format!("window-{index}"),
        limit,
        period_ms,
    };
    Limiter::new(windows.iter().enumerate().map(window).collect()).expect("a valid policy")
}

/// 10 a second, 500 a minute, 1,000 an hour, 50,000 a day, each in every interval; 1,000,000 a month, UTC.
pub(crate) fn reference() -> Limiter {
    let [.., (limit, _)] = REFERENCE;
    let month = Window::Calendar { name: "month".into(), limit, unit: CalendarUnit::Month, time_zone: "UTC".into() };
    let mut windows = sliding(&REFERENCE[..4]).windows().to_vec();
    windows.push(month);
    Limiter::new(windows).expect("a valid policy")
}

/// The bare decision: whether one unit may leave, charged if it may.
#[inline]
pub(crate) fn admit(limiter: &Limiter, state: &mut State, now: UnixMillis) -> bool {
    limiter.admit(state, 1, now).is_some()
}

/// States by key, in core's table.
pub(crate) struct Table {
    limiters: Limiters,
    admitted: Vec<bool>,
}

impl Table {
    pub(crate) fn new(limiter: Limiter) -> Self {
        Self { limiters: Limiters::new(limiter, [1, 2]), admitted: Vec::new() }
    }

    #[inline]
    pub(crate) fn admit(&mut self, key: u64, now: UnixMillis) -> bool {
        self.limiters.admit(key, 1, now).is_some()
    }

    /// One unit for each key; how many were allowed.
    #[inline]
    pub(crate) fn admit_many(&mut self, asked: &[(u64, u32)], now: UnixMillis) -> u64 {
        self.admitted.clear();
        self.limiters.admit_many(asked, &mut self.admitted, now) as u64
    }
}

const SECOND: u64 = 1_000;
const DAY: u64 = 86_400 * SECOND;
