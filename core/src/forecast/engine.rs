//! The clock, and what moves it.

use super::{
    ForecastError, Warmup,
    chance::Chance,
    door::{Door, Step},
    report::{Forecast, LimitId, Log, Waiting},
    traffic::{Arrivals, Faults},
};
use crate::{
    backoff::{Backoff, Retry},
    calendar::Zone,
    config::AccountConfig,
    gate::{Binding, Dispatch, Hurdle, Reason, Verdict, Weight},
    id::MessageId,
    mailroom::{
        MAX_IN_FLIGHT, call_bounds,
        queue::{Entry, Head, Queue},
    },
    provider::Bounds,
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

pub(super) struct Engine<'a> {
    account: &'a AccountConfig,
    door: Door,
    queue: Queue,
    dispatch: Dispatch,
    bounds: Vec<Bounds>,
    /// What a message of each batch costs.
    weights: Vec<Weight>,
    backoff: Backoff,
    zone: Zone,
    warmup: Option<Warmup>,
    faults: &'a Faults,
    chance: Chance,
    flights: BTreeMap<(UnixMillis, u64), Flight>,
    /// Failed attempts at each message.
    failures: Vec<u32>,
    /// Nothing at all leaves before then.
    stopped: Option<(UnixMillis, LimitId)>,
    /// Lanes that are shut, by the instant they open.
    shut: BTreeMap<UnixMillis, LimitId>,
    log: Log,
    told: Forecast,
    never: BTreeMap<LimitId, u64>,
}

/// A call on its way.
struct Flight {
    via: usize,
    weight: Weight,
    items: Vec<(MessageId, Weight)>,
}

/// Where a message may go now.
enum Way {
    Open(usize),
    Shut { until: UnixMillis, via: usize, binding: Binding },
    Never,
    Stopped(Reason),
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        account: &'a AccountConfig,
        arrivals: Arrivals,
        warmup: Option<Warmup>,
        faults: &'a Faults,
        seed: u64,
        now: UnixMillis,
    ) -> Result<Self, ForecastError> {
        let dispatch = Dispatch::fresh(account, &|_, _| None)
            .map_err(|_| ForecastError::Policy("the account's windows are malformed".into()))?;
        let zone = Zone::parse(&account.time_zone).map_err(|error| ForecastError::Policy(error.to_string()))?;
        let weigh = |batch: &super::Batch| {
            let address = batch.domain.as_ref().map_or_else(String::new, |domain| alloc::format!("x@{domain}"));
            let recipients = usize::try_from(batch.recipients).unwrap_or(usize::MAX);
            dispatch.weigh(batch.class, core::iter::repeat_n(address.as_str(), recipients))
        };
        let weights = arrivals.batches.iter().map(weigh).collect();
        let count = arrivals.coming.len();
        Ok(Self {
            account,
            door: Door::new(account, arrivals)?,
            queue: Queue::default(),
            dispatch,
            bounds: account.senders().map(|provider| call_bounds(account, provider)).collect(),
            weights,
            backoff: account.retry.backoff(),
            zone,
            warmup,
            faults,
            // Not the numbers that the traffic was drawn with.
            chance: Chance::new(seed ^ OTHER_STREAM),
            flights: BTreeMap::new(),
            failures: alloc::vec![0; count],
            stopped: None,
            shut: BTreeMap::new(),
            log: Log::default(),
            told: Forecast::beginning(now, count),
            never: BTreeMap::new(),
        })
    }

    pub(super) fn run(mut self) -> Result<Forecast, ForecastError> {
        let mut now = self.told.started_at;
        loop {
            self.land(now);
            self.enter(now);
            self.leave(now);
            let Some(next) = self.next_at(now) else { break };
            if let Some(limit) = self.waits_for(now) {
                self.log.waited(&limit, now, next);
            }
            now = next;
        }
        Ok(self.finish())
    }

    /// The next instant at which something can change; `None` when everything has ended.
    fn next_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let queued = self.queue.next_at().filter(|at| *at < UnixMillis::MAX && !self.is_full());
        let queued = queued.map(|at| self.stopped.as_ref().map_or(at, |(until, _)| at.max(*until)));
        let answer = self.flights.first_key_value().map(|((at, _), _)| *at);
        let next = [self.door.next_at(), queued, answer].into_iter().flatten().min()?;
        // An instant at which nothing could be done does not come again.
        (next < UnixMillis::MAX).then(|| next.max(now.plus(1)))
    }

    /// The limit that stands in the way of what waits.
    fn waits_for(&self, now: UnixMillis) -> Option<LimitId> {
        let of_queue = self.stopped.as_ref().map(|(_, limit)| limit);
        let of_lane = self.shut.range(now.plus(1)..).next().map(|(_, limit)| limit);
        let of_door = self.door.shut.as_ref().filter(|(until, _)| *until > now).map(|(_, limit)| limit);
        of_queue.or(of_lane).or(of_door).cloned()
    }

    /// Takes in whoever may come.
    fn enter(&mut self, now: UnixMillis) {
        loop {
            match self.door.step(now) {
                Step::In { first, count, batch } => self.queue_up(first, count, batch, now),
                Step::Away { count, limit } => self.never_goes(limit, count),
                Step::Nothing => return,
            }
        }
    }

    fn queue_up(&mut self, first: usize, count: usize, batch: usize, now: UnixMillis) {
        let Some(weight) = self.weights.get(batch).cloned() else { return };
        if let Some(limit) = self.never_admits(&weight) {
            return self.never_goes(limit, u64::try_from(count).unwrap_or(u64::MAX));
        }
        for place in first..first.saturating_add(count) {
            self.queue.push(Entry::new(weight.clone(), None), now, MessageId::from_number(place));
        }
        // What came may be smaller than what nothing admits.
        self.stopped = None;
    }

    /// The window that no provider's way goes around.
    fn never_admits(&self, weight: &Weight) -> Option<LimitId> {
        let mut misfits = (0..self.bounds.len()).map(|via| self.dispatch.never_fits(weight, via));
        let (dimension, window) = misfits.next()??;
        misfits.all(|misfit| misfit.is_some()).then(|| LimitId::of(dimension, window))
    }

    /// Starts every call that may leave.
    fn leave(&mut self, now: UnixMillis) {
        if self.stopped.as_ref().is_some_and(|(until, _)| *until > now) {
            return;
        }
        self.stopped = None;
        self.shut = self.shut.split_off(&now.plus(1));
        while !self.is_full() {
            let Some(head) = self.queue.head(now) else { return };
            let Some(entry) = self.queue.entry(&head) else { return };
            let room = self.warmup.as_mut().map_or((u64::MAX, UnixMillis::MAX), |ramp| ramp.room(&self.zone, now));
            if let (0, end, Some(ramp)) = (room.0, room.1, &self.warmup) {
                self.stopped = Some((end, ramp.limit()));
                return;
            }
            let way = self.way(&entry.weight, now);
            match way {
                Way::Open(_) if self.queue.step_back(&head, now) => {}
                Way::Open(via) => self.start(&head, via, room.0, now),
                Way::Shut { until, via, binding } => {
                    if self.stand_aside(&head, via, binding, until) {
                        return;
                    }
                }
                Way::Never => {
                    let limit = self.queue.take(&head).and_then(|entry| self.never_admits(&entry.weight));
                    self.never_goes(limit.unwrap_or_else(|| LimitId::status("never_fits")), 1);
                }
                Way::Stopped(reason) => {
                    self.stopped = Some((UnixMillis::MAX, LimitId::status(reason.code())));
                    return;
                }
            }
        }
        self.stopped = Some((UnixMillis::MAX, LimitId::in_flight(MAX_IN_FLIGHT)));
    }

    /// The first provider in order that takes a message, unless an earlier one will soon: as the Mailroom chooses.
    fn way(&self, weight: &Weight, now: UnixMillis) -> Way {
        let mut soonest: Option<(UnixMillis, usize, Binding)> = None;
        for via in 0..self.bounds.len() {
            let (until, binding) = match self.dispatch.peek(weight, via, now) {
                Verdict::Allow => return Way::Open(via),
                Verdict::Defer { retry_at, binding } => (retry_at, binding),
                Verdict::Occupied { binding } => (UnixMillis::MAX, binding),
                Verdict::Reject(Reason::NeverFits(_)) => continue,
                Verdict::Reject(reason @ (Reason::Suspended | Reason::Closed)) => return Way::Stopped(reason),
            };
            if soonest.is_none_or(|(earliest, ..)| until < earliest) {
                soonest = Some((until, via, binding));
            }
            if until == UnixMillis::MAX || until.since(now) <= self.account.failover.after_ms {
                break;
            }
        }
        soonest.map_or(Way::Never, |(until, via, binding)| Way::Shut { until, via, binding })
    }

    /// Lets others pass; `true` when the same stops them all.
    fn stand_aside(&mut self, head: &Head, via: usize, binding: Binding, until: UnixMillis) -> bool {
        let Some(weight) = self.queue.entry(head).map(|entry| &entry.weight) else { return true };
        let hurdle = self.dispatch.hurdle(weight, binding);
        let Some(limit) = self.dispatch.named(weight, via, binding).map(|(of, window)| LimitId::of(of, window)) else {
            return true;
        };
        let of_provider = self.dispatch.is_of_provider(binding);
        match hurdle {
            Hurdle::All => {
                self.stopped = Some((until, limit));
                return true;
            }
            Hurdle::Class if of_provider => self.queue.shut_line(head, until),
            Hurdle::Class => self.queue.shut_class(head.class, until),
            Hurdle::Group(place) => self.queue.shut_lane(head, place, until),
        }
        self.shut.entry(until).or_insert(limit);
        false
    }

    /// Starts a call with a message, and with those that may share it.
    fn start(&mut self, head: &Head, via: usize, room: u64, now: UnixMillis) {
        let allowance = self.queue.allowance().min(usize::try_from(room).unwrap_or(usize::MAX));
        let Some(first) = self.queue.take(head) else { return };
        let mut flight = Flight { via, weight: first.weight.clone(), items: alloc::vec![(head.id, first.weight)] };
        self.gather(&mut flight, head, allowance, now);
        let messages = u64::try_from(flight.items.len()).unwrap_or(u64::MAX);
        self.told.calls = self.told.calls.saturating_add(1);
        self.told.attempts = self.told.attempts.saturating_add(messages);
        if let Some(ramp) = &mut self.warmup {
            ramp.count(messages);
        }
        self.told.first_at = self.told.first_at.or(Some(now));
        for (id, _) in &flight.items {
            if let Some(left) = self.told.departures.get_mut(id.number()) {
                *left = Some(now);
            }
        }
        self.dispatch.hold(&flight.weight, via, now);
        let (least, most) = self.faults.latency_ms;
        if most == 0 {
            return self.answered(flight, now);
        }
        let takes = least.saturating_add(self.chance.below(most.saturating_sub(least).saturating_add(1)));
        self.flights.insert((now.plus(takes), self.told.calls), flight);
    }

    fn gather(&mut self, flight: &mut Flight, head: &Head, allowance: usize, now: UnixMillis) {
        let Some(bounds) = self.bounds.get(flight.via).copied() else { return };
        for _ in 1..bounds.messages.min(allowance) {
            let Some(next) = self.queue.head_of(head.class, now) else { return };
            let Some(entry) = self.queue.entry(&next) else { return };
            let mut together = flight.weight.clone();
            together.join(&entry.weight);
            let fits = usize::try_from(together.recipients).is_ok_and(|recipients| recipients <= bounds.recipients);
            if !fits || self.dispatch.peek(&together, flight.via, now) != Verdict::Allow {
                return;
            }
            if self.queue.step_back(&next, now) {
                continue;
            }
            let Some(entry) = self.queue.take_along(&next) else { return };
            flight.items.push((next.id, entry.weight));
            flight.weight = together;
        }
    }

    /// Takes in the answers that have come.
    fn land(&mut self, now: UnixMillis) {
        while let Some(first) = self.flights.first_entry().filter(|first| first.key().0 <= now) {
            let flight = first.remove();
            self.queue.reopen(&flight.weight);
            self.stopped = None;
            self.shut.clear();
            self.answered(flight, now);
        }
    }

    /// What becomes of a call, by chance.
    fn answered(&mut self, flight: Flight, now: UnixMillis) {
        self.dispatch.release(&flight.weight, flight.via, now);
        self.dispatch.count(&flight.weight, flight.via, now);
        let Faults { throttled_permille, failed_permille, refused_permille, .. } = *self.faults;
        let again = u64::from(throttled_permille).saturating_add(u64::from(failed_permille));
        let bad = again.saturating_add(u64::from(refused_permille));
        let drawn = if bad == 0 { 0 } else { self.chance.below(PERMILLE) };
        let messages = u64::try_from(flight.items.len()).unwrap_or(u64::MAX);
        if bad == 0 || drawn >= bad {
            self.told.sent = self.told.sent.saturating_add(messages);
        } else if drawn >= again {
            self.told.refused = self.told.refused.saturating_add(messages);
        } else {
            flight.items.into_iter().for_each(|(id, weight)| self.failed(id, weight, now));
        }
    }

    fn failed(&mut self, id: MessageId, weight: Weight, now: UnixMillis) {
        let Some(failures) = self.failures.get_mut(id.number()) else { return };
        *failures = failures.saturating_add(1);
        match self.backoff.next(*failures, None, self.chance.next(), now) {
            Retry::At(at) => self.queue.push(Entry::new(weight, None), at, id),
            Retry::Exhausted { .. } => self.told.held = self.told.held.saturating_add(1),
        }
    }

    fn never_goes(&mut self, limit: LimitId, count: u64) {
        let known = self.never.entry(limit).or_default();
        *known = known.saturating_add(count);
    }

    fn is_full(&self) -> bool {
        self.flights.len() >= MAX_IN_FLIGHT
    }

    fn finish(mut self) -> Forecast {
        if let Some((_, limit)) = self.stopped.take().filter(|_| !self.queue.is_empty()) {
            let done = self.told.sent.saturating_add(self.told.refused).saturating_add(self.told.held);
            let known = self.never.values().fold(done, |sum, count| sum.saturating_add(*count));
            self.never_goes(limit, self.told.messages.saturating_sub(known));
        }
        self.told.finished_at = self.told.departures.iter().flatten().max().copied();
        let came = self.door.coming().iter().map(|one| one.at);
        let waits = self.told.departures.iter().zip(came).filter_map(|(left, came)| Some((*left)?.since(came)));
        self.told.waiting = Waiting::of(waits.collect());
        (self.told.bounds, self.told.timeline) = self.log.into_parts();
        self.told.never = self.never.into_iter().collect();
        self.told
    }
}

/// Turns a seed into another one.
const OTHER_STREAM: u64 = 0x5851_f42d_4c95_7f2d;
const PERMILLE: u64 = 1_000;
