//! The gate: may this key make a request now, and is there quota for its recipients?
//!
//! Two questions, because they are about two things. *Requests* are counted by windows (each key's own and the account's
//! plan, decided together: a denial charges neither). *Recipients* are counted by the ledger, which reserves for the whole
//! request or for nothing. A request that is well-formed or not has been made, so it is charged to the windows either way.

use crate::{
    config::AccountConfig,
    ledger::{Ledger, Refusal, Reservation},
    limiter::{Decision, Limiter, LimiterError, State, Window},
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The windows and the quotas of one account.
pub struct Gate {
    keys: Kept,
    key_states: BTreeMap<String, State>,
    plan: Kept,
    plan_state: State,
    /// The account's quotas.
    pub ledger: Ledger,
}

/// What the windows say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go on, and was counted.
    Allow,
    /// The same request will do at this instant.
    Defer {
        /// The first instant at which every window admits it, when nothing else is counted.
        retry_at: UnixMillis,
        /// The window that binds.
        window: String,
    },
}

/// Where one window stands: the slack of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `key` or `account`.
    pub scope: &'static str,
    /// The window.
    pub window: Window,
    /// Units still free.
    pub remaining: u32,
    /// Units in use.
    pub used: u32,
    /// The first instant at which more is free; now when all is.
    pub next_at: UnixMillis,
}

impl Gate {
    /// The gate of an account from what its store holds.
    ///
    /// # Errors
    /// The store's, or a configuration that [`crate::config::Config::from_json`] would have refused.
    pub fn open(config: &AccountConfig, sql: &mut dyn Sql, now: UnixMillis) -> Result<Self, GateError> {
        let keys = Kept::new(config.key_windows.clone())?;
        let plan = Kept::new(config.account_windows.clone())?;
        let plan_state = plan.load(PLAN, sql, now)?;
        let ledger = match read(LEDGER, sql)? {
            Some(bytes) => Ledger::load(&config.quotas, &config.time_zone, &bytes),
            None => Ledger::new(&config.quotas, &config.time_zone),
        };
        let ledger = ledger.map_err(|error| GateError::Policy(error.to_string()))?;
        Ok(Self { keys, key_states: BTreeMap::new(), plan, plan_state, ledger })
    }

    /// Counts one request of a key in every window, or in none.
    ///
    /// # Errors
    /// The store's.
    pub fn admit(&mut self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Admission, SqlError> {
        let mut key_state = self.key_state(key_id, sql, now)?;
        let by_key = self.keys.limiter.peek(&key_state, 1, now);
        let by_plan = self.plan.limiter.peek(&self.plan_state, 1, now);
        if let Some((retry_at, window)) = later(self.denial(&by_key, true), self.denial(&by_plan, false)) {
            return Ok(Admission::Defer { retry_at, window });
        }
        let mut plan_state = self.plan_state.clone();
        self.keys.limiter.charge(&mut key_state, 1, now);
        self.plan.limiter.charge(&mut plan_state, 1, now);
        self.keys.store(&key_row(key_id), &key_state, sql)?;
        self.plan.store(PLAN, &plan_state, sql)?;
        self.key_states.insert(key_id.into(), key_state);
        self.plan_state = plan_state;
        Ok(Admission::Allow)
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

    /// Where every window stands for a key: the explanation of [`Gate::admit`]. The binding one is the one with the least
    /// remaining.
    ///
    /// # Errors
    /// The store's.
    pub fn explain(&mut self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Vec<Standing>, SqlError> {
        let key_state = self.key_state(key_id, sql, now)?;
        let mut standings = standings("key", &self.keys.limiter, &key_state, now);
        standings.extend(self::standings("account", &self.plan.limiter, &self.plan_state, now));
        Ok(standings)
    }

    fn key_state(&self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<State, SqlError> {
        match self.key_states.get(key_id) {
            Some(state) => Ok(state.clone()),
            None => self.keys.load(&key_row(key_id), sql, now),
        }
    }

    fn denial(&self, decision: &Decision, by_key: bool) -> Option<(UnixMillis, String)> {
        let limiter = if by_key { &self.keys.limiter } else { &self.plan.limiter };
        let name = |window: usize| limiter.windows().get(window).map_or_else(String::new, |w| w.name().into());
        match *decision {
            Decision::Allow { .. } => None,
            Decision::Defer { retry_at, window } => Some((retry_at, name(window))),
            Decision::Reject { window } => Some((UnixMillis::MAX, name(window))),
        }
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

/// A limiter whose states are kept in rows, each with the policy that made it.
pub(crate) struct Kept {
    pub(crate) limiter: Limiter,
    policy: String,
}

impl Kept {
    pub(crate) fn new(windows: Vec<Window>) -> Result<Self, GateError> {
        let policy = serde_json::to_string(&windows).map_err(|error| GateError::Policy(error.to_string()))?;
        Ok(Self { limiter: Limiter::new(windows)?, policy })
    }

    /// The state of a row; fresh when there is none.
    ///
    /// A state that another policy made goes on under this one with its units in use, and is stored at once. One that
    /// cannot be read at all is taken as full, once: nothing fails open.
    pub(crate) fn load(&self, row: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<State, SqlError> {
        let Some(bytes) = read(row, sql)? else { return Ok(self.limiter.fresh()) };
        let (policy, state) = unpacked(&bytes).unwrap_or_default();
        if policy == self.policy
            && let Ok(state) = self.limiter.load(state)
        {
            return Ok(state);
        }
        let state = self.taken_up(policy, state, now).unwrap_or_else(|| self.full(now));
        self.store(row, &state, sql)?;
        Ok(state)
    }

    pub(crate) fn store(&self, row: &str, state: &State, sql: &mut dyn Sql) -> Result<(), SqlError> {
        let length = u32::try_from(self.policy.len()).unwrap_or(0).to_le_bytes();
        let bytes = [&length, self.policy.as_bytes(), state.as_bytes()].concat();
        write(row, &bytes, sql)
    }

    fn taken_up(&self, policy: &str, state: &[u8], now: UnixMillis) -> Option<State> {
        let old = Limiter::new(serde_json::from_str(policy).ok()?).ok()?;
        let state = old.load(state).ok()?;
        Some(self.limiter.migrate(&old, &state, now))
    }

    fn full(&self, now: UnixMillis) -> State {
        let mut state = self.limiter.fresh();
        let most = self.limiter.windows().iter().map(Window::limit).max().unwrap_or(0);
        self.limiter.charge(&mut state, most, now);
        state
    }
}

/// The policy and the state of a row's bytes.
fn unpacked(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (policy, state) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((core::str::from_utf8(policy).ok()?, state))
}

/// Writes the ledger after a reservation, a commit or a release.
///
/// # Errors
/// The store's.
pub(crate) fn store_ledger(ledger: &Ledger, sql: &mut dyn Sql) -> Result<(), SqlError> {
    write(LEDGER, ledger.as_bytes(), sql)
}

/// A row of the state table.
///
/// # Errors
/// The store's.
pub(crate) fn read(name: &str, sql: &mut dyn Sql) -> Result<Option<Vec<u8>>, SqlError> {
    let rows = sql.run("SELECT bytes FROM state WHERE name = ?1", &[Param::Text(name)])?;
    match rows.into_iter().next().and_then(|row| row.into_iter().next()) {
        None => Ok(None),
        Some(Value::Blob(bytes)) => Ok(Some(bytes)),
        Some(_) => Err(SqlError("a state row holds no bytes".into())),
    }
}

/// Writes a row of the state table.
///
/// # Errors
/// The store's.
pub(crate) fn write(name: &str, bytes: &[u8], sql: &mut dyn Sql) -> Result<(), SqlError> {
    let statement =
        "INSERT INTO state(name, bytes) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET bytes = excluded.bytes";
    sql.run(statement, &[Param::Text(name), Param::Blob(bytes)]).map(|_| ())
}

pub(crate) fn standings(scope: &'static str, limiter: &Limiter, state: &State, now: UnixMillis) -> Vec<Standing> {
    let usage = limiter.usage(state, now);
    limiter
        .windows()
        .iter()
        .zip(usage)
        .map(|(window, usage)| Standing {
            scope,
            window: window.clone(),
            remaining: usage.remaining,
            used: usage.used,
            next_at: usage.next_at,
        })
        .collect()
}

fn later(a: Option<(UnixMillis, String)>, b: Option<(UnixMillis, String)>) -> Option<(UnixMillis, String)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn key_row(key_id: &str) -> String {
    format!("key:{key_id}")
}

const PLAN: &str = "plan";
const LEDGER: &str = "ledger";
