//! The holder's side: units that may be used without asking.
//!
//! ```text
//! 0   "SK"                                  2 bytes
//! 2   version                               u8, 1
//! 3   an ask is pending                     u8, 0 or 1
//! 4   number of leases, of returns          2 x u32
//! 12  newest instant seen                   u64, ms of the holder's own clock
//! 20  no ask before                         u64
//! 28  pending ask: nonce, departure         2 x u64, 0 without one
//! 44  units of the newest grant             u32
//! 48  each lease: id, end, forgotten at     3 x u64
//!                 units, used               2 x u32
//!     each return: id, forgotten at         2 x u64
//!                  used                     u32
//! ```
//!
//! Numbers are little-endian.

use super::{
    Answer, Grant, LeaseBytesError, Return,
    bytes::{Reader, VERSION},
};
use crate::time::UnixMillis;
use alloc::{collections::BTreeSet, vec::Vec};

/// By how much a holder shortens a lease, so that it is over before it expires at the owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// How wrong the owner's clock and this one may each run, in parts per million.
    pub drift_ppm: u32,
    /// How long after reading its clock the holder may still let units leave, in milliseconds. Where the clock stands
    /// still while code runs, as on Workers, this is the longest run of code.
    pub lag_ms: u64,
    /// How long a return may travel, in milliseconds. Nothing hangs on it but units: the return of a lease that was used
    /// to its end arrives in time to free the rest.
    pub travel_ms: u64,
}

impl Default for Allowance {
    /// 500 ppm is what a clock under NTP is slewed by at most; a tenth of a second of computing is long for a request;
    /// a quarter of a second goes around the world.
    fn default() -> Self {
        Self { drift_ppm: 500, lag_ms: 100, travel_ms: 250 }
    }
}

/// Everything a holder knows: its leases, the ask that is on its way, and what it has to give back.
///
/// `now` is an instant of the holder's own clock. Any will do, best one that is never set: offsets mean nothing here.
/// **Clock.** When it goes backwards, every lease ends and the pending ask is forgotten, because nobody can tell for how
/// long they would go on, so threads that share a holder read the clock while they have it for themselves. (A clock set back by less than has passed since the last call cannot be told from one that
/// was not, which is why a monotonic one is best.)
///
/// **Stored bytes** name units that have not been used. Store them before units leave, or begin with
/// [`Holder::new`]: what a crashed holder had counts as used when it expires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    allowance: Allowance,
    seen: UnixMillis,
    quiet_until: UnixMillis,
    pending: Option<Pending>,
    newest_units: u32,
    leases: Vec<Lease>,
    returns: Vec<Unsettled>,
}

/// What to send to the owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Comes back with the answer.
    pub nonce: u64,
    /// How many units are wanted.
    pub units: u32,
    /// Leases to settle first.
    pub returns: Vec<Return>,
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// The units may be used.
    Taken {
        /// Until just before this instant of the holder's clock.
        until: UnixMillis,
    },
    /// There are none; no ask before this instant of the holder's clock.
    Denied {
        /// See [`super::Denial::retry_at`].
        until: UnixMillis,
    },
    /// Units came too late to be used, and go back with the next message.
    TooLate,
    /// It answers no ask that is pending: a repeated answer, or one that had been given up. Nothing changed.
    Stale,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pending {
    nonce: u64,
    asked_at: UnixMillis,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lease {
    id: u64,
    ends_at: UnixMillis,
    /// When the owner has settled it by itself: a return later than this is not worth sending.
    forgotten_at: UnixMillis,
    units: u32,
    used: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Unsettled {
    back: Return,
    forgotten_at: UnixMillis,
}

impl Holder {
    /// A holder of nothing.
    ///
    /// # Example: what may be used without asking?
    /// ```
    /// use sendgate_core::{lease::{Allowance, Answer, Grant, Holder, Received, Return}, time::UnixMillis};
    ///
    /// let mut holder = Holder::new(Allowance { drift_ppm: 200, lag_ms: 50, travel_ms: 100 });
    /// let now = UnixMillis::new(7_000);
    /// assert!(!holder.take(1, now));
    /// let ask = holder.ask(16, 0x5eed, now).unwrap();
    /// let grant = Grant { id: 9, units: 16, ttl_ms: 5_000, expires_at: UnixMillis::new(1_800_000_005_000) };
    /// // 5,000 - 2 * 200 ppm - 50 - 100 - 1, from the departure of the ask on
    /// let until = UnixMillis::new(7_000 + 4_847);
    /// assert_eq!(holder.receive(ask.nonce, &Answer::Granted(grant), now.plus(80)), Received::Taken { until });
    /// assert!(holder.take(3, now.plus(90)));
    /// assert!(!holder.take(1, until));
    /// assert_eq!(holder.returns(until), [Return { id: 9, used: 3 }]);
    /// ```
    #[must_use]
    pub const fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            seen: UnixMillis::new(0),
            quiet_until: UnixMillis::new(0),
            pending: None,
            newest_units: 0,
            leases: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// Uses `units` units, if so many are there; otherwise none.
    pub fn take(&mut self, units: u32, now: UnixMillis) -> bool {
        self.advance(now);
        if self.left() < u64::from(units) {
            return false;
        }
        let mut wanted = units;
        for lease in &mut self.leases {
            let taken = wanted.min(lease.units - lease.used);
            lease.used += taken;
            wanted -= taken;
        }
        self.end(|lease| lease.used == lease.units);
        true
    }

    /// Units that may still be used at `now`.
    #[must_use]
    pub fn unspent(&self, now: UnixMillis) -> u64 {
        if now < self.seen {
            return 0;
        }
        let live = self.leases.iter().filter(|lease| now < lease.ends_at);
        live.map(|lease| u64::from(lease.units - lease.used)).sum()
    }

    /// Whether it is time to ask: a quarter of the newest grant is left or less, no answer is awaited, and no denial
    /// stands in the way.
    #[must_use]
    pub fn wants_more(&self, now: UnixMillis) -> bool {
        if now < self.seen {
            return true;
        }
        let waiting = self.pending.is_some_and(|pending| now.since(pending.asked_at) < PATIENCE_MS);
        !waiting && now >= self.quiet_until && self.unspent(now) * PREFETCH_PART <= u64::from(self.newest_units)
    }

    /// The ask to send at `now`, with everything that has to be given back, if it is time for one.
    ///
    /// `nonce` is a random number: no two asks of any holder, before or after a crash, may carry the same. `units` is
    /// how many will be of use, see [`Holder::sensible_units`].
    pub fn ask(&mut self, units: u32, nonce: u64, now: UnixMillis) -> Option<Ask> {
        self.advance(now);
        if units == 0 || !self.wants_more(now) {
            return None;
        }
        self.pending = Some(Pending { nonce, asked_at: now });
        Some(Ask { nonce, units, returns: self.unsettled() })
    }

    /// Takes up the owner's answer to the ask of this nonce. Each ask's first answer counts.
    pub fn receive(&mut self, nonce: u64, answer: &Answer, now: UnixMillis) -> Received {
        self.advance(now);
        let Some(pending) = self.pending.filter(|pending| pending.nonce == nonce) else {
            return Received::Stale;
        };
        self.pending = None;
        match answer {
            Answer::Granted(grant) if grant.units == 0 => Received::TooLate,
            Answer::Granted(grant) => {
                self.newest_units = grant.units;
                let lease = Lease::new(grant, pending.asked_at, self.allowance);
                self.leases.push(lease);
                self.end(|lease| lease.ends_at <= now);
                if lease.ends_at <= now { Received::TooLate } else { Received::Taken { until: lease.ends_at } }
            }
            Answer::Denied(denial) => {
                self.quiet_until = pending.asked_at.plus(denial.wait_ms);
                Received::Denied { until: self.quiet_until }
            }
        }
    }

    /// What has to be given back, for a message of its own when no ask is due. It is repeated until
    /// [`Holder::settled`] says that the owner knows, or until the owner has settled it by itself.
    pub fn returns(&mut self, now: UnixMillis) -> Vec<Return> {
        self.advance(now);
        self.unsettled()
    }

    /// The owner has answered to a return; which of the three answers it was does not matter.
    pub fn settled(&mut self, id: u64) {
        self.returns.retain(|unsettled| unsettled.back.id != id);
    }

    /// Ends every lease: [`Holder::returns`] then has them all. For a holder that is idle or shuts down.
    pub fn give_back(&mut self, now: UnixMillis) {
        self.advance(now);
        self.end(|_lease| true);
    }

    /// When the next lease ends by itself, and its return should leave.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        self.leases.iter().map(|lease| lease.ends_at).min()
    }

    /// How many units to ask for after `used` were used in `over_ms` milliseconds: what the same pace uses in half a
    /// time to live, rounded up. An idle holder asks for none.
    #[must_use]
    pub fn sensible_units(used: u32, over_ms: u64, ttl_ms: u64) -> u32 {
        let wanted = (u128::from(used) * u128::from(ttl_ms)).div_ceil(u128::from(over_ms.max(1)) * 2);
        u32::try_from(wanted).unwrap_or(u32::MAX)
    }

    /// Goes on with stored bytes; see [`Holder`] for when that is safe.
    ///
    /// # Errors
    /// A [`LeaseBytesError`] for bytes of another version, or that contradict themselves.
    pub fn load(allowance: Allowance, bytes: &[u8]) -> Result<Self, LeaseBytesError> {
        let mut reader = Reader::new(bytes, MAGIC)?;
        let has_pending = reader.u8()?;
        let (leases, returns) = (reader.u32()?, reader.u32()?);
        let mut holder = Self::new(allowance);
        holder.seen = UnixMillis::new(reader.u64()?);
        holder.quiet_until = UnixMillis::new(reader.u64()?);
        let pending = Pending { nonce: reader.u64()?, asked_at: UnixMillis::new(reader.u64()?) };
        holder.pending = (has_pending == 1).then_some(pending);
        holder.newest_units = reader.u32()?;
        for _ in 0..leases {
            holder.leases.push(Lease::read(&mut reader)?);
        }
        for _ in 0..returns {
            let (id, forgotten_at) = (reader.u64()?, UnixMillis::new(reader.u64()?));
            holder.returns.push(Unsettled { back: Return { id, used: reader.u32()? }, forgotten_at });
        }
        let ids = || holder.leases.iter().map(|lease| lease.id).chain(holder.returns.iter().map(|back| back.back.id));
        let distinct = ids().collect::<BTreeSet<u64>>().len() == ids().count();
        let in_order = holder.leases.iter().all(|lease| lease.ends_at <= lease.forgotten_at);
        // The rest is sound exactly when it would be written like this.
        let sound = distinct && in_order && holder.to_bytes() == bytes;
        if sound { Ok(holder) } else { Err(LeaseBytesError::Damaged) }
    }

    /// The bytes to store: the same on every platform.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, u8::from(self.pending.is_some())]);
        bytes.extend_from_slice(&count(self.leases.len()));
        bytes.extend_from_slice(&count(self.returns.len()));
        let pending = self.pending.map_or([0, 0], |pending| [pending.nonce, pending.asked_at.as_millis()]);
        for number in [self.seen.as_millis(), self.quiet_until.as_millis()].into_iter().chain(pending) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.newest_units.to_le_bytes());
        for lease in &self.leases {
            for number in [lease.id, lease.ends_at.as_millis(), lease.forgotten_at.as_millis()] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&lease.units.to_le_bytes());
            bytes.extend_from_slice(&lease.used.to_le_bytes());
        }
        for unsettled in &self.returns {
            bytes.extend_from_slice(&unsettled.back.id.to_le_bytes());
            bytes.extend_from_slice(&unsettled.forgotten_at.as_millis().to_le_bytes());
            bytes.extend_from_slice(&unsettled.back.used.to_le_bytes());
        }
        bytes
    }

    /// Ends what is over at `now`, and everything when the clock went backwards.
    fn advance(&mut self, now: UnixMillis) {
        if now < self.seen {
            self.pending = None;
            self.quiet_until = now;
            self.end(|_lease| true);
            // Their instants are of a clock that is no more: they can be settled, or are forgotten from now on.
            for unsettled in &mut self.returns {
                unsettled.forgotten_at = now.plus(PATIENCE_MS).min(unsettled.forgotten_at);
            }
        }
        self.seen = now;
        self.end(|lease| lease.ends_at <= now);
        self.returns.retain(|unsettled| now < unsettled.forgotten_at);
    }

    /// Moves leases to what has to be given back.
    fn end(&mut self, is_over: impl Fn(&Lease) -> bool) {
        for lease in self.leases.iter().filter(|lease| is_over(lease)) {
            let back = Return { id: lease.id, used: lease.used };
            self.returns.push(Unsettled { back, forgotten_at: lease.forgotten_at });
        }
        self.leases.retain(|lease| !is_over(lease));
        let surplus = self.returns.len().saturating_sub(MOST_RETURNS);
        self.returns.drain(..surplus);
    }

    fn left(&self) -> u64 {
        self.leases.iter().map(|lease| u64::from(lease.units - lease.used)).sum()
    }

    fn unsettled(&self) -> Vec<Return> {
        self.returns.iter().map(|unsettled| unsettled.back).collect()
    }
}

impl Lease {
    fn new(grant: &Grant, asked_at: UnixMillis, allowance: Allowance) -> Self {
        let drift = (u128::from(grant.ttl_ms) * 2 * u128::from(allowance.drift_ppm)).div_ceil(1_000_000);
        let drift_ms = u64::try_from(drift).unwrap_or(u64::MAX);
        let less = [drift_ms, allowance.lag_ms, allowance.travel_ms, ROUNDING_MS];
        let usable_ms = less.into_iter().fold(grant.ttl_ms, u64::saturating_sub);
        Self {
            id: grant.id,
            ends_at: asked_at.plus(usable_ms),
            forgotten_at: asked_at.plus(grant.ttl_ms),
            units: grant.units,
            used: 0,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, LeaseBytesError> {
        let id = reader.u64()?;
        let (ends_at, forgotten_at) = (UnixMillis::new(reader.u64()?), UnixMillis::new(reader.u64()?));
        let (units, used) = (reader.u32()?, reader.u32()?);
        if used >= units {
            return Err(LeaseBytesError::Damaged);
        }
        Ok(Self { id, ends_at, forgotten_at, units, used })
    }
}

const MAGIC: [u8; 2] = *b"SK";

/// A clock of whole milliseconds may say an instant up to one too early: the owner's, of the grant.
const ROUNDING_MS: u64 = 1;

/// Ask again when a quarter is left: at the pace that [`Holder::sensible_units`] supposes, that is an eighth of a time to
/// live, or 600 ms of 5 s, for a round trip.
const PREFETCH_PART: u64 = 4;

/// An answer that has not come after two seconds was lost, or comes too late to be of use.
const PATIENCE_MS: u64 = 2_000;

/// A holder has two leases at a time; more returns than this are of an owner that has long been out of reach, and
/// settle there as used.
const MOST_RETURNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{Denial, DenialReason};

    /// Any clock will do, so this one began a minute ago.
    const NOW: UnixMillis = UnixMillis::new(60_000);

    const NOTHING: Allowance = Allowance { drift_ppm: 0, lag_ms: 0, travel_ms: 0 };

    fn grant(id: u64, units: u32) -> Answer {
        Answer::Granted(Grant { id, units, ttl_ms: 5_000, expires_at: UnixMillis::new(9_999_999) })
    }

    /// A holder whose lease of so many units, id 1, began at `NOW`.
    fn with(units: u32, allowance: Allowance) -> Holder {
        let mut holder = Holder::new(allowance);
        holder.ask(units, 1, NOW).unwrap();
        assert!(matches!(holder.receive(1, &grant(1, units), NOW), Received::Taken { .. }));
        holder
    }

    #[test]
    fn a_lease_is_counted_from_its_ask_and_ends_a_millisecond_early() {
        let mut holder = Holder::new(NOTHING);
        holder.ask(10, 1, NOW).unwrap();
        let until = NOW.plus(4_999);
        assert_eq!(holder.receive(1, &grant(1, 10), NOW.plus(1_000)), Received::Taken { until });
        assert_eq!(holder.wake_at(), Some(until));
        assert!(holder.take(1, NOW.plus(4_998)));
        assert_eq!(holder.unspent(NOW.plus(4_998)), 9);
        assert_eq!(holder.unspent(until), 0);
        assert!(!holder.take(1, until));
        assert_eq!(holder.returns(until), [Return { id: 1, used: 1 }]);
    }

    /// A lease that ends after its owner has settled it, or stands there twice, is nobody's; nor is one of no units.
    #[test]
    fn leases_that_cannot_be_are_refused() {
        let sound = with(8, NOTHING).to_bytes();
        let mut late = sound.clone();
        late[56..64].copy_from_slice(&10_000_000_u64.to_le_bytes());
        assert_eq!(Holder::load(NOTHING, &late), Err(LeaseBytesError::Damaged));
        let mut twice = sound.clone();
        twice.extend_from_slice(&sound[48..80]);
        twice[4] = 2;
        assert_eq!(Holder::load(NOTHING, &twice), Err(LeaseBytesError::Damaged));
        assert!(Holder::load(NOTHING, &sound).is_ok());
        let mut holder = Holder::new(NOTHING);
        holder.ask(1, 1, NOW).unwrap();
        assert_eq!(holder.receive(1, &grant(1, 0), NOW), Received::TooLate);
        assert!(Holder::load(NOTHING, &holder.to_bytes()).is_ok());
    }

    /// 2 * 150 ppm of 5,000 ms are 1.5 ms: two whole ones. 5,000 - 2 - 30 - 40 - 1 = 4,927.
    #[test]
    fn drift_lag_and_travel_shorten_it_and_fractions_count_whole() {
        let holder = with(10, Allowance { drift_ppm: 150, lag_ms: 30, travel_ms: 40 });
        assert_eq!(holder.wake_at(), Some(NOW.plus(4_927)));
        let mut hopeless = Holder::new(Allowance { lag_ms: 6_000, ..NOTHING });
        hopeless.ask(10, 1, NOW).unwrap();
        assert_eq!(hopeless.receive(1, &grant(1, 10), NOW), Received::TooLate);
        assert_eq!(hopeless.returns(NOW), [Return { id: 1, used: 0 }]);
    }

    #[test]
    fn units_are_taken_together_or_not_at_all_and_from_the_older_lease_first() {
        let mut holder = with(4, NOTHING);
        assert!(!holder.take(5, NOW));
        assert!(holder.take(3, NOW));
        holder.ask(4, 2, NOW).unwrap();
        holder.receive(2, &grant(2, 4), NOW);
        assert!(holder.take(3, NOW));
        assert_eq!(holder.returns(NOW), [Return { id: 1, used: 4 }]);
        assert_eq!(holder.unspent(NOW), 2);
        assert!(holder.take(0, NOW));
    }

    #[test]
    fn more_is_wanted_when_a_quarter_is_left_and_only_once() {
        let mut holder = with(8, NOTHING);
        assert!(holder.take(5, NOW));
        assert_eq!(holder.ask(8, 2, NOW), None, "three of eight are left");
        assert!(holder.take(1, NOW));
        assert!(holder.wants_more(NOW));
        assert!(holder.ask(8, 2, NOW).is_some());
        assert_eq!(holder.ask(8, 3, NOW.plus(1_999)), None, "an answer is awaited");
        assert!(holder.ask(8, 4, NOW.plus(2_000)).is_some(), "it was lost");
        assert_eq!(holder.receive(2, &grant(2, 8), NOW.plus(2_001)), Received::Stale);
        assert_eq!(holder.unspent(NOW.plus(2_001)), 2);
    }

    #[test]
    fn a_denial_is_remembered_from_the_ask_on() {
        let mut holder = Holder::new(NOTHING);
        holder.ask(1, 1, NOW).unwrap();
        let denial = Denial { reason: DenialReason::Full, retry_at: UnixMillis::new(9_999_999), wait_ms: 700 };
        let until = NOW.plus(700);
        assert_eq!(holder.receive(1, &Answer::Denied(denial), NOW.plus(300)), Received::Denied { until });
        assert_eq!(holder.ask(1, 2, NOW.plus(699)), None);
        assert!(holder.ask(1, 2, until).is_some());
    }

    #[test]
    fn a_return_goes_with_every_message_until_it_is_settled_or_too_old() {
        let mut holder = with(4, NOTHING);
        assert!(holder.take(4, NOW));
        let back = [Return { id: 1, used: 4 }];
        assert_eq!(holder.ask(4, 2, NOW).unwrap().returns, back);
        assert_eq!(holder.returns(NOW.plus(4_999)), back);
        assert_eq!(holder.clone().returns(NOW.plus(5_000)), [], "the owner has settled it by itself");
        holder.settled(1);
        assert_eq!(holder.returns(NOW), []);
    }

    #[test]
    fn a_clock_that_goes_backwards_ends_every_lease_and_forgets_the_ask() {
        let mut holder = with(8, NOTHING);
        assert!(holder.take(6, NOW.plus(10)));
        holder.ask(8, 2, NOW.plus(10)).unwrap();
        assert_eq!(holder.unspent(NOW.plus(9)), 0);
        assert!(!holder.take(1, NOW.plus(9)));
        assert_eq!(holder.receive(2, &grant(2, 8), NOW.plus(9)), Received::Stale);
        assert_eq!(holder.returns(NOW.plus(9)), [Return { id: 1, used: 6 }]);
        assert!(holder.ask(8, 3, NOW.plus(9)).is_some());
    }

    #[test]
    fn an_idle_holder_gives_back_and_asks_for_nothing() {
        let mut holder = with(8, NOTHING);
        holder.give_back(NOW.plus(1));
        assert_eq!(holder.returns(NOW.plus(1)), [Return { id: 1, used: 0 }]);
        assert_eq!(holder.unspent(NOW.plus(1)), 0);
        // 30 in 10 s are 7.5 in half of 5 s.
        assert_eq!(Holder::sensible_units(30, 10_000, 5_000), 8);
        assert_eq!(Holder::sensible_units(0, 10_000, 5_000), 0);
        assert_eq!(Holder::sensible_units(u32::MAX, 0, u64::MAX), u32::MAX);
        assert_eq!(holder.ask(0, 2, NOW.plus(1)), None);
    }

    #[test]
    fn a_holder_goes_on_from_its_bytes() {
        let mut holder = with(8, NOTHING);
        assert!(holder.take(6, NOW));
        holder.ask(4, u64::MAX, NOW).unwrap();
        holder.receive(u64::MAX, &grant(2, 4), NOW);
        assert!(holder.take(5, NOW));
        holder.ask(4, 77, NOW).unwrap();
        // Header 48, a lease 32, a return 20.
        assert_eq!(holder.to_bytes().len(), 100);
        assert_eq!(Holder::load(NOTHING, &holder.to_bytes()), Ok(holder));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = with(8, NOTHING).to_bytes();
        let load = |bytes: &[u8]| Holder::load(NOTHING, bytes).unwrap_err();
        let with = |place: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[place] = byte;
            load(&bytes)
        };
        assert_eq!(load(b"S"), LeaseBytesError::NotLeases);
        assert_eq!(with(1, b'O'), LeaseBytesError::NotLeases);
        assert_eq!(with(2, 0), LeaseBytesError::Version { found: 0 });
        assert_eq!(with(3, 2), LeaseBytesError::Damaged, "pending is yes or no");
        assert_eq!(with(28, 1), LeaseBytesError::Damaged, "a nonce without an ask");
        assert_eq!(with(4, 2), LeaseBytesError::Damaged, "two leases where there is one");
        assert_eq!(with(19, 0xff), LeaseBytesError::Damaged, "an instant after the end of time");
        assert_eq!(with(76, 8), LeaseBytesError::Damaged, "a lease that is used up");
        assert_eq!(load(&[good.as_slice(), &[0]].concat()), LeaseBytesError::Damaged);
    }
}
