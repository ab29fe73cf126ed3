//! What is allowed in a configuration and yet worth a word: never a refusal.

use super::{AccountConfig, Config, ProviderConfig};
use crate::{catalog::Provenance, time::UnixMillis};
use alloc::{format, string::String, vec::Vec};
use core::fmt;
use serde::Serialize;

/// Something that works and may not be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The path of the field: `accounts.shop.sending.per_second`.
    pub field: String,
    /// A stable word, one of [`Warning::CODES`].
    pub code: &'static str,
    /// What may not be meant.
    pub detail: String,
}

impl Warning {
    /// Every word that [`Warning::code`] can be.
    pub const CODES: [&'static str; 4] =
        ["rate_outside_usual", "unknown_plan_limit", "inactive_contact_rule", "old_figures"];
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl Config {
    /// What is worth a word in this configuration at `now`.
    #[must_use]
    pub fn warnings(&self, now: UnixMillis) -> Vec<Warning> {
        let mut found = Vec::new();
        for (name, account) in &self.accounts {
            account.warn(&format!("accounts.{name}"), self.figures_max_age_days, now, &mut found);
        }
        found
    }
}

impl AccountConfig {
    pub(crate) fn warn(&self, at: &str, max_age_days: u64, now: UnixMillis, found: &mut Vec<Warning>) {
        let (least, most) = USUAL_PER_SECOND;
        if let Some(rate) = self.sending.per_second.filter(|rate| !(least..=most).contains(rate)) {
            let detail = format!("{least} to {most} messages a second are usual, got {rate}");
            found.push(Warning { field: format!("{at}.sending.per_second"), code: "rate_outside_usual", detail });
        }
        if let Some(plan) = self.plan_limits() {
            found.extend(old(&format!("{at}.plan"), &plan.provenance, max_age_days, now));
        }
        for (place, provider) in self.providers.iter().enumerate().filter(|(_, provider)| !provider.receive_only) {
            provider.warn(&format!("{at}.providers[{place}]"), max_age_days, now, found);
        }
    }
}

impl ProviderConfig {
    fn warn(&self, at: &str, max_age_days: u64, now: UnixMillis, found: &mut Vec<Warning>) {
        let Some(profile) = self.profile() else { return };
        if profile.limited_by_plan && self.plan_limit.is_none() {
            let detail = "the provider limits sending by plan; without a limit here only its answers tell".into();
            found.push(Warning { field: format!("{at}.plan_limit"), code: "unknown_plan_limit", detail });
        }
        if self.contacts.is_none() && self.contact_rule().is_some_and(|rule| rule.needs_contacts()) {
            let detail = "the plan is limited by contacts; the rule is inactive until their number is given".into();
            found.push(Warning { field: format!("{at}.contacts"), code: "inactive_contact_rule", detail });
        }
        found.extend(old(&format!("{at}.profile"), &profile.provenance, max_age_days, now));
    }
}

fn old(field: &str, provenance: &Provenance, max_age_days: u64, now: UnixMillis) -> Option<Warning> {
    let age = provenance.as_of.age_days(now);
    if age <= max_age_days {
        return None;
    }
    let detail = format!("the built-in figures are of {}, {age} days old", provenance.as_of);
    Some(Warning { field: field.into(), code: "old_figures", detail })
}

/// Messages a second that are usual by plan and reputation (R082).
const USUAL_PER_SECOND: (u32, u32) = (10, 100);
