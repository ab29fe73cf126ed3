//! Postmark: `POST /email`, and `POST /email/withTemplate` for a template.
//!
//! Fields and bounds after postmarkapp.com/developer, the official `postmark` SDK (npm 5.1.0) and postmarker (PyPI
//! 1.0), read in November 2026. Postmark has no idempotency key: an unknown outcome stays unknown. It takes one tag,
//! and its template calls take their subject from the template.

use super::{
    BuildError, Dialect, Dispatch, ProviderKind, Target,
    classify::{Class, Rule, Rules, json_object, readable_id},
    http, options, post,
};
use crate::{
    address::{Mailbox, MailboxList},
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, Text, with_files},
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Postmark's file.
pub(super) struct Postmark;

impl Dialect for Postmark {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.postmarkapp.com")
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
}

/// What this message needs and Postmark lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let too_long = |body: &Option<String>| body.as_ref().is_some_and(|body| body.len() > MAX_BODY);
    let mut names = BTreeSet::new();
    let tracks = message.tracking.clicks.is_some();
    let composed = if tracks { &COMPOSED[..] } else { COMPOSED.split_last().map_or(&[][..], |(_, rest)| rest) };
    let found = [
        (message.recipient_count() > MAX_RECIPIENTS, "more than 50 recipients"),
        (message.tags.len() > 1, "more than one tag"),
        (message.template.is_some() && !message.subject.is_empty(), "subject with a template"),
        (too_long(&message.text_body) || too_long(&message.html_body), "bodies over 5 MB"),
        (message.size() > MAX_SIZE, "messages over 10 MB"),
        (
            !message.metadata.iter().all(|(name, _)| names.insert(name.to_lowercase())),
            "metadata names that differ in case only",
        ),
        (options::collide(ProviderKind::Postmark, message, composed), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let reply_to: Vec<&Mailbox> = message.reply_to.iter().collect();
    let list = |mailboxes| Some(List(mailboxes)).filter(|List(mailboxes)| !mailboxes.is_empty());
    let email = Email {
        from: Text(&message.from),
        to: List(dispatch.to),
        cc: list(dispatch.cc),
        bcc: list(dispatch.bcc),
        reply_to: list(&reply_to),
        subject: &message.subject,
        text_body: message.text_body.as_deref(),
        html_body: message.html_body.as_deref(),
        tag: message.tags.first().map(String::as_str),
        headers: Each(&message.headers, |(name, value)| Header { name, value }),
        metadata: Pairs(&message.metadata),
        track_opens: message.tracking.opens,
        track_links: message.tracking.clicks.map(|clicks| if clicks { "HtmlAndText" } else { "None" }),
        message_stream: message.stream.as_deref(),
        template: message.template.as_ref().map(|template| Template::of(&template.id, &template.data)),
        options: options::of(ProviderKind::Postmark, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("Attachments", "Content"), files).ok_or(BuildError::NotPrintable)?;
    let path = if message.template.is_some() { "/email/withTemplate" } else { "/email" };
    Ok(post(target, path, &[("X-Postmark-Server-Token", target.credential)], body))
}

/// The meaning of an answer: `{"ErrorCode", "Message", "MessageID", ...}`. Codes look like statuses; the status comes
/// first.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    let code = body.get("ErrorCode").and_then(Value::as_u64);
    let word = code.map(|code| code.to_string());
    let outcome = if (200..300).contains(&status) {
        let id = body.get("MessageID").and_then(Value::as_str).and_then(readable_id);
        match (code, id) {
            // "Message accepted, but delivery may be delayed" comes without an ErrorCode (django-anymail, issue 392).
            (Some(0) | None, Some(id)) => Outcome::Accepted { provider_message_id: Some(id) },
            (Some(0) | None, None) => Outcome::Unknown,
            (Some(_), _) => RULES.find(CODED, word.as_deref().unwrap_or_default()).outcome(None),
        }
    } else {
        // Some pages give 406, 409 and 410 as statuses, too: a status of this kind says no more than 422 does.
        let status = if matches!(status, 400 | 404..=406 | 409..=412) { CODED } else { status };
        RULES.find(status, word.as_deref().unwrap_or_default()).outcome(retry_after::of_response(response, now))
    };
    Answer::new(outcome, status, word.filter(|word| word != "0"))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Email<'a> {
    from: Text<'a, Mailbox>,
    to: List<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cc: Option<List<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bcc: Option<List<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<List<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Each<'a, (String, String), Header<'a>>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    metadata: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_links: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_stream: Option<&'a str>,
    #[serde(flatten)]
    template: Option<Template<'a>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

/// Mailboxes as one string with commas.
struct List<'a>(&'a [&'a Mailbox]);

impl Serialize for List<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&MailboxList(self.0))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Template<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_alias: Option<&'a str>,
    template_model: &'a Map<String, Value>,
}

impl<'a> Template<'a> {
    /// Ids are numbers, and an alias begins with a letter: the digits tell.
    fn of(id: &'a str, template_model: &'a Map<String, Value>) -> Self {
        let number = if id.bytes().all(|byte| byte.is_ascii_digit()) { id.parse().ok() } else { None };
        Self { template_id: number, template_alias: number.is_none().then_some(id), template_model }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    name: &'a str,
    content_type: &'a str,
    #[serde(rename = "ContentID", skip_serializing_if = "Option::is_none")]
    content_id: Option<String>,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition: _ } = file;
        Self { name: filename, content_type, content_id: content_id.as_ref().map(|id| format!("cid:{id}")) }
    }
}

/// Every field of the body that Sendgate composes. `TrackLinks` stands last: it is free for `HtmlOnly` and `TextOnly`
/// when the message itself says nothing about clicks.
const COMPOSED: [&str; 19] = [
    "From",
    "To",
    "Cc",
    "Bcc",
    "ReplyTo",
    "Subject",
    "TextBody",
    "HtmlBody",
    "Tag",
    "Headers",
    "Metadata",
    "TrackOpens",
    "MessageStream",
    "TemplateId",
    "TemplateAlias",
    "TemplateModel",
    "Attachments",
    "Messages",
    "TrackLinks",
];

/// Answers by status and `ErrorCode`, after postmarkapp.com/developer/api/overview and the Node SDK's
/// `ErrorHandler.ts`. Postmark answers 422 with its code for nearly everything; codes that are not here refuse the
/// message.
const RULES: Rules = Rules {
    exact: &[
        Rule(CODED, "10", Class::CredentialsWrong),
        Rule(CODED, "100", Class::Transient),
        Rule(CODED, "400", Class::SenderRefused),
        Rule(CODED, "401", Class::SenderRefused),
        Rule(CODED, "405", Class::QuotaSpent),
        Rule(CODED, "406", Class::RecipientSuppressed),
        Rule(CODED, "412", Class::CredentialsWrong),
        Rule(CODED, "413", Class::CredentialsWrong),
    ],
};
/// The status of an answer whose meaning is in its `ErrorCode`.
const CODED: u16 = 422;
/// postmarkapp.com/developer/api/email-api: recipients over `To`, `Cc` and `Bcc`.
const MAX_RECIPIENTS: usize = 50;
/// postmarkapp.com/developer/api/email-api: 5 MB a body, read as decimal megabytes, the stricter reading.
const MAX_BODY: usize = 5_000_000;
/// postmarkapp.com/developer/api/email-api: 10 MB with attachments, read in the same way.
const MAX_SIZE: usize = 10_000_000;

#[cfg(test)]
mod tests;
