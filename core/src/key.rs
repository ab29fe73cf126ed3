//! API keys: `sg_<account>_<id>_<secret>_<tag>`.
//!
//! A key carries its account and a MAC over all of itself, so that a made-up key dies at the edge and can never create
//! an object. The object keeps the SHA-256 of the whole key beside its scopes and status; the key itself is stored nowhere.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// What a key with a good MAC says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyClaim<'a> {
    /// The account it belongs to.
    pub account: &'a str,
    /// The key's own id within the account; not secret.
    pub id: &'a str,
}

/// A name that cannot stand in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Account names are 1 to 32 of `a-z`, `0-9` and `-`.
    AccountName,
    /// Key ids are 1 to 32 of `a-z`, `0-9` and `-`.
    KeyId,
    /// The MAC secret is shorter than 16 bytes.
    ShortSecret,
}

impl KeyError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccountName => "invalid_account_name",
            Self::KeyId => "invalid_key_id",
            Self::ShortSecret => "short_key_secret",
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccountName => "an account name must be 1 to 32 of a-z, 0-9 and -",
            Self::KeyId => "a key id must be 1 to 32 of a-z, 0-9 and -",
            Self::ShortSecret => "the key secret must be at least 16 bytes",
        })
    }
}

impl core::error::Error for KeyError {}

/// Makes a key from 16 random bytes.
///
/// # Errors
/// A name that cannot stand in a key, or a MAC secret under 16 bytes.
pub fn issue(mac_secret: &str, account: &str, id: &str, entropy: [u8; 16]) -> Result<String, KeyError> {
    if !is_name(account) {
        return Err(KeyError::AccountName);
    }
    if !is_name(id) {
        return Err(KeyError::KeyId);
    }
    if mac_secret.len() < 16 {
        return Err(KeyError::ShortSecret);
    }
    let body = format!("{PREFIX}{account}_{id}_{}", hex(&entropy));
    let tag = tag_of(mac_secret, &body).unwrap_or_default();
    Ok(format!("{body}_{tag}"))
}

/// Reads a key and checks its MAC. `None` when it is not a key of this deployment.
#[must_use]
pub fn verify<'a>(mac_secret: &str, key: &'a str) -> Option<KeyClaim<'a>> {
    if mac_secret.len() < 16 || key.len() > MAX_KEY_BYTES {
        return None;
    }
    let (body, tag) = key.rsplit_once('_')?;
    let given = unhex(tag)?;
    mac(mac_secret, body)?.verify_truncated_left(&given).ok().filter(|()| given.len() == TAG_BYTES)?;
    let mut parts = body.strip_prefix(PREFIX)?.split('_');
    let claim = KeyClaim { account: parts.next()?, id: parts.next()? };
    (is_name(claim.account) && is_name(claim.id)).then_some(claim)
}

/// The hash of a key that its account keeps: SHA-256 in lower-case hex.
#[must_use]
pub fn hash(key: &str) -> String {
    fingerprint(key.as_bytes())
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
#[must_use]
pub fn same_hash(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

/// SHA-256 of some bytes in lower-case hex, for fingerprints.
// Once in the Worker, not at every caller.
#[inline(never)]
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Whether this may name an account or a key: 1 to 32 of `a-z`, `0-9` and `-`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What stands behind an account's name in the path of its reports, `{account}.{tag}`: it proves that this deployment
/// made the path, as a key's MAC does of a key. It is no proof of a report: that is the provider's own.
#[must_use]
pub fn report_tag(mac_secret: &str, account: &str) -> String {
    tag_of(mac_secret, &format!("{REPORT_LABEL}{account}")).unwrap_or_default()
}

/// Whether `tag` is the account's [`report_tag`], in a time that does not depend on where it differs.
#[must_use]
pub fn is_report_tag(mac_secret: &str, account: &str, tag: &str) -> bool {
    mac_secret.len() >= 16 && is_name(account) && same_hash(&report_tag(mac_secret, account), tag)
}

fn tag_of(mac_secret: &str, body: &str) -> Option<String> {
    let full = mac(mac_secret, body)?.finalize().into_bytes();
    full.get(..TAG_BYTES).map(hex)
}

fn mac(mac_secret: &str, body: &str) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(mac_secret.as_bytes()).ok()?;
    mac.update(body.as_bytes());
    Some(mac)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| (high << 4) | low).collect())
}

const PREFIX: &str = "sg_";
/// No key begins like this, so no key's tag is a path's.
const REPORT_LABEL: &str = "report path of ";
/// 128 bits of MAC: forging one is out of reach, and a key stays short enough to paste.
const TAG_BYTES: usize = 16;
/// 3 + 32 + 1 + 32 + 1 + 32 + 1 + 32 is the longest key there is.
const MAX_KEY_BYTES: usize = 134;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a deployment secret of any text";

    #[test]
    fn a_key_carries_its_account_and_verifies() {
        let key = issue(SECRET, "shop-1", "k1", [7; 16]).unwrap();
        assert!(key.starts_with("sg_shop-1_k1_07070707070707070707070707070707_"));
        assert_eq!(verify(SECRET, &key), Some(KeyClaim { account: "shop-1", id: "k1" }));
        assert_eq!(hash(&key).len(), 64);
    }

    #[test]
    fn a_key_with_anything_changed_is_refused() {
        let key = issue(SECRET, "shop", "k1", [7; 16]).unwrap();
        assert_eq!(verify("another deployment's secret", &key), None);
        assert_eq!(verify(SECRET, &key.replace("shop", "bank")), None);
        assert_eq!(verify(SECRET, &key.replace("_k1_", "_k2_")), None);
        assert_eq!(verify(SECRET, &key[..key.len() - 2]), None, "a shortened tag");
        assert_eq!(verify(SECRET, ""), None);
        assert_eq!(verify("", &key), None, "an empty secret verifies nothing");
        for cut in 0..key.len() {
            assert_eq!(verify(SECRET, &key[..cut]), None);
        }
    }

    #[test]
    fn the_tag_of_a_reports_path_is_its_accounts_own() {
        let tag = report_tag(SECRET, "shop");
        assert_eq!(tag.len(), 32);
        assert!(is_report_tag(SECRET, "shop", &tag));
        assert!(!is_report_tag(SECRET, "bank", &tag) && !is_report_tag("another deployment's secret", "shop", &tag));
        assert!(!is_report_tag(SECRET, "shop", "") && !is_report_tag(SECRET, "shop", &tag[1..]));
        assert!(!is_report_tag("short", "shop", &report_tag("short", "shop")));
    }

    #[test]
    fn names_that_would_break_a_key_are_refused() {
        assert_eq!(issue(SECRET, "sh_op", "k1", [0; 16]), Err(KeyError::AccountName));
        assert_eq!(issue(SECRET, "shop", "K1", [0; 16]), Err(KeyError::KeyId));
        assert_eq!(issue("short", "shop", "k1", [0; 16]), Err(KeyError::ShortSecret));
    }
}
