//! Class presets: how each kind of mail is paced unless an account says otherwise (document 001, R125 to R128).
//!
//! A rate is a range: the low end is where an account starts (R100), the high end is as far as the guide goes. How a
//! campaign is spread over hours is exact integer arithmetic: no message is lost to rounding.
//!
//! What exceeds a class's rate waits; a preset never refuses (R128).

use super::{
    CatalogError, DAY_MS, Provenance, entry,
    error::{malformed, within},
    provenance,
};
use crate::{limiter::Window, message::Class};
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// How one class of mail is paced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassPreset {
    /// The class.
    pub class: Class,
    /// Where the figures come from, and which of them are chosen here.
    pub provenance: Provenance,
    /// Messages in any second: the least and the greatest usual.
    pub per_second: (u32, u32),
    /// Messages in any day; `None` where the guide gives no bound.
    pub per_day: Option<u64>,
    /// How a campaign is spread.
    pub spread: Spread,
    /// Percent of the sending slots that the class gets when every class has mail waiting. All classes make 100.
    pub share_percent: u8,
}

/// How a campaign of this class is spread over the hours after its start.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spread {
    /// Not at all: each message leaves when the windows admit it.
    AtOnce,
    /// The same in every hour.
    Evenly {
        /// Hours, 1 to 168.
        hours: u32,
    },
    /// More in every hour.
    Ramp {
        /// Percent of the campaign in each hour: never less than the hour before, 100 in all.
        hourly_percent: Vec<u8>,
    },
}

impl Spread {
    /// How many messages of a campaign of `total` leave in an hour, the first is 0. The hours' sum is `total`, and hours
    /// of equal percent differ by at most 1 (R126).
    ///
    /// # Example: how many of 1,000 leave in the first hour of a bulk campaign?
    /// ```
    /// use sendgate_core::{catalog::ClassPreset, message::Class};
    ///
    /// let bulk = ClassPreset::of(Class::Bulk).unwrap();
    /// assert_eq!(bulk.spread.in_hour(1_000, 0), 50);
    /// ```
    #[must_use]
    pub fn in_hour(&self, total: u64, hour: u32) -> u64 {
        self.by_hour(total, hour.saturating_add(1)).saturating_sub(self.by_hour(total, hour))
    }

    /// How many messages leave before an hour begins.
    fn by_hour(&self, total: u64, hour: u32) -> u64 {
        let (part, whole) = match self {
            Self::AtOnce => (u64::from(hour.min(1)), 1),
            Self::Evenly { hours } => (u64::from(hour.min(*hours)), u64::from((*hours).max(1))),
            Self::Ramp { hourly_percent } => {
                let hours = usize::try_from(hour).unwrap_or(usize::MAX);
                (hourly_percent.iter().take(hours).copied().map(u64::from).sum(), PERCENT)
            }
        };
        let before = u128::from(total) * u128::from(part) / u128::from(whole);
        u64::try_from(before).unwrap_or(total)
    }

    fn check(&self, path: &str) -> Result<(), CatalogError> {
        match self {
            Self::AtOnce => Ok(()),
            Self::Evenly { hours } => within(&format!("{path}.hours"), u64::from(*hours), 1, MAX_HOURS).map(|_| ()),
            Self::Ramp { hourly_percent } => {
                let sum: u64 = hourly_percent.iter().copied().map(u64::from).sum();
                if hourly_percent.is_sorted() && sum == PERCENT {
                    return Ok(());
                }
                let detail = format!("hours never fall and make 100 percent, got {sum}");
                Err(CatalogError::Invalid { path: format!("{path}.hourly_percent"), detail })
            }
        }
    }
}

impl ClassPreset {
    /// The preset of a class.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong; a test makes sure that it is not.
    pub fn of(class: Class) -> Result<Self, CatalogError> {
        let path = format!("classes.{}", class.as_str());
        let Some(text) = entry(FILE, "classes", class.as_str())? else {
            return Err(CatalogError::Invalid { path, detail: "every class has a preset".into() });
        };
        Self::parse(class, text)
    }

    /// The windows that the preset means: where a class starts, the low end of its range (R100).
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let named = |length: &str| format!("{}-{length}", self.class.as_str());
        let second = Window::Sliding { name: named("second"), limit: self.per_second.0, period_ms: 1_000 };
        let day = self.per_day.and_then(|limit| u32::try_from(limit).ok());
        let day = day.map(|limit| Window::Sliding { name: named("day"), limit, period_ms: DAY_MS });
        core::iter::once(second).chain(day).collect()
    }

    /// Reads a preset that a deployment writes itself, in the form of the embedded ones.
    ///
    /// # Errors
    /// The first field that is wrong, by its path.
    pub fn parse(class: Class, text: &str) -> Result<Self, CatalogError> {
        let path = format!("classes.{}", class.as_str());
        let entry: Entry = serde_json::from_str(text).map_err(|error| malformed(&path, &error))?;
        let (least, most) = entry.per_second;
        within(&format!("{path}.per_second[0]"), u64::from(least), 1, u64::from(most))?;
        entry.spread.check(&format!("{path}.spread"))?;
        within(&format!("{path}.share_percent"), u64::from(entry.share_percent), 1, PERCENT)?;
        if let Some(per_day) = entry.per_day {
            within(&format!("{path}.per_day"), per_day, 1, MAX_PER_DAY)?;
        }
        Ok(Self {
            class,
            provenance: provenance(&path, &entry.as_of, &entry.source)?,
            per_second: entry.per_second,
            per_day: entry.per_day,
            spread: entry.spread,
            share_percent: entry.share_percent,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    as_of: String,
    source: String,
    per_second: (u32, u32),
    per_day: Option<u64>,
    spread: Spread,
    share_percent: u8,
}

const PERCENT: u64 = 100;
/// A week.
const MAX_HOURS: u64 = 168;
/// A window's limit holds no more.
const MAX_PER_DAY: u64 = u32::MAX as u64 - 1;

const FILE: &str = include_str!("../../data/classes.json");

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_class_has_a_preset_and_the_shares_make_a_hundred() {
        let presets: Vec<ClassPreset> = Class::ALL.iter().map(|class| ClassPreset::of(*class).unwrap()).collect();
        assert_eq!(presets.iter().map(|preset| u32::from(preset.share_percent)).sum::<u32>(), 100);
        assert!(presets.iter().all(|preset| preset.provenance.source.starts_with("document 001")));
    }

    #[test]
    fn a_preset_of_ones_own_is_checked_like_the_embedded_ones() {
        let own = r#"{"as_of":"2026-01-01","source":"document 9","per_second":[2,3],"spread":{"kind":"at_once"},"share_percent":5}"#;
        assert!(ClassPreset::parse(Class::Drip, own).is_ok());
        for (from, to, text) in [
            ("[2,3]", "[4,3]", "classes.drip.per_second[0]: must be 1 to 3, got 4"),
            (":5}", ":0}", "classes.drip.share_percent: must be 1 to 100, got 0"),
            (r#""at_once""#, r#""evenly","hours":169"#, "classes.drip.spread.hours: must be 1 to 168, got 169"),
            (
                r#""at_once""#,
                r#""ramp","hourly_percent":[60,40]"#,
                "classes.drip.spread.hourly_percent: hours never fall and make 100 percent, got 100",
            ),
        ] {
            assert_eq!(ClassPreset::parse(Class::Drip, &own.replace(from, to)).unwrap_err().to_string(), text);
        }
    }
}
