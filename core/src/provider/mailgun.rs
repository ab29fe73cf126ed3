//! Mailgun v3: `POST /v3/{domain}/messages`.
//!
//! Fields and bounds after mailgun/documentation (`source/api-sending.rst`), documentation.mailgun.com and the official
//! SDKs (npm 14.0.1, PyPI 1.10.0), read in November 2026. Mailgun has no idempotency key: an unknown outcome stays
//! unknown. It takes a form, not JSON; a message's stream is an IP pool. Its European region is another base URL.

mod form;

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target,
    classify::{Class, Phrase, by_phrase, json_object, of_each, readable_id},
    http, options, post_as, takes_id_field,
};
use crate::{
    address::MailboxList,
    http::{HttpRequest, HttpResponse},
    message::Message,
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use form::Form;
use serde_json::{Map, Value, json};

/// Mailgun's file.
pub(super) struct Mailgun;

impl Dialect for Mailgun {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.mailgun.net")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        let mut form = Form::default();
        recipients(dispatch, &mut form);
        shared(dispatch.message, &mut form);
        form.add(ID_PARAMETER, dispatch.message_id);
        request(target, form, dispatch.message, dispatch.message_id).map(Call::Http)
    }

    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        http(reply, |response| classify(response, now))
    }

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_RECIPIENTS, recipients: MAX_RECIPIENTS, bytes: MAX_BODY }
    }

    fn may_share(&self, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
        let goes_to_one =
            |dispatch: &Dispatch<'_>| dispatch.to.len() == 1 && dispatch.cc.is_empty() && dispatch.bcc.is_empty();
        goes_to_one(first) && goes_to_one(other) && may_share(first.message, other.message)
    }

    fn build_batch(
        &self,
        target: &Target<'_>,
        dispatches: &[Dispatch<'_>],
        _now: UnixMillis,
    ) -> Result<Call, BuildError> {
        build_batch(target, dispatches).map(Call::Http)
    }

    /// A batch refused for its size alone goes in smaller calls, as Mailgun's error page advises.
    fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
        let mut answer = self.classify(reply, now);
        if count > 1 && answer.provider_code.as_deref().is_some_and(|code| ABOUT_ONE.contains(&code)) {
            answer.outcome = Outcome::Split;
        }
        of_each(answer, count)
    }
}

/// What this message needs and Mailgun lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let mut headers = BTreeSet::new();
    let is_tag = |tag: &String| tag.len() <= MAX_TAG && tag.is_ascii();
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
    let found = [
        (message.tags.len() > MAX_TAGS, "more than 3 tags"),
        (!message.tags.iter().all(is_tag), "tags beyond ASCII or over 128 characters"),
        (!message.headers.iter().all(|(name, _)| headers.insert(name.to_ascii_lowercase())), "repeated header"),
        (!message.metadata.iter().all(|(name, _)| is_name(name)), "metadata name characters"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (parameter_size(message) > MAX_PARAMETERS, "headers, metadata, tags and template data over 16 KB"),
        (collides(message), options::COLLISION),
        (
            !collides(message) && own(message).is_some_and(|own| !own.keys().all(|name| is_open(name))),
            "provider_options but o:, t: and amp-html",
        ),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// Bytes of all `o:`, `h:`, `v:` and `t:` parameters, names and values, with room for the longest id.
fn parameter_size(message: &Message) -> usize {
    let mut form = Form::default();
    shared(message, &mut form);
    let is_parameter = |name: &str| ["o:", "h:", "v:", "t:"].iter().any(|prefix| name.starts_with(prefix));
    let sizes = form.fields.iter().filter(|(name, _)| is_parameter(name)).map(|(name, value)| name.len() + value.len());
    sizes.sum::<usize>().saturating_add(ID_PARAMETER.len()).saturating_add(super::MAX_MESSAGE_ID)
}

fn own(message: &Message) -> Option<&Map<String, Value>> {
    options::of(ProviderKind::Mailgun, message)
}

/// Whether an option's name is one that can add neither a recipient nor a header field.
fn is_open(name: &str) -> bool {
    name.starts_with("o:") || name.starts_with("t:") || name == "amp-html"
}

/// Whether the options name a parameter that Sendgate composes. Tracking and the pool are composed only for a message
/// that names them.
fn collides(message: &Message) -> bool {
    let collide = |names: &[&str]| options::collide(ProviderKind::Mailgun, message, names);
    let any_header = own(message).is_some_and(|own| {
        own.keys().any(|name| {
            name.get(..2).is_some_and(|two| two.eq_ignore_ascii_case("h:") || two.eq_ignore_ascii_case("v:"))
        })
    });
    any_header
        || collide(&COMPOSED)
        || (message.tracking.opens.is_some() && collide(&["o:tracking-opens", "o:tracking"]))
        || (message.tracking.clicks.is_some() && collide(&["o:tracking-clicks", "o:tracking"]))
        || (message.stream.is_some() && collide(&["o:sending-ip-pool"]))
}

/// Two messages share a call when they differ in their recipient only, and neither has a text that Mailgun would fill
/// in for each recipient of a batch.
fn may_share(first: &Message, other: &Message) -> bool {
    first.from == other.from
        && first.reply_to == other.reply_to
        && first.subject == other.subject
        && first.text_body == other.text_body
        && first.html_body == other.html_body
        && first.headers == other.headers
        && first.attachments == other.attachments
        && first.tags == other.tags
        && first.metadata == other.metadata
        && first.template == other.template
        && first.tracking == other.tracking
        && first.stream == other.stream
        && own(first) == own(other)
        && !has_placeholder(first)
}

fn has_placeholder(message: &Message) -> bool {
    let mut form = Form::default();
    shared(message, &mut form);
    form.fields.iter().any(|(_, value)| value.contains(PLACEHOLDER))
}

/// The request for messages that differ in their recipient only: each gets a mail of its own.
fn build_batch(target: &Target<'_>, dispatches: &[Dispatch<'_>]) -> Result<HttpRequest, BuildError> {
    let first = dispatches.first().ok_or(BuildError::NoRecipient)?;
    let mut form = Form::default();
    let (mut variables, mut seen) = (Map::new(), BTreeSet::new());
    for dispatch in dispatches {
        for mailbox in dispatch.to {
            // Mailgun finds a recipient's variables by the address: the same one twice has one set of them.
            if !seen.insert(mailbox.address.key()) {
                return Err(BuildError::NotTogether);
            }
            form.add("to", mailbox.to_string());
            variables.insert(mailbox.address.to_string(), json!({ ID_FIELD: dispatch.message_id }));
        }
    }
    shared(first.message, &mut form);
    form.add(ID_PARAMETER, format!("{PLACEHOLDER}.{ID_FIELD}%"));
    form.add("recipient-variables", Value::Object(variables).to_string());
    let ids: Vec<_> = dispatches.iter().map(|dispatch| dispatch.message_id).collect();
    request(target, form, first.message, &ids.join("\n"))
}

/// Who gets a message that goes alone.
fn recipients<'a>(dispatch: &Dispatch<'a>, form: &mut Form<'a>) {
    for (name, list) in [("to", dispatch.to), ("cc", dispatch.cc), ("bcc", dispatch.bcc)] {
        list.iter().for_each(|mailbox| form.add(name, mailbox.to_string()));
    }
}

/// Everything of a message but its recipients and its id.
fn shared<'a>(message: &'a Message, form: &mut Form<'a>) {
    form.add("from", message.from.to_string());
    if !message.subject.is_empty() {
        form.add("subject", &*message.subject);
    }
    for (name, body) in [("text", &message.text_body), ("html", &message.html_body)] {
        body.iter().for_each(|body| form.add(name, &**body));
    }
    if !message.reply_to.is_empty() {
        let list: Vec<_> = message.reply_to.iter().collect();
        form.add("h:Reply-To", MailboxList(&list).to_string());
    }
    message.headers.iter().for_each(|(name, value)| form.add(format!("h:{name}"), &**value));
    message.tags.iter().for_each(|tag| form.add("o:tag", &**tag));
    for (name, switch) in [("o:tracking-opens", message.tracking.opens), ("o:tracking-clicks", message.tracking.clicks)]
    {
        switch.iter().for_each(|on| form.add(name, yes_or_no(*on)));
    }
    message.stream.iter().for_each(|pool| form.add("o:sending-ip-pool", &**pool));
    message.metadata.iter().for_each(|(name, value)| form.add(format!("v:{name}"), &**value));
    if let Some(template) = &message.template {
        form.add("template", &*template.id);
        if !template.data.is_empty() {
            form.add("t:variables", serde_json::to_string(&template.data).unwrap_or_default());
        }
    }
    for (name, value) in own(message).into_iter().flatten() {
        option(name, value, form);
    }
}

/// An option as Mailgun's forms write it: a list is the parameter again and again, a switch is `yes` or `no`.
fn option<'a>(name: &'a str, value: &'a Value, form: &mut Form<'a>) {
    match value {
        Value::Null => {}
        Value::Bool(on) => form.add(name, yes_or_no(*on)),
        Value::String(text) => form.add(name, &**text),
        Value::Array(items) => items.iter().for_each(|item| match item {
            Value::String(text) => form.add(name, &**text),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                form.add(name, other.to_string());
            }
        }),
        other @ (Value::Number(_) | Value::Object(_)) => form.add(name, other.to_string()),
    }
}

const fn yes_or_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

/// The request: URL-encoded without files, in parts with them.
fn request(target: &Target<'_>, form: Form<'_>, message: &Message, ids: &str) -> Result<HttpRequest, BuildError> {
    let domain = target.domain.filter(|domain| is_domain(domain)).ok_or(BuildError::Incomplete { field: "domain" })?;
    let authorization = format!("Basic {}", STANDARD.encode(format!("api:{}", target.credential)));
    let (content_type, body) = if message.attachments.is_empty() {
        (Cow::Borrowed("application/x-www-form-urlencoded"), form.url_encoded())
    } else {
        let (boundary, body) = form.in_parts(&message.attachments, ids).ok_or(BuildError::NotPrintable)?;
        (Cow::Owned(format!("multipart/form-data; boundary={boundary}")), body)
    };
    let path = format!("/v3/{domain}/messages");
    Ok(post_as(content_type, target, &path, ("Authorization", Cow::Owned(authorization)), body))
}

/// Whether a domain can stand in a path as it is.
fn is_domain(domain: &str) -> bool {
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte == b'.';
    (1..=MAX_DOMAIN).contains(&domain.len()) && !domain.starts_with('.') && domain.bytes().all(is_label)
}

/// The meaning of an answer: `{"id", "message"}` on success; `{"message"}` or plain text otherwise, in which only the
/// text tells more than the status. A wrong path answers 200 with a greeting: only an id means that something was taken.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let body = json_object(&response.body);
    let status = response.status;
    if (200..300).contains(&status) {
        // Events name the id without its angle brackets.
        let id = body.get("id").and_then(Value::as_str).map(|id| id.trim_start_matches('<').trim_end_matches('>'));
        let outcome =
            id.and_then(readable_id).map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
        return Answer::new(outcome, status, None);
    }
    let text = body.get("message").and_then(Value::as_str).map_or_else(
        || String::from_utf8_lossy(response.body.get(..MAX_TEXT).unwrap_or(&response.body)),
        Cow::Borrowed,
    );
    let (word, class) = by_phrase(&PHRASES, status, &text);
    let hint = retry_after::of_response(response, now)
        .or_else(|| retry_after::seconds(&body.get("retry-seconds")?.to_string(), now))
        .or_else(|| date_in(&text, response.header("date"), now));
    Answer::new(class.outcome(hint), status, word.map(String::from))
}

/// The instant of `... limit exceeded, try again after Mon, 20 Dec 2021 20:33:21 UTC`.
fn date_in(text: &str, date: Option<&str>, now: UnixMillis) -> Option<UnixMillis> {
    let (_, until) = text.split_once("try again after ")?;
    retry_after::mail_date(until.trim_end_matches(['.', '\n', '\r', ' ']), date, now)
}

/// Parameters that Sendgate composes. `o:deliverytime` is not among them: Sendgate keeps schedules itself, and whoever
/// wants Mailgun to keep one says so in `provider_options`.
const COMPOSED: [&str; 14] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "text",
    "html",
    "o:tag",
    "template",
    "t:variables",
    "recipient-variables",
    "attachment",
    "inline",
    "message",
];
/// Sendgate's own id among the metadata.
const ID_PARAMETER: &str = "v:sendgate_id";
/// How every text begins that Mailgun fills in for each recipient of a batch.
const PLACEHOLDER: &str = "%recipient";
/// Answers whose text tells more than their status, after Mailgun's list of API errors
/// (documentation.mailgun.com) and its SDKs' issues: mailgun-php 787 (probation), TryGhost/Ghost 24494 (420).
const PHRASES: [Phrase; 21] = [
    Phrase(400, "domain is unverified", "domain_unverified", Class::SenderRefused),
    Phrase(400, "authorized recipients", RECIPIENT_NOT_AUTHORIZED, Class::SenderRefused),
    Phrase(400, "activate your mailgun account", "account_not_activated", Class::CredentialsWrong),
    Phrase(400, "allowed on probation", ON_PROBATION, Class::QuotaSpent),
    Phrase(400, "not a valid address", "invalid_address", Class::Refused),
    Phrase(400, "not a valid json", "invalid_json", Class::Refused),
    Phrase(401, "forbidden", "forbidden", Class::CredentialsWrong),
    Phrase(402, "", "", Class::QuotaSpent),
    Phrase(403, "large batches", LARGE_BATCHES, Class::QuotaSpent),
    Phrase(403, "domain is unverified", "domain_unverified", Class::SenderRefused),
    Phrase(403, "authorized recipients", RECIPIENT_NOT_AUTHORIZED, Class::SenderRefused),
    Phrase(403, "can't be used to send", "ip_not_allowed", Class::CredentialsWrong),
    Phrase(404, "domain not found", "domain_not_found", Class::CredentialsWrong),
    // The path holds nothing but the domain: anything not found is the account's or the region's.
    Phrase(404, "", "", Class::CredentialsWrong),
    Phrase(413, "request size exceeds", "request_too_large", Class::Refused),
    Phrase(420, "recipient limit exceeded", "recipient_limit", Class::Throttled),
    Phrase(420, "request limit exceeded", "request_limit", Class::Throttled),
    Phrase(420, "bytes limit exceeded", "bytes_limit", Class::Throttled),
    Phrase(429, "recipient limit exceeded", "recipient_limit", Class::Throttled),
    Phrase(429, "request limit exceeded", "request_limit", Class::Throttled),
    Phrase(429, "bytes limit exceeded", "bytes_limit", Class::Throttled),
];
/// Words of answers to a batch that may not hold for each of its messages alone.
const ABOUT_ONE: [&str; 3] = [LARGE_BATCHES, ON_PROBATION, RECIPIENT_NOT_AUTHORIZED];
const LARGE_BATCHES: &str = "large_batches";
const ON_PROBATION: &str = "probation";
const RECIPIENT_NOT_AUTHORIZED: &str = "recipient_not_authorized";
/// api-sending.rst: recipients of a call.
const MAX_RECIPIENTS: usize = 1_000;
/// api-sending.rst: 25 MB a message, read as decimal megabytes, the stricter reading.
const MAX_BODY: usize = 25_000_000;
/// documentation.mailgun.com, tagging: tags of a message.
const MAX_TAGS: usize = 3;
/// documentation.mailgun.com, tagging: ASCII characters of a tag.
const MAX_TAG: usize = 128;
/// api-sending.rst: 16 KB for all parameters together, read in the same way.
const MAX_PARAMETERS: usize = 16_000;
/// RFC 1035 section 2.3.4: octets of a name.
const MAX_DOMAIN: usize = 253;
/// An error text is a sentence; a page of a network in between is not read further than this.
const MAX_TEXT: usize = 1_024;

#[cfg(test)]
mod tests;
