//! The question of `POST /v1/limits/check`: a send's body, or figures by name.

use super::payload::Fields;
use crate::{
    guard::Dimension,
    message::Class,
    problem::{Code, Problem},
};
use alloc::{format, string::String, vec::Vec};
use serde_json::value::RawValue;

/// A question whose names are all known, each given once.
pub(super) struct Question<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Question<'a> {
    /// # Errors
    /// It is no object, or a name is not known.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let Fields(fields) = serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                return wrong("the question", "must be an object");
            }
            Problem::new(Code::InvalidJson, format!("at line {} column {}", error.line(), error.column()))
        })?;
        Self::of(fields, |name| NAMES.contains(&name) || Self::guards().any(|guard| guard.as_str() == name))
    }

    fn of(fields: Vec<(String, &'a RawValue)>, is_known: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        for (place, (name, _)) in fields.iter().enumerate() {
            if !is_known(name) {
                let guards: Vec<&str> = Self::guards().map(Dimension::as_str).collect();
                let detail = format!("the fields are {}, {}", NAMES.join(", "), guards.join(", "));
                return Err(Problem::new(Code::InvalidParameter, detail));
            }
            if fields.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(wrong(name, "must be given once"));
            }
        }
        Ok(Self(fields))
    }

    /// What a single request is measured by and has no field of its own.
    pub(super) fn guards() -> impl Iterator<Item = Dimension> {
        let own = [Dimension::BatchMax, Dimension::CampaignRecipients, Dimension::TransformPx];
        Dimension::ALL.into_iter().filter(move |dimension| !own.contains(dimension))
    }

    /// The messages, when they are a send's.
    pub(super) fn is_send(&self) -> bool {
        self.text("messages").is_some_and(|text| text.starts_with('['))
    }

    pub(super) fn figure(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |text: &str| text.parse().map_err(|_| wrong(name, "must be a whole number, 0 or more"));
        self.text(name).map(read).transpose()
    }

    pub(super) fn class(&self) -> Result<Class, Problem> {
        let Some(text) = self.text("class") else { return Ok(Class::default()) };
        let given = text.trim_matches('"');
        let words = || format!("must be one of {}", Class::ALL.map(Class::as_str).join(", "));
        Class::ALL.into_iter().find(|class| class.as_str() == given).ok_or_else(|| wrong("class", &words()))
    }

    /// Two figures that belong together.
    pub(super) fn pair(&self, name: &str, [one, other]: [&str; 2]) -> Result<Option<(u64, u64)>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let both = || wrong(name, &format!("must be an object of the whole numbers {one} and {other}"));
        let Fields(fields) = serde_json::from_str(text).map_err(|_| both())?;
        let inner = Question::of(fields, |name| name == one || name == other).map_err(|_| both())?;
        match (inner.figure(one).map_err(|_| both())?, inner.figure(other).map_err(|_| both())?) {
            (Some(first), Some(second)) => Ok(Some((first, second))),
            (_, _) => Err(both()),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }
}

fn wrong(name: &str, detail: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{name}: {detail}"))
}

const NAMES: [&str; 6] = ["messages", "recipients", "class", "requests", "storage", "transform"];
