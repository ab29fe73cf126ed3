//! The query of a URL: names and values, each percent-decoded.

use crate::{
    problem::{Code, Problem},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A query whose names are all known.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. A name that the route does not know, or one that stands twice, is a mistake and not to be passed over:
    /// a filter that is ignored shows too much.
    pub(crate) fn read(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for field in text.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if !known.contains(&name) {
                return Err(Problem::new(Code::InvalidParameter, format!("the parameters are {}", known.join(", "))));
            }
            if fields.iter().any(|(given, _)| given == name) {
                return Err(wrong(name, "must be given once"));
            }
            let value = value.replace('+', "%20");
            let value = percent_encoding::percent_decode_str(&value).decode_utf8();
            fields.push((name.into(), value.map_err(|_| wrong(name, "must be UTF-8"))?.to_string()));
        }
        Ok(Self(fields))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A whole number in a range, or what it is when it is not given.
    pub(crate) fn number(&self, name: &str, absent: u64, most: u64, least: u64) -> Result<u64, Problem> {
        let Some(text) = self.text(name) else { return Ok(absent) };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(wrong(name, &format!("must be a whole number from {least} to {most}"))),
        }
    }

    pub(crate) fn instant(&self, name: &str) -> Result<Option<UnixMillis>, Problem> {
        let read = |text| UnixMillis::parse_rfc3339(text).ok_or_else(|| wrong(name, "must be an RFC 3339 instant"));
        self.text(name).map(read).transpose()
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(wrong(name, &format!("must be one of {}", words.join(", "))))
            }
        }
    }
}

/// A parameter that cannot be read.
pub(crate) fn wrong(name: &str, detail: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{name}: {detail}"))
}
