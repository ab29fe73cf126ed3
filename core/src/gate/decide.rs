//! The decision: every dimension at once, each with its own cost, all charged or none.

use super::Dimension;
use crate::{
    config::AccountStatus,
    limiter::{Decision, Window},
    time::UnixMillis,
};

/// What a request costs in one dimension. Two charges cannot be of the same dimension: each holds it alone.
#[derive(Debug)]
pub struct Charge<'a> {
    /// The dimension.
    pub dimension: &'a mut Dimension,
    /// Units; 0 passes always.
    pub cost: u32,
}

/// What a request would cost in one dimension. An iterator of them must not name a dimension twice.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The dimension.
    pub dimension: &'a Dimension,
    /// Units; 0 passes always.
    pub cost: u32,
    /// Units on their way that will be counted when they are answered. They take room, whatever becomes of them.
    pub held: u32,
}

/// What all dimensions say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may go.
    Allow,
    /// Later will do.
    Defer {
        /// The first instant at which every dimension admits it if nothing else happens.
        retry_at: UnixMillis,
        /// Which window forbids it until then.
        binding: Binding,
    },
    /// The held units fill a window: ask again when one of them is answered.
    Occupied {
        /// Which window.
        binding: Binding,
    },
    /// No waiting helps.
    Reject(Reason),
}

/// Why no waiting helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The account may not send for now.
    Suspended,
    /// The account may not send any more.
    Closed,
    /// It costs more than this window ever admits at once.
    NeverFits(Binding),
}

/// A window among those of all dimensions asked, both counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The place of the dimension in the question.
    pub dimension: usize,
    /// The place of the window in its limiter.
    pub window: usize,
}

impl<'a> Ask<'a> {
    /// A question about units when none are on their way.
    #[must_use]
    pub const fn new(dimension: &'a Dimension, cost: u32) -> Self {
        Self { dimension, cost, held: 0 }
    }

    /// The first window that never admits the cost at once.
    pub(super) fn never(&self) -> Option<usize> {
        self.dimension.limiter().windows().iter().position(|window| self.cost > window.limit())
    }
}

impl Reason {
    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suspended => "account_suspended",
            Self::Closed => "account_closed",
            Self::NeverFits(_) => "never_fits",
        }
    }
}

impl Binding {
    /// The dimension and the window it names in the question it answers.
    #[must_use]
    pub fn of<'a>(self, mut asked: impl Iterator<Item = Ask<'a>>) -> Option<(&'a Dimension, &'a Window)> {
        let dimension = asked.nth(self.dimension)?.dimension;
        Some((dimension, dimension.limiter().windows().get(self.window)?))
    }
}

/// Decides for all dimensions together, and charges each its cost or none anything.
///
/// A denial changes no byte of any state, unless the clock was set back so far that a state follows it
/// ([`Dimension::rebase`]). Each dimension judges and counts by its own clock: where `now` is a little before its newest
/// charge, at that charge's instant.
///
/// # Example: does a denial by one dimension cost anything in another?
/// ```
/// use sendgate_core::{
///     config::AccountStatus,
///     gate::{Binding, Charge, Dimension, Scope, Unit, Verdict, decide},
///     limiter::Window,
///     time::UnixMillis,
/// };
///
/// let window = |limit, period_ms| vec![Window::Sliding { name: "window".into(), limit, period_ms }];
/// let mut plan = Dimension::new(Scope::Plan, "shop", Unit::Requests, window(1_000, 3_600_000)).unwrap();
/// let mut gmail = Dimension::new(Scope::DomainGroup, "gmail", Unit::Recipients, window(120, 60_000)).unwrap();
/// let now = UnixMillis::new(1_800_000_000_000);
/// let mut send = |recipients, now| {
///     let mut charges =
///         [Charge { dimension: &mut plan, cost: 1 }, Charge { dimension: &mut gmail, cost: recipients }];
///     decide(AccountStatus::Active, &mut charges, now)
/// };
/// assert_eq!(send(120, now), Verdict::Allow);
/// let Verdict::Defer { retry_at, binding } = send(1, now) else { panic!() };
/// assert_eq!(binding, Binding { dimension: 1, window: 0 });
/// assert_eq!(send(1, retry_at), Verdict::Allow);
/// assert_eq!(plan.limiter().usage(plan.state(), now)[0].used, 2);
/// ```
pub fn decide(status: AccountStatus, charges: &mut [Charge<'_>], now: UnixMillis) -> Verdict {
    for charge in &mut *charges {
        charge.dimension.rebase(now);
    }
    let asked = charges.iter().map(|charge| Ask::new(&*charge.dimension, charge.cost));
    let verdict = peek(status, asked, now);
    if matches!(verdict, Verdict::Allow) {
        for charge in charges {
            charge.dimension.charge(charge.cost, now);
        }
    }
    verdict
}

/// What [`decide`] would say; charges nothing, and allocates nothing unless a clock was set back.
///
/// Who asks again and again and never decides must let the dimensions follow such a clock first: their units are dated
/// anew by every look, and `retry_at` with them.
///
/// What can never pass outdoes everything, then what waits for an answer, then the latest `retry_at`; of equals the
/// first one asked is named.
pub fn peek<'a>(status: AccountStatus, asked: impl IntoIterator<Item = Ask<'a>>, now: UnixMillis) -> Verdict {
    match status {
        AccountStatus::Active => {}
        AccountStatus::Suspended => return Verdict::Reject(Reason::Suspended),
        AccountStatus::Closed => return Verdict::Reject(Reason::Closed),
    }
    let mut verdict = Verdict::Allow;
    for (dimension, ask) in asked.into_iter().enumerate() {
        if ask.cost == 0 {
            continue;
        }
        let units = ask.held.saturating_add(ask.cost);
        verdict = match (ask.dimension.limiter().peek(ask.dimension.state(), units, now), verdict) {
            (Decision::Reject { window }, said) => match (ask.never(), said) {
                (Some(window), _) => return Verdict::Reject(Reason::NeverFits(Binding { dimension, window })),
                (None, Verdict::Occupied { .. }) => said,
                (None, Verdict::Allow | Verdict::Defer { .. } | Verdict::Reject(_)) => {
                    Verdict::Occupied { binding: Binding { dimension, window } }
                }
            },
            (Decision::Defer { retry_at, window }, Verdict::Allow) => {
                Verdict::Defer { retry_at, binding: Binding { dimension, window } }
            }
            (Decision::Defer { retry_at, window }, Verdict::Defer { retry_at: latest, .. }) if retry_at > latest => {
                Verdict::Defer { retry_at, binding: Binding { dimension, window } }
            }
            (Decision::Allow { .. } | Decision::Defer { .. }, said) => said,
        };
    }
    verdict
}
