//! A provider that messages leave through, with what is known of it: whether it takes calls, and since when it does not.
//!
//! Each has its own credential, block and counts; none of them says anything about another.

use super::circuit::Circuit;
use crate::{
    backoff::Backoff,
    config::{AccountConfig, Failover, ProviderConfig},
    gate::{self, Unit},
    limiter::Window,
    outcome::Answer,
    provider::{
        self, Bounds, Compose, ProviderKind, Target,
        learn::{self, Learned},
    },
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// One provider of the account.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: ProviderKind,
    base_url: String,
    credential: String,
    domain: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
    compose: Compose,
    windows: Vec<Known>,
    pub(super) timeout_ms: u64,
    /// How much one call carries, by the provider, its profile and the account.
    pub(super) bounds: Bounds,
    /// Whether it takes calls.
    pub(super) circuit: Circuit,
    /// Calls on their way.
    pub(super) in_flight: usize,
    /// Whether it is asked about the account, and when it was.
    pub(super) asks: bool,
    pub(super) asked_at: Option<UnixMillis>,
}

/// A window of the provider's.
struct Known {
    unit: Unit,
    /// As configured.
    documented: Window,
    /// With the limit that the provider told.
    now: Window,
    /// It is the profile's figure, not the account's own.
    is_built_in: bool,
}

/// Limits that a provider told, as stored: what each counts, the window's name, and how many.
#[derive(Default, Serialize, Deserialize)]
struct Told<'a> {
    /// Limits of another dialect under the same name mean something else.
    kind: &'a str,
    #[serde(borrow)]
    limits: Vec<(&'a str, &'a str, u32)>,
}

impl Known {
    /// The windows of a configuration, with the limits that were told to the process before.
    fn all_of(config: &ProviderConfig, told: &Told<'_>) -> Vec<Self> {
        let lists = [
            (Unit::Requests, &config.windows),
            (Unit::Messages, &config.message_windows),
            (Unit::Recipients, &config.recipient_windows),
        ];
        let is_known = told.kind == config.kind.as_str();
        let of = |unit: Unit, window: &Window| {
            let is_built_in = !config.is_own(window.name());
            let is_of = |(of, name, _): &&(&str, &str, u32)| *of == unit.word() && *name == window.name();
            let limit = told.limits.iter().find(is_of).filter(|_| is_built_in && is_known);
            let now = limit.map_or_else(|| window.clone(), |(_, _, limit)| learn::told_before(window, *limit));
            Self { unit, documented: window.clone(), now, is_built_in }
        };
        lists.into_iter().flat_map(|(unit, windows)| windows.iter().map(move |window| of(unit, window))).collect()
    }
}

impl Provider {
    pub(super) fn open(
        account: &AccountConfig,
        config: &ProviderConfig,
        credential: &str,
        compose: Compose,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, SqlError> {
        let stored = gate::read(&told_row(&config.name), sql)?.unwrap_or_default();
        // What cannot be read is not known: the profile's figures hold until the provider tells again.
        let told: Told<'_> = serde_json::from_slice(&stored).unwrap_or_default();
        Ok(Self {
            name: config.name.clone(),
            kind: config.kind,
            base_url: config.base_url.clone(),
            credential: credential.into(),
            domain: config.domain.clone(),
            account_id: config.account_id.clone(),
            region: config.region.clone(),
            compose,
            windows: Known::all_of(config, &told),
            timeout_ms: config.timeout_ms,
            bounds: bounds(account, config),
            circuit: Circuit::open(&config.name, sql, now)?,
            in_flight: 0,
            asks: config.ask_account,
            asked_at: None,
        })
    }

    /// Whether it is to be asked about the account now.
    pub(super) fn has_question(&self, now: UnixMillis) -> bool {
        let is_due = self.asked_at.is_none_or(|at| now.since(at) >= ASK_AGAIN_MS);
        self.asks && is_due && self.circuit.blocked_until <= now
    }

    /// Where its calls go.
    pub(super) fn target(&self) -> Target<'_> {
        Target {
            base_url: &self.base_url,
            credential: &self.credential,
            domain: self.domain.as_deref(),
            account_id: self.account_id.as_deref(),
            region: self.region.as_deref(),
            compose: Some(self.compose),
        }
    }

    /// Its windows of a unit as they are now: those of its profile with the limits that it told; `None` where it has none.
    pub(super) fn windows(&self, unit: Unit) -> Option<Vec<Window>> {
        let windows: Vec<Window> =
            self.windows.iter().filter(|known| known.unit == unit).map(|known| known.now.clone()).collect();
        Some(windows).filter(|windows| !windows.is_empty())
    }

    /// Moves the windows of its profile by what it told, and remembers that over a restart; whether any was moved.
    pub(super) fn take_in(&mut self, learned: &Learned, sql: &mut dyn Sql, now: UnixMillis) -> Result<bool, SqlError> {
        let mut moved = false;
        for unit in Unit::ALL {
            let is_meant = |known: &Known| known.unit == unit && known.is_built_in;
            let of_unit = || self.windows.iter().filter(|known| is_meant(known));
            let documented: Vec<Window> = of_unit().map(|known| known.documented.clone()).collect();
            let current: Vec<Window> = of_unit().map(|known| known.now.clone()).collect();
            let next = learn::moved(&documented, &current, unit, learned, now);
            for (known, next) in self.windows.iter_mut().filter(|known| is_meant(known)).zip(next) {
                moved |= known.now != next;
                known.now = next;
            }
        }
        if moved {
            self.remember(sql)?;
        }
        Ok(moved)
    }

    /// Stores the limits that are not the documented ones.
    fn remember(&self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        let moved = self.windows.iter().filter(|known| known.now != known.documented);
        let limits = moved.map(|known| (known.unit.word(), known.now.name(), known.now.limit())).collect();
        let told = Told { kind: self.kind.as_str(), limits };
        let text = serde_json::to_string(&told).map_err(|error| SqlError(format!("{error}")))?;
        gate::write(&told_row(&self.name), text.as_bytes(), sql)
    }

    /// When it may be asked; [`UnixMillis::MAX`] when that depends on an answer. After failures it is asked with one call
    /// at a time, until one of them is taken.
    pub(super) fn opens_at(&self, failover: &Failover, now: UnixMillis) -> UnixMillis {
        let Circuit { blocked_until, failures, .. } = self.circuit;
        let is_tried = failures >= failover.after_failures && self.in_flight > 0;
        if is_tried && blocked_until <= now { UnixMillis::MAX } else { blocked_until }
    }

    /// What answers to one call mean for everything else that waits for this provider: [`Circuit::heed`].
    pub(super) fn heed(
        &mut self,
        answers: &[Answer],
        backoff: &Backoff,
        counts: Option<&Failover>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.circuit.heed(&self.name, answers, backoff, counts, sql, now)
    }
}

/// The smallest of what applies to a call: the provider's own bounds, its profile's, the account's.
pub(crate) fn bounds(account: &AccountConfig, config: &ProviderConfig) -> Bounds {
    let own = provider::bounds(config.kind);
    let profile = config.profile().and_then(|profile| usize::try_from(profile.messages_per_call.0).ok());
    // The sandbox shows messages one by one unless it is asked for more.
    let unasked = if config.kind == ProviderKind::Sandbox { 1 } else { MOST_MESSAGES };
    let asked = account.calls.max_messages.unwrap_or(unasked);
    let messages = own.messages.min(profile.unwrap_or(usize::MAX)).min(asked).min(MOST_MESSAGES);
    Bounds { messages, recipients: own.recipients, bytes: own.bytes.min(MOST_BYTES) }
}

fn told_row(provider: &str) -> String {
    format!("told:{provider}")
}

/// Quotas are raised by people, not by the minute.
const ASK_AGAIN_MS: u64 = 3_600_000;
/// A spent quota without a hint is asked about once an hour: quotas are of a day or a month.
pub(super) const QUOTA_WAIT_MS: u64 = 3_600_000;
/// A wrong credential or an unverified sender needs its owner; five minutes is how soon a correction is noticed.
pub(super) const OWNER_WAIT_MS: u64 = 300_000;
/// Postmark's 500 messages a call are the most that any provider here says and takes.
const MOST_MESSAGES: usize = 500;
/// A call's messages are in memory three times, stored, read and written again: a Worker has 128 MB for everything.
const MOST_BYTES: usize = 8_000_000;
