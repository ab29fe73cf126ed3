//! Resend: `POST /emails`.
//!
//! Fields and bounds after resend-openapi 1.5.0, the `resend` SDKs (npm 6.38.0, PyPI 2.52.0) and resend.com/docs, read
//! in November 2026. Resend has no metadata: Sendgate's goes into its tags, which are names and values and come back in
//! its webhooks. It has no tracking per message and no streams.

use super::{
    BuildError, Dialect, Dispatch, ProviderKind, Target,
    classify::{Class, Rule, Rules, json_object, safe_word},
    http, options, post,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, Text, with_files},
};
use alloc::{borrow::Cow, collections::BTreeSet, format, string::String, vec::Vec};
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

    fn has_idempotency_key(&self) -> bool {
        true
    }
}

/// What this message needs and Resend lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let is_tag = |text: &String| {
        (1..=MAX_TAG).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let mut headers = BTreeSet::new();
    let slots: BTreeSet<_> = (0..message.tags.len()).map(tag_name).collect();
    let found = [
        (message.to.len() > MAX_TO, "more than 50 recipients in to"),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        (!message.tags.iter().all(is_tag), "tag characters"),
        (!message.metadata.iter().all(|(name, _)| is_tag(name)), "metadata name characters"),
        (!message.metadata.iter().all(|(_, value)| is_tag(value)), "metadata value characters"),
        (message.metadata.iter().any(|(name, _)| slots.contains(name.as_str())), "metadata named like a tag"),
        (!message.headers.iter().all(|(name, _)| headers.insert(name.to_ascii_lowercase())), "repeated header"),
        (
            message.template.as_ref().is_some_and(|template| !are_variables(&template.data)),
            "template data of this shape",
        ),
        (options::collide(ProviderKind::Resend, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let email = Email {
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
        tags: tags(message),
        template: message.template.as_ref().map(|template| Template { id: &template.id, variables: &template.data }),
        options: options::of(ProviderKind::Resend, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)?;
    let authorization = format!("Bearer {}", target.credential);
    let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", dispatch.message_id)];
    Ok(post(target, "/emails", &headers, body))
}

/// The meaning of an answer: `{"id"}` on success, `{"statusCode", "name", "message"}` otherwise.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        let id = body.get("id").and_then(Value::as_str).and_then(super::classify::readable_id);
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

/// Tags, then metadata, in their order.
fn tags(message: &Message) -> Vec<Tag<'_>> {
    let tags = message.tags.iter().enumerate().map(|(index, value)| Tag { name: tag_name(index), value });
    let metadata = message.metadata.iter().map(|(name, value)| Tag { name: Cow::from(name), value });
    tags.chain(metadata).collect()
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

#[cfg(test)]
mod tests;
