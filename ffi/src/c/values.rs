//! The C header's plain values, and how the core's become them.

use super::{arena::Arena, items, values_mailroom::faults_view};
use sendgate_core::{
    address::AddressError,
    backoff::{Jitter, Retry},
    calendar::CalendarUnit,
    config::AccountStatus,
    gate::{Binding, Reason, Scope, Unit, Verdict},
    ledger::{self, QuotaUsage, Refusal, Reservation},
    limiter::{Decision, LimiterError, StateError, Usage},
    time::UnixMillis,
    vectors::VectorError,
};
use sendgate_embed::{Failure, FailureKind, HeldStanding, MailroomError};
use std::{
    ffi::{CString, c_char},
    fmt, ptr,
};

/// What a call came to. A number never changes its meaning and is never given to another.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateStatus {
    /// It was done.
    Ok = 0,
    /// A pointer that must not be NULL is NULL.
    NullPointer = 1,
    /// A string is not UTF-8.
    NotUtf8 = 2,
    /// A bug in Sendgate was caught at the boundary. Nothing is known about the limiter it happened in: free it.
    Panicked = 3,
    /// A limiter's policy is malformed.
    InvalidPolicy = 4,
    /// A state's bytes are malformed or of another policy.
    InvalidState = 5,
    /// An address is malformed.
    InvalidAddress = 6,
    /// A number stands for no value of its enum.
    UnknownVariant = 7,
    /// The buffer is too small; the size it needs was written.
    BufferTooSmall = 8,
    /// Sendgate's own tests only: a test vector is malformed.
    InvalidVector = 9,
    /// An argument is none of what it can be.
    InvalidArgument = 10,
    /// A configuration is wrong, or names a secret that is not there.
    InvalidConfig = 11,
    /// A message cannot be read: the error's data has every fault.
    InvalidMessage = 12,
    /// The provider lacks what the message needs: the error's data says what.
    UnsupportedFeature = 13,
    /// No request can be built.
    CannotBuild = 14,
    /// A report is not to be believed.
    WebhookRefused = 15,
    /// A window admits no more for now: the error's data says until when.
    RateLimited = 16,
    /// A quota is used up: the error's data says until when.
    QuotaExceeded = 17,
    /// The idempotency key was used for other messages.
    IdempotencyConflict = 18,
    /// The file cannot be used now, and nothing was accepted.
    StoreFailed = 19,
    /// Another refusal of the account's.
    Refused = 20,
}

/// Bytes: a key, a body, a saved state. `data` may be NULL when `length` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateBytes {
    /// The first one.
    pub data: *const u8,
    /// How many.
    pub length: usize,
}

/// A secret by its name.
#[repr(C)]
pub struct SendgateSecret {
    /// What the configuration calls it.
    pub name: *const c_char,
    /// What it is.
    pub value: *const c_char,
}

/// Which of the three answers a decision is.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateDecisionKind {
    /// It may leave now, and has been charged.
    Allow = 0,
    /// It may leave later, at `retry_at`.
    Defer = 1,
    /// It may never leave: its cost is more than a window ever admits.
    Reject = 2,
}

/// A limiter's answer.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateDecision {
    /// Which answer it is.
    pub kind: SendgateDecisionKind,
    /// Defer and reject: the window that says so, counted from 0. Else 0.
    pub window: u32,
    /// Allow: the instant the units count from; a refund names it. Else 0.
    pub charged_at: u64,
    /// Defer: the first instant at which the same question is allowed, when nothing else happens. Else 0.
    pub retry_at: u64,
}

/// What one window holds.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateUsage {
    /// Units it ever admits at once.
    pub limit: u32,
    /// Units in use.
    pub used: u32,
    /// Units that may leave now.
    pub remaining: u32,
    /// The first instant at which `remaining` grows, or now.
    pub next_at: u64,
    /// The first instant at which all of `limit` remains, or now.
    pub full_at: u64,
}

/// How retries are spread.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateJitter {
    /// Uniform over the whole exponential part.
    Full = 0,
    /// Not at all.
    None = 1,
}

/// A retry policy. sendgate_backoff_default gives the usual one.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateBackoff {
    /// The least wait, in milliseconds.
    pub base_ms: u64,
    /// The longest wait, in milliseconds.
    pub cap_ms: u64,
    /// How many attempts may fail in all.
    pub max_attempts: u32,
    /// A SendgateJitter.
    pub jitter: u32,
}

/// What to do after a failed attempt.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateRetryKind {
    /// Try again at `retry_at`.
    At = 0,
    /// Give up.
    Exhausted = 1,
}

/// A backoff's answer.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateRetry {
    /// Which answer it is.
    pub kind: SendgateRetryKind,
    /// Exhausted: how many attempts failed. Else 0.
    pub attempts: u32,
    /// At: when to try again. Else 0.
    pub retry_at: u64,
}

/// Whether an account may send.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateAccountStatus {
    /// It may.
    Active = 0,
    /// It may not for now.
    Suspended = 1,
    /// It may not any more.
    Closed = 2,
}

/// Which of the answers a gate's verdict is.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateVerdictKind {
    /// It may go, and has been charged.
    Allow = 0,
    /// It may go later, at `retry_at`.
    Defer = 1,
    /// Units on their way fill a window: ask again when one of them is answered.
    Occupied = 2,
    /// It costs more than a window ever admits.
    NeverFits = 3,
    /// The account may not send for now.
    Suspended = 4,
    /// The account may not send any more.
    Closed = 5,
}

/// A gate's answer.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateVerdict {
    /// Which answer it is.
    pub kind: SendgateVerdictKind,
    /// Defer, occupied, never fits: the dimension that says so, counted from 0. Else 0.
    pub dimension: u32,
    /// The window of it, counted from 0. Else 0.
    pub window: u32,
    /// Defer: the first instant at which the same question is allowed, when nothing else happens. Else 0.
    pub retry_at: u64,
}

/// What a dimension of a gate limits.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateScope {
    /// One API key.
    Key = 0,
    /// All keys of an account together: its plan.
    Plan = 1,
    /// All messages of an account.
    Account = 2,
    /// One provider account.
    Provider = 3,
    /// The receivers behind a group of recipient domains.
    DomainGroup = 4,
    /// One class of messages.
    Class = 5,
}

/// What a dimension of a gate counts.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateUnit {
    /// Calls.
    Requests = 0,
    /// Messages, whoever they are for.
    Messages = 1,
    /// Recipients.
    Recipients = 2,
}

/// Where one window of one dimension of a gate stands.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateStanding {
    /// What the dimension limits.
    pub scope: SendgateScope,
    /// What it counts.
    pub unit: SendgateUnit,
    /// Which one of its scope.
    pub name: *const c_char,
    /// The window's name.
    pub window: *const c_char,
    /// The most units it admits.
    pub limit: u32,
    /// Units in use, those on their way among them.
    pub used: u32,
    /// Units still free.
    pub remaining: u32,
    /// How many more of the question asked about fit.
    pub slack: u32,
    /// The first instant at which more is free.
    pub next_at: u64,
    /// The first instant at which all is free.
    pub full_at: u64,
    /// Whether it is the one that decides.
    pub is_binding: bool,
}

/// Where all windows of a gate stand. Its pointers live as long as it.
#[repr(C)]
pub struct SendgateStandings {
    /// One for each window, dimension by dimension.
    pub standings: *const SendgateStanding,
    /// How many.
    pub count: usize,
}

/// What a ledger's quota is counted over.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgatePeriod {
    /// A day of the time zone.
    Day = 0,
    /// A month of it.
    Month = 1,
    /// A year of it.
    Year = 2,
}

/// What a ledger says to units.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateReservedKind {
    /// They are reserved.
    Reserved = 0,
    /// Too few are free in a period.
    Full = 1,
    /// As many are over in a period as the policy allows, or these would be more.
    OverdeliveryUsed = 2,
    /// They are more than any period ever admits.
    TooLarge = 3,
}

/// A ledger's answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateReserved {
    /// Which answer it is.
    pub kind: SendgateReservedKind,
    /// Reserved: what the reservation prints, to be stored with the message. Else empty.
    pub reservation: [c_char; 48],
    /// Else: the word for why not, such as "quota_daily". It lives as long as the library.
    pub code: *const c_char,
    /// Else: the period of the quota that stands longest in the way.
    pub period: SendgatePeriod,
    /// Else: units that are free in it.
    pub free: u64,
    /// Else: whether waiting helps.
    pub has_retry_at: bool,
    /// The first instant at which the same units fit, when nothing else happens.
    pub retry_at: u64,
}

/// How one quota of a ledger stands.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendgateQuotaUsage {
    /// What it is counted over.
    pub period: SendgatePeriod,
    /// Its limit.
    pub limit: u64,
    /// Units accepted and not yet handed over.
    pub reserved: u64,
    /// Units handed over.
    pub committed: u64,
    /// Units accepted and given back.
    pub released: u64,
    /// Units that may still be reserved without being over.
    pub free: u64,
    /// Units in use beyond the limit.
    pub over: u64,
    /// The start of the current period.
    pub starts_at: u64,
    /// The end of the current period.
    pub resets_at: u64,
}

/// One fault of one field of a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateFieldFault {
    /// The path of the field, such as "attachments[3].content".
    pub field: *const c_char,
    /// The stable word for the fault.
    pub code: *const c_char,
    /// A sentence for people, with the bound.
    pub detail: *const c_char,
}

/// What an error knows beside its word: what its kind has not is NULL, false or 0.
#[repr(C)]
pub struct SendgateErrorData {
    /// The error's number: the status that the call returned.
    pub status: SendgateStatus,
    /// Rate limited, quota exceeded: whether waiting helps.
    pub has_retry_at: bool,
    /// The first instant at which the same submission will do.
    pub retry_at: u64,
    /// Rate limited: the window that is full.
    pub window: *const c_char,
    /// Quota exceeded: "day", "month" or "year".
    pub period: *const c_char,
    /// Unsupported feature: what.
    pub feature: *const c_char,
    /// Unsupported feature: who lacks it.
    pub provider: *const c_char,
    /// Invalid message: every fault.
    pub faults: *const SendgateFieldFault,
    /// How many.
    pub fault_count: usize,
}

/// Why a call failed. Read it with sendgate_error_code, sendgate_error_text and sendgate_error_data.
pub struct SendgateError {
    pub(crate) status: SendgateStatus,
    pub(crate) code: CString,
    pub(crate) text: CString,
    pub(crate) data: SendgateErrorData,
    _arena: Arena,
}

impl SendgateError {
    pub(crate) fn new(status: SendgateStatus, code: &str, text: &dyn fmt::Display) -> Box<Self> {
        let data = SendgateErrorData::of(status);
        let (code, text) = (c_string(code), c_string(&text.to_string()));
        Box::new(Self { status, code, text, data, _arena: Arena::default() })
    }
}

impl SendgateErrorData {
    const fn of(status: SendgateStatus) -> Self {
        Self {
            status,
            has_retry_at: false,
            retry_at: 0,
            window: ptr::null(),
            period: ptr::null(),
            feature: ptr::null(),
            provider: ptr::null(),
            faults: ptr::null(),
            fault_count: 0,
        }
    }

    fn until(self, retry_at: Option<UnixMillis>) -> Self {
        Self { has_retry_at: retry_at.is_some(), retry_at: retry_at.map_or(0, UnixMillis::as_millis), ..self }
    }
}

impl SendgateBytes {
    /// The bytes, which live through the call.
    pub(crate) fn read<'a>(&self, name: &str) -> Result<&'a [u8], Box<SendgateError>> {
        items(name, self.data, self.length)
    }
}

/// Text for C: it ends at its first zero byte, as every C string does.
pub(crate) fn c_string(text: &str) -> CString {
    let until_zero: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(until_zero).unwrap_or_default()
}

impl From<Failure> for Box<SendgateError> {
    fn from(failure: Failure) -> Self {
        let Failure { kind, code, detail } = failure;
        let status = SendgateStatus::from(&kind);
        let (mut arena, none) = (Arena::default(), SendgateErrorData::of(status));
        let data = match kind {
            FailureKind::InvalidMessage { faults } => {
                SendgateErrorData { faults: faults_view(&mut arena, &faults), fault_count: faults.len(), ..none }
            }
            FailureKind::UnsupportedFeature { feature, provider } => {
                SendgateErrorData { feature: arena.text(feature), provider: arena.text(provider), ..none }
            }
            FailureKind::RateLimited { retry_at, window } => {
                SendgateErrorData { window: arena.perhaps(window.as_deref()), ..none.until(retry_at) }
            }
            FailureKind::QuotaExceeded { retry_at, period } => {
                SendgateErrorData { period: arena.perhaps(period), ..none.until(retry_at) }
            }
            FailureKind::InvalidArgument
            | FailureKind::InvalidPolicy
            | FailureKind::InvalidState
            | FailureKind::InvalidAddress
            | FailureKind::InvalidConfig
            | FailureKind::CannotBuild
            | FailureKind::WebhookRefused
            | FailureKind::IdempotencyConflict
            | FailureKind::StoreFailed
            | FailureKind::Refused => none,
        };
        Self::new(SendgateError { status, code: c_string(&code), text: c_string(&detail), data, _arena: arena })
    }
}

impl From<&FailureKind> for SendgateStatus {
    fn from(kind: &FailureKind) -> Self {
        match kind {
            FailureKind::InvalidArgument => Self::InvalidArgument,
            FailureKind::InvalidPolicy => Self::InvalidPolicy,
            FailureKind::InvalidState => Self::InvalidState,
            FailureKind::InvalidAddress => Self::InvalidAddress,
            FailureKind::InvalidConfig => Self::InvalidConfig,
            FailureKind::InvalidMessage { .. } => Self::InvalidMessage,
            FailureKind::UnsupportedFeature { .. } => Self::UnsupportedFeature,
            FailureKind::CannotBuild => Self::CannotBuild,
            FailureKind::WebhookRefused => Self::WebhookRefused,
            FailureKind::RateLimited { .. } => Self::RateLimited,
            FailureKind::QuotaExceeded { .. } => Self::QuotaExceeded,
            FailureKind::IdempotencyConflict => Self::IdempotencyConflict,
            FailureKind::StoreFailed => Self::StoreFailed,
            FailureKind::Refused => Self::Refused,
        }
    }
}

impl From<LimiterError> for Box<SendgateError> {
    fn from(error: LimiterError) -> Self {
        Failure::from(error).into()
    }
}

impl From<StateError> for Box<SendgateError> {
    fn from(error: StateError) -> Self {
        Failure::from(error).into()
    }
}

impl From<AddressError> for Box<SendgateError> {
    fn from(error: AddressError) -> Self {
        Failure::from(error).into()
    }
}

impl From<MailroomError> for Box<SendgateError> {
    fn from(error: MailroomError) -> Self {
        Failure::from(error).into()
    }
}

impl From<VectorError> for Box<SendgateError> {
    fn from(error: VectorError) -> Self {
        SendgateError::new(SendgateStatus::InvalidVector, error.code(), &error)
    }
}

impl From<Decision> for SendgateDecision {
    fn from(decision: Decision) -> Self {
        let none = Self { kind: SendgateDecisionKind::Allow, window: 0, charged_at: 0, retry_at: 0 };
        match decision {
            Decision::Allow { charged_at } => Self { charged_at: charged_at.as_millis(), ..none },
            Decision::Defer { retry_at, window } => Self {
                kind: SendgateDecisionKind::Defer,
                window: index(window),
                retry_at: retry_at.as_millis(),
                ..none
            },
            Decision::Reject { window } => Self { kind: SendgateDecisionKind::Reject, window: index(window), ..none },
        }
    }
}

impl From<Verdict> for SendgateVerdict {
    fn from(verdict: Verdict) -> Self {
        let of = |kind| Self { kind, dimension: 0, window: 0, retry_at: 0 };
        let bound = |kind, Binding { dimension, window }: Binding| Self {
            dimension: index(dimension),
            window: index(window),
            ..of(kind)
        };
        match verdict {
            Verdict::Allow => of(SendgateVerdictKind::Allow),
            Verdict::Defer { retry_at, binding } => {
                Self { retry_at: retry_at.as_millis(), ..bound(SendgateVerdictKind::Defer, binding) }
            }
            Verdict::Occupied { binding } => bound(SendgateVerdictKind::Occupied, binding),
            Verdict::Reject(Reason::NeverFits(binding)) => bound(SendgateVerdictKind::NeverFits, binding),
            Verdict::Reject(Reason::Suspended) => of(SendgateVerdictKind::Suspended),
            Verdict::Reject(Reason::Closed) => of(SendgateVerdictKind::Closed),
        }
    }
}

impl From<Scope> for SendgateScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Key => Self::Key,
            Scope::Plan => Self::Plan,
            Scope::Account => Self::Account,
            Scope::Provider => Self::Provider,
            Scope::DomainGroup => Self::DomainGroup,
            Scope::Class => Self::Class,
        }
    }
}

impl From<Unit> for SendgateUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Requests => Self::Requests,
            Unit::Messages => Self::Messages,
            Unit::Recipients => Self::Recipients,
        }
    }
}

impl SendgateStandings {
    pub(crate) fn view(arena: &mut Arena, standings: Vec<HeldStanding>) -> Self {
        let each =
            standings.into_iter().map(|standing| {
                let HeldStanding {
                    scope,
                    name,
                    unit,
                    window,
                    limit,
                    used,
                    remaining,
                    slack,
                    next_at,
                    full_at,
                    is_binding,
                } = standing;
                SendgateStanding {
                    scope: scope.into(),
                    unit: unit.into(),
                    name: arena.text(&name),
                    window: arena.text(&window),
                    limit,
                    used,
                    remaining,
                    slack,
                    next_at: next_at.as_millis(),
                    full_at: full_at.as_millis(),
                    is_binding,
                }
            });
        let all: Vec<_> = each.collect();
        Self { count: all.len(), standings: arena.list(all) }
    }
}

impl From<CalendarUnit> for SendgatePeriod {
    fn from(period: CalendarUnit) -> Self {
        match period {
            CalendarUnit::Day => Self::Day,
            CalendarUnit::Month => Self::Month,
            CalendarUnit::Year => Self::Year,
        }
    }
}

impl From<Result<Reservation, Refusal>> for SendgateReserved {
    fn from(answer: Result<Reservation, Refusal>) -> Self {
        let none = Self {
            kind: SendgateReservedKind::Reserved,
            reservation: [0; 48],
            code: ptr::null(),
            period: SendgatePeriod::Day,
            free: 0,
            has_retry_at: false,
            retry_at: 0,
        };
        match answer {
            // Two numbers of 20 digits, two colons and three letters leave room for the zero byte.
            Ok(reservation) => {
                let mut text = none.reservation;
                let bytes = reservation.to_string();
                text.iter_mut().zip(bytes.bytes()).for_each(|(place, byte)| *place = byte.cast_signed() as c_char);
                Self { reservation: text, ..none }
            }
            Err(refusal) => {
                let Refusal { period, reason, free, retry_at } = refusal;
                let kind = match reason {
                    ledger::Reason::Full => SendgateReservedKind::Full,
                    ledger::Reason::OverdeliveryUsed => SendgateReservedKind::OverdeliveryUsed,
                    ledger::Reason::TooLarge => SendgateReservedKind::TooLarge,
                };
                let (has_retry_at, retry_at) = (retry_at.is_some(), retry_at.map_or(0, UnixMillis::as_millis));
                Self { kind, code: word(&refusal), period: period.into(), free, has_retry_at, retry_at, ..none }
            }
        }
    }
}

/// The word of a refusal, with the zero byte that the core's own has not.
fn word(refusal: &Refusal) -> *const c_char {
    let words = [c"quota_daily", c"quota_monthly", c"quota_yearly", c"overquota"];
    let found = words.into_iter().find(|word| word.to_bytes() == refusal.code().as_bytes());
    found.map_or(ptr::null(), std::ffi::CStr::as_ptr)
}

impl From<&QuotaUsage> for SendgateQuotaUsage {
    fn from(usage: &QuotaUsage) -> Self {
        let QuotaUsage { period, limit, reserved, committed, released, free, over, starts_at, resets_at } = *usage;
        let (starts_at, resets_at) = (starts_at.as_millis(), resets_at.as_millis());
        Self { period: period.into(), limit, reserved, committed, released, free, over, starts_at, resets_at }
    }
}

impl From<AccountStatus> for SendgateAccountStatus {
    fn from(status: AccountStatus) -> Self {
        match status {
            AccountStatus::Active => Self::Active,
            AccountStatus::Suspended => Self::Suspended,
            AccountStatus::Closed => Self::Closed,
        }
    }
}

impl From<&Usage> for SendgateUsage {
    fn from(usage: &Usage) -> Self {
        let Usage { limit, used, remaining, next_at, full_at } = *usage;
        Self { limit, used, remaining, next_at: next_at.as_millis(), full_at: full_at.as_millis() }
    }
}

impl From<Retry> for SendgateRetry {
    fn from(retry: Retry) -> Self {
        match retry {
            Retry::At(at) => Self { kind: SendgateRetryKind::At, attempts: 0, retry_at: at.as_millis() },
            Retry::Exhausted { attempts } => Self { kind: SendgateRetryKind::Exhausted, attempts, retry_at: 0 },
        }
    }
}

impl From<Jitter> for SendgateJitter {
    fn from(jitter: Jitter) -> Self {
        match jitter {
            Jitter::Full => Self::Full,
            Jitter::None => Self::None,
        }
    }
}

/// A policy has 8 windows at most.
pub(crate) fn index(window: usize) -> u32 {
    u32::try_from(window).unwrap_or(u32::MAX)
}
