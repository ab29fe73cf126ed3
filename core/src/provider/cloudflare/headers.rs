//! Header fields that Cloudflare takes: a list of names, and any name with `X-`.
//!
//! After cloudflare-docs, `email-service/reference/headers.mdx` (0054baa). What is missing here from its list, Sendgate
//! composes itself and takes from nobody (`Content-Language`: the `Content-` fields are MIME's).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

/// What these fields need and Cloudflare lacks.
pub(super) fn gaps(headers: &[(String, String)]) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    let listed = headers.iter().filter(|(name, _)| !is_own(name)).count();
    let frame = ": \r\n".len();
    let bytes: usize =
        headers.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(frame)).sum();
    let is_known = |name: &str| is_own(name) || LISTED.iter().any(|known| known.eq_ignore_ascii_case(name));
    let found = [
        (!headers.iter().all(|(name, _)| is_known(name)), "header that Cloudflare does not list"),
        (!headers.iter().all(|(name, _)| seen.insert(name.to_ascii_lowercase())), "repeated header"),
        (!headers.iter().all(|(_, value)| (1..=MAX_VALUE).contains(&value.len())), "header value of this length"),
        (!headers.iter().all(|(name, value)| is_value(name, value)), "header value of this kind"),
        (!unsubscribes_well(headers), "unsubscribe header of this form"),
        (listed > MAX_LISTED, "more than 20 headers without X-"),
        (bytes > MAX_BYTES, "headers over 16 KB"),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// `X-` and letters, digits, hyphens and underscores.
fn is_own(name: &str) -> bool {
    let rest = name.get(..2).filter(|start| start.eq_ignore_ascii_case("x-")).and_then(|_| name.get(2..));
    let plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    rest.is_some_and(|rest| !rest.is_empty() && plain(rest))
}

/// Fields with a list of words take nothing else.
fn is_value(name: &str, value: &str) -> bool {
    let words = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    words.is_none_or(|(_, words)| words.iter().any(|word| word.eq_ignore_ascii_case(value)))
}

/// RFC 2369's addresses in angle brackets, of https or mailto only. That one click has an https one beside it is the
/// message's own rule ([`crate::message`]).
fn unsubscribes_well(headers: &[(String, String)]) -> bool {
    let bare = |part: &str| {
        let uri = part.trim().strip_prefix('<').and_then(|part| part.strip_suffix('>')).map(str::to_ascii_lowercase);
        uri.is_some_and(|uri| uri.starts_with("https://") || uri.starts_with("mailto:"))
    };
    let mut lists = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("list-unsubscribe"));
    lists.all(|(_, value)| value.split(',').all(bare))
}

const LISTED: [&str; 22] = [
    "In-Reply-To",
    "References",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "List-Archive",
    "List-Help",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "Precedence",
    "Auto-Submitted",
    "Keywords",
    "Comments",
    "Importance",
    "Priority",
    "Sensitivity",
    "Organization",
    "Require-Recipient-Valid-Since",
    "Expires",
    "Reply-By",
    "Archived-At",
];
const WORDS: [(&str, &[&str]); 5] = [
    ("Precedence", &["bulk", "list", "junk"]),
    ("Auto-Submitted", &["auto-generated", "auto-replied", "auto-notified"]),
    ("Importance", &["high", "normal", "low"]),
    ("Priority", &["normal", "non-urgent", "urgent"]),
    ("Sensitivity", &["personal", "private", "company-confidential"]),
];
const MAX_LISTED: usize = 20;
const MAX_VALUE: usize = 2_048;
/// 16 KB, read as decimal kilobytes, the stricter reading.
const MAX_BYTES: usize = 16_000;
