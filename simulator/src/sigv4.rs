//! Amazon's Signature Version 4, checked: the signature is made anew from the request and the known secret.
//!
//! Written from Amazon's description of the algorithm, and apart from the core's signer, whose witness it is.

use crate::Arrival;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sendgate_core::time::UnixMillis;
use sha2::{Digest, Sha256};

/// Why a request is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mismatch {
    /// There is no signature.
    Missing,
    /// The `Authorization` field is not of the scheme's shape, or leaves out a field that has to be signed.
    Malformed,
    /// The access key is not known.
    UnknownKey,
    /// The request was signed more than 15 minutes ago, or as long in the future.
    Skewed,
    /// The signature is another.
    Different,
}

/// Checks the request's signature at `now`; it may cover any of `paths`.
pub(crate) fn check(
    arrival: &Arrival<'_>,
    paths: &[&str],
    (access_key, secret_key): (&str, &str),
    service: &str,
    now: UnixMillis,
) -> Result<(), Mismatch> {
    let claim = Claim::read(arrival)?;
    let [key, day, region, claimed_service, "aws4_request"] = claim.scope.as_slice() else {
        return Err(Mismatch::Malformed);
    };
    if *key != access_key {
        return Err(Mismatch::UnknownKey);
    }
    let date = arrival.header("x-amz-date").ok_or(Mismatch::Malformed)?;
    let signed_at = read_date(date).ok_or(Mismatch::Malformed)?;
    if signed_at.since(now) > MOST_SKEW_MS || now.since(signed_at) > MOST_SKEW_MS {
        return Err(Mismatch::Skewed);
    }
    if date.get(..8) != Some(*day) || *claimed_service != service {
        return Err(Mismatch::Different);
    }
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let first = mac(format!("AWS4{secret_key}").as_bytes(), day);
    let key = [region, service, "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
    let fits = |path: &&str| {
        let request = claim.canonical_request(arrival, path);
        let text = format!("{SCHEME}\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
        hex(&mac(&key, &text)) == claim.signature
    };
    if paths.iter().any(fits) { Ok(()) } else { Err(Mismatch::Different) }
}

/// What the `Authorization` field says.
struct Claim<'a> {
    /// Access key, day, region, service and the closing word.
    scope: Vec<&'a str>,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(arrival: &Arrival<'a>) -> Result<Self, Mismatch> {
        let field = arrival.header("authorization").ok_or(Mismatch::Missing)?;
        let parts = field.strip_prefix(SCHEME).ok_or(Mismatch::Missing)?;
        let part = |name: &str| {
            let mut all = parts.split(',').filter_map(|part| part.trim().split_once('='));
            all.find(|(known, _)| *known == name).map(|(_, value)| value).ok_or(Mismatch::Malformed)
        };
        let signed: Vec<&str> = part("SignedHeaders")?.split(';').collect();
        let must = |name: &str| name.eq_ignore_ascii_case("host") || name.to_lowercase().starts_with("x-amz-");
        let left_out =
            arrival.headers.iter().any(|(name, _)| must(name) && !signed.contains(&name.to_lowercase().as_str()));
        if left_out || !signed.is_sorted() || signed.iter().any(|name| arrival.header(name).is_none()) {
            return Err(Mismatch::Malformed);
        }
        Ok(Self { scope: part("Credential")?.split('/').collect(), signed, signature: part("Signature")? })
    }

    fn canonical_request(&self, arrival: &Arrival<'_>, path: &str) -> String {
        let mut request = format!("{}\n{}\n{}\n", arrival.method, encoded(path, true), canonical_query(arrival.query));
        for name in &self.signed {
            let values = arrival.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let values: Vec<String> = values.map(|(_, value)| one_spaced(value)).collect();
            request.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let body = hex(&Sha256::digest(arrival.body));
        let told = arrival.header("x-amz-content-sha256");
        // A digest that is told and is not the body's stays in the request, where the body's would not match it.
        let body = if told.is_some_and(|told| told != body) { String::from("mismatch") } else { body };
        request.push_str(&format!("\n{}\n{body}", self.signed.join(";")));
        request
    }
}

/// The pairs of a query, each encoded anew, by name and then by value.
fn canonical_query(query: &str) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let anew = |text: &str| encoded(&percent_decode_str(text).decode_utf8_lossy(), false);
        (anew(name), anew(value))
    };
    let mut pairs: Vec<(String, String)> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Percent-encoded but for RFC 3986's unreserved letters, and slashes where they part a path.
fn encoded(text: &str, is_path: bool) -> String {
    utf8_percent_encode(text, if is_path { &PATH } else { &UNRESERVED }).to_string()
}

/// A value without spaces around it, and with one where there were several.
fn one_spaced(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `20261201T100000Z`.
fn read_date(text: &str) -> Option<UnixMillis> {
    let part = |from: usize, to: usize| text.get(from..to);
    if text.len() != 16 {
        return None;
    }
    UnixMillis::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?
    ))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length fits: a longer one is digested first.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const SCHEME: &str = "AWS4-HMAC-SHA256";
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: AsciiSet = UNRESERVED.remove(b'/');
/// Amazon lets a clock be 15 minutes off.
const MOST_SKEW_MS: u64 = 15 * 60_000;
