//! The gate: one decision over everything that limits a request.
//!
//! A [`Dimension`] is one thing that is limited: an API key, a plan, an account, a provider, the receivers behind a group of
//! domains, a class of messages. [`decide`] judges any number of them at once, each with its own cost: every one is
//! charged or none, a denial changes nothing anywhere and names the window that forbids it until exactly `retry_at`.
//! [`explain`] lists where every window stands. The account's status is part of the decision.
//!
//! Both places that ask use it: a [`Gate`] counts an account's *requests* (the key's windows and the plan's), and the
//! [Mailroom](crate::mailroom) its *messages* on their way out. *Recipients accepted* are counted by the
//! [`Ledger`], which reserves for a whole request or for nothing. A request that is well-formed or not has been made, so
//! it is counted either way.
//!
//! Out of scope: what is suppressed, and waiting.

mod abuse;
mod decide;
mod dimension;
mod dispatch;
mod explain;
mod row;
mod shelf;
mod weight;

pub use abuse::Abuse;
pub use decide::{Ask, Binding, Charge, Reason, Verdict, decide, peek};
pub use dimension::{Dimension, Scope, Unit};
pub use explain::{Standing, explain};

pub(crate) use dimension::Rule;
pub(crate) use dispatch::{Dispatch, Hurdle};
pub(crate) use row::{read, store_ledger, write};
pub(crate) use weight::Weight;

use crate::{
    config::{AccountConfig, AccountStatus},
    ledger::{Ledger, Refusal, Reservation},
    limiter::LimiterError,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use abuse::Watch;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use shelf::Stored;

/// The request windows and the quotas of one account.
pub struct Gate {
    status: AccountStatus,
    /// None when the plan limits no requests.
    plan: Option<Dimension>,
    keys: BTreeMap<Arc<str>, Dimension>,
    key_rule: Arc<Rule>,
    /// None when denials have no consequence.
    abuse: Option<Watch>,
    records: BTreeMap<Arc<str>, abuse::Record>,
    /// The stored states could not be read then: a key that was not met since is taken as full since then.
    damaged_at: Option<UnixMillis>,
    row: Vec<u8>,
    /// The account's quotas.
    pub ledger: Ledger,
}

/// What the gate says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go on, and was counted.
    Allow,
    /// The same request will do at this instant.
    Defer {
        /// The first instant at which every window admits it, when nothing else is counted.
        retry_at: UnixMillis,
        /// The window that binds, or [`token_abuse`](Abuse) during a penalty.
        window: String,
        /// Whether a penalty began with this denial.
        penalty_began: bool,
    },
    /// No waiting helps.
    Reject(Reason),
}

impl Gate {
    /// The gate of an account from what its store holds.
    ///
    /// # Errors
    /// The store's, or a configuration that [`crate::config::Config::from_json`] would have refused.
    pub fn open(config: &AccountConfig, sql: &mut dyn Sql, now: UnixMillis) -> Result<Self, GateError> {
        let ledger = match read(row::LEDGER, sql)? {
            Some(bytes) => Ledger::load(&config.quotas, &config.time_zone, &bytes),
            None => Ledger::new(&config.quotas, &config.time_zone),
        };
        let mut stored = Stored::nothing();
        if let Some(bytes) = read(REQUESTS, sql)? {
            stored.add(&bytes, now);
        }
        let plan = match config.account_windows.as_slice() {
            [] => None,
            windows => Some(Dimension::new(Scope::Plan, "plan", Unit::Requests, windows.to_vec())?),
        };
        let mut gate = Self {
            status: config.status,
            plan,
            keys: BTreeMap::new(),
            key_rule: Rule::new(config.key_windows.clone())?,
            abuse: config.abuse.map(Watch::new).transpose()?,
            records: BTreeMap::new(),
            damaged_at: stored.damaged_at(),
            row: Vec::new(),
            ledger: ledger.map_err(|error| GateError::Policy(error.to_string()))?,
        };
        let mut changed = gate.plan.as_mut().is_some_and(|plan| stored.take_up(plan, now));
        for name in stored.names(Scope::Key) {
            let mut key = Dimension::of(Scope::Key, name.into(), Unit::Requests, &gate.key_rule);
            changed |= stored.take_up(&mut key, now);
            if !key.was_idle(forgotten_before(now)) {
                gate.keys.insert(key.shared_name(), key);
            }
        }
        if changed {
            gate.store(sql)?;
        }
        if let Some(watch) = &gate.abuse {
            for (name, bytes) in row::read_all(ABUSE, sql)? {
                let key = name.strip_prefix(ABUSE).unwrap_or(&name);
                gate.records.insert(key.into(), watch.load(&bytes));
            }
        }
        Ok(gate)
    }

    /// Counts one request of a key in every window, or in none. One row is written when it is counted; none when not,
    /// unless a clock was set back.
    ///
    /// # Errors
    /// The store's.
    pub fn admit(&mut self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Admission, SqlError> {
        if let Some(retry_at) = self.penalty(key_id, now) {
            let penalty_began = self.denied(key_id, sql, now)?;
            let retry_at = self.penalty(key_id, now).unwrap_or(retry_at);
            return Ok(Admission::Defer { retry_at, window: abuse::WINDOW.into(), penalty_began });
        }
        let moved = self.look_up(key_id, now);
        let key = self.keys.get_mut(key_id).map(|dimension| Charge { dimension, cost: 1 });
        let plan = self.plan.as_mut().map(|dimension| Charge { dimension, cost: 1 });
        let verdict = match (key, plan) {
            (Some(key), Some(plan)) => decide(self.status, &mut [key, plan], now),
            (Some(one), None) | (None, Some(one)) => decide(self.status, &mut [one], now),
            (None, None) => decide(self.status, &mut [], now),
        };
        if moved || verdict == Verdict::Allow {
            self.store(sql)?;
        }
        let window = |binding: Binding| {
            binding.of(self.asked(key_id)).map_or_else(String::new, |(_, window)| window.name().into())
        };
        Ok(match verdict {
            Verdict::Allow => {
                if let (Some(watch), Some(record)) = (&self.abuse, self.records.get_mut(key_id)) {
                    watch.admitted(record, now);
                }
                Admission::Allow
            }
            Verdict::Defer { retry_at, binding } => {
                let window = window(binding);
                if !self.denied(key_id, sql, now)? {
                    return Ok(Admission::Defer { retry_at, window, penalty_began: false });
                }
                let retry_at = self.penalty(key_id, now).map_or(retry_at, |until| until.max(retry_at));
                Admission::Defer { retry_at, window: abuse::WINDOW.into(), penalty_began: true }
            }
            // Nothing is held at this gate.
            Verdict::Occupied { binding } => Admission::Reject(Reason::NeverFits(binding)),
            Verdict::Reject(reason) => Admission::Reject(reason),
        })
    }

    /// What [`Gate::admit`] would say; counts nothing.
    pub fn peek(&mut self, key_id: &str, now: UnixMillis) -> Verdict {
        self.look_up(key_id, now);
        peek(self.status, self.asked(key_id), now)
    }

    /// Where every window stands for a request of this key: the explanation of [`Gate::admit`].
    pub fn explain(&mut self, key_id: &str, now: UnixMillis) -> Vec<Standing<'_>> {
        self.look_up(key_id, now);
        explain(self.status, self.asked(key_id), now)
    }

    /// What [`Gate::admit`] would say to so many requests at once, and where every window stands for them; counts nothing.
    pub fn rehearse(&mut self, key_id: &str, requests: u32, now: UnixMillis) -> (Verdict, Vec<Standing<'_>>) {
        self.look_up(key_id, now);
        let asked = || self.asked(key_id).map(|ask| Ask { cost: requests, ..ask });
        (peek(self.status, asked(), now), explain(self.status, asked(), now))
    }

    /// Reserves quota for `units` recipients in every period, or in none.
    ///
    /// # Errors
    /// The store's. The inner error is the ledger's refusal.
    pub fn reserve(
        &mut self,
        units: u64,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Result<Reservation, Refusal>, SqlError> {
        let reserved = self.ledger.reserve(units, now);
        if reserved.is_ok() {
            store_ledger(&self.ledger, sql)?;
        }
        Ok(reserved)
    }

    /// The end of a key's penalty.
    fn penalty(&self, key_id: &str, now: UnixMillis) -> Option<UnixMillis> {
        self.abuse.as_ref()?.penalty(self.records.get(key_id)?, now)
    }

    /// Counts a denial of a key. When a penalty begins with it, one row is written; returns whether one did.
    fn denied(&mut self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
        let Some(watch) = self.abuse.as_ref().filter(|_| key_id != OWNER) else { return Ok(false) };
        let record = self.records.entry(key_id.into()).or_insert_with(|| watch.clean());
        let began = watch.denied(record, now);
        if began {
            write(&[ABUSE, key_id].concat(), &record.to_bytes(), sql)?;
        }
        Ok(began)
    }

    /// What one request of a key costs: its own dimension first, then the plan's.
    fn asked(&self, key_id: &str) -> impl Iterator<Item = Ask<'_>> + Clone {
        self.keys.get(key_id).into_iter().chain(&self.plan).map(|dimension| Ask::new(dimension, 1))
    }

    /// Makes the dimension of a key that has not been seen, and follows a clock that was set back; returns whether that
    /// changed a byte. The caller knows that the account has this key.
    fn look_up(&mut self, key_id: &str, now: UnixMillis) -> bool {
        let moved = self.plan.as_mut().is_some_and(|plan| plan.rebase(now));
        if key_id == OWNER {
            return moved;
        }
        if let Some(key) = self.keys.get_mut(key_id) {
            return key.rebase(now) || moved;
        }
        let mut key = Dimension::of(Scope::Key, key_id.into(), Unit::Requests, &self.key_rule);
        if let Some(at) = self.damaged_at {
            key.fill(at);
        }
        self.keys.insert(key.shared_name(), key);
        moved
    }

    fn store(&mut self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        shelf::pack(self.plan.iter().chain(self.keys.values()), &mut self.row);
        write(REQUESTS, &self.row, sql)
    }
}

/// Why a gate could not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateError {
    /// The policy is malformed.
    Policy(String),
    /// The store failed.
    Store(SqlError),
}

impl From<LimiterError> for GateError {
    fn from(error: LimiterError) -> Self {
        Self::Policy(error.to_string())
    }
}

impl From<SqlError> for GateError {
    fn from(error: SqlError) -> Self {
        Self::Store(error)
    }
}

/// A state in which nothing was in use at this instant need not be kept.
fn forgotten_before(now: UnixMillis) -> UnixMillis {
    UnixMillis::new(now.as_millis().saturating_sub(FORGET_MS))
}

/// Stands for a key where the account's owner asks, in whose process it is: no key has this id. The owner's requests count
/// in the windows that all keys share, and have none of their own.
pub(crate) const OWNER: &str = "";
/// The row of the request windows: the plan's and every key's.
const REQUESTS: &str = "requests";
/// The rows of penalties, one a key.
const ABUSE: &str = "abuse:";
/// A state is kept for an hour after its last unit has drained, so that a clock set back by less finds it still.
const FORGET_MS: u64 = 3_600_000;
