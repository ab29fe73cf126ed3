//! One limiter for everything that is limited: several windows, decided all at once.
//!
//! A [`Limiter`] is a checked policy of one to eight [`Window`]s. Its [`State`] is plain bytes that the caller stores:
//! 188 of them for windows of a second, a minute, an hour, a day and a month. A decision charges every window or none,
//! and a denial changes no byte, so only an allowed send has to be written (and what follows a clock that was set back:
//! store a state whenever its bytes have changed). [`Limiters`] holds the states of many keys.
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
//! **Clock.** A `now` up to one sub-bucket of the shortest window before the newest charge is taken as that charge's
//! instant: small steps back free nothing and wait until the clock has caught up. A clock set back further is taken at
//! its word, once: everything in use counts as charged at the new `now` ([`Limiter::rebase`], which every verb does by
//! itself). Each unit of a sliding window then counts longer than it must and never shorter, and a full one opens again
//! after at most 16 sub-buckets, however far the clock was set back. A calendar count goes on to the end of its period
//! when the clock went back over one border, so that a midnight that comes twice does not give twice; from further back
//! it belongs to the period that the clock names now. It is the one case in which a denial changes bytes. A clock
//! set *forward* cannot be told from time that passed. [`UnixMillis::MAX`] is the end of time: what would drain later
//! never drains.
//!
//! Out of scope: waiting, queues, and what a unit is.

mod bytes;
mod decide;
mod hold;
mod lanes;
mod layout;
mod log;
mod meter;
mod pace;
mod period;
mod ring;
mod state;
mod table;
mod wheels;
mod window;

pub use hold::{HOLD_BYTES, Hold, HoldError, Placing};
pub use state::{State, StateError};
pub use table::Limiters;
pub use window::{LimiterError, Window};

use crate::time::UnixMillis;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use decide::Ways;
use lanes::Lanes;
use meter::Meter;
use serde::Deserialize;

/// A checked policy, ready to decide.
#[derive(Clone, Debug)]
pub struct Limiter {
    windows: Vec<Window>,
    meters: Vec<Meter>,
    /// What each of them admits at once.
    most: Vec<u64>,
    lanes: Lanes,
    ways: Ways,
    /// The header of its states, which names the policy.
    header: u64,
    /// Bytes of a state without its header.
    cells: usize,
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

/// Limiters are the same if their windows are: everything else follows from them.
impl PartialEq for Limiter {
    fn eq(&self, other: &Self) -> bool {
        self.windows == other.windows
    }
}

impl Eq for Limiter {}

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
        let (meters, bodies) = Meter::all(&windows)?;
        let mut lanes = Lanes::new();
        for (meter, window) in meters.iter().zip(&windows) {
            meter.add_to(&mut lanes);
            lanes.tolerance_ms = lanes.tolerance_ms.min(meter::tolerance_ms(window));
        }
        let cells = layout::bodies(windows.len()) + bodies;
        let most = meters.iter().map(Meter::limit).collect();
        let header = state::header(windows.len(), fingerprint(&windows, &meters));
        let ways = Ways::of(lanes.shape(), lanes.is_logged());
        Ok(Self { header, windows, meters, most, lanes, ways, cells })
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
        State::new(self.header, self.cells)
    }

    /// Takes up stored bytes.
    ///
    /// The bytes must come from a limiter with the same windows in the same order; only names may have changed.
    ///
    /// # Errors
    /// A [`StateError`] for bytes of another version or policy, of the wrong length, or that contradict themselves.
    pub fn load(&self, bytes: &[u8]) -> Result<State, StateError> {
        let state = state::check_header(bytes, self.header, self.cells)?;
        self.check(state.cells()).map_err(|window| StateError::Damaged { window })?;
        Ok(state)
    }

    /// Decides whether `cost` units may leave at `now`, and charges every window if they may.
    ///
    /// A denial changes no byte of the state. A cost of 0 is always allowed and changes nothing either. A state of
    /// another limiter is refused like a cost that never fits.
    pub fn decide(&self, state: &mut State, cost: u32, now: UnixMillis) -> Decision {
        let cells = state.cells_of(self.header, self.cells);
        cells.map_or(Decision::Reject { window: 0 }, |cells| self.decide_in(cells, cost, now))
    }

    /// As [`Limiter::decide`], without the reason for a denial, which costs more than the denial itself. Returns the
    /// instant charged at.
    pub fn admit(&self, state: &mut State, cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        self.admit_in(state.cells_of(self.header, self.cells)?, cost, now)
    }

    /// What [`Limiter::decide`] would say; charges nothing.
    #[must_use]
    pub fn peek(&self, state: &State, cost: u32, now: UnixMillis) -> Decision {
        if !state.belongs_to(self.header, self.cells) {
            return Decision::Reject { window: 0 };
        }
        self.peek_in(&self.at(state, now), cost, now.as_millis())
    }

    /// How many of at most `most` units [`Limiter::decide`] would allow together at `now`: a partial grant. Charges
    /// nothing.
    #[must_use]
    pub fn up_to(&self, state: &State, most: u32, now: UnixMillis) -> u32 {
        if !state.belongs_to(self.header, self.cells) {
            return 0;
        }
        self.free_in(&self.at(state, now), now.as_millis()).min(most)
    }

    /// Charges every window for units that have left anyway, whether they fit or not; returns the instant charged at.
    ///
    /// Past a limit, nothing more is allowed until enough has drained.
    pub fn charge(&self, state: &mut State, cost: u32, now: UnixMillis) -> UnixMillis {
        if state.belongs_to(self.header, self.cells) {
            return UnixMillis::new(self.charge_in(state.cells_mut(), cost, now.as_millis()));
        }
        now
    }

    /// Takes back units of a charge made at `charged_at` that did not leave after all.
    ///
    /// A counting window gets back exactly these units as long as it still carries them: after the next charge the bytes
    /// are as if they had never been charged (until then they still tell the instant of this one). A pace gets back what
    /// no later charge has built on, and everything if there was none. An instant later than the newest charge refunds
    /// nothing. Where [`Limiter::charge`] went past the limit of a window of up to 16 units, older units count as of a
    /// later instant afterwards, refunded or not.
    ///
    /// The caller refunds each unit once, only what [`Limiter::decide`] or [`Limiter::charge`] charged, and not over
    /// a clock that was set back in between: the units are then dated at another instant. `now` is there because every
    /// change has one; no kind of window needs it yet.
    pub fn refund(&self, state: &mut State, cost: u32, charged_at: UnixMillis, _now: UnixMillis) {
        if state.belongs_to(self.header, self.cells) {
            self.refund_in(state.cells_mut(), cost, charged_at.as_millis());
        }
    }

    /// How much of each window is in use at `now`.
    #[must_use]
    pub fn usage(&self, state: &State, now: UnixMillis) -> Vec<Usage> {
        if !state.belongs_to(self.header, self.cells) {
            return Vec::new();
        }
        self.usage_in(&self.at(state, now), now.as_millis())
    }

    /// Follows a clock that was set back by more than a sub-bucket of the shortest window: everything in use counts as
    /// charged at `now`. Returns whether it did; else no byte has changed.
    ///
    /// [`Limiter::decide`], [`Limiter::admit`] and [`Limiter::charge`] do this first, by themselves.
    pub fn rebase(&self, state: &mut State, now: UnixMillis) -> bool {
        state.belongs_to(self.header, self.cells) && self.rebase_in(state.cells_mut(), now.as_millis())
    }

    /// How far back a clock is waited for.
    pub(crate) const fn tolerance_ms(&self) -> u64 {
        self.lanes.tolerance_ms
    }

    /// Takes up a state that another policy made: each window goes on with the units that the old window of its name had
    /// in use at `now`, as if they had all left at `now`. A window with a new name begins empty.
    ///
    /// A raised limit has its room at once; a lowered one drains. Because every unit is dated later than it left, no
    /// interval that ends after `now` carries more than the new limit. A longer period than before begins with what the
    /// shorter one remembers. A window that was charged further past its old limit than it can count is full under the
    /// new one, whatever that is, until it drains. A state that `old` did not make is taken as full.
    #[must_use]
    pub fn migrate(&self, old: &Self, state: &State, now: UnixMillis) -> State {
        let mut migrated = self.fresh();
        if !state.belongs_to(old.header, old.cells) {
            self.charge_each(migrated.cells_mut(), |_| u32::MAX, now.as_millis());
            return migrated;
        }
        let followed = old.at(state, now);
        let now = now.as_millis().max(layout::last(&followed));
        let before = old.units_in(&followed, now);
        let units = |window: usize| {
            let name = self.windows.get(window).map(Window::name);
            let named = old.windows.iter().zip(&before).find(|(known, _)| Some(known.name()) == name);
            named.map_or(0, |(_, units)| *units)
        };
        self.charge_each(migrated.cells_mut(), units, now);
        migrated
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
