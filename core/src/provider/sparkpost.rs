//! SparkPost: `POST /api/v1/transmissions`.
//!
//! Fields and bounds after developers.sparkpost.com (`transmissions.apib`), SparkPost's support pages and django-anymail
//! 15.1, read in November 2026. A transmission has one list of recipients: who is shown stands in the `header_to` of
//! each, copies in a header. The first tag is the campaign. A stored template brings its own sender, subject and headers:
//! the message's sender is not used with one. Content is a template itself, so braces in it are a gap. A transactional
//! message is marked as one, because SparkPost suppresses by that. It has no idempotency key.

use super::{
    BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target,
    classify::{Class, Rule, Rules, json_object, readable_id},
    header_field, http, options,
    people::{ID_BYTES, Person, repeats_header},
    post, takes_id_field,
};
use crate::{
    address::{Mailbox, MailboxList},
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Class as Kind, Disposition, Message},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Pairs, PairsAnd, add_files, print, with_field},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// Sparkpost's file.
pub(super) struct Sparkpost;

impl Dialect for Sparkpost {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.sparkpost.com")
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

/// What this message needs and SparkPost lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let template = message.template.is_some();
    let metadata = print(&Pairs(&message.metadata)).map_or(0, |printed| printed.len());
    let is_long = |file: &Attachment| {
        file.filename.len() > MAX_FILE_NAME || file.content_id.as_ref().is_some_and(|id| id.len() > MAX_FILE_NAME)
    };
    let found = [
        (message.tags.len() > 1, "more than one tag"),
        (message.tags.iter().any(|tag| tag.len() > MAX_CAMPAIGN), "tag over 64 bytes"),
        (metadata.saturating_add(ID_BYTES) > MAX_METADATA, "metadata over 1000 bytes"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (message.size().saturating_add(shown_size(message)) > MAX_SIZE, "messages over 20 MB"),
        (message.attachments.iter().any(is_long), "file name over 255 bytes"),
        (repeats_header(message), "repeated header"),
        (!template && has_braces(message), "double braces outside a template"),
        (template && !message.subject.is_empty(), "subject with a template"),
        (template && !message.attachments.is_empty(), "attachments with a template"),
        (template && !message.headers.is_empty(), "headers with a template"),
        (template && !message.cc.is_empty(), "cc with a template"),
        (template && !message.reply_to.is_empty(), "reply-to with a template"),
        (options::collide(ProviderKind::Sparkpost, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// What `header_to` adds to a call: the whole `to` once for each recipient, which is 35 MB for a thousand with names.
fn shown_size(message: &Message) -> usize {
    let to: Vec<&Mailbox> = message.to.iter().collect();
    MailboxList(&to).to_string().len().saturating_mul(message.recipient_count())
}

/// Whether a text would be taken for a template, and filled with nothing.
fn has_braces(message: &Message) -> bool {
    let names = [&message.from].into_iter().chain(&message.reply_to).filter_map(|mailbox| mailbox.name.as_ref());
    let bodies = message.text_body.iter().chain(&message.html_body);
    let mut texts = names.chain(bodies).chain([&message.subject]).chain(message.headers.iter().map(|(_, value)| value));
    texts.any(|text| text.contains("{{"))
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let template = message.template.as_ref();
    let transmission = Transmission {
        options: Options {
            open_tracking: message.tracking.opens,
            click_tracking: message.tracking.clicks,
            transactional: message.class == Kind::Transactional,
            ip_pool: message.stream.as_deref(),
        },
        recipients: recipients(dispatch),
        campaign_id: message.tags.first().map(String::as_str),
        metadata: PairsAnd(&message.metadata, (ID_FIELD, dispatch.message_id)),
        substitution_data: template.map(|template| &template.data).filter(|data| !data.is_empty()),
        own: options::of(ProviderKind::Sparkpost, message),
    };
    let content = content(dispatch).ok_or(BuildError::NotPrintable)?;
    let body = with_field(&transmission, "content", &[&content]).ok_or(BuildError::NotPrintable)?;
    Ok(post(target, "/api/v1/transmissions", header_field("Authorization", target.credential), body))
}

/// The content with its two lists of files.
fn content(dispatch: &Dispatch<'_>) -> Option<Vec<u8>> {
    let message = dispatch.message;
    if let Some(template) = &message.template {
        return print(&Stored { template_id: &template.id });
    }
    let reply_to: Vec<&Mailbox> = message.reply_to.iter().collect();
    let content = Content {
        from: Person::of(&message.from),
        reply_to: (!reply_to.is_empty()).then(|| MailboxList(&reply_to).to_string()),
        subject: &message.subject,
        text: message.text_body.as_deref(),
        html: message.html_body.as_deref(),
        headers: Some(Headers { message, cc: dispatch.cc }).filter(|headers| !headers.is_empty()),
    };
    let of = |disposition| {
        let files = message.attachments.iter().filter(move |file| file.disposition == disposition);
        files.map(|file| (File::of(file), &file.content)).collect::<Vec<_>>().into_iter()
    };
    let printed = add_files(print(&content)?, ("attachments", "data"), of(Disposition::Attachment))?;
    add_files(printed, ("inline_images", "data"), of(Disposition::Inline))
}

/// Everybody, each with the list that all are shown.
fn recipients<'a>(dispatch: &Dispatch<'a>) -> Vec<Recipient<'a>> {
    let is_alone = dispatch.to.len() == 1 && dispatch.cc.is_empty() && dispatch.bcc.is_empty();
    let shown = (!is_alone).then(|| MailboxList(dispatch.to).to_string());
    let address = |mailbox: &&'a Mailbox| Address {
        email: mailbox.address.as_str(),
        name: mailbox.name.as_deref().filter(|_| is_alone),
        header_to: shown.clone(),
    };
    let all = dispatch.to.iter().chain(dispatch.cc).chain(dispatch.bcc);
    all.map(|mailbox| Recipient { address: address(mailbox) }).collect()
}

/// The meaning of an answer: `{"results": {"id", "total_accepted_recipients", "total_rejected_recipients"}}` on
/// success, `{"errors": [{"code", "message", "description"}]}` otherwise.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    let error = body.get("errors").and_then(|errors| errors.get(0));
    let code = error.and_then(|error| error.get("code")).and_then(Value::as_str).filter(|code| is_code(code));
    if (200..300).contains(&status) {
        return Answer::new(taken(&body), status, code.map(String::from));
    }
    let text = error.and_then(|error| error.get("description")).and_then(Value::as_str).unwrap_or_default();
    // "recipient address was suppressed due to customer policy", or "system policy".
    let class = if code == Some("1902") && text.contains("suppressed") {
        Class::RecipientSuppressed
    } else {
        RULES.find(status, code.unwrap_or_default())
    };
    // A limit, whatever its code.
    let class = if class == Class::Refused && status == 420 { Class::QuotaSpent } else { class };
    Answer::new(class.outcome(retry_after::of_response(response, now)), status, code.map(String::from))
}

fn taken(body: &Map<String, Value>) -> Outcome {
    let results = body.get("results");
    let count = |field| results.and_then(|results| results.get(field)).and_then(Value::as_u64);
    let id = results.and_then(|results| results.get("id")).and_then(Value::as_str).and_then(readable_id);
    match (id, count("total_accepted_recipients"), count("total_rejected_recipients")) {
        (Some(_), Some(0), Some(1..)) => Outcome::PermanentlyRefused,
        (Some(id), Some(1..) | None, _) => Outcome::Accepted { provider_message_id: Some(id) },
        (Some(_), Some(0), _) | (None, ..) => Outcome::Unknown,
    }
}

/// Codes are numbers as text.
fn is_code(code: &str) -> bool {
    (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Serialize)]
struct Transmission<'a> {
    options: Options<'a>,
    recipients: Vec<Recipient<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<&'a str>,
    metadata: PairsAnd<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    substitution_data: Option<&'a Map<String, Value>>,
    #[serde(flatten)]
    own: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    open_tracking: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click_tracking: Option<bool>,
    transactional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_pool: Option<&'a str>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: Address<'a>,
}

#[derive(Serialize)]
struct Address<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header_to: Option<String>,
}

#[derive(Serialize)]
struct Stored<'a> {
    template_id: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    from: Person<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers<'a>>,
}

/// The message's own fields and the copies.
struct Headers<'a> {
    message: &'a Message,
    cc: &'a [&'a Mailbox],
}

impl Headers<'_> {
    const fn is_empty(&self) -> bool {
        self.message.headers.is_empty() && self.cc.is_empty()
    }
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        for (name, value) in &self.message.headers {
            fields.serialize_entry(name, value)?;
        }
        if !self.cc.is_empty() {
            fields.serialize_entry("CC", &MailboxList(self.cc).to_string())?;
        }
        fields.end()
    }
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    content_type: &'a str,
}

impl<'a> File<'a> {
    /// An inline image is named by its content id, which is what `cid:` points at.
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition: _ } = file;
        Self { name: content_id.as_deref().unwrap_or(filename), content_type }
    }
}

/// Every field of the body that Sendgate composes.
const COMPOSED: [&str; 6] = ["options", "recipients", "content", "campaign_id", "metadata", "substitution_data"];

/// Answers by status and code, after SparkPost/support-docs, `extended-error-codes.md` (January 2022, with the limits of
/// 420). 2103 is the sandbox domain's five messages, which never come back.
const RULES: Rules = Rules {
    exact: &[
        Rule(400, "1502", Class::Transient),
        Rule(400, "7000", Class::SenderRefused),
        Rule(400, "7001", Class::SenderRefused),
        Rule(420, "2101", Class::QuotaSpent),
        Rule(420, "2102", Class::QuotaSpent),
        Rule(420, "2103", Class::SenderRefused),
    ],
};
/// transmissions.apib: content with its files, 20 MB, read as decimal megabytes, the stricter reading; the recipients are
/// counted in.
const MAX_SIZE: usize = 20_000_000;
/// transmissions.apib: bytes of `campaign_id`.
const MAX_CAMPAIGN: usize = 64;
/// transmissions.apib: bytes of metadata, Sendgate's own id among them.
const MAX_METADATA: usize = 1_000;
/// transmissions.apib: bytes of a file's name.
const MAX_FILE_NAME: usize = 255;
/// Known codes have four or five digits.
const MAX_CODE: usize = 8;

#[cfg(test)]
mod tests;
