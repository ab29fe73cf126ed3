//! The dimensions of messages on their way out: the account's pace, the provider, the classes and the receivers.
//!
//! A call weighs differently in each: one request to its provider and nothing at the others, so many messages, so many
//! recipients, and so many at each group of domains. Units on their way are held: they take room from departure to answer
//! and are counted when the answer arrives. A provider and a receiver see them between the two, so no window of theirs can
//! hold more than ours did, whatever the latency.
//!
//! All of an account's named dimensions share a row. A receiver that only the rule for all others limits has a row of
//! its own, because there may be thousands of them and a message touches one.

use super::{
    Ask, Binding, Dimension, GateError, Rule, Scope, Standing, Unit, Verdict, explain, forgotten_before, peek,
    row::{read, read_all, remove, write},
    shelf::{Stored, pack},
    weight::Weight,
};
use crate::{
    catalog::DomainGroups,
    config::{AccountConfig, AccountStatus, OTHER_DOMAINS},
    limiter::Window,
    message::Class,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{collections::BTreeMap, format, string::String, string::ToString, sync::Arc, vec::Vec};
use core::iter::once;

/// Which messages a binding window keeps from leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hurdle {
    /// Every one.
    All,
    /// Those of the same class.
    Class,
    /// Those to the same group: its place in the weight.
    Group(usize),
}

/// The dimensions, with what is on its way.
pub(crate) struct Dispatch {
    status: AccountStatus,
    /// The account's, the providers' and the classes'.
    fixed: Vec<Slot>,
    /// The groups with a rule of their own.
    named: BTreeMap<Arc<str>, Slot>,
    /// The rule for every other group, as a dimension in which nothing was ever counted.
    others: Option<Dimension>,
    /// The others that were met, each with a row of its own.
    met: BTreeMap<Arc<str>, Slot>,
    catalog: Option<DomainGroups>,
    prune_at: usize,
    /// The newest instant that [`Dispatch::follow`] saw.
    newest: UnixMillis,
    row: Vec<u8>,
}

struct Slot {
    dimension: Dimension,
    held: u32,
    /// The place of the provider whose window it is.
    provider: Option<usize>,
}

impl Dispatch {
    /// `windows` says how the windows of the provider at a place are now, when they are not as configured.
    pub(crate) fn open(
        config: &AccountConfig,
        windows: &dyn Fn(usize, Unit) -> Option<Vec<Window>>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, GateError> {
        let mut stored = Stored::nothing();
        if let Some(bytes) = read(DISPATCH, sql)? {
            stored.add(&bytes, now);
        }
        let mut dispatch = Self::fresh(config, windows)?;
        let mut changed = false;
        for slot in dispatch.fixed.iter_mut().chain(dispatch.named.values_mut()) {
            changed |= stored.take_up(&mut slot.dimension, now);
        }
        for (name, bytes) in read_all(GROUP, sql)? {
            changed |= dispatch.take_in(&name, &bytes, &stored, sql, now)?;
        }
        if changed {
            dispatch.store(sql)?;
        }
        Ok(dispatch)
    }

    pub(crate) const fn status(&self) -> AccountStatus {
        self.status
    }

    /// Whether messages have to be weighed by their recipients' addresses.
    pub(crate) const fn weighs_groups(&self) -> bool {
        self.catalog.is_some()
    }

    /// What a message to these addresses costs. An address limited by no rule costs nothing at its receiver.
    pub(crate) fn weigh<'a>(&self, class: Class, addresses: impl Iterator<Item = &'a str>) -> Weight {
        let mut weight = Weight { class, messages: 1, ..Weight::default() };
        let mut groups: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for address in addresses {
            weight.recipients = weight.recipients.saturating_add(1);
            if let Some(group) = self.group_of(address) {
                let units = groups.entry(group).or_default();
                *units = units.saturating_add(1);
            }
        }
        weight.groups = groups.into_iter().collect();
        weight
    }

    /// Follows a clock that was set back; returns whether it was. What is stored follows with the next charge.
    pub(crate) fn follow(&mut self, now: UnixMillis) -> bool {
        let set_back = now < self.newest;
        self.newest = now;
        if set_back {
            let groups = self.named.values_mut().chain(self.met.values_mut());
            self.fixed.iter_mut().chain(groups).for_each(|slot| _ = slot.dimension.rebase(now));
        }
        set_back
    }

    /// Whether a call may leave through a provider beside those on their way.
    pub(crate) fn peek(&self, weight: &Weight, via: usize, now: UnixMillis) -> Verdict {
        peek(self.status, self.asked(weight, via), now)
    }

    /// Whether a binding window is a provider's: another provider may have room.
    pub(crate) fn is_of_provider(&self, binding: Binding) -> bool {
        self.fixed.get(binding.dimension).is_some_and(|slot| slot.provider.is_some())
    }

    /// Whom a binding window stops.
    pub(crate) fn hurdle(&self, weight: &Weight, binding: Binding) -> Hurdle {
        match self.fixed.get(binding.dimension).map(|slot| (slot.dimension.scope(), slot.dimension.unit())) {
            // A message to fewer recipients may still have room, and a large one must not stop a class above its own.
            Some((Scope::Class, _) | (_, Unit::Recipients)) => Hurdle::Class,
            // So may one message where several that have to go together have none.
            Some((_, Unit::Messages)) if weight.messages > 1 => Hurdle::Class,
            Some((Scope::Key | Scope::Plan | Scope::Account | Scope::Provider | Scope::DomainGroup, _)) => Hurdle::All,
            None => Hurdle::Group(binding.dimension.saturating_sub(self.fixed.len())),
        }
    }

    /// The window that never admits a message of this weight through a provider, and its dimension.
    pub(crate) fn never_fits(&self, weight: &Weight, via: usize) -> Option<(&Dimension, &Window)> {
        self.asked(weight, via).find_map(|ask| {
            let window = ask.dimension.limiter().windows().get(ask.never()?)?;
            Some((ask.dimension, window))
        })
    }

    /// Where every window stands, for a message of this weight through a provider.
    pub(crate) fn explain(&self, weight: &Weight, via: usize, now: UnixMillis) -> Vec<Standing<'_>> {
        explain(self.status, self.asked(weight, via), now)
    }

    /// Where every window there is stands: the account's, the providers', the classes', the named groups', those of the
    /// others that are in use, and what any other group would find.
    pub(crate) fn standings(&self, now: UnixMillis) -> Vec<Standing<'_>> {
        let in_use = |slot: &&Slot| slot.held > 0 || !slot.dimension.was_idle(now);
        let met = self.met.values().filter(in_use);
        let slots = self.fixed.iter().chain(self.named.values()).chain(met).map(|slot| slot.ask(1));
        explain(self.status, slots.chain(self.others.iter().map(|others| Ask::new(others, 1))), now)
    }

    /// Gives a provider's windows of one unit other limits. They are stored with the next charge.
    pub(crate) fn change(&mut self, via: usize, unit: Unit, windows: Vec<Window>, now: UnixMillis) {
        let is_meant = |slot: &&mut Slot| slot.provider == Some(via) && slot.dimension.unit() == unit;
        if let Some(slot) = self.fixed.iter_mut().find(is_meant)
            && slot.dimension.limiter().windows() != windows
        {
            // Limits that no limiter takes change nothing.
            _ = slot.dimension.change(windows, now);
        }
    }

    /// A call departs through a provider.
    pub(crate) fn hold(&mut self, weight: &Weight, via: usize, now: UnixMillis) {
        self.each(weight, via, now, |slot, cost| slot.held = slot.held.saturating_add(cost));
    }

    /// A call is answered; if it was seen, [`Dispatch::charge`] follows.
    pub(crate) fn release(&mut self, weight: &Weight, via: usize, now: UnixMillis) {
        self.each(weight, via, now, |slot, cost| slot.held = slot.held.saturating_sub(cost));
    }

    /// Counts a call that was, or may have been, seen; writes the rows that this changes.
    pub(crate) fn charge(
        &mut self,
        weight: &Weight,
        via: usize,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<(), SqlError> {
        self.count(weight, via, now);
        for (name, _) in &weight.groups {
            if let Some(slot) = self.met.get(name) {
                pack(once(&slot.dimension), &mut self.row);
                write(&group_row(name), &self.row, sql)?;
            }
        }
        let costs_nothing = |slot: &Slot| weight.cost(&slot.dimension, slot.is_passed_by(via)) == 0;
        let is_named = |(name, _): &(Arc<str>, u32)| self.named.contains_key(name);
        if self.fixed.iter().all(costs_nothing) && !weight.groups.iter().any(is_named) {
            return Ok(());
        }
        self.store(sql)
    }

    /// Counts a call in memory alone.
    pub(crate) fn count(&mut self, weight: &Weight, via: usize, now: UnixMillis) {
        self.each(weight, via, now, |slot, cost| _ = slot.dimension.charge(cost, now));
    }

    /// The window that a binding names among those that a call through a provider meets, and its dimension.
    pub(crate) fn named(&self, weight: &Weight, via: usize, binding: Binding) -> Option<(&Dimension, &Window)> {
        binding.of(self.asked(weight, via))
    }

    /// The dimensions of a configuration, with nothing counted yet.
    pub(crate) fn fresh(
        config: &AccountConfig,
        windows: &dyn Fn(usize, Unit) -> Option<Vec<Window>>,
    ) -> Result<Self, GateError> {
        let mut dispatch = Self {
            status: config.status,
            fixed: Vec::new(),
            named: BTreeMap::new(),
            others: None,
            met: BTreeMap::new(),
            catalog: None,
            prune_at: MOST_MET,
            newest: UnixMillis::MAX,
            row: Vec::new(),
        };
        dispatch.add(Scope::Account, "sending", Unit::Messages, &config.sending.windows(), None)?;
        for (place, provider) in config.senders().enumerate() {
            for (unit, configured) in [
                (Unit::Requests, &provider.windows),
                (Unit::Messages, &provider.message_windows),
                (Unit::Recipients, &provider.recipient_windows),
            ] {
                let now = windows(place, unit);
                let windows = now.as_ref().unwrap_or(configured);
                dispatch.add(Scope::Provider, &provider.name, unit, windows, Some(place))?;
            }
        }
        for (class, windows) in &config.class_windows {
            dispatch.add(Scope::Class, class.as_str(), Unit::Messages, windows, None)?;
        }
        for (group, windows) in &config.domain_windows {
            let dimension = Dimension::new(Scope::DomainGroup, group, Unit::Recipients, windows.clone())?;
            if group == OTHER_DOMAINS {
                dispatch.others = Some(dimension);
            } else {
                dispatch.named.insert(dimension.shared_name(), Slot::new(dimension));
            }
        }
        if !config.domain_windows.is_empty() {
            let groups = DomainGroups::embedded().and_then(|known| known.with(&config.domain_groups));
            let groups = groups.map_err(|error| GateError::Policy(error.to_string()))?;
            dispatch.catalog = Some(groups);
        }
        Ok(dispatch)
    }

    fn add(
        &mut self,
        scope: Scope,
        name: &str,
        unit: Unit,
        windows: &[Window],
        provider: Option<usize>,
    ) -> Result<(), GateError> {
        if !windows.is_empty() {
            let dimension = Dimension::new(scope, name, unit, windows.to_vec())?;
            self.fixed.push(Slot { provider, ..Slot::new(dimension) });
        }
        Ok(())
    }

    /// Takes in the row of one group. Returns whether that changes the shared row. A row that is not needed goes.
    fn take_in(
        &mut self,
        row: &str,
        bytes: &[u8],
        shared: &Stored,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<bool, SqlError> {
        let name: Arc<str> = row.strip_prefix(GROUP).unwrap_or_default().into();
        let mut stored = Stored::nothing();
        stored.add(bytes, now);
        if let Some(slot) = self.named.get_mut(&name) {
            // It has a rule of its own by now.
            let known = shared.names(Scope::DomainGroup).any(|known| *known == *name);
            if !known {
                stored.take_up(&mut slot.dimension, now);
            }
            return remove(row, sql).map(|()| !known);
        }
        let Some(others) = &self.others else { return remove(row, sql).map(|()| false) };
        let mut slot = Slot::of_others(others, &name);
        let changed = stored.take_up(&mut slot.dimension, now);
        if slot.dimension.was_idle(forgotten_before(now)) {
            return remove(row, sql).map(|()| false);
        }
        if changed {
            pack(once(&slot.dimension), &mut self.row);
            write(row, &self.row, sql)?;
        }
        self.met.insert(name, slot);
        Ok(false)
    }

    /// The group whose windows limit an address; `None` when nothing does.
    fn group_of(&self, address: &str) -> Option<Arc<str>> {
        let catalog = self.catalog.as_ref()?;
        let (_, domain) = address.rsplit_once('@')?;
        let group = catalog.group_of(domain).unwrap_or(domain);
        match self.named.get_key_value(group).or_else(|| self.met.get_key_value(group)) {
            Some((known, _)) => Some(Arc::clone(known)),
            None => self.others.is_some().then(|| group.into()),
        }
    }

    fn asked<'a>(&'a self, weight: &Weight, via: usize) -> impl Iterator<Item = Ask<'a>> + Clone {
        let fixed = self.fixed.iter().map(move |slot| slot.ask(weight.cost(&slot.dimension, slot.is_passed_by(via))));
        let groups = weight.groups.iter().filter_map(move |(name, units)| {
            match self.named.get(name).or_else(|| self.met.get(name)) {
                Some(slot) => Some(slot.ask(*units)),
                None => self.others.as_ref().map(|others| Ask::new(others, *units)),
            }
        });
        fixed.chain(groups)
    }

    /// Does something to every dimension in which a call costs something.
    fn each(&mut self, weight: &Weight, via: usize, now: UnixMillis, mut act: impl FnMut(&mut Slot, u32)) {
        for slot in &mut self.fixed {
            let cost = weight.cost(&slot.dimension, slot.is_passed_by(via));
            if cost > 0 {
                act(slot, cost);
            }
        }
        for (name, units) in &weight.groups {
            self.meet(name, now);
            if let Some(slot) = self.named.get_mut(name).or_else(|| self.met.get_mut(name)) {
                act(slot, *units);
            }
        }
    }

    /// Makes the dimension of a group that only the rule for all others limits.
    fn meet(&mut self, name: &Arc<str>, now: UnixMillis) {
        let Some(others) = &self.others else { return };
        if self.named.contains_key(name) || self.met.contains_key(name) {
            return;
        }
        if self.met.len() >= self.prune_at {
            let idle_at = forgotten_before(now);
            self.met.retain(|_, slot| slot.held > 0 || !slot.dimension.was_idle(idle_at));
            self.prune_at = self.met.len().saturating_mul(2).max(MOST_MET);
        }
        self.met.insert(Arc::clone(name), Slot::of_others(others, name));
    }

    fn store(&mut self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        pack(self.fixed.iter().chain(self.named.values()).map(|slot| &slot.dimension), &mut self.row);
        write(DISPATCH, &self.row, sql)
    }
}

impl Slot {
    const fn new(dimension: Dimension) -> Self {
        Self { dimension, held: 0, provider: None }
    }

    fn of_others(others: &Dimension, name: &Arc<str>) -> Self {
        let rule: &Arc<Rule> = others.rule();
        Self::new(Dimension::of(Scope::DomainGroup, Arc::clone(name), Unit::Recipients, rule))
    }

    /// Whether it is another provider's than the one a call goes through.
    fn is_passed_by(&self, via: usize) -> bool {
        self.provider.is_some_and(|provider| provider != via)
    }

    const fn ask(&self, cost: u32) -> Ask<'_> {
        Ask { dimension: &self.dimension, cost, held: self.held }
    }
}

fn group_row(name: &str) -> String {
    format!("{GROUP}{name}")
}

/// The row of the named dimensions.
const DISPATCH: &str = "dispatch";
/// What the rows of the others are called, before the group's name.
const GROUP: &str = "group:";
/// Groups kept in memory before those that are idle are let go.
const MOST_MET: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use alloc::vec;

    fn dispatch(account: &str) -> Dispatch {
        let text = format!(
            r#"{{"accounts":{{"shop":{{"keys":[],"providers":[{{"name":"main","kind":"sandbox",
            "base_url":"https://esp.example","credential":"ESP"}}],{account}}}}}}}"#
        );
        Dispatch::fresh(&Config::from_json(&text).unwrap().accounts["shop"], &|_, _| None).unwrap()
    }

    const RULE: &str = r#"[{"kind":"sliding","name":"minute","limit":2,"period_ms":60000}]"#;

    #[test]
    fn a_message_weighs_what_the_rules_are_about() {
        let gate = dispatch(&format!(r#""domain_windows":{{"gmail":{RULE},"shop.example":{RULE}}}"#));
        let addresses = ["a@gmail.com", "b@shop.example", "c@googlemail.com", "d@other.example", "\"@\"@gmail.com"];
        let weight = gate.weigh(Class::Drip, addresses.into_iter());
        let groups: Vec<(&str, u32)> = weight.groups.iter().map(|(name, units)| (&**name, *units)).collect();
        assert_eq!(
            (weight.class, weight.recipients, groups),
            (Class::Drip, 5, vec![("gmail", 3), ("shop.example", 1)])
        );
        let free = dispatch(r#""max_messages":1"#);
        assert!(!free.weighs_groups() && free.weigh(Class::Bulk, addresses.into_iter()).groups.is_empty());
    }

    /// A deployment that sends to every domain there is keeps what is in use, and not every name it ever saw.
    #[test]
    fn groups_without_a_rule_of_their_own_are_let_go_when_idle() {
        let mut gate = dispatch(&format!(r#""domain_windows":{{"*":{RULE}}}"#));
        let now = UnixMillis::new(1_796_119_200_000);
        let full = gate.weigh(Class::Bulk, ["a@full.example", "b@full.example"].into_iter());
        gate.hold(&full, 0, now);
        for n in 0..3 * MOST_MET {
            let weight = gate.weigh(Class::Bulk, once(&*format!("a@d{n}.example")));
            gate.hold(&weight, 0, now);
            gate.release(&weight, 0, now);
        }
        assert!(gate.met.len() <= MOST_MET + 1, "{}", gate.met.len());
        let more = gate.weigh(Class::Bulk, once("c@full.example"));
        assert!(matches!(gate.peek(&more, 0, now), Verdict::Occupied { .. }), "what is on its way is not let go");
        assert_eq!(gate.standings(now).len(), 2, "the one in use and what any other would find");
    }
}
