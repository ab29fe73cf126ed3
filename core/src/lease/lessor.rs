//! The owner's side: the limiter, and what is outstanding of it.
//!
//! ```text
//! 0   "SO"                        2 bytes
//! 2   version                     u8, 1
//! 3   number of leases            u32
//! 7   newest change               u64, ms since 1970
//! 15  id of the next lease        u64
//! 23  each lease: id, expiry      2 x u64
//!                 units           u32
//!     the limiter's state         to the end
//! ```
//!
//! Numbers are little-endian; leases are in the order they were granted.

use super::{
    Answer, Denial, DenialReason, Grant, LeaseBytesError, Return, Settled, Terms, TermsError,
    bytes::{Reader, VERSION},
    terms::LEAST_TTL_MS,
};
use crate::{
    calendar::{CalendarUnit, Zone},
    limiter::{Decision, Limiter, State, Window},
    time::UnixMillis,
};
use alloc::vec::Vec;

/// A limiter that is leased in parts.
///
/// **Store [`Lessor::to_bytes`] before a grant or the answer to a return leaves.** A grant that its owner forgets is
/// used beside the limit. What a denial changes need not be stored: expired leases settle again, at the same instants.
///
/// **Clock.** A clock set back frees nothing. By as little as the limiter waits for, `now` is taken as the newest change's
/// instant; further back, everything in use is dated `now` as [`Limiter::rebase`] does, and every lease has as long to go
/// as it had at the newest change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lessor {
    limiter: Limiter,
    state: State,
    calendars: Vec<(CalendarUnit, Zone)>,
    terms: Terms,
    ttl_ms: u64,
    last: UnixMillis,
    next_id: u64,
    open: Vec<Open>,
}

/// A lease that is outstanding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Open {
    id: u64,
    expires_at: UnixMillis,
    units: u32,
}

impl Lessor {
    /// A lessor of whom nothing has been asked.
    ///
    /// # Errors
    /// A [`TermsError`] for a pace, for a sliding window under 4 seconds and for terms outside their bounds.
    ///
    /// # Example: what becomes of a lease that is given back?
    /// ```
    /// use sendgate_core::{lease::{Answer, Lessor, Return, Settled, Terms}, limiter::Limiter, time::UnixMillis};
    ///
    /// let policy = r#"{"windows":[{"kind":"sliding","name":"minute","limit":500,"period_ms":60000}]}"#;
    /// let terms = Terms { holders: 5, ..Terms::default() };
    /// let mut owner = Lessor::new(Limiter::from_json(policy).unwrap(), terms).unwrap();
    /// let now = UnixMillis::new(1_800_000_000_000);
    /// let Answer::Granted(grant) = owner.ask(1_000, now) else { panic!("there is room") };
    /// assert_eq!((grant.units, grant.ttl_ms), (50, 5_000)); // 500 / (2 * 5)
    /// assert_eq!(owner.free(now), 450);
    /// let back = Return { id: grant.id, used: 20 };
    /// assert_eq!(owner.give_back(back, now.plus(900)), Settled::Now { used: 20, freed: 30 });
    /// assert_eq!(owner.give_back(back, now.plus(901)), Settled::Before);
    /// assert_eq!(owner.free(now.plus(901)), 480);
    /// ```
    pub fn new(limiter: Limiter, terms: Terms) -> Result<Self, TermsError> {
        let ttl_ms = terms.check(&limiter)?;
        let mut calendars = Vec::new();
        for window in limiter.windows() {
            if let Window::Calendar { unit, time_zone, .. } = window {
                calendars.push((*unit, Zone::parse(time_zone).map_err(TermsError::UnknownTimeZone)?));
            }
        }
        let state = limiter.fresh();
        let last = UnixMillis::new(0);
        Ok(Self { limiter, state, calendars, terms, ttl_ms, last, next_id: 1, open: Vec::new() })
    }

    /// This lessor, with the state of stored bytes. Terms may have changed since they were stored, windows not (see
    /// [`Lessor::migrate`]).
    ///
    /// # Errors
    /// A [`LeaseBytesError`] for bytes of another version, of another policy or that contradict themselves.
    pub fn load(mut self, bytes: &[u8]) -> Result<Self, LeaseBytesError> {
        let mut reader = Reader::new(bytes, MAGIC)?;
        let count = reader.u32()?;
        self.last = instant(reader.u64()?)?;
        self.next_id = reader.u64()?;
        if !(1..=MOST_ID).contains(&self.next_id) {
            return Err(LeaseBytesError::Damaged);
        }
        self.open.clear();
        let mut held: u32 = 0;
        let mut newest = 0;
        for _ in 0..count {
            let open = Open { id: reader.u64()?, expires_at: instant(reader.u64()?)?, units: reader.u32()? };
            held = held.checked_add(open.units).ok_or(LeaseBytesError::Damaged)?;
            if open.units == 0 || open.id <= newest || open.id >= self.next_id || open.expires_at < self.last {
                return Err(LeaseBytesError::Damaged);
            }
            newest = open.id;
            self.open.push(open);
        }
        self.state = self.limiter.load(reader.0).map_err(LeaseBytesError::State)?;
        if self.state.newest() > self.last {
            return Err(LeaseBytesError::Damaged);
        }
        Ok(self)
    }

    /// The bytes to store: the same on every platform.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + ENTRY * self.open.len() + self.state.as_bytes().len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&u32::try_from(self.open.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.last.as_millis().to_le_bytes());
        bytes.extend_from_slice(&self.next_id.to_le_bytes());
        for open in &self.open {
            bytes.extend_from_slice(&open.id.to_le_bytes());
            bytes.extend_from_slice(&open.expires_at.as_millis().to_le_bytes());
            bytes.extend_from_slice(&open.units.to_le_bytes());
        }
        bytes.extend_from_slice(self.state.as_bytes());
        bytes
    }

    /// Grants up to `units` units (at least 1), or says when to ask again.
    ///
    /// How many follows from the [`Terms`]. The lease ends with its time to live, or just before a calendar period does:
    /// what is used of it belongs to the period it was granted in.
    pub fn ask(&mut self, units: u32, now: UnixMillis) -> Answer {
        let now = self.advance(now);
        if self.next_id >= MOST_ID {
            return denied(DenialReason::TooManyLeases, UnixMillis::MAX, now);
        }
        if self.open.len() >= usize::try_from(self.terms.most_leases).unwrap_or(usize::MAX) {
            let first = self.first_expiry().unwrap_or(now);
            return denied(DenialReason::TooManyLeases, first, now);
        }
        let mut ttl_ms = self.ttl_ms;
        if let Some(end) = self.period_end(now) {
            ttl_ms = ttl_ms.min(end.since(now).saturating_sub(1));
            if ttl_ms < LEAST_TTL_MS {
                return denied(DenialReason::PeriodEnds, end, now);
            }
        }
        let free = self.room(now);
        let share = free / self.terms.holders.saturating_mul(2).max(1);
        let units = units.max(1).min(share.max(self.terms.least_units)).min(free);
        if units == 0 {
            return denied(DenialReason::Full, self.frees_at(now), now);
        }
        let (id, expires_at) = (self.next_id, now.plus(ttl_ms));
        self.next_id += 1;
        self.open.push(Open { id, expires_at, units });
        self.last = now;
        Answer::Granted(Grant { id, units, ttl_ms, expires_at })
    }

    /// Settles a lease that its holder no longer uses: what it used is charged at `now`, the rest is free.
    ///
    /// Late and repeated returns change nothing. More units than were granted count as all of them.
    pub fn give_back(&mut self, back: Return, now: UnixMillis) -> Settled {
        let now = self.advance(now);
        let Ok(place) = self.open.binary_search_by_key(&back.id, |open| open.id) else {
            let granted = (1..self.next_id).contains(&back.id);
            return if granted { Settled::Before } else { Settled::Unknown };
        };
        let granted = self.open.remove(place).units;
        let used = back.used.min(granted);
        self.limiter.charge(&mut self.state, used, now);
        self.last = now;
        Settled::Now { used, freed: granted - used }
    }

    /// Decides for units that the owner itself lets leave, beside everything that is outstanding.
    ///
    /// As [`Limiter::decide`]; a `retry_at` is the first instant at which units drain or a lease expires.
    pub fn decide(&mut self, cost: u32, now: UnixMillis) -> Decision {
        let now = self.advance(now);
        if cost == 0 {
            return self.limiter.peek(&self.state, 0, now);
        }
        match self.limiter.peek(&self.state, self.held().saturating_add(cost), now) {
            Decision::Allow { .. } => {
                self.last = now;
                Decision::Allow { charged_at: self.limiter.charge(&mut self.state, cost, now) }
            }
            Decision::Defer { retry_at, window } => {
                let first = self.first_expiry().unwrap_or(retry_at);
                Decision::Defer { retry_at: retry_at.min(first), window }
            }
            Decision::Reject { window } => match self.limiter.peek(&self.state, cost, now) {
                Decision::Reject { window } => Decision::Reject { window },
                Decision::Allow { .. } | Decision::Defer { .. } => {
                    Decision::Defer { retry_at: self.first_expiry().unwrap_or(now), window }
                }
            },
        }
    }

    /// Goes on under other windows or terms: leases stay outstanding, counts are taken up as [`Limiter::migrate`] does.
    ///
    /// # Errors
    /// As [`Lessor::new`]; nothing has changed then.
    pub fn migrate(&mut self, limiter: Limiter, terms: Terms, now: UnixMillis) -> Result<(), TermsError> {
        let mut next = Self::new(limiter, terms)?;
        let now = self.advance(now);
        next.state = next.limiter.migrate(&self.limiter, &self.state, now);
        next.open.append(&mut self.open);
        (next.last, next.next_id) = (now, self.next_id);
        *self = next;
        Ok(())
    }

    /// Units that could be granted or decided at `now`.
    #[must_use]
    pub fn free(&self, now: UnixMillis) -> u32 {
        let mut later = self.clone();
        let now = later.advance(now);
        later.room(now)
    }

    /// Units that are outstanding, as of the newest call.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.open.iter().fold(0, |sum, open| sum.saturating_add(open.units))
    }

    /// The first instant at which a lease expires by itself.
    #[must_use]
    pub fn first_expiry(&self) -> Option<UnixMillis> {
        self.open.iter().map(|open| open.expires_at).min()
    }

    /// How long leases live: the terms' time to live, or an eighth of the shortest sliding period.
    #[must_use]
    pub const fn ttl_ms(&self) -> u64 {
        self.ttl_ms
    }

    /// The limiter, for its windows.
    #[must_use]
    pub const fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// What is charged, without what is outstanding.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Settles what has expired, each lease at its own instant and in their order; returns the instant to go on with.
    fn advance(&mut self, now: UnixMillis) -> UnixMillis {
        self.follow(now);
        let now = now.max(self.last);
        let mut expired = Vec::new();
        self.open.retain(|open| {
            let stands = open.expires_at > now;
            if !stands {
                expired.push(*open);
            }
            stands
        });
        expired.sort_by_key(|open| open.expires_at);
        for open in expired {
            self.limiter.charge(&mut self.state, open.units, open.expires_at);
            self.last = self.last.max(open.expires_at);
        }
        now
    }

    /// Follows a clock that was set back. A lease's holder has had at least as much of its time as the owner saw until the
    /// newest change, so what was left then is the most that can be left now.
    fn follow(&mut self, now: UnixMillis) {
        if self.last.since(now) <= self.limiter.tolerance_ms() {
            return;
        }
        self.limiter.rebase(&mut self.state, now);
        // The limiter waits for a clock that is only a little behind its newest charge, and so does its owner.
        let now = now.max(self.state.newest());
        let back_ms = self.last.since(now);
        for open in &mut self.open {
            open.expires_at = UnixMillis::new(open.expires_at.as_millis().saturating_sub(back_ms));
        }
        self.last = now;
    }

    fn room(&self, now: UnixMillis) -> u32 {
        self.limiter.up_to(&self.state, u32::MAX, now).saturating_sub(self.held())
    }

    /// When the windows are full: the first instant at which a unit drains or a lease expires.
    fn frees_at(&self, now: UnixMillis) -> UnixMillis {
        let first = self.first_expiry();
        match self.limiter.peek(&self.state, self.held().saturating_add(1), now) {
            Decision::Allow { .. } => now,
            Decision::Defer { retry_at, .. } => first.map_or(retry_at, |first| first.min(retry_at)),
            // The leases fill the window by themselves.
            Decision::Reject { .. } => first.unwrap_or(now),
        }
    }

    /// The first end of a calendar period that holds `now`.
    fn period_end(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.calendars.iter().map(|(unit, zone)| zone.period(*unit, now).end).min()
    }
}

fn denied(reason: DenialReason, retry_at: UnixMillis, now: UnixMillis) -> Answer {
    Answer::Denied(Denial { reason, retry_at, wait_ms: retry_at.since(now).max(1) })
}

fn instant(milliseconds: u64) -> Result<UnixMillis, LeaseBytesError> {
    let within = milliseconds <= UnixMillis::MAX.as_millis();
    within.then(|| UnixMillis::new(milliseconds)).ok_or(LeaseBytesError::Damaged)
}

const MAGIC: [u8; 2] = *b"SO";

/// Magic, version, number of leases, newest change, next id.
const HEADER: usize = 23;

/// Numbers that every JSON reader keeps; a thousand grants a second reach it in 285,000 years.
const MOST_ID: u64 = 1 << 53;

/// Id, expiry, units.
const ENTRY: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::StateError;

    /// 2026-12-01T10:00:00Z, a whole second.
    const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

    fn lessor(windows: &str, terms: Terms) -> Lessor {
        Lessor::new(Limiter::from_json(&alloc::format!(r#"{{"windows":[{windows}]}}"#)).unwrap(), terms).unwrap()
    }

    /// Ten a minute keep their instants: every unit drains exactly a minute after it was charged.
    fn ten_a_minute(terms: Terms) -> Lessor {
        lessor(r#"{"kind":"sliding","name":"minute","limit":10,"period_ms":60000}"#, terms)
    }

    fn granted(answer: Answer) -> Grant {
        let Answer::Granted(grant) = answer else { panic!("{answer:?}") };
        grant
    }

    fn refused(answer: Answer) -> (DenialReason, u64) {
        let Answer::Denied(denial) = answer else { panic!("{answer:?}") };
        assert_eq!(denial.wait_ms, denial.retry_at.since(NOW));
        (denial.reason, denial.wait_ms)
    }

    #[test]
    fn what_is_outstanding_counts_and_what_comes_back_unused_is_free_at_once() {
        let mut owner = ten_a_minute(Terms::default());
        let grant = granted(owner.ask(10, NOW));
        assert_eq!((grant.id, grant.units, grant.expires_at), (1, 10, NOW.plus(5_000)));
        assert_eq!((owner.free(NOW), owner.held()), (0, 10));
        let back = Return { id: 1, used: 4 };
        assert_eq!(owner.give_back(back, NOW.plus(1_000)), Settled::Now { used: 4, freed: 6 });
        assert_eq!((owner.free(NOW.plus(1_000)), owner.held()), (6, 0));
        // The four were charged at their return.
        assert_eq!(owner.free(NOW.plus(60_999)), 6);
        assert_eq!(owner.free(NOW.plus(61_000)), 10);
    }

    #[test]
    fn a_lease_that_is_not_given_back_counts_as_used_when_it_expires() {
        let mut owner = ten_a_minute(Terms::default());
        owner.ask(10, NOW);
        assert_eq!(owner.free(NOW.plus(64_999)), 0);
        assert_eq!(owner.free(NOW.plus(65_000)), 10);
        assert_eq!(owner.give_back(Return { id: 1, used: 0 }, NOW.plus(5_000)), Settled::Before);
        assert_eq!(owner.free(NOW.plus(64_999)), 0);
    }

    #[test]
    fn a_repeated_return_and_one_of_an_unknown_lease_change_nothing() {
        let mut owner = ten_a_minute(Terms::default());
        owner.ask(10, NOW);
        assert_eq!(owner.give_back(Return { id: 1, used: 10 }, NOW), Settled::Now { used: 10, freed: 0 });
        let before = owner.to_bytes();
        assert_eq!(owner.give_back(Return { id: 1, used: 0 }, NOW.plus(1)), Settled::Before);
        assert_eq!(owner.give_back(Return { id: 2, used: 0 }, NOW.plus(1)), Settled::Unknown);
        assert_eq!(owner.give_back(Return { id: 0, used: 0 }, NOW.plus(1)), Settled::Unknown);
        assert_eq!(owner.to_bytes(), before);
    }

    #[test]
    fn more_used_than_granted_counts_as_all_of_it() {
        let mut owner = ten_a_minute(Terms { least_units: 4, ..Terms::default() });
        assert_eq!(granted(owner.ask(10, NOW)).units, 4);
        assert_eq!(owner.give_back(Return { id: 1, used: 9 }, NOW), Settled::Now { used: 4, freed: 0 });
    }

    #[test]
    fn a_full_window_denies_until_the_first_lease_expires_or_the_first_unit_drains() {
        let mut owner = ten_a_minute(Terms { least_units: 6, ..Terms::default() });
        owner.ask(6, NOW);
        owner.ask(6, NOW);
        let before = owner.to_bytes();
        assert_eq!(refused(owner.ask(1, NOW)), (DenialReason::Full, 5_000));
        assert_eq!(owner.to_bytes(), before, "a denial stores nothing");
        // Four drain at 60,100, the lease of six expires at 5,000.
        owner.give_back(Return { id: 2, used: 4 }, NOW.plus(100));
        let Answer::Denied(denial) = owner.ask(1, NOW.plus(100)) else { panic!("it is full") };
        assert_eq!((denial.retry_at, denial.wait_ms), (NOW.plus(5_000), 4_900));
        let Answer::Denied(denial) = owner.ask(1, NOW.plus(5_000)) else { panic!("it is full") };
        assert_eq!((denial.retry_at, denial.wait_ms), (NOW.plus(60_100), 55_100));
        assert_eq!(granted(owner.ask(9, NOW.plus(60_100))).units, 4);
    }

    #[test]
    fn as_many_leases_as_the_terms_allow_and_no_more() {
        let mut owner = ten_a_minute(Terms { least_units: 1, most_leases: 2, ..Terms::default() });
        owner.ask(1, NOW);
        owner.ask(1, NOW);
        assert_eq!(refused(owner.ask(1, NOW)), (DenialReason::TooManyLeases, 5_000));
        owner.give_back(Return { id: 1, used: 1 }, NOW);
        assert_eq!(granted(owner.ask(1, NOW)).id, 3);
    }

    /// 500 free of 500, eight holders: 500 / 16 = 31; then 469 / 16 = 29. Under 16 * 16 the least share stands.
    #[test]
    fn a_grant_is_a_share_of_what_is_left() {
        let minute = r#"{"kind":"sliding","name":"minute","limit":500,"period_ms":60000}"#;
        let mut owner = lessor(minute, Terms::default());
        assert_eq!(granted(owner.ask(400, NOW)).units, 31);
        assert_eq!(granted(owner.ask(400, NOW)).units, 29);
        assert_eq!(granted(owner.ask(5, NOW)).units, 5);
        assert_eq!(granted(owner.ask(0, NOW)).units, 1, "an ask of nothing is an ask of one");
        assert!(matches!(owner.decide(300, NOW), Decision::Allow { .. }));
        assert_eq!(granted(owner.ask(400, NOW)).units, 16);
    }

    #[test]
    fn a_lease_ends_before_its_calendar_period_does() {
        let day = r#"{"kind":"calendar","name":"day","limit":10,"unit":"day","time_zone":"UTC"}"#;
        let midnight = UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z").unwrap();
        let before = |ms: u64| UnixMillis::new(midnight.as_millis() - ms);
        let mut owner = lessor(day, Terms { least_units: 1, ..Terms::default() });
        assert_eq!(granted(owner.ask(1, before(10_000))).ttl_ms, 5_000);
        let cut = granted(owner.ask(1, before(3_000)));
        assert_eq!((cut.ttl_ms, cut.expires_at), (2_999, before(1)));
        assert_eq!(granted(owner.ask(1, before(501))).ttl_ms, 500);
        let Answer::Denied(denial) = owner.ask(1, before(500)) else { panic!("there is no time") };
        assert_eq!((denial.reason, denial.retry_at, denial.wait_ms), (DenialReason::PeriodEnds, midnight, 500));
        // Nobody gave anything back: all of it belongs to the day that is over.
        assert_eq!((owner.free(before(1)), owner.free(midnight)), (7, 10));
    }

    #[test]
    fn the_owner_decides_beside_what_is_outstanding() {
        let mut owner = ten_a_minute(Terms { least_units: 6, ..Terms::default() });
        owner.ask(6, NOW);
        assert_eq!(owner.decide(4, NOW), Decision::Allow { charged_at: NOW });
        assert_eq!(owner.decide(1, NOW), Decision::Defer { retry_at: NOW.plus(5_000), window: 0 });
        assert_eq!(owner.decide(10, NOW), Decision::Defer { retry_at: NOW.plus(5_000), window: 0 });
        assert_eq!(owner.decide(11, NOW), Decision::Reject { window: 0 });
        assert_eq!(owner.decide(0, NOW), Decision::Allow { charged_at: NOW });
    }

    #[test]
    fn a_clock_set_back_frees_nothing() {
        let mut owner = ten_a_minute(Terms::default());
        owner.ask(10, NOW);
        let earlier = UnixMillis::new(NOW.as_millis() - 100_000);
        assert_eq!(owner.free(earlier), 0);
        assert_eq!(owner.give_back(Return { id: 1, used: 10 }, earlier), Settled::Now { used: 10, freed: 0 });
        assert_eq!((owner.free(earlier.plus(59_999)), owner.free(earlier.plus(60_000))), (0, 10));
        assert_eq!(ten_a_minute(Terms::default()).load(&owner.to_bytes()), Ok(owner));
    }

    /// A lease that is out when the clock is set back ends after the time it had left; then its units drain.
    #[test]
    fn a_lease_has_as_long_to_go_after_a_clock_set_back() {
        let mut owner = ten_a_minute(Terms::default());
        owner.ask(10, NOW);
        assert_eq!(owner.free(NOW.plus(2_000)), 0);
        let earlier = UnixMillis::new(NOW.as_millis() - 31_536_000_000);
        let Answer::Denied(denial) = owner.ask(1, earlier) else { panic!("it is full") };
        assert_eq!(denial.retry_at, earlier.plus(5_000));
        assert_eq!((owner.free(earlier.plus(64_999)), owner.free(earlier.plus(65_000))), (0, 10));
    }

    /// The newest charge is 3 s after the new now (a minute's sub-bucket is 4 s) and the newest change 6 s: the charge stays
    /// where it is, the lease has its five seconds from there, and what is stored can be read.
    #[test]
    fn a_clock_set_back_to_just_before_the_newest_charge_waits_for_it() {
        let mut owner = ten_a_minute(Terms { least_units: 5, ..Terms::default() });
        owner.decide(5, NOW.plus(3_000));
        owner.ask(5, NOW.plus(6_000));
        let Answer::Denied(denial) = owner.ask(1, NOW) else { panic!("it is full") };
        assert_eq!(denial.retry_at, NOW.plus(8_000));
        assert_eq!(ten_a_minute(Terms::default()).load(&owner.to_bytes()).map(|read| read.held()), Ok(5));
    }

    /// Bytes in which a lease ended before the newest change, or the limiter was charged after it, are nobody's.
    #[test]
    fn bytes_that_contradict_themselves_are_refused() {
        let mut owner = ten_a_minute(Terms { least_units: 10, ..Terms::default() });
        owner.ask(1, NOW);
        owner.decide(9, NOW);
        let sound = owner.to_bytes();
        let mut early = sound.clone();
        early[31..39].copy_from_slice(&1_u64.to_le_bytes());
        let mut late = early.clone();
        late[7..15].fill(0);
        let load = |bytes: &[u8]| ten_a_minute(Terms::default()).load(bytes);
        assert_eq!((load(&early), load(&late)), (Err(LeaseBytesError::Damaged), Err(LeaseBytesError::Damaged)));
        let mut worn_out = ten_a_minute(Terms::default()).to_bytes();
        worn_out[15..23].copy_from_slice(&(1_u64 << 53).to_le_bytes());
        let mut owner = load(&worn_out).unwrap();
        assert!(matches!(owner.ask(1, NOW), Answer::Denied(_)), "there are no more ids");
        assert!(load(&owner.to_bytes()).is_ok());
    }

    #[test]
    fn changed_limits_keep_what_is_outstanding() {
        let mut owner = ten_a_minute(Terms::default());
        owner.ask(8, NOW);
        let policy = |limit: u32| {
            let window = alloc::format!(r#"{{"kind":"sliding","name":"minute","limit":{limit},"period_ms":60000}}"#);
            Limiter::from_json(&alloc::format!(r#"{{"windows":[{window}]}}"#)).unwrap()
        };
        owner.migrate(policy(12), Terms::default(), NOW).unwrap();
        assert_eq!((owner.free(NOW), owner.held()), (4, 8));
        owner.migrate(policy(5), Terms::default(), NOW).unwrap();
        assert_eq!(refused(owner.ask(1, NOW)), (DenialReason::Full, 5_000));
        let pace = Limiter::from_json(r#"{"windows":[{"kind":"pace","name":"p","interval_ms":1,"burst":1}]}"#).unwrap();
        assert_eq!(owner.migrate(pace, Terms::default(), NOW).unwrap_err().code(), "pace_window");
        assert_eq!(owner.give_back(Return { id: 1, used: 3 }, NOW), Settled::Now { used: 3, freed: 5 });
        assert_eq!(owner.free(NOW), 2);
    }

    #[test]
    fn an_owner_goes_on_from_its_bytes() {
        let mut owner = ten_a_minute(Terms { least_units: 3, ..Terms::default() });
        owner.ask(3, NOW);
        owner.ask(3, NOW.plus(1));
        owner.give_back(Return { id: 1, used: 2 }, NOW.plus(2));
        let again = ten_a_minute(Terms { least_units: 3, ..Terms::default() }).load(&owner.to_bytes()).unwrap();
        assert_eq!(again, owner);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut owner = ten_a_minute(Terms { least_units: 3, ..Terms::default() });
        owner.ask(3, NOW);
        owner.ask(3, NOW);
        let good = owner.to_bytes();
        let load = |bytes: &[u8]| ten_a_minute(Terms::default()).load(bytes).unwrap_err();
        let with = |place: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[place] = byte;
            load(&bytes)
        };
        assert_eq!(load(&[]), LeaseBytesError::NotLeases);
        assert_eq!(with(0, b'X'), LeaseBytesError::NotLeases);
        assert_eq!(with(2, 2), LeaseBytesError::Version { found: 2 });
        assert_eq!(load(&good[..22]), LeaseBytesError::Damaged);
        assert_eq!(load(&good[..50]), LeaseBytesError::Damaged);
        assert_eq!(with(14, 0xff), LeaseBytesError::Damaged, "an instant after the end of time");
        assert_eq!(with(22, 1), LeaseBytesError::Damaged, "more leases than there ever will be");
        assert_eq!(with(15, 2), LeaseBytesError::Damaged, "an id that is still to come");
        assert_eq!(with(23, 2), LeaseBytesError::Damaged, "two leases of one id");
        assert_eq!(with(39, 0), LeaseBytesError::Damaged, "a lease of nothing");
        assert_eq!(load(&good[..good.len() - 1]).code(), "state_length");
        let other = lessor(r#"{"kind":"sliding","name":"m","limit":11,"period_ms":60000}"#, Terms::default());
        assert_eq!(other.load(&good), Err(LeaseBytesError::State(StateError::OtherPolicy)));
    }
}
