//! What goes to a provider, what its answers mean, and what it reports.

use super::{
    SendgateError,
    event::{Certificate, Report, Trust, pairs},
    message::Message,
    outcome::Answer,
    transport::{HttpResponse, Request, TransportError, answer},
    values::{Units, hidden},
};
use sendgate_core::{outcome::TransportFailure, provider::ProviderKind, time::UnixMillis};
use std::{collections::HashMap, sync::Arc};

/// A provider that Sendgate speaks to.
#[uniffi::remote(Enum)]
pub enum ProviderKind {
    /// SendGrid v3.
    Sendgrid,
    /// Mailgun v3.
    Mailgun,
    /// Postmark.
    Postmark,
    /// Amazon SES v2.
    Ses,
    /// Resend.
    Resend,
    /// Cloudflare Email Service over REST.
    Cloudflare,
    /// Cloudflare Email Service through a Worker's binding: not from here.
    CloudflareBinding,
    /// A mail server that takes submissions.
    Smtp,
    /// Brevo.
    Brevo,
    /// MailerSend.
    Mailersend,
    /// Mailtrap.
    Mailtrap,
    /// SparkPost.
    Sparkpost,
    /// The simulator's own plain interface.
    Sandbox,
}

/// What a provider's calls need. Mailgun needs `domain`, Cloudflare `account_id`, Amazon SES a `base_url` or a `region`.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProviderSettings {
    /// Its key or token. Amazon SES: `access key:secret key[:session token]`; SMTP: `user:password`.
    #[uniffi(default = "")]
    pub credential: String,
    /// Where its API is, when not at the usual place.
    #[uniffi(default = None)]
    pub base_url: Option<String>,
    /// Mailgun's sending domain.
    #[uniffi(default = None)]
    pub domain: Option<String>,
    /// Cloudflare's account id.
    #[uniffi(default = None)]
    pub account_id: Option<String>,
    /// The AWS region, where the base URL does not name it.
    #[uniffi(default = None)]
    pub region: Option<String>,
}

hidden!(ProviderSettings);

/// A message with the caller's own id of it: up to 256 visible ASCII characters, the idempotency key where there is one.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Addressed {
    /// The message.
    pub message: Arc<Message>,
    /// Its id.
    pub message_id: String,
}

/// A provider with its settings.
#[derive(Debug, uniffi::Object)]
pub struct Provider(pub(crate) Arc<sendgate_embed::Provider>);

#[uniffi::export]
impl Provider {
    /// A provider with what its calls need.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] when its `base_url` cannot be one.
    #[uniffi::constructor]
    pub fn new(kind: ProviderKind, settings: ProviderSettings) -> Result<Self, SendgateError> {
        let ProviderSettings { credential, base_url, domain, account_id, region } = settings;
        let settings = sendgate_embed::ProviderSettings { credential, base_url, domain, account_id, region };
        Ok(Self(Arc::new(sendgate_embed::Provider::new(kind.as_str(), settings, sendgate_mime::compose)?)))
    }

    /// Which provider it is.
    #[must_use]
    pub fn kind(&self) -> ProviderKind {
        self.0.kind()
    }

    /// What the message needs and the provider lacks, in words that do not change; empty when it can be sent as it is.
    ///
    /// # Errors
    /// None that a message which was read can have.
    pub fn gaps(&self, message: &Message) -> Result<Vec<String>, SendgateError> {
        Ok(self.0.gaps(&message.to_json())?.into_iter().map(str::to_owned).collect())
    }

    /// The call that hands a message to the provider. `message_id` is the caller's own id of it: the idempotency key where
    /// there is one. The same arguments give the same bytes; `now` signs what is signed.
    ///
    /// # Errors
    /// [`SendgateError::UnsupportedFeature`], [`SendgateError::CannotBuild`].
    pub fn build(&self, message: &Message, message_id: &str, now: UnixMillis) -> Result<Request, SendgateError> {
        Ok(self.0.build(&message.to_json(), message_id, now)?.try_into()?)
    }

    /// The call that hands several messages to the provider at once.
    ///
    /// # Errors
    /// As `build`; the code is `not_together` when they cannot share a call.
    pub fn build_batch(&self, messages: Vec<Addressed>, now: UnixMillis) -> Result<Request, SendgateError> {
        let texts: Vec<_> = messages.iter().map(|one| (one.message.to_json(), &one.message_id)).collect();
        let pairs: Vec<_> = texts.iter().map(|(json, id)| (json.as_str(), id.as_str())).collect();
        Ok(self.0.build_batch(&pairs, now)?.try_into()?)
    }

    /// What an HTTP answer means. Any answer has a meaning.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] for a status beyond 65535.
    pub fn classify(&self, response: HttpResponse, now: UnixMillis) -> Result<Answer, SendgateError> {
        Ok(self.0.classify(&answer(response)?, now).into())
    }

    /// What an HTTP answer to a call of `count` messages means for each of them.
    ///
    /// # Errors
    /// [`SendgateError::InvalidArgument`] for more than one call of this provider carries.
    pub fn classify_batch(
        &self,
        response: HttpResponse,
        count: Units,
        now: UnixMillis,
    ) -> Result<Vec<Answer>, SendgateError> {
        let count = usize::try_from(count.0).unwrap_or(usize::MAX);
        Ok(self.0.classify_batch(&answer(response)?, count, now)?.into_iter().map(Answer::from).collect())
    }

    /// Verifies a report and reads its events. `body` is the request's body as it came, not a byte changed; `certificate`
    /// is what `NeedsCertificate` asked for.
    ///
    /// # Errors
    /// [`SendgateError::WebhookRefused`]; nothing of the request may be believed.
    #[uniffi::method(default(certificate = None))]
    pub fn parse_webhook(
        &self,
        headers: HashMap<String, String>,
        body: Vec<u8>,
        trust: Trust,
        now: UnixMillis,
        certificate: Option<Certificate>,
    ) -> Result<Report, SendgateError> {
        let certificate = certificate.as_ref().map(|found| (found.url.as_str(), found.pem.as_str()));
        Ok(self.0.parse_webhook(&pairs(headers), &body, &trust.into(), certificate, now)?.into())
    }
}

/// What having no answer means: the same for every provider.
#[uniffi::export]
#[must_use]
pub fn classify_failure(failure: TransportError) -> Answer {
    TransportFailure::from(failure).answer().into()
}

/// The stable word of a provider, as configurations have it.
#[uniffi::export]
#[must_use]
pub fn provider_word(kind: ProviderKind) -> String {
    kind.as_str().into()
}
