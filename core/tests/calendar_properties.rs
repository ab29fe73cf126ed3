//! Calendar periods: every instant lies in exactly one, and one begins where the one before ends.

#![allow(clippy::unwrap_used, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::{CalendarUnit, Zone},
    time::UnixMillis,
};

/// Zones that skip midnight, repeat an hour before it, change by half an hour or dropped a day.
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Amman",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
];

const UNITS: [CalendarUnit; 3] = [CalendarUnit::Day, CalendarUnit::Month, CalendarUnit::Year];

/// 1970 to 2040, and now and then any instant.
fn instants() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![9 => 0..2_208_988_800_000_u64, 1 => any::<u64>()].prop_map(UnixMillis::new)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_period_holds_its_instant(zone in 0..ZONES.len(), unit in 0..3_usize, now in instants()) {
        let (zone, unit) = (Zone::parse(ZONES[zone]).unwrap(), UNITS[unit]);
        let period = zone.period(unit, now);
        prop_assert!(period.start <= now);
        prop_assert!(now < period.end || now == UnixMillis::MAX);
        prop_assert_eq!(zone.period(unit, period.start), period);
        let length = period.end.since(period.start);
        let (least, most) = match unit {
            CalendarUnit::Day => (22, 49),
            CalendarUnit::Month => (28 * 24 - 24, 31 * 24 + 2),
            CalendarUnit::Year => (365 * 24 - 25, 366 * 24 + 25),
        };
        let cut = period.start == UnixMillis::default() || period.end == UnixMillis::MAX;
        prop_assert!(cut || (least * 3_600_000..=most * 3_600_000).contains(&length), "{length} ms");
    }

    #[test]
    fn a_period_begins_where_the_one_before_ends(zone in 0..ZONES.len(), unit in 0..3_usize, now in instants()) {
        let (zone, unit) = (Zone::parse(ZONES[zone]).unwrap(), UNITS[unit]);
        let period = zone.period(unit, now);
        if period.end < UnixMillis::MAX {
            prop_assert_eq!(zone.period(unit, UnixMillis::new(period.end.as_millis() - 1)), period);
            prop_assert_eq!(zone.period(unit, period.end).start, period.end);
        }
        if period.start > UnixMillis::default() {
            let before = zone.period(unit, UnixMillis::new(period.start.as_millis() - 1));
            prop_assert_eq!(before.end, period.start);
        }
    }
}

/// Hour by hour through the years in which these zones did something unusual around midnight.
#[test]
fn periods_follow_each_other_through_every_change_of_the_clock() {
    for (zone, year) in
        [("America/St_Johns", "2010"), ("Pacific/Apia", "2011"), ("Africa/Cairo", "2026"), ("Asia/Amman", "2021")]
    {
        let rules = Zone::parse(zone).unwrap();
        let mut now = UnixMillis::parse_rfc3339(&format!("{year}-01-01T00:00:00Z")).unwrap();
        let mut period = rules.period(CalendarUnit::Day, now);
        for _ in 0..366 * 48 {
            now = now.plus(1_800_000);
            let next = rules.period(CalendarUnit::Day, now);
            assert!(next == period || next.start == period.end, "{zone}: {period:?}, then {next:?} at {now}");
            period = next;
        }
    }
}
