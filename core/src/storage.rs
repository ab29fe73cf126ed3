//! What is kept: a level that has no period and goes down only when something is deleted.
//!
//! At every step `reserved + stored + free = capacity`, or `free = 0` and the sum is above a capacity that was lowered
//! under it. Bytes are reserved before an upload is taken, committed when it is stored and released when it is not.
//! A refusal changes nothing. There is no instant at which it would fit by itself, so it is never a deferral.
//!
//! Out of scope: which object holds how many bytes. The caller knows, and deletes what it stored.

use core::fmt;

/// A store's level against its capacity, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Storage {
    capacity: Option<u64>,
    reserved: u64,
    stored: u64,
}

/// Bytes that do not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorageFull {
    /// The capacity.
    pub capacity: u64,
    /// Bytes that still fit.
    pub free: u64,
    /// Bytes that were asked for.
    pub asked: u64,
}

impl Storage {
    /// An empty store of so many bytes; `None` means without limit.
    ///
    /// # Example: does the last byte of 1 GB fit, and one more?
    /// ```
    /// use sendgate_core::storage::Storage;
    ///
    /// let mut storage = Storage::new(Some(1_000_000_000));
    /// assert!(storage.reserve(1_000_000_000).is_ok());
    /// assert_eq!(storage.reserve(1).unwrap_err().code(), "storage_quota");
    /// storage.release(1_000_000_000);
    /// assert_eq!(storage.free(), Some(1_000_000_000));
    /// ```
    #[must_use]
    pub const fn new(capacity: Option<u64>) -> Self {
        Self { capacity, reserved: 0, stored: 0 }
    }

    /// A store that holds these bytes already; reservations do not outlive the process that made them.
    #[must_use]
    pub const fn holding(capacity: Option<u64>, stored: u64) -> Self {
        Self { capacity, reserved: 0, stored }
    }

    /// The same bytes under another capacity. One lowered below what is in use leaves nothing free until enough is
    /// deleted.
    #[must_use]
    pub const fn with_capacity(self, capacity: Option<u64>) -> Self {
        Self { capacity, ..self }
    }

    /// Takes bytes for an upload.
    ///
    /// # Errors
    /// [`StorageFull`] when they do not fit; nothing was taken.
    pub const fn reserve(&mut self, bytes: u64) -> Result<(), StorageFull> {
        let capacity = match self.capacity {
            Some(capacity) => capacity,
            None => u64::MAX,
        };
        let free = capacity.saturating_sub(self.in_use());
        if bytes > free {
            return Err(StorageFull { capacity, free, asked: bytes });
        }
        self.reserved = self.reserved.saturating_add(bytes);
        Ok(())
    }

    /// Turns reserved bytes into stored ones: at most those that are reserved. Returns how many.
    pub const fn commit(&mut self, bytes: u64) -> u64 {
        let moved = self.release(bytes);
        self.stored = self.stored.saturating_add(moved);
        moved
    }

    /// Gives reserved bytes back: at most those that are reserved. Returns how many.
    pub const fn release(&mut self, bytes: u64) -> u64 {
        let moved = if bytes < self.reserved { bytes } else { self.reserved };
        self.reserved -= moved;
        moved
    }

    /// Frees stored bytes: at most those that are stored. Returns how many.
    pub const fn delete(&mut self, bytes: u64) -> u64 {
        let freed = if bytes < self.stored { bytes } else { self.stored };
        self.stored -= freed;
        freed
    }

    /// Bytes taken for uploads under way.
    #[must_use]
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Bytes stored: what a host keeps.
    #[must_use]
    pub const fn stored(&self) -> u64 {
        self.stored
    }

    /// Bytes that still fit; `None` when there is no limit.
    #[must_use]
    pub const fn free(&self) -> Option<u64> {
        match self.capacity {
            Some(capacity) => Some(capacity.saturating_sub(self.in_use())),
            None => None,
        }
    }

    const fn in_use(&self) -> u64 {
        self.reserved.saturating_add(self.stored)
    }
}

impl StorageFull {
    /// The stable word for the refusal, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "storage_quota"
    }
}

impl fmt::Display for StorageFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, free, asked } = self;
        write!(f, "storage_bytes is at most {capacity} bytes, of which {free} are free, got {asked}")
    }
}

impl core::error::Error for StorageFull {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_refusal_takes_nothing_and_names_the_capacity_what_is_free_and_what_was_asked() {
        let mut storage = Storage::holding(Some(10), 7);
        let refused = storage.reserve(4).unwrap_err();
        assert_eq!(refused.to_string(), "storage_bytes is at most 10 bytes, of which 3 are free, got 4");
        assert_eq!(storage, Storage::holding(Some(10), 7));
        assert!(storage.reserve(3).is_ok());
    }

    #[test]
    fn only_what_is_there_moves_and_a_lowered_capacity_leaves_nothing_free() {
        let mut storage = Storage::new(Some(10));
        storage.reserve(6).unwrap();
        assert_eq!((storage.commit(4), storage.release(9), storage.delete(9)), (4, 2, 4));
        assert_eq!(storage, Storage::new(Some(10)));
        storage.reserve(8).unwrap();
        let mut lowered = storage.with_capacity(Some(5));
        assert_eq!(lowered.free(), Some(0));
        assert!(lowered.reserve(1).is_err() && lowered.reserve(0).is_ok());
        lowered.commit(8);
        lowered.delete(4);
        assert_eq!(lowered.free(), Some(1));
    }

    #[test]
    fn without_a_limit_everything_fits_that_can_be_counted() {
        let mut storage = Storage::holding(None, u64::MAX - 1);
        assert_eq!(storage.free(), None);
        assert!(storage.reserve(1).is_ok() && storage.reserve(1).is_err());
    }
}
