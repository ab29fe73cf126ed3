//! A decision over many dimensions allocates nothing. Row R110.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]
#![allow(unsafe_code, reason = "counting allocations needs an allocator, and an allocator is unsafe")]

use sendgate_core::{
    config::AccountStatus,
    gate::{Ask, Charge, Dimension, Scope, Unit, Verdict, decide, peek},
    limiter::Window,
    time::UnixMillis,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.with(Cell::get);
    let result = work();
    (result, ALLOCATIONS.with(Cell::get) - before)
}

#[test]
fn a_decision_over_all_scopes_allocates_nothing_allowed_or_denied() {
    let window = |limit, period_ms| Window::Sliding { name: format!("w{period_ms}"), limit, period_ms };
    let windows = || vec![window(10, 1_000), window(500, 60_000), window(900, 3_600_000)];
    let mut dimensions: Vec<Dimension> =
        Scope::ALL.iter().map(|scope| Dimension::new(*scope, "one", Unit::Requests, windows()).unwrap()).collect();
    let mut now = UnixMillis::new(1_796_119_200_000);
    let (mut allowed, mut denied) = (0, 0);
    for _ in 0..2_000 {
        now = now.plus(70);
        let asks = dimensions.iter().map(|dimension| Ask::new(dimension, 1));
        let (_, allocations) = counted(|| peek(AccountStatus::Active, asks, now));
        assert_eq!(allocations, 0);
        let [key, plan, account, provider, group, class] = dimensions.as_mut_slice() else { panic!("six scopes") };
        let (verdict, allocations) = counted(|| {
            let mut charges =
                [key, plan, account, provider, group, class].map(|dimension| Charge { dimension, cost: 1 });
            decide(AccountStatus::Active, &mut charges, now)
        });
        assert_eq!(allocations, 0);
        match verdict {
            Verdict::Allow => allowed += 1,
            Verdict::Defer { .. } | Verdict::Occupied { .. } | Verdict::Reject(_) => denied += 1,
        }
    }
    assert!(allowed > 500 && denied > 500, "{allowed} allowed, {denied} denied");
}
