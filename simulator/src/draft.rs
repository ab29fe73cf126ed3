//! What the dialects share in reading a call: its body, its header fields, its addresses and its files.

use crate::{
    Arrival, address,
    dialect::{Item, Refusal},
    json::{BadField, Fields},
    messages::{Attachment, Header, Message},
};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, value::RawValue};

impl<'a> Arrival<'a> {
    /// The first header field of this name, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The credential of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&'a str> {
        let (scheme, credential) = self.header("authorization")?.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !credential.trim().is_empty()).then(|| credential.trim())
    }

    /// The body as JSON text.
    pub(crate) fn json(&self) -> Option<&'a str> {
        let text = core::str::from_utf8(self.body).ok()?;
        serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
    }
}

/// The answer to `GET` of something else than a message: there is nothing to read but the path.
pub(crate) fn segments(rest: &str) -> Vec<&str> {
    rest.trim_matches('/').split('/').collect()
}

/// The items of a JSON array, each as its own text.
pub(crate) fn array(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// The items of the array that is the member `name` of a JSON object, each as its own text.
pub(crate) fn member_array<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(text).ok()?;
    array(members.get(name)?.get())
}

/// One message of a call, read by `read`.
pub(crate) fn item<'a>(
    raw: &'a str,
    deep: impl FnOnce() -> Refusal,
    read: impl FnOnce(&Value) -> Result<Message, Refusal>,
) -> Item<'a> {
    let message = serde_json::from_str::<Value>(raw).map_err(|_| deep()).and_then(|value| read(&value));
    Item { raw: Cow::Borrowed(raw), message }
}

/// The texts of a field that holds one text or an array of them.
pub(crate) fn texts(value: Option<&Value>, field: &str) -> Result<Vec<String>, BadField> {
    let wrong = || BadField::new(field, "must be a string or an array of strings");
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok([text.clone()].into()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(ToString::to_string).ok_or_else(wrong)).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(wrong()),
    }
}

/// The bare addresses in `mailboxes`; the first text that is not one mailbox is named by its index.
pub(crate) fn addresses(mailboxes: &[String], field: &str) -> Result<Vec<String>, BadField> {
    let read = |(index, text): (usize, &String)| match address::one(text) {
        Some(address) => Ok(address.to_string()),
        None => Err(BadField::new(format!("{field}[{index}]"), "must be an address, with or without a name")),
    };
    mailboxes.iter().enumerate().map(read).collect()
}

/// A mailbox given as an object of a bare `email` and a `name`.
pub(crate) fn person(value: &Value, path: &str) -> Result<String, BadField> {
    let fields = Fields::of(value, path)?;
    let email = fields.text("email")?.unwrap_or_default();
    if email.contains(['<', '>']) || address::one(email).is_none() {
        return Err(BadField::new(fields.path("email"), "does not contain a valid address"));
    }
    Ok(address::join(fields.text("name")?, email))
}

/// The mailboxes of a list of such objects.
pub(crate) fn people(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, BadField> {
    let items = fields.list(name)?.unwrap_or_default();
    items.iter().enumerate().map(|(index, item)| person(item, &format!("{}[{index}]", fields.path(name)))).collect()
}

/// The header fields of an object of them.
pub(crate) fn header_map(fields: &Fields<'_>, name: &str) -> Result<Vec<Header>, BadField> {
    let Some(headers) = fields.object(name)? else { return Ok(Vec::new()) };
    let header = |(name, value): (&str, &Value)| match value.as_str().filter(|value| is_header(name, value)) {
        Some(value) => Ok(Header { name: name.to_string(), value: value.to_string() }),
        None => Err(BadField::new(headers.path(name), "must be a header field")),
    };
    headers.members().map(header).collect()
}

/// What a file is called and holds, by the names that a provider gives to its fields.
pub(crate) fn file(
    file: &Fields<'_>,
    (content, filename, content_type, content_id): (&str, &str, &str, &str),
) -> Result<Attachment, BadField> {
    let name = file.text(filename)?.filter(|name| !name.is_empty());
    let bytes = file.text(content)?.and_then(base64);
    Ok(Attachment {
        filename: name.ok_or_else(|| BadField::new(file.path(filename), "is required"))?.to_string(),
        content_type: file.text(content_type)?.map(String::from),
        disposition: file.text("disposition")?.map(String::from),
        content_id: file.text(content_id)?.map(String::from),
        content: Some(bytes.ok_or_else(|| BadField::new(file.path(content), "must be base64"))?),
    })
}

/// The files of a list, each read so.
pub(crate) fn files(
    fields: &Fields<'_>,
    list: &str,
    names: (&str, &str, &str, &str),
) -> Result<Vec<Attachment>, BadField> {
    let items = fields.list(list)?.unwrap_or_default();
    let read =
        |(index, item): (usize, &Value)| file(&Fields::of(item, &format!("{}[{index}]", fields.path(list)))?, names);
    items.iter().enumerate().map(read).collect()
}

/// Fills in a message's recipients, of which there must be from 1 to `most`.
pub(crate) fn recipients(message: &mut Message, most: usize) -> Result<(), BadField> {
    for (field, mailboxes) in [("to", &message.to), ("cc", &message.cc), ("bcc", &message.bcc)] {
        message.recipients.extend(addresses(mailboxes, field)?);
    }
    let got = message.recipients.len();
    if got == 0 || got > most {
        return Err(BadField::new("to", format!("must name from 1 to {most} recipients, got {got}")));
    }
    Ok(())
}

/// Whether `name` and `value` may stand in a mail header: no line break can be smuggled in.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !value.chars().any(|letter| letter.is_control() && letter != '\t')
}

/// The bytes behind standard, padded base64.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
