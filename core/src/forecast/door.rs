//! Where messages are handed in: requests in the windows of requests, recipients in the quotas.
//!
//! They are taken in the order in which they come, as many a request as the account takes. Who is refused comes back when
//! there is room.

use super::{
    ForecastError,
    report::LimitId,
    traffic::{Arrivals, Coming},
};
use crate::{
    config::AccountConfig,
    gate::{Charge, Dimension, Scope, Unit, Verdict, decide},
    ledger::{Ledger, Reason, Refusal},
    time::UnixMillis,
};
use alloc::{string::ToString, vec::Vec};

pub(super) struct Door {
    arrivals: Arrivals,
    /// How many have been let in, or sent away.
    passed: usize,
    /// The windows of requests.
    requests: Vec<Dimension>,
    ledger: Ledger,
    most: u64,
    /// What it is shut by, and until when.
    pub(super) shut: Option<(UnixMillis, LimitId)>,
}

/// What the door does with those who come first.
pub(super) enum Step {
    /// So many are let in, the first at this place; all are of this batch.
    In { first: usize, count: usize, batch: usize },
    /// As many are sent away for good.
    Away { count: u64, limit: LimitId },
    /// Nobody comes now.
    Nothing,
}

impl Door {
    pub(super) fn new(account: &AccountConfig, arrivals: Arrivals) -> Result<Self, ForecastError> {
        let dimension =
            |scope: Scope, windows: &[_]| Dimension::new(scope, scope.word(), Unit::Requests, windows.to_vec());
        let mut requests = Vec::new();
        if !account.keys.is_empty() && !account.key_windows.is_empty() {
            requests.push(dimension(Scope::Key, &account.key_windows));
        }
        if !account.account_windows.is_empty() {
            requests.push(dimension(Scope::Plan, &account.account_windows));
        }
        let requests = requests.into_iter().collect::<Result<_, _>>();
        let ledger = Ledger::new(&account.quotas, &account.time_zone);
        Ok(Self {
            arrivals,
            passed: 0,
            requests: requests.map_err(|error| ForecastError::Policy(error.to_string()))?,
            ledger: ledger
                .map_err(|error| ForecastError::Policy(error.to_string()))?
                .with_overdelivery(account.overdelivery),
            most: u64::try_from(account.max_messages).unwrap_or(u64::MAX),
            shut: None,
        })
    }

    pub(super) fn coming(&self) -> &[Coming] {
        &self.arrivals.coming
    }

    /// When somebody next may come in.
    pub(super) fn next_at(&self) -> Option<UnixMillis> {
        let first = self.arrivals.coming.get(self.passed)?.at;
        Some(self.shut.as_ref().map_or(first, |(until, _)| first.max(*until)))
    }

    /// Lets in a request.
    pub(super) fn step(&mut self, now: UnixMillis) -> Step {
        if self.shut.as_ref().is_some_and(|(until, _)| *until > now) {
            return Step::Nothing;
        }
        self.shut = None;
        let waiting = self.arrivals.coming.get(self.passed..).unwrap_or_default();
        let Some(batch) = waiting.first().filter(|one| one.at <= now).map(|one| one.batch) else {
            return Step::Nothing;
        };
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let alike = waiting.iter().take(most).take_while(|one| one.at <= now && one.batch == batch).count();
        let units = self.arrivals.batches.get(batch).map_or(1, |batch| u64::from(batch.recipients));
        let count = match self.fitting(u64::try_from(alike).unwrap_or(u64::MAX), units, now) {
            Ok(count) => count,
            Err(refusal) => return self.refused(refusal, batch, now),
        };
        if let Some(shut) = self.requested(now) {
            self.shut = Some(shut);
            return Step::Nothing;
        }
        // It was asked before, with the same clock.
        let _ = self.ledger.reserve(count.saturating_mul(units), now);
        let first = self.passed;
        let count = usize::try_from(count).unwrap_or(alike);
        self.passed = first.saturating_add(count);
        Step::In { first, count, batch }
    }

    /// How many of so many messages the quotas have room for: at least 1.
    fn fitting(&self, wanted: u64, units: u64, now: UnixMillis) -> Result<u64, Refusal> {
        let refused = |count: u64| self.ledger.peek(count.saturating_mul(units), now).into_iter().find_map(Result::err);
        // Together the quotas refuse what any of them refuses; the one that lasts longest is the one to wait for.
        let longest = |count: u64| {
            let all = self.ledger.peek(count.saturating_mul(units), now).into_iter().filter_map(Result::err);
            all.max_by_key(|refusal| refusal.retry_at.unwrap_or(UnixMillis::MAX))
        };
        if refused(wanted).is_none() {
            return Ok(wanted);
        }
        if let Some(refusal) = longest(1) {
            return Err(refusal);
        }
        // The most that fits is found by halving: 1 fits, `wanted` does not.
        let (mut fits, mut not) = (1, wanted);
        while not.saturating_sub(fits) > 1 {
            let middle = fits.midpoint(not);
            if refused(middle).is_none() { fits = middle } else { not = middle }
        }
        Ok(fits)
    }

    /// Counts a request; what shuts the door when it may not be made.
    fn requested(&mut self, now: UnixMillis) -> Option<(UnixMillis, LimitId)> {
        let mut charges: Vec<Charge<'_>> =
            self.requests.iter_mut().map(|dimension| Charge { dimension, cost: 1 }).collect();
        // The status is judged where messages leave.
        let said = decide(crate::config::AccountStatus::Active, &mut charges, now);
        let Verdict::Defer { retry_at, binding } = said else { return None };
        let dimension = self.requests.get(binding.dimension)?;
        let window = dimension.limiter().windows().get(binding.window)?;
        Some((retry_at, LimitId::of(dimension, window)))
    }

    fn refused(&mut self, refusal: Refusal, batch: usize, now: UnixMillis) -> Step {
        let quotas = self.ledger.usage(now);
        let limit = quotas.iter().find(|quota| quota.period == refusal.period).map_or(0, |quota| quota.limit);
        let limit = LimitId::quota(refusal.period.as_str(), limit);
        match (refusal.reason, refusal.retry_at) {
            (Reason::Full | Reason::OverdeliveryUsed, Some(retry_at)) => {
                self.shut = Some((retry_at, limit));
                Step::Nothing
            }
            (Reason::TooLarge, _) | (_, None) => {
                let waiting = self.arrivals.coming.get(self.passed..).unwrap_or_default();
                let count = waiting.iter().take_while(|one| one.batch == batch && one.at <= now).count();
                self.passed = self.passed.saturating_add(count);
                Step::Away { count: u64::try_from(count).unwrap_or(u64::MAX), limit }
            }
        }
    }
}
