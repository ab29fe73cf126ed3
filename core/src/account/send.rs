//! `POST /v1/send`, 1 to 500 messages, and `POST /v1/send/bulk`, one message to 1 to 500 recipients: each message is judged
//! on its own; quota and storage for all of them or for none.
//!
//! A message of a bulk request is a message like any other. What it shares with its neighbours is stored once; its own
//! row holds its recipient and its values.

use super::{
    Account, Reply, idempotency, payload,
    quota::{over_quota, retry_after},
    to_many,
};
use crate::{
    config::{OnLimit, SuppressionMode},
    dropin::Terms,
    front::Pass,
    guard::{Dimension, TooLarge},
    id::MessageId,
    key,
    mailroom::{self, Recipient, RecipientKind, Status, Submission},
    message::{Circular, Class, FieldError, MAX_ATTACHMENTS, MAX_MESSAGE_BYTES, Message, Person},
    problem::{Code, Flaw, Problem},
    provider::{self, Unsupported},
    sql::{Sql, SqlError},
    suppression::{self, CheckStatus, Found, Summary},
    time::UnixMillis,
};
use alloc::{
    boxed::Box,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::Serialize;

/// Which of the two requests it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `POST /v1/send`.
    Messages,
    /// `POST /v1/send/bulk`.
    Bulk,
}

/// A request to send.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) form: Form,
    pub(super) pass: &'a Pass,
    pub(super) body: &'a [u8],
}

/// The messages of a request, judged.
pub(super) struct Batch<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// The text that the messages of a bulk request have in common.
    pub(super) shared: Option<&'a str>,
}

/// A message of the request, judged.
pub(super) enum Item<'a> {
    Good(Prepared<'a>),
    Refused { code: Code, flaws: Vec<Flaw> },
}

/// Where in the request something stands, as errors name it.
#[derive(Clone, Copy)]
enum At {
    /// A message of `POST /v1/send`.
    Message(usize),
    /// The message of a bulk request.
    Common,
    /// A recipient of a bulk request.
    Recipient(usize),
    /// The message as it is for this recipient.
    Copy(usize),
}

/// What is kept of a good message: its text, in a bulk request its recipient's, and what acceptance decides on.
pub(super) struct Prepared<'a> {
    body: &'a str,
    class: Class,
    send_at: Option<UnixMillis>,
    expires_at: Option<UnixMillis>,
    /// What it is found by later.
    labels: Option<String>,
    /// What is not wrong but worth a word.
    warnings: Vec<&'static str>,
    /// Where it is sent from: an entry of the suppression list may be for one sending domain.
    domain: String,
    recipients: Vec<Recipient>,
}

/// What a request comes to before anything is reserved for it.
pub(super) struct Rehearsed {
    /// What is wrong with each message; nothing with one that would be accepted.
    pub(super) refusals: Vec<Option<(Code, Vec<Flaw>)>>,
    pub(super) summary: Summary,
    /// Whether all of it waits when a window refuses the request.
    pub(super) may_wait: bool,
    /// Class and recipients of the first message that would be accepted.
    pub(super) first: Option<(Class, Vec<Recipient>)>,
}

#[derive(Serialize)]
struct Accepted<'a> {
    request_id: &'a str,
    queued_messages: usize,
    /// The first instant at which anything of it leaves, when a window made it wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_until: Option<String>,
    messages: Vec<ItemView<'a>>,
    suppression_summary: &'a Summary,
}

#[derive(Serialize)]
struct ItemView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    code: &'a str,
    errors: &'a [Flaw],
}

impl Account {
    /// Answers a request that goes on, or one whose messages may wait until an instant and else get this answer.
    pub(super) fn send(
        &mut self,
        ask: Ask<'_>,
        limited: Option<(UnixMillis, Reply)>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let fingerprint = || ask.form.fingerprint(ask.body);
        self.once(ask.pass, &fingerprint, sql, now, |account, sql| account.send_once(ask, limited, sql, entropy, now))
    }

    /// Carries a request out, unless its idempotency key was used: then the first answer is given again.
    pub(super) fn once(
        &mut self,
        pass: &Pass,
        fingerprint: &dyn Fn() -> String,
        sql: &mut dyn Sql,
        now: UnixMillis,
        carry_out: impl FnOnce(&mut Self, &mut dyn Sql) -> Result<Reply, SqlError>,
    ) -> Result<Reply, SqlError> {
        let Some(given) = &pass.idempotency_key else { return carry_out(self, sql) };
        let Some(name) = idempotency::name(given) else {
            let problem = Problem::new(Code::InvalidIdempotencyKey, "a key is 1 to 255 visible ASCII characters");
            return Ok(Reply::problem(&problem, &pass.request_id, None, now));
        };
        self.forget_answers(sql, now)?;
        let fingerprint = fingerprint();
        match idempotency::stored(&name, sql, now)? {
            Some(stored) if stored.fingerprint == fingerprint => Ok(stored.replay()),
            Some(_) => {
                let problem = Problem::new(Code::IdempotencyConflict, "use a new key for a new request");
                Ok(Reply::problem(&problem, &pass.request_id, None, now))
            }
            None => {
                let reply = carry_out(self, sql)?;
                // Who is told to come later comes with the same key; and a defect is no answer.
                if reply.status != Code::RateLimited.status() && reply.status < 500 {
                    idempotency::store(&name, &fingerprint, &reply, sql, now)?;
                }
                Ok(reply)
            }
        }
    }

    fn send_once(
        &mut self,
        ask: Ask<'_>,
        limited: Option<(UnixMillis, Reply)>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let Ask { form, pass, body } = ask;
        let judged = match form {
            Form::Messages => self.judge_messages(body, &pass.key_id, now),
            Form::Bulk => self.judge_bulk(body, &pass.key_id, now),
        };
        match judged {
            Ok(batch) => self.take_in(pass, batch, Terms::Good, limited, sql, entropy, now),
            Err(refusal) => Ok(Reply::problem(&refusal, &pass.request_id, None, now)),
        }
    }

    /// Takes judged messages in: quota and storage for all that are good, or for none.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb takes")]
    pub(super) fn take_in(
        &mut self,
        pass: &Pass,
        mut batch: Batch<'_>,
        terms: Terms,
        limited: Option<(UnixMillis, Reply)>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let problem = |problem: &Problem, retry_at| Ok(Reply::problem(problem, &pass.request_id, retry_at, now));
        let queued_until = match limited {
            Some((until, _)) if batch.items.iter().filter_map(Item::good).all(|item| self.may_wait(item.class)) => {
                Some(until)
            }
            Some((_, refusal)) => return Ok(refusal),
            None => None,
        };
        let good = batch.items.iter().filter_map(Item::good).count();
        let enough = match terms {
            Terms::Good => good > 0,
            Terms::Whole => good == batch.items.len(),
            Terms::Each => true,
        };
        if !enough {
            batch.items.retain(|item| item.good().is_none());
        }
        let summary = self.pre_check(&mut batch.items, sql, now);
        if !enough {
            return problem(&all_refused(&batch.items, summary), None);
        }
        let reservation = match self.gate.reserve(summary.accepted_recipients, sql, now)? {
            Ok(reservation) => reservation.to_string(),
            Err(refusal) => return problem(&over_quota(&refusal), retry_after(&refusal)),
        };
        let views = self.store(&batch, &reservation, queued_until, sql, entropy, now)?;
        let queued_messages = views.iter().filter(|view| view.status == Status::Queued.word()).count();
        let accepted = Accepted {
            request_id: &pass.request_id,
            queued_messages,
            queued_until: queued_until.map(|until| until.to_string()),
            messages: views,
            suppression_summary: &summary,
        };
        let body = serde_json::to_vec(&accepted).map_err(|error| SqlError(error.to_string()))?;
        Ok(Reply::json(202, body))
    }

    /// What [`Account::send`] would find of a request: what is wrong with its messages, and who is suppressed. Nothing is
    /// reserved and nothing stored.
    pub(super) fn rehearse(
        &self,
        body: &[u8],
        key_id: &str,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Rehearsed, Problem> {
        let Batch { mut items, shared: _ } = self.judge_messages(body, key_id, now)?;
        let summary = self.pre_check(&mut items, sql, now);
        if !items.iter().any(|item| matches!(item, Item::Good(_))) {
            return Err(all_refused(&items, summary));
        }
        let refusal = |item: &Item<'_>| match item {
            Item::Good(_) => None,
            Item::Refused { code, flaws } => Some((*code, flaws.clone())),
        };
        let good = || items.iter().filter_map(Item::good);
        Ok(Rehearsed {
            refusals: items.iter().map(refusal).collect(),
            summary,
            may_wait: good().all(|item| self.may_wait(item.class)),
            first: good().next().map(|item| (item.class, item.recipients.clone())),
        })
    }

    fn judge_messages<'a>(&self, body: &'a [u8], key_id: &str, now: UnixMillis) -> Result<Batch<'a>, Problem> {
        let one = |(place, raw)| self.judge_text(place, raw, key_id, now);
        let messages = payload::messages(body, self.config.batch())?;
        Ok(Batch { items: messages.into_iter().enumerate().map(one).collect(), shared: None })
    }

    /// Judges the message at this place of a request: its shape, its times, and all else.
    pub(super) fn judge_text<'a>(&self, place: usize, raw: &'a str, key_id: &str, now: UnixMillis) -> Item<'a> {
        let at = At::Message(place);
        match Message::parse(raw).and_then(|message| message.check_times(now).map(|()| message)) {
            Ok(message) => self.judge(at, raw, &message, key_id),
            Err(errors) => refused_fields(at, errors),
        }
    }

    /// Judges one message as each of its recipients would get it. What is wrong with all of them refuses the request.
    fn judge_bulk<'a>(&self, body: &'a [u8], key_id: &str, now: UnixMillis) -> Result<Batch<'a>, Problem> {
        let broadcast = self.config.plan_limits().and_then(|plan| plan.guard(Dimension::BroadcastRecipients));
        let bulk = payload::bulk(body, payload::bulk_guard(self.config.batch(), broadcast))?;
        let circular = Circular::parse(bulk.message)
            .and_then(|circular| circular.check_times(now).map(|()| circular))
            .map_err(|errors| all_refused(&[refused_fields(At::Common, errors)], Summary::NOBODY))?;
        let one = |(place, raw)| {
            let judged = Person::parse(raw).and_then(|person| {
                let message = circular.sample(&person, bulk.missing)?;
                Ok(self.judge(At::Copy(place), raw, &message, key_id))
            });
            judged.unwrap_or_else(|errors| refused_fields(At::Recipient(place), errors))
        };
        Ok(Batch { items: bulk.recipients.into_iter().enumerate().map(one).collect(), shared: Some(bulk.message) })
    }

    /// Judges one message that was read: its size, its sender, the provider's features.
    fn judge<'a>(&self, at: At, raw: &'a str, message: &Message, key_id: &str) -> Item<'a> {
        if let Err(error) = self.fits_plan(message) {
            return refused_fields(at, alloc::vec![error]);
        }
        if let Some((code, detail)) = self.sender_refused(key_id, message.from.address.domain()) {
            return refused(at, code, "from", detail);
        }
        if let Some(flaws) = self.unsupported(at, message) {
            return Item::Refused { code: Code::UnsupportedFeature, flaws };
        }
        let warnings = match to_many::judge(&self.config, &at, message) {
            Ok(warnings) => warnings,
            Err(flaws) => return Item::Refused { code: Code::InvalidMessage, flaws },
        };
        let recipients = Recipient::all_of(message);
        if let Some((name, window)) = self.mailroom.never_admits(message.class, &recipients) {
            let detail = format!("the window {} of {name} holds {} at once", window.name(), window.limit());
            let flaw = Flaw { field: at.to_string(), code: "never_fits", detail };
            return Item::Refused { code: Code::InvalidMessage, flaws: alloc::vec![flaw] };
        }
        let domain = message.from.address.domain().into();
        let labels = mailroom::labels_of(message);
        let Message { class, send_at, expires_at, .. } = *message;
        Item::Good(Prepared { body: raw, class, send_at, expires_at, labels, warnings, domain, recipients })
    }

    /// What the preferred provider lacks, when no provider has all that the message needs.
    fn unsupported(&self, at: At, message: &Message) -> Option<Vec<Flaw>> {
        let mut gaps = self.config.senders().map(|provider| provider::check(provider.kind, message).err());
        let missing = gaps.next()??;
        if !gaps.all(|gaps| gaps.is_some()) {
            return None;
        }
        let flaw = |lack: &Unsupported| Flaw {
            field: at.to_string(),
            code: Code::UnsupportedFeature.word(),
            detail: format!("{} does not have: {}", lack.provider, lack.feature),
        };
        Some(missing.iter().map(flaw).collect())
    }

    /// Whether messages of a class wait when a window refuses their request.
    pub(super) fn may_wait(&self, class: Class) -> bool {
        self.config.on_limit.get(&class) == Some(&OnLimit::Queue)
    }

    /// The plan's bounds on one message, where they are below the technical ones that reading it has checked.
    fn fits_plan(&self, message: &Message) -> Result<(), FieldError> {
        let guard = |dimension, technical: usize| {
            let guard = self.config.plan_limits().and_then(|plan| plan.guard(dimension));
            guard.filter(|guard| guard.limit < count(technical))
        };
        let refuse = |field: &str, refused: TooLarge| FieldError {
            field: field.into(),
            code: refused.code(),
            detail: refused.to_string(),
        };
        if let Some(guard) = guard(Dimension::Attachments, MAX_ATTACHMENTS) {
            guard.check(count(message.attachments.len())).map_err(|refused| refuse("attachments", refused))?;
        }
        if let Some(guard) = guard(Dimension::MessageBytes, MAX_MESSAGE_BYTES) {
            guard.check(count(message.size())).map_err(|refused| refuse("", refused))?;
        }
        Ok(())
    }

    /// The first suppression check: one statement for the whole request. It marks who is suppressed.
    fn pre_check(&self, items: &mut [Item<'_>], sql: &mut dyn Sql, now: UnixMillis) -> Summary {
        let good = || items.iter().filter_map(Item::good);
        let keys: Vec<String> = good().flat_map(|item| &item.recipients).map(|r| r.key.clone()).collect();
        let wanted: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        let (mut status, found) = if self.config.suppression == SuppressionMode::Ignored {
            (CheckStatus::Ignored, Found::default())
        } else {
            match suppression::check(&wanted, sql, now) {
                Ok(found) => (CheckStatus::Checked, found),
                // The final check decides: it runs before every dispatch, and a store that fails there holds the message.
                Err(_) => (CheckStatus::Unavailable, Found::default()),
            }
        };
        if keys.is_empty() {
            status = CheckStatus::NotApplicable;
        }
        let mut suppressed_emails = Vec::new();
        for item in items.iter_mut().filter_map(Item::good_mut) {
            for recipient in &mut item.recipients {
                if let Some(reason) = found.reason(&recipient.key, &item.domain, item.class) {
                    recipient.suppressed = Some(reason.into());
                    suppressed_emails.push(recipient.address.clone());
                }
            }
        }
        let (checked, suppressed) = (count(keys.len()), count(suppressed_emails.len()));
        Summary {
            status,
            checked_recipients: checked,
            accepted_recipients: checked.saturating_sub(suppressed),
            suppressed_recipients: suppressed,
            suppressed_emails,
        }
    }

    fn store<'a>(
        &mut self,
        Batch { items, shared }: &'a Batch<'_>,
        reservation: &str,
        queued_until: Option<UnixMillis>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<Vec<ItemView<'a>>, SqlError> {
        let mut views = Vec::with_capacity(items.len());
        let mut kept: Option<String> = None;
        for (place, item) in (0u16..).zip(items) {
            views.push(match item {
                Item::Refused { code, flaws } => ItemView {
                    message_id: None,
                    to: Vec::new(),
                    status: "rejected",
                    warnings: &[],
                    error: Some(ErrorView { code: code.word(), errors: flaws }),
                },
                Item::Good(good) => {
                    let id = MessageId::new(place, mix(entropy, place), now);
                    if let (None, Some(text), true) = (&kept, shared, good.is_for_somebody()) {
                        kept = Some(mailroom::share(id, text, sql)?);
                    }
                    let submission = Submission {
                        id,
                        shared: kept.as_deref().filter(|_| good.is_for_somebody()),
                        body: good.body,
                        class: good.class,
                        send_at: good.send_at.max(queued_until),
                        expires_at: good.expires_at,
                        labels: good.labels.as_deref(),
                        recipients: &good.recipients,
                        reservation,
                    };
                    let status = self.mailroom.submit(&submission, sql, now)?;
                    let is_to = |recipient: &&Recipient| recipient.kind == RecipientKind::To;
                    let to = good.recipients.iter().filter(is_to).map(|recipient| recipient.address.as_str()).collect();
                    ItemView {
                        message_id: Some(id.to_string()),
                        to,
                        status: status.word(),
                        warnings: &good.warnings,
                        error: None,
                    }
                }
            });
        }
        Ok(views)
    }
}

impl Prepared<'_> {
    fn is_for_somebody(&self) -> bool {
        self.recipients.iter().any(|recipient| recipient.suppressed.is_none())
    }
}

impl Form {
    /// What tells one request from another under the same idempotency key.
    fn fingerprint(self, body: &[u8]) -> String {
        let fingerprint = key::fingerprint(body);
        match self {
            Self::Messages => fingerprint,
            Self::Bulk => format!("bulk:{fingerprint}"),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(place) => write!(f, "messages[{place}]"),
            Self::Common => f.write_str("message"),
            Self::Recipient(place) => write!(f, "recipients[{place}]"),
            Self::Copy(place) => write!(f, "recipients[{place}].message"),
        }
    }
}

impl<'a> Item<'a> {
    /// A message that another API's request holds at this place, with what is wrong with it.
    pub(super) fn untranslated(place: usize, errors: Vec<FieldError>) -> Self {
        refused_fields(At::Message(place), errors)
    }

    const fn good(&self) -> Option<&Prepared<'a>> {
        match self {
            Self::Good(good) => Some(good),
            Self::Refused { .. } => None,
        }
    }

    const fn good_mut(&mut self) -> Option<&mut Prepared<'a>> {
        match self {
            Self::Good(good) => Some(good),
            Self::Refused { .. } => None,
        }
    }
}

fn refused_fields<'a>(at: At, errors: Vec<FieldError>) -> Item<'a> {
    let code = match errors.first().map(|error| error.code) {
        Some("too_many_attachments") => Code::TooManyAttachments,
        Some("message_too_large") => Code::MessageTooLarge,
        Some("unknown_field") => Code::UnknownField,
        Some(_) | None => Code::InvalidMessage,
    };
    let flaw = |error: FieldError| {
        let dot = if error.field.is_empty() { "" } else { "." };
        Flaw { field: format!("{at}{dot}{}", error.field), code: error.code, detail: error.detail }
    };
    Item::Refused { code, flaws: errors.into_iter().map(flaw).collect() }
}

fn refused<'a>(at: At, code: Code, field: &str, detail: &str) -> Item<'a> {
    let flaw = Flaw { field: format!("{at}.{field}"), code: code.word(), detail: detail.into() };
    Item::Refused { code, flaws: alloc::vec![flaw] }
}

/// No message of the request is good: the request is refused with the first one's code.
fn all_refused(items: &[Item<'_>], summary: Summary) -> Problem {
    let refused = || {
        items.iter().filter_map(|item| match item {
            Item::Refused { code, flaws } => Some((*code, flaws)),
            Item::Good(_) => None,
        })
    };
    let code = refused().next().map_or(Code::InvalidMessage, |(code, _)| code);
    let errors: Vec<Flaw> = refused().flat_map(|(_, flaws)| flaws).take(MAX_FLAWS).cloned().collect();
    let detail = errors.first().map_or_else(String::new, |flaw| format!("{}: {}", flaw.field, flaw.detail));
    Problem { errors, suppression_summary: Some(Box::new(summary)), ..Problem::new(code, detail) }
}

/// A message's own chance out of the request's two random numbers: a multiply and a xor keep it apart from its neighbours.
const fn mix(entropy: [u64; 2], place: u16) -> u64 {
    let [a, b] = entropy;
    a ^ b.wrapping_mul(place as u64 * 2 + 1)
}

pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A refusal names at most this many fields, however many messages it holds.
const MAX_FLAWS: usize = 100;
