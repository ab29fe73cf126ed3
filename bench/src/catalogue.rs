//! Every measurement by its name, in the order of the table.

use crate::{account, direct, greedy, harness::Bench, keyed, provider, suppression};

/// Measurements that share what they are made on.
pub(crate) struct Group {
    pub(crate) names: &'static [&'static str],
    pub(crate) run: fn(&mut Bench<'_>),
}

pub(crate) const GROUPS: [Group; 13] = [
    Group { names: &[direct::ONE, direct::FIVE, direct::DECIDE, direct::MUTEX], run: direct::hot },
    Group { names: &[direct::ONE_CLOCK, direct::FIVE_CLOCK], run: direct::with_clock },
    Group { names: &[direct::ROLLING], run: direct::rolling },
    Group { names: &[direct::DENY, direct::RETRY], run: direct::deny },
    Group { names: &[keyed::THOUSAND], run: keyed::thousand },
    Group { names: &[keyed::HUNDRED_THOUSAND], run: keyed::hundred_thousand },
    Group { names: &[keyed::MILLION, keyed::BATCHED, keyed::FAST_HASH, keyed::BYTES], run: keyed::million },
    Group { names: &[greedy::WORST, greedy::SUSTAINED], run: greedy::measure },
    Group { names: &suppression::MILLION, run: suppression::million },
    Group { names: &suppression::TEN_MILLION, run: suppression::ten_million },
    Group { names: &[account::RESERVE], run: account::ledger },
    Group { names: &[account::DECIDE], run: account::gate },
    Group { names: &provider::BUILD, run: provider::request },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_is_there_twice() {
        let names: Vec<&str> = GROUPS.iter().flat_map(|group| group.names).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    /// Figures are not compared with anything; that the page is of this build's measurements is.
    #[test]
    fn the_page_has_a_row_for_every_name_and_no_other() {
        let page = include_str!("../../docs/benchmarks.md");
        let table = page.lines().skip_while(|line| !line.starts_with("| measurement")).skip(2);
        let rows = table.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('`').nth(1));
        let names = GROUPS.iter().flat_map(|group| group.names).copied();
        assert_eq!(rows.collect::<Vec<_>>(), names.collect::<Vec<_>>(), "run `make bench`");
    }
}
