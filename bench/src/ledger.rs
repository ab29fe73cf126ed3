//! A reservation against the quotas of a day and a month.

use crate::{harness::Bench, ours::START};
use sendgate_core::{
    calendar::CalendarUnit,
    ledger::{Ledger, Quota},
};
use std::hint::black_box;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let quotas = [CalendarUnit::Day, CalendarUnit::Month].map(|period| Quota { period, limit: u64::MAX });
    let mut ledger = Ledger::new(&quotas, "UTC").expect("valid quotas");
    bench.solo(RESERVE, &mut |n| {
        let now = black_box(START);
        let reserved: u64 = (0..n).map(|_| u64::from(black_box(&mut ledger).reserve(1, now).is_ok())).sum();
        assert_eq!(reserved, n);
    });
}

pub(crate) const RESERVE: &str = "ledger.reserve";
