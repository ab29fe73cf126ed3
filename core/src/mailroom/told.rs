//! How an answer is told: the lines of the trace, and the error that a message shows.

use super::{Item, Status, trace::Line};
use crate::{
    outcome::{Answer, Outcome},
    time::UnixMillis,
};
use alloc::{borrow::Cow, format, string::String};
use serde::Serialize;

#[derive(Serialize)]
struct ErrorView<'a> {
    code: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
}

pub(super) fn lines(
    item: &Item,
    answer: &Answer,
    event: &str,
    retry_at: Option<UnixMillis>,
    exhausted: bool,
    now: UnixMillis,
) -> String {
    let mut line = Line::new(event, now);
    line.attempt = Some(item.attempt.number);
    line.http_status = answer.status;
    line.provider_code = answer.provider_code.as_deref().map(Cow::Borrowed);
    line.retry_at_ms = retry_at.map(UnixMillis::as_millis);
    let text = line.to_text();
    if !exhausted {
        return text;
    }
    let mut last = Line::new("exhausted", now);
    last.attempt = Some(item.attempt.number);
    format!("{text}\n{}", last.to_text())
}

pub(super) fn error_view(
    item: &Item,
    answer: &Answer,
    status: Status,
    due: UnixMillis,
    exhausted: bool,
) -> Option<String> {
    let code = match &answer.outcome {
        Outcome::Accepted { .. } if status.is_finished() => return None,
        Outcome::Accepted { .. } if !exhausted => "recipients_refused",
        Outcome::Accepted { .. } => "attempts_exhausted",
        Outcome::Throttled { .. } | Outcome::Transient { .. } if exhausted => "attempts_exhausted",
        Outcome::Unknown if exhausted => "attempts_exhausted",
        Outcome::Throttled { .. } => "provider_throttled",
        Outcome::Transient { .. } => "provider_failed",
        Outcome::QuotaSpent { .. } => "provider_quota",
        Outcome::CredentialsWrong => "provider_credentials",
        Outcome::SenderRefused => "sender_not_verified",
        Outcome::RecipientSuppressed => "provider_suppressed",
        Outcome::PermanentlyRefused => "provider_refused",
        Outcome::Split => "provider_refused_batch",
        Outcome::Unknown => "outcome_unknown",
    };
    let view = ErrorView {
        code,
        attempts: item.attempt.number,
        http_status: answer.status,
        provider_code: answer.provider_code.as_deref(),
        retry_at: (!status.is_finished()).then(|| format!("{due}")),
    };
    serde_json::to_string(&view).ok()
}

pub(super) const fn event_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted { .. } => "sent",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Transient { .. } => "transient",
        Outcome::QuotaSpent { .. } => "quota_spent",
        Outcome::CredentialsWrong => "credentials_wrong",
        Outcome::SenderRefused => "sender_refused",
        Outcome::RecipientSuppressed => "provider_suppressed",
        Outcome::PermanentlyRefused => "refused",
        Outcome::Split => "split",
        Outcome::Unknown => "unknown",
    }
}
