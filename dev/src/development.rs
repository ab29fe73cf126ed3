//! The development account: its key, its limits, and the simulator as its provider.

use sendgate_core::{key, provider::ProviderKind};
use serde_json::json;
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
        Ok(Self { key, provider, secret })
    }

    /// The text bindings that the Worker on this port needs.
    #[must_use]
    pub fn bindings(&self, port: u16) -> Vec<(String, String)> {
        vec![
            ("SENDGATE_CONFIG".into(), self.config(port)),
            ("SENDGATE_KEY_SECRET".into(), self.secret.clone()),
            ("SIMULATOR_CREDENTIAL".into(), CREDENTIAL.into()),
        ]
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

    fn config(&self, port: u16) -> String {
        let route = match self.provider {
            ProviderKind::Resend => "resend",
            ProviderKind::Postmark => "postmark",
            ProviderKind::Sandbox => "esp",
            ProviderKind::Sendgrid
            | ProviderKind::Mailgun
            | ProviderKind::Ses
            | ProviderKind::Cloudflare
            | ProviderKind::CloudflareBinding
            | ProviderKind::Smtp
            | ProviderKind::Brevo
            | ProviderKind::Mailersend
            | ProviderKind::Mailtrap
            | ProviderKind::Sparkpost => self.provider.as_str(),
        };
        let windows = match self.provider {
            // The simulator's own default for this dialect, and Resend's: 5 requests a second and team.
            ProviderKind::Resend => {
                json!([{"kind": "sliding", "name": "resend-second", "limit": 5, "period_ms": 1000}])
            }
            ProviderKind::Postmark
            | ProviderKind::Sandbox
            | ProviderKind::Sendgrid
            | ProviderKind::Mailgun
            | ProviderKind::Ses
            | ProviderKind::Cloudflare
            | ProviderKind::CloudflareBinding
            | ProviderKind::Smtp
            | ProviderKind::Brevo
            | ProviderKind::Mailersend
            | ProviderKind::Mailtrap
            | ProviderKind::Sparkpost => json!([]),
        };
        json!({"accounts": {ACCOUNT: {
            "keys": [{"id": "k1", "hash": key::hash(&self.key), "scopes": ["send", "read", "suppressions"]}],
            "account_windows": [{"kind": "sliding", "name": "plan-minute", "limit": 600, "period_ms": 60000}],
            "quotas": [{"period": "day", "limit": 50000}, {"period": "month", "limit": 1_000_000}],
            "max_messages": 500,
            "sending": {"per_second": 100, "per_minute": 6000},
            "providers": [{
                "name": "simulator",
                "kind": self.provider.as_str(),
                "base_url": format!("http://127.0.0.1:{port}/sandbox/{route}"),
                "credential": "SIMULATOR_CREDENTIAL",
                "windows": windows
            }]
        }}})
        .to_string()
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
const FIRST_MESSAGE: &str = r#"{"messages": [{"from": "Shop <orders@shop.example>", "to": "ann@example.com", "subject": "Hello from Sendgate", "text_body": "It works.", "html_body": "<p>It <b>works</b>.</p>"}]}"#;
