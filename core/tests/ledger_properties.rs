//! The quota ledger against a list of every reservation. Rows R193, R194, R197, R198, R199, R202, R219, R228.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::{CalendarUnit, Zone},
    ledger::{Ledger, LedgerError, Overdelivery, Quota, QuotaUsage, Reason, Refusal, Reservation},
    time::UnixMillis,
};

/// 2026-03-28T10:00:00Z: the day before Rome's short one, and three days before a month ends.
const START: u64 = 1_774_692_000_000;

const ROME: &str = "Europe/Rome";

fn instant(text: &str) -> UnixMillis {
    UnixMillis::parse_rfc3339(text).unwrap()
}

fn quota(period: CalendarUnit, limit: u64) -> Quota {
    Quota { period, limit }
}

/// What the test itself knows of a reservation.
struct Held {
    reservation: Reservation,
    open: u64,
    committed: u64,
}

/// The sums over the list for the period of `unit` that holds `now`: reserved, committed, released.
fn sums(held: &[Held], zone: &Zone, unit: CalendarUnit, now: UnixMillis) -> (u64, u64, u64) {
    let period = zone.period(unit, now);
    let of_period = held.iter().filter(|one| one.reservation.reserved_at >= period.start);
    let released = |one: &Held| one.reservation.units - one.open - one.committed;
    of_period.fold((0, 0, 0), |(open, committed, back), one| {
        (open + one.open, committed + one.committed, back + released(one))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// R228. At every step and for each quota: reserved, committed and released are what the list says, and the first two
    /// with what is free are the limit. A refusal changes nothing and tells the first instant at which the units fit.
    #[test]
    fn reserved_committed_and_free_are_the_limit_at_every_step(
        day in 0..60_u64, month in 0..200_u64, overdelivery in policies(),
        operations in prop::collection::vec(
            (prop_oneof![5 => 0..3_600_000_i64, 1 => 0..90_000_000_i64, 1 => -9_000_000..0_i64], 0..12_u64, 0..5_u8, any::<u16>()),
            1..120,
        ),
    ) {
        let quotas = [quota(CalendarUnit::Day, day), quota(CalendarUnit::Month, month)];
        let mut ledger = Ledger::new(&quotas, ROME).unwrap().with_overdelivery(overdelivery);
        let zone = Zone::parse(ROME).unwrap();
        let mut held: Vec<Held> = Vec::new();
        let (mut clock, mut newest) = (START, UnixMillis::default());
        for (gap, units, choice, pick) in operations {
            clock = clock.saturating_add_signed(gap);
            let now = UnixMillis::new(clock).max(newest);
            let known = (!held.is_empty()).then(|| usize::from(pick) % held.len().max(1));
            match (choice, known) {
                (3, Some(place)) => {
                    let one = &mut held[place];
                    let moved = units.min(one.open);
                    ledger.commit(&one.reservation, moved, UnixMillis::new(clock));
                    (one.open, one.committed) = (one.open - moved, one.committed + moved);
                }
                (4, Some(place)) => {
                    let one = &mut held[place];
                    let moved = units.min(one.open);
                    ledger.release(&one.reservation, moved, UnixMillis::new(clock));
                    one.open -= moved;
                }
                _ => {
                    let before = ledger.as_bytes().to_vec();
                    let said = ledger.peek(units, UnixMillis::new(clock));
                    prop_assert_eq!(said.iter().all(Result::is_ok), ledger.clone().reserve(units, UnixMillis::new(clock)).is_ok());
                    match ledger.reserve(units, UnixMillis::new(clock)) {
                        Ok(reservation) => {
                            prop_assert_eq!((reservation.units, reservation.reserved_at), (units, now));
                            newest = now;
                            held.push(Held { reservation, open: units, committed: 0 });
                        }
                        Err(refusal) => {
                            prop_assert_eq!(ledger.as_bytes(), &before[..]);
                            assert_refusal_is_tight(&ledger, refusal, units, overdelivery);
                        }
                    }
                }
            }
            for usage in ledger.usage(UnixMillis::new(clock)) {
                assert_conserved(&usage, overdelivery);
                prop_assert_eq!((usage.reserved, usage.committed, usage.released), sums(&held, &zone, usage.period, now));
            }
        }
        let loaded = Ledger::load(&quotas, ROME, ledger.as_bytes()).unwrap();
        prop_assert!(loaded.with_overdelivery(overdelivery) == ledger);
    }

    /// Any bytes and any other configuration: an error or a ledger, never a panic, and never a negative `free`.
    #[test]
    fn loading_never_panics(
        garbage in prop::collection::vec(any::<u8>(), 0..120), place in any::<usize>(), byte in any::<u8>(),
        limit in any::<u64>(), now in any::<u64>(), units in any::<u64>(),
    ) {
        let quotas = [quota(CalendarUnit::Day, limit), quota(CalendarUnit::Year, u64::MAX)];
        prop_assert!(Ledger::load(&quotas, ROME, &garbage).is_err());
        let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, u64::MAX)], ROME).unwrap();
        let reservation = ledger.reserve(units, UnixMillis::new(now)).unwrap();
        let mut damaged = ledger.as_bytes().to_vec();
        let at = place % damaged.len();
        damaged[at] = byte;
        if let Ok(mut loaded) = Ledger::load(&quotas, ROME, &damaged) {
            loaded.commit(&reservation, u64::MAX, UnixMillis::new(u64::MAX));
            loaded.release(&reservation, u64::MAX, UnixMillis::MAX);
            let free = loaded.usage(UnixMillis::MAX)[0].free;
            prop_assert!(free <= limit);
            prop_assert_eq!(loaded.reserve(free, UnixMillis::MAX).is_ok(), loaded.usage(UnixMillis::MAX)[1].limit >= free);
        }
    }

    #[test]
    fn a_reservation_reads_as_it_prints(units in any::<u64>(), now in any::<u64>(), month in any::<bool>()) {
        let mut quotas = vec![quota(CalendarUnit::Day, u64::MAX)];
        quotas.extend(month.then_some(quota(CalendarUnit::Month, u64::MAX)));
        let mut ledger = Ledger::new(&quotas, "UTC").unwrap();
        let reservation = ledger.reserve(units, UnixMillis::new(now)).unwrap();
        prop_assert_eq!(Reservation::parse(&reservation.to_string()), Some(reservation));
    }
}

fn policies() -> impl Strategy<Value = Overdelivery> {
    prop_oneof![
        2 => Just(Overdelivery::Block),
        1 => Just(Overdelivery::AllowAndCount),
        2 => (0..20_u64).prop_map(Overdelivery::AllowUpTo),
    ]
}

/// Units that a policy lets be over.
fn allowance(overdelivery: Overdelivery) -> u64 {
    match overdelivery {
        Overdelivery::Block => 0,
        Overdelivery::AllowAndCount => u64::MAX,
        Overdelivery::AllowUpTo(over) => over,
    }
}

/// `reserved + committed + free = limit + over`, nothing is free while something is over, and no more is over than the
/// policy allows.
fn assert_conserved(usage: &QuotaUsage, overdelivery: Overdelivery) {
    assert_eq!(usage.reserved + usage.committed + usage.free, usage.limit + usage.over);
    assert!(usage.free == 0 || usage.over == 0);
    assert!(usage.over <= allowance(overdelivery));
    assert!(usage.starts_at < usage.resets_at);
}

fn assert_refusal_is_tight(ledger: &Ledger, refusal: Refusal, units: u64, overdelivery: Overdelivery) {
    let usage = ledger.usage(UnixMillis::default());
    let Some(retry_at) = refusal.retry_at else {
        let most = |quota: &QuotaUsage| quota.limit.saturating_add(allowance(overdelivery));
        assert_eq!(refusal.code(), "overquota");
        return assert!(usage.iter().any(|quota| most(quota) < units), "never, although it can fit");
    };
    assert_eq!(refusal.code() == "overquota", overdelivery != Overdelivery::Block);
    assert!(ledger.clone().reserve(units, retry_at).is_ok(), "refused at retry_at");
    let early = UnixMillis::new(retry_at.as_millis() - 1);
    assert_eq!(ledger.clone().reserve(units, early), Err(refusal), "allowed before retry_at");
}

/// R198, R199 and R219: all or none, with the quota, what is free in it and the start of the next period.
#[test]
fn a_refusal_names_the_quota_that_stands_longest_in_the_way() {
    let quotas = [quota(CalendarUnit::Day, 10), quota(CalendarUnit::Month, 12), quota(CalendarUnit::Year, 100)];
    let mut ledger = Ledger::new(&quotas, ROME).unwrap();
    let now = instant("2026-03-29T10:00:00+02:00");
    ledger.reserve(9, now).unwrap();
    // The day is 23 hours long and ends at 22:00Z.
    let day = Refusal {
        period: CalendarUnit::Day,
        reason: Reason::Full,
        free: 1,
        retry_at: Some(instant("2026-03-29T22:00:00Z")),
    };
    assert_eq!(ledger.reserve(2, now), Err(day));
    let month = Refusal {
        period: CalendarUnit::Month,
        reason: Reason::Full,
        free: 3,
        retry_at: Some(instant("2026-03-31T22:00:00Z")),
    };
    assert_eq!(ledger.reserve(4, now), Err(month));
    let never = Refusal { period: CalendarUnit::Day, reason: Reason::TooLarge, free: 1, retry_at: None };
    assert_eq!(ledger.reserve(11, now), Err(never));
    let free: Vec<u64> = ledger.usage(now).iter().map(|usage| usage.free).collect();
    assert_eq!(free, [1, 3, 91]);
}

/// R194: nothing over, everything over, or up to n units over and the next one refused; what is over is told apart.
#[test]
fn overdelivery_is_blocked_counted_or_allowed_up_to_a_bound() {
    let now = instant("2026-12-01T10:00:00Z");
    let full = |overdelivery| {
        let quotas = [quota(CalendarUnit::Day, 10), quota(CalendarUnit::Month, 1_000)];
        let mut ledger = Ledger::new(&quotas, "UTC").unwrap().with_overdelivery(overdelivery);
        ledger.reserve(10, now).unwrap();
        ledger
    };
    assert_eq!(full(Overdelivery::Block).reserve(1, now).unwrap_err().code(), "quota_daily");

    let mut counted = full(Overdelivery::AllowAndCount);
    let over = counted.reserve(500, now).unwrap();
    counted.commit(&over, 500, now);
    let usage = counted.usage(now);
    assert_eq!((usage[0].reserved, usage[0].committed, usage[0].free, usage[0].over), (10, 500, 0, 500));
    assert_eq!((usage[1].free, usage[1].over), (490, 0));
    let uncountable = counted.reserve(u64::MAX, now).unwrap_err();
    assert_eq!((uncountable.code(), counted.usage(now)), ("overquota", usage), "what cannot be counted is refused");

    let mut bounded = full(Overdelivery::AllowUpTo(5));
    let over = bounded.reserve(5, now).unwrap();
    let refusal = bounded.reserve(1, now).unwrap_err();
    assert_eq!((refusal.code(), refusal.reason), ("overquota", Reason::OverdeliveryUsed));
    bounded.release(&over, 2, now);
    assert_eq!((bounded.usage(now)[0].over, bounded.reserve(3, now).is_err()), (3, true));
    assert!(bounded.reserve(2, now).is_ok());
    assert_eq!(bounded.reserve(16, now).unwrap_err().reason, Reason::TooLarge, "15 is the most a day ever takes");
}

/// R199: four words, one for each period and one for what is over.
#[test]
fn the_four_refusals_have_four_words() {
    let now = instant("2026-12-01T10:00:00Z");
    let of = |period, units| {
        let mut ledger = Ledger::new(&[quota(period, 10)], "UTC").unwrap();
        ledger.reserve(9, now).unwrap();
        ledger.reserve(units, now).unwrap_err()
    };
    let refusals =
        [of(CalendarUnit::Day, 2), of(CalendarUnit::Month, 2), of(CalendarUnit::Year, 2), of(CalendarUnit::Day, 11)];
    assert_eq!(refusals.map(|refusal| refusal.code()), Refusal::CODES);
    let next = ["2026-12-02T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"].map(|at| Some(instant(at)));
    assert_eq!(refusals.map(|refusal| refusal.retry_at), [next[0], next[1], next[2], None]);
}

/// R193: a month of 30 days after one of 31, and a year with a leap day, end when they end.
#[test]
fn a_month_of_31_days_gives_way_to_one_of_30() {
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Month, 1)], "UTC").unwrap();
    ledger.reserve(1, instant("2026-08-31T23:59:59Z")).unwrap();
    ledger.reserve(1, instant("2026-09-01T00:00:00Z")).unwrap();
    assert_eq!(ledger.reserve(1, instant("2026-09-30T23:59:59Z")).unwrap_err().code(), "quota_monthly");
    ledger.reserve(1, instant("2026-10-01T00:00:00Z")).unwrap();
    let mut year = Ledger::new(&[quota(CalendarUnit::Year, 1)], "UTC").unwrap();
    year.reserve(1, instant("2028-01-01T00:00:00Z")).unwrap();
    let refusal = year.reserve(1, instant("2028-02-29T12:00:00Z")).unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_at), ("quota_yearly", Some(instant("2029-01-01T00:00:00Z"))));
}

/// R228: with no limit in the way, the ledger meters: accepted less released is what it holds.
#[test]
fn what_is_unlimited_is_metered() {
    let now = instant("2026-12-01T10:00:00Z");
    let meter = Ledger::new(&[quota(CalendarUnit::Month, 0)], "UTC").unwrap();
    let mut meter = meter.with_overdelivery(Overdelivery::AllowAndCount);
    let first = meter.reserve(700, now).unwrap();
    meter.reserve(300, now).unwrap();
    meter.commit(&first, 600, now);
    meter.release(&first, 100, now);
    let usage = meter.usage(now)[0];
    assert_eq!((usage.reserved + usage.committed, usage.over), (900, 900));
}

#[test]
fn a_day_of_25_hours_and_a_leap_day_are_one_day_each() {
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, 1)], ROME).unwrap();
    ledger.reserve(1, instant("2026-10-25T00:00:00+02:00")).unwrap();
    let refusal = ledger.reserve(1, instant("2026-10-25T23:59:59+01:00")).unwrap_err();
    assert_eq!(refusal.retry_at, Some(instant("2026-10-26T00:00:00+01:00")));
    ledger.reserve(1, instant("2028-02-28T12:00:00+01:00")).unwrap();
    ledger.reserve(1, instant("2028-02-29T00:00:00+01:00")).unwrap();
    assert_eq!(ledger.usage(instant("2028-02-29T12:00:00+01:00"))[0].resets_at, instant("2028-03-01T00:00:00+01:00"));
}

#[test]
fn a_reservation_of_yesterday_does_not_touch_today() {
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, 10), quota(CalendarUnit::Month, 100)], "UTC").unwrap();
    let yesterday = ledger.reserve(5, instant("2026-12-01T23:59:59Z")).unwrap();
    let now = instant("2026-12-02T00:00:01Z");
    ledger.reserve(3, now).unwrap();
    ledger.commit(&yesterday, 2, now);
    ledger.release(&yesterday, 3, now);
    let usage = ledger.usage(now);
    assert_eq!((usage[0].reserved, usage[0].committed, usage[0].free), (3, 0, 7));
    assert_eq!((usage[1].reserved, usage[1].committed, usage[1].free), (3, 2, 95));
}

#[test]
fn no_more_is_committed_or_released_than_was_reserved() {
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, 10)], "UTC").unwrap();
    let now = instant("2026-12-01T10:00:00Z");
    let (one, _other) = (ledger.reserve(2, now).unwrap(), ledger.reserve(4, now).unwrap());
    ledger.release(&one, u64::MAX, now);
    let usage = ledger.usage(now)[0];
    assert_eq!((usage.reserved, usage.committed, usage.free), (4, 0, 6));
}

/// Configuration changes: nothing is freed by them, and `free` is never negative.
#[test]
fn counts_survive_other_limits_other_quotas_and_another_time_zone() {
    let now = instant("2026-12-01T10:00:00Z");
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, 10)], "UTC").unwrap();
    let reservation = ledger.reserve(8, now).unwrap();

    let lowered = Ledger::load(&[quota(CalendarUnit::Day, 5)], "UTC", ledger.as_bytes()).unwrap();
    assert_eq!((lowered.usage(now)[0].reserved, lowered.usage(now)[0].free), (8, 0));

    let raised = [quota(CalendarUnit::Month, 50), quota(CalendarUnit::Day, 20)];
    let mut raised = Ledger::load(&raised, "UTC", ledger.as_bytes()).unwrap();
    assert_eq!((raised.usage(now)[0].free, raised.usage(now)[1].free), (50, 12));
    // The month did not count the old reservation, so releasing it gives the month nothing.
    raised.reserve(1, now).unwrap();
    raised.release(&reservation, 8, now);
    assert_eq!((raised.usage(now)[0].free, raised.usage(now)[1].free), (49, 19));

    // In Kiritimati (UTC+14) it is already the 2nd, until 2026-12-02T10:00Z. The UTC day still runs to its end, and
    // the Kiritimati day that overlaps it keeps its count.
    let moved = Ledger::load(&[quota(CalendarUnit::Day, 10)], "Pacific/Kiritimati", ledger.as_bytes()).unwrap();
    let usage = moved.usage(instant("2026-12-02T00:00:00Z"))[0];
    assert_eq!((usage.free, usage.resets_at), (2, instant("2026-12-02T10:00:00Z")));
    assert_eq!(moved.usage(instant("2026-12-02T10:00:00Z"))[0].free, 10);
}

#[test]
fn a_quota_of_zero_refuses_for_ever_and_no_quota_refuses_nothing() {
    let now = instant("2026-12-01T10:00:00Z");
    let mut none = Ledger::new(&[quota(CalendarUnit::Day, 0)], "UTC").unwrap();
    assert_eq!(
        none.reserve(1, now),
        Err(Refusal { period: CalendarUnit::Day, reason: Reason::TooLarge, free: 0, retry_at: None })
    );
    assert!(none.reserve(0, now).is_ok());
    let mut unlimited = Ledger::new(&[], "UTC").unwrap();
    assert!(unlimited.reserve(u64::MAX, now).is_ok());
}

#[test]
fn errors_have_stable_codes() {
    let twice = [quota(CalendarUnit::Day, 1), quota(CalendarUnit::Day, 2)];
    let ledger = Ledger::new(&[], "UTC").unwrap();
    let mut newer = ledger.as_bytes().to_vec();
    newer[2] = 9;
    let errors = [
        Ledger::new(&twice, "UTC").unwrap_err(),
        Ledger::new(&[], "Europe/Atlantis").unwrap_err(),
        Ledger::load(&[], "UTC", b"SG").unwrap_err(),
        Ledger::load(&[], "UTC", &newer).unwrap_err(),
    ];
    assert_eq!(errors.map(|error| error.code()), LedgerError::CODES);
}

#[test]
fn other_texts_are_no_reservations() {
    for text in
        ["", "1", "1:2", "1:2:x", "-1:2:d", "01:2:d", "1:2:dd", "1:2:md", "1:2:d:", "1:253402128000001:d", "1:2: d"]
    {
        assert_eq!(Reservation::parse(text), None, "{text:?}");
    }
    assert!(Reservation::parse("1:2:dm").is_some() && Reservation::parse("1:2:").is_some());
}

#[test]
fn the_bytes_are_the_same_everywhere() {
    let mut ledger = Ledger::new(&[quota(CalendarUnit::Day, 10)], "UTC").unwrap();
    let now = instant("2026-12-01T10:00:00Z");
    let reservation = ledger.reserve(3, now).unwrap();
    ledger.release(&reservation, 1, now);
    let numbers = |version: u8, numbers: &[u64]| {
        let mut bytes = vec![b'S', b'L', version, 1];
        bytes.extend(1_796_119_200_000_u64.to_le_bytes());
        bytes.push(1);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    };
    let counts = [1_796_119_200_000, 1_796_169_600_000, 2, 0, 1];
    assert_eq!(ledger.as_bytes(), numbers(2, &counts));
    // What the first release wrote is taken up, and written anew.
    let old = Ledger::load(&[quota(CalendarUnit::Day, 10)], "UTC", &numbers(1, &counts[..4])).unwrap();
    let usage = old.usage(now)[0];
    assert_eq!((usage.reserved, usage.committed, usage.released, usage.free), (2, 0, 0, 8));
    assert_eq!(old.as_bytes().len(), ledger.as_bytes().len());
    for damaged in [numbers(1, &counts), numbers(2, &counts[..4]), numbers(2, &[])] {
        assert_eq!(Ledger::load(&[], "UTC", &damaged), Err(LedgerError::Damaged));
    }
}
