//! Several Mailrooms on one file, which is what several processes are: what each of them knows, who delivers, and what
//! becomes of the calls of one that dies (requirements R099, R118, R157).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use sendgate_core::{
    http::HttpResponse,
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::{Sql, Value as Cell},
    time::UnixMillis,
    transport::{Call, Reply},
};
use sendgate_embed::{Database, Host, Mailroom, MailroomError, Transport};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// 1 December 2026, 12:00 UTC.
const START: u64 = 1_796_126_400_000;
const LEASE_MS: u64 = 10_000;
/// Postmark has no idempotency keys: what nobody knows is never sent again.
const POSTMARK: &str = r#"{"providers":[{"kind":"postmark","credential":"TOKEN"}],"batch":{"max_messages":1}}"#;

/// One file, one clock, and as many processes as a test opens.
struct Machine {
    directory: tempfile::TempDir,
    clock: Arc<AtomicU64>,
    chance: Arc<AtomicU64>,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, clock: Arc::new(AtomicU64::new(START)), chance: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("mail.db")
    }

    fn process(&self, config: &str) -> Mailroom {
        let clock = Arc::clone(&self.clock);
        self.with(config, Box::new(move || UnixMillis::new(clock.load(Ordering::SeqCst))), Box::new(Nobody))
    }

    fn with(
        &self,
        config: &str,
        clock: Box<dyn Fn() -> UnixMillis + Send + Sync>,
        transport: Box<dyn Transport>,
    ) -> Mailroom {
        let chance = Arc::clone(&self.chance);
        let host = Host {
            secret: Box::new(|name| (name == "TOKEN").then(|| "token".into())),
            clock,
            chance: Box::new(move || chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)),
            compose: sendgate_mime::compose,
            transport,
        };
        Mailroom::open(&self.path(), config, LEASE_MS, host).unwrap()
    }

    fn advance(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    fn generation(&self) -> Cell {
        let mut database = Database::open(&self.path()).unwrap();
        let statement = "SELECT number FROM mailroom_host WHERE name = 'generation'";
        database.read(|sql| sql.run(statement, &[])).unwrap()[0][0].clone()
    }
}

struct Nobody;

impl Transport for Nobody {
    fn carry(&self, _: &Call, _: Duration) -> Result<Reply, TransportFailure> {
        Err(TransportFailure::NotSent)
    }
}

fn body(n: usize) -> String {
    let message =
        json!({ "from": "shop@shop.example", "to": ["ann@example.com"], "subject": "Hi", "text_body": "Hello" });
    json!({ "messages": vec![message; n] }).to_string()
}

fn submit(mailroom: &Mailroom, n: usize) -> Vec<String> {
    let reply = mailroom.submit(body(n).as_bytes(), None).unwrap();
    assert_eq!(reply.status, 202);
    let view: Value = serde_json::from_slice(&reply.body).unwrap();
    view["messages"].as_array().unwrap().iter().map(|one| one["message_id"].as_str().unwrap().into()).collect()
}

fn call(mailroom: &Mailroom) -> Attempt {
    match mailroom.next().unwrap() {
        Effect::Send { attempt, .. } => attempt,
        other @ (Effect::Wait { .. } | Effect::Idle) => panic!("{other:?}"),
    }
}

/// What Postmark answers to a message it took (`postmarkapp.com/developer/api/email-api`).
fn taken() -> Result<Reply, TransportFailure> {
    let body = br#"{"ErrorCode":0,"Message":"OK","MessageID":"b7bc2f4a-e38e-4336-af7d-e6c392c2f817"}"#.to_vec();
    Ok(HttpResponse { status: 200, headers: Vec::new(), body }.into())
}

fn trace(mailroom: &Mailroom, id: &str) -> Value {
    serde_json::from_slice(&mailroom.trace(id).unwrap().unwrap()).unwrap()
}

#[test]
fn a_second_live_process_leaves_the_calls_of_the_first_alone() {
    let machine = Machine::new();
    let first = machine.process(POSTMARK);
    let id = submit(&first, 1).remove(0);
    let attempt = call(&first);
    let second = machine.process(POSTMARK);
    submit(&second, 1);
    assert_eq!(trace(&second, &id)["status"], "sending");
    assert!(matches!(second.next().unwrap(), Effect::Wait { until } if until > UnixMillis::new(START)));
    // The first one's memory is read anew from a file on which its call is under way, and the answer still finds it.
    first.settle(attempt, taken()).unwrap();
    assert_eq!(trace(&second, &id)["status"], "sent");
    assert_eq!(trace(&second, &id)["attempts"], 1);
}

#[test]
fn what_another_process_accepts_leaves_through_the_one_that_delivers() {
    let machine = Machine::new();
    let (first, second) = (machine.process(POSTMARK), machine.process(POSTMARK));
    assert_eq!(first.next().unwrap(), Effect::Idle);
    let id = submit(&second, 1).remove(0);
    first.settle(call(&first), taken()).unwrap();
    assert_eq!(trace(&first, &id)["status"], "sent");
    assert_eq!(first.next().unwrap(), Effect::Idle);
}

#[test]
fn the_call_of_a_process_that_died_is_of_unknown_outcome_when_its_lease_is_over_and_not_before() {
    let machine = Machine::new();
    let first = machine.process(POSTMARK);
    let id = submit(&first, 1).remove(0);
    let attempt = call(&first);
    // The lease lasts through the call, whose time-out is 10 s when nothing is said.
    let over = UnixMillis::new(START + LEASE_MS + 10_000);
    let second = machine.process(POSTMARK);
    assert_eq!(second.next().unwrap(), Effect::Wait { until: over });
    machine.advance(LEASE_MS + 9_999);
    assert_eq!(second.next().unwrap(), Effect::Wait { until: over });
    assert_eq!(trace(&second, &id)["status"], "sending");
    machine.advance(1);
    assert_eq!(second.next().unwrap(), Effect::Idle);
    let view = trace(&second, &id);
    assert_eq!(view["status"], "unknown");
    assert!(view["trace"].as_array().unwrap().iter().any(|line| line["event"] == "interrupted"), "{view}");
    // It was not dead, only late: its answer changes nothing any more, and it does not deliver any more.
    first.settle(attempt, taken()).unwrap();
    assert_eq!(trace(&second, &id)["status"], "unknown");
    submit(&first, 1);
    assert!(matches!(first.next().unwrap(), Effect::Wait { .. }));
}

#[test]
fn a_process_that_ends_lets_another_deliver_at_once() {
    let machine = Machine::new();
    let (first, second) = (machine.process(POSTMARK), machine.process(POSTMARK));
    first.run().unwrap();
    assert!(!first.run().unwrap());
    assert!(first.drain(UnixMillis::new(START)).unwrap());
    first.stop();
    submit(&second, 1);
    call(&second);
}

#[test]
fn four_processes_keep_one_limit_of_requests_exactly() {
    let machine = Machine::new();
    let config = r#"{"providers":[{"kind":"postmark","credential":"TOKEN"}],"batch":{"max_messages":1},
        "account_windows":[{"kind":"sliding","name":"minute","limit":10,"period_ms":60000}]}"#;
    let processes: Vec<Mailroom> = (0..4).map(|_| machine.process(config)).collect();
    for n in 0..10 {
        submit(&processes[n % 4], 1);
        machine.advance(1);
    }
    for process in &processes {
        let reply = process.submit(body(1).as_bytes(), None).unwrap();
        // Limits of up to 16 units keep their instants: the first one's is over a minute after it.
        assert_eq!((reply.status, reply.retry_at), (429, Some(UnixMillis::new(START + 60_000))));
    }
    machine.advance(60_000 - 10);
    let allowed = (0..8).filter(|n| processes[n % 4].submit(body(1).as_bytes(), None).unwrap().status == 202).count();
    assert_eq!(allowed, 1);
}

#[test]
fn four_processes_keep_one_quota_and_one_pace() {
    let machine = Machine::new();
    let config = r#"{"providers":[{"kind":"postmark","credential":"TOKEN"}],"batch":{"max_messages":1}, "sending":{"per_second":3},
        "quotas":[{"period":"month","limit":8}]}"#;
    let processes: Vec<Mailroom> = (0..4).map(|_| machine.process(config)).collect();
    let accepted = (0..12).filter(|n| processes[n % 4].submit(body(1).as_bytes(), None).unwrap().status == 202).count();
    assert_eq!(accepted, 8);
    let refused = processes[3].submit(body(1).as_bytes(), None).unwrap();
    assert!(String::from_utf8(refused.body).unwrap().contains("quota_monthly"));
    // One second's pace, whoever delivers: the lease goes round with every process that ends.
    let mut left = 0;
    for process in &processes {
        while let Effect::Send { attempt, .. } = process.next().unwrap() {
            process.settle(attempt, taken()).unwrap();
            left += 1;
        }
        process.stop();
    }
    assert_eq!(left, 3);
}

#[test]
fn a_key_names_one_submission_for_every_process() {
    let machine = Machine::new();
    let (first, second) = (machine.process(POSTMARK), machine.process(POSTMARK));
    let one = first.submit(body(1).as_bytes(), Some("order-42")).unwrap();
    let again = second.submit(body(1).as_bytes(), Some("order-42")).unwrap();
    assert_eq!(one.body, again.body);
    assert_eq!(second.submit(body(2).as_bytes(), Some("order-42")).unwrap().status, 409);
}

#[test]
fn what_only_reads_writes_nothing_and_what_writes_moves_the_generation() {
    let machine = Machine::new();
    let mailroom = machine.process(POSTMARK);
    let id = submit(&mailroom, 1).remove(0);
    let before = machine.generation();
    mailroom.limits().unwrap();
    mailroom.usage().unwrap();
    mailroom.trace(&id).unwrap().unwrap();
    assert!(mailroom.trace("msg_no").unwrap().is_none());
    assert!(machine.generation() == before);
    submit(&mailroom, 1);
    assert!(machine.generation() != before);
}

#[test]
fn the_clock_of_a_lease_never_makes_two_deliver() {
    let machine = Machine::new();
    let (first, second) = (machine.process(POSTMARK), machine.process(POSTMARK));
    submit(&first, 2);
    call(&first);
    machine.clock.fetch_sub(3_600_000, Ordering::SeqCst);
    assert!(matches!(second.next().unwrap(), Effect::Wait { .. }));
    submit(&second, 1);
    call(&first);
}

#[test]
fn what_is_wrong_is_told_when_the_file_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let open = |config: &str, lease_ms| {
        let host = Host {
            secret: Box::new(|_| None),
            clock: Box::new(|| UnixMillis::new(START)),
            chance: Box::new(|| 1),
            compose: sendgate_mime::compose,
            transport: Box::new(Nobody),
        };
        Mailroom::open(&directory.path().join("mail.db"), config, lease_ms, host).unwrap_err()
    };
    assert_eq!(open(POSTMARK, LEASE_MS), MailroomError::MissingCredential("TOKEN".into()));
    assert_eq!(open("{}", LEASE_MS).code(), "mailroom_config");
    assert_eq!(open(POSTMARK, 1).code(), "mailroom_config");
}

/// Takes everything, and counts.
struct Taking(Arc<AtomicUsize>);

impl Transport for Taking {
    fn carry(&self, _: &Call, _: Duration) -> Result<Reply, TransportFailure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        taken()
    }
}

/// Breaks in the middle.
struct Breaking;

impl Transport for Breaking {
    fn carry(&self, _: &Call, _: Duration) -> Result<Reply, TransportFailure> {
        panic!("a transport of somebody's")
    }
}

fn machine_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap())
}

#[test]
fn two_processes_that_run_send_every_message_once() {
    let machine = Machine::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let process = || machine.with(POSTMARK, Box::new(machine_time), Box::new(Taking(Arc::clone(&calls))));
    let (first, second) = (process(), process());
    first.run().unwrap();
    second.run().unwrap();
    let ids = std::thread::scope(|scope| {
        let work = |mailroom| move || (0..20).flat_map(|_| submit(mailroom, 1)).collect::<Vec<_>>();
        let threads = [scope.spawn(work(&first)), scope.spawn(work(&second)), scope.spawn(work(&first))];
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert!(second.drain(UnixMillis::MAX).unwrap());
    for id in &ids {
        let view = trace(&first, id);
        assert_eq!(view["status"], "sent", "{view}");
    }
    assert_eq!((ids.len(), calls.load(Ordering::SeqCst)), (60, 60));
}

#[test]
fn a_transport_that_panics_may_have_sent() {
    let machine = Machine::new();
    let mailroom = machine.with(POSTMARK, Box::new(machine_time), Box::new(Breaking));
    let id = submit(&mailroom, 1).remove(0);
    assert!(mailroom.drain(UnixMillis::MAX).unwrap());
    assert_eq!(trace(&mailroom, &id)["status"], "unknown");
}
