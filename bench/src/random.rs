//! Numbers without a pattern, the same in every run.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    #[inline]
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Distinct numbers: one full period of SplitMix64 has none twice.
pub(crate) fn distinct(count: usize) -> Vec<u64> {
    let mut random = Random::new(1);
    (0..count).map(|_| random.next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_distinct_and_a_shuffle_keeps_them() {
        let mut keys = distinct(10_000);
        let before: BTreeSet<u64> = keys.iter().copied().collect();
        assert_eq!(before.len(), 10_000);
        Random::new(2).shuffle(&mut keys);
        assert_eq!(keys.iter().copied().collect::<BTreeSet<u64>>(), before);
        assert!(keys != distinct(10_000));
    }
}
