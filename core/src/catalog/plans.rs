//! Plans: what an account may do by what it pays for (document 003, requirements R218 to R236).
//!
//! A plan's figures are defaults. An account's own figures win over them one by one, and a plan may leave a figure
//! `"custom"`, which is an error until the account gives it. `"unlimited"` means that the plan sets no limit; every
//! other limit goes on binding (C24). MB and GB are decimal (C08).

use super::{
    CatalogError, Provenance, entry,
    error::{malformed, unknown, within},
    names, provenance,
};
use crate::{
    calendar::CalendarUnit,
    config::MAX_MESSAGES,
    guard::{Dimension, Guard, Source},
    ledger::Quota,
    limiter::Window,
    message::{MAX_ATTACHMENTS, MAX_MESSAGE_BYTES},
};
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// What a plan allows, with the account's own figures over it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The plan's name.
    pub name: String,
    /// Where the plan's figures come from; not the account's own.
    pub provenance: Provenance,
    /// Requests of all keys together in any minute.
    pub requests_per_minute: u32,
    /// Recipients in a local day; `None` is unlimited.
    pub recipients_per_day: Option<u64>,
    /// Bytes kept; `None` is unlimited.
    pub storage_bytes: Option<u64>,
    /// The limits on one request.
    guards: Vec<Guard>,
    own: Figures,
}

/// One figure of a plan as it is written: a number, `"unlimited"` or `"custom"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// At most this.
    Number(u64),
    /// No number.
    Word(Word),
}

/// What stands in place of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The plan sets no limit.
    Unlimited,
    /// Each account of the plan has its own, and must give it.
    Custom,
}

/// Figures of a plan, or an account's own ones over them; absent fields are the plan's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// Requests of all keys together in any minute: 1 to 4,294,967,294.
    pub requests_per_minute: Option<Figure>,
    /// Recipients in a local day, 0 or more, or unlimited.
    pub recipients_per_day: Option<Figure>,
    /// Bytes kept, 0 or more, or unlimited.
    pub storage_bytes: Option<Figure>,
    /// Messages in a request: 1 to 500.
    pub batch_max: Option<Figure>,
    /// Recipients of a broadcast: 1 to 1,000,000.
    pub broadcast_recipients: Option<Figure>,
    /// Bytes of a message: 1 to 25,000,000.
    pub message_bytes: Option<Figure>,
    /// Attachments of a message: 0 to 10.
    pub attachments: Option<Figure>,
    /// Bytes of an uploaded file.
    pub file_bytes: Option<Figure>,
    /// Assets deleted by a request.
    pub cdn_delete: Option<Figure>,
    /// Assets moved by a request.
    pub cdn_move: Option<Figure>,
    /// Pixels of either side of a transformed image.
    pub transform_px: Option<Figure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    as_of: &'a str,
    source: &'a str,
    figures: Figures,
}

impl Plan {
    /// The plan of this name with an account's own figures over it; errors name fields under `path`.
    ///
    /// # Errors
    /// A name that no plan has, a figure outside its bounds, or one that the plan leaves to the account and the account
    /// does not give (R227).
    ///
    /// # Example: what does an account that pays nothing get?
    /// ```
    /// use sendgate_core::catalog::{Figures, Plan};
    ///
    /// let plan = Plan::named("free", Figures::default(), "accounts.shop.plan_figures").unwrap();
    /// assert_eq!((plan.requests_per_minute, plan.recipients_per_day), (60, Some(100)));
    /// ```
    pub fn named(name: &str, own: Figures, path: &str) -> Result<Self, CatalogError> {
        let Some(text) = entry(FILE, "plans", name)? else {
            return Err(unknown("plan", name, &Self::names()?));
        };
        let at = format!("plans.{name}");
        let entry: Entry<'_> = serde_json::from_str(text).map_err(|error| malformed(&at, &error))?;
        let read = Reader { plan: name, path, base: entry.figures, own };
        let mut guards = Vec::with_capacity(GUARDS.len());
        for (dimension, least, most, pick) in GUARDS {
            let limit = read.number(dimension.as_str(), pick, least, most)?;
            let source = if pick(&own).is_some() { Source::Account } else { Source::Plan };
            guards.push(Guard { dimension, limit, source });
        }
        let requests = read.number("requests_per_minute", |f| f.requests_per_minute, 1, MAX_REQUESTS)?;
        Ok(Self {
            name: name.into(),
            provenance: provenance(&at, entry.as_of, entry.source)?,
            requests_per_minute: u32::try_from(requests).unwrap_or(u32::MAX),
            recipients_per_day: read.amount("recipients_per_day", |f| f.recipients_per_day)?,
            storage_bytes: read.amount("storage_bytes", |f| f.storage_bytes)?,
            guards,
            own,
        })
    }

    /// The names of the plans, the most conservative first.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong; a test makes sure that it is not.
    pub fn names() -> Result<Vec<&'static str>, CatalogError> {
        names(FILE, "plans")
    }

    /// The request windows of the plan.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let window = Window::Sliding { name: MINUTE.into(), limit: self.requests_per_minute, period_ms: 60_000 };
        alloc::vec![window]
    }

    /// The quotas of the plan: a day's, or a month's meter when the plan is unlimited and charges by use (R222, R228).
    #[must_use]
    pub fn quotas(&self) -> Vec<Quota> {
        let metered = Quota { period: CalendarUnit::Month, limit: Quota::UNLIMITED };
        alloc::vec![self.recipients_per_day.map_or(metered, |limit| Quota { period: CalendarUnit::Day, limit })]
    }

    /// The plan's limits on one request.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The plan's limit on one dimension of a request. `None` for a campaign: a plan does not know its contacts.
    #[must_use]
    pub fn guard(&self, dimension: Dimension) -> Option<Guard> {
        self.guards.iter().copied().find(|guard| guard.dimension == dimension)
    }

    /// Whether the account's own figure stands in place of the plan's, by the figure's field.
    #[must_use]
    pub fn is_own(&self, field: &str) -> bool {
        match field {
            "requests_per_minute" => self.own.requests_per_minute.is_some(),
            "recipients_per_day" => self.own.recipients_per_day.is_some(),
            "storage_bytes" => self.own.storage_bytes.is_some(),
            _ => self.guards.iter().any(|g| g.dimension.as_str() == field && g.source == Source::Account),
        }
    }
}

/// Reads figures of one plan for one account.
struct Reader<'a> {
    plan: &'a str,
    path: &'a str,
    base: Figures,
    own: Figures,
}

impl Reader<'_> {
    /// A figure that must be a number.
    fn number(&self, field: &str, pick: Pick, least: u64, most: u64) -> Result<u64, CatalogError> {
        let path = self.path_of(field, pick);
        match pick(&self.own).or(pick(&self.base)) {
            Some(Figure::Number(value)) => within(&path, value, least, most),
            Some(Figure::Word(Word::Unlimited)) => {
                Err(CatalogError::Invalid { path, detail: format!("must be {least} to {most}, got unlimited") })
            }
            Some(Figure::Word(Word::Custom)) | None => Err(self.missing(field)),
        }
    }

    /// A figure that may be unlimited.
    fn amount(&self, field: &str, pick: Pick) -> Result<Option<u64>, CatalogError> {
        match pick(&self.own).or(pick(&self.base)) {
            Some(Figure::Number(value)) => Ok(Some(value)),
            Some(Figure::Word(Word::Unlimited)) => Ok(None),
            Some(Figure::Word(Word::Custom)) | None => Err(self.missing(field)),
        }
    }

    fn missing(&self, field: &str) -> CatalogError {
        let detail = format!("the plan {} leaves it to the account, which must give it", self.plan);
        CatalogError::Invalid { path: format!("{}.{field}", self.path), detail }
    }

    /// The account's field when the figure is its own, the plan's otherwise.
    fn path_of(&self, field: &str, pick: Pick) -> String {
        if pick(&self.own).is_some() {
            return format!("{}.{field}", self.path);
        }
        format!("plans.{}.{field}", self.plan)
    }
}

type Pick = fn(&Figures) -> Option<Figure>;

/// The limits on one request: the least and the greatest value allowed, and the field.
///
/// The greatest are the API's own technical bounds where it has one; the rest keep a typing error from passing for a plan.
const GUARDS: [(Dimension, u64, u64, Pick); 8] = [
    (Dimension::BatchMax, 1, MAX_MESSAGES as u64, |f| f.batch_max),
    (Dimension::BroadcastRecipients, 1, 1_000_000, |f| f.broadcast_recipients),
    (Dimension::MessageBytes, 1, MAX_MESSAGE_BYTES as u64, |f| f.message_bytes),
    (Dimension::Attachments, 0, MAX_ATTACHMENTS as u64, |f| f.attachments),
    (Dimension::FileBytes, 1, 1_000_000_000_000, |f| f.file_bytes),
    (Dimension::CdnDelete, 1, 100_000, |f| f.cdn_delete),
    (Dimension::CdnMove, 1, 100_000, |f| f.cdn_move),
    (Dimension::TransformPx, 1, 65_535, |f| f.transform_px),
];

/// The plan of an account that names none: the most conservative one (R100).
pub const DEFAULT_PLAN: &str = "free";

/// The name of the plan's request window.
const MINUTE: &str = "plan-minute";

/// A window's limit is below the largest counter.
const MAX_REQUESTS: u64 = u32::MAX as u64 - 1;

const FILE: &str = include_str!("../../data/plans.json");

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn plan(name: &str, own: &str) -> Result<Plan, CatalogError> {
        Plan::named(name, serde_json::from_str(own).unwrap(), "own")
    }

    const CUSTOM: &str = r#"{"requests_per_minute": 5000, "storage_bytes": "unlimited"}"#;

    #[test]
    fn every_embedded_plan_is_whole() {
        assert_eq!(Plan::names().unwrap(), ["free", "hobby", "pro", "enterprise"]);
        for name in Plan::names().unwrap() {
            let plan = plan(name, if name == "enterprise" { CUSTOM } else { "{}" }).unwrap();
            assert!(plan.provenance.source.starts_with("document 003"), "{name}");
            assert_eq!(plan.guards.len(), GUARDS.len());
        }
    }

    /// R227: what the plan leaves to the account must be given, and all three can be.
    #[test]
    fn an_enterprise_account_gives_its_own_figures_or_is_refused() {
        let missing = plan("enterprise", r#"{"storage_bytes": 1}"#).unwrap_err();
        let detail = "own.requests_per_minute: the plan enterprise leaves it to the account, which must give it";
        assert_eq!(missing.to_string(), detail);
        assert!(
            plan("enterprise", r#"{"requests_per_minute": 1}"#).unwrap_err().to_string().starts_with("own.storage")
        );
        let own = plan("enterprise", CUSTOM).unwrap();
        assert_eq!((own.requests_per_minute, own.recipients_per_day, own.storage_bytes), (5_000, None, None));
        let capped = r#"{"requests_per_minute": 5000, "storage_bytes": 7, "recipients_per_day": 9}"#;
        let own = plan("enterprise", capped).unwrap();
        assert_eq!((own.recipients_per_day, own.storage_bytes), (Some(9), Some(7)));
    }

    /// R100: the default plan allows no more than any other in any dimension.
    #[test]
    fn the_default_plan_is_the_most_conservative() {
        let least = plan(DEFAULT_PLAN, "{}").unwrap();
        let no_more = |a: Option<u64>, b: Option<u64>| a.unwrap_or(u64::MAX) <= b.unwrap_or(u64::MAX);
        for other in [plan("hobby", "{}"), plan("pro", "{}"), plan("enterprise", CUSTOM)] {
            let other = other.unwrap();
            assert!(least.requests_per_minute <= other.requests_per_minute);
            assert!(no_more(least.recipients_per_day, other.recipients_per_day));
            assert!(no_more(least.storage_bytes, other.storage_bytes));
            assert!(least.guards.iter().zip(&other.guards).all(|(a, b)| a.limit <= b.limit));
        }
    }

    #[test]
    fn an_error_names_the_field_and_its_bounds_or_the_plan_that_was_meant() {
        for (name, own, text) in [
            ("free", r#"{"batch_max": 501}"#, "own.batch_max: must be 1 to 500, got 501"),
            ("free", r#"{"batch_max": 0}"#, "own.batch_max: must be 1 to 500, got 0"),
            ("pro", r#"{"batch_max": "unlimited"}"#, "own.batch_max: must be 1 to 500, got unlimited"),
            ("pro", r#"{"attachments": 11}"#, "own.attachments: must be 0 to 10, got 11"),
            ("fre", "{}", "no such plan; did you mean free? There are free, hobby, pro, enterprise"),
        ] {
            assert_eq!(plan(name, own).unwrap_err().to_string(), text);
        }
        assert!(serde_json::from_str::<Figures>(r#"{"batchmax": 1}"#).is_err());
    }

    #[test]
    fn an_own_figure_wins_over_the_plan_and_says_so() {
        let own = plan("free", r#"{"batch_max": 7, "recipients_per_day": "unlimited"}"#).unwrap();
        let guard = own.guard(Dimension::BatchMax).unwrap();
        assert_eq!(
            (guard.limit, guard.source, own.quotas()),
            (7, Source::Account, plan("pro", "{}").unwrap().quotas())
        );
        assert!(own.is_own("batch_max") && own.is_own("recipients_per_day") && !own.is_own("storage_bytes"));
        assert_eq!(own.guard(Dimension::CampaignRecipients), None);
    }
}
