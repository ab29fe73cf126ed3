//! A provider of an account: where messages leave to, and how much it takes.

use super::{
    ConfigError, WebhookConfig, defaults,
    error::{of_catalog, wrong},
    outgoing,
};
use crate::{
    catalog::{Call, Contacts, Profile, Unit},
    key,
    limiter::Window,
    provider::{ProviderKind, learn},
};
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// A provider of an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The account's own name for it.
    pub name: String,
    /// Which dialect it speaks.
    pub kind: ProviderKind,
    /// Its address: `https`, or `http` on the loopback; `smtp` or `smtps` for a mail server; `binding:NAME` for a Worker's
    /// binding. Absent means the provider's own, where everybody has the same ([`ProviderKind::default_base_url`]).
    #[serde(default)]
    pub base_url: String,
    /// Mailgun's sending domain.
    #[serde(default)]
    pub domain: Option<String>,
    /// Cloudflare's account id.
    #[serde(default)]
    pub account_id: Option<String>,
    /// The AWS region, where the address does not name it.
    #[serde(default)]
    pub region: Option<String>,
    /// The name of the secret that holds its credential; absent only where calls carry none.
    #[serde(default)]
    pub credential: Option<String>,
    /// The name of a built-in profile, which gives the windows that this configuration does not.
    #[serde(default, rename = "profile")]
    profile_name: Option<String>,
    #[serde(skip)]
    profile: Option<Profile>,
    /// Requests that it takes per time, sliding windows only: the account's own ones, and the profile's of other names.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// Messages that it takes per time, in however many requests, sliding windows only: as above.
    #[serde(default)]
    pub message_windows: Vec<Window>,
    /// Recipients that it takes per time, sliding windows only: as above.
    #[serde(default)]
    pub recipient_windows: Vec<Window>,
    /// The names of the windows that came from the profile.
    #[serde(skip)]
    from_profile: Vec<String>,
    /// How much may be sent by the account's plan at the provider, where a profile says that a plan limits it (R016).
    #[serde(default)]
    pub plan_limit: Option<PlanLimit>,
    /// The account's plan at the provider, when one of the profile's contact rules is meant.
    #[serde(default)]
    pub plan: Option<String>,
    #[serde(skip)]
    contact_rule: Option<Contacts>,
    /// How many contacts the plan at the provider is for; a contact rule is inactive without it (C23).
    #[serde(default)]
    pub contacts: Option<u64>,
    /// Where its reports come in, and what they are believed by; absent where none are taken.
    #[serde(default)]
    pub webhook: Option<WebhookConfig>,
    /// Whether it only reports: nothing is sent through it, as when an account has moved away and its last reports still come.
    #[serde(default)]
    pub receive_only: bool,
    /// Whether the provider is asked, once an hour while mail waits, how much the account may send: SES, SendGrid, Resend and
    /// MailerSend have a page that says so. It moves the profile's windows within bounds (R027).
    #[serde(default)]
    pub ask_account: bool,
    /// How long one request may take.
    #[serde(default = "defaults::request_timeout")]
    pub timeout_ms: u64,
}

/// Requests that a provider's plan allows in any interval of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanLimit {
    /// Requests.
    pub limit: u32,
    /// Milliseconds.
    pub period_ms: u64,
}

impl ProviderConfig {
    /// The profile, when the configuration names one.
    #[must_use]
    pub const fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// What the account's plan at the provider says about contacts.
    #[must_use]
    pub const fn contact_rule(&self) -> Option<&Contacts> {
        self.contact_rule.as_ref()
    }

    /// Whether a window is the configuration's own, and not the profile's.
    #[must_use]
    pub fn is_own(&self, window: &str) -> bool {
        !self.from_profile.iter().any(|name| name == window)
    }

    /// Looks up the profile and the plan, and adds the windows that are not given.
    pub(super) fn resolve(&mut self, at: &str) -> Result<(), ConfigError> {
        if self.base_url.is_empty() {
            self.base_url = self.kind.default_base_url().unwrap_or_default().into();
        }
        if let Some(PlanLimit { limit, period_ms }) = self.plan_limit {
            self.windows.push(Window::Sliding { name: PLAN_WINDOW.into(), limit, period_ms });
        }
        let Some(name) = &self.profile_name else {
            let needs = [("plan", self.plan.is_some()), ("contacts", self.contacts.is_some())];
            return match needs.iter().find(|(_, given)| *given) {
                Some((field, _)) => Err(wrong(&format!("{at}.{field}"), "stands beside a profile only")),
                None => Ok(()),
            };
        };
        let at_profile = format!("{at}.profile");
        let profile = Profile::named(name).map_err(|error| of_catalog(&at_profile, error))?;
        if self.kind != ProviderKind::Sandbox && profile.family != self.kind.family() {
            let detail = format!("is a profile of {}, and the kind is {}", profile.family, self.kind.as_str());
            return Err(wrong(&at_profile, &detail));
        }
        for known in profile.charged_by(Call::Send) {
            let windows = match known.unit {
                Unit::Requests => &mut self.windows,
                Unit::Messages => &mut self.message_windows,
                Unit::Recipients => &mut self.recipient_windows,
            };
            let name = known.window.name();
            if !windows.iter().any(|own| own.name() == name) {
                windows.push(known.window.clone());
                self.from_profile.push(name.into());
            }
        }
        if let Some(plan) = &self.plan {
            let rule = profile.plan(plan).map_err(|error| of_catalog(&format!("{at}.plan"), error))?;
            self.contact_rule = Some(rule);
        }
        self.profile = Some(profile);
        Ok(())
    }

    pub(super) fn check(&self, at: &str) -> Result<(), ConfigError> {
        if !key::is_name(&self.name) {
            return Err(wrong(&format!("{at}.name"), "a name is 1 to 32 of a-z, 0-9 and -"));
        }
        if self.receive_only && self.webhook.is_none() {
            return Err(wrong(&format!("{at}.webhook"), "is what a provider that is receive_only is for"));
        }
        // Of one that only reports, what it would be called by may stand here, and need not.
        let is_called = !self.receive_only;
        if let Some(fault) = self.kind.base_url_fault(&self.base_url).filter(|_| is_called) {
            return Err(wrong(&format!("{at}.base_url"), fault));
        }
        if self.ask_account && !learn::has_account_page(self.kind) {
            return Err(wrong(&format!("{at}.ask_account"), "is for ses, sendgrid, resend and mailersend"));
        }
        if is_called && self.credential.is_none() && self.kind.needs_credential() {
            return Err(wrong(&format!("{at}.credential"), "names the secret that holds the provider's key"));
        }
        if let Some(webhook) = &self.webhook {
            webhook.check(self.kind, &format!("{at}.webhook"))?;
        }
        outgoing::check(&format!("{at}.windows"), &self.windows)?;
        outgoing::check(&format!("{at}.message_windows"), &self.message_windows)?;
        outgoing::check(&format!("{at}.recipient_windows"), &self.recipient_windows)?;
        if !(100..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            let detail = format!("must be 100 to {MAX_TIMEOUT_MS}, got {}", self.timeout_ms);
            return Err(wrong(&format!("{at}.timeout_ms"), &detail));
        }
        Ok(())
    }
}

/// The window that a provider's plan makes.
const PLAN_WINDOW: &str = "send-plan";
/// A provider request may take at most this long, below every guard of a host.
const MAX_TIMEOUT_MS: u64 = 15_000;
