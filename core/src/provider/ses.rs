//! Amazon SES v2: `POST /v2/email/outbound-emails`, and `outbound-bulk-emails` for a template to many.
//!
//! Fields and bounds after botocore 1.44.5's model of `sesv2/2019-09-27` and the SES developer guide, read in November
//! 2026. SES has no idempotency key and no schedule. Tags and metadata become its `EmailTags`, which come back in
//! events, and with them `sendgate_id`, the message's own id, by which events are found.
//!
//! A message goes as `Simple`, which SES makes the MIME of. It goes as `Raw`, composed by the host, when it has what
//! `Simple` cannot carry: more than 15 header fields, a header value that is empty, not printable ASCII or too long, or
//! a file whose name, type or content id is too long. A template goes as `Template`, and what `Template` cannot carry is
//! a gap: there is no MIME to fall back to.

mod answer;
mod body;
mod mailbox;
pub(super) mod sigv4;

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD_TAKEN, Letter, ProviderKind, Target, USER_AGENT, header_field,
    is_header_value, options, takes_id_field,
};
use crate::{
    address::Mailbox,
    http::HttpRequest,
    message::{Attachment, Message},
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{add_files, print, with_field},
};
use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
    vec::Vec,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use body::{Bulk, Email, File, Simple, Template};
use sigv4::{Keys, Signable};

/// Ses's file.
pub(super) struct Ses;

impl Dialect for Ses {
    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Call, BuildError> {
        let body = email(target, dispatch, now)?;
        signed(target, "POST", SEND, body, now).map(Call::Http)
    }

    fn classify(&self, reply: &Reply, _now: UnixMillis) -> Answer {
        super::http(reply, answer::classify)
    }

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_DESTINATIONS, recipients: MAX_RECIPIENTS, bytes: MAX_BULK_BYTES }
    }

    fn may_share(&self, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
        may_share(first.message, other.message)
    }

    fn build_batch(
        &self,
        target: &Target<'_>,
        dispatches: &[Dispatch<'_>],
        now: UnixMillis,
    ) -> Result<Call, BuildError> {
        dispatches.iter().try_for_each(check_id)?;
        let bulk = Bulk::of(dispatches).ok_or(BuildError::NotTogether)?;
        let body = print(&bulk).ok_or(BuildError::NotPrintable)?;
        signed(target, "POST", SEND_BULK, body, now).map(Call::Http)
    }

    fn classify_batch(&self, reply: &Reply, count: usize, _now: UnixMillis) -> Vec<Answer> {
        match reply {
            Reply::Http(response) => answer::classify_batch(response, count),
            Reply::Smtp(_) | Reply::Binding(_) => alloc::vec![Answer::without_status(Outcome::Unknown); count],
        }
    }
}

/// What this message needs and SES lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let is_tag = |text: &str| is_word(text, MAX_TAG);
    let ours = |name: &String| (0..message.tags.len()).any(|index| *name == tag_name(index));
    let local = |mailbox: &Mailbox| mailbox.address.needs_smtputf8();
    let template = message.template.as_ref();
    let data = |template: &crate::message::Template| {
        serde_json::to_string(&template.data).is_ok_and(|data| data.chars().count() > MAX_TEMPLATE_DATA)
    };
    let own = options::of(ProviderKind::Ses, message);
    let found = [
        (message.recipient_count() > MAX_RECIPIENTS, "more than 50 recipients"),
        (message.recipients().chain(&message.reply_to).chain([&message.from]).any(local), "local part beyond ASCII"),
        (!message.tags.iter().all(|tag| is_tag(tag)), "tag characters"),
        (!message.metadata.iter().all(|(name, _)| is_tag(name)), "metadata name characters"),
        (!message.metadata.iter().all(|(_, value)| is_tag(value)), "metadata value characters"),
        (message.metadata.iter().any(|(name, _)| ours(name)), "metadata named like a tag"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (!message.stream.iter().all(|name| is_word(name, MAX_CONFIGURATION_SET)), "stream characters"),
        (template.is_some() && !message.subject.is_empty(), "subject with a template"),
        (template.is_some_and(data), "template data over 262144 characters"),
        (template.is_some() && message.headers.len() > MAX_HEADERS, "more than 15 headers with a template"),
        (
            template.is_some() && !message.headers.iter().all(is_simple_header),
            "header value of this kind with a template",
        ),
        (
            template.is_some() && !message.attachments.iter().all(is_simple_file),
            "attachment of this kind with a template",
        ),
        // Such an endpoint takes SigV4a only, which signs with another kind of key.
        (own.is_some_and(|own| own.contains_key("EndpointId")), "multi-region endpoint"),
        (options::collide(ProviderKind::Ses, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// Whether two messages differ only in what a destination of a bulk call has of its own.
fn may_share(first: &Message, other: &Message) -> bool {
    let own = |message| options::of(ProviderKind::Ses, message);
    let lists = |message| own(message).is_some_and(|own| own.contains_key("ListManagementOptions"));
    let id = |message: &Message| message.template.as_ref().map(|template| template.id.clone());
    first.template.is_some()
        && id(first) == id(other)
        && first.attachments.is_empty()
        && other.attachments.is_empty()
        && first.from == other.from
        && first.reply_to == other.reply_to
        && first.stream == other.stream
        && first.tracking == other.tracking
        && own(first) == own(other)
        && !lists(first)
}

/// The body for one message.
fn email(target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Vec<u8>, BuildError> {
    check_id(dispatch)?;
    let message = dispatch.message;
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let printed = if let Some(template) = Template::of(message) {
        let template = print(&template);
        let template =
            template.and_then(|template| add_files(template, FILES, files)).ok_or(BuildError::NotPrintable)?;
        with_field(&Email::of(dispatch, true), "Content", &[b"{\"Template\":", &template, b"}"])
    } else if is_simple(message) {
        let simple = print(&Simple::of(message));
        let simple = simple.and_then(|simple| add_files(simple, FILES, files)).ok_or(BuildError::NotPrintable)?;
        with_field(&Email::of(dispatch, true), "Content", &[b"{\"Simple\":", &simple, b"}"])
    } else {
        let mime = STANDARD.encode(compose(target, dispatch, now)?);
        let raw: [&[u8]; 3] = [b"{\"Raw\":{\"Data\":\"", mime.as_bytes(), b"\"}}"];
        with_field(&Email::of(dispatch, false), "Content", &raw)
    };
    printed.ok_or(BuildError::NotPrintable)
}

/// The message as MIME text, by the host.
fn compose(target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Vec<u8>, BuildError> {
    let compose = target.compose.ok_or(BuildError::Incomplete { field: "compose" })?;
    let message_id = format!("{}@{}", dispatch.message_id, dispatch.message.from.address.domain());
    let (message, to, cc) = (dispatch.message, dispatch.to, dispatch.cc);
    let mime = compose(&Letter { message, to, cc, message_id: &message_id, date: now });
    if mime.is_empty() { Err(BuildError::NotPrintable) } else { Ok(mime) }
}

/// A signed request.
pub(super) fn signed(
    target: &Target<'_>,
    method: &'static str,
    path: &str,
    body: Vec<u8>,
    now: UnixMillis,
) -> Result<HttpRequest, BuildError> {
    let lacks = |field| BuildError::Incomplete { field };
    let keys = Keys::parse(target.credential).ok_or(lacks("credential"))?;
    let base = target.base_url.trim_end_matches('/');
    let (scheme, rest) = base.split_once("://").ok_or(lacks("base_url"))?;
    let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host(scheme, authority).ok_or(lacks("base_url"))?;
    let region =
        target.region.or_else(|| region_of(&host)).filter(|region| is_region(region)).ok_or(lacks("region"))?;
    let date = sigv4::date(now).ok_or(BuildError::NotPrintable)?;
    let path = [prefix, path].concat();
    let has_body = !body.is_empty();
    let fields = [
        has_body.then_some(("content-type", JSON)),
        Some(("host", &*host)),
        Some(("x-amz-date", &*date)),
        keys.session_token.map(|token| ("x-amz-security-token", token)),
    ];
    let headers: Vec<_> = fields.into_iter().flatten().collect();
    let signable = Signable { method, path: &path, query: "", headers: &headers, body: &body };
    let authorization = sigv4::authorization(&signable, &keys, region, &date).ok_or(BuildError::NotPrintable)?;
    let fields = [
        has_body.then_some(("Content-Type", Cow::Borrowed(JSON))),
        Some(("Accept", Cow::Borrowed(JSON))),
        Some(("User-Agent", Cow::Borrowed(USER_AGENT))),
        Some(("X-Amz-Date", Cow::Owned(date))),
        keys.session_token.map(|token| header_field("X-Amz-Security-Token", token)),
        Some(("Authorization", Cow::Owned(authorization))),
    ];
    let headers = fields.into_iter().flatten().collect();
    Ok(HttpRequest { method, url: [scheme, "://", authority, &path].concat(), headers, body })
}

/// The `Host` that an HTTP client sends: in lower case, without its scheme's own port.
fn host(scheme: &str, authority: &str) -> Option<String> {
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = authority.strip_suffix(port).unwrap_or(authority);
    (is_header_value(host, MAX_HOST) && !host.contains('@')).then(|| host.to_ascii_lowercase())
}

/// The region in a name such as `email.eu-west-1.amazonaws.com` or `email-fips.us-gov-west-1.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let rest = host.strip_prefix("email.").or_else(|| host.strip_prefix("email-fips."))?;
    let (region, suffix) = rest.split_once('.')?;
    SUFFIXES.contains(&suffix).then_some(region)
}

fn is_region(region: &str) -> bool {
    let plain = region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    plain && (1..=MAX_REGION).contains(&region.len())
}

/// Whether `Simple` can carry the message.
fn is_simple(message: &Message) -> bool {
    message.headers.len() <= MAX_HEADERS
        && message.headers.iter().all(is_simple_header)
        && message.attachments.iter().all(is_simple_file)
}

fn is_simple_header((name, value): &(String, String)) -> bool {
    (1..=MAX_HEADER_VALUE).contains(&value.len())
        && name.len().saturating_add(value.len()) <= MAX_HEADER
        && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn is_simple_file(file: &Attachment) -> bool {
    file.filename.chars().count() <= MAX_FILE_NAME
        && file.content_type.len() <= MAX_FILE_WORD
        && file.content_id.as_ref().is_none_or(|id| id.len() <= MAX_FILE_WORD)
}

/// Whether the message's id can be a tag's value.
fn check_id(dispatch: &Dispatch<'_>) -> Result<(), BuildError> {
    let sound = is_word(dispatch.message_id, MAX_TAG);
    sound.then_some(()).ok_or(BuildError::InvalidHeaderValue { value: "message id" })
}

fn is_word(text: &str, bound: usize) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    plain && (1..=bound).contains(&text.len())
}

/// SES's tags are named; Sendgate's are not: `tag`, `tag_2`, `tag_3` and so on.
fn tag_name(index: usize) -> String {
    match index {
        0 => "tag".to_owned(),
        further => format!("tag_{}", further.saturating_add(1)),
    }
}

const SEND: &str = "/v2/email/outbound-emails";
const SEND_BULK: &str = "/v2/email/outbound-bulk-emails";
const JSON: &str = "application/json";
/// The list of files and the field of their contents.
const FILES: (&str, &str) = ("Attachments", "RawContent");
/// botocore's `endpoints.json`: what stands behind the region, by partition; the last is the dual-stack endpoints'.
const SUFFIXES: [&str; 3] = ["amazonaws.com", "amazonaws.eu", "api.aws"];

/// Every field of the body that Sendgate composes, of a single call or a bulk one.
const COMPOSED: [&str; 10] = [
    "FromEmailAddress",
    "Destination",
    "ReplyToAddresses",
    "Content",
    "EmailTags",
    "ConfigurationSetName",
    "ConfigurationOverrides",
    "DefaultContent",
    "DefaultEmailTags",
    "BulkEmailEntries",
];

/// SES developer guide, "Service quotas": recipients of a message over to, cc and bcc.
const MAX_RECIPIENTS: usize = 50;
/// SES developer guide, "Service quotas": destinations of a bulk call.
const MAX_DESTINATIONS: usize = 50;
/// SES developer guide, "Service quotas": what is larger than 10 MB is slowed down.
const MAX_BULK_BYTES: usize = 10_000_000;
/// botocore's model, `MessageTag`.
const MAX_TAG: usize = 256;
/// SES API reference, `CreateConfigurationSet`.
const MAX_CONFIGURATION_SET: usize = 64;
/// botocore's model, `EmailTemplateData`.
const MAX_TEMPLATE_DATA: usize = 262_144;
/// botocore's model, `MessageHeaderList`.
const MAX_HEADERS: usize = 15;
/// botocore's model, `MessageHeaderValue`; at least one.
const MAX_HEADER_VALUE: usize = 995;
/// botocore's model, `MessageHeader`: name and value together.
const MAX_HEADER: usize = 996;
/// botocore's model, `AttachmentFileName`.
const MAX_FILE_NAME: usize = 255;
/// botocore's model, `AttachmentContentId` and `AttachmentContentType`.
const MAX_FILE_WORD: usize = 78;
/// RFC 1035 section 2.3.4 and a port.
const MAX_HOST: usize = 261;
/// Longer than any region's name.
const MAX_REGION: usize = 32;

#[cfg(test)]
mod tests;
