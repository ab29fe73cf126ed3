//! Where a domain stands, and how a look at DNS moves it.

use crate::{config::DomainStatus, time::UnixMillis};

/// What a look at DNS came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every required record is there.
    Matches,
    /// A required record is not there.
    Missing,
    /// None is known to be missing, and not all could be seen.
    Unknown,
}

/// Where a domain stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DomainState {
    /// Its records were never all there, or were missing for too long.
    #[default]
    Pending,
    /// They are there.
    Verified,
    /// They were there; at the last look they were not.
    Grace,
}

/// Where a domain stands, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub state: DomainState,
    /// In grace: until when it sends on.
    pub grace_until: Option<UnixMillis>,
    /// The last look that said something.
    pub checked_at: Option<UnixMillis>,
    /// Pending: until when it is looked at without being asked for.
    pub sought_until: Option<UnixMillis>,
}

impl DomainState {
    /// The state of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Pending, Self::Verified, Self::Grace].into_iter().find(|state| state.word() == word)
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Grace => "grace",
        }
    }

    /// What it is to the account: whether mail may be sent from it.
    #[must_use]
    pub const fn status(self) -> DomainStatus {
        match self {
            Self::Pending => DomainStatus::Pending,
            Self::Verified | Self::Grace => DomainStatus::Verified,
        }
    }
}

impl Standing {
    /// A domain that was just added: pending, and looked at for three days.
    #[must_use]
    pub fn added(now: UnixMillis) -> Self {
        Self { sought_until: Some(now.plus(GRACE_MS)), ..Self::default() }
    }

    /// When to look again without being asked for: a day after a look that found everything, an hour after any other one; a
    /// domain that stays pending is given up after three days, and looked at when somebody asks.
    #[must_use]
    pub fn next_look(self, now: UnixMillis) -> Option<UnixMillis> {
        match self.state {
            DomainState::Verified => Some(now.plus(VERIFIED_LOOK_MS)),
            DomainState::Grace => Some(self.grace_until.unwrap_or(now).min(now.plus(OTHER_LOOK_MS))),
            DomainState::Pending => self.sought_until.filter(|until| now < *until).map(|_| now.plus(OTHER_LOOK_MS)),
        }
    }

    /// Where it stands after a look.
    ///
    /// Only a whole match verifies. A look that could not see everything moves nothing, but that a grace still ends: the
    /// last thing known is that records were missing. A `now` that went back ends no grace early and lengthens none.
    #[must_use]
    pub fn after(self, outcome: Outcome, now: UnixMillis) -> Self {
        let is_over = self.grace_until.is_none_or(|until| now >= until);
        let at = |state, grace_until| Self { state, grace_until, checked_at: Some(now), ..self };
        match (outcome, self.state) {
            (Outcome::Matches, DomainState::Pending | DomainState::Verified | DomainState::Grace) => {
                at(DomainState::Verified, None)
            }
            (Outcome::Missing, DomainState::Verified) => at(DomainState::Grace, Some(now.plus(GRACE_MS))),
            (Outcome::Missing, DomainState::Grace) if !is_over => at(DomainState::Grace, self.grace_until),
            (Outcome::Missing, DomainState::Pending | DomainState::Grace) => at(DomainState::Pending, None),
            (Outcome::Unknown, DomainState::Grace) if is_over => {
                Self { state: DomainState::Pending, grace_until: None, ..self }
            }
            (Outcome::Unknown, DomainState::Pending | DomainState::Verified | DomainState::Grace) => self,
        }
    }
}

/// Three days: as long as Resend goes on looking for the records of a domain that it had verified.
const GRACE_MS: u64 = 259_200_000;
/// A verified domain that loses its records is noticed within a day.
const VERIFIED_LOOK_MS: u64 = 86_400_000;
const OTHER_LOOK_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;
    use DomainState::{Grace, Pending, Verified};

    const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

    /// R074: pending becomes verified only on matching DNS.
    #[test]
    fn only_a_match_verifies() {
        let pending = Standing::default();
        assert_eq!(pending.after(Outcome::Missing, NOW).state, Pending);
        assert_eq!(pending.after(Outcome::Unknown, NOW), pending);
        assert_eq!(pending.after(Outcome::Matches, NOW).state, Verified);
    }

    #[test]
    fn records_that_are_lost_have_three_days_to_come_back() {
        let verified = Standing::default().after(Outcome::Matches, NOW);
        assert_eq!(verified.after(Outcome::Unknown, NOW.plus(1)), verified, "a resolver that fails is no evidence");
        let grace = verified.after(Outcome::Missing, NOW);
        let end = NOW.plus(3 * 86_400_000);
        assert_eq!((grace.state, grace.grace_until), (Grace, Some(end)));
        let before = UnixMillis::new(end.as_millis() - 1);
        let again = grace.after(Outcome::Missing, before);
        assert_eq!((again.state, again.grace_until), (Grace, Some(end)), "a second miss lengthens nothing");
        for outcome in [Outcome::Missing, Outcome::Unknown] {
            assert_eq!(again.after(outcome, end).state, Pending);
        }
        assert_eq!(again.after(Outcome::Unknown, before), again);
        assert_eq!(again.after(Outcome::Matches, end).state, Verified);
        let back = UnixMillis::new(NOW.as_millis() - 86_400_000);
        assert_eq!(grace.after(Outcome::Missing, back).grace_until, Some(end), "a clock set back");
    }

    #[test]
    fn looks_come_daily_hourly_and_end() {
        let hour = 3_600_000;
        let added = Standing::added(NOW);
        assert_eq!(added.next_look(NOW), Some(NOW.plus(hour)));
        let end = NOW.plus(72 * hour);
        assert_eq!(added.next_look(UnixMillis::new(end.as_millis() - 1)), Some(end.plus(hour - 1)));
        assert_eq!(added.next_look(end), None, "three days were enough");
        let verified = added.after(Outcome::Matches, NOW);
        assert_eq!(verified.next_look(NOW), Some(NOW.plus(24 * hour)));
        let grace = verified.after(Outcome::Missing, NOW);
        assert_eq!(grace.next_look(NOW), Some(NOW.plus(hour)));
        assert_eq!(grace.next_look(NOW.plus(72 * hour - 1)), Some(end), "the end of a grace is not missed");
    }

    #[test]
    fn mail_leaves_while_verified_and_in_grace() {
        let may = |state: DomainState| state.status() == DomainStatus::Verified;
        assert!(may(Verified) && may(Grace) && !may(Pending));
        assert_eq!([Pending, Verified, Grace].map(DomainState::word), ["pending", "verified", "grace"]);
    }
}
