//! JSON in and out: the fields of an object by name, and the simulator's own answers.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::http::HttpResponse;
use serde_json::{Map, Value};

/// A field that is not what it should be: where it is, and what was expected there.
pub(crate) struct BadField {
    /// The path of the field: `resend.windows[0].limit`; empty for the whole body.
    pub(crate) field: String,
    /// What was expected.
    pub(crate) detail: String,
}

impl BadField {
    /// The field at `field` breaks the rule that `detail` states.
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// The members of one JSON object. A member that is `null` counts as absent, as official SDKs send such.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The members of `value`, which stands at `path`.
    pub(crate) fn of(value: &'a Value, path: &str) -> Result<Self, BadField> {
        match value {
            Value::Object(map) => Ok(Self { map, path: path.to_string() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(BadField::new(path, "must be an object"))
            }
        }
    }

    /// The full path of the member `name`.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }

    /// The member `name`, unless it is absent or null.
    pub(crate) fn any(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member `name` is there, if only as null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The text at `name`.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, BadField> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BadField::new(self.path(name), "must be a string")),
        }
    }

    /// The truth at `name`.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, BadField> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(_) => Err(BadField::new(self.path(name), "must be true or false")),
        }
    }

    /// The whole number at `name`, which must lie from `least` to `most`.
    pub(crate) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, BadField> {
        let Some(value) = self.any(name) else { return Ok(None) };
        match value.as_u64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(BadField::new(self.path(name), format!("must be a whole number from {least} to {most}"))),
        }
    }

    /// The array at `name`.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, BadField> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(BadField::new(self.path(name), "must be an array")),
        }
    }

    /// The object at `name`.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, BadField> {
        self.any(name).map(|value| Fields::of(value, &self.path(name))).transpose()
    }

    /// Every member with its name, without the null ones.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.map.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    /// The same, owned.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (String, Value)> + use<'a> {
        self.members().map(|(name, value)| (name.to_string(), value.clone()))
    }

    /// Refuses the first member that is none of `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), BadField> {
        match self.map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(BadField::new(self.path(name), format!("is not known here; known are {}", known.join(", "))))
            }
        }
    }
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: &Value) -> HttpResponse {
    answer_text(status, body.to_string())
}

/// An answer whose body is JSON text already.
pub(crate) fn answer_text(status: u16, body: String) -> HttpResponse {
    HttpResponse { status, headers: vec![field("content-type", "application/json")], body: body.into_bytes() }
}

/// A problem of the simulator's own routes (RFC 9457), with the field at fault when there is one.
pub(crate) fn problem(status: u16, code: &str, detail: &str, field_path: Option<&str>) -> HttpResponse {
    let mut body = serde_json::json!({ "status": status, "title": title(status), "code": code, "detail": detail });
    if let (Some(path), Value::Object(map)) = (field_path, &mut body) {
        map.insert("field".to_string(), Value::from(path));
    }
    let headers: Vec<_> = vec![field("content-type", "application/problem+json")];
    HttpResponse { status, headers, body: body.to_string().into_bytes() }
}

/// The problem for a field that is not what it should be.
pub(crate) fn bad_field(bad: &BadField) -> HttpResponse {
    problem(422, "invalid_field", &bad.detail, Some(&bad.field))
}

/// One header field.
pub(crate) fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_string(), value.into())
}

/// What the status says, in words.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        403 => "Forbidden",
        404 => "Not found",
        405 => "Method not allowed",
        422 => "Invalid request",
        _ => "Problem",
    }
}
