//! From what a provider says to the bytes it posts: signatures, made or forged.

use super::{Provider, keys::Keys, ses::Envelope, settings::Hook};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use p256::ecdsa::{Signature, signature::Signer};
use rsa::Pkcs1v15Sign;
use sendgate_core::time::UnixMillis;
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a webhook is made wrong, to see whether its receiver notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forge {
    /// A byte of what it says is changed after signing.
    Body,
    /// A digit of the signature is changed.
    Signature,
    /// It is signed as of two days ago.
    Stale,
    /// It is signed with another key.
    Key,
}

impl Forge {
    pub(crate) const ALL: [(Self, &'static str); 4] =
        [(Self::Body, "body"), (Self::Signature, "signature"), (Self::Stale, "stale"), (Self::Key, "key")];

    /// The forgery with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(forge, _)| forge)
    }
}

/// A webhook before its signature.
pub(crate) struct Unsealed<'a> {
    pub(crate) provider: Provider,
    pub(crate) event: &'a str,
    pub(crate) payload: &'a str,
    /// The number of the first post of this event: a replay has it, too.
    pub(crate) origin: u64,
    /// When that was made.
    pub(crate) made: UnixMillis,
    pub(crate) forge: Option<Forge>,
}

/// What is posted.
pub(crate) struct Sealed {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What seals it.
pub(crate) struct Sealer<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) hook: &'a Hook,
    /// Where this program answers.
    pub(crate) base_url: &'a str,
}

impl Sealer<'_> {
    /// Signs a webhook that is posted at `now`.
    ///
    /// Where the real signature is made once (Mailgun's and SNS's are in the body) a retry has the same bytes; where it has
    /// the time of sending (SendGrid, Svix) a retry is signed anew.
    pub(crate) fn seal(&self, post: &Unsealed<'_>, now: UnixMillis) -> Result<Sealed, String> {
        let mut sealed = match post.provider {
            Provider::SendGrid => self.sendgrid(post, now)?,
            Provider::Mailgun => self.mailgun(post)?,
            Provider::Postmark | Provider::Brevo | Provider::SparkPost => self.basic(post),
            Provider::Ses => self.ses(post)?,
            Provider::Resend => self.resend(post, now)?,
            Provider::MailerSend => self.over_body(post, "signature")?,
            Provider::Mailtrap => self.over_body(post, "mailtrap-signature")?,
            Provider::Sandbox => self.sandbox(post, now)?,
            // Whoever reads a queue is its owner.
            Provider::Cloudflare => Sealed { headers: vec![of_type("application/json")], body: post.payload.into() },
            Provider::Smtp => Sealed { headers: vec![of_type("message/rfc822")], body: post.payload.into() },
        };
        if post.forge == Some(Forge::Body) {
            forge_body(&mut sealed.body);
        }
        Ok(sealed)
    }

    fn sendgrid(&self, post: &Unsealed<'_>, now: UnixMillis) -> Result<Sealed, String> {
        let timestamp = seconds(post, now);
        // The real bodies end so, and the signature is over every byte.
        let body = format!("{}\r\n", post.payload).into_bytes();
        let key = self.keys.sendgrid(post.forge == Some(Forge::Key))?;
        let signature: Signature = key.sign(&[timestamp.as_bytes(), &body].concat());
        let signature = forged_digit(post, STANDARD.encode(signature.to_der().as_bytes()));
        let headers = vec![
            of_type("application/json"),
            field("x-twilio-email-event-webhook-signature", signature),
            field("x-twilio-email-event-webhook-timestamp", timestamp),
        ];
        Ok(Sealed { headers, body })
    }

    /// HMAC over timestamp and token: the event itself is not covered.
    fn mailgun(&self, post: &Unsealed<'_>) -> Result<Sealed, String> {
        let timestamp = seconds(post, post.made);
        let token = self.keys.hex(&format!("mailgun token {}", post.origin), 50);
        let mut key = self.hook.secret("signing_key").map_or_else(|| self.keys.secret(post.provider), String::from);
        if post.forge == Some(Forge::Key) {
            key.push('x');
        }
        let mac = hmac_sha256(key.as_bytes(), format!("{timestamp}{token}").as_bytes())?;
        let signature = forged_digit(post, hex(&mac));
        let event: Value = serde_json::from_str(post.payload).map_err(|error| error.to_string())?;
        let body = json!({
            "signature": { "timestamp": timestamp, "token": token, "signature": signature },
            "event-data": event,
        });
        Ok(Sealed { headers: vec![of_type("application/json")], body: body.to_string().into_bytes() })
    }

    /// No signature: a name and a password, and a header field when one was set.
    fn basic(&self, post: &Unsealed<'_>) -> Sealed {
        let wrong = matches!(post.forge, Some(Forge::Signature | Forge::Key));
        let spoil = |secret: String| if wrong { format!("{secret}x") } else { secret };
        let user = self.hook.secret("user").unwrap_or(USER);
        let password = self.hook.secret("password").map_or_else(|| self.keys.password(post.provider), String::from);
        let credential = STANDARD.encode(format!("{user}:{}", spoil(password)));
        let mut headers = vec![of_type("application/json"), field("authorization", format!("Basic {credential}"))];
        if let (Some(name), Some(value)) = (self.hook.secret("header_name"), self.hook.secret("header_value")) {
            headers.push(field(name, spoil(value.to_string())));
        }
        if post.provider == Provider::SparkPost {
            let batch = uuid(&self.keys.hex(&format!("sparkpost batch {}", post.origin), 32));
            headers.push(field("x-messagesystems-batch-id", batch));
        }
        Sealed { headers, body: post.payload.into() }
    }

    /// HMAC over the body, in hex; nothing in it is dated.
    fn over_body(&self, post: &Unsealed<'_>, name: &str) -> Result<Sealed, String> {
        let mac = hmac_sha256(self.secret(post).as_bytes(), post.payload.as_bytes())?;
        let headers = vec![of_type("application/json"), field(name, forged_digit(post, hex(&mac)))];
        Ok(Sealed { headers, body: post.payload.into() })
    }

    /// HMAC over timestamp, a dot and the body, in hex.
    fn sandbox(&self, post: &Unsealed<'_>, now: UnixMillis) -> Result<Sealed, String> {
        let timestamp = seconds(post, now);
        let mac = hmac_sha256(self.secret(post).as_bytes(), format!("{timestamp}.{}", post.payload).as_bytes())?;
        let headers = vec![
            of_type("application/json"),
            field("x-sandbox-timestamp", timestamp),
            field("x-sandbox-signature", forged_digit(post, hex(&mac))),
        ];
        Ok(Sealed { headers, body: post.payload.into() })
    }

    /// A secret that is any text, or another for the forgery.
    fn secret(&self, post: &Unsealed<'_>) -> String {
        let mut secret = self.hook.secret("secret").map_or_else(|| self.keys.secret(post.provider), String::from);
        if post.forge == Some(Forge::Key) {
            secret.push('x');
        }
        secret
    }

    /// Svix: HMAC over id, timestamp and body.
    fn resend(&self, post: &Unsealed<'_>, now: UnixMillis) -> Result<Sealed, String> {
        let id = format!("msg_{}", self.keys.hex(&format!("svix id {}", post.origin), 27));
        let timestamp = seconds(post, now);
        let secret = self.hook.secret("secret").map_or_else(|| self.keys.resend(), String::from);
        let encoded = secret.strip_prefix("whsec_").unwrap_or(&secret);
        let mut key = STANDARD.decode(encoded).map_err(|_| "the secret is not whsec_ and base64".to_string())?;
        if post.forge == Some(Forge::Key) {
            key.push(b'x');
        }
        let signed = [format!("{id}.{timestamp}.").as_bytes(), post.payload.as_bytes()].concat();
        let signature = forged_digit(post, STANDARD.encode(hmac_sha256(&key, &signed)?));
        let headers = vec![
            of_type("application/json"),
            field("svix-id", id),
            field("svix-timestamp", timestamp),
            field("svix-signature", format!("v1,{signature}")),
        ];
        Ok(Sealed { headers, body: post.payload.into() })
    }

    fn ses(&self, post: &Unsealed<'_>) -> Result<Sealed, String> {
        let message_id = uuid(&self.keys.hex(&format!("sns id {}", post.origin), 32));
        let topic = self.hook.secret("topic_arn").unwrap_or(DEFAULT_TOPIC);
        let confirms = post.event == CONFIRMATION;
        let token = post.payload;
        let url = format!("{}/sandbox/ses?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", self.base_url);
        let greeting = format!(
            "You have chosen to subscribe to the topic {topic}.\n\
             To confirm the subscription, visit the SubscribeURL included in this message."
        );
        let envelope = Envelope {
            kind: if confirms { CONFIRMATION } else { "Notification" },
            message_id: &message_id,
            topic,
            message: if confirms { &greeting } else { post.payload },
            at: if post.forge == Some(Forge::Stale) { long_before(post.made) } else { post.made },
            confirmation: confirms.then_some((token, url.as_str())),
        };
        let mut members: Map<String, Value> =
            envelope.signed().into_iter().map(|(name, value)| (name.to_string(), Value::from(value))).collect();
        let version = self.hook.secret("signature_version").unwrap_or("1");
        let key = self.keys.sns(post.forge == Some(Forge::Key))?;
        let signature = match version {
            "2" => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(envelope.text())),
            _ => key.sign(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(envelope.text())),
        };
        let signature = STANDARD.encode(signature.map_err(|error| error.to_string())?);
        let certificate = format!("{}{CERTIFICATE_PATH}", self.base_url);
        for (name, value) in [
            ("SignatureVersion", version.to_string()),
            ("Signature", forged_digit(post, signature)),
            ("SigningCertURL", self.hook.secret("certificate_url").map_or(certificate, String::from)),
        ] {
            members.insert(name.to_string(), value.into());
        }
        let headers = vec![
            of_type("text/plain; charset=UTF-8"),
            field("x-amz-sns-message-type", envelope.kind),
            field("x-amz-sns-message-id", &*message_id),
            field("x-amz-sns-topic-arn", topic),
        ];
        Ok(Sealed { headers, body: Value::Object(members).to_string().into_bytes() })
    }
}

/// The whole seconds of `at`, or of long before for a stale one.
fn seconds(post: &Unsealed<'_>, at: UnixMillis) -> String {
    let at = if post.forge == Some(Forge::Stale) { long_before(at) } else { at };
    (at.as_millis() / 1000).to_string()
}

fn long_before(at: UnixMillis) -> UnixMillis {
    UnixMillis::new(at.as_millis().saturating_sub(STALE_MS))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature with its first digit changed, when that is the forgery. Both 0 and 1 are digits of hex and of base64.
fn forged_digit(post: &Unsealed<'_>, signature: String) -> String {
    if post.forge != Some(Forge::Signature) {
        return signature;
    }
    let other = if signature.starts_with('0') { '1' } else { '0' };
    std::iter::once(other).chain(signature.chars().skip(1)).collect()
}

/// Changes a letter of the last address, so that JSON stays JSON; without an address, the last letter.
fn forge_body(body: &mut [u8]) {
    let at = body.iter().rposition(|byte| *byte == b'@').and_then(|at| at.checked_sub(1));
    let at = at.or_else(|| body.iter().rposition(u8::is_ascii_alphanumeric));
    if let Some(byte) = at.and_then(|at| body.get_mut(at)) {
        *byte = if *byte == b'x' { b'y' } else { b'x' };
    }
}

/// 32 hex digits as a UUID.
pub(crate) fn uuid(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn of_type(media_type: &str) -> (String, String) {
    field("content-type", media_type)
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_string(), value.into())
}

/// The user name of webhooks that have a password.
pub(crate) const USER: &str = "simulator";
/// The event that asks a receiver to confirm; its payload is the token.
pub(crate) const CONFIRMATION: &str = "SubscriptionConfirmation";
/// Where SNS's certificate is.
pub(crate) const CERTIFICATE_PATH: &str = "/sandbox/ses/SimpleNotificationService-x.pem";
/// Two days: no provider tries for longer, so no receiver has to believe it.
const STALE_MS: u64 = 172_800_000;
/// A topic of AWS's example account.
const DEFAULT_TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:simulator";
