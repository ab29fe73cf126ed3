//! A table of keys. Names, costs and answers of a batch are written and read in place: JavaScript asks for room, gets its
//! address in the module's memory, and hands over lengths only.

use crate::{
    error,
    values::{instant, number, packed, usage},
};
use sendgate_core::limiter::{self, Decision};
use wasm_bindgen::prelude::*;

/// One policy, many keys.
#[wasm_bindgen]
pub struct Limiters {
    table: limiter::Limiters,
    at: f64,
    names: Vec<u8>,
    /// Where each name of a batch ends.
    ends: Vec<u32>,
    costs: Vec<u32>,
    asks: Vec<(u64, u32)>,
    admitted: Vec<bool>,
    decisions: Vec<Decision>,
    words: Vec<u32>,
    instants: Vec<f64>,
}

#[wasm_bindgen]
impl Limiters {
    /// # Errors
    /// The policy is malformed.
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &str, most_keys: Option<u32>) -> Result<Self, JsValue> {
        let limiter = limiter::Limiter::from_json(policy).map_err(error::policy)?;
        let chance = || getrandom::u64().map_err(|_| error::argument("crypto", "gives no random numbers"));
        let table = limiter::Limiters::new(limiter, [chance()?, chance()?]);
        Ok(Self {
            table: match most_keys.and_then(|most| usize::try_from(most).ok()) {
                Some(most) => table.at_most(most),
                None => table,
            },
            at: 0.0,
            names: vec![0; ROOM],
            ends: Vec::new(),
            costs: Vec::new(),
            asks: Vec::new(),
            admitted: Vec::new(),
            decisions: Vec::new(),
            words: Vec::new(),
            instants: Vec::new(),
        })
    }

    /// Where names are to be written, with room for so many bytes.
    #[must_use]
    pub fn names(&mut self, bytes: usize) -> usize {
        if self.names.len() < bytes {
            self.names.resize(bytes, 0);
        }
        self.names.as_ptr() as usize
    }

    /// Where the ends of so many names are to be written.
    #[must_use]
    pub fn ends(&mut self, count: usize) -> usize {
        self.ends.resize(count, 0);
        self.ends.as_ptr() as usize
    }

    /// Where the costs of so many names are to be written.
    #[must_use]
    pub fn costs(&mut self, count: usize) -> usize {
        self.costs.resize(count, 0);
        self.costs.as_ptr() as usize
    }

    /// The decision for the name of that length; its instant is in `at`.
    pub fn decide(&mut self, length: usize, cost: u32, now: f64) -> u32 {
        let key = self.key(length);
        let (word, at) = packed(self.table.decide(key, cost, instant(now)));
        self.at = at;
        word
    }

    /// The same, charging nothing.
    pub fn peek(&mut self, length: usize, cost: u32, now: f64) -> u32 {
        let (word, at) = packed(self.table.peek(self.key(length), cost, instant(now)));
        self.at = at;
        word
    }

    /// The instant of the last decision.
    #[must_use]
    pub fn at(&self) -> f64 {
        self.at
    }

    /// Whether units of the name may leave; charges them if they may.
    pub fn admit(&mut self, length: usize, cost: u32, now: f64) -> bool {
        let key = self.key(length);
        self.table.admit(key, cost, instant(now)).is_some()
    }

    /// Admits the names that were written, and returns how many; `admitted` has where the answers are, a byte each.
    pub fn admit_many(&mut self, count: usize, cost: u32, now: f64) -> usize {
        self.gather(count, cost);
        self.admitted.clear();
        self.table.admit_many(&self.asks, &mut self.admitted, instant(now))
    }

    /// Where the answers of `admit_many` are.
    #[must_use]
    pub fn admitted(&self) -> usize {
        self.admitted.as_ptr() as usize
    }

    /// Decides for the names that were written; `words` and `instants` have where the answers are.
    pub fn decide_many(&mut self, count: usize, cost: u32, now: f64) {
        self.gather(count, cost);
        self.decisions.clear();
        self.table.decide_many(&self.asks, &mut self.decisions, instant(now));
        self.words.clear();
        self.instants.clear();
        for decision in &self.decisions {
            let (word, at) = packed(*decision);
            self.words.push(word);
            self.instants.push(at);
        }
    }

    /// Where the decisions of `decide_many` are.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words.as_ptr() as usize
    }

    /// Where their instants are.
    #[must_use]
    pub fn instants(&self) -> usize {
        self.instants.as_ptr() as usize
    }

    /// Records units that left anyway; -1 when the table is full.
    pub fn charge(&mut self, length: usize, cost: u32, now: f64) -> f64 {
        let key = self.key(length);
        self.table.charge(key, cost, instant(now)).map_or(-1.0, number)
    }

    /// Takes units back.
    pub fn refund(&mut self, length: usize, cost: u32, charged_at: f64, now: f64) {
        let key = self.key(length);
        self.table.refund(key, cost, instant(charged_at), instant(now));
    }

    /// JSON.
    #[must_use]
    pub fn usage(&self, length: usize, now: f64) -> String {
        usage(&self.table.usage(self.key(length), instant(now)))
    }

    /// The bytes of a key's state.
    #[must_use]
    pub fn state(&self, length: usize) -> Vec<u8> {
        self.table.state_of(self.key(length)).as_bytes().to_vec()
    }

    /// Goes on from a stored state; `false` when the table is full.
    ///
    /// # Errors
    /// The bytes are not a state of this policy; the old one stays.
    pub fn load(&mut self, length: usize, bytes: &[u8]) -> Result<bool, JsValue> {
        let key = self.key(length);
        self.table.put(key, bytes).map_err(error::state)
    }

    /// Forgets keys in whose windows nothing is in use.
    pub fn evict(&mut self, most: u32, now: f64) -> usize {
        self.table.evict(usize::try_from(most).unwrap_or(usize::MAX), instant(now))
    }

    /// Bytes that the table has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// Keys that are held.
    #[must_use]
    pub fn size(&self) -> usize {
        self.table.len()
    }
}

impl Limiters {
    fn key(&self, length: usize) -> u64 {
        self.table.key_of(self.names.get(..length).unwrap_or_default())
    }

    /// The question of a batch: as many costs as names, or the same for all.
    fn gather(&mut self, count: usize, cost: u32) {
        self.asks.clear();
        let mut begin = 0;
        for (place, end) in self.ends.iter().take(count).enumerate() {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            let name = self.names.get(begin..end).unwrap_or_default();
            let cost = self.costs.get(place).copied().unwrap_or(cost);
            self.asks.push((self.table.key_of(name), cost));
            begin = end;
        }
    }
}

/// Names are short: this is their room before a longer one asks for more.
const ROOM: usize = 256;
