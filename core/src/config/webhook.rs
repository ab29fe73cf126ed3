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

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use alloc::{format, string::String};

    /// The field that is wrong in an account with this provider; empty when none is.
    fn flaw(kind: &str, webhook: &str, more: &str) -> String {
        let provider = format!(
            r#"{{"name":"p","kind":"{kind}","base_url":"https://esp.example","credential":"K","domain":"d.example",
                "account_id":"a","region":"eu-central-1","webhook":{webhook}}}"#
        );
        let account = format!(r#"{{"accounts":{{"shop":{{"keys":[],"providers":[{provider}]{more}}}}}}}"#);
        Config::from_json(&account).err().map(|error| error.field).unwrap_or_default()
    }

    /// What a webhook is believed by has to be there, and fit its provider.
    #[test]
    fn a_webhook_says_what_it_is_believed_by() {
        let at = "accounts.shop.providers[0].webhook";
        let cases = [
            ("sendgrid", r#"{"secret":"S"}"#, ""),
            ("postmark", r#"{"secret":"S","header":"X-Hook"}"#, ""),
            ("ses", r#"{"topics":["arn:aws:sns:eu-central-1:123456789012:t"],"roots":"R"}"#, ""),
            ("cloudflare", r#"{"queue":"mail-events"}"#, ""),
            ("resend", "{}", "secret"),
            ("resend", r#"{"secret":"S","tolerance_ms":999}"#, "tolerance_ms"),
            ("resend", r#"{"secret":"S","tolerance_ms":604800001}"#, "tolerance_ms"),
            ("resend", r#"{"secret":"S","tolerance_ms":604800000}"#, ""),
            ("resend", r#"{"secret":"S","topics":["t"]}"#, "topics"),
            ("resend", r#"{"secret":"S","queue":"q"}"#, "queue"),
            ("ses", r#"{"secret":"S"}"#, "topics"),
            ("cloudflare", r#"{"secret":"S"}"#, "queue"),
            ("postmark", r#"{"secret":"S","header":"X Hook"}"#, "header"),
        ];
        for (kind, webhook, wrong) in cases {
            let wanted = if wrong.is_empty() { String::new() } else { format!("{at}.{wrong}") };
            assert_eq!(flaw(kind, webhook, ""), wanted, "{kind} {webhook}");
        }
    }

    /// R045: the number, the period and the time of the suppression have bounds.
    #[test]
    fn the_policy_of_soft_bounces_has_bounds() {
        let with = |policy: &str| flaw("resend", r#"{"secret":"S"}"#, &format!(r#","soft_bounces":{policy}"#));
        for policy in ["{}", r#"{"limit":1}"#, r#"{"limit":100,"period_ms":1,"suppress_ms":1}"#] {
            assert_eq!(with(policy), "", "{policy}");
        }
        for policy in [r#"{"limit":0}"#, r#"{"limit":101}"#, r#"{"period_ms":0}"#, r#"{"suppress_ms":0}"#] {
            assert_eq!(with(policy), "accounts.shop.soft_bounces", "{policy}");
        }
    }
}
