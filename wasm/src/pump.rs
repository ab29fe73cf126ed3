//! Sends what is due, from the object's alarm.
//!
//! One run at a time asks the account for effects, starts each, and waits for whatever comes first: an answer, a new
//! message, or the next instant. An attempt is written down in its own transaction before its request can leave, and the
//! platform holds the request back until that is durable. Requests outlive the run that started them, so that one slow
//! provider answer never holds up the next message.

use crate::account_gate::Desk;
use crate::host::{Timer, log, message, race};
use crate::{clock, transport};
use sendgate_core::mailroom::{Attempt, Effect};
use sendgate_core::outcome::TransportFailure;
use sendgate_core::time::UnixMillis;
use sendgate_core::transport::{Call, Reply};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// One alarm. A second one while the first still runs does nothing.
///
/// # Errors
/// The store failed. The safety alarm stands, and the platform repeats this one.
pub(crate) async fn run(desk: &Rc<Desk>) -> Result<(), JsValue> {
    if desk.pumping.replace(true) {
        return Ok(());
    }
    let result = pump(desk).await;
    desk.pumping.set(false);
    result
}

async fn pump(desk: &Rc<Desk>) -> Result<(), JsValue> {
    let started = clock::now();
    let ends = started.plus(RUN_MS);
    set_alarm(desk, started.plus(SAFETY_MS))?;
    let mut left = STARTS_PER_RUN;
    let next = loop {
        let next = fill(desk, &mut left)?;
        let now = clock::now();
        let pause = match next {
            Some(at) => at.since(now),
            None => RUN_MS,
        };
        let idle = desk.in_flight.get() == 0;
        if left == 0 || now >= ends || (idle && pause >= SHORT_MS) {
            break next;
        }
        let timer = Timer::start(pause.min(ends.since(now)))?;
        race(desk.bell.rung(), timer.end()).await;
    };
    rest(desk, next)
}

/// Starts effects while there is room; returns the instant of the next one.
fn fill(desk: &Rc<Desk>, left: &mut usize) -> Result<Option<UnixMillis>, JsValue> {
    loop {
        if *left == 0 {
            return Ok(Some(clock::now()));
        }
        if desk.is_held() {
            return Ok(Some(clock::now().plus(HELD_MS)));
        }
        match desk.decide(|account, sql, now| account.next(sql, now)).map_err(thrown)? {
            Effect::Send { attempt, call, timeout_ms } => {
                *left -= 1;
                launch(desk, attempt, call, timeout_ms)?;
            }
            Effect::Wait { until } => return Ok(Some(until)),
            Effect::Idle => return Ok(None),
        }
    }
}

fn launch(desk: &Rc<Desk>, attempt: Attempt, call: Call, timeout_ms: u64) -> Result<(), JsValue> {
    let of_answer = Rc::clone(desk);
    desk.in_flight.set(desk.in_flight.get() + 1);
    desk.detach(async move {
        let desk = of_answer;
        let result = transport::carry(&call, &desk.env, timeout_ms).await;
        desk.in_flight.set(desk.in_flight.get().saturating_sub(1));
        settle(&desk, attempt, result);
        desk.bell.ring();
    })
}

/// An answer that cannot be written down drops the account; opened again, it finds the attempt mark and settles it as one
/// whose answer was lost.
fn settle(desk: &Desk, attempt: Attempt, result: Result<Reply, TransportFailure>) {
    let settled = clock::random_u64().map_err(|error| message(&error)).and_then(|entropy| {
        desk.decide(|account, sql, now| {
            account.settle(attempt, result.as_ref().map_err(|failure| *failure), sql, entropy, now)
        })
        .map_err(|error| error.to_string())
    });
    if let Err(error) = settled {
        log(&error);
    }
}

/// Leaves the alarm at the exact next instant, or as a safety net under what is still in flight.
fn rest(desk: &Desk, next: Option<UnixMillis>) -> Result<(), JsValue> {
    let net = (desk.in_flight.get() > 0).then(|| clock::now().plus(SAFETY_MS));
    match next.into_iter().chain(net).min() {
        Some(at) => set_alarm(desk, at),
        None => {
            desk.alarm.set(None);
            desk.storage.delete_alarm().map_err(thrown)
        }
    }
}

fn set_alarm(desk: &Desk, at: UnixMillis) -> Result<(), JsValue> {
    desk.storage.set_alarm(at).map_err(thrown)?;
    desk.alarm.set(Some(at));
    Ok(())
}

fn thrown(error: impl std::error::Error) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

/// The free plan gives one event 50 requests to the outside.
const STARTS_PER_RUN: usize = 40;

/// An event must end some day; the next alarm goes on at once.
const RUN_MS: u64 = 5_000;

/// A wait below this is cheaper in the running event than in a new one, which writes two rows.
const SHORT_MS: u64 = 2_000;

/// A new configuration waits for the calls under way, and rings the bell when it is in force.
const HELD_MS: u64 = 1_000;

/// When a run is lost with its process, the alarm that stands behind it. It cannot fire while the run lasts, so it only has
/// to be later than a restart takes.
const SAFETY_MS: u64 = 10_000;
