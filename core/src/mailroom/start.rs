//! Starting a call: of one message, or of those that may share it.

use super::{
    Attempt, Effect, Flight, Mailroom, Members, Shared, Status,
    letter::{Letter, Lines, newly_suppressed},
    next::end,
    parts,
    queue::{Entry, Head},
    settle::give_back_or_keep,
    store::{self, DueRow},
    trace::Line,
};
use crate::{
    config::{OnUnknown, SuppressionMode},
    gate::{Verdict, Weight},
    id::MessageId,
    ledger::Ledger,
    message::{Circular, Message, Missing, Person},
    provider::{self, BuildError, Dispatch, ProviderKind},
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Call,
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::iter::once;

impl Mailroom {
    /// Starts a call through a provider; `None` when the message ended or has to go another way.
    pub(super) fn start(
        &mut self,
        head: &Head,
        via: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Effect>, SqlError> {
        let allowance = self.queue.allowance();
        let Some(entry) = self.queue.take(head) else { return Ok(None) };
        if !entry.others.is_empty() {
            return self.start_again(head, entry, via, ledger, sql, now);
        }
        let is_alone = entry.alone;
        let row = store::load(head.id, sql)?;
        let may_share = !is_alone && row.body.is_some() && row.ambiguous.is_none();
        let Some(first) = self.prepare(head, entry, row, via, ledger, sql, now)? else { return Ok(None) };
        let mut letters = alloc::vec![first];
        if may_share {
            self.gather(&mut letters, head, via, allowance, ledger, sql, now)?;
        }
        self.depart(letters, via, ledger, sql, now)
    }

    /// Adds the messages that would leave next and may share the call, in their order.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    fn gather(
        &mut self,
        letters: &mut Vec<Letter>,
        head: &Head,
        via: usize,
        allowance: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let Some(bounds) = self.providers.get(via).map(|provider| provider.bounds) else { return Ok(()) };
        let Some(first) = letters.first() else { return Ok(()) };
        let mut weight = first.weight.clone();
        let mut room = bounds.bytes.saturating_sub(first.bytes);
        for _ in 1..bounds.messages.min(allowance) {
            let Some(next) = self.queue.head_of(head.class, now) else { break };
            let Some(entry) = self.queue.entry(&next) else { break };
            if entry.alone || next.route != head.route {
                break;
            }
            let mut together = weight.clone();
            together.join(&entry.weight);
            let fits = usize::try_from(together.recipients).is_ok_and(|recipients| recipients <= bounds.recipients)
                && self.dispatch.peek(&together, via, now) == Verdict::Allow;
            if !fits {
                break;
            }
            if self.queue.step_back(&next, now) {
                continue;
            }
            let row = store::load(next.id, sql)?;
            let is_small = may_fit(&row, letters, room);
            if !is_small || row.ambiguous.is_some() {
                break;
            }
            let Some(entry) = self.queue.take_along(&next) else { break };
            let Some(letter) = self.prepare(&next, entry, row, via, ledger, sql, now)? else { continue };
            if letter.bytes > room || !self.may_share(letters, &letter, via) {
                let (entry, due, id) = letter.into_entry();
                self.queue.push(entry, due, id);
                break;
            }
            weight.join(&letter.weight);
            room = room.saturating_sub(letter.bytes);
            letters.push(letter);
        }
        Ok(())
    }

    fn may_share(&self, letters: &[Letter], other: &Letter, via: usize) -> bool {
        let (Some(first), Some(provider)) = (letters.first(), self.providers.get(via)) else { return false };
        provider::may_share(provider.kind, &first.lines(false).dispatch(), &other.lines(false).dispatch())
    }

    /// Reads a message and checks it for the last time; `None` when it ended, or this provider lacks what it needs.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    fn prepare(
        &mut self,
        head: &Head,
        entry: Entry,
        mut row: DueRow,
        via: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Letter>, SqlError> {
        let id = head.id;
        if self.must_not_repeat(&row, via, now) {
            let error = Some("outcome_unknown");
            return end(id, &row, Status::Unknown, "unknown", error, ledger, sql, now).map(|()| None);
        }
        let Some((message, bytes)) = read(id, &mut row, &mut self.shared, sql)? else {
            // Accepted under older rules. It ends by itself: it must not stop what waits behind it.
            let error = Some("stored_message_unreadable");
            return end(id, &row, Status::Failed, "refused", error, ledger, sql, now).map(|()| None);
        };
        if self.lacks(&message, via) {
            return self.go_another_way(head, entry, &row, via, ledger, sql, now).map(|()| None);
        }
        let Some(row) = self.final_check(id, row, &message, ledger, sql, now)? else { return Ok(None) };
        let weight = if row.units == u64::from(entry.weight.recipients) {
            entry.weight
        } else {
            self.weigh_stored(head.class, &row.recipients)?
        };
        let letter = Letter::new(id, head.due, row, message, (weight, entry.route), bytes)?;
        if letter.is_for_nobody() {
            // Nobody is left in `to`: a message to its copies alone would say something else than was asked for.
            let row = &letter.row;
            return end(id, row, Status::Suppressed, "no_recipient_left", None, ledger, sql, now).map(|()| None);
        }
        Ok(Some(letter))
    }

    /// Whether another provider has to send this message. Where there is no other, building its call tells.
    fn lacks(&self, message: &Message, via: usize) -> bool {
        let kind = self.providers.get(via).filter(|_| self.providers.len() > 1).map(|provider| provider.kind);
        kind.is_some_and(|kind| provider::check(kind, message).is_err())
    }

    /// Queues a message for the providers that are left; it ends when there are none: a limit has become stricter since it
    /// was accepted.
    #[allow(clippy::too_many_arguments, reason = "the three last are what every verb of a Mailroom takes")]
    fn go_another_way(
        &mut self,
        head: &Head,
        entry: Entry,
        row: &DueRow,
        via: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        let route = entry.route.without(via);
        if self.route(route).next().is_none() {
            let error = Some("unsupported_feature");
            return end(head.id, row, Status::Failed, "refused", error, ledger, sql, now);
        }
        self.queue.push(Entry { route, ..entry }, head.due, head.id);
        Ok(())
    }

    /// Builds the call and lets it go; `None` when its only message ended. A call that is too large, or that cannot be built
    /// for one of its messages, is halved.
    fn depart(
        &mut self,
        mut letters: Vec<Letter>,
        via: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Effect>, SqlError> {
        loop {
            let error = match self.build(&letters, via, now) {
                Ok(call) => return self.launch(letters, call, via, sql, now).map(Some),
                Err(error) => error,
            };
            if letters.len() < 2 {
                let Some(only) = letters.first() else { return Ok(None) };
                // The same check ran at acceptance: a limit has become stricter since.
                let error = Some(error.code());
                return end(only.id, &only.row, Status::Failed, "refused", error, ledger, sql, now).map(|()| None);
            }
            let rest = letters.split_off(letters.len().div_ceil(2));
            for letter in rest {
                let (entry, due, id) = letter.into_entry();
                self.queue.push(entry, due, id);
            }
        }
    }

    /// Starts a call of several messages once more, as it was, or ends all of them: none of them can be told from what may
    /// have been taken in any other call.
    fn start_again(
        &mut self,
        head: &Head,
        entry: Entry,
        via: usize,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Effect>, SqlError> {
        let mut letters = Vec::with_capacity(entry.others.len().saturating_add(1));
        for id in once(head.id).chain(entry.others.iter().copied()) {
            let row = store::load(id, sql)?;
            letters.extend(self.prepare_again(id, row, head, via, sql, now)?);
        }
        let is_whole = letters.len() == entry.others.len().saturating_add(1);
        if is_whole && let Ok(call) = self.build(&letters, via, now) {
            return self.launch(letters, call, via, sql, now).map(Some);
        }
        for id in once(head.id).chain(entry.others) {
            let row = store::load(id, sql)?;
            let error = Some("outcome_unknown");
            end(id, &row, Status::Unknown, "unknown", error, ledger, sql, now)?;
        }
        Ok(None)
    }

    /// A message as it was in the call before; `None` when it is not the same any more.
    fn prepare_again(
        &mut self,
        id: MessageId,
        mut row: DueRow,
        head: &Head,
        via: usize,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<Letter>, SqlError> {
        if self.must_not_repeat(&row, via, now) {
            return Ok(None);
        }
        let Some((message, bytes)) = read(id, &mut row, &mut self.shared, sql)? else { return Ok(None) };
        if self.suppression == SuppressionMode::Checked && newly_suppressed(&row.recipients, &message, sql, now)?.0 > 0
        {
            return Ok(None);
        }
        let weight = if self.dispatch.weighs_groups() {
            self.weigh_stored(head.class, &row.recipients)?
        } else {
            let recipients = u32::try_from(row.units).unwrap_or(u32::MAX);
            Weight { class: head.class, messages: 1, recipients, groups: Vec::new() }
        };
        Letter::new(id, head.due, row, message, (weight, head.route), bytes).map(Some)
    }

    fn build(&self, letters: &[Letter], via: usize, now: UnixMillis) -> Result<Call, BuildError> {
        let Some(provider) = self.providers.get(via) else { return Err(BuildError::NotTogether) };
        // A mail server is told apart from the mail's own lines whom it goes to.
        let with_settled = provider.kind == ProviderKind::Smtp;
        let lines: Vec<Lines<'_>> = letters.iter().map(|letter| letter.lines(with_settled)).collect();
        let dispatches: Vec<Dispatch<'_>> = lines.iter().map(Lines::dispatch).collect();
        let mut call = provider::build_batch(provider.kind, &provider.target(), &dispatches, now)?;
        if let Call::Smtp(mail) = &mut call {
            mail.recipients.retain(|address| !letters.iter().any(|letter| letter.is_settled(address)));
        }
        match &call {
            Call::Http(request) if letters.len() > 1 && request.body.len() > provider.bounds.bytes => {
                Err(BuildError::NotTogether)
            }
            Call::Http(_) | Call::Smtp(_) | Call::Binding(_) => Ok(call),
        }
    }

    /// Marks an attempt at each message, holds what the call costs, and lets it go.
    fn launch(
        &mut self,
        letters: Vec<Letter>,
        call: Call,
        via: usize,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Effect, SqlError> {
        let nothing = || SqlError("a call without a message or a provider".into());
        let provider = self.providers.get_mut(via).ok_or_else(nothing)?;
        let first = letters.first().ok_or_else(nothing)?;
        let attempt = Attempt { message: first.id, number: first.row.attempts.saturating_add(1) };
        let several = u32::try_from(letters.len()).ok().filter(|messages| *messages > 1);
        let mut weight = first.weight.clone();
        let bytes = letters.iter().map(|letter| letter.bytes).sum();
        let mut items = Vec::with_capacity(letters.len());
        for (place, letter) in (0..).zip(letters) {
            let number = letter.row.attempts.saturating_add(1);
            let mut line = Line::new("attempt", now);
            line.attempt = Some(number);
            line.provider = Some(Cow::Borrowed(&provider.name));
            line.messages = several;
            let members = several.map(|_| Members { head: attempt, place }.to_text());
            store::mark(letter.id, number, &provider.name, members.as_deref(), &line.to_text(), sql, now)?;
            if place > 0 {
                weight.join(&letter.weight);
            }
            items.push(letter.into_item(number));
        }
        provider.in_flight = provider.in_flight.saturating_add(1);
        let timeout_ms = provider.timeout_ms;
        self.dispatch.hold(&weight, via, now);
        self.in_flight.insert(attempt, Flight { via: Some(via), began: now, weight, items, bytes });
        Ok(Effect::Send { attempt, call, timeout_ms })
    }

    /// Whether an earlier attempt may have been taken, and this one could not be told from it: the provider has no
    /// idempotency keys, is another one than then, or has forgotten the key by now.
    fn must_not_repeat(&self, row: &DueRow, via: usize, now: UnixMillis) -> bool {
        let Some(first) = row.ambiguous else { return false };
        let told_apart = self.providers.get(via).is_some_and(|provider| {
            row.provider.as_deref() == Some(&*provider.name)
                && provider::idempotency_ms(provider.kind).is_some_and(|kept| now.since(first) < kept)
        });
        !told_apart && self.on_unknown == OnUnknown::Stop
    }

    /// Looks every recipient up once more. Who was suppressed since acceptance gives its unit back; `None` when that ended
    /// the message.
    fn final_check(
        &self,
        id: MessageId,
        mut row: DueRow,
        message: &Message,
        ledger: &mut Ledger,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Option<DueRow>, SqlError> {
        if self.suppression == SuppressionMode::Ignored {
            return Ok(Some(row));
        }
        let (newly, recipients) = newly_suppressed(&row.recipients, message, sql, now)?;
        if newly == 0 {
            return Ok(Some(row));
        }
        if row.ambiguous.is_some() {
            // An earlier attempt may have been taken. Another body under the same key would be refused, and a new key could
            // send twice: it ends here, and its units stay used.
            end(id, &row, Status::Unknown, "suppressed_final", Some("outcome_unknown"), ledger, sql, now)?;
            return Ok(None);
        }
        let left = row.units.saturating_sub(newly);
        let mut line = Line::new("suppressed_final", now);
        line.recipients = Some(newly);
        store::set_recipients(id, left, &recipients, Some(&line.to_text()), sql)?;
        give_back_or_keep(&row.reservation, newly, false, ledger, sql, now)?;
        row.units = left;
        row.recipients = recipients;
        if left == 0 {
            end(id, &row, Status::Suppressed, "suppressed", None, ledger, sql, now)?;
            return Ok(None);
        }
        Ok(Some(row))
    }
}

/// Whether a message may have room. What a shared text comes to is known when it was read; until then a message is taken
/// to be as large as the first one of the same text.
fn may_fit(row: &DueRow, letters: &[Letter], room: usize) -> bool {
    let same = letters.first().filter(|first| row.shared.is_some() && first.row.shared == row.shared);
    let bytes = same.map(|first| first.bytes).or(row.body.as_ref().map(String::len));
    bytes.is_some_and(|bytes| bytes <= room)
}

/// The message of a row and the bytes of its text, which is let go; `None` when it cannot be read.
fn read(
    id: MessageId,
    row: &mut DueRow,
    known: &mut Option<Shared>,
    sql: &mut dyn Sql,
) -> Result<Option<(Message, usize)>, SqlError> {
    let body = match row.body.take() {
        Some(body) => body,
        None => parts::joined(&id.to_string(), sql)?,
    };
    let Some(name) = &row.shared else {
        return Ok(Message::parse(&body).ok().map(|message| (message, body.len())));
    };
    let shared = match known.take().filter(|known| known.name == *name) {
        Some(known) => known,
        None => Shared { name: name.clone(), text: parts::joined(name, sql)? },
    };
    // What had to have a value was refused when it had none.
    let message = Circular::parse(&shared.text)
        .and_then(|circular| circular.into_message(&Person::parse(&body)?, Missing::Lenient))
        .map(|message| (message.size(), message));
    *known = Some(shared).filter(|shared| shared.text.len() <= parts::PART_BYTES);
    Ok(message.ok().map(|(bytes, message)| (message, bytes)))
}
