//! Reading a provider's JSON, in which any field may be missing or of another type.

use super::WebhookError;
use crate::{id::MessageId, time::UnixMillis};
use alloc::string::{String, ToString};
use core::net::IpAddr;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The body as JSON.
pub(super) fn parse(body: &[u8]) -> Result<Value, WebhookError> {
    serde_json::from_slice(body).map_err(|error| WebhookError::Malformed { line: error.line(), column: error.column() })
}

/// A text at a path such as `/data/email_id`; empty ones are none.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same, owned.
pub(super) fn owned(value: &Value, path: &str) -> Option<String> {
    text(value, path).map(ToString::to_string)
}

/// A text, or a number or boolean as its digits or word.
pub(super) fn scalar(value: &Value, path: &str) -> Option<String> {
    match value.pointer(path)? {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a flag is set.
pub(super) fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or(false)
}

/// The elements of a list; of anything else none.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], |list| list.as_slice())
}

/// Three digits that are an SMTP reply code, as a number or as text.
pub(super) fn smtp_code(value: &Value, path: &str) -> Option<u16> {
    scalar(value, path)?.parse().ok().filter(|code| (200..600).contains(code))
}

/// An RFC 3339 instant.
pub(super) fn instant(value: &Value, path: &str) -> Option<UnixMillis> {
    text(value, path).and_then(UnixMillis::parse_rfc3339)
}

/// Seconds since 1970 as a number or as text, with a fraction or without. Read as digits: a float would round.
pub(super) fn seconds(value: &Value, path: &str) -> Option<UnixMillis> {
    decimal_seconds(&scalar(value, path)?)
}

/// `1796119201.12` is 1796119201120 ms.
pub(super) fn decimal_seconds(text: &str) -> Option<UnixMillis> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(UnixMillis::new(whole.checked_mul(1_000)?.checked_add(thousandths)?))
}

/// A network address of either version (R070).
pub(super) fn ip(value: &Value, path: &str) -> Option<IpAddr> {
    text(value, path)?.parse().ok()
}

/// Our id, when the text is one.
pub(super) fn our_id(value: &Value, path: &str) -> Option<MessageId> {
    text(value, path).and_then(MessageId::parse)
}

/// The domain of an address, with or without a name, in lower case.
pub(super) fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.trim_end_matches('>').rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
}

/// 32 hexadecimal digits that name a value: for events that bring no id of their own.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    super::proof::hex(hash.get(..16).unwrap_or_default())
}

/// The digest of a JSON value as it prints.
pub(super) fn digest_of(value: &Value) -> String {
    digest(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two digits of a fraction are hundredths; anything but digits is no instant.
    #[test]
    fn seconds_are_read_as_digits() {
        let millis = |text: &str| decimal_seconds(text).map(UnixMillis::as_millis);
        assert_eq!(millis("1796119201.12"), Some(1_796_119_201_120));
        assert_eq!(millis("1796119201"), Some(1_796_119_201_000));
        assert_eq!(millis("1796119201.1239"), Some(1_796_119_201_123));
        for text in ["", ".", "-1", "1e9", "1.2.3", "99999999999999999999", "abc"] {
            assert_eq!(millis(text), None, "{text}");
        }
        assert_eq!(millis("18446744073709551615"), None);
    }
}
