//! The messages the simulator took: writing them, and reading them back.

use crate::{address, dialect::Dialect, fate::Fate, json, log, mime, query::Query, store};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError},
    time::UnixMillis,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// A message, the same shape for every dialect. Address texts and values stand as they came.
#[derive(Serialize, Default)]
pub(crate) struct Message {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) reply_to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text_body: Option<String>,
    pub(crate) html_body: Option<String>,
    pub(crate) headers: Vec<Header>,
    #[serde(skip)]
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) tags: Vec<Value>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) tracking: Map<String, Value>,
    pub(crate) stream: Option<String>,
    pub(crate) template: Option<Value>,
    pub(crate) scheduled_at: Option<String>,
    /// The caller's own id for the message, where the dialect has one.
    pub(crate) reference: Option<String>,
    /// The bare addresses of `to`, `cc` and `bcc`.
    pub(crate) recipients: Vec<String>,
    /// Recipients that the provider took but will not deliver to.
    pub(crate) inactive: Vec<String>,
    /// What stands for each recipient alone, by address.
    pub(crate) recipient_variables: Map<String, Value>,
    /// Whether the sender asked for a test: the provider looks at it and sends nothing.
    pub(crate) test_mode: bool,
    /// Whether it costs nothing: a test that the provider does not count.
    #[serde(skip)]
    pub(crate) free: bool,
    /// What becomes of it at each of `recipients`.
    pub(crate) fates: Vec<Fate>,
    /// The worst of `fates`.
    pub(crate) fate: Fate,
}

/// A header field of a message.
#[derive(Serialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A file in a message.
pub(crate) struct Attachment {
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    pub(crate) disposition: Option<String>,
    pub(crate) content_id: Option<String>,
    /// The decoded bytes; `None` when the provider was told to fetch them from a URL.
    pub(crate) content: Option<Vec<u8>>,
}

/// Where a message came from.
pub(crate) struct Origin<'a> {
    /// The dialect's word.
    pub(crate) dialect: &'static str,
    pub(crate) at: UnixMillis,
    pub(crate) key: Option<&'a str>,
    /// The message's JSON as it came.
    pub(crate) raw: &'a str,
}

#[derive(Serialize)]
struct View<'a> {
    seq: i64,
    id: &'a str,
    dialect: &'static str,
    at_ms: u64,
    idempotency_key: Option<&'a str>,
    #[serde(flatten)]
    message: &'a Message,
    attachments: Vec<AttachmentView<'a>>,
}

#[derive(Serialize)]
struct AttachmentView<'a> {
    filename: &'a str,
    content_type: Option<&'a str>,
    disposition: Option<&'a str>,
    content_id: Option<&'a str>,
    size: Option<usize>,
    url: String,
}

/// Stores a message under `id`.
pub(crate) fn insert(sql: &mut dyn Sql, id: &str, message: &Message, origin: &Origin<'_>) -> Result<(), SqlError> {
    let statement = "INSERT INTO sandbox_messages (id, dialect, at_ms, sender, recipients, subject, recipient_count, \
                     attachment_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING seq";
    let sender = log::shortened(&mime::decoded(&address::shown(&message.from)));
    let recipients = log::shortened(&message.recipients.join(", "));
    let subject = log::shortened(&message.title());
    let values = [
        Param::Text(id),
        Param::Text(origin.dialect),
        Param::Integer(origin.at.as_i64()),
        Param::Text(&sender),
        Param::Text(&recipients),
        Param::Text(&subject),
        Param::Integer(store::count(message.charged())),
        Param::Integer(store::count(message.attachments.len())),
    ];
    let rows = sql.run(statement, &values)?;
    let seq =
        rows.first().map_or_else(|| Err(SqlError("no number for a message".into())), |row| store::integer(row, 0))?;
    let view = View {
        seq,
        id,
        dialect: origin.dialect,
        at_ms: origin.at.as_millis(),
        idempotency_key: origin.key,
        message,
        attachments: message.attachments.iter().enumerate().map(|(n, file)| file.view(id, n)).collect(),
    };
    let view = serde_json::to_vec(&view).map_err(|error| SqlError(error.to_string()))?;
    store::write_part(sql, seq, VIEW, &view)?;
    store::write_part(sql, seq, REQUEST, origin.raw.as_bytes())?;
    for (number, file) in message.attachments.iter().enumerate() {
        store::write_part(sql, seq, &attachment_part(number), file.content.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

impl Message {
    /// The recipients that quotas count.
    pub(crate) fn charged(&self) -> usize {
        if self.free { 0 } else { self.recipients.len() }
    }

    /// What a list shows as the subject: it comes from the template when there is one.
    fn title(&self) -> String {
        let id = self.template.as_ref().and_then(|template| template.get("id"));
        match id.filter(|_| self.subject.is_empty()) {
            None => self.subject.clone(),
            Some(Value::String(id)) => format!("template {id}"),
            Some(id) => format!("template {id}"),
        }
    }
}

/// The files that the messages of one call share.
pub(crate) struct SharedFiles {
    files: Vec<Attachment>,
    everywhere: bool,
}

impl SharedFiles {
    /// The files of a call of so many messages.
    pub(crate) fn new(files: Vec<Attachment>, messages: usize) -> Self {
        let size: usize = files.iter().filter_map(|file| file.content.as_ref()).map(Vec::len).sum();
        Self { files, everywhere: size.saturating_mul(messages) <= MOST_COPIED_BYTES }
    }

    /// Those of the message at this place: with their bytes at the first, and at the others unless they are too much.
    pub(crate) fn of(&self, index: usize) -> Vec<Attachment> {
        let whole = index == 0 || self.everywhere;
        let copy = |file: &Attachment| Attachment {
            content: file.content.as_ref().filter(|_| whole).cloned(),
            filename: file.filename.clone(),
            content_type: file.content_type.clone(),
            disposition: file.disposition.clone(),
            content_id: file.content_id.clone(),
        };
        self.files.iter().map(copy).collect()
    }
}

impl Attachment {
    fn view(&self, id: &str, number: usize) -> AttachmentView<'_> {
        AttachmentView {
            filename: &self.filename,
            content_type: self.content_type.as_deref(),
            disposition: self.disposition.as_deref(),
            content_id: self.content_id.as_deref(),
            size: self.content.as_ref().map(Vec::len),
            url: attachment_url(id, number),
        }
    }
}

/// `GET /sandbox/messages?after=seq&limit=n&dialect=word`.
pub(crate) fn list(sql: &mut dyn Sql, query: &str) -> Result<HttpResponse, SqlError> {
    let page = match Query::of(query).page(DEFAULT_PAGE, MOST_PAGE) {
        Ok(page) => page,
        Err(bad) => return Ok(json::bad_field(&bad)),
    };
    let statement = "SELECT seq FROM sandbox_messages WHERE seq > ?1 AND (?3 IS NULL OR dialect = ?3) \
                     ORDER BY seq LIMIT ?2";
    let dialect = store::maybe_text(Query::of(query).value("dialect"));
    let mut rows = sql.run(statement, &[Param::Integer(page.after), Param::Integer(page.limit + 1), dialect])?;
    let mut next = page.cut(&mut rows)?;
    let mut body = String::from("{\"messages\":[");
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            body.push(',');
        }
        let seq = store::integer(row, 0)?;
        body.push_str(&text(sql, seq)?);
        if body.len() > MOST_PAGE_BYTES && number + 1 < rows.len() {
            next = Some(seq);
            break;
        }
    }
    body.push_str(&format!("],\"next\":{}}}", next.map_or_else(|| "null".to_string(), |seq| seq.to_string())));
    Ok(json::answer_text(200, body))
}

/// The JSON of one message, with the request as it came.
pub(crate) fn text(sql: &mut dyn Sql, seq: i64) -> Result<String, SqlError> {
    let mut text = store::read_text(sql, seq, VIEW)?;
    text.pop();
    text.push_str(",\"request\":");
    text.push_str(&request(sql, seq)?);
    text.push('}');
    Ok(text)
}

/// The JSON of the request behind one message, as it came.
pub(crate) fn request(sql: &mut dyn Sql, seq: i64) -> Result<String, SqlError> {
    store::read_text(sql, seq, REQUEST)
}

/// One message without its request, read.
pub(crate) fn view(sql: &mut dyn Sql, seq: i64) -> Result<Value, SqlError> {
    serde_json::from_str(&store::read_text(sql, seq, VIEW)?).map_err(|error| SqlError(error.to_string()))
}

/// The number of the message with this id; angle brackets around it and percent-encoding in it do not matter.
pub(crate) fn find(sql: &mut dyn Sql, id: &str) -> Result<Option<i64>, SqlError> {
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    let id = id.trim_matches(['<', '>']);
    let rows = sql.run("SELECT seq FROM sandbox_messages WHERE id = ?1", &[Param::Text(id)])?;
    rows.first().map(|row| store::integer(row, 0)).transpose()
}

/// The number of the newest message; 0 when there is none.
pub(crate) fn newest(sql: &mut dyn Sql) -> Result<i64, SqlError> {
    let rows = sql.run("SELECT COALESCE(MAX(seq), 0) FROM sandbox_messages", &[])?;
    rows.first().map_or(Ok(0), |row| store::integer(row, 0))
}

/// The decoded bytes of the attachment `number`.
pub(crate) fn attachment(sql: &mut dyn Sql, seq: i64, number: usize) -> Result<Vec<u8>, SqlError> {
    store::read_part(sql, seq, &attachment_part(number))
}

/// Recipients of a dialect's messages that arrived at `since` or later.
pub(crate) fn recipients_since(sql: &mut dyn Sql, dialect: Dialect, since: UnixMillis) -> Result<u64, SqlError> {
    let statement = "SELECT COALESCE(SUM(recipient_count), 0) FROM sandbox_messages WHERE dialect = ?1 AND at_ms >= ?2";
    let rows = sql.run(statement, &[Param::Text(dialect.word()), Param::Integer(since.as_i64())])?;
    let sum = rows.first().map_or(Ok(0), |row| store::integer(row, 0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// The rows the inbox lists, newest first: seq, id, dialect, at_ms, sender, recipients, subject, attachment count.
pub(crate) fn newest_first(sql: &mut dyn Sql, before: i64, limit: i64) -> Result<Vec<Row>, SqlError> {
    let statement = "SELECT seq, id, dialect, at_ms, sender, recipients, subject, attachment_count \
                     FROM sandbox_messages WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    sql.run(statement, &[Param::Integer(before), Param::Integer(limit)])
}

/// How many messages there are.
pub(crate) fn total(sql: &mut dyn Sql) -> Result<i64, SqlError> {
    let rows = sql.run("SELECT COUNT(*) FROM sandbox_messages", &[])?;
    rows.first().map_or(Ok(0), |row| store::integer(row, 0))
}

/// The path of an attachment's bytes.
pub(crate) fn attachment_url(id: &str, number: usize) -> String {
    format!("/sandbox/messages/{id}/attachments/{number}")
}

fn attachment_part(number: usize) -> String {
    format!("attachment {number}")
}

/// Shared files are kept with every message of a call up to this many bytes in all, and with the first alone above it.
const MOST_COPIED_BYTES: usize = 50_000_000;
const VIEW: &str = "view";
const REQUEST: &str = "request";
/// Messages are large: fewer a page than calls.
const DEFAULT_PAGE: i64 = 100;
const MOST_PAGE: i64 = 1_000;
/// A page ends early once it is this long, so that it fits the memory of a Worker.
const MOST_PAGE_BYTES: usize = 16_000_000;
