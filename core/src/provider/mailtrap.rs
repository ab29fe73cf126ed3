//! Mailtrap: `POST /api/send`, and `/api/batch` for several.
//!
//! Fields and bounds after mailtrap-openapi (`email-sending-transactional.openapi.yml`, 2.0.0) and the official SDK (npm
//! 4.10.0), read in November 2026. The base URL tells its streams apart (`send`, `bulk`), so a message has none. It has
//! one tag, the category; no tracking per message; no idempotency key. Its errors are texts without codes. It gives an id
//! for each recipient, the first of which is kept.

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target, bearer,
    classify::{Class, by_status, json_object, of_each, readable_id},
    http, options,
    people::{ID_BYTES, People, Person, people, repeats_header},
    post, takes_id_field,
};
use crate::{
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Disposition, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Pairs, PairsAnd, print, with_files},
};
use alloc::{string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

/// Mailtrap's file.
pub(super) struct Mailtrap;

impl Dialect for Mailtrap {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://send.api.mailtrap.io")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        Ok(Call::Http(request(target, "/api/send", email(dispatch)?)))
    }

    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        http(reply, |response| classify(response, now))
    }

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_BATCH, recipients: usize::MAX, bytes: MAX_BATCH_BYTES }
    }

    /// Each message of a batch has everything of its own.
    fn may_share(&self, _first: &Dispatch<'_>, _other: &Dispatch<'_>) -> bool {
        true
    }

    fn build_batch(
        &self,
        target: &Target<'_>,
        dispatches: &[Dispatch<'_>],
        _now: UnixMillis,
    ) -> Result<Call, BuildError> {
        let emails = dispatches.iter().map(email).collect::<Result<Vec<_>, _>>()?;
        let body = [b"{\"requests\":[", emails.join(&b',').as_slice(), b"]}"].concat();
        Ok(Call::Http(request(target, "/api/batch", body)))
    }

    fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
        match reply {
            Reply::Http(response) if (200..300).contains(&response.status) => items(response, count),
            Reply::Http(_) | Reply::Smtp(_) | Reply::Binding(_) => of_each(self.classify(reply, now), count),
        }
    }
}

/// What this message needs and Mailtrap lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let template = message.template.is_some();
    let is_long = |tag: &String| tag.chars().count() > MAX_TAG;
    let variables = print(&Pairs(&message.metadata)).map_or(0, |printed| printed.len());
    let found = [
        (message.reply_to.len() > 1, "more than one reply-to"),
        (message.tags.len() > 1, "more than one tag"),
        (message.tags.iter().any(is_long), "tag over 255 characters"),
        (variables.saturating_add(ID_BYTES) > MAX_VARIABLES, "metadata over 1000 bytes"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        (template && !message.subject.is_empty(), "subject with a template"),
        (template && !message.tags.is_empty(), "tag with a template"),
        (repeats_header(message), "repeated header"),
        (options::collide(ProviderKind::Mailtrap, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// One message as JSON.
fn email(dispatch: &Dispatch<'_>) -> Result<Vec<u8>, BuildError> {
    let message = dispatch.message;
    let template = message.template.as_ref();
    let email = Email {
        from: Person::of(&message.from),
        to: people(dispatch.to),
        cc: people(dispatch.cc),
        bcc: people(dispatch.bcc),
        reply_to: message.reply_to.first().map(Person::of),
        subject: &message.subject,
        // An empty body is an error there; a message without it says the same.
        text: message.text_body.as_deref().filter(|body| !body.is_empty()),
        html: message.html_body.as_deref().filter(|body| !body.is_empty()),
        category: message.tags.first().map(String::as_str),
        headers: Pairs(&message.headers),
        custom_variables: PairsAnd(&message.metadata, (ID_FIELD, dispatch.message_id)),
        template_uuid: template.map(|template| &*template.id),
        template_variables: template.map(|template| &template.data).filter(|data| !data.is_empty()),
        options: options::of(ProviderKind::Mailtrap, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)
}

fn request(target: &Target<'_>, path: &str, body: Vec<u8>) -> HttpRequest {
    post(target, path, bearer(target), body)
}

/// The meaning of an answer: `{"success": true, "message_ids"}`, or `{"success": false, "errors"}`.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let status = response.status;
    if (200..300).contains(&status) {
        let body = json_object(&response.body);
        let outcome =
            first_id(&body).map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
        return Answer::new(outcome, status, None);
    }
    let outcome = by_status(status).outcome(retry_after::of_response(response, now));
    Answer::new(outcome, status, None)
}

/// A batch is answered with 200 whatever became of its messages.
fn items(response: &HttpResponse, count: usize) -> Vec<Answer> {
    let body = json_object(&response.body);
    let list = body.get("responses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let answer = |outcome| Answer::new(outcome, response.status, None);
    // A list of another length cannot be told apart.
    if list.len() != count {
        return alloc::vec![answer(Outcome::Unknown); count];
    }
    let item = |item: &Value| {
        let empty = Map::new();
        let fields = item.as_object().unwrap_or(&empty);
        match (fields.get("success").and_then(Value::as_bool), first_id(fields)) {
            (Some(true), Some(id)) => answer(Outcome::Accepted { provider_message_id: Some(id) }),
            (Some(false), _) => answer(Class::Refused.outcome(None)),
            (Some(true) | None, _) => answer(Outcome::Unknown),
        }
    };
    list.iter().map(item).collect()
}

fn first_id(fields: &Map<String, Value>) -> Option<String> {
    let is_good = fields.get("success") == Some(&Value::Bool(true));
    let id = fields.get("message_ids")?.get(0)?.as_str().and_then(readable_id);
    id.filter(|_| is_good)
}

#[derive(Serialize)]
struct Email<'a> {
    from: Person<'a>,
    to: People<'a>,
    #[serde(skip_serializing_if = "People::is_empty")]
    cc: People<'a>,
    #[serde(skip_serializing_if = "People::is_empty")]
    bcc: People<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Person<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    headers: Pairs<'a>,
    custom_variables: PairsAnd<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_uuid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_variables: Option<&'a Map<String, Value>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    #[serde(rename = "type")]
    content_type: &'a str,
    disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition } = file;
        Self { filename, content_type, disposition: *disposition, content_id: content_id.as_deref() }
    }
}

/// Every field of the body that Sendgate composes, of one message or of a batch.
const COMPOSED: [&str; 16] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "text",
    "html",
    "category",
    "headers",
    "custom_variables",
    "template_uuid",
    "template_variables",
    "attachments",
    "base",
    "requests",
];

/// mailtrap-openapi, `/api/batch`: messages of a call.
const MAX_BATCH: usize = 500;
/// mailtrap-openapi, `/api/batch`: 50 MB, read as decimal megabytes, the stricter reading.
const MAX_BATCH_BYTES: usize = 50_000_000;
/// mailtrap-openapi, `EmailCategory`.
const MAX_TAG: usize = 255;
/// api-docs.mailtrap.io, "Send email": custom variables in their JSON form, Sendgate's own id among them.
const MAX_VARIABLES: usize = 1_000;

#[cfg(test)]
mod tests;
