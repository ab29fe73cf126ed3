//! One message for many: read once into patterns, and written once for each recipient with values of its own.
//!
//! Values stand in the subject, the bodies, header values, metadata, tags and file names. In the HTML body they are
//! escaped, unless the place has three braces. They are checked where they land: none of them can end a header field.
//! Contents of files stay where they were read until a message leaves: to judge it, their length is enough.

use super::{
    FieldError, HeldBytes, Message,
    error::{Faults, Path},
    json::Json,
    limits, parse,
    pattern::{Markup, Pattern, Values, is_name},
    read::{self, Object},
};
use crate::{address::Mailbox, time::UnixMillis};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A message with places for values.
pub struct Circular<'a> {
    /// What is the same for everybody; what has places is empty here.
    common: Message,
    subject: Pattern,
    text_body: Option<Pattern>,
    html_body: Option<Pattern>,
    headers: Vec<(String, Pattern)>,
    metadata: Vec<(String, Pattern)>,
    tags: Vec<Pattern>,
    filenames: Vec<Pattern>,
    contents: Vec<Cow<'a, str>>,
}

/// Somebody the message is for, with values.
pub struct Person<'a> {
    mailbox: Mailbox,
    values: Values<'a>,
}

/// What a place without a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The recipient is refused.
    #[default]
    Strict,
    /// The place stays empty.
    Lenient,
}

impl<'a> Circular<'a> {
    /// Reads a message object that names no recipients.
    ///
    /// # Errors
    /// Every fault found, with paths from the message on; never an empty list.
    pub fn parse(json: &'a str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let circular = match Json::read(json) {
            Ok(json) => circular(json, &mut faults),
            Err(error) => {
                let place = format!("not readable as JSON at line {}, column {}", error.line(), error.column());
                faults.add(&Path::Root, "invalid_json", place);
                None
            }
        };
        circular.filter(|_| faults.0.is_empty()).ok_or(faults.0)
    }

    /// Faults of the times against now, as [`Message::check_times`].
    ///
    /// # Errors
    /// One error with the code `expired`.
    pub fn check_times(&self, now: UnixMillis) -> Result<(), Vec<FieldError>> {
        self.common.check_times(now)
    }

    /// The message to one person, to be judged: the contents of its files are counted and not there.
    ///
    /// # Errors
    /// Every fault found, with paths from the recipient on; never an empty list.
    pub fn sample(&self, person: &Person<'_>, missing: Missing) -> Result<Message, Vec<FieldError>> {
        let mut message = self.fill(person, missing)?;
        message.held = HeldBytes(self.contents.iter().map(|content| content.len()).sum());
        match limits::check(&message) {
            Ok(()) => Ok(message),
            Err(faults) => Err(faults.into_iter().map(of_message).collect()),
        }
    }

    /// The message to one person, with its files.
    ///
    /// # Errors
    /// As [`Circular::sample`], but for what is said of the whole message: that was judged when it was accepted.
    pub fn into_message(self, person: &Person<'_>, missing: Missing) -> Result<Message, Vec<FieldError>> {
        let mut message = self.fill(person, missing)?;
        for (file, content) in message.attachments.iter_mut().zip(self.contents) {
            file.content = content.into_owned();
        }
        Ok(message)
    }

    /// The message without the contents of its files, each field checked on its own.
    fn fill(&self, person: &Person<'_>, missing: Missing) -> Result<Message, Vec<FieldError>> {
        let (mut faults, mut lacking) = (Faults::default(), BTreeSet::new());
        let root = Path::Root;
        let path = root.field("message");
        let values = &person.values;
        let mut filler = Filler { values, lacking: &mut lacking, faults: &mut faults, room: MAX_WRITTEN };
        let message = Message {
            to: alloc::vec![person.mailbox.clone()],
            subject: filler.checked(&self.subject, &path.field("subject"), parse::subject),
            text_body: self.text_body.as_ref().map(|body| filler.filled(body, Markup::Plain)),
            html_body: self.html_body.as_ref().map(|body| filler.filled(body, Markup::Html)),
            headers: filler.pairs(&self.headers, &path.field("headers")),
            metadata: filler.pairs(&self.metadata, &path.field("metadata")),
            tags: filler.tags(&self.tags, missing, &path.field("tags")),
            attachments: {
                let (mut files, path) = (self.common.attachments.clone(), path.field("attachments"));
                for (index, (file, name)) in files.iter_mut().zip(&self.filenames).enumerate() {
                    file.filename = filler.checked(name, &path.item(index).field("filename"), read::word);
                    file.content = String::new();
                }
                files
            },
            ..self.common.clone()
        };
        if missing == Missing::Strict {
            let path = root.field("substitutions");
            for name in lacking {
                let detail = format!("the message has {{{{{name}}}}}: give a value, or let options.missing be lenient");
                faults.add(&path.field(&name), "missing_value", detail);
            }
        }
        if faults.0.is_empty() { Ok(message) } else { Err(faults.0) }
    }
}

impl<'a> Person<'a> {
    /// Reads a recipient: `email`, a mailbox in either form, and `substitutions`, texts, numbers and truth values by name.
    /// The value `email` is always there.
    ///
    /// # Errors
    /// Every fault found, with paths from the recipient on; never an empty list.
    pub fn parse(json: &'a str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let person = match Json::read(json) {
            Ok(json) => person(json, &mut faults),
            Err(error) => {
                let place = format!("not readable as JSON at line {}, column {}", error.line(), error.column());
                faults.add(&Path::Root, "invalid_json", place);
                None
            }
        };
        person.filter(|_| faults.0.is_empty()).ok_or(faults.0)
    }
}

/// Puts one person's values in.
struct Filler<'f> {
    values: &'f Values<'f>,
    lacking: &'f mut BTreeSet<String>,
    faults: &'f mut Faults,
    /// Bytes that may still be written.
    room: usize,
}

impl Filler<'_> {
    fn filled(&mut self, pattern: &Pattern, markup: Markup) -> String {
        match pattern.fill(markup, self.values, self.lacking, &mut self.room) {
            Some(filled) => filled,
            None => {
                let detail = format!("all but its files must have at most {MAX_WRITTEN} bytes with the values in it");
                self.faults.add(&Path::Root.field("message"), "message_too_large", detail);
                String::new()
            }
        }
    }

    /// A filled field, read again as one that came from outside.
    fn checked(
        &mut self,
        pattern: &Pattern,
        path: &Path<'_>,
        read: fn(Json<'_>, &Path<'_>, &mut Faults) -> Option<String>,
    ) -> String {
        let filled = self.filled(pattern, Markup::Plain);
        read(Json::Text(Cow::Owned(filled)), path, self.faults).unwrap_or_default()
    }

    fn pairs(&mut self, patterns: &[(String, Pattern)], path: &Path<'_>) -> Vec<(String, String)> {
        let pair =
            |(name, value): &(String, Pattern)| (name.clone(), self.checked(value, &path.field(name), read::line));
        patterns.iter().map(pair).collect()
    }

    /// A tag that is left empty is none, where places may be.
    fn tags(&mut self, patterns: &[Pattern], missing: Missing, path: &Path<'_>) -> Vec<String> {
        let mut tags = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns.iter().enumerate() {
            let tag = self.filled(pattern, Markup::Plain);
            if missing == Missing::Strict || !tag.is_empty() {
                tags.extend(read::word(Json::Text(Cow::Owned(tag)), &path.item(index), self.faults));
            }
        }
        tags
    }
}

fn circular<'a>(json: Json<'a>, faults: &mut Faults) -> Option<Circular<'a>> {
    let Json::Object(mut fields) = json else { return read::wrong_type(&Path::Root, "an object", faults) };
    for name in ["to", "cc", "bcc"] {
        if fields.iter().any(|(known, _)| known == name) {
            let detail = "recipients says who the message is for, and each of them gets one of its own";
            faults.add(&Path::Root.field(name), "conflicting_fields", detail);
        }
    }
    let contents = take_contents(&mut fields);
    fields.push((Cow::Borrowed("to"), Json::Text(Cow::Borrowed(STAND_IN))));
    let mut common = parse::fields(Json::Object(fields), faults)?;
    // What hangs on the values is looked at when they are known.
    let of_all = |fault: &FieldError| fault.field != "headers";
    faults.0.extend(limits::check(&common).err().into_iter().flatten().filter(of_all));
    common.to.clear();
    let root = Path::Root;
    let mut patterns = Patterns(faults);
    let circular = Circular {
        subject: patterns.one(core::mem::take(&mut common.subject), &root.field("subject"))?,
        text_body: patterns.body(common.text_body.take(), &root.field("text_body"))?,
        html_body: patterns.body(common.html_body.take(), &root.field("html_body"))?,
        headers: patterns.pairs(core::mem::take(&mut common.headers), &root.field("headers"))?,
        metadata: patterns.pairs(core::mem::take(&mut common.metadata), &root.field("metadata"))?,
        tags: patterns.list(core::mem::take(&mut common.tags).into_iter(), &root.field("tags"), None)?,
        filenames: {
            let names = common.attachments.iter_mut().map(|file| core::mem::take(&mut file.filename));
            patterns.list(names, &root.field("attachments"), Some("filename"))?
        },
        contents,
        common,
    };
    circular.common.attachments.iter().all(|file| file.content == HELD).then_some(circular)
}

/// Takes the contents out, so that they are not copied with every message. One that is not base64 stays, and is refused
/// with its path as in any message.
fn take_contents<'a>(fields: &mut [(Cow<'a, str>, Json<'a>)]) -> Vec<Cow<'a, str>> {
    let mut contents = Vec::new();
    for (_, json) in fields.iter_mut().filter(|(name, _)| name == "attachments") {
        let Json::List(files) = json else { continue };
        for file in files {
            let Json::Object(fields) = file else { continue };
            for (_, json) in fields.iter_mut().filter(|(name, _)| name == "content") {
                if let Json::Text(content) = json
                    && !content.is_empty()
                    && super::base64::is_canonical(content)
                {
                    contents.push(core::mem::replace(content, Cow::Borrowed(HELD)));
                }
            }
        }
    }
    contents
}

fn person<'a>(json: Json<'a>, faults: &mut Faults) -> Option<Person<'a>> {
    let mut object = Object::open(json, &Path::Root, &["email", "substitutions"], faults)?;
    let mailbox = object.required("email", "missing_field", faults, read::mailbox);
    let values = object.optional("substitutions", faults, values);
    let (mailbox, mut values) = (mailbox?, values.unwrap_or_default());
    let address = mailbox.address.as_str().to_owned();
    if values.get("email").is_some_and(|given| **given != *address) {
        let path = Path::Root.field("substitutions").field("email").to_string();
        faults.0.push(FieldError {
            field: path,
            code: "conflicting_fields",
            detail: "is always the recipient's address".into(),
        });
    }
    values.insert(Cow::Borrowed("email"), Cow::Owned(address));
    Some(Person { mailbox, values })
}

fn values<'a>(json: Json<'a>, path: &Path<'_>, faults: &mut Faults) -> Option<Values<'a>> {
    let mut values = Values::new();
    for (name, json) in read::entries(json, path, faults)? {
        if !is_name(&name) {
            faults.add(path, "invalid_value", "a name is 1 to 64 of a-z, A-Z, 0-9, _, - and .");
            return None;
        }
        let value = match json {
            Json::Text(text) => text,
            Json::Number(number) => Cow::Owned(number.to_string()),
            Json::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Json::Null => continue,
            Json::List(_) | Json::Object(_) => {
                return read::wrong_type(&path.field(&name), "a string, a number or true or false", faults);
            }
        };
        values.insert(name, value);
    }
    Some(values)
}

/// Finds the places in the fields of a message.
struct Patterns<'f>(&'f mut Faults);

impl Patterns<'_> {
    fn one(&mut self, text: String, path: &Path<'_>) -> Option<Pattern> {
        let pattern = Pattern::parse(text);
        if pattern.is_none() {
            let detail = "{{ must open a name of 1 to 64 of a-z, A-Z, 0-9, _, - and . and }} close it";
            self.0.add(path, "invalid_placeholder", detail);
        }
        pattern
    }

    fn body(&mut self, text: Option<String>, path: &Path<'_>) -> Option<Option<Pattern>> {
        match text {
            Some(text) => self.one(text, path).map(Some),
            None => Some(None),
        }
    }

    fn pairs(&mut self, pairs: Vec<(String, String)>, path: &Path<'_>) -> Option<Vec<(String, Pattern)>> {
        let one = |(name, value): (String, String)| {
            let pattern = self.one(value, &path.field(&name))?;
            Some((name, pattern))
        };
        pairs.into_iter().map(one).collect()
    }

    fn list(
        &mut self,
        texts: impl Iterator<Item = String>,
        path: &Path<'_>,
        field: Option<&'static str>,
    ) -> Option<Vec<Pattern>> {
        let one = |(index, text)| match (path.item(index), field) {
            (item, Some(field)) => self.one(text, &item.field(field)),
            (item, None) => self.one(text, &item),
        };
        texts.enumerate().map(one).collect()
    }
}

/// A fault of a whole message, with its path from the recipient on.
fn of_message(fault: FieldError) -> FieldError {
    let dot = if fault.field.is_empty() { "" } else { "." };
    FieldError { field: format!("message{dot}{}", fault.field), ..fault }
}

/// What is written for each recipient, so that it has its place beside the request in the memory of a Worker. Mail clients
/// show far less of a text.
const MAX_WRITTEN: usize = 5_000_000;
/// Stands for a content that is held outside: base64 that every reader takes.
const HELD: &str = "AAAA";
/// Stands for the recipient while a message for many is read.
const STAND_IN: &str = "somebody@example.com";
