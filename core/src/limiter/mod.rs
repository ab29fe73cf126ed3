//! One limiter for everything that is limited: several windows, decided all at once.
//!
//! A [`Limiter`] is a checked policy of one to eight [`Window`]s. Its [`State`] is plain bytes that the caller stores:
//! 308 of them for windows of a second, a minute, an hour, a day and a month. A decision charges every window or none,
//! and a denial changes no byte, so only an allowed send has to be written.
//!
//! What holds, for every trace of costs and instants:
//! 1. never over: no half-open interval of a sliding window's period carries more than its limit;
//! 2. no needless denial: a denial is justified by what left in the period plus one sub-bucket, and a fresh window
//!    admits its whole limit at once;
//! 3. tight: denied 1 ms before `retry_at` and allowed at it, over all windows, if nothing else happens;
//! 4. atomic: a denial charges nothing and names the window that stands longest in the way;
//! 5. a refund takes back what was charged and can never make room for more than that;
//! 6. the bytes are the same on every platform.
//!
//! Why sub-buckets: GCRA and two-counter windows admit nearly twice the limit in some interval, and a log costs bytes
//! for each message. A provider counts what it sees in a phase we cannot know, so the promise is for every phase.
//! Sixteen sub-buckets keep it with constant state; the price is that a unit may count one sub-bucket too long. Limits
//! of up to 16 units keep the instants themselves and pay no price.
//!
//! **Clock.** A `now` before the newest charge is taken as that charge's instant: a clock set back frees nothing and
//! defers until it has caught up. [`UnixMillis::MAX`] is the end of time: what would drain later never drains.
//!
//! Out of scope: changing a policy under a state (a renamed window may keep it, see [`Limiter::load`]), waiting and
//! fairness, keys. One state is one key.

mod bytes;
mod hold;
mod hot;
mod log;
mod meter;
mod pace;
mod period;
mod place;
mod ring;
mod state;
mod window;

pub use hold::{HOLD_BYTES, Hold, HoldError, Placing};
pub use state::{State, StateError};
pub use window::{LimiterError, Window};

use crate::time::UnixMillis;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use hot::Hot;
use meter::{Clock, Meter};
use place::Place;
use serde::Deserialize;
use window::MAX_WINDOWS;

/// A checked policy, ready to decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limiter {
    windows: Vec<Window>,
    meters: Vec<Meter>,
    hot: Hot,
    fingerprint: u32,
    length: usize,
}

/// What a limiter says about some units at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// They may leave, and every window has been charged for them.
    Allow {
        /// The instant they were charged at, which a refund has to name: `now`, or later if the clock was set back.
        charged_at: UnixMillis,
    },
    /// Later will do.
    Defer {
        /// The first instant at which the same units are allowed if nothing else happens.
        retry_at: UnixMillis,
        /// The window that stands longest in the way, counted from 0.
        window: usize,
    },
    /// Never: more units than the window ever admits at once.
    Reject {
        /// The first such window, counted from 0.
        window: usize,
    },
}

/// How much of a window is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// The most units the window admits: its limit, or the burst of a pace.
    pub limit: u32,
    /// Units that count now; more than the limit after [`Limiter::charge`] went past it.
    pub used: u32,
    /// Units that still fit.
    pub remaining: u32,
    /// The first instant at which more fit, or `now` when nothing is in use.
    pub next_at: UnixMillis,
    /// The first instant at which nothing is in use.
    pub full_at: UnixMillis,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    windows: Vec<Window>,
}

impl Limiter {
    /// Checks a policy and lays out its state.
    ///
    /// # Errors
    /// A [`LimiterError`] that names the window, the field and the bound. A limit of 0 is an error, not a window that
    /// refuses everything.
    ///
    /// # Example: what happens to the eleventh send of a second?
    /// ```
    /// use sendgate_core::{limiter::{Decision, Limiter}, time::UnixMillis};
    ///
    /// let policy = r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}]}"#;
    /// let limiter = Limiter::from_json(policy).unwrap();
    /// let mut state = limiter.fresh();
    /// let now = UnixMillis::new(1_800_000_000_000);
    /// assert_eq!(limiter.decide(&mut state, 10, now), Decision::Allow { charged_at: now });
    /// assert_eq!(limiter.decide(&mut state, 1, now), Decision::Defer { retry_at: now.plus(1_000), window: 0 });
    /// assert_eq!(limiter.decide(&mut state, 11, now), Decision::Reject { window: 0 });
    /// ```
    pub fn new(windows: Vec<Window>) -> Result<Self, LimiterError> {
        window::check(&windows)?;
        let mut meters = Vec::with_capacity(windows.len());
        let mut hot = Hot::default();
        let bodies = place::bodies(windows.len());
        let mut length = bodies;
        for (index, window) in windows.iter().enumerate() {
            let meter = Meter::new(window, Place::new(index, windows.len(), length))?;
            length += meter.body_length();
            meter.add_to(&mut hot, bodies);
            meters.push(meter);
        }
        Ok(Self { fingerprint: fingerprint(&windows, &meters), windows, meters, hot, length })
    }

    /// Reads a policy: `{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}, ...]}`.
    ///
    /// # Errors
    /// As [`Limiter::new`], and [`LimiterError::Malformed`] for text that is no policy.
    pub fn from_json(policy: &str) -> Result<Self, LimiterError> {
        let policy: Policy =
            serde_json::from_str(policy).map_err(|error| LimiterError::Malformed { detail: error.to_string() })?;
        Self::new(policy.windows)
    }

    /// The windows, in the order that answers count them.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The state in which nothing has been sent.
    #[must_use]
    pub fn fresh(&self) -> State {
        State::new(self.meters.len(), self.fingerprint, self.length)
    }

    /// Takes up stored bytes.
    ///
    /// The bytes must come from a limiter with the same windows in the same order; only names may have changed.
    ///
    /// # Errors
    /// A [`StateError`] for bytes of another version or policy, of the wrong length, or that contradict themselves.
    pub fn load(&self, bytes: &[u8]) -> Result<State, StateError> {
        let state = state::check_header(bytes, self.meters.len(), self.fingerprint, self.length)?;
        let last = state.last();
        if last > UnixMillis::MAX.as_millis() {
            return Err(StateError::Damaged { window: None });
        }
        if let Some(window) = self.meters.iter().position(|meter| !meter.is_sound(&state.bytes, last)) {
            return Err(StateError::Damaged { window: Some(window) });
        }
        if state.edge() > self.edge(&state.bytes, last) {
            return Err(StateError::Damaged { window: None });
        }
        Ok(state)
    }

    /// Decides whether `cost` units may leave at `now`, and charges every window if they may.
    ///
    /// A denial changes no byte of the state. A cost of 0 is always allowed and changes nothing either. A state of
    /// another limiter is refused like a cost that never fits.
    pub fn decide(&self, state: &mut State, cost: u32, now: UnixMillis) -> Decision {
        if !state.belongs_to(self.fingerprint, self.length) {
            return Decision::Reject { window: 0 };
        }
        let clock = Clock::of(state, now);
        if clock.current && cost > 0 && self.hot.admit(&mut state.bytes, cost, clock.now) {
            return Decision::Allow { charged_at: UnixMillis::new(clock.now) };
        }
        let used = self.used(&state.bytes, clock);
        let decision = self.judge(&state.bytes, clock, &used, cost);
        if let Decision::Allow { .. } = decision {
            self.record(state, clock, &used, cost);
        }
        decision
    }

    /// What [`Limiter::decide`] would say; charges nothing.
    #[must_use]
    pub fn peek(&self, state: &State, cost: u32, now: UnixMillis) -> Decision {
        if !state.belongs_to(self.fingerprint, self.length) {
            return Decision::Reject { window: 0 };
        }
        let clock = Clock::of(state, now);
        self.judge(&state.bytes, clock, &self.used(&state.bytes, clock), cost)
    }

    /// How many of at most `most` units [`Limiter::decide`] would allow together at `now`: a partial grant. Charges
    /// nothing.
    #[must_use]
    pub fn up_to(&self, state: &State, most: u32, now: UnixMillis) -> u32 {
        if !state.belongs_to(self.fingerprint, self.length) {
            return 0;
        }
        let clock = Clock::of(state, now);
        let used = self.used(&state.bytes, clock);
        let free = self.meters.iter().zip(&used).map(|(meter, used)| meter.limit().saturating_sub(*used));
        free.min().map_or(0, |free| u32::try_from(free).unwrap_or(u32::MAX).min(most))
    }

    /// Charges every window for units that have left anyway, whether they fit or not; returns the instant charged at.
    ///
    /// Past a limit, nothing more is allowed until enough has drained.
    pub fn charge(&self, state: &mut State, cost: u32, now: UnixMillis) -> UnixMillis {
        let clock = Clock::of(state, now);
        if state.belongs_to(self.fingerprint, self.length) {
            let used = self.used(&state.bytes, clock);
            self.record(state, clock, &used, cost);
        }
        UnixMillis::new(clock.now)
    }

    /// Takes back units of a charge made at `charged_at` that did not leave after all.
    ///
    /// A counting window gets back exactly these units as long as it still carries them: the bytes are then as if they
    /// had never been charged. A pace gets back what no later charge has built on, and everything if there was none.
    /// An instant later than the newest charge refunds nothing.
    ///
    /// The caller refunds each unit once, and only what [`Limiter::decide`] or [`Limiter::charge`] charged. `now` is
    /// there because every change has one; no kind of window needs it yet.
    pub fn refund(&self, state: &mut State, cost: u32, charged_at: UnixMillis, _now: UnixMillis) {
        let (last, charged_at) = (state.last(), charged_at.as_millis());
        if !state.belongs_to(self.fingerprint, self.length) || charged_at > last {
            return;
        }
        for meter in &self.meters {
            meter.refund(&mut state.bytes, last, charged_at, cost);
        }
        let edge = self.edge(&state.bytes, last);
        state.set_edge(edge);
    }

    /// How much of each window is in use at `now`.
    #[must_use]
    pub fn usage(&self, state: &State, now: UnixMillis) -> Vec<Usage> {
        let clock = Clock::of(state, now);
        self.meters.iter().map(|meter| meter.usage(&state.bytes, clock)).collect()
    }

    /// Takes up a state that another policy made: each window goes on with the units that the old window of its name had
    /// in use at `now`, as if they had all left at `now`. A window with a new name begins empty.
    ///
    /// A raised limit has its room at once; a lowered one drains. Because every unit is dated later than it left, no
    /// interval that ends after `now` carries more than the new limit. A longer period than before begins with what the
    /// shorter one remembers.
    #[must_use]
    pub fn migrate(&self, old: &Self, state: &State, now: UnixMillis) -> State {
        let mut migrated = self.fresh();
        let clock = Clock::of(&migrated, now.max(UnixMillis::new(state.last())));
        let before = old.usage(state, UnixMillis::new(clock.now));
        let mut edge = u64::MAX;
        for (meter, window) in self.meters.iter().zip(&self.windows) {
            let named = old.windows.iter().zip(&before).find(|(known, _)| known.name() == window.name());
            let units = named.map_or(0, |(_, usage)| usage.used);
            edge = edge.min(meter.charge(&mut migrated.bytes, clock, 0, units));
        }
        migrated.set_edge(edge);
        migrated.set_last(clock.now);
        migrated
    }

    /// Units in use in each window.
    fn used(&self, bytes: &[u8], clock: Clock) -> Used {
        let mut used = [0; MAX_WINDOWS];
        for (meter, used) in self.meters.iter().zip(&mut used) {
            *used = meter.used(bytes, clock);
        }
        used
    }

    fn judge(&self, bytes: &[u8], clock: Clock, used: &Used, cost: u32) -> Decision {
        let cost = u64::from(cost);
        if cost == 0 || self.meters.iter().zip(used).all(|(meter, used)| used.saturating_add(cost) <= meter.limit()) {
            return Decision::Allow { charged_at: UnixMillis::new(clock.now) };
        }
        if let Some(window) = self.meters.iter().position(|meter| cost > meter.limit()) {
            return Decision::Reject { window };
        }
        let mut latest = (0, 0);
        for (window, (meter, used)) in self.meters.iter().zip(used).enumerate() {
            let at = meter.retry_at(bytes, clock, *used, cost);
            if at > latest.0 {
                latest = (at, window);
            }
        }
        Decision::Defer { retry_at: UnixMillis::new(latest.0), window: latest.1 }
    }

    /// Charges every window at `clock.now`.
    fn record(&self, state: &mut State, clock: Clock, used: &Used, cost: u32) {
        if cost == 0 {
            return;
        }
        let mut edge = if clock.current { state.edge() } else { u64::MAX };
        for (meter, used) in self.meters.iter().zip(used) {
            edge = edge.min(meter.charge(&mut state.bytes, clock, *used, cost));
        }
        state.set_edge(edge);
        state.set_last(clock.now);
    }

    fn edge(&self, bytes: &[u8], last: u64) -> u64 {
        self.meters.iter().map(|meter| meter.edge(bytes, last)).min().unwrap_or(u64::MAX)
    }
}

/// FNV-1a, 32 bits, over everything about the windows but their names.
fn fingerprint(windows: &[Window], meters: &[Meter]) -> u32 {
    let mut described = String::new();
    for (window, meter) in windows.iter().zip(meters) {
        described.push_str(&meter.description(window));
        described.push('\n');
    }
    described.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Units in use, window by window.
type Used = [u64; MAX_WINDOWS];
