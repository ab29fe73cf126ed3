//! The durable sender.
//!
//! A transport's function is called from threads of Sendgate's own, several at once. It and its data have to live until
//! `sendgate_mailroom_free` has returned, which waits for the calls under way.

use super::{
    SendgateError, SendgateStatus,
    arena::{Arena, Owned},
    free, free_owned, guarded, items, optional, read, text,
    values::{SendgateSecret, c_string},
    values_mailroom::{
        SendgateCarried, SendgateDue, SendgateMailroomOptions, SendgateNext, SendgateNextKind, SendgateReceipts,
        receipts_view,
    },
    values_provider::{SendgateHttpRequest, SendgateHttpResponse, call_view, request_view},
    written,
};
use crate::process::{self, Foreign};
use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    transport::{Call, Reply},
};
use sendgate_embed::{Mailroom, Transport};
use std::{
    collections::HashMap,
    ffi::{c_char, c_void},
    path::Path,
    time::Duration,
};

/// The outbox of an application, on a SQLite file, for several threads and several processes on one file.
pub struct SendgateMailroom(Mailroom);

/// Where a transport puts the answer.
pub struct SendgateReply(Option<HttpResponse>);

/// A due call with what settles it. C sees its beginning.
#[repr(C)]
struct DueCall {
    view: SendgateDue,
    attempt: Attempt,
    call: Call,
    _arena: Arena,
}

/// A transport of C's.
struct Callback {
    carry: unsafe extern "C" fn(*mut c_void, *const SendgateHttpRequest, u64, *mut SendgateReply) -> u32,
    data: *mut c_void,
}

// SAFETY: the header says that the function and its data are used from several threads at once.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

/// Opens the file, and creates it when there is none. What the options point to has to live through the call only, but
/// for the transport and its data, which are used until sendgate_mailroom_free has returned.
///
/// Free it with sendgate_mailroom_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_open(
    options: *const SendgateMailroomOptions,
    mailroom: *mut *mut SendgateMailroom,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (given, out) = (read("options", options)?, written("mailroom", mailroom)?);
        let path = Path::new(text("path", given.path)?);
        let account = text("account_json", given.account_json)?;
        let lease_ms = if given.lease_ms == 0 { Mailroom::LEASE_MS } else { given.lease_ms };
        let host = process::host(process::secrets(secrets(given)?), transport(given)?);
        let opened = Mailroom::open(path, account, lease_ms, host)?;
        out.set(Box::into_raw(Box::new(SendgateMailroom(opened))))
    })
}

/// Stores `count` messages, each as JSON text, for delivery, all under one request's limits, and writes what became of
/// each. The same idempotency key with the same messages gets the same receipts for 24 hours; it may be NULL.
///
/// Free the receipts with sendgate_receipts_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_submit(
    mailroom: *const SendgateMailroom,
    messages_json: *const *const c_char,
    count: usize,
    idempotency_key: *const c_char,
    receipts: *mut *mut SendgateReceipts,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, out) = (read("mailroom", mailroom)?, written("receipts", receipts)?);
        let messages = items("messages_json", messages_json, count)?.iter().map(|json| text("messages_json", *json));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        let taken = mailroom.0.submit_each(messages, optional("idempotency_key", idempotency_key)?)?;
        out.set(Owned::let_go(|arena| receipts_view(arena, &taken)))
    })
}

/// Delivers in the background until sendgate_mailroom_stop; writes false when it does so already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_run(
    mailroom: *const SendgateMailroom,
    started: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, out) = (read("mailroom", mailroom)?, written("started", started)?);
        out.set(mailroom.0.run()?)
    })
}

/// Ends the delivery in the background when the calls under way are settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_stop(
    mailroom: *const SendgateMailroom,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        read("mailroom", mailroom)?.0.stop();
        Ok(())
    })
}

/// Delivers until no message waits or is on its way, by whichever process, or for `timeout_ms`; writes whether none is
/// left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_drain(
    mailroom: *const SendgateMailroom,
    timeout_ms: u64,
    is_empty: *mut bool,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, out) = (read("mailroom", mailroom)?, written("is_empty", is_empty)?);
        out.set(mailroom.0.drain(process::clock().plus(timeout_ms))?)
    })
}

/// Writes where a message is and how it came there, as the API's GET /v1/messages/{id} tells it; NULL when there is none
/// of this id.
///
/// Free it with sendgate_string_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_trace(
    mailroom: *const SendgateMailroom,
    message_id: *const c_char,
    trace_json: *mut *mut c_char,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, out) = (read("mailroom", mailroom)?, written("trace_json", trace_json)?);
        let trace = mailroom.0.trace(text("message_id", message_id)?)?;
        out.set(trace.map_or(std::ptr::null_mut(), |json| let_go(&json)))
    })
}

/// Writes what is in use of each quota, as the API's GET /v1/usage tells it.
///
/// Free it with sendgate_string_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_usage(
    mailroom: *const SendgateMailroom,
    usage_json: *mut *mut c_char,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || written("usage_json", usage_json)?.set(let_go(&read("mailroom", mailroom)?.0.usage()?)))
}

/// Writes every limit and where it stands, as the API's GET /v1/limits tells it.
///
/// Free it with sendgate_string_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_limits(
    mailroom: *const SendgateMailroom,
    limits_json: *mut *mut c_char,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || written("limits_json", limits_json)?.set(let_go(&read("mailroom", mailroom)?.0.limits()?)))
}

/// Writes what to do now, for a host that delivers itself. A due call has to be settled, or carried, and then freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_next(
    mailroom: *const SendgateMailroom,
    next: *mut SendgateNext,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, out) = (read("mailroom", mailroom)?, written("next", next)?);
        let idle = SendgateNext { kind: SendgateNextKind::Idle, until: 0, due: std::ptr::null_mut() };
        out.set(match mailroom.0.next()? {
            Effect::Idle => idle,
            Effect::Wait { until } => SendgateNext { kind: SendgateNextKind::Wait, until: until.as_millis(), ..idle },
            Effect::Send { attempt, call, timeout_ms } => {
                SendgateNext { kind: SendgateNextKind::Send, due: due(attempt, call, timeout_ms), ..idle }
            }
        })
    })
}

/// Tells what became of a due call's request. `carried` is a SendgateCarried; `response` is the answer, and NULL when there
/// is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_settle(
    mailroom: *const SendgateMailroom,
    due: *const SendgateDue,
    carried: u32,
    response: *const SendgateHttpResponse,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, due) = (read("mailroom", mailroom)?, read("due", due.cast::<DueCall>())?);
        let result = if carried == SendgateCarried::NotSent as u32 {
            Err(TransportFailure::NotSent)
        } else if carried == SendgateCarried::Answered as u32 {
            Ok(Reply::Http(read("response", response)?.read()?))
        } else {
            Err(TransportFailure::MaybeSent)
        };
        Ok(mailroom.0.settle(due.attempt, result)?)
    })
}

/// Carries a due call with the Mailroom's own transport, and settles it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_carry(
    mailroom: *const SendgateMailroom,
    due: *const SendgateDue,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (mailroom, due) = (read("mailroom", mailroom)?, read("due", due.cast::<DueCall>())?);
        Ok(mailroom.0.carry(due.attempt, &due.call, Duration::from_millis(due.view.timeout_ms))?)
    })
}

/// Stops the delivery, waits for the calls under way, and frees the Mailroom. No other thread may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_mailroom_free(mailroom: *mut SendgateMailroom) {
    free(mailroom);
}

/// Puts an answer into a transport's reply: everything is copied. The last one counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_reply_set(
    reply: *mut SendgateReply,
    response: *const SendgateHttpResponse,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let response = read("response", response)?.read()?;
        written("reply", reply)?.replace(SendgateReply(Some(response)))
    })
}

/// Frees a due call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_due_free(due: *mut SendgateDue) {
    free(due.cast::<DueCall>());
}

/// Frees receipts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_receipts_free(receipts: *mut SendgateReceipts) {
    free_owned(receipts);
}

fn due(attempt: Attempt, call: Call, timeout_ms: u64) -> *mut SendgateDue {
    let mut arena = Arena::default();
    let shown = call_view(&mut arena, call.clone());
    let view = SendgateDue {
        call: arena.list(vec![shown]),
        message_id: arena.text(&attempt.message.to_string()),
        timeout_ms,
        attempt: attempt.number,
    };
    Box::into_raw(Box::new(DueCall { view, attempt, call, _arena: arena })).cast()
}

impl Callback {
    fn ask(&self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, TransportFailure> {
        let mut arena = Arena::default();
        let shown = request_view(&mut arena, request.clone());
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let mut reply = SendgateReply(None);
        // SAFETY: the function is one of this type, and what it is given lives through the call.
        let carried = unsafe { (self.carry)(self.data, &raw const shown, timeout_ms, &raw mut reply) };
        if carried == SendgateCarried::NotSent as u32 {
            return Err(TransportFailure::NotSent);
        }
        // An answer that was not given, or a number that means nothing: the request may have left.
        reply.0.filter(|_| carried == SendgateCarried::Answered as u32).ok_or(TransportFailure::MaybeSent)
    }
}

fn transport(given: &SendgateMailroomOptions) -> Result<Box<dyn Transport>, Box<SendgateError>> {
    let carrier = process::carrier().map_err(sendgate_embed::MailroomError::from)?;
    let Some(carry) = given.transport else { return Ok(Box::new(carrier)) };
    let callback = Callback { carry, data: given.transport_data };
    Ok(Box::new(Foreign { carry: move |request: &HttpRequest, timeout| callback.ask(request, timeout), carrier }))
}

/// None stands for the environment.
fn secrets(given: &SendgateMailroomOptions) -> Result<Option<HashMap<String, String>>, Box<SendgateError>> {
    if given.secrets.is_null() {
        return Ok(None);
    }
    let of = |secret: &SendgateSecret| {
        Ok((text("a secret's name", secret.name)?.to_owned(), text("a secret's value", secret.value)?.to_owned()))
    };
    items("secrets", given.secrets, given.secret_count)?.iter().map(of).collect::<Result<_, _>>().map(Some)
}

/// JSON is UTF-8 without a zero byte in it.
fn let_go(json: &[u8]) -> *mut c_char {
    c_string(&String::from_utf8_lossy(json)).into_raw()
}
