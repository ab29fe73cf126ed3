//! The trace of a message: what was decided about it, when, and why.

use super::{RecipientKind, queue};
use crate::{
    id::MessageId,
    message::Class,
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// One line of a trace, as stored. Lines are joined by line feeds.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) at_ms: u64,
    pub(crate) event: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_code: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipients: Option<u64>,
    /// How many messages the call carried, when it carried several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<u32>,
    /// What a bounce means: `hard`, `soft`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<Cow<'a, str>>,
    /// The key that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Cow<'a, str>>,
}

impl Line<'_> {
    pub(crate) fn new(event: &str, now: UnixMillis) -> Line<'_> {
        Line { at_ms: now.as_millis(), event: Cow::Borrowed(event), ..Line::default() }
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A recipient as stored with its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredRecipient<'a> {
    pub(crate) kind: RecipientKind,
    pub(crate) address: Cow<'a, str>,
    /// `pre` or `final` when it is suppressed: which check found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suppressed: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    /// Why the provider refused it alone while it took the message: `suppressed`, `permanent` or `transient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Cow<'a, str>>,
    /// The attempt at which the provider took it, where it did not take all of them at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) taken_at_attempt: Option<u32>,
    /// What the provider reported of it: `delivered`, `bounced`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Cow<'a, str>>,
}

impl StoredRecipient<'_> {
    pub(crate) fn into_owned(self) -> StoredRecipient<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        StoredRecipient {
            kind: self.kind,
            address: owned(self.address),
            suppressed: self.suppressed.map(owned),
            reason: self.reason.map(owned),
            refused: self.refused.map(owned),
            status: self.status.map(owned),
            taken_at_attempt: self.taken_at_attempt,
        }
    }

    /// Whether the message is still to go to it.
    pub(crate) fn is_due(&self) -> bool {
        let may_be_taken = self.refused.as_deref().is_none_or(|why| why == REFUSED_FOR_NOW);
        self.suppressed.is_none() && self.taken_at_attempt.is_none() && may_be_taken
    }
}

/// Whether a provider took the message for some of these recipients and not for all of them.
pub(crate) fn is_partly_taken(recipients: &str) -> bool {
    // A quotation mark inside an address is written with a backslash.
    recipients.contains(TAKEN)
}

/// The recipients of a message's row.
pub(crate) fn stored_recipients(text: &str) -> Result<Vec<StoredRecipient<'_>>, SqlError> {
    serde_json::from_str(text).map_err(|error| SqlError(alloc::format!("stored recipients cannot be read: {error}")))
}

#[derive(Serialize)]
struct View<'a> {
    message_id: &'a str,
    status: &'a str,
    class: &'a str,
    accepted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
    recipients: Vec<StoredRecipient<'a>>,
    trace: Vec<ViewLine<'a>>,
}

#[derive(Serialize)]
struct ViewLine<'a> {
    at: String,
    event: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u32>,
    class: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
}

/// The trace of a message as JSON; `None` when this account has no such message.
///
/// # Errors
/// The store's.
pub fn view(id: MessageId, sql: &mut dyn Sql) -> Result<Option<Vec<u8>>, SqlError> {
    let text_id = id.to_string();
    let rows = sql.run(
        "SELECT status, class, expires_ms, attempts, due_ms, provider, provider_message_id, error, recipients, trace \
         FROM message WHERE id = ?1",
        &[Param::Text(&text_id)],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let [
        Value::Text(status),
        Value::Integer(class),
        expires,
        Value::Integer(attempts),
        Value::Integer(due),
        provider,
        provider_id,
        error,
        Value::Text(recipients),
        Value::Text(trace),
    ] = row.as_slice()
    else {
        return Err(SqlError("a message row has another shape".into()));
    };
    let waits = matches!(status.as_str(), "queued" | "deferred" | "held");
    let view = View {
        message_id: &text_id,
        status,
        class: queue::class_of(*class).map_or("", Class::as_str),
        accepted_at: id.accepted_at().to_string(),
        expires_at: match expires {
            Value::Integer(at) => Some(UnixMillis::new(u64::try_from(*at).unwrap_or(0)).to_string()),
            Value::Null | Value::Text(_) | Value::Blob(_) => None,
        },
        attempts: *attempts,
        next_attempt_at: waits.then(|| UnixMillis::new(u64::try_from(*due).unwrap_or(0)).to_string()),
        provider: text(provider),
        provider_message_id: text(provider_id),
        error: text(error).and_then(|error| serde_json::from_str(error).ok()),
        recipients: serde_json::from_str(recipients).map_err(shape)?,
        trace: trace.lines().map(view_line).collect::<Result<_, _>>()?,
    };
    serde_json::to_vec(&view).map(Some).map_err(shape)
}

fn view_line(line: &str) -> Result<ViewLine<'_>, SqlError> {
    let Line {
        at_ms,
        event,
        attempt,
        provider,
        http_status,
        provider_code,
        retry_at_ms,
        recipients,
        messages,
        class,
        by,
    } = serde_json::from_str(line).map_err(shape)?;
    Ok(ViewLine {
        at: UnixMillis::new(at_ms).to_string(),
        event,
        attempt,
        provider,
        http_status,
        provider_code,
        retry_at: retry_at_ms.map(|at| UnixMillis::new(at).to_string()),
        recipients,
        messages,
        class,
        by,
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) | Value::Blob(_) => None,
    }
}

fn shape(error: serde_json::Error) -> SqlError {
    SqlError(alloc::format!("a stored message cannot be read: {error}"))
}

/// The word for a recipient that was not taken now.
pub(super) const REFUSED_FOR_NOW: &str = "transient";
/// How the field of a recipient that was taken before the others is stored.
pub(super) const TAKEN: &str = "\"taken_at_attempt\":";
