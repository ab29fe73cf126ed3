//! Postmark: `POST /email`, and `POST /email/withTemplate` for a template; `/email/batch` and
//! `/email/batchWithTemplates` for several of them.
//!
//! Fields and bounds after postmarkapp.com/developer, the official `postmark` SDK (npm 5.1.0) and postmarker (PyPI
//! 1.0), read in November 2026. Postmark has no idempotency key: an unknown outcome stays unknown. It takes one tag,
//! and its template calls take their subject from the template.

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target,
    classify::{Class, Rule, Rules, json_object, of_each, readable_id},
    header_field, http, options, post, takes_id_field,
};
use crate::{
    address::{Address, Mailbox, MailboxList},
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Message},
    outcome::{Answer, Outcome, Refused, RefusedReason},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, PairsAnd, Text, append_with_files, with_files},
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

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_BATCH, recipients: usize::MAX, bytes: MAX_BATCH_BYTES }
    }

    /// Everything is each message's own, but templates have another path.
    fn may_share(&self, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
        first.message.template.is_some() == other.message.template.is_some()
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
        (takes_id_field(message), ID_FIELD_TAKEN),
        (options::collide(ProviderKind::Postmark, message, composed), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let reply_to: Vec<&Mailbox> = message.reply_to.iter().collect();
    let body = with_files(&email(dispatch, &reply_to), FILES, files(message)).ok_or(BuildError::NotPrintable)?;
    let path = if message.template.is_some() { "/email/withTemplate" } else { "/email" };
    Ok(post(target, path, header_field("X-Postmark-Server-Token", target.credential), body))
}

/// The request for several messages: a list of what each would be alone.
fn build_batch(target: &Target<'_>, dispatches: &[Dispatch<'_>]) -> Result<HttpRequest, BuildError> {
    let templated = dispatches.iter().any(|dispatch| dispatch.message.template.is_some());
    let (path, open, close) = match templated {
        true => ("/email/batchWithTemplates", &b"{\"Messages\":["[..], &b"]}"[..]),
        false => ("/email/batch", &b"["[..], &b"]"[..]),
    };
    let mut body = open.to_vec();
    for (index, dispatch) in dispatches.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let reply_to: Vec<&Mailbox> = dispatch.message.reply_to.iter().collect();
        body = append_with_files(body, &email(dispatch, &reply_to), FILES, files(dispatch.message))
            .ok_or(BuildError::NotPrintable)?;
    }
    body.extend_from_slice(close);
    Ok(post(target, path, header_field("X-Postmark-Server-Token", target.credential), body))
}

fn email<'a>(dispatch: &Dispatch<'a>, reply_to: &'a [&'a Mailbox]) -> Email<'a> {
    let message = dispatch.message;
    let list = |mailboxes| Some(List(mailboxes)).filter(|List(mailboxes)| !mailboxes.is_empty());
    Email {
        from: Text(&message.from),
        to: List(dispatch.to),
        cc: list(dispatch.cc),
        bcc: list(dispatch.bcc),
        reply_to: list(reply_to),
        subject: &message.subject,
        text_body: message.text_body.as_deref(),
        html_body: message.html_body.as_deref(),
        tag: message.tags.first().map(String::as_str),
        headers: Each(&message.headers, |(name, value)| Header { name, value }),
        metadata: PairsAnd(&message.metadata, (ID_FIELD, dispatch.message_id)),
        track_opens: message.tracking.opens,
        track_links: message.tracking.clicks.map(|clicks| if clicks { "HtmlAndText" } else { "None" }),
        message_stream: message.stream.as_deref(),
        template: message.template.as_ref().map(|template| Template::of(&template.id, &template.data)),
        options: options::of(ProviderKind::Postmark, message),
    }
}

fn files(message: &Message) -> impl ExactSizeIterator<Item = (File<'_>, &String)> {
    message.attachments.iter().map(|file| (File::of(file), &file.content))
}

/// The meaning of an answer: `{"ErrorCode", "Message", "MessageID", ...}`. Codes look like statuses; the status comes
/// first.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        return classify_item(&body, status);
    }
    let word = error_code(&body).map(|code| code.to_string());
    // Some pages give 406, 409 and 410 as statuses, too: a status of this kind says no more than 422 does.
    let coded = if matches!(status, 400 | 404..=406 | 409..=412) { CODED } else { status };
    let class = RULES.find(coded, word.as_deref().unwrap_or_default());
    let outcome = class.outcome(retry_after::of_response(response, now));
    Answer::new(outcome, status, word.filter(|word| word != "0"))
}

/// The meaning of an item under a status of success: a message's own answer.
fn classify_item(item: &Map<String, Value>, status: u16) -> Answer {
    let code = error_code(item);
    let word = code.map(|code| code.to_string());
    let id = item.get("MessageID").and_then(Value::as_str).and_then(readable_id);
    let outcome = match (code, id) {
        // "Message accepted, but delivery may be delayed" comes without an ErrorCode (django-anymail, issue 392).
        (Some(0) | None, Some(id)) => Outcome::Accepted { provider_message_id: Some(id) },
        (Some(0) | None, None) => Outcome::Unknown,
        (Some(_), _) => RULES.find(CODED, word.as_deref().unwrap_or_default()).outcome(None),
    };
    let refused = if matches!(outcome, Outcome::Accepted { .. }) { inactive(item) } else { Vec::new() };
    Answer { refused, ..Answer::new(outcome, status, word.filter(|word| word != "0")) }
}

/// The meaning of an answer to a batch: a list in the order of the call. Where it is not as long as the call nobody
/// knows which answer is whose.
fn classify_batch(reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
    let whole = http(reply, |response| classify(response, now));
    let Reply::Http(response) = reply else { return of_each(whole, count) };
    if !(200..300).contains(&response.status) {
        return of_each(whole, count);
    }
    let items: Vec<Map<String, Value>> = serde_json::from_slice(&response.body).unwrap_or_default();
    if items.len() != count {
        return alloc::vec![Answer::new(Outcome::Unknown, response.status, None); count];
    }
    items.iter().map(|item| classify_item(item, response.status)).collect()
}

fn error_code(item: &Map<String, Value>) -> Option<u64> {
    item.get("ErrorCode").and_then(Value::as_u64)
}

/// The recipients that a taken message will not reach, which only its text names: `Message OK, but will not deliver to
/// these inactive addresses: a@example.com, b@example.com. Inactive recipients are ones that ...` (postmark.js 5.1.0,
/// `ErrorHandler.test.ts`; django-anymail 15.1).
fn inactive(item: &Map<String, Value>) -> Vec<Refused> {
    let text = item.get("Message").and_then(Value::as_str).unwrap_or_default();
    let Some((_, list)) = text.split_once("inactive addresses: ") else { return Vec::new() };
    let list = list.split_once(". ").map_or(list, |(list, _)| list);
    let addresses = list.split(',').filter_map(|address| Address::parse(address.trim().trim_end_matches('.')).ok());
    addresses.map(|address| Refused::new(address.as_str().to_string(), RefusedReason::Suppressed)).collect()
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
    metadata: PairsAnd<'a>,
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
/// The list of files, and the field that holds a file's content.
const FILES: (&str, &str) = ("Attachments", "Content");
/// postmarkapp.com/developer/api/email-api: messages of a batch.
const MAX_BATCH: usize = 500;
/// postmarkapp.com/developer/api/email-api: 50 MB a batch, read as decimal megabytes, the stricter reading.
const MAX_BATCH_BYTES: usize = 50_000_000;
/// postmarkapp.com/developer/api/email-api: recipients over `To`, `Cc` and `Bcc`.
const MAX_RECIPIENTS: usize = 50;
/// postmarkapp.com/developer/api/email-api: 5 MB a body, read as decimal megabytes, the stricter reading.
const MAX_BODY: usize = 5_000_000;
/// postmarkapp.com/developer/api/email-api: 10 MB with attachments, read in the same way.
const MAX_SIZE: usize = 10_000_000;

#[cfg(test)]
mod tests;
