//! Room kept for one large request, so that small ones do not starve it.
//!
//! Whoever asks again after a denial races with everyone else, and where few units drain at a time a large request
//! never finds enough of them. A [`Hold`] gives it a promise: from the refusal on, another request is allowed only if
//! the promised instant does not move (batch schedulers call it EASY backfilling). Small ones still use what the large
//! one does not need.
//!
//! What holds as long as everything goes through [`Limiter::decide_beside`]:
//! 1. a promised instant never moves later, and any cost up to the limits is allowed from its promise on;
//! 2. a request that needs nothing of the promised room is decided as if there were no hold;
//! 3. without a hold nothing changes, and nothing is computed.
//!
//! Units charged past all decisions ([`Limiter::charge`]) can break a promise, refunds cannot. From then on others may
//! not delay the hold any further. A hold that new limits never admit is void. Each key has at most one; who comes second
//! asks again at the instant it is told.
//!
//! None of this is on the hot path: with a hold standing, a decision for someone else copies the state once or twice.

use super::{Decision, Limiter, State};
use crate::time::UnixMillis;
use alloc::vec::Vec;
use core::fmt;

/// A promise to one request.
///
/// ```text
/// 0   "SH"         2 bytes
/// 2   version      u8, 1
/// 3   0            u8
/// 4   cost         u32
/// 8   ticket       u64
/// 16  promised at  u64, ms since 1970
/// 24  ends at      u64
/// ```
///
/// Numbers are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    ticket: u64,
    cost: u32,
    promised_at: UnixMillis,
    ends_at: UnixMillis,
}

/// What became of a request to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placing {
    /// The units are allowed from this instant on, until the hold ends.
    Held {
        /// The promise.
        promised_at: UnixMillis,
        /// The instant at which the hold ends if it is not claimed.
        ends_at: UnixMillis,
    },
    /// They fit now: there is nothing to hold, decide them.
    Fits,
    /// Another request has the hold, or the same one for another cost.
    Taken {
        /// The instant at which that hold ends if it is not claimed.
        until: UnixMillis,
    },
    /// Never: more units than the window ever admits at once.
    Reject {
        /// The first such window, counted from 0.
        window: usize,
    },
}

impl Limiter {
    /// Keeps room for `cost` units that were refused, for whoever shows `ticket`: a number of the caller's that no other
    /// request has. The hold ends `grace_ms` after its promise if it is not claimed.
    ///
    /// Asking again with the same ticket and cost says the same again. Charges nothing.
    ///
    /// # Example: how does a large request get its turn?
    /// ```
    /// use sendgate_core::{limiter::{Decision, Limiter, Placing}, time::UnixMillis};
    ///
    /// let policy = r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}]}"#;
    /// let limiter = Limiter::from_json(policy).unwrap();
    /// let (mut state, mut hold) = (limiter.fresh(), None);
    /// let now = UnixMillis::new(1_800_000_000_000);
    /// limiter.decide(&mut state, 6, now);
    /// let promised_at = now.plus(1_000);
    /// let placed = limiter.place_hold(&mut state, &mut hold, 8, 42, 500, now.plus(100));
    /// assert_eq!(placed, Placing::Held { promised_at, ends_at: promised_at.plus(500) });
    /// // At the promised instant 10 - 8 = 2 units are to spare: two pass, a third waits until the hold is claimed and
    /// // the two have drained.
    /// assert!(matches!(limiter.decide_beside(&mut state, &mut hold, 2, 7, now.plus(100)), Decision::Allow { .. }));
    /// let third = limiter.decide_beside(&mut state, &mut hold, 1, 7, now.plus(100));
    /// assert_eq!(third, Decision::Defer { retry_at: now.plus(1_100), window: 0 });
    /// assert!(matches!(limiter.decide_beside(&mut state, &mut hold, 8, 42, promised_at), Decision::Allow { .. }));
    /// assert_eq!(hold, None);
    /// ```
    pub fn place_hold(
        &self,
        state: &mut State,
        hold: &mut Option<Hold>,
        cost: u32,
        ticket: u64,
        grace_ms: u64,
        now: UnixMillis,
    ) -> Placing {
        self.rebase(state, now);
        if let Some(held) = hold.filter(|held| held.stands(now)) {
            let same = (held.ticket, held.cost) == (ticket, cost);
            return if same { held.placed() } else { Placing::Taken { until: held.ends_at } };
        }
        match self.peek(state, cost, now) {
            Decision::Allow { .. } => Placing::Fits,
            Decision::Reject { window } => Placing::Reject { window },
            Decision::Defer { retry_at, .. } => {
                let held = Hold { ticket, cost, promised_at: retry_at, ends_at: retry_at.plus(grace_ms) };
                *hold = Some(held);
                held.placed()
            }
        }
    }

    /// Decides as [`Limiter::decide`], with respect for the hold of this key.
    ///
    /// The request that shows the hold's ticket is decided as if there were none, and ends it when it is allowed. Any
    /// other one is allowed if the promise stands after it; if not, `retry_at` is the first instant at which it is
    /// allowed if the hold is claimed at its promise and nothing else happens, and the window is the one in which the
    /// held request would wait longest.
    pub fn decide_beside(
        &self,
        state: &mut State,
        hold: &mut Option<Hold>,
        cost: u32,
        ticket: u64,
        now: UnixMillis,
    ) -> Decision {
        let Some(held) = *hold else {
            return self.decide(state, cost, now);
        };
        self.rebase(state, now);
        if held.ticket == ticket || !held.stands(now) {
            let decision = self.decide(state, cost, now);
            if !held.stands(now) || matches!(decision, Decision::Allow { .. }) {
                *hold = None;
            }
            return decision;
        }
        let Some(due) = self.due(state, held, now) else {
            *hold = None;
            return self.decide(state, cost, now);
        };
        match self.peek_beside(state, held, due, cost, now) {
            Decision::Allow { .. } => self.decide(state, cost, now),
            denied @ (Decision::Defer { .. } | Decision::Reject { .. }) => denied,
        }
    }

    /// When each of these waiting costs will be allowed, one after the other, if nothing else happens: the exact time of
    /// a queue. `None` for a cost that is never allowed; those behind it do not wait for it. Charges nothing.
    ///
    /// # Example: how long is the queue?
    /// ```
    /// use sendgate_core::{limiter::Limiter, time::UnixMillis};
    ///
    /// let policy = r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}]}"#;
    /// let limiter = Limiter::from_json(policy).unwrap();
    /// let now = UnixMillis::new(1_800_000_000_000);
    /// let turns = limiter.turns(&limiter.fresh(), &[6, 6, 4, 11, 7], now);
    /// assert_eq!(turns, [Some(now), Some(now.plus(1_000)), Some(now.plus(1_000)), None, Some(now.plus(2_000))]);
    /// ```
    #[must_use]
    pub fn turns(&self, state: &State, costs: &[u32], now: UnixMillis) -> Vec<Option<UnixMillis>> {
        let mut later = state.clone();
        self.rebase(&mut later, now);
        let mut reached = now;
        let turn = |cost: &u32| {
            let at = self.allowed_at(&later, *cost, reached)?;
            self.charge(&mut later, *cost, at);
            reached = reached.max(at);
            Some(at)
        };
        costs.iter().map(turn).collect()
    }

    /// When `held` is allowed if nothing else happens, not before its promise; `None` if never.
    fn due(&self, state: &State, held: Hold, now: UnixMillis) -> Option<UnixMillis> {
        match self.peek(state, held.cost, now) {
            Decision::Allow { .. } => Some(held.promised_at.max(now)),
            Decision::Defer { retry_at, .. } => Some(held.promised_at.max(retry_at)),
            Decision::Reject { .. } => None,
        }
    }

    /// What someone else's request is told while `held` stands and is due at `due`.
    fn peek_beside(&self, state: &State, held: Hold, due: UnixMillis, cost: u32, now: UnixMillis) -> Decision {
        let plain = self.peek(state, cost, now);
        let at = match plain {
            Decision::Allow { .. } => now,
            Decision::Defer { retry_at, .. } => retry_at,
            Decision::Reject { .. } => return plain,
        };
        let Some(in_the_way) = self.delays(state, held, due.max(at), cost, at) else {
            return plain;
        };
        let mut after = state.clone();
        self.charge(&mut after, held.cost, due);
        match self.peek(&after, cost, due) {
            Decision::Allow { charged_at } => Decision::Defer { retry_at: charged_at, window: in_the_way },
            Decision::Defer { retry_at, .. } => Decision::Defer { retry_at, window: in_the_way },
            Decision::Reject { window } => Decision::Reject { window },
        }
    }

    /// The window in which `held` would wait past `due` if `cost` units left at `at`; `None` if it would not.
    fn delays(&self, state: &State, held: Hold, due: UnixMillis, cost: u32, at: UnixMillis) -> Option<usize> {
        if cost == 0 {
            return None;
        }
        let mut after = state.clone();
        self.charge(&mut after, cost, at);
        match self.peek(&after, held.cost, at) {
            Decision::Allow { .. } => None,
            Decision::Defer { retry_at, window } => (retry_at > due).then_some(window),
            Decision::Reject { window } => Some(window),
        }
    }

    /// The first instant from `now` on at which `cost` is allowed; `None` if there is none before the end of time.
    fn allowed_at(&self, state: &State, cost: u32, now: UnixMillis) -> Option<UnixMillis> {
        match self.peek(state, cost, now) {
            Decision::Allow { charged_at } => Some(charged_at),
            Decision::Reject { .. } => None,
            Decision::Defer { retry_at, .. } => match self.peek(state, cost, retry_at) {
                Decision::Allow { charged_at } => Some(charged_at),
                Decision::Defer { .. } | Decision::Reject { .. } => None,
            },
        }
    }
}

impl Hold {
    /// Whose it is.
    #[must_use]
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// How many units it is for.
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// From when on they are allowed.
    #[must_use]
    pub const fn promised_at(&self) -> UnixMillis {
        self.promised_at
    }

    /// Whether it still binds others at `now`: it ends with its grace. A clock set back prolongs it.
    #[must_use]
    pub fn stands(&self, now: UnixMillis) -> bool {
        now < self.ends_at
    }

    /// The bytes to store: the same on every platform.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HOLD_BYTES] {
        let mut bytes = [0; HOLD_BYTES];
        let instants = [self.ticket, self.promised_at.as_millis(), self.ends_at.as_millis()];
        let header = MAGIC.into_iter().chain([VERSION, 0]).chain(self.cost.to_le_bytes());
        let written = header.chain(instants.into_iter().flat_map(u64::to_le_bytes));
        bytes.iter_mut().zip(written).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// Takes up stored bytes.
    ///
    /// # Errors
    /// A [`HoldError`] for bytes of another version, or that contradict themselves.
    pub fn load(bytes: &[u8]) -> Result<Self, HoldError> {
        if bytes.get(..2) != Some(MAGIC.as_slice()) {
            return Err(HoldError::NotAHold);
        }
        if let Some(found) = bytes.get(2).filter(|found| **found != VERSION) {
            return Err(HoldError::Version { found: *found });
        }
        let (head, rest) = bytes.split_first_chunk::<8>().ok_or(HoldError::Damaged)?;
        let [_, _, _, zero, cost @ ..] = *head;
        let ([ticket, promised_at, ends_at], []) = rest.as_chunks::<8>() else {
            return Err(HoldError::Damaged);
        };
        let [promised_at, ends_at] = [promised_at, ends_at].map(|instant| u64::from_le_bytes(*instant));
        if zero != 0 || promised_at > ends_at || ends_at > UnixMillis::MAX.as_millis() {
            return Err(HoldError::Damaged);
        }
        let (promised_at, ends_at) = (UnixMillis::new(promised_at), UnixMillis::new(ends_at));
        Ok(Self { ticket: u64::from_le_bytes(*ticket), cost: u32::from_le_bytes(cost), promised_at, ends_at })
    }

    const fn placed(&self) -> Placing {
        Placing::Held { promised_at: self.promised_at, ends_at: self.ends_at }
    }
}

/// Bytes that are no hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldError {
    /// They do not begin like one.
    NotAHold,
    /// They are of a version this build does not know.
    Version {
        /// The version found.
        found: u8,
    },
    /// They end too soon, go on too long or contradict themselves.
    Damaged,
}

impl HoldError {
    /// The stable word for this error, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAHold => "not_a_hold",
            Self::Version { .. } => "hold_version",
            Self::Damaged => "damaged_hold",
        }
    }

    /// Every word [`HoldError::code`] can give.
    pub const CODES: [&'static str; 3] = ["not_a_hold", "hold_version", "damaged_hold"];
}

impl fmt::Display for HoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHold => f.write_str("not the bytes of a hold"),
            Self::Version { found } => write!(f, "hold version must be {VERSION}, got {found}"),
            Self::Damaged => write!(f, "a hold has {HOLD_BYTES} bytes that do not contradict each other"),
        }
    }
}

impl core::error::Error for HoldError {}

/// How many bytes a stored hold has.
pub const HOLD_BYTES: usize = 32;

const MAGIC: [u8; 2] = *b"SH";

/// The layout of [`Hold`]. Another layout is another number.
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

    fn ten_a_second() -> Limiter {
        Limiter::from_json(r#"{"windows":[{"kind":"sliding","name":"second","limit":10,"period_ms":1000}]}"#).unwrap()
    }

    #[test]
    fn what_fits_needs_no_hold_and_what_never_fits_gets_none() {
        let limiter = ten_a_second();
        let (mut state, mut hold) = (limiter.fresh(), None);
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 10, 1, 100, NOW), Placing::Fits);
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 11, 1, 100, NOW), Placing::Reject { window: 0 });
        assert_eq!(hold, None);
    }

    #[test]
    fn a_key_has_one_hold_and_only_its_ticket_claims_it() {
        let limiter = ten_a_second();
        let (mut state, mut hold) = (limiter.fresh(), None);
        limiter.charge(&mut state, 10, NOW);
        let held = Placing::Held { promised_at: NOW.plus(1_000), ends_at: NOW.plus(1_100) };
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 10, 1, 100, NOW), held);
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 10, 1, 900, NOW.plus(5)), held, "it says the same again");
        let taken = Placing::Taken { until: NOW.plus(1_100) };
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 10, 2, 100, NOW), taken);
        assert_eq!(limiter.place_hold(&mut state, &mut hold, 9, 1, 100, NOW), taken);
        let at = NOW.plus(1_000);
        let denied = Decision::Defer { retry_at: at.plus(1_000), window: 0 };
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 1, 2, at), denied);
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 10, 1, at), Decision::Allow { charged_at: at });
        assert_eq!(hold, None);
    }

    #[test]
    fn a_hold_that_is_not_claimed_ends_with_its_grace() {
        let limiter = ten_a_second();
        let (mut state, mut hold) = (limiter.fresh(), None);
        limiter.charge(&mut state, 10, NOW);
        limiter.place_hold(&mut state, &mut hold, 10, 1, 100, NOW);
        let last = NOW.plus(1_099);
        assert!(matches!(limiter.decide_beside(&mut state, &mut hold, 1, 2, last), Decision::Defer { .. }));
        let over = NOW.plus(1_100);
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 1, 2, over), Decision::Allow { charged_at: over });
        assert_eq!(hold, None);
        limiter.place_hold(&mut state, &mut hold, 10, 3, 100, over);
        let next = hold.map(|held| (held.ticket(), held.cost(), held.promised_at()));
        assert_eq!(next, Some((3, 10, NOW.plus(2_100))));
    }

    #[test]
    fn a_promise_broken_by_force_is_not_delayed_further_and_does_not_block_what_does_not_delay_it() {
        let limiter = ten_a_second();
        let (mut state, mut hold) = (limiter.fresh(), None);
        limiter.charge(&mut state, 10, NOW);
        limiter.place_hold(&mut state, &mut hold, 5, 1, 900, NOW);
        limiter.charge(&mut state, 8, NOW.plus(500));
        // Eight of ten count until 1,500; then five and at most five others fit.
        let at = NOW.plus(1_000);
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 2, 2, at), Decision::Allow { charged_at: at });
        let due = NOW.plus(1_500);
        assert_eq!(
            limiter.decide_beside(&mut state, &mut hold, 5, 1, at),
            Decision::Defer { retry_at: due, window: 0 }
        );
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 5, 1, due), Decision::Allow { charged_at: due });
    }

    #[test]
    fn a_hold_that_new_limits_never_admit_is_void() {
        let (old, mut hold) = (ten_a_second(), None);
        let mut state = old.fresh();
        old.charge(&mut state, 10, NOW);
        old.place_hold(&mut state, &mut hold, 10, 1, 100, NOW);
        let policy = r#"{"windows":[{"kind":"sliding","name":"second","limit":9,"period_ms":1000}]}"#;
        let new = Limiter::from_json(policy).unwrap();
        let mut state = new.migrate(&old, &state, NOW);
        let denied = Decision::Defer { retry_at: NOW.plus(1_000), window: 0 };
        assert_eq!(new.decide_beside(&mut state, &mut hold, 9, 2, NOW.plus(1)), denied);
        assert_eq!(hold, None);
    }

    #[test]
    fn a_cost_of_nothing_and_one_that_never_fits_are_answered_as_ever() {
        let limiter = ten_a_second();
        let (mut state, mut hold) = (limiter.fresh(), None);
        limiter.charge(&mut state, 10, NOW);
        limiter.place_hold(&mut state, &mut hold, 10, 1, 100, NOW);
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 0, 2, NOW), Decision::Allow { charged_at: NOW });
        assert_eq!(limiter.decide_beside(&mut state, &mut hold, 11, 2, NOW), Decision::Reject { window: 0 });
    }

    #[test]
    fn a_queue_at_the_end_of_time_never_moves() {
        let limiter = ten_a_second();
        let turns = limiter.turns(&limiter.fresh(), &[10, 1], UnixMillis::MAX);
        assert_eq!(turns, [Some(UnixMillis::MAX), None]);
    }

    #[test]
    fn a_hold_reads_as_it_is_written_and_damaged_bytes_are_refused() {
        let hold = Hold { ticket: u64::MAX, cost: 258, promised_at: NOW, ends_at: NOW.plus(1) };
        let bytes = hold.to_bytes();
        assert_eq!(Hold::load(&bytes), Ok(hold));
        let with = |place: usize, byte: u8| {
            let mut bytes = bytes;
            bytes[place] = byte;
            Hold::load(&bytes)
        };
        assert_eq!(Hold::load(b"S"), Err(HoldError::NotAHold));
        assert_eq!(with(0, 0), Err(HoldError::NotAHold));
        assert_eq!(with(2, 9), Err(HoldError::Version { found: 9 }));
        assert_eq!(with(3, 1), Err(HoldError::Damaged));
        assert_eq!(with(23, 1), Err(HoldError::Damaged), "promised after its end");
        assert_eq!(with(31, 1), Err(HoldError::Damaged), "an end after the end of time");
        assert_eq!(Hold::load(&bytes[..31]), Err(HoldError::Damaged));
        assert_eq!(Hold::load(&[bytes.as_slice(), &[0]].concat()), Err(HoldError::Damaged));
    }

    #[test]
    fn every_error_has_its_own_code_from_the_list() {
        let errors = [HoldError::NotAHold, HoldError::Version { found: 2 }, HoldError::Damaged];
        assert_eq!(errors.map(|error| error.code()), HoldError::CODES);
    }
}
