//! Amazon SNS, the envelope of SES's events: RSA signatures by a certificate that has to be fetched.
//!
//! A message is believed when its topic is an expected one, it is at most an hour old, its signature fits, and the
//! certificate came from a host of SNS by HTTPS. When the account names trust anchors, the certificate must descend from
//! one of them and be one of SNS as well ([`super::certificate`]). A replay within the hour meets the journal, which
//! knows the message's id.

use super::{
    Certificate, Incoming, Received, Trust, WebhookError, certificate, json, proof,
    receive::{fresh, https_parts},
    ses,
};
use crate::time::UnixMillis;
use alloc::{string::String, vec::Vec};
use serde_json::Value;

/// Verifies the envelope and reads what is in it.
pub(super) fn receive(
    trust: &Trust,
    incoming: &Incoming<'_>,
    certificate: Option<Certificate<'_>>,
    now: UnixMillis,
) -> Result<Received, WebhookError> {
    let envelope = json::parse(incoming.body)?;
    let kind = Kind::of(&envelope)?;
    let field = |name: &'static str| envelope.get(name).and_then(Value::as_str).ok_or(WebhookError::Unsigned);
    if trust.topics.is_empty() {
        return Err(WebhookError::Misconfigured { setting: "topics" });
    }
    let topic = field("TopicArn")?;
    if !trust.topics.iter().any(|expected| expected == topic) {
        return Err(WebhookError::WrongSignature);
    }
    let signed = json::instant(&envelope, "/Timestamp").ok_or(WebhookError::Unsigned)?;
    fresh(signed, trust.tolerance_ms.unwrap_or(TOLERANCE_MS), now)?;
    let signature = proof::base64(field("Signature")?).ok_or(WebhookError::WrongSignature)?;
    let url = field("SigningCertURL")?;
    if !is_certificate_url(url) {
        return Err(WebhookError::WrongSignature);
    }
    let Some(certificate) = certificate.filter(|known| known.url == url) else {
        return Ok(Received::NeedsCertificate { url: url.into() });
    };
    let key = certificate::key(certificate.pem, trust.anchors.as_deref(), now)?;
    let text = text_to_sign(&envelope, kind);
    let fits = match field("SignatureVersion")? {
        "1" => key.signed_sha1(text.as_bytes(), &signature),
        "2" => key.signed_sha256(text.as_bytes(), &signature),
        _ => false,
    };
    if !fits {
        return Err(WebhookError::WrongSignature);
    }
    match kind {
        Kind::Notification => ses::events(field("MessageId")?, field("Message")?, now).map(Received::Events),
        Kind::SubscriptionConfirmation => {
            let url = field("SubscribeURL")?;
            if !is_host(url) {
                return Err(WebhookError::WrongSignature);
            }
            Ok(Received::Confirm { url: url.into() })
        }
        Kind::UnsubscribeConfirmation => Ok(Received::Events(Vec::new())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    fn of(envelope: &Value) -> Result<Self, WebhookError> {
        match envelope.get("Type").and_then(Value::as_str) {
            Some("Notification") => Ok(Self::Notification),
            Some("SubscriptionConfirmation") => Ok(Self::SubscriptionConfirmation),
            Some("UnsubscribeConfirmation") => Ok(Self::UnsubscribeConfirmation),
            Some(_) | None => Err(WebhookError::shape()),
        }
    }

    /// The signed fields in their order.
    const fn signed_fields(self) -> &'static [&'static str] {
        match self {
            Self::Notification => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
            Self::SubscriptionConfirmation | Self::UnsubscribeConfirmation => {
                &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
            }
        }
    }
}

/// Name and value of each signed field that is there, each followed by a line feed.
fn text_to_sign(envelope: &Value, kind: Kind) -> String {
    let mut text = String::new();
    for name in kind.signed_fields() {
        if let Some(value) = envelope.get(*name).and_then(Value::as_str) {
            for piece in [name, "\n", value, "\n"] {
                text.push_str(piece);
            }
        }
    }
    text
}

fn is_certificate_url(url: &str) -> bool {
    is_host(url) && https_parts(url).is_some_and(|(_, path)| path.ends_with(".pem") && !path.contains(['?', '#']))
}

/// `sns.<region>.amazonaws.com`, or the same in China.
fn is_host(url: &str) -> bool {
    let Some((host, _)) = https_parts(url) else { return false };
    let Some(rest) = host.strip_prefix("sns.") else { return false };
    let Some(region) = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn")) else {
        return false;
    };
    region.len() >= 3 && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An hour: AWS names no window; validators of others take an SNS message's longest life for it.
const TOLERANCE_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// The pattern of AWS's own validators: the host whole, HTTPS, a `.pem`.
    #[test]
    fn only_hosts_of_sns_are_asked() {
        for url in [
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/a.pem",
        ] {
            assert!(is_certificate_url(url), "{url}");
        }
        for url in [
            "http://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem?x=1",
            "https://sns.us-east-1.amazonaws.com/a.txt",
            "https://sns.us-east-1.amazonaws.com.attacker.example/a.pem",
            "https://sns.us-east-1.amazonaws.com@attacker.example/a.pem",
            "https://attacker.example/sns.us-east-1.amazonaws.com/a.pem",
            "https://attacker.example\\.sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com:8443/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://s3.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com#/a.pem",
            "",
        ] {
            assert!(!is_certificate_url(url), "{url}");
        }
    }
}
