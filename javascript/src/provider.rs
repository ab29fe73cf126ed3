//! What goes to a provider, what its answer means, and its reports.

use crate::{
    error,
    message::Message,
    values::{headers, instant, whole},
};
use sendgate_core::{
    event::{self, Certificate, Incoming, Received, Trust},
    http::{HttpRequest, HttpResponse},
    outcome::{Answer, Outcome, Refused},
    provider::{self, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::{Call, MailServer, Reply, Security, SmtpCall},
};
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;

/// A provider with what its calls need.
#[wasm_bindgen]
pub struct Provider {
    kind: ProviderKind,
    given: Given,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    kind: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    base_url: String,
    domain: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
}

/// A call to carry out: its fields as JSON, and its bytes.
#[wasm_bindgen]
pub struct Request {
    fields: String,
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Believed {
    #[serde(default)]
    secrets: Vec<String>,
    header: Option<String>,
    #[serde(default)]
    topics: Vec<String>,
    roots: Option<String>,
    tolerance_ms: Option<f64>,
    certificate: Option<(String, String)>,
}

#[wasm_bindgen]
impl Provider {
    /// # Errors
    /// There is no such provider, or its base URL cannot be one.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: &str) -> Result<Self, JsValue> {
        let mut given: Given = serde_json::from_str(settings)
            .map_err(|error| error::argument("settings", &format!("cannot be read: {error}")))?;
        let Some(kind) = ProviderKind::ALL.into_iter().find(|known| known.as_str() == given.kind) else {
            let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
            return Err(error::variant(&format!("there is no such provider; there are {known}")));
        };
        if given.base_url.is_empty() {
            given.base_url = kind.default_base_url().unwrap_or_default().into();
        } else if let Some(fault) = kind.base_url_fault(&given.base_url) {
            return Err(error::provider("base_url", fault));
        }
        Ok(Self { kind, given })
    }

    /// What the message needs and the provider lacks, as a JSON list.
    #[must_use]
    pub fn gaps(&self, message: &Message) -> String {
        let gaps = provider::check(self.kind, &message.0).err().unwrap_or_default();
        gaps.into_iter().map(|gap| Value::from(gap.feature)).collect::<Value>().to_string()
    }

    /// The call that hands the message over.
    ///
    /// # Errors
    /// The provider lacks something, or a setting is missing.
    pub fn build(&self, message: &Message, message_id: &str, now: f64) -> Result<Request, JsValue> {
        let message = &message.0;
        let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
        let dispatch = Dispatch { message_id, message, to: &to, cc: &cc, bcc: &bcc };
        let call = provider::build(self.kind, &self.target(), &dispatch, instant(now)).map_err(error::build)?;
        Request::of(call)
    }

    /// The call that hands several messages over: a JSON list of each one's text and id.
    ///
    /// # Errors
    /// As `build`, and when they cannot share a call.
    pub fn build_batch(&self, messages: &str, now: f64) -> Result<Request, JsValue> {
        let given: Vec<(String, String)> = serde_json::from_str(messages)
            .map_err(|_| error::argument("messages", "must be a list of a message and its id each"))?;
        let messages: Vec<_> = given.iter().map(|(text, _)| Message::new(text)).collect::<Result<_, _>>()?;
        let people: Vec<_> = messages
            .iter()
            .map(|Message(message)| {
                [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>())
            })
            .collect();
        let parts = messages.iter().zip(&given).zip(&people);
        let dispatches: Vec<_> = parts
            .map(|((Message(message), (_, message_id)), [to, cc, bcc])| Dispatch { message_id, message, to, cc, bcc })
            .collect();
        let call = provider::build_batch(self.kind, &self.target(), &dispatches, instant(now)).map_err(error::build)?;
        Request::of(call)
    }

    /// What an HTTP answer means, as JSON.
    ///
    /// # Errors
    /// The header fields are none.
    pub fn classify(&self, status: u16, fields: &str, body: Vec<u8>, now: f64) -> Result<String, JsValue> {
        let reply = Reply::Http(HttpResponse { status, headers: headers(fields)?, body });
        Ok(answer(provider::classify(self.kind, &reply, instant(now))).to_string())
    }

    /// What an HTTP answer to a batch means for each message, as JSON.
    ///
    /// # Errors
    /// The header fields are none, or there are more messages than a call carries.
    pub fn classify_batch(
        &self,
        status: u16,
        fields: &str,
        body: Vec<u8>,
        count: usize,
        now: f64,
    ) -> Result<String, JsValue> {
        let most = provider::bounds(self.kind).messages;
        if count > most {
            return Err(error::argument("count", &format!("must be at most {most}, the most of this provider's call")));
        }
        let reply = Reply::Http(HttpResponse { status, headers: headers(fields)?, body });
        let answers = provider::classify_batch(self.kind, &reply, count, instant(now));
        Ok(answers.into_iter().map(answer).collect::<Value>().to_string())
    }

    /// Verifies a report and reads its events, as JSON.
    ///
    /// # Errors
    /// It is not to be believed.
    pub fn parse_webhook(&self, fields: &str, body: &[u8], believed: &str, now: f64) -> Result<String, JsValue> {
        let Believed { secrets, header, topics, roots, tolerance_ms, certificate } = serde_json::from_str(believed)
            .map_err(|error| error::argument("options", &format!("cannot be read: {error}")))?;
        let trust = Trust { secrets, header, tolerance_ms: tolerance_ms.map(whole), topics, anchors: roots };
        let certificate = certificate.as_ref().map(|(url, pem)| Certificate { url, pem });
        let fields = headers(fields)?;
        let incoming = Incoming { headers: &fields, body };
        let received = event::receive(self.kind, &trust, &incoming, certificate, instant(now));
        let report = match received.map_err(error::webhook)? {
            Received::Events(events) => json!({ "events": events.into_iter().map(event_of).collect::<Value>() }),
            Received::NeedsCertificate { url } => json!({ "needsCertificate": url }),
            Received::Confirm { url } => json!({ "confirm": url }),
        };
        Ok(report.to_string())
    }
}

impl Provider {
    fn target(&self) -> Target<'_> {
        let Given { kind: _, credential, base_url, domain, account_id, region } = &self.given;
        Target {
            base_url,
            credential,
            domain: domain.as_deref(),
            account_id: account_id.as_deref(),
            region: region.as_deref(),
            compose: Some(sendgate_mime::compose),
        }
    }
}

#[wasm_bindgen]
impl Request {
    /// JSON.
    #[must_use]
    pub fn fields(&self) -> String {
        self.fields.clone()
    }

    /// The body, or the mail.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

impl Request {
    pub(crate) fn of(call: Call) -> Result<Self, JsValue> {
        match call {
            Call::Http(HttpRequest { method, url, headers, body }) => {
                let fields = json!({ "kind": "http", "method": method, "url": url, "headers": headers });
                Ok(Self { fields: fields.to_string(), bytes: body })
            }
            Call::Smtp(call) => {
                let SmtpCall { server, hello: _, from, recipients, needs_smtputf8, data } = *call;
                let MailServer { host, port, security, login } = server;
                let security = match security {
                    Security::Implicit => "implicit",
                    Security::StartTls => "starttls",
                    Security::None => "none",
                };
                let fields = json!({
                    "kind": "smtp", "host": host, "port": port, "security": security, "login": login, "sender": from,
                    "recipients": recipients, "needsSmtputf8": needs_smtputf8,
                });
                Ok(Self { fields: fields.to_string(), bytes: data })
            }
            Call::Binding(_) => Err(error::provider("kind", "is a binding of a Worker, which only a Worker can call")),
        }
    }
}

fn answer(answer: Answer) -> Value {
    let Answer { outcome, status, provider_code, refused } = answer;
    let refused = refused.into_iter().map(|Refused { address, reason, bounce: _ }| json!([address, reason.word()]));
    json!({
        "outcome": outcome.word(),
        "retryAt": outcome.retry_at().map(UnixMillis::as_millis),
        "providerMessageId": match &outcome {
            Outcome::Accepted { provider_message_id } => provider_message_id.as_deref(),
            Outcome::Throttled { .. }
            | Outcome::Transient { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::CredentialsWrong
            | Outcome::SenderRefused
            | Outcome::RecipientSuppressed
            | Outcome::PermanentlyRefused
            | Outcome::Split
            | Outcome::Unknown => None,
        },
        "status": status,
        "providerCode": provider_code,
        "refused": refused.collect::<Value>(),
    })
}

/// As the wheel shows an event.
fn event_of(event: event::Event) -> Value {
    let event::Event {
        provider,
        kind,
        key,
        at,
        provider_message_id,
        message_id,
        recipient,
        bounce,
        is_echo,
        is_candidate,
        sender_domain: _,
        reject: _,
        ip: _,
        digest: _,
    } = event;
    json!({
        "provider": provider.as_str(),
        "kind": kind.word(),
        "key": key,
        "at": at.as_millis(),
        "providerMessageId": provider_message_id,
        "messageId": message_id.map(|id| id.to_string()),
        "recipient": recipient,
        "bounceClass": bounce.map(|bounce| bounce.class.word()),
        "isEcho": is_echo,
        "isCandidate": is_candidate,
    })
}
