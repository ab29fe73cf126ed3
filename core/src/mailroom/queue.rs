//! What waits, in memory: due times by class. It is rebuilt from the open rows when a Mailroom opens.

use crate::{id::MessageId, message::Class, time::UnixMillis};
use alloc::collections::BTreeSet;

/// Messages that wait, each class in its own line, earliest due first.
#[derive(Default)]
pub(crate) struct Queue {
    lines: [BTreeSet<(UnixMillis, MessageId)>; CLASSES.len()],
    picks: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, class: Class, due: UnixMillis, id: MessageId) {
        self.line(class).insert((due, id));
    }

    /// Takes the message that may leave next, or the instant at which one may.
    ///
    /// The highest class that has a due message goes first; every eighth pick starts from the lowest instead, so that
    /// every class gets its share and a transactional message waits at most one slot.
    pub(crate) fn pop(&mut self, now: UnixMillis) -> Option<(Class, MessageId)> {
        let from_lowest = self.picks % SHARE == SHARE - 1;
        let class = self.first_due(from_lowest, now)?;
        let (_, id) = self.line(class).pop_first()?;
        self.picks = self.picks.wrapping_add(1);
        Some((class, id))
    }

    /// The earliest due time of all.
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        self.lines.iter().filter_map(|line| line.first().map(|(due, _)| *due)).min()
    }

    fn first_due(&self, from_lowest: bool, now: UnixMillis) -> Option<Class> {
        let is_due = |class: &&Class| self.peek(**class).is_some_and(|due| due <= now);
        if from_lowest { CLASSES.iter().rev().find(is_due).copied() } else { CLASSES.iter().find(is_due).copied() }
    }

    fn peek(&self, class: Class) -> Option<UnixMillis> {
        self.lines.get(rank(class)).and_then(|line| line.first()).map(|(due, _)| *due)
    }

    #[allow(clippy::indexing_slicing, reason = "rank() is below the number of classes, which is the array's length")]
    fn line(&mut self, class: Class) -> &mut BTreeSet<(UnixMillis, MessageId)> {
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
/// One pick in eight belongs to the lowest class that waits: 12.5 percent, and at most one slot of delay.
const SHARE: u64 = 8;

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
            queue.push(Class::Bulk, now, id(n));
            queue.push(Class::Transactional, now, id(1_000 + n));
        }
        let first_sixteen: alloc::vec::Vec<Class> =
            (0..16).filter_map(|_| queue.pop(now)).map(|(class, _)| class).collect();
        assert_eq!(first_sixteen.iter().filter(|class| **class == Class::Bulk).count(), 2);
        assert_eq!(first_sixteen[..7], [Class::Transactional; 7]);
        assert_eq!(first_sixteen[7], Class::Bulk);
    }

    #[test]
    fn nothing_leaves_before_it_is_due() {
        let mut queue = Queue::default();
        queue.push(Class::Transactional, UnixMillis::new(500), id(1));
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
