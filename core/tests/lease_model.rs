//! Leases in true time: holders with clocks of their own, messages that are lost, late, repeated and overtaken, crashes
//! on both sides. What was used is logged in true time and counted by brute force.
//!
//! `SENDGATE_LEASE_RUNS=20000 cargo test --release -p sendgate-core --test lease_model` makes as many random runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a panic here is a test that fails; the model's numbers are small"
)]

use proptest::prelude::*;
use sendgate_core::{
    lease::{Allowance, Answer, Ask, Holder, Lessor, Received, Return, Settled, Terms},
    limiter::{Decision, Limiter, Window},
    time::UnixMillis,
};
use std::collections::BTreeMap;

/// What a run is about.
#[derive(Clone, Debug)]
struct Setting {
    seed: u64,
    /// Limit and period of each sliding window, in true time.
    sliding: Vec<(u32, u64)>,
    /// The limit of a window per day in UTC; the run crosses midnight in its middle.
    day: Option<u32>,
    holders: usize,
    terms: Terms,
    allowance: Allowance,
    /// How wrong clocks run: the owner's, and at most each holder's.
    owner_ppm: i64,
    holder_ppm: i64,
    /// Of 100 messages so many are lost; of 100 so many arrive twice.
    loss: u64,
    twice: u64,
    /// Milliseconds that a message travels at most; of 100 so many take up to ten seconds.
    delay_ms: u64,
    overtaken: u64,
    /// Milliseconds between two sends of any holder, at most; units of a send, at most.
    pause_ms: u64,
    most_units: u32,
    /// Of 10,000 steps so many are a crash of a holder, of the owner, a clock set back, a changed limit.
    trouble: u64,
    /// Which of the five, or any of them.
    only: Option<u64>,
    /// The worst that is allowed: every holder uses a lease in its last millisecond, and the owner itself whatever is
    /// free a period after a lease expired.
    hoarding: bool,
    duration_ms: u64,
}

enum Message {
    ToOwner {
        from: usize,
        ask: Option<Ask>,
        returns: Vec<Return>,
    },
    ToHolder {
        to: usize,
        answer: Option<(u64, Answer)>,
        settled: Vec<u64>,
    },
    /// No message, but an instant: a hoarder's last, and one at which units may have drained.
    LastOfLease {
        of: usize,
    },
    Drained,
}

struct Place {
    holder: Holder,
    /// Local clock: true time, plus this, plus drift.
    offset: i64,
    ppm: i64,
    /// What the clock said last: it may stand still, but does not go back by itself.
    reading: i64,
    since_returns: u64,
    demand: u32,
}

impl Place {
    fn local(&self, at: u64) -> i64 {
        let at = at as i64;
        self.offset + at + (at * self.ppm).div_euclid(1_000_000)
    }
}

struct Model {
    setting: Setting,
    random: u64,
    true_now: u64,
    owner: Lessor,
    /// What the owner has stored.
    durable: Vec<u8>,
    owner_behind: u64,
    places: Vec<Place>,
    /// On their way, by the true instant of arrival and a running number.
    messages: BTreeMap<(u64, u64), Message>,
    sent: u64,
    used: Vec<(u64, u32)>,
    limits: Vec<u32>,
    round_trips: u64,
    wanted: u64,
}

const MIDNIGHT: u64 = 1_796_169_600_000;

impl Model {
    fn new(setting: Setting) -> Self {
        let limits: Vec<u32> = setting.sliding.iter().map(|(limit, _)| *limit).collect();
        let owner = Lessor::new(limiter(&setting, &limits), setting.terms).unwrap();
        let mut model = Self {
            random: setting.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            true_now: 0,
            durable: owner.to_bytes(),
            owner,
            owner_behind: 0,
            places: Vec::new(),
            messages: BTreeMap::new(),
            sent: 0,
            used: Vec::new(),
            limits,
            round_trips: 0,
            wanted: 0,
            setting,
        };
        for _ in 0..model.setting.holders {
            let offset = model.below(4_000_000) as i64 - 2_000_000 + MIDNIGHT as i64;
            let ppm = model.below(2 * model.setting.holder_ppm as u64 + 1) as i64 - model.setting.holder_ppm;
            let holder = Holder::new(model.setting.allowance);
            model.places.push(Place { holder, offset, ppm, reading: 0, since_returns: 0, demand: 0 });
        }
        model
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound.max(1)
    }

    fn one_in_hundred(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    fn owner_now(&self) -> UnixMillis {
        let start = MIDNIGHT - self.setting.duration_ms / 2;
        let ran = self.true_now as i64 + (self.true_now as i64 * self.setting.owner_ppm).div_euclid(1_000_000);
        UnixMillis::new(start + ran as u64 - self.owner_behind)
    }

    /// What a holder's clock says: up to its lag ago, but never less than it said before.
    fn read_clock(&mut self, place: usize) -> UnixMillis {
        let lag = if self.setting.hoarding { 0 } else { self.below(self.setting.allowance.lag_ms + 1) };
        self.read_clock_of(place, lag)
    }

    fn read_clock_of(&mut self, place: usize, lag: u64) -> UnixMillis {
        let place = &mut self.places[place];
        place.reading = place.reading.max(place.local(self.true_now.saturating_sub(lag)));
        UnixMillis::new(place.reading as u64)
    }

    /// Arranges that a hoarder uses its lease at the last instant at which its clock, as late as it may be, lets it.
    fn await_last(&mut self, of: usize) {
        let place = &self.places[of];
        let Some(ends_at) = place.holder.wake_at().filter(|_| self.setting.hoarding) else { return };
        let last = ends_at.as_i64() - 1;
        let mut at = u64::try_from(last - place.offset).unwrap_or_default();
        at -= at.min(at / 4_000);
        while place.local(at + 1) <= last {
            at += 1;
        }
        self.at(at + self.setting.allowance.lag_ms, Message::LastOfLease { of });
    }

    fn at(&mut self, instant: u64, message: Message) {
        self.sent += 1;
        self.messages.insert((instant.max(self.true_now), self.sent), message);
    }

    fn send(&mut self, message: impl Fn() -> Message) {
        let copies = 1 + u64::from(self.one_in_hundred(self.setting.twice));
        for _ in 0..copies {
            if self.one_in_hundred(self.setting.loss) {
                continue;
            }
            let slow = self.one_in_hundred(self.setting.overtaken);
            let travels = self.below(if slow { 10_000 } else { self.setting.delay_ms });
            self.at(self.true_now + travels, message());
        }
    }

    /// One after the other: each message at its instant, then a send at `until`.
    fn deliver(&mut self, until: u64) {
        while let Some(entry) = self.messages.first_entry().filter(|entry| entry.key().0 <= until) {
            self.true_now = entry.key().0;
            match entry.remove() {
                Message::ToOwner { from, ask, returns } => self.at_owner(from, ask, returns),
                Message::ToHolder { to, answer, settled } => {
                    let now = self.read_clock(to);
                    let holder = &mut self.places[to].holder;
                    settled.iter().for_each(|id| holder.settled(*id));
                    if let Some((nonce, answer)) = answer {
                        holder.receive(nonce, &answer, now);
                        self.await_last(to);
                    }
                }
                Message::LastOfLease { of } => {
                    let now = self.read_clock_of(of, self.setting.allowance.lag_ms);
                    let units = u32::try_from(self.places[of].holder.unspent(now)).unwrap();
                    let last = self.places[of].holder.wake_at().is_some_and(|ends_at| ends_at <= now.plus(2));
                    if last && units > 0 && self.places[of].holder.take(units, now) {
                        self.used.push((self.true_now, units));
                    }
                }
                Message::Drained => {
                    let now = self.owner_now();
                    let units = self.owner.free(now);
                    if units > 0 && matches!(self.owner.decide(units, now), Decision::Allow { .. }) {
                        self.used.push((self.true_now, units));
                        self.durable = self.owner.to_bytes();
                    }
                }
            }
        }
        self.true_now = until;
    }

    fn at_owner(&mut self, from: usize, ask: Option<Ask>, returns: Vec<Return>) {
        let now = self.owner_now();
        for back in &returns {
            assert_ne!(self.owner.give_back(*back, now), Settled::Unknown, "a lease that nobody granted: {back:?}");
        }
        let answer = ask.map(|ask| (ask.nonce, self.owner.ask(ask.units, now)));
        if self.below(10_000) < self.setting.trouble {
            // The owner falls before it has stored what it did: nobody hears of it.
            return self.restart_owner();
        }
        // A denial by itself is never stored, and no decision may depend on it.
        if !returns.is_empty() || matches!(answer, Some((_, Answer::Granted(_)))) {
            self.durable = self.owner.to_bytes();
        }
        if let Some((_, Answer::Granted(grant))) = answer.as_ref().filter(|_| self.setting.hoarding) {
            let drains_in = grant.expires_at.since(now) + self.setting.sliding[0].1;
            let early = self.below(2) * self.below(10);
            self.at(self.true_now + drains_in - early, Message::Drained);
        }
        let settled: Vec<u64> = returns.iter().map(|back| back.id).collect();
        self.send(|| Message::ToHolder { to: from, answer, settled: settled.clone() });
    }

    fn restart_owner(&mut self) {
        let fresh = Lessor::new(limiter(&self.setting, &self.limits), self.setting.terms).unwrap();
        self.owner = fresh.load(&self.durable).unwrap();
    }

    fn trouble(&mut self) {
        let place = self.below(self.setting.holders as u64) as usize;
        let any = self.below(5);
        match self.setting.only.unwrap_or(any) {
            0 => self.places[place].holder = Holder::new(self.setting.allowance),
            1 => {
                let bytes = self.places[place].holder.to_bytes();
                self.places[place].holder = Holder::load(self.setting.allowance, &bytes).unwrap();
            }
            2 => {
                self.restart_owner();
                if self.setting.day.is_none() {
                    self.owner_behind += self.below(3_000);
                }
            }
            3 => {
                let now = self.read_clock(place);
                self.places[place].holder.returns(now);
                // At least a millisecond further back than its clock stood behind, so that it can be seen.
                let back = 1 + self.below(100_000) as i64;
                self.places[place].offset -= back + self.setting.allowance.lag_ms as i64;
                self.places[place].reading = 0;
                let now = self.read_clock(place);
                self.places[place].holder.returns(now);
                self.await_last(place);
            }
            _ => {
                let most: Vec<u32> = self.setting.sliding.iter().map(|(limit, _)| *limit).collect();
                let mut half_at_least = |limit: u32| limit.div_ceil(2) + self.below(u64::from(limit / 2) + 1) as u32;
                self.limits = most.into_iter().map(&mut half_at_least).collect();
                let changed = limiter(&self.setting, &self.limits);
                self.owner.migrate(changed, self.setting.terms, self.owner_now()).unwrap();
                self.durable = self.owner.to_bytes();
            }
        }
    }

    /// A holder wants to send.
    fn want(&mut self, place: usize) {
        let units = 1 + self.below(u64::from(self.setting.most_units)) as u32;
        self.wanted += u64::from(units);
        let now = self.read_clock(place);
        let (true_now, nonce, ttl_ms) = (self.true_now, self.random, self.owner.ttl_ms());
        let at = &mut self.places[place];
        at.demand += units;
        if !self.setting.hoarding && at.holder.take(units, now) {
            self.used.push((true_now, units));
        }
        let at = &mut self.places[place];
        let sensible = Holder::sensible_units(at.demand, true_now + 1, ttl_ms);
        if let Some(ask) = at.holder.ask(sensible.max(units), nonce, now) {
            self.round_trips += 1;
            at.since_returns = true_now;
            self.send(|| Message::ToOwner { from: place, returns: ask.returns.clone(), ask: Some(ask.clone()) });
        } else if true_now - at.since_returns >= 200 {
            let returns = at.holder.returns(now);
            at.since_returns = true_now;
            if !returns.is_empty() {
                self.round_trips += 1;
                self.send(|| Message::ToOwner { from: place, ask: None, returns: returns.clone() });
            }
        }
    }

    fn run(&mut self) {
        while self.true_now < self.setting.duration_ms {
            let until = self.true_now + self.below(self.setting.pause_ms);
            self.deliver(until);
            if self.below(10_000) < self.setting.trouble {
                self.trouble();
            }
            if self.one_in_hundred(1) {
                let now = self.owner_now();
                if let Decision::Allow { .. } = self.owner.decide(1, now) {
                    self.used.push((until, 1));
                    self.durable = self.owner.to_bytes();
                }
            }
            let place = self.below(self.setting.holders as u64) as usize;
            self.want(place);
        }
    }

    /// The most that any interval of a period carries, by brute force.
    fn worst(&self, period_ms: u64) -> u64 {
        let (mut first, mut sum, mut worst) = (0, 0, 0);
        for (at, units) in &self.used {
            sum += u64::from(*units);
            while *at - self.used[first].0 >= period_ms {
                sum -= u64::from(self.used[first].1);
                first += 1;
            }
            worst = worst.max(sum);
        }
        worst
    }

    /// By how much the limits were exceeded, over all windows; 0 when they were kept.
    fn excess(&self) -> u64 {
        let mut excess = 0;
        for (limit, period_ms) in &self.setting.sliding {
            excess += self.worst(*period_ms).saturating_sub(u64::from(*limit));
        }
        if let Some(limit) = self.setting.day {
            let half = self.setting.duration_ms / 2;
            let total: u64 = self.used.iter().map(|(_, units)| u64::from(*units)).sum();
            let before: u64 = self.used.iter().filter(|(at, _)| *at < half).map(|(_, units)| u64::from(*units)).sum();
            excess += before.saturating_sub(u64::from(limit)) + (total - before).saturating_sub(u64::from(limit));
        }
        excess
    }
}

/// The limiter at these limits. Its periods are longer by as much as the owner's clock may run fast, so that they are
/// whole periods in true time.
fn limiter(setting: &Setting, limits: &[u32]) -> Limiter {
    let stretched = |period_ms: u64| period_ms + (period_ms * setting.owner_ppm.max(0) as u64).div_ceil(1_000_000) + 1;
    let exact = setting.owner_ppm == 0;
    let sliding = setting.sliding.iter().zip(limits).enumerate().map(|(index, ((_, period_ms), limit))| {
        let period_ms = if exact { *period_ms } else { stretched(*period_ms) };
        Window::Sliding { name: format!("sliding-{index}"), limit: *limit, period_ms }
    });
    let unit = sendgate_core::calendar::CalendarUnit::Day;
    let day = setting.day.map(|limit| Window::Calendar { name: "day".into(), limit, unit, time_zone: "UTC".into() });
    Limiter::new(sliding.chain(day).collect()).unwrap()
}

/// A setting at random: up to 11 holders, clocks wrong by up to 200 ppm, up to 40 % loss.
fn any_setting(seed: u64) -> Setting {
    let mut random = (seed + 1).wrapping_mul(0xd134_2543_de82_ef95) | 1;
    let mut within = |least: u64, most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        least + (random >> 11) % (most - least + 1)
    };
    let hoarding = within(0, 3) == 0;
    let period_ms = within(4_000, if hoarding { 160_000 } else { 60_000 });
    let small = hoarding || within(0, 2) == 0;
    let mut sliding = vec![(within(1, if small { 16 } else { 600 }) as u32, period_ms)];
    if within(0, 2) == 0 {
        sliding.push((sliding[0].0 + within(1, 300) as u32, period_ms * within(2, 4)));
    }
    let day = (within(0, 3) == 0).then(|| within(1, 800) as u32);
    let terms = Terms {
        ttl_ms: if hoarding { 20_000 } else { within(500, 20_000) },
        holders: within(1, 11) as u32,
        least_units: within(1, 64) as u32,
        most_leases: within(1, 40) as u32,
    };
    let travel_ms = if hoarding { 0 } else { within(0, 150) };
    Setting {
        seed,
        sliding,
        day,
        holders: within(1, 11) as usize,
        terms,
        allowance: Allowance { drift_ppm: 200, lag_ms: within(0, 1) * within(0, 200), travel_ms },
        // The days are the owner's: only an owner whose clock runs true is asked for them in true time.
        owner_ppm: if day.is_none() { within(0, 1) as i64 * (within(0, 400) as i64 - 200) } else { 0 },
        holder_ppm: 200,
        loss: within(0, 40),
        twice: within(0, 20),
        delay_ms: within(0, 1) * within(0, 300),
        overtaken: within(0, 5),
        pause_ms: within(2, 200),
        most_units: within(1, 4) as u32,
        trouble: within(0, 1) * within(0, 60),
        only: Some(within(0, 9)).filter(|only| *only < 5),
        hoarding,
        duration_ms: period_ms * within(4, 8),
    }
}

/// The runs that were asked for, or as many as do not hold up a debug build.
fn runs() -> u64 {
    std::env::var("SENDGATE_LEASE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(300)
}

#[test]
fn never_more_than_the_limit_in_true_time_whatever_is_lost_late_repeated_or_broken() {
    let (mut units, mut wanted, mut full) = (0, 0, 0);
    for seed in 0..runs() {
        let mut model = Model::new(any_setting(seed));
        model.run();
        assert_eq!(model.excess(), 0, "{:?}", model.setting);
        units += model.used.iter().map(|(_, units)| u64::from(*units)).sum::<u64>();
        wanted += model.wanted;
        full += u64::from(model.worst(model.setting.sliding[0].1) == u64::from(model.setting.sliding[0].0));
    }
    println!("{} runs, {units} of {wanted} units used, {full} runs filled their window to the unit, 0 over", runs());
    assert!(full > 0, "no run came near its limit");
}

/// The model has to see an over-admission where there is one: clocks that stand still for half a second, and a holder
/// that makes no allowance for it.
#[test]
fn the_model_sees_a_holder_that_makes_no_allowance() {
    let mut over = 0;
    for seed in 0..60 {
        let mut setting = any_setting(seed);
        (setting.sliding, setting.day, setting.trouble, setting.loss) = (vec![(8, 4_000)], None, 0, 0);
        (setting.pause_ms, setting.owner_ppm) = (40, 0);
        setting.terms = Terms { ttl_ms: 500, holders: 1, least_units: 4, most_leases: 40 };
        setting.allowance = Allowance { drift_ppm: 0, lag_ms: 500, travel_ms: 0 };
        let mut model = Model::new(setting);
        for place in &mut model.places {
            place.holder = Holder::new(Allowance { drift_ppm: 0, lag_ms: 0, travel_ms: 0 });
        }
        model.run();
        over += u64::from(model.excess() > 0);
    }
    assert!(over > 0, "it saw nothing");
}

/// Eight holders who always want more than there is: ten times as much of 500 a minute, twice as much of more.
///
/// A window of sub-buckets passes 15/16 = 93.75 % of its limit for ever, and all of it in its first period. Leases may
/// not cost a further percent.
#[test]
fn at_least_93_percent_of_a_wanted_limit_is_used() {
    for (limit, times) in [(500, 10), (5_000, 2), (50_000, 2)] {
        let minutes = 20;
        let pause_ms = (2 * 60_000 / (u64::from(times * limit))).max(8);
        let mut model = Model::new(Setting {
            seed: 42,
            sliding: vec![(limit, 60_000)],
            day: None,
            holders: 8,
            terms: Terms::default(),
            allowance: Allowance::default(),
            owner_ppm: 0,
            holder_ppm: 200,
            loss: 1,
            twice: 0,
            delay_ms: 120,
            overtaken: 0,
            pause_ms,
            // Sends of 1 to this many units, so that `times` the limit is wanted.
            most_units: (times * limit * pause_ms as u32 / 60_000).saturating_sub(1).max(1),
            trouble: 0,
            only: None,
            hoarding: false,
            duration_ms: minutes * 60_000,
        });
        model.run();
        let used: u64 = model.used.iter().map(|(_, units)| u64::from(*units)).sum();
        let of_limit = used * 10_000 / (u64::from(limit) * minutes);
        println!(
            "{limit} a minute: {} wanted a minute, worst minute {}, {}.{:02} % used, {} round trips for 1,000 units",
            model.wanted / minutes,
            model.worst(60_000),
            of_limit / 100,
            of_limit % 100,
            model.round_trips * 1_000 / used,
        );
        assert_eq!(model.excess(), 0);
        assert!(of_limit >= 9_300, "{of_limit} of 10,000 at {limit} a minute");
    }
}

#[test]
fn a_holder_who_hears_an_answer_twice_takes_it_once() {
    let policy = r#"{"windows":[{"kind":"sliding","name":"minute","limit":10,"period_ms":60000}]}"#;
    let mut owner = Lessor::new(Limiter::from_json(policy).unwrap(), Terms::default()).unwrap();
    let mut holder = Holder::new(Allowance::default());
    let now = UnixMillis::new(1_796_119_200_000);
    let ask = holder.ask(10, 7, now).unwrap();
    let answer = owner.ask(ask.units, now);
    assert!(matches!(holder.receive(7, &answer, now), Received::Taken { .. }));
    assert_eq!(holder.receive(7, &answer, now), Received::Stale);
    assert!(holder.take(10, now));
    assert!(!holder.take(1, now));
}

proptest! {
    /// Whatever the bytes are: they load as what would be written like them, or are refused, and never end in a panic.
    #[test]
    fn any_bytes_are_refused_or_go_on(
        tail in prop::collection::vec(any::<u8>(), 0..200), place in 0usize..200, byte in any::<u8>(), now in any::<u64>(),
    ) {
        let policy = r#"{"windows":[{"kind":"sliding","name":"minute","limit":10,"period_ms":60000}]}"#;
        let mut owner = Lessor::new(Limiter::from_json(policy).unwrap(), Terms::default()).unwrap();
        let fresh = owner.clone();
        let mut holder = Holder::new(Allowance::default());
        let start = UnixMillis::new(1_796_119_200_000);
        let ask = holder.ask(4, 7, start).unwrap();
        holder.receive(7, &owner.ask(ask.units, start), start);
        for (bytes, magic) in [(owner.to_bytes(), *b"SO\x01"), (holder.to_bytes(), *b"SK\x01")] {
            let changed = bytes.iter().enumerate().map(|(at, old)| if at == place { byte } else { *old }).collect();
            for bytes in [changed, [magic.as_slice(), &tail].concat()] {
                if let Ok(mut owner) = fresh.clone().load(&bytes) {
                    prop_assert_eq!(owner.to_bytes(), bytes.clone());
                    owner.ask(u32::MAX, UnixMillis::new(now));
                    owner.give_back(Return { id: 1, used: u32::MAX }, UnixMillis::new(now));
                    prop_assert!(owner.free(UnixMillis::new(now)) <= 10);
                }
                if let Ok(mut holder) = Holder::load(Allowance::default(), &bytes) {
                    prop_assert_eq!(holder.to_bytes(), bytes.clone());
                    holder.take(u32::MAX, UnixMillis::new(now));
                    holder.ask(u32::MAX, now, UnixMillis::new(now));
                    holder.returns(UnixMillis::MAX);
                }
            }
        }
    }
}
