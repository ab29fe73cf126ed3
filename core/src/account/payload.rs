//! The body of a send request, taken apart without a copy: each message, or each recipient of one message, as its own
//! JSON text.
//!
//! A list is only kept as far as a request may be long: the body can hold twenty million items of nothing.

use crate::{
    config::MAX_MESSAGES,
    guard::Guard,
    message::Missing,
    problem::{Code, Problem},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A request of `POST /v1/send/bulk`.
pub(super) struct Bulk<'a> {
    pub(super) message: &'a str,
    pub(super) recipients: Vec<&'a str>,
    pub(super) missing: Missing,
    pub(super) ignores_suppression: bool,
}

/// A request of `POST /v1/send`.
pub(super) struct Messages<'a> {
    pub(super) messages: Vec<&'a str>,
    pub(super) ignores_suppression: bool,
}

/// The parts of a request of `POST /v1/send`.
pub(super) fn messages(body: &[u8], most: Guard) -> Result<Messages<'_>, Problem> {
    let fields = fields(body, "messages")?;
    if fields.iter().any(|(name, _)| name != "messages" && name != SUPPRESSION) {
        let detail = "the fields of a send request are messages and suppression";
        return Err(Problem::new(Code::UnknownField, detail));
    }
    let ignores_suppression = once(&fields, SUPPRESSION)?.map_or(Ok(false), ignores)?;
    let messages = list(once(&fields, "messages")?, "messages", "message", most)?;
    Ok(Messages { messages, ignores_suppression })
}

/// The parts of a request of `POST /v1/send/bulk`.
pub(super) fn bulk(body: &[u8], most: Guard) -> Result<Bulk<'_>, Problem> {
    let fields = fields(body, "message")?;
    if fields.iter().any(|(name, _)| !["message", "recipients", "options"].contains(&name.as_str())) {
        let detail = "the fields of a bulk request are message, recipients and options";
        return Err(Problem::new(Code::UnknownField, detail));
    }
    let (missing, ignores_suppression) = match once(&fields, "options")? {
        Some(options) => options_of(options)?,
        None => (Missing::Strict, false),
    };
    let recipients = list(once(&fields, "recipients")?, "recipients", "recipient", most)?;
    let absent = || Problem::new(Code::MissingSendPayload, "the field message is missing");
    let message = once(&fields, "message")?.ok_or_else(absent)?;
    Ok(Bulk { message: message.get(), recipients, missing, ignores_suppression })
}

fn options_of(options: &RawValue) -> Result<(Missing, bool), Problem> {
    let wrong = || {
        let detail = "the options are missing, which is strict or lenient, and suppression, which is ignored";
        Problem::new(Code::UnknownField, detail)
    };
    let Fields(fields) = serde_json::from_str(options.get()).map_err(|_| wrong())?;
    if fields.iter().any(|(name, _)| name != "missing" && name != SUPPRESSION) {
        return Err(wrong());
    }
    let missing = match once(&fields, "missing")?.map(RawValue::get) {
        None | Some(r#""strict""#) => Missing::Strict,
        Some(r#""lenient""#) => Missing::Lenient,
        Some(_) => return Err(wrong()),
    };
    Ok((missing, once(&fields, SUPPRESSION)?.map_or(Ok(false), ignores)?))
}

/// There is one word: a request can do without the check, and asks for it by saying nothing.
fn ignores(word: &RawValue) -> Result<bool, Problem> {
    match word.get() {
        r#""ignored""# => Ok(true),
        _ => Err(Problem::new(Code::UnknownField, "suppression is ignored, or absent")),
    }
}

pub(super) type Field<'a> = (String, &'a RawValue);

/// The fields of the body; `wanted` is the one to name when it is no object.
fn fields<'a>(body: &'a [u8], wanted: &str) -> Result<Vec<Field<'a>>, Problem> {
    let invalid = |detail: String| Problem::new(Code::InvalidJson, detail);
    let text = core::str::from_utf8(body).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))?;
    let Fields(fields) = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            let detail = format!("the body must be an object with the field {wanted}");
            Problem::new(Code::MissingSendPayload, detail)
        } else {
            invalid(format!("at line {} column {}", error.line(), error.column()))
        }
    })?;
    Ok(fields)
}

/// The field of this name, when it is there.
fn once<'a>(fields: &[Field<'a>], name: &str) -> Result<Option<&'a RawValue>, Problem> {
    let mut found = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| *value);
    let first = found.next();
    if found.next().is_some() {
        return Err(Problem::new(Code::UnknownField, format!("the field {name} must be there once")));
    }
    Ok(first)
}

/// The items of a list, at least one and at most what binds.
fn list<'a>(list: Option<&'a RawValue>, name: &str, one: &str, most: Guard) -> Result<Vec<&'a str>, Problem> {
    let missing = |detail: String| Problem::new(Code::MissingSendPayload, detail);
    let Some(list) = list else { return Err(missing(format!("the field {name} is missing"))) };
    let Items { kept, length } =
        serde_json::from_str(list.get()).map_err(|_| missing(format!("the field {name} must be a list of {name}")))?;
    if length == 0 {
        return Err(missing(format!("{name} must hold at least 1 {one}, got 0")));
    }
    match most.check(super::send::count(length)) {
        Ok(()) => Ok(kept),
        Err(too_large) => Err(Problem {
            window: Some(most.dimension.as_str().into()),
            ..Problem::new(Code::TooManyMessages, too_large.to_string())
        }),
    }
}

/// The fields of a JSON object in their order, repeated ones too; no more than are looked at.
pub(super) struct Fields<'a>(pub(super) Vec<Field<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<Field<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = access.next_entry()? {
                    if fields.len() < MAX_FIELDS {
                        fields.push(field);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object).map(Self)
    }
}

/// The items of a JSON list: how many, and the first of them.
struct Items<'a> {
    kept: Vec<&'a str>,
    length: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let (mut kept, mut length) = (Vec::new(), 0);
                while let Some(item) = access.next_element::<&RawValue>()? {
                    if length < MAX_MESSAGES {
                        kept.push(item.get());
                    }
                    length += 1;
                }
                Ok(Items { kept, length })
            }
        }
        deserializer.deserialize_seq(List)
    }
}

const SUPPRESSION: &str = "suppression";
/// More than any body has: whoever gives more gives one too many in any case.
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Dimension, Source};
    use alloc::vec;

    const MOST: Guard = Guard { dimension: Dimension::BatchMax, limit: 500, source: Source::Technical };

    fn code(body: &str) -> Code {
        bulk(body.as_bytes(), MOST).err().unwrap().code
    }

    #[test]
    fn a_bulk_request_is_taken_apart_where_it_stands() {
        let body = r#"{"options":{"missing":"lenient"},"recipients":[{"email":"a@b.example"}, 7],"message":{"x":1}}"#;
        let bulk = bulk(body.as_bytes(), MOST).ok().unwrap();
        assert_eq!((bulk.message, bulk.recipients), (r#"{"x":1}"#, vec![r#"{"email":"a@b.example"}"#, "7"]));
        assert_eq!((bulk.missing, bulk.ignores_suppression), (Missing::Lenient, false));
    }

    /// R207: what does not say `ignored` in so many letters is checked or refused.
    #[test]
    fn suppression_is_ignored_by_one_word_alone() {
        let single = |rest: &str| {
            let body = format!(r#"{{"messages":[{{}}]{rest}}}"#);
            messages(body.as_bytes(), MOST).map(|messages| messages.ignores_suppression).map_err(|refused| refused.code)
        };
        let many = |options: &str| {
            let body = format!(r#"{{"message":{{}},"recipients":[1],"options":{{{options}}}}}"#);
            bulk(body.as_bytes(), MOST).map(|bulk| bulk.ignores_suppression).map_err(|refused| refused.code)
        };
        assert_eq!((single(""), many(""), many(r#""missing":"lenient""#)), (Ok(false), Ok(false), Ok(false)));
        let option = r#""suppression":"ignored""#;
        assert_eq!(single(&format!(",{option}")), Ok(true));
        assert_eq!((many(option), many(&format!(r#""missing":"strict",{option}"#))), (Ok(true), Ok(true)));
        for word in ["true", "null", "\"checked\"", "\"Ignored\"", "[]", "\"ignored\",\"suppression\":\"ignored\""] {
            let option = format!(r#""suppression":{word}"#);
            assert_eq!(single(&format!(",{option}")), Err(Code::UnknownField), "{word}");
            assert_eq!(many(&option), Err(Code::UnknownField), "{word}");
        }
    }

    #[test]
    fn what_is_no_bulk_request_is_refused_by_its_own_code() {
        for (body, want) in [
            ("{", Code::InvalidJson),
            ("[]", Code::MissingSendPayload),
            (r#"{"message":{},"recipients":[]}"#, Code::MissingSendPayload),
            (r#"{"message":{},"recipients":{}}"#, Code::MissingSendPayload),
            (r#"{"message":{}}"#, Code::MissingSendPayload),
            (r#"{"recipients":[1]}"#, Code::MissingSendPayload),
            (r#"{"message":{},"recipients":[1],"messages":[]}"#, Code::UnknownField),
            (r#"{"message":{},"message":{},"recipients":[1]}"#, Code::UnknownField),
            (r#"{"message":{},"recipients":[1],"options":{"missing":"maybe"}}"#, Code::UnknownField),
            (r#"{"message":{},"recipients":[1],"options":{"strict":true}}"#, Code::UnknownField),
            (r#"{"message":{},"recipients":[1],"options":[]}"#, Code::UnknownField),
        ] {
            assert_eq!(code(body), want, "{body}");
        }
    }

    /// The items beyond what a request may hold are counted and not kept.
    #[test]
    fn a_list_without_end_is_counted_and_not_kept() {
        let body = format!(r#"{{"message":{{}},"recipients":[{}0]}}"#, "0,".repeat(100_000));
        let refused = bulk(body.as_bytes(), MOST).err().unwrap();
        assert_eq!(refused.code, Code::TooManyMessages);
        assert_eq!(refused.detail, "batch_max: at most 500 messages (technical bound), got 100001");
        let list = format!("[{}0]", "0,".repeat(100_000));
        let items: Items<'_> = serde_json::from_str(&list).unwrap();
        assert_eq!((items.kept.len(), items.length), (500, 100_001));
    }
}
