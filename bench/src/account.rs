//! What an account is asked: its quotas, and every dimension at once.

use crate::{
    harness::Bench,
    ours::{HUGE, START, sliding},
};
use sendgate_core::{
    calendar::CalendarUnit,
    config::AccountStatus,
    gate::{Charge, Dimension, Scope, Unit, Verdict, decide},
    ledger::{Ledger, Quota},
};
use std::hint::black_box;

/// A reservation of one unit against the quotas of a day and a month.
pub(crate) fn ledger(bench: &mut Bench<'_>) {
    let quotas = [CalendarUnit::Day, CalendarUnit::Month].map(|period| Quota { period, limit: u64::MAX });
    let mut ledger = Ledger::new(&quotas, "UTC").expect("valid quotas");
    bench.solo(RESERVE, &mut |n| {
        let now = black_box(START);
        let reserved: u64 = (0..n).map(|_| u64::from(black_box(&mut ledger).reserve(1, now).is_ok())).sum();
        assert_eq!(reserved, n);
    });
}

/// A message that a key, a plan, an account, a provider, a receiver and a class admit, three windows each.
pub(crate) fn gate(bench: &mut Bench<'_>) {
    let scopes = [Scope::Key, Scope::Plan, Scope::Account, Scope::Provider, Scope::DomainGroup, Scope::Class];
    let dimension = |scope| Dimension::new(scope, "all", Unit::Messages, sliding(&HUGE[..3]).windows().to_vec());
    bench.solo(DECIDE, &mut |n| {
        let mut dimensions = scopes.map(|scope| dimension(scope).expect("valid windows"));
        let now = black_box(START);
        let allowed = |_| {
            let mut charges = black_box(&mut dimensions).each_mut().map(|dimension| Charge { dimension, cost: 1 });
            u64::from(decide(AccountStatus::Active, &mut charges, now) == Verdict::Allow)
        };
        assert_eq!((0..n).map(allowed).sum::<u64>(), n);
    });
}

pub(crate) const RESERVE: &str = "ledger.reserve";
pub(crate) const DECIDE: &str = "gate.decide";
