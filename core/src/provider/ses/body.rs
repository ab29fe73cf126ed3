//! The bodies of SES's calls.

use super::{mailbox::Ascii, tag_name};
use crate::{
    address::Mailbox,
    message::{Attachment, Disposition, Message},
    provider::{Dispatch, ID_FIELD, ProviderKind, options},
    wire::Each,
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

/// Everything but `Content`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Email<'a> {
    from_email_address: Ascii<'a>,
    destination: Destination<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to_addresses: Option<Each<'a, Mailbox, Ascii<'a>>>,
    email_tags: Vec<Tag<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_overrides: Option<Overrides>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

impl<'a> Email<'a> {
    /// `with_reply_to` is not for MIME, which has its own.
    pub(super) fn of(dispatch: &Dispatch<'a>, with_reply_to: bool) -> Self {
        let message = dispatch.message;
        Self {
            from_email_address: Ascii(&message.from),
            destination: Destination::of(dispatch),
            reply_to_addresses: reply_to(message).filter(|_| with_reply_to),
            email_tags: tags(dispatch),
            configuration_set_name: message.stream.as_deref(),
            configuration_overrides: Overrides::of(message),
            options: options::of(ProviderKind::Ses, message),
        }
    }
}

/// A template to many.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Bulk<'a> {
    from_email_address: Ascii<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to_addresses: Option<Each<'a, Mailbox, Ascii<'a>>>,
    default_content: DefaultContent<'a>,
    bulk_email_entries: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_overrides: Option<Overrides>,
    #[serde(flatten)]
    options: Option<&'a Map<String, Value>>,
}

impl<'a> Bulk<'a> {
    /// `None` without a template.
    pub(super) fn of(dispatches: &[Dispatch<'a>]) -> Option<Self> {
        let message = dispatches.first()?.message;
        let (template_name, template_arn) = named(&message.template.as_ref()?.id);
        let template = TemplateOf { template_name, template_arn, template_data: Cow::Borrowed("{}") };
        Some(Self {
            from_email_address: Ascii(&message.from),
            reply_to_addresses: reply_to(message),
            default_content: DefaultContent { template },
            bulk_email_entries: dispatches.iter().map(Entry::of).collect::<Option<_>>()?,
            configuration_set_name: message.stream.as_deref(),
            configuration_overrides: Overrides::of(message),
            options: options::of(ProviderKind::Ses, message),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DefaultContent<'a> {
    template: TemplateOf<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    destination: Destination<'a>,
    replacement_email_content: Replacement,
    replacement_tags: Vec<Tag<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    replacement_headers: Headers<'a>,
}

impl<'a> Entry<'a> {
    fn of(dispatch: &Dispatch<'a>) -> Option<Self> {
        let data = serde_json::to_string(&dispatch.message.template.as_ref()?.data).ok()?;
        let replacement_template = ReplacementTemplate { replacement_template_data: data };
        Some(Self {
            destination: Destination::of(dispatch),
            replacement_email_content: Replacement { replacement_template },
            replacement_tags: tags(dispatch),
            replacement_headers: headers(dispatch.message),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Replacement {
    replacement_template: ReplacementTemplate,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReplacementTemplate {
    replacement_template_data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destination<'a> {
    to_addresses: Each<'a, &'a Mailbox, Ascii<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    cc_addresses: Each<'a, &'a Mailbox, Ascii<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    bcc_addresses: Each<'a, &'a Mailbox, Ascii<'a>>,
}

impl<'a> Destination<'a> {
    fn of(dispatch: &Dispatch<'a>) -> Self {
        let list = |mailboxes| Each(mailboxes, |mailbox: &&Mailbox| Ascii(mailbox));
        Self { to_addresses: list(dispatch.to), cc_addresses: list(dispatch.cc), bcc_addresses: list(dispatch.bcc) }
    }
}

/// `Content.Simple` without its files.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Simple<'a> {
    subject: Part<'a>,
    body: Bodies<'a>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Headers<'a>,
}

impl<'a> Simple<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        let body = Bodies {
            text: message.text_body.as_deref().map(Part::of),
            html: message.html_body.as_deref().map(Part::of),
        };
        Self { subject: Part::of(&message.subject), body, headers: headers(message) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Bodies<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Part<'a> {
    data: &'a str,
    charset: &'static str,
}

impl<'a> Part<'a> {
    const fn of(data: &'a str) -> Self {
        Self { data, charset: "UTF-8" }
    }
}

/// `Content.Template` without its files.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Template<'a> {
    #[serde(flatten)]
    template: TemplateOf<'a>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    headers: Headers<'a>,
}

impl<'a> Template<'a> {
    pub(super) fn of(message: &'a Message) -> Option<Self> {
        let template = message.template.as_ref()?;
        let (template_name, template_arn) = named(&template.id);
        let template_data = Cow::Owned(serde_json::to_string(&template.data).ok()?);
        Some(Self { template: TemplateOf { template_name, template_arn, template_data }, headers: headers(message) })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TemplateOf<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_arn: Option<&'a str>,
    template_data: Cow<'a, str>,
}

/// A template's name or its ARN; names have no colon.
fn named(id: &str) -> (Option<&str>, Option<&str>) {
    if id.starts_with("arn:") { (None, Some(id)) } else { (Some(id), None) }
}

type Headers<'a> = Each<'a, (String, String), Pair<'a>>;

fn headers(message: &Message) -> Headers<'_> {
    Each(&message.headers, |(name, value)| Pair { name, value })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag<'a> {
    name: Cow<'a, str>,
    value: &'a str,
}

/// The message's tags, its metadata, its id, in this order.
fn tags<'a>(dispatch: &Dispatch<'a>) -> Vec<Tag<'a>> {
    let message = dispatch.message;
    let id = Tag { name: Cow::Borrowed(ID_FIELD), value: dispatch.message_id };
    let tags = message.tags.iter().enumerate().map(|(index, value)| Tag { name: tag_name(index).into(), value });
    let metadata = message.metadata.iter().map(|(name, value)| Tag { name: Cow::from(name), value });
    tags.chain(metadata).chain([id]).collect()
}

fn reply_to(message: &Message) -> Option<Each<'_, Mailbox, Ascii<'_>>> {
    (!message.reply_to.is_empty()).then_some(Each(&message.reply_to, Ascii))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Overrides {
    tracking: Tracking,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    open_tracking_enabled: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click_tracking_enabled: Option<&'static str>,
}

impl Overrides {
    fn of(message: &Message) -> Option<Self> {
        let word = |on| if on { "ENABLED" } else { "DISABLED" };
        let tracking = Tracking {
            open_tracking_enabled: message.tracking.opens.map(word),
            click_tracking_enabled: message.tracking.clicks.map(word),
        };
        let says = message.tracking.opens.is_some() || message.tracking.clicks.is_some();
        says.then_some(Self { tracking })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct File<'a> {
    file_name: &'a str,
    content_type: &'a str,
    content_disposition: &'static str,
    content_transfer_encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    pub(super) fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition } = file;
        Self {
            file_name: filename,
            content_type,
            content_disposition: match disposition {
                Disposition::Attachment => "ATTACHMENT",
                Disposition::Inline => "INLINE",
            },
            content_transfer_encoding: "BASE64",
            content_id: content_id.as_deref(),
        }
    }
}
