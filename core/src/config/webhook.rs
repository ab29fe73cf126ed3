//! What an account's provider reports to, and by what the reports are believed.

use super::{ConfigError, error::wrong};
use crate::provider::ProviderKind;
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// The webhook of a provider of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// The name of the secret that holds the signing key, or several with white space between them; each is enough.
    pub secret: Option<String>,
    /// The header that carries the secret, for Postmark, Brevo, SparkPost and mail that comes in; without it the secret
    /// is `user:password` of Basic authentication.
    pub header: Option<String>,
    /// How far the signed instant may lie from now; the provider's own figure when absent.
    pub tolerance_ms: Option<u64>,
    /// The ARNs of the SNS topics that SES's events come through.
    pub topics: Vec<String>,
    /// The name of the secret or variable that holds certificates in PEM; SNS's must descend from one of them. Absent:
    /// the host that it is fetched from is what it is believed by.
    pub roots: Option<String>,
    /// The name of the queue that Cloudflare's events come through.
    pub queue: Option<String>,
}

impl WebhookConfig {
    pub(super) fn check(&self, kind: ProviderKind, at: &str) -> Result<(), ConfigError> {
        let is_ses = kind == ProviderKind::Ses;
        if is_ses && self.topics.is_empty() {
            return Err(wrong(&format!("{at}.topics"), "at least 1 topic, got 0"));
        }
        if !is_ses && (!self.topics.is_empty() || self.roots.is_some()) {
            return Err(wrong(&format!("{at}.topics"), "topics and roots are for ses"));
        }
        let is_cloudflare = matches!(kind, ProviderKind::Cloudflare | ProviderKind::CloudflareBinding);
        if is_cloudflare != self.queue.is_some() {
            return Err(wrong(&format!("{at}.queue"), "is for cloudflare, whose events come through a queue only"));
        }
        if !is_ses && !is_cloudflare && self.secret.is_none() {
            return Err(wrong(&format!("{at}.secret"), "names the secret that the provider's reports are believed by"));
        }
        let is_token = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !self.header.as_ref().is_none_or(is_token) {
            return Err(wrong(&format!("{at}.header"), "is the name of a header field"));
        }
        match self.tolerance_ms {
            Some(tolerance) if !(1_000..=MAX_TOLERANCE_MS).contains(&tolerance) => {
                let detail = format!("must be 1000 to {MAX_TOLERANCE_MS}, got {tolerance}");
                Err(wrong(&format!("{at}.tolerance_ms"), &detail))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A week: the journal, which is what a replay within the tolerance meets, goes back a month.
const MAX_TOLERANCE_MS: u64 = 604_800_000;
