//! The journal of events, and what follows from them: in one transaction, once for each event.
//!
//! *Once*: providers deliver at least once. An event's key is the journal's, so a repeat changes nothing. *Suppression*:
//! hard bounces, complaints and unsubscriptions suppress the address for all mail of the account; bounces that count do so
//! after a policy's number within a period, for a while. What only echoes the provider's own list, or may be about
//! somebody else, suppresses nobody. *The message*: its recipients' words, its status and its trace advance. *Counts*:
//! by day, provider and sending domain, so that a complaint rate is complaints by deliveries (R046).
//!
//! An entry that stops an address for longer than a new one would is left as it is. Nobody is taken off the list here,
//! whatever a provider reports: that is its owner's decision.

use super::{Bounce, BounceClass, Event, EventKind, RejectReason, counts};
use crate::{
    address::Address,
    mailroom::{self, Report},
    sql::{Param, Sql, SqlError, Value},
    suppression::{self, Entry, Reason, Scope},
    time::UnixMillis,
};
use alloc::{string::ToString, vec::Vec};
use serde::Deserialize;

/// When bounces that are not hard suppress an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoftBounces {
    /// This many ...
    pub limit: u32,
    /// ... within this time ...
    pub period_ms: u64,
    /// ... suppress the address for so long.
    pub suppress_ms: u64,
}

impl Default for SoftBounces {
    /// Five within 30 days, for 30 days: GNU Mailman's bounce processing disables at a score of 5.0 as well, one a day.
    fn default() -> Self {
        Self { limit: 5, period_ms: 30 * DAY_MS, suppress_ms: 30 * DAY_MS }
    }
}

impl SoftBounces {
    /// What is wrong with the figures, when something is.
    ///
    /// # Errors
    /// The bound that is broken.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=MAX_SOFT_LIMIT).contains(&self.limit) {
            return Err("limit must be 1 to 100");
        }
        if self.period_ms == 0 || self.suppress_ms == 0 {
            return Err("period_ms and suppress_ms must be at least 1");
        }
        Ok(())
    }
}

/// What was written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that are new.
    pub events: u64,
    /// Events that were known.
    pub duplicates: u64,
    /// Addresses that are suppressed now and were not.
    pub suppressed: u64,
}

/// An event came under a key that another event has: its proof was used before. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reused;

/// Writes events down with all that follows from them.
///
/// # Errors
/// The store's; the inner error when a proof was used before for another event.
pub fn record(
    events: &[Event],
    policy: &SoftBounces,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Result<Tally, Reused>, SqlError> {
    for event in events {
        if is_reused(event, sql)? {
            return Ok(Err(Reused));
        }
    }
    let mut tally = Tally::default();
    let mut counted = counts::Counting::default();
    for event in events {
        let found = mailroom::find(event, sql)?;
        if !insert(event, found.as_ref().map(|found| found.id.as_str()), sql, now)? {
            tally.duplicates += 1;
            continue;
        }
        tally.events += 1;
        counted.add(event);
        if let Some(found) = &found {
            mailroom::note(found, &Report::of(event, now), sql)?;
        }
        let address = event.recipient.clone().or_else(|| found.as_ref().and_then(mailroom::Found::address));
        if let Some(key) = address.and_then(|address| Address::parse(&address).ok()).map(|address| address.key()) {
            tally.suppressed += u64::from(follow(event, &key, policy, sql, now)?);
        }
    }
    counted.store(sql)?;
    Ok(Ok(tally))
}

/// Forgets events that no provider repeats any more, once a day.
///
/// # Errors
/// The store's.
pub(crate) fn forget(sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
    let today = now.as_millis() / DAY_MS;
    let done = crate::gate::read(FORGOTTEN, sql)?
        .and_then(|bytes| bytes.first_chunk::<8>().map(|day| u64::from_le_bytes(*day)));
    if done == Some(today) {
        return Ok(());
    }
    let before = UnixMillis::new(now.as_millis().saturating_sub(KEPT_MS));
    sql.run("DELETE FROM event WHERE received_ms < ?1", &[Param::Integer(before.as_i64())])?;
    crate::gate::write(FORGOTTEN, &today.to_le_bytes(), sql)
}

/// Whether the event's proof was used before for something else.
fn is_reused(event: &Event, sql: &mut dyn Sql) -> Result<bool, SqlError> {
    let Some(digest) = &event.digest else { return Ok(false) };
    let rows = sql.run("SELECT digest FROM event WHERE key = ?1", &[Param::Text(&event.key)])?;
    Ok(match rows.first().map(Vec::as_slice) {
        Some([Value::Text(known)]) => known != digest,
        Some(_) => true,
        None => false,
    })
}

/// Whether the event is new; it is in the journal after this.
fn insert(event: &Event, message: Option<&str>, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
    let bounce = event.bounce.as_ref();
    let enhanced = bounce.and_then(|bounce| bounce.enhanced).map(|code| code.to_string());
    let parameters = [
        Param::Text(&event.key),
        Param::Integer(now.as_i64()),
        Param::Integer(event.at.as_i64()),
        Param::Text(event.provider.as_str()),
        Param::Text(event.kind.word()),
        bounce.map_or(Param::Null, |bounce| Param::Text(bounce.class.word())),
        Param::Integer(i64::from(bounce.is_some_and(|bounce| bounce.unclassified))),
        bounce.and_then(|bounce| bounce.smtp).map_or(Param::Null, |code| Param::Integer(i64::from(code))),
        optional(enhanced.as_deref()),
        Param::Integer(i64::from(event.is_echo)),
        Param::Integer(i64::from(event.is_candidate)),
        optional(message),
        optional(event.provider_message_id.as_deref()),
        optional(event.recipient.as_deref()),
        optional(event.digest.as_deref()),
    ];
    sql.run(INSERT, &parameters).map(|rows| !rows.is_empty())
}

fn optional(text: Option<&str>) -> Param<'_> {
    text.map_or(Param::Null, Param::Text)
}

/// What a refusal means for its address that came with the answer to a call; whether it is suppressed for it now. No report
/// of it follows.
///
/// # Errors
/// The store's.
pub(crate) fn refused(
    key: &str,
    bounce: &Bounce,
    policy: &SoftBounces,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<bool, SqlError> {
    if bounce.class == BounceClass::Hard {
        return suppress(key, &Entry::of(Reason::HardBounce), sql, now);
    }
    if bounce.counts { soft(now, key, policy, sql, now) } else { Ok(false) }
}

/// What an event means for its address; whether it is suppressed for it now.
fn follow(
    event: &Event,
    key: &str,
    policy: &SoftBounces,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<bool, SqlError> {
    if event.is_echo || event.is_candidate {
        return Ok(false);
    }
    let is_hard = event.bounce.is_some_and(|bounce| bounce.class == BounceClass::Hard);
    match event.kind {
        EventKind::Bounced if is_hard => suppress(key, &Entry::of(Reason::HardBounce), sql, now),
        EventKind::Bounced if event.bounce.is_some_and(|bounce| bounce.counts) => soft(event.at, key, policy, sql, now),
        EventKind::Rejected if is_hard && event.reject == Some(RejectReason::Invalid) => {
            suppress(key, &Entry::of(Reason::Invalid), sql, now)
        }
        EventKind::Complained => suppress(key, &Entry::of(Reason::Complaint), sql, now),
        EventKind::Unsubscribed => suppress(key, &Entry::of(Reason::Unsubscribe), sql, now),
        EventKind::Queued
        | EventKind::Sent
        | EventKind::Rejected
        | EventKind::Failed
        | EventKind::Bounced
        | EventKind::Deferred
        | EventKind::Delivered
        | EventKind::Autoresponded
        | EventKind::Opened
        | EventKind::Clicked
        | EventKind::Subscribed
        | EventKind::Inbound
        | EventKind::InboundFailed
        | EventKind::Unknown => Ok(false),
    }
}

/// Counts a bounce against an address. Only the newest ones are kept, as many as the limit.
fn soft(at: UnixMillis, key: &str, policy: &SoftBounces, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
    let rows = sql.run("SELECT at_ms FROM soft_bounce WHERE address = ?1", &[Param::Text(key)])?;
    let mut instants: Vec<u64> = match rows.first().map(Vec::as_slice) {
        Some([Value::Text(list)]) => serde_json::from_str(list).map_err(|error| SqlError(error.to_string()))?,
        Some(_) | None => Vec::new(),
    };
    instants.push(at.min(now).as_millis());
    let oldest = now.as_millis().saturating_sub(policy.period_ms);
    instants.retain(|at| *at >= oldest);
    instants.sort_unstable();
    let limit = usize::try_from(policy.limit).unwrap_or(usize::MAX);
    if instants.len() >= limit {
        sql.run("DELETE FROM soft_bounce WHERE address = ?1", &[Param::Text(key)])?;
        let expires_at = Some(now.plus(policy.suppress_ms));
        return suppress(key, &Entry { expires_at, ..Entry::of(Reason::SoftBounce) }, sql, now);
    }
    let list = serde_json::to_string(&instants).map_err(|error| SqlError(error.to_string()))?;
    sql.run(
        "INSERT OR REPLACE INTO soft_bounce(address, at_ms) VALUES(?1, ?2)",
        &[Param::Text(key), Param::Text(&list)],
    )?;
    Ok(false)
}

/// Puts an address on the list, unless an entry in force stops it at least as long already.
fn suppress(key: &str, entry: &Entry, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
    let scope = Scope::Account.to_string();
    let statement = "SELECT expires_ms FROM suppression WHERE address = ?1 AND scope = ?2 AND active <> 0";
    let rows = sql.run(statement, &[Param::Text(key), Param::Text(&scope)])?;
    let stands = match rows.first().map(Vec::as_slice) {
        Some([Value::Null]) => true,
        Some([Value::Integer(expires)]) => {
            *expires > now.as_i64() && entry.expires_at.is_some_and(|at| at.as_i64() <= *expires)
        }
        Some(_) | None => false,
    };
    if stands {
        return Ok(false);
    }
    suppression::add(key, entry, sql, now).map(|_| true)
}

const INSERT: &str = "INSERT INTO event(key, received_ms, at_ms, provider, kind, class, unclassified, smtp, enhanced, \
     echo, candidate, message, provider_message_id, recipient, digest) \
     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT(key) DO NOTHING RETURNING key";
const FORGOTTEN: &str = "events-forgotten";
const DAY_MS: u64 = 86_400_000;
/// A month: the longest repeats are SendGrid's, a day, and a tolerance may be set to a week.
const KEPT_MS: u64 = 31 * DAY_MS;
/// The instants of an address's bounces are kept one by one.
const MAX_SOFT_LIMIT: u32 = 100;
