//! Random traces, the same on every machine, as cases of the suite `limiter`.

use sendgate_core::{
    limiter::{Decision, Limiter, State},
    time::UnixMillis,
    vectors,
};
use serde_json::{Value, json};

/// A policy and how time passes under it.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    policy: &'static str,
    start: u64,
    /// Milliseconds between two operations, on average.
    gap_ms: u64,
}

/// A trace at work: what has been done, and what may be taken back.
struct Walk {
    limiter: Limiter,
    state: State,
    random: Random,
    clock: u64,
    gap_ms: u64,
    /// Charges not yet refunded; a refund does not reach over a clock that was set back.
    charges: Vec<(u32, UnixMillis)>,
}

impl Trace {
    /// The first half: random operations on a fresh state, and the state they lead to.
    pub(crate) fn operations(&self) -> Vec<Value> {
        let mut walk = self.walk();
        let mut steps: Vec<Value> = (0..OPERATIONS).map(|_| walk.operation()).collect();
        steps.push(json!({ "op": "state" }));
        steps
    }

    /// The second half: decisions that go on where the first half ends, and the state they lead to.
    pub(crate) fn decisions(&self) -> Vec<Value> {
        let mut walk = self.walk();
        (0..OPERATIONS).for_each(|_| drop(walk.operation()));
        let mut steps: Vec<Value> = (0..DECISIONS).map(|_| walk.decision()).collect();
        steps.push(json!({ "op": "state" }));
        steps
    }

    /// What the core answers to the steps, one by one.
    pub(crate) fn answers(&self, steps: &[Value]) -> Vec<Value> {
        let case = format!(r#"{{"policy":{},"steps":{}}}"#, self.policy, Value::from(steps.to_vec()));
        let answers = vectors::evaluate("limiter", &case).expect("it is a case of the suite");
        serde_json::from_str(&answers).expect("the core answers a list")
    }

    /// The steps as a case, with what they want where `wanted` says so.
    pub(crate) fn case(&self, steps: &[Value], wanted: &[Value]) -> Value {
        let mut steps = steps.to_vec();
        for (step, want) in steps.iter_mut().zip(wanted) {
            step["want"] = want.clone();
        }
        let policy: Value = serde_json::from_str(self.policy).expect("it is JSON");
        json!({ "id": self.name, "comment": format!("states of {}", self.name), "policy": policy, "steps": steps })
    }

    /// The windows' names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let limiter = Limiter::from_json(self.policy).expect("it is a policy");
        limiter.windows().iter().map(|window| window.name().to_string()).collect()
    }

    fn walk(&self) -> Walk {
        let limiter = Limiter::from_json(self.policy).expect("it is a policy");
        let state = limiter.fresh();
        let random = Random(self.start ^ self.gap_ms);
        Walk { limiter, state, random, clock: self.start, gap_ms: self.gap_ms, charges: Vec::new() }
    }
}

impl Walk {
    /// One of 8: a refund. One of 8: units that left anyway. Else a decision.
    fn operation(&mut self) -> Value {
        match self.random.below(8) {
            0 if !self.charges.is_empty() => {
                let place = usize::try_from(self.random.below(self.charges.len() as u64)).unwrap_or_default();
                let (cost, charged_at) = self.charges.swap_remove(place);
                self.limiter.refund(&mut self.state, cost, charged_at, UnixMillis::new(self.clock));
                json!({ "op": "refund", "cost": cost, "charged_at": charged_at.as_millis(), "now": self.clock })
            }
            1 => {
                self.tick();
                let cost = self.cost();
                let charged_at = self.limiter.charge(&mut self.state, cost, UnixMillis::new(self.clock));
                self.charges.push((cost, charged_at));
                json!({ "op": "charge", "cost": cost, "now": self.clock })
            }
            _ => self.decision(),
        }
    }

    fn decision(&mut self) -> Value {
        self.tick();
        let cost = self.cost();
        let decided = self.limiter.decide(&mut self.state, cost, UnixMillis::new(self.clock));
        if let Decision::Allow { charged_at } = decided {
            self.charges.push((cost, charged_at));
        }
        json!({ "op": "decide", "cost": cost, "now": self.clock })
    }

    fn cost(&mut self) -> u32 {
        if self.random.below(4) == 0 { 1 + u32::try_from(self.random.below(4)).unwrap_or_default() } else { 1 }
    }

    /// Time stands still, passes, passes by a lot, or is set back: by a little, or by a lot.
    fn tick(&mut self) {
        match self.random.below(100) {
            0..=19 => (),
            20..=96 => self.clock += self.random.below(2 * self.gap_ms),
            97 => self.clock += self.random.below(200 * self.gap_ms),
            98 => self.clock -= self.random.below(self.gap_ms),
            _ => {
                self.clock -= self.random.below(20 * self.gap_ms);
                self.charges.clear();
            }
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Operations before the state changes hands.
const OPERATIONS: usize = 500;

/// Decisions after it.
const DECISIONS: usize = 1_000;

/// Every kind of window and every width its numbers are stored in.
pub(crate) const TRACES: &[Trace] = &[
    Trace {
        name: "five-windows",
        policy: r#"{"windows":[
            {"kind":"sliding","name":"second","limit":10,"period_ms":1000},
            {"kind":"sliding","name":"minute","limit":100,"period_ms":60000},
            {"kind":"sliding","name":"hour","limit":1000,"period_ms":3600000},
            {"kind":"sliding","name":"day","limit":50000,"period_ms":86400000},
            {"kind":"calendar","name":"month","limit":1000000,"unit":"month","time_zone":"UTC"}]}"#,
        start: 1_796_119_200_000, // 2026-12-01T10:00:00Z
        gap_ms: 200,
    },
    Trace {
        name: "instants",
        policy: r#"{"windows":[
            {"kind":"sliding","name":"four","limit":4,"period_ms":1},
            {"kind":"sliding","name":"seven","limit":7,"period_ms":65536},
            {"kind":"sliding","name":"twelve","limit":12,"period_ms":130001}]}"#,
        start: 1_796_119_200_000,
        gap_ms: 12_000,
    },
    Trace {
        name: "long-instants",
        policy: r#"{"windows":[
            {"kind":"sliding","name":"four-bytes","limit":9,"period_ms":4294967296},
            {"kind":"sliding","name":"eight-bytes","limit":16,"period_ms":10000000000}]}"#,
        start: 1_796_119_200_000,
        gap_ms: 700_000_000,
    },
    Trace {
        name: "sub-buckets",
        policy: r#"{"windows":[
            {"kind":"sliding","name":"one-byte","limit":17,"period_ms":1009},
            {"kind":"sliding","name":"two-bytes","limit":255,"period_ms":32003},
            {"kind":"sliding","name":"four-bytes","limit":70000,"period_ms":432000007},
            {"kind":"sliding","name":"largest","limit":4294967294,"period_ms":316224000000}]}"#,
        start: 1_796_119_200_000,
        gap_ms: 90,
    },
    Trace {
        name: "calendars",
        policy: r#"{"windows":[
            {"kind":"calendar","name":"rome","limit":40,"unit":"day","time_zone":"Europe/Rome"},
            {"kind":"calendar","name":"kiritimati","limit":45,"unit":"day","time_zone":"Pacific/Kiritimati"},
            {"kind":"calendar","name":"kolkata","limit":900,"unit":"month","time_zone":"Asia/Kolkata"},
            {"kind":"calendar","name":"new-york","limit":90000,"unit":"year","time_zone":"America/New_York"}]}"#,
        start: 1_774_605_600_000, // 2026-03-27T10:00:00Z, two days before Rome's short one
        gap_ms: 900_000,
    },
    Trace {
        name: "paces",
        policy: r#"{"windows":[
            {"kind":"pace","name":"smooth","interval_ms":100,"burst":5},
            {"kind":"pace","name":"odd","interval_ms":37,"burst":9},
            {"kind":"sliding","name":"second","limit":20,"period_ms":1000}]}"#,
        start: 1_796_119_200_000,
        gap_ms: 110,
    },
    Trace {
        name: "eight-windows",
        policy: r#"{"windows":[
            {"kind":"sliding","name":"w1","limit":5,"period_ms":500},
            {"kind":"sliding","name":"w2","limit":30,"period_ms":5000},
            {"kind":"sliding","name":"w3","limit":260,"period_ms":90000},
            {"kind":"sliding","name":"w4","limit":16,"period_ms":1700},
            {"kind":"pace","name":"w5","interval_ms":61,"burst":8},
            {"kind":"calendar","name":"w6","limit":2000,"unit":"day","time_zone":"Australia/Lord_Howe"},
            {"kind":"calendar","name":"w7","limit":9000,"unit":"month","time_zone":"Africa/Cairo"},
            {"kind":"sliding","name":"w8","limit":70000,"period_ms":3600000}]}"#,
        start: 1_790_985_540_000, // 2026-10-02T22:39:00Z
        gap_ms: 160,
    },
];
