//! What Sendgate said, as its own answers print it, and the names under which it is told on.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::Value;

/// Sendgate's answer to a send.
pub(super) struct Answer {
    pub(super) messages: Vec<Item>,
    /// How many recipients were suppressed.
    pub(super) suppressed: u64,
}

/// One message of it.
pub(super) struct Item {
    pub(super) message_id: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) status: String,
    /// Why it was refused.
    pub(super) error: Option<Refused>,
}

/// Why a message was refused.
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) errors: Vec<Flaw>,
}

/// One field that is wrong.
pub(super) struct Flaw {
    pub(super) field: String,
    pub(super) code: String,
    pub(super) detail: String,
}

/// Sendgate's refusal.
pub(super) struct Problem {
    pub(super) status: u64,
    pub(super) title: String,
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) errors: Vec<Flaw>,
}

impl Answer {
    /// What an answer says; `None` when it is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let messages = answer.get("messages")?.as_array()?;
        let suppressed = answer.get("suppression_summary")?.get("suppressed_recipients")?.as_u64()?;
        Some(Self { messages: messages.iter().map(Item::of).collect(), suppressed })
    }
}

impl Item {
    fn of(item: &Value) -> Self {
        let to = item.get("to").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            message_id: item.get("message_id").and_then(Value::as_str).map(String::from),
            to: to.iter().filter_map(Value::as_str).map(String::from).collect(),
            status: text(item, "status"),
            error: item.get("error").map(|error| Refused { code: text(error, "code"), errors: flaws(error) }),
        }
    }
}

/// The text of a field; empty when there is none.
fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().into()
}

fn flaws(object: &Value) -> Vec<Flaw> {
    let errors = object.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let flaw = |one: &Value| Flaw { field: text(one, "field"), code: text(one, "code"), detail: text(one, "detail") };
    errors.iter().map(flaw).collect()
}

impl Problem {
    /// What a refusal says; `None` when it is none of ours.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let problem: Value = serde_json::from_slice(body).ok()?;
        Some(Self {
            status: problem.get("status")?.as_u64()?,
            title: problem.get("title")?.as_str()?.into(),
            code: problem.get("code")?.as_str()?.into(),
            detail: text(&problem, "detail"),
            errors: flaws(&problem),
        })
    }
    /// The sentence for what has no field.
    pub(super) fn sentence(&self) -> String {
        if self.detail.is_empty() { self.title.to_string() } else { format!("{}: {}", self.title, self.detail) }
    }
}

/// The names of an API for ours: of the message's fields, and of what is in them.
pub(super) struct Names {
    pub(super) fields: &'static [(&'static str, &'static str)],
    pub(super) inner: &'static [(&'static str, &'static str)],
}

impl Names {
    /// A field's path in the API's words, with the place of its message in a batch: `messages[3].text_body` is `[3].text`.
    pub(super) fn path(&self, ours: &str, batch: bool) -> String {
        let (place, path) = match ours.strip_prefix("messages[").and_then(|rest| rest.split_once(']')) {
            Some((place, path)) => (Some(place), path.strip_prefix('.').unwrap_or(path)),
            None => (None, ours),
        };
        let path = match path.rsplit_once(THEIRS) {
            Some((before, theirs)) => format!("{}{theirs}", self.renamed(before)),
            None => self.renamed(path),
        };
        match place.filter(|_| batch) {
            Some(place) if path.is_empty() => format!("[{place}]"),
            Some(place) => format!("[{place}].{path}"),
            None => path,
        }
    }

    fn renamed(&self, path: &str) -> String {
        let whole = self.fields.iter().find(|(ours, _)| path.strip_prefix(ours).is_some_and(is_end));
        if let Some((ours, theirs)) = whole {
            let rest = path.strip_prefix(ours).unwrap_or_default();
            return format!("{theirs}{}", self.within(rest));
        }
        path.to_string()
    }

    /// What stands behind a field's name.
    fn within(&self, rest: &str) -> String {
        let Some((index, name)) = rest.split_once('.') else { return rest.to_string() };
        let theirs = self.inner.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
        format!("{index}.{theirs}")
    }

    /// A sentence of ours in which fields are named, with the API's names.
    pub(super) fn sentence(&self, ours: &str) -> String {
        let words = self.fields.iter().filter(|(ours, _)| ours.contains('_') && !ours.contains('.'));
        words.fold(ours.to_string(), |text, (ours, theirs)| text.replace(ours, theirs))
    }
}

/// Stands before a field's name that is not one of ours: it is told as it came.
pub(super) const THEIRS: char = '?';

/// Whether a name ends here.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}
