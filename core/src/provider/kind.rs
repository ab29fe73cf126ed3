//! The providers there are, and their words.

use super::dialect;
use serde::{Deserialize, Serialize};

/// A provider that Sendgate speaks to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// SendGrid v3, `POST /v3/mail/send`.
    Sendgrid,
    /// Mailgun v3, `POST /v3/{domain}/messages`.
    Mailgun,
    /// Postmark, `POST /email`.
    Postmark,
    /// Amazon SES v2, `POST /v2/email/outbound-emails`.
    Ses,
    /// Resend, `POST /emails`.
    Resend,
    /// Cloudflare Email Service over REST.
    Cloudflare,
    /// Cloudflare Email Service through a Worker's `send_email` binding.
    CloudflareBinding,
    /// A mail server that takes submissions (RFC 6409).
    Smtp,
    /// Brevo, `POST /v3/smtp/email`.
    Brevo,
    /// MailerSend, `POST /v1/email`.
    Mailersend,
    /// Mailtrap, `POST /api/send`.
    Mailtrap,
    /// SparkPost, `POST /api/v1/transmissions`.
    Sparkpost,
    /// The simulator's own plain interface, `POST /messages`.
    Sandbox,
}

impl ProviderKind {
    /// Every provider.
    pub const ALL: [Self; 13] = [
        Self::Sendgrid,
        Self::Mailgun,
        Self::Postmark,
        Self::Ses,
        Self::Resend,
        Self::Cloudflare,
        Self::CloudflareBinding,
        Self::Smtp,
        Self::Brevo,
        Self::Mailersend,
        Self::Mailtrap,
        Self::Sparkpost,
        Self::Sandbox,
    ];

    /// The word for it in JSON, in the trace and as a key of `provider_options`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sendgrid => "sendgrid",
            Self::Mailgun => "mailgun",
            Self::Postmark => "postmark",
            Self::Ses => "ses",
            Self::Resend => "resend",
            Self::Cloudflare => "cloudflare",
            Self::CloudflareBinding => "cloudflare_binding",
            Self::Smtp => "smtp",
            Self::Brevo => "brevo",
            Self::Mailersend => "mailersend",
            Self::Mailtrap => "mailtrap",
            Self::Sparkpost => "sparkpost",
            Self::Sandbox => "sandbox",
        }
    }

    /// The family of profiles that describe it: the two ways to Cloudflare are one provider.
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::CloudflareBinding => Self::Cloudflare.as_str(),
            Self::Sendgrid
            | Self::Mailgun
            | Self::Postmark
            | Self::Ses
            | Self::Resend
            | Self::Cloudflare
            | Self::Smtp
            | Self::Brevo
            | Self::Mailersend
            | Self::Mailtrap
            | Self::Sparkpost
            | Self::Sandbox => self.as_str(),
        }
    }

    /// Whether its calls carry a credential: a mail server may ask for none, and a binding is one.
    #[must_use]
    pub fn needs_credential(self) -> bool {
        dialect(self).needs_credential()
    }

    /// Where its API is when the configuration does not say; `None` where only the account's owner knows.
    #[must_use]
    pub fn default_base_url(self) -> Option<&'static str> {
        dialect(self).default_base_url()
    }

    /// What is wrong with an address of its API; `None` when nothing is.
    #[must_use]
    pub fn base_url_fault(self, url: &str) -> Option<&'static str> {
        dialect(self).base_url_fault(url)
    }
}
