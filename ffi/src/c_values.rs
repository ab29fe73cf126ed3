//! The C header's plain values, and how the core's become them.

use sendgate_core::{
    address::AddressError,
    backoff::{Jitter, Retry},
    limiter::{Decision, LimiterError, StateError, Usage},
    vectors::VectorError,
};
use std::{ffi::CString, fmt};

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

/// Why a call failed. Read it with sendgate_error_code and sendgate_error_text.
pub struct SendgateError {
    pub(crate) status: SendgateStatus,
    pub(crate) code: CString,
    pub(crate) text: CString,
}

impl SendgateError {
    pub(crate) fn new(status: SendgateStatus, code: &str, text: &dyn fmt::Display) -> Self {
        Self { status, code: c_string(code), text: c_string(&text.to_string()) }
    }
}

/// Text for C: it ends at its first zero byte, as every C string does.
pub(crate) fn c_string(text: &str) -> CString {
    let until_zero: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(until_zero).unwrap_or_default()
}

impl From<LimiterError> for SendgateError {
    fn from(error: LimiterError) -> Self {
        Self::new(SendgateStatus::InvalidPolicy, error.code(), &error)
    }
}

impl From<StateError> for SendgateError {
    fn from(error: StateError) -> Self {
        Self::new(SendgateStatus::InvalidState, error.code(), &error)
    }
}

impl From<AddressError> for SendgateError {
    fn from(error: AddressError) -> Self {
        Self::new(SendgateStatus::InvalidAddress, error.code(), &error)
    }
}

impl From<VectorError> for SendgateError {
    fn from(error: VectorError) -> Self {
        Self::new(SendgateStatus::InvalidVector, error.code(), &error)
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

impl From<&Usage> for SendgateUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            limit: usage.limit,
            used: usage.used,
            remaining: usage.remaining,
            next_at: usage.next_at.as_millis(),
            full_at: usage.full_at.as_millis(),
        }
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
