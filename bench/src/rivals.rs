//! The rivals, used as their documentation says: governor's direct and keyed limiters, one for each window.

use crate::ours::{HUGE, REFERENCE};
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, FakeRelativeClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DashMapStateStore},
};
use std::{num::NonZeroU32, time::Duration};

/// One governor limiter on its own clock or on the one that stands still.
pub(crate) type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One keyed governor limiter.
pub(crate) type Keyed =
    RateLimiter<u64, DashMapStateStore<u64>, FakeRelativeClock, NoOpMiddleware<<FakeRelativeClock as Clock>::Instant>>;

/// A limiter for each window: what a program does that has five limits and governor.
pub(crate) struct Five<L>(pub(crate) [L; 5]);

/// At most `limit` at once, refilled within `period_ms`.
pub(crate) fn quota((limit, period_ms): (u32, u64)) -> Quota {
    let interval = Duration::from_millis(period_ms) / limit;
    let burst = NonZeroU32::new(limit).expect("a limit is at least 1");
    Quota::with_period(interval).expect("an interval is at least 1 ns").allow_burst(burst)
}

impl<C: Clock + Clone> Five<Direct<C>> {
    /// The five limits that are never reached.
    pub(crate) fn huge(clock: &C) -> Self {
        Self(HUGE.map(|window| RateLimiter::direct_with_clock(quota(window), clock.clone())))
    }

    /// 10 a second, 500 a minute, 1,000 an hour, 50,000 a day, 1,000,000 in 30 days.
    pub(crate) fn reference(clock: &C) -> Self {
        Self(REFERENCE.map(|window| RateLimiter::direct_with_clock(quota(window), clock.clone())))
    }

    /// Whether all of them allow it. The first that does not ends it; those before it have been charged.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), NotUntil<C::Instant>> {
        self.0.iter().try_for_each(RateLimiter::check)
    }
}

impl Five<Keyed> {
    pub(crate) fn reference(clock: &FakeRelativeClock) -> Self {
        Self(REFERENCE.map(|window| RateLimiter::dashmap_with_clock(quota(window), clock.clone())))
    }

    #[inline]
    pub(crate) fn check(&self, key: u64) -> bool {
        self.0.iter().all(|limiter| limiter.check_key(&key).is_ok())
    }
}

/// governor's own clock, which reads the processor's counter.
pub(crate) fn default_clock() -> DefaultClock {
    DefaultClock::default()
}
