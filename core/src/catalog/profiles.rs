//! Provider profiles: what an email service provider takes, per what it counts (document 000, requirements R001 to R027).
//!
//! A profile is a default. An account's own windows win over it by name, and a provider's answer headers may be stricter
//! than both. Windows say three things beside their limit: whose calls they count together ([`Scope`]), which calls
//! ([`Call`]) and what of them ([`Unit`]). A call that sends counts as a call, too: it charges `api` and `send`. The
//! events poller has a window of its own where a provider gives it one (R010), so that polling never stops sending.
//!
//! **No figure is not no limit.** A provider that limits sending by a plan of its own, or publishes no number, is marked
//! `by_plan`; until the account gives the number, its configuration warns `unknown_plan_limit` (R016).

use super::{
    CatalogError, Contacts, Provenance, entry,
    error::{malformed, unknown, within},
    names, provenance,
};
use crate::{
    guard::parts,
    limiter::{Limiter, Window},
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::ops::Range;
use serde::Deserialize;

/// What one provider takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The profile's name: `ses.sandbox`.
    pub name: String,
    /// The provider it is about: `ses`.
    pub family: String,
    /// Where its figures come from, unless one of them says otherwise.
    pub provenance: Provenance,
    /// Its windows.
    pub windows: Vec<ProfileWindow>,
    /// Messages that one call may carry, and where that figure comes from.
    pub messages_per_call: (u32, Provenance),
    /// The provider's plans that limit by contacts, by name.
    pub plans: Vec<(String, Contacts)>,
    /// Whether sending is limited by the provider's plan, by a number that the profile does not know.
    pub limited_by_plan: bool,
}

/// One window of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileWindow {
    /// The window, always a sliding one.
    pub window: Window,
    /// Whose calls it counts together.
    pub scope: Scope,
    /// Which calls it counts.
    pub call: Call,
    /// What of them it counts.
    pub unit: Unit,
    /// Where the figure comes from.
    pub provenance: Provenance,
}

/// Whose calls a provider counts together. Each owner of a scope has a state of its own: two API keys of one user share
/// a `user` window and have an `api_key` window each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One API key.
    ApiKey,
    /// One user, with all its keys.
    User,
    /// One server token.
    Token,
    /// One account, team or workspace.
    Account,
    /// One account in one region.
    Region,
}

impl Scope {
    /// The word for it in data and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::User => "user",
            Self::Token => "token",
            Self::Account => "account",
            Self::Region => "region",
        }
    }
}

/// What a call to a provider does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Anything but sending and polling events.
    Api,
    /// Sending.
    Send,
    /// Polling events.
    Events,
}

impl Call {
    /// The kinds of windows that a call of this kind is counted in.
    #[must_use]
    pub const fn charges(self) -> &'static [Self] {
        match self {
            Self::Api => &[Self::Api],
            Self::Send => &[Self::Api, Self::Send],
            Self::Events => &[Self::Events],
        }
    }
}

/// What of a call is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The call itself.
    Requests,
    /// Each recipient of its messages (C06).
    Recipients,
    /// Each message it carries.
    Messages,
}

impl Unit {
    /// The word for it in data and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Recipients => "recipients",
            Self::Messages => "messages",
        }
    }
}

impl Profile {
    /// The profile of this name.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest known name; another error when the file is wrong, which a test makes
    /// sure that it is not.
    ///
    /// # Example: how much does a Postmark token take?
    /// ```
    /// use sendgate_core::catalog::Profile;
    ///
    /// let postmark = Profile::named("postmark").unwrap();
    /// let limits: Vec<u32> = postmark.windows.iter().map(|known| known.window.limit()).collect();
    /// assert_eq!(limits, [10, 500]);
    /// assert_eq!(postmark.calls(10_000).len(), 20);
    /// ```
    pub fn named(name: &str) -> Result<Self, CatalogError> {
        match entry(FILE, "providers", name)? {
            Some(text) => Self::parse(name, text),
            None => Err(unknown("profile", name, &Self::names()?)),
        }
    }

    /// The names of the profiles.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong.
    pub fn names() -> Result<Vec<&'static str>, CatalogError> {
        names(FILE, "providers")
    }

    /// Reads a profile that a deployment writes itself, in the form of the embedded ones.
    ///
    /// # Errors
    /// The first field that is wrong, by its path.
    pub fn parse(name: &str, text: &str) -> Result<Self, CatalogError> {
        let at = format!("providers.{name}");
        let entry: Entry = serde_json::from_str(text).map_err(|error| malformed(&at, &error))?;
        let own = provenance(&at, &entry.as_of, &entry.source)?;
        let mut windows = Vec::with_capacity(entry.windows.len());
        for (place, written) in entry.windows.into_iter().enumerate() {
            windows.push(written.read(&format!("{at}.windows[{place}]"), &own)?);
        }
        let messages_per_call = match entry.messages_per_call {
            Some(written) => written.read(&format!("{at}.messages_per_call"), &own)?,
            None => (1, own.clone()),
        };
        let exempt = entry.transactional == Some(Transactional::NoMonthlyLimit);
        let mut plans = Vec::with_capacity(entry.plans.len());
        for (plan, written) in entry.plans {
            let path = format!("{at}.plans.{plan}");
            plans
                .push((plan, Contacts::checked(&path, written.month_multiplier, written.campaign_multiplier, exempt)?));
        }
        let limited_by_plan = entry.sending == Some(Sending::ByPlan);
        let (name, family) = (name.into(), entry.family);
        Ok(Self { name, family, provenance: own, windows, messages_per_call, plans, limited_by_plan })
    }

    /// The windows that a call charges.
    pub fn charged_by(&self, call: Call) -> impl Iterator<Item = &ProfileWindow> {
        self.windows.iter().filter(move |known| call.charges().contains(&known.call))
    }

    /// The windows that count one kind of call together for one owner of a scope: a limiter's policy. A call asks the
    /// lanes of every kind that it [`Call::charges`], and is counted in all or in none.
    #[must_use]
    pub fn lane(&self, scope: Scope, kind: Call) -> Vec<Window> {
        let in_lane = |known: &&ProfileWindow| known.scope == scope && known.call == kind;
        self.windows.iter().filter(in_lane).map(|known| known.window.clone()).collect()
    }

    /// The calls that so many messages take: ranges of their places, as few as there can be (R021).
    #[must_use]
    pub fn calls(&self, messages: usize) -> Vec<Range<usize>> {
        parts(messages, usize::try_from(self.messages_per_call.0).unwrap_or(usize::MAX))
    }

    /// What a plan of the provider says about contacts.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest plan's name.
    pub fn plan(&self, name: &str) -> Result<Contacts, CatalogError> {
        let found = self.plans.iter().find(|(known, _)| known == name);
        found.map(|(_, contacts)| *contacts).ok_or_else(|| {
            let known: Vec<&str> = self.plans.iter().map(|(name, _)| name.as_str()).collect();
            unknown("plan of the provider", name, &known)
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    as_of: String,
    source: String,
    family: String,
    windows: Vec<WrittenWindow>,
    messages_per_call: Option<PerCall>,
    #[serde(default)]
    plans: BTreeMap<String, WrittenPlan>,
    transactional: Option<Transactional>,
    sending: Option<Sending>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWindow {
    name: String,
    limit: u32,
    period_ms: u64,
    scope: Scope,
    kind: Call,
    unit: Unit,
    as_of: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PerCall {
    limit: u64,
    as_of: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPlan {
    month_multiplier: Option<u64>,
    campaign_multiplier: Option<u64>,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Transactional {
    NoMonthlyLimit,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sending {
    ByPlan,
}

impl WrittenWindow {
    fn read(self, path: &str, entry: &Provenance) -> Result<ProfileWindow, CatalogError> {
        let provenance = own_or(path, self.as_of, self.source, entry)?;
        let window = Window::Sliding { name: self.name, limit: self.limit, period_ms: self.period_ms };
        Limiter::new(alloc::vec![window.clone()])
            .map_err(|error| CatalogError::Invalid { path: path.into(), detail: format!("{error}") })?;
        Ok(ProfileWindow { window, scope: self.scope, call: self.kind, unit: self.unit, provenance })
    }
}

impl PerCall {
    fn read(self, path: &str, entry: &Provenance) -> Result<(u32, Provenance), CatalogError> {
        let limit = within(&format!("{path}.limit"), self.limit, 1, MAX_MESSAGES_PER_CALL)?;
        Ok((u32::try_from(limit).unwrap_or(u32::MAX), own_or(path, self.as_of, self.source, entry)?))
    }
}

/// A figure's own provenance, or its entry's when it has none.
fn own_or(
    path: &str,
    as_of: Option<String>,
    source: Option<String>,
    entry: &Provenance,
) -> Result<Provenance, CatalogError> {
    match (as_of, source) {
        (None, None) => Ok(entry.clone()),
        (Some(as_of), Some(source)) => provenance(path, &as_of, &source),
        (Some(_), None) | (None, Some(_)) => {
            let detail = "as_of and source stand together or not at all".into();
            Err(CatalogError::Invalid { path: path.into(), detail })
        }
    }
}

/// No provider takes more; a larger number is a typing error.
const MAX_MESSAGES_PER_CALL: u64 = 100_000;

const FILE: &str = include_str!("../../data/providers.json");

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const OWN: &str = r#"{"as_of":"2026-01-01","source":"https://esp.example/limits","family":"esp","windows":[]}"#;

    #[test]
    fn every_embedded_profile_is_whole_and_its_windows_can_stand_in_one_limiter() {
        let names = Profile::names().unwrap();
        assert!(names.len() >= 10);
        for name in names {
            let profile = Profile::named(name).unwrap();
            assert!(name == profile.family || name.starts_with(&format!("{}.", profile.family)), "{name}");
            for call in [Call::Api, Call::Send, Call::Events] {
                let windows: Vec<Window> = profile.charged_by(call).map(|known| known.window.clone()).collect();
                assert!(windows.is_empty() || Limiter::new(windows).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn a_profile_of_ones_own_is_checked_like_the_embedded_ones() {
        let own = Profile::parse("esp", OWN).unwrap();
        assert_eq!((own.messages_per_call.0, own.limited_by_plan, own.windows.len()), (1, false, 0));
        let window = r#"{"name":"x","limit":0,"period_ms":1,"scope":"token","kind":"api","unit":"requests"}"#;
        for (from, to, text) in [
            ("2026-01-01", "1 Jan", "providers.esp.as_of: must be a day such as 2026-11-23"),
            ("https://", "http://", "providers.esp.source: must be an https address or a document's number"),
            (
                "[]",
                &format!("[{window}]"),
                "providers.esp.windows[0]: limit of window x must be 1 to 4294967294, got 0",
            ),
            (
                "[]",
                r#"[],"messages_per_call":{"limit":0}"#,
                "providers.esp.messages_per_call.limit: must be 1 to 100000, got 0",
            ),
            (
                "[]",
                r#"[],"messages_per_call":{"limit":1,"as_of":"2026-01-01"}"#,
                "providers.esp.messages_per_call: as_of and source stand together or not at all",
            ),
            (
                "[]",
                r#"[],"plans":{"pro":{"month_multiplier":0}}"#,
                "providers.esp.plans.pro.month_multiplier: must be 1 to 1000, got 0",
            ),
        ] {
            assert_eq!(Profile::parse("esp", &OWN.replace(from, to)).unwrap_err().to_string(), text);
        }
        assert_eq!(Profile::parse("esp", "{}").unwrap_err().code(), "malformed_entry");
    }

    #[test]
    fn an_unknown_profile_or_plan_gets_the_nearest_name() {
        let error = Profile::named("postmrk").unwrap_err().to_string();
        assert!(error.starts_with("no such profile; did you mean postmark?"), "{error}");
        let error = Profile::named("mailgun").unwrap().plan("scales").unwrap_err().to_string();
        assert_eq!(error, "no such plan of the provider; did you mean scale? There are foundation, scale");
    }
}
