//! What a message at Amazon may hold: `Simple`, `Raw` and `Template` contents, and the entries of a bulk call.

use crate::{
    address, draft,
    json::{BadField, Fields},
    messages::{Attachment, Header, Message, SharedFiles},
    mime,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Value, json};

/// The message of a `SendEmail` call.
pub(crate) fn single(value: &Value) -> Result<Message, BadField> {
    let fields = Fields::of(value, "")?;
    let content = fields.object("Content")?.ok_or_else(|| BadField::new("Content", "is required"))?;
    let kinds = (content.object("Simple")?, content.object("Raw")?, content.object("Template")?);
    let mut message = match kinds {
        (Some(simple), None, None) => contents(&simple)?,
        (None, Some(raw), None) => mail(&raw)?,
        (None, None, Some(template)) => Message { attachments: files(&template)?, ..templated(&template)? },
        _ => return Err(BadField::new("Content", "must be exactly one of Simple, Raw and Template")),
    };
    common(&fields, &mut message)?;
    if let Some(destination) = fields.object("Destination")? {
        destine(&destination, &mut message)?;
    }
    let tags = tags(&fields, "EmailTags")?;
    message.tags = tags;
    complete(message)
}

/// What the entries of a bulk call share.
pub(crate) struct Bulk<'a> {
    fields: &'a Fields<'a>,
    tags: Vec<Value>,
    files: SharedFiles,
}

/// Reads what so many entries share: it has to be a template.
pub(crate) fn bulk<'a>(fields: &'a Fields<'a>, entries: usize) -> Result<Bulk<'a>, BadField> {
    let files = template(fields)?.map(|template| files(&template)).transpose()?.unwrap_or_default();
    let shared = Bulk { fields, tags: tags(fields, "DefaultEmailTags")?, files: SharedFiles::new(files, entries) };
    shared.draft()?;
    Ok(shared)
}

fn template<'a>(fields: &Fields<'a>) -> Result<Option<Fields<'a>>, BadField> {
    Ok(fields.object("DefaultContent")?.map(|content| content.object("Template")).transpose()?.flatten())
}

impl Bulk<'_> {
    /// A message with what all entries share.
    fn draft(&self) -> Result<Message, BadField> {
        let template = template(self.fields)?.ok_or_else(|| BadField::new("DefaultContent.Template", "is required"))?;
        let mut message = templated(&template)?;
        common(self.fields, &mut message)?;
        if address::one(&message.from).is_none() {
            return Err(BadField::new("FromEmailAddress", "must be an address"));
        }
        Ok(message)
    }

    /// The message of the entry at this place.
    pub(crate) fn entry(&self, index: usize, value: &Value) -> Result<Message, BadField> {
        let fields = Fields::of(value, "")?;
        let mut message = Message { attachments: self.files.of(index), ..self.draft()? };
        let destination = fields.object("Destination")?;
        destine(&destination.ok_or_else(|| BadField::new("Destination", "is required"))?, &mut message)?;
        message.headers.extend(headers(&fields, "ReplacementHeaders")?);
        let replacement = fields.object("ReplacementEmailContent")?;
        let template = replacement.map(|content| content.object("ReplacementTemplate")).transpose()?.flatten();
        let data = template.map(|template| data(&template, "ReplacementTemplateData")).transpose()?.flatten();
        let shared = message.template.as_mut().and_then(Value::as_object_mut);
        if let (Some(members), Some(data)) = (shared, data) {
            members.insert("data".to_string(), data);
        }
        message.tags = tags(&fields, "ReplacementTags")?;
        if message.tags.is_empty() {
            message.tags.clone_from(&self.tags);
        }
        complete(message)
    }
}

/// The fields around the contents.
fn common(fields: &Fields<'_>, message: &mut Message) -> Result<(), BadField> {
    if let Some(from) = fields.text("FromEmailAddress")? {
        mailboxes(&[from.to_string()], "FromEmailAddress")?;
        message.from = from.to_string();
    }
    let reply_to = draft::texts(fields.any("ReplyToAddresses"), "ReplyToAddresses")?;
    if !reply_to.is_empty() {
        mailboxes(&reply_to, "ReplyToAddresses")?;
        message.reply_to = reply_to;
    }
    message.stream = fields.text("ConfigurationSetName")?.map(String::from);
    let overrides = fields.object("ConfigurationOverrides")?;
    let tracking = overrides.map(|overrides| overrides.object("Tracking")).transpose()?.flatten();
    for (name, value) in tracking.iter().flat_map(Fields::owned) {
        if value != "ENABLED" && value != "DISABLED" {
            return Err(BadField::new(
                format!("ConfigurationOverrides.Tracking.{name}"),
                "must be ENABLED or DISABLED",
            ));
        }
        message.tracking.insert(name, value);
    }
    if let Some(list) = fields.object("ListManagementOptions")? {
        list.text("ContactListName")?
            .ok_or_else(|| BadField::new("ListManagementOptions.ContactListName", "is required"))?;
    }
    Ok(())
}

/// The recipients that stand beside the contents; a MIME message's own give way to them.
fn destine(destination: &Fields<'_>, message: &mut Message) -> Result<(), BadField> {
    message.recipients.clear();
    for (name, list) in
        [("ToAddresses", &mut message.to), ("CcAddresses", &mut message.cc), ("BccAddresses", &mut message.bcc)]
    {
        *list = draft::texts(destination.any(name), &destination.path(name))?;
        message.recipients.extend(mailboxes(list, &destination.path(name))?);
    }
    Ok(())
}

/// What holds of every message: a sender, and from 1 to 50 recipients.
fn complete(mut message: Message) -> Result<Message, BadField> {
    if address::one(&message.from).is_none() {
        return Err(BadField::new("FromEmailAddress", "must be an address"));
    }
    if message.recipients.is_empty() {
        for list in [&message.to, &message.cc, &message.bcc] {
            message.recipients.extend(draft::addresses(list, "Destination")?);
        }
    }
    let got = message.recipients.len();
    if got == 0 || got > MOST_RECIPIENTS {
        return Err(BadField::new(
            "Destination",
            format!("must name from 1 to {MOST_RECIPIENTS} recipients, got {got}"),
        ));
    }
    Ok(message)
}

/// Mailboxes in 7-bit ASCII: a name beyond it has to be an encoded word, a domain beyond it punycode.
fn mailboxes(texts: &[String], field: &str) -> Result<Vec<String>, BadField> {
    if texts.iter().any(|text| !text.is_ascii()) {
        return Err(BadField::new(field, "contains non-ASCII characters"));
    }
    draft::addresses(texts, field)
}

/// `Simple` contents: subject, bodies, headers and files.
fn contents(simple: &Fields<'_>) -> Result<Message, BadField> {
    let subject = simple.object("Subject")?.ok_or_else(|| BadField::new(simple.path("Subject"), "is required"))?;
    let body = simple.object("Body")?.ok_or_else(|| BadField::new(simple.path("Body"), "is required"))?;
    let part = |name: &str| body.object(name)?.map(|part| written(&part)).transpose();
    let message = Message {
        subject: written(&subject)?,
        text_body: part("Text")?,
        html_body: part("Html")?,
        headers: headers(simple, "Headers")?,
        attachments: files(simple)?,
        ..Message::default()
    };
    if message.text_body.is_none() && message.html_body.is_none() {
        return Err(BadField::new(body.path("Text"), "or Html is required"));
    }
    Ok(message)
}

/// A text with its charset: without one it has to be 7-bit ASCII.
fn written(fields: &Fields<'_>) -> Result<String, BadField> {
    let data = fields.text("Data")?.ok_or_else(|| BadField::new(fields.path("Data"), "is required"))?;
    if fields.text("Charset")?.is_none() && !data.is_ascii() {
        return Err(BadField::new(fields.path("Data"), "must be 7-bit ASCII unless Charset is given"));
    }
    Ok(data.to_string())
}

fn mail(raw: &Fields<'_>) -> Result<Message, BadField> {
    let data = raw.text("Data")?.and_then(draft::base64);
    let data = data.ok_or_else(|| BadField::new(raw.path("Data"), "must be base64"))?;
    if data.len() > MOST_MESSAGE_BYTES {
        return Err(BadField::new(raw.path("Data"), format!("must be at most {MOST_MESSAGE_BYTES} bytes")));
    }
    if data.split(|byte| *byte == b'\n').any(|line| line.len() > MOST_LINE_BYTES) {
        return Err(BadField::new(raw.path("Data"), "must not have a line of more than 998 bytes"));
    }
    mime::read(&data).ok_or_else(|| BadField::new(raw.path("Data"), "is not a MIME message"))
}

fn templated(template: &Fields<'_>) -> Result<Message, BadField> {
    let mut given = Vec::new();
    for name in ["TemplateName", "TemplateArn"] {
        given.extend(template.text(name)?.filter(|text| !text.is_empty()).map(Value::from));
    }
    if let Some(content) = template.object("TemplateContent")? {
        given.push(content.text("Subject")?.map_or_else(|| json!("inline"), Value::from));
    }
    let [id] = given.as_slice() else {
        let detail = "must hold exactly one of TemplateName, TemplateArn and TemplateContent";
        return Err(BadField::new(template.path(""), detail));
    };
    Ok(Message {
        template: Some(json!({ "id": id, "data": data(template, "TemplateData")?.unwrap_or_else(|| json!({})) })),
        headers: headers(template, "Headers")?,
        ..Message::default()
    })
}

/// Template data: JSON in a text.
fn data(fields: &Fields<'_>, name: &str) -> Result<Option<Value>, BadField> {
    let Some(text) = fields.text(name)? else { return Ok(None) };
    let value = serde_json::from_str(text).ok().filter(Value::is_object);
    if text.len() > MOST_DATA_BYTES || value.is_none() {
        return Err(BadField::new(fields.path(name), "must be a JSON object in at most 262144 bytes"));
    }
    Ok(value)
}

fn headers(fields: &Fields<'_>, name: &str) -> Result<Vec<Header>, BadField> {
    let items = fields.list(name)?.unwrap_or_default();
    if items.len() > MOST_HEADERS {
        return Err(BadField::new(fields.path(name), format!("must hold at most {MOST_HEADERS} headers")));
    }
    let header = |(index, item): (usize, &Value)| {
        let item = Fields::of(item, &format!("{}[{index}]", fields.path(name)))?;
        let (name, value) = (item.text("Name")?.unwrap_or_default(), item.text("Value")?.unwrap_or_default());
        let is_name = draft::is_header(name, "") && name.len() <= 126;
        let is_value = value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && (1..=995).contains(&value.len());
        if !is_name || !is_value || name.len() + value.len() > 996 {
            return Err(BadField::new(item.path("Value"), "and Name must be a header field of printable ASCII"));
        }
        Ok(Header { name: name.to_string(), value: value.to_string() })
    };
    items.iter().enumerate().map(header).collect()
}

fn tags(fields: &Fields<'_>, name: &str) -> Result<Vec<Value>, BadField> {
    let items = fields.list(name)?.unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let item = Fields::of(item, &format!("{}[{index}]", fields.path(name)))?;
        for part in ["Name", "Value"] {
            let text = item.text(part)?.unwrap_or_default();
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if text.is_empty() || text.len() > 256 || !text.bytes().all(fits) {
                let detail = "must be from 1 to 256 ASCII letters, numbers, underscores or dashes";
                return Err(BadField::new(item.path(part), detail));
            }
        }
    }
    Ok(items.to_vec())
}

fn files(fields: &Fields<'_>) -> Result<Vec<Attachment>, BadField> {
    let file = |(index, file): (usize, &Value)| {
        let file = Fields::of(file, &format!("{}[{index}]", fields.path("Attachments")))?;
        let bounded = |name: &str, most: usize| match file.text(name)? {
            Some(text) if text.is_empty() || text.len() > most => {
                Err(BadField::new(file.path(name), format!("must be from 1 to {most} bytes")))
            }
            text => Ok(text.map(String::from)),
        };
        let one_of = |name: &str, known: &[&str]| match file.text(name)? {
            Some(word) if !known.contains(&word) => {
                Err(BadField::new(file.path(name), format!("must be one of {}", known.join(", "))))
            }
            word => Ok(word.map(String::from)),
        };
        one_of("ContentTransferEncoding", &["BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT"])?;
        let filename = bounded("FileName", 255)?;
        let content = file.text("RawContent")?.and_then(draft::base64);
        Ok(Attachment {
            filename: filename.ok_or_else(|| BadField::new(file.path("FileName"), "is required"))?,
            content_type: bounded("ContentType", 78)?,
            disposition: one_of("ContentDisposition", &["ATTACHMENT", "INLINE"])?,
            content_id: bounded("ContentId", 78)?,
            content: Some(content.ok_or_else(|| BadField::new(file.path("RawContent"), "must be base64"))?),
        })
    };
    fields.list("Attachments")?.unwrap_or_default().iter().enumerate().map(file).collect()
}

/// Amazon's documented bounds.
const MOST_RECIPIENTS: usize = 50;
const MOST_HEADERS: usize = 15;
const MOST_DATA_BYTES: usize = 262_144;
const MOST_MESSAGE_BYTES: usize = 41_943_040;
/// 998 bytes and the carriage return.
const MOST_LINE_BYTES: usize = 999;
