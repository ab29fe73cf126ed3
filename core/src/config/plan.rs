//! The plan of an account, with the account's own figures over it, and where each limit comes from.

use super::{AccountConfig, ConfigError, MAX_MESSAGES, ProviderConfig, defaults, domain, error::of_catalog};
use crate::{
    catalog::{AsOf, ClassPreset, Plan, Provenance},
    guard::{Dimension, Guard, Source},
    limiter::Window,
};
use alloc::format;

/// Who set a limit, and where a built-in one comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    /// Who set it.
    pub(crate) source: Source,
    /// Since when a built-in figure is known.
    pub(crate) as_of: Option<AsOf>,
    /// Where a built-in figure comes from.
    pub(crate) reference: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// The account's own figure.
    pub(crate) const OWN: Self = Self { source: Source::Account, as_of: None, reference: None };

    /// A bound that no plan changes.
    pub(crate) const fn technical(reference: Option<&'a str>) -> Self {
        Self { source: Source::Technical, as_of: None, reference }
    }

    fn built_in(source: Source, provenance: &'a Provenance) -> Self {
        Self { source, as_of: Some(provenance.as_of), reference: Some(&provenance.source) }
    }
}

impl AccountConfig {
    /// The plan with the account's own figures over it. Every configuration that [`super::Config::from_json`] gave has one.
    #[must_use]
    pub const fn plan_limits(&self) -> Option<&Plan> {
        self.resolved_plan.as_ref()
    }

    /// The limit on the messages of a request, and who set it (C03).
    #[must_use]
    pub fn batch(&self) -> Guard {
        let limit = u64::try_from(self.max_messages).unwrap_or(u64::MAX);
        let source = if self.max_messages >= MAX_MESSAGES {
            Source::Technical
        } else if self.own_max_messages.is_some() {
            Source::Account
        } else {
            self.plan_limits().and_then(|plan| plan.guard(Dimension::BatchMax)).map_or(Source::Account, |g| g.source)
        };
        Guard { dimension: Dimension::BatchMax, limit, source }
    }

    /// Looks up the plan and the providers' profiles, and fills in what the account does not give itself.
    pub(super) fn resolve(&mut self, at: &str) -> Result<(), ConfigError> {
        let plan = Plan::named(&self.plan, self.plan_figures, &format!("{at}.plan_figures"))
            .map_err(|error| of_catalog(&format!("{at}.plan"), error))?;
        self.key_windows = self.own_key_windows.clone().unwrap_or_else(defaults::per_key_windows);
        self.account_windows = self.own_account_windows.clone().unwrap_or_else(|| plan.windows());
        self.quotas = self.own_quotas.clone().unwrap_or_else(|| plan.quotas());
        let of_plan = plan.guard(Dimension::BatchMax).and_then(|guard| usize::try_from(guard.limit).ok());
        self.max_messages = self.own_max_messages.or(of_plan).unwrap_or(MAX_MESSAGES);
        self.resolved_plan = Some(plan);
        for class in &self.class_presets {
            if !self.class_windows.contains_key(class) {
                let preset =
                    ClassPreset::of(*class).map_err(|error| of_catalog(&format!("{at}.class_presets"), error))?;
                self.class_windows.insert(*class, preset.windows());
                self.presets.insert(*class, preset.provenance);
            }
        }
        if let Some(domains) = &mut self.domains {
            domain::resolve(&format!("{at}.domains"), domains)?;
        }
        self.keys.iter_mut().enumerate().try_for_each(|(i, key)| key.resolve(&format!("{at}.keys[{i}]")))?;
        self.providers.iter_mut().enumerate().try_for_each(|(i, one)| one.resolve(&format!("{at}.providers[{i}]")))
    }

    /// Where the windows of each key come from.
    pub(crate) const fn origin_of_key_windows(&self) -> Origin<'_> {
        match self.own_key_windows {
            Some(_) => Origin::OWN,
            None => Origin::technical(Some(defaults::KEY_WINDOWS_REFERENCE)),
        }
    }

    /// Where the account's request windows come from.
    pub(crate) fn origin_of_windows(&self) -> Origin<'_> {
        self.origin("requests_per_minute", self.own_account_windows.is_some())
    }

    /// Where the account's quotas come from.
    pub(crate) fn origin_of_quotas(&self) -> Origin<'_> {
        self.origin("recipients_per_day", self.own_quotas.is_some())
    }

    /// Where the limit on the messages of a request comes from.
    pub(crate) fn origin_of_batch(&self) -> Origin<'_> {
        match self.batch().source {
            Source::Technical => Origin::technical(Some("document 002, R187")),
            Source::Plan | Source::Account | Source::Provider | Source::Learned => {
                self.origin(Dimension::BatchMax.as_str(), self.own_max_messages.is_some())
            }
        }
    }

    /// Where a figure of the plan comes from.
    pub(crate) fn origin_of_figure(&self, field: &str) -> Origin<'_> {
        self.origin(field, false)
    }

    /// Where a window of a provider comes from, as it is now; the account's own one is the provider's limit, too.
    pub(crate) fn origin_of_provider_window(&self, provider: &str, window: &Window) -> Origin<'_> {
        let name = window.name();
        let known = self.providers.iter().find(|known| known.name == provider).filter(|known| !known.is_own(name));
        let profile = known.and_then(ProviderConfig::profile);
        let built_in = profile.and_then(|profile| profile.windows.iter().find(|known| known.window.name() == name));
        match built_in {
            Some(known) if known.window.limit() != window.limit() => Origin { source: Source::Learned, ..Origin::OWN },
            Some(known) => Origin::built_in(Source::Provider, &known.provenance),
            None => Origin { source: Source::Provider, ..Origin::OWN },
        }
    }

    /// Where the windows of a class come from.
    pub(crate) fn origin_of_class(&self, class: &str) -> Origin<'_> {
        let preset = self.presets.iter().find(|(known, _)| known.as_str() == class);
        preset.map_or(Origin::OWN, |(_, provenance)| Origin::built_in(Source::Account, provenance))
    }

    fn origin(&self, field: &str, own: bool) -> Origin<'_> {
        match self.plan_limits() {
            Some(plan) if !own && !plan.is_own(field) => Origin::built_in(Source::Plan, &plan.provenance),
            Some(_) | None => Origin::OWN,
        }
    }
}
