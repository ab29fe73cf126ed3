//! Every measurement by its name, in the order of the table.

use crate::{direct, greedy, harness::Bench, keyed, ledger, suppression};

/// Measurements that share what they are made on.
pub(crate) struct Group {
    pub(crate) names: &'static [&'static str],
    pub(crate) run: fn(&mut Bench<'_>),
}

pub(crate) const GROUPS: [Group; 11] = [
    Group { names: &[direct::ONE, direct::FIVE, direct::DECIDE, direct::MUTEX], run: direct::hot },
    Group { names: &[direct::ONE_CLOCK, direct::FIVE_CLOCK], run: direct::with_clock },
    Group { names: &[direct::ROLLING], run: direct::rolling },
    Group { names: &[direct::DENY, direct::RETRY], run: direct::deny },
    Group { names: &[keyed::THOUSAND], run: keyed::thousand },
    Group { names: &[keyed::HUNDRED_THOUSAND], run: keyed::hundred_thousand },
    Group { names: &[keyed::MILLION, keyed::BATCHED, keyed::BYTES], run: keyed::million },
    Group { names: &[greedy::WORST, greedy::SUSTAINED], run: greedy::measure },
    Group { names: &suppression::MILLION, run: suppression::million },
    Group { names: &suppression::TEN_MILLION, run: suppression::ten_million },
    Group { names: &[ledger::RESERVE], run: ledger::measure },
];
