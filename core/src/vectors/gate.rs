//! `gate`: several dimensions, and what is decided over all of them, step by step.

use super::{Number, VectorError, read};
use crate::{
    config::AccountStatus,
    gate::{Ask, Binding, Charge, Dimension, Reason, Scope, Standing, Unit, Verdict, decide, explain, peek},
    limiter::{LimiterError, Window},
};
use alloc::{string::String, vec::Vec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Case {
    dimensions: Vec<Given>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Given {
    scope: String,
    name: String,
    unit: String,
    windows: Vec<Window>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Step {
    Decide(Question),
    Peek(Question),
    Explain(Question),
    Charge { dimension: usize, cost: u32, now: Number },
}

/// Costs and units on their way, one number for each dimension; none on their way when left out.
#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    status: AccountStatus,
    costs: Vec<u32>,
    #[serde(default)]
    held: Vec<u32>,
    now: Number,
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case = read(case_json)?;
    let mut dimensions = Vec::new();
    for given in case.dimensions {
        match given.dimension()? {
            Ok(dimension) => dimensions.push(dimension),
            Err(error) => return Ok(json!({ "error": error.code() })),
        }
    }
    case.steps.iter().map(|step| perform(&mut dimensions, step)).collect()
}

impl Given {
    fn dimension(self) -> Result<Result<Dimension, LimiterError>, VectorError> {
        let scope = Scope::ALL.into_iter().find(|scope| scope.word() == self.scope);
        let unit = Unit::ALL.into_iter().find(|unit| unit.word() == self.unit);
        let (Some(scope), Some(unit)) = (scope, unit) else { return Err(bad("scope and unit must be known words")) };
        Ok(Dimension::new(scope, &self.name, unit, self.windows))
    }
}

impl Question {
    fn asked<'a>(&self, dimensions: &'a [Dimension]) -> Result<Vec<Ask<'a>>, VectorError> {
        if self.costs.len() != dimensions.len() || self.held.len() > dimensions.len() {
            return Err(bad("costs and held must be one number for each dimension"));
        }
        let held = self.held.iter().copied().chain(core::iter::repeat(0));
        let asks = dimensions.iter().zip(&self.costs).zip(held);
        Ok(asks.map(|((dimension, cost), held)| Ask { dimension, cost: *cost, held }).collect())
    }
}

fn perform(dimensions: &mut [Dimension], step: &Step) -> Result<Value, VectorError> {
    match step {
        Step::Decide(question) => {
            question.asked(dimensions)?;
            let costs = dimensions.iter_mut().zip(&question.costs);
            let mut charges: Vec<Charge<'_>> =
                costs.map(|(dimension, cost)| Charge { dimension, cost: *cost }).collect();
            let verdict = decide(question.status, &mut charges, question.now.instant());
            Ok(said(verdict, &question.asked(dimensions)?))
        }
        Step::Peek(question) => {
            let asked = question.asked(dimensions)?;
            Ok(said(peek(question.status, asked.iter().copied(), question.now.instant()), &asked))
        }
        Step::Explain(question) => {
            let asked = question.asked(dimensions)?;
            let standings = explain(question.status, asked.iter().copied(), question.now.instant());
            Ok(standings.iter().map(standing).collect())
        }
        Step::Charge { dimension, cost, now } => {
            let Some(dimension) = dimensions.get_mut(*dimension) else { return Err(bad("no such dimension")) };
            Ok(json!({ "charged_at": dimension.charge(*cost, now.instant()).as_millis() }))
        }
    }
}

fn said(verdict: Verdict, asked: &[Ask<'_>]) -> Value {
    let named = |binding: Binding| {
        let (dimension, window) = binding.of(asked.iter().copied())?;
        let word = |word: &str| Value::String(word.into());
        Some(Map::from_iter([
            ("scope".into(), word(dimension.scope().word())),
            ("name".into(), word(dimension.name())),
            ("window".into(), word(window.name())),
        ]))
    };
    match verdict {
        Verdict::Allow => json!({ "allow": true }),
        Verdict::Defer { retry_at, binding } => {
            let mut defer = named(binding).unwrap_or_default();
            defer.insert("retry_at".into(), retry_at.as_millis().into());
            json!({ "defer": defer })
        }
        Verdict::Occupied { binding } => json!({ "occupied": named(binding) }),
        Verdict::Reject(reason) => {
            let mut reject = match reason {
                Reason::NeverFits(binding) => named(binding).unwrap_or_default(),
                Reason::Suspended | Reason::Closed => Map::new(),
            };
            reject.insert("reason".into(), reason.code().into());
            json!({ "reject": reject })
        }
    }
}

fn standing(standing: &Standing<'_>) -> Value {
    json!({
        "scope": standing.scope.word(),
        "name": standing.dimension,
        "unit": standing.unit.word(),
        "window": standing.window.name(),
        "limit": standing.limit,
        "used": standing.used,
        "remaining": standing.remaining,
        "slack": standing.slack,
        "next_at": standing.next_at.as_millis(),
        "full_at": standing.full_at.as_millis(),
        "binding": standing.is_binding,
    })
}

fn bad(detail: &str) -> VectorError {
    VectorError::BadCase { detail: detail.into() }
}
