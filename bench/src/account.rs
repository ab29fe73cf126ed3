//! What an account is asked for each request: its windows and its quotas.

use crate::{harness::Bench, ours::START};
use sendgate_core::{
    calendar::CalendarUnit,
    config::AccountConfig,
    gate::{Admission, Gate},
    ledger::{Ledger, Quota},
    sql::{Param, Row, Sql, SqlError},
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

/// A request that its key's and its account's windows admit, with everything but the storing of the state.
pub(crate) fn gate(bench: &mut Bench<'_>) {
    let account: AccountConfig = serde_json::from_str(ACCOUNT).expect("a valid account");
    bench.solo(DECIDE, &mut |n| {
        let mut gate = Gate::open(&account, &mut Forgetful, START).expect("a gate that nothing is stored of");
        let now = black_box(START);
        let allowed = |_| u64::from(black_box(&mut gate).admit("k1", &mut Forgetful, now) == Ok(Admission::Allow));
        assert_eq!((0..n).map(allowed).sum::<u64>(), n);
    });
}

/// Holds nothing and takes everything.
struct Forgetful;

impl Sql for Forgetful {
    fn run(&mut self, _statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        black_box(parameters);
        Ok(Vec::new())
    }
}

pub(crate) const RESERVE: &str = "ledger.reserve";
pub(crate) const DECIDE: &str = "gate.decide";

/// Two windows of a key and two of the account, none of which is ever full.
const ACCOUNT: &str = r#"{"keys": [], "providers": [],
    "key_windows": [{"kind": "sliding", "name": "key-second", "limit": 1000000000, "period_ms": 1000},
                    {"kind": "sliding", "name": "key-minute", "limit": 1000000000, "period_ms": 60000}],
    "account_windows": [{"kind": "sliding", "name": "hour", "limit": 1000000000, "period_ms": 3600000},
                        {"kind": "sliding", "name": "day", "limit": 1000000000, "period_ms": 86400000}]}"#;
