//! Callers that hammer: denied again and again, they wait longer (R096).
//!
//! More than so many denials in a period lengthen `Retry-After`: for a penalty that doubles each time, up to a cap. Waiting
//! as long as the answer says is enough, as ever. Nothing is revoked by itself, and a caller that keeps its limits for a
//! whole period starts anew.
//!
//! Denials are counted in memory, because a denial writes nothing: a flood must not cost its victim a row each. The start
//! of a penalty is written, so that a restart does not end it.

use crate::{
    limiter::{Limiter, LimiterError, State, Window},
    time::UnixMillis,
};
use alloc::vec::Vec;
use serde::Deserialize;

/// When a key's denials become abuse, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Abuse {
    /// Denials of a key in any `period_ms` that are let pass.
    pub denials: u32,
    /// Milliseconds.
    pub period_ms: u64,
    /// The first penalty in milliseconds; each further one is twice as long.
    pub penalty_ms: u64,
    /// The longest penalty in milliseconds.
    pub cap_ms: u64,
}

impl Default for Abuse {
    fn default() -> Self {
        Self { denials: DENIALS, period_ms: 60_000, penalty_ms: 60_000, cap_ms: 3_600_000 }
    }
}

/// The rule, ready to count.
pub(super) struct Watch {
    rule: Abuse,
    limiter: Limiter,
}

/// What is known of one key.
pub(super) struct Record {
    denials: State,
    /// Penalties in a row.
    level: u32,
    /// Denied until then, whatever its windows say.
    pub(super) until: UnixMillis,
}

impl Watch {
    pub(super) fn new(rule: Abuse) -> Result<Self, LimiterError> {
        let window = Window::Sliding { name: WINDOW.into(), limit: rule.denials, period_ms: rule.period_ms };
        Ok(Self { rule, limiter: Limiter::new(alloc::vec![window])? })
    }

    /// A key that never was denied.
    pub(super) fn clean(&self) -> Record {
        Record { denials: self.limiter.fresh(), level: 0, until: UnixMillis::default() }
    }

    /// A key as it was written down; a clean one when the bytes are not readable, for its windows hold it all the same.
    pub(super) fn load(&self, bytes: &[u8]) -> Record {
        let Some((until, level)) = bytes.split_first_chunk::<8>() else { return self.clean() };
        let level = level.first_chunk::<4>().map_or(0, |level| u32::from_le_bytes(*level));
        Record { level, until: UnixMillis::new(u64::from_le_bytes(*until)), ..self.clean() }
    }

    /// Counts a denial; returns whether a penalty begins with it.
    pub(super) fn denied(&self, record: &mut Record, now: UnixMillis) -> bool {
        if self.limiter.admit(&mut record.denials, 1, now).is_some() {
            return false;
        }
        let Abuse { penalty_ms, cap_ms, .. } = self.rule;
        let doubled = penalty_ms.saturating_mul(1_u64.checked_shl(record.level).unwrap_or(u64::MAX));
        record.level = record.level.saturating_add(1).min(MOST_DOUBLINGS);
        record.until = now.plus(doubled.min(cap_ms));
        record.denials = self.limiter.fresh();
        true
    }

    /// A request was admitted: after a whole period since the last penalty, that one is forgotten.
    pub(super) fn admitted(&self, record: &mut Record, now: UnixMillis) {
        if record.level > 0 && now >= record.until.plus(self.rule.period_ms) {
            *record = self.clean();
        }
    }

    /// The end of a penalty that lasts at `now`. A clock that was set back cannot make it longer than the cap.
    pub(super) fn penalty(&self, record: &Record, now: UnixMillis) -> Option<UnixMillis> {
        (record.until > now).then(|| record.until.min(now.plus(self.rule.cap_ms)))
    }
}

impl Record {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.until.as_millis().to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.level.to_le_bytes());
        bytes
    }
}

/// The name that answers give as the window that binds during a penalty.
pub(crate) const WINDOW: &str = "token_abuse";
/// Five denials a second for a whole minute: nobody who heeds `Retry-After` gets there.
const DENIALS: u32 = 300;
/// Past 2^32 every penalty is at its cap.
const MOST_DOUBLINGS: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn watch() -> Watch {
        Watch::new(Abuse { denials: 3, period_ms: 10_000, penalty_ms: 1_000, cap_ms: 5_000 }).unwrap()
    }

    /// Three pass; the fourth, eighth, twelfth and sixteenth begin penalties of 1, 2, 4 and (not 8 but) 5 seconds.
    #[test]
    fn penalties_double_up_to_their_cap() {
        let watch = watch();
        let mut record = watch.clean();
        let mut begun = Vec::new();
        for n in 1..=16 {
            if watch.denied(&mut record, NOW) {
                begun.push((n, record.until.since(NOW)));
            }
        }
        assert_eq!(begun, [(4, 1_000), (8, 2_000), (12, 4_000), (16, 5_000)]);
        assert_eq!(watch.penalty(&record, NOW.plus(4_999)), Some(NOW.plus(5_000)));
        assert_eq!(watch.penalty(&record, NOW.plus(5_000)), None, "waiting as long as was said is enough");
    }

    #[test]
    fn whoever_is_denied_seldom_is_never_punished() {
        let watch = watch();
        let mut record = watch.clean();
        // Three in any ten seconds, whose sub-buckets may count 16/15 of it.
        assert!((0..100_u64).all(|n| !watch.denied(&mut record, NOW.plus(n * 4_000))));
    }

    #[test]
    fn a_period_of_good_manners_starts_anew() {
        let watch = watch();
        let mut record = watch.clean();
        (0..4).for_each(|_| {
            watch.denied(&mut record, NOW);
        });
        watch.admitted(&mut record, NOW.plus(10_999));
        assert_eq!(record.level, 1);
        watch.admitted(&mut record, NOW.plus(11_000));
        assert_eq!((record.level, record.until), (0, UnixMillis::default()));
    }

    #[test]
    fn a_penalty_outlives_a_restart_and_a_clock_set_back_does_not_stretch_it() {
        let watch = watch();
        let mut record = watch.clean();
        (0..4).for_each(|_| {
            watch.denied(&mut record, NOW);
        });
        let again = watch.load(&record.to_bytes());
        assert_eq!((again.level, again.until), (1, NOW.plus(1_000)));
        let earlier = UnixMillis::new(1_000_000);
        assert_eq!(watch.penalty(&again, earlier), Some(earlier.plus(5_000)));
        assert_eq!(watch.load(b"x").until, UnixMillis::default());
    }
}
