//! The development account: its key, its limits, and the simulator as its provider.

use sendgate_core::{key, provider::ProviderKind};
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// An account called `dev` with one key, whose mail leaves to the simulator.
pub struct Development {
    /// The key that may do everything.
    pub key: String,
    /// Which of the simulator's dialects is spoken.
    pub provider: ProviderKind,
    secret: String,
    /// Fields of the account in place of those below.
    changes: Map<String, Value>,
}

impl Development {
    /// The account of a state directory. Its secret is made once and kept there, so the key stays the same.
    ///
    /// # Errors
    /// The directory cannot be written, or the system has no random bytes.
    pub fn open(state: &Path, provider: ProviderKind) -> io::Result<Self> {
        let secret = secret_of(state)?;
        let mut entropy = [0; 16];
        let source = key::fingerprint(secret.as_bytes());
        for (byte, from) in entropy.iter_mut().zip(source.bytes()) {
            *byte = from;
        }
        let key = key::issue(&secret, ACCOUNT, "k1", entropy).map_err(io::Error::other)?;
        Ok(Self { key, provider, secret, changes: Map::new() })
    }

    /// Puts these fields of the account's configuration, a JSON object, in place of its own.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub fn change(&mut self, fields: &str) -> io::Result<()> {
        self.changes = serde_json::from_str(fields)?;
        Ok(())
    }

    /// The text bindings that the Worker on this port needs.
    #[must_use]
    pub fn bindings(&self, port: u16) -> Vec<(String, String)> {
        vec![
            ("SENDGATE_CONFIG".into(), self.config(port)),
            ("SENDGATE_KEY_SECRET".into(), self.secret.clone()),
            ("SENDGATE_ADMIN_TOKEN".into(), self.admin_token()),
            ("SENDGATE_SEALING_KEY".into(), self.sealing_key()),
            ("SIMULATOR_CREDENTIAL".into(), credential(self.provider).into()),
        ]
    }

    /// The token of the admin API.
    #[must_use]
    pub fn admin_token(&self) -> String {
        key::fingerprint(format!("admin token {}", self.secret).as_bytes())
    }

    /// Base64 of 32 bytes: 64 hexadecimal digits of a hash would be 48, so 43 characters of them and the padding are taken,
    /// the last one such that no bits are left over.
    fn sealing_key(&self) -> String {
        let digits = key::fingerprint(format!("sealing key {}", self.secret).as_bytes());
        format!("{}0=", digits.get(..42).unwrap_or_default())
    }

    /// A `curl` that sends a first message, ready to paste.
    #[must_use]
    pub fn curl(&self, base_url: &str) -> String {
        format!(
            "curl -sS {base_url}/v1/send \\\n  -H 'Authorization: Bearer {}' \\\n  \
             -H 'Content-Type: application/json' \\\n  -d '{FIRST_MESSAGE}'",
            self.key
        )
    }

    /// The provider with the simulator's own default windows, and what else its calls need.
    fn provider_config(&self, port: u16) -> Value {
        let window = |limit: u32, period_ms: u32| json!([{"kind": "sliding", "name": "simulator", "limit": limit, "period_ms": period_ms}]);
        let more = match self.provider {
            ProviderKind::Resend => json!({ "windows": window(5, 1_000) }),
            ProviderKind::Mailersend => json!({ "windows": window(120, 60_000) }),
            ProviderKind::Brevo => json!({ "windows": window(1_000, 1_000) }),
            ProviderKind::Mailgun => json!({ "domain": "mg.shop.example" }),
            ProviderKind::Cloudflare => json!({ "account_id": "development" }),
            // The simulator begins in SES's sandbox, as every account of Amazon's does.
            ProviderKind::Ses => json!({ "region": "eu-west-1", "profile": "ses.sandbox" }),
            ProviderKind::Sendgrid
            | ProviderKind::Postmark
            | ProviderKind::Mailtrap
            | ProviderKind::Sparkpost
            | ProviderKind::Sandbox
            | ProviderKind::CloudflareBinding
            | ProviderKind::Smtp => json!({}),
        };
        let route = simulated(self.provider).unwrap_or_default();
        let mut config = json!({
            "name": "simulator",
            "kind": self.provider.as_str(),
            "base_url": format!("http://127.0.0.1:{port}/sandbox/{route}"),
            "credential": "SIMULATOR_CREDENTIAL",
        });
        if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        config
    }

    fn config(&self, port: u16) -> String {
        let mut account = json!({
            "keys": [{"id": "k1", "hash": key::hash(&self.key), "scopes": ["send", "send:bulk", "read", "suppressions"]}],
            "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 600, "period_ms": 60000}],
            "quotas": [{"period": "day", "limit": 50000}, {"period": "month", "limit": 1_000_000}],
            "max_messages": 500,
            "sending": {"per_second": 100, "per_minute": 6000},
            "providers": [self.provider_config(port)]
        });
        if let Value::Object(account) = &mut account {
            account.extend(self.changes.clone());
        }
        json!({"accounts": {ACCOUNT: account}}).to_string()
    }
}

/// Where the simulator answers in a provider's dialect; `None` for what is not spoken over HTTP.
#[must_use]
pub fn simulated(provider: ProviderKind) -> Option<&'static str> {
    match provider {
        ProviderKind::Sandbox => Some("esp"),
        ProviderKind::Cloudflare => Some("cloudflare/client/v4"),
        ProviderKind::Sendgrid
        | ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Ses
        | ProviderKind::Resend
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost => Some(provider.as_str()),
        ProviderKind::CloudflareBinding | ProviderKind::Smtp => None,
    }
}

/// A credential that the simulator takes in a provider's dialect: any of the right shape, and of Amazon's the one it knows.
#[must_use]
pub const fn credential(provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::Ses => SES_CREDENTIAL,
        ProviderKind::Sendgrid => "SG.development",
        ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Resend
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => CREDENTIAL,
    }
}

/// The secret of a state directory, made at the first start. Only its owner may read it.
fn secret_of(state: &Path) -> io::Result<String> {
    fs::create_dir_all(state)?;
    let path = state.join("key-secret");
    match fs::read_to_string(&path) {
        Ok(secret) if secret.len() >= 32 => return Ok(secret),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let secret = key::fingerprint(&bytes);
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(secret.as_bytes())?;
    Ok(secret)
}

const ACCOUNT: &str = "dev";
/// Any token will do for the simulator; this one has the form that Resend's dialect asks for.
const CREDENTIAL: &str = "re_development";
/// The one key that the simulator's SES knows (`simulator/README.md`).
const SES_CREDENTIAL: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const FIRST_MESSAGE: &str = r#"{"messages": [{"from": "Shop <orders@shop.example>", "to": "ann@example.com", "subject": "Hello from Sendgate", "text_body": "It works.", "html_body": "<p>It <b>works</b>.</p>"}]}"#;
