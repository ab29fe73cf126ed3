//! When to try again after a failure that passes.

use crate::{
    error,
    values::{instant, number, whole},
};
use sendgate_core::backoff::{self, Jitter, Retry};
use wasm_bindgen::prelude::*;

/// A retry policy.
#[wasm_bindgen]
pub struct Backoff(backoff::Backoff);

#[wasm_bindgen]
impl Backoff {
    /// What is not given is the core's default.
    ///
    /// # Errors
    /// `jitter` is no known word.
    #[wasm_bindgen(constructor)]
    pub fn new(
        base_ms: Option<f64>,
        cap_ms: Option<f64>,
        max_attempts: Option<u32>,
        jitter: Option<String>,
    ) -> Result<Self, JsValue> {
        let defaults = backoff::Backoff::default();
        Ok(Self(backoff::Backoff {
            base_ms: base_ms.map_or(defaults.base_ms, whole),
            cap_ms: cap_ms.map_or(defaults.cap_ms, whole),
            max_attempts: max_attempts.unwrap_or(defaults.max_attempts),
            jitter: jitter.as_deref().map(spread).transpose()?.unwrap_or(defaults.jitter),
        }))
    }

    /// When to try again, or -1 to give up.
    #[must_use]
    pub fn next(&self, attempts: u32, entropy: u64, now: f64, hint: Option<f64>) -> f64 {
        match self.0.next(attempts, hint.map(instant), entropy, instant(now)) {
            Retry::At(at) => number(at),
            Retry::Exhausted { attempts: _ } => -1.0,
        }
    }

    /// Its four figures as JSON.
    #[must_use]
    pub fn fields(&self) -> String {
        let backoff::Backoff { base_ms, cap_ms, max_attempts, jitter } = self.0;
        let jitter = word(jitter);
        serde_json::json!({ "baseMs": base_ms, "capMs": cap_ms, "maxAttempts": max_attempts, "jitter": jitter })
            .to_string()
    }
}

fn word(jitter: Jitter) -> &'static str {
    match jitter {
        Jitter::Full => "full",
        Jitter::None => "none",
    }
}

fn spread(given: &str) -> Result<Jitter, JsValue> {
    let known = [Jitter::Full, Jitter::None].into_iter().find(|jitter| word(*jitter) == given);
    known.ok_or_else(|| error::variant("jitter must be 'full' or 'none'"))
}
