//! Cloudflare Email Service through a Worker's `send_email` binding: the object that `send()` takes.
//!
//! Fields after workers-types 5.20261117.1 and cloudflare-docs, `api/send-emails/workers-api.mdx`. It is the REST
//! interface's twin ([`super::cloudflare`]) with other names: `email` for `address`, camel case for snake case. The base
//! URL names the binding: `binding:EMAIL`. A call has no status; what it throws has a code.

use super::{
    BuildError, Dialect, Dispatch, ProviderKind, Target,
    classify::{Class, readable_id, safe_name},
    cloudflare::{gaps, named},
    options,
};
use crate::{
    address::Mailbox,
    message::{Attachment, Disposition, Message},
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{BindingCall, BindingReply, Call, Reply},
    wire::{Each, Pairs, with_files},
};
use alloc::{string::String, vec::Vec};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// CloudflareBinding's file.
pub(super) struct CloudflareBinding;

impl Dialect for CloudflareBinding {
    /// The binding's name in Cloudflare's own examples.
    fn default_base_url(&self) -> Option<&'static str> {
        Some("binding:EMAIL")
    }

    fn base_url_fault(&self, url: &str) -> Option<&'static str> {
        let named = url.strip_prefix(SCHEME).is_some_and(is_binding);
        (!named).then_some("must be binding:NAME, with the name of a send_email binding")
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(ProviderKind::CloudflareBinding, message, &COMPOSED)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        let name = target.base_url.strip_prefix(SCHEME).filter(|name| is_binding(name));
        let binding = name.ok_or(BuildError::Incomplete { field: "base_url" })?.into();
        Ok(Call::Binding(BindingCall { binding, message: object(dispatch).ok_or(BuildError::NotPrintable)? }))
    }

    fn needs_credential(&self) -> bool {
        false
    }

    fn classify(&self, reply: &Reply, _now: UnixMillis) -> Answer {
        match reply {
            Reply::Binding(reply) => classify(reply),
            Reply::Http(_) | Reply::Smtp(_) => Answer::without_status(Outcome::Unknown),
        }
    }
}

/// The object for one message.
fn object(dispatch: &Dispatch<'_>) -> Option<Vec<u8>> {
    let message = dispatch.message;
    let email = Email {
        from: Named(&message.from),
        to: Each(dispatch.to, |mailbox| Named(mailbox)),
        cc: Each(dispatch.cc, |mailbox| Named(mailbox)),
        bcc: Each(dispatch.bcc, |mailbox| Named(mailbox)),
        reply_to: message.reply_to.first().map(Named),
        subject: &message.subject,
        text: message.text_body.as_deref(),
        html: message.html_body.as_deref(),
        headers: Pairs(&message.headers),
        options: options::of(ProviderKind::CloudflareBinding, message),
    };
    let files = message.attachments.iter().map(|file| (File::of(file), &file.content));
    with_files(&email, ("attachments", "content"), files)
}

/// The meaning of what the binding returned or threw.
fn classify(reply: &BindingReply) -> Answer {
    match reply {
        BindingReply::Returned { message_id } => {
            let id = message_id.as_deref().and_then(readable_id);
            let outcome = id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) });
            Answer::without_status(outcome)
        }
        BindingReply::Threw { code } => {
            let code = code.as_deref().and_then(safe_name);
            let known = ERRORS.iter().find(|(known, _)| Some(*known) == code);
            let class = known.map_or(Class::Unknown, |(_, class)| *class);
            let provider_code = code.map(String::from);
            Answer { provider_code, ..Answer::without_status(class.outcome(None)) }
        }
    }
}

/// A name that a Worker's environment can have.
fn is_binding(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && (1..=MAX_NAME).contains(&name.len())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Email<'a> {
    from: Named<'a>,
    to: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc: Each<'a, &'a Mailbox, Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Named<'a>>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    headers: Pairs<'a>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

/// `{"email", "name"}`, or the bare address.
struct Named<'a>(&'a Mailbox);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(self.0, "email", serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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

/// Every field of the object that Sendgate composes.
const COMPOSED: [&str; 10] =
    ["from", "to", "cc", "bcc", "replyTo", "subject", "text", "html", "headers", "attachments"];

/// What a base URL that names a binding begins with.
const SCHEME: &str = "binding:";
/// Longer than any name that one gives.
const MAX_NAME: usize = 64;
/// cloudflare-docs, `api/send-emails/workers-api.mdx` (0cc9601). `E_DELIVERY_FAILED` is "SMTP delivery failure, recipient
/// server rejection" and says neither whether it passes nor whether others got the message: nothing is concluded.
const ERRORS: &[(&str, Class)] = &[
    ("E_VALIDATION_ERROR", Class::Refused),
    ("E_FIELD_MISSING", Class::Refused),
    ("E_TOO_MANY_RECIPIENTS", Class::Refused),
    ("E_SENDER_NOT_VERIFIED", Class::SenderRefused),
    ("E_RECIPIENT_NOT_ALLOWED", Class::Refused),
    ("E_RECIPIENT_SUPPRESSED", Class::RecipientSuppressed),
    ("E_SENDER_DOMAIN_NOT_AVAILABLE", Class::SenderRefused),
    ("E_CONTENT_TOO_LARGE", Class::Refused),
    ("E_DELIVERY_FAILED", Class::Unknown),
    ("E_RATE_LIMIT_EXCEEDED", Class::Throttled),
    ("E_DAILY_LIMIT_EXCEEDED", Class::QuotaSpent),
    ("E_INTERNAL_SERVER_ERROR", Class::Transient),
    ("E_HEADER_NOT_ALLOWED", Class::Refused),
    ("E_HEADER_USE_API_FIELD", Class::Refused),
    ("E_HEADER_VALUE_INVALID", Class::Refused),
    ("E_HEADER_VALUE_TOO_LONG", Class::Refused),
    ("E_HEADER_NAME_INVALID", Class::Refused),
    ("E_HEADERS_TOO_LARGE", Class::Refused),
    ("E_HEADERS_TOO_MANY", Class::Refused),
];

#[cfg(test)]
mod tests;
