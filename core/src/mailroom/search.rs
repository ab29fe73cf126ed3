//! Looking for messages, the newest first.
//!
//! There is no index but the id's, which is the order of acceptance: an index would cost a written row a message, for
//! lists that are seldom asked for. So a page looks at a bounded number of messages, and says where the next one goes on
//! even when it found nothing.

use super::{
    RecipientKind, Status, queue,
    trace::{StoredRecipient, stored_recipients},
};
use crate::{
    address::Address,
    id::MessageId,
    message::{Class, Message},
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// What is looked for; what is absent is not asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) status: Option<Status>,
    pub(crate) class: Option<Class>,
    pub(crate) provider: Option<String>,
    pub(crate) tag: Option<String>,
    /// A name and its value.
    pub(crate) metadata: Option<(String, String)>,
    pub(crate) recipient: Option<Address>,
    pub(crate) created_from: Option<UnixMillis>,
    pub(crate) created_before: Option<UnixMillis>,
    /// Older than this one.
    pub(crate) after: Option<MessageId>,
}

/// A message in a list.
#[derive(Serialize)]
pub(crate) struct Listed {
    message_id: String,
    status: String,
    class: &'static str,
    accepted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    recipients: Vec<StoredRecipient<'static>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Json>,
}

/// What a message is found by when its content is gone, as it is stored: its tags and metadata. `None` when it has none,
/// or more than are kept.
pub(crate) fn labels_of(message: &Message) -> Option<String> {
    let mut labels = Map::new();
    if !message.tags.is_empty() {
        labels.insert(TAGS.into(), message.tags.iter().map(|tag| Json::from(tag.as_str())).collect());
    }
    if !message.metadata.is_empty() {
        let pairs = message.metadata.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str())));
        labels.insert(METADATA.into(), Json::Object(pairs.collect()));
    }
    let text = Json::Object(labels).to_string();
    (3..=MAX_LABELS).contains(&text.len()).then_some(text)
}

/// A page, and where the next one goes on.
pub(crate) struct Page {
    pub(crate) messages: Vec<Listed>,
    pub(crate) next: Option<String>,
}

/// The messages that are looked for, the newest first.
///
/// # Errors
/// The store's.
pub(crate) fn page(wanted: &Wanted, limit: u64, sql: &mut dyn Sql) -> Result<Page, SqlError> {
    let from = wanted.created_from.map_or(MessageId::FIRST, MessageId::first_of).to_string();
    let upper = wanted.created_before.map(MessageId::first_of).into_iter().chain(wanted.after).min();
    let before = upper.map_or_else(|| PAST_EVERY_ID.to_string(), |id| id.to_string());
    let part = wanted.recipient.as_ref().and_then(needle);
    let (name, value) = wanted.metadata.as_ref().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
    let texts = [wanted.provider.as_deref(), wanted.tag.as_deref(), name, value, part.as_deref()];
    let mut parameters = alloc::vec![
        Param::Text(&before),
        Param::Text(&from),
        wanted.status.map_or(Param::Null, |status| Param::Text(status.word())),
        wanted.class.map_or(Param::Null, |class| Param::Integer(i64::try_from(queue::rank(class)).unwrap_or(0))),
        Param::Integer(i64::try_from(limit).unwrap_or(i64::MAX)),
        Param::Integer(SCANNED),
    ];
    parameters.extend(texts.map(|text| text.map_or(Param::Null, Param::Text)));
    let rows = sql.run(FOUND, &parameters)?;
    let is_full = u64::try_from(rows.len()).is_ok_and(|length| length == limit);
    let mut next = None;
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        let listed = read(row)?;
        next = Some(listed.message_id.clone());
        if wanted.recipient.as_ref().is_none_or(|address| listed.is_for(&address.key())) {
            messages.push(listed);
        }
    }
    if !is_full {
        next = last_scanned(&before, &from, sql)?;
    }
    Ok(Page { messages, next })
}

/// The last message that a page looks at, when it looks at no more.
fn last_scanned(before: &str, from: &str, sql: &mut dyn Sql) -> Result<Option<String>, SqlError> {
    let statement = "SELECT id FROM message WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3";
    let parameters = [Param::Text(before), Param::Text(from), Param::Integer(SCANNED - 1)];
    Ok(sql.run(statement, &parameters)?.into_iter().flatten().next().and_then(|value| match value {
        Value::Text(id) => Some(id),
        Value::Null | Value::Integer(_) | Value::Blob(_) => None,
    }))
}

/// What stands in the recipients' text of a message for this address; `None` where letters' case is not ASCII's.
fn needle(address: &Address) -> Option<String> {
    let local = address.local();
    let plain = local.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    plain.then(|| format!("\"{}@", local.to_ascii_lowercase()))
}

impl Listed {
    fn is_for(&self, key: &str) -> bool {
        self.recipients.iter().any(|one| Address::parse(&one.address).is_ok_and(|address| address.key() == key))
    }
}

fn read(row: Row) -> Result<Listed, SqlError> {
    let Ok(
        [
            Value::Text(message_id),
            Value::Text(status),
            Value::Integer(class),
            Value::Integer(due),
            Value::Integer(attempts),
            provider,
            Value::Text(recipients),
            labels,
        ],
    ) = <[Value; 8]>::try_from(row)
    else {
        return Err(SqlError("a message row has another shape".into()));
    };
    let id = MessageId::parse(&message_id).ok_or_else(|| SqlError("a message's id cannot be read".into()))?;
    let is_waiting = matches!(status.as_str(), "queued" | "deferred" | "held");
    let labels = text_of(labels).and_then(|text| serde_json::from_str(&text).ok());
    let mut labels: Map<String, Json> = labels.unwrap_or_default();
    Ok(Listed {
        accepted_at: id.accepted_at().to_string(),
        next_attempt_at: is_waiting.then(|| UnixMillis::new(u64::try_from(due).unwrap_or(0)).to_string()),
        class: queue::class_of(class).map_or("", Class::as_str),
        attempts,
        provider: text_of(provider),
        recipients: stored_recipients(&recipients)?.into_iter().map(StoredRecipient::into_owned).collect(),
        tags: labels.remove(TAGS),
        metadata: labels.remove(METADATA),
        message_id,
        status,
    })
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) | Value::Blob(_) => None,
    }
}

/// What is kept of a message.
pub(crate) struct Record {
    pub(crate) id: MessageId,
    pub(crate) status: Status,
    pub(crate) due: UnixMillis,
    /// Lines and addresses.
    pub(crate) recipients: Vec<(RecipientKind, String)>,
    /// The message's JSON, until it is finished.
    pub(crate) content: Option<String>,
}

/// What is kept of a message; `None` when this account has no such message.
///
/// # Errors
/// The store's.
pub(crate) fn record(id: MessageId, sql: &mut dyn Sql) -> Result<Option<Record>, SqlError> {
    let statement = "SELECT status, due_ms, recipients, body FROM message WHERE id = ?1";
    let rows = sql.run(statement, &[Param::Text(&id.to_string())])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let Ok([Value::Text(status), Value::Integer(due), Value::Text(recipients), body]) = <[Value; 4]>::try_from(row)
    else {
        return Err(SqlError("a message row has another shape".into()));
    };
    let recipients = stored_recipients(&recipients)?;
    Ok(Some(Record {
        id,
        status: Status::from_word(&status).ok_or_else(|| SqlError("a message's status cannot be read".into()))?,
        due: UnixMillis::new(u64::try_from(due).unwrap_or(0)),
        recipients: recipients.into_iter().map(|one| (one.kind, one.address.into_owned())).collect(),
        content: text_of(body),
    }))
}

/// The addresses of a message that the first suppression check held back.
///
/// # Errors
/// The store's.
pub(crate) fn held_back(id: MessageId, sql: &mut dyn Sql) -> Result<Vec<String>, SqlError> {
    let statement = "SELECT recipients FROM message WHERE id = ?1";
    let rows = sql.run(statement, &[Param::Text(&id.to_string())])?;
    let Some(Value::Text(text)) = rows.into_iter().flatten().next() else { return Ok(Vec::new()) };
    let held = |one: &StoredRecipient<'_>| one.suppressed.as_deref() == Some("pre");
    Ok(stored_recipients(&text)?.into_iter().filter(held).map(|one| one.address.into_owned()).collect())
}

const TAGS: &str = "tags";
const METADATA: &str = "metadata";
/// A page looks at this many messages at most: some milliseconds of SQLite's time.
const SCANNED: i64 = 10_000;
/// Longer labels are not kept beside the content: SendGrid's bound of custom arguments, the only one that is documented.
const MAX_LABELS: usize = 10_000;
/// No id is behind this text: its digits are letters and figures.
const PAST_EVERY_ID: &str = "msg_~";

const FOUND: &str = "SELECT id, status, class, due_ms, attempts, provider, recipients, labels FROM (\
     SELECT id, status, class, due_ms, attempts, provider, recipients, labels FROM message \
     WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?6) \
     WHERE (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR class = ?4) AND (?7 IS NULL OR provider = ?7) \
     AND (?8 IS NULL OR EXISTS(SELECT 1 FROM json_each(labels, '$.tags') WHERE value = ?8)) \
     AND (?9 IS NULL OR EXISTS(SELECT 1 FROM json_each(labels, '$.metadata') WHERE key = ?9 AND value = ?10)) \
     AND (?11 IS NULL OR instr(lower(recipients), ?11) > 0) ORDER BY id DESC LIMIT ?5";
