//! MailerSend: `POST /v1/email`.
//!
//! Fields and bounds after the official SDK (`mailersend`, npm 3.4.0), developers.mailersend.com, mailersend.com/help and
//! django-anymail 15.1, read in November 2026. MailerSend has no metadata, no streams and no idempotency key. Header
//! fields need an account of a higher plan: others get an error. A file's media type is MailerSend's guess from its name.
//! It takes a message whose every recipient it suppresses with 202, and says so in the body.

use super::{
    BuildError, Dialect, Dispatch, ProviderKind, Target, bearer,
    classify::{Class, Rule, Rules, json_object, readable_id},
    http, options,
    people::{People, Person, people},
    post,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::{Attachment, Disposition, Message},
    outcome::{Answer, Outcome, Refused, RefusedReason},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, with_files},
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

/// Mailersend's file.
pub(super) struct Mailersend;

impl Dialect for Mailersend {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.mailersend.com")
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

/// What this message needs and MailerSend lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let mut mailboxes = message.recipients().chain(&message.reply_to).chain([&message.from]);
    let found = [
        (message.to.len() > MAX_TO, "more than 50 recipients in to"),
        (message.cc.len() > MAX_COPIES || message.bcc.len() > MAX_COPIES, "more than 10 recipients in cc or bcc"),
        (message.reply_to.len() > 1, "more than one reply-to"),
        (mailboxes.any(|mailbox: &Mailbox| mailbox.address.needs_smtputf8()), "local part beyond ASCII"),
        (message.tags.len() > MAX_TAGS, "more than 5 tags"),
        (!message.metadata.is_empty(), "metadata"),
        (message.stream.is_some(), "streams"),
        (options::collide(ProviderKind::Mailersend, message, &COMPOSED), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The request for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    let message = dispatch.message;
    let template = message.template.as_ref();
    let data = template.map(|template| &template.data).filter(|data| !data.is_empty());
    let (track_opens, track_clicks) = (message.tracking.opens, message.tracking.clicks);
    let email = Email {
        from: Person::of(&message.from),
        to: people(dispatch.to),
        cc: people(dispatch.cc),
        bcc: people(dispatch.bcc),
        reply_to: message.reply_to.first().map(Person::of),
        subject: &message.subject,
        text: message.text_body.as_deref(),
        html: message.html_body.as_deref(),
        headers: Each(&message.headers, |(name, value)| Header { name, value }),
        tags: &message.tags,
        settings: (track_opens.is_some() || track_clicks.is_some()).then_some(Settings { track_opens, track_clicks }),
        template_id: template.map(|template| &*template.id),
        personalization: data.map(|data| personal(dispatch.to, data)).unwrap_or_default(),
        options: options::of(ProviderKind::Mailersend, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)?;
    Ok(post(target, "/v1/email", bearer(target), body))
}

/// The same data for each recipient: MailerSend has none for all.
fn personal<'a>(to: &[&'a Mailbox], data: &'a Map<String, Value>) -> Vec<Personal<'a>> {
    to.iter().map(|mailbox| Personal { email: mailbox.address.as_str(), data }).collect()
}

/// The meaning of an answer: the header `x-message-id` on success, beside `{"warnings"}` when somebody is suppressed;
/// `{"message"}` with a number such as `#MS42901` at its end otherwise.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        return taken(response, &body);
    }
    let text = body.get("message").and_then(Value::as_str).unwrap_or_default();
    let is_spent = response.header("x-apiquota-remaining") == Some("0");
    let class = RULES.find(status, "");
    // The quota of a day, and not the rate of a minute.
    let class = if class == Class::Throttled && is_spent { Class::QuotaSpent } else { class };
    let reset = || response.header("x-apiquota-reset").and_then(UnixMillis::parse_rfc3339).map(|at| at.max(now));
    let hint = retry_after::of_response(response, now);
    let hint = if class == Class::QuotaSpent { reset().or(hint) } else { hint };
    Answer::new(class.outcome(hint), status, number(text))
}

fn taken(response: &HttpResponse, body: &Map<String, Value>) -> Answer {
    let warnings = || body.get("warnings").and_then(Value::as_array).into_iter().flatten();
    let is_type = |warning: &Value, words: [&str; 2]| {
        warning.get("type").and_then(Value::as_str).is_some_and(|known| words.contains(&known))
    };
    let people = |warning: &'_ Value| -> Vec<Refused> {
        let list = warning.get("recipients").and_then(Value::as_array).into_iter().flatten();
        let addresses = list.filter_map(|person| person.get("email").and_then(Value::as_str));
        addresses.map(|address| Refused::new(address.into(), RefusedReason::Suppressed)).collect()
    };
    let about = |warning: &&Value| is_type(warning, ALL_SUPPRESSED) || is_type(warning, SOME_SUPPRESSED);
    let refused = warnings().filter(about).flat_map(people).collect();
    let id = response.header("x-message-id").and_then(readable_id);
    let outcome = if let Some(id) = id {
        Outcome::Accepted { provider_message_id: Some(id) }
    } else if warnings().any(|warning| is_type(warning, ALL_SUPPRESSED)) {
        Outcome::RecipientSuppressed
    } else {
        Outcome::Unknown
    };
    Answer { refused, ..Answer::new(outcome, response.status, None) }
}

/// The number in a message: `MS42901`.
fn number(text: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once("#MS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(MAX_DIGITS).collect();
    (!digits.is_empty()).then(|| format!("MS{digits}"))
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
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Each<'a, (String, String), Header<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    personalization: Vec<Personal<'a>>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    track_opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_clicks: Option<bool>,
}

#[derive(Serialize)]
struct Personal<'a> {
    email: &'a str,
    data: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type: _, content_id, content: _, disposition } = file;
        Self { filename, disposition: *disposition, id: content_id.as_deref() }
    }
}

/// Every field of the body that Sendgate composes. `send_at` is not among them: Sendgate keeps schedules itself, and
/// whoever wants MailerSend to keep one says so in `provider_options`. `rcpt_to` would be recipients.
const COMPOSED: [&str; 15] = [
    "from",
    "to",
    "cc",
    "bcc",
    "rcpt_to",
    "reply_to",
    "subject",
    "text",
    "html",
    "headers",
    "tags",
    "settings",
    "template_id",
    "personalization",
    "attachments",
];

/// developers.mailersend.com, "General": the statuses have HTTP's own meanings. 408 is "an error on our system".
const RULES: Rules = Rules { exact: &[Rule(421, "", Class::Transient)] };
/// mailersend.com/help, "REST API response codes", without and with the underscore that the help page lost.
const ALL_SUPPRESSED: [&str; 2] = ["ALL_SUPPRESSED", "ALLSUPPRESSED"];
const SOME_SUPPRESSED: [&str; 2] = ["SOME_SUPPRESSED", "SOMESUPPRESSED"];
/// developers.mailersend.com, "Email": recipients in `to`.
const MAX_TO: usize = 50;
/// mailersend.com/help, "How to start sending emails": recipients in `cc`, and in `bcc`.
const MAX_COPIES: usize = 10;
/// developers.mailersend.com, "Email".
const MAX_TAGS: usize = 5;
/// Known numbers have five digits.
const MAX_DIGITS: usize = 8;

#[cfg(test)]
mod tests;
