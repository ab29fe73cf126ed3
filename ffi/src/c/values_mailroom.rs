//! The C header's structs of the Mailroom.

use super::{
    arena::Arena,
    mailroom::SendgateReply,
    values::{SendgateFieldFault, SendgateSecret},
    values_provider::{SendgateCall, SendgateHttpRequest},
};
use sendgate_embed::{FieldFault, Receipt};
use std::ffi::{c_char, c_void};

/// What became of a request that a transport was to carry.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateCarried {
    /// It was answered.
    Answered = 0,
    /// The provider surely has not got it.
    NotSent = 1,
    /// It may have left.
    MaybeSent = 2,
}

/// Carries an HTTP request out within `timeout_ms` altogether, puts the answer into `reply` with sendgate_reply_set and
/// returns a SendgateCarried. It is called from threads of Sendgate's own, several at once; what it is given lives through
/// the call. It must not throw, or jump out, and must not call sendgate_mailroom_stop, _drain or _free. Any other number,
/// and an answer that was not put there, means that the request may have left. Mails to mail servers are carried by
/// Sendgate itself.
pub type SendgateTransport = Option<
    unsafe extern "C" fn(
        transport_data: *mut c_void,
        request: *const SendgateHttpRequest,
        timeout_ms: u64,
        reply: *mut SendgateReply,
    ) -> u32,
>;

/// How a Mailroom is opened. Begin with zeros.
#[repr(C)]
pub struct SendgateMailroomOptions {
    /// The file.
    pub path: *const c_char,
    /// One account's configuration, in which only `providers` has to be there.
    pub account_json: *const c_char,
    /// Values of the names that the configuration calls `credential`; NULL for environment variables.
    pub secrets: *const SendgateSecret,
    /// How many.
    pub secret_count: usize,
    /// How long a process that delivers is waited for after its last sign of life; 0 for the usual time.
    pub lease_ms: u64,
    /// Carries HTTP requests; NULL for Sendgate's own client.
    pub transport: SendgateTransport,
    /// Given to it as it is.
    pub transport_data: *mut c_void,
}

/// What became of one submitted message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateReceipt {
    /// Its id; NULL when it was refused.
    pub message_id: *const c_char,
    /// "queued", "suppressed" or "refused".
    pub status: *const c_char,
    /// The stable word for why it was refused, or NULL.
    pub code: *const c_char,
    /// What is wrong with it, field by field.
    pub faults: *const SendgateFieldFault,
    /// How many.
    pub fault_count: usize,
    /// Words for what is not wrong but worth knowing.
    pub warnings: *const *const c_char,
    /// How many.
    pub warning_count: usize,
}

/// What became of submitted messages, in their order. Its pointers live as long as it.
#[repr(C)]
pub struct SendgateReceipts {
    /// One for each message.
    pub receipts: *const SendgateReceipt,
    /// How many.
    pub count: usize,
}

/// What to do now.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateNextKind {
    /// Nothing, before something is submitted or settled.
    Idle = 0,
    /// Ask again at `until`, or when something was submitted or settled.
    Wait = 1,
    /// Carry out `due`.
    Send = 2,
}

/// A call to carry out. Its pointers live as long as it; free it with sendgate_due_free.
#[repr(C)]
pub struct SendgateDue {
    /// What to carry out.
    pub call: *const SendgateCall,
    /// The message, or the first one of several.
    pub message_id: *const c_char,
    /// Give up after so many milliseconds.
    pub timeout_ms: u64,
    /// 1 for its first attempt.
    pub attempt: u32,
}

/// What to do now, for a host that delivers itself.
#[repr(C)]
pub struct SendgateNext {
    /// What to do.
    pub kind: SendgateNextKind,
    /// Wait: until when. Else 0.
    pub until: u64,
    /// Send: the call. Else NULL.
    pub due: *mut SendgateDue,
}

pub(crate) fn receipts_view(arena: &mut Arena, receipts: &[Receipt]) -> SendgateReceipts {
    let each: Vec<_> = receipts.iter().map(|receipt| receipt_view(arena, receipt)).collect();
    SendgateReceipts { count: each.len(), receipts: arena.list(each) }
}

fn receipt_view(arena: &mut Arena, receipt: &Receipt) -> SendgateReceipt {
    let Receipt { message_id, status, warnings, error } = receipt;
    let faults = error.as_ref().map_or(&[][..], |error| error.errors.as_slice());
    SendgateReceipt {
        message_id: arena.perhaps(message_id.as_deref()),
        status: arena.text(status),
        code: arena.perhaps(error.as_ref().map(|error| error.code.as_str())),
        faults: faults_view(arena, faults),
        fault_count: faults.len(),
        warnings: arena.texts(warnings.iter().map(String::as_str)),
        warning_count: warnings.len(),
    }
}

pub(crate) fn faults_view(arena: &mut Arena, faults: &[FieldFault]) -> *const SendgateFieldFault {
    let each: Vec<_> = faults
        .iter()
        .map(|FieldFault { field, code, detail }| SendgateFieldFault {
            field: arena.text(field),
            code: arena.text(code),
            detail: arena.text(detail),
        })
        .collect();
    arena.list(each)
}
