//! What the dialects share in reading a call: its body, its header fields, its addresses and its files.

use crate::{
    Arrival, address,
    dialect::{Item, Refusal},
    json::BadField,
    messages::Message,
};
use alloc::{
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

/// The items of a JSON array, each as its own text.
pub(crate) fn array(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// One message of a call, read by `read`.
pub(crate) fn item<'a>(
    raw: &'a str,
    deep: impl FnOnce() -> Refusal,
    read: impl FnOnce(&Value) -> Result<Message, Refusal>,
) -> Item<'a> {
    let message = serde_json::from_str::<Value>(raw).map_err(|_| deep()).and_then(|value| read(&value));
    Item { raw, message }
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
