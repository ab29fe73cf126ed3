//! Reading one field: its type, its grammar, its path when it is wrong.

use super::{
    error::{Faults, Path, shown},
    json::{Json, into_map},
    nearest::nearest,
};
use crate::{
    address::{Address, AddressError, Mailbox},
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Map, Value};

/// An object whose fields are all known, being taken apart.
pub(super) struct Object<'a, 'p> {
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
    path: &'p Path<'p>,
}

impl<'a, 'p> Object<'a, 'p> {
    /// Opens an object; reports unknown fields, with the nearest known one, and repeated ones.
    pub(super) fn open(json: Json<'a>, path: &'p Path<'p>, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let fields = entries(json, path, faults)?;
        for (name, _) in &fields {
            if faults.full() {
                break;
            }
            if !known.contains(&name.as_ref()) {
                let detail = match nearest(name, known) {
                    Some(meant) => format!("no such field; the nearest one is {meant}"),
                    None => format!("no such field; there are {}", known.join(", ")),
                };
                faults.add(&path.field(name), "unknown_field", detail);
            }
        }
        Some(Self { fields, path })
    }

    /// Takes a field out and reads it; `None` when it is absent, null or wrong.
    pub(super) fn optional<T>(&mut self, name: &'static str, faults: &mut Faults, read: Read<'a, T>) -> Option<T> {
        let index = self.fields.iter().position(|(have, _)| have == name)?;
        let json = self.fields.swap_remove(index).1;
        if matches!(json, Json::Null) { None } else { read(json, &self.path.field(name), faults) }
    }

    /// Like [`Object::optional`], with a fault of this code when the field is absent or null.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        faults: &mut Faults,
        read: Read<'a, T>,
    ) -> Option<T> {
        if !self.has(name) {
            faults.add(&self.path.field(name), code, "must be given");
            return None;
        }
        self.optional(name, faults, read)
    }

    /// Whether a field is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(have, json)| have == name && !matches!(json, Json::Null))
    }
}

/// Reads a value, or reports why not.
pub(super) type Read<'a, T> = fn(Json<'a>, &Path<'_>, &mut Faults) -> Option<T>;

/// The fields of an object; reports repeated names.
pub(super) fn entries<'a>(
    json: Json<'a>,
    path: &Path<'_>,
    faults: &mut Faults,
) -> Option<Vec<(Cow<'a, str>, Json<'a>)>> {
    let Json::Object(fields) = json else { return wrong_type(path, "an object", faults) };
    // Looking at the few before it is quicker than keeping a set, and a set is quicker for many.
    let mut seen = BTreeSet::new();
    let few = fields.len() <= FEW;
    let mut repeated = false;
    for (index, (name, _)) in fields.iter().enumerate() {
        let is_new = match few {
            true => !fields.iter().take(index).any(|(before, _)| before == name),
            false => seen.insert(name.as_ref()),
        };
        if !is_new {
            faults.add(&path.field(name), "duplicate_field", "is given more than once");
            repeated = true;
        }
    }
    (!repeated).then_some(fields)
}

/// An object with any fields, taken over as it is.
pub(super) fn map(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Map<String, Value>> {
    let map = into_map(entries(json, path, faults)?);
    if map.is_none() {
        faults.add(path, "duplicate_field", "an object in it gives a field more than once");
    }
    map
}

/// A list, or a single value in its place, item by item.
pub(super) fn one_or_more<'a, T>(
    json: Json<'a>,
    path: &Path<'_>,
    faults: &mut Faults,
    read: Read<'a, T>,
) -> Option<Vec<T>> {
    match json {
        Json::List(items) => each(items, path, faults, read),
        single @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_)) => {
            read(single, path, faults).map(|value| alloc::vec![value])
        }
    }
}

/// A list, item by item.
pub(super) fn list<'a, T>(json: Json<'a>, path: &Path<'_>, faults: &mut Faults, read: Read<'a, T>) -> Option<Vec<T>> {
    let Json::List(items) = json else { return wrong_type(path, "a list", faults) };
    each(items, path, faults, read)
}

fn each<'a, T>(items: Vec<Json<'a>>, path: &Path<'_>, faults: &mut Faults, read: Read<'a, T>) -> Option<Vec<T>> {
    let mut values = Vec::with_capacity(items.len());
    let mut sound = true;
    for (index, item) in items.into_iter().enumerate() {
        if faults.full() {
            return None;
        }
        match read(item, &path.item(index), faults) {
            Some(value) => values.push(value),
            None => sound = false,
        }
    }
    sound.then_some(values)
}

/// A string as it is.
pub(super) fn text<'a>(json: Json<'a>, path: &Path<'_>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    match json {
        Json::Text(text) => Some(text),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
            wrong_type(path, "a string", faults)
        }
    }
}

/// A string as it is, owned.
pub(super) fn body(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    text(json, path, faults).map(Cow::into_owned)
}

/// A non-empty string on one line, of at most 1,000 characters.
pub(super) fn word(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let word = line(json, path, faults)?;
    if (1..=MAX_WORD).contains(&word.chars().count()) {
        return Some(word);
    }
    faults.add(path, "invalid_value", format!("must have 1 to {MAX_WORD} characters"));
    None
}

/// A string on one line: nothing in it could end a header field.
pub(super) fn line(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let line = text(json, path, faults)?;
    if has_control(&line) {
        faults.add(path, "invalid_header", "control characters and line breaks are not allowed");
        return None;
    }
    Some(line.into_owned())
}

/// `true` or `false`.
pub(super) fn flag(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<bool> {
    match json {
        Json::Bool(flag) => Some(flag),
        Json::Null | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            wrong_type(path, "true or false", faults)
        }
    }
}

/// An RFC 3339 instant.
pub(super) fn instant(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<UnixMillis> {
    let instant = UnixMillis::parse_rfc3339(&text(json, path, faults)?);
    if instant.is_none() {
        faults.add(path, "invalid_date", "must be an RFC 3339 instant with its offset, such as 2026-12-01T10:00:00Z");
    }
    instant
}

/// A mailbox: an RFC 5322 string, or an object of `address` (or `email`) and `name`.
pub(super) fn mailbox(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Mailbox> {
    match json {
        Json::Text(text) => sound(Mailbox::read(text), path, faults),
        object @ Json::Object(_) => mailbox_object(object, path, faults),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) => {
            wrong_type(path, "a string or an object of address and name", faults)
        }
    }
}

fn mailbox_object(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Mailbox> {
    let mut object = Object::open(json, path, &["address", "email", "name"], faults)?;
    let field = if object.has("email") { "email" } else { "address" };
    if field == "email" && object.has("address") {
        faults.add(path, "conflicting_fields", "address and email are the same field");
        return None;
    }
    let address = object.required(field, "missing_field", faults, |json, path, faults| {
        sound(Address::read(text(json, path, faults)?), path, faults)
    });
    let had_name = object.has("name");
    let name = object.optional("name", faults, text);
    if had_name && name.is_none() {
        return None;
    }
    sound(Mailbox::named(name, address?), &path.field("name"), faults)
}

fn sound<T>(read: Result<T, AddressError>, path: &Path<'_>, faults: &mut Faults) -> Option<T> {
    read.map_err(|error| faults.add(path, "invalid_address", error.to_string())).ok()
}

/// Pairs of names and strings, from an object.
pub(super) fn pairs(json: Json<'_>, path: &Path<'_>, faults: &mut Faults) -> Option<Vec<(String, String)>> {
    let fields = entries(json, path, faults)?;
    let mut pairs = Vec::with_capacity(fields.len());
    let count = fields.len();
    for (name, value) in fields {
        if faults.full() {
            return None;
        }
        let here = path.field(&name);
        let Some(value) = line(value, &here, faults) else { continue };
        if name.is_empty() || has_control(&name) {
            faults.add(path, "invalid_value", "names must not be empty or hold control characters");
            continue;
        }
        pairs.push((name.into_owned(), value));
    }
    (pairs.len() == count).then_some(pairs)
}

/// One of these words, by its place.
pub(super) fn choice(json: Json<'_>, path: &Path<'_>, faults: &mut Faults, words: &[&str]) -> Option<usize> {
    let text = text(json, path, faults)?;
    let place = words.iter().position(|word| *word == text);
    if place.is_none() {
        let seen = shown(&text);
        faults.add(path, "invalid_value", format!("must be one of {}, got {seen}", words.join(", ")));
    }
    place
}

pub(super) fn wrong_type<T>(path: &Path<'_>, wanted: &str, faults: &mut Faults) -> Option<T> {
    faults.add(path, "wrong_type", format!("must be {wanted}"));
    None
}

/// Whether a character is one that controls; of ASCII text its bytes tell.
fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        return text.bytes().any(|byte| byte.is_ascii_control());
    }
    text.chars().any(char::is_control)
}

/// Fields that are compared one with another.
const FEW: usize = 24;
/// Characters of a tag, a stream or a template id: Postmark's bound for a tag, the widest that is documented.
const MAX_WORD: usize = 1_000;
