//! Credentials at rest: sealed with a key that is not in the store, so that a copy of the store alone opens nothing.
//!
//! AES-256-GCM under a key of the host's ([`SealingKeys::parse`]; the Worker's secret `SENDGATE_SEALING_KEY`). The account
//! and the provider's name are associated data: a sealed text that was moved to another row does not open there. A sealed
//! text names its format and its key, `sg1.<key id>.<base64url of nonce, ciphertext and tag>`, so keys can be rotated: the
//! first key seals, every key opens, and [`SealingKeys::is_current`] says what is still to be sealed again. A key's id is
//! made from the key, so nobody has to name keys, and none can be named wrongly.
//!
//! The nonce is an argument. It must be random and new each time: two texts under one key and one nonce betray each other.
//! NIST SP 800-38D section 8.3 allows 2^32 random nonces a key, far more than anybody changes credentials.
//!
//! Out of scope: who may see a credential, and the host's own secrets, which it holds in the clear.

use crate::key;
use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use core::fmt;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The keys of a deployment: the first seals, all of them open.
pub struct SealingKeys {
    current: SealingKey,
    older: Vec<SealingKey>,
}

struct SealingKey {
    id: String,
    cipher: Aes256Gcm,
}

/// Where a credential belongs: what it is sealed for opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The account.
    pub account: &'a str,
    /// The account's name for the provider.
    pub provider: &'a str,
}

/// A credential in the clear. It is neither printed nor compared by accident.
pub struct Credential(String);

/// Why something cannot be sealed or opened. Neither keys nor texts are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The key of this place, counted from 1, is not base64 of 32 bytes.
    Key {
        /// Which of the keys.
        place: usize,
    },
    /// There are no keys, or more than [`MAX_KEYS`].
    KeyCount {
        /// How many there are.
        got: usize,
    },
    /// The text is longer than [`MAX_CREDENTIAL_BYTES`].
    TooLong {
        /// Its bytes.
        got: usize,
    },
    /// The sealed text is not one of this format.
    Format,
    /// The sealed text names a key that is not here.
    UnknownKey {
        /// The id it names.
        id: String,
    },
    /// The sealed text was changed, or was sealed for another place.
    Forged,
}

impl SealError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "invalid_sealing_key",
            Self::KeyCount { .. } => "sealing_key_count",
            Self::TooLong { .. } => "credential_too_long",
            Self::Format => "seal_format",
            Self::UnknownKey { .. } => "unknown_sealing_key",
            Self::Forged => "seal_forged",
        }
    }

    /// Every word that [`SealError::code`] can be.
    pub const CODES: [&'static str; 6] = [
        "invalid_sealing_key",
        "sealing_key_count",
        "credential_too_long",
        "seal_format",
        "unknown_sealing_key",
        "seal_forged",
    ];
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { place } => write!(f, "sealing key {place} must be base64 of {KEY_BYTES} bytes"),
            Self::KeyCount { got } => write!(f, "sealing keys must be 1 to {MAX_KEYS}, got {got}"),
            Self::TooLong { got } => {
                write!(f, "a credential must be at most {MAX_CREDENTIAL_BYTES} bytes, got {got}")
            }
            Self::Format => f.write_str("the sealed text is not of the format sg1"),
            Self::UnknownKey { id } => write!(f, "the sealed text names the key {id}, which is not here"),
            Self::Forged => f.write_str("the sealed text was changed or is for another place"),
        }
    }
}

impl core::error::Error for SealError {}

/// Shows the ids only.
impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys(current {}, {} older)", self.current.id, self.older.len())
    }
}

/// Shows nothing.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

impl Credential {
    /// The text, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SealingKeys {
    /// Reads the keys of a secret: base64 of 32 bytes each, the newest first, commas between.
    ///
    /// # Errors
    /// No key, too many, or one that is not base64 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let texts: Vec<&str> = text.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
        if texts.len() > MAX_KEYS {
            return Err(SealError::KeyCount { got: texts.len() });
        }
        let keys = texts.iter().zip(1..).map(|(text, place)| SealingKey::parse(text).ok_or(SealError::Key { place }));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?.into_iter();
        let current = keys.next().ok_or(SealError::KeyCount { got: 0 })?;
        Ok(Self { current, older: keys.collect() })
    }

    /// Seals a credential for its place with the current key and a nonce that was never used before.
    ///
    /// # Errors
    /// The credential is longer than [`MAX_CREDENTIAL_BYTES`].
    ///
    /// # Example: does a sealed credential open at another provider?
    /// ```
    /// use sendgate_core::seal::{Place, SealError, SealingKeys};
    ///
    /// let keys = SealingKeys::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    /// let (main, other) = (Place { account: "shop", provider: "main" }, Place { account: "shop", provider: "other" });
    /// let sealed = keys.seal("a provider's key", main, [7; 12])?;
    /// assert_eq!(keys.open(&sealed, main)?.expose(), "a provider's key");
    /// assert_eq!(keys.open(&sealed, other).unwrap_err(), SealError::Forged);
    /// # Ok::<(), SealError>(())
    /// ```
    pub fn seal(&self, credential: &str, place: Place<'_>, nonce: [u8; NONCE_BYTES]) -> Result<String, SealError> {
        let got = credential.len();
        if got > MAX_CREDENTIAL_BYTES {
            return Err(SealError::TooLong { got });
        }
        let SealingKey { id, cipher } = &self.current;
        let aad = associated(id, place);
        let payload = Payload { msg: credential.as_bytes(), aad: &aad };
        // AES-GCM refuses lengths of gigabytes only, which the bound above excludes.
        let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::TooLong { got })?;
        Ok(format!("{FORMAT}.{id}.{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what any of the keys sealed for this place.
    ///
    /// # Errors
    /// Another format, a key that is not here, or a text that was changed or is for another place.
    pub fn open(&self, sealed: &str, place: Place<'_>) -> Result<Credential, SealError> {
        let (id, bytes) = parts(sealed)?;
        let mut keys = core::iter::once(&self.current).chain(&self.older);
        let unknown = || SealError::UnknownKey { id: id.to_string() };
        let key = keys.find(|key| key.id == id).ok_or_else(unknown)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).map_err(|_| SealError::Format)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Format)?;
        let payload = Payload { msg: sealed, aad: &associated(id, place) };
        let clear = key.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::Forged)?;
        String::from_utf8(clear).map(Credential).map_err(|_| SealError::Forged)
    }

    /// Whether a text was sealed with the current key: what was not is to be opened and sealed again before an older key
    /// is taken away.
    #[must_use]
    pub fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).is_ok_and(|(id, _)| id == self.current.id)
    }
}

impl SealingKey {
    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; KEY_BYTES] = STANDARD.decode(text).ok()?.try_into().ok()?;
        // A key's id says nothing of the key: it is a MAC under it.
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&bytes).ok()?;
        mac.update(KEY_ID_LABEL);
        let id = mac.finalize().into_bytes().first_chunk::<KEY_ID_BYTES>().map(|id| key::hex(id))?;
        Some(Self { id, cipher: Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&bytes)) })
    }
}

/// The key id and the rest of a sealed text.
fn parts(sealed: &str) -> Result<(&str, &str), SealError> {
    let rest = sealed.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('.')).ok_or(SealError::Format)?;
    let (id, bytes) = rest.split_once('.').ok_or(SealError::Format)?;
    let is_id = id.len() == 2 * KEY_ID_BYTES && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok((id, bytes)) } else { Err(SealError::Format) }
}

/// What a text is bound to: format, key, account and provider, each behind its length so that no two places print alike.
fn associated(id: &str, place: Place<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [FORMAT, id, place.account, place.provider] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

const FORMAT: &str = "sg1";
/// AES-256.
const KEY_BYTES: usize = 32;
/// The nonce that NIST SP 800-38D recommends: 96 bits.
pub const NONCE_BYTES: usize = 12;
const KEY_ID_LABEL: &[u8] = b"sendgate sealing key id";
/// Enough to tell a handful of keys apart.
const KEY_ID_BYTES: usize = 4;
/// A rotation needs two at a time; more are forgotten ones.
pub const MAX_KEYS: usize = 8;
/// A provider's longest credential, a JSON of SES keys with a session token, has less than a quarter of this.
pub const MAX_CREDENTIAL_BYTES: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "/////////////////////////////////////////w8=";
    const HERE: Place<'_> = Place { account: "shop", provider: "main" };

    fn keys(text: &str) -> SealingKeys {
        SealingKeys::parse(text).unwrap()
    }

    /// Old and new keys open, the new one seals, and a key that is gone opens nothing.
    #[test]
    fn keys_are_rotated_without_an_instant_at_which_something_does_not_open() {
        let sealed = keys(OLD).seal("secret", HERE, [1; 12]).unwrap();
        let both = keys(&format!("{NEW}, {OLD}"));
        assert!(!both.is_current(&sealed));
        assert_eq!(both.open(&sealed, HERE).unwrap().expose(), "secret");
        let again = both.seal("secret", HERE, [2; 12]).unwrap();
        assert!(both.is_current(&again));
        assert_eq!(keys(NEW).open(&again, HERE).unwrap().expose(), "secret");
        assert_eq!(keys(NEW).open(&sealed, HERE).unwrap_err().code(), "unknown_sealing_key");
    }

    #[test]
    fn a_text_of_another_place_and_a_text_with_anything_changed_do_not_open() {
        let keys = keys(OLD);
        let sealed = keys.seal("secret", HERE, [1; 12]).unwrap();
        // Names that print alike when put behind each other.
        for (account, provider) in [("shop", "other"), ("bank", "main"), ("shopm", "ain"), ("", "shopmain")] {
            assert_eq!(keys.open(&sealed, Place { account, provider }).unwrap_err(), SealError::Forged);
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(keys.open(&String::from_utf8(changed).unwrap(), HERE).is_err(), "byte {at}");
            assert!(keys.open(&sealed[..at], HERE).is_err(), "cut at {at}");
        }
        assert!(keys.open(&format!("{sealed}A"), HERE).is_err());
    }

    #[test]
    fn texts_of_other_formats_are_refused_by_name() {
        let keys = keys(OLD);
        for text in ["", "sg1", "sg2.00000000.AAAA", "sg1.0000000.AAAA", "sg1.0000000G.AAAA", "plain text"] {
            assert_eq!(keys.open(text, HERE).unwrap_err(), SealError::Format, "{text}");
        }
        let id = &keys.current.id;
        assert_eq!(keys.open(&format!("sg1.{id}.AAAA"), HERE).unwrap_err(), SealError::Format, "no nonce");
        assert_eq!(keys.open(&format!("sg1.{id}.AAAAAAAAAAAAAAAAAAAA"), HERE).unwrap_err(), SealError::Forged);
    }

    #[test]
    fn a_malformed_secret_is_named_by_its_place_and_bound() {
        let refused = |text: &str| SealingKeys::parse(text).unwrap_err().to_string();
        assert_eq!(refused(" , "), "sealing keys must be 1 to 8, got 0");
        assert_eq!(refused(&[OLD; 9].join(",")), "sealing keys must be 1 to 8, got 9");
        assert_eq!(refused(&format!("{OLD},c2hvcnQ=")), "sealing key 2 must be base64 of 32 bytes");
        assert_eq!(refused("not base64"), "sealing key 1 must be base64 of 32 bytes");
        let long = "x".repeat(8_193);
        let refused = keys(OLD).seal(&long, HERE, [0; 12]).unwrap_err();
        assert_eq!(refused.to_string(), "a credential must be at most 8192 bytes, got 8193");
        assert!(keys(OLD).seal(&long[1..], HERE, [0; 12]).is_ok());
    }

    /// The cipher itself: test case 16 of the GCM specification (McGrew and Viega), the one with AES-256 and associated data.
    #[test]
    fn the_cipher_is_the_standards_own() {
        let bytes = |text: &str| key::unhex(text).unwrap();
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
        let msg = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let nonce: [u8; 12] = bytes("cafebabefacedbaddecaf888").try_into().unwrap();
        let sealed = cipher.encrypt(&Nonce::from(nonce), Payload { msg: &msg, aad: &aad }).unwrap();
        let want = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
        assert_eq!(key::hex(&sealed), want);
    }

    #[test]
    fn nothing_prints_a_key_or_a_credential() {
        let keys = keys(&format!("{OLD},{NEW}"));
        let sealed = keys.seal("hunter2", HERE, [1; 12]).unwrap();
        let shown = format!("{keys:?} {:?}", keys.open(&sealed, HERE).unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains(OLD) && shown.ends_with("Credential(..)"));
        assert!(!sealed.contains("hunter2"));
    }

    #[test]
    fn every_error_has_a_word_of_the_list() {
        let id = String::new();
        let all = [
            SealError::Key { place: 1 },
            SealError::KeyCount { got: 0 },
            SealError::TooLong { got: 0 },
            SealError::Format,
            SealError::UnknownKey { id },
            SealError::Forged,
        ];
        let words: BTreeSet<_> = all.iter().map(SealError::code).collect();
        assert_eq!(words, SealError::CODES.into_iter().collect());
    }
}
