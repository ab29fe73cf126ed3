//! Taking another API's object apart and putting ours together, without copying what is in it.

use super::{Translated, told::THEIRS};
use crate::message::{FieldError, Json, nearest};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Another API's object on its way to ours.
pub(super) struct Fields<'a> {
    path: String,
    left: Vec<(Cow<'a, str>, Json<'a>)>,
    put: Vec<(Cow<'a, str>, Json<'a>)>,
    flaws: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Opens an object; `path` is where it stands, under our names.
    pub(super) fn open(json: Json<'a>, path: &str) -> Result<Self, Vec<FieldError>> {
        match json {
            Json::Object(left) => Ok(Self { path: path.into(), left, put: Vec::new(), flaws: Vec::new() }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
                Err(alloc::vec![FieldError {
                    field: path.into(),
                    code: "wrong_type",
                    detail: "must be an object".into()
                }])
            }
        }
    }

    /// Takes a field out; `None` when it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let place = self.left.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.left.remove(place);
        (!matches!(value, Json::Null)).then_some(value)
    }

    /// Hands fields over as they are, under our names.
    pub(super) fn rename(&mut self, names: &[(&str, &'static str)]) {
        for (theirs, ours) in names {
            if let Some(value) = self.take(theirs) {
                self.put(ours, value);
            }
        }
    }

    /// Gives our object a field.
    pub(super) fn put(&mut self, ours: &'static str, value: Json<'a>) {
        self.put.push((Cow::Borrowed(ours), value));
    }

    /// Whether our object has a field.
    pub(super) fn has(&self, ours: &str) -> bool {
        self.put.iter().any(|(known, _)| known == ours)
    }

    /// Notes what is wrong with one of our fields.
    pub(super) fn flaw(&mut self, field: &str, code: &'static str, detail: impl Into<String>) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.flaws.push(FieldError { field: format!("{}{dot}{field}", self.path), code, detail: detail.into() });
    }

    /// Takes over a list, each of its objects by a function of its own.
    pub(super) fn each(&mut self, ours: &'static str, list: Json<'a>, item: Item<'a>) {
        let Json::List(items) = list else {
            return self.flaw(ours, "wrong_type", "must be a list");
        };
        let mut translated = Vec::with_capacity(items.len());
        for (place, one) in items.into_iter().enumerate() {
            match item(one, &format!("{ours}[{place}]")) {
                Ok(object) => translated.push(object),
                Err(flaws) => self.flaws.extend(flaws),
            }
        }
        self.put(ours, Json::List(translated));
    }

    /// Our object, or everything that is wrong. What was not taken has no counterpart.
    pub(super) fn close(mut self, known: &[&str]) -> Result<Json<'a>, Vec<FieldError>> {
        for (name, _) in core::mem::take(&mut self.left) {
            let theirs = format!("{THEIRS}{}", shown(&name));
            match (known.contains(&name.as_ref()), nearest(&name, known)) {
                (true, _) => self.flaw(&theirs, "duplicate_field", "is given more than once"),
                (false, Some(meant)) => {
                    let detail = format!("has no counterpart here; the nearest field is {meant}");
                    self.flaw(&theirs, "unknown_field", detail);
                }
                (false, None) => self.flaw(&theirs, "unknown_field", "has no counterpart here"),
            }
        }
        if self.flaws.is_empty() { Ok(Json::Object(self.put)) } else { Err(self.flaws) }
    }
}

/// Translates one object of a list, which stands at this path.
pub(super) type Item<'a> = fn(Json<'a>, &str) -> Result<Json<'a>, Vec<FieldError>>;

/// A translated message as text.
pub(super) fn printed(message: &Json<'_>) -> Translated {
    let failed =
        |_| alloc::vec![FieldError { field: String::new(), code: "invalid_json", detail: "cannot be read".into() }];
    serde_json::to_string(message).map_err(failed)
}

/// A file's content as our base64: line breaks in it are let through, as is a list of bytes, which is what some SDKs'
/// examples send.
pub(super) fn content(given: Json<'_>) -> Json<'_> {
    match given {
        Json::Text(text) if text.bytes().any(|byte| byte.is_ascii_whitespace()) => {
            Json::Text(Cow::Owned(text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect()))
        }
        Json::List(ref items) => match items.iter().map(byte).collect::<Option<Vec<u8>>>() {
            Some(bytes) => Json::Text(Cow::Owned(STANDARD.encode(bytes))),
            None => given,
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => given,
    }
}

fn byte(json: &Json<'_>) -> Option<u8> {
    match json {
        Json::Number(number) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
    }
}

/// A field's name as far as it may be shown: a caller's mistake can put anything into one.
fn shown(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if (1..=MAX_SHOWN).contains(&name.len()) && name.chars().all(plain) { name.into() } else { "(a field)".into() }
}

/// Longer names than this are no misspelt field.
const MAX_SHOWN: usize = 64;
