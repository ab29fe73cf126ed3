//! AWS Signature Version 4 (docs.aws.amazon.com, "Create a signed AWS API request"): what is signed, and with which key.
//!
//! Proven against botocore's own signatures (`tests/data/sigv4_vectors.json`) and against what boto3 and the AWS SDK for
//! JavaScript put on the wire. The key of a day is derived anew for each request: four short hashes, beside the body's.

use crate::time::UnixMillis;
use alloc::{string::String, vec::Vec};
use hmac::{Hmac, Mac};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

/// An access key.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) secret: &'a str,
    /// For temporary credentials only.
    pub(crate) session_token: Option<&'a str>,
}

impl<'a> Keys<'a> {
    /// Reads `access key:secret` or `access key:secret:session token`; none of them has a colon.
    pub(crate) fn parse(credential: &'a str) -> Option<Self> {
        let (access_key, rest) = credential.split_once(':')?;
        let (secret, session_token) = match rest.split_once(':') {
            Some((secret, token)) => (secret, Some(token)),
            None => (rest, None),
        };
        let sound = [Some(access_key), Some(secret), session_token].iter().flatten().all(|part| !part.is_empty());
        (sound && session_token.is_none_or(|token| !token.contains(':'))).then_some(Self {
            access_key,
            secret,
            session_token,
        })
    }
}

/// The part of a request that is signed.
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    /// As it is sent, percent-encoded.
    pub(crate) path: &'a str,
    /// As it is sent, without the question mark.
    pub(crate) query: &'a str,
    /// Names in lower case, in the order of their bytes; `host` and `x-amz-date` are among them.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// The `Authorization` field of a request. `date` is `x-amz-date`'s value.
pub(crate) fn authorization(request: &Signable<'_>, keys: &Keys<'_>, region: &str, date: &str) -> Option<String> {
    let scope = scope(date, region)?;
    let canonical = canonical_request(request);
    let mut text = String::with_capacity(AUTHORIZATION);
    text.push_str(ALGORITHM);
    text.push_str(" Credential=");
    text.push_str(keys.access_key);
    text.push('/');
    text.push_str(&scope);
    text.push_str(", SignedHeaders=");
    push_names(request.headers, &mut text);
    text.push_str(", Signature=");
    let key = key_of_the_day(keys.secret, date, region)?;
    push_hex(&mac(&key, string_to_sign(date, &scope, &canonical).as_bytes())?, &mut text);
    Some(text)
}

/// The instant as `x-amz-date` has it: `20261201T100000Z`.
pub(crate) fn date(now: UnixMillis) -> Option<String> {
    let time = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(now.as_i64()).ok()?);
    let year = time.year().unsigned_abs();
    let mut text = String::with_capacity(16);
    push_two(year / 100, &mut text);
    push_two(year, &mut text);
    [time.month(), time.day()].into_iter().for_each(|part| push_two(part.unsigned_abs().into(), &mut text));
    text.push('T');
    let clock = [time.hour(), time.minute(), time.second()];
    clock.into_iter().for_each(|part| push_two(part.unsigned_abs().into(), &mut text));
    text.push('Z');
    Some(text)
}

/// The last two digits of a number.
fn push_two(number: u16, text: &mut String) {
    text.extend([number / 10 % 10, number % 10].into_iter().filter_map(|digit| char::from_digit(digit.into(), 10)));
}

fn canonical_request(request: &Signable<'_>) -> String {
    let mut text = String::with_capacity(CANONICAL);
    text.push_str(request.method);
    text.push('\n');
    push_path(request.path, &mut text);
    text.push('\n');
    push_query(request.query, &mut text);
    text.push('\n');
    for (name, value) in request.headers {
        text.push_str(name);
        text.push(':');
        text.push_str(value.trim());
        text.push('\n');
    }
    text.push('\n');
    push_names(request.headers, &mut text);
    text.push('\n');
    push_hex(&Sha256::digest(request.body), &mut text);
    text
}

fn string_to_sign(date: &str, scope: &str, canonical: &str) -> String {
    let mut text = String::with_capacity(CANONICAL);
    for line in [ALGORITHM, date, scope] {
        text.push_str(line);
        text.push('\n');
    }
    push_hex(&Sha256::digest(canonical.as_bytes()), &mut text);
    text
}

/// `20261201/eu-west-1/ses/aws4_request`
fn scope(date: &str, region: &str) -> Option<String> {
    Some([date.get(..8)?, region, SERVICE, "aws4_request"].join("/"))
}

fn key_of_the_day(secret: &str, date: &str, region: &str) -> Option<[u8; 32]> {
    let day = mac([b"AWS4", secret.as_bytes()].concat().as_slice(), date.get(..8)?.as_bytes())?;
    mac(&mac(&mac(&day, region.as_bytes())?, SERVICE.as_bytes())?, b"aws4_request")
}

fn mac(key: &[u8], text: &[u8]) -> Option<[u8; 32]> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac.finalize().into_bytes().into())
}

/// The path once more percent-encoded: every service but S3 signs the path that it would decode twice.
fn push_path(path: &str, text: &mut String) {
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            push_hex_with(&[byte], UPPER, text);
        }
    }
}

/// The pairs of a query that is percent-encoded already, in order of name and value.
fn push_query(query: &str, text: &mut String) {
    let mut pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

fn push_names(headers: &[(&str, &str)], text: &mut String) {
    for (index, (name, _)) in headers.iter().enumerate() {
        if index > 0 {
            text.push(';');
        }
        text.push_str(name);
    }
}

fn push_hex(bytes: &[u8], text: &mut String) {
    push_hex_with(bytes, LOWER, text);
}

fn push_hex_with(bytes: &[u8], digits: [char; 16], text: &mut String) {
    let digit = |value: u8| digits.get(usize::from(value)).copied();
    for byte in bytes {
        text.extend(digit(byte >> 4));
        text.extend(digit(byte & 15));
    }
}

const LOWER: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
const UPPER: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// botocore's `sesv2/2019-09-27/service-2.json`, `signingName`.
const SERVICE: &str = "ses";
/// Room for the texts, so that they are not copied while they grow; a session token makes one longer.
const CANONICAL: usize = 512;
const AUTHORIZATION: usize = 256;

#[cfg(test)]
mod tests;
