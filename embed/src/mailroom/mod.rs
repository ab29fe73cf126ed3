//! A durable sender on a file: the core's account, kept by the process that sends.
//!
//! [`Mailroom::submit`] stores messages, under limits that every process on the file shares. [`Mailroom::run`] delivers
//! them in the background; a host that brings its own loop asks [`Mailroom::next`] and answers with
//! [`Mailroom::settle`]. Any number of threads and processes may do any of it on one file: the module `desk` says by which
//! rules. One of them delivers at a time; another takes over when it ends, or, after the lease that it does not renew any
//! more, when it dies.
//!
//! Out of scope: a network file system, on which SQLite's WAL does not work, and a process that was forked with an open
//! Mailroom, which is refused. [`Mailroom::before_fork`] says what a parent owes to a child that opens its own.

mod deliver;
mod desk;
mod error;
mod fork;
mod lease;

pub use error::MailroomError;

use crate::Carrier;
use deliver::Worker;
use desk::{Desk, Keep, Turn};
use sendgate_core::{
    account::{OwnReply, OwnRequest},
    id::MessageId,
    mailroom::{self, Attempt, Effect},
    outcome::TransportFailure,
    provider::Compose,
    time::UnixMillis,
    transport::{Call, Reply},
};
use std::{
    fmt,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Carries calls to providers.
pub trait Transport: Send + Sync {
    /// Carries a call out, within `timeout` altogether.
    ///
    /// # Errors
    /// [`TransportFailure::NotSent`] when the provider surely has not got it, [`TransportFailure::MaybeSent`] for whatever
    /// else went wrong.
    fn carry(&self, call: &Call, timeout: Duration) -> Result<Reply, TransportFailure>;
}

impl Transport for Carrier {
    fn carry(&self, call: &Call, timeout: Duration) -> Result<Reply, TransportFailure> {
        Self::carry(self, call, timeout)
    }
}

/// Gives the value of a secret by its name.
pub type Secrets = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a Mailroom needs of the process that it is in.
pub struct Host {
    /// Gives the value of a secret by its name.
    pub secret: Secrets,
    /// Tells the time.
    pub clock: Box<dyn Fn() -> UnixMillis + Send + Sync>,
    /// Gives a random number.
    pub chance: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Writes a mail as MIME text.
    pub compose: Compose,
    /// Carries calls.
    pub transport: Box<dyn Transport>,
}

/// The outbox of an application, on a SQLite file.
///
/// ```
/// use sendgate_core::{time::UnixMillis, transport::Call};
/// use sendgate_embed::{Carrier, Host, Mailroom, Roots};
///
/// let directory = tempfile::tempdir()?;
/// let host = Host {
///     secret: Box::new(|_| Some("key".into())),
///     clock: Box::new(|| UnixMillis::new(1_800_000_000_000)),
///     chance: Box::new(|| 7),
///     compose: sendgate_mime::compose,
///     transport: Box::new(Carrier::new(&Roots::Public)?),
/// };
/// let config = r#"{"providers":[{"kind":"resend","credential":"RESEND_KEY"}]}"#;
/// let mailroom = Mailroom::open(&directory.path().join("mail.db"), config, 10_000, host)?;
/// let message = r#"{"from":"a@shop.example","to":["ann@example.com"],"subject":"Hi","text_body":"Hello"}"#;
/// let answer = mailroom.submit(format!(r#"{{"messages":[{message}]}}"#).as_bytes(), None)?;
/// assert_eq!(answer.status, 202);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mailroom {
    shared: Arc<Shared>,
    worker: Mutex<Option<Worker>>,
}

/// What the threads of a process share.
struct Shared {
    desk: Mutex<Desk>,
    host: Host,
    lease_ms: u64,
    bell: Bell,
    /// Where everybody waits while the process forks.
    door: Condvar,
    process: u32,
}

impl Mailroom {
    /// The lease of whoever has no reason for another one: a process that died is noticed before people do.
    pub const LEASE_MS: u64 = 10_000;

    /// Opens the file, and creates it when there is none. `account` is one account of `SENDGATE_CONFIG`, in which only
    /// `providers` has to be there; `lease_ms` is how long a process that delivers is waited for after its last sign of
    /// life.
    ///
    /// # Errors
    /// A wrong configuration, a secret that is not there, or the file's.
    pub fn open(path: &Path, account: &str, lease_ms: u64, host: Host) -> Result<Self, MailroomError> {
        if !(MIN_LEASE_MS..=MAX_LEASE_MS).contains(&lease_ms) {
            let detail = format!("lease_ms must be {MIN_LEASE_MS} to {MAX_LEASE_MS}, got {lease_ms}");
            return Err(MailroomError::Config(detail));
        }
        let desk = Mutex::new(Desk::open(path, account, &host)?);
        let (bell, door, process) = (Bell::default(), Condvar::new(), std::process::id());
        let shared = Arc::new(Shared { desk, host, lease_ms, bell, door, process });
        Ok(Self { shared, worker: Mutex::default() })
    }

    /// Takes messages: the body, and the answer, of `POST /v1/send`.
    ///
    /// # Errors
    /// The file's; nothing was accepted.
    pub fn submit(&self, body: &[u8], idempotency_key: Option<&str>) -> Result<OwnReply, MailroomError> {
        let request = OwnRequest { body, idempotency_key, ..asking("POST", "/v1/send") };
        let reply = self.shared.ask(request);
        self.shared.bell.ring();
        reply
    }

    /// Answers any other request of the API, as its owner. What only reads writes nothing.
    ///
    /// # Errors
    /// The file's.
    pub fn ask(&self, method: &str, path: &str, query: &str, body: &[u8]) -> Result<OwnReply, MailroomError> {
        self.shared.ask(OwnRequest { query, body, ..asking(method, path) })
    }

    /// Every limit and where it stands: the body of `GET /v1/limits`.
    ///
    /// # Errors
    /// The file's.
    pub fn limits(&self) -> Result<Vec<u8>, MailroomError> {
        self.ask("GET", "/v1/limits", "", b"").map(|reply| reply.body)
    }

    /// What is in use of the quotas: the body of `GET /v1/usage`.
    ///
    /// # Errors
    /// The file's.
    pub fn usage(&self) -> Result<Vec<u8>, MailroomError> {
        self.ask("GET", "/v1/usage", "", b"").map(|reply| reply.body)
    }

    /// Where a message is and how it came there: the body of `GET /v1/messages/{id}`; `None` when there is none of this
    /// id. It waits for nobody.
    ///
    /// # Errors
    /// The file's.
    pub fn trace(&self, message: &str) -> Result<Option<Vec<u8>>, MailroomError> {
        let Some(id) = MessageId::parse(message) else { return Ok(None) };
        self.shared.desk()?.read(|sql| mailroom::view(id, sql))
    }

    /// What to do now, for a host that carries calls itself. The lease lasts through the call that it is given; every
    /// call has to be settled.
    ///
    /// While another process delivers that is [`Effect::Wait`], until that one's lease ends.
    ///
    /// # Errors
    /// The file's.
    pub fn next(&self) -> Result<Effect, MailroomError> {
        let keep = Keep { lease_ms: self.shared.lease_ms, through_call: true };
        Ok(match self.shared.desk()?.turn(keep, &self.shared.host)? {
            Turn::Mine(effect) => effect,
            Turn::Taken(until) => Effect::Wait { until },
        })
    }

    /// What came of a call that [`Mailroom::next`] gave.
    ///
    /// # Errors
    /// The file's. It is written with the next turn then.
    pub fn settle(&self, attempt: Attempt, result: Result<Reply, TransportFailure>) -> Result<(), MailroomError> {
        self.shared.settle(attempt, result)
    }

    /// Carries such a call with the Mailroom's own transport, and settles it.
    ///
    /// # Errors
    /// The file's.
    pub fn carry(&self, attempt: Attempt, call: &Call, timeout: Duration) -> Result<(), MailroomError> {
        let result = self.shared.host.transport.carry(call, timeout);
        self.shared.settle(attempt, result)
    }

    /// Delivers in the background until [`Mailroom::stop`]; `false` when it does so already.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn run(&self) -> Result<bool, MailroomError> {
        self.shared.is_own_process()?;
        let mut worker = self.worker();
        if worker.is_some() {
            return Ok(false);
        }
        *worker = Some(Worker::start(&self.shared)?);
        Ok(true)
    }

    /// Ends the delivery in the background when the calls under way are settled, and lets another process deliver at once.
    /// A call that [`Mailroom::next`] gave and nobody settled keeps the lease until it ends.
    pub fn stop(&self) {
        // A forked process has none of its parent's threads.
        if self.shared.is_own_process().is_err() {
            return;
        }
        let worker = self.worker().take();
        if let Some(worker) = worker {
            worker.stop(&self.shared);
        }
        // Another process waits until the lease ends by itself then.
        let _ = self.shared.desk().and_then(|mut desk| desk.give_back());
    }

    /// Delivers until no message waits or is on its way, by whichever process, or until an instant; returns whether none
    /// is left.
    ///
    /// # Errors
    /// The file's.
    pub fn drain(&self, until: UnixMillis) -> Result<bool, MailroomError> {
        let is_ours = self.run()?;
        let drained = self.wait_until_empty(until);
        if is_ours {
            self.stop();
        }
        drained
    }

    /// Waits until no message waits or is on its way, by whichever process delivers, or until an instant; returns whether
    /// none is left.
    ///
    /// # Errors
    /// The file's.
    pub fn wait_until_empty(&self, until: UnixMillis) -> Result<bool, MailroomError> {
        loop {
            let rung = self.shared.bell.rung();
            if self.shared.desk()?.decide(&self.shared.host, |account, _, _| Ok(account.is_empty()))? {
                return Ok(true);
            }
            let left = until.since((self.shared.host.clock)());
            if left == 0 {
                return Ok(false);
            }
            self.shared.bell.wait(rung, Duration::from_millis(left).min(deliver::LOOK));
        }
    }

    fn worker(&self) -> MutexGuard<'_, Option<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn ask(&self, request: OwnRequest<'_>) -> Result<OwnReply, MailroomError> {
        let entropy = [(self.host.chance)(), (self.host.chance)()];
        self.desk()?.decide(&self.host, |account, sql, now| account.handle_own(request, sql, entropy, now))
    }

    fn settle(&self, attempt: Attempt, result: Result<Reply, TransportFailure>) -> Result<(), MailroomError> {
        let settled = self.desk()?.settle((attempt, result), &self.host);
        self.bell.ring();
        settled
    }
}

impl Drop for Mailroom {
    fn drop(&mut self) {
        self.stop();
        // In a forked process the thread is still noted, and not there to be let go.
        std::mem::forget(self.worker.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Hides the configuration: it names secrets.
impl fmt::Debug for Mailroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailroom")
    }
}

/// Wakes whoever waits for something to happen in this process.
#[derive(Default)]
struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    fn rung(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        *rings = rings.wrapping_add(1);
        self.rung.notify_all();
    }

    /// Waits for a ring after `seen`; `true` when there was one.
    fn wait(&self, seen: u64, longest: Duration) -> bool {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(rings, longest, |rings| *rings == seen);
        let (rings, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rings != seen
    }
}

const fn asking<'a>(method: &'a str, path: &'a str) -> OwnRequest<'a> {
    OwnRequest { method, path, query: "", body: b"", idempotency_key: None }
}

/// Below this a slow disk alone would end a lease.
const MIN_LEASE_MS: u64 = 200;
/// Mail should not wait longer for a process that died.
const MAX_LEASE_MS: u64 = 600_000;
