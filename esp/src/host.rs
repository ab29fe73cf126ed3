//! What every listener shares: the database, the clock, the seed and the keys.

use crate::{control, kept, webhooks};
use sendgate_core::{
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use sendgate_embed::{Connection, Database};
use sendgate_simulator::{Arrival, Reply};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use webhooks::keys::Keys;

/// The shared state of the program.
pub(crate) struct Host {
    database: Mutex<Database>,
    seed: u64,
    drawn: AtomicU64,
    keys: Keys,
    base_url: OnceLock<String>,
    /// Counts the changes that may have put a webhook into the queue.
    changes: Mutex<u64>,
    changed: Condvar,
}

/// One request's time and chance.
pub(crate) struct Moment {
    pub(crate) now: UnixMillis,
    pub(crate) entropy: u64,
    /// An id of a UUID's shape that nothing else has.
    pub(crate) id: String,
}

impl Host {
    /// A host on `database`, with the tables made.
    pub(crate) fn new(mut database: Database, seed: u64) -> Result<Self, SqlError> {
        database.transaction(|sql| {
            sendgate_simulator::open(sql)?;
            kept::create(sql)
        })?;
        Ok(Self {
            database: Mutex::new(database),
            seed,
            drawn: AtomicU64::new(0),
            keys: Keys::new(seed),
            base_url: OnceLock::new(),
            changes: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// Says where HTTP is answered, once that is known.
    pub(crate) fn answers_at(&self, base_url: String) {
        // A second one is never given: the program has one HTTP listener.
        let _ = self.base_url.set(base_url);
    }

    /// Where HTTP is answered.
    pub(crate) fn base_url(&self) -> String {
        self.base_url.get().cloned().unwrap_or_default()
    }

    /// The keys of the seed.
    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The time of day.
    pub(crate) fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(0))
    }

    /// The time, and a random number that the seed and the count of draws make.
    pub(crate) fn moment(&self) -> Moment {
        let now = self.now();
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest: [u8; 32] = Sha256::digest(format!("moment {} {drawn} {}", self.seed, now.as_millis())).into();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let id = format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
        Moment { now, entropy: first(&digest), id }
    }

    /// A text of 24 hex digits for the `number`-th thing of `name`.
    pub(crate) fn serial(&self, name: &str, number: usize) -> String {
        self.keys.hex(&format!("serial {name} {number}"), 24)
    }

    /// A throw from 0 to 999; how many were thrown is kept, so that a seed gives the same row of them.
    pub(crate) fn roll(&self, sql: &mut dyn Sql) -> Result<u64, SqlError> {
        let thrown = kept::next(sql, "rolls")?;
        Ok(first(&self.keys.bytes(&format!("roll {thrown}"))) % 1_000)
    }

    /// Runs `work` in one transaction.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&mut Connection<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        // A panic in another transaction rolled that one back: the database itself is sound.
        self.database.lock().unwrap_or_else(PoisonError::into_inner).transaction(work)
    }

    /// Answers a request.
    pub(crate) fn handle(&self, arrival: &Arrival<'_>) -> Result<Reply, SqlError> {
        let moment = self.moment();
        let reply = self.transaction(|sql| control::handle(self, sql, arrival, &moment));
        self.changed();
        reply
    }

    /// Plans the webhooks of the messages after number `after`.
    pub(crate) fn plan_webhooks(&self, sql: &mut dyn Sql, after: i64, moment: &Moment) -> Result<(), SqlError> {
        webhooks::routes::plan(sql, self, after, moment)
    }

    /// Says that the queue of webhooks may have changed.
    pub(crate) fn changed(&self) {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// How many changes there were.
    pub(crate) fn changes(&self) -> u64 {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change after the `seen` ones, at most so long.
    pub(crate) fn wait_for_change(&self, seen: u64, most: Duration) {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(changes, most, |changes| *changes == seen);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// The first eight bytes as a number.
fn first(digest: &[u8; 32]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
