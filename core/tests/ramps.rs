//! Warm-up ramps and class presets against the formulas they were computed by, in whole numbers of any size.
//! Rows R125 to R128, R148 to R155; C07.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    catalog::{Allowance, ClassPreset, Ramp, Spread, Tier},
    message::Class,
};

/// A whole number of any size, base 2^32, least digit first.
#[derive(Clone, PartialEq, Eq)]
struct Big(Vec<u32>);

impl Big {
    fn power(base: u64, exponent: u32) -> Self {
        (0..exponent).fold(Self(vec![1]), |product, _| product.times(base))
    }

    /// `base` is below 2^32.
    fn times(&self, base: u64) -> Self {
        let mut carry = 0;
        let mut digits: Vec<u32> = Vec::new();
        for digit in &self.0 {
            let product = u64::from(*digit) * base + carry;
            digits.push(u32::try_from(product & 0xffff_ffff).unwrap());
            carry = product >> 32;
        }
        if carry > 0 {
            digits.push(u32::try_from(carry).unwrap());
        }
        Self(digits)
    }

    fn is_at_most(&self, other: &Self) -> bool {
        (self.0.len(), self.0.iter().rev().collect::<Vec<_>>())
            <= (other.0.len(), other.0.iter().rev().collect::<Vec<_>>())
    }
}

/// Whether `cap` is `floor(a * (b / a)^(k / n))`: `cap^n <= a^(n - k) * b^k < (cap + 1)^n`.
fn is_geometric(cap: u64, (a, b): (u64, u64), k: u32, n: u32) -> bool {
    let middle = (0..k).fold(Big::power(a, n - k), |product, _| product.times(b));
    Big::power(cap, n).is_at_most(&middle) && !Big::power(cap + 1, n).is_at_most(&middle)
}

fn assert_range(ramp: &Ramp, days: std::ops::RangeInclusive<u32>, ends: (u64, u64), tier: Tier) {
    let (first, steps) = (*days.start(), days.end() - days.start());
    for day in days {
        let allowance = ramp.allowance(day);
        assert!(is_geometric(allowance.cap.unwrap(), ends, day - first, steps), "day {day}: {allowance:?}");
        assert_eq!(allowance.widest, tier, "day {day}");
    }
}

/// R148, R149, R150 and C07: geometric between the ends of each range, rounded down, and the tiers of each range.
#[test]
fn each_range_of_days_is_a_geometric_interpolation_rounded_down() {
    for name in Ramp::names().unwrap() {
        let ramp = Ramp::named(name).unwrap();
        assert_range(&ramp, 1..=3, (100, 1_000), Tier::High);
        assert_range(&ramp, 4..=7, (1_000, 5_000), Tier::Medium);
        assert_range(&ramp, 8..=14, (5_000, 50_000), Tier::Low);
        let ends = [1, 3, 4, 7, 8, 14].map(|day| ramp.allowance(day).cap);
        assert_eq!(ends, [100, 1_000, 1_000, 5_000, 5_000, 50_000].map(Some));
    }
}

/// R151 and C07: no cap from day 15, or a glide to full volume by day 28; everybody from day 15.
#[test]
fn weeks_three_and_four_are_uncapped_or_a_glide() {
    let standard = Ramp::named("standard").unwrap();
    assert_eq!((standard.length(), standard.allowance(15)), (14, Allowance::OPEN));
    let strict = Ramp::named("strict").unwrap();
    for day in 15..28 {
        let allowance = strict.allowance(day);
        assert!(is_geometric(allowance.cap.unwrap(), (50_000, 1_000_000), day - 14, 14), "day {day}: {allowance:?}");
        assert!(allowance.admits(Tier::All));
    }
    assert_eq!((strict.allowance(28), strict.allowance(u32::MAX)), (Allowance::OPEN, Allowance::OPEN));
}

/// R148: a less engaged recipient is not for the first days. R150: nor is everybody before day 15.
#[test]
fn tiers_open_one_after_the_other() {
    let ramp = Ramp::named("standard").unwrap();
    for (day, admitted) in [(0, 1), (1, 1), (3, 1), (4, 2), (7, 2), (8, 3), (14, 3), (15, 4)] {
        let tiers = [Tier::High, Tier::Medium, Tier::Low, Tier::All];
        let open = tiers.iter().filter(|tier| ramp.allowance(day).admits(**tier)).count();
        assert_eq!(open, admitted, "day {day}");
    }
}

/// R152: of a campaign of 100,000 on day 1, 100 leave that day. The first 12 days make 74,177 and the 13th 34,064 more,
/// so the last leaves on day 13.
#[test]
fn a_large_campaign_finishes_on_the_day_its_sum_is_reached() {
    let ramp = Ramp::named("standard").unwrap();
    let sum = |days: u32| (1..=days).map(|day| ramp.allowance(day).cap.unwrap()).sum::<u64>();
    for day in 1..=14 {
        assert_eq!(ramp.finish_day(sum(day)), day);
        assert_eq!(ramp.finish_day(sum(day) + 1), day + 1);
    }
    assert_eq!((ramp.finish_day(0), ramp.finish_day(1), ramp.finish_day(u64::MAX)), (0, 1, 15));
    assert!(ramp.allowance(1).cap.unwrap() <= 1_000);
    assert_eq!((sum(12), sum(13), ramp.finish_day(100_000)), (74_177, 108_241, 13));
}

/// R154: a new source and a new domain: the smaller cap and the narrower tier.
#[test]
fn the_smaller_allowance_of_two_ramps_binds() {
    let ramp = Ramp::named("standard").unwrap();
    assert_eq!(ramp.allowance(9).tighter(ramp.allowance(2)), ramp.allowance(2));
    assert_eq!(Allowance::OPEN.tighter(ramp.allowance(5)), ramp.allowance(5));
    assert_eq!(Allowance::OPEN.tighter(Allowance::OPEN), Allowance::OPEN);
    let mixed = Allowance { cap: Some(10), widest: Tier::All }.tighter(Allowance { cap: Some(20), widest: Tier::High });
    assert_eq!(mixed, Allowance { cap: Some(10), widest: Tier::High });
}

/// R155: after a pause a ramp goes on at the level that was reached, or below.
#[test]
fn a_paused_ramp_resumes_at_what_was_achieved_or_below() {
    let ramp = Ramp::named("standard").unwrap();
    assert_eq!(ramp.resume(10, 10_772), 10, "day 10 was filled");
    assert_eq!(ramp.resume(10, 10_771), 9, "day 10 was not");
    assert_eq!(ramp.resume(10, 50_000), 10, "never further on");
    assert_eq!(ramp.resume(10, 0), 1);
}

const OWN: &str = r#"{"as_of":"2026-01-01","source":"document 1","max_growth_permille":2000,
    "stages":[{"tier":"high","caps":[100,200]},{"tier":"low","caps":[200,400]}]}"#;

/// R153 and R155: a ramp of one's own never falls, never grows by more than its factor, and never narrows.
#[test]
fn a_ramp_of_ones_own_is_checked_by_field_and_bound() {
    assert_eq!(Ramp::parse("own", OWN).unwrap().length(), 4);
    for (from, to, text) in [
        ("[100,200]", "[100,99]", "ramps.own.stages[0].caps[1]: must be 100 to 200, got 99"),
        ("[100,200]", "[100,201]", "ramps.own.stages[0].caps[1]: must be 100 to 200, got 201"),
        ("[200,400]", "[199,200]", "ramps.own.stages[1].caps[0]: must be 200 to 400, got 199"),
        ("[100,200]", "[0,0]", "ramps.own.stages[0].caps[0]: must be 1 to 4294967294, got 0"),
        ("[200,400]", "[]", "ramps.own.stages[1]: a stage has at least 1 day, and tiers only widen"),
        ("high", "all", "ramps.own.stages[1]: a stage has at least 1 day, and tiers only widen"),
        ("2000", "999", "ramps.own.max_growth_permille: must be 1000 to 10000, got 999"),
        ("2026-01-01", "soon", "ramps.own.as_of: must be a day such as 2026-11-23"),
    ] {
        assert_eq!(Ramp::parse("own", &OWN.replacen(from, to, 1)).unwrap_err().to_string(), text);
    }
    let empty = r#"{"as_of":"2026-01-01","source":"document 1","max_growth_permille":2000,"stages":[]}"#;
    assert_eq!(Ramp::parse("own", empty).unwrap_err().to_string(), "ramps.own.stages: must be 1 to 366, got 0");
    assert!(Ramp::named("standrd").unwrap_err().to_string().contains("did you mean standard?"));
}

/// R125 to R128: the ranges of the guide, a finite day where it asks for one, and how each class is spread.
#[test]
fn each_class_has_the_rates_and_the_spread_of_the_guide() {
    let preset = |class| ClassPreset::of(class).unwrap();
    let transactional = preset(Class::Transactional);
    assert_eq!((transactional.per_second, transactional.per_day.is_some()), ((50, 100), true));
    assert_eq!((preset(Class::Drip).per_second, preset(Class::Bulk).per_second), ((10, 20), (20, 50)));
    let lifecycle = preset(Class::Lifecycle);
    assert_eq!((lifecycle.per_second, lifecycle.spread), ((20, 50), Spread::AtOnce));
    let Spread::Ramp { hourly_percent } = preset(Class::Bulk).spread else { panic!("bulk warms up over hours") };
    assert!(hourly_percent.len() > 1 && hourly_percent[0] <= 5 && hourly_percent.is_sorted());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R126 and R127: nothing is lost to rounding, equal hours differ by at most one message, and nothing leaves after
    /// the last hour.
    #[test]
    fn the_hours_of_a_spread_make_the_whole(total in any::<u64>(), small in 0..5_000_u64) {
        for class in Class::ALL {
            let spread = ClassPreset::of(class).unwrap().spread;
            for total in [total, small] {
                let hours: Vec<u64> = (0..200).map(|hour| spread.in_hour(total, hour)).collect();
                prop_assert_eq!(hours.iter().map(|n| u128::from(*n)).sum::<u128>(), u128::from(total));
                if let Spread::Evenly { hours: count } = spread {
                    let even = &hours[..usize::try_from(count).unwrap()];
                    prop_assert!(even.iter().max().unwrap() - even.iter().min().unwrap() <= 1);
                }
            }
        }
    }
}
