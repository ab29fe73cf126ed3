//! A message, checked.

use super::{
    SendgateError,
    values::{Units, count, hidden},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sendgate_core::{
    address::Mailbox,
    message::{self, Class as MailClass, Disposition},
    time::UnixMillis,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The kind of a message.
#[uniffi::remote(Enum)]
pub enum MailClass {
    /// A person waits for it.
    Transactional,
    /// Follows from what a person did.
    Lifecycle,
    /// One of a planned series.
    Drip,
    /// To many at once.
    Bulk,
}

/// Where a file is shown.
#[uniffi::remote(Enum)]
pub enum Disposition {
    /// Beside the body.
    Attachment,
    /// In the body.
    Inline,
}

/// What a message is made of. Mailboxes are `a@shop.example` or `Name <a@shop.example>`.
#[derive(Clone, PartialEq, uniffi::Record)]
pub struct Draft {
    /// The author.
    pub from: String,
    /// Recipients shown; at least one.
    pub to: Vec<String>,
    /// The subject; empty only with a template.
    #[uniffi(default = "")]
    pub subject: String,
    /// The plain text body.
    #[uniffi(default = None)]
    pub text_body: Option<String>,
    /// The HTML body.
    #[uniffi(default = None)]
    pub html_body: Option<String>,
    /// Recipients of a copy.
    #[uniffi(default = [])]
    pub cc: Vec<String>,
    /// Recipients not shown.
    #[uniffi(default = [])]
    pub bcc: Vec<String>,
    /// Where answers go, when not to `from`.
    #[uniffi(default = [])]
    pub reply_to: Vec<String>,
    /// Further header fields, in the order of their names.
    #[uniffi(default)]
    pub headers: HashMap<String, String>,
    /// Files.
    #[uniffi(default = [])]
    pub attachments: Vec<Attachment>,
    /// Words to group messages by.
    #[uniffi(default = [])]
    pub tags: Vec<String>,
    /// Names and values that come back in events.
    #[uniffi(default)]
    pub metadata: HashMap<String, String>,
    /// What kind of mail it is; transactional when absent.
    #[uniffi(default = None)]
    pub mail_class: Option<MailClass>,
    /// Not to leave before.
    #[uniffi(default = None)]
    pub send_at: Option<UnixMillis>,
    /// Not to leave from then on.
    #[uniffi(default = None)]
    pub expires_at: Option<UnixMillis>,
    /// The provider's template in place of the bodies.
    #[uniffi(default = None)]
    pub template: Option<Template>,
    /// Whether opens are tracked; as the provider account's setting when absent.
    #[uniffi(default = None)]
    pub track_opens: Option<bool>,
    /// Whether clicks are tracked; as the provider account's setting when absent.
    #[uniffi(default = None)]
    pub track_clicks: Option<bool>,
    /// The provider's stream or pool.
    #[uniffi(default = None)]
    pub stream: Option<String>,
    /// By provider name: a JSON object merged into that provider's request.
    #[uniffi(default)]
    pub provider_options: HashMap<String, String>,
}

/// A file sent with a message.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its media type, such as `application/pdf`.
    pub content_type: String,
    /// Where it is shown; beside the body when absent.
    #[uniffi(default = None)]
    pub disposition: Option<Disposition>,
    /// What the HTML body calls it after `cid:`.
    #[uniffi(default = None)]
    pub content_id: Option<String>,
}

/// A template that the provider keeps.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Template {
    /// The provider's id or alias of it.
    pub id: String,
    /// What it is filled with, as a JSON object.
    #[uniffi(default = "{}")]
    pub data: String,
}

hidden!(Draft, Attachment, Template);

/// A message as Sendgate's API takes it, read strictly: every fault is reported at once.
#[derive(Debug, uniffi::Object)]
pub struct Message(message::Message);

#[uniffi::export]
impl Message {
    /// A message of these parts.
    ///
    /// # Errors
    /// [`SendgateError::InvalidMessage`], with each fault.
    #[uniffi::constructor]
    pub fn new(draft: Draft) -> Result<Self, SendgateError> {
        Ok(Self(message::Message::from_values(draft.values()?)?))
    }

    /// Reads a message from its JSON text, as the API takes it.
    ///
    /// # Errors
    /// [`SendgateError::InvalidMessage`], with each fault.
    #[uniffi::constructor]
    pub fn from_json(json: &str) -> Result<Self, SendgateError> {
        Ok(Self(message::Message::parse(json)?))
    }

    /// The message as JSON text, from which `from_json` reads the same one again.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The parts of the message: one that is made of them is the same.
    #[must_use]
    pub fn parts(&self) -> Draft {
        Draft::from(&self.0)
    }

    /// What kind of mail it is.
    #[must_use]
    pub fn mail_class(&self) -> MailClass {
        self.0.class
    }

    /// Its bytes by the documented measure, attachments in base64 included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size() as u64
    }

    /// Recipients over `to`, `cc` and `bcc`: what quotas and windows are charged for.
    #[must_use]
    pub fn recipient_count(&self) -> Units {
        Units(count(self.0.recipient_count()))
    }
}

impl Draft {
    /// The message's fields as the API names them, those that are absent left out.
    fn values(self) -> Result<Value, SendgateError> {
        let Self {
            from,
            to,
            subject,
            text_body,
            html_body,
            cc,
            bcc,
            reply_to,
            headers,
            attachments,
            tags,
            metadata,
            mail_class,
            send_at,
            expires_at,
            template,
            track_opens,
            track_clicks,
            stream,
            provider_options,
        } = self;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.into(), value);
        put("from", json!(from));
        put("to", json!(to));
        put("subject", json!(subject));
        put("text_body", json!(text_body));
        put("html_body", json!(html_body));
        put("cc", json!(cc));
        put("bcc", json!(bcc));
        put("reply_to", json!(reply_to));
        put("headers", json!(headers));
        put("attachments", attachments.iter().map(Attachment::values).collect());
        put("tags", json!(tags));
        put("metadata", json!(metadata));
        put("class", json!(mail_class.unwrap_or_default()));
        put("send_at", json!(send_at.map(|at| at.to_string())));
        put("expires_at", json!(expires_at.map(|at| at.to_string())));
        put("template", template.map(Template::values).transpose()?.unwrap_or_default());
        put("tracking", json!({ "opens": track_opens, "clicks": track_clicks }));
        put("stream", json!(stream));
        let options = provider_options.iter().map(|(name, json)| Ok((name.clone(), object("provider_options", json)?)));
        put("provider_options", Value::Object(options.collect::<Result<_, SendgateError>>()?));
        fields.retain(|_, value| !value.is_null());
        Ok(Value::Object(fields))
    }
}

/// Names every field of the core's message: one that it gains or loses stops this crate's build.
impl From<&message::Message> for Draft {
    fn from(message: &message::Message) -> Self {
        let message::Message {
            from,
            to,
            cc,
            bcc,
            reply_to,
            subject,
            text_body,
            html_body,
            headers,
            attachments,
            tags,
            metadata,
            class,
            send_at,
            expires_at,
            template,
            tracking: message::Tracking { opens, clicks },
            stream,
            provider_options,
            held: _,
        } = message;
        let mailboxes = |list: &[Mailbox]| list.iter().map(ToString::to_string).collect();
        Self {
            from: from.to_string(),
            to: mailboxes(to),
            subject: subject.clone(),
            text_body: text_body.clone(),
            html_body: html_body.clone(),
            cc: mailboxes(cc),
            bcc: mailboxes(bcc),
            reply_to: mailboxes(reply_to),
            headers: headers.iter().cloned().collect(),
            attachments: attachments.iter().map(Attachment::from).collect(),
            tags: tags.clone(),
            metadata: metadata.iter().cloned().collect(),
            mail_class: Some(*class),
            send_at: *send_at,
            expires_at: *expires_at,
            template: template.as_ref().map(Template::from),
            track_opens: *opens,
            track_clicks: *clicks,
            stream: stream.clone(),
            provider_options: provider_options.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        }
    }
}

impl From<&message::Attachment> for Attachment {
    fn from(file: &message::Attachment) -> Self {
        let message::Attachment { filename, content_type, content, disposition, content_id } = file;
        Self {
            filename: filename.clone(),
            // A message that was read has no other.
            content: STANDARD.decode(content).unwrap_or_default(),
            content_type: content_type.clone(),
            disposition: Some(*disposition),
            content_id: content_id.clone(),
        }
    }
}

impl From<&message::Template> for Template {
    fn from(template: &message::Template) -> Self {
        let message::Template { id, data } = template;
        Self { id: id.clone(), data: Value::Object(data.clone()).to_string() }
    }
}

impl Attachment {
    fn values(&self) -> Value {
        let Self { filename, content, content_type, disposition, content_id } = self;
        let disposition = disposition.unwrap_or_default();
        let content = STANDARD.encode(content);
        let mut file = json!({ "filename": filename, "content_type": content_type, "content": content });
        if let Value::Object(fields) = &mut file {
            fields.insert("disposition".into(), json!(disposition));
            fields.extend(content_id.iter().map(|id| ("content_id".to_owned(), json!(id))));
        }
        file
    }
}

impl Template {
    fn values(self) -> Result<Value, SendgateError> {
        let Self { id, data } = self;
        Ok(json!({ "id": id, "data": object("template.data", &data)? }))
    }
}

/// A JSON object that came as text.
fn object(field: &str, json: &str) -> Result<Value, SendgateError> {
    let code = "invalid_json".to_owned();
    let read = serde_json::from_str::<Map<String, Value>>(json).map(Value::Object);
    read.map_err(|error| {
        let detail = format!("is no JSON object (line {}, column {})", error.line(), error.column());
        let fault = super::error::FieldFault { field: field.into(), code: code.clone(), detail: detail.clone() };
        SendgateError::InvalidMessage { code, detail: format!("{field}: {detail}"), faults: vec![fault] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Draft {
        Draft {
            from: "Shop <orders@shop.example>".into(),
            to: vec!["ann@example.com".into()],
            subject: "Order 42".into(),
            text_body: Some("On its way.".into()),
            html_body: None,
            cc: vec![],
            bcc: vec![],
            reply_to: vec![],
            headers: HashMap::new(),
            attachments: vec![],
            tags: vec![],
            metadata: HashMap::new(),
            mail_class: None,
            send_at: None,
            expires_at: None,
            template: None,
            track_opens: None,
            track_clicks: None,
            stream: None,
            provider_options: HashMap::new(),
        }
    }

    #[test]
    fn a_draft_becomes_the_message_of_its_json() {
        let json = r#"{"from":"Shop <orders@shop.example>","to":["ann@example.com"],"subject":"Order 42","text_body":"On its way."}"#;
        assert_eq!(Message::new(small()).unwrap().to_json(), Message::from_json(json).unwrap().to_json());
    }

    #[test]
    fn every_field_of_a_draft_is_one_of_the_api() {
        let draft = Draft {
            html_body: Some("<p>On its way.</p>".into()),
            cc: vec!["bob@example.net".into()],
            bcc: vec!["eve@example.org".into()],
            reply_to: vec!["help@shop.example".into()],
            headers: HashMap::from([("X-Order".into(), "42".into())]),
            attachments: vec![Attachment {
                filename: "a.txt".into(),
                content: b"abc".to_vec(),
                content_type: "text/plain".into(),
                disposition: Some(Disposition::Inline),
                content_id: Some("a1".into()),
            }],
            tags: vec!["receipt".into()],
            metadata: HashMap::from([("order".into(), "42".into())]),
            mail_class: Some(MailClass::Bulk),
            send_at: Some(UnixMillis::new(1_800_000_000_000)),
            expires_at: Some(UnixMillis::new(1_800_000_060_000)),
            track_opens: Some(false),
            track_clicks: Some(true),
            stream: Some("outbound".into()),
            provider_options: HashMap::from([("resend".into(), r#"{"x":1}"#.into())]),
            ..small()
        };
        let message = Message::new(draft).unwrap().0;
        let again = Message::new(Message(message.clone()).parts()).unwrap();
        assert_eq!(again.to_json(), message.to_json());
        // base64 of "abc" (RFC 4648, section 10 has the like).
        assert_eq!(message.attachments[0].content, "YWJj");
        assert_eq!(message.class, MailClass::Bulk);
        assert_eq!(message.send_at, Some(UnixMillis::new(1_800_000_000_000)));
        assert_eq!((message.tracking.opens, message.tracking.clicks), (Some(false), Some(true)));
        assert_eq!(message.recipient_count(), 3);
        let template = Template { id: "welcome".into(), data: r#"{"name":"Ann"}"#.into() };
        let draft = Draft { subject: String::new(), text_body: None, template: Some(template), ..small() };
        assert_eq!(Message::new(draft).unwrap().0.template.unwrap().data["name"], "Ann");
    }

    #[test]
    fn every_fault_is_told_and_no_value() {
        let draft = Draft { from: "nobody".into(), to: vec!["b@".into()], ..small() };
        let Err(SendgateError::InvalidMessage { faults, detail, .. }) = Message::new(draft) else { panic!("taken") };
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["from", "to[0]"]);
        assert!(!detail.contains("nobody"));
        let draft = Draft { provider_options: HashMap::from([("resend".into(), "[".into())]), ..small() };
        let Err(SendgateError::InvalidMessage { code, .. }) = Message::new(draft) else { panic!("taken") };
        assert_eq!(code, "invalid_json");
    }
}
