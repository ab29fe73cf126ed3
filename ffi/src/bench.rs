//! Rust's own cost of what the C functions do, to be measured beside them in one process: the feature `bench` puts it
//! into a library for that, and no released one has it.
#![allow(unsafe_code, reason = "a name for the linker; nothing here touches raw memory")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot begin has to end")]

use sendgate_core::{
    limiter::{Decision, Limiter},
    time::UnixMillis,
};
use sendgate_embed::{HeldLimiter, HeldLimiters};
use std::{fmt::Write, hint::black_box};

/// Decides `count` times in five windows that deny nobody and returns how many were allowed: alone (0), behind the lock
/// that threads share (1), or for a thousand keys of a table behind it (2).
#[unsafe(no_mangle)]
pub extern "C" fn sendgate_bench_rust(which: u32, count: u64) -> u64 {
    match which {
        0 => {
            let limiter = Limiter::from_json(&policy()).unwrap();
            let mut state = limiter.fresh();
            // As little is known beforehand as when C calls: neither the limiter, nor the cost, nor the instant.
            let turn = |_| allowed(black_box(&limiter).decide(black_box(&mut state), black_box(1), black_box(NOW)));
            (0..count).map(turn).sum()
        }
        1 => {
            let limiter = HeldLimiter::from_json(&policy()).unwrap();
            (0..count).map(|_| allowed(black_box(&limiter).decide(black_box(1), black_box(NOW)))).sum()
        }
        _ => {
            let limiters = HeldLimiters::from_json(&policy(), [1, 2], None).unwrap();
            let keys: Vec<_> = (0..KEYS).map(|number| format!("customer-{number}@example.com")).collect();
            let turns = keys.iter().cycle().zip(0..count);
            turns
                .map(|(key, _)| allowed(black_box(&limiters).decide(key.as_bytes(), black_box(1), black_box(NOW))))
                .sum()
        }
    }
}

fn allowed(decision: Decision) -> u64 {
    u64::from(matches!(black_box(decision), Decision::Allow { .. }))
}

fn policy() -> String {
    let mut windows = String::new();
    for (name, seconds) in PERIODS {
        let comma = if windows.is_empty() { "" } else { "," };
        let period_ms = seconds * 1000;
        write!(windows, r#"{comma}{{"kind":"sliding","name":"{name}","limit":1000000000,"period_ms":{period_ms}}}"#)
            .unwrap();
    }
    format!(r#"{{"windows":[{windows}]}}"#)
}

const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
const KEYS: u32 = 1000;
/// As the other benchmarks have them.
const PERIODS: [(&str, u64); 5] =
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("month", 2_592_000)];
