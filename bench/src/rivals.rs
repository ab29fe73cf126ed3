//! The rivals, used as their documentation says: governor's direct and keyed limiters, one for each window.

use crate::{
    ours::{HUGE, REFERENCE},
    random::Random,
};
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, FakeRelativeClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DashMapStateStore},
};
use std::{
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    num::NonZeroU32,
    time::Duration,
};

/// One governor limiter on its own clock or on the one that stands still.
pub(crate) type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One keyed governor limiter, with the hasher of its choice or with [`Cheap`].
pub(crate) type Keyed<S> = RateLimiter<
    u64,
    DashMapStateStore<u64, S>,
    FakeRelativeClock,
    NoOpMiddleware<<FakeRelativeClock as Clock>::Instant>,
>;

/// What a keyed limiter asks of its hasher.
pub(crate) trait Hashing: BuildHasher + Clone + Default {}

impl<S: BuildHasher + Clone + Default> Hashing for S {}

/// A hasher for `u64` that costs next to nothing.
#[derive(Clone, Default)]
pub(crate) struct CheapHasher(u64);

/// Makes [`CheapHasher`]s.
pub(crate) type Cheap = BuildHasherDefault<CheapHasher>;

impl Hasher for CheapHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn write_u64(&mut self, key: u64) {
        self.0 = Random::new(self.0 ^ key).next();
    }
}

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

impl<S: Hashing> Five<Keyed<S>> {
    pub(crate) fn reference(clock: &FakeRelativeClock) -> Self {
        let limiter = |window| RateLimiter::dashmap_with_clock_and_hasher(quota(window), clock.clone(), S::default());
        Self(REFERENCE.map(limiter))
    }

    #[inline]
    pub(crate) fn check(&self, key: u64) -> bool {
        self.0.iter().all(|limiter| limiter.check_key(&key).is_ok())
    }
}
