//! What waits, in memory: by class and by the providers that take it, and there by the groups of receivers it goes to. It
//! is rebuilt from the open rows when a Mailroom opens.
//!
//! Messages to the same limited groups stand in one *lane*, in the order of their due times. A lane whose first message
//! may not leave yet is shut until it may, and is not looked at before: others pass it by, and a thousand messages to a
//! receiver that is full cost one question, not a thousand. Within a class nobody overtakes who waits longer for the
//! same group, so a message to many recipients of a group is not starved by messages to one.

use crate::{config::MAX_PROVIDERS, gate::Weight, id::MessageId, message::Class, time::UnixMillis};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

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

/// The limited groups that a lane's messages go to.
type LaneKey = Arc<[Arc<str>]>;

/// The lanes of one class and route.
struct Line {
    class: Class,
    route: Route,
    lanes: BTreeMap<LaneKey, Lane>,
    /// The first message of every lane that is open.
    open: BTreeSet<(UnixMillis, MessageId, LaneKey)>,
    /// Every lane that is shut, by the instant it opens.
    shut: BTreeSet<(UnixMillis, LaneKey)>,
    /// The first messages of the shut lanes by the group that they wait for, with the instant they wait until.
    claims: BTreeMap<(Arc<str>, UnixMillis, MessageId), UnixMillis>,
    /// Lanes of several groups: they are found by searching.
    several: BTreeSet<LaneKey>,
    /// The whole line is shut until then.
    shut_until: UnixMillis,
}

#[derive(Default)]
struct Lane {
    waiting: BTreeMap<(UnixMillis, MessageId), Entry>,
    shut: Option<Shut>,
}

/// Why a lane's first message waits: for room at a group, until an instant.
#[derive(Clone)]
struct Shut {
    until: UnixMillis,
    group: Arc<str>,
}

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

impl Line {
    const fn new(class: Class, route: Route) -> Self {
        Self {
            class,
            route,
            lanes: BTreeMap::new(),
            open: BTreeSet::new(),
            shut: BTreeSet::new(),
            claims: BTreeMap::new(),
            several: BTreeSet::new(),
            shut_until: UnixMillis::new(0),
        }
    }

    fn push(&mut self, due: UnixMillis, id: MessageId, entry: Entry) -> LaneKey {
        let groups: Vec<Arc<str>> = entry.weight.groups.iter().map(|(group, _)| Arc::clone(group)).collect();
        let key = match self.lanes.get_key_value(groups.as_slice()) {
            Some((key, _)) => Arc::clone(key),
            None => LaneKey::from(groups),
        };
        if key.len() > 1 {
            self.several.insert(Arc::clone(&key));
        }
        self.change(&key, |lane| lane.waiting.insert((due, id), entry));
        key
    }

    fn remove(&mut self, key: &LaneKey, due: UnixMillis, id: MessageId) -> Option<Entry> {
        let (entry, shut) = self.change(key, |lane| {
            let is_first = lane.waiting.first_key_value().is_some_and(|(first, _)| *first == (due, id));
            (lane.waiting.remove(&(due, id)), if is_first { lane.shut.take() } else { None })
        });
        if let Some(shut) = shut {
            // Others waited behind it, and may weigh less.
            self.reopen(&shut.group);
        }
        entry
    }

    fn set_shut(&mut self, key: &LaneKey, shut: Option<Shut>) {
        if self.lanes.contains_key(key) {
            self.change(key, |lane| lane.shut = shut);
        }
    }

    fn claimed(&self, head: &Head) -> Option<Shut> {
        head.lane.iter().find_map(|group| {
            let first = (Arc::clone(group), UnixMillis::default(), MessageId::FIRST);
            let ((known, due, id), until) = self.claims.range(first..).next()?;
            let is_older = known == group && (*due, *id) < (head.due, head.id);
            is_older.then(|| Shut { until: *until, group: Arc::clone(group) })
        })
    }

    fn reopen(&mut self, group: &Arc<str>) {
        let own: LaneKey = Arc::from([Arc::clone(group)]);
        let several: Vec<LaneKey> = self.several.iter().filter(|key| key.contains(group)).cloned().collect();
        several.into_iter().chain([own]).for_each(|key| self.set_shut(&key, None));
    }

    fn head(&mut self, now: UnixMillis) -> Option<(UnixMillis, MessageId, LaneKey)> {
        if self.shut_until > now {
            return None;
        }
        while let Some((_, key)) = self.shut.first().filter(|(until, _)| *until <= now).cloned() {
            self.set_shut(&key, None);
        }
        self.open.first().filter(|(due, _, _)| *due <= now).cloned()
    }

    fn next_at(&self) -> Option<UnixMillis> {
        let open = self.open.first().map(|(due, _, _)| *due);
        let shut = self.shut.first().map(|(until, _)| *until);
        let first = open.into_iter().chain(shut).min()?;
        Some(first.max(self.shut_until))
    }

    /// Changes a lane and keeps its place in the two orders; a lane in which nobody waits is gone.
    fn change<T>(&mut self, key: &LaneKey, act: impl FnOnce(&mut Lane) -> T) -> T {
        let lane = self.lanes.entry(Arc::clone(key)).or_default();
        match (&lane.shut, lane.waiting.first_key_value()) {
            (Some(Shut { until, group }), Some(((due, id), _))) => {
                self.shut.remove(&(*until, Arc::clone(key)));
                self.claims.remove(&(Arc::clone(group), *due, *id));
            }
            (None, Some(((due, id), _))) => _ = self.open.remove(&(*due, *id, Arc::clone(key))),
            (_, None) => {}
        }
        let result = act(lane);
        match (&lane.shut, lane.waiting.first_key_value()) {
            (Some(Shut { until, group }), Some(((due, id), _))) => {
                self.shut.insert((*until, Arc::clone(key)));
                self.claims.insert((Arc::clone(group), *due, *id), *until);
            }
            (None, Some(((due, id), _))) => _ = self.open.insert((*due, *id, Arc::clone(key))),
            (_, None) => {
                self.lanes.remove(key);
                self.several.remove(key);
            }
        }
        result
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
mod tests {
    use super::*;
    use alloc::vec;

    fn id(n: u64) -> MessageId {
        MessageId::new(0, n, UnixMillis::new(1))
    }

    fn of(class: Class) -> Weight {
        Weight { class, messages: 1, recipients: 1, groups: Vec::new() }
    }

    fn to(class: Class, groups: &[&str]) -> Weight {
        Weight { class, messages: 1, recipients: 1, groups: groups.iter().map(|group| ((*group).into(), 1)).collect() }
    }

    fn pop(queue: &mut Queue, now: UnixMillis) -> Option<(Class, MessageId)> {
        let head = queue.head(now)?;
        queue.take(&head)?;
        Some((head.class, head.id))
    }

    #[test]
    fn transactional_goes_first_and_bulk_still_proceeds() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        for n in 0..100 {
            queue.push(Entry::new(of(Class::Bulk), None), now, id(n));
            queue.push(Entry::new(of(Class::Transactional), None), now, id(1_000 + n));
        }
        let first_sixteen: Vec<Class> = (0..16).filter_map(|_| pop(&mut queue, now)).map(|(class, _)| class).collect();
        assert_eq!(first_sixteen.iter().filter(|class| **class == Class::Bulk).count(), 2);
        assert_eq!(first_sixteen[..7], [Class::Transactional; 7]);
        assert_eq!(first_sixteen[7], Class::Bulk);
    }

    #[test]
    fn no_class_starves_behind_two_others() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        for n in 0..100 {
            queue.push(Entry::new(of(Class::Bulk), None), now, id(n));
            queue.push(Entry::new(of(Class::Transactional), None), now, id(1_000 + n));
        }
        queue.push(Entry::new(of(Class::Lifecycle), None), now, id(5_000));
        queue.push(Entry::new(of(Class::Drip), None), now, id(5_001));
        let picked: Vec<Class> = (0..24).filter_map(|_| pop(&mut queue, now)).map(|(class, _)| class).collect();
        for class in CLASSES {
            assert!(picked.contains(&class), "{class:?} had no turn in three");
        }
    }

    #[test]
    fn a_message_expires_from_whichever_line_it_waits_in() {
        let mut queue = Queue::default();
        queue.push(Entry::new(of(Class::Bulk), Some(UnixMillis::new(500))), UnixMillis::new(900), id(1));
        queue.push(Entry::new(of(Class::Drip), Some(UnixMillis::new(600))), UnixMillis::new(100), id(2));
        assert_eq!(queue.next_at(), Some(UnixMillis::new(100)));
        assert_eq!(queue.pop_expired(UnixMillis::new(499)), None);
        assert_eq!(queue.pop_expired(UnixMillis::new(500)), Some((id(1), vec![])));
        assert_eq!(pop(&mut queue, UnixMillis::new(500)), Some((Class::Drip, id(2))));
        assert_eq!(queue.pop_expired(UnixMillis::new(700)), None, "it left in time");
        assert_eq!(queue.next_at(), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn nothing_leaves_before_it_is_due() {
        let mut queue = Queue::default();
        queue.push(Entry::new(of(Class::Transactional), None), UnixMillis::new(500), id(1));
        assert_eq!(queue.head(UnixMillis::new(499)), None);
        assert_eq!(queue.next_at(), Some(UnixMillis::new(500)));
        assert_eq!(pop(&mut queue, UnixMillis::new(500)), Some((Class::Transactional, id(1))));
        assert_eq!(queue.next_at(), None);
    }

    /// R086, R119: who waits for a full receiver is passed by, and only by those who go elsewhere.
    #[test]
    fn a_shut_lane_is_passed_by_and_nobody_overtakes_within_it() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(1), id(1));
        queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
        queue.push(Entry::new(to(Class::Bulk, &["gmail", "microsoft"]), None), UnixMillis::new(3), id(3));
        queue.push(Entry::new(to(Class::Bulk, &["microsoft"]), None), UnixMillis::new(4), id(4));
        queue.push(Entry::new(to(Class::Bulk, &[]), None), UnixMillis::new(5), id(5));
        for (first, group, until) in [(1, 0, 5_000), (3, 1, 4_000)] {
            let head = queue.head(now).unwrap();
            assert_eq!(head.id, id(first));
            queue.shut_lane(&head, group, UnixMillis::new(until));
        }
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(4))));
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(5))));
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(4_000))));
        assert_eq!(pop(&mut queue, UnixMillis::new(4_000)), Some((Class::Bulk, id(3))));
        assert_eq!(queue.head(UnixMillis::new(4_999)), None);
        queue.reopen(&to(Class::Drip, &["gmail"]));
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(1))), "an answer from the receiver opens its lanes");
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
        assert!(queue.is_empty());
    }

    /// Who needs three units is not overtaken for ever by those who need one; who goes elsewhere passes.
    #[test]
    fn who_waits_longer_for_a_group_is_first_served() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        queue.push(Entry::new(to(Class::Bulk, &["gmail", "microsoft"]), None), UnixMillis::new(1), id(1));
        queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
        queue.push(Entry::new(to(Class::Bulk, &["microsoft"]), None), UnixMillis::new(3), id(3));
        let first = queue.head(now).unwrap();
        assert!(!queue.step_back(&first, now));
        queue.shut_lane(&first, 0, UnixMillis::new(5_000));
        let second = queue.head(now).unwrap();
        assert_eq!(
            (second.id, queue.step_back(&second, now)),
            (id(2), true),
            "it would take the room that the first needs"
        );
        let third = queue.head(now).unwrap();
        assert_eq!((third.id, queue.step_back(&third, now)), (id(3), false), "the first waits for Gmail, not for this");
        assert!(queue.take(&third).is_some());
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(5_000))));
        assert_eq!(queue.head(UnixMillis::new(5_000)), Some(first.clone()));
        queue.shut_lane(&first, 1, UnixMillis::new(9_000));
        assert_eq!(pop(&mut queue, UnixMillis::new(5_000)), Some((Class::Bulk, id(2))), "it waits for another by now");
        assert!(queue.take(&first).is_some());
        assert!(queue.is_empty() && queue.lines.iter().all(|line| line.claims.is_empty() && line.several.is_empty()));
    }

    /// What may go through other providers stands in lines of its own; within a class the oldest is first, whichever line.
    #[test]
    fn routes_wait_apart_and_in_order() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        let second = || Entry { route: Route::only(1), ..Entry::new(of(Class::Bulk), None) };
        for n in [1, 3] {
            queue.push(Entry::new(of(Class::Bulk), None), UnixMillis::new(n), id(n));
        }
        assert!(!queue.has_several_routes());
        queue.push(second(), UnixMillis::new(2), id(2));
        assert!(queue.has_several_routes());
        queue.shut_route(Route::ANY, UnixMillis::new(5_000));
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(5_000))));
        queue.reopen(&of(Class::Drip));
        queue.push(second(), UnixMillis::new(2), id(2));
        let order: Vec<_> = (0..3).filter_map(|_| pop(&mut queue, now)).map(|(_, id)| id).collect();
        assert_eq!(order, [id(1), id(2), id(3)]);
    }

    #[test]
    fn a_route_holds_its_providers() {
        let all = Route::ANY;
        assert!((0..32).all(|place| all.has(place)) && !all.has(32));
        let others = all.without(2);
        assert_eq!(
            (others.has(2), others.has(3), Route::only(2).has(2), Route::only(2).has(3)),
            (false, true, true, false)
        );
    }

    /// A lower class's turn is as long as its share of the messages that left since: 50 of a call make 50 / 7 of it.
    #[test]
    fn a_shared_turn_is_a_share_of_the_messages() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        for n in 0..700 {
            queue.push(Entry::new(of(Class::Transactional), None), now, id(n));
            queue.push(Entry::new(of(Class::Bulk), None), now, id(10_000 + n));
        }
        for _ in 0..7 {
            assert_eq!(queue.allowance(), usize::MAX);
            let head = queue.head(now).unwrap();
            assert_eq!(head.class, Class::Transactional);
            queue.take(&head);
            for _ in 0..49 {
                let next = queue.head_of(head.class, now).unwrap();
                queue.take_along(&next);
            }
        }
        assert_eq!((queue.head(now).unwrap().class, queue.allowance()), (Class::Bulk, 50));
        assert!(pop(&mut queue, now).is_some());
        assert_eq!((queue.head(now).unwrap().class, queue.allowance()), (Class::Transactional, usize::MAX));
    }

    /// R119: a class that is full does not stop another.
    #[test]
    fn a_shut_class_is_passed_by() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        queue.push(Entry::new(of(Class::Transactional), None), now, id(1));
        queue.push(Entry::new(of(Class::Bulk), None), now, id(2));
        queue.shut_class(Class::Transactional, UnixMillis::new(1_500));
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(1_500))));
        assert_eq!(pop(&mut queue, UnixMillis::new(1_500)), Some((Class::Transactional, id(1))));
    }

    /// The lane was shut for the message that is gone.
    #[test]
    fn an_expired_head_opens_its_lane() {
        let mut queue = Queue::default();
        queue.push(Entry::new(to(Class::Bulk, &["gmail"]), Some(UnixMillis::new(50))), UnixMillis::new(1), id(1));
        queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
        let head = queue.head(UnixMillis::new(10)).unwrap();
        queue.shut_lane(&head, 0, UnixMillis::MAX);
        assert_eq!(queue.next_at(), Some(UnixMillis::new(50)), "its end is an instant to look at");
        assert_eq!(queue.pop_expired(UnixMillis::new(50)), Some((id(1), vec![])));
        assert_eq!(pop(&mut queue, UnixMillis::new(50)), Some((Class::Bulk, id(2))));
        assert_eq!(vec![queue.next_at()], [None]);
    }

    #[test]
    fn every_class_has_its_number() {
        for (rank, class) in CLASSES.iter().enumerate() {
            assert_eq!(super::rank(*class), rank);
            assert_eq!(class_of(i64::try_from(rank).unwrap()), Some(*class));
        }
        assert_eq!(class_of(4), None);
        assert_eq!(class_of(-1), None);
    }
}
