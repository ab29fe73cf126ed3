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
}

/// The messages of a request of `POST /v1/send`.
pub(super) fn messages(body: &[u8], most: Guard) -> Result<Vec<&str>, Problem> {
    let fields = fields(body, "messages")?;
    if fields.iter().any(|(name, _)| name != "messages") {
        return Err(Problem::new(Code::UnknownField, "the only field of a send request is messages"));
    }
    list(once(&fields, "messages")?, "messages", "message", most)
}

/// The parts of a request of `POST /v1/send/bulk`.
pub(super) fn bulk(body: &[u8], most: Guard) -> Result<Bulk<'_>, Problem> {
    let fields = fields(body, "message")?;
    if fields.iter().any(|(name, _)| !["message", "recipients", "options"].contains(&name.as_str())) {
        let detail = "the fields of a bulk request are message, recipients and options";
        return Err(Problem::new(Code::UnknownField, detail));
    }
    let missing = match once(&fields, "options")? {
        Some(options) => options_of(options)?,
        None => Missing::Strict,
    };
    let recipients = list(once(&fields, "recipients")?, "recipients", "recipient", most)?;
    let absent = || Problem::new(Code::MissingSendPayload, "the field message is missing");
    let message = once(&fields, "message")?.ok_or_else(absent)?;
    Ok(Bulk { message: message.get(), recipients, missing })
}

fn options_of(options: &RawValue) -> Result<Missing, Problem> {
    let wrong = || {
        let detail = "the only option is missing, which is strict or lenient";
        Problem::new(Code::UnknownField, detail)
    };
    let Fields(fields) = serde_json::from_str(options.get()).map_err(|_| wrong())?;
    match fields.as_slice() {
        [] => Ok(Missing::Strict),
        [(name, word)] if name == "missing" => match word.get() {
            r#""strict""# => Ok(Missing::Strict),
            r#""lenient""# => Ok(Missing::Lenient),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
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

/// What limits the recipients of a bulk request: its messages, and a broadcast where the plan's is smaller (R229, R230).
pub(super) fn bulk_guard(batch: Guard, broadcast: Option<Guard>) -> Guard {
    broadcast.filter(|broadcast| broadcast.limit < batch.limit).unwrap_or(batch)
}

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
        assert_eq!(bulk.missing, Missing::Lenient);
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
        assert_eq!(refused.detail, "batch_max of the technical is at most 500 messages, got 100001");
        let list = format!("[{}0]", "0,".repeat(100_000));
        let items: Items<'_> = serde_json::from_str(&list).unwrap();
        assert_eq!((items.kept.len(), items.length), (500, 100_001));
    }
}
