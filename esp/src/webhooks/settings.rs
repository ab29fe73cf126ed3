//! Where webhooks go: `{"webhooks": {"resend": {"url", "delay_ms", "retry_speed", "secrets"}}}` of `PUT /sandbox/settings`.

use super::Provider;
use crate::{
    fields::{BadField, Fields},
    kept,
};
use sendgate_core::sql::{Sql, SqlError};
use serde_json::{Map, Value, json};

/// Where one provider's webhooks go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) url: String,
    /// From a message's arrival to its events.
    pub(crate) delay_ms: u64,
    /// How many times faster retries follow than the real provider's.
    pub(crate) retry_speed: u64,
    secrets: Vec<(String, String)>,
}

impl Hook {
    /// A hook with the defaults.
    pub(crate) fn to(url: String) -> Self {
        Self { url, delay_ms: DEFAULT_DELAY_MS, retry_speed: DEFAULT_SPEED, secrets: Vec::new() }
    }

    /// The secret `name`, when it was set.
    pub(crate) fn secret(&self, name: &str) -> Option<&str> {
        self.secrets.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn read(provider: Provider, value: &Value) -> Result<Option<Self>, BadField> {
        let path = format!("webhooks.{}", provider.word());
        let fields = Fields::of(value, &path, &["url", "delay_ms", "retry_speed", "secrets"])?;
        let Some(url) = fields.text("url")? else { return Ok(None) };
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if !is_http || url.len() > MOST_URL_BYTES || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(BadField::new(fields.path("url"), "must be an http or https URL of at most 2000 bytes"));
        }
        let mut hook = Self::to(url.to_string());
        hook.delay_ms = fields.number("delay_ms", 0, MOST_DELAY_MS)?.unwrap_or(DEFAULT_DELAY_MS);
        hook.retry_speed = fields.number("retry_speed", 1, MOST_SPEED)?.unwrap_or(DEFAULT_SPEED);
        if let Some(secrets) = fields.any("secrets") {
            let secrets = Fields::of(secrets, &fields.path("secrets"), secrets_of(provider))?;
            for name in secrets_of(provider) {
                if let Some(secret) = secrets.text(name)? {
                    if secret.is_empty() || secret.len() > MOST_SECRET_BYTES || secret.chars().any(char::is_control) {
                        return Err(BadField::new(secrets.path(name), "must be from 1 to 1000 bytes without controls"));
                    }
                    hook.secrets.push(((*name).to_string(), secret.to_string()));
                }
            }
        }
        Ok(Some(hook))
    }

    fn show(&self) -> Value {
        let secrets: Map<String, Value> =
            self.secrets.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        json!({ "url": self.url, "delay_ms": self.delay_ms, "retry_speed": self.retry_speed, "secrets": secrets })
    }
}

/// The hooks in `value`, each with its provider; `None` for one that is to go.
pub(crate) fn read(value: &Value) -> Result<Vec<(Provider, Option<Hook>)>, BadField> {
    let fields = Fields::of(value, "webhooks", &Provider::ALL.map(Provider::word))?;
    let mut hooks = Vec::new();
    for provider in Provider::ALL {
        if let Some(value) = fields.any(provider.word()) {
            hooks.push((provider, Hook::read(provider, value)?));
        }
    }
    Ok(hooks)
}

/// Every hook as it stands.
pub(crate) fn load(sql: &mut dyn Sql) -> Result<Vec<(Provider, Hook)>, SqlError> {
    let Some(value) = kept::setting(sql, NAME)? else { return Ok(Vec::new()) };
    let hooks = read(&value).map_err(|bad| SqlError(format!("{} {}", bad.field, bad.detail)))?;
    Ok(hooks.into_iter().filter_map(|(provider, hook)| Some((provider, hook?))).collect())
}

/// Sets the named hooks anew; the others stay.
pub(crate) fn put(sql: &mut dyn Sql, named: Vec<(Provider, Option<Hook>)>) -> Result<(), SqlError> {
    let mut hooks = load(sql)?;
    for (provider, hook) in named {
        hooks.retain(|(known, _)| *known != provider);
        hooks.extend(hook.map(|hook| (provider, hook)));
    }
    kept::set(sql, NAME, &show(&hooks))
}

/// The hooks as they are set and shown.
pub(crate) fn show(hooks: &[(Provider, Hook)]) -> Value {
    Value::Object(hooks.iter().map(|(provider, hook)| (provider.word().to_string(), hook.show())).collect())
}

/// What can be set of a provider's signature; what is not set comes from the seed.
const fn secrets_of(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::SendGrid | Provider::Cloudflare | Provider::Smtp => &[],
        Provider::Mailgun => &["signing_key"],
        Provider::Postmark | Provider::Brevo | Provider::SparkPost => {
            &["user", "password", "header_name", "header_value"]
        }
        Provider::Ses => &["topic_arn", "certificate_url", "signature_version"],
        Provider::Resend | Provider::MailerSend | Provider::Mailtrap | Provider::Sandbox => &["secret"],
    }
}

const NAME: &str = "webhooks";
/// Long enough for a client to have stored the id it was answered.
const DEFAULT_DELAY_MS: u64 = 500;
/// A day.
const MOST_DELAY_MS: u64 = 86_400_000;
/// An hour of the provider's passes in a second.
const DEFAULT_SPEED: u64 = 3_600;
const MOST_SPEED: u64 = 1_000_000_000;
const MOST_URL_BYTES: usize = 2_000;
const MOST_SECRET_BYTES: usize = 1_000;
