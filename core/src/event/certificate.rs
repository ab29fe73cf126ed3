//! SNS's signing certificate: its key, and where trust anchors are given, its descent.

use super::WebhookError;
use crate::time::UnixMillis;
use alloc::vec::Vec;
use core::time::Duration;
use rsa::{
    RsaPublicKey,
    pkcs1v15::{Signature, VerifyingKey},
    pkcs8::DecodePublicKey,
    signature::Verifier,
};
use sha1::Sha1;
use sha2::Sha256;
use x509_cert::{
    Certificate,
    der::{Encode, oid::ObjectIdentifier},
    ext::pkix::{BasicConstraints, SubjectAltName, name::GeneralName},
};

/// A key that a message may be signed with.
pub(super) struct Key(RsaPublicKey);

impl Key {
    /// PKCS #1 v1.5 with SHA-1, SNS's `SignatureVersion` 1.
    pub(super) fn signed_sha1(&self, text: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::try_from(signature) else { return false };
        VerifyingKey::<Sha1>::new(self.0.clone()).verify(text, &signature).is_ok()
    }

    /// PKCS #1 v1.5 with SHA-256, `SignatureVersion` 2 and certificates.
    pub(super) fn signed_sha256(&self, text: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::try_from(signature) else { return false };
        VerifyingKey::<Sha256>::new(self.0.clone()).verify(text, &signature).is_ok()
    }
}

/// The key of the first certificate of a PEM text, when that may be believed at `now`.
pub(super) fn key(pem: &str, anchors: Option<&str>, now: UnixMillis) -> Result<Key, WebhookError> {
    let chain = read(pem).ok_or(WebhookError::WrongSignature)?;
    let leaf = chain.first().ok_or(WebhookError::WrongSignature)?;
    if !is_current(leaf, now) {
        return Err(WebhookError::Stale);
    }
    if let Some(anchors) = anchors {
        let anchors = read(anchors).ok_or(WebhookError::Misconfigured { setting: "roots" })?;
        if !is_of_sns(leaf) || !descends(leaf, &chain, &anchors, now) {
            return Err(WebhookError::WrongSignature);
        }
    }
    key_of(leaf).ok_or(WebhookError::WrongSignature)
}

fn read(pem: &str) -> Option<Vec<Certificate>> {
    if pem.len() > MAX_PEM {
        return None;
    }
    Certificate::load_pem_chain(pem.as_bytes()).ok().filter(|chain| !chain.is_empty())
}

fn key_of(certificate: &Certificate) -> Option<Key> {
    let der = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
    RsaPublicKey::from_public_key_der(&der).ok().map(Key)
}

fn is_current(certificate: &Certificate, now: UnixMillis) -> bool {
    let validity = &certificate.tbs_certificate.validity;
    let now = Duration::from_millis(now.as_millis());
    (validity.not_before.to_unix_duration()..=validity.not_after.to_unix_duration()).contains(&now)
}

/// Whether one of the anchors stands at the end of the chain. Each step's name, signature, right to sign and time are
/// checked; the anchors are believed as they are.
fn descends(leaf: &Certificate, chain: &[Certificate], anchors: &[Certificate], now: UnixMillis) -> bool {
    let mut current = leaf;
    for _ in 0..MAX_STEPS {
        if anchors.iter().any(|anchor| issued(anchor, current)) {
            return true;
        }
        let next =
            chain.iter().find(|issuer| is_authority(issuer) && is_current(issuer, now) && issued(issuer, current));
        match next {
            Some(issuer) => current = issuer,
            None => return false,
        }
    }
    false
}

fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    if certificate.signature_algorithm.oid != SHA256_WITH_RSA
        || issuer.tbs_certificate.subject != certificate.tbs_certificate.issuer
    {
        return false;
    }
    let signature = certificate.signature.as_bytes();
    let (Some(key), Some(signature), Ok(text)) = (key_of(issuer), signature, certificate.tbs_certificate.to_der())
    else {
        return false;
    };
    key.signed_sha256(&text, signature)
}

fn is_authority(certificate: &Certificate) -> bool {
    matches!(certificate.tbs_certificate.get::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca)
}

/// Whether it names a host of SNS: another certificate of the same issuer signs nothing here.
fn is_of_sns(certificate: &Certificate) -> bool {
    let Ok(Some((_, SubjectAltName(names)))) = certificate.tbs_certificate.get::<SubjectAltName>() else {
        return false;
    };
    names.iter().any(|name| match name {
        GeneralName::DnsName(name) => is_sns_name(name.as_str()),
        GeneralName::OtherName(_)
        | GeneralName::Rfc822Name(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::UniformResourceIdentifier(_)
        | GeneralName::IpAddress(_)
        | GeneralName::RegisteredId(_) => false,
    })
}

fn is_sns_name(name: &str) -> bool {
    name.starts_with("sns.") && [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|suffix| name.ends_with(suffix))
}

/// RFC 8017: sha256WithRSAEncryption, what Amazon's authorities sign with.
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
/// A certificate has about 2 kB, a chain about 6.
const MAX_PEM: usize = 65_536;
/// Leaf, two intermediates and a cross-signed root are the longest chains in use.
const MAX_STEPS: usize = 4;
