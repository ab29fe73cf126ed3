//! What waits, in memory: by class, and within a class by the groups of receivers it goes to. It is rebuilt from the open
//! rows when a Mailroom opens.
//!
//! Messages to the same limited groups stand in one *lane*, in the order of their due times. A lane whose first message
//! may not leave yet is shut until it may, and is not looked at before: others pass it by, and a thousand messages to a
//! receiver that is full cost one question, not a thousand. Within a class nobody overtakes who waits longer for the
//! same group, so a message to many recipients of a group is not starved by messages to one.

use crate::{gate::Weight, id::MessageId, message::Class, time::UnixMillis};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

/// Messages that wait, each class in its own line; beside them those that will expire.
#[derive(Default)]
pub(crate) struct Queue {
    lines: [Line; CLASSES.len()],
    ends: BTreeMap<(UnixMillis, MessageId), Head>,
    picks: usize,
}

/// A message that waits: where, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) class: Class,
    pub(crate) id: MessageId,
    due: UnixMillis,
    lane: LaneKey,
}

/// The limited groups that a lane's messages go to.
type LaneKey = Arc<[Arc<str>]>;

/// The lanes of one class.
#[derive(Default)]
struct Line {
    lanes: BTreeMap<LaneKey, Lane>,
    /// The first message of every lane that is open.
    open: BTreeSet<(UnixMillis, MessageId, LaneKey)>,
    /// Every lane that is shut, by the instant it opens.
    shut: BTreeSet<(UnixMillis, LaneKey)>,
    /// The first messages of the shut lanes by the group that they wait for, with the instant they wait until.
    claims: BTreeMap<(Arc<str>, UnixMillis, MessageId), UnixMillis>,
    /// Lanes of several groups: they are found by searching.
    several: BTreeSet<LaneKey>,
    /// The whole class is shut until then.
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

struct Entry {
    weight: Weight,
    expires: Option<UnixMillis>,
}

impl Queue {
    /// Queues a message; one that expires is due by then at the latest.
    pub(crate) fn push(&mut self, weight: Weight, due: UnixMillis, expires: Option<UnixMillis>, id: MessageId) {
        let due = expires.map_or(due, |end| due.min(end));
        let class = weight.class;
        let lane = self.line(class).push(due, id, Entry { weight, expires });
        if let Some(end) = expires {
            self.ends.insert((end, id), Head { class, id, due, lane });
        }
    }

    /// The message that is next in turn, if it is due; it stays where it is.
    ///
    /// The highest class that has a due message goes first. Every eighth turn belongs to the three others instead, one
    /// after the other, so that every class gets its share and a transactional message waits at most one slot. Within a
    /// class the message that is due longest goes first, of those whose lane is open.
    pub(crate) fn head(&mut self, now: UnixMillis) -> Option<Head> {
        self.order().into_iter().find_map(|class| {
            let (due, id, lane) = self.line(class).head(now)?;
            Some(Head { class, id, due, lane })
        })
    }

    /// What a waiting message weighs.
    pub(crate) fn weight(&self, head: &Head) -> Option<&Weight> {
        let lane = self.lines.get(rank(head.class))?.lanes.get(&head.lane)?;
        lane.waiting.get(&(head.due, head.id)).map(|entry| &entry.weight)
    }

    /// Takes a message that [`Queue::head`] gave; the turn is over.
    pub(crate) fn take(&mut self, head: &Head) -> Option<Weight> {
        let entry = self.line(head.class).remove(&head.lane, head.due, head.id)?;
        if let Some(end) = entry.expires {
            self.ends.remove(&(end, head.id));
        }
        self.picks = self.picks.wrapping_add(1);
        Some(entry.weight)
    }

    /// Takes a message whose time is over.
    pub(crate) fn pop_expired(&mut self, now: UnixMillis) -> Option<MessageId> {
        let entry = self.ends.first_entry().filter(|entry| entry.key().0 <= now)?;
        let Head { class, id, due, lane } = entry.remove();
        self.line(class).remove(&lane, due, id);
        Some(id)
    }

    /// No message of the same class is asked about before this instant.
    pub(crate) fn shut_class(&mut self, class: Class, until: UnixMillis) {
        self.line(class).shut_until = until;
    }

    /// No message of the same lane is asked about before this instant: there is no room at the group of this place in its
    /// weight.
    pub(crate) fn shut_lane(&mut self, head: &Head, group: usize, until: UnixMillis) {
        if let Some(group) = head.lane.get(group) {
            self.line(head.class).set_shut(&head.lane, Some(Shut { until, group: Arc::clone(group) }));
        }
    }

    /// Shuts a message's lane when another one of its class has waited longer for room at one of its groups; returns
    /// whether it did.
    pub(crate) fn step_back(&mut self, head: &Head) -> bool {
        let line = self.line(head.class);
        let Some(shut) = line.claimed(head) else { return false };
        line.set_shut(&head.lane, Some(shut));
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
        if self.picks % SHARE != SHARE - 1 {
            return CLASSES;
        }
        let mut turn = lower;
        turn.rotate_left(self.picks / SHARE % lower.len());
        let [a, b, c] = turn;
        [a, b, c, first]
    }

    #[allow(clippy::indexing_slicing, reason = "rank() is below the number of classes, which is the array's length")]
    fn line(&mut self, class: Class) -> &mut Line {
        &mut self.lines[rank(class)]
    }
}

impl Line {
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
        Weight { class, recipients: 1, groups: Vec::new() }
    }

    fn to(class: Class, groups: &[&str]) -> Weight {
        Weight { class, recipients: 1, groups: groups.iter().map(|group| ((*group).into(), 1)).collect() }
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
            queue.push(of(Class::Bulk), now, None, id(n));
            queue.push(of(Class::Transactional), now, None, id(1_000 + n));
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
            queue.push(of(Class::Bulk), now, None, id(n));
            queue.push(of(Class::Transactional), now, None, id(1_000 + n));
        }
        queue.push(of(Class::Lifecycle), now, None, id(5_000));
        queue.push(of(Class::Drip), now, None, id(5_001));
        let picked: Vec<Class> = (0..24).filter_map(|_| pop(&mut queue, now)).map(|(class, _)| class).collect();
        for class in CLASSES {
            assert!(picked.contains(&class), "{class:?} had no turn in three");
        }
    }

    #[test]
    fn a_message_expires_from_whichever_line_it_waits_in() {
        let mut queue = Queue::default();
        queue.push(of(Class::Bulk), UnixMillis::new(900), Some(UnixMillis::new(500)), id(1));
        queue.push(of(Class::Drip), UnixMillis::new(100), Some(UnixMillis::new(600)), id(2));
        assert_eq!(queue.next_at(), Some(UnixMillis::new(100)));
        assert_eq!(queue.pop_expired(UnixMillis::new(499)), None);
        assert_eq!(queue.pop_expired(UnixMillis::new(500)), Some(id(1)));
        assert_eq!(pop(&mut queue, UnixMillis::new(500)), Some((Class::Drip, id(2))));
        assert_eq!(queue.pop_expired(UnixMillis::new(700)), None, "it left in time");
        assert_eq!(queue.next_at(), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn nothing_leaves_before_it_is_due() {
        let mut queue = Queue::default();
        queue.push(of(Class::Transactional), UnixMillis::new(500), None, id(1));
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
        queue.push(to(Class::Bulk, &["gmail"]), UnixMillis::new(1), None, id(1));
        queue.push(to(Class::Bulk, &["gmail"]), UnixMillis::new(2), None, id(2));
        queue.push(to(Class::Bulk, &["gmail", "microsoft"]), UnixMillis::new(3), None, id(3));
        queue.push(to(Class::Bulk, &["microsoft"]), UnixMillis::new(4), None, id(4));
        queue.push(to(Class::Bulk, &[]), UnixMillis::new(5), None, id(5));
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
        queue.push(to(Class::Bulk, &["gmail", "microsoft"]), UnixMillis::new(1), None, id(1));
        queue.push(to(Class::Bulk, &["gmail"]), UnixMillis::new(2), None, id(2));
        queue.push(to(Class::Bulk, &["microsoft"]), UnixMillis::new(3), None, id(3));
        let first = queue.head(now).unwrap();
        assert!(!queue.step_back(&first));
        queue.shut_lane(&first, 0, UnixMillis::new(5_000));
        let second = queue.head(now).unwrap();
        assert_eq!((second.id, queue.step_back(&second)), (id(2), true), "it would take the room that the first needs");
        let third = queue.head(now).unwrap();
        assert_eq!((third.id, queue.step_back(&third)), (id(3), false), "the first waits for Gmail, not for this");
        assert!(queue.take(&third).is_some());
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(5_000))));
        assert_eq!(queue.head(UnixMillis::new(5_000)), Some(first.clone()));
        queue.shut_lane(&first, 1, UnixMillis::new(9_000));
        assert_eq!(pop(&mut queue, UnixMillis::new(5_000)), Some((Class::Bulk, id(2))), "it waits for another by now");
        assert!(queue.take(&first).is_some());
        assert!(queue.is_empty() && queue.lines.iter().all(|line| line.claims.is_empty() && line.several.is_empty()));
    }

    /// R119: a class that is full does not stop another.
    #[test]
    fn a_shut_class_is_passed_by() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        queue.push(of(Class::Transactional), now, None, id(1));
        queue.push(of(Class::Bulk), now, None, id(2));
        queue.shut_class(Class::Transactional, UnixMillis::new(1_500));
        assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
        assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(1_500))));
        assert_eq!(pop(&mut queue, UnixMillis::new(1_500)), Some((Class::Transactional, id(1))));
    }

    /// The lane was shut for the message that is gone.
    #[test]
    fn an_expired_head_opens_its_lane() {
        let mut queue = Queue::default();
        queue.push(to(Class::Bulk, &["gmail"]), UnixMillis::new(1), Some(UnixMillis::new(50)), id(1));
        queue.push(to(Class::Bulk, &["gmail"]), UnixMillis::new(2), None, id(2));
        let head = queue.head(UnixMillis::new(10)).unwrap();
        queue.shut_lane(&head, 0, UnixMillis::MAX);
        assert_eq!(queue.next_at(), Some(UnixMillis::new(50)), "its end is an instant to look at");
        assert_eq!(queue.pop_expired(UnixMillis::new(50)), Some(id(1)));
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
