//! Bytes on the heap, as they were asked for: ours and the rivals' alike.

use peak_alloc::PeakAlloc;

/// What `make` built, and the bytes that it holds.
pub(crate) fn measured<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let before = HEAP.current_usage();
    let made = make();
    (made, HEAP.current_usage() as f64 - before as f64)
}

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_holds_its_capacity() {
        // Other tests run beside this one, so the least of several measurements is the one that nobody disturbed.
        let least = (0..20).map(|_| measured(|| Vec::<u8>::with_capacity(1 << 20)).1).fold(f64::MAX, f64::min);
        assert!(least >= f64::from(1 << 19), "{least}");
    }
}
