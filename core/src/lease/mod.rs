//! Leases of a shared limit: one owner, many holders, and never more than the limit in total.
//!
//! One object owns a [`crate::limiter::Limiter`] and its state: the [`Lessor`]. Asking it for every unit would cost a
//! round trip each, so a [`Holder`] elsewhere asks for some units at a time and spends them by itself. Nobody trusts
//! anybody's clock, and any message may be lost, late, repeated or overtaken.
//!
//! ```text
//! holder                               owner
//!   ask(nonce, units, returns) ------>   settle each return, answer with a grant or a denial,
//!                                        *store the bytes*, only then let the answer leave
//!   receive(nonce, answer)     <------   (id, units, time to live) or (reason, wait)
//!   take, take, take ...
//!   the next ask carries (id, used)
//! ```
//!
//! **Why the limit holds.** A granted unit is *outstanding*: it counts in every window from its grant until it is
//! settled. A return settles it at its arrival: what was used is charged then, what was not is free at once. Without a
//! return the lease settles when it expires, and all of it is charged at that instant. A unit is used after its ask
//! left, so after it began to count if it was granted, and before it is settled:
//! 1. before its return left, because a holder returns a lease only when it stops using it;
//! 2. before it expires on the owner's clock, because the holder counts the time to live from the departure of its own
//!    ask, which is before the grant, and shortens it by its [`Allowance`].
//!
//! So it counts from before its use until a whole period after it, in every window, which is what the limiter needs.
//! Loss, crashes and clocks set back can only waste units: they count for longer than they had to.
//!
//! **Drift.** Two clocks that are each wrong by at most `r` parts per million disagree about a time to live by less
//! than `2 * r * ttl`: `(1 - r) / (1 + r) >= 1 - 2 * r`. An offset means nothing, only durations are sent. A holder may
//! count on any clock of its own, best a monotonic one. Periods are the owner's: a clock that runs fast by `r` measures
//! them short by `r`, here as in every limiter, and where that matters the windows are made longer by as much.
//!
//! **What it costs.** A unit counts up to a time to live longer than if it had been charged when it left. At a period
//! of eight times to live that is an eighth in the worst case, so the time to live is cut to an eighth of the shortest
//! period; see [`Terms`].
//!
//! Out of scope: windows shorter than four seconds, for which a lease would be over before it arrives (give each
//! holder a fixed part of such a limit), paces, which are about instants and not about counts, and an owner's clock
//! that is set *forward*, which no single clock can tell from time that passed.

mod bytes;
mod holder;
mod lessor;
mod terms;

pub use bytes::LeaseBytesError;
pub use holder::{Allowance, Ask, Holder, Received};
pub use lessor::Lessor;
pub use terms::{Terms, TermsError};

use crate::time::UnixMillis;

/// What the owner answers to an ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// These units are the holder's for a while.
    Granted(Grant),
    /// None, and not before a while.
    Denied(Denial),
}

/// Units that one holder may use without asking again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// By which the lease is given back.
    pub id: u64,
    /// How many, at least 1 and at most as many as were asked for.
    pub units: u32,
    /// For how long, in milliseconds on the owner's clock, from the grant on.
    pub ttl_ms: u64,
    /// The instant of the owner's clock at which everything settles as used. For the owner's eyes: a holder counts
    /// `ttl_ms` from its own ask.
    pub expires_at: UnixMillis,
}

/// No units now. A denial is worth remembering: asking before its time brings nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Denial {
    /// Why.
    pub reason: DenialReason,
    /// The first instant on the owner's clock at which another ask can succeed, unless something is given back before.
    pub retry_at: UnixMillis,
    /// Milliseconds until then, for a holder with another clock. At least 1.
    pub wait_ms: u64,
}

/// Why there are no units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DenialReason {
    /// A window is full, what is outstanding included. The denial ends when units drain, or when the first lease
    /// expires: by then its holder has given back what it did not use, or nobody ever will.
    Full,
    /// As many leases are outstanding as the terms allow.
    TooManyLeases,
    /// A calendar period ends too soon for a lease in it. The denial ends with the period.
    PeriodEnds,
}

impl DenialReason {
    /// The stable word for it: `full`, `too_many_leases` or `period_ends`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooManyLeases => "too_many_leases",
            Self::PeriodEnds => "period_ends",
        }
    }
}

/// A lease that its holder no longer uses. It may be sent as often as one likes; the first to arrive counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Return {
    /// The lease.
    pub id: u64,
    /// How many of its units were used.
    pub used: u32,
}

/// What a return did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// The lease is settled.
    Now {
        /// Units charged at this instant: at most as many as were granted.
        used: u32,
        /// Units that are free again.
        freed: u32,
    },
    /// It had been settled before, by an earlier return or because it expired. Nothing changed.
    Before,
    /// No such lease was ever granted. Nothing changed.
    Unknown,
}
