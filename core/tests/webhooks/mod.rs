//! The providers' side: fixtures of what they report, and their signatures made with test keys.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
use rsa::{RsaPrivateKey, pkcs1v15, pkcs8::DecodePrivateKey, signature::SignatureEncoding};
use sendgate_core::{event::Trust, provider::ProviderKind, time::UnixMillis};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// 2026-12-01T10:00:05Z: four seconds after the fixtures' events.
pub const NOW: UnixMillis = UnixMillis::new(1_796_119_205_000);
/// When the test signs.
pub const SIGNED: u64 = 1_796_119_204;
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:ses-events";
pub const CERTIFICATE_URL: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0000.pem";
const SECRET: &str = "a-webhook-secret";
const BASIC: &str = "hook:p4ssword";

/// A request as the provider would send it.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One thing a provider reports, and what it means.
#[derive(Clone, Debug)]
pub struct Fixture {
    pub provider: ProviderKind,
    pub id: String,
    pub body: Value,
    pub want: Vec<Value>,
}

/// Every fixture there is.
pub fn fixtures() -> Vec<Fixture> {
    FILES
        .iter()
        .flat_map(|(provider, text)| {
            let file: Value = serde_json::from_str(text).unwrap();
            let list = file["fixtures"].as_array().unwrap().clone();
            list.into_iter()
                .map(|fixture| Fixture {
                    provider: *provider,
                    id: fixture["id"].as_str().unwrap().into(),
                    body: fixture["body"].clone(),
                    want: fixture["want"].as_array().unwrap().clone(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

pub fn fixture(provider: ProviderKind, id: &str) -> Fixture {
    fixtures().into_iter().find(|fixture| fixture.provider == provider && fixture.id == id).unwrap()
}

/// Vectors that others signed.
pub fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../data/webhooks/vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// A test key or certificate by its name in `keys.json`.
pub fn key(name: &str) -> String {
    let file: Value = serde_json::from_str(include_str!("../data/webhooks/keys.json")).unwrap();
    file[name].as_str().unwrap().into()
}

/// The secret as the account's owner would bind it.
pub fn secret(provider: ProviderKind) -> String {
    match provider {
        ProviderKind::Sendgrid => {
            let point = sendgrid_key().verifying_key().to_encoded_point(false);
            STANDARD.encode([P256_INFO.as_slice(), point.as_bytes()].concat())
        }
        ProviderKind::Resend => format!("whsec_{}", STANDARD.encode(SECRET.as_bytes())),
        ProviderKind::Postmark | ProviderKind::Brevo | ProviderKind::Sparkpost | ProviderKind::Smtp => BASIC.into(),
        _ => SECRET.into(),
    }
}

pub fn trust(provider: ProviderKind) -> Trust {
    Trust {
        secrets: vec![secret(provider)],
        topics: vec![TOPIC.into()],
        anchors: Some(key("root")),
        ..Trust::default()
    }
}

/// The request that reports a fixture, signed at [`SIGNED`].
pub fn sign(fixture: &Fixture) -> Signed {
    sign_at(fixture.provider, &fixture.id, &fixture.body, SIGNED)
}

pub fn sign_at(provider: ProviderKind, id: &str, body: &Value, seconds: u64) -> Signed {
    let text = body.to_string().into_bytes();
    let stamp = seconds.to_string();
    let pair = |name: &str, value: String| (name.to_string(), value);
    let hex_hmac = |parts: &[&[u8]]| hex(&hmac(SECRET.as_bytes(), parts));
    match provider {
        ProviderKind::Sendgrid => {
            let signature: DerSignature = sendgrid_key().sign(&[stamp.as_bytes(), &text].concat());
            let headers = vec![
                pair("X-Twilio-Email-Event-Webhook-Signature", STANDARD.encode(signature.as_bytes())),
                pair("X-Twilio-Email-Event-Webhook-Timestamp", stamp),
            ];
            Signed { headers, body: text }
        }
        ProviderKind::Mailgun => {
            let token = hex(&Sha256::digest(id.as_bytes()))[..50].to_string();
            let signature = hex_hmac(&[stamp.as_bytes(), token.as_bytes()]);
            let body =
                json!({"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": body});
            Signed { headers: Vec::new(), body: body.to_string().into_bytes() }
        }
        ProviderKind::Ses => sns(id, "Notification", "2", &json!({"Message": body.to_string()}), seconds),
        ProviderKind::Resend => {
            let tag = hmac(SECRET.as_bytes(), &[id.as_bytes(), b".", stamp.as_bytes(), b".", &text]);
            let headers = vec![
                pair("svix-id", id.into()),
                pair("svix-timestamp", stamp),
                pair("svix-signature", format!("v1,{}", STANDARD.encode(&tag))),
            ];
            Signed { headers, body: text }
        }
        ProviderKind::Mailersend => Signed { headers: vec![pair("Signature", hex_hmac(&[&text]))], body: text },
        ProviderKind::Mailtrap => Signed { headers: vec![pair("Mailtrap-Signature", hex_hmac(&[&text]))], body: text },
        ProviderKind::Sandbox => {
            let tag = hex_hmac(&[stamp.as_bytes(), b".", &text]);
            Signed { headers: vec![pair("X-Sandbox-Timestamp", stamp), pair("X-Sandbox-Signature", tag)], body: text }
        }
        ProviderKind::Postmark | ProviderKind::Brevo | ProviderKind::Sparkpost | ProviderKind::Smtp => {
            Signed { headers: vec![basic()], body: text }
        }
        ProviderKind::Cloudflare | ProviderKind::CloudflareBinding => Signed { headers: Vec::new(), body: text },
    }
}

/// The header of a provider that signs nothing.
pub fn basic() -> (String, String) {
    ("Authorization".into(), format!("Basic {}", STANDARD.encode(BASIC.as_bytes())))
}

/// An SNS message of these fields, signed by the test leaf's key.
pub fn sns(id: &str, kind: &str, version: &str, fields: &Value, seconds: u64) -> Signed {
    let at = UnixMillis::new(seconds * 1000).to_string();
    let mut message = json!({
        "Type": kind, "MessageId": format!("sns-{id}"), "TopicArn": TOPIC, "Timestamp": at,
        "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL
    });
    for (name, value) in fields.as_object().unwrap() {
        message[name] = value.clone();
    }
    let names: &[&str] = match kind {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let text: String =
        names.iter().filter_map(|name| message[*name].as_str().map(|value| format!("{name}\n{value}\n"))).collect();
    let pem = key("leaf_key");
    let digits: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = RsaPrivateKey::from_pkcs8_der(&STANDARD.decode(&digits).unwrap()).unwrap();
    let signature = match version {
        "1" => pkcs1v15::SigningKey::<sha1::Sha1>::new(key).sign(text.as_bytes()).to_vec(),
        _ => pkcs1v15::SigningKey::<Sha256>::new(key).sign(text.as_bytes()).to_vec(),
    };
    message["Signature"] = json!(STANDARD.encode(&signature));
    Signed { headers: vec![("x-amz-sns-message-type".into(), kind.into())], body: message.to_string().into_bytes() }
}

fn sendgrid_key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 5480, section 2: what stands before the 65 bytes of a P-256 key's point in a SubjectPublicKeyInfo.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Providers whose reports come over HTTP.
pub const OVER_HTTP: [ProviderKind; 10] = [
    ProviderKind::Sendgrid,
    ProviderKind::Mailgun,
    ProviderKind::Postmark,
    ProviderKind::Ses,
    ProviderKind::Resend,
    ProviderKind::Brevo,
    ProviderKind::Mailersend,
    ProviderKind::Mailtrap,
    ProviderKind::Sparkpost,
    ProviderKind::Sandbox,
];

const FILES: [(ProviderKind, &str); 11] = [
    (ProviderKind::Sendgrid, include_str!("../data/webhooks/sendgrid.json")),
    (ProviderKind::Mailgun, include_str!("../data/webhooks/mailgun.json")),
    (ProviderKind::Postmark, include_str!("../data/webhooks/postmark.json")),
    (ProviderKind::Ses, include_str!("../data/webhooks/ses.json")),
    (ProviderKind::Resend, include_str!("../data/webhooks/resend.json")),
    (ProviderKind::Cloudflare, include_str!("../data/webhooks/cloudflare.json")),
    (ProviderKind::Brevo, include_str!("../data/webhooks/brevo.json")),
    (ProviderKind::Mailersend, include_str!("../data/webhooks/mailersend.json")),
    (ProviderKind::Mailtrap, include_str!("../data/webhooks/mailtrap.json")),
    (ProviderKind::Sparkpost, include_str!("../data/webhooks/sparkpost.json")),
    (ProviderKind::Sandbox, include_str!("../data/webhooks/sandbox.json")),
];
