//! Keys and secrets, all made from the seed: the same seed gives the same ones, so that a receiver can be set up once.

use super::Provider;
use base64::{Engine, engine::general_purpose::STANDARD};
use p256::{ecdsa::SigningKey, pkcs8::EncodePublicKey};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey};
use sha2::{Digest, Sha256};
use std::{fmt, sync::OnceLock};

/// The keys of one seed.
pub(crate) struct Keys {
    seed: u64,
    /// SNS's key and certificate, made when they are first wanted: primes take a while.
    sns: OnceLock<Result<(RsaPrivateKey, String), String>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys of `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, sns: OnceLock::new() }
    }

    /// 32 bytes for one purpose.
    pub(crate) fn bytes(&self, purpose: &str) -> [u8; 32] {
        Sha256::digest(format!("sendgate simulator {purpose} {}", self.seed)).into()
    }

    /// The same as hex digits, at most 64 of them.
    pub(crate) fn hex(&self, purpose: &str, digits: usize) -> String {
        self.bytes(purpose).iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(digits).collect()
    }

    /// SendGrid's signing key, or another that nobody trusts.
    pub(crate) fn sendgrid(&self, forged: bool) -> Result<SigningKey, String> {
        let purpose = if forged { "forged sendgrid" } else { "sendgrid" };
        // Almost every 32 bytes are a scalar; the numbered purpose is for the few that are not.
        let key = (0..4).find_map(|n| SigningKey::from_slice(&self.bytes(&format!("{purpose} {n}"))).ok());
        key.ok_or_else(|| "no P-256 key can be made from the seed".to_string())
    }

    /// SendGrid's public key as its settings show it: base64 of the DER `SubjectPublicKeyInfo`.
    pub(crate) fn sendgrid_public(&self) -> Result<String, String> {
        let der = self.sendgrid(false)?.verifying_key().to_public_key_der().map_err(|error| error.to_string())?;
        Ok(STANDARD.encode(der.as_bytes()))
    }

    /// Resend's webhook secret.
    pub(crate) fn resend(&self) -> String {
        let key: Vec<u8> = self.bytes("resend").into_iter().take(24).collect();
        format!("whsec_{}", STANDARD.encode(key))
    }

    /// The password of a provider's webhooks that are not signed.
    pub(crate) fn password(&self, provider: Provider) -> String {
        self.hex(provider.word(), 24)
    }

    /// The secret of a provider's webhooks, where it is any text.
    pub(crate) fn secret(&self, provider: Provider) -> String {
        self.hex(provider.word(), 32)
    }

    /// SNS's signing key, or another that no certificate has.
    pub(crate) fn sns(&self, forged: bool) -> Result<RsaPrivateKey, String> {
        if forged { self.rsa("forged sns") } else { self.sns_made().map(|(key, _)| key) }
    }

    /// SNS's certificate as PEM.
    pub(crate) fn sns_certificate(&self) -> Result<String, String> {
        self.sns_made().map(|(_, pem)| pem)
    }

    fn sns_made(&self) -> Result<(RsaPrivateKey, String), String> {
        self.sns.get_or_init(|| self.make_sns()).clone()
    }

    fn make_sns(&self) -> Result<(RsaPrivateKey, String), String> {
        let key = self.rsa("sns")?;
        let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
        let pair =
            rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().to_vec().into(), &rcgen::PKCS_RSA_SHA256)
                .map_err(|error| error.to_string())?;
        let parameters = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_string()]);
        let certificate = parameters.and_then(|parameters| parameters.self_signed(&pair));
        Ok((key, certificate.map_err(|error| error.to_string())?.pem()))
    }

    fn rsa(&self, purpose: &str) -> Result<RsaPrivateKey, String> {
        let mut random = ChaCha20Rng::from_seed(self.bytes(purpose));
        RsaPrivateKey::new(&mut random, RSA_BITS).map_err(|error| error.to_string())
    }
}

/// As SNS's certificates have.
const RSA_BITS: usize = 2048;
