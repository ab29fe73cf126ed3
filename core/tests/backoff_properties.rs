//! Backoff for any policy and any input. Rows R101, R102, R107, R108.

use proptest::prelude::*;
use sendgate_core::{
    backoff::{Backoff, Jitter, Retry},
    time::UnixMillis,
};

fn policies() -> impl Strategy<Value = Backoff> {
    let milliseconds = || prop_oneof![0..100_000_u64, any::<u64>()];
    let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::None)];
    let most = prop_oneof![0..200_u32, any::<u32>()];
    (milliseconds(), milliseconds(), most, jitter).prop_map(|(base_ms, cap_ms, max_attempts, jitter)| Backoff {
        base_ms,
        cap_ms,
        max_attempts,
        jitter,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// R101 and R108: never sooner than the base delay (or the cap, if that is less), never later than the cap.
    #[test]
    fn a_wait_is_between_the_base_and_the_cap(policy in policies(), attempts in any::<u32>(), entropy in any::<u64>()) {
        let wait = policy.delay_ms(attempts, entropy);
        prop_assert!(wait >= policy.base_ms.min(policy.cap_ms));
        prop_assert!(wait <= policy.cap_ms);
    }

    /// R101: a server's instant is never passed over, and R102: attempts run out exactly at the limit.
    #[test]
    fn never_before_the_hint_and_over_at_the_limit(
        policy in policies(), attempts in 0..200_u32, at_the_limit in any::<bool>(), entropy in any::<u64>(),
        now in prop_oneof![9 => 200_000..4_000_000_000_000_u64, 1 => any::<u64>()],
        // As often before the schedule's instant as after it.
        hint in prop_oneof![9 => -200_000..200_000_i64, 1 => any::<i64>()],
    ) {
        let attempts = if at_the_limit { policy.max_attempts.saturating_sub(u32::from(entropy % 2 == 0)) } else { attempts };
        let (hint, now) = (UnixMillis::new(now.saturating_add_signed(hint)), UnixMillis::new(now));
        match policy.next(attempts, Some(hint), entropy, now) {
            Retry::At(at) => {
                prop_assert!(attempts < policy.max_attempts);
                prop_assert!(at >= hint && at >= now.plus(policy.base_ms.min(policy.cap_ms)));
                let spread = at.since(hint.max(now));
                prop_assert!(spread <= policy.cap_ms, "at most a whole wait after the hint");
            }
            Retry::Exhausted { attempts: failed } => {
                prop_assert!(failed == attempts && attempts >= policy.max_attempts);
            }
        }
    }

    /// R107: the largest and the smallest draw reach both ends of the range, later failures never wait less.
    #[test]
    fn the_range_grows_up_to_the_cap(base_ms in 1..10_000_u64, cap_ms in 10_000..1_000_000_u64, attempts in 1..70_u32) {
        let policy = Backoff { base_ms, cap_ms, max_attempts: u32::MAX, jitter: Jitter::Full };
        let doubled = u128::from(base_ms) << (attempts - 1);
        let largest = (u128::from(base_ms) + doubled).min(u128::from(cap_ms));
        prop_assert_eq!(policy.delay_ms(attempts, 0), base_ms);
        prop_assert_eq!(u128::from(policy.delay_ms(attempts, u64::MAX)), largest);
        prop_assert!(policy.delay_ms(attempts + 1, u64::MAX) >= policy.delay_ms(attempts, u64::MAX));
    }
}
