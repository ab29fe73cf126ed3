//! Python's own values as serde reads them: no detour over JSON text, each text copied once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pyo3::{
    prelude::*,
    types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, Error, StrDeserializer},
    },
    forward_to_deserialize_any,
};

/// A call's one dict and its arguments by name, which go before the dict's fields of these names.
pub(crate) struct Arguments<'py> {
    entries: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
}

impl<'py> Arguments<'py> {
    pub(crate) fn of(fields: Option<&Bound<'py, PyDict>>, more: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let of = |dict: Option<&Bound<'py, PyDict>>| dict.into_iter().flatten().collect::<Vec<_>>();
        let (Some(dict), Some(named)) = (fields, more) else { return Ok(Self { entries: of(fields.or(more)) }) };
        let mut entries = Vec::with_capacity(dict.len() + named.len());
        entries.extend(dict);
        let mut replaced = false;
        for (name, value) in named {
            replaced = replaced || dict.contains(&name)?;
            entries.push((name, value));
        }
        if replaced {
            let both = dict.copy()?;
            both.update(named.as_mapping())?;
            entries = of(Some(&both));
        }
        Ok(Self { entries })
    }
}

impl<'de> Deserializer<'de> for Arguments<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { depth: 0, entries: self.entries.into_iter(), value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value, and where it stands.
#[derive(Clone, Copy)]
struct Values<'a, 'py> {
    value: &'a Bound<'py, PyAny>,
    /// Levels above it.
    depth: usize,
    /// Whether its field is one that holds a file's content: then bytes may stand for their base64.
    is_content: bool,
}

impl<'de> Deserializer<'de> for Values<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.value;
        if self.depth > MOST_LEVELS {
            return Err(Error::custom(format!("nested deeper than {MOST_LEVELS} levels")));
        }
        if let Ok(text) = value.cast::<PyString>() {
            visitor.visit_str(text.to_str().map_err(|_| Error::custom("a text holds half of a surrogate pair"))?)
        } else if let Ok(dict) = value.cast::<PyDict>() {
            // A datetime's own code may change the dict on the way.
            let entries = dict.iter().collect::<Vec<_>>().into_iter();
            visitor.visit_map(Entries { depth: self.depth, entries, value: None })
        } else if let Ok(list) = value.cast::<PyList>() {
            visitor.visit_seq(Items { depth: self.depth, items: list.iter() })
        } else if value.is_none() {
            visitor.visit_unit()
        } else if let Ok(flag) = value.cast::<PyBool>() {
            visitor.visit_bool(flag.is_true())
        } else if let Ok(number) = value.cast::<PyInt>() {
            match (number.extract::<i64>(), number.extract::<u64>()) {
                (Ok(number), _) => visitor.visit_i64(number),
                (Err(_), Ok(number)) => visitor.visit_u64(number),
                (Err(_), Err(_)) => Err(Error::custom("a whole number has more than 64 bits")),
            }
        } else if let Ok(number) = value.cast::<PyFloat>() {
            visitor.visit_f64(number.value())
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            visitor.visit_seq(Items { depth: self.depth, items: tuple.iter() })
        } else if let (true, Ok(bytes)) = (self.is_content, value.cast::<PyBytes>()) {
            visitor.visit_string(STANDARD.encode(bytes.as_bytes()))
        } else if let Some(instant) = instant(value)? {
            visitor.visit_string(instant)
        } else {
            let class = value.get_type().name().map_or_else(|_| "value".into(), |name| name.to_string());
            Err(Error::custom(format!(
                "{class} is none of str, bool, int, float, None, dict, list, tuple and datetime"
            )))
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A `datetime` as RFC 3339; `None` when it is something else.
fn instant(value: &Bound<'_, PyAny>) -> Result<Option<String>, Error> {
    let Ok(zone) = value.getattr("tzinfo") else { return Ok(None) };
    if zone.is_none() {
        return Err(Error::custom("a datetime has no time zone: give it one, such as datetime.timezone.utc"));
    }
    let text = value.call_method0("isoformat").and_then(|text| text.extract::<String>());
    text.map(Some).map_err(|_| Error::custom("a datetime does not print"))
}

/// A list or a tuple, whose iterators bear that it changes on the way.
struct Items<I> {
    depth: usize,
    items: I,
}

impl<'de, 'py, I: ExactSizeIterator<Item = Bound<'py, PyAny>>> SeqAccess<'de> for Items<I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.next() else { return Ok(None) };
        seed.deserialize(Values { value: &item, depth: self.depth + 1, is_content: false }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'py> {
    depth: usize,
    entries: std::vec::IntoIter<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    /// The value whose name was read last, and whether it is a content.
    value: Option<(Bound<'py, PyAny>, bool)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.entries.next() else { return Ok(None) };
        let Ok(name) = name.cast_into::<PyString>() else { return Err(Error::custom("a field's name is no str")) };
        let name = name.to_str().map_err(|_| Error::custom("a field's name holds half of a surrogate pair"))?;
        self.value = Some((value, name == "content" && self.depth == FILE_LEVEL));
        // `from` and `class` are words of Python's, so these fields have other names as arguments.
        let name = match name {
            "from_" if self.depth == 0 => "from",
            "class_" if self.depth == 0 => "class",
            name => name,
        };
        match known(name) {
            Some(field) => seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some),
            None => seed.deserialize(StrDeserializer::new(name)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((value, is_content)) = self.value.take() else { return Err(Error::custom("a name without a value")) };
        seed.deserialize(Values { value: &value, depth: self.depth + 1, is_content })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Where a file's fields stand: in a message, its list of attachments, one of them.
const FILE_LEVEL: usize = 2;
/// As JSON text is read, too.
const MOST_LEVELS: usize = 128;

macro_rules! known {
    ($($field:literal)*) => {
        /// Names that messages mostly have: they need not be copied. Which ones there are is the core's to say.
        fn known(name: &str) -> Option<&'static str> {
            match name {
                $($field => Some($field),)*
                _ => None,
            }
        }
    };
}

known! {
    "from" "to" "cc" "bcc" "reply_to" "address" "email" "name" "subject" "text_body"
    "html_body" "headers" "tags" "metadata" "class" "attachments" "filename" "content_type" "content" "template"
}
