//! Numbers that look like chance and are the same for the same seed.

/// A generator of 64-bit numbers: a Weyl sequence whose every step is mixed.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(FIRST);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(SECOND);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }
}

/// The constants of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014; variant 13 of
/// Stafford's mixers).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_all_are_below_the_bound() {
        let (mut a, mut b) = (Chance::new(7), Chance::new(7));
        for bound in [1, 2, 1_000, u64::MAX] {
            let n = a.below(bound);
            assert!(n < bound && n == b.below(bound));
        }
        assert_eq!(Chance::new(1).below(0), 0);
    }
}
