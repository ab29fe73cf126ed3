//! What Sendgate said, as its own answers print it, and the names under which it is told on.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Deserialize;

/// Sendgate's answer to a send.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) messages: Vec<Item<'a>>,
    pub(super) suppression_summary: Summary,
}

/// One message of it.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(default, borrow)]
    pub(super) message_id: Option<&'a str>,
    #[serde(default)]
    pub(super) to: Vec<String>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) error: Option<Refused<'a>>,
}

/// How many of its recipients were suppressed.
#[derive(Deserialize)]
pub(super) struct Summary {
    pub(super) suppressed_recipients: u64,
}

/// Why a message was refused.
#[derive(Deserialize)]
pub(super) struct Refused<'a> {
    #[serde(borrow)]
    pub(super) code: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) errors: Vec<Flaw<'a>>,
}

/// One field that is wrong.
#[derive(Deserialize)]
pub(super) struct Flaw<'a> {
    #[serde(borrow)]
    pub(super) field: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) code: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) detail: Cow<'a, str>,
}

/// Sendgate's refusal.
#[derive(Deserialize)]
pub(super) struct Problem<'a> {
    pub(super) status: u16,
    #[serde(borrow)]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) code: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) detail: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) errors: Vec<Flaw<'a>>,
}

impl Problem<'_> {
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
