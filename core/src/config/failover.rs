//! Several providers of one account: when a later one is used, and how many messages share a call.

use super::{AccountConfig, ConfigError, MAX_MESSAGES, ProviderConfig, wrong};
use alloc::{collections::BTreeSet, format};
use serde::Deserialize;

/// When a later provider takes what an earlier one cannot.
///
/// A provider that will take a message soon is waited for. The next one in order is asked when an earlier one wants a
/// longer wait than `after_ms` (it throttles, or a window of ours is full), when it failed `after_failures` times in a row,
/// when its quota is spent, or when its credential is wrong. A failing provider is tried again with one call at a time,
/// after pauses that double from `retry.base_ms` up to `retry.cap_ms`.
///
/// A message whose attempt may have been taken stays with its provider, unless `on_unknown` is `resend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Failover {
    /// The longest wait for an earlier provider.
    pub after_ms: u64,
    /// Failures in a row that pass, or silences: 1 moves on at the first one (R059).
    pub after_failures: u32,
}

impl Default for Failover {
    fn default() -> Self {
        Self { after_ms: AFTER_MS, after_failures: 1 }
    }
}

/// How many messages share a call.
///
/// Nobody waits for company: what is due at the same moment and may share a call does, up to what the provider takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// The most messages of a call; absent means as many as the provider and its profile take. 1 sends each alone.
    pub max_messages: Option<usize>,
}

impl AccountConfig {
    /// The providers that messages leave through, the preferred one first.
    pub fn senders(&self) -> impl Iterator<Item = &ProviderConfig> {
        self.providers.iter().filter(|provider| !provider.receive_only)
    }

    pub(super) fn check_routing(&self, at: &str) -> Result<(), ConfigError> {
        if !(1..=MAX_PROVIDERS).contains(&self.providers.len()) {
            let most = if self.providers.is_empty() { "at least 1 provider" } else { "at most 32 providers" };
            return Err(wrong(&format!("{at}.providers"), &format!("{most}, got {}", self.providers.len())));
        }
        if self.senders().next().is_none() {
            return Err(wrong(&format!("{at}.providers"), "at least 1 provider that is not receive_only"));
        }
        let mut names = BTreeSet::new();
        if let Some(place) = self.providers.iter().position(|provider| !names.insert(&provider.name)) {
            return Err(wrong(&format!("{at}.providers[{place}].name"), "another provider has this name"));
        }
        let Failover { after_ms, after_failures } = self.failover;
        if after_ms > MAX_AFTER_MS {
            let detail = format!("must be 0 to {MAX_AFTER_MS}, got {after_ms}");
            return Err(wrong(&format!("{at}.failover.after_ms"), &detail));
        }
        if !(1..=MAX_FAILURES).contains(&after_failures) {
            let detail = format!("must be 1 to {MAX_FAILURES}, got {after_failures}");
            return Err(wrong(&format!("{at}.failover.after_failures"), &detail));
        }
        match self.calls.max_messages {
            Some(most) if !(1..=MAX_MESSAGES).contains(&most) => {
                let detail = format!("must be 1 to {MAX_MESSAGES}, got {most}");
                Err(wrong(&format!("{at}.batch.max_messages"), &detail))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Providers of an account. A message knows which of them it may go through in 32 bits.
pub const MAX_PROVIDERS: usize = 32;
/// Five seconds: longer than a `Retry-After` of a full second, shorter than anybody waits for a password mail.
const AFTER_MS: u64 = 5_000;
/// A day: who wants to wait longer for one provider does not want another.
const MAX_AFTER_MS: u64 = 86_400_000;
/// More than anybody wants to see fail.
const MAX_FAILURES: u32 = 100;
