//! `POST /v1/limits/check`: what would become of a request that is not made. Nothing is charged, reserved or stored; asking
//! is a request like any other, and the question is about the next one.
//!
//! The question is a send's body, or figures: `{"messages": 100, "recipients": 250, "class": "bulk"}`. Beside them, or
//! alone, may stand what a host product measures by the account's plan: bytes of a file, bytes kept, assets, pixels.

use super::{
    Account, Reply,
    question::Question,
    quota::{over_quota, retry_after},
    read::{Limit, instant, of_quota, of_window},
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
use serde::Serialize;

/// What is said of the whole and of every limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    Allow,
    /// At `retry_at` it will do if nothing else happens.
    Defer,
    /// No waiting helps.
    Reject,
}

#[derive(Serialize)]
struct Answer {
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    retry_at: Option<UnixMillis>,
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
    checks: Vec<Limit>,
    /// The windows of outgoing mail, for the first message. What is accepted waits for them.
    outgoing: Vec<Limit>,
    /// When the first message would leave, as far as those windows know.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    leaves_at: Option<UnixMillis>,
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
        let answer = Question::read(body).and_then(|question| {
            let load = self.load(&question, body, &pass.key_id, sql, now)?;
            self.judged(&question, load, pass, now)
        });
        let answer = match answer {
            Ok(answer) => answer,
            // A send that is refused for what it says would be refused whenever it came.
            Err(problem) if problem.suppression_summary.is_some() => Answer::refused(problem),
            Err(problem) => return Ok(Reply::problem(&problem, &pass.request_id, None, now)),
        };
        serde_json::to_vec(&answer).map(|body| Reply::json(200, body)).map_err(|error| SqlError(error.to_string()))
    }

    fn load(
        &self,
        question: &Question<'_>,
        body: &[u8],
        key_id: &str,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Load, Problem> {
        if question.is_send() {
            let rehearsed = self.rehearse(body, key_id, sql, now)?;
            return Ok(Load {
                messages: u64::try_from(rehearsed.refusals.len()).unwrap_or(u64::MAX),
                recipients: rehearsed.summary.accepted_recipients,
                class: rehearsed.first.as_ref().map(|(class, _)| *class).unwrap_or_default(),
                may_wait: rehearsed.may_wait,
                rehearsed: Some(rehearsed),
            });
        }
        let (class, messages) = (question.class()?, question.figure("messages")?.unwrap_or(0));
        let recipients = question.figure("recipients")?.unwrap_or(messages);
        Ok(Load { messages, recipients, class, may_wait: self.may_wait(class), rehearsed: None })
    }

    fn judged(&mut self, question: &Question<'_>, load: Load, pass: &Pass, now: UnixMillis) -> Result<Answer, Problem> {
        let requests = question.figure("requests")?.unwrap_or(1);
        let mut checks = self.of_requests(u32::try_from(requests).unwrap_or(u32::MAX), pass, now);
        checks.extend(self.of_quotas(load.recipients, now));
        checks.extend(self.of_guards(question, load.messages)?);
        let kept = question.pair("storage", ["level_bytes", "add_bytes"])?;
        checks.extend(kept.map(|(level, add)| self.of_storage(level, add)));
        let (outgoing, leaves_at) = self.of_outgoing(&load, now);
        let decision = checks.iter().filter_map(|check| check.decision).max().unwrap_or(Decision::Allow);
        // A message that a window of outgoing mail never admits is refused at once.
        let never = outgoing.iter().find(|check| check.decision == Some(Decision::Reject));
        let never = never.filter(|_| decision != Decision::Reject);
        let decides = binding(&mut checks, decision);
        let (code, detail) = never.or(decides).map_or((None, None), |check| (check.code, check.detail.clone()));
        let decision = if never.is_some() { Decision::Reject } else { decision };
        let retry_at = decides.and_then(|check| check.retry_at).filter(|_| decision == Decision::Defer);
        let (messages, suppression_summary) =
            load.rehearsed.map_or_else(Default::default, |r| (items(r.refusals), Some(r.summary)));
        Ok(Answer {
            decision,
            retry_at,
            retry_after: retry_at.map(|at| rate_headers::retry_after(at, now)),
            code,
            detail,
            // What a quota refuses never waits.
            queues: load.may_wait && load.messages > 0 && retry_at.is_some() && only_requests(&checks),
            recipients: load.recipients,
            checks,
            outgoing,
            leaves_at,
            messages,
            suppression_summary,
        })
    }

    /// The windows of the key and of the account.
    fn of_requests(&mut self, requests: u32, pass: &Pass, now: UnixMillis) -> Vec<Limit> {
        let config = &self.config;
        let (verdict, standings) = self.gate.rehearse(&pass.key_id, requests, now);
        standings.iter().map(|at| of_window(at, config, now).judged(at, Some(requests), verdict)).collect()
    }

    fn of_quotas(&self, recipients: u64, now: UnixMillis) -> Vec<Limit> {
        let ledger = &self.gate.ledger;
        let said = ledger.usage(now).into_iter().zip(ledger.peek(recipients, now));
        let check = |(quota, said)| {
            let limit = of_quota(&quota).from(self.config.origin_of_quotas());
            let slack = limit.remaining.and_then(|free| free.checked_div(recipients));
            let check = Limit { slack, ..limit.asked(recipients) };
            let Err(refusal) = said else { return check };
            let (problem, retry_at) = (over_quota(&refusal), retry_after(&refusal));
            let decision = if retry_at.is_some() { Decision::Defer } else { Decision::Reject };
            Limit { retry_at, ..check.say(decision, problem.code.word(), problem.detail) }
        };
        said.map(check).collect()
    }

    /// What a single request is measured by.
    fn of_guards(&self, question: &Question<'_>, messages: u64) -> Result<Vec<Limit>, Problem> {
        let mut checks = Vec::new();
        if messages > 0 {
            checks.push(of_guard(self.config.batch(), messages).from(self.config.origin_of_batch()));
        }
        let plan = |dimension| self.config.plan_limits().and_then(|plan| plan.guard(dimension));
        let sides = question.pair("transform", ["width", "height"])?;
        let longer = sides.map(|(width, height)| width.max(height));
        let figure = |dimension: Dimension| Ok((dimension, question.figure(dimension.as_str())?));
        for asked in Question::guards().map(figure).chain([Ok((Dimension::TransformPx, longer))]) {
            let (dimension, value) = asked?;
            if let (Some(guard), Some(value)) = (plan(dimension), value) {
                checks.push(of_guard(guard, value).from(self.config.origin_of_figure(dimension.as_str())));
            }
        }
        Ok(checks)
    }

    /// What goes down only when something is deleted: no waiting helps.
    fn of_storage(&self, level: u64, add: u64) -> Limit {
        let capacity = self.config.plan_limits().and_then(|plan| plan.storage_bytes);
        let mut storage = Storage::holding(capacity, level);
        let limit = Limit {
            name: "storage_bytes".into(),
            scope: "account",
            kind: "level",
            limit: capacity,
            unit: "bytes",
            used: Some(level),
            remaining: storage.free(),
            ..Limit::default()
        };
        let check = limit.from(self.config.origin_of_figure("storage_bytes")).asked(add);
        match storage.reserve(add) {
            Ok(()) => check,
            Err(full) => check.say(Decision::Reject, full.code(), full.to_string()),
        }
    }

    /// The windows that the first message meets on its way out, and when they let it go.
    fn of_outgoing(&self, load: &Load, now: UnixMillis) -> (Vec<Limit>, Option<UnixMillis>) {
        if load.messages == 0 {
            return (Vec::new(), None);
        }
        let first = load.rehearsed.as_ref().and_then(|rehearsed| rehearsed.first.as_ref());
        let (verdict, standings) = match first {
            Some((class, to)) => (self.mailroom.peek(*class, to, now), self.mailroom.explain(*class, to, now)),
            None => {
                let each = load.recipients.div_ceil(load.messages);
                self.mailroom.rehearse(load.class, u32::try_from(each).unwrap_or(u32::MAX), now)
            }
        };
        let leaves_at = match verdict {
            Verdict::Allow => Some(now),
            Verdict::Defer { retry_at, .. } => Some(retry_at),
            Verdict::Occupied { .. } | Verdict::Reject(_) => None,
        };
        let check = |at| of_window(at, &self.config, now).judged(at, None, verdict);
        (standings.iter().map(check).collect(), leaves_at)
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

impl Limit {
    fn asked(self, units: u64) -> Self {
        Self { asked: Some(units), decision: Some(Decision::Allow), ..self }
    }

    fn say(self, decision: Decision, code: &'static str, detail: String) -> Self {
        Self { decision: Some(decision), code: Some(code), detail: Some(detail), ..self }
    }

    /// What one window says to a cost. The verdict of all of them is the binding one's.
    fn judged(self, at: &Standing<'_>, asked: Option<u32>, verdict: Verdict) -> Self {
        // A window in which it costs nothing has room for any number of them.
        let slack = Some(u64::from(at.slack)).filter(|_| at.slack < u32::MAX);
        let check = Self { asked: asked.map(u64::from), slack, decision: Some(Decision::Allow), ..self };
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
            Verdict::Defer { retry_at, .. } if at.is_binding => Self { retry_at: Some(retry_at), ..check },
            Verdict::Defer { .. } | Verdict::Allow | Verdict::Occupied { .. } | Verdict::Reject(_) => check,
        }
    }
}

fn of_guard(guard: Guard, value: u64) -> Limit {
    let limit = Limit {
        name: guard.dimension.as_str().into(),
        scope: "request",
        kind: "request",
        limit: Some(guard.limit),
        unit: guard.dimension.unit(),
        remaining: Some(guard.limit.saturating_sub(value)),
        ..Limit::default()
    };
    match guard.check(value) {
        Ok(()) => limit.asked(value),
        Err(refused) => limit.asked(value).say(Decision::Reject, refused.code(), refused.to_string()),
    }
}

/// Marks the one check that decides: the first that rejects, the one that defers longest, or of those that allow the one that
/// has the least left.
fn binding(checks: &mut [Limit], decision: Decision) -> Option<&Limit> {
    let deciding = checks.iter().enumerate().filter(|(_, check)| check.decision == Some(decision));
    let place = match decision {
        Decision::Reject => deciding.map(|(place, _)| place).next(),
        Decision::Defer => deciding.max_by_key(|(_, check)| check.retry_at).map(|(place, _)| place),
        Decision::Allow => {
            let left = deciding.filter_map(|(place, check)| Some((check.slack?, place)));
            left.min().map(|(_, place)| place)
        }
    };
    let check = checks.get_mut(place?)?;
    check.binding = Some(true);
    Some(check)
}

/// Whether only windows of requests are in the way.
fn only_requests(checks: &[Limit]) -> bool {
    let is_open = |check: &Limit| check.decision == Some(Decision::Allow);
    checks.iter().all(|check| is_open(check) || check.unit == gate::Unit::Requests.word())
}

fn items(refusals: Vec<Option<(Code, Vec<Flaw>)>>) -> Vec<Item> {
    let item = |refusal: Option<(Code, Vec<Flaw>)>| match refusal {
        None => Item { decision: Decision::Allow, code: None, errors: Vec::new() },
        Some((code, errors)) => Item { decision: Decision::Reject, code: Some(code.word()), errors },
    };
    refusals.into_iter().map(item).collect()
}
