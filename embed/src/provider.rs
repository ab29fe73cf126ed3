//! A provider with what its calls need: what goes to it, what its answers mean, and what it reports.

use crate::{Failure, FailureKind};
use core::fmt;
use sendgate_core::{
    event::{self, Certificate, Incoming, Received, Trust},
    message::Message,
    outcome::Answer,
    provider::{self, Compose, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::{Call, Reply},
};
use serde_json::{Map, Value, json};

/// What a provider's calls need. Which of it, is the provider's to say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Its key or token; parts stand with colons between them.
    pub credential: String,
    /// Where its API is, when not at the usual place.
    pub base_url: Option<String>,
    /// Mailgun's sending domain.
    pub domain: Option<String>,
    /// Cloudflare's account id.
    pub account_id: Option<String>,
    /// The AWS region, where the base URL does not name it.
    pub region: Option<String>,
}

/// Hides the credential.
impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSettings(..)")
    }
}

/// A provider that Sendgate speaks to, with its settings.
#[derive(Debug)]
pub struct Provider {
    kind: ProviderKind,
    settings: ProviderSettings,
    base_url: String,
    compose: Compose,
}

impl Provider {
    /// The provider of this word. `compose` writes MIME text for providers that take one.
    ///
    /// # Errors
    /// No such provider, or a base URL that cannot be one.
    pub fn new(kind: &str, settings: ProviderSettings, compose: Compose) -> Result<Self, Failure> {
        let Some(kind) = ProviderKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
            let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
            return Err(Failure::argument("unknown_variant", &format!("there is no such provider; there are {known}")));
        };
        let base_url = settings.base_url.clone().or_else(|| kind.default_base_url().map(str::to_owned));
        let base_url = base_url.unwrap_or_default();
        if let Some(fault) = kind.base_url_fault(&base_url).filter(|_| !base_url.is_empty()) {
            return Err(Failure::argument("provider_incomplete", &format!("base_url {fault}")));
        }
        Ok(Self { kind, settings, base_url, compose })
    }

    /// Which provider it is.
    #[must_use]
    pub const fn kind(&self) -> ProviderKind {
        self.kind
    }

    /// What the message needs and the provider lacks, in words that do not change; empty when it can be sent as it is.
    ///
    /// # Errors
    /// The message cannot be read.
    pub fn gaps(&self, message_json: &str) -> Result<Vec<&'static str>, Failure> {
        let gaps = provider::check(self.kind, &Message::parse(message_json)?).err().unwrap_or_default();
        Ok(gaps.into_iter().map(|gap| gap.feature).collect())
    }

    /// The call that hands a message to the provider. `message_id` is the caller's own id of it: the idempotency key where
    /// there is one.
    ///
    /// # Errors
    /// The message cannot be read, or no call can be built of it.
    pub fn build(&self, message_json: &str, message_id: &str, now: UnixMillis) -> Result<Call, Failure> {
        let message = Message::parse(message_json)?;
        let [to, cc, bcc] = people(&message);
        let dispatch = Dispatch { message_id, message: &message, to: &to, cc: &cc, bcc: &bcc };
        host_call(provider::build(self.kind, &self.target(), &dispatch, now)?)
    }

    /// The call that hands several messages, each with its id, to the provider at once.
    ///
    /// # Errors
    /// As [`Provider::build`]; the code is `not_together` when they cannot share a call.
    pub fn build_batch(&self, messages: &[(&str, &str)], now: UnixMillis) -> Result<Call, Failure> {
        let read = messages.iter().map(|(json, id)| Ok((Message::parse(json)?, *id)));
        let read = read.collect::<Result<Vec<_>, Failure>>()?;
        let lists: Vec<_> = read.iter().map(|(message, _)| people(message)).collect();
        let dispatches = read.iter().zip(&lists).map(|((message, message_id), [to, cc, bcc])| Dispatch {
            message_id,
            message,
            to,
            cc,
            bcc,
        });
        host_call(provider::build_batch(self.kind, &self.target(), &dispatches.collect::<Vec<_>>(), now)?)
    }

    /// What an answer means. Any answer has a meaning.
    #[must_use]
    pub fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        provider::classify(self.kind, reply, now)
    }

    /// What an answer to a call of `count` messages means for each of them.
    ///
    /// # Errors
    /// More than one call of this provider carries.
    pub fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Result<Vec<Answer>, Failure> {
        let most = provider::bounds(self.kind).messages;
        if count > most {
            let detail = format!("count must be at most {most}, the most of this provider's call, got {count}");
            return Err(Failure::argument("too_many_messages", &detail));
        }
        Ok(provider::classify_batch(self.kind, reply, count, now))
    }

    /// Verifies a report and reads its events. `body` is the request's body as it came, not a byte changed; `certificate`
    /// is the URL and the PEM that [`Received::NeedsCertificate`] asked for.
    ///
    /// # Errors
    /// [`FailureKind::WebhookRefused`]; nothing of the request may be believed.
    pub fn parse_webhook(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        trust: &Trust,
        certificate: Option<(&str, &str)>,
        now: UnixMillis,
    ) -> Result<Received, Failure> {
        let certificate = certificate.map(|(url, pem)| Certificate { url, pem });
        Ok(event::receive(self.kind, trust, &Incoming { headers, body }, certificate, now)?)
    }

    /// A [`Mailroom`](crate::Mailroom)'s configuration with this provider alone; [`Provider::secret`] answers for the name
    /// that it has instead of a credential. `profile` names built-in limits of the provider.
    #[must_use]
    pub fn account(&self, profile: Option<&str>) -> String {
        let given = [
            ("base_url", Some(self.base_url.as_str()).filter(|url| !url.is_empty())),
            ("domain", self.settings.domain.as_deref()),
            ("account_id", self.settings.account_id.as_deref()),
            ("region", self.settings.region.as_deref()),
            ("profile", profile),
            ("credential", Some(CREDENTIAL).filter(|_| !self.settings.credential.is_empty())),
        ];
        let given = given.into_iter().filter_map(|(field, value)| Some((field.into(), value?.into())));
        let mut fields: Map<String, Value> = given.collect();
        fields.insert("kind".into(), self.kind.as_str().into());
        json!({ "providers": [fields] }).to_string()
    }

    /// The value of a secret that [`Provider::account`] names.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<String> {
        (name == CREDENTIAL).then(|| self.settings.credential.clone())
    }

    fn target(&self) -> Target<'_> {
        Target {
            domain: self.settings.domain.as_deref(),
            account_id: self.settings.account_id.as_deref(),
            region: self.settings.region.as_deref(),
            compose: Some(self.compose),
            ..Target::new(&self.base_url, &self.settings.credential)
        }
    }
}

fn people(message: &Message) -> [Vec<&sendgate_core::address::Mailbox>; 3] {
    [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect())
}

/// A call that a process can carry out.
fn host_call(call: Call) -> Result<Call, Failure> {
    match call {
        Call::Http(_) | Call::Smtp(_) => Ok(call),
        Call::Binding(_) => {
            let detail = "kind is a binding of a Worker, which only a Worker can call";
            Err(Failure::new(FailureKind::CannotBuild, "provider_incomplete", &detail))
        }
    }
}

/// What the credential is called in the configuration that is made of a provider.
const CREDENTIAL: &str = "credential";

#[cfg(test)]
mod tests {
    use super::*;
    use sendgate_core::{http::HttpResponse, outcome::Outcome};

    const NOON: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const MESSAGE: &str = r#"{"from":"a@shop.example","to":["ann@example.com"],"subject":"Hi","text_body":"Hello"}"#;

    fn provider(kind: &str) -> Provider {
        let settings = ProviderSettings { credential: "key_1".into(), ..ProviderSettings::default() };
        Provider::new(kind, settings, sendgate_mime::compose).unwrap()
    }

    #[test]
    fn a_message_becomes_a_call_and_its_answer_a_class() {
        let resend = provider("resend");
        let Call::Http(request) = resend.build(MESSAGE, "id-1", NOON).unwrap() else { panic!("no HTTP") };
        assert_eq!(request.url, "https://api.resend.com/emails");
        let response = HttpResponse { status: 200, headers: vec![], body: br#"{"id":"re_1"}"#.to_vec() };
        let answer = resend.classify(&response.into(), NOON);
        assert_eq!(answer.outcome, Outcome::Accepted { provider_message_id: Some("re_1".into()) });
    }

    #[test]
    fn what_cannot_be_is_a_failure_with_its_word() {
        let none = Provider::new("carrier_pigeon", ProviderSettings::default(), sendgate_mime::compose);
        assert_eq!(none.unwrap_err().code, "unknown_variant");
        let settings = ProviderSettings { base_url: Some("http://api.example".into()), ..ProviderSettings::default() };
        assert_eq!(Provider::new("resend", settings, sendgate_mime::compose).unwrap_err().code, "provider_incomplete");
        let failure = provider("resend").build(r#"{"from":"a@shop.example"}"#, "id-1", NOON).unwrap_err();
        assert!(matches!(failure.kind, FailureKind::InvalidMessage { .. }), "{failure:?}");
        let failure = provider("cloudflare_binding").build(MESSAGE, "id-1", NOON).unwrap_err();
        assert_eq!(failure.kind, FailureKind::CannotBuild, "{failure:?}");
    }

    #[test]
    fn a_configuration_made_of_a_provider_holds_no_credential() {
        let resend = provider("resend");
        assert!(!resend.account(None).contains("key_1"));
        assert_eq!(resend.secret("credential").as_deref(), Some("key_1"));
        assert_eq!(resend.secret("other"), None);
    }
}
