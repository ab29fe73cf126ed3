//! The configuration of a deployment: its accounts, their keys, limits, quotas and providers.
//!
//! It is data. Reading it checks everything once, with errors that name the field and the bound; nothing later has to ask
//! again whether a value makes sense. Secrets are not in it: a provider's credential is the *name* of one.

mod defaults;
mod domain;
mod error;
mod failover;
mod key;
mod outgoing;
pub mod own;
mod plan;
mod provider;
mod to_many;
mod warnings;
mod webhook;

pub use domain::{DomainStatus, SendingDomain};
pub use error::ConfigError;
pub use failover::{Calls, Failover, MAX_PROVIDERS};
pub use key::KeyConfig;
pub use outgoing::OTHER_DOMAINS;
pub(crate) use plan::Origin;
pub use provider::{PlanLimit, ProviderConfig};
pub use to_many::Missing;
pub use warnings::Warning;
pub use webhook::WebhookConfig;

use crate::{
    backoff::{Backoff, Jitter},
    catalog::{DomainGroups, Figures, Plan, Provenance},
    error_shape::ErrorShape,
    event::journal::SoftBounces,
    gate::Abuse,
    key::is_name,
    ledger::{Ledger, Overdelivery, Quota},
    limiter::{Limiter, Window},
    message::Class,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use error::{of_catalog, without_values, wrong};
use serde::Deserialize;

/// Every account of a deployment, by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The accounts, by name: 1 to 32 of `a-z`, `0-9` and `-`.
    pub accounts: BTreeMap<String, AccountConfig>,
    /// Days after which a built-in figure is old and worth a warning (R080).
    #[serde(default = "defaults::figures_max_age")]
    pub figures_max_age_days: u64,
}

/// One delivery account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Whether it may send.
    #[serde(default)]
    pub status: AccountStatus,
    /// The IANA time zone in which its quotas begin.
    #[serde(default = "defaults::utc")]
    pub time_zone: String,
    /// Its API keys.
    pub keys: Vec<KeyConfig>,
    /// Domains that `from` may use; absent means any.
    #[serde(default)]
    pub domains: Option<Vec<SendingDomain>>,
    /// The name of its plan; the most conservative one when absent (R100).
    #[serde(default = "defaults::plan")]
    pub plan: String,
    /// The account's own figures over the plan's.
    #[serde(default)]
    pub plan_figures: Figures,
    #[serde(skip)]
    resolved_plan: Option<Plan>,
    #[serde(default, rename = "key_windows")]
    own_key_windows: Option<Vec<Window>>,
    /// Request windows of each key on its own.
    #[serde(skip)]
    pub key_windows: Vec<Window>,
    #[serde(default, rename = "account_windows")]
    own_account_windows: Option<Vec<Window>>,
    /// Request windows that all keys share: the account's own, or the plan's. None means that there is no limit (C24).
    #[serde(skip)]
    pub account_windows: Vec<Window>,
    #[serde(default, rename = "quotas")]
    own_quotas: Option<Vec<Quota>>,
    /// Recipients per calendar period: the account's own quotas, or the plan's.
    #[serde(skip)]
    pub quotas: Vec<Quota>,
    /// What happens to a request beyond a quota (R194).
    #[serde(default)]
    pub overdelivery: Overdelivery,
    #[serde(default, rename = "max_messages")]
    own_max_messages: Option<usize>,
    /// Messages per request, the smallest of what applies: the account's own bound or else the plan's, and
    /// [`MAX_MESSAGES`]. [`AccountConfig::batch`] says which one binds.
    #[serde(skip)]
    pub max_messages: usize,
    /// Recipient domains by who receives for them, over the built-in groups ([`crate::catalog::DomainGroups`]).
    #[serde(default)]
    pub domain_groups: BTreeMap<String, Vec<String>>,
    /// How fast messages leave.
    #[serde(default)]
    pub sending: Sending,
    /// Recipients per time, by [`crate::catalog::DomainGroups`] or domain or [`OTHER_DOMAINS`]; sliding windows only.
    #[serde(default)]
    pub domain_windows: BTreeMap<String, Vec<Window>>,
    /// Messages of a class per time.
    #[serde(default)]
    pub class_windows: BTreeMap<Class, Vec<Window>>,
    /// Classes that take their windows from the built-in presets ([`crate::catalog::ClassPreset`]): the low end of the
    /// guide's range in a second, and its day. Windows in `class_windows` win over a preset.
    #[serde(default)]
    pub class_presets: BTreeSet<Class>,
    #[serde(skip)]
    presets: BTreeMap<Class, Provenance>,
    /// Where messages leave to, the preferred one first; at most [`MAX_PROVIDERS`]. [`Failover`] says when a later one is
    /// used.
    pub providers: Vec<ProviderConfig>,
    /// When a later provider takes what an earlier one cannot.
    #[serde(default)]
    pub failover: Failover,
    /// How many messages share a call.
    #[serde(default, rename = "batch")]
    pub calls: Calls,
    /// When to try again.
    #[serde(default)]
    pub retry: Retry,
    /// What to do with a message of which nobody knows whether the provider took it.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// Whether the suppression list is honoured.
    #[serde(default)]
    pub suppression: SuppressionMode,
    /// When bounces that are not hard suppress an address.
    #[serde(default)]
    pub soft_bounces: SoftBounces,
    /// What happens to messages of a class whose request a window refuses; classes that are not named are refused (R091).
    #[serde(default)]
    pub on_limit: BTreeMap<Class, OnLimit>,
    /// When a key's denials lengthen its wait (R096); `null` switches that off.
    #[serde(default = "defaults::abuse")]
    pub abuse: Option<Abuse>,
    /// How refusals are printed.
    #[serde(default)]
    pub error_shape: ErrorShape,
    /// What happens to drip and bulk mail without a `List-Unsubscribe` header (R055).
    #[serde(default)]
    pub missing_unsubscribe: Missing,
    /// The sender's postal address, which every body of drip and bulk mail has to show; absent means that none is looked for
    /// (R055).
    #[serde(default)]
    pub postal_address: Option<String>,
    /// What happens to drip and bulk mail without it; absent means a warning.
    #[serde(default)]
    pub missing_postal_address: Option<Missing>,
}

/// What happens to a request's messages when a window refuses the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// 429: the caller keeps them.
    #[default]
    Reject,
    /// 202: they wait until the window admits the request. Quota is reserved as ever, which bounds how many can wait.
    Queue,
}

/// Whether an account may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may.
    #[default]
    Active,
    /// It may not for now: requests are refused and queued mail is held.
    Suspended,
    /// It may not any more: requests are refused and queued mail is held.
    Closed,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// `POST /v1/send`.
    Send,
    /// `POST /v1/send/bulk`.
    #[serde(rename = "send:bulk")]
    SendBulk,
    /// Messages, limits and usage.
    Read,
    /// A send whose request says that the suppression list does not hold for it.
    #[serde(rename = "send:suppressed")]
    SendSuppressed,
    /// Suppression management.
    Suppressions,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Send, Self::SendBulk, Self::Read, Self::SendSuppressed, Self::Suppressions];

    /// The word in configuration and error texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendBulk => "send:bulk",
            Self::Read => "read",
            Self::SendSuppressed => "send:suppressed",
            Self::Suppressions => "suppressions",
        }
    }
}

/// How fast an account's messages leave, whatever the provider would take.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// Messages in any second; 10 to 100 is usual (R082).
    #[serde(default)]
    pub per_second: Option<u32>,
    /// Messages in any minute; ten times `per_second` when absent (R083, C15).
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// Messages in any hour.
    #[serde(default)]
    pub per_hour: Option<u32>,
    /// Messages in any 24 hours.
    #[serde(default)]
    pub per_day: Option<u32>,
}

impl Sending {
    /// The windows these figures mean.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let per_minute = self.per_minute.or_else(|| self.per_second.map(|n| n.saturating_mul(MINUTE_FACTOR)));
        [
            ("sending-second", self.per_second, 1_000),
            ("sending-minute", per_minute, 60_000),
            ("sending-hour", self.per_hour, 3_600_000),
            ("sending-day", self.per_day, 86_400_000),
        ]
        .into_iter()
        .filter_map(|(name, limit, period_ms)| {
            limit.map(|limit| Window::Sliding { name: name.into(), limit, period_ms })
        })
        .collect()
    }
}

/// When to try again after a failed attempt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The first delay.
    pub base_ms: u64,
    /// The longest delay.
    pub cap_ms: u64,
    /// Attempts before the message is held.
    pub max_attempts: u32,
    /// Whether delays are spread by chance.
    pub jitter: bool,
    /// How long a message is held before it is tried once more.
    pub hold_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { base_ms: 1_000, cap_ms: 60_000, max_attempts: 5, jitter: true, hold_ms: 900_000 }
    }
}

impl Retry {
    /// The schedule these figures mean.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        Backoff {
            base_ms: self.base_ms,
            cap_ms: self.cap_ms,
            max_attempts: self.max_attempts,
            jitter: if self.jitter { Jitter::Full } else { Jitter::None },
        }
    }
}

/// What to do with a message of which nobody knows whether the provider took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// End as `unknown`: never twice, perhaps not once.
    #[default]
    Stop,
    /// Send again: at least once, perhaps twice.
    Resend,
}

/// Whether an account honours its suppression list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionMode {
    /// At acceptance and again before each message leaves.
    #[default]
    Checked,
    /// Never.
    Ignored,
}

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// The first field that is wrong, by its path.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let mut config: Self = serde_json::from_str(text)
            .map_err(|error| ConfigError { field: "config".into(), detail: without_values(&error) })?;
        for (name, account) in &mut config.accounts {
            if !is_name(name) {
                return Err(wrong(&format!("accounts.{name}"), "a name is 1 to 32 of a-z, 0-9 and -"));
            }
            let at = format!("accounts.{name}");
            account.resolve(&at)?;
            account.check(&at)?;
        }
        Ok(config)
    }
}

impl AccountConfig {
    /// The key of this id.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<&KeyConfig> {
        self.keys.iter().find(|key| key.id == id)
    }

    fn check(&self, at: &str) -> Result<(), ConfigError> {
        self.check_keys(at)?;
        let plan = Some(("account_windows", &self.account_windows)).filter(|(_, windows)| !windows.is_empty());
        for (field, windows) in plan.into_iter().chain([("key_windows", &self.key_windows)]) {
            Limiter::new(windows.clone()).map_err(|error| wrong(&format!("{at}.{field}"), &error.to_string()))?;
        }
        let sending = self.sending.windows();
        if !sending.is_empty() {
            Limiter::new(sending).map_err(|error| wrong(&format!("{at}.sending"), &error.to_string()))?;
        }
        self.check_outgoing(at)?;
        Ledger::new(&self.quotas, &self.time_zone)
            .map_err(|error| wrong(&format!("{at}.quotas"), &error.to_string()))?;
        if !(1..=MAX_MESSAGES).contains(&self.max_messages) {
            let detail = format!("must be 1 to {MAX_MESSAGES}, got {}", self.max_messages);
            return Err(wrong(&format!("{at}.max_messages"), &detail));
        }
        if !self.domain_groups.is_empty() {
            let groups = DomainGroups::embedded().and_then(|known| known.with(&self.domain_groups));
            groups.map_err(|error| of_catalog(&format!("{at}.domain_groups"), error))?;
        }
        let retry = &self.retry;
        if retry.max_attempts == 0 || retry.base_ms == 0 || retry.cap_ms.min(retry.hold_ms) < retry.base_ms {
            return Err(wrong(
                &format!("{at}.retry"),
                "max_attempts and base_ms must be at least 1, cap_ms and hold_ms at least base_ms",
            ));
        }
        self.check_routing(at)?;
        self.check_to_many(at)?;
        self.soft_bounces.check().map_err(|detail| wrong(&format!("{at}.soft_bounces"), detail))?;
        self.providers.iter().enumerate().try_for_each(|(i, provider)| provider.check(&format!("{at}.providers[{i}]")))
    }

    fn check_keys(&self, at: &str) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for (i, key) in self.keys.iter().enumerate() {
            let at = format!("{at}.keys[{i}]");
            key.check(&at)?;
            if !seen.insert(&key.id) {
                return Err(wrong(&format!("{at}.id"), "an id is 1 to 32 of a-z, 0-9 and -, and its own"));
            }
        }
        Ok(())
    }
}

/// Messages in one request: the API's technical cap (requirements R187, C03).
pub const MAX_MESSAGES: usize = 500;
/// A minute's limit is ten times the second's unless given (R083, C15).
const MINUTE_FACTOR: u32 = 10;
