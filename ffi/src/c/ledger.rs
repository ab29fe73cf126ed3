//! A ledger.

use super::{
    SendgateError, SendgateStatus, fill, free, guarded, read, text,
    values::{SendgateBytes, SendgateQuotaUsage, SendgateReserved},
    written,
};
use sendgate_core::time::UnixMillis;
use sendgate_embed::HeldLedger;
use std::ffi::c_char;

/// The quotas of one account, and what is in use of them.
pub struct SendgateLedger(HeldLedger);

/// Makes a ledger of a policy in which nothing is in use: {"quotas":[{"period":"day","limit":100}],
/// "time_zone":"Europe/Rome","overdelivery":"block"}. A period is "day", "month" or "year". The time zone is UTC when it is
/// left out; overdelivery is "block", which is the usual one, "allow_and_count" or {"allow_up_to":units}.
///
/// Free it with sendgate_ledger_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_new(
    policy_json: *const c_char,
    ledger: *mut *mut SendgateLedger,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let out = written("ledger", ledger)?;
        let made = HeldLedger::from_json(text("policy_json", policy_json)?)?;
        out.set(Box::into_raw(Box::new(SendgateLedger(made))))
    })
}

/// Takes `units` from every quota, or from none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_reserve(
    ledger: *const SendgateLedger,
    units: u64,
    now: u64,
    reserved: *mut SendgateReserved,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (ledger, out) = (read("ledger", ledger)?, written("reserved", reserved)?);
        out.set(ledger.0.reserve(units, UnixMillis::new(now)).into())
    })
}

/// Turns reserved units into committed ones: they have been handed over. `reservation` is what sendgate_ledger_reserve
/// wrote; at most its own units are meant, so that UINT64_MAX is all of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_commit(
    ledger: *const SendgateLedger,
    reservation: *const c_char,
    units: u64,
    now: u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let ledger = read("ledger", ledger)?;
        Ok(ledger.0.commit(text("reservation", reservation)?, units, UnixMillis::new(now))?)
    })
}

/// Gives reserved units back: they will not be handed over. As sendgate_ledger_commit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_release(
    ledger: *const SendgateLedger,
    reservation: *const c_char,
    units: u64,
    now: u64,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let ledger = read("ledger", ledger)?;
        Ok(ledger.0.release(text("reservation", reservation)?, units, UnixMillis::new(now))?)
    })
}

/// Writes how each quota stands in the period that holds `now`, and how many there are: 3 at most.
///
/// With less `capacity` than quotas it writes only `count`, and the status is SENDGATE_STATUS_BUFFER_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_usage(
    ledger: *const SendgateLedger,
    now: u64,
    usage: *mut SendgateQuotaUsage,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let quotas = read("ledger", ledger)?.0.usage(UnixMillis::new(now));
        let quotas: Vec<_> = quotas.iter().map(SendgateQuotaUsage::from).collect();
        fill(&quotas, usage, capacity, written("count", count)?)
    })
}

/// Writes the ledger's bytes, as sendgate_limiter_state does. Its policy is not in them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_state(
    ledger: *const SendgateLedger,
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || fill(&read("ledger", ledger)?.0.state(), bytes, capacity, written("length", length)?))
}

/// Goes on from a stored ledger, which may have been kept under another policy: nothing is freed by that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_load(
    ledger: *const SendgateLedger,
    state: SendgateBytes,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || Ok(read("ledger", ledger)?.0.load(state.read("state")?)?))
}

/// Frees a ledger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_ledger_free(ledger: *mut SendgateLedger) {
    free(ledger);
}
