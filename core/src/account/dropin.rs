//! The routes of other APIs: what they take goes the way of `POST /v1/send`, and their answers are printed from ours.

use super::{
    Account, Reply,
    messages::{Changed, not_found, not_waiting},
    send::{Batch, Item, count},
};
use crate::{
    dropin::{self, Dropin, Shown},
    front::Pass,
    guard::{Dimension, Guard},
    id::MessageId,
    key,
    mailroom::{self, RecipientKind},
    problem::{Code, Problem},
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

impl Account {
    /// Takes a message or a batch in as another API does.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb takes")]
    pub(super) fn drop_in(
        &mut self,
        (dropin, batch): (Dropin, bool),
        pass: &Pass,
        body: &[u8],
        limited: Option<(UnixMillis, Reply)>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let asked = || {
            let terms = dropin.terms(batch, dropin.option_field().and_then(|name| field(pass, name)))?;
            let key = pass.idempotency_key.as_deref().map(|key| dropin.idempotency_key(key)).transpose()?;
            Ok((terms, Pass { idempotency_key: key, ..pass.clone() }))
        };
        let (terms, own) = match asked() {
            Ok(asked) => asked,
            Err(problem) => return refuse(&problem, pass, now),
        };
        let reply = self.once(&own, &|| key::fingerprint(body), sql, now, |account, sql| {
            let read = dropin.read(batch, body);
            let texts = match read.and_then(|texts| fits(account.config.batch(), texts.len()).map(|()| texts)) {
                Ok(texts) => texts,
                Err(problem) => return refuse(&problem, pass, now),
            };
            let items = texts.iter().enumerate().map(|(place, text)| match text {
                Ok(text) => account.judge_text(place, text, &pass.key_id, now),
                Err(flaws) => Item::untranslated(place, flaws.clone()),
            });
            let judged = Batch { items: items.collect(), shared: None };
            account.take_in(pass, judged, terms, limited, sql, entropy, now)
        })?;
        if reply.status != ACCEPTED {
            return Ok(reply);
        }
        let mut held_back = |id: &str| match MessageId::parse(id) {
            Some(id) => mailroom::held_back(id, sql),
            None => Ok(Vec::new()),
        };
        let printed = dropin.accepted(batch, &reply.body, &mut held_back)?;
        Ok(Reply { status: printed.status, body: printed.body, ..reply })
    }
}

/// An email as Resend shows it.
pub(super) fn read(id: &str, pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let found = match MessageId::parse(id) {
        Some(id) => mailroom::record(id, sql)?,
        None => None,
    };
    let Some(record) = found else { return refuse(&not_found(), pass, now) };
    let of = |kind: RecipientKind| -> Vec<String> {
        record.recipients.iter().filter(|(line, _)| *line == kind).map(|(_, address)| address.clone()).collect()
    };
    let is_scheduled = record.status == mailroom::Status::Queued && record.due > now;
    let body = dropin::shown(&Shown {
        id,
        created_at: record.id.accepted_at().to_string(),
        status: record.status.word(),
        to: of(RecipientKind::To),
        cc: of(RecipientKind::Cc),
        bcc: of(RecipientKind::Bcc),
        scheduled_at: is_scheduled.then(|| record.due.to_string()),
        content: record.content.as_deref(),
    });
    Ok(Reply::json(200, body))
}

impl Account {
    /// Cancels an email, or moves its time to what the body says.
    pub(super) fn change_resend(
        &mut self,
        id: &str,
        body: Option<&[u8]>,
        pass: &Pass,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let changed = match body.map(dropin::send_at).transpose() {
            Err(problem) => return refuse(&problem, pass, now),
            Ok(None) => self.cancelled(id, pass, sql, now)?,
            Ok(Some(at)) => self.rescheduled(id, Some(at), pass, sql, now)?,
        };
        match changed {
            Changed::Done => Ok(Reply::json(200, dropin::acted(id))),
            Changed::NotFound => refuse(&not_found(), pass, now),
            Changed::NotWaiting(status) => refuse(&not_waiting(status), pass, now),
            Changed::Refused(problem) => refuse(&problem, pass, now),
        }
    }
}

/// Whether a request may hold this many messages.
fn fits(most: Guard, messages: usize) -> Result<(), Problem> {
    most.check(count(messages)).map_err(|too_large| Problem {
        window: Some(Dimension::BatchMax.as_str().into()),
        ..Problem::new(Code::TooManyMessages, too_large.to_string())
    })
}

fn refuse(problem: &Problem, pass: &Pass, now: UnixMillis) -> Result<Reply, SqlError> {
    Ok(Reply::problem(problem, &pass.request_id, None, now))
}

fn field<'a>(pass: &'a Pass, name: &str) -> Option<&'a str> {
    pass.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// What Sendgate itself answers a send.
const ACCEPTED: u16 = 202;
