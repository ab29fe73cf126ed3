//! What waits, in memory: due times by class. It is rebuilt from the open rows when a Mailroom opens.

use crate::{id::MessageId, message::Class, time::UnixMillis};
use alloc::collections::BTreeMap;

/// Messages that wait, each class in its own line, earliest due first; beside them those that will expire.
#[derive(Default)]
pub(crate) struct Queue {
    lines: [BTreeMap<(UnixMillis, MessageId), Option<UnixMillis>>; CLASSES.len()],
    ends: BTreeMap<(UnixMillis, MessageId), (Class, UnixMillis)>,
    picks: usize,
}

impl Queue {
    /// Queues a message; one that expires is due by then at the latest.
    pub(crate) fn push(&mut self, class: Class, due: UnixMillis, expires: Option<UnixMillis>, id: MessageId) {
        let due = expires.map_or(due, |end| due.min(end));
        self.line(class).insert((due, id), expires);
        if let Some(end) = expires {
            self.ends.insert((end, id), (class, due));
        }
    }

    /// Takes the message that may leave next.
    ///
    /// The highest class that has a due message goes first. Every eighth pick belongs to the three others instead, in
    /// turn, so that every class gets its share and a transactional message waits at most one slot.
    pub(crate) fn pop(&mut self, now: UnixMillis) -> Option<(Class, MessageId)> {
        let class = self.order().into_iter().find(|class| self.peek(*class).is_some_and(|due| due <= now))?;
        let ((_, id), expires) = self.line(class).pop_first()?;
        if let Some(end) = expires {
            self.ends.remove(&(end, id));
        }
        self.picks = self.picks.wrapping_add(1);
        Some((class, id))
    }

    /// Takes a message whose time is over.
    pub(crate) fn pop_expired(&mut self, now: UnixMillis) -> Option<MessageId> {
        let entry = self.ends.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((_, id), (class, due)) = entry.remove_entry();
        self.line(class).remove(&(due, id));
        Some(id)
    }

    /// The earliest due time of all.
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        self.lines.iter().filter_map(|line| line.keys().next().map(|(due, _)| *due)).min()
    }

    /// In which order this pick looks at the classes.
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

    fn peek(&self, class: Class) -> Option<UnixMillis> {
        self.lines.get(rank(class)).and_then(|line| line.keys().next()).map(|(due, _)| *due)
    }

    #[allow(clippy::indexing_slicing, reason = "rank() is below the number of classes, which is the array's length")]
    fn line(&mut self, class: Class) -> &mut BTreeMap<(UnixMillis, MessageId), Option<UnixMillis>> {
        &mut self.lines[rank(class)]
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

    fn id(n: u64) -> MessageId {
        MessageId::new(0, n, UnixMillis::new(1))
    }

    #[test]
    fn transactional_goes_first_and_bulk_still_proceeds() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        for n in 0..100 {
            queue.push(Class::Bulk, now, None, id(n));
            queue.push(Class::Transactional, now, None, id(1_000 + n));
        }
        let first_sixteen: alloc::vec::Vec<Class> =
            (0..16).filter_map(|_| queue.pop(now)).map(|(class, _)| class).collect();
        assert_eq!(first_sixteen.iter().filter(|class| **class == Class::Bulk).count(), 2);
        assert_eq!(first_sixteen[..7], [Class::Transactional; 7]);
        assert_eq!(first_sixteen[7], Class::Bulk);
    }

    #[test]
    fn no_class_starves_behind_two_others() {
        let mut queue = Queue::default();
        let now = UnixMillis::new(1_000);
        for n in 0..100 {
            queue.push(Class::Bulk, now, None, id(n));
            queue.push(Class::Transactional, now, None, id(1_000 + n));
        }
        queue.push(Class::Lifecycle, now, None, id(5_000));
        queue.push(Class::Drip, now, None, id(5_001));
        let picked: alloc::vec::Vec<Class> = (0..24).filter_map(|_| queue.pop(now)).map(|(class, _)| class).collect();
        for class in CLASSES {
            assert!(picked.contains(&class), "{class:?} had no turn in three");
        }
    }

    #[test]
    fn a_message_expires_from_whichever_line_it_waits_in() {
        let mut queue = Queue::default();
        queue.push(Class::Bulk, UnixMillis::new(900), Some(UnixMillis::new(500)), id(1));
        queue.push(Class::Drip, UnixMillis::new(100), Some(UnixMillis::new(600)), id(2));
        assert_eq!(queue.next_due(), Some(UnixMillis::new(100)));
        assert_eq!(queue.pop_expired(UnixMillis::new(499)), None);
        assert_eq!(queue.pop_expired(UnixMillis::new(500)), Some(id(1)));
        assert_eq!(queue.pop(UnixMillis::new(500)), Some((Class::Drip, id(2))));
        assert_eq!(queue.pop_expired(UnixMillis::new(700)), None, "it left in time");
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn nothing_leaves_before_it_is_due() {
        let mut queue = Queue::default();
        queue.push(Class::Transactional, UnixMillis::new(500), None, id(1));
        assert_eq!(queue.pop(UnixMillis::new(499)), None);
        assert_eq!(queue.next_due(), Some(UnixMillis::new(500)));
        assert_eq!(queue.pop(UnixMillis::new(500)), Some((Class::Transactional, id(1))));
        assert_eq!(queue.next_due(), None);
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
