//! Resend: `POST /emails`, and `POST /emails/batch` for several messages without files.
//!
//! Fields and bounds after resend-openapi 1.5.0, the `resend` SDKs (npm 6.38.0, PyPI 2.52.0) and resend.com/docs, read
//! in November 2026. Resend has no metadata: Sendgate's goes into its tags, which are names and values and come back in
//! its webhooks. It has no tracking per message and no streams.

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target, bearer,
    classify::{Class, Rule, Rules, json_object, of_each, readable_id, safe_word},
    header_field, http, options, post, takes_id_field,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    key,
    message::{Attachment, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, Text, print, with_files},
};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Resend's file.
pub(super) struct Resend;

impl Dialect for Resend {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.resend.com")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        build(target, dispatch).map(Call::Http)
    }

    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        http(reply, |response| classify(response, now))
    }

    fn idempotency_ms(&self) -> Option<u64> {
        Some(IDEMPOTENCY_MS)
    }

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_BATCH, recipients: usize::MAX, bytes: MAX_BYTES }
    }

    /// Everything is each message's own, but a batch takes no files and keeps no schedules.
    fn may_share(&self, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
        [first, other].iter().all(|dispatch| {
            let options = options::of(ProviderKind::Resend, dispatch.message);
            dispatch.message.attachments.is_empty() && options.is_none_or(|own| !own.contains_key("scheduled_at"))
        })
    }

    fn build_batch(
        &self,
        target: &Target<'_>,
        dispatches: &[Dispatch<'_>],
        _now: UnixMillis,
    ) -> Result<Call, BuildError> {
        build_batch(target, dispatches).map(Call::Http)
    }

    fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
        classify_batch(reply, count, now)
    }
}

/// What this message needs and Resend lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let mut headers = BTreeSet::new();
    let slots: BTreeSet<_> = (0..message.tags.len()).map(tag_name).collect();
    let found = [
        (message.to.len() > MAX_TO, "more than 50 recipients in to"),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        (!message.tags.iter().all(|tag| is_tag(tag)), "tag characters"),
        (!message.metadata.iter().all(|(name, _)| is_tag(name)), "metadata name characters"),
        (!message.metadata.iter().all(|(_, value)| is_tag(value)), "metadata value characters"),
        (message.metadata.iter().any(|(name, _)| slots.contains(name.as_str())), "metadata named like a tag"),
        (!message.headers.iter().all(|(name, _)| headers.insert(name.to_ascii_lowercase())), "repeated header"),
        (
            message.template.as_ref().is_some_and(|template| !are_variables(&template.data)),
            "template data of this shape",
        ),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (options::collide(ProviderKind::Resend, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let files = dispatch.message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email(dispatch), ("attachments", "content"), files).ok_or(BuildError::NotPrintable)?;
    let mut request = post(target, "/emails", bearer(target), body);
    request.headers.push(header_field("Idempotency-Key", dispatch.message_id));
    Ok(request)
}

/// The request for several messages: a list of what each would be alone. Its key is one for these messages in this
/// order; `permissive` lets one that is refused fail alone.
fn build_batch(target: &Target<'_>, dispatches: &[Dispatch<'_>]) -> Result<HttpRequest, BuildError> {
    let emails: Vec<_> = dispatches.iter().map(email).collect();
    let body = print(&emails).ok_or(BuildError::NotPrintable)?;
    let ids: Vec<_> = dispatches.iter().map(|dispatch| dispatch.message_id).collect();
    let key = format!("batch_{}", key::fingerprint(ids.join("\n").as_bytes()));
    let mut request = post(target, "/emails/batch", bearer(target), body);
    let more = [("Idempotency-Key", Cow::Owned(key)), ("x-batch-validation", Cow::Borrowed("permissive"))];
    request.headers.extend(more);
    Ok(request)
}

fn email<'a>(dispatch: &Dispatch<'a>) -> Email<'a> {
    let message = dispatch.message;
    Email {
        from: Text(&message.from),
        to: Each(dispatch.to, |mailbox| Text(mailbox)),
        cc: Each(dispatch.cc, |mailbox| Text(mailbox)),
        bcc: Each(dispatch.bcc, |mailbox| Text(mailbox)),
        reply_to: Each(&message.reply_to, Text),
        // Required, be it empty, unless a template brings its own.
        subject: (message.template.is_none() || !message.subject.is_empty()).then_some(&message.subject),
        text: message.text_body.as_deref(),
        html: message.html_body.as_deref(),
        headers: Pairs(&message.headers),
        tags: tags(dispatch),
        template: message.template.as_ref().map(|template| Template { id: &template.id, variables: &template.data }),
        options: options::of(ProviderKind::Resend, message),
    }
}

/// The meaning of an answer: `{"id"}` on success, `{"statusCode", "name", "message"}` otherwise.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        let id = body.get("id").and_then(Value::as_str).and_then(readable_id);
        let outcome = id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
        return Answer::new(outcome, status, None);
    }
    let name = body.get("name").and_then(Value::as_str).and_then(safe_word);
    let class = RULES.find(status, name.unwrap_or_default());
    let hint = retry_after::of_response(response, now).or_else(|| match class {
        Class::Throttled => retry_after::seconds(response.header("ratelimit-reset")?, now),
        Class::Transient
        | Class::QuotaSpent
        | Class::CredentialsWrong
        | Class::SenderRefused
        | Class::RecipientSuppressed
        | Class::Refused
        | Class::Unknown => None,
    });
    Answer::new(class.outcome(hint), status, name.map(String::from))
}

/// The meaning of an answer to a batch: `{"data": [{"id"}], "errors": [{"index", "message"}]}`, where `data` holds the
/// ids of those that `errors` does not name, in their order. Lists that do not add up to the call say nothing of any.
fn classify_batch(reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
    let whole = http(reply, |response| classify(response, now));
    let Reply::Http(response) = reply else { return of_each(whole, count) };
    let status = response.status;
    if !(200..300).contains(&status) {
        return refused_batch(whole, count);
    }
    let body = json_object(&response.body);
    let list = |field: &str| body.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let errors: BTreeMap<u64, &Value> = list("errors")
        .iter()
        .filter_map(|error| error.get("index").and_then(Value::as_u64).map(|index| (index, error)))
        .collect();
    let sums = errors.len() == list("errors").len() && errors.len().saturating_add(list("data").len()) == count;
    let known = sums && errors.keys().all(|index| usize::try_from(*index).is_ok_and(|index| index < count));
    let mut ids = list("data").iter();
    (0..count)
        .map(|index| {
            let error = u64::try_from(index).ok().and_then(|index| errors.get(&index));
            let outcome = match error {
                _ if !known => Outcome::Unknown,
                Some(error) => item_error(error),
                None => ids
                    .next()
                    .and_then(|item| item.get("id").and_then(Value::as_str).and_then(readable_id))
                    .map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) }),
            };
            Answer::new(outcome, status, None)
        })
        .collect()
}

/// An item of a batch is refused in words: only the one that is no fault of the message is told apart.
fn item_error(error: &Value) -> Outcome {
    let text = error.get("message").and_then(Value::as_str).unwrap_or_default();
    if text.contains("domain is not verified") { Outcome::SenderRefused } else { Outcome::PermanentlyRefused }
}

/// A batch that was refused as a whole, or by one sender of several. A key used before for another body is another
/// thing: under it these messages may have been taken already.
fn refused_batch(mut whole: Answer, count: usize) -> Vec<Answer> {
    if super::says_key_was_used(&whole) {
        whole.outcome = Outcome::Unknown;
    } else if whole.outcome == Outcome::SenderRefused {
        whole.outcome = Outcome::Split;
    }
    of_each(whole, count)
}

/// Tags, then metadata, in their order, then Sendgate's own id.
fn tags<'a>(dispatch: &Dispatch<'a>) -> Vec<Tag<'a>> {
    let message = dispatch.message;
    let tags = message.tags.iter().enumerate().map(|(index, value)| Tag { name: tag_name(index), value });
    let metadata = message.metadata.iter().map(|(name, value)| Tag { name: Cow::from(name), value });
    let id = is_tag(dispatch.message_id).then_some(Tag { name: Cow::from(ID_FIELD), value: dispatch.message_id });
    tags.chain(metadata).chain(id).collect()
}

/// Whether Resend takes the text as a tag's name or value.
fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Resend's tags are named; Sendgate's are not: `category`, `category_2`, `category_3` and so on.
fn tag_name(index: usize) -> Cow<'static, str> {
    match index {
        0 => Cow::Borrowed("category"),
        further => Cow::Owned(format!("category_{}", further.saturating_add(1))),
    }
}

/// Whether the data are what Resend takes as variables: at most 50 numbers and strings.
fn are_variables(data: &Map<String, Value>) -> bool {
    let is_value = |value: &Value| match value {
        Value::String(text) => text.chars().count() <= MAX_VARIABLE,
        Value::Number(_) => true,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    data.len() <= MAX_VARIABLES
        && data.iter().all(|(name, value)| name.chars().count() <= MAX_VARIABLE_NAME && is_value(value))
}

#[derive(Serialize)]
struct Email<'a> {
    from: Text<'a, Mailbox>,
    to: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    reply_to: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    headers: Pairs<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template<'a>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct Tag<'a> {
    name: Cow<'a, str>,
    value: &'a str,
}

#[derive(Serialize)]
struct Template<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    variables: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition: _ } = file;
        Self { filename, content_type, content_id: content_id.as_deref() }
    }
}

/// Every field of the body that Sendgate composes. `scheduled_at` is not among them: Sendgate keeps schedules itself,
/// and whoever wants Resend to keep one says so in `provider_options`.
const COMPOSED: [&str; 12] =
    ["from", "to", "cc", "bcc", "reply_to", "subject", "text", "html", "headers", "tags", "template", "attachments"];

/// Answers by status and `name`, after resend-rust 0.31.0's `error.rs`, the Node SDK's `RESEND_ERROR_CODE_KEY` and
/// resend.com/docs/api-reference/errors.
const RULES: Rules = Rules {
    exact: &[
        // The domain of `from` is not verified; every other 403 is about the key.
        Rule(403, "validation_error", Class::SenderRefused),
        Rule(409, "concurrent_idempotent_requests", Class::Transient),
        Rule(409, "resource_locked", Class::Transient),
        Rule(409, "invalid_idempotent_request", Class::Refused),
        Rule(429, "rate_limit_exceeded", Class::Throttled),
        Rule(429, "daily_quota_exceeded", Class::QuotaSpent),
        Rule(429, "monthly_quota_exceeded", Class::QuotaSpent),
    ],
};
/// resend-openapi: messages of a batch.
const MAX_BATCH: usize = 100;
/// resend.com/docs: 40 MB a message. No bound of a batch is documented; that of a message is surely taken.
const MAX_BYTES: usize = 40_000_000;
/// resend.com/docs: recipients of a call, counted in `to`.
const MAX_TO: usize = 50;
/// resend-openapi: characters of a tag's name and of its value.
const MAX_TAG: usize = 256;
/// resend.com/docs, templates: variables of a call.
const MAX_VARIABLES: usize = 50;
/// resend.com/docs, templates: characters of a variable's name.
const MAX_VARIABLE_NAME: usize = 50;
/// resend.com/docs, templates: characters of a variable's value.
const MAX_VARIABLE: usize = 2_000;
/// resend.com/docs, idempotency-keys: kept for 24 hours; one is left for clocks.
const IDEMPOTENCY_MS: u64 = 23 * 3_600_000;

#[cfg(test)]
mod tests;
