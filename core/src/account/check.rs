//! `POST /v1/limits/check`: what would become of a request that is not made. Nothing is charged, reserved or stored; asking
//! is a request like any other, and the question is about the next one.
//!
//! The question is a send's body, or figures: `{"messages": 100, "recipients": 250, "class": "bulk"}`. Beside them, or
//! alone, may stand what a host product measures by the account's plan: bytes of a file, bytes kept, assets, pixels.

use super::{
    Account, Reply,
    quota::{over_quota, quota_name, retry_after},
    read::{Limit, of_quota, of_window},
    send::Rehearsed,
};
use crate::{
    front::Pass,
    gate::{self, Standing, Verdict},
    guard::{Dimension, Guard},
    message::Class,
    problem::{Code, Flaw, Problem},
    rate_headers,
    sql::{Sql, SqlError},
    storage::Storage,
    suppression::Summary,
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    /// A send's messages, or how many.
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    /// Recipients of all of them; one a message when it is not said.
    recipients: Option<u64>,
    class: Option<Class>,
    /// Requests that are to be made at once.
    requests: Option<u32>,
    message_bytes: Option<u64>,
    attachments: Option<u64>,
    broadcast_recipients: Option<u64>,
    file_bytes: Option<u64>,
    cdn_delete: Option<u64>,
    cdn_move: Option<u64>,
    transform: Option<Transform>,
    storage: Option<Kept>,
}

/// An image as it is to be.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transform {
    width: u64,
    height: u64,
}

/// What is kept, which the caller counts, and what is to be added.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    level_bytes: u64,
    add_bytes: u64,
}

/// What is said of the whole and of every limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    /// At `retry_at` it will do if nothing else happens.
    Defer,
    /// No waiting helps.
    Reject,
}

/// One limit, what is asked of it and what it says.
#[derive(Serialize)]
struct Check {
    #[serde(flatten)]
    limit: Limit,
    /// Units asked for; absent where each window has its own measure of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<u64>,
    /// How many such requests fit now; absent for what a single request is measured by.
    #[serde(skip_serializing_if = "Option::is_none")]
    slack: Option<u64>,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Whether it is the one that decides.
    binding: bool,
    #[serde(skip)]
    until: Option<UnixMillis>,
}

#[derive(Serialize)]
struct Answer {
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
    /// Seconds until then, as `Retry-After` would say.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// What a refusal would be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Whether a request that is deferred would be accepted and wait, by the account's `on_limit`.
    queues: bool,
    /// Recipients that would reserve quota.
    recipients: u64,
    /// Every limit that is asked.
    checks: Vec<Check>,
    /// The windows of outgoing mail, for the first message. They refuse no request; what is accepted waits for them.
    outgoing: Vec<Check>,
    /// When the first message would leave, as far as those windows know.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_at: Option<String>,
    /// What would become of each message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression_summary: Option<Summary>,
}

#[derive(Serialize)]
struct Item {
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Flaw>,
}

/// What of a send is asked about.
struct Load {
    messages: u64,
    recipients: u64,
    class: Class,
    may_wait: bool,
    rehearsed: Option<Rehearsed>,
}

impl Account {
    pub(super) fn check(
        &mut self,
        pass: &Pass,
        body: &[u8],
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Reply, SqlError> {
        let asked = serde_json::from_slice::<Question<'_>>(body).map_err(|error| malformed(&error));
        let answer = match asked.and_then(|question| Ok((self.load(&question, body, sql, now)?, question))) {
            Ok((load, question)) => self.judged(&question, load, pass, now),
            // A send that is refused for what it says would be refused whenever it came.
            Err(problem) if problem.suppression_summary.is_some() => Answer::refused(problem),
            Err(problem) => return Ok(Reply::problem(&problem, &pass.request_id, None, now)),
        };
        serde_json::to_vec(&answer).map(|body| Reply::json(200, body)).map_err(|error| SqlError(error.to_string()))
    }

    fn load(&self, question: &Question<'_>, body: &[u8], sql: &mut dyn Sql, now: UnixMillis) -> Result<Load, Problem> {
        let class = question.class.unwrap_or_default();
        let given = question.messages.map_or("0", RawValue::get);
        if given.starts_with('[') {
            let rehearsed = self.rehearse(body, sql, now)?;
            return Ok(Load {
                messages: u64::try_from(rehearsed.refusals.len()).unwrap_or(u64::MAX),
                recipients: rehearsed.summary.accepted_recipients,
                class: rehearsed.first.as_ref().map_or(class, |(class, _)| *class),
                may_wait: rehearsed.may_wait,
                rehearsed: Some(rehearsed),
            });
        }
        let Ok(messages) = given.parse() else {
            return Err(Problem::new(Code::InvalidParameter, "messages: must be a send's messages, or how many"));
        };
        let recipients = question.recipients.unwrap_or(messages);
        Ok(Load { messages, recipients, class, may_wait: self.may_wait(class), rehearsed: None })
    }

    fn judged(&mut self, question: &Question<'_>, load: Load, pass: &Pass, now: UnixMillis) -> Answer {
        let mut checks = self.of_requests(question.requests.unwrap_or(1), pass, now);
        let request_until = checks.iter().filter_map(|check| check.until).max();
        checks.extend(self.of_quotas(load.recipients, now));
        checks.extend(self.of_guards(question, load.messages));
        checks.extend(question.storage.map(|kept| self.of_storage(kept)));
        let (outgoing, leaves_at) = self.of_outgoing(&load, now);
        let never = outgoing.iter().find(|check| check.decision == Decision::Reject);
        let decision = checks.iter().map(|check| check.decision).max().unwrap_or(Decision::Allow);
        let binding = binding(&mut checks, decision);
        let (code, detail) = match (binding, never) {
            (_, Some(never)) if decision != Decision::Reject => (never.code, never.detail.clone()),
            (Some(binding), _) => (binding.code, binding.detail.clone()),
            (None, _) => (None, None),
        };
        let decision = if never.is_some() { Decision::Reject } else { decision };
        let retry_at = checks.iter().filter_map(|check| check.until).max().filter(|_| decision == Decision::Defer);
        let (items, suppression_summary) =
            load.rehearsed.map_or_else(Default::default, |r| (items(r.refusals), Some(r.summary)));
        Answer {
            decision,
            retry_at: retry_at.map(|at| at.to_string()),
            retry_after: retry_at.map(|at| rate_headers::retry_after(at, now)),
            code,
            detail,
            // What a quota refuses never waits.
            queues: load.may_wait
                && load.messages > 0
                && retry_at.is_some()
                && retry_at == request_until
                && only_requests(&checks),
            recipients: load.recipients,
            checks,
            outgoing,
            leaves_at: leaves_at.map(|at| at.to_string()),
            messages: items,
            suppression_summary,
        }
    }

    /// The windows of the key and of the account.
    fn of_requests(&mut self, requests: u32, pass: &Pass, now: UnixMillis) -> Vec<Check> {
        let config = &self.config;
        let (verdict, standings) = self.gate.rehearse(&pass.key_id, requests, now);
        standings.iter().map(|at| Check::of(at, of_window(at, config, now), Some(requests), verdict)).collect()
    }

    fn of_quotas(&self, recipients: u64, now: UnixMillis) -> Vec<Check> {
        let ledger = &self.gate.ledger;
        let said = ledger.usage(now).into_iter().zip(ledger.peek(recipients, now));
        said.map(|(quota, said)| {
            let limit = of_quota(&quota).from(self.config.origin_of_quotas());
            let slack = limit.remaining.and_then(|free| free.checked_div(recipients));
            let check = Check { slack, ..Check::allow(limit, recipients) };
            match said {
                Ok(()) => check,
                Err(refusal) => {
                    let problem = over_quota(&refusal);
                    let until = retry_after(&refusal);
                    let decision = if until.is_some() { Decision::Defer } else { Decision::Reject };
                    let detail = format!("{} recipients are free in {}", refusal.free, quota_name(quota.period));
                    check.say(decision, problem.code.word(), detail).until(until)
                }
            }
        })
        .collect()
    }

    /// What a single request is measured by.
    fn of_guards(&self, question: &Question<'_>, messages: u64) -> Vec<Check> {
        let plan = self.config.plan_limits();
        let longer = question.transform.map(|Transform { width, height }| width.max(height));
        let batch = (messages > 0).then_some((Some(self.config.batch()), messages));
        let of_plan = [
            (Dimension::MessageBytes, question.message_bytes),
            (Dimension::Attachments, question.attachments),
            (Dimension::BroadcastRecipients, question.broadcast_recipients),
            (Dimension::FileBytes, question.file_bytes),
            (Dimension::CdnDelete, question.cdn_delete),
            (Dimension::CdnMove, question.cdn_move),
            (Dimension::TransformPx, longer),
        ];
        let of_plan = of_plan
            .into_iter()
            .filter_map(|(dimension, value)| Some((plan.and_then(|plan| plan.guard(dimension)), value?)));
        let checks = batch.into_iter().chain(of_plan).filter_map(|(guard, value)| Some((guard?, value)));
        checks.map(|(guard, value)| self.of_guard(guard, value)).collect()
    }

    fn of_guard(&self, guard: Guard, value: u64) -> Check {
        let field = guard.dimension.as_str();
        let origin = match guard.dimension {
            Dimension::BatchMax => self.config.origin_of_batch(),
            Dimension::BroadcastRecipients
            | Dimension::CampaignRecipients
            | Dimension::MessageBytes
            | Dimension::Attachments
            | Dimension::FileBytes
            | Dimension::CdnDelete
            | Dimension::CdnMove
            | Dimension::TransformPx => self.config.origin_of_figure(field),
        };
        let limit = Limit {
            name: field.into(),
            scope: "request",
            kind: "request",
            limit: Some(guard.limit),
            unit: guard.dimension.unit(),
            remaining: Some(guard.limit.saturating_sub(value)),
            ..Limit::default()
        };
        let check = Check::allow(limit.from(origin), value);
        match guard.check(value) {
            Ok(()) => check,
            Err(refused) => check.say(Decision::Reject, refused.code(), refused.to_string()),
        }
    }

    /// What goes down only when something is deleted: no waiting helps.
    fn of_storage(&self, kept: Kept) -> Check {
        let capacity = self.config.plan_limits().and_then(|plan| plan.storage_bytes);
        let mut storage = Storage::holding(capacity, kept.level_bytes);
        let limit = Limit {
            name: "storage_bytes".into(),
            scope: "account",
            kind: "level",
            limit: capacity,
            unit: "bytes",
            used: Some(kept.level_bytes),
            remaining: storage.free(),
            ..Limit::default()
        };
        let check = Check::allow(limit.from(self.config.origin_of_figure("storage_bytes")), kept.add_bytes);
        match storage.reserve(kept.add_bytes) {
            Ok(()) => check,
            Err(full) => check.say(Decision::Reject, full.code(), full.to_string()),
        }
    }

    /// The windows that the first message meets on its way out, and when they let it go.
    fn of_outgoing(&self, load: &Load, now: UnixMillis) -> (Vec<Check>, Option<UnixMillis>) {
        if load.messages == 0 {
            return (Vec::new(), None);
        }
        let first = load.rehearsed.as_ref().and_then(|rehearsed| rehearsed.first.as_ref());
        let (verdict, standings) = match first {
            Some((class, recipients)) => {
                (self.mailroom.peek(*class, recipients, now), self.mailroom.explain(*class, recipients, now))
            }
            None => {
                let each = load.recipients.div_ceil(load.messages);
                self.mailroom.rehearse(load.class, u32::try_from(each).unwrap_or(u32::MAX), now)
            }
        };
        let checks = standings.iter().map(|at| Check::of(at, of_window(at, &self.config, now), None, verdict));
        let leaves_at = match verdict {
            Verdict::Allow => Some(now),
            Verdict::Defer { retry_at, .. } => Some(retry_at),
            Verdict::Occupied { .. } | Verdict::Reject(_) => None,
        };
        (checks.collect(), leaves_at)
    }
}

impl Answer {
    fn refused(problem: Problem) -> Self {
        Self {
            decision: Decision::Reject,
            retry_at: None,
            retry_after: None,
            code: Some(problem.code.word()),
            detail: Some(problem.detail),
            queues: false,
            recipients: 0,
            checks: Vec::new(),
            outgoing: Vec::new(),
            leaves_at: None,
            messages: Vec::new(),
            suppression_summary: problem.suppression_summary.map(|summary| *summary),
        }
    }
}

impl Check {
    fn allow(limit: Limit, asked: impl Into<Option<u64>>) -> Self {
        Self {
            limit,
            asked: asked.into(),
            slack: None,
            decision: Decision::Allow,
            retry_at: None,
            code: None,
            detail: None,
            binding: false,
            until: None,
        }
    }

    fn say(self, decision: Decision, code: &'static str, detail: String) -> Self {
        Self { decision, code: Some(code), detail: Some(detail), ..self }
    }

    fn until(self, at: Option<UnixMillis>) -> Self {
        Self { until: at, retry_at: at.map(|at| at.to_string()), ..self }
    }

    /// What one window says to a cost. The verdict of all of them is the binding one's.
    fn of(at: &Standing<'_>, limit: Limit, asked: Option<u32>, verdict: Verdict) -> Self {
        // A window in which it costs nothing has room for any number of them.
        let slack = Some(u64::from(at.slack)).filter(|_| at.slack < u32::MAX);
        let check = Self { slack, ..Self::allow(limit, asked.map(u64::from)) };
        let is_more = asked.is_some_and(|asked| asked > at.limit);
        if is_more || matches!(verdict, Verdict::Reject(gate::Reason::NeverFits(_)) if at.is_binding) {
            let detail = format!("the window {} holds {} at once", at.window.name(), at.limit);
            return check.say(Decision::Reject, "never_fits", detail);
        }
        if at.slack > 0 {
            return check;
        }
        let detail = format!("the window {} is full", at.window.name());
        let check = check.say(Decision::Defer, Code::RateLimited.word(), detail);
        match verdict {
            Verdict::Defer { retry_at, .. } if at.is_binding => check.until(Some(retry_at)),
            Verdict::Defer { .. } | Verdict::Allow | Verdict::Occupied { .. } | Verdict::Reject(_) => check,
        }
    }
}

/// Marks the one check that decides: the first that rejects, the one that defers longest, or of those that allow the one that
/// has the least left.
fn binding(checks: &mut [Check], decision: Decision) -> Option<&Check> {
    let deciding = checks.iter().enumerate().filter(|(_, check)| check.decision == decision);
    let place = match decision {
        Decision::Reject => deciding.map(|(place, _)| place).next(),
        Decision::Defer => deciding.max_by_key(|(_, check)| check.until).map(|(place, _)| place),
        Decision::Allow => {
            let left = deciding.filter_map(|(place, check)| Some((check.slack?, place)));
            left.min().map(|(_, place)| place)
        }
    };
    let check = checks.get_mut(place?)?;
    check.binding = true;
    Some(check)
}

/// Whether only windows of requests are in the way.
fn only_requests(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.decision == Decision::Allow || check.limit.unit == gate::Unit::Requests.word())
}

fn items(refusals: Vec<Option<(Code, Vec<Flaw>)>>) -> Vec<Item> {
    let item = |refusal| match refusal {
        None => Item { decision: Decision::Allow, code: None, errors: Vec::new() },
        Some((code, errors)) => {
            let code: Code = code;
            Item { decision: Decision::Reject, code: Some(code.word()), errors }
        }
    };
    refusals.into_iter().map(item).collect()
}

/// The parser's words name a field of ours or the kind of a value, never what was given.
fn malformed(error: &serde_json::Error) -> Problem {
    if error.is_data() {
        return Problem::new(Code::InvalidParameter, FIELDS);
    }
    Problem::new(Code::InvalidJson, format!("at line {} column {}", error.line(), error.column()))
}

const FIELDS: &str = "want an object of messages (a send's, or how many), recipients, class, requests, message_bytes, \
     attachments, broadcast_recipients, file_bytes, cdn_delete, cdn_move, transform (width, height) and storage \
     (level_bytes, add_bytes): each once, figures as whole numbers";
