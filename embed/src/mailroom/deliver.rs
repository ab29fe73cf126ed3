//! Delivery in the background: one thread that asks what to do, and one for each call on its way.
//!
//! It waits for what comes first: an answer, a message of this process, one of another process, the instant at which
//! something may leave, or the time to renew the lease. Another process's message rings no bell here, so the file is
//! looked at a few times a second, without its lock.

use super::{
    MailroomError, Shared,
    desk::{Keep, Turn},
};
use sendgate_core::{
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    time::UnixMillis,
    transport::Call,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The thread, and how it is told to end.
pub(super) struct Worker {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What the thread waits for.
enum Pause {
    /// An instant, or a change of the file.
    Until(UnixMillis),
    /// The end of another one's lease.
    ForLease(UnixMillis),
}

impl Worker {
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, MailroomError> {
        let stopping = Arc::new(AtomicBool::new(false));
        let run = Run { shared: Arc::clone(shared), stopping: Arc::clone(&stopping), in_flight: Arc::default() };
        let thread = thread::Builder::new().name("sendgate-mailroom".into()).spawn(move || run.run());
        let thread = thread.map_err(|error| MailroomError::Store(error.to_string()))?;
        Ok(Self { stopping, thread })
    }

    pub(super) fn stop(self, shared: &Shared) {
        self.stopping.store(true, Ordering::SeqCst);
        shared.bell.ring();
        // A panic in it has been told by the thread itself.
        let _ = self.thread.join();
    }
}

struct Run {
    shared: Arc<Shared>,
    stopping: Arc<AtomicBool>,
    in_flight: Arc<AtomicUsize>,
}

impl Run {
    fn run(&self) {
        let mut seen = 0;
        while !self.stopping.load(Ordering::SeqCst) {
            let rung = self.shared.bell.rung();
            // What other processes wrote before this is seen by the turn that follows.
            seen = self.shared.desk().and_then(|mut desk| desk.data_version()).unwrap_or(seen);
            if let Some(pause) = self.step() {
                self.pause(&pause, rung, seen);
            }
        }
        self.end();
    }

    /// One turn; `None` when the next one follows at once.
    fn step(&self) -> Option<Pause> {
        let now = (self.shared.host.clock)();
        let renewal = now.plus(self.shared.lease_ms / 3);
        match self.shared.desk().and_then(|mut desk| desk.turn(self.keep(), &self.shared.host)) {
            Ok(Turn::Mine(Effect::Send { attempt, call, timeout_ms })) => {
                self.launch(attempt, call, Duration::from_millis(timeout_ms));
                None
            }
            Ok(Turn::Mine(Effect::Wait { until })) => (until > now).then(|| Pause::Until(until.min(renewal))),
            Ok(Turn::Mine(Effect::Idle)) => Some(Pause::Until(renewal)),
            Ok(Turn::Taken(until)) => Some(Pause::ForLease(until)),
            // The file was locked for too long, or its disk is full: the next look may find it well again.
            Err(_) => Some(Pause::Until(now.plus(TROUBLE_MS))),
        }
    }

    fn keep(&self) -> Keep {
        Keep { lease_ms: self.shared.lease_ms, through_call: false }
    }

    fn launch(&self, attempt: Attempt, call: Call, timeout: Duration) {
        let (shared, in_flight) = (Arc::clone(&self.shared), Arc::clone(&self.in_flight));
        in_flight.fetch_add(1, Ordering::SeqCst);
        let carry = move || {
            let carried = catch_unwind(AssertUnwindSafe(|| shared.host.transport.carry(&call, timeout)));
            let result = carried.unwrap_or(Err(TransportFailure::MaybeSent));
            // What cannot be written now is kept at the desk for the next turn.
            let _ = shared.settle(attempt, result);
            in_flight.fetch_sub(1, Ordering::SeqCst);
            shared.bell.ring();
        };
        if thread::Builder::new().name("sendgate-call".into()).spawn(carry).is_err() {
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            let _ = self.shared.settle(attempt, Err(TransportFailure::NotSent));
        }
    }

    fn pause(&self, pause: &Pause, rung: u64, seen: i64) {
        loop {
            let until = match pause {
                Pause::Until(until) | Pause::ForLease(until) => *until,
            };
            let now = (self.shared.host.clock)();
            let left = Duration::from_millis(until.since(now)).min(LOOK);
            if left.is_zero() || self.shared.bell.wait(rung, left) {
                return;
            }
            let Ok(mut desk) = self.shared.desk() else { return };
            let goes_on = match pause {
                Pause::Until(_) => desk.data_version().map(|version| version == seen),
                Pause::ForLease(_) => desk.is_free(now).map(|is_free| !is_free),
            };
            if !goes_on.unwrap_or(false) {
                return;
            }
        }
    }

    /// Waits for the answers under way.
    fn end(&self) {
        loop {
            let rung = self.shared.bell.rung();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                break;
            }
            self.shared.bell.wait(rung, LOOK);
            // Answers that come after the lease would be nobody's.
            let _ = self.shared.desk().and_then(|mut desk| desk.renew(self.keep(), &self.shared.host));
        }
    }
}

/// How often the file is looked at for what other processes wrote: soon enough for people, and far below what a disk or a
/// core notices.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// How soon a file that could not be used is tried again.
const TROUBLE_MS: u64 = 250;
