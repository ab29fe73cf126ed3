//! Recipients that a provider refused alone, while it took the message for the others.
//!
//! Each is noted with its message and counted in the trace. One that will never be taken goes on the suppression list as a
//! hard bounce. One that the provider keeps on its own list is an echo of something that was heard before: it is no new
//! evidence, and not listed here. The units of all of them stay used, as the provider was asked for them.

use super::{
    Attempt, Status,
    letter::{key_of, unreadable},
    store,
    trace::{Line, StoredRecipient, stored_recipients},
};
use crate::{
    config::SuppressionMode,
    outcome::{Answer, Refused, RefusedReason},
    sql::{Sql, SqlError},
    suppression::{self, Entry, Reason},
    time::UnixMillis,
};
use alloc::{borrow::Cow, vec::Vec};

/// Notes the refused recipients of a message that was taken.
pub(super) fn note(
    attempt: Attempt,
    answer: &Answer,
    mode: SuppressionMode,
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<(), SqlError> {
    let row = store::recipients(attempt.message, sql)?;
    let mut recipients: Vec<StoredRecipient<'_>> = stored_recipients(&row)?;
    let mut noted: u64 = 0;
    for recipient in recipients.iter_mut().filter(|recipient| recipient.suppressed.is_none()) {
        let Some(refused) = answer.refused.iter().find(|refused| is_of(refused, &recipient.address)) else { continue };
        let (word, status) = said(refused.reason);
        recipient.refused = Some(Cow::Borrowed(word));
        recipient.status = Some(Cow::Borrowed(status.word()));
        noted = noted.saturating_add(1);
        if refused.reason == RefusedReason::Permanent && mode == SuppressionMode::Checked {
            suppression::add(&key_of(&recipient.address), &Entry::of(Reason::HardBounce), sql, now)?;
        }
    }
    if noted == 0 {
        return Ok(());
    }
    let mut line = Line::new("recipients_refused", now);
    line.attempt = Some(attempt.number);
    line.recipients = Some(noted);
    let recipients = serde_json::to_string(&recipients).map_err(unreadable)?;
    store::note_recipients(attempt.message, &recipients, &line.to_text(), sql)
}

/// Providers print an address as it came, or in lower case.
fn is_of(refused: &Refused, address: &str) -> bool {
    refused.address.eq_ignore_ascii_case(address) || key_of(&refused.address) == key_of(address)
}

/// The word for a reason, and where it leaves the recipient: a later report may tell more.
const fn said(reason: RefusedReason) -> (&'static str, Status) {
    match reason {
        RefusedReason::Suppressed => ("suppressed", Status::Suppressed),
        RefusedReason::Permanent => ("permanent", Status::Failed),
        RefusedReason::Transient => ("transient", Status::Failed),
    }
}
