//! Several dimensions, decided all at once.

use crate::{
    error,
    values::{instant, number},
};
use sendgate_core::{
    config::AccountStatus,
    gate::{Ask, Binding, Charge, Dimension, Reason, Scope, Standing, Unit, Verdict, decide, explain, peek},
    limiter::Window,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wasm_bindgen::prelude::*;

/// Dimensions with their states.
#[wasm_bindgen]
pub struct Gate(Vec<Dimension>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    scope: String,
    name: String,
    unit: String,
    windows: Vec<Window>,
}

#[wasm_bindgen]
impl Gate {
    /// # Errors
    /// A dimension is malformed.
    #[wasm_bindgen(constructor)]
    pub fn new(dimensions: &str) -> Result<Self, JsValue> {
        let given: Vec<Given> = serde_json::from_str(dimensions)
            .map_err(|error| error::argument("dimensions", &format!("cannot be read: {error}")))?;
        given.into_iter().map(dimension).collect::<Result<_, _>>().map(Self)
    }

    /// The verdict as JSON; on an allow every dimension has been charged.
    ///
    /// # Errors
    /// Costs of another number than the dimensions, or an unknown status.
    pub fn decide(&mut self, costs: &[u32], status: &str, now: f64) -> Result<String, JsValue> {
        let status = status_of(status)?;
        self.asked(costs, &[])?;
        let charges = self.0.iter_mut().zip(costs);
        let mut charges: Vec<_> = charges.map(|(dimension, cost)| Charge { dimension, cost: *cost }).collect();
        let verdict = decide(status, &mut charges, instant(now));
        Ok(said(verdict, &self.asked(costs, &[])?))
    }

    /// The verdict with so many units on their way, charging nothing.
    ///
    /// # Errors
    /// As `decide`.
    pub fn peek(&self, costs: &[u32], held: &[u32], status: &str, now: f64) -> Result<String, JsValue> {
        let asked = self.asked(costs, held)?;
        Ok(said(peek(status_of(status)?, asked.iter().copied(), instant(now)), &asked))
    }

    /// Where every window stands, as JSON.
    ///
    /// # Errors
    /// As `decide`.
    pub fn explain(&self, costs: &[u32], held: &[u32], status: &str, now: f64) -> Result<String, JsValue> {
        let asked = self.asked(costs, held)?;
        let standings = explain(status_of(status)?, asked.iter().copied(), instant(now));
        Ok(Value::Array(standings.iter().map(standing).collect()).to_string())
    }

    /// Counts units of one dimension that have left, and returns the instant they were counted at.
    ///
    /// # Errors
    /// There is no such dimension.
    pub fn charge(&mut self, place: usize, cost: u32, now: f64) -> Result<f64, JsValue> {
        let dimension = self.0.get_mut(place);
        let dimension = dimension.ok_or_else(|| error::argument("dimension", "must be the place of a dimension"))?;
        Ok(number(dimension.charge(cost, instant(now))))
    }
}

impl Gate {
    fn asked(&self, costs: &[u32], held: &[u32]) -> Result<Vec<Ask<'_>>, JsValue> {
        if costs.len() != self.0.len() {
            return Err(error::argument(
                "costs",
                &format!("must be one number for each of {} dimensions", self.0.len()),
            ));
        }
        if held.len() > self.0.len() {
            return Err(error::argument("held", &format!("must be at most {} numbers", self.0.len())));
        }
        let held = held.iter().copied().chain(std::iter::repeat(0));
        let asks = self.0.iter().zip(costs).zip(held);
        Ok(asks.map(|((dimension, cost), held)| Ask { dimension, cost: *cost, held }).collect())
    }
}

fn dimension(given: Given) -> Result<Dimension, JsValue> {
    let scope = Scope::ALL.into_iter().find(|scope| scope.word() == given.scope);
    let unit = Unit::ALL.into_iter().find(|unit| unit.word() == given.unit);
    let scope = scope.ok_or_else(|| unknown("scope", &Scope::ALL.map(Scope::word)))?;
    let unit = unit.ok_or_else(|| unknown("unit", &Unit::ALL.map(Unit::word)))?;
    Dimension::new(scope, &given.name, unit, given.windows).map_err(error::policy)
}

fn unknown(field: &str, words: &[&str]) -> JsValue {
    error::variant(&format!("{field} must be one of {}", words.join(", ")))
}

fn status_of(word: &str) -> Result<AccountStatus, JsValue> {
    serde_json::from_value(word.into()).map_err(|_| error::variant("status must be active, suspended or closed"))
}

fn said(verdict: Verdict, asked: &[Ask<'_>]) -> String {
    let named = |binding: Binding| {
        let (dimension, window) = binding.of(asked.iter().copied())?;
        let (scope, name, window) = (dimension.scope().word(), dimension.name(), window.name());
        Some(json!({ "dimension": binding.dimension, "scope": scope, "name": name, "window": window }))
    };
    let said = match verdict {
        Verdict::Allow => json!({ "kind": "allow" }),
        Verdict::Defer { retry_at, binding } => {
            json!({ "kind": "defer", "retryAt": retry_at.as_millis(), "binding": named(binding) })
        }
        Verdict::Occupied { binding } => json!({ "kind": "occupied", "binding": named(binding) }),
        Verdict::Reject(reason) => {
            let mut fields =
                Map::from_iter([("kind".into(), "reject".into()), ("reason".into(), reason.code().into())]);
            match reason {
                Reason::NeverFits(binding) => _ = fields.insert("binding".into(), named(binding).into()),
                Reason::Suspended | Reason::Closed => {}
            }
            Value::Object(fields)
        }
    };
    said.to_string()
}

fn standing(standing: &Standing<'_>) -> Value {
    let Standing { scope, dimension, unit, window, limit, used, remaining, slack, next_at, full_at, is_binding } =
        *standing;
    json!({
        "scope": scope.word(),
        "name": dimension,
        "unit": unit.word(),
        "window": window.name(),
        "limit": limit,
        "used": used,
        "remaining": remaining,
        "slack": slack,
        "nextAt": next_at.as_millis(),
        "fullAt": full_at.as_millis(),
        "isBinding": is_binding,
    })
}
