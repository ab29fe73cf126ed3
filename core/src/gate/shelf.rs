//! The states of several dimensions in one row, each with the policy that made it.
//!
//! Rows written are what a Durable Object is billed for, so the dimensions that one decision touches stand together.
//!
//! ```text
//! 0  version                    u8, 1
//! 1  number of policies         u16
//!    each policy                u32 length, JSON
//!    number of states           u16
//!    each state                 u8 scope, u8 unit, u16 policy, u16 length and name, u32 length and bytes
//! ```
//!
//! Numbers are little-endian.

use super::{Dimension, Rule, Scope, Unit};
use crate::{limiter::Limiter, time::UnixMillis};
use alloc::{string::String, sync::Arc, vec::Vec};

/// What rows hold, to be taken up by the dimensions there are now.
pub(crate) struct Stored {
    entries: Vec<Entry>,
    /// A row could not be read: whatever may have stood in it is taken as full since then.
    damaged_at: Option<UnixMillis>,
}

struct Entry {
    scope: Scope,
    unit: Unit,
    name: String,
    policy: Arc<str>,
    state: Vec<u8>,
}

/// Writes dimensions into a row's bytes; what the buffer held is gone.
pub(crate) fn pack<'a>(dimensions: impl Iterator<Item = &'a Dimension> + Clone, row: &mut Vec<u8>) {
    let mut rules: Vec<&Arc<Rule>> = Vec::new();
    for dimension in dimensions.clone() {
        if !rules.iter().any(|known| Arc::ptr_eq(known, dimension.rule())) {
            rules.push(dimension.rule());
        }
    }
    row.clear();
    row.push(VERSION);
    put_short(row, rules.len());
    for rule in &rules {
        put_long(row, rule.policy.as_bytes());
    }
    put_short(row, dimensions.clone().count());
    for dimension in dimensions {
        let policy = rules.iter().position(|known| Arc::ptr_eq(known, dimension.rule())).unwrap_or_default();
        row.push(number(Scope::ALL.iter().position(|scope| *scope == dimension.scope())));
        row.push(number(Unit::ALL.iter().position(|unit| *unit == dimension.unit())));
        put_short(row, policy);
        put_short(row, dimension.name().len());
        row.extend_from_slice(dimension.name().as_bytes());
        put_long(row, dimension.state().as_bytes());
    }
}

impl Stored {
    /// Nothing was ever stored.
    pub(crate) const fn nothing() -> Self {
        Self { entries: Vec::new(), damaged_at: None }
    }

    /// Adds what a row holds.
    pub(crate) fn add(&mut self, row: &[u8], now: UnixMillis) {
        match entries(row) {
            Some(entries) => self.entries.extend(entries),
            None => self.damaged_at = Some(now),
        }
    }

    /// Lets a fresh dimension go on where its stored state stands.
    ///
    /// A state that another policy made goes on under this one with its units in use. One that cannot be read at all is
    /// taken as full, once: nothing fails open.
    ///
    /// Returns whether it now differs from what is stored.
    pub(crate) fn take_up(&self, dimension: &mut Dimension, now: UnixMillis) -> bool {
        let stored = self.entries.iter().find(|entry| {
            (entry.scope, entry.unit, &*entry.name) == (dimension.scope(), dimension.unit(), dimension.name())
        });
        match (stored, self.damaged_at) {
            (Some(entry), _) => entry.take_up(dimension, now),
            (None, Some(damaged_at)) => {
                dimension.fill(damaged_at);
                true
            }
            (None, None) => false,
        }
    }

    /// When a row was found that could not be read.
    pub(crate) const fn damaged_at(&self) -> Option<UnixMillis> {
        self.damaged_at
    }

    /// The names stored of a scope.
    pub(crate) fn names(&self, scope: Scope) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(move |entry| entry.scope == scope).map(|entry| entry.name.as_str())
    }
}

impl Entry {
    fn take_up(&self, dimension: &mut Dimension, now: UnixMillis) -> bool {
        let rule = Arc::clone(dimension.rule());
        if *self.policy == *rule.policy
            && let Ok(state) = rule.limiter.load(&self.state)
        {
            dimension.set_state(state);
            return false;
        }
        let old = serde_json::from_str(&self.policy).ok().and_then(|windows| Limiter::new(windows).ok());
        let migrated = old.and_then(|old| {
            let state = old.load(&self.state).ok()?;
            Some(rule.limiter.migrate(&old, &state, now))
        });
        match migrated {
            Some(state) => dimension.set_state(state),
            None => dimension.fill(now),
        }
        true
    }
}

fn entries(row: &[u8]) -> Option<Vec<Entry>> {
    let (&VERSION, mut rest) = row.split_first()? else { return None };
    let mut policies: Vec<Arc<str>> = Vec::new();
    for _ in 0..short(&mut rest)? {
        policies.push(core::str::from_utf8(long(&mut rest)?).ok()?.into());
    }
    let mut entries = Vec::new();
    for _ in 0..short(&mut rest)? {
        let scope = *Scope::ALL.get(usize::from(byte(&mut rest)?))?;
        let unit = *Unit::ALL.get(usize::from(byte(&mut rest)?))?;
        let policy = Arc::clone(policies.get(short(&mut rest)?)?);
        let length = short(&mut rest)?;
        let name = core::str::from_utf8(rest.split_off(..length)?).ok()?.into();
        entries.push(Entry { scope, unit, name, policy, state: long(&mut rest)?.into() });
    }
    rest.is_empty().then_some(entries)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    rest.split_off_first().copied()
}

fn short(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, left) = rest.split_first_chunk::<2>()?;
    *rest = left;
    Some(usize::from(u16::from_le_bytes(*bytes)))
}

fn long<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (bytes, left) = rest.split_first_chunk::<4>()?;
    *rest = left;
    rest.split_off(..usize::try_from(u32::from_le_bytes(*bytes)).ok()?)
}

fn put_short(row: &mut Vec<u8>, n: usize) {
    row.extend_from_slice(&u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes());
}

fn put_long(row: &mut Vec<u8>, bytes: &[u8]) {
    row.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    row.extend_from_slice(bytes);
}

fn number(place: Option<usize>) -> u8 {
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

const VERSION: u8 = 1;
