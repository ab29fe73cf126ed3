//! A Worker made of Rust in which something goes wrong: on raw `workerd`, through the development build's faults.
//!
//! Unguarded, each of these requests would wait for ever, and with it every other request of the isolate. The client's
//! patience is far shorter than that and longer than any guard's period here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own steps fail by panicking")]

use sendgate_dev::{Scratch, Settings, Workerd, free_port};
use std::thread;
use std::time::Duration;
use ureq::Agent;

const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    workerd: Workerd,
    agent: Agent,
    // Dropped last: the process writes into it.
    _state: Scratch,
}

impl Running {
    /// A Worker whose guards look every `period` milliseconds.
    fn start(period: u32) -> Self {
        let state = Scratch::new().unwrap();
        let settings = Settings::development(state.path(), free_port().unwrap())
            .bind("SENDGATE_CONFIG", r#"{"accounts":{}}"#)
            .bind("SENDGATE_KEY_SECRET", "a secret of the guard's tests")
            .bind("GUARD_REQUEST_MS", &period.to_string())
            .bind("GUARD_ALARM_MS", &period.to_string());
        let workerd = Workerd::start(settings).unwrap_or_else(|error| panic!("{error}"));
        let agent =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().new_agent();
        Self { workerd, agent, _state: state }
    }

    fn get(&self, path: &str) -> Answer {
        Answer::of(&self.agent, &format!("{}{path}", self.workerd.base_url()))
    }

    /// Asks on its own thread.
    fn get_meanwhile(&self, path: &str) -> thread::JoinHandle<Answer> {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.workerd.base_url()));
        thread::spawn(move || Answer::of(&agent, &url))
    }

    /// A fault that ends in 500, after which the same isolate answers again from a new instance.
    fn fails_and_recovers(&self, fault: &str) {
        assert_eq!(self.get("/sandbox/fault/object/memory").body, "0", "{fault}: an instance that was never called");
        assert_eq!(self.get("/sandbox/fault/object/memory").body, "1", "{fault}: which remembers");
        let failed = self.get(fault);
        assert_eq!(failed.status, 500, "{fault}: {}", failed.body);
        assert_eq!(self.get("/healthz").status, 200, "{fault}: the front lives");
        assert_eq!(self.get("/sandbox/fault/object/memory").body, "0", "{fault}: the object lives in a new instance");
    }

    /// What the faults have written, as `name=runs`.
    fn marks(&self) -> String {
        let answer = self.get("/sandbox/fault/object/marks");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body.trim().to_owned()
    }

    fn wait_for_marks(&self, wanted: &str) {
        for _ in 0..100 {
            if self.marks() == wanted {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("waited for {wanted}, found {}\n{}", self.marks(), self.workerd.log());
    }
}

struct Answer {
    status: u16,
    content_type: String,
    rate_limit: Option<String>,
    body: String,
}

impl Answer {
    fn of(agent: &Agent, url: &str) -> Self {
        let mut answer = agent.get(url).call().unwrap_or_else(|error| panic!("GET {url} was not answered: {error}"));
        let field = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, rate_limit) = (field("content-type").unwrap_or_default(), field("x-ratelimit-limit"));
        let status = answer.status().as_u16();
        Self { status, content_type, rate_limit, body: answer.body_mut().read_to_string().unwrap() }
    }
}

#[test]
fn a_panic_in_the_front_is_answered_500_in_the_contracts_words() {
    let running = Running::start(60_000);
    for fault in ["panic", "late-panic"] {
        let failed = running.get(&format!("/sandbox/fault/front/{fault}"));
        assert_eq!(failed.status, 500);
        assert_eq!(failed.content_type, "application/problem+json");
        assert_eq!(failed.rate_limit.as_deref(), Some("0"));
        let problem: serde_json::Value = serde_json::from_str(&failed.body).unwrap();
        assert_eq!(problem["code"], "internal_error");
        assert_eq!(problem["status"], 500);
        assert!(problem["request_id"].as_str().unwrap().starts_with("req_"));
        assert_eq!(running.get("/healthz").status, 200);
    }
}

#[test]
fn a_panic_after_an_await_in_an_object_is_answered_500_long_before_the_guards_timer() {
    Running::start(60_000).fails_and_recovers("/sandbox/fault/object/panic");
}

#[test]
fn a_panic_in_a_synchronous_method_is_answered_500() {
    Running::start(60_000).fails_and_recovers("/sandbox/fault/object/now/panic");
}

#[test]
fn a_trap_that_no_panic_hook_sees_is_answered_500_long_before_the_guards_timer() {
    let running = Running::start(60_000);
    running.fails_and_recovers("/sandbox/fault/object/trap");
    let running = Running::start(60_000);
    running.fails_and_recovers("/sandbox/fault/object/overflow");
}

/// As `SqlCursor.one()` on no rows does through bindings that do not catch.
#[test]
fn an_exception_through_an_import_that_does_not_catch_is_answered_500() {
    Running::start(60_000).fails_and_recovers("/sandbox/fault/object/throw");
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/front/throw").status, 500);
    assert_eq!(running.get("/healthz").status, 200);
}

#[test]
fn a_call_that_never_ends_is_cut_after_ten_periods_and_takes_nothing_with_it() {
    let running = Running::start(100);
    assert_eq!(running.get("/sandbox/fault/object/memory").body, "0");
    assert_eq!(running.get("/sandbox/fault/object/stuck").status, 500);
    assert_eq!(running.get("/sandbox/fault/front/stuck").status, 500);
    assert_eq!(running.get("/sandbox/fault/object/memory").body, "1", "the instance is the same one");
}

#[test]
fn a_slow_call_outlives_the_guards_period() {
    let running = Running::start(100);
    let slow = running.get("/sandbox/fault/object/slow?400");
    assert_eq!((slow.status, slow.body.as_str()), (200, "done"));
}

#[test]
fn a_panic_leaves_no_other_request_of_the_isolate_hanging() {
    let running = Running::start(60_000);
    let others: Vec<_> = (0..4).map(|_| running.get_meanwhile("/sandbox/fault/object/slow?10000")).collect();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(running.get("/sandbox/fault/object/panic").status, 500);
    for other in others {
        let answer = other.join().unwrap();
        assert_eq!(answer.status, 500, "refused with the instance it ran in: {}", answer.body);
    }
    assert_eq!(running.get("/sandbox/fault/object/slow?1").body, "done");
}

/// The platform's first repetition comes after 2 s.
#[test]
fn an_alarm_that_panics_is_repeated_by_the_platform() {
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/object/alarm?alarm-panic").body, "done");
    running.wait_for_marks("alarm-panic=1");
    assert_eq!(running.get("/sandbox/fault/object/slow?1").body, "done", "the object lives meanwhile");
    running.wait_for_marks("alarm-panic=2");
}

#[test]
fn an_alarm_that_throws_through_an_import_is_repeated_by_the_platform() {
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/object/alarm?alarm-throw").body, "done");
    running.wait_for_marks("alarm-throw=2");
}

#[test]
fn an_alarm_that_errs_is_repeated_by_the_platform() {
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/object/alarm?alarm-error").body, "done");
    running.wait_for_marks("alarm-error=2");
}

/// Why several writes that belong together run in a transaction.
#[test]
fn a_write_before_a_panic_is_kept() {
    let running = Running::start(60_000);
    running.fails_and_recovers("/sandbox/fault/object/now/write-then-panic");
    assert_eq!(running.marks(), "write-then-panic=1");
}

#[test]
fn a_panic_in_a_transaction_takes_its_writes_back() {
    let running = Running::start(60_000);
    running.fails_and_recovers("/sandbox/fault/object/now/transaction-then-panic");
    assert_eq!(running.marks(), "");
}

#[test]
fn an_error_in_a_transaction_takes_its_writes_and_its_alarm_back() {
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/object/now/transaction-then-error").status, 500);
    assert_eq!(running.marks(), "");
    assert_eq!(running.get("/sandbox/fault/object/alarm-at").body, "0", "no alarm stands");
}

/// Why `Storage` drains every cursor: the platform gives up the commit, and with it the write before.
#[test]
fn an_undrained_write_fails_as_a_whole_and_the_object_goes_on() {
    let running = Running::start(60_000);
    assert_eq!(running.get("/sandbox/fault/object/undrained").status, 500);
    assert_eq!(running.marks(), "");
    assert_eq!(running.get("/sandbox/fault/object/slow?1").body, "done");
}

/// The state in the new instance is the one on disk.
#[test]
fn what_was_written_is_there_after_the_process_was_killed() {
    let mut running = Running::start(60_000);
    running.fails_and_recovers("/sandbox/fault/object/now/write-then-panic");
    running.workerd.restart().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(running.marks(), "write-then-panic=1");
}
