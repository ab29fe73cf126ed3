//! What the provider reports of a message after it took it.
//!
//! Each recipient has at most one word for what became of it, and a stronger word replaces a weaker one: a delivery that
//! bounces an hour later has bounced, in whatever order the two are told. The message's status follows from its
//! recipients' words. A report that does not say whom it is about moves the message alone.

use super::{
    Status,
    trace::{Line, StoredRecipient, stored_recipients},
};
use crate::{
    address::Address,
    event::{Event, EventKind},
    id::MessageId,
    sql::{Param, Row, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};

/// A message that a report speaks of.
pub(crate) struct Found {
    pub(crate) id: String,
    status: Status,
    recipients: String,
    /// Which of its recipients.
    recipient: Option<usize>,
}

impl Found {
    /// The address of the recipient, when it is known which one.
    pub(crate) fn address(&self) -> Option<String> {
        let recipients = stored_recipients(&self.recipients).ok()?;
        recipients.get(self.recipient?).map(|recipient| recipient.address.as_ref().into())
    }
}

/// What a report says, without whom it is about.
pub(crate) struct Report {
    pub(crate) kind: EventKind,
    pub(crate) is_echo: bool,
    pub(crate) is_candidate: bool,
    pub(crate) class: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) at: UnixMillis,
}

impl Report {
    /// The part of an event that its message's trace tells.
    pub(crate) fn of(event: &Event, now: UnixMillis) -> Self {
        let bounce = event.bounce.as_ref();
        Self {
            kind: event.kind,
            is_echo: event.is_echo,
            is_candidate: event.is_candidate,
            class: bounce.map(|bounce| bounce.class.word().into()),
            code: bounce.and_then(|bounce| {
                let smtp = || bounce.smtp.map(|code| code.to_string());
                bounce.enhanced.map(|code| code.to_string()).or_else(smtp)
            }),
            at: event.at.min(now),
        }
    }

    /// What a recipient's state is after it.
    const fn status(&self) -> Option<Status> {
        match self.kind {
            EventKind::Delivered => Some(Status::Delivered),
            EventKind::Bounced => Some(if self.is_echo { Status::Suppressed } else { Status::Bounced }),
            EventKind::Complained => Some(if self.is_echo { Status::Suppressed } else { Status::Complained }),
            EventKind::Rejected => Some(if self.is_echo { Status::Suppressed } else { Status::Failed }),
            EventKind::Failed => Some(Status::Failed),
            EventKind::Queued
            | EventKind::Sent
            | EventKind::Deferred
            | EventKind::Autoresponded
            | EventKind::Opened
            | EventKind::Clicked
            | EventKind::Unsubscribed
            | EventKind::Subscribed
            | EventKind::Inbound
            | EventKind::InboundFailed
            | EventKind::Unknown => None,
        }
    }

    /// Whether the trace tells it. Openings and clicks are many, and the journal has them.
    const fn is_traced(&self) -> bool {
        match self.kind {
            EventKind::Delivered
            | EventKind::Bounced
            | EventKind::Complained
            | EventKind::Rejected
            | EventKind::Failed
            | EventKind::Deferred
            | EventKind::Autoresponded
            | EventKind::Unsubscribed => true,
            EventKind::Queued
            | EventKind::Sent
            | EventKind::Opened
            | EventKind::Clicked
            | EventKind::Subscribed
            | EventKind::Inbound
            | EventKind::InboundFailed
            | EventKind::Unknown => false,
        }
    }

    fn line(&self) -> String {
        let mut line = Line::new(self.kind.word(), self.at);
        line.class = self.class.as_deref().map(Cow::Borrowed);
        line.provider_code = self.code.as_deref().map(Cow::Borrowed);
        line.to_text()
    }
}

/// The message that an event speaks of: by our own id, or by the provider's. Several messages of one call may share the
/// provider's id; then it is the one with the event's recipient.
///
/// # Errors
/// The store's.
pub(crate) fn find(event: &Event, sql: &mut dyn Sql) -> Result<Option<Found>, SqlError> {
    let mut rows = match event.message_id {
        Some(id) => sql.run(BY_ID, &[Param::Text(&id.to_string())])?,
        None => Vec::new(),
    };
    if let (true, Some(id)) = (rows.is_empty(), &event.provider_message_id) {
        rows = sql.run(BY_PROVIDER_ID, &[Param::Text(id)])?;
    }
    let mut found: Vec<Found> =
        rows.into_iter().map(|row| read(row, event.recipient.as_deref())).collect::<Result<_, _>>()?;
    if let Some(place) = found.iter().position(|found| found.recipient.is_some()) {
        return Ok(Some(found.swap_remove(place)));
    }
    // A forwarded mail bounces at another address than it was sent to.
    let mut only = if found.len() == 1 { found.pop() } else { None };
    if let Some(found) = &mut only {
        found.recipient = place_of(&stored_recipients(&found.recipients)?, None);
    }
    Ok(only)
}

/// Writes a report down at its message.
///
/// # Errors
/// The store's.
pub(crate) fn note(found: &Found, report: &Report, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let mut recipients = stored_recipients(&found.recipients)?;
    let said = report.status();
    let named = found.recipient.filter(|_| !report.is_candidate);
    if let (Some(status), Some(recipient)) = (said, named.and_then(|place| recipients.get_mut(place))) {
        let before = recipient.status.as_deref().and_then(Status::from_word);
        if before.is_none_or(|before| rank(before) < rank(status)) {
            recipient.status = Some(Cow::Borrowed(status.word()));
        }
    }
    let status = next_status(found.status, &recipients, said.filter(|_| named.is_none()), report.kind);
    if !report.is_traced() && status == found.status {
        return Ok(());
    }
    let text = serde_json::to_string(&recipients).map_err(|error| SqlError(error.to_string()))?;
    let line = report.line();
    let parameters = [Param::Text(&found.id), Param::Text(status.word()), Param::Text(&text), Param::Text(&line)];
    sql.run(UPDATE, &parameters).map(|_| ())
}

/// After a provider took a message: what it reported before its answer was here. [`super::store::advance`] says whether
/// there is something.
///
/// # Errors
/// The store's.
pub(super) fn catch_up(id: MessageId, provider_message_id: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let text_id = id.to_string();
    let parameters = [Param::Text(&text_id), Param::Text(provider_message_id)];
    for row in sql.run(ORPHANS, &parameters)? {
        let (key, recipient, report) = orphan(row)?;
        let Some(row) = sql.run(BY_ID, &[Param::Text(&text_id)])?.pop() else { return Ok(()) };
        let found = read(row, recipient.as_deref())?;
        if recipient.is_none() || found.recipient.is_some() {
            note(&found, &report, sql)?;
            sql.run("UPDATE event SET message = ?1 WHERE key = ?2", &[Param::Text(&text_id), Param::Text(&key)])?;
        }
    }
    // What came under our own id while the request was on its way.
    let Some(row) = sql.run(BY_ID, &[Param::Text(&text_id)])?.pop() else { return Ok(()) };
    let found = read(row, None)?;
    let status = next_status(found.status, &stored_recipients(&found.recipients)?, None, EventKind::Sent);
    if status == found.status {
        return Ok(());
    }
    let parameters = [Param::Text(&text_id), Param::Text(status.word())];
    sql.run("UPDATE message SET status = ?2 WHERE id = ?1", &parameters).map(|_| ())
}

/// The status after a report. A message that may still leave stays where it is: its recipients' words wait.
fn next_status(
    before: Status,
    recipients: &[StoredRecipient<'_>],
    of_message: Option<Status>,
    kind: EventKind,
) -> Status {
    if !before.is_finished() {
        return before;
    }
    if let Some(said) = of_message {
        return if message_rank(before) < message_rank(said) { said } else { before };
    }
    // Nobody knew whether the provider took it; now it speaks of it.
    let before = if before == Status::Unknown && kind != EventKind::Unknown { Status::Sent } else { before };
    let words: Vec<Option<Status>> = recipients
        .iter()
        .filter(|recipient| recipient.suppressed.is_none())
        .map(|recipient| recipient.status.as_deref().and_then(Status::from_word))
        // Nobody knows what became of it: the provider has not said.
        .map(|status| status.filter(|status| *status != Status::Unknown))
        .collect();
    let says = |status| words.contains(&Some(status));
    if says(Status::Complained) {
        Status::Complained
    } else if words.is_empty() || words.contains(&None) {
        before
    } else {
        // Delivered to somebody is delivered; what is left is the strongest word.
        [Status::Delivered, Status::Bounced, Status::Failed, Status::Expired]
            .into_iter()
            .find(|status| says(*status))
            .unwrap_or(Status::Suppressed)
    }
}

/// How strong a recipient's word is.
const fn rank(status: Status) -> u8 {
    match status {
        Status::Delivered => 1,
        Status::Suppressed => 2,
        Status::Failed => 3,
        Status::Bounced => 4,
        Status::Complained => 5,
        Status::Queued
        | Status::Deferred
        | Status::Held
        | Status::Sending
        | Status::Sent
        | Status::Expired
        | Status::Cancelled
        | Status::Unknown => 0,
    }
}

/// How strong a message's word is, where nothing names the recipient: one that was reached counts more than one that
/// was not.
const fn message_rank(status: Status) -> u8 {
    match status {
        Status::Suppressed => 1,
        Status::Failed => 2,
        Status::Bounced => 3,
        Status::Delivered => 4,
        Status::Complained => 5,
        Status::Queued
        | Status::Deferred
        | Status::Held
        | Status::Sending
        | Status::Sent
        | Status::Expired
        | Status::Cancelled
        | Status::Unknown => 0,
    }
}

/// Which recipient an address is; the only one there is, when it is nobody else's.
fn place_of(recipients: &[StoredRecipient<'_>], address: Option<&str>) -> Option<usize> {
    let key = |text: &str| Address::parse(text).map(|address| address.key()).ok();
    let wanted = address.and_then(key);
    let by_address =
        || wanted.and_then(|wanted| recipients.iter().position(|r| key(&r.address).as_ref() == Some(&wanted)));
    let mut active = recipients.iter().enumerate().filter(|(_, recipient)| recipient.suppressed.is_none());
    match (by_address(), active.next(), active.next()) {
        (Some(place), _, _) => Some(place),
        (None, Some((place, _)), None) if address.is_none() => Some(place),
        (None, _, _) => None,
    }
}

fn read(row: Row, recipient: Option<&str>) -> Result<Found, SqlError> {
    let Ok([Value::Text(id), Value::Text(status), Value::Text(recipients)]) = <[Value; 3]>::try_from(row) else {
        return Err(shape());
    };
    let place = place_of(&stored_recipients(&recipients)?, recipient);
    Ok(Found { id, status: Status::from_word(&status).ok_or_else(shape)?, recipients, recipient: place })
}

fn orphan(row: Row) -> Result<(String, Option<String>, Report), SqlError> {
    let Ok(
        [
            Value::Text(key),
            recipient,
            Value::Text(kind),
            class,
            code,
            Value::Integer(echo),
            Value::Integer(candidate),
            Value::Integer(at),
        ],
    ) = <[Value; 8]>::try_from(row)
    else {
        return Err(shape());
    };
    let report = Report {
        kind: EventKind::from_word(&kind).unwrap_or(EventKind::Unknown),
        is_echo: echo != 0,
        is_candidate: candidate != 0,
        class: text(class),
        code: text(code),
        at: UnixMillis::new(u64::try_from(at).unwrap_or(0)),
    };
    Ok((key, text(recipient), report))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Integer(_) | Value::Blob(_) => None,
    }
}

fn shape() -> SqlError {
    SqlError("a message or event row has another shape than the schema's".into())
}

const BY_ID: &str = "SELECT id, status, recipients FROM message WHERE id = ?1";
const BY_PROVIDER_ID: &str =
    "SELECT id, status, recipients FROM message WHERE provider_message_id = ?1 ORDER BY id LIMIT 1000";
const UPDATE: &str = "UPDATE message SET status = ?2, recipients = ?3, \
     trace = CASE WHEN length(trace) < 60000 THEN trace || char(10) || ?4 ELSE trace END WHERE id = ?1";
const ORPHANS: &str = "SELECT key, recipient, kind, class, coalesce(enhanced, CAST(smtp AS TEXT)), echo, candidate, at_ms \
     FROM event WHERE provider_message_id = ?2 AND message IS NULL AND ?1 <> '' ORDER BY at_ms LIMIT 10000";
