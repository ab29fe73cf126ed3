//! What a caller may still do with a message that waits: cancel it, or move its time.

use super::{
    Mailroom, Status,
    next::end_with,
    store::{self, Move},
    trace::Line,
};
use crate::{
    id::MessageId,
    ledger::Ledger,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::borrow::Cow;

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Done,
    /// There is no such message.
    NotFound,
    /// The message does not wait, or not for this: it is in this status.
    NotWaiting(Status),
    /// The new time is not before the message expires.
    AfterExpiry,
}

impl Mailroom {
    /// Ends a message that waits; `by` names the key that asked, for the trace.
    ///
    /// Its units are given back. Only when an earlier attempt may have been taken does it end as `unknown`, and its units
    /// stay used. One of several that have to go in the same call again cannot be cancelled alone.
    ///
    /// # Errors
    /// The store's; the host then rolls back and opens the Mailroom anew.
    pub fn cancel(
        &mut self,
        id: MessageId,
        by: &str,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Change, SqlError> {
        let Some(waiting) = store::waiting(id, sql)? else { return Ok(Change::NotFound) };
        if waiting.is_tied || self.queue.withdraw(id, waiting.due, waiting.expires).is_none() {
            return Ok(Change::NotWaiting(waiting.status));
        }
        let line = Line { by: Some(Cow::Borrowed(by)), ..Line::new("cancelled", now) };
        let row = store::load(id, sql)?;
        end_with(id, &row, Status::Cancelled, &line, None, ledger, sql, now)?;
        Ok(Change::Done)
    }

    /// Moves the time of a message that waits for its first attempt; `None` is as soon as may be.
    ///
    /// # Errors
    /// The store's; the host then rolls back and opens the Mailroom anew.
    pub fn reschedule(
        &mut self,
        id: MessageId,
        send_at: Option<UnixMillis>,
        by: &str,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Change, SqlError> {
        let Some(waiting) = store::waiting(id, sql)? else { return Ok(Change::NotFound) };
        let due = send_at.unwrap_or(now).max(now);
        if waiting.status != Status::Queued {
            return Ok(Change::NotWaiting(waiting.status));
        }
        if waiting.expires.is_some_and(|end| end <= due) {
            return Ok(Change::AfterExpiry);
        }
        let Some(entry) = self.queue.withdraw(id, waiting.due, waiting.expires) else {
            return Ok(Change::NotWaiting(waiting.status));
        };
        let mut line = Line { by: Some(Cow::Borrowed(by)), ..Line::new("rescheduled", now) };
        line.retry_at_ms = Some(due.as_millis());
        let to = Move {
            status: Status::Queued,
            due,
            failures: 0,
            ambiguous: None,
            provider_message_id: None,
            error: None,
            line: &line.to_text(),
            stays_together: false,
        };
        store::advance(id, &to, sql)?;
        self.queue.push(entry, due, id);
        self.limited_until = None;
        Ok(Change::Done)
    }
}
