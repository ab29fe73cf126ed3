//! Where a message goes after an answer: the decision table of outcomes.

use super::{
    Item, Mailroom, Status,
    provider::{OWNER_WAIT_MS, QUOTA_WAIT_MS},
    queue::Route,
};
use crate::{
    backoff::Retry,
    config::OnUnknown,
    outcome::{Answer, Outcome},
    provider,
    time::UnixMillis,
};

/// Where a message goes from here.
pub(super) enum Course {
    /// It is over. Its units are committed when a provider has or may have it, else given back.
    End { status: Status, commit: bool },
    /// It is tried again, through one of these providers.
    Again { status: Status, at: UnixMillis, failed: bool, route: Route },
}

/// What is known of the call that a message was in.
pub(super) struct Circumstances {
    /// The place of its provider.
    pub(super) via: Option<usize>,
    pub(super) began: UnixMillis,
    /// It carried other messages, too.
    pub(super) several: bool,
    /// It carried several and was carried out: what it says of one message is that message's own.
    pub(super) carried_out: bool,
}

impl Mailroom {
    /// The decision table of outcomes, for the message.
    pub(super) fn course(
        &self,
        item: &Item,
        answer: &Answer,
        circumstances: &Circumstances,
        entropy: u64,
        now: UnixMillis,
    ) -> Course {
        let unknown = Course::End { status: Status::Unknown, commit: true };
        let refused = |status| match self.may_have_been_taken(item, answer, circumstances) {
            true => Course::End { status: Status::Unknown, commit: true },
            false => Course::End { status, commit: false },
        };
        let course = match answer.outcome {
            Outcome::Accepted { .. } => return Course::End { status: Status::Sent, commit: true },
            Outcome::PermanentlyRefused => return refused(Status::Failed),
            Outcome::RecipientSuppressed => return refused(Status::Suppressed),
            Outcome::Split if self.may_have_been_taken(item, answer, circumstances) => return unknown,
            Outcome::Unknown => {
                // Under its own key a message cannot be told from what may have been taken in a call of several.
                let told_apart = !circumstances.several && self.has_idempotency_key(circumstances.via);
                let route = circumstances.via.filter(|_| self.on_unknown == OnUnknown::Stop);
                if told_apart || self.on_unknown == OnUnknown::Resend {
                    return self.again(item, None, route.map_or(item.route, Route::only), entropy, now);
                }
                return unknown;
            }
            Outcome::Throttled { retry_at } | Outcome::Transient { retry_at } => {
                self.again(item, retry_at, item.route, entropy, now)
            }
            Outcome::QuotaSpent { retry_at } => {
                let at = retry_at.unwrap_or_else(|| now.plus(QUOTA_WAIT_MS));
                Course::Again { status: Status::Deferred, at, failed: false, route: item.route }
            }
            Outcome::CredentialsWrong => {
                Course::Again { status: Status::Held, at: now.plus(OWNER_WAIT_MS), failed: false, route: item.route }
            }
            Outcome::SenderRefused => self.without_sender(item, circumstances.via, now),
            // Nothing was taken and nothing is known against this message: it goes again at once.
            Outcome::Split => Course::Again { status: Status::Deferred, at: now, failed: false, route: item.route },
        };
        if circumstances.several
            && circumstances.ambiguous(item, answer).is_some()
            && self.on_unknown == OnUnknown::Stop
        {
            return unknown;
        }
        if matches!(answer.outcome, Outcome::SenderRefused) {
            return course;
        }
        self.at_once_elsewhere(course, item, circumstances.via, now)
    }

    /// One provider does not let this sender send; another one may.
    fn without_sender(&self, item: &Item, via: Option<usize>, now: UnixMillis) -> Course {
        if item.partly_taken {
            return Course::Again {
                status: Status::Held,
                at: now.plus(OWNER_WAIT_MS),
                failed: false,
                route: item.route,
            };
        }
        let left = via.map_or(item.route, |via| item.route.without(via));
        if self.has_other_way(item, left, via, now) {
            return Course::Again { status: Status::Deferred, at: now, failed: false, route: left };
        }
        Course::Again { status: Status::Held, at: now.plus(OWNER_WAIT_MS), failed: false, route: Route::ANY }
    }

    /// What one provider surely did not take goes to another one at once, where there is one that takes it.
    fn at_once_elsewhere(&self, course: Course, item: &Item, via: Option<usize>, now: UnixMillis) -> Course {
        match course {
            Course::Again { status, at, failed, route }
                if at > now && !(status == Status::Held && failed) && self.has_other_way(item, route, via, now) =>
            {
                Course::Again { status: Status::Deferred, at: now, failed, route }
            }
            Course::Again { .. } | Course::End { .. } => course,
        }
    }

    /// Whether a refusal leaves open what became of an earlier attempt of unknown outcome. Where the provider has
    /// idempotency keys only a conflict does: it would have repeated its first answer otherwise.
    fn may_have_been_taken(&self, item: &Item, answer: &Answer, circumstances: &Circumstances) -> bool {
        item.ambiguous.is_some()
            && (!self.has_idempotency_key(circumstances.via) || provider::says_key_was_used(answer))
    }

    pub(super) fn has_idempotency_key(&self, via: Option<usize>) -> bool {
        let provider = via.and_then(|via| self.providers.get(via));
        provider.is_some_and(|provider| provider::has_idempotency_key(provider.kind))
    }

    /// Later, by the provider's hint or the backoff; held once the attempts are used up.
    pub(super) fn again(
        &self,
        item: &Item,
        hint: Option<UnixMillis>,
        route: Route,
        entropy: u64,
        now: UnixMillis,
    ) -> Course {
        let failures = item.failures.saturating_add(1);
        match self.backoff.next(failures, hint, entropy, now) {
            Retry::At(at) => Course::Again { status: Status::Deferred, at, failed: true, route },
            Retry::Exhausted { .. } => {
                let at = now.plus(self.hold_ms).max(hint.unwrap_or_default());
                Course::Again { status: Status::Held, at, failed: true, route }
            }
        }
    }
}

impl Circumstances {
    /// Since when a message may have been taken, after this answer. A call of several that was carried out, or that was
    /// refused as a whole, says what it means: a repeat of it got its first answer again.
    pub(super) fn ambiguous(&self, item: &Item, answer: &Answer) -> Option<UnixMillis> {
        let is_unknown = matches!(answer.outcome, Outcome::Unknown);
        if self.carried_out || (self.several && matches!(answer.outcome, Outcome::Split)) {
            return is_unknown.then_some(item.ambiguous.unwrap_or(self.began));
        }
        item.ambiguous.or(is_unknown.then_some(self.began))
    }
}
