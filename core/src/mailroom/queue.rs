//! What waits, in memory: by class and by the providers that take it, and there by the groups of receivers it goes to. It
//! is rebuilt from the open rows when a Mailroom opens.
//!
//! Messages to the same limited groups stand in one *lane*, in the order of their due times. A lane whose first message
//! may not leave yet is shut until it may, and is not looked at before: others pass it by, and a thousand messages to a
//! receiver that is full cost one question, not a thousand. Within a class nobody overtakes who waits longer for the
//! same group, so a message to many recipients of a group is not starved by messages to one.

mod line;

use crate::{config::MAX_PROVIDERS, gate::Weight, id::MessageId, message::Class, time::UnixMillis};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use line::{LaneKey, Line, Shut};

/// Messages that wait, each class in lines of its own; beside them those that will expire.
#[derive(Default)]
pub(crate) struct Queue {
    /// Those of one class go to the same providers each. There are as many as were ever needed, mostly one a class.
    lines: Vec<Line>,
    ends: BTreeMap<(UnixMillis, MessageId), Head>,
    /// Turns taken: a call each.
    turns: usize,
    /// Messages that left since the last turn of the lower classes.
    since_share: usize,
}

/// A message that waits: where, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) class: Class,
    pub(crate) route: Route,
    pub(crate) id: MessageId,
    pub(crate) due: UnixMillis,
    lane: LaneKey,
}

/// The providers that a message may go through, by their places: a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route(u32);

/// What is known of a message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) weight: Weight,
    pub(crate) route: Route,
    pub(crate) expires: Option<UnixMillis>,
    /// It shares its call with no other.
    pub(crate) alone: bool,
    /// The others, in their order, that have to go in the same call again: the provider knows it by its key.
    pub(crate) others: Vec<MessageId>,
}

impl Entry {
    /// A message like any other.
    pub(crate) const fn new(weight: Weight, expires: Option<UnixMillis>) -> Self {
        Self { weight, route: Route::ANY, expires, alone: false, others: Vec::new() }
    }
}

impl Route {
    /// Every provider.
    pub(crate) const ANY: Self = Self(u32::MAX);

    /// The provider at this place, and no other.
    pub(crate) const fn only(place: usize) -> Self {
        Self(bit(place))
    }

    /// Without the provider at this place.
    pub(crate) const fn without(self, place: usize) -> Self {
        Self(self.0 & !bit(place))
    }

    /// Whether the provider at this place is one of them.
    pub(crate) const fn has(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }
}

/// The bit of a place; none for a place that no configuration has.
const fn bit(place: usize) -> u32 {
    if place < MAX_PROVIDERS { 1 << place } else { 0 }
}

impl Queue {
    /// Queues a message; one that expires is due by then at the latest.
    pub(crate) fn push(&mut self, entry: Entry, due: UnixMillis, id: MessageId) {
        let due = entry.expires.map_or(due, |end| due.min(end));
        let (class, route, expires) = (entry.weight.class, entry.route, entry.expires);
        let lane = self.line(class, route).push(due, id, entry);
        if let Some(end) = expires {
            self.ends.insert((end, id), Head { class, route, id, due, lane });
        }
    }

    /// The message that is next in turn, if it is due; it stays where it is.
    ///
    /// The highest class that has a due message goes first. Every eighth turn belongs to the three others instead, one
    /// after the other, so that every class gets its share and a transactional message waits at most one slot. Within a
    /// class the message that is due longest goes first, of those whose lane is open.
    pub(crate) fn head(&mut self, now: UnixMillis) -> Option<Head> {
        self.order().into_iter().find_map(|class| self.head_of(class, now))
    }

    /// The message of a class that is due longest, of those whose lane is open.
    pub(crate) fn head_of(&mut self, class: Class, now: UnixMillis) -> Option<Head> {
        let lines = self.lines.iter_mut().filter(|line| line.class == class);
        let heads = lines.filter_map(|line| {
            let (due, id, lane) = line.head(now)?;
            Some(Head { class, route: line.route, id, due, lane })
        });
        heads.min_by_key(|head| (head.due, head.id))
    }

    /// What is known of a waiting message.
    pub(crate) fn entry(&self, head: &Head) -> Option<&Entry> {
        let line = self.lines.iter().find(|line| (line.class, line.route) == (head.class, head.route))?;
        line.lanes.get(&head.lane)?.waiting.get(&(head.due, head.id))
    }

    /// How many messages this turn may take. On their turn, the lower classes take their share of what left since the one
    /// before, so that the highest waits no longer for calls of many than it does for calls of one.
    pub(crate) fn allowance(&self) -> usize {
        if self.is_shared_turn() { self.since_share.div_ceil(SHARE - 1).max(1) } else { usize::MAX }
    }

    /// Takes a message that [`Queue::head`] gave; the turn is over.
    pub(crate) fn take(&mut self, head: &Head) -> Option<Entry> {
        let entry = self.remove(head)?;
        self.since_share = if self.is_shared_turn() { 0 } else { self.since_share.saturating_add(1) };
        self.turns = self.turns.wrapping_add(1);
        Some(entry)
    }

    /// Takes a message that goes with the one that was taken last.
    pub(crate) fn take_along(&mut self, head: &Head) -> Option<Entry> {
        let entry = self.remove(head)?;
        // Nothing left since, so it was the turn of the lower classes.
        self.since_share = if self.since_share == 0 { 0 } else { self.since_share.saturating_add(1) };
        Some(entry)
    }

    /// Takes a message whose time is over, with those that have to go in the same call.
    pub(crate) fn pop_expired(&mut self, now: UnixMillis) -> Option<(MessageId, Vec<MessageId>)> {
        let entry = self.ends.first_entry().filter(|entry| entry.key().0 <= now)?;
        let Head { class, route, id, due, lane } = entry.remove();
        let entry = self.line(class, route).remove(&lane, due, id);
        Some((id, entry.map(|entry| entry.others).unwrap_or_default()))
    }

    /// Takes a message out that was queued for this instant; `None` when it does not wait by itself.
    pub(crate) fn withdraw(&mut self, id: MessageId, due: UnixMillis, expires: Option<UnixMillis>) -> Option<Entry> {
        let due = expires.map_or(due, |end| due.min(end));
        let head = self.lines.iter().find_map(|line| {
            let mut lanes = line.lanes.iter();
            let (lane, entry) = lanes.find_map(|(key, lane)| Some((key, lane.waiting.get(&(due, id))?)))?;
            let lane = Arc::clone(lane);
            entry.others.is_empty().then_some(Head { class: line.class, route: line.route, id, due, lane })
        })?;
        self.remove(&head)
    }

    /// No message of the same class is asked about before this instant.
    pub(crate) fn shut_class(&mut self, class: Class, until: UnixMillis) {
        self.lines.iter_mut().filter(|line| line.class == class).for_each(|line| line.shut_until = until);
    }

    /// No message that may go through the same providers is asked about before this instant.
    pub(crate) fn shut_route(&mut self, route: Route, until: UnixMillis) {
        self.lines.iter_mut().filter(|line| line.route == route).for_each(|line| line.shut_until = until);
    }

    /// No message of the same class that may go through the same providers is asked about before this instant.
    pub(crate) fn shut_line(&mut self, head: &Head, until: UnixMillis) {
        self.line(head.class, head.route).shut_until = until;
    }

    /// Whether some of what waits may go through other providers than the rest.
    pub(crate) fn has_several_routes(&self) -> bool {
        let mut routes = self.lines.iter().filter(|line| !line.lanes.is_empty()).map(|line| line.route);
        let first = routes.next();
        routes.any(|route| Some(route) != first)
    }

    /// No message of the same lane is asked about before this instant: there is no room at the group of this place in its
    /// weight.
    pub(crate) fn shut_lane(&mut self, head: &Head, group: usize, until: UnixMillis) {
        if let Some(group) = head.lane.get(group) {
            self.line(head.class, head.route).set_shut(&head.lane, Some(Shut { until, group: Arc::clone(group) }));
        }
    }

    /// Shuts a message's lane when another one of its class has waited longer for room at one of its groups; returns
    /// whether it did.
    pub(crate) fn step_back(&mut self, head: &Head, now: UnixMillis) -> bool {
        // Who cannot leave whatever room there is claims none.
        let mut of_class = self.lines.iter().filter(|line| line.class == head.class && line.shut_until <= now);
        let Some(shut) = of_class.find_map(|line| line.claimed(head)) else { return false };
        self.line(head.class, head.route).set_shut(&head.lane, Some(shut));
        true
    }

    /// A message of this weight was answered: whatever it stood in the way of is asked about again.
    pub(crate) fn reopen(&mut self, weight: &Weight) {
        for line in &mut self.lines {
            line.shut_until = UnixMillis::default();
            weight.groups.iter().for_each(|(group, _)| line.reopen(group));
        }
    }

    /// Everything is asked about again.
    pub(crate) fn reopen_all(&mut self) {
        for line in &mut self.lines {
            line.shut_until = UnixMillis::default();
            while let Some((_, key)) = line.shut.first().cloned() {
                line.set_shut(&key, None);
            }
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.lanes.is_empty())
    }

    /// The first instant at which there may be something to ask about or to end; [`UnixMillis::MAX`] when that depends on
    /// an answer.
    pub(crate) fn next_at(&self) -> Option<UnixMillis> {
        let end = self.ends.first_key_value().map(|((end, _), _)| *end);
        self.lines.iter().filter_map(Line::next_at).chain(end).min()
    }

    /// In which order this turn looks at the classes.
    fn order(&self) -> [Class; CLASSES.len()] {
        let [first, lower @ ..] = CLASSES;
        if !self.is_shared_turn() {
            return CLASSES;
        }
        let mut turn = lower;
        turn.rotate_left(self.turns / SHARE % lower.len());
        let [a, b, c] = turn;
        [a, b, c, first]
    }

    /// Whether this turn belongs to the lower classes.
    const fn is_shared_turn(&self) -> bool {
        self.turns % SHARE == SHARE - 1
    }

    fn remove(&mut self, head: &Head) -> Option<Entry> {
        let entry = self.line(head.class, head.route).remove(&head.lane, head.due, head.id)?;
        if let Some(end) = entry.expires {
            self.ends.remove(&(end, head.id));
        }
        Some(entry)
    }

    #[allow(clippy::indexing_slicing, reason = "the place is that of a line which was found or added just now")]
    fn line(&mut self, class: Class, route: Route) -> &mut Line {
        let found = self.lines.iter().position(|line| (line.class, line.route) == (class, route));
        let place = found.unwrap_or_else(|| {
            self.lines.push(Line::new(class, route));
            self.lines.len().saturating_sub(1)
        });
        &mut self.lines[place]
    }
}

/// The place of a class, highest first; also its number in the store.
pub(crate) const fn rank(class: Class) -> usize {
    match class {
        Class::Transactional => 0,
        Class::Lifecycle => 1,
        Class::Drip => 2,
        Class::Bulk => 3,
    }
}

/// The class of a number from the store.
pub(crate) fn class_of(rank: i64) -> Option<Class> {
    usize::try_from(rank).ok().and_then(|rank| CLASSES.get(rank)).copied()
}

const CLASSES: [Class; 4] = [Class::Transactional, Class::Lifecycle, Class::Drip, Class::Bulk];
/// One pick in eight belongs to the lower classes: 12.5 percent, and at most one slot of delay.
const SHARE: usize = 8;

#[cfg(test)]
mod tests;
