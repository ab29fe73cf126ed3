//! JSON that a person writes: fields by name, and problems that name the wrong one.

use sendgate_core::http::HttpResponse;
use serde_json::{Map, Value, json};

/// A field that is not what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BadField {
    /// Its path.
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

/// The members of an object. `null` counts as absent.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The members of `value`, which stands at `path` and has no member but `known`.
    pub(crate) fn of(value: &'a Value, path: &str, known: &[&str]) -> Result<Self, BadField> {
        let map = value.as_object().ok_or_else(|| BadField::new(path, "must be an object"))?;
        let fields = Self { map, path: path.to_string() };
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(BadField::new(fields.path(name), format!("is not one of {}", known.join(", ")))),
            None => Ok(fields),
        }
    }

    /// The full path of a member.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }

    /// A member.
    pub(crate) fn any(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, BadField> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| BadField::new(self.path(name), "must be a string"));
        self.any(name).map(text).transpose()
    }

    /// A truth.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, BadField> {
        let truth =
            |value: &Value| value.as_bool().ok_or_else(|| BadField::new(self.path(name), "must be true or false"));
        self.any(name).map(truth).transpose()
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, BadField> {
        let wrong = || BadField::new(self.path(name), format!("must be a whole number from {least} to {most}"));
        let number = |value: &Value| value.as_u64().filter(|n| (least..=most).contains(n)).ok_or_else(wrong);
        self.any(name).map(number).transpose()
    }

    /// The items of an array of at most `most`.
    pub(crate) fn list(&self, name: &str, most: usize) -> Result<&'a [Value], BadField> {
        match self.any(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) if items.len() <= most => Ok(items),
            Some(_) => Err(BadField::new(self.path(name), format!("must be an array of at most {most}"))),
        }
    }
}

/// An answer of JSON.
pub(crate) fn answer(status: u16, value: &Value) -> HttpResponse {
    let headers = vec![("content-type".to_string(), "application/json".to_string())];
    HttpResponse { status, headers, body: value.to_string().into_bytes() }
}

/// A problem (RFC 9457), as the simulator's own routes answer them.
pub(crate) fn problem(status: u16, code: &str, detail: &str, field: Option<&str>) -> HttpResponse {
    let mut body = json!({ "status": status, "code": code, "detail": detail });
    if let (Some(field), Some(members)) = (field, body.as_object_mut()) {
        members.insert("field".into(), field.into());
    }
    let mut response = answer(status, &body);
    response.headers = vec![("content-type".to_string(), "application/problem+json".to_string())];
    response
}

/// The problem of a field.
pub(crate) fn bad_field(bad: &BadField) -> HttpResponse {
    problem(422, "invalid_field", &bad.detail, Some(&bad.field))
}
