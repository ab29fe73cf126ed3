//! Webhooks that the simulator sends back: each provider's own events, in its shape and with its signature.
//!
//! What is sent and when is made by pure functions ([`events`], the providers' modules, [`seal`]); [`queue`] keeps it and
//! [`sender`] carries it.

pub(crate) mod brevo;
pub(crate) mod cloudflare;
pub(crate) mod dsn;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod mailersend;
pub(crate) mod mailgun;
pub(crate) mod mailtrap;
pub(crate) mod postmark;
pub(crate) mod queue;
pub(crate) mod resend;
pub(crate) mod routes;
pub(crate) mod sandbox;
pub(crate) mod seal;
pub(crate) mod sender;
pub(crate) mod sendgrid;
pub(crate) mod ses;
pub(crate) mod settings;
pub(crate) mod sparkpost;

/// A provider that sends webhooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Provider {
    SendGrid,
    Mailgun,
    Postmark,
    Ses,
    Resend,
    Cloudflare,
    Brevo,
    MailerSend,
    Mailtrap,
    SparkPost,
    /// Sendgate's own sandbox provider.
    Sandbox,
    Smtp,
}

impl Provider {
    pub(crate) const ALL: [Self; 12] = [
        Self::SendGrid,
        Self::Mailgun,
        Self::Postmark,
        Self::Ses,
        Self::Resend,
        Self::Cloudflare,
        Self::Brevo,
        Self::MailerSend,
        Self::Mailtrap,
        Self::SparkPost,
        Self::Sandbox,
        Self::Smtp,
    ];

    /// The dialect's word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SendGrid => "sendgrid",
            Self::Mailgun => "mailgun",
            Self::Postmark => "postmark",
            Self::Ses => "ses",
            Self::Resend => "resend",
            Self::Cloudflare => "cloudflare",
            Self::Brevo => "brevo",
            Self::MailerSend => "mailersend",
            Self::Mailtrap => "mailtrap",
            Self::SparkPost => "sparkpost",
            Self::Sandbox => "esp",
            Self::Smtp => "smtp",
        }
    }

    /// The provider with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.word() == word)
    }

    /// The waits before each retry, in seconds of the real provider.
    pub(crate) const fn retries(self, event: &str) -> &'static [u64] {
        match self {
            // Growing intervals for 24 hours: the steps are ours.
            Self::SendGrid => &[60, 300, 900, 3_600, 14_400],
            // Mailgun's documentation of retries; `delivered` is not sent again.
            Self::Mailgun if matches!(event.as_bytes(), b"delivered") => &[],
            Self::Mailgun => &[300, 600, 900, 3_600, 7_200, 14_400],
            // Postmark's webhooks overview: longer for bounces.
            Self::Postmark if matches!(event.as_bytes(), b"Bounce") => {
                &[60, 300, 600, 600, 600, 900, 1_800, 3_600, 7_200, 21_600]
            }
            Self::Postmark => &[60, 300, 900],
            // A receiver that starts after this program is to be asked all the same: the steps are ours.
            Self::Ses if matches!(event.as_bytes(), b"SubscriptionConfirmation") => &[3_600; 60],
            // SNS's default delivery policy for HTTP: three retries, 20 seconds apart.
            Self::Ses => &[20, 20, 20],
            // Resend's documentation of retries.
            Self::Resend => &[5, 300, 1_800, 7_200, 18_000, 36_000],
            // A consumer of Cloudflare Queues has three retries and no delay unless it asks for more.
            Self::Cloudflare => &[0, 0, 0],
            // Brevo's page on its retry mechanism.
            Self::Brevo => &[600, 3_600, 7_200, 28_800],
            // MailerSend's help tells of a couple of retries, the first after ten seconds: the second wait is ours.
            Self::MailerSend => &[10, 100],
            // SparkPost tries for eight hours in all: the steps are ours.
            Self::SparkPost => &[60, 300, 900, 3_600, 7_200, 14_400],
            // Not stated in the facts at hand: the steps are ours.
            Self::Mailtrap | Self::Sandbox => &[60, 300, 900],
            // Whatever fetches a mailbox: the steps are ours.
            Self::Smtp => &[60, 300],
        }
    }

    /// Whether this status ends the retries at once.
    pub(crate) const fn gives_up(self, status: u16) -> bool {
        match self {
            Self::Mailgun => status == 406,
            Self::Postmark => status == 403,
            // Brevo's page on its retry mechanism.
            Self::Brevo => matches!(status, 400..=428 | 430..=499),
            Self::SendGrid
            | Self::Ses
            | Self::Resend
            | Self::Cloudflare
            | Self::MailerSend
            | Self::Mailtrap
            | Self::SparkPost
            | Self::Sandbox
            | Self::Smtp => false,
        }
    }
}
