//! One call of a provider's dialect, from its arrival to its line in the log.
//!
//! The order is that of a provider's edge: credential, windows, faults, idempotency key, the message itself.

use crate::{
    Arrival, Reply,
    dialect::{Dialect, Done, Item, Later, Refusal, Request, Sending, Stamp, Taken, Usage},
    fate::Fate,
    faults::{self, Fault, Hit},
    keys::{self, Known},
    log::{self, Entry},
    messages::{self, Message, Origin},
    resend, ses,
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
        let settings = settings::load(sql, self.dialect)?;
        if let Err(response) = (self.dialect.manner().admit)(self.rest, self.arrival, &settings, self.now) {
            return Ok(Reply::Answer(response));
        }
        let room = match window::ask(sql, self.dialect, &settings.windows, self.now)? {
            Verdict::Refused { retry_at, room } => {
                let seconds = retry_at.since(self.now).div_ceil(1000).max(1);
                let later = Later { seconds, at: retry_at };
                let mut response = self.dialect.refuse(&(self.dialect.manner().throttled)(&later));
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
        let request = (self.dialect.manner().read)(self.rest, self.arrival, settings, self.now);
        let sending = match request {
            Ok(Request::Lookup(id)) => return self.look_up(sql, id),
            Ok(Request::Usage) => return self.usage(sql, settings),
            Ok(Request::Send(sending)) => Ok(sending),
            Err(refusal) => Err(refusal),
        };
        let key = sending.as_ref().ok().and_then(|sending| sending.key.as_deref());
        entry.key = key.or(self.arrival.header("idempotency-key")).map(log::shortened);
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
            if let Some(answer) = &hit.answer {
                return Ok(Reply::Answer(answer.clone()));
            }
            if let Some(refusal) = (self.dialect.manner().fault)(hit.fault, hit.retry_after, self.now) {
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

    fn usage(&self, sql: &mut dyn Sql, settings: &Settings) -> Result<Reply, SqlError> {
        let usage = Usage {
            settings,
            day: messages::recipients_since(sql, self.dialect, self.period_start(true))?,
            month: messages::recipients_since(sql, self.dialect, self.period_start(false))?,
            last_24_hours: messages::recipients_since(sql, self.dialect, self.ago(DAY_MS))?,
            month_began: self.period_start(false),
        };
        Ok(Reply::Answer((self.dialect.manner().usage)(&usage)))
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
        let known = sending.key.as_deref().zip(self.dialect.manner().keys);
        if let Some((key, keys)) = known {
            match keys::look_up(sql, self.dialect, (key, keys.kept_ms), &digest, self.now)? {
                Known::New => {}
                Known::Replay { answer, message_ids } if keys.replays => {
                    entry.replayed = true;
                    entry.message_ids = message_ids;
                    return Ok(crate::json::answer_text(keys.status, answer));
                }
                Known::Conflict | Known::Replay { .. } => return Ok(self.dialect.refuse(&(keys.conflict)())),
            }
        }
        let Sending { batch, all_or_nothing, ref key, items } = sending;
        let key = key.as_deref();
        let checked = match self.check(items, all_or_nothing, settings, hit) {
            Ok(checked) => self.rationed(sql, checked, all_or_nothing, settings)?,
            Err(refusal) => Err(refusal),
        };
        let checked = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Ok(self.dialect.refuse(&refusal)),
        };
        let asked = checked.iter().filter_map(|item| item.message.as_ref().ok()).map(Message::charged).sum();
        if let Some(refusal) = self.over_quota(sql, settings, asked)? {
            return Ok(self.dialect.refuse(&refusal));
        }
        let results = self.store(sql, key, checked)?;
        entry.message_ids = results.iter().flatten().map(|taken| taken.id.clone()).collect();
        let done = Done { batch, results: &results, now: self.now };
        let response = (self.dialect.manner().taken)(&done);
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
        let sender = message.from.trim_end_matches('>').rsplit('@').next().unwrap_or_default().to_lowercase();
        let may_send = settings.domains.as_ref().is_none_or(|known| known.contains(&sender));
        if let Some(refuse) = self.dialect.manner().unverified.filter(|_| !may_send) {
            return Err(refuse());
        }
        let hit = hit.filter(|hit| hit.fault == Fault::InactiveRecipient);
        let is_inactive = |address: &&String| {
            let named = hit.is_some_and(|hit| hit.to.as_ref().is_none_or(|part| faults::contains(address, part)));
            named || settings.inactive.contains(&address.to_lowercase())
        };
        let inactive: Vec<bool> = message.recipients.iter().map(|address| is_inactive(&address)).collect();
        message.inactive =
            inactive.iter().zip(&message.recipients).filter(|(is, _)| **is).map(|(_, a)| a.clone()).collect();
        if let Some(refusal) = (self.dialect.manner().inactive)(&message.inactive, message.recipients.len())
            .filter(|_| !message.inactive.is_empty() && !settings.drop_suppressed_recipients)
        {
            return Err(refusal);
        }
        let fate = |(is_inactive, address): (&bool, &String)| match (message.test_mode, is_inactive) {
            (true, _) => Fate::Discarded,
            (false, true) => Fate::Suppressed,
            (false, false) => Fate::of(self.dialect, settings, address),
        };
        message.fates = inactive.iter().zip(&message.recipients).map(fate).collect();
        message.fate = Fate::worst(&message.fates);
        Ok(message)
    }

    /// Refuses what a provider that counts recipients over time (Amazon) has no room for; each message before the next.
    ///
    /// A message passes while anything is left, however many recipients it has.
    fn rationed<'a>(
        &self,
        sql: &mut dyn Sql,
        items: Vec<Item<'a>>,
        all_or_nothing: bool,
        settings: &Settings,
    ) -> Result<Result<Vec<Item<'a>>, Refusal>, SqlError> {
        let rations = [
            (settings.max_send_rate, SECOND_MS, ses::over_rate as fn() -> Refusal),
            (settings.max_24_hour_send, DAY_MS, ses::over_day as fn() -> Refusal),
        ];
        let mut left = Vec::new();
        for (limit, period_ms, refuse) in rations {
            let Some(limit) = limit else { continue };
            let used = messages::recipients_since(sql, self.dialect, self.ago(period_ms))?;
            left.push((limit.saturating_sub(used), refuse));
        }
        let pass = |item: Item<'a>| {
            let message = item.message.and_then(|message| match left.iter().find(|(room, _)| *room == 0) {
                Some((_, refuse)) => Err(refuse()),
                None => {
                    let cost = u64::try_from(message.recipients.len()).unwrap_or(u64::MAX);
                    left.iter_mut().for_each(|(room, _)| *room = room.saturating_sub(cost));
                    Ok(message)
                }
            });
            match message {
                Err(refusal) if all_or_nothing => Err(refusal),
                message => Ok(Item { raw: item.raw, message }),
            }
        };
        Ok(items.into_iter().map(pass).collect())
    }

    fn store(
        &self,
        sql: &mut dyn Sql,
        key: Option<&str>,
        checked: Vec<Item<'_>>,
    ) -> Result<Vec<Result<Taken, Refusal>>, SqlError> {
        let newest = messages::newest(sql)?;
        let call_hex = self.hex(newest + 1);
        let mut results = Vec::new();
        for (index, (number, Item { raw, message })) in (1_i64..).zip(checked).enumerate() {
            results.push(match message {
                Err(refusal) => Err(refusal),
                Ok(message) => {
                    let hex = self.hex(newest + number);
                    let stamp = Stamp { hex: &hex, call_hex: &call_hex, index, rest: self.rest, now: self.now };
                    let id = (self.dialect.manner().id)(&stamp);
                    let origin = Origin { dialect: self.dialect.word(), at: self.now, key, raw: &raw };
                    messages::insert(sql, &id, &message, &origin)?;
                    Ok(Taken { id, message })
                }
            });
        }
        Ok(results)
    }

    /// 32 hexadecimal digits made from the random number, the time and the message's number.
    fn hex(&self, number: i64) -> String {
        let seed = format!("{} {} {number}", self.entropy, self.now.as_millis());
        let digest: [u8; 32] = Sha256::digest(seed).into();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn over_quota(&self, sql: &mut dyn Sql, settings: &Settings, asked: usize) -> Result<Option<Refusal>, SqlError> {
        if asked == 0 {
            return Ok(None);
        }
        for (quota, daily) in [(settings.daily_quota, true), (settings.monthly_quota, false)] {
            let Some(quota) = quota else { continue };
            let used = messages::recipients_since(sql, self.dialect, self.period_start(daily))?;
            if used.saturating_add(u64::try_from(asked).unwrap_or(u64::MAX)) > quota {
                return Ok(Some((self.dialect.manner().over_quota)(daily)));
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
            if quota.is_some() && self.dialect == Dialect::Resend {
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

    /// The first instant of the interval of this length that ends now.
    fn ago(&self, period_ms: u64) -> UnixMillis {
        UnixMillis::new(self.now.as_millis().saturating_sub(period_ms).saturating_add(1))
    }

    fn refused(&self, refusal: &Refusal) -> Reply {
        Reply::Answer(self.dialect.refuse(refusal))
    }
}

const SECOND_MS: u64 = 1_000;
const DAY_MS: u64 = 86_400_000;
