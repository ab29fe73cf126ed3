//! The only clock of the wheel: what an instant is when the caller gives none.

use sendgate_core::time::UnixMillis;
use std::time::{SystemTime, UNIX_EPOCH};

/// The caller's instant, or this machine's time.
pub(crate) fn now(given: Option<u64>) -> UnixMillis {
    given.map_or_else(system, UnixMillis::new)
}

fn system() -> UnixMillis {
    // A clock before 1970 is one that is not set.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
