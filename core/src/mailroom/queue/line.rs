//! The messages of one class that may go through the same providers: their lanes, and which of them are open.

use super::{Entry, Head, Route};
use crate::{id::MessageId, message::Class, time::UnixMillis};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

/// The limited groups that a lane's messages go to.
pub(super) type LaneKey = Arc<[Arc<str>]>;

/// The lanes of one class and route.
pub(super) struct Line {
    pub(super) class: Class,
    pub(super) route: Route,
    pub(super) lanes: BTreeMap<LaneKey, Lane>,
    /// The first message of every lane that is open.
    open: BTreeSet<(UnixMillis, MessageId, LaneKey)>,
    /// Every lane that is shut, by the instant it opens.
    pub(super) shut: BTreeSet<(UnixMillis, LaneKey)>,
    /// The first messages of the shut lanes by the group that they wait for, with the instant they wait until.
    pub(super) claims: BTreeMap<(Arc<str>, UnixMillis, MessageId), UnixMillis>,
    /// Lanes of several groups: they are found by searching.
    pub(super) several: BTreeSet<LaneKey>,
    /// The whole line is shut until then.
    pub(super) shut_until: UnixMillis,
}

#[derive(Default)]
pub(super) struct Lane {
    pub(super) waiting: BTreeMap<(UnixMillis, MessageId), Entry>,
    shut: Option<Shut>,
}

/// Why a lane's first message waits: for room at a group, until an instant.
#[derive(Clone)]
pub(super) struct Shut {
    pub(super) until: UnixMillis,
    pub(super) group: Arc<str>,
}

impl Line {
    pub(super) const fn new(class: Class, route: Route) -> Self {
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

    pub(super) fn push(&mut self, due: UnixMillis, id: MessageId, entry: Entry) -> LaneKey {
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

    pub(super) fn remove(&mut self, key: &LaneKey, due: UnixMillis, id: MessageId) -> Option<Entry> {
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

    pub(super) fn set_shut(&mut self, key: &LaneKey, shut: Option<Shut>) {
        if self.lanes.contains_key(key) {
            self.change(key, |lane| lane.shut = shut);
        }
    }

    pub(super) fn claimed(&self, head: &Head) -> Option<Shut> {
        head.lane.iter().find_map(|group| {
            let first = (Arc::clone(group), UnixMillis::default(), MessageId::FIRST);
            let ((known, due, id), until) = self.claims.range(first..).next()?;
            let is_older = known == group && (*due, *id) < (head.due, head.id);
            is_older.then(|| Shut { until: *until, group: Arc::clone(group) })
        })
    }

    pub(super) fn reopen(&mut self, group: &Arc<str>) {
        let own: LaneKey = Arc::from([Arc::clone(group)]);
        let several: Vec<LaneKey> = self.several.iter().filter(|key| key.contains(group)).cloned().collect();
        several.into_iter().chain([own]).for_each(|key| self.set_shut(&key, None));
    }

    pub(super) fn head(&mut self, now: UnixMillis) -> Option<(UnixMillis, MessageId, LaneKey)> {
        if self.shut_until > now {
            return None;
        }
        while let Some((_, key)) = self.shut.first().filter(|(until, _)| *until <= now).cloned() {
            self.set_shut(&key, None);
        }
        self.open.first().filter(|(due, _, _)| *due <= now).cloned()
    }

    pub(super) fn next_at(&self) -> Option<UnixMillis> {
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
