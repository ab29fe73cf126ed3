//! One mail over a TCP socket of the platform. What is said is [`sendgate_core::smtp`]'s; here are the bytes.

use crate::host::{Either, Timer, race};
use crate::socket::Connection;
use sendgate_core::outcome::TransportFailure;
use sendgate_core::smtp::{Action, QUIT, Session, Talk};
use sendgate_core::transport::{Reply, SmtpCall, SmtpReply};
use wasm_bindgen::JsValue;

/// Hands a mail to its server, within `timeout_ms` altogether: that is far below RFC 5321's own time-outs, and below the
/// guard of an object.
///
/// # Errors
/// `NotSent` when the connection was never made, or was lost before the mail was spoken of.
pub(crate) async fn send(call: &SmtpCall, timeout_ms: u64) -> Result<Reply, TransportFailure> {
    let timer = Timer::start(timeout_ms).map_err(|_| TransportFailure::NotSent)?;
    let mut session = Session::new();
    let opened = within(&timer, Connection::open(&call.server)).await;
    let mut connection = opened.map_err(|_| TransportFailure::NotSent)?;
    let reply = converse(session.talk(call), &mut connection, &timer).await;
    if session.is_open() {
        // The mail is settled: whether the farewell arrives changes nothing.
        let _ = within(&timer, connection.write(QUIT)).await;
    }
    reply.into_result()
}

/// Carries the talk's bytes to its end. What fails or takes too long is a lost connection.
async fn converse(mut talk: Talk<'_>, connection: &mut Connection, timer: &Timer) -> SmtpReply {
    loop {
        let done = match talk.advance() {
            Action::Write { bytes, within_ms: _ } => within(timer, connection.write(&bytes)).await,
            Action::Read { within_ms: _ } => match within(timer, connection.read()).await {
                Ok(bytes) => {
                    talk.received(&bytes);
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Action::StartTls => {
                let secured = within(timer, connection.start_tls()).await;
                if secured.is_ok() {
                    talk.secured();
                }
                secured
            }
            Action::Done(reply) => return reply,
        };
        if done.is_err() {
            talk.lost();
        }
    }
}

/// Waits for a step, but not beyond the time of the whole.
async fn within<T>(timer: &Timer, step: impl Future<Output = Result<T, JsValue>>) -> Result<T, JsValue> {
    match race(step, timer.end()).await {
        Either::First(result) => result,
        Either::Second(()) => Err(JsValue::from_str("timed out")),
    }
}
