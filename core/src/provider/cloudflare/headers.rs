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

/// RFC 2369 and RFC 8058: addresses in angle brackets, of https or mailto; one click needs an https one beside it.
fn unsubscribes_well(headers: &[(String, String)]) -> bool {
    let value = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let list = value("list-unsubscribe");
    let of = |scheme: &str, uri: &str| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let uris = |list: &String| -> Option<Vec<bool>> {
        let bare = |part: &str| {
            let uri = part.trim().strip_prefix('<')?.strip_suffix('>')?.trim().to_ascii_lowercase();
            let https = of("https://", &uri);
            (https || of("mailto:", &uri)).then_some(https)
        };
        list.split(',').map(bare).collect()
    };
    let uris = list.map(uris);
    let post = value("list-unsubscribe-post");
    let has_https = uris.as_ref().is_some_and(|uris| uris.as_ref().is_some_and(|uris| uris.contains(&true)));
    uris.as_ref().is_none_or(Option::is_some) && post.is_none_or(|value| value == ONE_CLICK && has_https)
}

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
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
