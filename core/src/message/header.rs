//! Header fields that a message adds, and the values that end up in header fields.

use super::{
    error::{Faults, Path},
    json::Json,
    read,
    read::Object,
};
use alloc::{format, string::String, vec::Vec};

/// Header fields: an object of names and values, or a list of `{name, value}` when a name comes twice or order counts.
pub(super) fn list(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Vec<(String, String)>> {
    if matches!(json, Json::List(_)) {
        return read::list(json, path, faults, pair);
    }
    let fields = read::pairs(json, path, faults)?;
    let sound = fields.iter().filter(|(name, _)| is_allowed(name, &path.field(name), faults)).count();
    (sound == fields.len()).then_some(fields)
}

fn pair(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<(String, String)> {
    let mut object = Object::open(json, path, &["name", "value"], faults)?;
    let name = object.required("name", "missing_field", faults, read::line);
    let value = object.required("value", "missing_field", faults, read::line);
    let name = name?;
    is_allowed(&name, &path.field("name"), faults).then_some((name, value?))
}

/// A media type: `type/subtype` and parameters, printable ASCII.
pub(super) fn media_type(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let text = read::line(json, path, faults)?;
    let essence = text.split(';').next().unwrap_or_default();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let sound = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !sound || text.len() > MAX_VALUE || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        faults.add(path, "invalid_value", "must be a media type, such as text/plain");
        return None;
    }
    Some(text)
}

/// A content id as HTML names it behind `cid:`, without angle brackets.
pub(super) fn content_id(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let text = read::line(json, path, faults)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
    if !plain || !(1..=MAX_VALUE).contains(&text.len()) || text.starts_with("cid:") {
        let detail = format!("must be 1 to {MAX_VALUE} printable ASCII characters without <, > or the prefix cid:");
        faults.add(path, "invalid_value", detail);
        return None;
    }
    Some(text)
}

/// What is wrong with the fields for unsubscribing in one click (RFC 8058), when they are there: mailbox providers act
/// on the one only with an HTTPS address in the other, and would ask people to visit a page otherwise.
pub(super) fn one_click_fault(headers: &[(String, String)]) -> Option<&'static str> {
    let values = |wanted: &'static str| {
        headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    };
    let mut posts = values("list-unsubscribe-post").peekable();
    posts.peek()?;
    if !posts.all(|value| value.trim() == "List-Unsubscribe=One-Click") {
        return Some("List-Unsubscribe-Post must be List-Unsubscribe=One-Click");
    }
    let has_https = |list: &str| {
        let uris = list.split('<').skip(1).filter_map(|uri| uri.split_once('>')).map(|(uri, _)| uri);
        uris.filter(|uri| uri.get(..HTTPS.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(HTTPS))).count() == 1
    };
    let mut lists = values("list-unsubscribe");
    let sound = lists.next().is_some_and(has_https) && lists.next().is_none();
    (!sound).then_some("List-Unsubscribe-Post needs a List-Unsubscribe with one https address in angle brackets")
}

/// Whether a message may set the field of this name.
fn is_allowed(name: &str, path: &Path<'_>, faults: &mut Faults) -> bool {
    let is_ftext = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_ftext) {
        let detail = format!("a header name must have 1 to {MAX_NAME} printable ASCII characters without a colon");
        faults.add(path, "invalid_header", detail);
        return false;
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        faults.add(path, "reserved_header", "is composed from the message's own fields or set on the way");
        return false;
    }
    true
}

const HTTPS: &str = "https://";
/// Fields that the message's own fields, Sendgate's schedule or the provider set. Refused even where a provider would
/// take them: a second `Bcc` here would pass suppression by.
const RESERVED: [&str; 13] = [
    "bcc",
    "cc",
    "date",
    "dkim-signature",
    "from",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];
/// Families of such fields: MIME's, RFC 5322's resent fields, RFC 8617's seals.
const RESERVED_PREFIXES: [&str; 3] = ["content-", "resent-", "arc-"];
/// A name with its colon fits RFC 5322's recommended line of 78 characters.
const MAX_NAME: usize = 77;
/// RFC 6838 and RFC 2045 name no bound; this is far beyond any real value.
const MAX_VALUE: usize = 255;
