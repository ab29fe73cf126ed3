//! One limiter with its state.

use crate::{
    error,
    values::{instant, number, packed, usage},
};
use sendgate_core::limiter::{self, State};
use wasm_bindgen::prelude::*;

/// A limiter and its state.
#[wasm_bindgen]
pub struct Limiter {
    limiter: limiter::Limiter,
    state: State,
    /// The instant of the last decision: a function can only return one number without making an object.
    at: f64,
}

#[wasm_bindgen]
impl Limiter {
    /// # Errors
    /// The policy is malformed.
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &str) -> Result<Self, JsValue> {
        let limiter = limiter::Limiter::from_json(policy).map_err(error::policy)?;
        let state = limiter.fresh();
        Ok(Self { limiter, state, at: 0.0 })
    }

    /// The decision; its instant is in `at`.
    pub fn decide(&mut self, cost: u32, now: f64) -> u32 {
        let (word, at) = packed(self.limiter.decide(&mut self.state, cost, instant(now)));
        self.at = at;
        word
    }

    /// The same, charging nothing.
    pub fn peek(&mut self, cost: u32, now: f64) -> u32 {
        let (word, at) = packed(self.limiter.peek(&self.state, cost, instant(now)));
        self.at = at;
        word
    }

    /// The instant of the last decision.
    #[must_use]
    pub fn at(&self) -> f64 {
        self.at
    }

    /// Whether the units may leave; charges them if they may.
    pub fn admit(&mut self, cost: u32, now: f64) -> bool {
        self.limiter.admit(&mut self.state, cost, instant(now)).is_some()
    }

    /// Records units that left anyway.
    pub fn charge(&mut self, cost: u32, now: f64) -> f64 {
        number(self.limiter.charge(&mut self.state, cost, instant(now)))
    }

    /// Takes units back.
    pub fn refund(&mut self, cost: u32, charged_at: f64, now: f64) {
        self.limiter.refund(&mut self.state, cost, instant(charged_at), instant(now));
    }

    /// JSON.
    #[must_use]
    pub fn usage(&self, now: f64) -> String {
        usage(&self.limiter.usage(&self.state, instant(now)))
    }

    /// The state's bytes.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.state.as_bytes().to_vec()
    }

    /// # Errors
    /// The bytes are not a state of this policy; the old one stays.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.state = self.limiter.load(bytes).map_err(error::state)?;
        Ok(())
    }
}
