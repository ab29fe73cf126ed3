//! A wasm module around core without `std`, without a host and without an allocator crate.
//!
//! It exports [`decide`], which runs a limiter with a sliding, a calendar and a pace window, and [`refused_cases`], which
//! links in everything the shared vectors cover: the time zone database and the Unicode tables too. `check.sh` builds it and fails if the module imports anything: then core would have
//! reached for a clock, for randomness or for an operating system.
#![no_std]

extern crate alloc;

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    panic::PanicInfo,
    sync::atomic::{AtomicUsize, Ordering},
};
use sendgate_core::{
    limiter::{Decision, Limiter},
    time::UnixMillis,
    vectors::{self, VectorError},
};

/// Asks for `cost` units twice at `now` (Unix milliseconds). Returns 0 when both are allowed, else the instant at which
/// the refused ones are allowed, or -1 when that is never, or -2 when the policy is refused.
#[unsafe(no_mangle)]
pub extern "C" fn decide(cost: u32, now: i64) -> i64 {
    let Ok(limiter) = Limiter::from_json(POLICY) else { return -2 };
    let mut state = limiter.fresh();
    let now = UnixMillis::new(now.unsigned_abs());
    for _ in 0..2 {
        match limiter.decide(&mut state, cost, now) {
            Decision::Allow { .. } => (),
            Decision::Defer { retry_at, .. } => return retry_at.as_i64(),
            Decision::Reject { .. } => return -1,
        }
    }
    0
}

/// Hands an empty case to every vector suite, so that all they cover is linked in. Returns how many refused it as
/// malformed: all of them do.
#[unsafe(no_mangle)]
pub extern "C" fn refused_cases() -> usize {
    let refuses = |suite: &&&str| matches!(vectors::evaluate(suite, "{}"), Err(VectorError::BadCase { .. }));
    vectors::SUITES.iter().filter(refuses).count()
}

/// How many vector suites there are.
#[unsafe(no_mangle)]
pub extern "C" fn suites() -> usize {
    vectors::SUITES.len()
}

/// Hands out memory once and never takes it back: enough for a proof.
struct Bump {
    memory: UnsafeCell<[u8; MEMORY]>,
    used: AtomicUsize,
}

// SAFETY: each byte of `memory` is handed out once, by the atomic counter.
unsafe impl Sync for Bump {}

// SAFETY: what `alloc` returns is inside `memory`, aligned as asked, and overlaps nothing handed out before.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.memory.get() as usize;
        let mut offset = 0;
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            offset = (start + used).next_multiple_of(layout.align()) - start;
            offset.checked_add(layout.size()).filter(|end| *end <= MEMORY)
        });
        if taken.is_err() {
            return core::ptr::null_mut();
        }
        // SAFETY: offset + size <= MEMORY.
        unsafe { self.memory.get().cast::<u8>().add(offset) }
    }

    unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static BUMP: Bump = Bump { memory: UnsafeCell::new([0; MEMORY]), used: AtomicUsize::new(0) };

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

const POLICY: &str = r#"{"windows":[
    {"kind":"sliding","name":"second","limit":10,"period_ms":1000},
    {"kind":"calendar","name":"day","limit":100,"unit":"day","time_zone":"Europe/Rome"},
    {"kind":"pace","name":"pace","interval_ms":10,"burst":20}]}"#;

/// A limiter of three windows and its time zone need a few kilobytes.
const MEMORY: usize = 1 << 20;
