//! Warm-up ramps: how many messages a new source or domain sends on each of its first days, and to whom (R148 to R156).
//!
//! A ramp is a table of caps by day, in stages that open it to ever less engaged recipients. The tables are data with
//! their formula beside them; nothing here computes a power. After the last stage there is no cap.
//!
//! **Which day it is** is the caller's to count: a day that a bad reputation freezes is not counted, and after a pause the
//! count goes on at the last day reached or below ([`Ramp::resume`]). A source and a domain each have a ramp; the
//! [`Allowance::tighter`] of the two binds (R154).
//!
//! Out of scope: who is engaged.

use super::{
    CatalogError, Provenance, entry,
    error::{malformed, unknown, within},
    names, provenance,
};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// How engaged a recipient is; the order is the one in which a ramp opens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The most engaged.
    High,
    /// Moderately engaged.
    Medium,
    /// Less engaged.
    Low,
    /// Everybody else.
    All,
}

/// A warm-up ramp.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ramp {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The cap of each day, the first is day 1.
    days: Vec<(u64, Tier)>,
}

/// What a day admits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// Messages in the day; `None` when the ramp sets no cap any more.
    pub cap: Option<u64>,
    /// The least engaged recipients who may be sent to; the others are deferred with `warmup_tier`.
    pub widest: Tier,
}

impl Allowance {
    /// No warm-up: what a ramp allows once it is over.
    pub const OPEN: Self = Self { cap: None, widest: Tier::All };

    /// Whether a recipient of this tier may be sent to.
    #[must_use]
    pub fn admits(&self, tier: Tier) -> bool {
        tier <= self.widest
    }

    /// The smaller cap and the narrower tier of two.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let cap = match (self.cap, other.cap) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (cap, None) | (None, cap) => cap,
        };
        Self { cap, widest: self.widest.min(other.widest) }
    }
}

impl Ramp {
    /// The ramp of this name: `standard` or `strict`.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest known name.
    ///
    /// # Example: how many messages leave on the first day?
    /// ```
    /// use sendgate_core::catalog::{Ramp, Tier};
    ///
    /// let first = Ramp::named("standard").unwrap().allowance(1);
    /// assert_eq!((first.cap, first.widest), (Some(100), Tier::High));
    /// ```
    pub fn named(name: &str) -> Result<Self, CatalogError> {
        match entry(FILE, "ramps", name)? {
            Some(text) => Self::parse(name, text),
            None => Err(unknown("ramp", name, &Self::names()?)),
        }
    }

    /// The names of the ramps.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong; a test makes sure that it is not.
    pub fn names() -> Result<Vec<&'static str>, CatalogError> {
        names(FILE, "ramps")
    }

    /// Reads a ramp that a deployment writes itself, in the form of the embedded ones.
    ///
    /// # Errors
    /// A cap of 0, one below the day before it or more than `max_growth_permille` of it, a stage that is empty or that
    /// narrows the tiers (R153, R155); each by its path.
    pub fn parse(name: &str, text: &str) -> Result<Self, CatalogError> {
        let at = format!("ramps.{name}");
        let entry: Entry = serde_json::from_str(text).map_err(|error| malformed(&at, &error))?;
        let provenance = provenance(&at, &entry.as_of, &entry.source)?;
        let growth = entry.max_growth_permille;
        within(&format!("{at}.max_growth_permille"), growth, 1_000, MAX_GROWTH_PERMILLE)?;
        let mut days: Vec<(u64, Tier)> = Vec::new();
        for (place, stage) in entry.stages.into_iter().enumerate() {
            let path = format!("{at}.stages[{place}]");
            if stage.caps.is_empty() || days.last().is_some_and(|(_, tier)| stage.tier < *tier) {
                let detail = "a stage has at least 1 day, and tiers only widen".into();
                return Err(CatalogError::Invalid { path, detail });
            }
            for (day, cap) in stage.caps.into_iter().enumerate() {
                let (least, most) = days.last().map_or((1, MAX_CAP), |(before, _)| (*before, grown(*before, growth)));
                days.push((within(&format!("{path}.caps[{day}]"), cap, least, most)?, stage.tier));
            }
        }
        within(&format!("{at}.stages"), u64::try_from(days.len()).unwrap_or(u64::MAX), 1, MAX_DAYS)?;
        Ok(Self { name: name.into(), provenance, days })
    }

    /// What a day admits. Day 1 is the first; day 0 is taken as day 1.
    #[must_use]
    pub fn allowance(&self, day: u32) -> Allowance {
        let place = usize::try_from(day.saturating_sub(1)).unwrap_or(usize::MAX);
        self.days.get(place).map_or(Allowance::OPEN, |(cap, widest)| Allowance { cap: Some(*cap), widest: *widest })
    }

    /// Days that have a cap.
    #[must_use]
    pub fn length(&self) -> u32 {
        u32::try_from(self.days.len()).unwrap_or(u32::MAX)
    }

    /// The day on which the last of so many messages may leave when the ramp starts now and nothing else is sent (R152);
    /// 0 when there are none.
    #[must_use]
    pub fn finish_day(&self, messages: u64) -> u32 {
        let mut left = messages;
        for (day, (cap, _)) in (0u32..).zip(&self.days) {
            if left == 0 {
                return day;
            }
            left = left.saturating_sub(*cap);
        }
        if left == 0 { self.length() } else { self.length().saturating_add(1) }
    }

    /// The day to go on at after a pause: the last one whose cap is not above what was really sent in a day, at least 1
    /// and at most `day` (R155).
    #[must_use]
    pub fn resume(&self, day: u32, achieved: u64) -> u32 {
        let reached = self.days.iter().take_while(|(cap, _)| *cap <= achieved).count();
        u32::try_from(reached).unwrap_or(u32::MAX).min(day).max(1)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    as_of: String,
    source: String,
    /// How the caps were computed; for whoever reads the data.
    #[serde(rename = "formula")]
    _formula: Option<String>,
    max_growth_permille: u64,
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    tier: Tier,
    caps: Vec<u64>,
}

/// The most that may follow a cap.
fn grown(cap: u64, permille: u64) -> u64 {
    let most = u128::from(cap) * u128::from(permille) / 1_000;
    u64::try_from(most).unwrap_or(u64::MAX).min(MAX_CAP)
}

/// Ten times a day: steeper is no ramp.
const MAX_GROWTH_PERMILLE: u64 = 10_000;
/// Messages in a day: a window's limit holds no more.
const MAX_CAP: u64 = u32::MAX as u64 - 1;
/// A year.
const MAX_DAYS: u64 = 366;

const FILE: &str = include_str!("../../data/ramps.json");
