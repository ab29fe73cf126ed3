//! The body of a call as SendGrid takes it.

use crate::{
    address::Mailbox,
    message::{Attachment, Disposition, Tracking},
    provider::{Dispatch, ID_FIELD},
    wire::{Each, Pairs, PairsAnd},
};
use alloc::{string::String, vec::Vec};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(super) struct Email<'a> {
    pub(super) personalizations: Vec<Personalization<'a>>,
    pub(super) from: Person<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_to: Option<Person<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    pub(super) reply_to_list: Each<'a, Mailbox, Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) content: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    pub(super) headers: Pairs<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) categories: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_args: Option<PairsAnd<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tracking_settings: Option<TrackingSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip_pool_name: Option<&'a str>,
    #[serde(flatten)]
    pub(super) options: Option<&'a Map<String, Value>>,
}

/// What a call has for each of its messages.
#[derive(Serialize)]
pub(super) struct Personalization<'a> {
    pub(super) to: Each<'a, &'a Mailbox, Person<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    pub(super) cc: Each<'a, &'a Mailbox, Person<'a>>,
    #[serde(skip_serializing_if = "Each::is_empty")]
    pub(super) bcc: Each<'a, &'a Mailbox, Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    pub(super) headers: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_args: Option<PairsAnd<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dynamic_template_data: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) substitutions: Option<&'a Map<String, Value>>,
}

impl<'a> Personalization<'a> {
    /// Of the only message: what the call can say once stands there, where the SDKs put it, too.
    pub(super) fn alone(dispatch: &Dispatch<'a>) -> Self {
        let template = dispatch.message.template.as_ref().filter(|template| !template.data.is_empty());
        let data = |dynamic: bool| template.filter(|own| is_dynamic(&own.id) == dynamic).map(|own| &own.data);
        Self {
            to: Each(dispatch.to, |mailbox| person(mailbox)),
            cc: Each(dispatch.cc, |mailbox| person(mailbox)),
            bcc: Each(dispatch.bcc, |mailbox| person(mailbox)),
            subject: None,
            headers: Pairs(&[]),
            custom_args: None,
            dynamic_template_data: data(true),
            substitutions: data(false),
        }
    }

    pub(super) fn among_others(dispatch: &Dispatch<'a>) -> Self {
        let message = dispatch.message;
        Self {
            subject: Some(message.subject.as_str()).filter(|subject| !subject.is_empty()),
            headers: Pairs(&message.headers),
            custom_args: Some(PairsAnd(&message.metadata, (ID_FIELD, dispatch.message_id))),
            ..Self::alone(dispatch)
        }
    }
}

#[derive(Serialize)]
pub(super) struct Person<'a> {
    pub(super) email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
}

pub(super) fn person(mailbox: &Mailbox) -> Person<'_> {
    Person { email: mailbox.address.as_str(), name: mailbox.name.as_deref() }
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    pub(super) r#type: &'static str,
    pub(super) value: &'a str,
}

#[derive(Serialize)]
pub(super) struct TrackingSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) click_tracking: Option<ClickTracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_tracking: Option<OpenTracking>,
}

#[derive(Serialize)]
pub(super) struct ClickTracking {
    pub(super) enable: bool,
    pub(super) enable_text: bool,
}

#[derive(Serialize)]
pub(super) struct OpenTracking {
    pub(super) enable: bool,
}

impl TrackingSettings {
    pub(super) fn of(tracking: Tracking) -> Option<Self> {
        (tracking != Tracking::default()).then(|| Self {
            click_tracking: tracking.clicks.map(|clicks| ClickTracking { enable: clicks, enable_text: clicks }),
            open_tracking: tracking.opens.map(|enable| OpenTracking { enable }),
        })
    }
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    pub(super) r#type: &'a str,
    pub(super) filename: &'a str,
    pub(super) disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    pub(super) fn of(file: &'a Attachment) -> Self {
        let Attachment { filename, content_type, content_id, content: _, disposition } = file;
        Self { r#type: content_type, filename, disposition: *disposition, content_id: content_id.as_deref() }
    }
}

/// Whether a template is one of the newer kind, by its id.
pub(super) fn is_dynamic(template_id: &str) -> bool {
    template_id.starts_with("d-")
}
