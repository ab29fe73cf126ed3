//! SendGrid v3: `POST /v3/mail/send`.
//!
//! Fields and bounds after twilio/sendgrid-oai (`tsg_mail_v3.json`, January 2026), SendGrid's "Mail Send limitations"
//! page and the official SDKs (npm 8.1.6, PyPI 6.12.5), read in November 2026. SendGrid has no idempotency key: an
//! unknown outcome stays unknown. A message's stream is an IP pool; unsubscribe groups (`asm`) are an option of its own.
//! Addresses given twice and media types with parameters are refused by its 400 answers, not by its specification.

mod body;

use super::{
    Bounds, BuildError, Dialect, Dispatch, ID_FIELD, ID_FIELD_TAKEN, ProviderKind, Target, bearer,
    classify::{Class, Phrase, by_phrase, json_object, of_each, readable_id},
    http, options, post, takes_id_field,
};
use crate::{
    address::Mailbox,
    http::{HttpRequest, HttpResponse},
    message::{Message, Tracking},
    outcome::{Answer, Outcome},
    retry_after,
    time::UnixMillis,
    transport::{Call, Reply},
    wire::{Each, Pairs, PairsAnd, print, with_files},
};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use body::{Content, Email, File, Personalization, TrackingSettings, is_dynamic, person};
use serde_json::Value;

/// SendGrid's file.
pub(super) struct Sendgrid;

impl Dialect for Sendgrid {
    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://api.sendgrid.com")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        build(target, dispatch, alloc::vec![Personalization::alone(dispatch)]).map(Call::Http)
    }

    fn classify(&self, reply: &Reply, now: UnixMillis) -> Answer {
        http(reply, |response| classify(response, now))
    }

    fn bounds(&self) -> Bounds {
        Bounds { messages: MAX_PERSONALIZATIONS, recipients: MAX_RECIPIENTS, bytes: MAX_BODY }
    }

    fn may_share(&self, first: &Dispatch<'_>, other: &Dispatch<'_>) -> bool {
        may_share(first.message, other.message)
    }

    fn build_batch(
        &self,
        target: &Target<'_>,
        dispatches: &[Dispatch<'_>],
        _now: UnixMillis,
    ) -> Result<Call, BuildError> {
        let first = dispatches.first().ok_or(BuildError::NoRecipient)?;
        build(target, first, dispatches.iter().map(Personalization::among_others).collect()).map(Call::Http)
    }

    fn classify_batch(&self, reply: &Reply, count: usize, now: UnixMillis) -> Vec<Answer> {
        of_each(self.classify(reply, now), count)
    }
}

/// What this message needs and SendGrid lacks.
fn gaps(message: &Message) -> Vec<&'static str> {
    let is_empty = |body: &Option<String>| body.as_ref().is_some_and(String::is_empty);
    let (mut headers, mut people, mut tags) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let named = |names: &[&str], name: &String| names.iter().any(|field| field.eq_ignore_ascii_case(name));
    let splits = |mailbox: &Mailbox| mailbox.name.as_ref().is_some_and(|name| name.contains([';', ',']));
    let found = [
        (message.recipients().any(splits), "; or , in a recipient's name"),
        (
            message.recipient_count() > 1 && !message.recipients().all(|mailbox| people.insert(mailbox.address.key())),
            "a recipient given twice",
        ),
        (is_empty(&message.text_body) || is_empty(&message.html_body), "empty body"),
        (
            message.headers.len() > 1
                && !message.headers.iter().all(|(name, _)| headers.insert(name.to_ascii_lowercase())),
            "repeated header",
        ),
        (message.headers.iter().any(|(name, _)| named(&OWN_HEADERS, name)), "header that SendGrid sets itself"),
        (message.tags.len() > MAX_CATEGORIES, "more than 10 tags"),
        (message.tags.len() > 1 && !message.tags.iter().all(|tag| tags.insert(tag)), "repeated tag"),
        (message.tags.iter().any(|tag| tag.chars().count() > MAX_CATEGORY), "tags over 255 characters"),
        (args_size(message) > MAX_ARGS, "metadata over 10,000 bytes"),
        (takes_id_field(message), ID_FIELD_TAKEN),
        (message.metadata.iter().any(|(name, _)| named(&EVENT_FIELDS, name)), "metadata named like an event's field"),
        (message.attachments.iter().any(|file| file.content_type.contains(';')), "media type with parameters"),
        (message.stream.as_ref().is_some_and(|pool| !POOL.contains(&pool.chars().count())), "streams of this length"),
        (!has_fitting_data(message), "template data of this shape"),
        (collides(message), options::COLLISION),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// Bytes of `custom_args` as JSON at most, with Sendgate's own and room for the longest id.
fn args_size(message: &Message) -> usize {
    // Few metadata need not be printed to know that they fit: no byte takes more than six.
    let given = message.metadata.iter().map(|(name, value)| (name.len() + value.len()) * 6 + JSON_FRAME).sum::<usize>();
    let own = ID_FIELD.len() + super::MAX_MESSAGE_ID + JSON_FRAME;
    let most = given + own + BRACES;
    if most <= MAX_ARGS {
        return most;
    }
    print(&Pairs(&message.metadata)).map_or(usize::MAX, |json| json.len()).saturating_add(own)
}

/// A dynamic template takes any data. A legacy one takes texts to put in place of its tags, 10,000 bytes of them.
fn has_fitting_data(message: &Message) -> bool {
    let Some(template) = message.template.as_ref().filter(|template| !is_dynamic(&template.id)) else { return true };
    let size = serde_json::to_string(&template.data).map_or(usize::MAX, |json| json.len());
    template.data.values().all(Value::is_string) && size <= MAX_ARGS
}

/// Whether the options name a field that Sendgate composes, or the setting that once added a recipient.
fn collides(message: &Message) -> bool {
    let tracks = message.tracking != Tracking::default();
    let own = options::collide(ProviderKind::Sendgrid, message, &COMPOSED)
        || (tracks && options::collide(ProviderKind::Sendgrid, message, &["tracking_settings"]))
        || (message.stream.is_some() && options::collide(ProviderKind::Sendgrid, message, &["ip_pool_name"]));
    let settings = options::of(ProviderKind::Sendgrid, message).and_then(|options| options.get("mail_settings"));
    let copies = settings
        .and_then(Value::as_object)
        .is_some_and(|settings| settings.keys().any(|name| name.eq_ignore_ascii_case("bcc")));
    own || copies
}

/// Two messages share a call when everything that a call has once is the same. Recipients, subject, header fields,
/// metadata and template data are each personalization's own.
fn may_share(first: &Message, other: &Message) -> bool {
    first.from == other.from
        && first.reply_to == other.reply_to
        && first.text_body == other.text_body
        && first.html_body == other.html_body
        && first.attachments == other.attachments
        && first.tags == other.tags
        && first.template.as_ref().map(|template| &template.id) == other.template.as_ref().map(|template| &template.id)
        && first.tracking == other.tracking
        && first.stream == other.stream
        && options::of(ProviderKind::Sendgrid, first) == options::of(ProviderKind::Sendgrid, other)
}

/// The request for messages that share everything but their personalizations.
fn build<'a>(
    target: &Target<'_>,
    first: &Dispatch<'a>,
    personalizations: Vec<Personalization<'a>>,
) -> Result<HttpRequest, BuildError> {
    let message = first.message;
    let alone = personalizations.len() == 1;
    let (reply_to, reply_to_list) = match message.reply_to.as_slice() {
        [one] => (Some(person(one)), &[][..]),
        list => (None, list),
    };
    let bodies = [("text/plain", &message.text_body), ("text/html", &message.html_body)];
    let email = Email {
        personalizations,
        from: person(&message.from),
        reply_to,
        reply_to_list: Each(reply_to_list, person),
        subject: Some(message.subject.as_str()).filter(|subject| alone && !subject.is_empty()),
        content: bodies
            .iter()
            .filter_map(|(r#type, body)| body.as_deref().map(|value| Content { r#type, value }))
            .collect(),
        template_id: message.template.as_ref().map(|template| template.id.as_str()),
        headers: Pairs(if alone { &message.headers } else { &[] }),
        categories: &message.tags,
        custom_args: alone.then_some(PairsAnd(&message.metadata, (ID_FIELD, first.message_id))),
        tracking_settings: TrackingSettings::of(message.tracking),
        ip_pool_name: message.stream.as_deref(),
        options: options::of(ProviderKind::Sendgrid, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    let body = with_files(&email, ("attachments", "content"), files).ok_or(BuildError::NotPrintable)?;
    Ok(post(target, "/v3/mail/send", bearer(target), body))
}

/// The meaning of an answer: an empty 202 with `X-Message-Id`, or `{"errors": [{"message", "field", "help"}]}`, in which
/// only the message tells more than the status.
fn classify(response: &HttpResponse, now: UnixMillis) -> Answer {
    let status = response.status;
    if (200..300).contains(&status) {
        let id = response.header("x-message-id").and_then(readable_id);
        let outcome = id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
        return Answer::new(outcome, status, None);
    }
    let body = json_object(&response.body);
    let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = errors.iter().filter_map(|error| error.get("message").and_then(Value::as_str)).collect();
    let (word, class) = by_phrase(&PHRASES, status, &texts.join("\n"));
    let hint = retry_after::of_response(response, now).or_else(|| match class {
        Class::Throttled => {
            retry_after::epoch_seconds(response.header("x-ratelimit-reset")?, response.header("date"), now)
        }
        Class::Transient
        | Class::QuotaSpent
        | Class::CredentialsWrong
        | Class::SenderRefused
        | Class::RecipientSuppressed
        | Class::Refused
        | Class::Unknown => None,
    });
    Answer::new(class.outcome(hint), status, word.map(String::from))
}

/// Every field of the body that Sendgate composes, but for tracking and the pool, which it composes only for a message
/// that names them. `send_at` is not among them: Sendgate keeps schedules itself, and whoever wants SendGrid to keep one
/// says so in `provider_options`.
const COMPOSED: [&str; 12] = [
    "personalizations",
    "from",
    "reply_to",
    "reply_to_list",
    "subject",
    "content",
    "attachments",
    "template_id",
    "headers",
    "categories",
    "custom_args",
    "substitutions",
];
/// sendgrid-oai: fields that `headers` may not set and that a message may hold; the others no message may set.
const OWN_HEADERS: [&str; 2] = ["x-sg-id", "x-sg-eid"];
/// Fields of SendGrid's events, beside which `custom_args` stand there: metadata of such a name would take their place.
/// docs.sendgrid.com, event webhook reference; django-anymail 15.1 tells the same ones apart.
const EVENT_FIELDS: [&str; 19] = [
    "email",
    "timestamp",
    "event",
    "type",
    "sg_event_id",
    "sg_message_id",
    "smtp-id",
    "reason",
    "status",
    "response",
    "attempt",
    "bounce_classification",
    "category",
    "useragent",
    "ip",
    "url",
    "url_offset",
    "asm_group_id",
    "sg_machine_open",
];
/// Answers whose text tells more than their status: sendgrid-oai's examples, sendgrid-nodejs issue 1032 (credits), and
/// the sender identity page of docs.sendgrid.com.
const PHRASES: [Phrase; 12] = [
    Phrase(400, "does not match a verified sender identity", "sender_not_verified", Class::SenderRefused),
    Phrase(400, "should be unique between to, cc, and bcc", "repeated_recipient", Class::Refused),
    Phrase(400, "invalid request", "invalid_request", Class::Refused),
    Phrase(401, "maximum credits exceeded", "maximum_credits_exceeded", Class::QuotaSpent),
    Phrase(401, "authorization grant is invalid", "authorization_invalid", Class::CredentialsWrong),
    Phrase(401, "authorization required", "authorization_required", Class::CredentialsWrong),
    Phrase(403, "does not match a verified sender identity", "sender_not_verified", Class::SenderRefused),
    Phrase(403, "access forbidden", "access_forbidden", Class::CredentialsWrong),
    Phrase(404, "not found", "not_found", Class::Refused),
    Phrase(405, "method not allowed", "method_not_allowed", Class::Refused),
    Phrase(413, "too large", "content_too_large", Class::Refused),
    Phrase(429, "too many requests", "too_many_requests", Class::Throttled),
];
/// sendgrid-oai: personalizations of a call.
const MAX_PERSONALIZATIONS: usize = 1_000;
/// SendGrid's limitations page: recipients of a call over all its personalizations.
const MAX_RECIPIENTS: usize = 1_000;
/// sendgrid-oai: less than 30 MB a call, read as decimal megabytes, the stricter reading.
const MAX_BODY: usize = 30_000_000 - 1;
/// sendgrid-oai: categories of a call.
const MAX_CATEGORIES: usize = 10;
/// sendgrid-oai: characters of a category.
const MAX_CATEGORY: usize = 255;
/// sendgrid-oai: bytes of `custom_args`, and of `substitutions`.
const MAX_ARGS: usize = 10_000;
/// Around an object.
const BRACES: usize = 2;
/// Quotes, colon and comma around one more field.
const JSON_FRAME: usize = 6;
/// sendgrid-oai: characters of a pool's name.
const POOL: core::ops::RangeInclusive<usize> = 2..=64;

#[cfg(test)]
mod tests;
