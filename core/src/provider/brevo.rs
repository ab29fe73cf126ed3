//! Brevo: `POST /v3/smtp/email`.
//!
//! Fields and bounds after the official SDK (`@getbrevo/brevo`, npm 6.0.3), developers.brevo.com and what
//! django-anymail 15.1 found out, read in November 2026. Metadata goes into Brevo's own header `X-Mailin-custom`, which
//! comes back in its webhooks; receivers can see it. A file's media type is Brevo's guess from its name. Its idempotency
//! key is a field in the body and a UUID: the message's id, hashed.

use super::{
    BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target,
    classify::{Class, Rule, Rules, json_object, readable_id, safe_word},
    header_field, http, options,
    people::{People, Person, people, repeats_header},
    post, takes_id_field,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Disposition, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{PairsAnd, with_files},
};
use alloc::{string::String, vec::Vec};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Brevo's file.
pub(super) struct Brevo;

impl Dialect for Brevo {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.brevo.com")
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
}

/// What this message needs and Brevo lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let mailboxes = || message.recipients().chain(&message.reply_to).chain([&message.from]);
    let is_long = |mailbox: &Mailbox| mailbox.name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME);
    let is_own = |name: &String| OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name));
    let is_ascii = |(name, value): &(String, String)| name.is_ascii() && value.is_ascii();
    let files = &message.attachments;
    let found = [
        (message.recipient_count() > MAX_RECIPIENTS, "more than 99 recipients"),
        (message.reply_to.len() > 1, "more than one reply-to"),
        (mailboxes().any(is_long), "display name over 70 characters"),
        (mailboxes().any(|mailbox| mailbox.address.needs_smtputf8()), "local part beyond ASCII"),
        (message.template.is_none() && message.html_body.as_ref().is_none_or(String::is_empty), "text without HTML"),
        (message.template.as_ref().is_some_and(|template| number(&template.id).is_none()), "template id of this form"),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        (files.iter().any(|file| file.disposition == Disposition::Inline), "inline files"),
        (files.iter().any(|file| !file.filename.is_ascii()), "file name beyond ASCII"),
        (!files.iter().all(|file| is_known_file(&file.filename)), "file name of this ending"),
        (repeats_header(message), "repeated header"),
        (message.headers.iter().any(|(name, _)| is_own(name)), "header that Brevo reads"),
        (!message.headers.iter().all(is_ascii), "header value beyond ASCII"),
        (!message.metadata.iter().all(is_ascii), "metadata beyond ASCII"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (options::collide(ProviderKind::Brevo, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let email = Email {
        sender: Person::of(&message.from),
        to: people(dispatch.to),
        cc: people(dispatch.cc),
        bcc: people(dispatch.bcc),
        reply_to: message.reply_to.first().map(Person::of),
        subject: &message.subject,
        html_content: message.html_body.as_deref(),
        // Empty is the same as absent to Brevo.
        text_content: message.text_body.as_deref().filter(|body| !body.is_empty()),
        headers: Headers { message, message_id: dispatch.message_id },
        tags: &message.tags,
        template_id: message.template.as_ref().and_then(|template| number(&template.id)),
        params: message.template.as_ref().map(|template| &template.data).filter(|data| !data.is_empty()),
        options: options::of(ProviderKind::Brevo, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("attachment", "content"), files).ok_or(BuildError::NotPrintable)?;
    Ok(post(target, "/v3/smtp/email", header_field("api-key", target.credential), body))
}

/// The meaning of an answer: `{"messageId"}` on success, `{"code", "message"}` otherwise.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        let id = body.get("messageId").and_then(Value::as_str).and_then(readable_id);
        let outcome = id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
        return Answer::new(outcome, status, None);
    }
    let code = body.get("code").and_then(Value::as_str).and_then(safe_word);
    let class = RULES.find(status, code.unwrap_or_default());
    let reset = || retry_after::seconds(response.header("x-sib-ratelimit-reset")?, now);
    let hint = retry_after::of_response(response, now);
    let hint = if class == Class::Throttled { hint.or_else(reset) } else { hint };
    Answer::new(class.outcome(hint), status, code.map(String::from))
}

/// Templates have numbers.
fn number(id: &str) -> Option<u64> {
    id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten()
}

/// Brevo refuses a file whose name has another ending.
fn is_known_file(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.split(' ').any(|known| known == ending))
}

/// A UUID that is the same for the same message. Brevo recommends version 4, so the hash wears its marks.
fn uuid(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    let mut text = String::with_capacity(36);
    for (index, byte) in digest.iter().take(16).enumerate() {
        let byte = match index {
            6 => (byte & 0x0f) | 0x40,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 0x0f].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
    }
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Email<'a> {
    sender: Person<'a>,
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
    html_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_content: Option<&'a str>,
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a Map<String, Value>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

/// The message's own fields, the metadata with Sendgate's id as one, and the idempotency key.
struct Headers<'a> {
    message: &'a Message,
    message_id: &'a str,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        for (name, value) in &self.message.headers {
            fields.serialize_entry(name, value)?;
        }
        let metadata = PairsAnd(&self.message.metadata, (ID_FIELD, self.message_id));
        fields.serialize_entry(METADATA, &serde_json::to_string(&metadata).map_err(serde::ser::Error::custom)?)?;
        fields.serialize_entry(KEY, &uuid(self.message_id))?;
        fields.end()
    }
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type: _, content_id: _, content: _, disposition: _ } = file;
        Self { name: filename }
    }
}

/// Every field of the body that Sendgate composes. `scheduledAt` is not among them: Sendgate keeps schedules itself, and
/// whoever wants Brevo to keep one says so in `provider_options`. `messageVersions` has recipients of its own.
const COMPOSED: [&str; 14] = [
    "sender",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "htmlContent",
    "textContent",
    "headers",
    "tags",
    "templateId",
    "params",
    "attachment",
    "messageVersions",
];

const METADATA: &str = "X-Mailin-custom";
const KEY: &str = "idempotencyKey";
/// Fields of `headers` that are orders to Brevo: its sandbox and the sender's IP are for `provider_options`' owner to
/// ask for, and there they would collide.
const OWN_HEADERS: [&str; 5] = [METADATA, KEY, "Idempotency-Key", "X-Sib-Sandbox", "sender.ip"];

/// Answers by status and `code`, after developers.brevo.com ("Errors") and the older SDKs' `ErrorModel`.
/// `duplicate_parameter` is also said of an idempotency key that Brevo knows ("Batch email idempotency").
const RULES: Rules = Rules {
    exact: &[
        Rule(400, "not_enough_credits", Class::QuotaSpent),
        Rule(402, "not_enough_credits", Class::QuotaSpent),
        Rule(403, "not_enough_credits", Class::QuotaSpent),
        Rule(400, "unauthorized", Class::CredentialsWrong),
        Rule(400, "permission_denied", Class::CredentialsWrong),
        Rule(400, "reseller_permission_denied", Class::CredentialsWrong),
        Rule(400, "account_under_validation", Class::CredentialsWrong),
        Rule(402, "", Class::QuotaSpent),
    ],
};
/// developers.brevo.com, "Batch email idempotency": 30 minutes; the changelog of 2021 said 15, and so do we.
const IDEMPOTENCY_MS: u64 = 15 * 60_000;
/// `@getbrevo/brevo` 6.0.3, `SendTransacEmailRequest`: recipients of a message version, the strictest bound there.
const MAX_RECIPIENTS: usize = 99;
/// `@getbrevo/brevo` 6.0.3, `SendTransacEmailRequest`: characters of a name.
const MAX_NAME: usize = 70;
/// `@getbrevo/brevo` 6.0.3, `SendTransacEmailRequest.attachment`.
const ENDINGS: &str = "xlsx xls ods docx docm doc csv pdf txt gif jpg jpeg png tif tiff rtf bmp cgm css shtml html htm \
                       zip xml ppt pptx tar ez ics mobi msg pub eps odt mp3 m4a m4v wma ogg flac wav aif aifc aiff mp4 \
                       mov avi mkv mpeg mpg wmv pkpass xlsm";

#[cfg(test)]
mod tests;
