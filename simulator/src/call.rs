//! One call of a provider's dialect, from its arrival to its line in the log.
//!
//! The order is that of a provider's edge: credential, windows, faults, idempotency key, the message itself.

use crate::{
    Arrival, Reply,
    dialect::{Dialect, Item, Refusal, Request, Sending, Taken},
    faults::{self, Fault, Hit},
    keys::{self, Known},
    log::{self, Entry},
    messages::{self, Message, Origin},
    resend,
    settings::{self, Settings},
    window::{self, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use sha2::{Digest, Sha256};

/// A call being carried out.
pub(crate) struct Call<'a> {
    pub(crate) dialect: Dialect,
    /// The path below the dialect's.
    pub(crate) rest: &'a str,
    pub(crate) arrival: &'a Arrival<'a>,
    pub(crate) entropy: u64,
    pub(crate) now: UnixMillis,
}

impl Call<'_> {
    /// Answers the call and writes it down.
    pub(crate) fn carry_out(&self, sql: &mut dyn Sql) -> Result<Reply, SqlError> {
        let mut entry = Entry::new(self.dialect, self.arrival, self.now);
        let reply = self.answer(sql, &mut entry)?;
        if let Reply::Answer(response) = &reply {
            entry.status = Some(response.status);
            entry.retry_after = response.header("retry-after").and_then(|seconds| seconds.parse().ok());
        }
        log::record(sql, &entry)?;
        Ok(reply)
    }

    fn answer(&self, sql: &mut dyn Sql, entry: &mut Entry) -> Result<Reply, SqlError> {
        if let Err(response) = self.dialect.admit(self.arrival) {
            return Ok(Reply::Answer(response));
        }
        let settings = settings::load(sql, self.dialect)?;
        let room = match window::ask(sql, self.dialect, &settings.windows, self.now)? {
            Verdict::Refused { retry_at, room } => {
                let seconds = retry_at.since(self.now).div_ceil(1000).max(1);
                let mut response = self.dialect.refuse(&self.dialect.throttled(seconds));
                self.dialect.show_room(&mut response, Some(&room));
                return Ok(Reply::Answer(response));
            }
            Verdict::Admitted(room) => room,
        };
        entry.counted = true;
        let mut reply = self.admitted(sql, entry, &settings)?;
        if let Reply::Answer(response) = &mut reply {
            self.dialect.show_room(response, room.as_ref());
            self.show_quota(sql, response, &settings)?;
        }
        Ok(reply)
    }

    /// The call is inside its windows.
    fn admitted(&self, sql: &mut dyn Sql, entry: &mut Entry, settings: &Settings) -> Result<Reply, SqlError> {
        let request = self.dialect.read(self.rest, self.arrival);
        let sending = match request {
            Ok(Request::Lookup(id)) => return self.look_up(sql, id),
            Ok(Request::Send(sending)) => Ok(sending),
            Err(refusal) => Err(refusal),
        };
        entry.key = self.arrival.header("idempotency-key").map(log::shortened);
        let read: Vec<&Message> =
            sending.iter().flat_map(|sending| &sending.items).filter_map(|item| item.message.as_ref().ok()).collect();
        let recipients: Vec<&str> = read.iter().flat_map(|message| &message.recipients).map(String::as_str).collect();
        entry.recipients = recipients.len();
        let hit = faults::take(sql, self.dialect, &recipients)?;
        entry.fault = hit.as_ref().map(|hit| hit.fault.word());
        if let Some(hit) = &hit {
            if hit.fault == Fault::TimeoutBefore {
                return Ok(Reply::Hang);
            }
            if let Some(refusal) = self.dialect.fault(hit.fault, hit.retry_after) {
                return Ok(self.refused(&refusal));
            }
        }
        let response = match sending {
            Ok(sending) => self.send(sql, entry, settings, sending, hit.as_ref())?,
            Err(refusal) => self.dialect.refuse(&refusal),
        };
        let hangs = hit.is_some_and(|hit| hit.fault == Fault::TimeoutAfter);
        Ok(if hangs { Reply::Hang } else { Reply::Answer(response) })
    }

    fn look_up(&self, sql: &mut dyn Sql, id: &str) -> Result<Reply, SqlError> {
        let view = messages::find(sql, id)?.map(|seq| messages::view(sql, seq)).transpose()?;
        Ok(Reply::Answer(resend::looked_up(view.as_ref())))
    }

    fn send(
        &self,
        sql: &mut dyn Sql,
        entry: &mut Entry,
        settings: &Settings,
        sending: Sending<'_>,
        hit: Option<&Hit>,
    ) -> Result<HttpResponse, SqlError> {
        let digest = keys::digest(self.rest, self.arrival.body);
        if let Some(key) = sending.key {
            match keys::look_up(sql, self.dialect, key, &digest, self.now)? {
                Known::New => {}
                Known::Conflict => return Ok(self.dialect.refuse(&self.dialect.key_conflict())),
                Known::Replay { answer, message_ids } => {
                    entry.replayed = true;
                    entry.message_ids = message_ids;
                    return Ok(crate::json::answer_text(200, answer));
                }
            }
        }
        let (batch, key, all_or_nothing) = (sending.batch, sending.key, sending.all_or_nothing);
        let checked = match self.check(sending.items, all_or_nothing, settings, hit) {
            Ok(checked) => checked,
            Err(refusal) => return Ok(self.dialect.refuse(&refusal)),
        };
        let asked = checked.iter().filter_map(|item| item.message.as_ref().ok()).map(|m| m.recipients.len()).sum();
        if let Some(refusal) = self.over_quota(sql, settings, asked)? {
            return Ok(self.dialect.refuse(&refusal));
        }
        let results = self.store(sql, key, checked)?;
        entry.message_ids = results.iter().flatten().map(|taken| taken.id.clone()).collect();
        let response = self.dialect.taken(batch, &results, self.now);
        if let Some(key) = key {
            keys::keep(sql, self.dialect, key, &digest, (&response.body, &entry.message_ids), self.now)?;
        }
        Ok(response)
    }

    /// Screens every message; the first bad one refuses the whole call where that is the dialect's way.
    fn check<'a>(
        &self,
        items: Vec<Item<'a>>,
        all_or_nothing: bool,
        settings: &Settings,
        hit: Option<&Hit>,
    ) -> Result<Vec<Item<'a>>, Refusal> {
        let screened = items.into_iter().map(|item| {
            let message = item.message.and_then(|message| self.screen(message, settings, hit));
            match message {
                Err(refusal) if all_or_nothing => Err(refusal),
                message => Ok(Item { raw: item.raw, message }),
            }
        });
        screened.collect()
    }

    /// Refuses a message that the provider holds back for its recipients.
    fn screen(&self, mut message: Message, settings: &Settings, hit: Option<&Hit>) -> Result<Message, Refusal> {
        if let Some(refusal) = resend::example_recipient(&message).filter(|_| settings.refuse_example_recipients) {
            return Err(refusal);
        }
        let hit = hit.filter(|hit| hit.fault == Fault::InactiveRecipient);
        let is_inactive = |address: &&String| {
            let named = hit.is_some_and(|hit| hit.to.as_ref().is_none_or(|part| faults::contains(address, part)));
            named || settings.inactive.contains(&address.to_lowercase())
        };
        message.inactive = message.recipients.iter().filter(is_inactive).cloned().collect();
        match self.dialect.all_inactive(&message.inactive) {
            Some(refusal) if message.inactive.len() == message.recipients.len() => Err(refusal),
            Some(_) | None => Ok(message),
        }
    }

    fn store(
        &self,
        sql: &mut dyn Sql,
        key: Option<&str>,
        checked: Vec<Item<'_>>,
    ) -> Result<Vec<Result<Taken, Refusal>>, SqlError> {
        let newest = messages::newest(sql)?;
        let mut results = Vec::new();
        for (number, Item { raw, message }) in (1_i64..).zip(checked) {
            results.push(match message {
                Err(refusal) => Err(refusal),
                Ok(message) => {
                    let id = self.id(newest + number);
                    let origin = Origin { dialect: self.dialect.word(), at: self.now, key, raw };
                    messages::insert(sql, &id, &message, &origin)?;
                    Ok(Taken { id, to: message.to.join(", "), inactive: message.inactive })
                }
            });
        }
        Ok(results)
    }

    /// A message id of a UUID's shape, made from the random number, the time and the message's number.
    fn id(&self, number: i64) -> String {
        let seed = format!("{} {} {number}", self.entropy, self.now.as_millis());
        let digest: [u8; 32] = Sha256::digest(seed).into();
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }

    fn over_quota(&self, sql: &mut dyn Sql, settings: &Settings, asked: usize) -> Result<Option<Refusal>, SqlError> {
        for (quota, daily) in [(settings.daily_quota, true), (settings.monthly_quota, false)] {
            let Some(quota) = quota else { continue };
            let used = messages::recipients_since(sql, self.dialect, self.period_start(daily))?;
            if used.saturating_add(u64::try_from(asked).unwrap_or(u64::MAX)) > quota {
                return Ok(Some(resend::over_quota(daily)));
            }
        }
        Ok(None)
    }

    /// Resend's quota headers hold what is used, not what remains.
    fn show_quota(&self, sql: &mut dyn Sql, response: &mut HttpResponse, settings: &Settings) -> Result<(), SqlError> {
        for (quota, daily, name) in [
            (settings.daily_quota, true, "x-resend-daily-quota"),
            (settings.monthly_quota, false, "x-resend-monthly-quota"),
        ] {
            if quota.is_some() {
                let used = messages::recipients_since(sql, self.dialect, self.period_start(daily))?;
                response.headers.push(crate::json::field(name, used.to_string()));
            }
        }
        Ok(())
    }

    /// The first instant of this UTC day or month.
    fn period_start(&self, daily: bool) -> UnixMillis {
        let (text, kept, rest) =
            if daily { (self.now.to_string(), 10, "T00:00:00Z") } else { (self.now.to_string(), 7, "-01T00:00:00Z") };
        UnixMillis::parse_rfc3339(&format!("{}{rest}", text.get(..kept).unwrap_or_default())).unwrap_or(self.now)
    }

    fn refused(&self, refusal: &Refusal) -> Reply {
        Reply::Answer(self.dialect.refuse(refusal))
    }
}
