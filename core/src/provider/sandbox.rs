//! The sandbox provider: `POST /messages` of the simulator's own plain interface, for development and tests.
//!
//! It lacks nothing: what a message can say, it takes. Its answers are `{"id"}`, or `{"code"}` with the status that
//! HTTP has for it. `POST /messages/batch` takes a list and answers with a list: for each message `{"id"}`, or `{"code"}`
//! and the `status` that it would have had alone.

use super::{
    Bounds, BuildError, Dialect, Dispatch, ProviderKind, Target, bearer,
    classify::{Class, Rule, Rules, json_object, readable_id, safe_word},
    header_field, http, options, post,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    key,
    message::{Disposition, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, Text, with_files},
};
use alloc::{string::String, vec, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

/// Sandbox's file.
pub(super) struct Sandbox;

impl Dialect for Sandbox {
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
        Bounds { messages: MAX_BATCH, recipients: usize::MAX, bytes: MAX_BATCH_BYTES }
    }

    fn may_share(&self, _first: &Dispatch<'_>, _other: &Dispatch<'_>) -> bool {
        true
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
        match reply {
            Reply::Http(response) => classify_batch(response, count, now),
            Reply::Smtp(_) | Reply::Binding(_) => vec![Answer::without_status(Outcome::Unknown); count],
        }
    }
}

/// What this message needs and the sandbox lacks: nothing but clashing options.
fn gaps(message: &Message) -> Vec<&'static str> {
    let collides = options::collide(ProviderKind::Sandbox, message, &COMPOSED);
    collides.then_some(options::COLLISION).into_iter().collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    request(target, "/messages", dispatch.message_id, body(dispatch)?)
}

/// The request for several messages. Its key is that of these messages in this order.
fn build_batch(target: &Target<'_>, dispatches: &[Dispatch<'_>]) -> Result<HttpRequest, BuildError> {
    let bodies = dispatches.iter().map(body).collect::<Result<Vec<_>, _>>()?;
    let mut list = Vec::with_capacity(bodies.iter().map(|body| body.len().saturating_add(1)).sum::<usize>() + 1);
    for body in &bodies {
        list.push(if list.is_empty() { b'[' } else { b',' });
        list.extend_from_slice(body);
    }
    list.push(b']');
    let ids: Vec<&str> = dispatches.iter().map(|dispatch| dispatch.message_id).collect();
    request(target, "/messages/batch", &key::fingerprint(ids.join("\n").as_bytes()), list)
}

fn request(target: &Target<'_>, path: &str, key: &str, body: Vec<u8>) -> Result<HttpRequest, BuildError> {
    let mut request = post(target, path, bearer(target), body);
    request.headers.push(header_field("Idempotency-Key", key));
    Ok(request)
}

fn body(dispatch: &Dispatch<'_>) -> Result<Vec<u8>, BuildError> {
    let message = dispatch.message;
    let (opens, clicks) = (message.tracking.opens, message.tracking.clicks);
    let email = Email {
        id: dispatch.message_id,
        from: Text(&message.from),
        to: Each(dispatch.to, |mailbox| Text(mailbox)),
        cc: Each(dispatch.cc, |mailbox| Text(mailbox)),
        bcc: Each(dispatch.bcc, |mailbox| Text(mailbox)),
        reply_to: Each(&message.reply_to, Text),
        subject: &message.subject,
        text_body: message.text_body.as_deref(),
        html_body: message.html_body.as_deref(),
        headers: Each(&message.headers, |(name, value)| Header { name, value }),
        tags: &message.tags,
        metadata: Pairs(&message.metadata),
        tracking: (opens.is_some() || clicks.is_some()).then_some(Tracking { opens, clicks }),
        stream: message.stream.as_deref(),
        template: message.template.as_ref().map(|template| Template { id: &template.id, data: &template.data }),
        options: options::of(ProviderKind::Sandbox, message),
    };
    let files = message.attachments.iter().map(|file| {
        let content_id = file.content_id.as_deref();
        let (filename, content_type) = (&file.filename, &file.content_type);
        (File { filename, content_type, disposition: file.disposition, content_id }, &file.content)
    });
    with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)
}

/// The meaning of an answer.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        return Answer::new(taken(&body), status, None);
    }
    let (outcome, code) = refused(status, &body, retry_after::of_response(response, now));
    Answer::new(outcome, status, code)
}

/// The meaning of an answer to a call of several messages, for each of them.
fn classify_batch(response: &HttpResponse, count: usize, now: UnixMillis) -> Vec<Answer> {
    if !(200..300).contains(&response.status) {
        let mut answer = classify(response, now);
        if matches!(answer.outcome, Outcome::PermanentlyRefused | Outcome::RecipientSuppressed) {
            answer.outcome = Outcome::Split;
        }
        return vec![answer; count];
    }
    let items: Vec<Map<String, Value>> = serde_json::from_slice(&response.body).unwrap_or_default();
    let of = |item: &Map<String, Value>| match item.get("status").and_then(Value::as_u64) {
        None => Answer::new(taken(item), response.status, None),
        Some(status) => {
            let (outcome, code) = refused(u16::try_from(status).unwrap_or_default(), item, None);
            Answer::new(outcome, response.status, code)
        }
    };
    let unknown = || Answer::new(Outcome::Unknown, response.status, None);
    (0..count).map(|place| items.get(place).map_or_else(unknown, of)).collect()
}

fn taken(body: &Map<String, Value>) -> Outcome {
    let id = body.get("id").and_then(Value::as_str).and_then(readable_id);
    id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) })
}

fn refused(status: u16, body: &Map<String, Value>, retry_at: Option<UnixMillis>) -> (Outcome, Option<String>) {
    let code = body.get("code").and_then(Value::as_str).and_then(safe_word);
    (RULES.find(status, code.unwrap_or_default()).outcome(retry_at), code.map(String::from))
}

#[derive(Serialize)]
struct Email<'a> {
    id: &'a str,
    from: Text<'a, Mailbox>,
    to: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc: Each<'a, &'a Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    reply_to: Each<'a, Mailbox, Text<'a, Mailbox>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Each<'a, (String, String), Header<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    metadata: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template<'a>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Tracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<bool>,
}

#[derive(Serialize)]
struct Template<'a> {
    id: &'a str,
    data: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

/// Every field of the body that Sendgate composes.
const COMPOSED: [&str; 16] = [
    "id",
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "text_body",
    "html_body",
    "headers",
    "attachments",
    "tags",
    "metadata",
    "tracking",
    "stream",
    "template",
];

/// Answers by status and `code`; the simulator's tables hold the other half.
const RULES: Rules = Rules {
    exact: &[
        Rule(422, "recipient_suppressed", Class::RecipientSuppressed),
        Rule(429, "quota_exceeded", Class::QuotaSpent),
    ],
};
/// Messages of a call: as many as Resend's.
const MAX_BATCH: usize = 100;
/// Of a call's body: far below what the simulator's host takes in one request (100 MB).
const MAX_BATCH_BYTES: usize = 20_000_000;
/// The simulator keeps keys as Resend does, for 24 hours; one is left for clocks.
const IDEMPOTENCY_MS: u64 = 23 * 3_600_000;

#[cfg(test)]
mod tests;
