//! What is asked about: batches of messages, when they come, and how a provider fails.

use super::chance::Chance;
use crate::{address::Address, message::Class, time::UnixMillis};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::Deserialize;

/// Messages of one kind, and when they come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// How many messages.
    pub count: u64,
    /// Their class.
    #[serde(default)]
    pub class: Class,
    /// Recipients of each.
    #[serde(default = "one")]
    pub recipients: u32,
    /// The domain of the recipients; absent means one that no rule is about.
    #[serde(default)]
    pub domain: Option<String>,
    /// How they come.
    #[serde(default)]
    pub arrival: Arrival,
    /// The first comes so many milliseconds after the start.
    #[serde(default)]
    pub after_ms: u64,
    /// All come within so many milliseconds from then on.
    #[serde(default)]
    pub over_ms: u64,
}

/// How the messages of a batch come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// All at its beginning.
    #[default]
    Burst,
    /// At equal distances.
    Constant,
    /// Each at an instant of its own, by chance: what a Poisson process is once its number is known.
    Poisson,
}

/// How a simulated provider fails. Of 1,000 calls so many are refused in each way; nothing fails by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// The least and the longest time from a call to its answer, in milliseconds.
    pub latency_ms: (u64, u64),
    /// Calls that are answered "too many": tried again.
    pub throttled_permille: u32,
    /// Calls that fail on the provider's side: tried again.
    pub failed_permille: u32,
    /// Calls whose messages are refused for good.
    pub refused_permille: u32,
}

/// Why nothing can be forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForecastError {
    /// The description is no JSON of this form.
    Malformed {
        /// What is wrong, without values.
        detail: String,
    },
    /// A field is outside of its bounds.
    OutOfRange {
        /// Its path.
        field: String,
        /// What it must be.
        detail: String,
    },
    /// The account's policy is malformed.
    Policy(String),
}

impl ForecastError {
    /// Every code there is.
    pub const CODES: [&'static str; 3] = ["malformed_traffic", "traffic_out_of_range", "invalid_config"];

    /// The stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_traffic",
            Self::OutOfRange { .. } => "traffic_out_of_range",
            Self::Policy(_) => "invalid_config",
        }
    }
}

impl fmt::Display for ForecastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { detail } => write!(f, "the traffic cannot be read: {detail}"),
            Self::OutOfRange { field, detail } => write!(f, "{field} {detail}"),
            Self::Policy(detail) => f.write_str(detail),
        }
    }
}

impl core::error::Error for ForecastError {}

impl Batch {
    /// So many transactional messages to a recipient each, all at once.
    #[must_use]
    pub const fn of(count: u64) -> Self {
        Self {
            count,
            class: Class::Transactional,
            recipients: 1,
            domain: None,
            arrival: Arrival::Burst,
            after_ms: 0,
            over_ms: 0,
        }
    }

    /// Reads batches: one object, or a list of them.
    ///
    /// # Errors
    /// [`ForecastError::Malformed`].
    pub fn list_from_json(text: &str) -> Result<Vec<Self>, ForecastError> {
        let is_list = text.trim_start().starts_with('[');
        let read =
            if is_list { serde_json::from_str(text) } else { serde_json::from_str(text).map(|one| alloc::vec![one]) };
        read.map_err(|error| ForecastError::Malformed { detail: error.to_string() })
    }

    fn check(&self, at: &str) -> Result<(), ForecastError> {
        within(&format!("{at}.count"), self.count, 1, MOST_MESSAGES)?;
        within(&format!("{at}.recipients"), u64::from(self.recipients), 1, MOST_RECIPIENTS)?;
        within(&format!("{at}.after_ms"), self.after_ms, 0, LONGEST_MS)?;
        within(&format!("{at}.over_ms"), self.over_ms, 0, LONGEST_MS)?;
        let is_domain = |domain: &String| Address::parse(&format!("x@{domain}")).is_ok();
        if self.domain.as_ref().is_some_and(|domain| !is_domain(domain)) {
            return Err(wrong(&format!("{at}.domain"), "must be a domain such as example.com"));
        }
        if self.over_ms == 0 && self.arrival != Arrival::Burst {
            return Err(wrong(&format!("{at}.over_ms"), "must be at least 1 unless all come at once"));
        }
        Ok(())
    }

    /// After how many milliseconds the message at a place comes.
    fn offset(&self, place: u64, chance: &mut Chance) -> u64 {
        let within = match self.arrival {
            Arrival::Burst => 0,
            Arrival::Constant => {
                let offset = u128::from(self.over_ms) * u128::from(place) / u128::from(self.count.max(1));
                u64::try_from(offset).unwrap_or(self.over_ms)
            }
            Arrival::Poisson => chance.below(self.over_ms),
        };
        self.after_ms.saturating_add(within)
    }
}

impl Faults {
    /// Reads faults from JSON.
    ///
    /// # Errors
    /// [`ForecastError::Malformed`].
    pub fn from_json(text: &str) -> Result<Self, ForecastError> {
        serde_json::from_str(text).map_err(|error| ForecastError::Malformed { detail: error.to_string() })
    }

    pub(super) fn check(&self) -> Result<(), ForecastError> {
        let (least, most) = self.latency_ms;
        within("latency_ms[0]", least, 0, most)?;
        within("latency_ms[1]", most, 0, LONGEST_LATENCY_MS)?;
        let all = [self.throttled_permille, self.failed_permille, self.refused_permille];
        let sum = all.into_iter().map(u64::from).sum::<u64>();
        within("throttled_permille, failed_permille and refused_permille together", sum, 0, 1_000)
    }
}

/// A message that comes: when, and of which batch.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    pub(super) at: UnixMillis,
    pub(super) batch: usize,
}

/// Every message of the batches in the order in which they come, and the batches.
pub(super) struct Arrivals {
    pub(super) batches: Vec<Batch>,
    pub(super) coming: Vec<Coming>,
}

pub(super) fn arrivals(batches: &[Batch], seed: u64, now: UnixMillis) -> Result<Arrivals, ForecastError> {
    let mut total = 0u64;
    for (place, batch) in batches.iter().enumerate() {
        batch.check(&format!("batches[{place}]"))?;
        total = total.saturating_add(batch.count);
    }
    within("count of all batches", total, 1, MOST_MESSAGES)?;
    let mut chance = Chance::new(seed);
    let mut coming = Vec::with_capacity(usize::try_from(total).unwrap_or_default());
    for (place, batch) in batches.iter().enumerate() {
        coming.extend((0..batch.count).map(|n| Coming { at: now.plus(batch.offset(n, &mut chance)), batch: place }));
    }
    coming.sort_by_key(|one| one.at);
    Ok(Arrivals { batches: batches.to_vec(), coming })
}

fn within(field: &str, value: u64, least: u64, most: u64) -> Result<(), ForecastError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(wrong(field, &format!("must be {least} to {most}, got {value}")))
}

pub(super) fn wrong(field: &str, detail: &str) -> ForecastError {
    ForecastError::OutOfRange { field: field.into(), detail: detail.into() }
}

const fn one() -> u32 {
    1
}

/// Each costs about a hundred bytes of memory while it is thought about.
pub const MOST_MESSAGES: u64 = 5_000_000;
/// What a message may have ([`crate::message::MAX_RECIPIENTS`]).
const MOST_RECIPIENTS: u64 = 1_000;
/// A year of traffic.
const LONGEST_MS: u64 = 31_622_400_000;
/// The longest time-out of a call.
const LONGEST_LATENCY_MS: u64 = 15_000;
